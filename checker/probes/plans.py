"""What a clean model may be made of: stock layers with plain settings, and the order in which they run.

``read`` turns the description that a model file holds into a Plan, or raises Refused with the reason. It
takes nothing from the description but names that stand in the tables below, numbers, and truth values.
Standard library only; any Keras from 2.6 on may have written the description.
"""

from __future__ import annotations

import math
from collections import namedtuple


def _set(words):
    return frozenset(words.split())


# Layers that compute, and the settings of each that bear on its result.
_FORMAT = "data_format "
_CONV = "kernel_size strides padding dilation_rate activation use_bias " + _FORMAT
_POOL = "pool_size strides padding " + _FORMAT
_WHOLE = "keepdims " + _FORMAT
LAYERS = {
    name: _set(settings)
    for name, settings in {
        "Activation": "activation",
        "Add": "",
        "Average": "",
        "AveragePooling2D": _POOL,
        "BatchNormalization": "axis epsilon center scale",
        "Concatenate": "axis",
        "Conv2D": "filters groups " + _CONV,
        "Cropping2D": "cropping " + _FORMAT,
        "Dense": "units activation use_bias",
        "DepthwiseConv2D": "depth_multiplier " + _CONV,
        "ELU": "alpha",
        "Flatten": _FORMAT,
        "GlobalAveragePooling2D": _WHOLE,
        "GlobalMaxPooling2D": _WHOLE,
        "LayerNormalization": "axis epsilon center scale",
        "LeakyReLU": "alpha negative_slope",
        "MaxPooling2D": _POOL,
        "Maximum": "",
        "Minimum": "",
        "Multiply": "",
        "Normalization": "axis mean variance",
        "PReLU": "shared_axes",
        "Permute": "dims",
        "ReLU": "max_value negative_slope threshold",
        "Rescaling": "scale offset",
        "Reshape": "target_shape",
        "Resizing": "height width interpolation",
        "SeparableConv2D": "filters depth_multiplier " + _CONV,
        "Softmax": "axis",
        "Subtract": "",
        "UpSampling2D": "size interpolation " + _FORMAT,
        "ZeroPadding2D": "padding " + _FORMAT,
    }.items()
}
# Layers that hand on what they get where nothing is trained.
IDENTITIES = _set(
    "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D"
    " SpatialDropout2D RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom"
)
MODELS = ("Functional", "Model", "Sequential")
# TensorFlow's operations between layers, as Keras 2 names them, and what they compute.
OPERATIONS = {
    "__operators__.add": "add",
    "math.add": "add",
    "math.subtract": "subtract",
    "math.multiply": "multiply",
    "math.truediv": "divide",
    "math.divide": "divide",
}
ACTIVATIONS = _set(
    "elu exponential gelu hard_sigmoid hard_silu hard_swish leaky_relu linear mish relu relu6 selu sigmoid"
    " silu softmax softplus softsign swish tanh"
)
WORDS = _set("same valid channels_last nearest bilinear bicubic area lanczos3 lanczos5 gaussian")
DTYPES = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
# Settings without a say in what a trained model computes.
_IDLE = _set("name trainable dtype momentum build_input_shape batch_input_shape batch_shape")
_IDLE_ENDS = ("_initializer", "_regularizer", "_constraint")
_MOST_LAYERS, _MOST_NESTED, _MOST_NUMBERS = 5_000, 5, 5_000

# name: in the file; kind: a key of LAYERS, "resize", "scaled" (a + b * scale) or "arithmetic"; others:
# settings that are to be what the layer has by itself; group: the layer of the outermost model it belongs to.
Layer = namedtuple("Layer", "name kind settings others dtype group")
# layer: place in ``layers``; inputs: numbers of tensors; output: the number of its tensor. 0 is the images.
Step = namedtuple("Step", "layer inputs output")
Plan = namedtuple("Plan", "layers steps output")


class Refused(Exception):
    """The model is not made of stock layers alone; its text says why."""


def read(config, shape):
    """The Plan of a model for images of ``shape`` (height, width, channels). Raises Refused."""
    if not isinstance(config, dict) or config.get("class_name") not in MODELS:
        raise Refused("it is no Functional and no Sequential model")
    reader = _Reader(list(shape))
    output = reader.model(config, 0, "", 0)
    return Plan(reader.layers, reader.steps, output)


