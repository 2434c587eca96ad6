"""The result of a run: one versioned schema; every report is a pure function of it.

The JSON Schema is ``result.schema.json``; :meth:`Result.from_dict` refuses what does not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from checker.errors import UsageError
from checker.outcomes import ExitCode, Flag, Reason, Status
from checker.typed import FieldError, mismatch, plain, structure

SCHEMA_VERSION = 4


@dataclass(frozen=True)
class FileRecord:
    """A file that was handed in: size in bytes, permission bits in octal, SHA-256."""

    name: str
    present: bool
    size: int
    mode: str
    sha256: str


@dataclass(frozen=True)
class InterpreterRecord:
    """The submission's interpreter and what is installed in it ("": not there)."""

    executable: str
    named_by: str
    python: str
    versions: Dict[str, str]
    differs: Tuple[str, ...]


@dataclass(frozen=True)
class IsolationRecord:
    """The isolation level in force: "bubblewrap", "landlock", "limits", or "none" where nothing ran.

    ``detail`` is what is missing of it, or why it is not a higher one; "" where nothing is.
    """

    level: str
    detail: str


@dataclass(frozen=True)
class ImagesRecord:
    """The test images: their source, number, and a digest that does not depend on their order.

    ``passed_over``: sources that would have come first and could not be used, each with the reason.
    """

    source: str
    name: str
    count: int
    digest: str
    passed_over: Tuple[str, ...]


@dataclass(frozen=True)
class StageRecord:
    """One run of a probe: seconds of wall and CPU time, peak resident memory in bytes."""

    name: str
    ending: str
    detail: str
    seconds: float
    cpu_seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Accuracy:
    """How many test images were scored and how many correctly.

    ``decided_by``: "all" (every image of the test set), "sequence" (the first ``seen`` of them, by a
    confidence sequence at ``error_rate``), "sample" (a Clopper-Pearson interval at ``error_rate`` on a sample
    of the set), or "open". ``low`` and ``high`` are fractions; ``meets`` is None where nothing was decided.
    ``evaluation``: "clean" (by the model rebuilt from stock layers, where no submitted code ran) or "opaque"
    (by the model as handed in, for the reason ``opaque_because``). ``engine``: what computed the scores.
    """

    correct: int
    seen: int
    total: int
    not_finite: int
    low: float
    high: float
    error_rate: float
    threshold: float
    decided_by: str
    meets: Optional[bool]
    images_per_second: float
    evaluation: str
    opaque_because: str
    engine: str


@dataclass(frozen=True)
class Fact:
    """Something worth knowing that carries no points."""

    name: str
    value: str


@dataclass(frozen=True)
class CheckResult:
    """One check: its words and points from the edition, and what it came to.

    ``known`` says whether its facts were "seen" or "told"; ``flags`` are for a person to look at.
    """

    name: str
    title: str
    sentence: str
    known: str
    status: Status
    required: bool
    hint: bool
    points: float
    points_possible: int
    reason: Optional[Reason]
    flags: Tuple[Flag, ...]


@dataclass(frozen=True)
class Points:
    """Points given and possible; of a part of the checks, of those that ran."""

    given: float
    possible: int


@dataclass(frozen=True)
class KeptRecord:
    """Names of the checks whose answers are those of an earlier run at the desk, and ``since`` when."""

    since: str
    checks: Tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """Everything that a report may say about a run.

    ``rendered_from`` names the file that a report is made from again ("": from the run itself);
    ``selected`` are the names of the checks that alone were asked for (none: all of them). ``graded``: the
    run was in grading mode; ``pending`` are the flags that its verdict, as it would be, waits for. ``kept``:
    what was known from an earlier run; ``stages`` are those of this one.
    """

    schema_version: int
    checker_version: str
    created: str
    rendered_from: str
    graded: bool
    quick: bool
    selected: Tuple[str, ...]
    interrupted: bool
    assignment: str
    assignment_title: str
    assignment_digest: str
    submission: str
    files: Tuple[FileRecord, ...]
    interpreter: Optional[InterpreterRecord]
    isolation: IsolationRecord
    limits: Dict[str, float]
    images: Optional[ImagesRecord]
    seed: Optional[int]
    kept: Optional[KeptRecord]
    stages: Tuple[StageRecord, ...]
    seconds: float
    checks: Tuple[CheckResult, ...]
    accuracy: Optional[Accuracy]
    facts: Tuple[Fact, ...]
    points: Points
    pending: Tuple[str, ...]
    verdict: str
    exit_code: int

    def to_dict(self) -> Dict[str, Any]:
        """Return what JSON knows; :meth:`from_dict` is the inverse."""
        values: Dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """Build a result from :meth:`to_dict`'s output. Raises UsageError."""
        version = data.get("schema_version") if isinstance(data, Mapping) else None
        if version != SCHEMA_VERSION:
            raise UsageError(
                "Not a result that this version reads: expected schema_version {}, found {!r}.".format(
                    SCHEMA_VERSION, version
                )
            )
        try:
            result = structure(cls, data)
            _validate(result)
        except FieldError as error:
            raise UsageError("Not a result of the checker: {}.".format(error)) from error
        return result


