"""``--format FORMAT[=FILE]``: which reports go where."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

from checker import output
from checker.errors import CheckerError, UsageError
from checker.reports import FORMATS, render
from checker.result import Result

_OPTION = "--format"


@dataclass(frozen=True)
class Plan:
    """The format that goes to standard output, and those that go to files."""

    shown: str
    files: Tuple[Tuple[str, output.Target], ...]

    def write(self, result: Result) -> None:
        """Write all files, also where one of them cannot be; then raise its CheckerError."""
        errors: List[CheckerError] = []
        for name, target in self.files:
            try:
                target.write(render(name, result))
            except CheckerError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        _OPTION,
        action="append",
        default=[],
        metavar="FORMAT[=FILE]",
        help="a report as {}; without =FILE it goes to standard output; may be given again"
        " (default: text)".format(", ".join(FORMATS)),
    )


def plan(values: Sequence[str]) -> Plan:
    """Look at all that was asked for, before anything runs. Raises UsageError."""
    shown: List[str] = []
    files: List[Tuple[str, output.Target]] = []
    for value in values:
        named = "{} {}".format(_OPTION, value)
        name, to_file, path = value.partition("=")
        if name not in FORMATS:
            raise UsageError(
                "{}: expected one of {}, or one of them with a file: {} {}=FILE.".format(
                    named, ", ".join(FORMATS), _OPTION, FORMATS[1]
                )
            )
        if not to_file:
            shown.append(name)
            continue
        if path == "-":
            raise UsageError(
                "{}: expected a file; {} {} is for standard output.".format(named, _OPTION, name)
            )
        target = output.Target(Path(path), named)
        if any(target.same(other) for _, other in files):
            raise UsageError("{}: another report goes to this file; name a file for each.".format(named))
        files.append((name, target))
    if len(shown) > 1:
        words = "{} {}: one report alone can go to standard output; name a file for the others: {} {}=FILE."
        raise UsageError(words.format(_OPTION, shown[1], _OPTION, shown[1]))
    return Plan(shown[0] if shown else FORMATS[0], tuple(files))


def print_report(name: str, result: Result) -> None:
    """Print a report to standard output."""
    if name == FORMATS[0]:
        from checker.reports import terminal

        terminal.show(result, terminal.console(sys.stdout))
    else:
        sys.stdout.write(render(name, result))


def close() -> None:
    """Raise CheckerError where standard output could not be written to."""
    if output.problem():
        raise CheckerError("the report could not be written: {}".format(output.problem()))