class _Reader:
    """Collects layers and steps, nested models opened."""

    def __init__(self, shape):
        self.layers, self.steps = [], []
        self._shape, self._tensors, self._resizes, self._outer = shape, 0, 0, ""

    def model(self, config, tensor, group, depth):
        """The tensor that leaves a model which ``tensor`` enters."""
        inner = config.get("config")
        layers = inner.get("layers") if isinstance(inner, dict) else inner
        if depth > _MOST_NESTED or not isinstance(layers, list) or len(layers) > _MOST_LAYERS:
            raise Refused("a model with too much in it")
        if not all(isinstance(layer, dict) and isinstance(layer.get("config"), dict) for layer in layers):
            raise Refused("a layer that is not described as one")
        if config["class_name"] == "Sequential":
            for layer in layers:
                if layer.get("class_name") == "InputLayer":
                    self._input(layer, depth)
                else:
                    tensor = self._call(layer, self._new(layer, group, depth), [tensor], depth)
            return tensor
        if not isinstance(inner, dict):
            raise Refused("a model that is not described as one")
        return self._functional(inner, layers, tensor, group, depth)

    def _functional(self, inner, layers, tensor, group, depth):
        inputs, outputs = _references(inner.get("input_layers")), _references(inner.get("output_layers"))
        if len(inputs) != 1 or len(outputs) != 1:
            raise Refused("a model with several inputs or outputs")
        known, waiting, nested = {}, [], set()
        for layer in layers:
            name = _name(layer)
            if layer.get("class_name") == "InputLayer":
                self._input(layer, depth)
                if name == inputs[0][0]:
                    known[name, 0] = tensor
                continue
            place = self._new(layer, group, depth)
            nodes = layer.get("inbound_nodes")
            if not isinstance(nodes, list) or not 1 <= len(nodes) <= (1 if place is None else 100):
                raise Refused("{} is called in a way that is not known".format(_shown(name)))
            if place is None:
                nested.add(name)
            waiting += [(layer, place, number, _node(layer, node)) for number, node in enumerate(nodes)]
        self._run(waiting, known, nested, depth)
        return _found(known, outputs[0], nested)

    def _run(self, waiting, known, nested, depth):
        """Put calls in an order in which what enters each is there."""
        while waiting:
            left = []
            for layer, place, number, node in waiting:
                needed = [_key(reference, nested) for reference in node[0]]
                if not all(key in known for key in needed):
                    left.append((layer, place, number, node))
                    continue
                tensors = [known[key] for key in needed]
                known[_name(layer), number] = self._call(layer, place, tensors, depth, node[1])
            if len(left) == len(waiting):
                raise Refused("layers that wait for each other")
            waiting = left

    def _input(self, layer, depth):
        config = layer["config"]
        shape = config.get("batch_input_shape", config.get("batch_shape"))
        sides = shape[1:] if isinstance(shape, list) else []
        fits = len(sides) == 3 and all(side in (None, own) for side, own in zip(sides, self._shape))
        if depth == 0 and not fits:
            raise Refused("a model for images of another shape")

    def _new(self, layer, group, depth):
        """The place of a new layer; None for a model in the model."""
        kind, name = layer.get("class_name"), _name(layer)
        _of_keras(layer, name)
        if kind in MODELS:
            return None
        if len(self.layers) >= _MOST_LAYERS:
            raise Refused("more than {:,} layers".format(_MOST_LAYERS))
        kind, settings, others = self._stock(kind, layer["config"], name)
        dtype = _dtype(layer["config"].get("dtype"), name)
        self.layers.append(Layer(name, kind, settings, others, dtype, group or name))
        return len(self.layers) - 1

    def _stock(self, kind, config, name):
        if kind in IDENTITIES:
            return "identity", {}, {}
        if kind == "TFOpLambda":
            operation = config.get("function")
            if not isinstance(operation, str) or operation not in OPERATIONS:
                raise Refused("the operation {} of TensorFlow".format(_shown(operation)))
            return "arithmetic", {"operation": OPERATIONS[operation]}, {}
        if kind == "Lambda":
            # InceptionResNetV2 has Lambdas with this one argument: inputs[0] + inputs[1] * scale.
            arguments = config.get("arguments")
            scale = arguments.get("scale") if isinstance(arguments, dict) and len(arguments) == 1 else None
            return ("scaled", {"scale": scale}, {}) if _is_number(scale) else ("resize", {}, {})
        if kind not in LAYERS:
            raise Refused("a layer of the class {} ({})".format(_shown(kind), _shown(name)))
        return (kind, *_settings(LAYERS[kind], config, name))

    def _call(self, layer, place, tensors, depth, more=None):
        """One call of a layer; returns the number of the tensor that it gives."""
        if place is None:
            if len(tensors) != 1:
                raise Refused("a model in the model that is called with several tensors")
            return self.model(layer, tensors[0], self._group(layer, depth), depth + 1)
        kind, name = self.layers[place].kind, self.layers[place].name
        if kind == "identity":
            return tensors[0]
        if kind == "scaled" and len(tensors) != 2:
            raise Refused("a Lambda ({}) that is no resize".format(_shown(name)))
        if kind == "resize":
            if tensors != [0]:
                raise Refused("a Lambda ({}) that is not right behind the images".format(_shown(name)))
            self._resizes += 1
            if self._resizes > 1:
                raise Refused("more than one Lambda behind the images")
        if kind == "arithmetic":
            self.layers[place] = self.layers[place]._replace(
                settings=dict(self.layers[place].settings, constant=_constant(more, tensors, name))
            )
        self._tensors += 1
        self.steps.append(Step(place, tensors, self._tensors))
        return self._tensors

    def _group(self, layer, depth):
        if depth == 0:
            self._outer = _name(layer)
        return self._outer


def _found(known, reference, nested):
    key = _key(reference, nested)
    if key not in known:
        raise Refused("an output that no layer gives")
    return known[key]


