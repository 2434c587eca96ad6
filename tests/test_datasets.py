"""Files of test images, good, broken and hostile; and what a wrong one costs."""

from __future__ import annotations

import io
import os
import re
import struct
import time
import zipfile
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from checker import checks, drawing, editions
from checker.datasets import choosing, embedded, pairs, sources
from checker.errors import ImagesError
from tests import program

EDITION = editions.load(editions.DEFAULT, checks.every())
IMAGES = np.random.RandomState(0).randint(0, 256, (20, 32, 32, 3)).astype(np.uint8)
LABELS = np.arange(20) % 10


def load(what: object, edition: editions.Edition = EDITION) -> pairs.Images:
    """What ``--images`` with this word or path gives."""
    return choosing.load(sources.candidates(str(what), {}, edition), edition)


def npy(head: str, data: bytes = b"", version: int = 1) -> bytes:
    """An ``.npy`` with any head."""
    length = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + length + head.encode("latin-1") + data


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def zipped(members: Dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def with_images(head: str, data: bytes = b"") -> bytes:
    """An archive with good labels, and images with any head."""
    labels = io.BytesIO()
    np.save(labels, LABELS)
    return zipped({"x_test.npy": npy(head, data), "y_test.npy": labels.getvalue()})


def head(shape: str, dtype: str = "|u1") -> str:
    return "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}\n".format(dtype, shape)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i4", ">i4", "<i8", "<u8", ">u2"])
@pytest.mark.parametrize("column", [False, True])
def test_labels_of_any_whole_numbers_in_either_shape_are_taken(
    tmp_path: Path, dtype: str, column: bool
) -> None:
    labels = LABELS.astype(dtype)
    path = tmp_path / "images.npz"
    np.savez(str(path), x_test=IMAGES, y_test=labels[:, None] if column else labels, x_train=[1.5])
    found = load(path)
    assert (found.images == IMAGES).all()
    assert (found.labels == LABELS).all()
    assert found.labels.dtype == found.images.dtype == np.uint8


def test_images_in_fortran_order_compressed_and_as_pickle_free_as_numpy_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    np.savez_compressed(str(path), x_test=np.asfortranarray(IMAGES), y_test=LABELS)
    assert (load(path).images == IMAGES).all()


def test_the_embedded_images_are_verified_by_their_digest() -> None:
    found = load("embedded")
    assert found.name == "1,000 CIFAR-10 test images"
    assert np.bincount(found.labels).tolist() == [100] * 10
    images, labels = embedded.unpack(embedded.pack(IMAGES, LABELS))
    assert (images == IMAGES).all()
    assert (labels == LABELS).all()


def test_the_digest_depends_on_pairs_and_not_on_their_order() -> None:
    order = np.random.RandomState(1).permutation(20)
    value = pairs.digest(IMAGES, LABELS)
    assert pairs.digest(IMAGES[order], LABELS[order]) == value
    assert pairs.digest(IMAGES, LABELS[order]) != value


def test_drawing_shuffles_pairs_and_draws_decoys_apart_from_them() -> None:
    found = sources.candidates("embedded", {}, EDITION)
    drawn = drawing.draw(found, EDITION, 1, 40)
    again, other = drawing.draw(found, EDITION, 1, 40), drawing.draw(found, EDITION, 2, 40)
    assert pairs.digest(drawn.images, drawn.labels) == drawn.source.digest
    assert (drawn.labels == again.labels).all()
    assert not (drawn.labels == other.labels).all()
    for call in drawn.calls(40):
        decoys = drawn.decoys[call.name]
        assert len(decoys) == call.shape[0]
        assert set(decoys[:20].tolist()) == set(range(10))
        assert 0.02 < (decoys == drawn.labels[: len(decoys)]).mean() < 0.3 or len(decoys) < 100
    assert not (drawn.decoys["flat"] == drawn.decoys["other"]).any()


BAD = {
    "nothing": (b"", "it is no .npz"),
    "text": (b"x_test, y_test\n", "it is no .npz"),
    "single array": (npy(head("(1, 32, 32, 3)"), bytes(3072)), "a single array (.npy)"),
    "no labels": (saved(x_test=IMAGES), "y_test is not in it"),
    "no images": (saved(y_test=LABELS), "x_test is not in it"),
    "float images": (saved(x_test=IMAGES / 255, y_test=LABELS), "x_test is float64 [20, 32, 32, 3]"),
    "int64 images": (saved(x_test=IMAGES.astype(int), y_test=LABELS), "x_test is int64 [20, 32, 32, 3]"),
    "flat images": (saved(x_test=IMAGES.reshape(20, -1), y_test=LABELS), "x_test is uint8 [20, 3072]"),
    "channels first": (
        saved(x_test=IMAGES.transpose(0, 3, 1, 2), y_test=LABELS),
        "x_test is uint8 [20, 3, 32, 32]",
    ),
    "objects": (saved(x_test=IMAGES, y_test=np.array([{}] * 20)), "y_test holds no plain numbers"),
    "records": (saved(x_test=IMAGES, y_test=np.zeros(20, "i4,i4")), "y_test holds no plain numbers"),
    "text labels": (saved(x_test=IMAGES, y_test=np.array(["cat"] * 20)), "y_test holds no plain numbers"),
    "one-hot labels": (saved(x_test=IMAGES, y_test=np.eye(10, dtype=int)[LABELS]), "int64 [20, 10]"),
    "float labels": (saved(x_test=IMAGES, y_test=LABELS * 1.0), "y_test is float64 [20]"),
    "few labels": (saved(x_test=IMAGES, y_test=LABELS[:19]), "y_test is int64 [19]"),
    "label 10": (saved(x_test=IMAGES, y_test=LABELS + 1), "labels are not all between 0 and 9"),
    "label -1": (saved(x_test=IMAGES, y_test=LABELS - 1), "labels are not all between 0 and 9"),
    "no image": (saved(x_test=IMAGES[:0], y_test=LABELS[:0]), "0 images; 1 to 100,000 are taken"),
    "too short": (with_images(head("(20, 32, 32, 3)"), bytes(100)), "another length than it declares"),
    "too long": (
        with_images(head("(20, 32, 32, 3)"), bytes(20 * 3072 + 1)),
        "another length than it declares",
    ),
    "declares petabytes": (with_images(head("(999999999999, 32, 32, 3)")), "y_test is int64 [20]"),
    "evaluates": (with_images("{'descr': __import__('os'), }"), "x_test holds no plain numbers"),
    "deep head": (with_images("(" * 900), "x_test holds no plain numbers"),
    "long head": (with_images(head("(20, 32, 32, 3)") + " " * 60_000), "a head of 60,0"),
    "encrypted": (
        # The flag alone: Python asks for a password before it reads anything.
        re.sub(rb"(PK\x01\x02.{4})\x00", b"\\g<1>\x01", saved(x_test=IMAGES, y_test=LABELS), flags=re.DOTALL),
        "it is encrypted, or compressed",
    ),
    "damaged": (saved(x_test=IMAGES, y_test=LABELS).replace(LABELS.tobytes()[:16], bytes(16)), "Bad CRC-32"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(BAD))
def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, kind: str) -> None:
    data, words = BAD[kind]
    path = tmp_path / "images.npz"
    path.write_bytes(data)
    began = time.monotonic()
    with pytest.raises(ImagesError) as caught:
        load(path)
    assert time.monotonic() - began < 2
    assert words in str(caught.value)
    assert "expected an .npz with x_test, uint8 (n, 32, 32, 3), and y_test" in str(caught.value)


def test_a_zip_bomb_is_read_no_further_than_its_heads(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x_test.npy", "w", force_zip64=True) as stream:
            stream.write(npy(head("(300000, 32, 32, 3)")))
            for _ in range(300):
                stream.write(bytes(10**6))
        labels = io.BytesIO()
        np.save(labels, np.zeros(300_000, np.uint8))
        archive.writestr("y_test.npy", labels.getvalue())
    began = time.monotonic()
    with pytest.raises(ImagesError, match="300,000 images; 1 to 100,000 are taken"):
        load(path)
    assert time.monotonic() - began < 0.5


def test_an_edition_with_other_images_needs_its_own(tmp_path: Path) -> None:
    text = program.edition_text()
    path = tmp_path / "edition.toml"
    path.write_text(text.replace("[32, 32, 3]", "[28, 28, 1]"))
    edition = editions.load(str(path), checks.every())
    with pytest.raises(ImagesError, match="this assignment's images are 28 x 28 x 1"):
        load("embedded", edition)
    np.savez(str(tmp_path / "i.npz"), x_test=np.zeros((5, 28, 28, 1), np.uint8), y_test=np.arange(5))
    assert load(tmp_path / "i.npz", edition).images.shape == (5, 28, 28, 1)


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "fifo", "device", "odd name", "objects", "float images", "label 10"]
)
def test_through_the_program_it_is_a_usage_error_before_anything_runs(tmp_path: Path, kind: str) -> None:
    folder = program.submission(tmp_path / "s")
    path = tmp_path / "images.npz"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(str(path))
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "odd name":
        path = tmp_path / "\x1b[2J\n.npz"
    elif kind in BAD:
        path.write_bytes(BAD[kind][0])
    # An interpreter that would be seen to have been started.
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ntouch {}\n".format(tmp_path / "started"))
    python.chmod(0o755)
    said = program.usage(program.check(tmp_path, folder, "--images", path, "--python", python))
    assert "--images" in said
    assert ("expected the folder cifar-10-batches-py" if kind == "folder" else "expected an .npz") in said
    assert "\x1b" not in said
    assert not (tmp_path / "started").exists()
