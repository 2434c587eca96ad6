"""A run's processes, found, measured and ended from outside."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import psutil

from checker.errors import ToolError

LINUX = sys.platform.startswith("linux")
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_THREADS, _THREADS_A_PROCESSOR = 1024, 64  # TensorFlow has a few a processor
_MOST_LISTED = 4096
_PATIENCE = 60.0  # seconds until a process that does not end is given up
_one_at_a_time = threading.Lock()
_count_lock = threading.Lock()
_Below = Callable[[psutil.Process], List[psutil.Process]]
_adopting = 0  # runs that last


@dataclass(frozen=True)
class Measure:
    """Resident bytes, processes and CPU seconds of a tree at one moment."""

    memory: int
    count: int
    cpu_seconds: float


class Tree:
    """The processes of one run.

    With bubblewrap they are the descendants of its first process, whatever they do. Without, every
    process that came to be our child, or a child of one, since ``others`` were (Linux; elsewhere those
    whose parent ended before they were once seen are lost).
    """

    def __init__(self, process: subprocess.Popen[bytes], contained: bool, others: Sequence[int]) -> None:
        self._process, self._contained, self._others = process, contained, frozenset(others)
        self._seen: Dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            self._seen[process.pid] = psutil.Process(process.pid)
        self._first = list(self._seen.values())

    def measure(self) -> Measure:
        """Look at all processes."""
        memory = count = 0
        seconds = 0.0
        for one in self._members(listed_below):
            with contextlib.suppress(psutil.Error):
                with one.oneshot():
                    memory += one.memory_info().rss
                    # Its own, and those of its children that have ended.
                    seconds += sum(one.cpu_times()[:4])
                count += 1
        return Measure(memory, count, seconds)

    def own_memory(self) -> int:
        """Resident bytes without what processes share twice over and without mapped files (Linux)."""
        return sum(_own_memory(one) for one in self._members(listed_below))

    def nameless(self) -> int:
        """Bytes of files that are open and have no name: deleted, or in memory only (Linux)."""
        sizes: Dict[object, int] = {}
        for one in self._members(listed_below):
            sizes.update(_nameless(one.pid))
        return sum(sizes.values())

    def bound(self) -> None:
        """Let the system refuse more threads than any honest run has, between two looks at it.

        The limit is a user's: only in a user namespace of its own are a run's alone counted (Linux 5.14).
        """
        if self._contained and _linux() >= (5, 14):
            most = _THREADS + _THREADS_A_PROCESSOR * (os.cpu_count() or 1)
            for one in self._members(_below):
                with contextlib.suppress(psutil.Error, OSError, ValueError):
                    one.rlimit(psutil.RLIMIT_NPROC, (most, most))

    def end(self) -> None:
        """Kill every process, stopped ones and orphans too, and wait for them. Raises ToolError."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            # Held still, the first process starts no other that is not seen.
            self._signal_group(signal.SIGSTOP)
            members = [one for one in (*self._members(_below), *self._orphans()) if not _gone(one)]
            self._signal_group(signal.SIGKILL)
            if not members and self._process.poll() is not None:
                return
            for one in members:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs(members, timeout=0.5)
            if time.monotonic() > deadline:
                raise ToolError("{} processes of a probe could not be ended".format(len(members)))

    def _signal_group(self, number: int) -> None:
        # Until it is reaped, its number is nobody else's.
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, number)

    def _members(self, below: _Below) -> List[psutil.Process]:
        found = {one.pid: one for one in self._found(below)}
        # A process that was once of the run stays of it, wherever its parent went.
        lost = [one for pid, one in self._seen.items() if pid not in found and one.is_running()]
        for one in lost:
            found.update((item.pid, item) for item in [one, *below(one)])
        self._seen = found
        return list(found.values())

    def _orphans(self) -> List[psutil.Process]:
        """First processes of PID namespaces that we have adopted: bubblewrap's own, and it is gone.

        One that ends at once may never have been seen; if it is another run's, that run is over, too.
        """
        if not self._contained:
            return []
        with contextlib.suppress(psutil.Error):
            began = self._first[0].create_time() if self._first else 0.0
            return [
                one
                for one in psutil.Process().children()
                if _is_first_of_namespace(one.pid) and one.create_time() >= began
            ]
        return []

    def _found(self, below: _Below) -> List[psutil.Process]:
        if self._contained or not LINUX:
            return [one for first in self._first if first.is_running() for one in (first, *below(first))]
        found = below(psutil.Process())
        if not self._others:
            return found
        strange = [one for one in found if one.pid in self._others]
        apart = self._others.union(item.pid for one in strange for item in below(one))
        return [one for one in found if one.pid not in apart]


