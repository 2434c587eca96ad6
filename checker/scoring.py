"""Points, and on which side of the threshold an accuracy lies."""

from __future__ import annotations

import math
from typing import Optional, Tuple

SAMPLE_CONFIDENCE = 0.999
SEQUENTIAL_ERROR = 1e-6


def needed(threshold: float, total: int) -> int:
    """Smallest number correct, of ``total`` images, that is at least ``threshold``."""
    return math.ceil(round(threshold * total, 6))


def clopper_pearson(correct: int, seen: int, confidence: float) -> Tuple[float, float]:
    """Exact interval for a binomial proportion (Clopper and Pearson, 1934), as fractions.

    For images drawn without replacement, or a fixed number a class, it is wider than it has to be.
    """
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if correct == 0 else float(betaincinv(correct, seen - correct + 1, tail))
    high = 1.0 if correct == seen else float(betaincinv(correct + 1, seen - correct, 1 - tail))
    return low, high


def sequential_interval(correct: int, seen: int, total: int, error: float) -> Tuple[int, int]:
    """Confidence sequence for the number correct among ``total`` images, drawn without replacement.

    The prior-posterior-ratio martingale of Waudby-Smith and Ramdas (2020) with the uniform prior: the
    marginal probability of ``correct`` among ``seen`` is 1/(seen + 1), so the ratio at s is that over
    the hypergeometric probability. The chance that s ever leaves the set is at most ``error``,
    whenever one stops. Returns the smallest and largest number correct in the set.
    """
    import numpy as np
    from scipy.special import gammaln

    s = np.arange(correct, total - (seen - correct) + 1, dtype=np.float64)

    def log_choose(n: np.ndarray, k: float) -> np.ndarray:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    log_probability = (
        log_choose(s, correct) + log_choose(total - s, seen - correct) - log_choose(np.float64(total), seen)
    )
    inside = np.flatnonzero(log_probability + math.log(seen + 1) > math.log(error))
    return correct + int(inside[0]), correct + int(inside[-1])


def sequential_verdict(
    correct: int, seen: int, total: int, threshold: float, error: float = SEQUENTIAL_ERROR
) -> Optional[bool]:
    """Whether the threshold is met by all ``total`` images, or None while that is open."""
    low, high = sequential_interval(correct, seen, total, error)
    least = needed(threshold, total)
    if low >= least:
        return True
    return False if high < least else None
