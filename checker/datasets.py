"""Where test images come from. True labels stay in the checker's own process."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

import numpy as np

from checker.editions import Edition
from checker.errors import ImagesError
from checker.text import printable

EMBEDDED = Path(__file__).parent / "images" / "cifar10-test-1000.xz"
EMBEDDED_SHAPE = (32, 32, 3)
KNOWN = {
    "899683d46c3a8c66fd56e1af12202e69fe5a4517be10b0f68e04c78fe585c57c": "the CIFAR-10 test set",
    "30df34649e25dccd6fe2b25f5bd15720e14d3fd784031cde50e9e31580ff3fec": "1,000 CIFAR-10 test images",
}


MAX_IMAGES = 100_000  # 300 MB of CIFAR-10
_MAX_HEADER = 1000
# What NumPy writes for plain numbers; no other head is read, and none is evaluated.
_HEADER = re.compile(
    r"\{'descr': '([<>|][a-z][1-9][0-9]?)', 'fortran_order': (True|False), "
    r"'shape': \(([0-9]{1,12}(?:, ?[0-9]{1,12})*,?|)\), ?\}\s*$"
)


@dataclass(frozen=True)
class Images:
    """Test images, uint8 (n, 32, 32, 3), and labels, uint8 (n,).

    ``digest`` is a SHA-256 over the pairs (image, label) that does not depend on their order.
    """

    source: str
    images: np.ndarray
    labels: np.ndarray
    digest: str
    name: str

    def __len__(self) -> int:
        return len(self.labels)


def load(path: Optional[str], edition: Edition) -> Images:
    """Take the test part of an ``.npz``, or the embedded 1,000 images. Raises ImagesError."""
    if path is None:
        if edition.image_shape != EMBEDDED_SHAPE:
            raise ImagesError(
                "this assignment's images are {}, and ours {}: name yours with --images FILE.npz.".format(
                    " x ".join(map(str, edition.image_shape)), " x ".join(map(str, EMBEDDED_SHAPE))
                )
            )
        images, labels = unpack(EMBEDDED.read_bytes())
        return _images("embedded", images, labels)
    images, labels = _read(path, edition)
    return _images(path, images, labels)


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of the sorted SHA-256 of each pair: label byte, then the image's bytes."""
    pairs = sorted(
        hashlib.sha256(bytes([int(label)]) + image.tobytes()).digest() for image, label in zip(images, labels)
    )
    return hashlib.sha256(b"".join(pairs)).hexdigest()


