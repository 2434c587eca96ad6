"""A Keras model out of a Plan of ``plans.py`` and weights that somebody else has read.

No submitted code runs here: layers are made by their classes, from settings that plans.py let through.
NumPy and TensorFlow only.
"""

from __future__ import annotations

import json

import plans

# Ways to enlarge images, the likely ones first: a method, and how places of pixels are counted. TensorFlow
# 2's own is "centers"; the others are those of tf.compat.v1.image and of OpenCV's kin.
RESIZES = (
    ("nearest", "centers"),
    ("bilinear", "centers"),
    ("bicubic", "centers"),
    ("lanczos3", "centers"),
    ("lanczos5", "centers"),
    ("area", "centers"),
    ("gaussian", "centers"),
    ("mitchellcubic", "centers"),
    ("bilinear", "corners"),
    ("bicubic", "corners"),
    ("nearest", "corners"),
    ("bilinear", "edges"),
    ("bicubic", "edges"),
    ("nearest", "edges"),
)
# Kernels that Keras draws at random as it makes a layer; for nothing, as weights from the file follow.
DRAWN = {
    "Conv2D": ("kernel",),
    "Dense": ("kernel",),
    "DepthwiseConv2D": ("depthwise",),
    "SeparableConv2D": ("depthwise", "pointwise"),
}
TOLERANCE = 1e-5  # of the largest value, between a Lambda's output and a resize


def resized(images, size, way):
    """Images (m, height, width, channels) in another size (height, width), in one of RESIZES."""
    import tensorflow as tf

    method, places = way
    if tuple(images.shape[1:3]) == tuple(size):
        return tf.cast(images, "float32")
    if places == "centers":
        return tf.image.resize(images, size, method=method)
    old = {
        "nearest": tf.compat.v1.image.resize_nearest_neighbor,
        "bilinear": tf.compat.v1.image.resize_bilinear,
        "bicubic": tf.compat.v1.image.resize_bicubic,
    }[method]
    return old(images, size, align_corners=places == "corners")


def way_of(images, told):
    """Which of RESIZES makes ``told`` (m, height, width, channels) out of images; None: none of them."""
    import numpy as np

    if told.ndim != 4 or told.shape[0] != len(images) or told.shape[3] != images.shape[3]:
        return None
    if not np.isfinite(told).all():
        return None
    most = TOLERANCE * max(1.0, float(np.abs(told).max()))
    for way in RESIZES:
        ours = np.asarray(resized(images, told.shape[1:3], way))
        if float(np.abs(ours - told).max()) <= most:
            return way
    return None


FEW, LIKELY = 32, 4  # images for the first look at all guesses; guesses that get a second look
GUESSES = tuple((factor, way) for factor in range(1, 8) for way in RESIZES[:2])


def surest(plan, weights, images):
    """Size and way of the resize with which a model is surest of its scores for a few images.

    For a Lambda that nobody here can run. Raises plans.Refused where the model takes one size alone.
    """
    import numpy as np

    height, width = images.shape[1:3]
    model, layers = build(plan, (None, None, images.shape[3]), (None, None), None)
    set_weights(plan, layers, weights)

    def sure(guess, count):
        factor, way = guess
        large = np.asarray(resized(images[:count], (factor * height, factor * width), way))
        return float(np.nan_to_num(np.asarray(model(large, training=False))).max(axis=1).mean())

    likely = sorted(GUESSES, key=lambda guess: sure(guess, FEW), reverse=True)[:LIKELY]
    factor, way = max(likely, key=lambda guess: sure(guess, len(images)))
    return (factor * height, factor * width), way


def build(plan, shape, size, way):
    """The model for images of ``shape``, and its layers by their places in the plan.

    ``size`` and ``way``: what stands for the Lambda; without a way it hands images on as they are. Raises
    plans.Refused where Keras does not take it.
    """
    import tensorflow.keras as K

    images = K.Input(tuple(shape))
    tensors, layers = {0: images}, {}
    try:
        for step in plan.steps:
            if step.layer not in layers:
                layers[step.layer] = _layer(plan.layers[step.layer], size, way)
            inputs = [tensors[number] for number in step.inputs]
            tensors[step.output] = layers[step.layer](inputs[0] if len(inputs) == 1 else inputs)
        return K.Model(images, tensors[plan.output]), layers
    except plans.Refused:
        raise
    except Exception as error:
        raise plans.Refused("Keras does not build it: {}".format(error)) from error


