"""Holds the sequence and the bets beside those of the package ``confseq``, where that is installed.

    python -m bench.sequence_confseq

``confseq`` 0.0.11 (January 2023, its last) has wheels up to Python 3.10, and needs a compiler and Boost
after that: so no test asks for it. Its ``betting_mart`` bets on draws without replacement. Who bets on each
image by what a prior expects of it has the capital of that prior, but for rounding.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Iterator, Tuple

import numpy as np

from bench import betting
from checker.sequence import Draws, Prior, default_priors

SIZES = ((1000, 870), (10000, 8700))
ACCURACIES = (0.1, 0.5, 0.8, 0.86, 0.87, 0.9, 0.95)
ERROR = 0.05


def main() -> None:
    """Print the largest difference of log capital, of each kind."""
    print("| images | accuracy | the prior's capital | plug-in | Kelly |\n| --- | --- | --- | --- | --- |")
    for total, least in SIZES:
        for accuracy in ACCURACIES:
            right = np.random.RandomState(0).permutation(total) < round(accuracy * total)
            found = [max(kind(right, least)) for kind in (_priors, _plug_in, _kelly)]
            print("| {:,} | {:g} | {:.0e} | {:.0e} | {:.0e} |".format(total, accuracy, *found))


def _theirs(right: np.ndarray, null: int, bet: Callable[..., Any], **options: Any) -> np.ndarray:
    from confseq.betting import betting_mart

    total = len(right)
    with np.errstate(all="ignore"):
        capital = betting_mart(
            right.astype(float), null / total, alpha=ERROR, N=total,
            lambdas_fn_positive=bet, lambdas_fn_negative=bet, **options,
        )  # fmt: skip
        log: np.ndarray = np.log(capital)
    return log


def _apart(right: np.ndarray, null: int, ours: np.ndarray, theirs: np.ndarray) -> float:
    """As long as the null leaves both answers open, and their capital, no logarithm, is a number."""
    right_left, left = null - (np.cumsum(right) - right), len(right) - np.arange(len(right))
    shut = np.flatnonzero((right_left <= 0) | (right_left >= left) | ~np.isfinite(theirs))
    first = int(shut[0]) if len(shut) else len(right)
    return float(np.abs(ours[:first] - theirs[:first]).max())


def _sides(least: int) -> Tuple[Tuple[int, bool], Tuple[int, bool]]:
    return (least - 1, True), (least, False)


def _priors(right: np.ndarray, least: int) -> Iterator[float]:
    total = len(right)
    correct, seen = np.cumsum(right), np.arange(1, total + 1)
    for prior, (null, _) in zip(default_priors(total, least), _sides(least)):
        ours = prior.log_chance(correct, seen) - Draws(total).log_chance(null, correct, seen)
        bet = functools.partial(_expected, prior, null, correct - right, seen - 1, total)
        yield _apart(right, null, ours, _theirs(right, null, bet, theta=1, trunc_scale=1))


def _expected(
    prior: Prior, null: int, correct: np.ndarray, seen: np.ndarray, total: int, *_: object
) -> np.ndarray:
    """The bet on the next image that has the prior's capital: by the chance that it gives a right answer."""
    right = np.exp(prior.log_chance(correct + 1, seen + 1) - prior.log_chance(correct, seen))
    mean = (null - correct) / (total - seen)
    with np.errstate(all="ignore"):
        bet: np.ndarray = (right - mean) / (mean * (1 - mean))
    return bet


def _plug_in(right: np.ndarray, least: int) -> Iterator[float]:
    from confseq.predmix import lambda_predmix_eb

    for null, more in _sides(least):
        ours = betting.log_capital(betting.answers(right[None]), betting.plug_in, ERROR, null, more)[0]
        bet = functools.partial(_size, lambda_predmix_eb)
        yield _apart(
            right, null, ours, _theirs(right, null, bet, theta=float(more), trunc_scale=betting.PART)
        )


def _size(plan: Callable[..., Any], answers: np.ndarray, _: float) -> Any:
    return plan(answers, alpha=ERROR)


def _kelly(right: np.ndarray, least: int) -> Iterator[float]:
    from confseq.betting_strategies import lambda_aKelly

    for null, more in _sides(least):
        ours = betting.log_capital(betting.answers(right[None]), betting.kelly, ERROR, null, more)[0]
        bet = functools.partial(_towards, lambda_aKelly, 1 if more else -1, len(right))
        yield _apart(
            right, null, ours, _theirs(right, null, bet, theta=float(more), trunc_scale=betting.PART)
        )


def _towards(plan: Callable[..., Any], sign: int, total: int, answers: np.ndarray, mean: float) -> Any:
    with np.errstate(all="ignore"):
        return np.maximum(sign * plan(answers, mean, N=total), 0)


if __name__ == "__main__":
    main()
