"""On which side of the threshold an accuracy lies: intervals against what is known of them."""

from __future__ import annotations

import numpy as np
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


def test_sequence_is_the_ratio_of_prior_and_posterior() -> None:
    """Against the definition: posterior by Bayes' rule over every possible number correct."""
    total, seen, correct, error = 200, 40, 33, 0.05
    every = np.arange(total + 1)
    likelihood = stats.hypergeom(total, every, seen).pmf(correct)
    prior = np.full(total + 1, 1 / (total + 1))
    posterior = prior * likelihood / (prior * likelihood).sum()
    inside = every[posterior * (1 / error) > prior]
    assert scoring.sequential_interval(correct, seen, total, error) == (inside[0], inside[-1])


def test_sequence_ends_at_the_truth() -> None:
    assert scoring.sequential_interval(870, 1000, 1000, 1e-6) == (870, 870)
    assert scoring.sequential_verdict(870, 1000, 1000, 0.87) is True
    assert scoring.sequential_verdict(869, 1000, 1000, 0.87) is False


def test_sequence_errs_less_often_than_it_says() -> None:
    """Just on the wrong side of the threshold, looked at after every batch: wrong at most 5 % of times."""
    total, error, runs = 1000, 0.05, 2000
    least = scoring.needed(0.87, total)
    truth = np.zeros(total, bool)
    truth[: least - 1] = True
    looks = list(range(20, total, 20))
    table = {
        seen: [scoring.sequential_verdict(c, seen, total, 0.87, error) for c in range(seen + 1)]
        if seen <= 100
        else None
        for seen in looks
    }
    generator = np.random.RandomState(1)
    wrong = 0
    for _ in range(runs):
        counts = np.cumsum(generator.permutation(truth))
        for seen in looks:
            correct = int(counts[seen - 1])
            known = table[seen]
            verdict = (
                known[correct] if known else scoring.sequential_verdict(correct, seen, total, 0.87, error)
            )
            if verdict is not None:
                wrong += verdict
                break
    assert wrong / runs < error
