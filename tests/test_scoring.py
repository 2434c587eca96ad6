"""On which side of the threshold an accuracy lies: intervals against what is known of them."""

from __future__ import annotations

import pytest
from scipy import stats

from checker import scoring


@pytest.mark.parametrize(
    ("threshold", "total", "least"), [(0.87, 10000, 8700), (0.87, 1000, 870), (0.87, 7, 7), (0.5, 3, 2)]
)
def test_needed(threshold: float, total: int, least: int) -> None:
    assert scoring.needed(threshold, total) == least
    assert least / total >= threshold > (least - 1) / total


@pytest.mark.parametrize(("correct", "seen"), [(0, 10), (10, 10), (941, 1000), (776, 1000), (1, 1)])
def test_clopper_pearson_is_scipys_exact_interval(correct: int, seen: int) -> None:
    wanted = stats.binomtest(correct, seen).proportion_ci(0.999, "exact")
    low, high = scoring.clopper_pearson(correct, seen, 0.999)
    assert low == pytest.approx(wanted.low, abs=1e-9)
    assert high == pytest.approx(wanted.high, abs=1e-9)
