"""Points, and on which side of the threshold an accuracy lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

SAMPLE_CONFIDENCE = 0.999


@dataclass(frozen=True)
class Decision:
    """On which side the accuracy of the whole test set lies (``meets``), or None where that is open.

    ``low`` and ``high`` are fractions; they, and with them the verdict, hold with a probability of
    1 - ``error_rate``.
    """

    low: float
    high: float
    error_rate: float
    decided_by: str
    meets: Optional[bool]


def decide(correct: int, seen: int, total: int, whole: bool, threshold: float, error: float) -> Decision:
    """Decide by ``correct`` of ``seen`` images, drawn at random from ``total``.

    ``whole``: the ``total`` images are the test set itself, and a part of them decides at an error rate of
    ``error``; otherwise they are a sample of it.
    """
    if whole and seen == total:
        share = correct / total
        return Decision(share, share, 0.0, "all", correct >= needed(threshold, total))
    if whole:
        return _by_sequence(correct, seen, total, threshold, error)
    low, high = clopper_pearson(correct, seen, SAMPLE_CONFIDENCE)
    meets = True if low >= threshold else False if high < threshold else None
    by = "open" if meets is None else "sample"
    return Decision(low, high, round(1 - SAMPLE_CONFIDENCE, 9), by, meets)


def _by_sequence(correct: int, seen: int, total: int, threshold: float, error: float) -> Decision:
    from checker.sequence import ConfidenceSequence

    least = needed(threshold, total)
    first, last = ConfidenceSequence(total, least, error).interval(correct, seen)
    meets = True if first >= least else False if last < least else None
    by = "open" if meets is None else "sequence"
    return Decision(first / total, last / total, error, by, meets)


def needed(threshold: float, total: int) -> int:
    """Smallest number correct, of ``total`` images, that is at least ``threshold``; no threshold is 0."""
    return max(1, math.ceil(round(threshold * total, 6)))


def clopper_pearson(correct: int, seen: int, confidence: float) -> Tuple[float, float]:
    """Exact interval for a binomial proportion (Clopper and Pearson, 1934), as fractions.

    For images drawn without replacement, or a fixed number a class, it is wider than it has to be.
    """
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if correct == 0 else float(betaincinv(correct, seen - correct + 1, tail))
    high = 1.0 if correct == seen else float(betaincinv(correct + 1, seen - correct, 1 - tail))
    return low, high
