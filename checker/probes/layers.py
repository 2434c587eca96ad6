"""What a model's configuration says of its layers and of its compilation, as the course's hints need it."""

from __future__ import annotations

import json

import wire

MAX_LAYERS = 5_000
_NAMED = 50  # layers that are told by name


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


def facts(config):
    """The layers that matter for the course's hints, counted and named."""
    found = list(layers(config))
    # The same settings nested in a model count for it alone: containers are not layers to freeze.
    leaves = [item for item in found if "layers" not in item[2]]
    inner = [item for item in leaves if item[1] != "InputLayer"]
    frozen_models = sum(
        len(item[2]["layers"]) for item in found if "layers" in item[2] and item[2].get("trainable") is False
    )
    operations = {
        wire.short(item[2].get("function", ""), 100)
        for item in leaves
        if item[1] in ("TFOpLambda", "TensorFlowOpLayer")
    }
    return {
        "layers": len(inner),
        "frozen": max(sum(item[2].get("trainable") is False for item in inner), frozen_models),
        "first": inner[0][1] if inner else "",
        "lambdas": [
            {
                "name": wire.short(item[2].get("name", ""), 100),
                "module": wire.short(item[2].get("module") or "", 100),
            }
            for item in [item for item in leaves if item[1] == "Lambda"][:_NAMED]
        ],
        "operations": sorted(operations)[:_NAMED],
    }


def compilation(values):
    """Optimizer and loss of a compilation that was saved."""
    return {
        "optimizer": wire.short(identifier(values.get("optimizer_config")), 100),
        "loss": wire.short(identifier(values.get("loss")), 200),
    }


def identifier(value):
    """Name of a loss or an optimizer out of what Keras writes for it."""
    if isinstance(value, dict):
        inner = value.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        return str(value.get("class_name") or name or json.dumps(value)[:200])
    return str(value) if isinstance(value, str) else json.dumps(value)[:200] if value else ""
