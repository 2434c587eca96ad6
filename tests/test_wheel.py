"""What is installed: built from the source tree, from an sdist, and as an editable install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import List

import pytest

from tests import program

SOLUTION = program.ROOT / "solution"


def run(cwd: Path, *words: object) -> str:
    """What a command printed; it must not fail."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=str(cwd),
        env=program.environment(cwd, PIP_DISABLE_PIP_VERSION_CHECK="1"),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(what: str, source: Path, target: Path) -> Path:
    """What setuptools builds out of a source tree, as pip asks it to."""
    hook = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])".format(what)
    run(source, sys.executable, "-c", hook, target)
    return next(target.iterdir())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the source tree, links and all: a build leaves its own files behind."""
    folder = tmp_path / "source"
    folder.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "*.h5")
    for name in ("checker", "solution"):
        shutil.copytree(str(program.ROOT / name), str(folder / name), symlinks=True, ignore=leave)
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(str(program.ROOT / name), str(folder / name))
    (folder / "solution" / "cifar10.h5").write_bytes(b"trained in this folder")
    return folder


@pytest.fixture(params=["wheel", "wheel of the sdist", "editable"])
def installed(request: pytest.FixtureRequest, source: Path, tmp_path: Path) -> Path:
    """The Python of a fresh environment in which the package is installed."""
    if request.param == "wheel of the sdist":
        sdist = built("sdist", source, tmp_path / "sdist")
        run(tmp_path, sys.executable, "-m", "tarfile", "-e", sdist)
        source = next(tmp_path.glob("transfer_checker-*"))
    what = "editable" if request.param == "editable" else "wheel"
    package = built(what, source, tmp_path / "built")
    python = program.bare_python(tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index"]
    run(tmp_path, *pip, "--no-deps", package)
    # What the checker depends on is in the environment that runs the tests.
    own = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (own / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


def files(folder: Path) -> List[str]:
    """The files below a folder that are not Python's own or a model."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if path.suffix not in (".pyc", ".h5"))


def test_the_solution_is_in_it_and_can_be_handed_in(installed: Path, tmp_path: Path) -> None:
    where = "from checker import reference; print(reference.FOLDER)"
    folder = Path(run(tmp_path, installed, "-c", where).strip())
    assert tmp_path in folder.parents
    assert files(folder) == files(SOLUTION)
    assert "2024/0-transfer.py" in files(folder)
    for name in files(folder):
        assert (folder / name).read_bytes() == (SOLUTION / name).read_bytes(), name
        assert os.access(str(folder / name), os.X_OK) == name.endswith(".py"), name
    handed_in = tmp_path / "handed-in"
    shutil.copytree(str(folder), str(handed_in))
    (handed_in / "cifar10.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    said = run(tmp_path, installed, "-m", "checker", "check", "--quick", handed_in)
    assert "meets the assignment" in said.splitlines()[-1]


def test_no_model_that_lies_in_the_solution_ships(source: Path, tmp_path: Path) -> None:
    package = built("wheel", source, tmp_path / "built")
    names = run(tmp_path, sys.executable, "-m", "zipfile", "-l", package)
    assert "checker/solution/0-main.py" in names
    assert ".h5" not in names
