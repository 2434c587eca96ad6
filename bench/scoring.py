"""How fast a whole model scores, by TensorFlow, batch, threads and oneDNN, and in how much memory.

    python -m bench.scoring [--applications MobileNetV2:96,DenseNet121:224] [--images 512] [--rounds 3]
        [--only WORD] PYTHON [PYTHON ...]

Weights are random: speed does not depend on them. Each row is a process of its own that scores as the probes
do (``checker/probes/predicting.py``), in the environment that a sandbox gives them but for one variable; the
best of the rounds counts. ``--only MALLOC``: the default, and the rows that set such a variable; ``--only
plain``: the default alone, for the memory of many applications.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

from checker import interpreters
from checker.sandbox import environment
from checker.sandbox.levels import Paths

PROBES = Path(__file__).resolve().parents[1] / "checker" / "probes"
_CODE = """
import json, os, resource, sys, time
sys.path.insert(0, {probes!r})
import numpy as np
import tensorflow as tf
import predicting
task = json.loads(sys.argv[1])
K = tf.keras
size = task["size"]
inputs = K.Input((32, 32, 3))
larger = K.layers.Resizing if hasattr(K.layers, "Resizing") else K.layers.experimental.preprocessing.Resizing
base = getattr(K.applications, task["application"])(
    weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg")
model = K.Model(inputs, K.layers.Dense(10, activation="softmax")(base(larger(size, size)(inputs))))
images = np.random.RandomState(0).uniform(-1, 1, (task["images"], 32, 32, 3)).astype("float32")
class Nothing:
    def array(self, name, array):
        pass
    def fact(self, *names, **more):
        if "error" in more:
            raise SystemExit(str(more))
def run():
    predicting.MOST = predicting.FEWEST = task["batch"]
    predicting.predict(Nothing(), model, images, False)
run()
seconds = []
for _ in range(task["rounds"]):
    began = time.perf_counter()
    run()
    seconds.append(time.perf_counter() - began)
print(json.dumps({{
    "version": tf.__version__,
    "images_a_second": task["images"] / min(seconds),
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}}))
"""


# As glibc has it by itself: freed memory goes back to the kernel.
_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "", "MALLOC_TRIM_THRESHOLD_": ""}
_VARIABLES = (
    *({"TF_NUM_INTRAOP_THREADS": str(threads)} for threads in (1, 2, 4)),
    *({"TF_ENABLE_ONEDNN_OPTS": value} for value in ("0", "1")),
    *({"MALLOC_ARENA_MAX": arenas} for arenas in ("2", "8")),
    _GIVEN_BACK,
)


def tasks(applications: List[str], images: int, rounds: int, only: str) -> Iterator[Dict[str, Any]]:
    """What is measured in one interpreter: one thing at a time is another than the default."""
    for named in applications:
        application, size = named.split(":")
        common = {"application": application, "size": int(size), "batch": 128, "variables": {}}
        common["rounds"] = rounds
        # A heavy network needs fewer images to show its speed.
        common["images"] = max(128, images // 2 if int(size) > 128 else images)
        for batch in (128,) if only else (32, 64, 128, 256):
            yield {**common, "batch": batch}
        for variables in _VARIABLES:
            if any(only in name for name in variables):
                yield {**common, "variables": variables}


def measured(python: str, task: Dict[str, Any]) -> Dict[str, Any]:
    """One row; "error" where it came to no end."""
    variables = {**environment.of(Paths("", "", "/tmp", "/tmp")), **task["variables"]}
    variables = {name: value for name, value in variables.items() if value}
    code = _CODE.format(probes=str(PROBES))
    done = subprocess.run(
        [python, "-c", code, json.dumps(task)], env=variables, capture_output=True, check=False
    )
    if done.returncode:
        return {"error": done.stderr.decode(errors="replace").strip().splitlines()[-1:]}
    found: Dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return found


def main() -> None:
    """Measure, a line of a table a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--applications", default="MobileNetV2:96,DenseNet121:224")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    options = parser.parse_args()
    print("| TensorFlow | model | batch | set otherwise | images/s | peak memory, GB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for python in options.pythons:
        version = interpreters.ask(os.path.abspath(python)).versions["tensorflow"]
        for task in tasks(options.applications.split(","), options.images, options.rounds, options.only):
            found = measured(python, task)
            cells = [version, "{application} at {size}".format(**task), str(task["batch"])]
            cells.append(" ".join("=".join(pair) for pair in task["variables"].items()))
            if "error" in found:
                cells += ["cannot: {}".format(found["error"]), ""]
            else:
                cells += ["{:.0f}".format(found["images_a_second"]), "{:.1f}".format(found["peak"] / 1e9)]
            print("| {} |".format(" | ".join(cells)), flush=True)


if __name__ == "__main__":
    main()
