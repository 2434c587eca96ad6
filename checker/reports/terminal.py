"""The result for a person at a terminal: 80 columns, colours where they are wanted."""

from __future__ import annotations

import io
import textwrap
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from rich.console import Console, RenderableType
from rich.text import Text

from checker.editions import Edition
from checker.outcomes import ExitCode, Reason, Status
from checker.result import Accuracy, CheckResult, Result
from checker.text import printable, printable_lines

WIDTH = 80
_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.LIMIT: "red",
    Status.BLOCKED: "yellow",
    Status.ERROR: "magenta",
    Status.NOT_RUN: "dim",
}
_CODE_STYLES = {ExitCode.MEETS: "green", ExitCode.FALLS_SHORT: "red", ExitCode.UNDECIDED: "yellow"}


def console(file: Any) -> Console:
    """A console for reports: at most 80 columns wide; plain, and 80 wide, where it is no terminal.

    NO_COLOR and TERM are heeded at a terminal. Off it no variable has a say, so that what is printed
    is what :func:`render` returns.
    """
    if not file.isatty():
        return _plain(file)
    width = Console(file=file).width
    return Console(file=file, width=min(WIDTH, width), highlight=False, markup=False, emoji=False)


def render(result: Result) -> str:
    """Return the whole report as plain text."""
    buffer = io.StringIO()
    output = _plain(buffer)
    output.print(heading(result.assignment_title, result.submission))
    for check in result.checks:
        output.print(line(check))
    for part in summary(result):
        output.print(part)
    return buffer.getvalue()


def _plain(file: Any) -> Console:
    return Console(
        file=file,
        width=WIDTH,
        force_terminal=False,
        force_jupyter=False,
        color_system=None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )


def heading(title: str, folder: str) -> RenderableType:
    """What is checked against what."""
    return Text.assemble((printable(title), "bold"), "\n", (printable(folder), "dim"), "\n")


def line(check: CheckResult) -> RenderableType:
    """One check in one line: status, title, points."""
    status = check.status.value
    style = _STYLES[check.status]
    if check.hint and check.status is Status.FAILED:
        status, style = "hint", "cyan"
    points = ""
    if check.points_possible and check.status is not Status.NOT_RUN:
        points = "{:g}/{}".format(check.points, check.points_possible)
    title = printable(check.title)
    return Text.assemble(
        " ",
        ("{:8}".format(status), style),
        " {:58} ".format(title if len(title) <= 58 else title[:55] + "..."),
        ("{:>9}".format(points), "dim"),
    )


def editions(every: Sequence[Edition]) -> str:
    """Return the editions, a line each: name and title."""
    return "".join("{:24} {}\n".format(printable(item.name), printable(item.title)) for item in every)


def rules(edition: Edition) -> str:
    """Return what an edition asks for: each check, its points, and the course's sentence."""
    lines = [printable(edition.title), ""]
    for check in edition.checks.values():
        worth = "hint" if check.hint else "{} points".format(check.points)
        worth += "" if check.required or check.hint else ", not required"
        lines.append(" {:58} {:>18}".format(printable(check.title), worth))
        wrapped = textwrap.wrap(printable(check.sentence), WIDTH - 4, break_on_hyphens=False)
        lines += ["   " + part for part in wrapped]
    total = sum(check.points for check in edition.checks.values())
    return "\n".join([*lines, "", " {:58} {:>18}".format("all together", "{} points".format(total)), ""])


def summary(result: Result) -> Iterator[RenderableType]:
    """What does not pass and what to do; then facts, accuracy, points and verdict."""
    for group in _groups(result, (Status.FAILED, Status.LIMIT)):
        if not group[0].hint:
            yield _failure(group)
    waiting = [check for check in result.checks if _waits(check)]
    for group in _groups(result, (Status.BLOCKED, Status.ERROR)):
        if group[0] not in waiting:
            yield _failure(group)
    if waiting:
        yield Text("\nBlocked: these wait for something above", "bold yellow")
        yield _rows([("", Text(printable_lines(words))) for words in _wait_words(waiting)])
    for check in result.checks:
        if check.hint and check.status is Status.FAILED:
            yield _failure([check])
    flags = [flag for check in result.checks for flag in check.flags]
    if flags:
        yield Text("\nFor a person to look at (no points)", "bold")
        yield _rows([("", Text(printable_lines(flag), "cyan")) for flag in flags])
    yield Text("")
    yield _rows(list(_last_lines(result)))


def _waits(check: CheckResult) -> bool:
    """Whether a check waits for another one, which has more to say."""
    return (
        check.status is Status.BLOCKED and check.reason is not None and check.reason.name.startswith("waits-")
    )


