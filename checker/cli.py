"""The command line: which sub-commands there are, and what a user sees where one cannot go on."""

from __future__ import annotations

import os
import sys
from typing import List, Optional

from checker import __version__, output
from checker.commands import (
    assignments,
    cache,
    check,
    completion,
    doctor,
    env,
    inspect,
    parsing,
    regenerate,
    report,
)
from checker.errors import CheckerError, UsageError
from checker.outcomes import ExitCode
from checker.text import printable, printable_lines, without_commands

COMMANDS = (check, report, inspect, assignments, cache, regenerate, doctor, env, completion)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; returns the exit code. No traceback of ours reaches a user."""
    output.prepare()
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UsageError as error:
        return _say(printable(str(error)), ExitCode.USAGE)
    except CheckerError as error:
        return _say(error, ExitCode.UNDECIDED)
    except KeyboardInterrupt:
        return _say("interrupted; nothing was decided", ExitCode.UNDECIDED)
    except Exception as error:
        if os.environ.get("CHECKER_DEBUG"):
            raise
        words = "{}: {}".format(type(error).__name__, error)
        return _say(
            "a fault of the checker, not of the submission: {}\n"
            "CHECKER_DEBUG=1 shows where; please report it.".format(words),
            ExitCode.UNDECIDED,
        )


def parser() -> parsing.Parser:
    """The parser of the whole command line."""
    whole = parsing.Parser(
        prog="checker",
        description="Examine a submission of machine-learning coursework.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version="checker " + __version__)
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    whole.set_defaults(whole=whole)  # for the one that writes down all there is to complete
    return whole


def _say(message: object, code: ExitCode) -> int:
    shown = without_commands("checker: {}".format(printable_lines(str(message))))
    print(shown, file=sys.stderr)
    return int(code)
