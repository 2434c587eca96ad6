"""Training images, from each kind of source that test images come from, and what is said without them."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import time
from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np
import pytest

from checker import checks, editions
from checker.datasets import choosing, download, pairs, sources
from checker.datasets.sources import Source
from checker.errors import ImagesError, UsageError
from tests import official_data as data
from tests import program

EDITION = editions.load(editions.DEFAULT, checks.every())
IMAGES, LABELS = data.TRAINING_IMAGES, data.TRAINING_LABELS
ARRAYS = "x_train, uint8 (n, 32, 32, 3), and y_train, labels 0 to 9 of shape (n,) or (n, 1)"
IN_FOLDER = (
    "expected the folder cifar-10-batches-py of the official data set, with its files "
    "data_batch_1, data_batch_2, data_batch_3, data_batch_4, data_batch_5; "
)
IN_ARCHIVE = "expected the official cifar-10-python.tar.gz, with {} in it; ".format(
    ", ".join("cifar-10-batches-py/" + name for name in data.TRAINING)
)
# The small data set's archive has another name.
WAYS = (
    "Type --images download to fetch {{0}}, or name yours: --images FILE.npz ({}), "
    "--images cifar-10-batches-py (the folder), or --images {{0}}."
).format(ARRAYS)
ARCHIVE = data.training_archive()  # a .gz says when it was made: no two have the same checksum
HOSTILE = b"\x80\x02cos\nsystem\nU\x05touchR."


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> editions.Edition:
    """An edition whose official data set is the small one; nothing was downloaded yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return editions.load(str(data.edition_file(tmp_path, content=ARCHIVE)), checks.every())


def training_sources(what: object, edition: editions.Edition = EDITION, **environment: str) -> Any:
    return choosing.training_sources(None if what is None else str(what), environment, edition)


def load(what: object, edition: editions.Edition = EDITION, **environment: str) -> pairs.Images:
    """The training images of the first source that can be used."""
    return choosing.training(training_sources(what, edition, **environment)[0], edition)


def seen_to_be_of_no_use(what: object, edition: editions.Edition = EDITION, **environment: str) -> str:
    """What is said before any work is done."""
    with pytest.raises(ImagesError) as caught:
        training_sources(what, edition, **environment)
    return str(caught.value)


def read_to_be_of_no_use(what: object, edition: editions.Edition = EDITION, **environment: str) -> str:
    """What is said of something that looks right, once it is read."""
    (source,) = training_sources(what, edition, **environment)
    began = time.process_time()
    with pytest.raises(ImagesError) as caught:
        choosing.training(source, edition)
    assert time.process_time() - began < 5
    return str(caught.value)


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(str(path), **arrays)
    return path


def same(found: pairs.Images) -> bool:
    """Whether these are the small data set's training images, in their order."""
    assert found.images.dtype == found.labels.dtype == np.uint8
    assert found.images.shape[1:] == (32, 32, 3)
    assert found.labels.shape == (len(found),) == (data.COUNT,)
    assert found.digest == data.TRAINING_DIGEST
    return bool((found.images == IMAGES).all() and (found.labels == LABELS).all())


def keras(tmp_path: Path, name: str = "cifar-10-batches-py", **changes: bytes) -> Path:
    """The small training set in a cache of Keras; returns the folder of the batches."""
    return data.training_folder(tmp_path / "keras" / "datasets" / name, **changes)


def kept(edition: editions.Edition, content: bytes) -> Path:
    """An archive as if it had been downloaded."""
    assert edition.images is not None
    path = download.kept(edition.images)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("column", [False, True])
def test_an_npz_gives_its_training_images(tmp_path: Path, column: bool) -> None:
    labels = LABELS[:, None] if column else LABELS
    test = {"x_test": data.IMAGES, "y_test": data.LABELS}
    path = saved(tmp_path / "cifar10.npz", x_train=IMAGES, y_train=labels, **test)
    found = load(path)
    assert same(found)
    assert found.source == str(path)
    assert choosing.load(sources.candidates(str(path), {}, EDITION), EDITION).digest == data.DIGEST
    assert same(load(saved(tmp_path / "training.npz", x_train=IMAGES, y_train=labels)))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_a_folder_gives_its_batches_in_their_order(tmp_path: Path, inside: str, protocol: int) -> None:
    data.training_folder(tmp_path / "named" / inside, **data.training_batches(protocol))
    assert same(load(tmp_path / "named"))