def _key(reference, nested):
    # Keras counts the calls of a model in the model from 1, or from 0; it is called once.
    return (reference[0], 0) if reference[0] in nested else reference


def _references(value):
    """Tensors by layer and call: Keras 3 writes one that stands alone without a list around it."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list):
        raise Refused("inputs or outputs that are not described as such")
    return [_reference(item) for item in value]


def _reference(value):
    if not (isinstance(value, list) and 3 <= len(value) <= 4 and isinstance(value[0], str)):
        raise Refused("a tensor that is not described as one")
    if type(value[1]) is not int or value[2] != 0:
        raise Refused("a layer with several outputs")
    return value[0], value[1]


def _node(layer, node):
    """One call of a layer: the tensors that enter it, and its second argument where that is no tensor."""
    name = _name(layer)
    if isinstance(node, dict):
        return _node_of_keras_3(node, name)
    if not isinstance(node, list) or not node:
        raise Refused("{} is called in a way that is not known".format(_shown(name)))
    references, more = [], None
    for item in [node] if isinstance(node[0], str) else node:
        references.append(_reference(item))
        arguments = item[3] if len(item) > 3 else {}
        if not isinstance(arguments, dict):
            raise Refused("{} is called in a way that is not known".format(_shown(name)))
        if layer.get("class_name") == "TFOpLambda" and "y" in arguments:
            more = arguments["y"]
            arguments = {key: value for key, value in arguments.items() if key != "y"}
        _idle_arguments(arguments, name)
    if isinstance(more, list) and more and isinstance(more[0], str):
        references.append(_reference(more))
        more = None
    return references, more


def _node_of_keras_3(node, name):
    arguments, more = node.get("args"), node.get("kwargs")
    if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(more, dict):
        raise Refused("{} is called in a way that is not known".format(_shown(name)))
    _idle_arguments(more, name)
    references = []
    for tensor in arguments[0] if isinstance(arguments[0], list) else arguments:
        config = tensor.get("config") if isinstance(tensor, dict) else None
        if not isinstance(config, dict) or tensor.get("class_name") != "__keras_tensor__":
            raise Refused("{} is called with something else than tensors".format(_shown(name)))
        references.append(_reference(config.get("keras_history")))
    return references, None


def _idle_arguments(arguments, name):
    """Only arguments of a call that change nothing: a layer may be set to training for ever."""
    for key, value in arguments.items():
        if value not in (None, False) and key != "name":
            raise Refused("{} is called with {}".format(_shown(name), _shown(key)))


def _constant(more, tensors, name):
    """The number, or numbers, that an operation takes beside one tensor; None where it takes two."""
    if len(tensors) == 2 and more is None:
        return None
    if len(tensors) == 1 and more is not None and _is_plain(more) and not isinstance(more, (str, bool)):
        return more
    raise Refused("an operation of TensorFlow ({}) on something else than numbers".format(_shown(name)))


def _settings(known, config, name):
    """The settings that bear on a layer's result, and those that are not known. Raises Refused."""
    found, others = {}, {}
    for key, value in config.items():
        if key in known:
            if key == "activation":
                good = value is None or (isinstance(value, str) and value in ACTIVATIONS)
            else:
                good = _is_plain(value)
            if not good:
                raise Refused("{} of {}: {}".format(key, _shown(name), _shown(value)))
            found[key] = value
        elif not (_idle(key) or value is None or value is False or (key == "groups" and value == 1)):
            others[key] = value
    return found, others


def _idle(key):
    return key in _IDLE or key.endswith(_IDLE_ENDS)


def _is_plain(value):
    """A number, a truth value, nothing, a word of ours, or a list of them, once or twice nested."""
    items = [value]
    for _ in range(4):
        if not any(isinstance(item, list) for item in items):
            break
        items = [part for item in items for part in (item if isinstance(item, list) else [item])]
        if len(items) > _MOST_NUMBERS:
            return False
    return all(
        item is None
        or isinstance(item, bool)
        or _is_number(item)
        or (isinstance(item, str) and item in WORDS)
        for item in items
    )


def _is_number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 2**53 if isinstance(value, int) else math.isfinite(value)


def _dtype(value, name):
    """The name of a layer's type; Keras 3 and mixed precision describe it by an object."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        value = value["config"].get("name")
    if value is None:
        return "float32"
    if not isinstance(value, str) or value not in DTYPES:
        raise Refused("{} computes in {}".format(_shown(name), _shown(value)))
    return value


def _of_keras(layer, name):
    """Raise Refused for a class that only has the name of one of Keras's."""
    module, registered = layer.get("module"), layer.get("registered_name")
    if module is not None and (not isinstance(module, str) or module.split(".")[0] != "keras"):
        raise Refused("{} is of the module {}".format(_shown(name), _shown(module)))
    if registered is not None and registered != layer.get("class_name"):
        raise Refused("{} is registered as {}".format(_shown(name), _shown(registered)))


def _name(layer):
    name = layer.get("name", layer["config"].get("name"))
    if not isinstance(name, str) or not isinstance(layer.get("class_name"), str):
        raise Refused("a layer without a name or a class")
    return name


def _shown(value):
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
