"""The official layout: pickles and archives, as they are made, broken, and hostile."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import time
from pathlib import Path
from typing import Any, Tuple

import numpy as np
import pytest

from checker import checks, editions
from checker.datasets import choosing, pairs, sources
from checker.errors import ImagesError
from tests import official_data as data

EDITION = editions.load(editions.DEFAULT, checks.every())
SHAPE = b"K\xc8M\x00\x0c\x86"  # (200, 3072)
HUGE = b"\x8a\x06" + b"\x7f" * 6 + b"M\x00\x0c\x86"
LABELS = data.numbers(*data.LABELS.tolist())


def load(path: Path) -> pairs.Images:
    return choosing.load(sources.candidates(str(path), {}, EDITION), EDITION)


def refused(path: Path) -> str:
    """Load what must be refused, soon; the message."""
    began = time.monotonic()
    with pytest.raises(ImagesError) as caught:
        load(path)
    assert time.monotonic() - began < 3
    words = str(caught.value)
    assert words.startswith("--images {}: expected the ".format(path))
    assert "\n" not in words
    assert len(words) < 600
    return words


@pytest.mark.parametrize("made_by", ["python 2", 2, 3, 4, "fortran"])
def test_a_batch_is_read_whoever_pickled_it(tmp_path: Path, made_by: Any) -> None:
    if made_by == "python 2":
        blob = data.python2()
    elif made_by == "fortran":
        blob = data.pickled(2, data=np.asfortranarray(data.ROWS))
    else:
        blob = data.pickled(made_by)
    found = load(data.unpacked(tmp_path / "b", blob))
    assert (found.images == data.IMAGES).all()
    assert (found.labels == data.LABELS).all()
    assert found.images.dtype == found.labels.dtype == np.uint8
    assert found.digest == data.DIGEST
    # Its bytes are those that NumPy's own reading of it gives.
    assert (pickle.loads(blob, encoding="bytes")[b"data"] == data.ROWS).all()


class Calls:
    """Pickles to the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Tuple[Any, ...]:
        return self._call


def keyed(key: bytes) -> bytes:
    return b"\x80\x02}" + key + b"K\x00s."


