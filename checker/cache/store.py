"""Files of one user: written whole or not at all, and read only as they were written, by that user.

Whoever can write here can forge what is kept, and so the verdict of their own desk. Nothing that counts for a
grade is read from here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional

import platformdirs

from checker.errors import UsageError
from checker.text import printable

VARIABLE = "CHECKER_CACHE"
OFF = "off"
MOST = 200  # entries, the oldest of which go first
_MOST_BYTES = 8_000_000  # of one
_ENDING = ".answers"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def folder(environment: Mapping[str, str]) -> Optional[Path]:
    """The folder that ``CHECKER_CACHE`` names, else one in the user's cache; None where it says "off"."""
    named = environment.get(VARIABLE)
    if named == OFF:
        return None
    return Path(named) if named else Path(platformdirs.user_cache_dir("transfer-checker")) / "answers"


@dataclass(frozen=True)
class Kept:
    """One file of a store: its key, when it was written (seconds since 1970), its size in bytes."""

    key: str
    written: float
    size: int


class Store:
    """Texts by their keys. What cannot be read, or is not as it was written, is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, key: str) -> Optional[str]:
        """The text of a key, or None."""
        try:
            with self._opened() as descriptor:
                file = os.open(key + _ENDING, _READ, dir_fd=descriptor)
                with os.fdopen(file, "rb") as stream:
                    if not _own(os.fstat(file), stat.S_ISREG):
                        return None
                    data = stream.read(_MOST_BYTES)
        except (OSError, ValueError):
            return None
        digest, _, text = data.partition(b"\n")
        if digest != hashlib.sha256(text).hexdigest().encode():
            return None
        return text.decode("utf-8", "replace")

    def write(self, key: str, text: str) -> None:
        """Keep a text; where that cannot be, nothing is kept."""
        data = text.encode("utf-8")
        if len(data) > _MOST_BYTES - 100:
            return
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._opened():
                self._replace(key, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            for old in self.every()[MOST:]:
                self._remove(old.key)

    def every(self) -> List[Kept]:
        """All that is kept, the newest first."""
        found = []
        with contextlib.suppress(OSError), self._opened():
            for path in self.path.iterdir():
                if path.suffix == _ENDING:
                    status = path.lstat()
                    found.append(Kept(path.stem, status.st_mtime, status.st_size))
        return sorted(found, key=lambda kept: -kept.written)

    def clear(self) -> int:
        """Remove all that is kept; returns how many that were. Raises UsageError where that cannot be."""
        found = self.every()
        for kept in found:
            try:
                self._remove(kept.key)
            except OSError as error:
                words = "{}: expected a folder of yours, whose files can be removed; {}."
                raise UsageError(words.format(printable(str(self.path)), error.strerror)) from error
        return len(found)

    def _remove(self, key: str) -> None:
        (self.path / (key + _ENDING)).unlink()

    def _replace(self, key: str, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=str(self.path), prefix="new-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            os.replace(name, str(self.path / (key + _ENDING)))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder, where it belongs to this user and no other one may write in it. Raises OSError."""
        descriptor = os.open(str(self.path), _READ | os.O_DIRECTORY)
        try:
            if not _own(os.fstat(descriptor), stat.S_ISDIR):
                raise PermissionError("others may write there")
            yield descriptor
        finally:
            os.close(descriptor)


def _own(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    """Whether it is of a kind, this user's, and nobody else may write to it."""
    return bool(
        kind(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
