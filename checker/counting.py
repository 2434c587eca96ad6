"""Count raw scores as they come, against labels that no sandbox ever held."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from checker import scoring
from checker.editions import Edition
from checker.errors import EvidenceError
from checker.evidence import Count
from checker.sandbox import Stop
from checker.sandbox.channel import Received

if TYPE_CHECKING:
    import numpy as np

    from checker.memorised.mixing import Mixed
    from checker.sequence import ConfidenceSequence

_SCORES = ("<f2", "<f4", "<f8")


class Counter:
    """Counts one run of the model. ``labels`` uint8 (n,), or None where no scores are asked for.

    ``early``: end the run as soon as the confidence sequence has decided. It looks after each test image, and
    those after the decision do not count. ``mixed``: what the model scores where that is more than the test
    images; the sequence sees these alone.
    """

    def __init__(
        self,
        labels: Optional[np.ndarray],
        edition: Edition,
        early: bool,
        mixed: Optional[Mixed] = None,
    ) -> None:
        self.count = Count()
        self._labels, self._edition, self._mixed = labels, edition, mixed
        self.early = early
        self._sequence = _sequence(len(labels), edition) if early and labels is not None else None
        self._verdict: Optional[bool] = None

    def restart(self) -> Counter:
        """Begin again, for a probe that is tried once more."""
        self.count, self._verdict = Count(), None
        return self

    def take(self, received: Received) -> None:
        """Count one batch of scores (m, classes). Raises EvidenceError, or Stop where enough is known."""
        self.add(self.scores(received))

    def scores(self, received: Received) -> np.ndarray:
        """The scores (m, classes) of an array that came. Raises EvidenceError where it is none of scores."""
        import numpy as np

        header = received.header
        if self._labels is None or header.name != "scores":
            raise EvidenceError("an array that was not asked for")
        if header.shape[1:] != (self._edition.classes,) or header.dtype not in _SCORES:
            raise EvidenceError("scores of shape {} and dtype {}".format(list(header.shape), header.dtype))
        return np.frombuffer(received.data, header.dtype).reshape(header.shape)

    def add(self, scores: np.ndarray) -> None:
        """Count scores (m, classes). Raises EvidenceError, or Stop where enough is known."""
        count, labels = self.count, self._labels
        if labels is None:
            raise EvidenceError("scores that were not asked for")
        self._count(self._tests(scores, labels), labels)
        now = time.monotonic()
        count.first, count.last = count.first or now, now
        count.answered += len(scores)
        if self._verdict is False or (self._verdict and self._enough()):
            raise Stop

    def _enough(self) -> bool:
        """Whether a model that meets the threshold has answered to enough other images, too."""
        return self._mixed is None or self.count.answered >= self._mixed.early

    def _tests(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The scores of test images among them; right answers to all are kept."""
        count, mixed = self.count, self._mixed
        if count.answered + len(scores) > len(labels if mixed is None else mixed):
            raise EvidenceError("more scores than images")
        if mixed is None:
            return scores
        here = slice(count.answered, count.answered + len(scores))
        count.right.append(_right(scores, mixed.labels[here]))
        tests: np.ndarray = scores[mixed.tests[here]]
        return tests

    def _count(self, scores: np.ndarray, labels: np.ndarray) -> None:
        """Count scores of the next test images; what comes after the decision has no part in it."""
        import numpy as np

        count = self.count
        if self._verdict is not None:
            return
        right = _right(scores, labels[count.seen : count.seen + len(scores)])
        stop = None if self._sequence is None else self._sequence.stop(count.correct, count.seen, right)
        if stop is not None:
            taken, self._verdict = stop
            scores, right = scores[:taken], right[:taken]
        count.correct += int(right.sum())
        count.not_finite += int(len(scores) - np.isfinite(scores).all(axis=1).sum())
        count.scores.append(scores)
        count.seen += len(scores)


def _sequence(total: int, edition: Edition) -> ConfidenceSequence:
    from checker.sequence import ConfidenceSequence

    return ConfidenceSequence(total, scoring.needed(edition.threshold, total), edition.error_rate)


def _right(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which rows of scores are finite and highest for their label: bool (m,)."""
    import numpy as np

    right: np.ndarray = np.isfinite(scores).all(axis=1) & (scores.argmax(axis=1) == labels)
    return right
