"""Other graders, as pip installs them, each with static checks of its own on a file as long as ours.

check50 reads the file; otter runs it, in a kernel, and looks at what it defines. The file imports a module of
the standard library in place of TensorFlow, whose time would be counted against otter.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple

from checker import reference
from checker.errors import CheckerError

# otter runs what it grades in a kernel, which it does not bring along.
PACKAGES: Dict[str, Tuple[str, ...]] = {"check50": ("check50",), "otter": ("otter-grader", "ipykernel")}
_FILE = "0-transfer.py"
_CHECK50 = '''\
"""Static checks: the file, its first and last line, docstrings, imports."""
import ast

import check50
import check50.py

FILE = "0-transfer.py"


@check50.check()
def exists():
    """0-transfer.py is there"""
    check50.exists(FILE)


@check50.check(exists)
def compiles():
    """0-transfer.py compiles"""
    check50.py.compile(FILE)


@check50.check(exists)
def lines():
    """the first line is the shebang, the last one ends"""
    text = open(FILE).read()
    if not text.startswith("#!/usr/bin/env python3\\n") or not text.endswith("\\n"):
        raise check50.Failure("shebang or final newline")


@check50.check(compiles)
def documented():
    """everything is documented"""
    for node in ast.walk(ast.parse(open(FILE).read())):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and not ast.get_docstring(node):
            raise check50.Failure("no docstring")


@check50.check(compiles)
def imports():
    """one import"""
    nodes = [node for node in ast.walk(ast.parse(open(FILE).read())) if isinstance(node, ast.Import)]
    if len(nodes) != 1:
        raise check50.Failure("{} imports".format(len(nodes)))
'''
_OTTER = """\
from otter.test_files import test_case

OK_FORMAT = False

name = "documented"
points = 1


@test_case()
def test_documented(preprocess_data, build_model, main):
    for function in (preprocess_data, build_model, main):
        assert function.__doc__
"""


@dataclass(frozen=True)
class Peer:
    """A grader that is installed: the command that grades, where it runs, the version."""

    command: Tuple[str, ...]
    folder: Path
    version: str


def installed(name: str, python: Optional[str], work: Path) -> Peer:
    """Install a grader into an environment of its own under ``work``. Raises CheckerError where that fails.

    ``python``: a newer one, of which the environment is made; None: there is none.
    """
    if python is None:
        raise CheckerError("no Python of 3.10 or later was given: --peers-python names one")
    place = work / "peers" / name
    binaries = place / "environment" / "bin"
    if not (place / "installed").exists():
        shutil.rmtree(str(place), ignore_errors=True)
        place.mkdir(parents=True)
        _run([python, "-m", "venv", str(place / "environment")], place)
        _run([str(binaries / "python"), "-m", "pip", "install", "-q", *PACKAGES[name]], place)
        (place / "installed").touch()
    shown = _run([str(binaries / "python"), "-m", "pip", "show", PACKAGES[name][0]], place)
    version = next(line.split(": ")[1] for line in shown.splitlines() if line.startswith("Version: "))
    return Peer(_laid_out(name, place, binaries), place / "submission", version)


def _laid_out(name: str, place: Path, binaries: Path) -> Tuple[str, ...]:
    """Write what it grades and its checks; returns the command."""
    (place / "submission").mkdir(exist_ok=True)
    (place / "submission" / _FILE).write_text(_script())
    checks = place / "checks"
    checks.mkdir(exist_ok=True)
    if name == "check50":
        (checks / "__init__.py").write_text(_CHECK50)
        (checks / ".cs50.yaml").write_text("check50:\n  files:\n    - !require {}\n".format(_FILE))
        return (str(binaries / "check50"), "--dev", "--log-level", "error", str(checks))
    (checks / "documented.py").write_text(_OTTER)
    return (str(binaries / "otter"), "check", _FILE, "--tests-path", str(checks))


def _script() -> str:
    """The reference solution's script, line for line, with no use of TensorFlow when it is run."""
    lines = (reference.FOLDER / _FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    plain = {"import tensorflow.keras as K": "import json as K"}
    for name in ("APPLICATION", "PREPROCESS"):
        (line,) = [line.rstrip("\n") for line in lines if line.startswith(name + " = ")]
        plain[line] = name + " = None"
    return "".join(plain.get(line.rstrip("\n"), line.rstrip("\n")) + "\n" for line in lines)


def _run(command: Sequence[str], place: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (place / "log").write_text(done.stdout + done.stderr)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckerError("{}: {}".format(" ".join(command[1:]), last[:200]))
    return done.stdout
