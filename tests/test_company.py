"""Images that are scored twice, unmarked: the order of rows, and what becomes of their scores."""

from __future__ import annotations

from typing import Any, Set

import numpy as np
import pytest

from checker import company, editions
from checker.checks import every
from checker.company import Company
from checker.counting import Counter
from checker.errors import EvidenceError
from checker.sandbox.channel import ArrayHeader, Received

EDITION = editions.load(editions.DEFAULT, every())
COUNT = 1000
LABELS = np.arange(COUNT).astype(np.uint8) % 10


def received(scores: Any) -> Received:
    scores = np.asarray(scores, "<f4")
    return Received(ArrayHeader("scores", "<f4", scores.shape), scores.tobytes())


def fed(scores: np.ndarray, order: company.Order) -> Company:
    """What has taken scores in batches of 50; the run is of all images."""
    found = Company(Counter(LABELS, EDITION, early=False), order)
    for start in range(0, len(scores), 50):
        found.take(received(scores[start : start + 50]))
    return found


def right_scores(order: company.Order) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[LABELS[order.rows]]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, 10_000])
def test_each_image_comes_once_in_its_order_and_some_again_later(count: int) -> None:
    order = company.order(count, 3)
    assert order.rows[~order.again].tolist() == list(range(count))
    seen: Set[int] = set()
    for row, again in zip(order.rows.tolist(), order.again.tolist()):
        assert (row in seen) == again
        seen.add(row)
    repeats = int(order.again.sum())
    assert repeats <= max(0.13 * count, 0)
    if count == 10_000:
        assert 150 < repeats < 0.03 * count
    if count == 1000:
        assert int(order.again[: int(np.flatnonzero(~order.again)[400])].sum()) >= 40


def test_the_places_are_those_of_the_run() -> None:
    assert company.order(COUNT, 1).again.tolist() != company.order(COUNT, 2).again.tolist()
    assert company.order(COUNT, 1).again.tolist() == company.order(COUNT, 1).again.tolist()


def test_every_image_counts_once() -> None:
    order = company.order(COUNT, 5)
    scores = right_scores(order)
    scores[np.flatnonzero(~order.again)[:7]] = np.nan
    scores[order.again & (order.rows < 7)] = np.nan
    found = fed(scores, order)
    count = found.counter.count
    assert (count.seen, count.correct, count.not_finite, count.answered) == (COUNT, COUNT - 7, 7, COUNT)
    difference = found.difference()
    assert difference is not None
    assert difference.images == int(order.again.sum())
    assert difference.alike
    assert difference.classes == 0


def test_another_answer_the_second_time_shows_and_does_not_count() -> None:
    order = company.order(COUNT, 5)
    scores = right_scores(order)
    scores[np.flatnonzero(order.again)[0]] = np.roll(scores[np.flatnonzero(order.again)[0]], 1)
    found = fed(scores, order)
    difference = found.difference()
    assert found.counter.count.correct == COUNT
    assert difference is not None
    assert not difference.alike
    assert (difference.classes, difference.largest) == (1, 1.0)


def test_rounding_is_no_difference() -> None:
    order = company.order(COUNT, 5)
    scores = right_scores(order)
    scores[order.again] += 1e-5
    difference = fed(scores, order).difference()
    assert difference is not None
    assert difference.alike


def test_more_scores_than_rows_are_refused() -> None:
    order = company.order(COUNT, 5)
    found = fed(right_scores(order), order)
    with pytest.raises(EvidenceError, match="more scores than images"):
        found.take(received(np.zeros((1, 10))))


def test_without_an_order_each_image_is_scored_once() -> None:
    found = Company(Counter(LABELS, EDITION, early=False), None)
    assert [rows.tolist() for rows in found.rows(3)] == [[0, 1, 2]]
    assert found.count(3) == 3
    found.take(received(np.eye(10)[LABELS]))
    assert found.counter.count.correct == COUNT
    assert found.difference() is None
