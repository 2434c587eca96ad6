"""Save, read, rebuild and compare each Keras application: a line of JSON for each. Run by ``clean.py``.

Standard library, NumPy, h5py and TensorFlow only.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "checker" / "probes"), str(ROOT / "checker" / "clean")]
import plans  # noqa: E402
import preprocessing  # noqa: E402
import rebuild  # noqa: E402
import tensorflow.keras as K  # noqa: E402
import weights  # noqa: E402

FACTOR = 3  # 96 pixels; every application takes them


class Kept:
    """Takes what the probe ``weights`` reports, and keeps it."""

    def __init__(self):
        self.index, self.config, self.arrays = [], None, []

    def fact(self, name, found=(), **_):
        """Names of weights."""
        self.index += found

    def array(self, name, array):
        """The description."""
        self.config = json.loads(array.tobytes().decode())

    def parts(self, name, length, parts):
        """The weights."""
        self.arrays = list(parts)


def made(function):
    """The application behind a Lambda, compiled, its weights random."""
    images = K.Input((32, 32, 3))
    x = K.layers.Lambda(
        lambda x: K.backend.resize_images(x, FACTOR, FACTOR, "channels_last", interpolation="bilinear")
    )(images)
    base = function(include_top=False, weights=None, input_tensor=x)
    x = K.layers.GlobalAveragePooling2D()(base.output)
    model = K.Model(images, K.layers.Dense(10, activation="softmax")(K.layers.Dropout(0.2)(x)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def awaken(model):
    """Weights that are all 0 or 1 after their making would hide one in another's place."""
    generator = np.random.RandomState(0)
    arrays = []
    for array in model.get_weights():
        if array.ndim == 1:
            array = array * generator.uniform(0.5, 1.5, array.shape) + 0.01 * generator.rand(*array.shape)
        arrays.append(array.astype("float32"))
    model.set_weights(arrays)


def compared(model, mode, folder):
    """What came of one model."""
    path = os.path.join(folder, "model.h5")
    model.save(path)
    kept = Kept()
    import h5py

    pixels = np.random.RandomState(1).randint(0, 256, (8, 32, 32, 3)).astype("uint8")
    with h5py.File(path, "r") as stream:
        weights.report(kept, stream, os.path.getsize(path))
    plan = plans.read(kept.config, [32, 32, 3])
    X = preprocessing.prepared(pixels, mode)
    told = np.asarray(model.layers[1](X))
    way = rebuild.way_of(X, told)
    ours, layers = rebuild.build(plan, [32, 32, 3], told.shape[1:3], way)
    found = [
        (about["layer"], about["name"], array.reshape(about["shape"]))
        for about, array in zip(kept.index, kept.arrays)
    ]
    rebuild.set_weights(plan, layers, found)
    theirs, again = model.predict(X, verbose=0), ours.predict(X, verbose=0)
    apart, spread = float(np.abs(theirs - again).max()), float(theirs.std(axis=0).max())
    if apart > 1e-3 * max(spread, 1e-6):
        return "other scores: {:.1e}, spread {:.1e}".format(apart, spread)
    return "clean ({})".format(mode)


def one(name, most, folder):
    """What came of one application."""
    function = getattr(K.applications, name)
    module = getattr(K.applications, function.__module__.rsplit(".", 1)[-1])
    pixels = np.random.RandomState(0).randint(0, 256, (8, 32, 32, 3)).astype("uint8")
    mode = preprocessing.mode_of(pixels, np.array(module.preprocess_input(pixels.astype("float32"))))
    if mode is None:
        return "preprocess_input is not known"
    model = made(function)
    if model.count_params() > most:
        return None
    awaken(model)
    return compared(model, mode, folder)


def main():
    """All of them, or those that are named."""
    settings = json.loads(sys.argv[1])
    names = settings["names"] or [
        name for name in dir(K.applications) if inspect.isfunction(getattr(K.applications, name))
    ]
    for name in names:
        try:
            with tempfile.TemporaryDirectory() as folder:
                said = one(name, settings["most"], folder)
        except plans.Refused as error:
            said = str(error)
        except Exception as error:
            said = "{}: {}".format(type(error).__name__, str(error).strip().splitlines()[-1][:150])
        if said is not None:
            print(json.dumps({name: said}), flush=True)
        K.backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
