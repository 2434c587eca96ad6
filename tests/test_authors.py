"""docs/authors.md, carried out: what it writes is put where it says, and does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

from tests import fixtures_run, program

TEXT = (program.ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"(?m)^`([^`\s]+/[^`\s]+)`(, at the end)?\n\n```\w+\n((?:(?!```).*\n)*)```$")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every file of the walk-through in its place."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("checker", "fixtures", "docs", "tests"):
        shutil.copytree(
            str(program.ROOT / name), str(folder / name), ignore=shutil.ignore_patterns("__pycache__")
        )
    for path, at_the_end, content in _BLOCK.findall(TEXT):
        before = (folder / path).read_text(encoding="utf-8") + "\n" if at_the_end else ""
        assert before or not (folder / path).exists(), path
        (folder / path).write_text(before + content, encoding="utf-8")
    return folder


def commands(heading: str) -> List[List[str]]:
    """The commands that stand under a heading of the page."""
    part = _BLOCK.sub("", TEXT).split("\n## " + heading, 1)[1].split("\n## ", 1)[0]
    lines = "".join(re.findall(r"(?m)^```sh\n((?:(?!```).*\n)*)```$", part)).splitlines()
    return [shlex.split(line) for line in lines]


def run(copy: Path, words: List[str], scratch: Path, **replaced: Path) -> subprocess.CompletedProcess[str]:
    """Run one of them in the copy, with this interpreter."""
    head = {"checker": ["-m", "checker"], "python": []}[words[0]]
    rest = [str(replaced.get(word.rsplit("/", 1)[-1], word)) for word in words[1:]]
    variables: Dict[str, str] = {"PYTHONPATH": str(copy), "CHECKER_PYTHON": fixtures_run.PYTHON}
    variables["FIXTURES_CACHE"] = os.environ.get("FIXTURES_CACHE", str(program.ROOT / ".cache" / "fixtures"))
    return subprocess.run(
        [sys.executable, *head, *rest],
        cwd=str(copy),
        env=program.environment(scratch, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_the_page_has_every_file_that_it_speaks_of() -> None:
    assert len(_BLOCK.findall(TEXT)) == 5
    assert TEXT.count("```") == 2 * (5 + 2)


def test_a_new_edition(copy: Path, tmp_path: Path) -> None:
    rules, check = commands("A new edition in ten minutes")
    done = run(copy, rules, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Test accuracy is at least 90 %" in done.stdout
    assert "15 points" in done.stdout
    folder = program.submission(tmp_path / "s")
    done = run(copy, check, tmp_path, submission=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Transfer learning on CIFAR-10, spring" in done.stdout


def test_a_new_edition_by_its_path(copy: Path, tmp_path: Path) -> None:
    text = (copy / "checker/assignments/cifar10-transfer-spring.toml").read_text(encoding="utf-8")
    shared = os.path.relpath(str(copy / "checker/assignments/shared/cifar10-transfer.toml"), str(tmp_path))
    path = tmp_path / "spring.toml"
    path.write_text(text.replace("shared/cifar10-transfer.toml", shared), encoding="utf-8")
    folder = program.submission(tmp_path / "s")
    done = run(copy, ["checker", "check", "--quick", "--assignment", str(path), str(folder)], tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    path.write_text(path.read_text(encoding="utf-8").replace("threshold = 0.9", "threshold = 90"))
    done = run(copy, ["checker", "assignments", str(path)], tmp_path)
    said = re.findall(r"`(threshold: [^`]+)`", TEXT)
    assert (done.returncode, done.stderr.splitlines()) == (2, ["checker: {}: {}".format(path, said[0])])


def test_a_new_check(copy: Path, tmp_path: Path) -> None:
    make, check = commands("A new check in thirty")
    folder = tmp_path / "broken"
    done = run(copy, make, tmp_path, broken=folder)
    assert done.returncode == 0, done.stderr
    done = run(copy, check, tmp_path, broken=folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert "falls short" in done.stdout.splitlines()[-1]
    assert "docs/students.md#readme-no-heading" in done.stdout
    assert done.stdout.count("\n failed ") == 1
    (folder / "README.md").write_text("# Transfer learning\n")
    assert run(copy, check, tmp_path, broken=folder).returncode == 0


def test_the_tests_hold_it_together(copy: Path, tmp_path: Path) -> None:
    tests = [
        "tests/test_docs.py",
        "tests/test_fixtures.py::test_outcome[readme-without-heading]",
        "tests/test_fixtures.py::test_each_check_has_a_fixture_that_does_not_pass_it",
    ]
    words = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = run(copy, words, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    page = copy / "docs" / "students.md"
    whole = page.read_text(encoding="utf-8")
    page.write_text(whole.replace("### readme-no-heading", "### another-heading"), encoding="utf-8")
    try:
        assert run(copy, words[:-2], tmp_path).returncode == 1
    finally:
        page.write_text(whole, encoding="utf-8")
