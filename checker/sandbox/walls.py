"""Bubblewrap's command line: what a probe sees of the machine, and nothing else.

It sees what ``view`` names, the probes, its inputs and a scratch folder, each where we say, in its own
user, PID, IPC and network namespaces. A filter of system calls takes away what TensorFlow does not need.
Where the checker runs as root, a probe does not: it is a user of the machine's that nobody else is.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from checker.errors import ToolError
from checker.sandbox import users, view
from checker.sandbox.levels import Entry, Level, Paths
from checker.sandbox.scratch import Scratch
from checker.sandbox.view import View

SCRATCH, INPUT, PROBES = "/scratch", "/submission", "/probes"
VENDOR = PROBES + "-vendor"
# Folders of a scratch folder, and where a probe finds them. Shared memory is a file like any other.
FOLDERS = {"work": SCRATCH, "tmp": "/tmp", "shm": "/dev/shm"}
_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")


@dataclass(frozen=True)
class Strength:
    """What not every machine can do: another user, a filter, no further user namespaces (bwrap 0.8)."""

    other_user: bool
    filter: Optional[Path]
    no_namespaces: bool


class Walls(Level):
    """The level "bubblewrap" for one view; ``program`` is bwrap."""

    name = "bubblewrap"
    contained = True

    def __init__(self, program: str, seen: View, probes: Path, strength: Strength) -> None:
        super().__init__(probes)
        self._program, self._strength = program, strength
        self._view = _arguments(seen)

    @property
    def vendor(self) -> str:
        """Where a probe finds what ships with the checker."""
        return VENDOR

    def paths(self, scratch: Scratch) -> Paths:
        """Where a probe finds what it needs."""
        return Paths(PROBES, INPUT, SCRATCH, "/tmp")

    @contextlib.contextmanager
    def enter(self, inputs: Mapping[str, Path], scratch: Scratch) -> Iterator[Entry]:
        """The command line up to the program that is to run."""
        with contextlib.ExitStack() as stack:
            arguments = [*self._start(), *self._show(inputs, scratch.path)]
            descriptors: Tuple[int, ...] = ()
            namespace, after = None, []
            if self._strength.filter:
                file = stack.enter_context(self._strength.filter.open("rb"))
                descriptors = (file.fileno(),)
                arguments += ["--seccomp", str(file.fileno())]
            if self._strength.other_user:
                namespace, after = stack.enter_context(users.namespace()), users.as_other()
                users.hand_over([scratch.path / name for name in FOLDERS], inputs.values())
            given = stack.enter_context(_unseen(arguments, scratch.path))
            command = (self._program, "--args", str(given), "--", *after)
            yield Entry(command, (*descriptors, given), namespace)

    def _start(self) -> List[str]:
        start = [*_NAMESPACES, "--new-session", "--die-with-parent", "--cap-drop", "ALL"]
        if self._strength.other_user:
            return [*start, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        start += ["--unshare-user", "--uid", str(users.INSIDE), "--gid", str(users.INSIDE)]
        return start + (["--disable-userns"] if self._strength.no_namespaces else [])

    def _show(self, inputs: Mapping[str, Path], scratch: Path) -> List[str]:
        # Before the rest, since an interpreter may lie below /tmp.
        command = ["--bind", str(scratch / "tmp"), "/tmp"]
        command += self._view
        command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--ro-bind", str(self._probes), PROBES]
        command += ["--ro-bind", str(view.PACKAGE / "vendor"), VENDOR]
        command += ["--dir", INPUT]
        for name, path in inputs.items():
            command += ["--ro-bind", str(path), "{}/{}".format(INPUT, name)]
        for name in ("work", "shm"):
            command += ["--bind", str(scratch / name), FOLDERS[name]]
        # Where a probe is root after all, it is root to /proc/sys, capabilities or not. The others are
        # unlimited folders in memory.
        for folder in ("/proc", "/dev", "/"):
            command += ["--remount-ro", folder]
        return [*command, "--chdir", SCRATCH]


@contextlib.contextmanager
def _unseen(arguments: Sequence[str], folder: Path) -> Iterator[int]:
    """A descriptor that bubblewrap reads its arguments from, and closes. Raises ToolError.

    Its command line is that of the first process inside, where a probe would read the host's paths.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=str(folder)))
            file.write(b"".join(os.fsencode(argument) + b"\0" for argument in arguments))
            file.seek(0)
        except OSError as error:
            raise ToolError("a probe could not be started: {}".format(error)) from error
        yield file.fileno()


def _arguments(seen: View) -> List[str]:
    """Arguments for the system's libraries and the interpreter, less what is hidden."""
    arguments = [item for path in seen.system.shown for item in _shown(path)]
    # Masked before the interpreter is shown, which may lie below what is masked.
    arguments += [item for path in seen.system.hidden for item in _mask(path)]
    arguments += [item for path in seen.interpreter.shown for item in _shown(path)]
    arguments += [item for path in seen.interpreter.hidden for item in _mask(path)]
    arguments += [item for path, target in seen.links for item in ("--symlink", target, path)]
    masks = [path for path in (*seen.system.hidden, *seen.interpreter.hidden) if os.path.isdir(path)]
    return arguments + [item for path in masks for item in ("--remount-ro", path)]


def _mask(path: str) -> Tuple[str, ...]:
    """An empty folder over a folder; over a file a device, which cannot be opened there."""
    return ("--tmpfs", path) if os.path.isdir(path) else ("--ro-bind", "/dev/null", path)


def _shown(path: str) -> List[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    # Made before, for all users: bubblewrap gives a folder above a path the mode that it has outside.
    parents = [str(parent) for parent in reversed(Path(path).parents) if str(parent) != "/"]
    return [item for parent in parents for item in ("--dir", parent)] + ["--ro-bind", path, path]
