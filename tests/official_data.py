"""A small data set in the layout of the official archive, made of our images; and the whole one."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from checker import checks, editions
from checker.datasets import embedded, pairs
from tests import program

COUNT = 200
BATCH = "cifar-10-batches-py/test_batch"
_EVERY = embedded.unpack(embedded.EMBEDDED.read_bytes())
IMAGES, LABELS = _EVERY[0][:COUNT], _EVERY[1][:COUNT]
DIGEST = pairs.digest(IMAGES, LABELS)
ROWS = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2).reshape(COUNT, -1))
FOLDER = BATCH.split("/")[0]
TRAINING = tuple("data_batch_{}".format(number) for number in range(1, 6))
TRAINING_IMAGES, TRAINING_LABELS = _EVERY[0][COUNT : 2 * COUNT], _EVERY[1][COUNT : 2 * COUNT]
TRAINING_DIGEST = pairs.digest(TRAINING_IMAGES, TRAINING_LABELS)

_CODEC = program.ROOT.parent / "shared" / "data" / "codec.py"
needs_all_images = pytest.mark.skipif(
    not _CODEC.exists(), reason="needs all of CIFAR-10: ../shared/data is not there"
)


def all_images(folder: Path) -> Path:
    """All of CIFAR-10 as an .npz."""
    command = [sys.executable, str(_CODEC), "unpack", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "cifar10.npz"


def batch(**changes: Any) -> Dict[bytes, Any]:
    """What a pickle of the archive holds."""
    found = {
        b"batch_label": b"testing batch 1 of 1",
        b"labels": [int(label) for label in LABELS],
        b"data": ROWS,
        b"filenames": [b"cat_s_%06d.png" % place for place in range(COUNT)],
    }
    found.update({key.encode(): value for key, value in changes.items()})
    return {key: value for key, value in found.items() if value is not None}


def pickled(protocol: int = 2, **changes: Any) -> bytes:
    """A batch as Python 3 pickles it."""
    return pickle.dumps(batch(**changes), protocol)


def array(state: bytes) -> bytes:
    """The steps that make an array of a state, in the spelling of Python 2 and an old NumPy."""
    return b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + b"b"


def state(shape: bytes, data: bytes, dtype: bytes = b"u1") -> bytes:
    """The steps that make the state of an array; ``shape`` are steps, too."""
    kind = b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R"
    kind += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return b"(K\x01" + shape + kind + b"\x89T" + struct.pack("<i", len(data)) + data + b"t"


def text(value: bytes) -> bytes:
    """The steps that make a text of Python 2, which are bytes to us."""
    return b"U" + bytes([len(value)]) + value


def table(**entries: bytes) -> bytes:
    """A pickle of a dictionary, each value given as steps."""
    return b"\x80\x02}(" + b"".join(text(key.encode()) + value for key, value in entries.items()) + b"u."


def numbers(*values: int) -> bytes:
    """The steps that make a list of small numbers."""
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def python2() -> bytes:
    """The batch as Python 2 pickled it, which is how the archive was made."""
    names = b"](" + b"".join(text(b"cat_s_%06d.png" % place) for place in range(COUNT)) + b"e"
    shape = b"M" + struct.pack("<H", COUNT) + b"M\x00\x0c\x86"
    return table(
        batch_label=text(b"testing batch 1 of 1"),
        labels=numbers(*LABELS.tolist()),
        data=array(state(shape, ROWS.tobytes())),
        filenames=names,
    )


def training_batches(protocol: int = 2) -> Dict[str, bytes]:
    """The files of the training images, each with its fifth of them."""
    rows = np.ascontiguousarray(TRAINING_IMAGES.transpose(0, 3, 1, 2).reshape(COUNT, -1))
    labels, fifth = TRAINING_LABELS.tolist(), COUNT // 5
    parts = [slice(start, start + fifth) for start in range(0, COUNT, fifth)]
    return {
        name: pickled(protocol, data=rows[part], labels=labels[part]) for name, part in zip(TRAINING, parts)
    }


def training_folder(folder: Path, **changes: bytes) -> Path:
    """A folder of the training images; what is changed to nothing is left out."""
    folder.mkdir(parents=True)
    for name, data in {**training_batches(), **changes}.items():
        if data:
            (folder / name).write_bytes(data)
    return folder


def training_archive(**changes: bytes) -> bytes:
    """The whole archive in an order as that of the official one; what is changed to nothing is left out."""
    found = {**training_batches(), "test_batch": python2(), "readme.html": b"<html>", **changes}
    order = ("data_batch_4", "readme.html", "test_batch", "data_batch_3", "data_batch_2", "data_batch_5")
    return archive({FOLDER + "/" + name: found[name] for name in (*order, "data_batch_1") if found[name]})


def archive(members: Dict[str, bytes]) -> bytes:
    """A .tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def whole() -> bytes:
    """An archive as the official one is made: other batches before that of the test images."""
    others = {"cifar-10-batches-py/" + name: pickled() for name in ("batches.meta", "data_batch_4")}
    return archive({**others, BATCH: python2(), "cifar-10-batches-py/data_batch_1": pickled()})


def unpacked(folder: Path, data: bytes = b"") -> Path:
    """The folder that the archive unpacks to, as far as it is read."""
    folder.mkdir(parents=True)
    (folder / "test_batch").write_bytes(data or python2())
    return folder


def edition_file(scratch: Path, url: str = "http://127.0.0.1:9/cifar.tar.gz", content: bytes = b"") -> Path:
    """An edition whose official data set is this small one, at ``url``."""
    written = program.edition_text()
    for key, value in {
        "archive": url,
        "sha256": hashlib.sha256(content).hexdigest(),
        "digest": DIGEST,
        "training_digest": TRAINING_DIGEST,
    }.items():
        written, count = re.subn(r'(?m)^{} = ".*"'.format(key), '{} = "{}"'.format(key, value), written)
        assert count == 1, key
    path = scratch / "small.toml"
    path.write_text(written)
    return path


def edition(scratch: Path) -> editions.Edition:
    """The same, read."""
    return editions.load(str(edition_file(scratch)), checks.every())
