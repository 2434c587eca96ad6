"""Environments that ``checker env create`` made: an edition's Python packages, in the user's cache.

A virtual environment cannot be moved, so it is built where it stays, and a marker is written last: a
folder without its marker is no environment, and is built anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

import platformdirs

from checker import finder, interpreters
from checker.editions import Edition
from checker.errors import CheckerError
from checker.interpreters import Interpreter
from checker.interrupts import undisturbed

_MARKER = "made-by-checker.json"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A folder of ours; ``python`` is its interpreter, "" where it was not finished."""

    name: str
    folder: Path
    python: str


def python(edition: Edition) -> Optional[str]:
    """Return the interpreter of the edition's environment, or None where none is whole."""
    folder = place(edition)
    found = _interpreter(folder)
    return found if found and _noted(folder) == list(edition.environment.requirements) else None


def pythons() -> List[str]:
    """Return the interpreters of all environments that are whole."""
    return [one.python for one in every() if one.python]


def every() -> List[Made]:
    """Return what there is, by name."""
    try:
        folders = sorted(path for path in _root().iterdir() if path.is_dir())
    except OSError:
        return []
    return [Made(path.name, path, _interpreter(path)) for path in folders]


def place(edition: Edition) -> Path:
    """Return the folder of the edition's environment, whether it is there or not."""
    name = edition.name
    if not _SAFE.fullmatch(name):
        name = "edition-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
    return _root() / name


def remove(folder: Path) -> None:
    """Remove an environment. Raises CheckerError."""
    try:
        with _alone(folder):
            _clear(folder)
    except OSError as error:
        raise CheckerError("{} cannot be removed: {}.".format(folder, error.strerror)) from error


def make(edition: Edition, base: Interpreter, environment: Mapping[str, str], say: Say) -> str:
    """Make the edition's environment anew with uv, else with venv and pip; returns its interpreter.

    What these print goes where our own output goes. Raises CheckerError, and leaves nothing then.
    """
    folder = place(edition)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder), _whole_or_nothing(folder), _scratch() as scratch:
            _clear(folder)
            for words, command in _steps(edition, base, environment, folder):
                say(words)
                _run(command, folder.parent, {**environment, "TMPDIR": scratch})
            made = interpreters.ask(str(folder / "bin" / "python"))
            if not made.has_tensorflow:
                raise CheckerError("what was installed has no TensorFlow.")
            marker = {"assignment": edition.name, "requirements": list(edition.environment.requirements)}
            (folder / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
            return made.executable
    except OSError as error:
        raise CheckerError(
            "the environment cannot be made in {}: {}.".format(folder, error.strerror)
        ) from error


def base(version: str, environment: Mapping[str, str]) -> Optional[Interpreter]:
    """Return the newest Python of a version that can make an environment, or None; never one of ours."""
    own = str(_root()) + os.sep
    found = finder.find(version, environment, [sys.executable])
    found = [one for one in found if not one.executable.startswith(own)]
    found.sort(key=_as_base, reverse=True)
    if _uv(environment):
        return found[0] if found else None
    return next((one for one in found if _makes_environments(one)), None)


def _root() -> Path:
    return Path(platformdirs.user_cache_dir("transfer-checker", appauthor=False)) / "environments"


def _interpreter(folder: Path) -> str:
    path = folder / "bin" / "python"
    return str(path) if _noted(folder) is not None and path.exists() else ""


def _noted(folder: Path) -> Optional[List[str]]:
    """The requirements that the marker names; None where there is none that can be read."""
    try:
        found = json.loads((folder / _MARKER).read_text(encoding="utf-8"))["requirements"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, list) else None


def _clear(folder: Path) -> None:
    """Remove the folder, the marker first: what is left of an interrupted removal is no environment."""
    with contextlib.suppress(FileNotFoundError):
        (folder / _MARKER).unlink()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(str(folder))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that make or remove the same environment do not meet."""
    with open(str(folder) + ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckerError(
                "{} is being made by another `checker env` just now; wait for its end.".format(folder.name)
            ) from error
        yield


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """For what is downloaded: an installer that is ended leaves it, and Python 3.8's venv always does."""
    return tempfile.TemporaryDirectory(prefix="checker-")


@contextlib.contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with undisturbed(), contextlib.suppress(OSError):
            _clear(folder)
        raise


def _steps(
    edition: Edition, base: Interpreter, environment: Mapping[str, str], folder: Path
) -> Iterator[Tuple[str, List[str]]]:
    """What to say and the command to run, one after the other."""
    wanted = [_for_this_machine(item) for item in edition.environment.requirements]
    own, uv = str(folder / "bin" / "python"), _uv(environment)
    installing = "Installing {}".format(", ".join(wanted))
    making = "Making {} with Python {} ({})".format(folder, base.python, base.executable)
    if uv:
        yield making, [uv, "venv", "--quiet", "--no-project", "--python", base.executable, str(folder)]
        yield installing, [uv, "pip", "install", "--python", own, *wanted]
    else:
        yield making, [base.executable, "-I", "-m", "venv", str(folder)]
        yield installing, [own, "-I", "-m", "pip", "--disable-pip-version-check", "install", *wanted]


def _for_this_machine(requirement: str) -> str:
    """Without what only a graphics card needs: it is as long to download again, and checks use none."""
    if sys.platform.startswith("linux") and platform.machine() == "x86_64":
        return re.sub(r"^tensorflow(?=[<>=!~]|$)", "tensorflow-cpu", requirement)
    return requirement


def _uv(environment: Mapping[str, str]) -> Optional[str]:
    found = finder.programs("uv", environment)
    return found[0] if found else None


def _as_base(one: Interpreter) -> Tuple[bool, List[int]]:
    """Rather a Python itself than a virtual environment, which somebody may remove."""
    virtual = (Path(one.executable).parent.parent / "pyvenv.cfg").exists()
    return not virtual, [int(part) for part in one.python.split(".")]


def _makes_environments(one: Interpreter) -> bool:
    """Debian and Ubuntu have these two in a package of its own."""
    done = subprocess.run(
        [one.executable, "-I", "-c", "import ensurepip, venv"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _run(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
    """Run one step to its end; nothing that it started is left. Raises CheckerError where it fails."""
    with contextlib.ExitStack() as stack:
        with undisturbed():
            # In a session of its own Ctrl-C reaches us alone, and we end all of it.
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                cwd=str(cwd),
                env=dict(environment),
                start_new_session=True,
            )
            stack.callback(_end, process)
        status = process.wait()
    if status:
        raise CheckerError(
            "{} failed; its own words are above. Nothing is left of the environment.".format(
                "uv" if os.path.basename(command[0]) == "uv" else "venv" if "venv" in command else "pip"
            )
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
