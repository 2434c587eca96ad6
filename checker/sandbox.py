"""Run a probe under limits, isolated where bubblewrap works, and leave nothing of it behind.

Two levels: ``bubblewrap`` (own user, PID, IPC and network namespaces, read-only view of what is
needed, a scratch folder to write in) and ``limits`` (the same limits, no walls). The level in force is
on the result. Probes run with ``-I -B -u``, in an environment of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import psutil

from checker.channel import Receiver
from checker.errors import EvidenceError, ToolError
from checker.interpreters import Interpreter

PACKAGE = Path(__file__).resolve().parent
PROBES = PACKAGE / "probes"
_INTERVAL = 0.1  # seconds between two looks at the process tree
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SCRATCH, _INPUT, _PROBES = "/scratch", "/submission", "/probes"


@dataclass(frozen=True)
class Limits:
    """Limits of one run: seconds of the wall clock, bytes, processes.

    ``seconds`` is the time until the probe's next sign of life; ``then`` gives more time, from the
    moment at which a fact, or an array, of that name comes.
    """

    seconds: float
    memory: int
    processes: int
    printed: int
    scratch: int
    then: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """What was seen from outside when a fact named in ``Limits.then`` came."""

    cpu_seconds: float
    printed: int
    written: Tuple[str, ...]


@dataclass(frozen=True)
class Isolation:
    """The level in force, and why it is not a higher one."""

    level: str
    detail: str = ""


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


@dataclass
class _Watch:
    """What is known of a run while it lasts."""

    started: float
    deadline: float
    allowed: float
    cpu: Dict[int, float] = field(default_factory=dict)
    marks: Dict[str, Mark] = field(default_factory=dict)
    peak: int = 0

    @property
    def cpu_seconds(self) -> float:
        return sum(self.cpu.values())


class Stop(Exception):
    """Raised by a callback: enough is known, end the run."""


class _Limit(Exception):
    """A limit was reached."""


class Sandbox:
    """Runs probes with one interpreter. ``workspace`` is a folder of ours for scratch space."""

    def __init__(self, interpreter: Interpreter, workspace: Path) -> None:
        self._interpreter = interpreter
        self._workspace = workspace
        self._bwrap = shutil.which("bwrap")
        self.isolation = self._try_isolation()

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

        What it reports goes to ``receiver``; ``tick`` is called a few times a second.
        """
        with _folder(self._workspace, probe) as scratch:
            reading, writing = os.pipe()
            try:
                where = _INPUT if self._isolated else str(scratch / "input")
                if not self._isolated:
                    _lay_out(inputs, scratch / "input")
                arguments = dict(settings, channel=writing, inputs=where)
                work = scratch / "work"
                command = self._command(probe, arguments, inputs, work)
                process = self._start(command, work, limits, writing)
            finally:
                os.close(writing)
            with contextlib.ExitStack() as stack:
                stack.callback(os.close, reading)
                stack.callback(receiver.close)
                stack.callback(_end_tree, process)
                run = _Supervisor(process, reading, work, limits, receiver, tick).run()
        return run

    def vendored(self, name: str) -> str:
        """Path, as a probe sees it, of a file that ships with the checker."""
        return "{}-vendor/{}".format(_PROBES, name) if self._isolated else str(PACKAGE / "vendor" / name)

    @property
    def _isolated(self) -> bool:
        return self.isolation.level == "bubblewrap"

    def _try_isolation(self) -> Isolation:
        """Find the level by a trial run of the real command."""
        if not sys.platform.startswith("linux"):
            return Isolation("limits", "bubblewrap needs Linux")
        if not self._bwrap:
            return Isolation("limits", "bubblewrap is not installed")
        self.isolation = Isolation("bubblewrap")
        with _folder(self._workspace, "trial") as scratch:
            command = self._wrapped({}, scratch / "work")
            command += [self._interpreter.executable, "-I", "-B", "-c", "print('ok')"]
            try:
                answer = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    env=self._environment(),
                    timeout=20,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return Isolation("limits", "the trial run of bubblewrap failed: {}".format(error))
        if answer.stdout.strip() == b"ok":
            return Isolation("bubblewrap")
        words = answer.stderr.decode("utf-8", "replace").strip()[-300:]
        return Isolation("limits", "the trial run of bubblewrap failed: " + words)

    def _command(
        self,
        probe: str,
        arguments: Mapping[str, object],
        inputs: Mapping[str, Path],
        work: Path,
    ) -> List[str]:
        folder = _PROBES if self._isolated else str(PROBES)
        script = "{}/{}.py".format(folder, probe)
        python = [self._interpreter.executable, "-I", "-B", "-u", script, json.dumps(arguments)]
        return self._wrapped(inputs, work) + python if self._isolated else python

    def _wrapped(self, inputs: Mapping[str, Path], work: Path) -> List[str]:
        command = [str(self._bwrap)]
        command += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net"]
        command += ["--unshare-uts", "--unshare-cgroup-try", "--new-session", "--die-with-parent"]
        command += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
        command += _system_folders()
        # First, since an interpreter may lie below /tmp.
        command += ["--bind", str(work.parent / "tmp"), "/tmp"]
        for folder in self._interpreter.folders:
            command += ["--ro-bind", folder, folder]
        for folder in self._interpreter.folders:
            # The embedded images and their labels lie in our own package.
            if str(PACKAGE).startswith(folder.rstrip("/") + "/"):
                command += ["--tmpfs", str(PACKAGE)]
                break
        command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--ro-bind", str(PROBES), _PROBES]
        command += ["--ro-bind", str(PACKAGE / "vendor"), _PROBES + "-vendor"]
        command += ["--dir", _INPUT]
        for name, path in inputs.items():
            command += ["--ro-bind", str(path), "{}/{}".format(_INPUT, name)]
        command += ["--bind", str(work), _SCRATCH]
        return [*command, "--chdir", _SCRATCH, "--"]

    def _environment(self, work: Optional[Path] = None) -> Dict[str, str]:
        isolated = self._isolated or work is None
        home = _SCRATCH if isolated else str(work)
        temporary = "/tmp" if isolated else str(Path(home).parent / "tmp")
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home + "/.home",
            "TMPDIR": temporary,
            "LANG": "C.UTF-8",
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "tensorflow",
        }

    def _start(
        self, command: Sequence[str], work: Path, limits: Limits, channel: int
    ) -> subprocess.Popen[bytes]:
        def restrain() -> None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits.scratch, limits.scratch))

        _adopt_orphans()
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=str(work),
                env=self._environment(work),
                pass_fds=(channel,),
                start_new_session=True,
                preexec_fn=restrain,
            )
        except OSError as error:
            raise ToolError("A probe could not be started: {}".format(error)) from error


