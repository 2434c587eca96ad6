"""``checker assignments``: a student reads the rules without us."""

from __future__ import annotations

import argparse
from typing import Any

from checker import editions
from checker.commands import parsing
from checker.outcomes import ExitCode


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "assignments",
        run,
        "list the editions, or the rules of one",
        "List the editions of the course; with a name, each check of it, its points, and the course's"
        " sentence that it rests on.",
        "example:  checker assignments {}".format(editions.DEFAULT),
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="an edition, or a TOML file")


def run(options: argparse.Namespace) -> int:
    """List the editions, or the rules of one."""
    from checker import checks
    from checker.reports import terminal

    names = [options.name] if options.name else editions.names()
    every = [editions.load(name, checks.every()) for name in names]
    print(terminal.rules(every[0]) if options.name else terminal.editions(every), end="")
    return int(ExitCode.MEETS)