def ahead(plan, channels, weights):
    """All of the model behind the Lambda, with its weights, for images of any size; None: it must wait.

    Most of the work can so be done before anybody knows what the Lambda does.
    """
    first, others = plan.steps[0], plan.steps[1:]
    resizes = [place for place, layer in enumerate(plan.layers) if layer.kind == "resize"]
    if resizes != [first.layer] or any(0 in step.inputs or step.layer == first.layer for step in others):
        return None
    try:
        model, layers = build(plan, (None, None, channels), None, None)
        set_weights(plan, layers, weights)
    except plans.Refused:
        return None
    return model


def behind(model, shape, size, way):
    """The model for images of ``shape`` that are resized first."""
    import tensorflow.keras as K

    images = K.Input(tuple(shape))
    return K.Model(images, model(_own(lambda inputs: resized(inputs, size, way))(images)))


def set_weights(plan, layers, weights):
    """Give each layer its weights: (outermost layer, name, array), in the file's order.

    Raises plans.Refused where they are not exactly those that the layers want.
    """
    waiting = _by_layer(plan, weights)
    for place, layer in layers.items():
        about = plan.layers[place]
        arrays = waiting.pop(place, [])
        if [array.shape for array in arrays] != [tuple(weight.shape) for weight in layer.weights]:
            raise plans.Refused("the weights of {} are not those that it wants".format(about.name[:60]))
        if not arrays:
            continue
        layer.set_weights(arrays)
        if about.kind == "Normalization" and hasattr(layer, "finalize_state"):
            layer.finalize_state()
    if any(plan.layers[place].kind != "identity" for place in waiting):
        raise plans.Refused("weights of a layer that the model does not use")


def _by_layer(plan, weights):
    """Weights by the places of their layers.

    In a model in the model all weights lie together, first those that learn: a name ends with the layer's.
    """
    groups = {}
    for place, layer in enumerate(plan.layers):
        groups.setdefault(layer.group, {}).setdefault(layer.name, []).append(place)
    found = {}
    for group, name, array in weights:
        members = groups.get(group, {})
        if list(members) == [group]:
            places = members[group]
        else:
            parts = name.split("/")
            places = members.get(parts[-2] if len(parts) > 1 else "", [])
        if len(places) != 1:
            raise plans.Refused("weights ({}) that belong to no layer for sure".format(name[:60]))
        found.setdefault(places[0], []).append(array)
    return found


def _layer(about, size, way):
    """One layer of the plan."""
    import tensorflow as tf
    import tensorflow.keras as K

    if about.kind == "resize":
        return _own(lambda inputs: inputs if way is None else resized(inputs, size, way))
    if about.kind == "scaled":
        return _own(lambda inputs: inputs[0] + inputs[1] * about.settings["scale"])
    if about.kind == "arithmetic":
        operation = {
            "add": tf.math.add,
            "subtract": tf.math.subtract,
            "multiply": tf.math.multiply,
            "divide": tf.math.truediv,
        }[about.settings["operation"]]
        constant = about.settings["constant"]
        if constant is None:
            return _own(lambda inputs: operation(inputs[0], inputs[1]))
        return _own(lambda inputs: operation(inputs, tf.cast(constant, inputs.dtype)))
    options = dict(about.settings)
    options.update((kernel + "_initializer", "zeros") for kernel in DRAWN.get(about.kind, ()))
    if about.dtype != "float32":
        options["dtype"] = K.mixed_precision.Policy(about.dtype)
    layer = getattr(K.layers, about.kind)(**options)
    if about.others:
        # Later versions of Keras have more settings; what a layer has by itself needs no word of ours.
        own = json.loads(json.dumps(layer.get_config(), default=str))
        for key, value in about.others.items():
            if key not in own or own[key] != value:
                raise plans.Refused("the setting {} of {}".format(key[:60], about.name[:60]))
    return layer


def _own(function):
    """A layer of ours that computes a function of tensors."""
    import tensorflow.keras as K

    class Own(K.layers.Layer):
        """Computes what no stock layer does."""

        def call(self, inputs):
            return function(inputs)

    return Own()
