"""Run a probe under limits, isolated where bubblewrap works, and leave nothing of it behind.

Two levels: ``bubblewrap`` (own user, PID, IPC and network namespaces, read-only view of what is
needed, a scratch folder to write in) and ``limits`` (the same limits, no walls). The level in force is
on the result. Probes run with ``-I -B -u``, in an environment of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from checker import interrupts
from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.sandbox import processes, scratch, walls
from checker.sandbox.channel import STARTED, Receiver
from checker.sandbox.scratch import Scratch
from checker.sandbox.supervisor import Limits, Pipes, Run, Supervisor
from checker.sandbox.walls import Walls

PROBES = walls.PACKAGE / "probes"
# No further user namespaces inside, where bubblewrap knows how (0.8): they make memory to write in.
_OPTIONS: Tuple[Tuple[str, ...], ...] = (("--disable-userns",), ())
_TRIAL = "import os, sys; print('seen' if os.path.exists(sys.argv[1]) else 'ok')"


@dataclass(frozen=True)
class Isolation:
    """The level in force, and why it is not a higher one."""

    level: str
    detail: str = ""


class Sandbox:
    """Runs probes with one interpreter. ``workspace`` is a folder of ours for scratch space.

    Without ``isolate`` the limits alone are in force; ``probes`` is the folder that probes lie in.
    """

    def __init__(
        self, interpreter: Interpreter, workspace: Path, isolate: bool = True, probes: Path = PROBES
    ) -> None:
        self._interpreter, self._workspace, self._probes = interpreter, workspace, probes
        self._walls: Optional[Walls] = None
        self.isolation = self._isolate() if isolate else Isolation("limits", "it was not asked for")

    def run(
        self,
        probe: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, Path],
        limits: Limits,
        receiver: Receiver,
        tick: Callable[[], None] = lambda: None,
    ) -> Run:
        """Run ``probes/<probe>.py``; ``inputs`` (name to file) are read-only to it.

        What it reports goes to ``receiver``; ``tick`` is called a few times a second. Raises ToolError
        where the probe does not begin, or what it left cannot be ended.
        """
        with contextlib.ExitStack() as stack:
            folders = tuple(walls.FOLDERS)
            place = stack.enter_context(scratch.folder(self._workspace, probe, limits.scratch, folders))
            stack.enter_context(processes.adoption(self._walls is not None))
            if not self._walls:
                _lay_out(inputs, place.path / "input")
            stack.callback(receiver.close)
            channel, reports = _pipe(stack)
            answers, answering = _pipe(stack)
            arguments = dict(settings, awaited=[STARTED, *limits.then])
            arguments.update(channel=reports.fileno(), answers=answers.fileno())
            arguments["inputs"] = walls.INPUT if self._walls else str(place.path / "input")
            command = self._command(probe, arguments, inputs, place)
            with interrupts.undisturbed():
                others = processes.others()
                process = self._start(command, place, limits, (reports.fileno(), answers.fileno()))
                tree = processes.Tree(process, self._walls is not None, others)
                stack.callback(_end, process, tree)
            reports.close()
            answers.close()
            pipes = Pipes(process, channel.fileno(), answering.fileno())
            return Supervisor(process, tree, pipes, place, limits, receiver, tick).run()

    def vendored(self, name: str) -> str:
        """Path, as a probe sees it, of a file that ships with the checker."""
        folder = walls.VENDOR if self._walls else str(walls.PACKAGE / "vendor")
        return "{}/{}".format(folder, name)

    def _isolate(self) -> Isolation:
        """Find the level by trial runs of the real command."""
        if not sys.platform.startswith("linux"):
            return Isolation("limits", "bubblewrap needs Linux")
        program = shutil.which("bwrap")
        if not program:
            return Isolation("limits", "bubblewrap is not installed")
        words = ""
        for options in _OPTIONS:
            self._walls = Walls(program, self._interpreter, self._probes, options)
            words = self._try()
            if not words:
                return Isolation("bubblewrap")
        self._walls = None
        return Isolation("limits", "the trial run of bubblewrap failed: " + words)

    def _try(self) -> str:
        """Run the interpreter behind the walls; what is wrong, or nothing."""
        with scratch.folder(self._workspace, "trial", 0, tuple(walls.FOLDERS)) as place:
            command = self._walls.command({}, place.path) if self._walls else []
            command += [self._interpreter.executable, "-I", "-B", "-c", _TRIAL, str(walls.PACKAGE / "images")]
            try:
                answer = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    env=self._environment(place),
                    timeout=20,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return str(error)
        if answer.stdout.strip() == b"seen":
            return "the checker's own files would be seen"
        if answer.stdout.strip() == b"ok":
            return ""
        return answer.stderr.decode("utf-8", "replace").strip()[-300:] or "it printed nothing"

    def _command(
        self, probe: str, arguments: Mapping[str, object], inputs: Mapping[str, Path], place: Scratch
    ) -> List[str]:
        script = "{}/{}.py".format(walls.PROBES if self._walls else self._probes, probe)
        python = [self._interpreter.executable, "-I", "-B", "-u", script, json.dumps(arguments)]
        return self._walls.command(inputs, place.path) + python if self._walls else python

    def _environment(self, place: Scratch) -> Dict[str, str]:
        home = walls.SCRATCH if self._walls else str(place.work)
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home + "/.home",
            "TMPDIR": "/tmp" if self._walls else str(place.path / "tmp"),
            "LANG": "C.UTF-8",
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "tensorflow",
        }

    def _start(
        self, command: Sequence[str], place: Scratch, limits: Limits, descriptors: Tuple[int, int]
    ) -> subprocess.Popen[bytes]:
        def restrain() -> None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits.scratch, limits.scratch))

        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=str(place.work),
                env=self._environment(place),
                pass_fds=descriptors,
                start_new_session=True,
                preexec_fn=restrain,
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


def _lay_out(inputs: Mapping[str, Path], folder: Path) -> None:
    """Without bubblewrap: the inputs under their names, as links to the copies."""
    with _ours():
        folder.mkdir()
        for name, path in inputs.items():
            (folder / name).symlink_to(path)


@contextlib.contextmanager
def _ours() -> Iterator[None]:
    """What the system refuses here is no fault of a submission."""
    try:
        yield
    except OSError as error:
        raise ToolError("a probe could not be started: {}".format(error)) from error
