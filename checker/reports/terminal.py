"""The result for a person at a terminal: 80 columns, colours where they are wanted."""

from __future__ import annotations

import io
from typing import Dict, Iterator, List, Optional, Tuple

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from checker.outcomes import ExitCode, Reason, Status
from checker.result import Accuracy, CheckResult, Result
from checker.text import printable_lines

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


def console(file: Optional[io.TextIOBase] = None) -> Console:
    """A console for reports: at most 80 columns wide, plain where it is no terminal."""
    shown = Console(file=file, highlight=False, markup=False, emoji=False)  # type: ignore[arg-type]
    return Console(
        file=file,  # type: ignore[arg-type]
        width=min(WIDTH, shown.width) if shown.is_terminal else WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def render(result: Result) -> str:
    """Return the whole report as plain text."""
    buffer = io.StringIO()
    output = Console(file=buffer, width=WIDTH, highlight=False, markup=False, emoji=False)
    output.print(heading(result.assignment_title, result.submission))
    for check in result.checks:
        output.print(line(check))
    for part in summary(result):
        output.print(part)
    return buffer.getvalue()


def heading(title: str, folder: str) -> RenderableType:
    """What is checked against what."""
    return Text.assemble((title, "bold"), "\n", (folder, "dim"), "\n")


def line(check: CheckResult) -> RenderableType:
    """One check in one line: status, title, points."""
    status = check.status.value
    style = _STYLES[check.status]
    if check.hint and check.status is Status.FAILED:
        status, style = "hint", "cyan"
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=8)
    grid.add_column(width=58)
    grid.add_column(width=9, justify="right")
    points = ""
    if check.points_possible:
        points = "{:g}/{}".format(check.points, check.points_possible)
    grid.add_row(Text(status, style), Text(check.title), Text(points, "dim"))
    return Padding(grid, (0, 0, 0, 1), expand=False)


def summary(result: Result) -> Iterator[RenderableType]:
    """What does not pass and what to do; then facts, accuracy, points and verdict."""
    for check in result.checks:
        if check.status in (Status.FAILED, Status.LIMIT) and not check.hint:
            yield _failure([check])
    for group in _groups(result, (Status.BLOCKED, Status.ERROR)):
        yield _failure(group)
    for check in result.checks:
        if check.hint and check.status is Status.FAILED:
            yield _failure([check])
    flags = [flag for check in result.checks for flag in check.flags]
    if flags:
        yield Text("\nFor a person to look at (no points)", "bold")
        for flag in flags:
            yield Padding(Text(printable_lines(flag), "cyan"), (0, 0, 0, 2), expand=False)
    yield Text("")
    yield _rows(list(_last_lines(result)))


def _groups(result: Result, statuses: Tuple[Status, ...]) -> List[List[CheckResult]]:
    """Checks of these statuses; those that wait for the same thing stand together."""
    groups: Dict[Tuple[Status, Optional[Reason]], List[CheckResult]] = {}
    for check in result.checks:
        if check.status in statuses:
            groups.setdefault((check.status, check.reason), []).append(check)
    return list(groups.values())


def _failure(checks: List[CheckResult]) -> RenderableType:
    """What did not pass for one reason: the course's sentence, expected, found, where, what to do."""
    check = checks[0]
    style = "cyan" if check.hint else _STYLES[check.status]
    words = "\n".join(item.title for item in checks)
    if check.status not in (Status.FAILED, Status.LIMIT):
        words = "{}: {}".format(check.status.value, "; ".join(item.title for item in checks))
    title = Text.assemble("\n", (words, "bold " + style))
    rows: List[Tuple[str, Text]] = []
    if len(checks) == 1:
        rows.append(("course", Text('"{}"'.format(check.sentence), "italic")))
    if check.reason is not None:
        for label, words in (
            ("expected", check.reason.expected),
            ("found", check.reason.found),
            ("where", check.reason.where),
            ("do", check.reason.advice),
        ):
            if words:
                rows.append((label, Text(printable_lines(words))))
    grid = Table.grid()
    grid.add_row(title)
    grid.add_row(_rows(rows))
    return grid


def _rows(rows: List[Tuple[str, Text]]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=11)
    grid.add_column(width=WIDTH - 15, overflow="fold")
    for label, words in rows:
        grid.add_row(Text(label, "dim"), words)
    return Padding(grid, (0, 0, 0, 2), expand=False)


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
        yield "ran in", Text("{} ({})".format(words, result.interpreter.named_by))
        for difference in result.interpreter.differs:
            yield "", Text(difference, "yellow")
    isolation = result.isolation.level
    if result.isolation.detail:
        isolation += " ({})".format(printable_lines(result.isolation.detail))
    yield "isolation", Text(isolation)
    words = "{:g} of {}".format(result.points.given, result.points.possible)
    yield "points", Text(words + (", of the checks that ran" if result.quick else ""))
    scope = ""
    if result.quick:
        scope = ", as far as reading alone can tell"
    if result.interrupted:
        scope = ": interrupted"
    style = _CODE_STYLES[ExitCode(result.exit_code)]
    yield "verdict", Text(result.verdict + scope, "bold " + style)


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
