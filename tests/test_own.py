"""The sandbox with the checker's own interpreter: what it runs, what it finds, what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import h5py
import pytest

from checker import interpreters, own
from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.sandbox import Isolation, Limits, Sandbox, landlock
from checker.sandbox.channel import Receiver
from tests import program

LIMITS = Limits(seconds=30, memory=2 * 10**9, processes=20, printed=10**6, scratch=10**6)


def test_it_is_the_interpreter_that_runs_the_checker() -> None:
    described, asked = own.interpreter(), interpreters.ask(sys.executable)
    assert (described.executable, described.python) == (asked.executable, asked.python)
    assert described.versions == asked.versions
    assert set(asked.folders) <= set(described.folders)


def test_a_probe_reads_a_file_with_the_checkers_own_h5py(tmp_path: Path) -> None:
    model = tmp_path / "model.h5"
    with h5py.File(str(model), "w") as stream:
        stream.attrs["keras_version"] = "2.6.0"
    receiver = Receiver(0)
    box = own.sandbox(tmp_path)
    run = box.run("inspection", own.settings({"model": "m.h5"}), {"m.h5": model}, LIMITS, receiver)
    assert run.ending == "finished", run
    fact: Dict[str, Any] = receiver.last("hdf5") or {}
    assert (fact["readable"], fact["keras_version"]) == (True, "2.6.0")
    assert receiver.last("probe_error") is None


def test_it_finds_packages_that_lie_where_isolated_python_does_not_look(tmp_path: Path) -> None:
    """As after ``pip install --user``: the interpreter itself has none, the checker found them elsewhere."""
    with h5py.File(str(tmp_path / "m.h5"), "w") as stream:
        stream.attrs["keras_version"] = "2.6.0"
    code = """
import sys
sys.path += sys.argv[1:3]
from pathlib import Path
from checker import own
from checker.sandbox import Limits
from checker.sandbox.channel import Receiver
here, receiver = Path(sys.argv[3]), Receiver(0)
limits = Limits(seconds=30, memory=2 * 10**9, processes=20, printed=10**6, scratch=10**6)
own.sandbox(here).run("inspection", own.settings({"model": "m"}), {"m": here / "m.h5"}, limits, receiver)
print(receiver.last("hdf5") or receiver.facts)
"""
    site = os.path.dirname(os.path.dirname(h5py.__file__))
    python = program.bare_python(tmp_path / "venv")
    words = [str(python), "-c", code, str(program.ROOT), site, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "'keras_version': '2.6.0'" in done.stdout, done.stdout + done.stderr


def test_without_h5py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "PACKAGES", ("numpy", "no_such_package_as_this"))
    with pytest.raises(ToolError, match="pip install no_such_package_as_this"):
        own.interpreter()


def test_a_lower_level_than_the_submissions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = Sandbox(own.interpreter(), tmp_path, "limits")
    assert own.sandbox(tmp_path, like).isolation.level == "limits"
    monkeypatch.setattr(landlock, "version", lambda: 0)
    like.isolation = Isolation("landlock")
    with pytest.raises(ToolError, match="does not run isolated"):
        own.sandbox(tmp_path, like)


def test_describing_it_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", None)
    monkeypatch.setattr("subprocess.Popen", None)
    assert isinstance(own.interpreter(), Interpreter)