def _linux() -> Tuple[int, ...]:
    """The kernel's version; (0,) where it is another system."""
    found = re.match(r"(\d+)\.(\d+)", platform.release()) if LINUX else None
    return tuple(map(int, found.groups())) if found else (0,)


def others(contained: bool) -> List[int]:
    """Our children before a run begins, which are none of its business.

    With bubblewrap none is taken for one of its. To list them, every process of the machine is looked at.
    """
    if contained:
        return []
    with contextlib.suppress(psutil.Error):
        return [one.pid for one in psutil.Process().children()]
    return []


@contextlib.contextmanager
def adoption(contained: bool) -> Iterator[None]:
    """Processes whose parent ends become our children (Linux); without bubblewrap, one run at a time."""
    with contextlib.ExitStack() as stack:
        if not contained:
            stack.enter_context(_one_at_a_time)
        _adopt(+1)
        stack.callback(_adopt, -1)
        yield


def _adopt(more: int) -> None:
    """Count the runs that want to adopt; with the last of them it ends."""
    global _adopting
    with _count_lock:
        _adopting += more
        if LINUX:
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(_adopting > 0), 0, 0, 0)


def _below(process: psutil.Process) -> List[psutil.Process]:
    """All descendants; for that, every process of the machine is looked at."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def listed_below(process: psutil.Process) -> List[psutil.Process]:
    """The same, as each thread lists its children (Linux): no other process is looked at.

    A list that is read while one of them ends may lack another: enough for a look that is soon repeated.
    """
    if not os.path.exists("/proc/self/task/{}/children".format(os.getpid())):
        return _below(process)
    found: List[psutil.Process] = []
    waiting = [process.pid]
    while waiting and len(found) < _MOST_LISTED:  # a chain of processes, each soon gone, leads on and on
        children = _children(waiting.pop())
        waiting += children
        for pid in children:
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
    return found


def _children(pid: int) -> List[int]:
    """Children of all threads of a process, as proc(5) has them in "children"."""
    found: List[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/{}/task".format(pid)):
            with contextlib.suppress(OSError), open("/proc/{}/task/{}/children".format(pid, thread)) as lists:
                found += map(int, lists.read().split())
    return found


def _gone(process: psutil.Process) -> bool:
    """Whether a process has ended; one that waits to be reaped by us has not quite."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() != os.getpid()
    except psutil.Error:
        return True


def _is_first_of_namespace(pid: int) -> bool:
    with contextlib.suppress(OSError), open("/proc/{}/status".format(pid)) as lines:
        for line in lines:
            words = line.split()
            if words and words[0] == "NSpid:":
                return len(words) > 2 and words[-1] == "1"
    return False


def _own_memory(process: psutil.Process) -> int:
    sizes: Dict[str, int] = {}
    try:
        with open("/proc/{}/smaps_rollup".format(process.pid)) as lines:
            for line in lines:
                words = line.split()
                if words[0].startswith(("Pss", "SwapPss")) and words[1].isdigit():
                    sizes[words[0]] = int(words[1]) * 1024
    except OSError:
        sizes = {}
    with contextlib.suppress(psutil.Error):
        if "Pss_Anon:" in sizes:
            return sizes["Pss_Anon:"] + sizes.get("Pss_Shmem:", 0) + sizes.get("SwapPss:", 0)
        # Older kernels, other systems, and processes that hide from us.
        return sizes.get("Pss:") or process.memory_info().rss
    return 0


def _nameless(pid: int) -> Dict[object, int]:
    """Sizes of the nameless files that a process holds open."""
    sizes: Dict[object, int] = {}
    with contextlib.suppress(OSError), os.scandir("/proc/{}/fd".format(pid)) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found = os.stat(entry.path)
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    sizes[(found.st_dev, found.st_ino)] = found.st_blocks * 512
    return sizes
