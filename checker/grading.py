"""Grading mode: a verdict that counts rests on what an examiner named, behind walls, on every image.

What lies in the submission, or in its environment, has no say. The seed is drawn by the operating system for
each run, and is known to nobody beforehand.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable, Optional, Tuple

from checker.editions import Edition
from checker.errors import CheckerError, UsageError
from checker.outcomes import ExitCode
from checker.result import CheckResult
from checker.text import printable

if TYPE_CHECKING:
    from checker.sandbox import Isolation

WALLS = ("bubblewrap", "landlock")


def look(folder: str, python: Optional[str], images: Optional[str], assignment: str) -> None:
    """Raise UsageError where something is not named, or lies where a submission could have put it."""
    wanted = {"--python": (python, "PATH"), "--images": (images, "WHAT")}
    missing = [" ".join((name, kind)) for name, (value, kind) in wanted.items() if value is None]
    if missing:
        raise UsageError(
            "--grade: expected interpreter and test images to be named, so that nothing of the submission or"
            " its environment chooses them; add {}.".format(" and ".join(missing))
        )
    if images == "embedded":
        raise UsageError(
            "--grade --images embedded: expected all test images; the 1,000 that ship with the checker are"
            " known to everybody and for the desk."
        )
    named = [("--python", python), ("--images", images)]
    named += [("--assignment", assignment)] if assignment.endswith(".toml") else []
    for option, value in named:
        if value is not None and _inside(value, folder):
            raise UsageError(
                "--grade {} {}: expected a path outside of the submission; it lies in {}.".format(
                    option, printable(value), printable(folder)
                )
            )


def need_walls(isolation: Isolation) -> None:
    """Raise CheckerError where submitted code could reach the checker itself."""
    if isolation.level not in WALLS:
        why = " ({})".format(isolation.detail) if isolation.detail else ""
        raise CheckerError(
            "--grade: expected walls round submitted code ({}), found {} alone{}. Without them it could"
            " reach the checker, and no verdict would count.  checker doctor  says what is missing.".format(
                " or ".join(WALLS), isolation.level, printable(why)
            )
        )


def need_all_images(count: int, edition: Edition) -> None:
    """Raise UsageError where the images are a part of the test set."""
    if count < edition.test_images:
        raise UsageError(
            "--grade --images: expected all {:,} test images, found {:,}.".format(edition.test_images, count)
        )


def pending(edition: Edition, checks: Iterable[CheckResult], code: ExitCode) -> Tuple[str, ...]:
    """Names of the flags for which a verdict that would be met waits for a person, each once."""
    if code is not ExitCode.MEETS:
        return ()
    found = [flag.name for check in checks for flag in check.flags if flag.name in edition.pending]
    return tuple(dict.fromkeys(found))


def _inside(path: str, folder: str) -> bool:
    """Whether a path, as it is written or where it leads, is in a folder."""
    tops = {os.path.abspath(folder), os.path.realpath(folder)}
    places = {os.path.abspath(path), os.path.realpath(path)}
    return any(place == top or place.startswith(top + os.sep) for place in places for top in tops)