class _Supervisor:
    """Reads a probe's pipes and watches its processes until it ends."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: int,
        work: Path,
        limits: Limits,
        receiver: Receiver,
        tick: Callable[[], None],
    ) -> None:
        self._process, self._channel, self._work = process, channel, work
        self._limits, self._receiver, self._tick = limits, receiver, tick
        now = time.monotonic()
        self._watch = _Watch(now, now + limits.seconds, limits.seconds)
        self._output: Dict[str, bytearray] = {"printed": bytearray(), "errors": bytearray()}
        self._streams = {"printed": process.stdout, "errors": process.stderr}

    def run(self) -> Run:
        """Wait for the end of the probe, whatever it is."""
        ending, detail = "finished", ""
        try:
            self._read()
            status = self._wait()
            if status:
                ending, detail = "crashed", _status_words(status)
        except _Limit as limit:
            ending, detail = "limit", str(limit)
        except EvidenceError as error:
            ending, detail = "malformed", str(error)
        except Stop:
            ending = "stopped"
        _end_tree(self._process)
        return Run(
            ending,
            detail,
            seconds=time.monotonic() - self._watch.started,
            cpu_seconds=self._watch.cpu_seconds,
            peak_memory=self._watch.peak,
            printed=bytes(self._output["printed"]),
            errors=bytes(self._output["errors"]),
            written=_written(self._work),
            marks=self._watch.marks,
        )

    def _read(self) -> None:
        """Read all three pipes until they close, or the probe's first process is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ, "channel")
            for name, stream in self._streams.items():
                if stream:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, selectors.EVENT_READ, name)
            next_look = 0.0
            while selector.get_map():
                events = selector.select(_INTERVAL)
                for key, _ in events:
                    if not self._take(key.data, key.fd):
                        selector.unregister(key.fileobj)
                if time.monotonic() >= next_look:
                    self._look()
                    next_look = time.monotonic() + _INTERVAL
                # A child that was left behind may hold the pipes open for ever.
                if not events and self._process.poll() is not None:
                    return

    def _take(self, name: str, descriptor: int) -> bool:
        """Read what a pipe holds; False at its end."""
        if name != "channel":
            return self._take_output(name, descriptor)
        data = os.read(descriptor, 1 << 20)
        for event in self._receiver.feed(data):
            if event in self._limits.then:
                self._mark(event)
        return bool(data)

    def _take_output(self, name: str, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return True
        kept = self._output[name]
        kept += data
        if len(kept) > self._limits.printed:
            del kept[self._limits.printed :]
            raise _Limit("output: more than {} printed".format(_megabytes(self._limits.printed)))
        return bool(data)

    def _mark(self, event: str) -> None:
        """Give more time, and keep what can be seen at the first event of a name."""
        watch = self._watch
        watch.allowed = self._limits.then[event]
        watch.deadline = time.monotonic() + watch.allowed
        if event in watch.marks:
            return
        # What was printed before the event is in its pipe by now.
        for name, stream in self._streams.items():
            if stream and not stream.closed:
                self._take_output(name, stream.fileno())
        self._look()
        watch.marks[event] = Mark(watch.cpu_seconds, len(self._output["printed"]), _written(self._work))

    def _wait(self) -> int:
        while self._process.poll() is None:
            self._look()
            time.sleep(_INTERVAL)
        return self._process.returncode

    def _look(self) -> None:
        """Look at the clock, the processes and the disk; raise _Limit."""
        self._tick()
        now, limits, watch = time.monotonic(), self._limits, self._watch
        if now > watch.deadline:
            raise _Limit("time: more than {:.0f} seconds".format(watch.allowed))
        memory = count = 0
        for process in _tree():
            with contextlib.suppress(psutil.Error):
                with process.oneshot():
                    memory += process.memory_info().rss
                    times = process.cpu_times()
                watch.cpu[process.pid] = times.user + times.system
                count += 1
        watch.peak = max(watch.peak, memory)
        if memory > limits.memory:
            raise _Limit("memory: more than {}".format(_megabytes(limits.memory)))
        if count > limits.processes:
            raise _Limit("processes: more than {}".format(limits.processes))
        if _size(self._work.parent) > limits.scratch:
            raise _Limit("disk: more than {} written".format(_megabytes(limits.scratch)))


@contextlib.contextmanager
def _folder(workspace: Path, name: str) -> Iterator[Path]:
    """A fresh scratch folder for one run, with ``work``, ``tmp`` and room for inputs."""
    path = Path(tempfile.mkdtemp(prefix=name + "-", dir=str(workspace)))
    try:
        for inner in ("work", "tmp"):
            (path / inner).mkdir()
        yield path
    finally:
        remove(path)


def remove(path: Path) -> None:
    """Remove a folder of ours, modes that submitted code took away notwithstanding."""

    def retry(function: Callable[..., object], name: str, _: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(name), 0o700)
            if not os.path.islink(name):
                os.chmod(name, 0o700)
            if function in (os.unlink, os.remove):
                os.unlink(name)
            else:
                shutil.rmtree(name, ignore_errors=True)

    shutil.rmtree(str(path), onerror=retry)


def _lay_out(inputs: Mapping[str, Path], folder: Path) -> None:
    """Without bubblewrap: the inputs under their names, as links to the copies."""
    folder.mkdir()
    for name, path in inputs.items():
        (folder / name).symlink_to(path)


def _system_folders() -> List[str]:
    """Bubblewrap's arguments for the system's own libraries, without the host's settings."""
    arguments: List[str] = []
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"):
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            arguments += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"):
        if os.path.exists(path):
            arguments += ["--ro-bind", path, path]
    return arguments


def _adopt_orphans() -> None:
    """Make processes whose parent ended our children, so that none of them is lost (Linux)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _tree() -> List[psutil.Process]:
    """The run's processes: a probe is the only child that we have, orphans come to us."""
    try:
        return psutil.Process().children(recursive=True)
    except psutil.Error:
        return []


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill every process of the run, stopped ones and orphans too, and wait for them."""
    deadline = time.monotonic() + 10
    while True:
        tree = _tree()
        for one in tree:
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        process.poll()
        psutil.wait_procs(tree, timeout=1)
        if (not tree and process.poll() is not None) or time.monotonic() > deadline:
            break
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _written(work: Path) -> Tuple[str, ...]:
    """Names of what a run left in its scratch folder, at most 20; caches of libraries are no matter."""
    names: List[str] = []
    for folder, folders, files in os.walk(str(work)):
        folders[:] = sorted(name for name in folders if name != ".home")
        relative = os.path.relpath(folder, str(work))
        names += sorted(os.path.normpath(os.path.join(relative, name)) for name in files)
        if len(names) > 20:
            break
    return tuple(names[:20])


def _size(folder: Path) -> int:
    """Bytes on disk below a folder, inputs (links) not counted."""
    total = 0
    stack = [str(folder)]
    while stack:
        with contextlib.suppress(OSError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _status_words(status: int) -> str:
    """An exit status in words."""
    # Inside bubblewrap a signal arrives as 128 plus its number, as in a shell.
    number = -status if status < 0 else status - 128
    if number in {item.value for item in signal.Signals}:
        return "it was ended by {}".format(signal.Signals(number).name)
    return "it ended with exit status {}".format(status)


def _megabytes(count: int) -> str:
    return "{:.0f} MB".format(count / 1e6)
