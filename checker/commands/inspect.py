"""``checker inspect``: what would run when a model file is loaded, said without loading it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from checker.commands import formats, parsing

FORMATS = ("text", "json")


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "inspect",
        run,
        "say what would run when a model file is loaded",
        "Read a model that Keras has saved, .h5 or .keras, without loading it: all code in it, the names and"
        " constants of that code and the Python that wrote it, TensorFlow operations, custom objects, files"
        " that would be read, links that lead out. It needs no TensorFlow and no assignment.",
        "example:  checker inspect cifar10.h5\n\n"
        "exit codes: 0 nothing would run, 1 something would run or reach out, 2 usage, 3 not all was read",
    )
    parser.add_argument("file", metavar="FILE", help="a model file")
    parser.add_argument("--format", choices=FORMATS, default="text", help="the report (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Inspect, and say."""
    from checker import inspecting
    from checker.progress import Observer
    from checker.reports import inspection

    found = inspecting.inspect(options.file, Observer())
    sys.stdout.write(inspection.render(options.format, found))
    formats.close()
    return int(inspection.exit_code(found))
