"""What a model made of the test images beside what it made of the others, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence, Tuple

import numpy as np

from checker.memorised import gaps
from checker.memorised.gaps import Gap
from checker.memorised.mixing import COPY, PRIVATE, TEST, TRAINING, Mixed

# What honest models lose: on copies, bench/memorised.md; on training images nothing, since they learnt from
# them; on new images of the same classes 3 to 15 points (Recht and others, 2018 and 2019: CIFAR-10.1).
ALLOWED = {COPY: 0.025, TRAINING: 0.0, PRIVATE: 0.15}
NAMES = {COPY: "copies of test images", TRAINING: "training images", PRIVATE: "private images"}
_MEANS = {
    COPY: "as of a model that knows these images, not what they show",
    TRAINING: "as of a model that learnt from test images",
    PRIVATE: "as of a model that learnt from test images, or as where the private ones are harder",
}


@dataclass(frozen=True)
class Comparison:
    """Test images against others of one kind."""

    kind: int
    gap: Gap

    @property
    def name(self) -> str:
        """What the test images are compared with."""
        return NAMES[self.kind]

    def words(self) -> str:
        """Both accuracies, the gap, what is sure of it, and what is allowed."""
        gap = self.gap
        test = "{:.1%} of {:,} test images right".format(gap.right / gap.of, gap.of)
        others = "{:.1%} of {:,} {}".format(gap.others_right / gap.others, gap.others, self.name)
        sure = "{:+.1f} points, at least {:+.1f} at an error rate of {:g}"
        allowed = "honest models: up to {:+g}".format(100 * gap.allowed)
        return "{}, {}: {}; {}".format(
            test, others, sure.format(100 * gap.size, 100 * gap.low, gaps.ERROR), allowed
        )

    def flag(self) -> str:
        """The same for a person to look at, and what it looks like."""
        return "{}; {}".format(self.words(), _MEANS[self.kind])


def compare(mixed: Mixed, right: Sequence[np.ndarray]) -> Tuple[Comparison, ...]:
    """Compare what was answered: ``right`` bool (batch,), in the order of ``mixed``, as far as it came."""
    known = np.concatenate(right) if len(right) else np.empty(0, bool)
    return tuple(Comparison(kind, gap) for kind, gap in _gaps(mixed, known))


def _gaps(mixed: Mixed, known: np.ndarray) -> Iterator[Tuple[int, Gap]]:
    kind, of = mixed.kind[: len(known)], mixed.of[: len(known)]
    tests = known[kind == TEST]  # the first of all test images, in their order
    copied = (kind == COPY) & (of < len(tests))
    if copied.any():
        yield COPY, gaps.paired(tests[of[copied]], known[copied], ALLOWED[COPY])
    for which in (TRAINING, PRIVATE):
        if len(tests) and (kind == which).any():
            yield which, gaps.apart(tests, known[kind == which], ALLOWED[which])
