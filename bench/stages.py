"""Time the stages of a check on real fixtures, side by side in one run.

    python -m bench.stages [--runs 3] [--python PYTHON] [--images cifar10.npz]

Prints the median of each stage in seconds of the wall clock, for the passing fixture and the one that
falls short; with ``--images`` also on all test images, decided early and exact. Stages run beside each other:
the whole is less than their sum. ``first line``: until a terminal shows it. The script's
``preprocess_data`` gets all images at once: its stage on 1,000 and on 10,000 images tells what that costs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

from checker import interpreters
from fixtures import make

FIXTURES = ("passing", "falls-short")


def once(folder: Path, python: str, arguments: List[str], scratch: Path) -> Dict[str, float]:
    """Check once, at a terminal; returns seconds by stage, and of the whole process."""
    target = scratch / "result.json"
    command = [sys.executable, "-m", "checker", "check", str(folder), "--format", "json={}".format(target)]
    command += ["--no-cache", "--python", python, *arguments]
    ours, theirs = pty.openpty()
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs)
    os.close(theirs)
    first = _shown(ours, started)
    process.wait(3600)
    whole = time.monotonic() - started
    os.close(ours)
    result = json.loads(target.read_text())
    seconds = {stage["name"]: stage["seconds"] for stage in result["stages"]}
    accuracy = result["accuracy"]
    images = float(accuracy["seen"]) if accuracy else 0.0
    return {**seconds, "first line": first, "whole": whole, "images": images}


def _shown(terminal: int, started: float) -> float:
    """Seconds until the first line; reads on to the end."""
    first, text = 0.0, b""
    with contextlib.suppress(OSError):  # how a terminal says that its other end is closed
        while True:
            text += os.read(terminal, 1 << 16)
            if not first and b"\n" in text:
                first = time.monotonic() - started
    return first


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--images", help="npz with all test images")
    options = parser.parse_args()
    interpreter = interpreters.ask(options.python)
    modes: List[Tuple[str, List[str]]] = [("quick", ["--quick"]), ("1,000 images", ["--images", "embedded"])]
    if options.images:
        modes += [("early", ["--images", options.images])]
        modes += [("exact", ["--images", options.images, "--exact"])]
    columns = ["first line", "source", "script", "inspection", "model", "weights", "clean", "whole", "images"]
    print("{:28}".format("") + "".join("{:>12}".format(column) for column in columns))
    with tempfile.TemporaryDirectory() as scratch:
        for name in FIXTURES:
            recipe = make.recipes()[name]
            folder = make.make(name, recipe, Path(scratch) / name, options.python)
            edition = ["--assignment", make.assignment_of(recipe, interpreter)]
            for mode, arguments in modes:
                arguments = [*edition, *arguments]
                runs = [once(folder, options.python, arguments, Path(scratch)) for _ in range(options.runs)]
                cells = [statistics.median(run.get(column, 0.0) for run in runs) for column in columns]
                print(
                    "{:28}".format(name + ", " + mode)
                    + "".join("{:12.3f}".format(cell) for cell in cells[:-1])
                    + "{:12.0f}".format(cells[-1]),
                    flush=True,
                )


if __name__ == "__main__":
    main()
