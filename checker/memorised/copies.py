"""Copies of images that a person takes for the same image, and a table of images does not.

What changes an image is continuous and drawn for each copy: nobody can prepare for all of its values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

import numpy as np

# Sizes of the changes; each has a least size, so that no copy is the image itself.
ANGLE = (1.0, 4.0)  # degrees, either way
SHIFT = (0.15, 0.5)  # pixels, either way, along both sides
GAIN = 0.05  # of each colour, as a part of it
OFFSET = 4.0  # of each colour, in the 256 steps of a pixel
NOISE = (0.5, 1.0)  # standard deviation of the noise, in the same steps


@dataclass(frozen=True)
class Transform:
    """One drawn change: degrees, pixels, and for each colour a factor and an offset; ``noise`` in steps."""

    angle: float
    shift: Tuple[float, float]
    gain: Tuple[float, ...]
    offset: Tuple[float, ...]
    noise: float


def draw(generator: np.random.RandomState, colours: int) -> Transform:
    """Draw a change."""
    return Transform(
        angle=_either_way(generator, ANGLE),
        shift=(_either_way(generator, SHIFT), _either_way(generator, SHIFT)),
        gain=tuple(generator.uniform(1 - GAIN, 1 + GAIN, colours)),
        offset=tuple(generator.uniform(-OFFSET, OFFSET, colours)),
        noise=generator.uniform(*NOISE),
    )


def copies(images: np.ndarray, generator: np.random.RandomState) -> np.ndarray:
    """Copies uint8 (n, height, width, colours) of the images, each changed in its own way."""
    changed = [apply(image, draw(generator, image.shape[-1]), generator) for image in images]
    return np.stack(changed) if changed else images[:0].copy()


def apply(image: np.ndarray, transform: Transform, generator: np.random.RandomState) -> np.ndarray:
    """One copy, uint8: turned about its centre and shifted in one resampling, then coloured, then noise.

    Cubic splines, the image mirrored at its edges; rounded to the 256 steps that every image has.
    """
    from scipy import ndimage

    angle = math.radians(transform.angle)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = (np.array(image.shape[:2]) - 1) / 2
    start = centre - turn @ (centre + np.array(transform.shift))
    planes = [
        ndimage.affine_transform(image[..., colour].astype(np.float64), turn, start, order=3, mode="mirror")
        for colour in range(image.shape[-1])
    ]
    turned = np.stack(planes, axis=-1) * np.array(transform.gain) + np.array(transform.offset)
    noisy = turned + generator.normal(0, transform.noise, image.shape)
    changed: np.ndarray = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return changed


def _either_way(generator: np.random.RandomState, size: Tuple[float, float]) -> float:
    return float(generator.choice((-1, 1)) * generator.uniform(*size))
