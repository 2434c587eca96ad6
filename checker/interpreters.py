"""The interpreter that a submission runs in: found, asked for its versions, never guessed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from checker.errors import CheckerError, UsageError
from checker.typed import FieldError, structure

PROBE = Path(__file__).parent / "probes" / "interpreter.py"


@dataclass(frozen=True)
class Interpreter:
    """A Python and what is installed in it; a version is "" where the package is not there."""

    executable: str
    python: str
    folders: Tuple[str, ...]
    isolated_site: bool
    versions: Dict[str, str]

    @property
    def has_tensorflow(self) -> bool:
        """Whether TensorFlow is installed."""
        return bool(self.versions.get("tensorflow"))


@dataclass(frozen=True)
class Choice:
    """The interpreter chosen, and who named it: "--python", "CHECKER_PYTHON" and so on."""

    interpreter: Interpreter
    named_by: str


def choose(named: Optional[str], environment: Mapping[str, str]) -> Choice:
    """Take ``--python``, else ``CHECKER_PYTHON``, the active virtual environment, or our own.

    Raises UsageError where the one that was named cannot be used.
    """
    if named:
        return Choice(_named(named, "--python"), "--python")
    if environment.get("CHECKER_PYTHON"):
        return Choice(_named(environment["CHECKER_PYTHON"], "CHECKER_PYTHON"), "CHECKER_PYTHON")
    active = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX")
    if active:
        candidate = Path(active) / "bin" / "python"
        try:
            if candidate.exists():
                return Choice(ask(str(candidate)), "the active virtual environment")
        except CheckerError:
            pass  # a broken environment is passed over, as when none is active
    return Choice(ask(sys.executable), "the checker's own")


def ask(executable: str) -> Interpreter:
    """Run an interpreter, isolated and outside the submission, for what it is.

    Raises CheckerError where it cannot say.
    """
    try:
        answer = subprocess.run(
            [executable, "-I", "-B", str(PROBE)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            cwd="/",
            check=True,
        ).stdout
        return structure(Interpreter, json.loads(answer))
    except (OSError, subprocess.SubprocessError, ValueError, FieldError) as error:
        raise CheckerError("{} does not run as Python 3.8 or later".format(executable)) from error


def _named(name: str, by: str) -> Interpreter:
    found = name if os.sep in name else shutil.which(name)
    try:
        if not found:
            raise CheckerError("it is not on PATH")
        return ask(os.path.abspath(found))
    except CheckerError as error:
        raise UsageError(
            "{} names {!r}: expected a Python 3.8 or later that runs; {}.".format(by, name, error)
        ) from error
