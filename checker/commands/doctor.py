"""``checker doctor``: what a check would find on this machine, and what repairs it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from checker.commands import parsing


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "doctor",
        run,
        "say what a check would find on this machine",
        "Look at this machine as a check would: interpreters, isolation, limits, images. Each is tried where"
        " it can be, and for each thing missing the command is shown that repairs it.",
        "example:  checker doctor --python 3.8\n\n"
        "exit codes: 0 a check can decide here, 2 usage, 3 it cannot",
    )
    parsing.add_assignment(parser)
    parser.add_argument("--python", metavar="PATH", help="as for `checker check`")
    parser.add_argument("--images", metavar="WHAT", help="as for `checker check`")


def run(options: argparse.Namespace) -> int:
    """Look, and say."""
    from checker import doctor
    from checker.progress import Observer
    from checker.reports import doctor as report
    from checker.reports import terminal

    asked = doctor.Options(options.assignment, options.python, options.images)
    diagnosis = doctor.diagnose(asked, os.environ, Observer())
    console = terminal.console(sys.stdout)
    for part in report.parts(diagnosis):
        console.print(part, soft_wrap=True)
    return int(diagnosis.exit_code)
