"""Measure a row of the plan."""

from __future__ import annotations

import datetime
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bench.verdicts import images, measuring, peers, plan, submissions
from bench.verdicts.journal import Record, Run
from bench.verdicts.plan import Row
from bench.verdicts.submissions import Environment, Submission
from checker import machine
from checker.errors import CheckerError

ROOT = Path(__file__).resolve().parents[2]
ACCURACY = 0.94  # of what does not depend on it
THRESHOLD = 0.87
TIMEOUT = 3 * 3600.0
SHIMMED = "0-main.py does not run in Keras 3; it got a learning_phase, and leave to load a Lambda"
_LEFT_OUT = ("CHECKER_", "PYTHON", "PYTEST", "VIRTUAL_ENV", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Repeat:
    """How often: ``most`` times, but no more than began within ``seconds``."""

    most: int
    seconds: float


_REPEAT = {
    "main": Repeat(3, 30),
    "exact": Repeat(3, 30),
    "sequence": Repeat(5, 60),
    "unchanged": Repeat(7, 30),
}
LONG = ("main", "exact", "sequence")
_OFTEN, _ONCE = Repeat(9, 60), Repeat(1, 0)
_NOTHING = Run(0.0, 0.0, 0, 0)


@dataclass(frozen=True)
class Command:
    """What is run, in which folder. ``said`` reads verdict and images, of the log or what else it left."""

    words: Tuple[str, ...]
    folder: Path
    said: Callable[[Path], Run] = lambda _: _NOTHING
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a row came to, as in its record."""

    versions: Dict[str, str]
    runs: Tuple[Run, ...]
    note: str = ""
    first: Tuple[Run, ...] = ()
    beside: Tuple[Run, ...] = ()


_IMPORT = Command((sys.executable, "-c", "import pytest"), ROOT)


@dataclass
class Bench:
    """Measures rows with what lies in ``work``. ``images``: what ``--images`` names.

    ``repeat``: how often a kind of row is run, where that is not as usual.
    """

    work: Path
    environments: Mapping[str, Environment]
    images: Optional[str] = None
    peers_python: Optional[str] = None
    repeat: Mapping[str, Repeat] = field(default_factory=dict)

    def record(self, row: Row) -> Record:
        """Measure a row. Raises CheckerError where that cannot be."""
        kinds: Dict[str, Callable[[Row], Found]] = {
            "pytest": self._pytest,
            "main": self._main,
            "unchanged": self._unchanged,
            **dict.fromkeys(plan.PEERS, self._peer),
        }
        found = kinds.get(row.kind, self._check)(row)
        now = datetime.datetime.now(datetime.timezone.utc)
        return Record(
            row=row,
            runs=found.runs,
            note=found.note,
            machine=machine.processor(),
            checker=revision(),
            date=now.isoformat(timespec="seconds"),
            versions=found.versions,
            first=found.first,
            beside=found.beside,
            wrong=_wrong_count(row, found.runs) or _wrong_verdict(row, found.runs),
        )

    def _pytest(self, row: Row) -> Found:
        return Found({"python": _python()}, self._runs(row, _IMPORT))

    def _peer(self, row: Row) -> Found:
        peer = peers.installed(row.kind, self.peers_python, self.work)
        quick = Row("quick", next(iter(self.environments)), plan.LIGHT.name)
        beside = self._command(quick, *self._made(quick))
        runs, others = self._in_turn(row, Command(peer.command, peer.folder), beside)
        more = ", ".join(peers.PACKAGES[row.kind][1:])
        note = "with {}, which it needs and does not bring along".format(more) if more else ""
        return Found({row.kind: peer.version}, runs, note, beside=others)

    def _main(self, row: Row) -> Found:
        environment, submission = self._made(row)
        with _Images(self, row, submission) as path:
            course = (str(submissions.HERE / "course.py"), str(path), SHIMMED)
            scaled = ("scaled",) if row.images < plan.ALL else ()
            words = (environment.python, "-B", "-I", *course, *scaled)
            runs = self._runs(row, Command(words, submission.folder, _printed(row.images)))
        shimmed = SHIMMED if SHIMMED.encode() in self._log(row).read_bytes() else ""
        return Found(environment.versions, runs, shimmed)

    def _check(self, row: Row) -> Found:
        environment, submission = self._made(row)
        with _Images(self, row, submission) as path:
            command = self._command(row, environment, submission, path)
            if row.kind in plan.BESIDE:
                runs, others = self._in_turn(row, command, _IMPORT)
            else:
                runs, others = self._runs(row, command), ()
        return Found(environment.versions, runs, beside=others)

    def _unchanged(self, row: Row) -> Found:
        """A check that fills an empty cache, and what comes after it."""
        environment, submission = self._made(row)
        cache = self.work / "cache-unchanged"
        shutil.rmtree(str(cache), ignore_errors=True)
        with _Images(self, row, submission) as path:
            command = self._command(row, environment, submission, path)
            command = replace(command, variables={"XDG_CACHE_HOME": str(cache)})
            if not has_cache():
                runs = self._runs(row, command, _ONCE)
                return Found(environment.versions, runs, "there is no cache of evidence: checked anew")
            first = self._runs(row, command, _ONCE)
            runs, others = self._in_turn(row, command, _IMPORT)
        return Found(environment.versions, runs, first=first, beside=others)

    def _command(
        self, row: Row, environment: Environment, submission: Submission, path: Optional[Path] = None
    ) -> Command:
        """``checker check``, as the row wants it."""
        target = self.work / "result.json"
        if target.exists():  # of a run that was interrupted
            target.unlink()
        words = [sys.executable, "-m", "checker", "check", str(submission.folder)]
        words += ["--assignment", environment.assignment, "--python", environment.python]
        words += ["--format", "text", "--format", "json={}".format(target)]
        if row.kind in ("quick", "exact"):
            words.append("--" + row.kind)
        if row.kind != "quick":
            words += ["--images", str(path)]
        if row.kind != "unchanged" and has_cache():
            words.append("--no-cache")
        return Command(tuple(words), ROOT, _result(target))

    def _runs(self, row: Row, command: Command, repeat: Optional[Repeat] = None) -> Tuple[Run, ...]:
        """Run a command as often as its kind wants it."""
        return self._in_turn(row, command, None, repeat)[0]

    def _in_turn(
        self, row: Row, command: Command, beside: Optional[Command], repeat: Optional[Repeat] = None
    ) -> Tuple[Tuple[Run, ...], Tuple[Run, ...]]:
        """Run a command as often as its kind wants it, and another one in turn with it.

        What is short is watched once, and then left alone.
        """
        repeat = repeat or self.repeat.get(row.kind) or _REPEAT.get(row.kind, _OFTEN)
        runs: List[Run] = []
        others: List[Run] = []
        while not runs or (len(runs) < repeat.most and sum(run.wall for run in runs) < repeat.seconds):
            runs.append(self._run(command, self._log(row), not runs or row.kind in LONG))
            if beside is not None:
                others.append(self._run(beside, self.work / "logs" / "beside.log", not others))
        return tuple(runs), tuple(others)

    def _run(self, command: Command, log: Path, watched: bool) -> Run:
        """Run a command once. ``watched``: look at its memory, and at the CPU of processes that it ends."""
        variables = {**_variables(), "XDG_CACHE_HOME": str(self.work / "cache"), **command.variables}
        done = measuring.measure(command.words, command.folder, variables, log, TIMEOUT, watched)
        return replace(
            command.said(log),
            wall=round(done.wall, 4),
            cpu=round(done.cpu, 4),
            memory=done.memory,
            exit_code=done.exit_code,
        )

    def _made(self, row: Row) -> Tuple[Environment, Submission]:
        environment = self.environments[row.environment]
        network = plan.BY_NAME[row.network]
        try:
            return environment, submissions.made(environment, network, self._every(), self.work)
        except subprocess.CalledProcessError as error:
            raise CheckerError("the model could not be built: {}".format(error)) from error

    def _every(self) -> Path:
        """All images as a .npy, written once."""
        path = self.work / "images.npy"
        if not path.exists():
            partial = path.with_suffix(".partial.npy")
            np.save(str(partial), images.everything(self.images))
            partial.rename(path)
        return path

    def _log(self, row: Row) -> Path:
        folder = self.work / "logs"
        folder.mkdir(exist_ok=True)
        return folder / (row.key.replace("/", "-") + ".log")


class _Images:
    """The images of a row as an .npz while it is measured: 30 MB, in no one's way afterwards."""

    def __init__(self, bench: Bench, row: Row, submission: Submission) -> None:
        self._path, self._row, self._submission = bench.work / "images.npz", row, submission
        self._every = bench.work / "images.npy"

    def __enter__(self) -> Path:
        every, classes = np.load(str(self._every)), submissions.classes_of(self._submission)
        count, accuracy = self._row.images or plan.ALL, self._row.accuracy or ACCURACY
        return images.write(self._path, every, classes, accuracy, count)

    def __exit__(self, *_: object) -> None:
        self._path.unlink()


@functools.lru_cache(maxsize=None)
def has_cache() -> bool:
    """Whether ``checker check`` keeps evidence, which is when it can be asked not to."""
    command = [sys.executable, "-m", "checker", "check", "--help"]
    return b"--no-cache" in subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, check=True).stdout


