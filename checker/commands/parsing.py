"""What all sub-commands share of the parsing of arguments."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any, Callable, NoReturn

from checker import editions
from checker.outcomes import ExitCode
from checker.text import printable

_WIDTH = 79  # of descriptions, whose formatter leaves lines as they are
Run = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in text that is safe to show: a name may come from a submission's folder."""

    def error(self, message: str) -> NoReturn:
        """Exit with one line, and where to read more."""
        words = "{}: {} (see {} --help)".format("checker", printable(message), self.prog)
        self.exit(int(ExitCode.USAGE), words + "\n")


def command(commands: Any, name: str, run: Run, help: str, description: str, epilog: str) -> Parser:
    """Add a sub-command; ``epilog`` shows an example, and its lines stay as they are."""
    parser: Parser = commands.add_parser(
        name,
        help=help,
        description=textwrap.fill(description, _WIDTH),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=run)
    return parser


def add_assignment(parser: argparse.ArgumentParser) -> None:
    """Declare ``--assignment``."""
    parser.add_argument(
        "--assignment",
        metavar="NAME",
        default=editions.DEFAULT,
        help="an edition of the course, or a TOML file (default: %(default)s)",
    )
