"""How fast the frozen layers run and the others learn, and in how much memory, by version, engine and batch.

    python -m bench.engines [--application Xception] [--size 128] [--images 256] [--part train]
        PYTHON [PYTHON ...]

Weights are random: speed does not depend on them. Each row is a process of its own; the best of three
rounds counts. Of OpenVINO the largest difference to TensorFlow's outputs is shown, beside their range.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from checker import editions, interpreters, reference
from checker.regenerate import plans
from checker.regenerate.processes import STAGES

_CODE = """
import json, os, resource, sys, time
sys.path.insert(0, {stages!r})
import numpy as np
import engines, scripts
task = json.loads(sys.argv[1])
if task["threads"]:
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(task["threads"])
script = scripts.load(task["script"])
scripts.fresh(script.K, 0)
if task["type"] == "bfloat16" and task["engine"] == "tensorflow":
    script.K.mixed_precision.set_global_policy("mixed_bfloat16")
frozen, block, head = script.split(script.build_model(None))
count, batch = task["images"], task["batch"]
images = np.random.RandomState(0).uniform(-1, 1, (count, 32, 32, 3)).astype("float32")
found = {{}}
if task["part"] == "train":
    top = script.K.Sequential([block, head])
    script.prepare(top, 1e-4, 1000)
    if task["xla"]:
        top.compile("adam", "categorical_crossentropy", jit_compile=True)
    rows = np.random.RandomState(0).uniform(0, 1, (count, *block.input_shape[1:])).astype("float32")
    labels = np.eye(10, dtype="float32")[np.arange(count) % 10]
    run = lambda: top.fit(rows, labels, batch_size=batch, verbose=0)
elif task["engine"] == "openvino":
    call = engines.openvino(frozen, ".", task["type"] == "bfloat16", batch)
    expected = frozen.predict(images[:64], verbose=0)
    found["difference"] = float(np.abs(call(images[:64]) - expected).max())
    found["range"] = float(np.abs(expected).max())
    run = lambda: call(images)
else:
    if task["xla"]:
        frozen.compile(jit_compile=True)
    run = lambda: frozen.predict(images, batch, verbose=0)
run()
seconds = []
for _ in range(3):
    began = time.perf_counter()
    run()
    seconds.append(time.perf_counter() - began)
found["images_a_second"] = count / min(seconds)
found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(found))
"""


def tasks(versions: Mapping[str, str], openvino: bool, images: int) -> Iterator[Dict[str, Any]]:
    """What is measured in one interpreter."""
    common = {"images": images, "threads": 0, "xla": False, "type": "float32", "engine": "tensorflow"}
    for batch in (32, 64, 128):
        yield {**common, "part": "frozen", "batch": batch}
    yield {**common, "part": "frozen", "batch": 64, "threads": 1}
    yield {**common, "part": "frozen", "batch": 64, "type": "bfloat16"}
    yield {**common, "part": "frozen", "batch": 64, "xla": True}
    if openvino:
        for kind in ("float32", "bfloat16"):
            for batch in (1, 8, 32):
                yield {**common, "part": "frozen", "engine": "openvino", "batch": batch, "type": kind}
    for kind in ("float32", "bfloat16"):
        for batch in (32, 64, 128):
            yield {**common, "part": "train", "batch": batch, "type": kind}
    yield {**common, "part": "train", "batch": 128, "xla": True}


def measure(python: str, script: Path, task: Mapping[str, Any], folder: str) -> Dict[str, Any]:
    """Run one task; {} where that version cannot."""
    code = _CODE.format(stages=str(STAGES))
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    done = subprocess.run(
        [python, "-B", "-I", "-c", code, json.dumps({**task, "script": str(script)})],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    found: Dict[str, Any] = json.loads(lines[-1]) if done.returncode == 0 and lines else {}
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--application", default="Xception", choices=tuple(plans.PLANS))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--part", choices=("frozen", "train"), help="default: both")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", type=os.path.abspath)
    options = parser.parse_args()
    plan = plans.PLANS[options.application]
    from checker import checks

    text = reference.script(editions.load(editions.DEFAULT, checks.every()))
    constants = {**plan.constants(), "SIZE": str(options.size)}
    print("| TensorFlow | part | engine | type | batch | | images/s | peak memory, GB | difference |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(plans.with_constants(text, constants))
        for python in options.pythons:
            versions = interpreters.ask(python).versions
            has = subprocess.run(
                [python, "-I", "-c", "import openvino"], stderr=subprocess.DEVNULL, check=False
            )
            for task in tasks(versions, has.returncode == 0, options.images):
                if options.part not in (None, task["part"]):
                    continue
                print(_row(versions["tensorflow"], task, measure(python, script, task, folder)), flush=True)


def _row(version: str, task: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    notes: List[str] = ["XLA"] if task["xla"] else []
    notes += ["1 thread"] if task["threads"] else []
    cells = [version, task["part"], task["engine"], task["type"], task["batch"], ", ".join(notes)]
    cells.append("{:.0f}".format(found["images_a_second"]) if found else "cannot")
    cells.append("{:.1f}".format(found["peak"] / 1e9) if found else "")
    difference = "{difference:.2g} of {range:.3g}".format(**found) if "difference" in found else ""
    return "| {} |".format(" | ".join(map(str, [*cells, difference])))


if __name__ == "__main__":
    main()
