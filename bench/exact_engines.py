"""What OpenVINO gains on all test images, and after how many of them its conversion has paid.

    python -m bench.exact_engines [--models DenseNet121:224 ...] [--images 128] [--rounds 3] -- PYTHON ...

Applications of Keras with random weights, a resize in front and ten probabilities behind. Each model is one
process; Keras's ``predict`` and OpenVINO in float32, in batches and streams of several sizes, score the same
images in turn, and the median of the rounds counts. "Of CPU time" is the ratio that other work on the same
processors disturbs less. Differences are parts of the largest score; "other classes" counts images whose
highest score is another's. "Paid after": with so many images both take as long, conversion included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping

from checker.sandbox import environment

CHILD = Path(__file__).with_name("exact_engines_model.py")
MODELS = ("DenseNet121:224", "DenseNet121:160", "Xception:160", "MobileNetV2:96")
COLUMNS = (
    "TensorFlow",
    "OpenVINO",
    "model",
    "engine",
    "images/s",
    "ratio",
    "of CPU time",
    "convert, s",
    "compile, s",
    "paid after",
    "largest difference",
    "other classes",
    "peak memory, GB",
)


def measure(python: str, task: Mapping[str, Any]) -> Dict[str, Any]:
    """What one model comes to in one interpreter; ``{"error": ...}`` where it does not run."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", **environment.MEMORY}
    done = subprocess.run(
        [python, "-B", "-I", str(CHILD), json.dumps(task)],
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    if done.returncode or not lines:
        return {"error": (done.stderr.decode().strip().splitlines() or ["it died"])[-1][:200]}
    found: Dict[str, Any] = json.loads(lines[-1])
    return found


def rows(model: str, found: Mapping[str, Any]) -> List[List[str]]:
    """Cells of the table for one model."""
    if "error" in found:
        return [["", "", model, found["error"], *[""] * (len(COLUMNS) - 4)]]
    about = [found["tensorflow"], found["openvino"], model]
    wall, processors = found["wall"], found["processors"]
    peak = "{:.1f}"
    table = [
        [
            *about,
            "Keras",
            "{:.1f}".format(1 / wall["Keras"]),
            "1.00",
            "1.00",
            *[""] * 5,
            peak.format(found["peak_before"] / 1e9),
        ]
    ]
    for name, way in found["ways"].items():
        if "error" in way:
            table.append([*about, name, way["error"], *[""] * (len(COLUMNS) - 5)])
            continue
        gained = wall["Keras"] - wall[name]
        paid = (found["convert"] + way["compile"]) / gained if gained > 0 else None
        cells = [
            "{:.1f}".format(1 / wall[name]),
            "{:.2f}".format(wall["Keras"] / wall[name]),
            "{:.2f}".format(processors["Keras"] / processors[name]),
            "{:.1f}".format(found["convert"]),
            "{:.1f}".format(way["compile"]),
            "never" if paid is None else "{:,.0f}".format(paid),
            "{:.1e}".format(way["difference"]),
            str(way["classes"]),
            peak.format(found["peak"] / 1e9),
        ]
        table.append([*about, name, *cells])
    return table


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="APPLICATION:SIZE")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", help="streams or latency, and a batch: throughput:8")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", type=os.path.abspath)
    options = parser.parse_args()
    print("| {} |".format(" | ".join(COLUMNS)))
    print("|{}".format(" --- |" * len(COLUMNS)), flush=True)
    for python in options.pythons:
        for model in options.models:
            application, size = model.split(":")
            task = {"application": application, "size": int(size)}
            task.update(images=options.images, rounds=options.rounds, ways=options.ways)
            for cells in rows("{} at {}".format(application, size), measure(python, task)):
                print("| {} |".format(" | ".join(cells)), flush=True)


if __name__ == "__main__":
    main()
