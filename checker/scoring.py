"""Points, and on which side of the threshold an accuracy lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

SAMPLE_CONFIDENCE = 0.999
SEQUENTIAL_ERROR = 1e-6


@dataclass(frozen=True)
class Decision:
    """On which side the accuracy of the whole test set lies (``meets``), or None where that is open.

    ``low`` and ``high`` are fractions; they hold with a probability of 1 - ``error_rate``.
    """

    low: float
    high: float
    error_rate: float
    decided_by: str
    meets: Optional[bool]


def decide(correct: int, seen: int, total: int, whole: bool, threshold: float) -> Decision:
    """Decide by ``correct`` of ``seen`` images, drawn at random from ``total``.

    ``whole``: the ``total`` images are the test set itself; otherwise they are a sample of it.
    """
    if whole and seen == total:
        share = correct / total
        return Decision(share, share, 0.0, "all", correct >= needed(threshold, total))
    if whole:
        first, last = sequential_interval(correct, seen, total, SEQUENTIAL_ERROR)
        meets = sequential_verdict(correct, seen, total, threshold)
        by = "open" if meets is None else "sequence"
        return Decision(first / total, last / total, SEQUENTIAL_ERROR, by, meets)
    low, high = clopper_pearson(correct, seen, SAMPLE_CONFIDENCE)
    meets = True if low >= threshold else False if high < threshold else None
    by = "open" if meets is None else "sample"
    return Decision(low, high, round(1 - SAMPLE_CONFIDENCE, 9), by, meets)


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
    first, last = sequential_interval(correct, seen, total, error)
    least = needed(threshold, total)
    return True if first >= least else False if last < least else None
