"""``checker regenerate``: the reference solution's model, made again."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from checker.commands import parsing
from checker.outcomes import ExitCode
from checker.text import printable

if TYPE_CHECKING:
    from checker.progress import Observer


def add(commands: Any) -> None:
    """Declare the sub-command."""
    from checker.regenerate.plans import DEFAULT, PLANS

    parser = parsing.command(
        commands,
        "regenerate",
        run,
        "make the reference solution's model again",
        "Train the reference solution's model from nothing, check it, and leave the submission, its log,"
        " pictures and a model card in a folder. Ended at any moment, the same command goes on.",
        "examples:  checker regenerate --smoke                    every stage, in about a minute\n"
        "           checker regenerate --application Xception     for hours, on two cores",
    )
    parser.add_argument("--out", metavar="DIR", default="regenerated", help="default: %(default)s")
    parser.add_argument(
        "--application",
        choices=tuple(PLANS),
        help="one of: {} (default: {})".format(", ".join(PLANS), DEFAULT),
        metavar="NAME",
    )
    parser.add_argument("--size", type=int, metavar="N", help="pixels that images are enlarged to")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of fine-tuning")
    parser.add_argument(
        "--weights", metavar="FILE", help="ImageNet weights without the top (default: Keras gets them)"
    )
    parser.add_argument(
        "--images",
        metavar="WHAT",
        help="training and test images: a FILE.npz with x_train, y_train, x_test and y_test; the folder"
        " cifar-10-batches-py; cifar-10-python.tar.gz; download (default: Keras's cache, an earlier download)",
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="trains in this interpreter, a version such as 3.12 or a path (default: the edition's, which"
        " saves the model in any case)",
    )
    parser.add_argument(
        "--engine", choices=("tensorflow", "openvino"), help="runs the frozen layers (default: the faster)"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of the multiplications (default: bfloat16 where this machine gains by it)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--smoke", action="store_true", help="a trial of every stage: random weights, 800 images, nothing learnt"
    )
    parsing.add_assignment(parser)


def run(options: argparse.Namespace) -> int:
    """Make the model again; exit code 0 where the checker passes it, or where the trial run came through."""
    from checker.regenerate import run as regenerating

    asked = regenerating.Options(
        **{name: value for name, value in vars(options).items() if name in regenerating.Options.__annotations__}
    )
    observer = _observer()
    try:
        regenerating.Regeneration(asked, os.environ, observer).make()
    except KeyboardInterrupt:
        observer.close()
        print(
            "\nStopped. What is done is kept; to go on, type the same command:\n  {}".format(
                printable("checker " + " ".join(map(shlex.quote, sys.argv[1:])))
            ),
            file=sys.stderr,
        )
        return int(ExitCode.UNDECIDED)
    finally:
        observer.close()
    return int(ExitCode.MEETS)


def _observer() -> Observer:
    from checker.reports import live, terminal
    from checker.reports.lines import Lines

    if sys.stdout.isatty():
        return live.Live(terminal.console(sys.stdout))
    return Lines(sys.stdout)
