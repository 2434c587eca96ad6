"""Other images among the test images, unmarked: copies, training images, and images of the instructor's own.

Submitted code sees one array of images, in an order drawn for this run. The verdict is that of the test
images alone, and they come in the order in which they would come without the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np

from checker.datasets.pairs import Images
from checker.memorised import copies
from checker.memorised.others import Loaded

TEST, COPY, TRAINING, PRIVATE = range(4)
CHUNK = 64  # test images, within which positions are drawn
# A model that is far from the threshold is decided on after a few hundred images: most others come early.
EARLY = 512  # test images
MOST_PRIVATE = 1000


@dataclass(frozen=True)
class Shares:
    """How many other images come with each test image."""

    copies: float
    training: float
    private: float


FIRST, LATER = Shares(1, 1 / 2, 1 / 2), Shares(1 / 8, 1 / 32, 1 / 8)


@dataclass(frozen=True)
class Mixed:
    """What submitted code sees: images uint8 (m, 32, 32, 3); their labels uint8 (m,) stay outside.

    ``kind`` uint8 (m,) says what each of them is; ``of`` int (m,) is the place of a test image, or of the
    one that a copy was made of, among the test images (-1: of none).
    """

    images: np.ndarray
    labels: np.ndarray
    kind: np.ndarray
    of: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def tests(self) -> np.ndarray:
        """Which of them are test images: bool (m,)."""
        return self.kind == TEST

    @property
    def early(self) -> int:
        """How many of them there are up to the last of the EARLY test images."""
        return int(np.flatnonzero(self.tests)[:EARLY][-1]) + 1


def mix(
    images: np.ndarray,
    labels: np.ndarray,
    loaded: Loaded,
    seed: int,
) -> Mixed:
    """Mix others into the test images uint8 (n, 32, 32, 3), whose order among themselves stays."""
    generator = np.random.RandomState([seed, 2])  # what the seed draws besides is what it would be
    others = {
        TRAINING: _chosen(loaded.training, len(labels), generator),
        PRIVATE: _chosen(loaded.private, MOST_PRIVATE, generator),
    }
    kind, of = places(len(labels), len(others[TRAINING][1]), len(others[PRIVATE][1]), generator)
    mixed = Mixed(np.empty((len(kind), *images.shape[1:]), np.uint8), np.empty(len(kind), np.uint8), kind, of)
    mixed.images[kind == TEST], mixed.labels[kind == TEST] = images, labels
    copied = of[kind == COPY]
    mixed.images[kind == COPY] = copies.copies(images[copied], generator)
    mixed.labels[kind == COPY] = labels[copied]
    for which, (others_images, others_labels) in others.items():
        count = int((kind == which).sum())
        if count:
            mixed.images[kind == which] = others_images[:count]
            mixed.labels[kind == which] = others_labels[:count]
    return mixed


def _chosen(
    source: Optional[Images], most: int, generator: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """At most so many images of a source, and their labels, in random order."""
    if source is None:
        return np.empty(0, np.uint8), np.empty(0, np.uint8)
    chosen = generator.permutation(len(source))[:most]
    return source.images[chosen], source.labels[chosen]


def places(
    tests: int, trainings: int, privates: int, generator: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """What each image is, and which test image it is or is a copy of: uint8 (m,), int (m,)."""
    kinds: List[np.ndarray] = []
    ofs: List[np.ndarray] = []
    for start in range(0, tests, CHUNK):
        share = FIRST if start < EARLY else LATER
        own = np.arange(start, min(start + CHUNK, tests))
        copied = generator.choice(own, _count(share.copies, own), replace=False)
        training = min(trainings, _count(share.training, own))
        private = min(privates, _count(share.private, own))
        trainings, privates = trainings - training, privates - private
        kind = np.repeat((TEST, COPY, TRAINING, PRIVATE), (len(own), len(copied), training, private))
        kind = generator.permutation(kind)
        of = np.full(len(kind), -1)
        of[kind == TEST], of[kind == COPY] = own, copied
        kinds.append(kind.astype(np.uint8))
        ofs.append(of)
    return np.concatenate(kinds), np.concatenate(ofs)


def _count(share: float, own: np.ndarray) -> int:
    return int(share * len(own))
