"""What ``--memorised`` costs: one submission checked without and with it, in turn.

    python -m bench.memorised_cost --images cifar10.npz [--rounds 3] [--assignment NAME] PYTHON FOLDER

Seconds of the wall clock, those of the processor in the probes, and how many images the model scored.
"""

from __future__ import annotations

import argparse
import os
from statistics import median
from typing import List, Tuple

from checker import editions, run
from checker.options import Options, look
from checker.progress import Observer


def main() -> None:
    """Check in turn, and print each run and the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--assignment", default=editions.DEFAULT)
    parser.add_argument("python", metavar="PYTHON", type=os.path.abspath)
    parser.add_argument("folder", metavar="FOLDER")
    options = parser.parse_args()
    print("| round | | test images | all images | seconds | CPU seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows: List[Tuple[bool, int, int, float, float]] = []
    for number in range(options.rounds):
        for memorised in (False, True):
            rows.append(_measure(options, number, memorised))
            print(
                "| {} | {} | {:,} | {:,} | {:.1f} | {:.1f} |".format(number + 1, *_words(rows[-1])),
                flush=True,
            )
    for memorised in (False, True):
        chosen = [row[1:] for row in rows if row[0] is memorised]
        means = (memorised, *(median(column) for column in zip(*chosen)))
        print("| median | {} | {:,} | {:,} | {:.1f} | {:.1f} |".format(*_words(means)))


def _words(row: Tuple[bool, int, int, float, float]) -> Tuple[str, int, int, float, float]:
    return ("with" if row[0] else "without", *row[1:])


def _measure(options: argparse.Namespace, seed: int, memorised: bool) -> Tuple[bool, int, int, float, float]:
    asked = Options(
        options.folder,
        options.assignment,
        python=options.python,
        images=options.images,
        seed=seed,
        memorised=memorised,
    )
    result, evidence = run.examine(asked, look(asked, os.environ), os.environ, Observer())
    model, cpu = evidence.model(), sum(stage.cpu_seconds for stage in result.stages)
    return memorised, model.seen, model.answered, result.seconds, cpu


if __name__ == "__main__":
    main()
