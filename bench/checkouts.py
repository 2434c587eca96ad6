"""What a change costs: whole checks from two checkouts, or more, in turn on one machine.

    python -m bench.checkouts CHECKOUT [CHECKOUT ...] --python PYTHON --images cifar10.npz [--rounds 5]

The passing fixture is checked as ``checker check`` does it, in a process of its own, with one seed a round:
all checkouts score the same images in the same order. Median seconds of the wall clock and of the CPU, of
the checker and all probes, images scored, and the ratio to the first checkout.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

from checker import interpreters
from fixtures import make

_RUN = """
import json, os, resource, sys, time
began = time.perf_counter()
from checker import run
from checker.progress import Observer
folder, assignment, python, images, seed = sys.argv[1:]
if hasattr(run, "look"):  # an older checkout
    options = run
else:
    from checker import options
asked = options.Options(folder, assignment=assignment, python=python, images=images, seed=int(seed))
result = run.check(asked, options.look(asked, os.environ), os.environ, Observer())
own = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "wall": time.perf_counter() - began,
    "cpu": own.ru_utime + own.ru_stime + sum(stage.cpu_seconds for stage in result.stages),
    "images": result.accuracy.seen,
    "verdict": result.exit_code,
}))
"""


def once(checkout: Path, arguments: List[str]) -> Dict[str, float]:
    """Check once; returns figures by name."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=str(checkout),
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    found: Dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkouts", nargs="+", type=Path, metavar="CHECKOUT")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--images", required=True, help="npz with all test images")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fixture", default="passing")
    options = parser.parse_args()
    recipe = make.recipes()[options.fixture]
    assignment = make.assignment_of(recipe, interpreters.ask(options.python))
    found: Dict[Path, List[Dict[str, float]]] = {checkout: [] for checkout in options.checkouts}
    with tempfile.TemporaryDirectory() as scratch:
        folder = make.make(options.fixture, recipe, Path(scratch) / "submission", options.python)
        for seed in range(options.rounds):
            arguments = [str(folder), str(assignment), options.python, options.images, str(seed)]
            for checkout in options.checkouts:
                found[checkout].append(once(checkout.resolve(), arguments))
    columns = ("wall", "cpu", "images", "verdict")
    print("{:40}".format("") + "".join("{:>10}".format(name) for name in (*columns, "ratio")))
    first = found[options.checkouts[0]]
    for checkout, runs in found.items():
        cells = [statistics.median(one[column] for one in runs) for column in columns]
        ratio = statistics.median(one["wall"] / other["wall"] for one, other in zip(runs, first))
        cells.append(ratio)
        print("{:40}".format(checkout.name) + "".join("{:10.2f}".format(cell) for cell in cells))


if __name__ == "__main__":
    main()
