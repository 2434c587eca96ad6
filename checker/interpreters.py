"""An interpreter, asked for what it is and what is installed in it: never guessed."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from checker.errors import CheckerError
from checker.interrupts import undisturbed
from checker.typed import FieldError, structure

PROBE = Path(__file__).parent / "probes" / "interpreter.py"
_SECONDS = 30


@dataclass(frozen=True)
class Interpreter:
    """A Python and what is installed in it; a version is "" where the package is not there."""

    executable: str
    python: str
    folders: Tuple[str, ...]
    versions: Dict[str, str]

    @property
    def has_tensorflow(self) -> bool:
        """Whether TensorFlow is installed."""
        return bool(self.versions.get("tensorflow"))


def ask(executable: str) -> Interpreter:
    """Run an interpreter, isolated and outside the submission, for what it is.

    Raises CheckerError where it cannot say.
    """
    try:
        return structure(Interpreter, json.loads(_answer([executable, "-I", "-B", str(PROBE)])))
    except (OSError, subprocess.SubprocessError, ValueError, FieldError) as error:
        raise CheckerError(
            "{} does not run as Python 3.8 or later ({})".format(executable, _why(error))
        ) from error


def _answer(command: List[str]) -> bytes:
    """What a command prints, at most 1 MB of it; nothing that it started is left running."""
    with tempfile.TemporaryFile() as output:
        with contextlib.ExitStack() as stack:
            with undisturbed():
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    # A group of its own: what is named may be a shell script that starts Python.
                    start_new_session=True,
                    preexec_fn=_bound_output,
                )
                stack.callback(_end_group, process)
            status = _wait(process)
        if status:
            raise subprocess.CalledProcessError(status, command)
        output.seek(0)
        return output.read()


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit status, as soon as it is there: subprocess looks for it at intervals where there is a timeout.

    Raises subprocess.TimeoutExpired.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        status = process.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise subprocess.TimeoutExpired(process.args, _SECONDS)
    return status


def _end_group(process: subprocess.Popen[bytes]) -> None:
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _bound_output() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return "no answer within {} seconds".format(_SECONDS)
    if isinstance(error, subprocess.CalledProcessError):
        return "it ended with exit status {}".format(error.returncode)
    if isinstance(error, OSError):
        return str(error.strerror).lower()
    return "it answers something else"
