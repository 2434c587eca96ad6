"""What the command line asks of a check, and what is seen to be of no use before anything runs."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from checker import checks, editions, grading, submission
from checker.datasets import sources
from checker.editions import Edition
from checker.errors import UsageError
from checker.text import printable


@dataclass(frozen=True)
class Options:
    """What the command line asks for; ``None`` leaves the choice to the checker.

    ``keep``: answers of an earlier check count where nothing has changed that they rest on.
    """

    folder: str
    assignment: str = editions.DEFAULT
    quick: bool = False
    selected: Tuple[str, ...] = ()
    exact: bool = False
    grade: bool = False
    python: Optional[str] = None
    images: Optional[str] = None
    with_main: bool = False
    seed: Optional[int] = None
    memorised: bool = False
    private_images: Optional[str] = None
    keep: bool = False


def shown_folder(folder: str) -> str:
    """The folder of a submission as reports show it."""
    return printable(os.path.abspath(folder))


def look(options: Options, environment: Mapping[str, str]) -> Edition:
    """Read the edition; raise UsageError for what is seen to be of no use before anything runs."""
    edition = editions.load(options.assignment, checks.every())
    _look_at_selected(options, edition)
    submission.look(options.folder)
    if options.grade:
        _look_at_grading(options)
    if reads_alone(options, edition):
        if options.images is not None:
            why = "--quick: a quick run scores" if options.quick else "--select: the selected checks score"
            raise UsageError("--images with {} no images; leave out one of the two.".format(why))
        if options.memorised or options.private_images is not None:
            raise UsageError(
                "--memorised and --private-images compare scores, and this run makes none; leave out --quick"
                " or --select."
            )
        if options.exact:
            raise UsageError(
                "--exact scores every image, and this run scores none; leave out --select or it."
            )
        if options.seed is not None:
            raise UsageError(
                "--seed orders the test images, and this run scores none; leave out --quick, --select or it."
            )
        if options.with_main:
            raise UsageError(
                "--with-main compares scores, and this run makes none; leave out --quick or --select."
            )
    else:
        _look_at_images(options, edition, environment)
    return edition


def _look_at_images(options: Options, edition: Edition, environment: Mapping[str, str]) -> None:
    source = sources.named(options.images, environment)
    if source is not None:
        from checker.datasets import choosing  # an archive needs NumPy, an .npz does not

        choosing.look(source, edition)
    if options.private_images is not None:
        from checker.memorised import others

        others.look(options.private_images, edition)


def _look_at_grading(options: Options) -> None:
    if options.quick or options.selected:
        raise UsageError(
            "--grade runs every check; leave out {} or it.".format("--quick" if options.quick else "--select")
        )
    if options.seed is not None:
        raise UsageError(
            "--grade --seed: expected a seed that nobody knows beforehand; leave it out, and the operating"
            " system draws one."
        )
    grading.look(options.folder, options.python, options.images, options.assignment)


def _look_at_selected(options: Options, edition: Edition) -> None:
    for name in options.selected:
        if name not in edition.checks:
            near = difflib.get_close_matches(name, edition.checks, 3) or edition.checks
            raise UsageError(
                "--select {}: expected the name of a check of {}, such as: {}.".format(
                    name, edition.name, ", ".join(near)
                )
            )
        if options.quick and not edition.checks[name].quick:
            raise UsageError(
                "--select {} with --quick: this check needs TensorFlow; leave out one of the two.".format(
                    name
                )
            )


def reads_alone(options: Options, edition: Edition) -> bool:
    """Whether all checks that were asked for need no TensorFlow, and so no images."""
    return options.quick or all(
        rule.quick for name, rule in edition.checks.items() if name in (options.selected or edition.checks)
    )
