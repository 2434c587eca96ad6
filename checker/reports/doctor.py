"""A diagnosis for a person at a terminal: 80 columns, colours where they are wanted."""

from __future__ import annotations

import textwrap
from typing import Iterator

from rich.console import RenderableType
from rich.text import Text

from checker.doctor import MISSING, OK, WARNING, Diagnosis, Finding
from checker.reports.terminal import WIDTH
from checker.text import printable

_STYLES = {OK: "green", WARNING: "yellow", MISSING: "red"}
_INDENT = 22  # columns before what was found


def parts(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """What was found, what repairs it, and what a check would do."""
    yield Text(printable(diagnosis.title), "bold")
    yield Text("")
    for finding in diagnosis.findings:
        yield _finding(finding)
    yield Text("")
    style = "green" if diagnosis.exit_code == 0 else "red"
    for line in textwrap.wrap(printable(diagnosis.would), WIDTH):
        yield Text(line, "bold " + style)


def _finding(finding: Finding) -> RenderableType:
    """Status and name, and beside them what was found; a command stands on a line of its own, whole."""
    lines = [part for line in finding.found.split("\n") for part in _wrapped(printable(line))]
    shown = Text.assemble(
        " ", ("{:8}".format(finding.status), _STYLES[finding.status]), " {:11} ".format(finding.name)
    )
    shown.append(("\n" + " " * _INDENT).join(lines))
    if finding.repair:
        shown.append("\n{:>{}}".format("repair: ", _INDENT), "dim")
        shown.append(printable(finding.repair), "bold")
    return shown


def _wrapped(line: str) -> Iterator[str]:
    indent = line[: len(line) - len(line.lstrip(" "))]
    yield from textwrap.wrap(
        line, WIDTH - _INDENT, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    ) or [""]
