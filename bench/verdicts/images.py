"""Test images, and labels by which a model has the accuracy that it is to have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import numpy as np

from bench.verdicts.plan import ALL
from checker import checks, editions
from checker.datasets import choosing, sources

CLASSES = 10


def everything(what: Optional[str]) -> np.ndarray:
    """ALL images uint8 (n, 32, 32, 3): those that ``--images`` names, or else that a check would take.

    Where there are fewer, they are repeated, moved by some pixels: what a network costs does not depend on
    what it sees. Raises ImagesError.
    """
    edition = editions.load(editions.DEFAULT, checks.every())
    images = choosing.load(sources.candidates(what, os.environ, edition), edition).images
    copies = [np.roll(images, times, axis=2) for times in range(-(-ALL // len(images)))]
    return np.concatenate(copies)[:ALL]


def labels(classes: np.ndarray, accuracy: float) -> np.ndarray:
    """Labels uint8 (n,) of which a model that predicts ``classes`` has the share ``accuracy`` right, exactly.

    Which ones are wrong, and what they say instead, is drawn at random, each time alike.
    """
    generator = np.random.RandomState(round(accuracy * 1000))
    wrong = generator.permutation(len(classes))[round(accuracy * len(classes)) :]
    found = classes.astype(np.uint8)
    found[wrong] = (found[wrong] + generator.randint(1, CLASSES, len(wrong))) % CLASSES
    return found


def write(path: Path, images: np.ndarray, classes: np.ndarray, accuracy: float, count: int) -> Path:
    """Write the first ``count`` images and their labels as ``--images`` takes them; returns the path."""
    with path.open("wb") as stream:
        np.savez(stream, x_test=images[:count], y_test=labels(classes[:count], accuracy))
    return path