def test_the_archive_gives_them_in_their_order_and_nothing_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    path.write_bytes(ARCHIVE)
    assert same(load(path))
    assert [path.name for path in tmp_path.iterdir()] == ["any name"]


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
@pytest.mark.parametrize("home", ["KERAS_HOME", "HOME"])
def test_what_keras_has_downloaded_is_found(
    tmp_path: Path, small: editions.Edition, name: str, home: str
) -> None:
    keras(tmp_path, name)
    environment = {"KERAS_HOME": str(tmp_path / "keras")} if home == "KERAS_HOME" else {}
    if home == "HOME":
        (tmp_path / "keras").rename(tmp_path / ".keras")
    (source,) = training_sources(None, small, **environment)
    folder = tmp_path / (".keras" if home == "HOME" else "keras") / "datasets" / name.split("/")[0]
    assert source == Source("folder", str(folder), "", "it lies in Keras's cache")
    assert same(choosing.training(source, small))


def test_what_is_named_comes_first_then_keras_then_what_was_downloaded(
    tmp_path: Path, small: editions.Edition
) -> None:
    home = str(tmp_path / "keras")
    archive = kept(small, ARCHIVE)
    newer = keras(tmp_path, "cifar-10-batches-py-target/cifar-10-batches-py").parent
    older = keras(tmp_path)
    found = training_sources(None, small, KERAS_HOME=home)
    assert [source.where for source in found] == [str(older), str(newer), str(archive)]
    assert all(same(choosing.training(source, small)) for source in found)
    path = saved(tmp_path / "few.npz", x_train=IMAGES[:30], y_train=LABELS[:30])
    (named,) = training_sources(path, small, KERAS_HOME=home, CHECKER_IMAGES="/nowhere")
    (variable,) = training_sources(None, small, KERAS_HOME=home, CHECKER_IMAGES=str(path))
    assert (named.named_by, variable.named_by) == ("--images", "CHECKER_IMAGES")
    assert len(choosing.training(named, small)) == len(choosing.training(variable, small)) == 30
    # A cache that lacks a batch does not count.
    (older / "data_batch_5").unlink()
    assert [source.where for source in training_sources(None, small, KERAS_HOME=home)] == [
        str(newer),
        str(archive),
    ]


def test_where_there_are_none_every_place_is_named_and_what_to_type(
    tmp_path: Path, small: editions.Edition
) -> None:
    home = tmp_path / "keras"
    older, newer = (
        home / "datasets" / name for name in ("cifar-10-batches-py", "cifar-10-batches-py-target")
    )
    assert small.images is not None
    archive = download.kept(small.images)
    said = "there are no training images; looked for them in {} ({}), {} ({}), {} ({}). "
    assert seen_to_be_of_no_use(None, small, KERAS_HOME=str(home)) == (
        said.format(older, "not there", newer, "not there", archive, "not there")
        + WAYS.format("cifar.tar.gz")
    )
    keras(tmp_path, data_batch_3=b"")
    newer.mkdir()
    archive.parent.mkdir(parents=True)
    os.mkfifo(str(archive))
    assert seen_to_be_of_no_use(None, small, KERAS_HOME=str(home)) == (
        said.format(
            *(older, "there is no data_batch_3 in it"),
            *(newer, "there is no data_batch_1 in it"),
            *(archive, "it is no regular file"),
        )
        + WAYS.format("cifar.tar.gz")
    )


def test_what_ships_with_the_checker_has_test_images_alone(tmp_path: Path, small: editions.Edition) -> None:
    home = tmp_path / "keras"
    keras(tmp_path)
    assert small.images is not None
    words = "{}: the images that ship with the checker are test images. " + WAYS.format("cifar.tar.gz")
    places = " Where nothing is named, they are looked for in {0}, {0}-target, {1}.".format(
        home / "datasets" / "cifar-10-batches-py", download.kept(small.images)
    )
    environment = {"KERAS_HOME": str(home)}
    said = words.format("--images embedded")
    assert seen_to_be_of_no_use("embedded", small, **environment) == said + places
    embedded = sources.named("embedded", {})
    assert embedded is not None
    for act in (choosing.look_training, choosing.training):
        with pytest.raises(UsageError) as caught:
            act(embedded, small)
        assert str(caught.value) == said
    environment["CHECKER_IMAGES"] = "embedded"
    assert (
        seen_to_be_of_no_use(None, small, **environment) == words.format("CHECKER_IMAGES=embedded") + places
    )


