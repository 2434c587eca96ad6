"""The result for a person at a terminal: 80 columns, colours where they are wanted."""

from __future__ import annotations

import io
import textwrap
from typing import IO, Any, Iterator, List, Sequence, Tuple, cast

from rich.console import Console, RenderableType
from rich.text import Text

from checker.editions import Edition
from checker.outcomes import ExitCode, Status
from checker.reports import words
from checker.result import CheckResult, ImagesRecord, Result
from checker.text import cut, printable, printable_lines, without_commands

WIDTH = 80
_MOST_LETTERS = 2_000  # of one fact
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
    show(result, _plain(buffer))
    return buffer.getvalue()


def show(result: Result, output: Console) -> None:
    """Print the whole report on a console."""
    output.print(heading(result.assignment_title, result.submission, words.mark(result)))
    for check in result.checks:
        output.print(line(check))
    for part in summary(result):
        output.print(part)


class _Log:
    """A stream that may be the log of a CI system, which takes nothing in it for a command.

    The console writes whole lines, wrapped as they stay.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write whole lines."""
        written: int = self._file.write(without_commands(text))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _plain(file: Any) -> Console:
    return Console(
        file=cast(IO[str], _Log(file)),
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


def heading(title: str, folder: str, mark: str = "") -> RenderableType:
    """What is checked against what; ``mark``: a line on where the report comes from."""
    lines = [("\n".join(_filled(printable(title))), "bold"), ("\n".join(_filled(printable(folder))), "dim")]
    if mark:
        lines.append(("\n".join(_filled(mark)), "yellow"))
    return Text.assemble(*((shown + "\n", style) for shown, style in lines))


def line(check: CheckResult) -> RenderableType:
    """One check in one line: status, title, points."""
    title = printable(check.title)
    return Text.assemble(
        " ",
        ("{:8}".format(words.status(check)), _style(check)),
        " {:58} ".format(title if len(title) <= 58 else title[:55] + "..."),
        ("{:>9}".format(words.points(check)), "dim"),
    )


def _style(check: CheckResult) -> str:
    return "cyan" if words.unkept_hint(check) else _STYLES[check.status]


def editions(every: Sequence[Edition]) -> str:
    """Return the editions, a line each: name and title."""
    return "".join("{:24} {}\n".format(printable(item.name), printable(item.title)) for item in every)


def rules(edition: Edition) -> str:
    """Return what an edition asks for: each check, its points, and the course's sentence."""
    lines = [printable(edition.title), ""]
    for name, check in edition.checks.items():
        worth = "hint" if check.hint else "{} points".format(check.points)
        worth += "" if check.required or check.hint else ", not required"
        lines.append(" {:58} {:>18}".format(printable(check.title), worth))
        said = "{}: {}".format(name, printable(check.sentence))
        lines += ["   " + part for part in textwrap.wrap(said, WIDTH - 4, break_on_hyphens=False)]
    total = sum(check.points for check in edition.checks.values())
    return "\n".join([*lines, "", " {:58} {:>18}".format("all together", "{} points".format(total)), ""])


def summary(result: Result) -> Iterator[RenderableType]:
    """What does not pass and what to do; then facts, accuracy, points and verdict."""
    for group in words.not_passed(result):
        yield _failure(group)
    waiting = words.waiting(result)
    if waiting:
        yield Text("\nBlocked: these wait for something above", "bold yellow")
        yield _rows([("", Text(printable_lines("\n  ".join(said)))) for said in waiting])
    flags = words.flags(result)
    if flags:
        yield Text("\nFor a person to look at (no points)", "bold")
        yield _rows([("", Text(printable_lines(flag), "cyan")) for flag in flags])
    yield Text("")
    yield _rows(list(_last_lines(result)))


def _failure(checks: List[CheckResult]) -> RenderableType:
    """What did not pass for one reason: the course's sentence, expected, found, where, what to do."""
    check = checks[0]
    titles = "; ".join(printable(item.title) for item in checks)
    if check.status in words.OPEN:
        titles = "{}: {}".format(check.status.value, titles)
    heading = Text("\n" + "\n".join(_filled(titles)), "bold " + _style(check))
    rows: List[Tuple[str, Text]] = []
    if len(checks) == 1:
        rows.append(("course", Text('"{}"'.format(printable(check.sentence)), "italic")))
    rows += [(label, Text(printable_lines(said))) for label, said in words.reason_rows(check.reason)]
    return Text.assemble(heading, "\n", _rows(rows))


def _rows(rows: List[Tuple[str, Text]]) -> Text:
    """Labels, and beside each what it says, wrapped; the lines of a script keep their spaces."""
    lines: List[Text] = []
    for label, said in rows:
        for paragraph in said.plain.split("\n"):
            for part in _wrapped(paragraph):
                lines.append(Text.assemble("  ", ("{:11} ".format(label), "dim"), (part, str(said.style))))
                label = ""
    return Text("\n").join(lines)


def _wrapped(paragraph: str) -> List[str]:
    indent = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))][:40]
    return [indent + part for part in _filled(paragraph.strip(" "), WIDTH - 14 - len(indent))] or [""]


def _filled(text: str, width: int = WIDTH) -> List[str]:
    """One printable line as the lines that it takes, none of which begins with a command."""
    room = width - 3 if "::" in text else width  # for the escape
    return list(map(without_commands, textwrap.wrap(text, room, break_on_hyphens=False)))


def _last_lines(result: Result) -> Iterator[Tuple[str, Text]]:
    for place, fact in enumerate(result.facts):
        said = cut("{}: {}".format(fact.name, fact.value), _MOST_LETTERS)
        yield "" if place else "facts", Text(printable(said), "dim")
    if result.accuracy is not None:
        yield "accuracy", Text(words.accuracy(result.accuracy, result.seed))
        yield "", Text(words.evaluation(result.accuracy))
    if result.images is not None:
        yield from _images(result.images, "" if result.accuracy is not None else "images")
    if result.interpreter is not None:
        yield "ran in", Text(words.interpreter(result))
        for difference in result.interpreter.differs:
            yield "", Text(printable(difference), "yellow")
    yield "isolation", Text(words.isolation(result))
    if result.kept is not None:
        yield "kept", Text(words.kept(result), "yellow")
    yield "points", Text(words.all_points(result))
    yield "kind", Text(words.kind(result))
    if result.rendered_from:
        yield "note", Text(words.mark(result), "yellow")
    yield "verdict", Text(words.verdict(result), "bold " + _CODE_STYLES[ExitCode(result.exit_code)])


def _images(images: ImagesRecord, label: str) -> Iterator[Tuple[str, Text]]:
    """Where the images came from, and what was passed over to get there."""
    said = "on {:,} images of {}".format(images.count, printable(images.source))
    if images.source == "embedded":
        said = "on {:,} images, for the desk".format(images.count)
    yield label, Text(said, "dim")
    for other in images.passed_over:
        yield "", Text("passed over {}".format(printable(other)), "yellow")
