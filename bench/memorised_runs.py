"""Runs of ``checker check --memorised`` without a model: what is classified rightly is drawn from shares."""

from __future__ import annotations

import functools
from typing import NamedTuple, Tuple

import numpy as np

from bench import stopping
from checker.memorised import comparing, gaps, mixing
from checker.scoring import clopper_pearson, needed
from checker.sequence import ConfidenceSequence

TOTAL, THRESHOLD, ERROR_RATE = 10000, 0.87, 1e-6
HONEST = 0.035, 0.02  # lost and gained copies of an honest model that falls short


class Shares(NamedTuple):
    """Of test images: right, as is the copy; right, and the copy wrong; wrong, and the copy right.

    ``training``: the share of training images that are right.
    """

    both: float
    lost: float
    gained: float
    training: float

    @property
    def accuracy(self) -> float:
        """The share of test images that are right."""
        return self.both + self.lost


class Model(NamedTuple):
    """What a model classifies rightly: of test images and their copies, bool (n,), and others, bool (m,)."""

    test: np.ndarray
    copies: np.ndarray
    training: np.ndarray

    def shares(self) -> Shares:
        """The same as shares."""
        return Shares(
            float((self.test & self.copies).mean()),
            float((self.test & ~self.copies).mean()),
            float((self.copies & ~self.test).mean()),
            float(self.training.mean()),
        )


class Runs(NamedTuple):
    """The shares of runs that are flagged, by which comparison; means of test images and of copies."""

    copies: float
    training: float
    either: float
    tests: float
    pairs: float


def topped(honest: float, top: float) -> Shares:
    """An honest model that loses and gains HONEST copies, and is right besides on images out of a table."""
    lost, gained = HONEST
    known = (top - honest) / (1 - honest)  # the share of the images it gets wrong that the table has
    both = honest - lost + known * gained
    return Shares(both, top - both, gained * (1 - known), honest)


def simulate(shares: Shares, runs: int, seed: int = 0) -> Runs:
    """Draw runs: which images are right, when the sequence ends the run, and what is flagged then."""
    generator = np.random.RandomState(seed)
    found = np.array([_one(shares, generator) for _ in range(runs)], float)
    by_copies, by_training = found[:, 0] > 0, found[:, 1] > 0
    return Runs(
        by_copies.mean(),
        by_training.mean(),
        (by_copies | by_training).mean(),
        found[:, 2].mean(),
        found[:, 3].mean(),
    )


def _one(shares: Shares, generator: np.random.RandomState) -> Tuple[bool, bool, int, int]:
    draws = generator.uniform(size=TOTAL)
    right = draws < shares.accuracy
    copy_right = np.where(right, draws < shares.both, draws < shares.accuracy + shares.gained)
    seen = _end(right)
    copied, trainings = _schedule()
    here = copied[copied < seen]
    lost, gained = int((right & ~copy_right)[here].sum()), int((copy_right & ~right)[here].sum())
    flagged = _flags_copies(gained, len(here), lost)
    count = int(trainings[seen - 1])
    trained = int(generator.binomial(count, shares.training))
    return flagged, _flags_training(int(right[:seen].sum()), seen, trained, count), seen, len(here)


def _end(right: np.ndarray) -> int:
    """How many test images a run has: up to the decision, and, of a model that meets, at least EARLY."""
    counts = np.cumsum(right)[:-1]
    ends = _boundaries()
    decided = np.flatnonzero((counts <= ends.fails) | (counts >= ends.meets))
    if not len(decided):
        return len(right)
    last = int(decided[0])
    return last + 1 if counts[last] <= ends.fails[last] else max(last + 1, mixing.EARLY)


@functools.lru_cache(maxsize=None)
def _boundaries() -> stopping.Boundaries:
    return stopping.boundaries(ConfidenceSequence(TOTAL, needed(THRESHOLD, TOTAL), ERROR_RATE))


@functools.lru_cache(maxsize=None)
def _schedule() -> Tuple[np.ndarray, np.ndarray]:
    """Test images that have a copy, and how many training images come with the first n test images."""
    kind, of = mixing.places(TOTAL, TOTAL, 0, np.random.RandomState(0))
    trainings = np.cumsum(kind == mixing.TRAINING)[kind == mixing.TEST]
    return of[kind == mixing.COPY], trainings


@functools.lru_cache(maxsize=None)
def _flags_copies(gained: int, pairs: int, lost: int) -> bool:
    allowed = comparing.ALLOWED[mixing.COPY]
    # What is flagged lies 3.4 standard deviations above what is allowed, or more: most runs need no sum.
    if lost - gained - allowed * pairs < 2.5 * (lost + gained) ** 0.5:
        return False
    return gaps.paired_chance(lost, gained, pairs, allowed) <= gaps.ERROR


@functools.lru_cache(maxsize=None)
def _flags_training(right: int, seen: int, trained: int, count: int) -> bool:
    low = clopper_pearson(right, seen, 1 - gaps.ERROR)[0]
    return low - clopper_pearson(trained, count, 1 - gaps.ERROR)[1] > comparing.ALLOWED[mixing.TRAINING]
