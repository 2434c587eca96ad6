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
from typing import IO, Callable, Dict, Iterator, Tuple

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


Ask = Callable[[str], Interpreter]


def ask(executable: str) -> Interpreter:
    """Run an interpreter, isolated and outside the submission, for what it is.

    Raises CheckerError where it cannot say.
    """
    with contextlib.ExitStack() as stack:
        return _told(executable, lambda: stack.enter_context(_begun(executable)))


@contextlib.contextmanager
def ahead(executable: str) -> Iterator[Ask]:
    """Begin to ask an interpreter that will be wanted; what is yielded takes the place of :func:`ask`.

    In the end nothing of it is left running, whether it was wanted or not.
    """
    with contextlib.ExitStack() as stack:
        begun: Dict[str, _Question] = {}
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            begun[executable] = stack.enter_context(_begun(executable))
        yield lambda path: _told(path, lambda: begun.pop(path)) if path in begun else ask(path)


def _told(executable: str, question: Callable[[], _Question]) -> Interpreter:
    try:
        return structure(Interpreter, json.loads(question().answer()))
    except (OSError, subprocess.SubprocessError, ValueError, FieldError) as error:
        raise CheckerError(
            "{} does not run as Python 3.8 or later ({})".format(executable, _why(error))
        ) from error


@dataclass(frozen=True)
class _Question:
    """A process, and what it prints."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def answer(self) -> bytes:
        """What it printed, once it has ended."""
        status = _wait(self.process)
        if status:
            raise subprocess.CalledProcessError(status, self.process.args)
        self.output.seek(0)
        return self.output.read()


@contextlib.contextmanager
def _begun(executable: str) -> Iterator[_Question]:
    """Ask, for at most 1 MB; nothing that it started is left running."""
    with tempfile.TemporaryFile() as output, contextlib.ExitStack() as stack:
        with undisturbed():
            process = subprocess.Popen(
                [executable, "-I", "-B", str(PROBE)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # A group of its own: what is named may be a shell script that starts Python.
                start_new_session=True,
                preexec_fn=_bound_output,
            )
            stack.callback(_end_group, process)
        yield _Question(process, output)


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
