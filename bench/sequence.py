"""How many test images a verdict takes: the priors and bets that there are to choose from, side by side.

    python -m bench.sequence [--orders 200]

10,000 images, a threshold of 0.87, an error rate of 1e-6. What rests on priors is computed exactly; what bets
step by step depends on the order of the answers, and is the mean over ``--orders`` of them. Further tables:
how often the sequence errs where the truth lies just on the wrong side; what it takes at other thresholds.
"""

from __future__ import annotations

import argparse
import functools
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from bench import betting, stopping
from checker.sequence import ConfidenceSequence, Draws, Lump, Numbers, Prior, default_priors

TOTAL, LEAST, ERROR = 10000, 8700, 1e-6
BELOW = (0.10, 0.50, 0.70, 0.80, 0.82, 0.84, 0.85, 0.86, 0.865)
ABOVE = (0.875, 0.88, 0.89, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97)
ACCURACIES = BELOW + ABOVE
TRUTHS = [round(accuracy * TOTAL) for accuracy in ACCURACIES]
_ORDERS_AT_ONCE = 50


class Points(Prior):
    """A prior on single numbers of right answers, all alike."""

    def __init__(self, numbers: Sequence[int], total: int) -> None:
        self._numbers, self._draws = numbers, Draws(total)

    def log_chance(self, correct: Numbers, seen: Numbers) -> np.ndarray:
        """Log of the chance of answers in one order."""
        each = [self._draws.log_chance(number, correct, seen) for number in self._numbers]
        found: np.ndarray = functools.reduce(np.logaddexp, each) - np.log(len(each))
        return found


class Candidate(NamedTuple):
    """A way to a verdict: above the threshold, and below it; looked at after every so many images."""

    name: str
    about: str
    above: Prior
    below: Prior
    every: int = 1

    def outcome(self, truths: Sequence[int], error: float = ERROR, least: int = LEAST) -> stopping.Outcome:
        """What it comes to, exactly."""
        sequence = ConfidenceSequence(TOTAL, least, error, (self.above, self.below))
        return stopping.outcome(stopping.boundaries(sequence, self.every), TOTAL, truths)


def beta(*lumps: Tuple[int, int, float]) -> Prior:
    """A mixture of beta-binomial priors."""
    return Prior([Lump(*lump) for lump in lumps], TOTAL)


def candidates() -> List[Candidate]:
    """Those that are computed."""
    uniform = beta((1, 1, 1.0))
    chosen = default_priors(TOTAL, LEAST)
    return [
        Candidate(
            "128", "one uniform prior for both sides, looked at after every 128 images", uniform, uniform, 128
        ),
        Candidate("uniform", "the same, looked at after every image", uniform, uniform),
        Candidate("slope", "Beta(14, 1) above, the uniform prior below", beta((14, 1, 1.0)), uniform),
        Candidate(
            "lump",
            "one lump on each side: Beta(58, 4), Beta(50, 12)",
            beta((58, 4, 1.0)),
            beta((50, 12, 1.0)),
        ),
        Candidate(
            "**chosen**", "the same lumps, and a tenth of each prior uniform (`default_priors`)", *chosen
        ),
        Candidate(
            "wide",
            "as chosen, lumps a third as strong",
            beta((19, 1, 0.9), (1, 1, 0.1)),
            beta((17, 4, 0.9), (1, 1, 0.1)),
        ),
        Candidate(
            "narrow",
            "as chosen, lumps three times as strong",
            beta((173, 12, 0.9), (1, 1, 0.1)),
            beta((149, 36, 0.9), (1, 1, 0.1)),
        ),
        Candidate(
            "three",
            "three lumps on each side, and a tenth uniform",
            beta((54, 6, 0.3), (112, 8, 0.3), (114, 6, 0.3), (1, 1, 0.1)),
            beta((14, 6, 0.3), (48, 12, 0.3), (101, 19, 0.3), (1, 1, 0.1)),
        ),
        Candidate(
            "points",
            "single accuracies, a point apart: 0.88 to 0.98; 0.1, 0.3, 0.5, 0.7, 0.75 to 0.86",
            Points(range(8800, 9900, 100), TOTAL),
            Points([1000, 3000, 5000, 7000, *range(7500, 8700, 100)], TOTAL),
        ),
    ]


def bets(orders: int, accuracy: float, seed: int) -> Dict[str, float]:
    """Images seen on average by each martingale that bets step by step."""
    generator = np.random.RandomState(seed)
    one = np.arange(TOTAL) < round(accuracy * TOTAL)
    found: Dict[str, List[np.ndarray]] = {}
    for start in range(0, orders, _ORDERS_AT_ONCE):
        count = min(_ORDERS_AT_ONCE, orders - start)
        right = np.array([generator.permutation(one) for _ in range(count)])
        for name, ends in _ends(right).items():
            found.setdefault(name, []).append(ends)
    return {name: float(np.concatenate(ends).mean()) for name, ends in found.items()}