@functools.lru_cache(maxsize=None)
def revision() -> str:
    """The checker's revision, as git names it; "" where there is no git."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(
            command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return ""
    return done.stdout.decode().strip()


def _variables() -> Dict[str, str]:
    """The environment, without what speaks to Python or the checker."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_LEFT_OUT)}
    return {**kept, "CUDA_VISIBLE_DEVICES": "-1"}


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _printed(count: int) -> Callable[[Path], Run]:
    """Reads the accuracy that the course's script printed."""

    def said(log: Path) -> Run:
        found = re.findall(rb"acc(?:uracy)?: ([0-9.]+)", log.read_bytes())
        if not found:
            return _NOTHING
        share = float(found[-1])
        return Run(0, 0, 0, 0, "accuracy {:.4f}".format(share), count, round(share * count))

    return said


def _result(target: Path) -> Callable[[Path], Run]:
    """Reads the result that a check wrote, and takes it away."""

    def said(log: Path) -> Run:
        if not target.exists():
            return _NOTHING
        result = json.loads(target.read_text(encoding="utf-8"))
        target.unlink()
        accuracy = result["accuracy"] or {"seen": 0, "correct": 0}
        stages = {stage["name"]: round(stage["seconds"], 3) for stage in result["stages"]}
        return Run(0, 0, 0, 0, result["verdict"], accuracy["seen"], accuracy["correct"], stages)

    return said


def _wrong_count(row: Row, runs: Sequence[Run]) -> str:
    """What is wrong where all images were scored and not as many are right as the labels were made for."""
    if row.kind not in ("main", "exact"):
        return ""
    count = round(ACCURACY * row.images)
    # 0-main.py prints four places.
    wrong = [run.right for run in runs if abs(run.right - count) > (0 if row.kind == "exact" else 1)]
    return "{} right, not {}".format(wrong[0], count) if wrong else ""


def _wrong_verdict(row: Row, runs: Sequence[Run]) -> str:
    """What is wrong where a verdict is not that of the accuracy."""
    if row.kind not in ("sequence", "unchanged"):
        return ""
    code = 0 if row.accuracy >= THRESHOLD else 1
    wrong = [run for run in runs if run.exit_code != code]
    return "exit code {}, not {}".format(wrong[0].exit_code, code) if wrong else ""
