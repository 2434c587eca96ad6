"""Limits of one run: its pipes are read, its processes and its disk watched, and it is ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, Mapping, Optional, Tuple

from checker.errors import EvidenceError, OversizeError, ToolError
from checker.sandbox.channel import STARTED, Event, Receiver
from checker.sandbox.gates import Gate
from checker.sandbox.processes import Tree
from checker.sandbox.scratch import DiskError, Scratch

_INTERVAL = 0.1  # seconds between two looks at the processes
_HELD = 0.01  # and between two looks at a closed gate
_ENDING = 0.004  # and at a process that has closed its pipes: subprocess looks ever more rarely within it
_LONGEST = 1.0  # and at most, where a look takes long
_SHARE = 20  # a look may take a twentieth of the time


@dataclass(frozen=True)
class Limits:
    """Limits of one run: seconds of the wall clock, bytes, processes.

    ``seconds`` is the time until the probe's next sign of life; ``then`` gives more time, from the
    moment at which a fact, or an array, of that name comes: a fact the first time, an array whenever
    it brings bytes. ``total`` ends the run whatever comes.
    """

    seconds: float
    memory: int
    processes: int
    printed: int
    scratch: int
    then: Mapping[str, float] = field(default_factory=dict)
    total: float = 7200.0


@dataclass(frozen=True)
class Mark:
    """What was seen from outside when a fact named in ``Limits.then`` came."""

    cpu_seconds: float
    printed: int
    written: Tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """How a probe ended, seen from outside.

    ``ending`` is "finished", "stopped" (by us, once we knew enough), "crashed", "limit" or "malformed"
    (what came over the pipe was not in the agreed form); ``detail`` names the signal, exit status or
    limit. Times in seconds, memory in bytes.
    """

    ending: str
    detail: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    printed: bytes = b""
    errors: bytes = b""
    written: Tuple[str, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)


class Stop(Exception):
    """Raised by a callback: enough is known, end the run."""


class _Limit(Exception):
    """A limit was reached."""


class Pipes:
    """Our ends of a probe's pipes.

    It reports on ``channel``; on ``answers`` it is told that an event of a name in ``Limits.then``
    was seen, so that what it does next is counted as done after it.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: int, answers: int) -> None:
        self.reading: Dict[str, int] = {"channel": channel}
        for name, stream in (("printed", process.stdout), ("errors", process.stderr)):
            if stream:
                self.reading[name] = stream.fileno()
        self._answers = answers
        for descriptor in (*self.reading.values(), answers):
            os.set_blocking(descriptor, False)

    def read(self, name: str) -> Optional[bytes]:
        """What a pipe holds, at most a megabyte; None where nothing is in it, b"" at its end."""
        try:
            return os.read(self.reading[name], 1 << 20)
        except BlockingIOError:
            return None

    def answer(self, line: bytes = b"\n") -> None:
        """Let the probe go on; one that does not listen is not waited for."""
        with contextlib.suppress(OSError):
            os.write(self._answers, line)


