"""Which source images are taken from, and the images of it.

A source is what a person names (``--images``, ``CHECKER_IMAGES``), or else the first that can be used of
Keras's cache, an archive fetched earlier, and the images that ship with the checker (test images alone).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, List, Mapping, Optional, Sequence, Tuple

from checker.datasets import download, npz, refusals, splits
from checker.datasets.files import Refused
from checker.datasets.pairs import Images, with_digest
from checker.datasets.sources import Source, caches, candidates, named
from checker.datasets.splits import TRAINING, Split
from checker.editions import Edition
from checker.errors import ImagesError
from checker.progress import Observer

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Choice:
    """The source that a check would take, and which ones it would pass over, each with the reason."""

    source: Source
    passed_over: Tuple[str, ...]


def choose(what: Optional[str], environment: Mapping[str, str], edition: Edition) -> Choice:
    """Say what a check would take; nothing is downloaded. Raises ImagesError as the check would."""
    passed_over: List[str] = []
    for source in candidates(what, environment, edition):
        try:
            look(source, edition)
            return Choice(source, tuple(passed_over))
        except ImagesError as error:
            _pass_over(source, error, passed_over)
    raise AssertionError("the last candidate is taken, or its error is raised")


def load(sources: Sequence[Source], edition: Edition, observer: Optional[Observer] = None) -> Images:
    """Take the first source that can be used; downloads, where that is it. Raises ImagesError."""
    passed_over: List[str] = []
    for source in sources:
        try:
            return replace(
                _load(source, splits.test(edition), observer or Observer()), passed_over=tuple(passed_over)
            )
        except ImagesError as error:
            _pass_over(source, error, passed_over)
    raise ImagesError("there are no test images to check with.")


def look(source: Source, edition: Edition) -> None:
    """Look at a source, as far as that takes less than a second or two. Raises ImagesError."""
    _look(source, splits.test(edition))


def training_sources(
    what: Optional[str], environment: Mapping[str, str], edition: Edition
) -> Tuple[Source, ...]:
    """Where training images are: what is named, or else the caches that, looked at, have them.

    Raises ImagesError, which says where they were looked for, and what to type.
    """
    split, asked = splits.training(edition), named(what, environment)
    places = tuple(caches(environment, edition)) if split.batches else ()
    if asked is not None:
        _look(asked, split, places)
        return (asked,)
    found, refused = [], {}
    for source in places:
        try:
            _glance(source, split)
            found.append(source)
        except Refused as error:
            refused[source] = error
    if not found:
        raise refusals.nowhere(split, refused)
    return tuple(found)


def training_there(
    what: Optional[str], environment: Mapping[str, str], edition: Edition
) -> Tuple[Source, ...]:
    """Where training images lie on this machine, what is named first; none is no error."""
    split, asked = splits.training(edition), named(what, environment)
    places = [asked] if asked is not None and asked.kind != "download" else []
    places.extend(caches(environment, edition) if split.batches else ())
    return tuple(source for source in places if _has(source, split))


def look_training(source: Source, edition: Edition) -> None:
    """Look whether a source has training images, without reading them. Raises ImagesError."""
    _look(source, splits.training(edition))


def training(source: Source, edition: Edition, observer: Optional[Observer] = None) -> Images:
    """Read the images that a model learns from; downloads, where that is it. Raises ImagesError."""
    return _load(source, splits.training(edition), observer or Observer())


def _look(source: Source, split: Split, places: Sequence[Source] = ()) -> None:
    try:
        _glance(source, split)
    except Refused as error:
        raise refusals.unusable(source, split, error, places) from error


def _has(source: Source, split: Split) -> bool:
    try:
        _glance(source, split)
    except Refused:
        return False
    return True


def _glance(source: Source, split: Split) -> None:
    """Read of a source what takes a second or two at most. Raises Refused."""
    if source.kind == "npz":
        npz.look(source.where, split)
        return
    from checker.datasets import embedded, official  # these need NumPy

    if source.kind == "embedded":
        embedded.look(split)
    elif source.kind == "download":
        official.need(split)
    elif split.name == TRAINING:
        official.look(source.where, split)
    else:
        _read(source, split, Observer())


def _load(source: Source, split: Split, observer: Observer) -> Images:
    try:
        return _read(source, split, observer)
    except Refused as error:
        raise refusals.unusable(source, split, error) from error


def _read(source: Source, split: Split, observer: Observer) -> Images:
    """Read a source; one that nobody named has to hold the edition's own images. Raises Refused."""
    where, images, labels = _pairs(source, split, observer)
    found = with_digest(where, images, labels)
    if source.kind in ("folder", "archive") and not source.named_by and found.digest != split.digest:
        words = "its {:,} images and labels are not this assignment's {} set"
        raise Refused(words.format(len(found), split.name))
    return found


def _pairs(source: Source, split: Split, observer: Observer) -> Tuple[str, np.ndarray, np.ndarray]:
    from checker.datasets import embedded, official

    if source.kind == "embedded":
        return (source.kind, *embedded.read(split))
    if source.kind == "npz":
        return (source.where, *npz.read(source.where, split))
    if source.kind == "folder":
        return (source.where, *official.from_folder(source.where, split))
    if source.kind == "archive":
        sha256 = official.need(split).sha256 if not source.named_by else ""
        return (source.where, *official.from_archive(source.where, split, sha256))
    path = download.fetch(official.need(split), observer)
    return (path, *official.from_archive(path, split))


def _pass_over(source: Source, error: ImagesError, passed_over: List[str]) -> None:
    if source.named_by or source.kind == "embedded":
        raise error
    passed_over.append(str(error))
