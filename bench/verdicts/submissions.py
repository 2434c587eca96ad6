"""Submissions to measure with: the reference solution's script, with a network of random weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict

import numpy as np

from bench.verdicts.plan import Network
from checker import checks, editions, interpreters, reference
from checker.interpreters import Interpreter
from fixtures import make

HERE = Path(__file__).resolve().parent
README = (
    "# Transfer learning on CIFAR-10\n\nA network with random weights, to measure what a verdict costs.\n"
)


@dataclass(frozen=True)
class Environment:
    """An interpreter with TensorFlow, its name among the tests' environments, and the edition it is for."""

    name: str
    python: str
    assignment: str
    versions: Dict[str, str]


@dataclass(frozen=True)
class Submission:
    """A folder that was handed in, and the classes uint8 (n,) that its model predicts for all images."""

    folder: Path
    classes: Path


def environment(python: str) -> Environment:
    """What an interpreter is for; ``python`` is a path."""
    python = os.path.abspath(python)
    asked = interpreters.ask(python)
    assignment = make.assignment_of(make.recipes()["passing"], asked)
    return Environment(make.environment_of(asked), python, assignment, _versions(asked))


def made(environment: Environment, network: Network, images: Path, work: Path) -> Submission:
    """Build a submission in the folder ``work``, or take the one that is there. ``images``: a .npy of all."""
    script = _script(environment, network)
    source = (HERE / "build_model.py").read_text()
    digest = hashlib.sha256(images.read_bytes())
    for text in (script, source, json.dumps(environment.versions, sort_keys=True)):
        digest.update(text.encode() + b"\0")
    name = "{}-{}-{}".format(environment.name, network.name, digest.hexdigest()[:8])
    whole = work / "submissions" / name
    if not whole.exists():
        partial = whole.with_name(name + ".partial")
        shutil.rmtree(str(partial), ignore_errors=True)
        _build(environment, script, images, partial)
        partial.rename(whole)
    return Submission(whole / "submission", whole / "classes.npy")


def classes_of(submission: Submission) -> np.ndarray:
    """The classes uint8 (n,) that the model predicts."""
    found: np.ndarray = np.load(str(submission.classes))
    return found


def _script(environment: Environment, network: Network) -> str:
    """The reference solution's script, with another application, as large as ``network`` says."""
    text = reference.script(editions.load(environment.assignment, checks.every()))
    changes = {
        "APPLICATION": "K.applications." + network.application,
        "PREPROCESS": "K.applications.{}.preprocess_input".format(network.module),
        "CUT": "'{}'".format(network.cut),
        "SIZE": str(network.size),
    }
    lines = text.splitlines(keepends=True)
    for name, value in changes.items():
        (place,) = [place for place, line in enumerate(lines) if line.startswith(name + " = ")]
        lines[place] = "{} = {}\n".format(name, value)
    return "".join(lines)


def _build(environment: Environment, script: str, images: Path, target: Path) -> None:
    folder = target / "submission"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(README)
    (folder / "0-transfer.py").write_text(script, encoding="utf-8")
    (folder / "0-transfer.py").chmod(0o755)
    shutil.copyfile(str(reference.FOLDER / "0-main.py"), str(folder / "0-main.py"))
    job = {
        "script": str(folder / "0-transfer.py"),
        "images": str(images),
        "folder": str(folder),
        "classes": str(target / "classes.npy"),
    }
    with (target / "log").open("w") as log:
        subprocess.run(
            [environment.python, "-B", "-I", str(HERE / "build_model.py"), json.dumps(job)],
            check=True,
            env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _versions(asked: Interpreter) -> Dict[str, str]:
    kept = {name: asked.versions.get(name, "") for name in ("tensorflow", "keras", "numpy")}
    return {"python": asked.python, **{name: value for name, value in kept.items() if value}}
