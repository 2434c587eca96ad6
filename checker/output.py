"""Where reports go: a stream whose reader may leave, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, TextIO, cast

from checker.errors import CheckerError, UsageError
from checker.text import printable


def prepare() -> None:
    """Make the standard streams take all that a report may hold, whatever and wherever they are."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stdout, Stream):
        sys.stdout = cast(TextIO, Stream(sys.stdout))


def problem() -> str:
    """Why standard output could not be written to; "" where it could, or its reader left."""
    return sys.stdout.problem if isinstance(sys.stdout, Stream) else ""


def flush() -> None:
    """Empty the standard streams; where nobody takes what they hold, it is dropped."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _drop(stream)


def _drop(stream: IO[str]) -> None:
    # What is left in its buffer would be an error once more when Python ends.
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


class Stream:
    """A text stream for a report; a run goes on to its verdict where nobody reads it any more.

    ``problem`` says why it could not be written; a reader that left (``| head``) is no problem.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._gone = False
        self.problem = ""

    def write(self, text: str) -> int:
        """Write, or drop what cannot be written any more."""
        if not self._gone:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or drop what cannot be written any more."""
        if not self._gone:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        self._gone = True
        if not isinstance(error, BrokenPipeError):
            self.problem = error.strerror or str(error)
        _drop(self._stream)


class Target:
    """A file that a report is written to in the end; that it can be is looked at in the beginning.

    ``named`` is the option as it was typed. Raises UsageError.
    """

    def __init__(self, path: Path, named: str) -> None:
        self._named = named
        try:
            # /dev/stdout leads to names that cannot be opened.
            self._path = path if self._is_special(path) else Path(os.path.realpath(str(path)))
            found = self._problem()
        except (OSError, ValueError) as error:
            found = getattr(error, "strerror", None) or str(error)
        if found:
            raise self._refuse(found)

    def same(self, other: Target) -> bool:
        """Whether both are one file."""
        return self._path == other._path

    def write(self, text: str) -> None:
        """Write the whole file, or leave what was there. Raises CheckerError."""
        flush()
        try:
            if self._is_special(self._path):
                self._path.write_text(text, encoding="utf-8")
            else:
                _replace(self._path, text.encode("utf-8"))
        except OSError as error:
            raise CheckerError(
                "{}: the report could not be written: {}.".format(self._named, error.strerror)
            ) from error

    def _problem(self) -> str:
        folder = self._path.parent
        if not folder.is_dir():
            return "there is no folder {}".format(folder)
        if self._path.is_dir():
            return "this is a folder"
        if self._is_special(self._path):
            return "" if os.access(str(self._path), os.W_OK) else "it cannot be written"
        if not os.access(str(folder), os.W_OK | os.X_OK):
            return "the folder {} cannot be written to".format(folder)
        return ""

    @staticmethod
    def _is_special(path: Path) -> bool:
        """Whether it is a pipe or a device, such as /dev/stdout, which nothing can take the place of."""
        if not path.exists():
            return False
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))

    def _refuse(self, found: str) -> UsageError:
        return UsageError(
            "{}: expected a file that can be written, in a folder that exists; {}.".format(self._named, found)
        )


def write(path: Path, data: bytes) -> None:
    """Write the whole file, or leave what was there. Raises CheckerError."""
    try:
        _replace(path, data)
    except OSError as error:
        raise CheckerError(
            "{}: the file could not be written: {}.".format(printable(str(path)), error.strerror)
        ) from error


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".checker-", dir=str(path.parent))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
        os.chmod(name, mode)
        os.replace(name, str(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
