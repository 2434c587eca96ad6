"""What docs/ci.md shows works as it stands: the workflow's steps, and tox in another's folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree

import pytest
import yaml

from checker import finder
from tests import fixtures_run, program

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        fixtures_run.environment() != "tf26" or not finder.find("3.8", os.environ),
        reason="the workflow makes the environment of the course, whose Python is 3.8",
    ),
]


def block(language: str) -> str:
    """The page's one block of a language."""
    (found,) = re.findall("```{}\n(.*?)```".format(language), PAGE, re.DOTALL)
    return str(found)


def variables(scratch: Path, *programs: Path) -> Dict[str, str]:
    """The variables of a machine whose home, caches and ``PATH`` are those of the test."""
    (scratch / "tmp").mkdir(exist_ok=True)
    found = program.environment(scratch / "tmp", CHECKER=str(copy(scratch / "checker")))
    found["PATH"] = os.pathsep.join([*map(str, programs), found["PATH"]])
    found["HOME"] = str(scratch / "home")
    found["PYENV_ROOT"] = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    found.pop("GITHUB_STEP_SUMMARY", None)
    (scratch / "home").mkdir(exist_ok=True)
    return found


def copy(folder: Path) -> Path:
    """A copy of the project to install from; building it in place would leave traces."""
    names = ("checker", "pyproject.toml", "README.md")
    folder.mkdir()
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(str(source), str(folder / name), ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(str(source), str(folder / name))
    return folder


def new_python(folder: Path, *packages: str) -> Path:
    """A new Python with pip, as setup-python gives one; returns the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if packages:
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(command, check=True)
    return folder / "bin"


def stand_in_for_sudo(folder: Path) -> Path:
    """Where nobody has to become root, or there is no sudo: run the command, as root would."""
    folder.mkdir()
    if not shutil.which("sudo"):
        (folder / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (folder / "sudo").chmod(0o755)
    return folder


@pytest.mark.skipif(
    not shutil.which("apt-get") or os.getuid() != 0, reason="its first step installs a package"
)
def test_the_steps_of_the_workflow_run_as_they_stand(tmp_path: Path) -> None:
    submission = fixtures_run.made("passing", tmp_path / "submission")
    workflow = yaml.safe_load(block("yaml"))
    steps: List[Dict[str, Any]] = workflow["jobs"]["check"]["steps"]
    environment = variables(tmp_path, new_python(tmp_path / "python"), stand_in_for_sudo(tmp_path / "sudo"))
    environment["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary.md")
    for step in steps:
        if "run" not in step:
            continue
        # GitHub's own shell for a step.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=str(submission),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, step["run"] + done.stdout + done.stderr
    assert "meets the assignment" in done.stdout
    assert "# Meets the assignment" in (tmp_path / "summary.md").read_text()
    wanted = next(step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", ""))
    assert all((submission / name).exists() for name in wanted.split())
    suite = ElementTree.parse(str(submission / "checker.xml")).getroot()
    assert suite.get("failures") == "0"


def test_tox_in_the_folder_of_a_submission(tmp_path: Path) -> None:
    submission = fixtures_run.made("falls-short", tmp_path / "submission")
    (submission / "tox.ini").write_text(
        "[tox]\nenv_list = other\n\n[pytest]\naddopts = --bogus\n\n" + block("ini")
    )
    (submission / "conftest.py").write_text("raise SystemExit('not ours')\n")
    programs = new_python(tmp_path / "python", "tox>=4")
    done = subprocess.run(
        [str(programs / "tox"), "-e", "submission"],
        cwd=str(submission),
        env=variables(tmp_path, programs),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "falls short" in done.stdout
    assert "submission: FAIL code 1" in done.stdout
    suite = ElementTree.parse(str(submission / ".tox" / "submission" / "checker.xml")).getroot()
    assert suite.get("failures") == "1"