class Supervisor:
    """Reads a probe's pipes and watches its processes until it ends."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        tree: Tree,
        pipes: Pipes,
        scratch: Scratch,
        limits: Limits,
        receiver: Receiver,
        tick: Callable[[], None],
        gate: Optional[Gate] = None,
    ) -> None:
        self._process, self._tree, self._pipes, self._scratch = process, tree, pipes, scratch
        self._limits, self._receiver, self._tick = limits, receiver, tick
        self._output = {"printed": bytearray(), "errors": bytearray()}
        self._started = time.monotonic()
        self._allowed = limits.seconds
        self._deadline = self._started + limits.seconds
        self._next_look = 0.0
        self._gate, self._held_since = gate, 0.0
        self._marks: Dict[str, Mark] = {}
        self._cpu, self._peak = 0.0, 0

    def run(self) -> Run:
        """Wait for the end of the probe, whatever it is. Raises ToolError."""
        ending, detail = self._attend()
        self._tree.end()
        if not self._receiver.started and ending not in ("malformed", "stopped"):
            words = bytes(self._output["errors"]).decode("utf-8", "replace").strip()[-500:]
            raise ToolError("a probe did not begin ({}): {}".format(detail or ending, words))
        return Run(
            ending,
            detail,
            seconds=time.monotonic() - self._started,
            cpu_seconds=self._cpu,
            peak_memory=self._peak,
            printed=bytes(self._output["printed"]),
            errors=bytes(self._output["errors"]),
            written=self._scratch.written(),
            marks=self._marks,
        )

    def _attend(self) -> Tuple[str, str]:
        """The ending and its detail."""
        try:
            try:
                self._watch()
            except _Limit:
                # What was reported before the end counts, and is in the pipe by now.
                self._tree.end()
                with contextlib.suppress(_Limit, EvidenceError, Stop):
                    self._drain()
                raise
            status = self._process.returncode
            # Children that it left may hold the pipes open.
            self._tree.end()
            self._drain()
        except _Limit as limit:
            return "limit", str(limit)
        except OversizeError as error:
            return "limit", "output: {}".format(error)
        except EvidenceError as error:
            return "malformed", str(error)
        except Stop:
            return "stopped", ""
        return ("crashed", _status_words(status)) if status else ("finished", "")

    def _watch(self) -> None:
        """Read what comes and look about until the probe's first process is gone."""
        with selectors.DefaultSelector() as selector:
            for name, descriptor in self._pipes.reading.items():
                selector.register(descriptor, selectors.EVENT_READ, name)
            while self._process.poll() is None:
                if selector.get_map():
                    for key, _ in selector.select(_HELD if self._held_since else _INTERVAL):
                        if not self._take(key.data):
                            selector.unregister(key.fileobj)
                else:
                    # Its pipes are closed; the end is near, or it goes on without them.
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(_ENDING)
                self._release()
                self._look()

    def _drain(self) -> None:
        """Read what is in the pipes, once nobody is left to write."""
        for name in self._pipes.reading:
            data = self._pipes.read(name)
            while data:
                self._keep(name, data)
                data = self._pipes.read(name)

    def _take(self, name: str) -> bool:
        """Read some of what a pipe holds; False at its end."""
        data = self._pipes.read(name)
        if data:
            self._keep(name, data)
        return data != b""

    def _keep(self, name: str, data: bytes) -> None:
        if name == "channel":
            for event in self._receiver.feed(data):
                if event.name in self._limits.then:
                    self._sign_of_life(event)
                elif event.name == STARTED:
                    # All processes that the walls are made of are there, and seen now.
                    self._measure()
                    self._tree.bound()
                    self._pipes.answer()
            return
        kept = self._output[name]
        kept += data
        if len(kept) > self._limits.printed:
            del kept[self._limits.printed :]
            raise _Limit("output: more than {} printed".format(_megabytes(self._limits.printed)))

    def _sign_of_life(self, event: Event) -> None:
        """Give more time; at the first event of a name keep what can be seen, and say so."""
        first = event.name not in self._marks
        if first or event.size:
            self._allowed = self._limits.then[event.name]
            self._deadline = time.monotonic() + self._allowed
        if not first:
            return
        # What was printed before the event is in its pipe by now, and the probe waits.
        for name in self._output:
            self._take(name)
        self._measure()
        self._marks[event.name] = Mark(self._cpu, len(self._output["printed"]), self._scratch.written())
        if self._gate is not None and self._gate.name == event.name:
            self._held_since = time.monotonic()
            self._release()
        else:
            self._pipes.answer()

    def _release(self) -> None:
        """Let a probe that is held at a gate go on, once that is open; the wait counts for nothing."""
        if not self._held_since or self._gate is None:
            return
        self._tick()
        now = time.monotonic()
        self._deadline = now + self._allowed
        if self._gate.answer is None:
            # Nothing submitted has run yet: there is not much to look at.
            self._next_look = now + _LONGEST
        else:
            self._next_look = now
            self._started += now - self._held_since
            self._held_since = 0.0
            self._pipes.answer(self._gate.answer)

    def _measure(self) -> Tuple[int, int]:
        """Memory and number of the processes at this moment."""
        now = self._tree.measure()
        self._cpu = max(self._cpu, now.cpu_seconds)
        memory = now.memory
        if memory > self._limits.memory:
            memory = self._tree.own_memory()
        self._peak = max(self._peak, memory)
        return memory, now.count

    def _look(self) -> None:
        """Look at the clock, the processes and the disk where it is time to; raise _Limit."""
        now = time.monotonic()
        if now > self._deadline:
            raise _Limit("time: more than {:.0f} seconds".format(self._allowed))
        if now > self._started + self._limits.total:
            raise _Limit("time: more than {:.0f} seconds in all".format(self._limits.total))
        if now < self._next_look:
            return
        self._tick()
        began = time.monotonic()
        self._look_at_processes()
        self._look_at_disk()
        cost = time.monotonic() - began
        self._next_look = time.monotonic() + min(max(_INTERVAL, _SHARE * cost), _LONGEST)

    def _look_at_processes(self) -> None:
        memory, count = self._measure()
        if count > self._limits.processes:
            raise _Limit("processes: more than {}".format(self._limits.processes))
        if memory > self._limits.memory:
            raise _Limit("memory: more than {}".format(_megabytes(self._limits.memory)))

    def _look_at_disk(self) -> None:
        try:
            size = self._scratch.size() + self._tree.nameless()
        except DiskError as error:
            raise _Limit("disk: {}".format(error)) from error
        if size > self._limits.scratch:
            raise _Limit("disk: more than {} written".format(_megabytes(self._limits.scratch)))


def _status_words(status: int) -> str:
    """An exit status in words."""
    # Inside bubblewrap a signal arrives as 128 plus its number, as in a shell.
    number = -status if status < 0 else status - 128
    if number == signal.SIGKILL:
        return "it was ended by SIGKILL, not by the checker: was the machine short of memory?"
    if number in {item.value for item in signal.Signals}:
        return "it was ended by {}".format(signal.Signals(number).name)
    return "it ended with exit status {}".format(status)


def _megabytes(count: int) -> str:
    return "{:.0f} MB".format(count / 1e6)
