#!/usr/bin/env python3
"""From a fresh clone to a verdict, or to passed tests, with one command each.

    python3 start.py check     sets up what is needed and grades the passing fixture
    python3 start.py test      sets up what is needed and runs the tests

Needs Python 3.8 or later and its venv module, no root. The submission's interpreter is Python 3.8 with
TensorFlow 2.6 where that Python is found (on PATH, with pyenv, uv or conda), else 3.9 to 3.11 with
TensorFlow 2.15, else the newest. Everything goes to .venv, .tox and .cache in this folder;
``tox.ini`` says what.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from checker import finder

HERE = Path(__file__).resolve().parent
TOX = HERE / ".venv" / "bin" / "tox"
ENVIRONMENTS = (
    ("3.8", "py38-tf26"),
    ("3.9", "py39-tf215"),
    ("3.11", "py311-tf215"),
    ("3.10", "py310-tf215"),
    ("3.12", "py312-tfnew"),
    ("3.13", "py313-tfnew"),
)


def found(version: str) -> Optional[str]:
    """The best interpreter of this version, or None."""
    every = finder.find(version, os.environ)
    return every[0].executable if every else None


def interpreter() -> Tuple[str, str]:
    """The interpreter for the submission, and the tox environment for it."""
    for version, environment in ENVIRONMENTS:
        python = found(version)
        if python:
            return python, environment
    sys.exit(
        "start.py: no Python 3.8 to 3.13 was found on PATH, with pyenv, uv or conda; TensorFlow needs one."
        "\nGet one without root:  uv python install 3.8   or   pyenv install 3.8"
    )


def run(command: List[str]) -> int:
    """Run a command in this folder; returns its exit code."""
    return subprocess.run(command, cwd=str(HERE), check=False).returncode


def prepare_tox() -> None:
    """Install tox beside the project, once."""
    if TOX.exists():
        return
    print("Setting up tox in .venv", flush=True)
    if run([sys.executable, "-m", "venv", "--clear", str(HERE / ".venv")]):
        sys.exit(
            "start.py: this Python cannot make a virtual environment; on Debian and Ubuntu its venv module is"
            " a package of its own:  apt install python3-venv"
        )
    pip = [str(HERE / ".venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "tox>=4"]
    if run(pip):
        sys.exit("start.py: tox could not be installed; see the message above.")


def main(arguments: List[str]) -> int:
    """Do one of the two."""
    if arguments[:1] not in (["check"], ["test"]):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    python, environment = interpreter()
    prepare_tox()
    tox = [str(TOX), "run", "--discover", python]
    if arguments[0] == "test":
        return run([*tox, "-e", environment + ",style", *arguments[1:]])
    print("Setting up Python and TensorFlow ({}) in .tox".format(environment), flush=True)
    if run([*tox, "-q", "-e", environment, "--notest"]):
        return 3
    own = str(HERE / ".tox" / environment / "bin" / "python")
    print("Making the passing fixture: a real submission", flush=True)
    if run([own, "-m", "fixtures", "passing"]):
        return 3
    folder = HERE / ".cache" / "fixtures" / "made" / "passing"
    return run([own, "-m", "checker", "check", str(folder), *arguments[1:]])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
