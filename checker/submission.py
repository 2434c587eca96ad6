"""What was handed in: one bounded copy of the files that the edition names, and facts about them.

Nothing of the original is ever written, no link is followed, and only regular files are opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from checker.editions import Edition, FileRule
from checker.errors import ToolError, UsageError
from checker.text import printable

_CHUNK = 1 << 20
_MAX_NAMES = 5000
# Mounts without mode bits of their own: every file looks alike there.
_MODELESS = {"vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "9p", "drvfs", "cifs", "smb3", "msdos"}


@dataclass(frozen=True)
class SubmittedFile:
    """One file of the submission; ``path`` is that of its copy.

    ``problem`` says why there is no copy: "missing", "empty", "link", "special", "folder",
    "unreadable", "too large" or "changed" (while it was read). ``near`` holds names that come close.
    """

    name: str
    problem: str = ""
    near: Tuple[str, ...] = ()
    detail: str = ""
    path: Optional[Path] = None
    size: int = 0
    mode: int = 0
    sha256: str = ""
    head: bytes = b""


@dataclass(frozen=True)
class Submission:
    """The snapshot of a folder: ``files`` by the role that the edition gives them."""

    folder: str
    script: SubmittedFile
    model: SubmittedFile
    readme: SubmittedFile
    modes_known: bool
    git_index: Optional[Path]
    git_prefix: str

    @property
    def files(self) -> Tuple[SubmittedFile, ...]:
        """All three files, there or not."""
        return (self.script, self.model, self.readme)


def take(folder: str, edition: Edition, workspace: Path) -> Submission:
    """Copy what ``edition`` names from ``folder`` into ``workspace``.

    Raises UsageError where the folder itself cannot be read.
    """
    descriptor = _open_folder(folder)
    try:
        names = _names(folder, descriptor)
        files: Dict[str, SubmittedFile] = {}
        for role in ("script", "model", "readme"):
            rule: FileRule = getattr(edition.files, role)
            files[role] = _take_file(descriptor, rule, workspace, names)
        index, prefix = _git_index(Path(folder), workspace)
        return Submission(
            folder=folder,
            modes_known=_has_modes(folder),
            git_index=index,
            git_prefix=prefix,
            **files,
        )
    finally:
        os.close(descriptor)


def _open_folder(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        found = {
            errno.ENOENT: "there is no such folder",
            errno.ENOTDIR: "this is a file",
            errno.EACCES: "it cannot be read (permission denied)",
        }.get(code or 0, str(error))
        raise UsageError(
            "{}: expected the folder of a submission; {}.".format(printable(folder), found)
        ) from error


def _names(folder: str, descriptor: int) -> List[str]:
    """Names near the submission: in the folder, and one level down and up (with their folder)."""
    names: List[str] = []
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) >= _MAX_NAMES:
                    break
    except OSError as error:
        raise UsageError(
            "{}: the folder cannot be listed ({}).".format(printable(folder), error.strerror)
        ) from error
    for name in sorted(names)[:200]:
        names += ["{}/{}".format(name, inner) for inner in _list_below(descriptor, name)]
    names += ["../" + name for name in _list_below(descriptor, "..")]
    return names


def _list_below(descriptor: int, name: str) -> List[str]:
    """At most 500 names in a folder beside or below; none where it is no folder or is shut."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        below = os.open(name, flags, dir_fd=descriptor)
    except OSError:
        return []
    try:
        with os.scandir(below) as entries:
            return [entry.name for entry, _ in zip(entries, range(500))]
    except OSError:
        return []
    finally:
        os.close(below)


def _near(name: str, names: List[str]) -> Tuple[str, ...]:
    """Names that a person could have meant by ``name``."""

    def bare(text: str) -> str:
        stem = text.rsplit("/", 1)[-1].lower().rsplit(".", 1)[0]
        return "".join(c for c in stem if c.isalnum())

    kin = {".h5": (".keras", ".hdf5", ".h5", ".zip"), ".py": (".py", ".ipynb", ".txt")}
    endings = kin.get(os.path.splitext(name)[1], (os.path.splitext(name)[1].lower(), ".txt", ""))
    found = [
        other
        for other in names
        if other != name and bare(other) == bare(name) and os.path.splitext(other.lower())[1] in endings
    ]
    return tuple(printable(other) for other in sorted(found)[:3])


def _take_file(folder: int, rule: FileRule, workspace: Path, names: List[str]) -> SubmittedFile:
    """Copy one regular file, reading at most its limit; say why where that cannot be."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        before = os.stat(rule.name, dir_fd=folder, follow_symlinks=False)
        problem = _kind_problem(before.st_mode)
        if problem:
            return SubmittedFile(rule.name, problem)
        source = os.open(rule.name, flags, dir_fd=folder)
    except FileNotFoundError:
        return SubmittedFile(rule.name, "missing", near=_near(rule.name, names))
    except OSError as error:
        problem = "link" if error.errno == errno.ELOOP else "unreadable"
        return SubmittedFile(rule.name, problem, detail=error.strerror or "")
    try:
        return _copy(source, rule, workspace)
    finally:
        os.close(source)


def _kind_problem(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "special"


def _copy(source: int, rule: FileRule, workspace: Path) -> SubmittedFile:
    status = os.fstat(source)
    problem = _kind_problem(status.st_mode)
    limit = rule.max_megabytes * 10**6
    if not problem and status.st_size == 0:
        problem = "empty"
    if not problem and status.st_size > limit:
        detail = "{:.1f} MB, at most {} MB are taken".format(status.st_size / 1e6, rule.max_megabytes)
        return SubmittedFile(rule.name, "too large", detail=detail, size=status.st_size)
    if problem:
        return SubmittedFile(rule.name, problem)
    target = workspace / rule.name
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with target.open("wb") as copy:
            while size <= status.st_size:
                block = os.read(source, _CHUNK)
                if not block:
                    break
                head = head or block[:512]
                digest.update(block)
                size += len(block)
                copy.write(block)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ToolError(
                "No space left for the copy of {} in {}; free some, or set TMPDIR.".format(
                    rule.name, workspace
                )
            ) from error
        return SubmittedFile(rule.name, "unreadable", detail=error.strerror or "")
    after = os.fstat(source)
    same = (after.st_size, after.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    if size != status.st_size or not same:
        return SubmittedFile(rule.name, "changed")
    target.chmod(0o444)
    return SubmittedFile(
        rule.name,
        path=target,
        size=size,
        mode=stat.S_IMODE(status.st_mode),
        sha256=digest.hexdigest(),
        head=head,
    )


def _has_modes(folder: str) -> bool:
    """Whether the file system of ``folder`` keeps mode bits; where that is unknown, it does."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return True
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in mounts:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind not in _MODELESS


def _git_index(folder: Path, workspace: Path) -> Tuple[Optional[Path], str]:
    """Copy the index of the repository that ``folder`` lies in; it is parsed in the sandbox.

    Git itself never runs here: a submission's ``.git/config`` can name programs that git starts.
    Returns the copy, or None, and the path of ``folder`` inside the repository.
    """
    real = Path(os.path.realpath(str(folder)))
    for parent in [real, *list(real.parents)[:8]]:
        index = parent / ".git" / "index"
        try:
            source = os.open(str(index), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode) or status.st_size > 32 * 10**6:
                return None, ""
            copy = workspace / "git-index"
            with os.fdopen(os.dup(source), "rb") as stream:
                copy.write_bytes(stream.read(32 * 10**6))
            prefix = "" if parent == real else str(real.relative_to(parent)) + "/"
            return copy, prefix
        except OSError:
            return None, ""
        finally:
            os.close(source)
    return None, ""
