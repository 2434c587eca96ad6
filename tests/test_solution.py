"""The reference solution: it passes its own checker, its parts do what they say, its README runs."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
from markdown_it import MarkdownIt

from checker import checks, editions, reference
from checker.editions import Edition
from fixtures import solution
from tests import fixtures_run, program

HERE = Path(__file__).resolve().parent
FOLDERS = {
    "cifar10-transfer-2022": reference.FOLDER,
    "cifar10-transfer-2024": reference.FOLDER / "2024",
}
QUICK = {
    "script_file",
    "model_file",
    "readme_file",
    "shebang",
    "final_newline",
    "executable",
    "style",
    "documentation",
    "imports",
    "guarded",
    "application",
    "saves_model",
    "preprocess_defined",
}
MAIN = "0-main.py, with stand-in labels"
# The whole script in seconds: a small application, random weights, few epochs.
SMALL = {
    r"^APPLICATION = .*": "APPLICATION = K.applications.MobileNetV2",
    r"^PREPROCESS = .*": "PREPROCESS = K.applications.mobilenet_v2.preprocess_input",
    r"^CUT = .*": "CUT = 'block_13_expand'",
    r"^SIZE = .*": "SIZE = 64",
    r"^HEAD_EPOCHS, HEAD_RATE = .*": "HEAD_EPOCHS, HEAD_RATE = 2, 1e-3",
    r"^TUNE_EPOCHS, TUNE_RATE = .*": "TUNE_EPOCHS, TUNE_RATE = 2, 3e-4",
    r"weights='imagenet'": "weights=None",
}


def load(name: str) -> Edition:
    """An edition."""
    return editions.load(name, checks.every())


def run(scratch: Path, *words: object, cwd: Path = program.ROOT) -> None:
    """Run a file of ours with the interpreter under test; it must not fail."""
    done = subprocess.run(
        [fixtures_run.PYTHON, "-B", *map(str, words)],
        cwd=str(cwd),
        env=program.environment(scratch, CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3"),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def facts(what: str, scratch: Path) -> Dict[str, Any]:
    """What the solution's functions do in the TensorFlow under test."""
    out = scratch / "facts.json"
    run(scratch, HERE / "solution_facts.py", reference.FOLDER / "0-transfer.py", what, out)
    found: Dict[str, Any] = json.loads(out.read_text())
    return found


# Both editions, and what the checker reads in them


