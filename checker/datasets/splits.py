"""The test images and the training images of a data set, and what each kind of source calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from checker.datasets.pairs import MAX_IMAGES
from checker.editions import Edition

TEST, TRAINING = "test", "training"


@dataclass(frozen=True)
class Split:
    """The test images or the training images of an edition.

    ``images`` and ``labels`` name the arrays of an ``.npz``. ``batches`` are the paths in the official
    archive, none where the edition names none; ``digest`` is that of all their images together, ``most``
    how many images one of them may have.
    """

    name: str
    edition: Edition
    images: str
    labels: str
    batches: Tuple[str, ...]
    digest: str
    most: int


def test(edition: Edition) -> Split:
    """The images that a check scores."""
    official = edition.images
    batches = () if official is None else (official.batch,)
    digest = "" if official is None else official.digest
    return Split(TEST, edition, "x_test", "y_test", batches, digest, edition.test_images)


def training(edition: Edition) -> Split:
    """The images that a model learns from."""
    official = edition.images
    batches = () if official is None else official.training
    digest = "" if official is None else official.training_digest
    most = MAX_IMAGES // max(1, len(batches))
    return Split(TRAINING, edition, "x_train", "y_train", batches, digest, most)