HOSTILE = {
    "os.system": (data.pickled(data=Calls(os.system, "touch here")), "it asks for posix.system, and may"),
    "eval": (data.pickled(data=Calls(eval, "1")), "it asks for "),
    "numpy.load": (b"\x80\x02cnumpy\nload\nU\x01x\x85R.", "it asks for numpy.load"),
    "scalar": (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "it asks for numpy.core.multiarray.scalar"),
    "copyreg": (b"\x80\x02ccopy_reg\n_reconstructor\n.", "it asks for copy_reg._reconstructor"),
    "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.", "it asks for numpy.dtype.__init__"),
    "codecs": (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.", "(an enc"),
    "class by number": (b"\x80\x02\x82\x01.", "a step 0x82"),
    "new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "a step 0x81"),
    "instance": (b"\x80\x02(inumpy\nndarray\n.", "a step 0x69"),
    "persistent": (b"\x80\x02Px\n.", "a step 0x50"),
    "array called": (b"\x80\x02cnumpy\nndarray\nK\x01\x85R.", "an array without numbers"),
    "other class": (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nK\x00K\x00K\x00\x87R.", "another class"),
    "state is a table": (
        data.table(data=data.array(b"}U\x05shapeK\x00s"), labels=LABELS),
        "a state where no array is",
    ),
    "state of a function": (b"\x80\x02cnumpy\ndtype\n}U\x01xK\x00sb.", "a state where no array is"),
    "state of a list": (b"\x80\x02]K\x00\x85b.", "a state where no array is"),
    "short state": (data.table(data=data.array(b"K\x01\x85"), labels=LABELS), "data is no array"),
    "no state": (
        data.table(data=data.array(b"")[:-1], labels=LABELS),
        "data is no array",
    ),
    "objects": (data.pickled(data=np.array([{}] * 200)), "data is not uint8 (n, 3072)"),
    "objects by name": (
        data.table(data=data.array(data.state(SHAPE, bytes(8), b"O")), labels=LABELS),
        "data is not uint8",
    ),
    "floats": (data.pickled(data=data.ROWS / 255), "data is not uint8 (n, 3072)"),
    "grey": (data.pickled(data=data.ROWS[:, :1024]), "data is not uint8 (n, 3072)"),
    "four axes": (data.pickled(data=data.IMAGES), "data is not uint8 (n, 3072)"),
    "petabytes": (
        data.table(data=data.array(data.state(HUGE, b"")), labels=LABELS),
        "images; 1 to 10,000 are taken",
    ),
    "less than none": (
        data.table(data=data.array(data.state(b"J\xff\xff\xff\xffM\x00\x0c\x86", b"")), labels=LABELS),
        "-1 images; 1 to 10,000 are taken",
    ),
    "too short": (
        data.table(data=data.array(data.state(SHAPE, bytes(100))), labels=LABELS),
        "data has another length than it declares",
    ),
    "no data": (data.pickled(data=None), "data is not in it"),
    "no labels": (data.pickled(labels=None), "labels is not in it"),
    "few labels": (data.pickled(labels=[1, 2]), "2 labels for 200 images"),
    "label 10": (data.pickled(labels=[10] * 200), "labels are not all between 0 and 9"),
    "label -1": (data.pickled(labels=[-1] * 200), "labels are not all between 0 and 9"),
    "large label": (data.pickled(labels=[2**63] * 200), "labels are not all between 0 and 9"),
    "true": (data.pickled(labels=[True] * 200), "labels is no list of whole numbers"),
    "one-hot": (data.pickled(labels=np.eye(10)[data.LABELS]), "labels is no list of whole numbers"),
    "a list": (pickle.dumps([1, 2], 2), "it is no dictionary"),
    "nothing": (b"\x80\x02", "it is no pickle, or a broken one"),
    "text": (b"<html>404 Not Found</html>", "it is no pickle, or a broken one"),
    "half": (data.python2()[:300_000], "it is no pickle, or a broken one"),
    "far memo": (b"\x80\x02Nr\xff\xff\xff\x7f0.", "a step 0x30"),
    "far memo alone": (b"\x80\x02Nr\xff\xff\xff\xff.", "it is no dictionary"),
    "memo of nothing": (b"\x80\x02h\x05.", "it is no pickle"),
    "long text": (b"\x80\x02T\xff\xff\xff\x7fabc.", "it is no pickle"),
    "longer text": (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.", "a step 0x8e"),
    "long number": (b"\x80\x02I" + b"9" * 10**6 + b"\n.", "a step 0x49"),
    "empty lists": (b"\x80\x02" + b"]" * 10**6 + b".", "it has more parts than its images need"),
    "copies": (b"\x80\x02]" + b"2\x86" * 10**5 + b".", "a step 0x32"),
    "slow key": (keyed(b")" + b"q\x01h\x01\x86" * 60), "a key that is no text"),
    "deep key": (keyed(b")" + b"\x85" * 100_000), "a key that is no text"),
    "list as key": (keyed(b"]"), "a key that is no text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_pickle_may_hold_arrays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    blob, words = HOSTILE[kind]
    assert words in refused(data.unpacked(tmp_path / "b", blob))
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_no_more_of_a_batch_is_read_than_its_images_need(tmp_path: Path) -> None:
    folder = data.unpacked(tmp_path / "b")
    with (folder / "test_batch").open("r+b") as stream:
        stream.truncate(2**40)  # nothing of it is on the disk
    assert "it has more than the" in refused(folder)


def test_a_batch_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    os.mkfifo(str(folder / "test_batch"))
    assert "it is no regular file" in refused(folder)
    (folder / "test_batch").unlink()
    (folder / "test_batch").mkdir()
    assert "this is a folder" in refused(folder)
    (folder / "test_batch").rmdir()
    assert "there is no test_batch in it" in refused(folder)
    (folder / "test_batch").symlink_to(folder / "nowhere")
    assert "there is no such file" in refused(folder)


def test_the_archive_itself_is_read_and_nothing_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    path.write_bytes(data.whole())
    assert load(path).digest == data.DIGEST
    assert [path.name for path in tmp_path.iterdir()] == ["any name"]


def other_member(kind: bytes, name: str = data.BATCH, size: int = 0) -> bytes:
    """An archive whose batch is no file."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, "/etc/passwd", size
    return member.tobuf()


def zipped(tar: bytes) -> bytes:
    import gzip

    return gzip.compress(tar + bytes(10240), 1)


ARCHIVES = {
    "another": (data.archive({"cifar-100-python/test": b"x"}), "there is no cifar-10-b"),
    "outside": (data.archive({"../" + data.BATCH: data.python2()}), "there is no cifar-10-b"),
    "symbolic link": (zipped(other_member(tarfile.SYMTYPE)), "in it is no regular file"),
    "hard link": (zipped(other_member(tarfile.LNKTYPE)), "in it is no regular file"),
    "device": (zipped(other_member(tarfile.CHRTYPE)), "in it is no regular file"),
    "folder": (zipped(other_member(tarfile.DIRTYPE)), "in it is no regular file"),
    "many": (data.archive({str(number): b"" for number in range(1100)}), "there is no cifar-10-b"),
    "hostile": (data.archive({data.BATCH: HOSTILE["os.system"][0]}), "it asks for posix.system"),
    "half": (data.whole()[:400_000], "it cannot be read (Compressed file ended"),
    "no tar": (zipped(b"hello" * 1000), "it is no .tar.gz, or a broken one"),
    "no gzip": (b"\x1f\x8b" + b"hello" * 1000, "it cannot be read"),
    "declares petabytes": (zipped(other_member(tarfile.REGTYPE, size=2**50)), "a broken one"),
    "long name": (zipped(other_member(tarfile.GNUTYPE_LONGNAME, size=2**50)), "a broken one"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(ARCHIVES))
def test_an_archive_that_cannot_be_used_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(ARCHIVES[kind][0])
    assert ARCHIVES[kind][1] in refused(path)


def test_an_archive_that_unpacks_to_more_than_any_disk_is_left_early(tmp_path: Path) -> None:
    import gzip

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as stream:
        stream.write(other_member(tarfile.REGTYPE, "data_batch_1", 2**40))
        for _ in range(900):
            stream.write(bytes(10**6))
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(buffer.getvalue())
    assert "it unpacks to more than the data set has" in refused(path)
