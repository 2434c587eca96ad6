#!/usr/bin/env python3
"""From a fresh clone to a verdict, or to passed tests, with one command each.

    python3 start.py check     sets up what is needed and grades the passing fixture
    python3 start.py test      sets up what is needed and runs the tests

Needs Python 3.8 or later and its venv module, no root. The submission's interpreter is Python 3.8 with
TensorFlow 2.6 where that Python is found (on PATH, with pyenv or uv), else 3.9 to 3.11 with
TensorFlow 2.15, else the newest. Everything goes to .venv, .tox and .cache in this folder;
``tox.ini`` says what.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

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


def candidates(version: str) -> Iterator[str]:
    """Places where an interpreter of this version may be: PATH, pyenv, uv."""
    on_path = shutil.which("python" + version)
    if on_path:
        yield on_path
    root = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
    yield from (str(path) for path in sorted(root.glob("versions/{}.*/bin/python".format(version))))
    if shutil.which("uv"):
        known = output(["uv", "python", "find", version])
        if known:
            yield known


def output(command: List[str]) -> Optional[str]:
    """What a command prints, or None where it fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def found(version: str) -> Optional[str]:
    """The first interpreter of this version that runs and can make environments; a shim need not."""
    for python in candidates(version):
        says = output([python, "-I", "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"])
        if says == version:
            return python
    return None


def interpreter() -> Tuple[str, str]:
    """The interpreter for the submission, and the tox environment for it."""
    for version, environment in ENVIRONMENTS:
        python = found(version)
        if python:
            return python, environment
    sys.exit(
        "start.py: no Python 3.8 to 3.13 was found on PATH, with pyenv or with uv; TensorFlow needs one."
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
