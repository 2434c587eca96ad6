"""Grading mode: what has to be named, what keeps a verdict pending, and how reports tell it from the desk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, List, Union
from xml.etree import ElementTree

import numpy as np
import pytest

from checker import checks, editions, grading, result
from checker.datasets import embedded
from checker.outcomes import ExitCode, Flag
from tests import fixtures_run, program
from tests.test_doctor import needs_bubblewrap, programs_but

NAMED = ("--python", fixtures_run.PYTHON)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The embedded images as a file that an examiner names."""
    pictures, labels = embedded.unpack(embedded.EMBEDDED.read_bytes())
    path = tmp_path / "images.npz"
    np.savez(str(path), x_test=pictures, y_test=labels)
    return path


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    """The environment's edition, whose test set these images are."""
    text = program.edition_text(fixtures_run.assignment())
    text, count = re.subn(r"(?m)^test_images = \d+", "test_images = 1000", text)
    assert count == 1
    path = tmp_path / "of-1000.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--python PATH and --images WHAT"]),
        ([*NAMED], ["add --images WHAT."]),
        (["--images", "images.npz"], ["add --python PATH."]),
        ([*NAMED, "--images", "embedded"], ["known to everybody"]),
        ([*NAMED, "--images", "images.npz", "--quick"], ["leave out --quick"]),
        ([*NAMED, "--images", "images.npz", "--select", "style"], ["leave out --select"]),
        ([*NAMED, "--images", "images.npz"], ["all 10,000 test images, found 1,000"]),
        ([*NAMED, "--images", "handed-in/images.npz"], ["--images", "outside of the submission"]),
        (["--python", "handed-in/python", "--images", "images.npz"], ["--python", "outside of"]),
        ([*NAMED, "--images", "images.npz", "--assignment", "handed-in/e.toml"], ["--assignment", "outside"]),
    ],
)
@needs_bubblewrap
def test_what_the_verdict_rests_on_is_named_by_the_examiner(
    arguments: List[str], words: List[str], images: Path, edition: Path, tmp_path: Path
) -> None:
    folder = program.submission(tmp_path / "handed-in")
    (folder / "images.npz").write_bytes(images.read_bytes())
    (folder / "python").symlink_to(fixtures_run.PYTHON)
    (folder / "e.toml").write_bytes(edition.read_bytes())
    # What a submission's environment says is not heard.
    variables = {"CHECKER_PYTHON": fixtures_run.PYTHON, "CHECKER_IMAGES": str(images)}
    done = program.check(tmp_path, "--grade", *arguments, folder, cwd=tmp_path, variables=variables)
    assert (done.code, done.result, done.err.count("\n")) == (2, None, 1), done.out + done.err
    assert all(word in done.err for word in ["checker: --grade", *words]), done.err


# A kernel without Landlock.
NO_LANDLOCK = """
from checker.sandbox import landlock
landlock.version = lambda: 0
"""


def test_without_walls_nothing_is_graded(images: Path, tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "handed-in")
    (tmp_path / "bin").mkdir()
    path = next(programs_but("bwrap", tmp_path / "bin"))
    arguments: List[Union[str, Path]] = ["--grade", *NAMED, "--images", images, folder]
    line = program.checker("check", patch=NO_LANDLOCK)
    done = program.check(tmp_path, *arguments, line=line, variables={"PATH": path})
    assert (done.code, done.result) == (3, None)
    assert "expected walls round submitted code" in done.err
    assert "bubblewrap is not installed" in done.err


@pytest.mark.tensorflow
@needs_bubblewrap
def test_a_graded_verdict_is_told_from_one_at_the_desk(images: Path, edition: Path, tmp_path: Path) -> None:
    folder = fixtures_run.made("passing", tmp_path / "passing")
    common: List[Union[str, Path]] = [folder, *NAMED, "--images", images, "--assignment", edition]
    for name in ("markdown", "junit"):
        common += ["--format", "{}={}".format(name, tmp_path / name)]
    for arguments, words in ((["--grade"], "graded: "), ([], "desk check")):
        done = program.check(tmp_path, *common, *arguments, "--format", "text", timeout=400)
        assert done.code == 0, done.out + done.err
        assert done.result is not None
        assert done.result["graded"] is bool(arguments)
        assert done.result["accuracy"]["decided_by"] == "sequence" or not arguments
        lines = {line[:14].strip(): line[14:] for line in done.out.splitlines()}
        assert lines["kind"].startswith(words)
        assert words in (tmp_path / "markdown").read_text().lower()
        found = ElementTree.parse(str(tmp_path / "junit")).iterfind(".//property[@name='kind']")
        assert [item.get("value", "").startswith(words) for item in found] == [True]


@pytest.mark.tensorflow
@needs_bubblewrap
def test_a_flag_that_the_edition_lists_leaves_a_verdict_pending(
    images: Path, edition: Path, tmp_path: Path
) -> None:
    folder = fixtures_run.made("batch-mean", tmp_path / "batch-mean")
    common: List[Union[str, Path]] = [folder, *NAMED, "--images", images, "--assignment", edition]
    common += ["--format", "text"]
    done = program.check(tmp_path, *common, "--grade", timeout=400)
    assert done.code == 3, done.out + done.err
    assert done.result is not None
    assert done.result["pending"] == ["preprocess-of-batch"]
    assert done.result["verdict"] == "meets the assignment"
    words = "pending: meets the assignment, once a person has looked at preprocess-of-batch"
    assert " ".join(done.out.split()).endswith(words)
    assert result.Result.from_dict(done.result).to_dict() == done.result
    spoilt = {**done.result, "graded": False}
    with pytest.raises(result.UsageError, match="grading mode"):
        result.Result.from_dict(spoilt)
    # Without the list it would count.
    text = re.sub(r"(?m)^pending = .*$", "pending = []", edition.read_text())
    edition.write_text(text)
    done = program.check(tmp_path, *common, "--grade", timeout=400)
    assert done.code == 0, done.out + done.err
    assert done.result is not None
    assert [flag["name"] for check in done.result["checks"] for flag in check["flags"]] == [
        "preprocess-of-batch"
    ]


def test_what_falls_short_is_not_pending() -> None:
    edition = editions.load(editions.DEFAULT, checks.every())
    flagged: Any = [_Flagged(name) for name in (edition.pending[0], "another", edition.pending[0])]
    assert grading.pending(edition, flagged, ExitCode.MEETS) == edition.pending[:1]
    assert grading.pending(edition, flagged, ExitCode.FALLS_SHORT) == ()
    assert grading.pending(edition, flagged[1:2], ExitCode.MEETS) == ()


def test_every_flag_that_leaves_a_verdict_pending_is_one_that_a_check_puts() -> None:
    put = "".join(path.read_text() for path in sorted(checks.FOLDER.glob("*.py")))
    for name in editions.names():
        for flag in editions.load(name, checks.every()).pending:
            assert json.dumps(flag) in put, flag


class _Flagged:
    """As much of a check's result as is looked at."""

    def __init__(self, name: str) -> None:
        self.flags = (Flag(name, ""),)
