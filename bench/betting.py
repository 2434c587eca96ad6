"""Betting martingales for draws without replacement, to hold beside a prior's.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (Journal of the Royal
Statistical Society B, 2023), sections 4 and 5: a capital grows by 1 + bet * (answer - mean) with each answer,
where ``mean`` is what the null leaves for those not yet drawn. Here one capital bets that more are right than
the null says, and one that fewer are; neither bet is ever below 0, so that each holds for a one-sided null.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, NamedTuple

import numpy as np

PART = 0.75  # of the bet with which one answer could lose all
BETS = 10  # of the diversified one


class Answers(NamedTuple):
    """What is known before each answer of runs: float (runs, n), but for ``answer``, which comes then.

    ``share`` and ``variance``: estimates, with one answer of a half before the first.
    """

    answer: np.ndarray
    right: np.ndarray
    seen: np.ndarray
    share: np.ndarray
    variance: np.ndarray
    total: int


# How much to bet that more (1) or fewer (-1) are right than the null says; below 0 is not bet at all.
Bet = Callable[[Answers, np.ndarray, int, float], np.ndarray]


def answers(right: np.ndarray) -> Answers:
    """Of runs that see all images: bool (runs, total)."""
    answer = right.astype(np.float64)
    after, size = np.cumsum(answer, axis=1), np.arange(1, answer.shape[1] + 1)[None, :]
    share = (0.5 + after) / (size + 1)
    variance = (0.25 + np.cumsum((answer - share) ** 2, axis=1)) / (size + 1)
    return Answers(
        answer, _before(after, 0), size - 1, _before(share, 0.5), _before(variance, 0.25), answer.shape[1]
    )


def _before(values: np.ndarray, first: float) -> np.ndarray:
    shifted = np.empty_like(values)
    shifted[:, 0], shifted[:, 1:] = first, values[:, :-1]
    return shifted


def plug_in(known: Answers, mean: np.ndarray, sign: int, error: float) -> np.ndarray:
    """The predictable plug-in: the bet that would be good for as many answers as have come."""
    spread = known.variance * (known.seen + 1) * np.log(known.seen + 2)
    bet: np.ndarray = np.sqrt(-2 * np.log(error) / spread)
    return bet


def kelly(known: Answers, mean: np.ndarray, sign: int, error: float) -> np.ndarray:
    """Approximately the bet with which capital grows fastest (aGRAPA)."""
    apart = (known.total * known.share - known.right) / (known.total - known.seen) - mean
    bet: np.ndarray = sign * apart / (known.variance + apart**2)
    return bet


PLANS: Dict[str, Bet] = {"plug-in": plug_in, "Kelly": kelly}


def log_capital(known: Answers, bet: Bet, error: float, null: int, more: bool) -> np.ndarray:
    """Log of the capital after each answer, float (runs, n), against ``null`` right ones among all."""
    sign, mean = (1 if more else -1), _mean(known, null)
    most = PART / np.clip(mean if more else 1 - mean, 1e-9, None)
    return _grown(known, mean, sign * np.clip(bet(known, mean, sign, error), 0, most))


def log_diversified(known: Answers, null: int, more: bool) -> np.ndarray:
    """The same for the average of some that bet the same part all along."""
    mean = _mean(known, null)
    each = 1 / np.clip(mean if more else mean - 1, *((1e-9, None) if more else (None, -1e-9)))
    grown = [_grown(known, mean, each * part / (BETS + 1)) for part in range(1, BETS + 1)]
    average: np.ndarray = functools.reduce(np.logaddexp, grown) - np.log(BETS)
    return average


def _mean(known: Answers, null: int) -> np.ndarray:
    mean: np.ndarray = (null - known.right) / (known.total - known.seen)
    return mean


def _grown(known: Answers, mean: np.ndarray, bet: np.ndarray) -> np.ndarray:
    """Where the null leaves less than none, or more than all, to be right, it is ruled out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.cumsum(np.log1p(bet * (known.answer - mean)), axis=1)
    cannot = (mean < 0) | (mean > 1)
    found: np.ndarray = np.where(np.maximum.accumulate(cannot, axis=1), np.inf, grown)
    return found
