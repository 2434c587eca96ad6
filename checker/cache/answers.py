"""What one run came to, what each answer rests on, and what of it still holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from checker.errors import UsageError
from checker.outcomes import Status
from checker.result import Accuracy, CheckResult, Fact, KeptRecord, Result
from checker.typed import FieldError, plain, structure

# A limit may have been the machine's, the others are not the submission's.
_LASTS = (Status.PASSED, Status.FAILED)


@dataclass(frozen=True)
class Rests:
    """``parts``: a digest of each part of the submission. ``checks`` and ``stages`` rest on some of them.

    ``facts``: by the stage that they come from.
    """

    parts: Dict[str, str]
    checks: Dict[str, Tuple[str, ...]]
    stages: Dict[str, Tuple[str, ...]]
    facts: Dict[str, Tuple[Fact, ...]]


@dataclass(frozen=True)
class Answers:
    """One run."""

    rests: Rests
    result: Result

    def to_text(self) -> str:
        """JSON; :meth:`from_text` is the inverse."""
        return json.dumps({"rests": plain(self.rests), "result": self.result.to_dict()})

    @classmethod
    def from_text(cls, text: str) -> Optional[Answers]:
        """Read :meth:`to_text`'s output; None where it is none."""
        try:
            data: Any = json.loads(text)
            return cls(structure(Rests, data["rests"]), Result.from_dict(data["result"]))
        except (ValueError, KeyError, TypeError, RecursionError, FieldError, UsageError):
            return None

    def known(self, parts: Mapping[str, str]) -> Known:
        """What holds of a submission with these parts."""
        same = {name for name, digest in self.rests.parts.items() if parts.get(name) == digest}
        checks = {
            check.name: check
            for check in self.result.checks
            if check.status in _LASTS and same.issuperset(self.rests.checks.get(check.name, ("unknown",)))
        }
        stages = frozenset(name for name, on in self.rests.stages.items() if same.issuperset(on))
        return Known(self, checks, stages, len(same) == len(parts))


@dataclass(frozen=True)
class Known:
    """Answers of an earlier run that still hold: of ``checks``, and of ``stages``.

    ``unchanged``: the submission is what it was.
    """

    answers: Answers
    checks: Dict[str, CheckResult]
    stages: FrozenSet[str]
    unchanged: bool

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be asked."""
        left = [check for check in self.answers.result.checks if check.name not in self.checks]
        return self.unchanged and all(check.status is Status.NOT_RUN for check in left)

    @property
    def record(self) -> Optional[KeptRecord]:
        """For the result: which answers are kept, and since when; None where none are."""
        if not self.checks:
            return None
        before = self.answers.result
        since = before.created if before.kept is None else before.kept.since
        return KeptRecord(since, tuple(self.checks))

    @property
    def accuracy(self) -> Optional[Accuracy]:
        """The accuracy, where it would be counted again as it was."""
        return self.answers.result.accuracy if "model" in self.stages else None

    def facts(self, anew: Mapping[str, object]) -> Dict[str, Tuple[Fact, ...]]:
        """Facts of stages that have not run ``anew``."""
        return {
            stage: facts
            for stage, facts in self.answers.rests.facts.items()
            if stage in self.stages and stage not in anew
        }
