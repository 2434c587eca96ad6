"""Count raw scores as they come, against labels that no sandbox ever held."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from checker import scoring
from checker.editions import Edition
from checker.errors import EvidenceError
from checker.evidence import Count
from checker.progress import Observer
from checker.sandbox import Stop
from checker.sandbox.channel import Received

if TYPE_CHECKING:
    import numpy as np

_SCORES = ("<f2", "<f4", "<f8")


class Counter:
    """Counts one run of the model. ``labels`` uint8 (n,), or None where no scores are asked for.

    ``early``: end the run as soon as the confidence sequence has decided.
    """

    def __init__(
        self, labels: Optional[np.ndarray], edition: Edition, early: bool, observer: Observer
    ) -> None:
        self.count = Count()
        self._labels, self._edition = labels, edition
        self._early, self._observer = early, observer

    def restart(self) -> Counter:
        """Begin again, for a probe that is tried once more."""
        self.count = Count()
        return self

    def take(self, received: Received) -> None:
        """Count one batch of scores (m, classes). Raises EvidenceError, or Stop where enough is known."""
        import numpy as np

        count, labels, header = self.count, self._labels, received.header
        if labels is None or header.name != "scores":
            raise EvidenceError("an array that was not asked for")
        if header.shape[1:] != (self._edition.classes,) or header.dtype not in _SCORES:
            raise EvidenceError("scores of shape {} and dtype {}".format(list(header.shape), header.dtype))
        rows = header.shape[0]
        if count.seen + rows > len(labels):
            raise EvidenceError("more scores than images")
        scores = np.frombuffer(received.data, header.dtype).reshape(header.shape)
        finite = np.isfinite(scores).all(axis=1)
        right = scores.argmax(axis=1) == labels[count.seen : count.seen + rows]
        count.correct += int((right & finite).sum())
        count.not_finite += int(rows - finite.sum())
        count.scores.append(scores)
        count.seen += rows
        now = time.monotonic()
        count.first, count.last = count.first or now, now
        self._observer.advance(count.seen, len(labels))
        if self._early and count.seen < len(labels):
            self._stop_where_decided()

    def _stop_where_decided(self) -> None:
        if self._labels is None:
            return
        verdict = scoring.sequential_verdict(
            self.count.correct, self.count.seen, len(self._labels), self._edition.threshold
        )
        if verdict is not None:
            raise Stop