BAD_ARRAYS: Dict[str, Any] = {
    "test images alone": ({"x_test": IMAGES, "y_test": LABELS}, "x_train is not in it"),
    "no labels": ({"x_train": IMAGES, "y_test": LABELS}, "y_train is not in it"),
    "floats": ({"x_train": IMAGES / 255, "y_train": LABELS}, "x_train is float64 [200, 32, 32, 3]"),
    "few labels": ({"x_train": IMAGES, "y_train": LABELS[:9]}, "y_train is uint8 [9]"),
    "label 10": ({"x_train": IMAGES, "y_train": LABELS + 1}, "its labels are not all between 0 and 9"),
}


@pytest.mark.parametrize("kind", sorted(BAD_ARRAYS))
def test_an_npz_of_no_use_is_refused_before_any_work(tmp_path: Path, kind: str) -> None:
    arrays, words = BAD_ARRAYS[kind]
    path = saved(tmp_path / "images.npz", **arrays)
    said = "expected an .npz with {}; {}.".format(ARRAYS, words)
    assert seen_to_be_of_no_use(path) == "--images {}: {}".format(path, said)
    assert seen_to_be_of_no_use(None, CHECKER_IMAGES=str(path)) == "CHECKER_IMAGES={}: {}".format(path, said)


def test_what_is_not_there_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    assert seen_to_be_of_no_use(path) == (
        "--images {}: expected an .npz, the folder cifar-10-batches-py, its .tar.gz, or download; "
        "there is no such file.".format(path)
    )


def test_a_look_at_a_folder_sees_its_files_and_waits_for_none(tmp_path: Path) -> None:
    folder = data.training_folder(tmp_path / "b", data_batch_4=b"")
    begin = "--images {}: {}".format(folder, IN_FOLDER)
    assert seen_to_be_of_no_use(folder) == begin + "there is no data_batch_4 in it."
    batch = folder / "data_batch_4"
    os.mkfifo(str(batch))
    assert seen_to_be_of_no_use(folder) == begin + "data_batch_4: it is no regular file."
    batch.unlink()
    batch.mkdir()
    assert seen_to_be_of_no_use(folder) == begin + "data_batch_4: this is a folder."
    batch.rmdir()
    batch.symlink_to(folder / "nowhere")
    assert seen_to_be_of_no_use(folder) == begin + "data_batch_4: there is no such file."


