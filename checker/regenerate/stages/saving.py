"""Weights by layer, and the model file that is made of them: a Lambda depends on the Python that saves it."""

from __future__ import annotations

import os

import numpy as np


def weights_of(model):
    """All weights of a model as arrays, named ``<layer>/<index>``."""
    return {
        "{}/{}".format(layer.name, index): array
        for layer in model.layers
        for index, array in enumerate(layer.get_weights())
    }


def set_weights(model, archive):
    """Set the weights of every layer that ``archive`` names with these shapes; return the others' names."""
    missing = []
    for layer in model.layers:
        shapes = [array.shape for array in layer.get_weights()]
        names = ["{}/{}".format(layer.name, index) for index in range(len(shapes))]
        values = [archive[name] for name in names if name in archive]
        if [value.shape for value in values] != shapes:
            missing.append(layer.name)
        elif values:
            layer.set_weights(values)
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
