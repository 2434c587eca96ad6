"""What the walls cost: two checkouts, or the isolation levels of one, side by side in one run.

    python -m bench.sandbox PYTHON [PYTHON ...] [--before CHECKOUT] [--rounds 5]

Each round runs the same probe once for every row, in turn, so that whatever else the machine does meets
them alike. It imports TensorFlow, builds a small network, and scores images until the model has been
called a number of times. Best of the rounds: seconds until the sandbox is ready, of the whole run, of
scoring inside it, and CPU seconds of all its processes; images a second; peak memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
_PROBE = """
import os, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

def main(channel, settings):
    import numpy as np
    import tensorflow as tf
    K = tf.keras
    model = K.Sequential([
        K.layers.Conv2D(32, 3, activation="relu", input_shape=(96, 96, 3)),
        K.layers.Conv2D(64, 3, strides=2, activation="relu"),
        K.layers.Conv2D(64, 3, strides=2, activation="relu"),
        K.layers.GlobalAveragePooling2D(), K.layers.Dense(10)])
    images = np.random.RandomState(0).uniform(-1, 1, (256, 96, 96, 3)).astype("float32")
    model.predict(images[:32], verbose=0)
    began = time.perf_counter()
    for _ in range(4):
        model.predict(images, batch_size=32, verbose=0)
    channel.fact("scored", seconds=time.perf_counter() - began, images=4 * len(images))

wire.run(main)
"""
# Runs in a process of its own, in the checkout that is measured.
_RUN = """
import json, os, shutil, sys, tempfile, time
from pathlib import Path
from checker import interpreters
from checker.sandbox import Limits, Sandbox
from checker.sandbox.channel import Receiver
python, level, probe = sys.argv[1:]
folder = Path(tempfile.mkdtemp())
probes = folder / "probes"
probes.mkdir()
import checker
shutil.copy(os.path.join(os.path.dirname(checker.__file__), "probes", "wire.py"), str(probes))
(probes / "own.py").write_text(probe)
interpreter = interpreters.ask(python)
began = time.perf_counter()
box = Sandbox(interpreter, folder, *([level] if level else []), probes=probes)
ready = time.perf_counter() - began
receiver = Receiver(0)
limits = Limits(300, 8_000_000_000, 64, 1_000_000, 100_000_000)
run = box.run("own", {}, {}, limits, receiver)
shutil.rmtree(str(folder))
scored = receiver.last("scored")
assert scored, (run, receiver.facts)
print(json.dumps({
    "level": box.isolation.level, "ready": ready, "run": run.seconds, "cpu": run.cpu_seconds,
    "scoring": scored["seconds"], "memory": run.peak_memory / 1e6, "images": scored["images"],
}))
"""


def once(checkout: Path, python: str, level: str) -> Dict[str, float]:
    """Measure once; returns figures by name."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, python, level, _PROBE],
        cwd=str(checkout),
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    found: Dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print a table an interpreter."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--before", type=Path, help="another checkout, measured at its highest level")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows: List[Tuple[str, Path, str]] = [("before", options.before.resolve(), "")] if options.before else []
    rows += [(level, ROOT, level) for level in ("bubblewrap", "landlock", "limits")]
    columns = ("ready", "run", "scoring", "cpu", "memory")
    for python in options.pythons:
        print(python)
        print("{:12}".format("") + "".join("{:>10}".format(name) for name in (*columns, "images/s")))
        found: Dict[str, List[Dict[str, float]]] = {name: [] for name, _, _ in rows}
        for _ in range(options.rounds):
            for name, checkout, level in rows:
                found[name].append(once(checkout, python, level))
        for name, measured in found.items():
            best = [min(one[column] for one in measured) for column in columns]
            rate = max(one["images"] / one["scoring"] for one in measured)
            print("{:12}".format(name) + "".join("{:10.2f}".format(value) for value in (*best, rate)))


if __name__ == "__main__":
    main()
