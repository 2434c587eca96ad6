"""How much better a model does on the test images than on others, with a bound that holds for any model.

The bound is the largest gap that is ruled out from below: the true gap is smaller with a probability of at
most ``ERROR``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from checker.scoring import clopper_pearson

ERROR = 3e-4  # of each comparison; three of them together err less often than once in 1,000 runs
_NUISANCE = ERROR / 10  # of ERROR, for the interval of what is not known
_GRID, _STEPS = 32, 14


@dataclass(frozen=True)
class Gap:
    """Test images and others: how many of each were classified correctly, and what an honest model may lose.

    ``low`` is the bound on the gap between the two accuracies, a fraction, as is ``allowed``.
    """

    right: int
    of: int
    others_right: int
    others: int
    low: float
    allowed: float

    @property
    def size(self) -> float:
        """The gap found: a fraction, negative where the others do better."""
        return self.right / self.of - self.others_right / self.others

    @property
    def flagged(self) -> bool:
        """Whether the gap is larger than an honest model's, chance left aside."""
        return self.low > self.allowed


def paired(right: np.ndarray, others: np.ndarray, allowed: float) -> Gap:
    """Compare the same images in two versions: bool (n,) each, whether it was classified correctly."""
    lost, gained = int((right & ~others).sum()), int((others & ~right).sum())
    low = paired_bound(lost, gained, len(right))
    return Gap(int(right.sum()), len(right), int(others.sum()), len(others), low, allowed)


def apart(right: np.ndarray, others: np.ndarray, allowed: float) -> Gap:
    """Compare different images: bool (n,) and bool (m,).

    The bound is the lower end of the one accuracy's interval less the upper end of the other's, each
    Clopper and Pearson's (1934) with half of ERROR on that side.
    """
    low = clopper_pearson(int(right.sum()), len(right), 1 - ERROR)[0]
    high = clopper_pearson(int(others.sum()), len(others), 1 - ERROR)[1]
    return Gap(int(right.sum()), len(right), int(others.sum()), len(others), low - high, allowed)


def paired_bound(lost: int, gained: int, pairs: int) -> float:
    """Smallest gap that ``paired_chance`` does not reject at ERROR, to the nearest 1e-4 or so."""
    least, most = -1.0, 1.0
    for _ in range(_STEPS):
        middle = (least + most) / 2
        if paired_chance(lost, gained, pairs, middle) <= ERROR:
            least = middle
        else:
            most = middle
    return least


def paired_chance(lost: int, gained: int, pairs: int, gap: float) -> float:
    """Chance of a difference ``lost - gained`` this large or larger where the true gap is at most ``gap``.

    McNemar's situation (1947), exact and unconditional (Suissa and Shuster, 1991): of ``pairs`` pairs a share
    d differs, and of these (d + gap) / 2d are lost. The largest chance over all d in its Clopper-Pearson
    interval counts, and the error of that interval is added (Berger and Boos, 1994).
    """
    low, high = clopper_pearson(lost + gained, pairs, 1 - _NUISANCE)
    smallest = max(abs(gap), 1e-9)
    shares = np.linspace(max(low, smallest), max(high, smallest), _GRID)
    return min(1.0, _NUISANCE + max(_tail(share, gap, lost - gained, pairs) for share in shares))


def _tail(share: float, gap: float, difference: int, pairs: int) -> float:
    """P(lost - gained >= difference) where ``share`` of the pairs differ: a sum over how many do."""
    from scipy.special import betainc

    differing, chances = _binomial(pairs, share)
    lost = np.ceil((differing + difference) / 2)  # at least so many of those that differ
    inside = (lost >= 1) & (lost <= differing)
    tail = np.where(lost < 1, 1.0, 0.0)
    part = min(1.0, (share + gap) / (2 * share))
    tail[inside] = betainc(lost[inside], differing[inside] - lost[inside] + 1, part)
    return float((tail * chances).sum())


def _binomial(count: int, share: float) -> Tuple[np.ndarray, np.ndarray]:
    """Numbers float (m,) and their chances float (m,); what is left out has less than 1e-12 together."""
    from scipy.special import gammaln, xlog1py, xlogy

    mean, spread = count * share, math.sqrt(count * share * (1 - share))
    first, last = math.floor(mean - 8 * spread - 30), math.ceil(mean + 8 * spread + 30)
    numbers = np.arange(max(0, first), min(count, last) + 1, dtype=np.float64)
    choose = gammaln(count + 1) - gammaln(numbers + 1) - gammaln(count - numbers + 1)
    return numbers, np.exp(choose + xlogy(numbers, share) + xlog1py(count - numbers, -share))
