"""Images and their labels, and the digest that names a set of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Tuple

if TYPE_CHECKING:
    import numpy as np

MAX_IMAGES = 100_000  # 300 MB of CIFAR-10
KNOWN = {
    "899683d46c3a8c66fd56e1af12202e69fe5a4517be10b0f68e04c78fe585c57c": "the CIFAR-10 test set",
    "d59acf989e068e709ce686cda292672c7b212c08d29d3d3e6d8c3aa99eba6a85": "the CIFAR-10 training set",
    "30df34649e25dccd6fe2b25f5bd15720e14d3fd784031cde50e9e31580ff3fec": "1,000 CIFAR-10 test images",
}


@dataclass(frozen=True)
class Images:
    """Images, uint8 (n, 32, 32, 3), and labels, uint8 (n,).

    ``digest`` is a SHA-256 over the pairs (image, label) that does not depend on their order.
    ``passed_over`` says which sources came before this one and could not be used, and why.
    """

    source: str
    images: np.ndarray
    labels: np.ndarray
    digest: str
    name: str
    passed_over: Tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def with_digest(source: str, images: np.ndarray, labels: np.ndarray) -> Images:
    """Put images and labels together with their digest, and its name where it is known."""
    value = digest(images, labels)
    return Images(source, images, labels, value, KNOWN.get(value, ""))


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of the sorted SHA-256 of each pair: label byte, then the image's bytes."""
    pairs = sorted(
        hashlib.sha256(bytes([int(label)]) + image.tobytes()).digest() for image, label in zip(images, labels)
    )
    return hashlib.sha256(b"".join(pairs)).hexdigest()
