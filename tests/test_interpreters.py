"""An interpreter is asked what it is, and not waited for without end."""

from __future__ import annotations

import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from checker import interpreters
from checker.errors import CheckerError
from checker.probes import interpreter as probe


def test_it_says_what_it_is() -> None:
    found = interpreters.ask(sys.executable)
    assert found.python == "{}.{}.{}".format(*sys.version_info[:3])
    assert found.versions["h5py"]


def test_versions_are_those_that_pip_recorded() -> None:
    recorded = {
        found.metadata["Name"].lower().replace("_", "-"): found.version for found in metadata.distributions()
    }
    found = interpreters.ask(sys.executable).versions
    for name, names in probe.NAMES.items():
        assert found[name] == next((recorded[one] for one in names if one in recorded), ""), name


@pytest.mark.parametrize(
    "place", ["numpy-1.24.2.dist-info/METADATA", "NumPy-1.24.2.egg-info/PKG-INFO", "numpy-1.24.2.egg-info"]
)
def test_a_version_is_read_wherever_an_installer_leaves_it(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("first", "1.24.2"), ("second", "2.0")):
        path = tmp_path / folder / place
        path.parent.mkdir(parents=True)
        path.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: {}\n\nVersion: none\n".format(version))
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "none"), str(tmp_path / "first"), str(tmp_path / "second")]
    )
    assert probe.version(("numpy-nightly", "numpy"), probe.installed()) == "1.24.2"
    assert probe.version(("h5py",), probe.installed()) == ""


def test_one_that_does_not_answer_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late"
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n(sleep 3; echo here > {}) &\nsleep 60\n".format(late))
    program.chmod(0o755)
    monkeypatch.setattr(interpreters, "_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(CheckerError, match="no answer within 1 seconds"):
        interpreters.ask(str(program))
    assert time.monotonic() - began < 30
    time.sleep(3.5)
    assert not late.exists()


def _counting(folder: Path) -> Path:
    """An interpreter that notes in a file each time it is started and each time it comes to its end."""
    program = folder / "python"
    program.write_text(
        '#!/bin/sh\necho began >> {0}\nsleep 0.5\n{1} "$@"\necho ended >> {0}\n'.format(
            folder / "noted", sys.executable
        )
    )
    program.chmod(0o755)
    return program


def test_one_that_was_asked_ahead_is_not_asked_again(tmp_path: Path) -> None:
    program = str(_counting(tmp_path))
    with interpreters.ahead(program) as ask:
        found = ask(program)
        assert ask(sys.executable) == found == interpreters.ask(sys.executable)
    assert (tmp_path / "noted").read_text() == "began\nended\n"


def test_one_that_is_not_wanted_after_all_is_ended(tmp_path: Path) -> None:
    program = _counting(tmp_path)
    with interpreters.ahead(str(program)):
        pass
    time.sleep(1.5)
    noted = tmp_path / "noted"
    assert not noted.exists() or noted.read_text() == "began\n"


def test_one_that_cannot_be_asked_ahead_is_refused_when_it_is_asked() -> None:
    with interpreters.ahead("/nowhere/python") as ask:
        with pytest.raises(CheckerError, match="/nowhere/python does not run"):
            ask("/nowhere/python")
        assert ask(sys.executable).executable == sys.executable


def test_one_that_ends_badly_is_said_to() -> None:
    with pytest.raises(CheckerError, match="it ended with exit status 1"):
        interpreters.ask("/bin/false")
    with pytest.raises(CheckerError, match="it answers something else"):
        interpreters.ask("/bin/true")
