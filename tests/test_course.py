"""The course's own ``0-main.py``, word for word, prints the accuracy that we count.

Outside the product: the model is our own, so it may have the true labels of all 10,000 images.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from checker.stages.course_main import COURSE_MAIN
from tests import fixtures_run, official_data

REPOSITORY = Path(__file__).resolve().parent.parent
# Answers load_data with the images of an .npz, then runs the script as it stands.
LAUNCHER = """
import runpy, sys
import numpy as np
import tensorflow.keras as K
data = np.load(sys.argv[1])
parts = (data["x_train"][:1], data["y_train"][:1]), (data["x_test"], data["y_test"])
K.datasets.cifar10.load_data = lambda: parts
sys.path.insert(0, ".")
runpy.run_path("0-main.py", run_name="__main__")
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tensorflow,
    official_data.needs_all_images,
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of CIFAR-10 as an .npz."""
    return official_data.all_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=["passing", "falls-short"])
def submission(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real submission."""
    return fixtures_run.made(request.param, tmp_path_factory.mktemp("made") / request.param)


@pytest.fixture(scope="module")
def exact(submission: Path, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    """Our result on all images."""
    scratch = tmp_path_factory.mktemp("exact")
    return fixtures_run.result(submission, scratch, "--exact", "--images", str(images))


def course_script(submission: Path, images: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the course's script as it stands in a copy of the submission."""
    shutil.copytree(str(submission), str(folder))
    shutil.copyfile(str(COURSE_MAIN), str(folder / "0-main.py"))
    return subprocess.run(
        [fixtures_run.PYTHON, "-c", LAUNCHER, str(images)],
        cwd=str(folder),
        env=dict(os.environ, CUDA_VISIBLE_DEVICES="-1"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_script_is_the_courses_own() -> None:
    task = REPOSITORY.parent / "shared" / "course" / "task.md"
    assert COURSE_MAIN.read_text() in task.read_text()


def test_exact_accuracy_is_what_0_main_prints(
    submission: Path, exact: Dict[str, Any], images: Path, tmp_path: Path
) -> None:
    accuracy = exact["accuracy"]
    assert accuracy["decided_by"] == "all"
    assert accuracy["seen"] == accuracy["total"] == 10000
    assert exact["images"]["name"] == "the CIFAR-10 test set"
    done = course_script(submission, images, tmp_path / "folder")
    if fixtures_run.environment() == "tfnew":
        # Keras 3 has no K.backend.learning_phase: the course's script ends before it loads anything.
        assert "has no attribute 'learning_phase'" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    printed = re.findall(r"acc(?:uracy)?: ([0-9.]+)", done.stdout)[-1]
    assert printed == "{:.4f}".format(accuracy["correct"] / accuracy["seen"])


def test_sequence_agrees_and_sees_fewer(
    submission: Path, exact: Dict[str, Any], images: Path, tmp_path: Path
) -> None:
    found = fixtures_run.result(submission, tmp_path, "--images", str(images))
    accuracy = found["accuracy"]
    assert accuracy["decided_by"] == "sequence"
    assert accuracy["seen"] < 10000
    assert accuracy["meets"] == exact["accuracy"]["meets"]
    assert accuracy["low"] <= exact["accuracy"]["correct"] / 10000 <= accuracy["high"]
    assert found["exit_code"] == exact["exit_code"]


def test_the_labels_that_a_probe_gets_are_decoys(images: Path) -> None:
    """What the script's process is given are decoys: drawn apart from the images, apart from the truth."""
    from checker import checks, drawing, editions
    from checker.datasets import sources

    edition = editions.load(editions.DEFAULT, checks.every())
    found = sources.candidates(str(images), {}, edition)
    drawn = drawing.draw(found, edition, seed=3, few=40)
    decoys = drawn.decoys["all"]
    # Chance alone: a tenth, within four standard deviations.
    assert abs((decoys == drawn.labels).mean() - 0.1) < 0.012
    assert {call.labels for call in drawn.calls(40)} == {"labels-" + name for name in drawn.decoys}
