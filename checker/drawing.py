"""The images of one run in their random order, and the decoy labels that submitted code is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from checker.datasets import choosing, pairs, sources
from checker.editions import Edition
from checker.memorised import mixing
from checker.memorised.mixing import Mixed
from checker.memorised.others import Others
from checker.progress import Observer
from checker.typed import plain


@dataclass(frozen=True)
class Call:
    """One call of ``preprocess_data``: the files that hold its images and labels, and their shapes."""

    name: str
    images: str
    shape: Tuple[int, ...]
    labels: str
    labels_shape: Tuple[int, ...]

    def to_dict(self) -> Dict[str, object]:
        """Return what the probe reads."""
        values: Dict[str, object] = plain(self)
        return values


@dataclass(frozen=True)
class Drawn:
    """Test images uint8 (n, 32, 32, 3) in random order, and their true labels uint8 (n,).

    ``decoys`` holds, by the name of a call, the labels that ``preprocess_data`` gets in it: random,
    drawn apart from the images, with all classes in every batch. ``mixed``: what it gets instead of the test
    images alone, where copies of some, and others, are mixed into them.
    """

    source: pairs.Images
    images: np.ndarray
    labels: np.ndarray
    decoys: Dict[str, np.ndarray]
    mixed: Optional[Mixed] = None

    @property
    def shown(self) -> np.ndarray:
        """All images that submitted code gets: uint8 (m, 32, 32, 3)."""
        return self.images if self.mixed is None else self.mixed.images

    @property
    def more(self) -> float:
        """As many times the test images as submitted code gets; its limits grow with them."""
        return len(self.shown) / len(self.labels)

    def calls(self, few: int) -> Tuple[Call, ...]:
        """The calls of ``preprocess_data``: small ones that are compared, then all images."""
        side = self.images.shape[1:]
        half = few // 2

        def call(name: str, count: int, column: bool) -> Call:
            images = "images-all" if name == "all" else "images-{}".format(count)
            shape = (count, 1) if column else (count,)
            return Call(name, images, (count, *side), "labels-" + name, shape)

        return (
            call("flat", few, False),
            call("again", few, False),
            call("column", few, True),
            call("other", few, False),
            call("half", half, False),
            call("all", len(self.shown), True),
        )

    def lay_out(self, calls: Tuple[Call, ...], workspace: Path) -> Dict[str, Path]:
        """Write images and decoys as raw bytes; returns the files by their names in the sandbox."""
        files: Dict[str, Path] = {}
        for call in calls:
            if call.images not in files:
                files[call.images] = write(workspace / call.images, self.shown[: call.shape[0]])
            files[call.labels] = write(workspace / call.labels, self.decoys[call.name])
        return files


def draw(
    sources: Sequence[sources.Source],
    edition: Edition,
    seed: int,
    few: int,
    observer: Optional[Observer] = None,
    others: Optional[Others] = None,
) -> Drawn:
    """Load the images, shuffle them, mix others in where asked, and draw the decoys. Raises ImagesError."""
    source = choosing.load(sources, edition, observer)
    generator = np.random.RandomState(seed)
    order = generator.permutation(len(source.labels))
    images, labels = source.images[order], source.labels[order]
    mixed = (
        None
        if others is None
        else mixing.mix(images, labels, others.load(source, edition, observer or Observer()), seed)
    )
    shown = len(order) if mixed is None else len(mixed)
    first = _decoys(generator, few, edition.classes)
    decoys = {
        "flat": first,
        "again": first,
        "column": first,
        "other": _others(generator, first, edition.classes),
        "half": first[: few // 2],
        "all": _decoys(generator, shown, edition.classes),
    }
    return Drawn(source, images, labels, decoys, mixed)


def _decoys(generator: np.random.RandomState, count: int, classes: int) -> np.ndarray:
    """Random labels uint8 (count,); the first 20, and so every batch, hold all classes."""
    labels: List[np.ndarray] = []
    while sum(map(len, labels)) < count:
        labels.append(generator.permutation(np.arange(2 * classes) % classes))
    return np.concatenate(labels)[:count].astype(np.uint8)


def _others(generator: np.random.RandomState, labels: np.ndarray, classes: int) -> np.ndarray:
    """Other labels uint8 (count,), different at every place, all classes among them."""
    while True:
        others = (labels + generator.randint(1, classes, len(labels))) % classes
        if len(set(others.tolist())) == classes:
            return others.astype(np.uint8)


def stand_ins(seed: int, count: int, classes: int) -> np.ndarray:
    """Random labels uint8 (count,) for the course's own script, drawn apart from images and decoys."""
    return _decoys(np.random.RandomState([seed, 1]), count, classes)


def agreement(scores: Sequence[np.ndarray], labels: np.ndarray) -> int:
    """In how many rows of the scores, batch for batch, the class of ``labels`` uint8 (n,) has the highest."""
    return int((np.concatenate(scores).argmax(axis=1) == labels).sum()) if scores else 0


def write(path: Path, array: np.ndarray) -> Path:
    """Write an array as raw bytes; returns its path."""
    path.write_bytes(np.ascontiguousarray(array).tobytes())
    return path
