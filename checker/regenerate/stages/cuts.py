"""Where an application is cut in two, if no person has named a layer for it."""

from __future__ import annotations

import difflib
import inspect

SHARE = 0.2  # of the weights are trained, or more


def names(keras):
    """All applications of this version of Keras: the functions that build them."""
    every = vars(keras.applications).items()
    return sorted(name for name, value in every if inspect.isfunction(value) and name[0].isupper())


def close(keras, name):
    """Names of applications that look like this one; all of them where none does."""
    every = {one.lower(): one for one in names(keras)}
    found = difflib.get_close_matches(name.lower(), every, n=3, cutoff=0.6)
    return [every[one] for one in found] or list(every.values())


def unknown_layers(keras, model):
    """Classes of layers that ``load_model`` does not know by itself."""
    return sorted(
        {type(layer).__name__ for layer in model.layers if not hasattr(keras.layers, type(layer).__name__)}
    )


def operators(keras, model):
    """Operators of TensorFlow between the layers of a model: what Keras 3 does not keep as layers."""
    every = getattr(model, "operations", ())  # Keras 2 makes layers of them, which are unknown ones
    return sorted({type(one).__name__ for one in every if not isinstance(one, keras.layers.Layer)})


def candidates(layers):
    """Indices at which one tensor alone goes over from the layers before to those from there on.

    ``layers`` follow each other as in ``model.layers``: each comes after all that it depends on.
    """
    found, given, taken = [], set(), set()
    for index in range(len(layers) - 1, -1, -1):
        given |= {id(tensor) for tensor in _several(layers[index].output)}
        taken |= {id(tensor) for tensor in _several(layers[index].input)}
        if taken - given == {id(layers[index].input)}:
            found.append(index)
    return found[::-1]


def default(layers):
    """Name of the last layer to cut at from which on a fifth of all weights lie; None where there is none.

    It is looked for in the second half: what is frozen is to be most of the application.
    """
    weights = [layer.count_params() for layer in layers]
    for index in reversed(candidates(layers)):
        if index >= len(layers) / 2 and sum(weights[index:]) >= SHARE * sum(weights):
            return layers[index].name
    return None


def _several(tensors):
    return tensors if isinstance(tensors, (list, tuple)) else [tensors]
