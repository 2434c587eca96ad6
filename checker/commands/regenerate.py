"""``checker regenerate``: the reference solution's model, made again."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, List

from checker.commands import parsing
from checker.outcomes import ExitCode
from checker.text import printable

if TYPE_CHECKING:
    from checker.progress import Observer
    from checker.regenerate.run import Regeneration


def add(commands: Any) -> None:
    """Declare the sub-command."""
    from checker.regenerate.plans import DEFAULT, PLANS, RECIPES

    parser = parsing.command(
        commands,
        "regenerate",
        run,
        "make the reference solution's model again",
        "Train the reference solution's model from nothing, check it, and leave the submission, its log,"
        " pictures and a model card in a folder. Ended at any moment, the same command goes on.",
        "example:  checker regenerate --recipe smoke",
    )
    parser.add_argument("--out", metavar="DIR", default="regenerated", help="default: %(default)s")
    parser.add_argument(
        "--application",
        help="one of Keras's applications (default: {}); set up by hand: {}; for others a rule finds what is"
        " trained".format(DEFAULT, ", ".join(PLANS)),
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
        " cifar-10-batches-py; cifar-10-python.tar.gz; download (default: Keras's cache, a download)",
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
    parser.add_argument(
        "--weights-note", metavar="TEXT", default="", help="for the model card: where these weights come from"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--recipe",
        choices=RECIPES,
        default=RECIPES[0],
        help="smoke: a trial of every stage with random weights and 800 images, with nothing learnt (default:"
        " %(default)s)",
    )
    parser.add_argument(
        "--resave",
        metavar="FOLDER",
        help="train nothing: save the model of FOLDER anew for --assignment or --python, into --out",
    )
    parsing.add_assignment(parser)


def run(options: argparse.Namespace) -> int:
    """Make the model again; exit code 0 where the checker passes it, or where the trial run came through."""
    if options.resave is not None:
        return _resave(options)
    from checker.regenerate import finish, pictures
    from checker.regenerate import run as regenerating

    pictures.look()
    command = "checker " + " ".join(map(shlex.quote, sys.argv[1:]))
    known = {name: value for name, value in vars(options).items() if name in _fields(regenerating.Options)}
    known["command"] = command
    observer = _observer()
    try:
        regeneration = regenerating.Regeneration(regenerating.Options(**known), os.environ, observer)
        if regeneration.is_made():
            finish.clear(regeneration.place)
            return _made_already(regeneration.place.folder)
        _say_faster(regeneration)
        result = finish.finish(regeneration.make(), regeneration.edition, os.environ, observer)
    except KeyboardInterrupt:
        observer.close()
        print(
            "\nStopped. What is done is kept; to go on, type the same command:\n  {}".format(
                printable(command)
            ),
            file=sys.stderr,
        )
        return int(ExitCode.UNDECIDED)
    finally:
        observer.close()
    for line in finish.summary(result, regeneration.place):
        print(line)
    return int(ExitCode.MEETS) if regeneration.options.smoke else result.exit_code


def _say_faster(regeneration: Regeneration) -> None:
    faster = None if regeneration.options.smoke else regeneration.faster()
    if faster is not None:
        words = "TensorFlow {} is slow at training; {} is on this machine:  --python {}".format(
            regeneration.trains.versions["tensorflow"], faster.versions["tensorflow"], faster.executable
        )
        print(printable(words), file=sys.stderr)


def _made_already(folder: Path) -> int:
    print("It is made already, in {}; for another one name another --out.".format(printable(str(folder))))
    return int(ExitCode.MEETS)


def _resave(options: argparse.Namespace) -> int:
    from checker.regenerate.resave import resave

    observer = _observer()
    try:
        place = resave(options.resave, options.out, options.assignment, options.python, os.environ, observer)
    finally:
        observer.close()
    print("The submission:  {}".format(printable(str(place.folder))))
    return int(ExitCode.MEETS)


def _fields(kind: Any) -> List[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _observer() -> Observer:
    from checker.reports import live, terminal
    from checker.reports.lines import Lines

    if sys.stdout.isatty():
        return live.Live(terminal.console(sys.stdout))
    return Lines(sys.stdout)
