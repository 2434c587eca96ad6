"""pycodestyle is compiled once, and what lies there is taken only where it is of this very source."""

from __future__ import annotations

import marshal
import os
import shutil
from importlib import util
from pathlib import Path

import pytest

from checker import compiled, editions
from checker.probes import style

NAME = "pycodestyle-2.11.1-py2.py3-none-any.whl"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy whose folder is a test's own."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    return Path(shutil.copy(str(editions.VENDOR / NAME), str(tmp_path / NAME)))


def kept(wheel: Path) -> Path:
    return Path(util.cache_from_source(str(wheel)))


def test_it_is_compiled_once_and_taken(wheel: Path) -> None:
    compiled.keep(wheel)
    data = kept(wheel).read_bytes()
    # What is taken shows by what it is: other code behind the same header.
    kept(wheel).write_bytes(data[:16] + marshal.dumps(compile("__version__ = 'kept'", "x", "exec")))
    compiled.keep(wheel)
    assert style.load(str(wheel)).__version__ == "kept"
    kept(wheel).write_bytes(data)
    assert style.load(str(wheel)).__version__ == "2.11.1"


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:20], lambda data: b"", lambda data: data[:8] + bytes(9) + data[17:]]
)
def test_what_is_of_another_source_or_cut_off_is_passed_over(wheel: Path, spoil: object) -> None:
    compiled.keep(wheel)
    kept(wheel).write_bytes(spoil(kept(wheel).read_bytes()))  # type: ignore[operator]
    assert style.load(str(wheel)).__version__ == "2.11.1"


def test_where_nothing_can_be_kept_or_is_to_be_it_is_done_without(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    compiled.keep(wheel)
    assert not kept(wheel).parent.exists()
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    kept(wheel).parent.write_text("a file where the folder would be")
    compiled.keep(wheel)
    assert style.load(str(wheel)).__version__ == "2.11.1"


def test_everybody_may_read_it(wheel: Path) -> None:
    compiled.keep(wheel)
    assert os.stat(str(kept(wheel))).st_mode & 0o444 == 0o444 & ~_mask()


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