@pytest.mark.parametrize("name", FOLDERS)
def test_every_static_check_passes(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(str(FOLDERS[name]), str(folder))
    (folder / "cifar10.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    done = program.check(tmp_path, "--quick", "--assignment", name, folder)
    assert done.result is not None
    assert done.code == 0, done.out
    statuses = {check["name"]: check["status"] for check in done.result["checks"]}
    assert {check for check, status in statuses.items() if status == "passed"} == QUICK
    assert {status for check, status in statuses.items() if check not in QUICK} == {"not run"}
    assert not any(check["flags"] for check in done.result["checks"])


@pytest.mark.parametrize("name", FOLDERS)
def test_without_its_model_nothing_else_is_missing(name: str, tmp_path: Path) -> None:
    done = program.check(tmp_path, "--quick", "--assignment", name, FOLDERS[name])
    assert done.result is not None
    model = FOLDERS[name] / "cifar10.h5"
    wrong = {check["name"] for check in done.result["checks"] if check["status"] not in ("passed", "not run")}
    assert wrong == (set() if model.exists() else {"model_file"})


@pytest.mark.parametrize("name", editions.names())
def test_an_edition_changes_the_import_alone(name: str) -> None:
    edition, first = load(name), (reference.FOLDER / "0-transfer.py").read_text().splitlines()
    lines = reference.script(edition).splitlines()
    assert len(lines) == len(first)
    assert [line for line in lines if "import " in line] == [edition.allowed_imports[0]]
    differ = [(old, new) for old, new in zip(first, lines) if old != new]
    assert differ == ([] if name == editions.DEFAULT else [(first[2], edition.allowed_imports[0])])


def test_where_no_allowed_import_gives_k_the_script_stays_as_it_is() -> None:
    edition = dataclasses.replace(load(editions.DEFAULT), allowed_imports=("import numpy as np",))
    assert reference.script(edition) == (reference.FOLDER / "0-transfer.py").read_text()


def test_2024_has_not_drifted(tmp_path: Path) -> None:
    written = solution.write(tmp_path)
    shipped = FOLDERS[solution.EDITION] / written.name
    assert shipped.read_bytes() == written.read_bytes(), "type:  python -m fixtures.solution"
    assert shipped.stat().st_mode & 0o111 == written.stat().st_mode & 0o111 == 0o111


def test_the_command_writes_what_ships() -> None:
    assert solution.TARGET.resolve() == FOLDERS[solution.EDITION].resolve()


# What its functions do


@pytest.mark.tensorflow
@pytest.mark.each
def test_preprocess_data(tmp_path: Path) -> None:
    for count, found in facts("preprocess", tmp_path).items():
        m = int(count)
        assert found["types"] == ["ndarray"] * 4
        assert found["X"] == ["float32", [m, 32, 32, 3], -1.0, 1.0]
        assert found["Y"] == [[m, 10], [1.0] * m, True]
        assert found["both shapes alike"]
        assert found["images untouched"]


@pytest.mark.tensorflow
@pytest.mark.each
def test_the_parts_of_each_application_are_the_whole_model(tmp_path: Path) -> None:
    every = facts("applications", tmp_path)
    assert len(every) == 7
    for name, found in every.items():
        assert found["spread"] > 1e-3, name  # else equality would say little
        assert found["difference"] < 1e-5, name
        assert found["sums"] == pytest.approx([1.0] * 8, abs=1e-5), name
        assert found["first layers"] == ["InputLayer", "Lambda"], name
        assert found["output"] == [None, 10], name
        assert found["frozen up to the cut"], name
        assert 0.65 < found["frozen"] / found["layers"] < 0.97, name
        whole, *parts = found["counts"]
        assert whole == sum(parts), name
        assert all(parts), name
    assert {name: found["features"] for name, found in every.items()} == {
        "DenseNet121": [2, 2, 512],
        "Xception": [3, 3, 1536],
        "MobileNetV2": [4, 4, 96],
        "ResNet50": [4, 4, 1024],
        "ResNet50V2": [2, 2, 1024],
        "VGG16": [4, 4, 512],
        "EfficientNetB0": [4, 4, 112],
    }


@pytest.mark.tensorflow
@pytest.mark.each
def test_what_is_frozen_stays_bit_by_bit(tmp_path: Path) -> None:
    found = facts("training", tmp_path)
    frozen, block, head = 195, 65, 2  # arrays of weights
    assert found["head"]["kept"] == {"frozen": [frozen, frozen], "block": [block, block], "head": [0, head]}
    for stage in ("tune", "whole"):
        assert found[stage]["kept"] == {"frozen": [frozen, frozen], "block": [0, block], "head": [0, head]}
    for stage in found.values():
        assert stage["the saved model learned"]
        assert stage["history"]["loss"] == stage["history"]["accuracy"] == 1


# The whole of it


def small(text: str) -> str:
    """The script with other constants and without a download."""
    for old, new in SMALL.items():
        text, count = re.subn("(?m)" + old, new, text)
        assert count == 1, old
    return text


@pytest.mark.tensorflow
@pytest.mark.each
def test_run_as_a_student_runs_it_only_accuracy_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(str(reference.FOLDER), str(folder), ignore=shutil.ignore_patterns("2024", "*.h5"))
    edition = load(fixtures_run.assignment())
    (folder / "0-transfer.py").write_text(small(reference.script(edition)))
    run(tmp_path, HERE / "solution_small.py", "0-transfer.py", cwd=folder)
    result = fixtures_run.result(folder, tmp_path, "--with-main")
    wrong = {check["name"]: check["reason"] for check in result["checks"] if check["status"] != "passed"}
    assert list(wrong) == ["accuracy"]
    assert not any(check["flags"] for check in result["checks"] if check["name"] != "accuracy")
    assert result["accuracy"]["seen"] == 1000
    said = [fact["value"] for fact in result["facts"] if fact["name"] == MAIN]
    # Keras 3 has no K.backend.learning_phase: the course's script ends before it loads anything.
    expected = "learning_phase" if fixtures_run.environment() == "tfnew" else ", equal"
    assert len(said) == 1
    assert expected in said[0]


# Its README


def fenced() -> List[List[str]]:
    """The README's blocks: the Python of each, and the text below it that it prints ("" for none)."""
    blocks: List[List[str]] = []
    for token in MarkdownIt().parse((reference.FOLDER / "README.md").read_text(encoding="utf-8")):
        if token.type == "fence" and token.info == "python":
            blocks.append([token.content, ""])
        elif token.type == "fence":
            assert token.info == "text"
            assert blocks[-1][1] == ""
            blocks[-1][1] = token.content
    return blocks


def test_the_readme_answers_every_question() -> None:
    text = (reference.FOLDER / "README.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    asked = (
        "transfer learning?",
        "fine-tuning?",
        "frozen layer?",
        "Keras applications?",
        "dropout",
        "functional",
    )
    for question in asked:
        assert len([line for line in headings if question in line]) == 1, question
    assert len([block for block, printed in fenced() if printed]) >= len(headings)


@pytest.mark.tensorflow
def test_the_readme_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    folder, blocks, out = tmp_path / "s", tmp_path / "blocks.json", tmp_path / "out.json"
    shutil.copytree(str(reference.FOLDER), str(folder))
    blocks.write_text(json.dumps([block for block, _ in fenced()]))
    before = program.picture(folder)
    run(tmp_path, HERE / "solution_readme.py", blocks, out, cwd=folder)
    assert json.loads(out.read_text()) == [printed for _, printed in fenced()]
    assert program.picture(folder) == before