FEW: Dict[str, Any] = {"data": data.ROWS[:5], "labels": [0] * 5}
BAD_BATCHES = {
    "hostile": (HOSTILE, "it asks for os.system, and may hold arrays only"),
    "labels": (data.pickled(**{**FEW, "labels": [0] * 4}), "4 labels for 5 images"),
    "label 10": (data.pickled(**{**FEW, "labels": [10] * 5}), "its labels are not all between 0 and 9"),
    "grey": (data.pickled(**{**FEW, "data": data.ROWS[:5, :1024]}), "data is not uint8 (n, 3072)"),
    "too many": (
        data.pickled(data=np.zeros((20_001, 3072), np.uint8)),
        "20,001 images; 1 to 20,000 are taken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(BAD_BATCHES))
def test_a_batch_of_no_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    blob, words = BAD_BATCHES[kind]
    folder = data.training_folder(tmp_path / "b", data_batch_2=blob)
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(data.training_archive(data_batch_2=blob))
    end = "data_batch_2: {}.".format(words)
    assert read_to_be_of_no_use(folder) == "--images {}: {}{}".format(folder, IN_FOLDER, end)
    assert read_to_be_of_no_use(archive) == "--images {}: {}{}".format(archive, IN_ARCHIVE, end)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "b"]


def test_no_more_of_a_batch_is_read_than_its_images_need(tmp_path: Path) -> None:
    folder = data.training_folder(tmp_path / "b")
    with (folder / "data_batch_5").open("r+b") as stream:
        stream.truncate(2**40)  # nothing of it is on the disk
    assert read_to_be_of_no_use(folder) == (
        "--images {}: {}data_batch_5: it has more than the 127,880,000 bytes that its images need.".format(
            folder, IN_FOLDER
        )
    )


def linked() -> bytes:
    """An archive in which the first batch is a link."""
    member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return gzip.compress(member.tobuf() + bytes(10240), 1)


BAD_ARCHIVES = {
    "one is missing": (
        data.training_archive(data_batch_5=b""),
        "there is no cifar-10-batches-py/data_batch_5 in it.",
    ),
    "a link": (linked(), "cifar-10-batches-py/data_batch_1 in it is no regular file."),
    "half": (ARCHIVE[:400_000], "it cannot be read (Compressed file ended"),
}


@pytest.mark.parametrize("kind", sorted(BAD_ARCHIVES))
def test_an_archive_of_no_use_is_refused_when_it_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(BAD_ARCHIVES[kind][0])
    said = read_to_be_of_no_use(path)
    assert said.startswith("--images {}: {}{}".format(path, IN_ARCHIVE, BAD_ARCHIVES[kind][1]))


def test_what_is_no_archive_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(gzip.compress(b"hello" * 1000))
    said = seen_to_be_of_no_use(path)
    assert said.startswith("--images {}: {}it is no .tar.gz, or a broken one (".format(path, IN_ARCHIVE))


def test_an_archive_that_unpacks_to_more_than_any_disk_is_left_early(tmp_path: Path) -> None:
    edition = tmp_path / "edition.toml"
    edition.write_text(program.edition_text().replace("[32, 32, 3]", "[8, 8, 3]"))  # small enough to wait for
    member = tarfile.TarInfo("readme.html")
    member.size = 2**40
    path = tmp_path / "cifar-10-python.tar.gz"
    with path.open("wb") as stream:
        stream.write(gzip.compress(member.tobuf()))
        zeros = gzip.compress(bytes(10**7))
        for _ in range(15):
            stream.write(zeros)
    said = read_to_be_of_no_use(path, editions.load(str(edition), checks.every()))
    assert said == "--images {}: {}it unpacks to more than the data set has.".format(path, IN_ARCHIVE)


def test_what_nobody_named_has_to_hold_the_assignments_own_training_set(
    tmp_path: Path, small: editions.Edition
) -> None:
    ways = WAYS.format("cifar.tar.gz")
    home = {"KERAS_HOME": str(tmp_path / "keras")}
    folder = keras(tmp_path, data_batch_1=data.training_batches()["data_batch_2"])
    assert read_to_be_of_no_use(None, small, **home) == (
        "{}: its 200 images and labels are not this assignment's training set. {}".format(folder, ways)
    )
    assert len(load(folder, small)) == 200  # named, it may be any
    (folder / "data_batch_1").unlink()
    content = data.training_archive(data_batch_1=HOSTILE)
    archive = kept(small, content)
    assert small.images is not None
    # Nothing is parsed before its checksum is right.
    assert read_to_be_of_no_use(None, small, **home) == (
        "{}: its SHA-256 is {}..., not {}.... {}".format(
            archive, hashlib.sha256(content).hexdigest()[:12], small.images.sha256[:12], ways
        )
    )


@pytest.mark.parametrize("lacks", ["training", "images"])
def test_an_edition_that_does_not_say_where_they_are_takes_an_npz(tmp_path: Path, lacks: str) -> None:
    text = program.edition_text()
    start = text.index("training = [" if lacks == "training" else "[images]")
    path = tmp_path / "other.toml"
    path.write_text(text[:start] + text[text.index("\n[", start) + 1 :])
    edition = editions.load(str(path), checks.every())
    keras(tmp_path)
    home = {"KERAS_HOME": str(tmp_path / "keras")}
    assert seen_to_be_of_no_use(None, edition, **home) == (
        "there are no training images. Name yours: --images FILE.npz ({}).".format(ARRAYS)
    )
    why = {
        "training": "this assignment names no training images in the official archive",
        "images": "this assignment names no official archive",
    }[lacks]
    for what in ("download", str(tmp_path / "keras")):
        assert seen_to_be_of_no_use(what, edition, **home) == (
            "--images {}: expected an .npz with {}; {}.".format(what, ARRAYS, why)
        )
    assert same(load(saved(tmp_path / "images.npz", x_train=IMAGES, y_train=LABELS), edition))


def test_both_editions_name_the_official_training_set() -> None:
    for name in editions.names():
        images: Optional[editions.OfficialImages] = editions.load(name, checks.every()).images
        assert images is not None
        assert images.training == tuple("cifar-10-batches-py/" + name for name in data.TRAINING)
        assert pairs.KNOWN[images.training_digest] == "the CIFAR-10 training set"
        assert pairs.KNOWN[images.digest] == "the CIFAR-10 test set"


@pytest.mark.slow
@data.needs_all_images
def test_all_training_images_have_the_digest_that_is_known(tmp_path: Path) -> None:
    found = load(data.all_images(tmp_path))
    assert (len(found), found.name) == (50_000, "the CIFAR-10 training set")
    assert np.bincount(found.labels).tolist() == [5000] * 10
