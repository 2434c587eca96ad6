"""The training images, and where the stages find them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from checker.datasets import choosing, pairs
from checker.datasets.pairs import Images
from checker.datasets.sources import Source
from checker.editions import Edition
from checker.progress import Observer

_SMOKE = 800  # of the embedded images: a trial of every stage, with nothing to learn


def look(
    what: Optional[str], smoke: bool, environment: Mapping[str, str], edition: Edition
) -> Tuple[Source, ...]:
    """The sources to try, the first of them looked at. Raises UsageError."""
    if smoke and what is None:
        return (Source("embedded", "embedded", "", "it ships with the checker"),)
    return choosing.training_sources(what, environment, edition)


def take(sources: Tuple[Source, ...], smoke: bool, edition: Edition, observer: Observer) -> Images:
    """Read the training images; of a trial run, as many as it takes."""
    if smoke and sources[0].kind == "embedded":
        found = choosing.load(sources, edition, observer)
    else:
        found = choosing.training(sources[0], edition, observer)
    return pairs.with_digest(found.source, found.images[:_SMOKE], found.labels[:_SMOKE]) if smoke else found


def lay_out(taken: Images, folder: Path) -> None:
    """Write images and labels where the stages read them, as NumPy does."""
    for name, array in (("images", taken.images), ("labels", taken.labels)):
        _write(folder / (name + ".npy"), array)


def _write(path: Path, array: Any) -> None:
    partial = path.with_suffix(".partial")
    with open(str(partial), "wb") as stream:
        np.save(stream, array)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(str(partial), str(path))
