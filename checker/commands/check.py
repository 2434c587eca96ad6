"""``checker check``: one submission, from its folder to reports and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from checker import editions, output
from checker.commands import parsing
from checker.errors import CheckerError, UsageError


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "check",
        run,
        "check one submission",
        "Check one submission: does it meet the assignment, and what to do next.",
        "example:  checker check --quick .\n\n"
        "exit codes: 0 meets the assignment, 1 falls short, 2 usage, 3 could not decide",
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="default: this one")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="only what needs no TensorFlow")
    depth.add_argument("--exact", action="store_true", help="score every image, decided earlier or not")
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="the submission's interpreter: a version such as 3.9, or a path (or CHECKER_PYTHON)",
    )
    parser.add_argument(
        "--images",
        metavar="FILE.npz",
        help="test images, x_test and y_test (default: 1,000 of ours)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the result as JSON")
    parser.add_argument(
        "--assignment",
        metavar="NAME",
        default=editions.DEFAULT,
        help="an edition of the course, or a TOML file (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Check one submission."""
    from checker import run as running
    from checker.reports import json, live, terminal

    if options.quick and options.images is not None:
        raise UsageError("--images with --quick: a quick run scores no images; leave out one of the two.")
    asked = running.Options(
        folder=options.folder,
        assignment=options.assignment,
        quick=options.quick,
        exact=options.exact,
        python=options.python,
        images=options.images,
    )
    target = output.Target(Path(options.json), "--json") if options.json is not None else None
    edition = running.look(asked)
    console = terminal.console(sys.stdout)
    console.print(terminal.heading(edition.title, running.shown_folder(asked.folder)))
    result = running.check(asked, edition, os.environ, live.Live(console))
    for part in terminal.summary(result):
        console.print(part)
    if target is not None:
        target.write(json.render(result))
    if output.problem():
        raise CheckerError("the report could not be written: {}".format(output.problem()))
    return result.exit_code
