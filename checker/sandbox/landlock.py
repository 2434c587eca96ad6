"""The level between: Landlock and a filter of system calls, where user namespaces are not to be had.

It needs no privilege and no program, but Linux 6.12: from there on Landlock can keep a process from
sending signals to those outside. What it promises, as bubblewrap does: nothing is read or listed but what
``view`` names, the probes, the inputs and the scratch folder; nothing is written, made or removed outside
of the scratch folder; no socket that has a name or an address, so no network, no loopback and none of the
host's local sockets; no signal to, no tracing and no memory of a process that is not of the run; no other
process's ``/proc`` contents; no semaphores or shared memory with others; no capability.

What it does not: a path outside can be asked for by name, and whether it is there, how large it is, who
owns it and when it changed is answered, numbers of processes in ``/proc`` among them; names (not contents)
in a hidden folder can be listed where the folder above it is shown, since such a rule reaches down; the
host's name, its load and its processors are seen; locks can be taken on files that are shown; processes
are found from outside, and none of a PID namespace ends them all at once; the user stays the checker's.
A program that asks for POSIX semaphores or shared memory, changes modes or times of files, or lets two
processes talk over a named socket meets EPERM or EACCES here and not with bubblewrap.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Sequence

from checker.errors import ToolError
from checker.sandbox import levels, view
from checker.sandbox.levels import Entry, Level
from checker.sandbox.scratch import Scratch
from checker.sandbox.view import Layer, View

NEEDED = 6  # version of Landlock that knows signals and abstract sockets: Linux 6.12
LAUNCHER = Path(__file__).resolve().parent / "launcher.py"
_CREATE_RULESET, _VERSION = 444, 1
_READ, _LIST, _WRITE, _DEVICE = "read", "list", "write", "device"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# What C libraries, Python and TensorFlow look at; of /proc/self that of the first process alone.
_SYSTEM = (
    *map("/proc/self/{}".format, ("cmdline", "maps", "smaps", "stat", "statm", "status")),
    *map("/proc/{}".format, ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version")),
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
)


def version() -> int:
    """The version of Landlock that the kernel has; 0 where it has none or it is turned off."""
    try:
        call = ctypes.CDLL(None).syscall
    except (OSError, AttributeError):
        return 0
    return max(0, int(call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


class Landlock(Level):
    """The level "landlock" for one view; ``program`` is the file of the filter."""

    name = "landlock"

    def __init__(self, program: Path, seen: View, probes: Path) -> None:
        super().__init__(probes)
        self._program = program
        self._rules: Dict[str, List[str]] = {_READ: [], _LIST: ["/proc/self/fd"], _DEVICE: list(_DEVICES)}
        for layer in (seen.system, seen.interpreter):
            _allow(layer, self._rules)
        self._rules[_READ] += [*_SYSTEM, str(probes), str(view.PACKAGE / "vendor")]

    @contextlib.contextmanager
    def enter(self, inputs: Mapping[str, Path], scratch: Scratch) -> Iterator[Entry]:
        """Lay out the inputs, and say what the command starts with. Raises ToolError."""
        levels.lay_out(inputs, scratch.path / "input")
        rules = dict(self._rules)
        rules[_READ] = [*rules[_READ], *map(str, inputs.values())]
        rules[_LIST] = [*rules[_LIST], str(scratch.path / "input")]
        rules[_WRITE] = [str(scratch.work), str(scratch.path / "tmp")]
        # Out of its sight, beside what it may write in.
        file = scratch.path / "rules"
        try:
            file.write_text(json.dumps({"rules": rules, "filter": str(self._program)}))
        except OSError as error:
            raise ToolError("a probe could not be started: {}".format(error)) from error
        yield Entry((sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(file)))


def _allow(layer: Layer, rules: Dict[str, List[str]]) -> None:
    """Rules for what is shown. There is no rule that takes away: around what is hidden all else is named."""
    stack = [path for path in layer.shown if not os.path.islink(path)]
    while stack:
        path = stack.pop()
        inside = [one for one in layer.hidden if view.below(one, [path])]
        if not inside:
            rules[_READ].append(path)
        elif path not in inside:
            rules[_LIST].append(path)
            stack += _siblings(path, inside)


def _siblings(folder: str, hidden: Sequence[str]) -> Iterator[str]:
    """The entries of a folder, less links (what they lead to has rules of its own) and what is hidden."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.path not in hidden and not entry.is_symlink():
                yield entry.path
