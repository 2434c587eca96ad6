"""A run's scratch folder: made, measured from outside however it is filled, and removed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Generator, Iterator, List, Tuple

from checker.errors import ToolError

_ENTRY = 4096  # bytes that any entry counts at least: an empty file takes room too
_SLICE = 0.02  # seconds that one look at the disk may take
_MOST_NAMES = 20
_MOST_ENTRIES = 10_000  # entries that are looked at for names
_DEEPEST = 100  # folders in folders; a chain without end would be long to measure, and to remove


class DiskError(Exception):
    """The folder holds what cannot be measured, which no honest program leaves."""


class Scratch:
    """A folder with folders in it; ``size`` is looked at in slices, so that no look takes long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self._walk = _sizes(str(path))
        self._whole = self._running = 0

    def size(self) -> int:
        """Bytes on disk as far as they were counted. Raises DiskError."""
        end = time.monotonic() + _SLICE
        for running in self._walk:
            self._running = running
            if time.monotonic() > end:
                return max(self._whole, self._running)
        self._whole, self._running = self._running, 0
        self._walk = _sizes(str(self.path))
        return self._whole

    def close(self) -> None:
        """End a look that is half done: it holds a folder open."""
        self._walk.close()

    def written(self) -> Tuple[str, ...]:
        """Names of what a run left in its folder, some of them; caches of libraries are no matter."""
        names: List[str] = []
        entries = _entries(str(self.work), skip=str(self.work / ".home"))
        with contextlib.suppress(DiskError):
            for folder, entry in itertools.islice(entries, _MOST_ENTRIES):
                if not _is_folder(entry):
                    names.append(os.path.relpath(os.path.join(folder, entry.name), str(self.work)))
                if len(names) >= _MOST_NAMES:
                    break
        return tuple(sorted(names))


@contextlib.contextmanager
def folder(workspace: Path, name: str, needed: int, folders: Tuple[str, ...]) -> Iterator[Scratch]:
    """A fresh scratch folder for one run. Raises ToolError where ``needed`` bytes are not free."""
    try:
        if shutil.disk_usage(str(workspace)).free < needed:
            raise ToolError("{} has less than {:.0f} MB free".format(workspace, needed / 1e6))
        path = Path(tempfile.mkdtemp(prefix=name + "-", dir=str(workspace)))
    except OSError as error:
        raise ToolError("no scratch folder: {}".format(error)) from error
    scratch = Scratch(path)
    try:
        for inner in folders:
            (path / inner).mkdir()
        yield scratch
    finally:
        scratch.close()
        remove(path)


def remove(path: Path) -> None:
    """Remove a folder of ours, however deep, modes that submitted code took away notwithstanding."""
    folders = [str(path)]
    for folder in folders:
        folders += _emptied(folder, str(path), len(folders))
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _emptied(folder: str, top: str, number: int) -> List[str]:
    """Unlink the files of a folder; its folders move to the top, so that no path grows too long."""
    moved: List[str] = []
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
        for entry in list(os.scandir(folder)):
            with contextlib.suppress(OSError):
                if not _is_folder(entry):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)
                target = os.path.join(top, ".removed-{}".format(number + len(moved)))
                os.rename(entry.path, target)
                moved.append(target)
    return moved


def _sizes(top: str) -> Generator[int, None, None]:
    """Bytes below a folder as they add up."""
    total = 0
    yield total
    for _, entry in _entries(top):
        with contextlib.suppress(OSError):
            total += max(entry.stat(follow_symlinks=False).st_blocks * 512, _ENTRY)
        yield total


def _entries(top: str, skip: str = "") -> Iterator[Tuple[str, os.DirEntry[str]]]:
    """Every entry below a folder, with the folder that it is in; links are not followed."""
    stack = [top]
    deepest = top.count(os.sep) + _DEEPEST
    while stack:
        current = stack.pop()
        if current.count(os.sep) > deepest:
            raise DiskError("folders are more than {} deep".format(_DEEPEST))
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if _is_folder(entry) and entry.path != skip:
                        stack.append(entry.path)
                    if entry.path != skip:
                        yield current, entry
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
                raise DiskError("a folder in it cannot be looked into") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return entry.is_dir(follow_symlinks=False)
    return False
