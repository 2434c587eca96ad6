"""One command, measured: seconds of the wall clock and of the CPU, the most memory, its exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Mapping, Sequence, Tuple

import psutil

from checker import interrupts

_GRACE = 20  # seconds to end in, when asked to


@dataclass(frozen=True)
class Measured:
    """``wall`` and ``cpu`` in seconds, ``memory`` in bytes, of a process and all below it.

    ``memory`` is the most resident memory at one time, what is shared counted in each process; 0: not looked
    at. ``exit_code`` is minus the signal that ended it.
    """

    wall: float
    cpu: float
    memory: int
    exit_code: int


def measure(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    log: Path,
    timeout: float,
    watched: bool,
) -> Measured:
    """Run a command in ``folder`` to its end; what it prints goes to the file ``log``.

    ``watched``: look at its memory, which costs a little time. After ``timeout`` seconds it is ended.
    """
    with log.open("wb") as stream, contextlib.ExitStack() as last:
        began = time.perf_counter()
        with interrupts.undisturbed():  # one that comes between the two would leave it running
            process = subprocess.Popen(
                list(command),
                cwd=str(folder),
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            last.enter_context(_ended(process))
        with _at_most(process, timeout), _watching(process.pid, watched) as watch:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
        process.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    # What a process that was killed had not waited for is not in the usage; what was too short to be seen
    # is not in the other.
    cpu = max(usage.ru_utime + usage.ru_stime, watch.cpu)
    return Measured(wall, cpu, watch.memory, process.returncode)


class _Watch:
    """Looks at a process and all below it now and then, less often the longer it takes."""

    def __init__(self, pid: int) -> None:
        self.memory, self._pid = 0, pid
        self._seconds: Dict[Tuple[int, float], float] = {}

    @property
    def cpu(self) -> float:
        """Seconds of the CPU, of every process as it was seen last."""
        return sum(self._seconds.values())

    def look_until(self, ended: threading.Event) -> None:
        """Look until it has ended."""
        began = time.monotonic()
        while not ended.wait(min(1.0, 0.05 + (time.monotonic() - began) / 50)):
            self._look()

    def _look(self) -> None:
        memory = 0
        with contextlib.suppress(psutil.Error):
            first = psutil.Process(self._pid)
            for one in (first, *first.children(recursive=True)):
                with contextlib.suppress(psutil.Error), one.oneshot():
                    times = one.cpu_times()
                    self._seconds[(one.pid, one.create_time())] = times.user + times.system
                    memory += one.memory_info().rss
        self.memory = max(self.memory, memory)


@contextlib.contextmanager
def _watching(pid: int, watched: bool) -> Iterator[_Watch]:
    watch, ended = _Watch(pid), threading.Event()
    thread = threading.Thread(target=watch.look_until, args=(ended,), daemon=True)
    if watched:
        thread.start()
    try:
        yield watch
    finally:
        ended.set()
        if watched:
            thread.join()


@contextlib.contextmanager
def _at_most(process: subprocess.Popen, seconds: float) -> Iterator[None]:
    """End the process after some seconds."""
    timers = [
        threading.Timer(seconds, _signal, (process.pid, signal.SIGTERM)),
        threading.Timer(seconds + _GRACE, _signal, (process.pid, signal.SIGKILL)),
    ]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


@contextlib.contextmanager
def _ended(process: subprocess.Popen) -> Iterator[None]:
    """Nothing of the process's group is left: in a session of its own it does not hear of an interrupt."""
    try:
        yield
    except BaseException:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        raise
    finally:
        _signal(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + _GRACE
        while _runs(process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _runs(group: int) -> bool:
    """Whether a process of the group runs; one that nobody waited for does not."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
