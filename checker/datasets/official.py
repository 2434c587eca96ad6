"""The data set as its authors publish it: a tar archive of pickles, or the folder that it unpacks to.

Of either the batch of test images is read alone, and nothing is unpacked to the disk.
"""

from __future__ import annotations

import gzip
import itertools
import os
import posixpath
import tarfile
from typing import IO, Any, Optional, Sequence, Tuple, cast

import numpy as np

from checker.datasets import files, unpickling
from checker.datasets.files import Refused
from checker.editions import Edition, OfficialImages

_MAX_MEMBERS = 1000
_BATCHES = 12  # an archive's size, as a multiple of the largest batch that is read
Pairs = Tuple[np.ndarray, np.ndarray]


def from_folder(path: str, edition: Edition) -> Pairs:
    """Images uint8 (n, *shape), labels uint8 (n,), from a folder's test batch. Raises Refused."""
    batch = batch_in(path, edition)
    if batch is None:
        raise Refused("there is no {} in it".format(posixpath.basename(need(edition).batch)))
    with files.regular(batch) as stream:
        return _read(stream, edition)


def batch_in(path: str, edition: Edition) -> Optional[str]:
    """The test batch in the folder that the archive holds, or in one that holds that folder (Keras 3)."""
    inner = need(edition).batch
    for name in (posixpath.basename(inner), inner):
        batch = os.path.join(path, *name.split("/"))
        if os.path.lexists(batch):
            return batch
    return None


def from_archive(path: str, edition: Edition, sha256: str = "") -> Pairs:
    """The same from the archive itself; where a checksum is given, it is verified first. Raises Refused."""
    if sha256:
        files.verify(path, sha256)
    most = _BATCHES * _most_bytes(edition)
    try:
        with files.regular(path) as stream, gzip.GzipFile(fileobj=stream) as unzipped:
            bounded = cast(IO[bytes], _Bounded(unzipped, most))
            with tarfile.open(fileobj=bounded, mode="r|") as archive:
                return _read(_member(archive, edition), edition)
    except (tarfile.TarError, RecursionError) as error:
        raise Refused("it is no .tar.gz, or a broken one ({})".format(error)) from error


def need(edition: Edition) -> OfficialImages:
    """What the edition says of the archive. Raises Refused."""
    if edition.images is None:
        raise Refused("this assignment names no official archive")
    return edition.images


def _member(archive: tarfile.TarFile, edition: Edition) -> IO[bytes]:
    name = need(edition).batch
    for member in itertools.islice(archive, _MAX_MEMBERS):
        if posixpath.normpath(member.name) == name:
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise Refused("{} in it is no regular file".format(name))
            return stream
    raise Refused("there is no {} in it".format(name))


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


def _most_bytes(edition: Edition) -> int:
    """Bytes of a batch: Python 3 writes some bytes as two, and each image has the name of a file."""
    return edition.test_images * (2 * _side(edition.image_shape) + 200) + 10**6


def _side(shape: Sequence[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _read(stream: IO[bytes], edition: Edition) -> Pairs:
    """One batch: a dictionary with ``data``, uint8 (n, channels * height * width), and ``labels``."""
    most = _most_bytes(edition)
    data = stream.read(most + 1)
    if len(data) > most:
        raise Refused("it has more than the {:,} bytes that its images need".format(most))
    # Of each image: its label and its file's name, each made in a few steps.
    table = unpickling.load(data, 20 * edition.test_images + 1000)
    if not isinstance(table, dict):
        raise Refused("it is no dictionary")
    images = _images(_entry(table, "data"), edition)
    return images, _labels(_entry(table, "labels"), len(images), edition)


def _entry(table: Any, name: str) -> Any:
    for key in (name.encode(), name):
        if key in table:
            return table[key]
    raise Refused("{} is not in it".format(name))


def _images(found: Any, edition: Edition) -> np.ndarray:
    """Images (n, height, width, channels), from rows that hold one channel after another."""
    row = _side(edition.image_shape)
    state = found.state if isinstance(found, unpickling.Array) else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise Refused("data is no array")
    _, shape, dtype, fortran, data = state
    plain = isinstance(shape, tuple) and len(shape) == 2 and all(type(side) is int for side in shape)
    kind = dtype.text if isinstance(dtype, unpickling.DType) else None
    if not plain or kind not in ("u1", b"u1") or shape[1] != row or not isinstance(data, bytes):
        raise Refused("data is not uint8 (n, {})".format(row))
    if not 0 < shape[0] <= edition.test_images:
        raise Refused("{:,} images; 1 to {:,} are taken".format(shape[0], edition.test_images))
    if len(data) != shape[0] * row:
        raise Refused("data has another length than it declares")
    flat = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")
    height, width, channels = edition.image_shape
    return np.ascontiguousarray(flat.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))


def _labels(found: Any, count: int, edition: Edition) -> np.ndarray:
    if not isinstance(found, list) or not all(type(label) is int for label in found):
        raise Refused("labels is no list of whole numbers")
    if len(found) != count:
        raise Refused("{:,} labels for {:,} images".format(len(found), count))
    last = edition.classes - 1
    if not all(0 <= label <= last for label in found):
        raise Refused("its labels are not all between 0 and {}".format(last))
    return np.array(found, np.uint8)
