"""Whether an answer depends on the company that an image is in: some are scored twice, unmarked.

A verdict on a part of the images, in an order of ours, is one on all only if each image is answered by
itself: whatever comes before it, beside it in its batch, and however often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional

import numpy as np

from checker.clean import comparing
from checker.counting import Counter
from checker.errors import EvidenceError
from checker.evidence import Difference
from checker.sandbox.channel import Received

_CHUNK = 1000  # rows laid out at once
BLOCK = 64  # images, after each of which some of those before come again
# A model that is far from the threshold is decided on after a few hundred images.
EARLY, FIRST, LATER = 512, 8, 1  # repeats in a block before and after so many images


@dataclass(frozen=True)
class Order:
    """Which image each row is: int (m,); bool (m,): whether it was there before."""

    rows: np.ndarray
    again: np.ndarray


def order(count: int, seed: int) -> Order:
    """The order of ``count`` images, each once, with some of those before among them."""
    generator = np.random.RandomState([seed, 3])  # what the seed draws besides is what it would be
    rows: List[np.ndarray] = []
    again: List[np.ndarray] = []
    for start in range(0, count, BLOCK):
        own = np.arange(start, min(start + BLOCK, count))
        repeats = min(start, FIRST if start <= EARLY else LATER)
        chosen = generator.choice(start, repeats, replace=False) if repeats else own[:0]
        places = generator.permutation(np.arange(len(own) + repeats) >= len(own))
        # The images among themselves stay in their order.
        mixed = np.empty(len(places), own.dtype)
        mixed[~places], mixed[places] = own, chosen
        rows.append(mixed)
        again.append(places)
    return Order(np.concatenate(rows), np.concatenate(again))


class Company:
    """Takes scores of images in an :class:`Order`: a counter gets the first of each, others are compared."""

    def __init__(self, counter: Counter, order: Optional[Order]) -> None:
        self.counter, self._order = counter, order
        self._taken = 0
        self._known: Optional[np.ndarray] = None
        self._pairs: List[List[np.ndarray]] = [[], []]

    def count(self, images: int) -> int:
        """How many rows there are for so many images."""
        return images if self._order is None else len(self._order.rows)

    def rows(self, images: int) -> Iterator[np.ndarray]:
        """Which image each row is, in parts."""
        rows = np.arange(images) if self._order is None else self._order.rows
        for start in range(0, len(rows), _CHUNK):
            yield rows[start : start + _CHUNK]

    def restart(self) -> None:
        """Begin again, for a probe that is tried once more."""
        self.counter.restart()
        self._taken, self._known, self._pairs = 0, None, [[], []]

    def take(self, received: Received) -> None:
        """Take one batch of scores. Raises as :meth:`Counter.take`."""
        scores = self.counter.scores(received)
        if self._order is None:
            self.counter.add(scores)
            return
        here = slice(self._taken, self._taken + len(scores))
        rows, again = self._order.rows[here], self._order.again[here]
        if len(rows) < len(scores):
            raise EvidenceError("more scores than images")
        self._taken += len(scores)
        if self._known is None:
            self._known = np.empty((int((~self._order.again).sum()), scores.shape[1]))
        self._known[rows[~again]] = scores[~again]
        if again.any():
            self._pairs[0].append(self._known[rows[again]])
            self._pairs[1].append(scores[again])
        self.counter.add(scores[~again])

    def difference(self) -> Optional[Difference]:
        """How far the scores of the same images are from each other; None where none came twice."""
        first, second = self._pairs
        return comparing.compare(tuple(first), tuple(second)) if first else None
