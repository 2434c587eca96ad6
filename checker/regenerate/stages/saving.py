"""Weights by layer, and the model file that is made of them: a Lambda depends on the Python that saves it."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np


def weights_of(model):
    """All weights of a model as arrays, named ``<layer>/<index>``."""
    return {
        "{}/{}".format(layer.name, index): array
        for layer in model.layers
        for index, array in enumerate(layer.get_weights())
    }


def structure(model):
    """A digest of the shapes of all weights, layer by layer: alike where models can take each other's."""
    shapes = [[[int(side) for side in one.shape] for one in layer.weights] for layer in model.layers]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()


def set_weights(model, archive):
    """Set the weights of every layer out of ``archive``; return the names of layers that it has none for.

    Versions of Keras name some layers differently (conv1/conv, conv1_conv) and order them alike: a layer
    that the archive does not name takes the next weights that no layer's name goes with.
    """
    kept, missing = {}, []
    for name in archive:
        kept.setdefault(name.rsplit("/", 1)[0], []).append(name)
    layers = [layer for layer in model.layers if layer.weights]
    own = {layer.name for layer in layers}
    others = iter([name for name in kept if name not in own])
    for layer in layers:
        name = layer.name if layer.name in kept else next(others, None)
        values = [archive[one] for one in kept.get(name, ())]
        if [value.shape for value in values] == [array.shape for array in layer.get_weights()]:
            layer.set_weights(values)
        else:
            missing.append(layer.name)
    return missing


def save_weights(model, path):
    """Write a model's weights, whole or not at all."""
    partial = path + ".partial"
    with open(partial, "wb") as stream:
        np.savez(stream, **weights_of(model))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def save_model(model, path, **options):
    """Write a model file, whole or not at all."""
    partial = path + ".partial" + os.path.splitext(path)[1]  # the ending by which Keras knows the format
    model.save(partial, **options)
    os.replace(partial, path)
