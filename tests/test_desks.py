"""The same submission at different desks: without TensorFlow, without bubblewrap, other images."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator, Optional

import numpy as np
import pytest

from checker.datasets import embedded
from checker.sandbox import landlock
from tests import fixtures_run, program

pytestmark = pytest.mark.tensorflow

WITHOUT_BUBBLEWRAP = "landlock" if landlock.version() >= landlock.NEEDED else "limits"


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The passing fixture."""
    return fixtures_run.made("passing", tmp_path_factory.mktemp("made") / "passing")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without any package."""
    return program.bare_python(tmp_path_factory.mktemp("bare") / "venv")


def programs_but(name: str, folder: Path) -> Iterator[str]:
    """Make a folder of links to every program on PATH, one name left out."""
    for place in os.environ["PATH"].split(os.pathsep):
        for path in Path(place).glob("*"):
            link = folder / path.name
            if path.name != name and not link.exists():
                link.symlink_to(path)
    yield str(folder)


def test_without_tensorflow_nothing_is_decided_and_the_cure_is_named(
    passing: Path, bare_python: Path, tmp_path: Path
) -> None:
    done = program.check(tmp_path, passing, "--python", str(bare_python))
    assert done.code == 3
    assert done.result is not None
    statuses = {check["status"] for check in done.result["checks"]}
    assert statuses == {"passed", "blocked"}
    assert done.check("style")["status"] == "passed"
    assert "pip install 'tensorflow==2.6.*'" in done.said("accuracy")
    assert "could not decide" in done.out


def test_the_active_environment_is_the_submissions_interpreter(
    passing: Path, bare_python: Path, tmp_path: Path
) -> None:
    variables = {"VIRTUAL_ENV": str(bare_python.parent.parent)}
    found = program.check(tmp_path, passing, "--quick", variables=variables).result
    assert found is not None
    assert found["interpreter"]["executable"] == str(bare_python)
    assert found["interpreter"]["named_by"] == "the active virtual environment"


@pytest.mark.each
@pytest.mark.parametrize("images", [None, "few"])
def test_without_bubblewrap_the_verdict_is_the_same(
    passing: Path, tmp_path: Path, images: Optional[str]
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    path = next(programs_but("bwrap", folder))
    arguments = ["--python", fixtures_run.PYTHON, "--assignment", fixtures_run.assignment()]
    if images:
        # Too few to decide: what would decide it is said.
        pictures, labels = embedded.unpack(embedded.EMBEDDED.read_bytes())
        np.savez(str(tmp_path / "few.npz"), x_test=pictures[:100], y_test=labels[:100])
        arguments += ["--images", str(tmp_path / "few.npz")]
    done = program.check(tmp_path, passing, *arguments, variables={"PATH": path}, timeout=300)
    assert done.result is not None
    assert done.result["isolation"]["level"] == WITHOUT_BUBBLEWRAP
    assert done.result["isolation"]["detail"].startswith("bubblewrap is not installed")
    others = [check["status"] for check in done.result["checks"] if check["name"] != "accuracy"]
    assert set(others) == {"passed"}
    assert done.result["accuracy"]["decided_by"] == ("open" if images else "sample")
    assert done.code == (3 if images else 0)
    if images:
        assert "All 10,000 test images decide it" in done.said("accuracy")


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_behind_walls_where_bubblewrap_works(tmp_path: Path) -> None:
    found = program.check(tmp_path, "--quick", program.submission(tmp_path / "s")).result
    assert found is not None
    assert found["isolation"] == {"level": "bubblewrap", "detail": ""}
