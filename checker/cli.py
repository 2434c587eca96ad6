"""The command line: one function a sub-command, argument parsing only."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import List, NoReturn, Optional

from checker import __version__, editions, output
from checker.errors import CheckerError, UsageError
from checker.outcomes import ExitCode
from checker.text import printable, printable_lines


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; returns the exit code. No traceback of ours reaches a user."""
    output.prepare()
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UsageError as error:
        return _say(error, ExitCode.USAGE)
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


def check(options: argparse.Namespace) -> int:
    """Check one submission."""
    from checker import run
    from checker.reports import json, live, terminal

    if options.quick and options.images is not None:
        raise UsageError("--images with --quick: a quick run scores no images; leave out one of the two.")
    asked = run.Options(
        folder=options.folder,
        assignment=options.assignment,
        quick=options.quick,
        exact=options.exact,
        python=options.python,
        images=options.images,
    )
    target = output.Target(Path(options.json), "--json") if options.json is not None else None
    edition = run.look(asked)
    console = terminal.console(sys.stdout)
    console.print(terminal.heading(edition.title, run.shown_folder(asked.folder)))
    result = run.check(asked, edition, os.environ, live.Live(console))
    for part in terminal.summary(result):
        console.print(part)
    if target is not None:
        target.write(json.render(result))
    if output.problem():
        return _say("the report could not be written: {}".format(output.problem()), ExitCode.UNDECIDED)
    return result.exit_code


def assignments(options: argparse.Namespace) -> int:
    """List the editions, or the rules of one."""
    from checker.reports import terminal

    names = [options.name] if options.name else editions.names()
    every = [editions.load(name, _checks()) for name in names]
    print(terminal.rules(every[0]) if options.name else terminal.editions(every), end="")
    return int(ExitCode.MEETS)


def _checks() -> List[str]:
    from checker import checks

    return list(checks.every())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="checker",
        description="Examine a submission of machine-learning coursework.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version="checker " + __version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = commands.add_parser(
        "check",
        help="check one submission",
        description="Check one submission: does it meet the assignment, and what to do next.",
        epilog="example:  checker check --quick .\n\n"
        "exit codes: 0 meets the assignment, 1 falls short, 2 usage, 3 could not decide",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(command=check)
    command.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="default: this one")
    depth = command.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="only what needs no TensorFlow")
    depth.add_argument("--exact", action="store_true", help="score every image, decided earlier or not")
    command.add_argument("--python", metavar="PATH", help="the submission's interpreter (or CHECKER_PYTHON)")
    command.add_argument(
        "--images",
        metavar="FILE.npz",
        help="test images, x_test and y_test (default: 1,000 of ours)",
    )
    command.add_argument("--json", metavar="FILE", help="also write the result as JSON")
    command.add_argument(
        "--assignment",
        metavar="NAME",
        default=editions.DEFAULT,
        help="an edition of the course, or a TOML file (default: %(default)s)",
    )
    rules = commands.add_parser(
        "assignments",
        help="list the editions, or the rules of one",
        description="List the editions of the course; with a name, each check of it, its points, and the"
        " course's sentence that it rests on.",
        epilog="example:  checker assignments {}".format(editions.DEFAULT),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    rules.set_defaults(command=assignments)
    rules.add_argument("name", nargs="?", metavar="NAME", help="an edition, or a TOML file")
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in text that is safe to show: a name may come from a submission's folder."""

    def error(self, message: str) -> NoReturn:
        """Exit with one line, and where to read more."""
        words = "{}: {} (see {} --help)".format("checker", printable(message), self.prog)
        self.exit(int(ExitCode.USAGE), words + "\n")


def _say(message: object, code: ExitCode) -> int:
    print("checker: {}".format(printable_lines(str(message))), file=sys.stderr)
    return int(code)
