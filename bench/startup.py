"""CPU seconds until TensorFlow and Keras are imported, as usual and as ``checker/probes/startup.py`` does it.

    python -m bench.startup --python PYTHON [--python PYTHON ...] [--rounds 5]

Each is run in turn; a column has the median, and what part it is of the usual import.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

PROBES = Path(__file__).resolve().parent.parent / "checker" / "probes"
_BEGIN = "import sys, time; sys.path.insert(0, {!r}); import startup; ".format(str(PROBES))
_END = "; print(time.process_time())"
WAYS = {
    "usual": "import tensorflow, tensorflow.keras as K; K.Model",
    "where submitted code runs": "startup.tensorflow()",
    "clean": "startup.tensorflow(startup.OPTIONAL)",
}


def seconds(python: str, way: str) -> float:
    """CPU seconds of one import."""
    done = subprocess.run(
        [python, "-I", "-B", "-c", _BEGIN + WAYS[way] + _END],
        check=True,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return float(done.stdout.split()[-1])


def medians(python: str, rounds: int) -> Dict[str, float]:
    """The median of each way, measured in turn after one round that does not count."""
    found: Dict[str, List[float]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, those in found.items():
            took = seconds(python, way)
            if number:
                those.append(took)
    return {way: statistics.median(those) for way, those in found.items()}


def main(arguments: Optional[List[str]] = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    print("| Python | {} |\n|{}".format(" | ".join(WAYS), " --- |" * (len(WAYS) + 1)))
    for python in options.python:
        found = medians(python, options.rounds)
        shown = ["{:.2f} ({:.2f})".format(took, took / found["usual"]) for took in found.values()]
        print("| {} | {} |".format(python, " | ".join(shown)))


if __name__ == "__main__":
    main()
