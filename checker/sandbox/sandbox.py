"""Run a probe under limits, as isolated as the machine allows, and leave nothing of it behind.

Three levels: ``bubblewrap`` (namespaces, a read-only view of what is needed, a scratch folder to write in,
a filter of system calls), ``landlock`` (the same view and scratch folder without namespaces; its module
says what that leaves open) and ``limits`` (the same limits, no walls: what runs there can reach the
checker, which promises nothing about it). The level in force is on the result, with what is missing of
it. Probes run with ``-I -B -u``, in an environment of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import IO, Callable, Iterator, Mapping, Optional, Sequence, Tuple

from checker import interrupts
from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.sandbox import environment, finding, processes, restraints, scratch, view, walls
from checker.sandbox.channel import STARTED, Receiver
from checker.sandbox.finding import Finder
from checker.sandbox.gates import Gate
from checker.sandbox.levels import Entry, Paths
from checker.sandbox.scratch import Scratch
from checker.sandbox.supervisor import Limits, Pipes, Run, Supervisor

PROBES = view.PACKAGE / "probes"


class Sandbox:
    """Runs probes with one interpreter. ``workspace`` is a folder of ours for scratch space.

    ``highest`` is the isolation level that is tried first, ``probes`` the folder that probes lie in;
    ``secrets`` are files and folders that no probe may read.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        workspace: Path,
        highest: str = finding.LEVELS[0],
        probes: Path = PROBES,
        secrets: Sequence[str] = (),
    ) -> None:
        self._interpreter, self._workspace = interpreter, workspace
        self._level, self.isolation = Finder(interpreter, workspace, probes, secrets).find(highest)

    def run(
        self,
        probe: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, Path],
        limits: Limits,
        receiver: Receiver,
        tick: Callable[[], None] = lambda: None,
        gate: Optional[Gate] = None,
    ) -> Run:
        """Run ``probes/<probe>.py``; ``inputs`` (name to file) are read-only to it.

        What it reports goes to ``receiver``; ``tick`` is called a few times a second; ``gate`` holds it.
        Raises ToolError where the probe does not begin, or what it left cannot be ended.
        """
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(
                scratch.folder(self._workspace, probe, limits.scratch, tuple(walls.FOLDERS))
            )
            stack.enter_context(processes.adoption(self._level.contained))
            entry = stack.enter_context(self._level.enter(inputs, place))
            paths = self._level.paths(place)
            stack.callback(receiver.close)
            channel, reports = _pipe(stack)
            answers, answering = _pipe(stack)
            arguments = dict(settings, awaited=[STARTED, *limits.then], inputs=paths.inputs)
            arguments.update(channel=reports.fileno(), answers=answers.fileno())
            script = "{}/{}.py".format(paths.probes, probe)
            python = [self._interpreter.executable, "-I", "-B", "-u", script, json.dumps(arguments)]
            ours = (reports.fileno(), answers.fileno())
            with interrupts.undisturbed():
                others = processes.others(self._level.contained)
                process = _start(entry, python, paths, place, limits, ours)
                tree = processes.Tree(process, self._level.contained, others)
                stack.callback(_end, process, tree)
            reports.close()
            answers.close()
            pipes = Pipes(process, channel.fileno(), answering.fileno())
            return Supervisor(process, tree, pipes, place, limits, receiver, tick, gate).run()

    def vendored(self, name: str) -> str:
        """Path, as a probe sees it, of a file that ships with the checker."""
        return "{}/{}".format(self._level.vendor, name)


def _start(
    entry: Entry, python: Sequence[str], paths: Paths, place: Scratch, limits: Limits, ours: Tuple[int, int]
) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        restraints.take_on(limits)
        entry.join()

    try:
        return subprocess.Popen(
            [*entry.command, *python],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=str(place.work),
            env=environment.of(paths),
            pass_fds=(*ours, *entry.descriptors),
            start_new_session=True,
            preexec_fn=prepare,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError("a probe could not be started: {}".format(error)) from error


def _end(process: subprocess.Popen[bytes], tree: processes.Tree) -> None:
    """End the run's processes, and close its pipes."""
    try:
        with interrupts.undisturbed():
            tree.end()
    finally:
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _pipe(stack: contextlib.ExitStack) -> Tuple[IO[bytes], IO[bytes]]:
    """A pipe: its reading and its writing end, both closed with the stack at the latest."""
    with _ours():
        reading, writing = os.pipe()
    return (
        stack.enter_context(os.fdopen(reading, "rb", buffering=0)),
        stack.enter_context(os.fdopen(writing, "wb", buffering=0)),
    )


@contextlib.contextmanager
def _ours() -> Iterator[None]:
    """What the system refuses here is no fault of a submission."""
    try:
        yield
    except OSError as error:
        raise ToolError("a probe could not be started: {}".format(error)) from error
