"""Which test images a check takes: what is named, Keras's cache, what was downloaded, and ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import platformdirs
import pytest

from checker.datasets import choosing, download, pairs, sources
from tests import official_data as data
from tests import program


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without TensorFlow: a check draws its images, and is soon done."""
    return program.bare_python(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture
def desk(tmp_path: Path, python: Path) -> Any:
    """A function that runs a check with the small data set's edition, its arguments and its variables."""
    folder = program.submission(tmp_path / "s")
    edition = data.edition_file(tmp_path)

    def run(*arguments: Any, **variables: str) -> program.Done:
        named = ["--assignment", edition, "--python", python, *arguments]
        return program.check(tmp_path, folder, *named, variables=variables)

    return run


def images(done: program.Done) -> Dict[str, Any]:
    assert done.result is not None, done.err
    found: Dict[str, Any] = done.result["images"]
    return found


def keras(tmp_path: Path, name: str = "cifar-10-batches-py", blob: bytes = b"") -> Path:
    """A home of Keras with the small data set in its cache; returns the folder of the batch."""
    return data.unpacked(tmp_path / "keras" / "datasets" / name, blob)


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
def test_what_keras_has_downloaded_is_found(tmp_path: Path, desk: Any, name: str) -> None:
    keras(tmp_path, name)
    done = desk(KERAS_HOME=str(tmp_path / "keras"))
    assert images(done) == {
        "source": str(tmp_path / "keras" / "datasets" / name.split("/")[0]),
        "name": "",
        "count": 200,
        "digest": data.DIGEST,
        "passed_over": [],
    }
    assert "on 200 images of" in done.out


def test_it_is_found_in_the_home_folder_too(tmp_path: Path) -> None:
    data.unpacked(tmp_path / ".keras" / "datasets" / "cifar-10-batches-py")
    script = (
        "import sys, os; sys.path.insert(0, {!r})\n"
        "from checker import checks, editions; from checker.datasets import choosing\n"
        "edition = editions.load({!r}, checks.every())\n"
        "print(choosing.choose(None, {{}}, edition).source.where)"
    ).format(str(program.ROOT), str(data.edition_file(tmp_path)))
    environment = program.environment(tmp_path, HOME=str(tmp_path))
    shown = subprocess.run(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    assert shown.strip() == str(tmp_path / ".keras" / "datasets" / "cifar-10-batches-py")


USELESS = {
    "half": (data.python2()[:100_000], "it is no pickle, or a broken one"),
    "hostile": (b"\x80\x02cos\nsystem\nU\x05touchR.", "it asks for os.system, and may hold arrays only"),
    "foreign": (
        data.pickled(labels=[0] * 200),
        "its 200 images and labels are not this assignment's test set",
    ),
}


@pytest.mark.parametrize("kind", sorted(USELESS))
def test_what_nobody_named_and_is_of_no_use_is_passed_over_and_said(
    tmp_path: Path, desk: Any, kind: str
) -> None:
    blob, words = USELESS[kind]
    folder = keras(tmp_path, "cifar-10-batches-py", blob)
    done = desk(KERAS_HOME=str(tmp_path / "keras"))
    found = images(done)
    assert found["source"] == "embedded"
    assert found["count"] == 1000
    assert len(found["passed_over"]) == 1
    assert found["passed_over"][0].startswith(str(folder) + ": " + words)
    assert "passed over {}: {}".format(folder, words).replace(" ", "") in "".join(done.out.split())


def test_a_folder_that_was_unpacked_by_half_is_passed_over(tmp_path: Path, desk: Any) -> None:
    folder = keras(tmp_path)
    (folder / "test_batch").rename(folder / "data_batch_1")
    found = images(desk(KERAS_HOME=str(tmp_path / "keras")))
    assert found["passed_over"] == [str(folder) + ": there is no test_batch in it"]


@pytest.mark.parametrize("by", ["--images", "CHECKER_IMAGES"])
def test_what_is_named_comes_first(tmp_path: Path, desk: Any, by: str) -> None:
    keras(tmp_path)
    path = tmp_path / "few.npz"
    np.savez(str(path), x_test=data.IMAGES[:30], y_test=data.LABELS[:30])
    for what, count in ((str(path), 30), ("embedded", 1000)):
        arguments = ["--images", what] if by == "--images" else []
        variables = {} if by == "--images" else {"CHECKER_IMAGES": what}
        found = images(desk(*arguments, KERAS_HOME=str(tmp_path / "keras"), **variables))
        assert (found["source"], found["count"]) == (what, count)


def test_the_option_wins_over_the_variable_and_an_empty_one_names_nothing(tmp_path: Path, desk: Any) -> None:
    assert images(desk("--images", "embedded", CHECKER_IMAGES="/nowhere"))["source"] == "embedded"
    assert images(desk(CHECKER_IMAGES=""))["source"] == "embedded"


@pytest.mark.parametrize("kind", ["folder", "archive", "no file"])
def test_what_is_named_and_of_no_use_is_a_usage_error_before_anything_runs(
    tmp_path: Path, desk: Any, kind: str
) -> None:
    keras(tmp_path)
    path = tmp_path / "named"
    if kind == "folder":
        data.unpacked(path, USELESS["hostile"][0])
    elif kind == "archive":
        path.write_bytes(data.archive({data.BATCH: USELESS["hostile"][0]}))
    home = str(tmp_path / "keras")
    for said in (
        program.usage(desk("--images", path, KERAS_HOME=home)),
        program.usage(desk(CHECKER_IMAGES=str(path), KERAS_HOME=home)),
    ):
        assert "{}: expected ".format(path) in said
        assert ("there is no such file" if kind == "no file" else "it asks for os.system") in said
    assert said.startswith("checker: CHECKER_IMAGES=")


def test_a_quick_run_does_not_look_at_the_variable(tmp_path: Path, desk: Any) -> None:
    done = desk("--quick", CHECKER_IMAGES=str(tmp_path / "nowhere"))
    assert done.result is not None
    assert done.result["images"] is None


def test_other_images_than_the_official_ones_may_be_named(tmp_path: Path, desk: Any) -> None:
    folder = data.unpacked(tmp_path / "mine", USELESS["foreign"][0])
    found = images(desk("--images", folder))
    assert found["source"] == str(folder)
    assert found["digest"] not in (data.DIGEST, *pairs.KNOWN)


def test_an_edition_without_an_official_archive_does_without(tmp_path: Path, desk: Any) -> None:
    keras(tmp_path)
    path = tmp_path / "other.toml"
    text = program.edition_text()
    start = text.index("[images]")
    path.write_text(text[:start] + text[text.index("\n[", start) + 1 :])
    home = str(tmp_path / "keras")
    assert images(desk("--assignment", path, KERAS_HOME=home))["source"] == "embedded"
    for what in ("download", str(tmp_path / "keras")):
        said = program.usage(desk("--assignment", path, "--images", what))
        assert "this assignment names no official archive" in said


def test_the_choice_is_what_a_check_then_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    edition = data.edition(tmp_path)
    environment = {"KERAS_HOME": str(tmp_path / "keras")}
    assert choosing.choose(None, environment, edition).source.kind == "embedded"
    keras(tmp_path, "cifar-10-batches-py", b"")
    folder = keras(tmp_path, "cifar-10-batches-py-target/cifar-10-batches-py")
    assert choosing.choose(None, environment, edition).source.where.endswith("batches-py")
    (folder.parent.parent / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    choice = choosing.choose(None, environment, edition)
    loaded = choosing.load(sources.candidates(None, environment, edition), edition)
    assert choice.source.where == loaded.source == str(folder.parent)
    assert choice.source.why == "it lies in Keras's cache"
    assert choice.passed_over == loaded.passed_over
    assert len(loaded.passed_over) == 1
    shutil.rmtree(str(tmp_path / "keras"))
    # Nothing is downloaded to find out.
    assert choosing.choose("download", environment, edition).source.kind == "download"
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the user's cache is another folder")
def test_what_was_downloaded_is_kept_in_the_users_cache(tmp_path: Path) -> None:
    official = data.edition(tmp_path).images
    assert official is not None
    assert Path(platformdirs.user_cache_dir("transfer-checker")) in download.kept(official).parents
