"""What comes of the seconds: scaled figures, and the ratios that were promised."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from bench.verdicts import plan
from bench.verdicts.journal import Record, by_row
from bench.verdicts.plan import ALL, Row


@dataclass(frozen=True)
class Seconds:
    """Of all images. ``scaled``: the numbers of images that were measured, in whose place; (): all were.

    ``start`` and ``each``: of the line through them, seconds and seconds an image.
    """

    value: float
    scaled: Tuple[int, ...] = ()
    start: float = 0.0
    each: float = 0.0


@dataclass(frozen=True)
class Goal:
    """A ratio that was promised. ``ratio``: None where what it takes was not measured."""

    words: str
    bound: float
    at_least: bool
    ratio: Optional[float]
    scaled: bool = False

    @property
    def met(self) -> Optional[bool]:
        """Whether it is kept; None: not measured."""
        if self.ratio is None:
            return None
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound


class Figures:
    """Records, asked for seconds."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = by_row(record for record in records if record.runs)

    @property
    def rows(self) -> Tuple[Row, ...]:
        """What was measured."""
        return tuple(self._records)

    def wall(self, row: Row) -> Optional[float]:
        """Median seconds of a row."""
        record = self._records.get(row)
        return None if record is None else statistics.median(run.wall for run in record.runs)

    def beside(self, row: Row) -> Optional[float]:
        """How many times as long a row takes as what was run in turn with it."""
        record = self._records.get(row)
        if record is None or not record.beside:
            return None
        ours, theirs = (statistics.median(run.wall for run in one) for one in (record.runs, record.beside))
        return ours / theirs

    def line(self, kind: str, environment: str, network: str) -> Optional[Seconds]:
        """All images, by the line through the two largest numbers of images that are not all."""
        points = sorted(
            (row.images, self.wall(row) or 0.0)
            for row in self._records
            if (row.kind, row.environment, row.network) == (kind, environment, network) and row.images < ALL
        )[-2:]
        if len(points) < 2:
            return None
        (few, short), (many, long) = points
        each = (long - short) / (many - few)
        start = short - each * few
        return Seconds(start + each * ALL, (few, many), start, each)

    def of_all(self, kind: str, environment: str, network: str) -> Optional[Seconds]:
        """All images, measured, or else scaled."""
        measured = self.wall(Row(kind, environment, network, images=ALL))
        return self.line(kind, environment, network) if measured is None else Seconds(measured)


def goals(figures: Figures, environment: str) -> Tuple[Goal, ...]:
    """What the course's users were promised, in a version of TensorFlow."""
    found: List[Goal] = []
    heavy, light = plan.HEAVY.name, plan.LIGHT.name
    for network, accuracies, bound in (
        (heavy, [one for one in plan.ACCURACIES if one >= 0.94], 10.0),
        (light, [one for one in plan.ACCURACIES if one >= 0.94], 4.0),
        (heavy, [one for one in plan.ACCURACIES if one <= 0.70], 15.0),
    ):
        found += [_faster(figures, environment, network, accuracy, bound) for accuracy in accuracies]
    for network in plan.BY_NAME:
        found += [_not_slower(figures, environment, network, accuracy) for accuracy in plan.NEAR]
    main, exact = (figures.of_all(kind, environment, heavy) for kind in ("main", "exact"))
    words = "{}: 0-main.py / `--exact`".format(heavy)
    ratio = main.value / exact.value if main and exact else None
    found.append(Goal(words, 1.5, True, ratio, bool(main and exact and (main.scaled or exact.scaled))))
    return (*found, *_in_turn(figures, environment))


def peers(figures: Figures) -> Tuple[Goal, ...]:
    """What was promised beside other graders, in no version of TensorFlow."""
    return tuple(
        Goal("{} / `--quick`".format(peer), 1.0, True, figures.beside(Row(peer))) for peer in plan.PEERS
    )


def margins(figures: Figures, environment: str, cached: bool) -> Tuple[str, ...]:
    """What is so slow that no noise of a machine explains it: the short mode fails on these alone.

    ``cached``: whether an unchanged submission is answered from a cache, which cannot take as long.
    """
    network, wrong = plan.LIGHT.name, []  # type: str, List[str]
    sequence = figures.wall(Row("sequence", environment, network, 0.50, ALL))
    unchanged = figures.wall(Row("unchanged", environment, network, 0.50, ALL))
    main = figures.of_all("main", environment, network)
    many = figures.wall(Row("main", environment, network, images=2560))
    exact = figures.wall(Row("exact", environment, network, images=640))
    for words, value, most in (
        (
            "the sequential verdict, against 0-main.py on all images",
            sequence,
            None if main is None else main.value,
        ),
        ("an unchanged submission, against the first check", unchanged, sequence if cached else None),
        ("--exact on 640 images, against 0-main.py on 2,560, three times", exact, _times(many, 3)),
        ("--quick, in imports of pytest", figures.beside(Row("quick", environment, network)), 20.0),
    ):
        if value is not None and most is not None and value > most:
            wrong.append("{}: {:.1f}, more than {:.1f}".format(words, value, most))
    return tuple(wrong)


def _faster(figures: Figures, environment: str, network: str, accuracy: float, bound: float) -> Goal:
    main = figures.of_all("main", environment, network)
    ours = figures.wall(Row("sequence", environment, network, accuracy, ALL))
    words = "{}, accuracy {:.2f}: 0-main.py / `check`".format(network, accuracy)
    return Goal(words, bound, True, main.value / ours if main and ours else None, bool(main and main.scaled))


def _not_slower(figures: Figures, environment: str, network: str, accuracy: float) -> Goal:
    main = figures.of_all("main", environment, network)
    ours = figures.wall(Row("sequence", environment, network, accuracy, ALL))
    words = "{}, accuracy {:.2f}: `check` / 0-main.py".format(network, accuracy)
    return Goal(words, 1.1, False, ours / main.value if main and ours else None, bool(main and main.scaled))


def _in_turn(figures: Figures, environment: str) -> List[Goal]:
    """An unchanged submission, and what is only read."""
    found = []
    for network in (plan.LIGHT.name, plan.HEAVY.name):
        for row, bound in (
            (Row("unchanged", environment, network, 0.94, ALL), 3.0),
            (Row("quick", environment, network), 6.0),
        ):
            name = {"unchanged": "unchanged, again", "quick": "`--quick`"}[row.kind]
            words = "{}: {} / `import pytest`".format(network, name)
            found.append(Goal(words, bound, False, figures.beside(row)))
    return found


def _times(value: Optional[float], times: float) -> Optional[float]:
    return None if value is None else value * times


def sequences(figures: Figures) -> Dict[Tuple[str, str], List[Row]]:
    """The sequential verdicts by version and network, by accuracy."""
    found: Dict[Tuple[str, str], List[Row]] = {}
    for row in sorted((row for row in figures.rows if row.kind == "sequence"), key=lambda row: row.accuracy):
        found.setdefault((row.environment, row.network), []).append(row)
    return found
