"""The words that all reports share: what did not pass in which order, and how sure the verdict is."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from checker.outcomes import Reason, Status
from checker.result import Accuracy, CheckResult, Result
from checker.text import printable

LOST = (Status.FAILED, Status.LIMIT)
OPEN = (Status.BLOCKED, Status.ERROR)


def status(check: CheckResult) -> str:
    """The status as it is shown: a hint that was not kept is no failure."""
    return "hint" if unkept_hint(check) else check.status.value


def unkept_hint(check: CheckResult) -> bool:
    """Whether it is a hint of the course, without points, that the submission does not follow."""
    return check.hint and check.status in LOST


def points(check: CheckResult) -> str:
    """The points of one check: given/possible, "" where there are none to give."""
    if not check.points_possible or check.status in (Status.NOT_RUN, Status.ERROR):
        return ""
    return "{:g}/{}".format(check.points, check.points_possible)


def not_passed(result: Result) -> Iterator[List[CheckResult]]:
    """What did not pass, the worst first; checks that wait for the same thing stand together."""
    for statuses in (LOST, OPEN):
        groups: Dict[Tuple[Status, Optional[Reason]], List[CheckResult]] = {}
        for check in result.checks:
            if check.status in statuses and not unkept_hint(check) and not waits(check):
                groups.setdefault((check.status, check.reason), []).append(check)
        yield from groups.values()
    for check in result.checks:
        if unkept_hint(check):
            yield [check]


def waits(check: CheckResult) -> bool:
    """Whether a check waits for another one."""
    return (
        check.status is Status.BLOCKED and check.reason is not None and check.reason.name.startswith("waits-")
    )


def waiting(result: Result) -> List[Tuple[str, str]]:
    """For each check that is waited for: what to do about it, and the titles of those that wait."""
    titles: Dict[str, List[str]] = {}
    for check in result.checks:
        if check.reason is not None and waits(check):
            titles.setdefault(check.reason.advice, []).append(check.title)
    return [(advice, "; ".join(names)) for advice, names in titles.items()]


def reason_rows(reason: Optional[Reason]) -> List[Tuple[str, str]]:
    """The parts of a reason that say something, each with its label."""
    if reason is None:
        return []
    rows = (
        ("expected", reason.expected),
        ("found", reason.found),
        ("where", reason.where),
        ("do", reason.advice),
        ("more", "docs/students.md#" + reason.name),
    )
    return [(label, words) for label, words in rows if words]


def flags(result: Result) -> List[str]:
    """What a person has to look at."""
    return [flag.found for check in result.checks for flag in check.flags]


def mark(result: Result) -> str:
    """Say that a report was made again from a file; "" where it comes from the run itself."""
    if not result.rendered_from:
        return ""
    return "rendered from {}; nothing was checked again".format(printable(result.rendered_from))


def kind(result: Result) -> str:
    """What a verdict is good for: a graded one counts, one from a desk is the word of whoever ran it."""
    if result.graded:
        return "graded: interpreter, images and edition were named by the examiner"
    return "desk check, as good as the machine that it ran on"


def verdict(result: Result) -> str:
    """The verdict, and how far it goes."""
    if result.pending:
        words = "pending: {}, once a person has looked at {}"
        return printable(words.format(result.verdict, ", ".join(result.pending)))
    scope = ""
    if result.quick:
        scope = ", as far as reading alone can tell"
    if result.selected:
        scope = ", as far as the selected checks can tell"
    if result.interrupted:
        scope = ": interrupted before all checks had run"
    return printable(result.verdict) + scope


def all_points(result: Result) -> str:
    """Points given and possible, and of which checks they are."""
    given = "{:g} of {}".format(result.points.given, result.points.possible)
    if result.interrupted or (result.quick and not result.selected):
        return given + ", of the checks that ran"
    return given + (", of the selected checks" if result.selected else "")


def accuracy(found: Accuracy, seed: Optional[int]) -> str:
    """The accuracy, what decided on it, and how sure that is; ``seed``: of the order of the images."""
    share = found.correct / found.seen
    said = "{:.2%} ({:,} of {:,} images); needed {:.0%}".format(
        share, found.correct, found.seen, found.threshold
    )
    interval = "{:.2%} to {:.2%}".format(found.low, found.high)
    if found.decided_by == "all":
        return said + "; decided by all test images"
    if found.decided_by == "sequence":
        part = "the first {:,} of all {:,} in random order (seed {})".format(found.seen, found.total, seed)
        sure = "of all, {} are right; wrong at most once in {:,.0f} runs".format(
            interval, 1 / found.error_rate
        )
        return "{}; decided by {}: {}".format(said, part, sure)
    said += "; {:g} % interval {}".format(100 * (1 - found.error_rate), interval)
    return said if found.decided_by == "sample" else said + ": too close to decide"


def evaluation(found: Accuracy) -> str:
    """Whether the accuracy owes anything to code that was handed in, in a line."""
    if found.evaluation == "clean":
        by = "" if found.engine == "TensorFlow" else " by " + found.engine
        return printable("clean: rebuilt from stock layers and scored without any code handed in" + by)
    return printable("opaque: {}".format(found.opaque_because))


def kept(result: Result) -> str:
    """What was known from an earlier run; "" where nothing was."""
    if result.kept is None:
        return ""
    said = "{} of {} checks, of {} UTC: nothing that they rest on has changed since (--no-cache runs them)"
    since = result.kept.since[:16].replace("T", " ")
    return printable(said.format(len(result.kept.checks), len(result.checks), since))


def interpreter(result: Result) -> str:
    """What the submission ran in, in a line; "" where nothing is known of it."""
    if result.interpreter is None:
        return ""
    versions = result.interpreter.versions
    said = "Python {}".format(result.interpreter.python)
    if versions.get("tensorflow"):
        said += ", TensorFlow {}, NumPy {}".format(versions["tensorflow"], versions.get("numpy", "?"))
    return printable("{} ({})".format(said, result.interpreter.named_by))


def isolation(result: Result) -> str:
    """The isolation level in force, in a line."""
    detail = " ({})".format(result.isolation.detail) if result.isolation.detail else ""
    warning = "; submitted code could have reached the checker" if result.isolation.level == "limits" else ""
    return printable(result.isolation.level + detail + warning)
