"""What a confidence sequence comes to: images seen, and the chance of each verdict, exactly or in runs."""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence, Tuple

import numpy as np

from checker.sequence import FALLS_SHORT, MEETS, ConfidenceSequence


class Boundaries(NamedTuple):
    """After 1, 2, ... images: the most right answers that decide against a model, and the fewest for it.

    int (total - 1,) each; -1, and one more than the images, where none do.
    """

    fails: np.ndarray
    meets: np.ndarray


class Outcome(NamedTuple):
    """For each number right among all: the images seen on average, and the chance of each early verdict."""

    images: np.ndarray
    meets: np.ndarray
    fails: np.ndarray


def boundaries(sequence: ConfidenceSequence, every: int = 1) -> Boundaries:
    """Where the sequence ends, looked at after every so many images."""
    seen = np.arange(1, sequence.total)
    meets = _first(lambda correct: sequence.verdicts(correct, seen) == MEETS, seen)
    fails = _first(lambda correct: sequence.verdicts(correct, seen) != FALLS_SHORT, seen) - 1
    blind = seen % every != 0
    return Boundaries(np.where(blind, -1, fails), np.where(blind, seen + 1, meets))


def _first(holds: Callable[[np.ndarray], np.ndarray], most: np.ndarray) -> np.ndarray:
    """The smallest numbers up to ``most`` from which on something holds; one more where it never does."""
    least, end = np.zeros_like(most), most + 1
    while (least < end).any():
        middle = (least + end) // 2
        open_ = least < end
        held = holds(np.minimum(middle, most)) | (middle > most)
        least, end = np.where(open_ & ~held, middle + 1, least), np.where(open_ & held, middle, end)
    return least


def outcome(ends: Boundaries, total: int, truths: Sequence[int]) -> Outcome:
    """Exactly, by dynamic programming over the number of right answers after each image.

    ``chances``, float (truths, k), are those of runs that go on, with ``base`` and more right answers.
    """
    right_of_all = np.asarray(truths, np.float64)[:, None]
    images, meets, fails = (np.zeros(len(right_of_all)) for _ in range(3))
    chances, base = np.ones((len(right_of_all), 1)), 0
    for seen, (last_fail, first_meet) in enumerate(zip(*ends)):
        images += chances.sum(axis=1)
        chances = _drawn(chances, np.clip((right_of_all - _from(base, chances)) / (total - seen), 0, 1))
        failed = max(0, last_fail + 1 - base)
        fails += chances[:, :failed].sum(axis=1)
        chances, base = chances[:, failed:], base + failed
        met = max(0, first_meet - base)
        meets += chances[:, met:].sum(axis=1)
        chances = chances[:, :met]
        if not chances.size:
            break
    return Outcome(images + chances.sum(axis=1), meets, fails)


def _from(base: int, chances: np.ndarray) -> np.ndarray:
    return np.arange(base, base + chances.shape[1])[None, :]


def _drawn(chances: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Chances after one more image, which is right with a chance of ``right``."""
    after = np.zeros((len(chances), chances.shape[1] + 1))
    after[:, :-1] = chances * (1 - right)
    after[:, 1:] += chances * right
    return after


def simulate(
    ends: Boundaries, total: int, truths: np.ndarray, generator: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """One run for each of ``truths``, int (runs,): images seen, int, and whether it met the threshold, bool.

    Runs that the sequence leaves open see all images; whether they meet is not told, False.
    """
    images, met = np.full(len(truths), total), np.zeros(len(truths), bool)
    going, correct = np.arange(len(truths)), np.zeros(len(truths), np.int64)
    for seen, (last_fail, first_meet) in enumerate(zip(*ends)):
        if not len(going):
            break
        correct += generator.uniform(size=len(going)) * (total - seen) < truths[going] - correct
        meets = correct >= first_meet
        ended = meets | (correct <= last_fail)
        if ended.any():
            images[going[ended]], met[going[meets]] = seen + 1, True
            going, correct = going[~ended], correct[~ended]
    return images, met
