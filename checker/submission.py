"""What was handed in: one bounded copy of the files that the edition names, and facts about them.

Nothing of the original is ever written, no link is followed, and only regular files are opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from checker.editions import Edition, FileRule
from checker.errors import ToolError, UsageError
from checker.text import printable

_CHUNK = 1 << 20
_MAX_NAMES = 5000
_SNAPSHOT = "snapshot"
ROLES = ("script", "model", "readme")
# Endings under which the same thing is found; any may be followed by those that downloads add.
_KIN = {
    ".h5": (".h5", ".hdf5", ".keras", ".zip"),
    ".py": (".py", ".ipynb", ".txt"),
    ".md": (".md", ".markdown", ".rst", ".txt", ""),
}
_ADDED = (".txt", ".zip", ".gz", ".bak")
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
        own, names = _names(folder, descriptor)
        target = workspace / _SNAPSHOT
        target.mkdir()
        files: Dict[str, SubmittedFile] = {}
        for role in ROLES:
            rule: FileRule = getattr(edition.files, role)
            if len(own) < _MAX_NAMES and rule.name not in own:
                # Asked of the list: some file systems open README.md by the name readme.md.
                files[role] = SubmittedFile(rule.name, "missing", near=_near(rule.name, names))
            else:
                files[role] = _take_file(descriptor, rule, target, names)
        index, prefix = _git_index(Path(folder), target)
        return Submission(
            folder=folder,
            modes_known=_has_modes(folder),
            git_index=index,
            git_prefix=prefix,
            **files,
        )
    finally:
        os.close(descriptor)


def look(folder: str) -> None:
    """Raise UsageError where ``folder`` cannot be a submission at all."""
    os.close(_open_folder(folder))


def _open_folder(folder: str) -> int:
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # To list a folder and to reach what is in it are two permissions.
        os.stat(".", dir_fd=descriptor)
        return descriptor
    except (OSError, ValueError) as error:
        if descriptor >= 0:
            os.close(descriptor)
        code = getattr(error, "errno", None)
        found = {
            errno.ENOENT: "there is no such folder",
            errno.ENOTDIR: "this is a file",
            errno.ELOOP: "this is a link that leads in a circle",
            errno.EACCES: "it cannot be read (permission denied; try  chmod u+rx  on it)",
        }.get(code or 0, getattr(error, "strerror", None) or str(error))
        raise UsageError(
            "{}: expected the folder of a submission; {}.".format(printable(folder), found)
        ) from error


def _names(folder: str, descriptor: int) -> Tuple[List[str], List[str]]:
    """Names in the folder, and those with the ones one level down and up (with their folder)."""
    own: List[str] = []
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                own.append(entry.name)
                if len(own) >= _MAX_NAMES:
                    break
    except OSError as error:
        raise UsageError(
            "{}: the folder cannot be listed ({}).".format(printable(folder), error.strerror)
        ) from error
    names = list(own)
    for name in sorted(own)[:200]:
        names += ["{}/{}".format(name, inner) for inner in _list_below(descriptor, name)]
    names += ["../" + name for name in _list_below(descriptor, "..")]
    return own, names


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
    """Names that a person could have meant by ``name``, the likeliest first."""
    stem, kind = _bare(name)
    kin = _KIN.get(kind, (kind,))
    found = [other for other in names if other != name and _bare(other)[0] == stem and _bare(other)[1] in kin]
    if not found and kind in (".h5", ".py"):
        # The only file of its kind, whatever it is called.
        found = [other for other in names if "/" not in other and other.lower().endswith(kind)]
        found = found if len(found) == 1 else []
    return tuple(printable(other) for other in sorted(found, key=lambda n: ("/" in n, n))[:3])


def _bare(path: str) -> Tuple[str, str]:
    """A file's stem and ending without what hands and downloads change: case, signs, " (1)", ".txt"."""
    stem, kind = os.path.splitext(path.rsplit("/", 1)[-1].lower())
    inner, below = os.path.splitext(stem)
    if kind in _ADDED and below:
        stem, kind = inner, below
    stem = re.sub(r"( *\(\d+\)|[ _-]+copy)$", "", stem)
    letters = "".join(c for c in stem if c.isalnum())
    # The letter o is easily taken for the digit 0.
    return letters.replace("o", "0"), kind


def _take_file(folder: int, rule: FileRule, snapshot: Path, names: List[str]) -> SubmittedFile:
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
        return _copy(source, rule, snapshot)
    finally:
        os.close(source)


def _kind_problem(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "special"


def _copy(source: int, rule: FileRule, snapshot: Path) -> SubmittedFile:
    before = os.fstat(source)
    problem = _kind_problem(before.st_mode)
    limit = rule.max_megabytes * 10**6
    if not problem and before.st_size == 0:
        problem = "empty"
    if not problem and before.st_size > limit:
        detail = "{:,.1f} MB; at most {:,} MB are taken".format(before.st_size / 1e6, rule.max_megabytes)
        return SubmittedFile(rule.name, "too large", detail=detail, size=before.st_size)
    if problem:
        return SubmittedFile(rule.name, problem)
    target = snapshot / rule.name
    try:
        sha256, size, head = _copy_bytes(source, target, before.st_size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ToolError(
                "no space left for the copy of {} in {}; free some, or name another folder in TMPDIR.".format(
                    rule.name, snapshot.parent.parent
                )
            ) from error
        return SubmittedFile(rule.name, "unreadable", detail=error.strerror or "")
    if size != before.st_size or _signature(os.fstat(source)) != _signature(before):
        return SubmittedFile(rule.name, "changed")
    target.chmod(0o444)
    return SubmittedFile(
        rule.name, path=target, size=size, mode=stat.S_IMODE(before.st_mode), sha256=sha256, head=head
    )


def _copy_bytes(source: int, target: Path, expected: int) -> Tuple[str, int, bytes]:
    """Copy at most a block more than ``expected``; SHA-256, size and the first 512 bytes of the copy."""
    digest, size, head = hashlib.sha256(), 0, b""
    with target.open("wb") as copy:
        while size <= expected:
            block = os.read(source, _CHUNK)
            if not block:
                break
            head = head or block[:512]
            digest.update(block)
            size += len(block)
            # What is a hole in a sparse file takes no room in the copy either.
            if block.count(0) == len(block):
                copy.seek(size)
            else:
                copy.write(block)
        copy.truncate(size)
    return digest.hexdigest(), size, head


def _signature(status: os.stat_result) -> Tuple[int, int, int]:
    """What differs where a file was written to; ctime, since anybody may set mtime."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


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


def _git_index(folder: Path, snapshot: Path) -> Tuple[Optional[Path], str]:
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
            copy = snapshot / ".git-index"
            with os.fdopen(os.dup(source), "rb") as stream:
                copy.write_bytes(stream.read(32 * 10**6))
            prefix = "" if parent == real else str(real.relative_to(parent)) + "/"
            return copy, prefix
        except OSError:
            return None, ""
        finally:
            os.close(source)
    return None, ""