def _wait_words(waiting: List[CheckResult]) -> Iterator[str]:
    """For each check that is waited for: what to do about it, and the titles of those that wait."""
    titles: Dict[str, List[str]] = {}
    for check in waiting:
        if check.reason is not None:
            titles.setdefault(check.reason.advice, []).append(check.title)
    for advice, names in titles.items():
        yield "{}\n  {}".format(advice, "; ".join(names))


def _groups(result: Result, statuses: Tuple[Status, ...]) -> List[List[CheckResult]]:
    """Checks of these statuses; those with the same reason stand together."""
    groups: Dict[Tuple[Status, Optional[Reason]], List[CheckResult]] = {}
    for check in result.checks:
        if check.status in statuses:
            groups.setdefault((check.status, check.reason), []).append(check)
    return list(groups.values())


def _failure(checks: List[CheckResult]) -> RenderableType:
    """What did not pass for one reason: the course's sentence, expected, found, where, what to do."""
    check = checks[0]
    style = "cyan" if check.hint else _STYLES[check.status]
    words = "; ".join(printable(item.title) for item in checks)
    if check.status not in (Status.FAILED, Status.LIMIT):
        words = "{}: {}".format(check.status.value, words)
    title = Text("\n" + "\n".join(textwrap.wrap(words, WIDTH)), "bold " + style)
    rows: List[Tuple[str, Text]] = []
    if len(checks) == 1:
        rows.append(("course", Text('"{}"'.format(printable(check.sentence)), "italic")))
    if check.reason is not None:
        for label, words in (
            ("expected", check.reason.expected),
            ("found", check.reason.found),
            ("where", check.reason.where),
            ("do", check.reason.advice),
        ):
            if words:
                rows.append((label, Text(printable_lines(words))))
        rows.append(("more", Text("docs/students.md#" + printable(check.reason.name), "dim")))
    return Text.assemble(title, "\n", _rows(rows))


def _rows(rows: List[Tuple[str, Text]]) -> Text:
    """Labels, and beside each what it says, wrapped; the lines of a script keep their spaces."""
    lines: List[Text] = []
    for label, words in rows:
        for paragraph in words.plain.split("\n"):
            for part in _wrapped(paragraph):
                lines.append(Text.assemble("  ", ("{:11} ".format(label), "dim"), (part, str(words.style))))
                label = ""
    return Text("\n").join(lines)


def _wrapped(paragraph: str) -> List[str]:
    indent = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))][:40]
    wrapped = textwrap.wrap(
        paragraph.strip(" "), WIDTH - 14 - len(indent), replace_whitespace=False, break_on_hyphens=False
    )
    return [indent + part for part in wrapped] or [""]


def _last_lines(result: Result) -> Iterator[Tuple[str, Text]]:
    if result.accuracy is not None:
        yield "accuracy", Text(accuracy_words(result.accuracy))
        if result.images is not None and result.images.source == "embedded":
            yield "", Text("on 1,000 images, for the desk", "dim")
    if result.interpreter is not None:
        versions = result.interpreter.versions
        words = "Python {}".format(result.interpreter.python)
        if versions.get("tensorflow"):
            words += ", TensorFlow {}, NumPy {}".format(versions["tensorflow"], versions.get("numpy", "?"))
        yield "ran in", Text(printable("{} ({})".format(words, result.interpreter.named_by)))
        for difference in result.interpreter.differs:
            yield "", Text(printable(difference), "yellow")
    isolation = printable(result.isolation.level)
    if result.isolation.detail:
        isolation += " ({})".format(printable(result.isolation.detail))
    yield "isolation", Text(isolation)
    words = "{:g} of {}".format(result.points.given, result.points.possible)
    yield "points", Text(words + (", of the checks that ran" if result.quick or result.interrupted else ""))
    scope = ""
    if result.quick:
        scope = ", as far as reading alone can tell"
    if result.interrupted:
        scope = ": interrupted before all checks had run"
    style = _CODE_STYLES[ExitCode(result.exit_code)]
    yield "verdict", Text(printable(result.verdict) + scope, "bold " + style)


def accuracy_words(accuracy: Accuracy) -> str:
    """The accuracy, its interval and who decided, in a sentence."""
    share = accuracy.correct / accuracy.seen
    words = "{:.2%} ({:,} of {:,} images); needed {:.0%}".format(
        share, accuracy.correct, accuracy.seen, accuracy.threshold
    )
    interval = "{:.2%} to {:.2%}".format(accuracy.low, accuracy.high)
    if accuracy.decided_by == "all":
        return words + "; every test image was scored"
    if accuracy.decided_by == "sequence":
        return "{}; of all {:,} between {}, at an error rate of {:g}: enough to decide".format(
            words, accuracy.total, interval, accuracy.error_rate
        )
    words += "; {:g} % interval {}".format(100 * (1 - accuracy.error_rate), interval)
    return words if accuracy.decided_by == "sample" else words + ": too close to decide"
