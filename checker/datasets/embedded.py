"""The 1,000 test images that ship with the checker."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Tuple

import numpy as np

from checker.datasets.files import Refused
from checker.datasets.splits import TEST, Split

EMBEDDED = Path(__file__).parent / "cifar10-test-1000.xz"
SHAPE = (32, 32, 3)


def look(split: Split) -> None:
    """Raise Refused where other images than ours are asked for."""
    if split.name != TEST:
        raise Refused("the images that ship with the checker are test images")
    if split.edition.image_shape != SHAPE:
        raise Refused("ours are " + " x ".join(map(str, SHAPE)))


def read(split: Split) -> Tuple[np.ndarray, np.ndarray]:
    """Images uint8 (1000, 32, 32, 3), labels uint8 (1000,). Raises Refused."""
    look(split)
    return unpack(EMBEDDED.read_bytes())


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
