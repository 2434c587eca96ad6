"""``checker check``: one submission, from its folder to reports and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from checker import editions
from checker.commands import formats, parsing

if TYPE_CHECKING:
    from checker.options import Options
    from checker.progress import Observer
    from checker.result import Result


_DIGITS = 10  # of the largest seed


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
        "--grade",
        action="store_true",
        help="a verdict that counts: every check, behind walls, with --python and --images as you name them;"
        " flags that the assignment lists leave it pending",
    )
    parser.add_argument(
        "--with-main",
        action="store_true",
        help="also run the course's 0-main.py as it stands, on the same images with stand-in labels",
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="the submission's interpreter: a version such as 3.9, or a path (or CHECKER_PYTHON)",
    )
    parser.add_argument(
        "--images",
        metavar="WHAT",
        help="test images: a FILE.npz with x_test and y_test; the folder cifar-10-batches-py; the archive"
        " cifar-10-python.tar.gz; download: fetch that archive, 170 MB, and keep it; embedded: 1,000 of ours"
        " (or CHECKER_IMAGES; default: Keras's cache, what was downloaded earlier, else embedded)",
    )
    parser.add_argument(
        "--memorised",
        action="store_true",
        help="mix changed copies of test images, and training images where there are some, among them: a"
        " model that knows these images and not the classes is flagged",
    )
    parser.add_argument(
        "--private-images",
        metavar="FILE.npz",
        help="images that nobody could learn from, x_test and y_test: mixed in too (implies --memorised)",
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="NAME[,NAME...]",
        help="run these checks alone (checker assignments NAME lists them); may be given again",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        metavar="NUMBER",
        help="of the order of the test images, as a result shows it (default: a new one for each run)",
    )
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="run everything, whatever is known from an earlier check (checker cache shows that)",
    )
    formats.add(parser)
    parsing.add_assignment(parser)


def run(options: argparse.Namespace) -> int:
    """Check one submission."""
    from checker import options as asking

    asked = asking.Options(
        folder=options.folder,
        assignment=options.assignment,
        quick=options.quick,
        selected=tuple(dict.fromkeys(name for names in options.select for name in names.split(","))),
        exact=options.exact,
        grade=options.grade,
        python=options.python,
        images=options.images,
        with_main=options.with_main,
        memorised=options.memorised,
        private_images=options.private_images,
        seed=options.seed,
        keep=not options.no_cache,
    )
    plan = formats.plan(options.format)
    edition = asking.look(asked, os.environ)
    if plan.shown == "text":
        result = _shown(asked, edition)
    else:
        from checker import run as running

        result = running.check(asked, edition, os.environ, _beside())
        formats.print_report(plan.shown, result)
    plan.write(result)
    formats.close()
    return result.exit_code


def _shown(asked: Options, edition: editions.Edition) -> Result:
    """Check, and show on standard output what is found as it is found."""
    from checker import choice
    from checker.options import shown_folder

    with choice.ahead(asked.python, os.environ, edition) as ask:
        from checker.reports import terminal

        console = terminal.console(sys.stdout)
        console.print(terminal.heading(edition.title, shown_folder(asked.folder)))
        from checker import run as running  # the first line does not wait for these
        from checker.reports import live

        result = running.check(asked, edition, os.environ, live.Live(console), ask)
    for part in terminal.summary(result):
        console.print(part)
    return result


def _seed(text: str) -> int:
    """A seed, as NumPy takes it."""
    seed = int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else -1
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError("expected a whole number from 0 to 4294967295")
    return seed


def _beside() -> Observer:
    """Who watches a run whose standard output belongs to a report for machines."""
    from checker.progress import Observer
    from checker.reports import live, terminal

    if not sys.stderr.isatty():
        return Observer()
    return live.Live(terminal.console(sys.stderr), lines=False)
