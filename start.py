#!/usr/bin/env python3
"""From a fresh clone to a verdict, or to passed tests, with one command each.

    python3 start.py check     sets up what is needed and grades the passing fixture
    python3 start.py test      sets up what is needed and runs the tests: all of them in the first environment
                               below that can be had, some of TensorFlow also in the newest

Needs Python 3.8 or later and its venv module, no root. The submission's interpreter is Python 3.8 with
TensorFlow 2.6 where that Python is found (on PATH, with pyenv, uv or conda), else 3.9 to 3.11 with
TensorFlow 2.15, else the newest. Everything goes to .venv, .tox and .cache in this folder;
``tox.ini`` says what.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List

from checker import finder

HERE = Path(__file__).resolve().parent
TOX = HERE / ".venv" / "bin" / "tox"
# Version of Python, tox environment, and the edition whose TensorFlow it has; the best come first.
ENVIRONMENTS = (
    ("3.8", "py38-tf26", "cifar10-transfer-2022"),
    ("3.9", "py39-tf215", "cifar10-transfer-2024"),
    ("3.11", "py311-tf215", "fixtures/editions/2024-python-3.11.toml"),
    ("3.10", "py310-tf215", "cifar10-transfer-2024"),
    ("3.12", "py312-tfnew", "fixtures/editions/newest.toml"),
    ("3.13", "py313-tfnew", "fixtures/editions/newest-python-3.13.toml"),
)


@dataclass(frozen=True)
class Environment:
    """An interpreter that is here, the tox environment for it, and the edition to check against."""

    python: str
    name: str
    assignment: str


def environments() -> List[Environment]:
    """All environments whose Python is here, the best first."""
    found = [
        Environment(every[0].executable, name, assignment)
        for every, name, assignment in (
            (finder.find(version, os.environ), name, assignment) for version, name, assignment in ENVIRONMENTS
        )
        if every
    ]
    if found:
        return found
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


def test(arguments: List[str]) -> int:
    """Run all tests in the best environment, those marked "each" also in the newest, and the style."""
    every = environments()
    discover = ["--discover", *(one.python for one in every)]
    codes = [run([str(TOX), "run", *discover, "-e", every[0].name + ",style", *arguments])]
    newest = next((one for one in every if one.name.endswith("-tfnew")), every[0])
    if newest != every[0] and not arguments:
        some = ["--", "-m", "each"]
        codes.append(run([str(TOX), "run", *discover, "-e", newest.name, *some]))
    return max(codes)


def check(arguments: List[str]) -> int:
    """Grade the passing fixture, a real submission, in the best environment."""
    best = environments()[0]
    print("Setting up Python and TensorFlow ({}) in .tox".format(best.name), flush=True)
    if run([str(TOX), "run", "--discover", best.python, "-q", "-e", best.name, "--notest"]):
        return 3
    own = str(HERE / ".tox" / best.name / "bin" / "python")
    print("Making the passing fixture: a real submission", flush=True)
    if run([own, "-m", "fixtures", "passing"]):
        return 3
    folder = HERE / ".cache" / "fixtures" / "made" / "passing"
    edition = ["--assignment", best.assignment, "--images", "embedded"]
    return run([own, "-m", "checker", "check", str(folder), *edition, *arguments])


def main(arguments: List[str]) -> int:
    """Do one of the two."""
    if arguments[:1] not in (["check"], ["test"]):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    prepare_tox()
    return test(arguments[1:]) if arguments[0] == "test" else check(arguments[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
