"""Any Keras application can be regenerated, or says why not: the cut between what is frozen and trained."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest

from checker import reference
from checker.regenerate import plans
from tests import fixtures_run
from tests.test_regenerate import images, refused, regenerate
from tests.test_solution import HERE, run

# No single tensor enters their second half, or they have layers that load_model does not know by itself.
OLD = {"MobileNetV3Large", "MobileNetV3Small", "NASNetLarge", "NASNetMobile"}
NEWER = {"InceptionResNetV2", *("ConvNeXt" + size for size in ("Tiny", "Small", "Base", "Large", "XLarge"))}
SIZES = ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")
REGNET = {"RegNet" + kind + size for kind in "XY" for size in SIZES}  # Keras 2.15 alone has it
REFUSED = {"tf26": OLD, "tf215": OLD | NEWER | REGNET, "tfnew": OLD | NEWER}


def facts(scratch: Path) -> Dict[str, Any]:
    """How each application of the TensorFlow under test is cut."""
    named, out = scratch / "cuts.json", scratch / "facts.json"
    named.write_text(json.dumps({name: plan.cut for name, plan in plans.PLANS.items()}))
    run(scratch, HERE / "applications_facts.py", reference.FOLDER / "0-transfer.py", named, out)
    found: Dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.timeout(1500)
def test_every_application_is_cut_in_parts_that_are_the_whole(tmp_path: Path) -> None:
    every = facts(tmp_path)
    assert set(plans.PLANS) <= set(every)
    assert len(every) >= 28
    assert {name for name, found in every.items() if "cut" not in found} == REFUSED[
        fixtures_run.environment()
    ]
    compared = 0
    for name, found in every.items():
        if "cut" not in found:
            continue
        assert found["preprocess"], name
        assert found["frozen"] == found["before"], name
        assert 0.5 <= len(found["frozen"]) / found["layers"] < 0.97, name
        assert len(found["features"]) == 3, name
        assert len(found["vectors"]) == 1, name
        whole, *parts = found["counts"]
        assert whole == sum(parts), name
        assert all(parts), name
        if name not in plans.PLANS:
            assert found["cut"] == found["rule"], name
            assert parts[1] >= 0.2 * (parts[0] + parts[1]), name
        if "difference" in found:
            compared += 1
            assert found["spread"] > 1e-6, name  # else equality would say little
            assert found["difference"] < 1e-3 * found["spread"], name
    assert compared >= 20


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("--application", "ResNet"),
            2,
            ("--application ResNet: expected an application of Keras; TensorFlow", "ResNet50"),
        ),
        (
            ("--application", "NASNetMobile"),
            3,
            ("expected a layer in its second half at which one tensor alone",),
        ),
        (
            ("--application", "MobileNetV3Small"),
            3,
            ("--application MobileNetV3Small: expected layers of Keras that every program can load; in",),
        ),
    ],
)
def test_an_application_that_does_not_fit_is_refused(
    tmp_path: Path, arguments: Any, code: int, words: Tuple[str, ...]
) -> None:
    more = ("--out", "made", "--images", str(images(tmp_path)))
    said = refused(regenerate(tmp_path, *arguments, *more, "--python", fixtures_run.PYTHON), code)
    for part in words:
        assert part in said
    assert not list((tmp_path / "made" / "work").glob("*.npy"))


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.each
def test_one_that_is_not_listed_goes_through_every_stage(tmp_path: Path) -> None:
    edition = fixtures_run.assignment()
    done = regenerate(
        tmp_path, "--recipe", "smoke", "--application", "MobileNet", "--out", "made", "--assignment", edition
    )
    assert done.returncode == 0, done.stdout + done.stderr
    script = (tmp_path / "made" / "0-transfer.py").read_text()
    assert "APPLICATION = K.applications.MobileNet\n" in script
    assert "PREPROCESS = K.applications.mobilenet.preprocess_input\n" in script
    record = json.loads((tmp_path / "made" / "record.json").read_text())
    assert record["cut"] == "conv_pw_13"
    assert record["stages"][0]["name"] == "Looking for a layer to cut at"
    result = json.loads((tmp_path / "made" / "result.json").read_text())
    assert {check["name"] for check in result["checks"] if check["status"] != "passed"} <= {"accuracy"}


# The rule, and what goes over from one version to another, on layers that are none


def layer(name: str, given: str, *taken: str, weights: int = 1) -> Any:
    """A layer as the rule sees it; tensors are named, and each is one object."""
    tensors = [TENSORS.setdefault(one, object()) for one in taken]
    return SimpleNamespace(
        name=name,
        input=tensors if len(tensors) > 1 else tensors[0],
        output=TENSORS.setdefault(given, object()),
        count_params=lambda: weights,
    )


TENSORS: Dict[str, object] = {}
BRANCHES = [
    layer("a", "A", "images"),
    layer("b", "B", "A"),
    layer("c", "C", "B"),
    layer("d", "D", "C"),
    layer("add", "E", "B", "D", weights=0),  # a second branch begins at B
    layer("e", "F", "E"),
    layer("pool", "G", "F", weights=0),
]


def test_one_tensor_alone_goes_over_at_a_candidate() -> None:
    import cuts

    names = [BRANCHES[index].name for index in cuts.candidates(BRANCHES)]
    assert names == ["a", "b", "c", "e", "pool"]  # at d, B and C go over; at add, two tensors do


@pytest.mark.parametrize(
    ("weights", "cut"),
    [
        ([1, 1, 1, 1, 0, 1, 0], "e"),
        ([9, 1, 1, 1, 0, 2, 0], None),  # too few weights from e on, and c lies in the first half
        ([0, 0, 0, 0, 0, 0, 1], "pool"),
    ],
)
def test_the_last_layer_with_a_fifth_of_the_weights_is_taken(weights: List[int], cut: Any) -> None:
    import cuts

    layers = [
        SimpleNamespace(name=one.name, input=one.input, output=one.output, count_params=lambda n=count: n)
        for one, count in zip(BRANCHES, weights)
    ]
    assert cuts.default(layers) == cut


class Weighted:
    """A layer with weights, or without any."""

    def __init__(self, name: str, *shapes: Any) -> None:
        self.name, self.weights = name, [np.zeros(shape) for shape in shapes]

    def get_weights(self) -> List[np.ndarray]:
        return self.weights

    def set_weights(self, values: List[np.ndarray]) -> None:
        self.weights = values


def test_layers_that_another_version_names_otherwise_get_their_weights() -> None:
    import saving

    trained = [Weighted("conv1_conv", (3,)), Weighted("resize"), Weighted("bn", (2,)), Weighted("x_y", (3,))]
    for number, one in enumerate(trained):
        one.weights = [array + number + 1 for array in one.weights]
    archive = saving.weights_of(SimpleNamespace(layers=trained))
    saved = [Weighted("conv1/conv", (3,)), Weighted("resize"), Weighted("bn", (2,)), Weighted("x/y", (3,))]
    model = SimpleNamespace(layers=saved)
    assert saving.set_weights(model, archive) == []
    assert [one.weights[0][0] for one in saved if one.weights] == [1, 3, 4]
    assert saving.structure(model) == saving.structure(SimpleNamespace(layers=trained))
    more = SimpleNamespace(layers=[*saved, Weighted("rescaling_1")])
    assert saving.structure(more) != saving.structure(model)
    other = SimpleNamespace(layers=[Weighted("conv1/conv", (5,)), *saved[1:], Weighted("new", (1,))])
    assert saving.set_weights(other, archive) == ["conv1/conv", "new"]
