"""An ``.npz`` with ``x_test`` and ``y_test``, or ``x_train`` and ``y_train``, as NumPy writes it."""

from __future__ import annotations

import array
import contextlib
import lzma
import re
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Sequence, Tuple

from checker.datasets import files
from checker.datasets.files import Refused
from checker.datasets.pairs import MAX_IMAGES
from checker.datasets.splits import Split

if TYPE_CHECKING:
    import numpy as np

_MAX_HEADER = 1000
# Whole numbers by NumPy's names, and those of the standard library's arrays.
_CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}
# What NumPy writes for plain numbers; no other head is read, and none is evaluated.
_HEADER = re.compile(
    r"\{'descr': '([<>|][a-z][1-9][0-9]?)', 'fortran_order': (True|False), "
    r"'shape': \(([0-9]{1,12}(?:, ?[0-9]{1,12})*,?|)\), ?\}\s*$"
)


def look(path: str, split: Split) -> None:
    """Look at a file without reading its images, and without NumPy, which takes a moment. Raises Refused."""
    with _open(path, split) as archive:
        _labels(archive, _headers(archive)[1])


def read(path: str, split: Split) -> Tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, *shape), labels uint8 (n,). Raises Refused."""
    import numpy as np

    with _open(path, split) as archive:
        of_images, of_labels = _headers(archive)
        labels = _labels(archive, of_labels)
        flat = np.frombuffer(archive.data(of_images), np.uint8)
        images = flat.reshape(of_images.shape, order="F" if of_images.fortran else "C")
        return np.ascontiguousarray(images), np.array(labels, np.uint8)


@dataclass(frozen=True)
class _Header:
    """The head of an ``.npy``: what the array is, and how many bytes the head itself has."""

    member: zipfile.ZipInfo
    dtype: str
    fortran: bool
    shape: Tuple[int, ...]
    size: int

    @property
    def length(self) -> int:
        """Bytes that the array has."""
        count = int(self.dtype[2:])
        for side in self.shape:
            count *= side
        return count


class _Archive:
    """An ``.npz``, read without NumPy's own reader, which believes any length that a head declares."""

    def __init__(self, archive: zipfile.ZipFile, split: Split) -> None:
        self._archive, self.split = archive, split

    def header(self, name: str) -> _Header:
        """Read the head of one array."""
        try:
            member = self._archive.getinfo(name + ".npy")
        except KeyError:
            raise Refused("{} is not in it".format(name)) from None
        with self._archive.open(member) as stream:
            start = stream.read(12)
            if start[:6] != b"\x93NUMPY" or len(start) < 12:
                raise Refused("{} is no array".format(name))
            wide = start[6] > 1
            length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
            if length > _MAX_HEADER:
                raise Refused("{} has a head of {:,} bytes".format(name, length))
            head = (b"" if wide else start[10:]) + stream.read(length)
            text = head[:length].decode("latin-1")
        found = _HEADER.match(text)
        if not found:
            raise Refused("{} holds no plain numbers".format(name))
        shape = tuple(int(side) for side in found.group(3).split(",") if side.strip())
        size = (12 if wide else 10) + length
        return _Header(member, found.group(1), found.group(2) == "True", shape, size)

    def data(self, header: _Header) -> bytes:
        """Read the numbers of one array; not a byte more than its head declares."""
        with self._archive.open(header.member) as stream:
            stream.read(header.size)
            data = stream.read(header.length)
            if len(data) != header.length or stream.read(1):
                raise Refused("{} has another length than it declares".format(header.member.filename))
        return data


def _labels(archive: _Archive, header: _Header) -> Sequence[int]:
    """The labels, in a row or in a column. Raises Refused."""
    labels = array.array(_CODES[header.dtype[1:]])
    labels.frombytes(archive.data(header))
    if header.dtype[0] == (">" if sys.byteorder == "little" else "<"):
        labels.byteswap()
    last = archive.split.edition.classes - 1
    if min(labels) < 0 or max(labels) > last:
        raise Refused("its labels are not all between 0 and {}".format(last))
    return labels


def _headers(archive: _Archive) -> Tuple[_Header, _Header]:
    """The heads of both arrays, which have to fit the edition and each other."""
    split = archive.split
    images, labels = archive.header(split.images), archive.header(split.labels)
    if images.dtype != "|u1" or images.shape[1:] != split.edition.image_shape or len(images.shape) != 4:
        raise Refused("{} is {} {}".format(split.images, _dtype_words(images.dtype), list(images.shape)))
    count = images.shape[0]
    if labels.dtype[1:] not in _CODES or labels.shape not in ((count,), (count, 1)):
        raise Refused("{} is {} {}".format(split.labels, _dtype_words(labels.dtype), list(labels.shape)))
    if not 0 < count <= MAX_IMAGES:
        raise Refused("{:,} images; 1 to {:,} are taken".format(count, MAX_IMAGES))
    return images, labels


def _dtype_words(dtype: str) -> str:
    kind = {"i": "int", "u": "uint", "f": "float", "b": "bool", "c": "complex"}.get(dtype[1], dtype)
    return kind + str(8 * int(dtype[2:]))


@contextlib.contextmanager
def _open(path: str, split: Split) -> Iterator[_Archive]:
    """Open a file of images; what goes wrong in it becomes Refused."""
    with files.regular(path) as stream:
        if stream.read(6) == b"\x93NUMPY":
            raise Refused("it is a single array (.npy)")
        try:
            with zipfile.ZipFile(stream) as archive:
                yield _Archive(archive, split)
        except zipfile.BadZipFile as error:
            raise Refused("it is no .npz, or a broken one ({})".format(error)) from error
        except lzma.LZMAError as error:
            raise Refused("it cannot be read ({})".format(error)) from error
        except RuntimeError as error:
            words = "it is encrypted, or compressed in a way that Python does not read"
            raise Refused(words) from error
