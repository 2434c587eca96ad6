"""Bubblewrap's command line: what a probe sees of the machine, and nothing else.

It sees the system's libraries, its interpreter, the probes, its inputs and a scratch folder. It does
not see the machine's settings, homes, the network, or the checker's own package with its images and
labels, wherever a copy of that lies.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Iterator, List, Mapping, Sequence, Set

from checker.interpreters import Interpreter

PACKAGE = Path(__file__).resolve().parent.parent
SCRATCH, INPUT, PROBES = "/scratch", "/submission", "/probes"
VENDOR = PROBES + "-vendor"
# Folders of a scratch folder, and where a probe finds them. Shared memory is a file like any other.
FOLDERS = {"work": SCRATCH, "tmp": "/tmp", "shm": "/dev/shm"}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_LINKER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
# What Python needs of the folder that it is installed in; a student's work may lie beside it.
_PARTS = ("bin", "lib", "lib32", "lib64", "pyvenv.cfg")
_PLACES = ("", "*-packages/", "python3*/*-packages/", "lib*/python3*/*-packages/",
           "local/lib/python3*/*-packages/")  # fmt: skip


class Walls:
    """Builds the command line for one interpreter; ``options`` are those that not every version has."""

    def __init__(self, program: str, interpreter: Interpreter, probes: Path, options: Sequence[str]) -> None:
        self._start = [program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net"]
        self._start += ["--unshare-uts", "--unshare-cgroup-try", "--new-session", "--die-with-parent"]
        self._start += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", *options]
        self._view = _view(interpreter)
        self._probes = probes

    def command(self, inputs: Mapping[str, Path], scratch: Path) -> List[str]:
        """The command line up to the program that is to run; ``scratch`` holds FOLDERS."""
        command = [*self._start]
        # Before the rest, since an interpreter may lie below /tmp.
        command += ["--bind", str(scratch / "tmp"), "/tmp"]
        command += self._view
        command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--ro-bind", str(self._probes), PROBES]
        command += ["--ro-bind", str(PACKAGE / "vendor"), VENDOR]
        command += ["--dir", INPUT]
        for name, path in inputs.items():
            command += ["--ro-bind", str(path), "{}/{}".format(INPUT, name)]
        for name in ("work", "shm"):
            command += ["--bind", str(scratch / name), FOLDERS[name]]
        # Where the checker runs as root, a probe is root to /proc/sys, capabilities or not. The
        # others are unlimited folders in memory.
        for folder in ("/proc", "/dev", "/"):
            command += ["--remount-ro", folder]
        return [*command, "--chdir", SCRATCH, "--"]


def _view(interpreter: Interpreter) -> List[str]:
    """Arguments for the system's libraries and the interpreter, less the checker's own files."""
    system = [path for path in _SYSTEM if os.path.isdir(path)]
    arguments = [item for path in system for item in _shown(path)]
    for path in _LINKER:
        if os.path.exists(path):
            arguments += _read_only(path)
    # Masked before the interpreter is shown, which may lie below what is masked.
    masks = _masks(system)
    arguments += [item for path in masks for item in ("--tmpfs", path)]
    parts = [
        path for path in interpreter_paths(interpreter) if not _below(path, system) or _below(path, masks)
    ]
    for path in parts:
        arguments += _shown(path)
    more = _masks(parts)
    arguments += [item for path in more for item in ("--tmpfs", path)]
    arguments += _links(interpreter.executable, [*system, *parts])
    return arguments + [item for path in (*masks, *more) for item in ("--remount-ro", path)]


def interpreter_paths(interpreter: Interpreter) -> List[str]:
    """What an interpreter needs to run, without the rest of the folders that it is installed in."""
    paths: List[str] = []
    last = os.path.dirname(interpreter.executable)
    for folder in interpreter.folders:
        if any(other.startswith(folder.rstrip("/") + "/lib") for other in interpreter.folders):
            found = [os.path.join(folder, part) for part in _PARTS]
        elif folder == last and os.path.islink(interpreter.executable):
            found = []  # a link somewhere in a home: the link is shown, not the home
        else:
            found = [folder]
        paths += [path for path in found if os.path.exists(path)]
    return [path for path in dict.fromkeys(paths) if not _below(os.path.dirname(path), paths)]


def _masks(shown: Sequence[str]) -> List[str]:
    """Where the checker's package, copies of it, or its repository would be seen below ``shown``."""
    hidden = {str(PACKAGE)}
    if (PACKAGE.parent / "pyproject.toml").is_file():
        hidden.add(str(PACKAGE.parent))
    for path in shown:
        hidden |= set(_copies(path))
    found: Set[str] = set()
    for path in shown:
        if os.path.islink(path):
            continue  # it leads to another of them
        real = os.path.realpath(path)
        for own in hidden:
            if _below(own, [real]):
                found.add(path + own[len(real) :])
    outermost = sorted(found)
    return [path for path in outermost if not _below(os.path.dirname(path), outermost)]


def _copies(folder: str) -> Iterator[str]:
    """Installed copies of the checker's package below a folder, links resolved."""
    for place in _PLACES:
        pattern = os.path.join(glob.escape(folder), place + PACKAGE.name, "probes", "wire.py")
        for path in glob.iglob(pattern):
            yield os.path.dirname(os.path.dirname(os.path.realpath(path)))


def _links(executable: str, shown: Sequence[str]) -> List[str]:
    """The links that lead to the interpreter, those that are not shown already."""
    arguments: List[str] = []
    path = executable
    for _ in range(20):
        if not os.path.islink(path):
            break
        target = os.readlink(path)
        if not _below(path, shown):
            arguments += ["--symlink", target, path]
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return arguments


def _shown(path: str) -> List[str]:
    return ["--symlink", os.readlink(path), path] if os.path.islink(path) else _read_only(path)


def _read_only(path: str) -> List[str]:
    return ["--ro-bind", path, path]


def _below(path: str, folders: Sequence[str]) -> bool:
    """Whether a path is one of the folders or lies in one."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
