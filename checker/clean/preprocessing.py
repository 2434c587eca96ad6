"""What the ``preprocess_input`` of Keras's applications gives, computed here from the images.

The four modes are those of ``keras.applications.imagenet_utils`` ("none": of applications that scale by
themselves); "unit" is no application's, but what many write by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Optional

import numpy as np

TOLERANCE = 1e-5  # of the largest value
_CHUNK = 1000  # images at once
# Means and deviations of ImageNet's channels, red first.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE = (123.68, 116.779, 103.939)


def _torch(images: np.ndarray) -> np.ndarray:
    return (images / np.float32(255) - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)


MODES: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tf": lambda images: images / np.float32(127.5) - np.float32(1),
    "torch": _torch,
    "caffe": lambda images: (images - np.array(_CAFFE, np.float32))[..., ::-1],
    "none": lambda images: images,
    "unit": lambda images: images / np.float32(255),
}


def prepared(images: np.ndarray, mode: str) -> np.ndarray:
    """Images uint8 (m, height, width, 3) in one of MODES, float32."""
    found: np.ndarray = MODES[mode](images.astype(np.float32))
    return found


def mode_of(images: np.ndarray, given: np.ndarray) -> Optional[str]:
    """The mode that makes ``given``, all of it, out of images uint8 (m, height, width, 3); None: no one."""
    if given.shape != images.shape:
        return None
    for mode in MODES:
        if all(
            _equal(prepared(images[start : start + size], mode), given[start : start + size])
            # The first few rule out most modes.
            for start, size in ((0, 8), *((start, _CHUNK) for start in range(0, len(images), _CHUNK)))
        ):
            return mode
    return None


def _equal(ours: np.ndarray, given: np.ndarray) -> bool:
    most = TOLERANCE * max(1.0, float(np.abs(ours).max()))
    # NaN is never at most anything.
    return bool((np.abs(ours - given.astype(np.float32)) <= most).all())


def write(path: Path, images: np.ndarray, mode: str) -> Path:
    """Write the images, prepared, as raw float32; returns the path."""
    with path.open("wb") as stream:
        for start in range(0, len(images), _CHUNK):
            stream.write(np.ascontiguousarray(prepared(images[start : start + _CHUNK], mode)).tobytes())
    return path
