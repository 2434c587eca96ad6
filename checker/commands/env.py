"""``checker env``: the edition's own Python packages, made because the user says so."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import Any, Optional

from checker import editions
from checker.commands import parsing
from checker.errors import CheckerError, UsageError
from checker.outcomes import ExitCode
from checker.text import printable


def add(commands: Any) -> None:
    """Declare the sub-command and its own."""
    parser = parsing.command(
        commands,
        "env",
        run_list,
        "make the environment that an edition asks for",
        "The environments that checks run submissions in: Python, TensorFlow and NumPy as an edition of the"
        " course names them, in your cache folder. A check finds them by itself.",
        "example:  checker env create",
    )
    own = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_create(own)
    parsing.command(
        own, "list", run_list, "list those made", "List the environments made.", "example:  checker env list"
    )
    remove = parsing.command(
        own,
        "remove",
        run_remove,
        "remove one",
        "Remove the environment that was made for an edition.",
        "example:  checker env remove {}".format(editions.DEFAULT),
    )
    remove.add_argument("name", metavar="NAME", help="as `checker env list` shows it")


def _add_create(commands: Any) -> None:
    parser = parsing.command(
        commands,
        "create",
        run_create,
        "make one",
        "Make the environment of an edition with uv where it is installed, else with venv and pip. Nothing is"
        " done where it is there already. It takes half a minute to some minutes and up to 2 GB.",
        "example:  checker env create --assignment {}".format(editions.DEFAULT),
    )
    parsing.add_assignment(parser)
    parser.add_argument(
        "--python", metavar="PATH", help="make it from this Python, a version such as 3.8 or a path"
    )
    parser.add_argument("--force", action="store_true", help="make it anew where it is there already")


def run_create(options: argparse.Namespace) -> int:
    """Make the edition's environment, where it is not there."""
    from checker import checks, environments
    from checker.choice import usable

    edition = editions.load(options.assignment, checks.every())
    there = None if options.force else usable(environments.python(edition))
    if there is not None:
        print("There already: {}".format(printable(there.executable)))
    else:
        base = _base(options.python, edition)
        made = environments.make(edition, base, os.environ, lambda words: print(printable(words), flush=True))
        print("Made: {}".format(printable(made)))
    option = (
        "" if options.assignment == editions.DEFAULT else " --assignment " + shlex.quote(options.assignment)
    )
    print("A check takes it by itself:  checker check{}".format(printable(option)))
    return int(ExitCode.MEETS)


def run_list(options: argparse.Namespace) -> int:
    """List the environments."""
    from checker import environments

    for one in environments.every():
        state = one.python or "{} (not finished; make it anew with checker env create)".format(one.folder)
        print("{:24} {}".format(printable(one.name), printable(state)))
    return int(ExitCode.MEETS)


def run_remove(options: argparse.Namespace) -> int:
    """Remove one."""
    from checker import environments

    found = {one.name: one for one in environments.every()}
    if options.name not in found:
        raise UsageError(
            "{!r}: expected the name of an environment that was made; there are: {}.".format(
                options.name, ", ".join(found) or "none"
            )
        )
    environments.remove(found[options.name].folder)
    return int(ExitCode.MEETS)


def _base(named: Optional[str], edition: editions.Edition) -> Any:
    """The Python to make it from."""
    from checker import choice, environments, finder

    wanted = finder.specifier(named) if named else edition.environment.python
    if named and not wanted:
        return choice.choose(named, os.environ, edition).interpreter
    base = environments.base(wanted, os.environ)
    if base is None:
        raise CheckerError(
            "no Python {0} that can make environments was found, for {1}. Get one without root:  {2}".format(
                wanted, edition.name, finder.how_to_get(wanted, os.environ)
            )
        )
    return base