def _ends(right: np.ndarray) -> Dict[str, np.ndarray]:
    """Images seen in each of the runs, by name."""
    known = betting.answers(right)
    capitals = {
        name: _both(functools.partial(betting.log_capital, known, bet, ERROR))
        for name, bet in betting.PLANS.items()
    }
    capitals["diversified"] = _both(functools.partial(betting.log_diversified, known))
    kelly, chosen = capitals["Kelly"], _chosen(right)
    capitals["Kelly + chosen"] = _half(kelly[0], chosen[0]), _half(kelly[1], chosen[1])
    capitals["chosen, these orders"] = chosen
    return {name: _first(np.maximum(*both) >= -np.log(ERROR)) for name, both in capitals.items()}


def _half(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Log of the capital of which half is bet in one way, and half in another."""
    found: np.ndarray = np.logaddexp(one, other) - np.log(2)
    return found


def _both(capital: Callable[[int, bool], np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    """Capital against the last number below the threshold, and against the first that meets it."""
    return capital(LEAST - 1, True), capital(LEAST, False)


def _chosen(right: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The capital of the chosen priors in these runs, as far as it speaks for the side it is bet on."""
    draws = Draws(TOTAL)
    correct, seen = np.cumsum(right, axis=1), np.arange(1, TOTAL + 1)[None, :]
    fits_best = correct * (TOTAL + 1) // seen
    above, below = (
        prior.log_chance(correct, seen) - draws.log_chance(null, correct, seen)
        for prior, null in zip(default_priors(TOTAL, LEAST), (LEAST - 1, LEAST))
    )
    return np.where(fits_best >= LEAST - 1, above, -np.inf), np.where(fits_best <= LEAST, below, -np.inf)


def _first(ended: np.ndarray) -> np.ndarray:
    """The first image at which each run has ended, the last of all where none is."""
    found: np.ndarray = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, ended.shape[1])
    return found


def limit() -> List[float]:
    """Images seen where one knows beforehand that it is this accuracy, if it is not beyond the threshold."""
    return [
        float(Candidate("", "", Points([truth], TOTAL), Points([truth], TOTAL)).outcome([truth]).images[0])
        for truth in TRUTHS
    ]


def calibrated(candidate: Candidate) -> Tuple[float, List[float]]:
    """The error rate to ask for so that the exact one is ERROR on both sides, and the images seen then."""
    low, high = ERROR, 4 * ERROR
    for _ in range(12):
        middle = (low + high) / 2
        if max(_errors(candidate, middle)) <= ERROR:
            low = middle
        else:
            high = middle
    return low, list(candidate.outcome(TRUTHS, low).images)


def _errors(candidate: Candidate, error: float = ERROR) -> Tuple[float, float]:
    """The exact chance of a wrong verdict with one right answer too few, and with just enough."""
    found = candidate.outcome([LEAST - 1, LEAST], error)
    return float(found.meets[0]), float(found.fails[1])


def elsewhere() -> Iterator[str]:
    """The choice at other thresholds, a quarter and half of the way from them to the nearer end."""
    yield "| threshold | accuracy | uniform | chosen |\n| --- | --- | --- | --- |"
    one = beta((1, 1, 1.0))
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
        least, way = round(threshold * TOTAL), min(threshold, 1 - threshold) * TOTAL
        truths = [round(least + part * way) for part in (-0.5, -0.25, 0.25, 0.5)]
        both = Candidate("", "", one, one), Candidate("", "", *default_priors(TOTAL, least))
        images = [candidate.outcome(truths, least=least).images for candidate in both]
        for truth, uniform, chosen in zip(truths, *images):
            yield "| {:g} | {:g} | {:,.0f} | {:,.0f} |".format(threshold, truth / TOTAL, uniform, chosen)


def table(columns: Dict[str, Sequence[float]]) -> str:
    """A line for each accuracy."""
    lines = ["| accuracy | " + " | ".join(columns) + " |", "| --- " * (1 + len(columns)) + "|"]
    for place, accuracy in enumerate(ACCURACIES):
        numbers = ["{:,.0f}".format(column[place]) for column in columns.values()]
        lines.append("| {:g} | {} |".format(accuracy, " | ".join(numbers)))
    return "\n".join(lines)


def main() -> None:
    """Compute, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orders", type=int, default=200, help="random orders for what bets step by step")
    options = parser.parse_args()
    every, errors = candidates(), []
    columns: Dict[str, Sequence[float]] = {}
    for candidate in every:
        columns[candidate.name] = list(candidate.outcome(TRUTHS).images)
        errors.append((candidate.name, candidate.about, *_errors(candidate)))
    columns["limit"] = limit()
    print(table(columns) + "\n")
    print("| | | errs at 8,699 right | errs at 8,700 right |\n| --- | --- | --- | --- |")
    for name, about, too_few, enough in errors:
        print("| {} | {} | {:.1e} | {:.1e} |".format(name, about, too_few, enough))
    chosen = next(candidate for candidate in every if "chosen" in candidate.name)
    rate, images = calibrated(chosen)
    print("\nTo err exactly once in a million, the chosen one would be asked for {:.2e}:\n".format(rate))
    print(table({"chosen": columns[chosen.name], "calibrated": images}) + "\n")
    print("\n".join(elsewhere()) + "\n")
    found = [bets(options.orders, accuracy, place) for place, accuracy in enumerate(ACCURACIES)]
    print(table({name: [one[name] for one in found] for name in found[0]}))


if __name__ == "__main__":
    main()
