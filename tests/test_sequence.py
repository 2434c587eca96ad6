"""The sequential verdict: against its definition, all orders of few images, and exact chances of many."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import subprocess
import sys
from fractions import Fraction
from typing import Dict, FrozenSet, Iterator, Optional, Tuple

import numpy as np
import pytest

from bench import stopping
from bench.sequence import ABOVE, ACCURACIES, BELOW
from checker import checks, editions, scoring
from checker.counting import Counter
from checker.sandbox import Stop
from checker.sandbox.channel import ArrayHeader, Received
from checker.sequence import FALLS_SHORT, MEETS, OPEN, ConfidenceSequence, default_priors

ERROR = 0.05
TOTAL, LEAST = 10000, 8700


# The definition, in whole numbers and fractions.


def beta(right: int, wrong: int) -> Fraction:
    return Fraction(math.factorial(right - 1) * math.factorial(wrong - 1), math.factorial(right + wrong - 1))


def prior_of(lumps: Tuple[Tuple[int, int, float], ...], total: int) -> Dict[int, Fraction]:
    """The chance of each number of right answers among all: a mixture of beta-binomial ones."""
    return {
        number: sum(
            (
                Fraction(str(weight))
                * math.comb(total, number)
                * beta(right + number, wrong + total - number)
                / beta(right, wrong)
                for right, wrong, weight in lumps
            ),
            Fraction(0),
        )
        for number in range(total + 1)
    }


def chance(total: int, number: int, correct: int, seen: int) -> Fraction:
    """Of ``correct`` right answers among ``seen``, in one order, without replacement."""
    ways = math.comb(number, correct) * math.comb(total - number, seen - correct)
    return Fraction(ways, math.comb(total, seen) * math.comb(seen, correct))


def lumps_of(total: int, least: int) -> Iterator[Tuple[Tuple[int, int, float], ...]]:
    """The priors as the documentation has them: half-way to the nearer end, a tenth for anything at all."""
    share = Fraction(least, total)
    way = max(min(share, 1 - share), Fraction(1, total))
    for middle in (share + way / 2, share - way / 2):
        strength = 8 / way
        lump = (max(round(strength * middle), 1), max(round(strength * (1 - middle)), 1), 0.9)
        yield (lump, (1, 1, 0.1))


@functools.lru_cache(maxsize=None)
def left(total: int, least: int, error: Fraction) -> Dict[Tuple[int, int], Tuple[int, ...]]:
    """The numbers that are left after each (correct, seen)."""
    above, below = (prior_of(lumps, total) for lumps in lumps_of(total, least))
    found = {}
    for seen in range(1, total + 1):
        for correct in range(seen + 1):
            each = [chance(total, number, correct, seen) for number in range(total + 1)]
            marginal = [
                sum(prior[number] * each[number] for number in range(total + 1)) for prior in (above, below)
            ]
            found[correct, seen] = tuple(
                number
                for number in range(total + 1)
                if each[number] * 1 / error > marginal[0 if number < least else 1]
            )
    return found


SMALL = [(total, least) for total in (1, 2, 5, 8, 12) for least in range(1, total + 1)]


@pytest.mark.parametrize("error", [Fraction(1, 20), Fraction(1, 4)])
def test_what_is_left_is_what_the_definition_leaves(error: Fraction) -> None:
    """Every number of right answers is bet against; the sequence looks at one on each side."""
    for total, least in [*SMALL, (20, 17)]:
        sequence = ConfidenceSequence(total, least, float(error))
        for (correct, seen), numbers in left(total, least, error).items():
            assert sequence.interval(correct, seen) == (numbers[0], numbers[-1]), (
                total,
                least,
                correct,
                seen,
            )
            wanted = MEETS if numbers[0] >= least else FALLS_SHORT if numbers[-1] < least else OPEN
            assert sequence.verdicts(np.array([correct]), np.array([seen]))[0] == wanted


@pytest.mark.parametrize("error", [Fraction(1, 20), Fraction(1, 4)])
def test_of_all_orders_of_few_images_so_many_err(error: Fraction) -> None:
    """Each order of each number of right answers: the truth is ever ruled out in too few of them to matter.

    A wrong verdict rules out the truth. No chance is drawn here: this is the error rate itself.
    """
    most = Fraction(0)
    for total, least in SMALL:
        known = left(total, least, error)
        for truth in range(total + 1):
            orders = list(itertools.combinations(range(total), truth))
            wrong = sum(_ever_ruled_out(known, frozenset(order), truth, total) for order in orders)
            most = max(most, Fraction(wrong, len(orders)))
            assert Fraction(wrong, len(orders)) <= error, (total, least, truth)
    assert most > 0


def _ever_ruled_out(
    known: Dict[Tuple[int, int], Tuple[int, ...]], right: FrozenSet[int], truth: int, total: int
) -> bool:
    correct = 0
    for seen in range(1, total + 1):
        correct += seen - 1 in right
        if truth not in known[correct, seen]:
            return True
    return False


# Many images.


@functools.lru_cache(maxsize=None)
def ends(total: int, least: int, error: float) -> stopping.Boundaries:
    return stopping.boundaries(ConfidenceSequence(total, least, error))


@pytest.mark.parametrize(("total", "least", "error"), [(1000, 870, 0.05), (1000, 870, 1e-6), (300, 150, 0.2)])
def test_more_right_answers_never_speak_against_a_model(total: int, least: int, error: float) -> None:
    """So that the ends are boundaries, for all that could be seen."""
    sequence, known = ConfidenceSequence(total, least, error), ends(total, least, error)
    for seen in range(1, total):
        verdicts = sequence.verdicts(np.arange(seen + 1), np.full(seen + 1, seen))
        assert (np.diff(verdicts) >= 0).all()
        assert (verdicts == FALLS_SHORT).sum() == known.fails[seen - 1] + 1
        assert (verdicts != MEETS).sum() == known.meets[seen - 1]


@pytest.mark.parametrize("error", [1e-6, 0.001, ERROR])
def test_the_exact_chance_to_err_is_below_the_error_rate(error: float) -> None:
    """10,000 images, with one right answer too few and with just enough: no simulation."""
    found = stopping.outcome(ends(TOTAL, LEAST, error), TOTAL, [LEAST - 1, LEAST, LEAST - 100, LEAST + 100])
    for wrong in (found.meets[0], found.fails[1]):
        assert error / 2 < wrong <= error  # it is put to use, and kept
    assert found.meets[2] < found.meets[0]
    assert found.fails[3] < found.fails[1]


@pytest.mark.parametrize("truth", [869, 870])
def test_100_000_runs_err_less_often_than_they_may(truth: int) -> None:
    known, runs = ends(1000, 870, ERROR), 100_000
    images, met = stopping.simulate(known, 1000, np.full(runs, truth), np.random.RandomState(truth))
    wrong = float((met if truth < 870 else ~met & (images < 1000)).mean())
    exact = stopping.outcome(known, 1000, [truth])
    assert wrong == pytest.approx(float(exact.meets[0] if truth < 870 else exact.fails[0]), abs=0.003)
    assert wrong < ERROR - 4 * math.sqrt(ERROR * (1 - ERROR) / runs)
    assert images.mean() == pytest.approx(float(exact.images[0]), rel=0.01)


def test_a_part_decides_as_all_do() -> None:
    """1,000 submissions of each accuracy, at the default error rate."""
    truths = np.repeat([round(accuracy * TOTAL) for accuracy in ACCURACIES], 1000)
    images, met = stopping.simulate(ends(TOTAL, LEAST, 1e-6), TOTAL, truths, np.random.RandomState(0))
    early = images < TOTAL
    assert np.array_equal(met[early], truths[early] >= LEAST)
    seen = dict(zip(ACCURACIES, images.reshape(len(ACCURACIES), -1).mean(axis=1)))
    assert np.min((images.reshape(len(ACCURACIES), -1) < TOTAL).mean(axis=1)) > 0.9
    assert seen[BELOW[0]] < 20
    assert seen[0.94] < 600 < seen[0.91] < seen[ABOVE[0]]


@pytest.mark.parametrize("batch", [1, 7, 128, 1000])
def test_it_ends_at_the_first_image_that_decides(batch: int) -> None:
    total = 1000
    sequence, known = ConfidenceSequence(total, 870, 1e-6), ends(total, 870, 1e-6)
    generator = np.random.RandomState(5)
    for accuracy in (0.1, 0.84, 0.869, 0.87, 0.9, 0.95):
        right = generator.permutation(total) < round(accuracy * total)
        counts = np.cumsum(right)[:-1]
        decided = np.flatnonzero((counts <= known.fails) | (counts >= known.meets))
        wanted = (int(decided[0]) + 1, accuracy >= 0.87) if len(decided) else None
        assert _fed(sequence, right, batch) == wanted
        if wanted is not None:
            assert scoring.decide(*_part(right, wanted[0]), total, True, 0.87, 1e-6).meets is wanted[1]
            before = scoring.decide(*_part(right, wanted[0] - 1), total, True, 0.87, 1e-6)
            assert (before.meets, before.decided_by) == (None, "open")
            assert before.low < 0.87 <= before.high


@pytest.mark.parametrize("batch", [1, 50, 128, 1000])
@pytest.mark.parametrize("accuracy", [0.3, 0.84, 0.87, 0.9, 0.96])
def test_what_comes_after_the_decision_does_not_count(accuracy: float, batch: int) -> None:
    """Through the counter of scores: also in the batch in which the decision falls, whatever its size."""
    edition = dataclasses.replace(editions.load(editions.DEFAULT, checks.every()), error_rate=0.01)
    generator = np.random.RandomState(2)
    labels = generator.randint(0, 10, 1000).astype(np.uint8)
    right = generator.permutation(1000) < round(1000 * accuracy)
    scores = np.eye(10, dtype="<f4")[np.where(right, labels, (labels + 1) % 10)]
    scores[generator.permutation(1000)[:20], 3] = np.nan  # and so they are wrong
    right &= np.isfinite(scores).all(axis=1)
    counter, ended = Counter(labels, edition, True), False
    for start in range(0, 1000, batch):
        part = scores[start : start + batch]
        try:
            counter.take(Received(ArrayHeader("scores", "<f4", part.shape), part.tobytes()))
        except Stop:
            ended = True
            break
    wanted = ConfidenceSequence(1000, 870, 0.01).stop(0, 0, right)
    seen = wanted[0] if wanted is not None else 1000
    assert (counter.count.seen, ended) == (seen, wanted is not None)
    assert counter.count.correct == right[:seen].sum()
    assert counter.count.not_finite == np.isnan(scores[:seen]).any(axis=1).sum()
    assert np.array_equal(np.concatenate(counter.count.scores), scores[:seen], equal_nan=True)
    assert counter.count.answered >= seen


def _part(right: np.ndarray, seen: int) -> Tuple[int, int]:
    return int(right[:seen].sum()), seen


def _fed(sequence: ConfidenceSequence, right: np.ndarray, batch: int) -> Optional[Tuple[int, bool]]:
    for start in range(0, len(right), batch):
        stop = sequence.stop(int(right[:start].sum()), start, right[start : start + batch])
        if stop is not None:
            return start + stop[0], stop[1]
    return None


def test_the_interval_never_contradicts_the_verdict() -> None:
    """Just before and just after the end, wherever it is."""
    sequence, known = ConfidenceSequence(TOTAL, LEAST, 1e-6), ends(TOTAL, LEAST, 1e-6)
    for seen in [*range(1, 60), *range(60, TOTAL, 331), TOTAL - 1]:
        for end in (known.fails[seen - 1], known.meets[seen - 1]):
            for correct in range(max(0, end - 1), min(seen, end + 1) + 1):
                first, last = sequence.interval(correct, seen)
                verdict = sequence.verdicts(np.array([correct]), np.array([seen]))[0]
                assert first <= last
                assert (first >= LEAST) == (verdict == MEETS)
                assert (last < LEAST) == (verdict == FALLS_SHORT)


def test_the_far_end_of_the_interval_says_something() -> None:
    """A verdict comes with how good, or how bad, the model is: less than twice as wide as from one prior."""
    sequence, one = ConfidenceSequence(TOTAL, LEAST, 1e-6), default_priors(TOTAL, 5000)[0]
    for correct, seen in ((503, 533), (22, 44), (1, 12), (570, 720), (2450, 2700)):
        low, high = sequence.interval(correct, seen)
        plain = ConfidenceSequence(TOTAL, LEAST, 1e-6, (one, one)).interval(correct, seen)
        assert low <= TOTAL * correct / seen <= high
        assert high - low < 2 * (plain[1] - plain[0])


@pytest.mark.parametrize("total", [1, 2, 3, 10])
@pytest.mark.parametrize("threshold", [1e-9, 0.01, 0.5, 0.999])
def test_few_images_and_thresholds_at_the_ends(total: int, threshold: float) -> None:
    least = scoring.needed(threshold, total)
    sequence = ConfidenceSequence(total, least, 1e-6)
    for truth in range(total + 1):
        for first_right in (True, False):
            right = np.arange(total) < truth
            stop = sequence.stop(0, 0, right if first_right else right[::-1])
            assert stop is None or stop[1] == (truth >= least)
        found = scoring.decide(truth, total, total, True, threshold, 1e-6)
        assert (found.meets, found.decided_by, found.error_rate) == (truth >= least, "all", 0.0)


def test_a_million_images_are_no_trouble() -> None:
    sequence = ConfidenceSequence(10**6, 870_000, 1e-6)
    right = np.random.RandomState(0).uniform(size=2000) < 0.94
    stop = sequence.stop(0, 0, right)
    assert stop is not None
    assert stop[1]
    first, last = sequence.interval(int(right[: stop[0]].sum()), stop[0])
    assert 870_000 <= first < last < 990_000


def test_scipy_is_not_imported_for_it() -> None:
    """It takes longer to import than the sequence takes for all images."""
    code = (
        "import sys, numpy as np; from checker import scoring\n"
        "from checker.sequence import ConfidenceSequence\n"
        "print(ConfidenceSequence(1000, 870, 1e-6).stop(0, 0, np.ones(500, bool)),"
        " scoring.decide(250, 250, 1000, True, 0.87, 1e-6).meets, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == ["True", "False"]
