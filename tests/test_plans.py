"""What a clean model may be made of: anything that is not stock and plain is refused, with the reason."""

from __future__ import annotations

import copy
import random
from typing import Any, Dict, List, Tuple

import pytest

from checker.probes import plans

SHAPE = (32, 32, 3)


def layer(kind: str, name: str, *inputs: str, **config: Any) -> Dict[str, Any]:
    """A layer as Keras 2 describes it, called once."""
    nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def model(*layers: Dict[str, Any]) -> Dict[str, Any]:
    """A Functional model of layers between one input and one output."""
    images = layer("InputLayer", "images", batch_input_shape=[None, *SHAPE], dtype="float32")
    inside = {
        "name": "model",
        "layers": [images, *copy.deepcopy(layers)],
        "input_layers": [["images", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    return {"class_name": "Functional", "config": inside}


RESIZE = layer("Lambda", "resize", "images", function=["code", None, None], arguments={})
CONV = layer("Conv2D", "conv", "resize", filters=8, kernel_size=[3, 3], activation="relu", name_more=None)
DENSE = layer("Dense", "dense", "conv", units=10, activation="softmax", kernel_initializer={"any": "thing"})


def kinds(plan: Any) -> List[str]:
    """The layers in the order in which they run."""
    return [plan.layers[step.layer].kind for step in plan.steps]


def test_a_plan_names_stock_layers_and_plain_settings() -> None:
    plan = plans.read(model(RESIZE, CONV, DENSE), SHAPE)
    assert kinds(plan) == ["resize", "Conv2D", "Dense"]
    assert plan.layers[1].settings == {"filters": 8, "kernel_size": [3, 3], "activation": "relu"}
    # Neither the Lambda's code nor an initializer goes on.
    assert "code" not in repr(plan)
    assert "thing" not in repr(plan)


def test_the_order_is_found_whatever_the_file_has() -> None:
    described = model(RESIZE, CONV, DENSE)
    described["config"]["layers"].reverse()
    assert kinds(plans.read(described, SHAPE)) == ["resize", "Conv2D", "Dense"]


def test_a_model_in_the_model_is_opened() -> None:
    inside = model(layer("Conv2D", "deep", "images", filters=4, kernel_size=3), layer("ReLU", "relu", "deep"))
    outer = {**inside, "name": "inside", "inbound_nodes": [[["resize", 0, 0, {"training": False}]]]}
    # Keras 2 counts the calls of a model in the model from 1.
    dense = layer("Dense", "dense", "inside", units=10)
    dense["inbound_nodes"][0][0][1] = 1
    plan = plans.read(model(RESIZE, outer, dense), SHAPE)
    assert kinds(plan) == ["resize", "Conv2D", "ReLU", "Dense"]
    groups = {about.name: about.group for about in plan.layers}
    assert groups == {"resize": "resize", "deep": "inside", "relu": "inside", "dense": "dense"}


def operation(name: str, function: str, source: str, **arguments: Any) -> Dict[str, Any]:
    """An operation of TensorFlow as Keras 2 describes it."""
    return {
        "class_name": "TFOpLambda",
        "name": name,
        "config": {"name": name, "function": function},
        "inbound_nodes": [[source, 0, 0, {**arguments, "name": None}]],
    }


def test_arithmetic_between_layers_is_kept() -> None:
    plan = plans.read(
        model(
            operation("half", "math.truediv", "images", y=2.0),
            operation("both", "__operators__.add", "half", y=["images", 0, 0]),
        ),
        SHAPE,
    )
    assert [(item.settings["operation"], item.settings["constant"]) for item in plan.layers] == [
        ("divide", 2.0),
        ("add", None),
    ]
    assert [step.inputs for step in plan.steps] == [[0], [1, 0]]


def changed(base: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    """A copy of a layer with other keys."""
    return {**copy.deepcopy(base), **more}


def called(base: Dict[str, Any], **arguments: Any) -> Dict[str, Any]:
    """A copy of a layer that is called with arguments."""
    found = copy.deepcopy(base)
    found["inbound_nodes"][0][0][3] = arguments
    return found


REFUSED: Dict[str, Tuple[List[Dict[str, Any]], str]] = {
    "custom class": ([RESIZE, layer("Mine", "mine", "resize")], "a layer of the class Mine"),
    "class in another module": (
        [RESIZE, changed(CONV, module="transfer")],
        "conv is of the module transfer",
    ),
    "registered class": (
        [RESIZE, changed(CONV, registered_name="mine>Conv2D")],
        "conv is registered as mine>Conv2D",
    ),
    "Lambda further on": (
        [RESIZE, CONV, layer("Lambda", "late", "conv", arguments={})],
        "not right behind the images",
    ),
    "two Lambdas": (
        [RESIZE, layer("Lambda", "again", "images", arguments={}), layer("Add", "add", "resize", "again")],
        "more than one Lambda",
    ),
    "reads a file": (
        [operation("read", "io.read_file", "images")],
        "the operation io.read_file of TensorFlow",
    ),
    "vocabulary": (
        [layer("StringLookup", "look", "images", vocabulary="/etc/passwd")],
        "a layer of the class StringLookup",
    ),
    "activation of its own": (
        [RESIZE, layer("Dense", "dense", "resize", units=10, activation={"class_name": "function"})],
        "activation of dense",
    ),
    "activation that is none": (
        [RESIZE, layer("Dense", "dense", "resize", units=10, activation="deserialize")],
        "activation of dense",
    ),
    "setting that is an object": (
        [RESIZE, layer("Conv2D", "conv", "resize", filters={"class_name": "x"}, kernel_size=3)],
        "filters of conv",
    ),
    "for ever in training": (
        [RESIZE, called(layer("BatchNormalization", "norm", "resize"), training=True)],
        "norm is called with training",
    ),
    "in a circle": (
        [layer("ReLU", "one", "two"), layer("ReLU", "two", "one")],
        "layers that wait for each other",
    ),
    "a type of another kind": ([RESIZE, layer("ReLU", "relu", "resize", dtype="string")], "relu computes in"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_it_refuses(name: str) -> None:
    layers, words = REFUSED[name]
    with pytest.raises(plans.Refused) as caught:
        plans.read(model(*layers), SHAPE)
    assert words in str(caught.value)


def test_a_setting_that_it_does_not_know_is_left_to_be_compared() -> None:
    plan = plans.read(model(RESIZE, layer("ReLU", "relu", "resize", surprise=7)), SHAPE)
    assert plan.layers[1].others == {"surprise": 7}


def test_models_nested_too_deep_are_refused() -> None:
    inside = model(layer("ReLU", "relu", "images"))
    for _ in range(20):
        inside = model({**inside, "name": "inside", "inbound_nodes": [[["images", 0, 0, {}]]]})
    with pytest.raises(plans.Refused, match="too much"):
        plans.read(inside, SHAPE)


JUNK: List[Any] = [None, True, -1, 2**70, 1.5, float("nan"), "", "images", [], [[]], {}, {"config": {}}]
JUNK += [[["images", 0, 0]]]


def test_whatever_a_description_is_it_is_read_or_refused() -> None:
    generator = random.Random(6)
    base = model(RESIZE, CONV, operation("half", "math.truediv", "conv", y=2.0), DENSE)
    refused = 0
    for _ in range(3000):
        described = copy.deepcopy(base)
        for _ in range(generator.randint(1, 3)):
            spoil(described, generator)
        try:
            plan = plans.read(described, SHAPE)
        except plans.Refused:
            refused += 1
            continue
        known = {*plans.LAYERS, "identity", "resize", "scaled", "arithmetic"}
        assert {about.kind for about in plan.layers} <= known
    assert 300 < refused < 3000


def spoil(described: Any, generator: random.Random) -> None:
    """Put junk in one place."""
    places = list(inside(described))
    node, key = generator.choice(places)
    node[key] = copy.deepcopy(generator.choice(JUNK))


def inside(node: Any) -> Any:
    """Every place in a description that can be replaced."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from inside(value)
