"""What a check can come to, and what a run of the checker can exit with."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ExitCode(enum.IntEnum):
    """Exit codes of ``checker check``; frozen: scripts rely on them."""

    MEETS = 0
    FALLS_SHORT = 1
    USAGE = 2
    UNDECIDED = 3


class Status(str, enum.Enum):
    """Status of one check."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    LIMIT = "limit"
    ERROR = "error"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Reason:
    """Why a check did not pass, in words for the person who can change it.

    ``name`` is stable, in kebab-case, and explained under that heading in ``docs/students.md``.
    """

    name: str
    expected: str
    found: str
    where: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Flag:
    """What a person has to look at beside a status: a stable name in kebab-case, and what was found."""

    name: str
    found: str


@dataclass(frozen=True)
class Cure:
    """What a person does about one cause: the name of the outcome, and the advice that goes with it."""

    name: str
    advice: str


class Outcome(Exception):
    """Base of what a check raises when it does not pass."""

    status = Status.ERROR

    def __init__(self, name: str, expected: str, found: str, where: str = "", advice: str = "") -> None:
        super().__init__(found)
        self.reason = Reason(name, expected, found, where, advice)


class Failure(Outcome):
    """The submission does not do what the check asks for."""

    status = Status.FAILED


class LimitReached(Outcome):
    """The submission took more time, memory, output or disk than the edition gives it."""

    status = Status.LIMIT


class Blocked(Outcome):
    """A named condition of the check is missing, so that nothing can be said."""

    status = Status.BLOCKED