def pack(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Compress images without loss: colour differences, differences between rows, then LZMA."""
    planes = images.transpose(3, 0, 1, 2).astype(np.uint8)
    green = planes[1]
    planes = np.stack([green, planes[0] - green, planes[2] - green])
    planes[:, :, 1:] -= planes[:, :, :-1].copy()
    filters = [
        {"id": lzma.FILTER_DELTA, "dist": 1},
        {"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 4, "pb": 0},
    ]
    return lzma.compress(labels.astype(np.uint8).tobytes() + planes.tobytes(), filters=filters)


def unpack(blob: bytes) -> Tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`pack`: images uint8 (n, 32, 32, 3), labels uint8 (n,)."""
    data = np.frombuffer(lzma.decompress(blob), np.uint8)
    count = len(data) // (32 * 32 * 3 + 1)
    planes = data[count:].reshape(3, count, 32, 32)
    green, red, blue = np.cumsum(planes, axis=2, dtype=np.uint8)
    return np.stack([red + green, green, blue + green], axis=-1), data[:count].copy()


def _images(source: str, images: np.ndarray, labels: np.ndarray) -> Images:
    value = digest(images, labels)
    return Images(source, images, labels, value, KNOWN.get(value, ""))


def check_file(path: str, edition: Edition) -> None:
    """Look at an ``.npz`` without reading its images, which takes a moment. Raises ImagesError."""
    with _open(path, edition) as archive:
        _labels(archive, _headers(archive)["y_test"])


def _read(path: str, edition: Edition) -> Tuple[np.ndarray, np.ndarray]:
    with _open(path, edition) as archive:
        headers = _headers(archive)
        labels = _labels(archive, headers["y_test"])
        return np.ascontiguousarray(archive.array(headers["x_test"])), labels


class _Refused(Exception):
    """What is wrong with a file of images."""


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

    def __init__(self, archive: zipfile.ZipFile, edition: Edition) -> None:
        self._archive, self.edition = archive, edition

    def header(self, name: str) -> _Header:
        """Read the head of one array."""
        try:
            member = self._archive.getinfo(name + ".npy")
        except KeyError:
            raise _Refused("{} is not in it".format(name)) from None
        with self._archive.open(member) as stream:
            start = stream.read(12)
            if start[:6] != b"\x93NUMPY" or len(start) < 12:
                raise _Refused("{} is no array".format(name))
            wide = start[6] > 1
            length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
            if length > _MAX_HEADER:
                raise _Refused("{} has a head of {:,} bytes".format(name, length))
            head = (b"" if wide else start[10:]) + stream.read(length)
            text = head[:length].decode("latin-1")
        found = _HEADER.match(text)
        if not found:
            raise _Refused("{} holds no plain numbers".format(name))
        shape = tuple(int(side) for side in found.group(3).split(",") if side.strip())
        size = (12 if wide else 10) + length
        return _Header(member, found.group(1), found.group(2) == "True", shape, size)

    def array(self, header: _Header) -> np.ndarray:
        """Read one array; not a byte more than its head declares."""
        with self._archive.open(header.member) as stream:
            stream.read(header.size)
            data = stream.read(header.length)
            if len(data) != header.length or stream.read(1):
                raise _Refused("{} has another length than it declares".format(header.member.filename))
        flat = np.frombuffer(data, np.dtype(header.dtype))
        return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _labels(archive: _Archive, header: _Header) -> np.ndarray:
    labels = archive.array(header).ravel()
    last = archive.edition.classes - 1
    if labels.min() < 0 or labels.max() > last:
        raise _Refused("its labels are not all between 0 and {}".format(last))
    return labels.astype(np.uint8)


def _headers(archive: _Archive) -> Dict[str, _Header]:
    """The heads of both arrays, which have to fit the edition and each other."""
    images, labels = archive.header("x_test"), archive.header("y_test")
    if images.dtype != "|u1" or images.shape[1:] != archive.edition.image_shape or len(images.shape) != 4:
        raise _Refused("x_test is {} {}".format(_dtype_words(images.dtype), list(images.shape)))
    count = images.shape[0]
    if labels.dtype[1] not in "iu" or labels.shape not in ((count,), (count, 1)):
        raise _Refused("y_test is {} {}".format(_dtype_words(labels.dtype), list(labels.shape)))
    if not 0 < count <= MAX_IMAGES:
        raise _Refused("{:,} images; 1 to {:,} are taken".format(count, MAX_IMAGES))
    return {"x_test": images, "y_test": labels}


def _dtype_words(dtype: str) -> str:
    kind = {"i": "int", "u": "uint", "f": "float", "b": "bool", "c": "complex"}.get(dtype[1], dtype)
    return kind + str(8 * int(dtype[2:]))


@contextlib.contextmanager
def _open(path: str, edition: Edition) -> Iterator[_Archive]:
    """Open a file of images; what goes wrong in it becomes one message."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _Refused("it is no regular file")
            if stream.read(6) == b"\x93NUMPY":
                raise _Refused("it is a single array (.npy)")
            with zipfile.ZipFile(stream) as archive:
                yield _Archive(archive, edition)
    except _Refused as error:
        found = str(error)
    except FileNotFoundError:
        found = "there is no such file"
    except IsADirectoryError:
        found = "this is a folder"
    except zipfile.BadZipFile as error:
        found = "it is no .npz, or a broken one ({})".format(error)
    except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError) as error:
        found = "it cannot be read ({})".format(getattr(error, "strerror", None) or error)
    except RuntimeError:
        found = "it is encrypted, or compressed in a way that Python does not read"
    except MemoryError:
        found = "it cannot be read (not enough memory)"
    else:
        return
    raise ImagesError(
        "--images {}: expected an .npz with x_test, uint8 (n, {}), and y_test, "
        "labels 0 to {} of shape (n,) or (n, 1); {}.".format(
            printable(path), ", ".join(map(str, edition.image_shape)), edition.classes - 1, found
        )
    )
