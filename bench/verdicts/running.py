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
from dataclasses import dataclass, field
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
SHIMMED = "Keras has no learning_phase; 0-main.py got one"
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
_SHORT = Repeat(9, 60)
_NOTHING = Run(0.0, 0.0, 0, 0)


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
        kinds: Dict[str, Callable[[Row], Tuple[Sequence[Run], Sequence[Run], str, Dict[str, str]]]] = {
            "pytest": self._pytest,
            "main": self._main,
            "unchanged": self._unchanged,
        }
        kinds.update(dict.fromkeys(plan.PEERS, self._peer))
        first, runs, note, versions = kinds.get(row.kind, self._check)(row)
        now = datetime.datetime.now(datetime.timezone.utc)
        return Record(
            row=row,
            runs=tuple(runs),
            note=note,
            machine=machine.processor(),
            checker=revision(),
            date=now.isoformat(timespec="seconds"),
            versions=versions,
            first=tuple(first),
        )

    def _pytest(self, row: Row):
        runs = self._runs(row, [sys.executable, "-c", "import pytest"], ROOT)
        return (), runs, "", {"python": _python()}

    def _peer(self, row: Row):
        peer = peers.installed(row.kind, self.peers_python, self.work)
        runs = self._runs(row, peer.command, peer.folder)
        note = "with {}, which it needs and does not bring along".format(peers.PACKAGES[row.kind][1:])
        return (), runs, note if len(peers.PACKAGES[row.kind]) > 1 else "", {row.kind: peer.version}

    def _main(self, row: Row):
        environment, submission = self._made(row)
        with _Images(self, row, submission) as path:
            command = [
                environment.python,
                "-B",
                "-I",
                str(submissions.HERE / "course.py"),
                str(path),
                SHIMMED,
            ]
            runs = self._runs(row, command, submission.folder, _printed(row.images))
        shimmed = course_is_shimmed(self._log(row))
        return (), runs, _joined(_wrong_count(row, runs), shimmed), environment.versions

    def _check(self, row: Row):
        environment, submission = self._made(row)
        with _Images(self, row, submission) as path:
            command, target = self._command(row, environment, submission, path)
            runs = self._runs(row, command, ROOT, _result(target))
        return (), runs, _joined(_wrong_count(row, runs), _wrong_verdict(row, runs)), environment.versions

    def _unchanged(self, row: Row):
        environment, submission = self._made(row)
        cache = self.work / "cache-unchanged"
        shutil.rmtree(str(cache), ignore_errors=True)
        with _Images(self, row, submission) as path:
            command, target = self._command(row, environment, submission, path)
            variables = {"XDG_CACHE_HOME": str(cache)}
            if not has_cache():
                runs = self._runs(row, command, ROOT, _result(target), variables, Repeat(1, 0))
                return (), runs, "there is no cache of evidence: checked anew", environment.versions
            first = self._runs(row, command, ROOT, _result(target), variables, Repeat(1, 0))
            runs = self._runs(row, command, ROOT, _result(target), variables)
        return first, runs, _wrong_verdict(row, runs), environment.versions

    def _command(
        self, row: Row, environment: Environment, submission: Submission, path: Path
    ) -> Tuple[List[str], Path]:
        """The command line of ``checker check``, and where its result comes to lie."""
        target = self.work / "result.json"
        command = [sys.executable, "-m", "checker", "check", str(submission.folder)]
        command += ["--assignment", environment.assignment, "--format", "text"]
        command += ["--format", "json={}".format(target)]
        if row.kind == "quick":
            return [*command, "--quick"], target
        command += ["--python", environment.python, "--images", str(path)]
        if row.kind != "unchanged" and has_cache():
            command.append("--no-cache")
        return command + (["--exact"] if row.kind == "exact" else []), target

    def _runs(
        self,
        row: Row,
        command: Sequence[str],
        folder: Path,
        said: Optional[Callable[[Path], Run]] = None,
        more: Optional[Mapping[str, str]] = None,
        repeat: Optional[Repeat] = None,
    ) -> List[Run]:
        """Run a command as often as its kind wants it. ``said`` reads what came of it, of its log.

        Memory is looked at in the first run alone, where there are several.
        """
        repeat = repeat or self.repeat.get(row.kind) or _REPEAT.get(row.kind, _SHORT)
        log, runs = self._log(row), []  # type: Path, List[Run]
        variables = {**_variables(), "XDG_CACHE_HOME": str(self.work / "cache"), **(more or {})}
        while not runs or (len(runs) < repeat.most and sum(run.wall for run in runs) < repeat.seconds):
            done = measuring.measure(command, folder, variables, log, TIMEOUT, watched=not runs)
            found = said(log) if said else _NOTHING
            runs.append(
                Run(
                    wall=round(done.wall, 4),
                    cpu=round(done.cpu, 4),
                    memory=done.memory,
                    exit_code=done.exit_code,
                    verdict=found.verdict,
                    seen=found.seen,
                    right=found.right,
                )
            )
        return runs

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


def course_is_shimmed(log: Path) -> str:
    """The note on a Keras in which the course's script does not run as it stands; "" where it does."""
    return SHIMMED if SHIMMED.encode() in log.read_bytes() else ""


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
        return Run(0, 0, 0, 0, result["verdict"], accuracy["seen"], accuracy["correct"])

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


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
