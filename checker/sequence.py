"""The sequential verdict: on which side of the threshold all images lie, told from some of them.

Images come without replacement, in a random order; ``total`` are all, and ``m`` of them would be right. For
every m there is a bet that m is not the number: its capital is the ratio of what a prior expected of the
answers so far to the chance that m gives them,

    capital(m) = sum over j of prior(j) * chance(answers | j) / chance(answers | m),

the prior-posterior ratio of Waudby-Smith and Ramdas, "Confidence sequences for sampling without replacement"
(NeurIPS 2020). Where m is the truth, that is a martingale that begins at 1, and by Ville's inequality the
chance that it ever reaches 1 / error is at most ``error``, whenever one looks and for whatever reason one
stops. An m whose capital is there is ruled out.

Which prior is free, for each m. The number of right answers is below the threshold or not: so each m below it
is bet against with a prior that lies above, and each m from ``least`` on with one that lies below. One truth
is bet against once, so the numbers that are left hold the truth at an error rate of ``error`` all told. The
threshold is met where none below it is left, and not met where none from ``least`` on is.

Whether one below it is left can be seen from one number. chance(answers | m) is log-concave in m: it rises up
to the m that fits the answers best, and falls after it. If that is ``least - 1`` or more, then of all m below
the threshold the last one has the largest chance and the smallest capital: with it all are ruled out. If it
is less, then the m that fits best is itself below the threshold, and no capital against it is above 1. On the
other side it is the same with ``least``.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

MEETS, OPEN, FALLS_SHORT = 1, 0, -1
Numbers = Union[int, np.ndarray]


class Lump(NamedTuple):
    """A belief about the share of right answers: as strong as that many answers, and its weight of all."""

    right: int
    wrong: int
    weight: float


class Prior:
    """A mixture of beta-binomial priors for the number of right answers among all images."""

    def __init__(self, lumps: Sequence[Lump], total: int) -> None:
        self._lumps = lumps
        self._factorial = log_factorials(total + max(lump.right + lump.wrong for lump in lumps))

    def log_chance(self, correct: Numbers, seen: Numbers) -> np.ndarray:
        """Log of the chance of answers in one order: ``correct`` right ones among ``seen``.

        That of a beta-binomial prior for all images is that of the same prior for those seen (Polya's urn):
        B(right + correct, wrong + seen - correct) / B(right, wrong).
        """
        chances = [
            math.log(lump.weight)
            + self._log_beta(lump.right + correct, lump.wrong + seen - correct)
            - self._log_beta(lump.right, lump.wrong)
            for lump in self._lumps
        ]
        found: np.ndarray = functools.reduce(np.logaddexp, chances)
        return found

    def _log_beta(self, right: Numbers, wrong: Numbers) -> np.ndarray:
        """Log of the beta function of whole numbers."""
        factorial = self._factorial
        found: np.ndarray = factorial[right - 1] + factorial[wrong - 1] - factorial[right + wrong - 1]
        return found


class Draws:
    """Answers to images drawn from ``total``, without replacement."""

    def __init__(self, total: int) -> None:
        self._total, self._factorial = total, log_factorials(total)

    def log_chance(self, number: Numbers, correct: Numbers, seen: Numbers) -> np.ndarray:
        """Log of the chance of answers in one order where ``number`` of all are right; -inf: it is none."""
        factorial, total, wrong = self._factorial, self._total, seen - correct
        right_left, wrong_left = number - correct, total - number - wrong
        found = (
            factorial[number]
            - factorial[np.maximum(right_left, 0)]
            + factorial[total - number]
            - factorial[np.maximum(wrong_left, 0)]
            + factorial[total - seen]
            - factorial[total]
        )
        return np.where((right_left < 0) | (wrong_left < 0), -np.inf, found)


class ConfidenceSequence:
    """The numbers of right answers, among ``total``, that the answers so far leave.

    ``least`` right answers meet the threshold. ``priors``: above the threshold, and below it.
    """

    def __init__(
        self, total: int, least: int, error: float, priors: Optional[Tuple[Prior, Prior]] = None
    ) -> None:
        self.total, self.least = total, least
        self._above, self._below = priors or default_priors(total, least)
        self._log_enough, self._draws = -math.log(error), Draws(total)

    def stop(self, correct: int, seen: int, right: np.ndarray) -> Optional[Tuple[int, bool]]:
        """Look after each of the next images, bool (m,): how many of them it takes, and the verdict.

        None where it stays open. After the last image of all there is nothing to be told from a part.
        """
        sizes = np.arange(seen + 1, min(seen + len(right), self.total - 1) + 1)
        verdicts = self.verdicts(correct + np.cumsum(right)[: len(sizes)], sizes)
        decided = np.flatnonzero(verdicts)
        if not len(decided):
            return None
        return int(decided[0]) + 1, bool(verdicts[decided[0]] == MEETS)

    def verdicts(self, correct: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """For each pair of ``correct`` right answers among ``seen``: MEETS, FALLS_SHORT or OPEN, int8."""
        correct, seen = np.asarray(correct), np.asarray(seen)
        fits_best = correct * (self.total + 1) // seen
        last, first = self.least - 1, self.least  # below the threshold, and from it on
        meets = (fits_best >= last) & self._ruled_out(last, self._above, correct, seen)
        falls_short = (fits_best <= first) & self._ruled_out(first, self._below, correct, seen)
        return meets.astype(np.int8) - falls_short.astype(np.int8)

    def interval(self, correct: int, seen: int) -> Tuple[int, int]:
        """The smallest and the largest number of right answers that are left."""
        below, from_it_on = np.arange(self.least), np.arange(self.least, self.total + 1)
        ruled_out = (
            self._ruled_out(below, self._above, correct, seen),
            self._ruled_out(from_it_on, self._below, correct, seen),
        )
        left = np.flatnonzero(~np.concatenate(ruled_out))
        return int(left[0]), int(left[-1])

    def _ruled_out(self, number: Numbers, prior: Prior, correct: Numbers, seen: Numbers) -> np.ndarray:
        """Whether the capital of the bet against so many right answers among all has come to be enough."""
        log_chance = self._draws.log_chance(number, correct, seen)
        cannot_be = np.isneginf(log_chance)
        log_capital = prior.log_chance(correct, seen) - np.where(cannot_be, 0.0, log_chance)
        ruled_out: np.ndarray = cannot_be | (log_capital >= self._log_enough)
        return ruled_out


def default_priors(total: int, least: int) -> Tuple[Prior, Prior]:
    """One lump on each side of the threshold, half-way to the nearer end, and a tenth for anything at all.

    A lump is as strong as 8 answers over the way to the nearer end: 62 for a threshold of 0.87. The choice is
    a table: bench/sequence.md.
    """
    threshold = least / total
    way = max(min(threshold, 1 - threshold), 1 / total)
    sides = []
    for share in (threshold + way / 2, threshold - way / 2):
        right, wrong = round(8 / way * share), round(8 / way * (1 - share))
        sides.append(Prior((Lump(max(right, 1), max(wrong, 1), 0.9), Lump(1, 1, 0.1)), total))
    return sides[0], sides[1]


def log_factorials(most: int) -> np.ndarray:
    """Logs of 0! to most!, float64 (most + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
