"""What the reference solution's choices buy: accuracy on held-out training images, one change at a time.

    python -m bench.choices --images cifar10.npz --weights FILE [--application MobileNetV2] [--size 96]
        [--count 12000] [--epochs 4] [--seeds 2] PYTHON

Trains on the first ``--count`` training images but one in six, which accuracy is measured on; the test
images are not read. Each row is the mean over the seeds, and its difference to the first row.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from checker import checks, editions, reference
from checker.regenerate import plans
from checker.regenerate.processes import STAGES

# What is changed, and in words.
VARIANTS = {
    "as it is": {},
    "no mirrored images": {"views": 1},
    "no shifted features": {"shift": False},
    "running mean and variance at 0.99": {"momentum": 0.99},
    "running mean and variance at 0.999": {"momentum": 0.999},
    "features kept as float32, not float16": {"features": "float32"},
    "frozen layers in bfloat16": {"frozen": "bfloat16"},
    "training in bfloat16": {"training": "bfloat16"},
    "batch normalization in inference mode": {"inference": True},
    "no training of the head beforehand": {"head": False},
    "the head alone": {"tune": False},
}

_CODE = """
import json, sys, time
sys.path.insert(0, {stages!r})
import numpy as np
import engines, scripts
task = json.loads(sys.argv[1])
script = scripts.load(task["script"])
K = script.K
data = np.load(task["images"])
X, Y = script.preprocess_data(data["x_train"][:task["count"]], data["y_train"][:task["count"]])
learned = task["count"] * 5 // 6
TYPES = {{"float32": "float32", "bfloat16": "mixed_bfloat16"}}

def build(kind="float32"):
    K.mixed_precision.set_global_policy(TYPES[kind])
    model = script.build_model(task["weights"])
    return script.split(model)

kept = {{}}
def features(kind, dtype):
    if (kind, dtype) not in kept:
        scripts.fresh(K, 0)
        frozen = build(kind)[0]
        views = [frozen.predict(view, 64, verbose=0) for view in (X, X[:, :, ::-1])]
        kept[kind, dtype] = [np.asarray(view, "float32").astype(dtype) for view in views]
    return kept[kind, dtype]

def accuracy(model, rows):
    scores = model.predict(rows[learned:].astype("float32"), 64, verbose=0)
    return float((scores.argmax(1) == Y[learned:].argmax(1)).mean())

def run(seed, views=2, features_type="float16", frozen="float32", training="float32", inference=False,
        head=True, tune=True, shift=True, momentum=None):
    rows = features(frozen, features_type)[:views]
    scripts.fresh(K, seed)
    _, block, top = build(training)
    for layer in block.layers if momentum else ():
        if isinstance(layer, K.layers.BatchNormalization):
            layer.momentum = momentum
    steps = -(-learned // script.BATCH)
    if head:
        vectors = [block.predict(view[:learned].astype("float32"), 64, verbose=0) for view in rows]
        script.prepare(top, script.HEAD_RATE, script.HEAD_EPOCHS * steps)
        for epoch in range(script.HEAD_EPOCHS):
            top.fit(vectors[epoch % views], Y[:learned], batch_size=script.BATCH, verbose=0)
    whole = script.join(block, top) if shift else K.Sequential([block, top])
    if inference:
        for layer in block.layers:
            if isinstance(layer, K.layers.BatchNormalization):
                layer.trainable = False
    began = time.perf_counter()
    if tune:
        script.prepare(whole, script.TUNE_RATE, script.TUNE_EPOCHS * steps)
        for epoch in range(script.TUNE_EPOCHS):
            whole.fit(rows[epoch % views][:learned].astype("float32"), Y[:learned], batch_size=script.BATCH,
                      verbose=0)
    # Judged as the course does it: by the model as a whole, in float32.
    return accuracy(whole, features("float32", "float32")[0]), time.perf_counter() - began

for seed in range(task["seeds"]):
    for name, change in task["variants"].items():
        change = dict(change)
        if "features" in change:
            change["features_type"] = change.pop("features")
        found, seconds = run(seed, **change)
        print(json.dumps({{"name": name, "seed": seed, "accuracy": found, "seconds": seconds}}), flush=True)
"""


def main() -> None:
    """Train every variant with every seed, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", required=True, help="npz with x_train and y_train")
    parser.add_argument("--weights", required=True, help="ImageNet weights without the top")
    parser.add_argument("--application", default="MobileNetV2", choices=tuple(plans.PLANS))
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--count", type=int, default=12000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("python", metavar="PYTHON", type=os.path.abspath)
    options = parser.parse_args()
    plan = plans.PLANS[options.application]
    constants = {**plan.constants(), "SIZE": str(options.size)}
    constants["TUNE_EPOCHS, TUNE_RATE"] = "{}, {}".format(options.epochs, plan.tune_rate)
    text = reference.script(editions.load(editions.DEFAULT, checks.every()))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(plans.with_constants(text, constants))
        task = {
            "script": str(script),
            "images": os.path.abspath(options.images),
            "weights": os.path.abspath(options.weights),
            "count": options.count,
            "seeds": options.seeds,
            "variants": VARIANTS,
        }
        found = _measure(options.python, task, folder)
    print("\n| | accuracy | difference | seconds of fine-tuning |\n| --- | --- | --- | --- |")
    first = _mean(found, "as it is", "accuracy")
    for name in VARIANTS:
        share, seconds = _mean(found, name, "accuracy"), _mean(found, name, "seconds")
        print("| {} | {:.2%} | {:+.2f} | {:.0f} |".format(name, share, 100 * (share - first), seconds))


def _measure(python: str, task: Dict[str, Any], folder: str) -> List[Dict[str, Any]]:
    """Run all variants in one process, and show each as it ends."""
    found = []
    command = [python, "-B", "-I", "-c", _CODE.format(stages=str(STAGES)), json.dumps(task)]
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith('{"name"'):
                found.append(json.loads(line))
                print("{name}, seed {seed}: {accuracy:.4f}".format(**found[-1]), flush=True)
    if process.returncode:
        raise SystemExit("{} ended with exit status {}".format(python, process.returncode))
    return found


def _mean(found: List[Dict[str, Any]], name: str, what: str) -> float:
    values = [one[what] for one in found if one["name"] == name]
    return float(sum(values)) / len(values)


if __name__ == "__main__":
    main()
