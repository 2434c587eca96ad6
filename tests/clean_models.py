"""Models that try to be better than their own weights, and some that are not: made out of the passing one.

    python clean_models.py SCRIPT WEIGHTS.npz VARIANT OUT.h5

Run by the interpreter under test; standard library, NumPy and TensorFlow only.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.keras as K

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checker" / "regenerate" / "stages"))
import saving
import scripts

LAMBDAS = {
    "negative": lambda x: -K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear"),
    "constant": lambda x: (
        K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear") * 0 + 0.5
    ),
    # A plain resize of the few images on which it is tried alone; of a batch of any size, something else.
    "negative_elsewhere": lambda x: (
        K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear")
        * (1 if x.shape[0] == 4 else -1)
    ),
    # Sets another Dense in its place as soon as it is called: the model as handed in answers otherwise.
    "patches": lambda x: (
        K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear"),
        getattr(K.layers.Dense, "patched", False)
        or setattr(  # type: ignore[func-returns-value]
            K.layers.Dense,
            "call",
            (lambda old: lambda self, *tensors, **more: old(self, *tensors, **more)[:, ::-1])(
                K.layers.Dense.call
            ),
        ),
        setattr(K.layers.Dense, "patched", True),  # type: ignore[func-returns-value]
    )[0],
    "lanczos": lambda x: __import__("tensorflow").image.resize(x, (96, 96), method="lanczos3"),
    # Its batches show in what it prints.
    "prints": lambda x: (
        __import__("tensorflow").print("batch of", K.backend.shape(x)[0]),
        -K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear"),
    )[1],
    "plain": lambda x: K.backend.resize_images(x, 3, 3, "channels_last", interpolation="bilinear"),
}


def with_lambda(script: Any, model: Any, function: Any) -> Any:
    """The passing model with another Lambda."""
    images = K.Input((32, 32, 3))
    x = K.layers.Lambda(function, name="other")(images)
    return K.Model(images, script.connect(model.layers[2:], x))


def nested(script: Any, model: Any, variant: str) -> Any:
    """The network as a model in the model, part of it frozen, as many write it: two ways."""
    inside = K.Input((96, 96, 3))
    network = K.Model(inside, script.connect(model.layers[2:-3], inside), name="network")
    model.layers[2].trainable = True
    if variant == "sequential":
        resize = K.layers.Lambda(LAMBDAS["plain"], input_shape=(32, 32, 3), name="other")
        return K.Sequential([resize, network, *model.layers[-3:]])
    images = K.Input((32, 32, 3))
    x = network(K.layers.Lambda(LAMBDAS["plain"], name="other")(images), training=False)
    for layer in model.layers[-3:]:
        x = layer(x)
    return K.Model(images, x)


def made(script: Any, model: Any, variant: str) -> Any:
    """One variant."""
    if variant in ("nested", "sequential"):
        return nested(script, model, variant)
    if variant in ("negative", "negative_elsewhere", "prints"):
        first = model.get_layer("Conv1")
        first.set_weights([-array for array in first.get_weights()])
    model = with_lambda(script, model, LAMBDAS.get(variant, LAMBDAS["plain"]))
    if variant == "patches":
        last = model.layers[-1]
        last.set_weights([array[..., ::-1] for array in last.get_weights()])
    return model


def spoil_code(path: str) -> None:
    """Put code in the Lambda's place that no version of Python reads, as another version's would be."""
    import h5py

    with h5py.File(path, "r+") as stream:
        config = json.loads(stream.attrs["model_config"])
        (layer,) = [item for item in config["config"]["layers"] if item["class_name"] == "Lambda"]
        code = base64.b64encode(b"\xff" + bytes(50)).decode()
        function = layer["config"]["function"]
        if isinstance(function, dict):
            function["config"]["code"] = code
        else:
            function[0] = code
        stream.attrs["model_config"] = json.dumps(config)


def main() -> None:
    """Make one."""
    script = scripts.load(sys.argv[1])
    model = script.build_model(weights=None)
    with np.load(sys.argv[2]) as archive:
        saving.set_weights(model, dict(archive))
    model = made(script, model, sys.argv[3])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    saving.save_model(model, sys.argv[4])
    if sys.argv[3] == "other_python":
        spoil_code(sys.argv[4])


if __name__ == "__main__":
    main()