VERDICTS = {
    ExitCode.MEETS: "meets the assignment",
    ExitCode.FALLS_SHORT: "falls short",
    ExitCode.UNDECIDED: "could not decide",
}


_DIGEST = "[0-9a-f]{64}"
_CREATED = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\+00:00"


def _forms(result: Result) -> Iterator[Tuple[str, str, str]]:
    """Texts of a fixed form: key, form, text."""
    yield "created", _CREATED, result.created
    yield "assignment_digest", _DIGEST, result.assignment_digest
    yield "isolation.level", "bubblewrap|landlock|limits|none", result.isolation.level
    for place, file in enumerate(result.files):
        yield "files[{}].mode".format(place), "([0-7]{4})?", file.mode
        yield "files[{}].sha256".format(place), "({})?".format(_DIGEST), file.sha256
    for place, check in enumerate(result.checks):
        yield "checks[{}].known".format(place), "seen|told", check.known
    if result.images is not None:
        yield "images.digest", _DIGEST, result.images.digest
    if result.kept is not None:
        yield "kept.since", _CREATED, result.kept.since
    if result.accuracy is not None:
        yield "accuracy.decided_by", "all|sequence|sample|open", result.accuracy.decided_by


def _numbers(result: Result) -> Iterator[Tuple[str, float]]:
    """Numbers that are not below zero: key, number."""
    yield "seconds", result.seconds
    for place, file in enumerate(result.files):
        yield "files[{}].size".format(place), file.size
    for place, check in enumerate(result.checks):
        yield "checks[{}].points".format(place), check.points
        yield "checks[{}].points_possible".format(place), check.points_possible
    if result.images is not None:
        yield "images.count", result.images.count - 1  # there is one


def _validate(result: Result) -> None:
    """Raise FieldError where the values have the right types and cannot be, or cannot belong together."""
    for key, form, text in _forms(result):
        if not re.fullmatch(form, text):
            raise mismatch(key, "what matches " + form, text)
    for key, number in _numbers(result):
        if number < 0:
            raise mismatch(key, "0 or more", number)
    for key, limit in result.limits.items():
        if limit <= 0:
            raise mismatch("limits." + key, "more than 0", limit)
    _validate_verdict(result)
    if result.accuracy is not None:
        _validate_accuracy(result.accuracy)


def _validate_verdict(result: Result) -> None:
    words = {int(code): verdict for code, verdict in VERDICTS.items()}
    if result.exit_code not in words:
        raise mismatch("exit_code", "one of " + ", ".join(map(str, words)), result.exit_code)
    wanted = words[result.exit_code]
    if result.pending:
        if not result.graded or result.exit_code != ExitCode.UNDECIDED:
            raise mismatch("pending", "none but in grading mode, with exit code 3", list(result.pending))
        wanted = VERDICTS[ExitCode.MEETS]
    if result.graded and result.kept is not None:
        raise mismatch("kept", "nothing in grading mode", list(result.kept.checks))
    if result.verdict != wanted:
        raise mismatch("verdict", repr(wanted), result.verdict)


def _validate_accuracy(accuracy: Accuracy) -> None:
    if not 0 <= accuracy.correct <= accuracy.seen <= accuracy.total:
        raise mismatch("accuracy.correct", "at most accuracy.seen, and that at most total", accuracy.correct)
    if accuracy.seen == 0:
        raise mismatch("accuracy.seen", "at least 1", 0)
    if accuracy.decided_by == "sequence" and not 0 < accuracy.error_rate < 1:
        raise mismatch("accuracy.error_rate", "a fraction between 0 and 1", accuracy.error_rate)
    if accuracy.evaluation not in ("clean", "opaque"):
        raise mismatch("accuracy.evaluation", "clean or opaque", accuracy.evaluation)
    if accuracy.opaque_because and accuracy.evaluation == "clean":
        raise mismatch("accuracy.opaque_because", "nothing, since it is clean", accuracy.opaque_because)


def decide(checks: Tuple[CheckResult, ...], interrupted: bool) -> ExitCode:
    """Exit code of a run: one failed required check decides, else all of them must have passed.

    A check that ``--quick`` or ``--select`` left out has no say. ``limit`` is the submission's doing,
    ``blocked`` and ``error`` are not.
    """
    if interrupted:
        return ExitCode.UNDECIDED
    statuses = [check.status for check in checks if check.required]
    if Status.FAILED in statuses or Status.LIMIT in statuses:
        return ExitCode.FALLS_SHORT
    if Status.BLOCKED in statuses or Status.ERROR in statuses or Status.PASSED not in statuses:
        return ExitCode.UNDECIDED
    return ExitCode.MEETS
