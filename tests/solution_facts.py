"""What the reference solution's functions do in a real TensorFlow: facts as JSON, for ``test_solution.py``.

    python solution_facts.py SCRIPT WHAT OUT.json

Run by the interpreter under test; standard library, NumPy and TensorFlow only. Weights are random, so
that nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

# Application, module of its preprocessing, cut, and a size that it takes.
APPLICATIONS = (
    ("DenseNet121", "densenet", "conv5_block1_0_bn", 64),
    ("Xception", "xception", "block14_sepconv1_act", 96),
    ("MobileNetV2", "mobilenet_v2", "block_13_expand", 64),
    ("ResNet50", "resnet", "conv5_block1_1_conv", 64),
    ("ResNet50V2", "resnet_v2", "conv5_block1_preact_bn", 64),
    ("VGG16", "vgg16", "block5_conv1", 64),
    ("EfficientNetB0", "efficientnet", "block6a_expand_conv", 64),
)


def load_script(path: str) -> Any:
    """Import the script, as MobileNetV2 at 64 pixels."""
    spec = importlib.util.spec_from_file_location("transfer", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    use(script, *APPLICATIONS[2])
    return script


def use(script: Any, application: str, preprocess: str, cut: str, size: int) -> None:
    """Set the constants at the script's top."""
    script.APPLICATION = getattr(script.K.applications, application)
    script.PREPROCESS = getattr(script.K.applications, preprocess).preprocess_input
    script.CUT, script.SIZE, script.BATCH = cut, size, 8


def data(count: int) -> Any:
    """Images and labels as ``load_data`` gives them."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (count, 32, 32, 3)).astype("uint8")
    return images, random.randint(0, 10, (count, 1)).astype("uint8")


def awaken(model: Any, X_p: np.ndarray) -> None:
    """Make the scores of random weights depend on the image: batch normalization fits what it gets."""
    norms = [layer for layer in model.layers if "BatchNormalization" in type(layer).__name__]
    frozen = [layer for layer in norms if not layer.trainable]
    for layer in norms:
        layer.trainable, layer.momentum = True, 0.0
    model(X_p, training=True)
    for layer in frozen:
        layer.trainable = False


def weights(model: Any) -> List[np.ndarray]:
    """Copies of all weights."""
    return [np.array(value) for value in model.get_weights()]


def same(model: Any, before: List[np.ndarray]) -> List[bool]:
    """Which weights are what they were, bit by bit."""
    return [np.array_equal(old, new) for old, new in zip(before, model.get_weights())]


def preprocess(script: Any) -> Dict[str, Any]:
    """``preprocess_data`` with labels of both shapes, for many images and for one."""
    found: Dict[str, Any] = {}
    for count in (5, 1):
        images, labels = data(count)
        before = images.copy()
        X_p, Y_p = script.preprocess_data(images, labels)
        X_f, Y_f = script.preprocess_data(images, labels.reshape(-1))
        found[str(count)] = {
            "types": [type(value).__name__ for value in (X_p, Y_p, X_f, Y_f)],
            "X": [str(X_p.dtype), list(X_p.shape), float(X_p.min()), float(X_p.max())],
            "Y": [list(Y_p.shape), Y_p.sum(axis=1).tolist(), bool((Y_p.argmax(1) == labels[:, 0]).all())],
            "both shapes alike": np.array_equal(X_p, X_f) and np.array_equal(Y_p, Y_f),
            "images untouched": np.array_equal(images, before),
        }
    return found


def split(script: Any) -> Dict[str, Any]:
    """Whether the three parts, one after the other, are the whole model."""
    model = script.build_model(weights=None)
    X_p, _ = script.preprocess_data(*data(8))
    awaken(model, X_p)
    frozen, block, head = script.split(model)
    whole = model.predict(X_p)
    parts = head.predict(block.predict(frozen.predict(X_p)))
    cut = script.position(model, script.CUT)
    frozen_names = [layer.name for layer in model.layers if not layer.trainable]
    return {
        "difference": float(np.abs(whole - parts).max()),
        "spread": float(whole.std(axis=0).max()),
        "sums": whole.sum(axis=1).tolist(),
        "first layers": [type(layer).__name__ for layer in model.layers[:2]],
        "output": list(model.output_shape),
        "features": list(frozen.output_shape[1:]),
        "frozen up to the cut": frozen_names == [layer.name for layer in model.layers[:cut]],
        "frozen": cut,
        "layers": len(model.layers),
        "counts": [part.count_params() for part in (model, frozen, block, head)],
    }


def applications(script: Any) -> Dict[str, Any]:
    """``split`` for each application."""
    found = {}
    for application in APPLICATIONS:
        script.K.backend.clear_session()
        use(script, *application)
        found[application[0]] = split(script)
    return found


def training(script: Any) -> Dict[str, Any]:
    """Which weights the head's training changes, which the fine-tuning, which that of the whole model."""
    model = script.build_model(weights=None)
    frozen, block, head = script.split(model)
    X_p, Y_p = script.preprocess_data(*data(16))
    features = frozen.predict(X_p)
    top = script.K.Sequential([block, head])
    stages = {"head": (head, block.predict(features)), "tune": (top, features), "whole": (model, X_p)}
    parts, found = {"frozen": frozen, "block": block, "head": head}, {}
    for stage, (trained, entering) in stages.items():
        before = {name: weights(part) for name, part in parts.items()}
        scores = model.predict(X_p)
        script.prepare(trained, 1e-2, 2)
        history = script.train(trained, entering, Y_p)
        kept = {name: same(part, before[name]) for name, part in parts.items()}
        found[stage] = {
            "kept": {name: [sum(flags), len(flags)] for name, flags in kept.items()},
            "the saved model learned": not np.array_equal(scores, model.predict(X_p)),
            "history": {name: len(values) for name, values in history.history.items()},
        }
    return found


def main() -> None:
    """Write the facts asked for."""
    script = load_script(sys.argv[1])
    facts = {one.__name__: one for one in (preprocess, applications, training)}
    found = facts[sys.argv[2]](script)
    Path(sys.argv[3]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
