"""Read the structure of a model file without Keras: nothing that it holds is run.

Seen: no submitted code runs here. h5py only; the weights themselves are not read.
"""

from __future__ import annotations

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

sys.path.pop(0)

MAX_ATTRIBUTE = 64_000_000
MAX_LAYERS = 5_000


def text(value):
    """An HDF5 attribute as text; Keras has written bytes and str."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value)


def attribute(group, name):
    """One attribute as text, "" where it is not there or is larger than a model's could be."""
    import h5py

    if name not in group.attrs:
        return ""
    identity = h5py.h5a.open(group.id, name.encode())
    if identity.get_storage_size() > MAX_ATTRIBUTE:
        return ""
    return text(group.attrs[name])


def layers(config):
    """Every layer of a model's configuration, nested models opened: (depth, class, config)."""
    stack = [(0, config)]
    count = 0
    while stack and count < MAX_LAYERS:
        depth, node = stack.pop()
        if not isinstance(node, dict):
            continue
        inner = node.get("config")
        count += 1
        if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
            stack += [(depth + 1, layer) for layer in reversed(inner["layers"])]
            if depth:
                yield depth, str(node.get("class_name", "")), inner
            continue
        if isinstance(inner, list):
            # A Sequential of Keras 2.2 and earlier is a plain list of layers.
            stack += [(depth + 1, layer) for layer in reversed(inner)]
            continue
        yield depth, str(node.get("class_name", "")), inner if isinstance(inner, dict) else {}


def identifier(value):
    """Name of a loss or an optimizer out of what Keras writes for it."""
    if isinstance(value, dict):
        inner = value.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        return str(value.get("class_name") or name or json.dumps(value)[:200])
    return str(value) if isinstance(value, str) else json.dumps(value)[:200] if value else ""


def report_model(channel, text_of_config):
    """The layers that matter for the course's hints, and what would run code on loading."""
    try:
        config = json.loads(text_of_config)
    except (ValueError, RecursionError):
        channel.fact("model_config", readable=False)
        return
    found = list(layers(config))
    # The same settings nested in a model count for it alone: containers are not layers to freeze.
    leaves = [item for item in found if "layers" not in item[2]]
    inner = [item for item in leaves if item[1] != "InputLayer"]
    frozen_models = sum(
        len(item[2]["layers"]) for item in found if "layers" in item[2] and item[2].get("trainable") is False
    )
    lambdas = [item for item in leaves if item[1] == "Lambda"]
    channel.fact(
        "model_config",
        readable=True,
        layers=len(inner),
        frozen=max(sum(item[2].get("trainable") is False for item in inner), frozen_models),
        first=inner[0][1] if inner else "",
        lambdas=[
            {
                "name": wire.short(item[2].get("name", ""), 100),
                "module": wire.short(item[2].get("module") or "", 100),
            }
            for item in lambdas[:50]
        ],
        operations=sorted(
            {
                wire.short(item[2].get("function", ""), 100)
                for item in leaves
                if item[1] in ("TFOpLambda", "TensorFlowOpLayer")
            }
        )[:50],
    )


def weights_alone(stream):
    """Whether ``save_weights`` wrote the file: Keras 2 notes the layers' names, Keras 3 groups them."""
    return "layer_names" in stream.attrs or ("layers" in stream and "vars" in stream)


def slots(stream):
    """How many variables of the optimizer were saved."""
    group = stream.get("optimizer_weights")
    if group is None:
        return 0
    # Keras splits a long list: weight_names0, weight_names1, ...
    return sum(len(group.attrs[name]) for name in group.attrs if name.startswith("weight_names"))


def main(channel, settings):
    """Report what kind of file it is, who wrote it, and what the model is made of."""
    path = os.path.join(settings["inputs"], settings["model"])
    import h5py

    try:
        stream = h5py.File(path, "r")
    except Exception as error:
        channel.fact("hdf5", readable=False, error=wire.describe(error))
        return
    with stream:
        config = attribute(stream, "model_config")
        training = attribute(stream, "training_config")
        channel.fact(
            "hdf5",
            readable=True,
            error=None,
            keras_version=wire.short(attribute(stream, "keras_version"), 50),
            has_model=bool(config),
            weights_only=weights_alone(stream) and not config,
            has_training=bool(training),
            slots=slots(stream),
        )
    if training:
        try:
            values = json.loads(training)
        except (ValueError, RecursionError):
            values = {}
        values = values if isinstance(values, dict) else {}
        channel.fact(
            "training",
            optimizer=wire.short(identifier(values.get("optimizer_config")), 100),
            loss=wire.short(identifier(values.get("loss")), 200),
        )
    if config:
        report_model(channel, config)


if __name__ == "__main__":
    wire.run(main)
