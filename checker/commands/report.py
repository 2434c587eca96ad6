"""``checker report``: the reports of a run made again, from its result as JSON. Nothing is checked."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Mapping

from checker.commands import formats, parsing
from checker.errors import UsageError
from checker.outcomes import ExitCode
from checker.result import Result

_MOST_MEGABYTES = 20
_MOST_DIGITS = 400  # Python turns the digits of a number into it in a time that grows with their square


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "report",
        run,
        "make a report again from a result",
        "Make reports again from a result that checker check --format json=FILE has written. Nothing is"
        " checked again, and every report says so.",
        "example:  checker report result.json --format markdown=summary.md\n\n"
        "exit codes: 0 the reports were made, 2 usage, 3 a report could not be written",
    )
    parser.add_argument("result", metavar="RESULT.json", help="a result")
    formats.add(parser)


def run(options: argparse.Namespace) -> int:
    """Make the reports."""
    plan = formats.plan(options.format)
    result = dataclasses.replace(read(options.result), rendered_from=options.result)
    formats.print_report(plan.shown, result)
    plan.write(result)
    formats.close()
    return int(ExitCode.MEETS)


def read(name: str) -> Result:
    """Read a result. Raises UsageError, with what the file is instead."""
    try:
        return Result.from_dict(_parse(_bytes(name)))
    except RecursionError:
        found = "it is nested too deeply"
    except UnicodeDecodeError:
        found = "it is no text in UTF-8"
    except UsageError as error:
        found = str(error)
    except ValueError as error:
        found = "it is no JSON: {}".format(error)
    expected = "expected a result that checker check --format json=FILE has written"
    raise UsageError("{}: {}; {}.".format(name, expected, found.rstrip(".")))


def _bytes(name: str) -> bytes:
    most = _MOST_MEGABYTES * 10**6
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(most + 1)
    except (OSError, ValueError) as error:
        raise UsageError(getattr(error, "strerror", None) or str(error)) from error
    if len(data) > most:
        raise UsageError("it is larger than {} MB".format(_MOST_MEGABYTES))
    return data


def _parse(data: bytes) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(
        data.decode("utf-8"), parse_int=_whole, parse_float=_finite, parse_constant=_finite
    )
    return parsed


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of {:,} digits".format(len(digits)))
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("the number {}".format(digits[:40]))
    return number
