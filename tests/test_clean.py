"""The clean evaluation: what a model's own weights do in stock layers decides, whatever else there is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest

from checker import company, run
from checker.options import Options, look
from checker.progress import Observer
from fixtures import make
from tests import fixtures_run

MODELS = Path(__file__).resolve().parent / "clean_models.py"

pytestmark = pytest.mark.tensorflow


def checked(variant: str, scratch: Path, *arguments: str) -> Dict[str, Any]:
    """The result of the passing fixture with one of our models in place of its own."""
    folder = fixtures_run.made("passing", scratch / "submission")
    put(variant, folder / "cifar10.h5")
    return fixtures_run.result(folder, scratch, *arguments)


def put(variant: str, path: Path) -> None:
    """Make one of our models in place of another."""
    path.unlink()
    line = [fixtures_run.PYTHON, MODELS, make.PASSING_SCRIPT, make.PASSING / "weights.npz", variant, path]
    subprocess.run(list(map(str, line)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def accuracy_flags(result: Dict[str, Any]) -> Tuple[str, ...]:
    """The flags beside the accuracy."""
    (check,) = [check for check in result["checks"] if check["name"] == "accuracy"]
    return tuple(flag["found"] for flag in check["flags"])


def rebuilt_with(result: Dict[str, Any]) -> str:
    """What the facts say of the model rebuilt; "" where it was not."""
    return "".join(fact["value"] for fact in result["facts"] if fact["name"] == "rebuilt with")


def test_the_passing_model_is_clean_and_counts_the_same(tmp_path: Path) -> None:
    result = fixtures_run.result(fixtures_run.made("passing", tmp_path / "s"), tmp_path)
    found = result["accuracy"]
    assert (found["evaluation"], found["opaque_because"]) == ("clean", "")
    assert (found["correct"], found["seen"], found["total"]) == (941, 1000, 1000)
    assert accuracy_flags(result) == ()
    said = rebuilt_with(result)
    assert "the mode tf; images bilinear to 96 x 96" in said
    assert said.endswith(" 0 of another class")
    endings = {stage["name"]: stage["ending"] for stage in result["stages"]}
    # The model as handed in need not score what the other one scores.
    assert (endings["clean"], endings["model"]) == ("finished", "stopped")


@pytest.mark.each
@pytest.mark.parametrize("variant", ["nested", "sequential"])
def test_a_network_in_the_model_is_clean(variant: str, tmp_path: Path) -> None:
    result = checked(variant, tmp_path)
    assert result["accuracy"] is not None, [check["reason"] for check in result["checks"] if check["reason"]]
    assert result["accuracy"]["evaluation"] == "clean", result["accuracy"]
    assert "images bilinear to 96 x 96" in rebuilt_with(result)
    assert result["accuracy"]["correct"] == 941
    assert accuracy_flags(result) == ()


@pytest.mark.each
def test_layers_without_a_lambda_are_clean(tmp_path: Path) -> None:
    result = fixtures_run.result(fixtures_run.made("no-hints", tmp_path / "s"), tmp_path)
    assert result["accuracy"]["evaluation"] == "clean", result["accuracy"]
    assert "images as they are" in rebuilt_with(result)
    assert result["accuracy"]["correct"] == 941


def test_what_is_scored_beyond_the_decision_is_at_most_a_batch(tmp_path: Path) -> None:
    folder = fixtures_run.made("passing", tmp_path / "s")
    put("prints", folder / "cifar10.h5")
    edition = fixtures_run.edition_with({"test_images": 1000, "error_rate": 0.001}, tmp_path)
    asked = Options(str(folder), str(edition), python=fixtures_run.PYTHON, images="embedded", seed=7)
    result, evidence = run.examine(asked, look(asked, os.environ), os.environ, Observer())
    found = result.accuracy
    assert found is not None, [check.reason for check in result.checks if check.reason]
    assert (found.evaluation, found.decided_by) == ("opaque", "sequence")
    printed = evidence.model().run.errors.decode()
    sizes = [int(size) for size in re.findall(r"batch of (\d+)", printed)]
    scored = [size for size in sizes if size >= 32]  # fewer are looked at before all are scored
    order = company.order(found.total, 7)
    needed = int(np.flatnonzero(~order.again)[found.seen - 1]) + 1
    deciding = next(number for number in range(len(scored)) if sum(scored[: number + 1]) >= needed)
    assert len(scored) - 1 - deciding in (0, 1)


@pytest.mark.each
@pytest.mark.parametrize(("variant", "passes"), [("negative", True), ("constant", False)])
def test_a_lambda_that_does_more_than_resize_is_opaque(variant: str, passes: bool, tmp_path: Path) -> None:
    result = checked(variant, tmp_path)
    found = result["accuracy"]
    assert found["evaluation"] == "opaque"
    assert "no plain resize" in found["opaque_because"]
    assert found["seen"] == 1000
    assert found["meets"] is passes
    assert rebuilt_with(result) == ""


@pytest.mark.parametrize("variant", ["negative_elsewhere", "patches"])
def test_a_model_that_is_better_than_its_weights_gains_nothing(variant: str, tmp_path: Path) -> None:
    result = checked(variant, tmp_path)
    found = result["accuracy"]
    assert found["evaluation"] == "clean", found
    assert found["meets"] is False
    assert found["correct"] < 800
    (flag,) = accuracy_flags(result)
    assert "scores otherwise than its own weights" in flag
    assert result["exit_code"] == 1


def test_without_the_clean_evaluation_it_would_have_passed(tmp_path: Path) -> None:
    # The same model, where X_p is shifted by a hair: opaque, and the model as handed in counts.
    folder = fixtures_run.made("passing", tmp_path / "submission")
    script = folder / "0-transfer.py"
    old = "preprocess_input(X.astype('float32'))"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, old + " + 0.001"))
    put("patches", folder / "cifar10.h5")
    result = fixtures_run.result(folder, tmp_path)
    assert result["accuracy"]["evaluation"] == "opaque"
    assert "X_p is not what a preprocess_input of Keras gives" in result["accuracy"]["opaque_because"]
    assert result["accuracy"]["meets"] is True


@pytest.mark.each
def test_a_lambda_of_another_python_is_guessed_at_and_decides_nothing(tmp_path: Path) -> None:
    result = checked("other_python", tmp_path)
    assert result["accuracy"] is None
    (fact,) = [fact["value"] for fact in result["facts"] if fact["name"] == "rebuilt by a guess"]
    assert "94.1% of 1,000 images" in fact
    assert "bilinear to 96 x 96" in fact
    assert result["verdict"] != "meets the assignment"


def test_all_images_are_scored_clean_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = fixtures_run.made("passing", tmp_path / "s")
    result = fixtures_run.result(folder, tmp_path, "--exact", "--with-main")
    assert result["accuracy"]["evaluation"] == "clean"
    assert result["accuracy"]["seen"] == 1000
    (main,) = [fact["value"] for fact in result["facts"] if fact["name"].startswith("0-main.py, with")]
    if fixtures_run.environment() != "tfnew":
        assert "1,000 scores" in main
        assert main.endswith(", equal")
