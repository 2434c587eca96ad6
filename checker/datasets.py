"""Where test images come from. True labels stay in the checker's own process."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from checker.editions import Edition
from checker.errors import ImagesError

EMBEDDED = Path(__file__).parent / "images" / "cifar10-test-1000.xz"
KNOWN = {
    "899683d46c3a8c66fd56e1af12202e69fe5a4517be10b0f68e04c78fe585c57c": "the CIFAR-10 test set",
    "30df34649e25dccd6fe2b25f5bd15720e14d3fd784031cde50e9e31580ff3fec": "1,000 CIFAR-10 test images",
}


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


def _read(path: str, edition: Edition) -> Tuple[np.ndarray, np.ndarray]:
    def refuse(found: str) -> ImagesError:
        return ImagesError(
            "{}: expected an .npz with x_test, uint8 (n, 32, 32, 3), and y_test, "
            "labels 0 to {} of shape (n,) or (n, 1); {}.".format(path, edition.classes - 1, found)
        )

    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ("x_test", "y_test") if key not in archive.files]
            if missing:
                raise refuse("{} is not in it".format(" and ".join(missing)))
            images, labels = archive["x_test"], archive["y_test"]
    except AttributeError as error:
        raise refuse("it is a single array") from error
    except FileNotFoundError as error:
        raise refuse("there is no such file") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise refuse("it cannot be read: {}".format(error)) from error
    if images.dtype != np.uint8 or images.shape[1:] != tuple(edition.image_shape):
        raise refuse("x_test is {} {}".format(images.dtype, images.shape))
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)):
        raise refuse("y_test is {} {}".format(labels.dtype, labels.shape))
    labels = labels.ravel()
    if not len(labels) or labels.min() < 0 or labels.max() >= edition.classes:
        raise refuse("its labels are not all between 0 and {}".format(edition.classes - 1))
    return np.ascontiguousarray(images), labels.astype(np.uint8)
