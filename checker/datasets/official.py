"""The data set as its authors publish it: a tar archive of pickles, or the folder that it unpacks to.

Of either the batches that are asked for are read alone, and nothing is unpacked to the disk.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import posixpath
import tarfile
from typing import IO, Any, Dict, Iterator, Sequence, Tuple, cast

import numpy as np

from checker.datasets import files, unpickling
from checker.datasets.files import Refused
from checker.datasets.splits import Split
from checker.editions import OfficialImages

_MAX_MEMBERS = 1000
_OTHERS = 11  # what else an archive may hold: so many batches of test images
Pairs = Tuple[np.ndarray, np.ndarray]


def look(path: str, split: Split) -> None:
    """See that a folder has its batches, or that an archive begins as one. Raises Refused."""
    need(split)
    if not os.path.isdir(path):
        with _opened(path, split):
            return
    for batch in split.batches:
        with _file(path, batch, split):
            pass


def from_folder(path: str, split: Split) -> Pairs:
    """Images uint8 (n, *shape), labels uint8 (n,), from a folder's batches. Raises Refused."""
    need(split)
    found: Dict[str, Pairs] = {}
    for batch in split.batches:
        with _file(path, batch, split) as stream:
            found[batch] = _read(stream, split)
    return _joined(found, split)


def from_archive(path: str, split: Split, sha256: str = "") -> Pairs:
    """The same from the archive itself; where a checksum is given, it is verified first. Raises Refused."""
    need(split)
    if sha256:
        files.verify(path, sha256)
    found: Dict[str, Pairs] = {}
    with _opened(path, split) as archive:
        for batch, stream in _streams(archive, split):
            with _said_of(batch, split):
                found[batch] = _read(stream, split)
    return _joined(found, split)


def need(split: Split) -> OfficialImages:
    """What the edition says of the archive. Raises Refused."""
    official = split.edition.images
    if official is None:
        raise Refused("this assignment names no official archive")
    if not split.batches:
        raise Refused("this assignment names no {} images in the official archive".format(split.name))
    return official


@contextlib.contextmanager
def _file(path: str, batch: str, split: Split) -> Iterator[IO[bytes]]:
    """Open a batch in the folder that the archive holds, or in one that holds that folder (Keras 3)."""
    name = posixpath.basename(batch)
    for inner in (name, batch):
        file = os.path.join(path, *inner.split("/"))
        if os.path.lexists(file):
            with _said_of(batch, split), files.regular(file) as stream:
                yield stream
            return
    raise Refused("there is no {} in it".format(name))


@contextlib.contextmanager
def _opened(path: str, split: Split) -> Iterator[tarfile.TarFile]:
    """Open an archive; it is read once, from its beginning."""
    most = _OTHERS * _most_bytes(split, split.edition.test_images)
    most += len(split.batches) * _most_bytes(split, split.most)
    try:
        with files.regular(path) as stream, gzip.GzipFile(fileobj=stream) as unzipped:
            bounded = cast(IO[bytes], _Bounded(unzipped, most))
            with tarfile.open(fileobj=bounded, mode="r|") as archive:
                yield archive
    except (tarfile.TarError, RecursionError) as error:
        raise Refused("it is no .tar.gz, or a broken one ({})".format(error)) from error


def _streams(archive: tarfile.TarFile, split: Split) -> Iterator[Tuple[str, IO[bytes]]]:
    """The batches of a split, in the order in which the archive has them."""
    missing = list(split.batches)
    for member in itertools.islice(archive, _MAX_MEMBERS):
        name = posixpath.normpath(member.name)
        if name in missing:
            missing.remove(name)
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise Refused("{} in it is no regular file".format(name))
            yield name, stream
        if not missing:
            return
    raise Refused("there is no {} in it".format(missing[0]))


@contextlib.contextmanager
def _said_of(batch: str, split: Split) -> Iterator[None]:
    """Of several batches, name the one that is refused."""
    try:
        yield
    except Refused as refused:
        if len(split.batches) == 1:
            raise
        raise Refused("{}: {}".format(posixpath.basename(batch), refused)) from refused


def _joined(found: Dict[str, Pairs], split: Split) -> Pairs:
    """All batches in the order of the edition."""
    images, labels = zip(*(found[batch] for batch in split.batches))
    return np.concatenate(images), np.concatenate(labels)


class _Bounded:
    """A stream that gives no more than so many bytes: some archives are larger than any disk."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Refused("it unpacks to more than the data set has")
        return data


def _most_bytes(split: Split, count: int) -> int:
    """Bytes of a batch: Python 3 writes some bytes as two, and each image has the name of a file."""
    return count * (2 * _side(split.edition.image_shape) + 200) + 10**6


def _side(shape: Sequence[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _read(stream: IO[bytes], split: Split) -> Pairs:
    """One batch: a dictionary with ``data``, uint8 (n, channels * height * width), and ``labels``."""
    most = _most_bytes(split, split.most)
    data = stream.read(most + 1)
    if len(data) > most:
        raise Refused("it has more than the {:,} bytes that its images need".format(most))
    # Of each image: its label and its file's name, each made in a few steps.
    table = unpickling.load(data, 20 * split.most + 1000)
    if not isinstance(table, dict):
        raise Refused("it is no dictionary")
    images = _images(_entry(table, "data"), split)
    return images, _labels(_entry(table, "labels"), len(images), split)


def _entry(table: Any, name: str) -> Any:
    for key in (name.encode(), name):
        if key in table:
            return table[key]
    raise Refused("{} is not in it".format(name))


def _images(found: Any, split: Split) -> np.ndarray:
    """Images (n, height, width, channels), from rows that hold one channel after another."""
    row = _side(split.edition.image_shape)
    state = found.state if isinstance(found, unpickling.Array) else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise Refused("data is no array")
    _, shape, dtype, fortran, data = state
    plain = isinstance(shape, tuple) and len(shape) == 2 and all(type(side) is int for side in shape)
    kind = dtype.text if isinstance(dtype, unpickling.DType) else None
    if not plain or kind not in ("u1", b"u1") or shape[1] != row or not isinstance(data, bytes):
        raise Refused("data is not uint8 (n, {})".format(row))
    if not 0 < shape[0] <= split.most:
        raise Refused("{:,} images; 1 to {:,} are taken".format(shape[0], split.most))
    if len(data) != shape[0] * row:
        raise Refused("data has another length than it declares")
    flat = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")
    height, width, channels = split.edition.image_shape
    return np.ascontiguousarray(flat.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))


def _labels(found: Any, count: int, split: Split) -> np.ndarray:
    if not isinstance(found, list) or not all(type(label) is int for label in found):
        raise Refused("labels is no list of whole numbers")
    if len(found) != count:
        raise Refused("{:,} labels for {:,} images".format(len(found), count))
    last = split.edition.classes - 1
    if not all(0 <= label <= last for label in found):
        raise Refused("its labels are not all between 0 and {}".format(last))
    return np.array(found, np.uint8)
