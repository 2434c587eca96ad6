"""Where test images come from. True labels stay in the checker's own process.

A source is what a person names (``--images``, ``CHECKER_IMAGES``), or else the first that can be used of
Keras's cache, an archive fetched earlier, and the images that ship with the checker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np

from checker.datasets import download, embedded, files, npz, official
from checker.datasets.embedded import EMBEDDED, pack, unpack
from checker.datasets.files import Refused
from checker.datasets.pairs import KNOWN, MAX_IMAGES, Images, digest, with_digest
from checker.datasets.sources import Source, candidates, named
from checker.editions import Edition
from checker.errors import ImagesError
from checker.progress import Observer

__all__ = [
    "EMBEDDED", "KNOWN", "MAX_IMAGES", "Choice", "Images", "Source",
    "candidates", "choose", "digest", "load", "look", "named", "pack", "unpack", "with_digest",
]  # fmt: skip


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
            return replace(_load(source, edition, observer or Observer()), passed_over=tuple(passed_over))
        except ImagesError as error:
            _pass_over(source, error, passed_over)
    raise ImagesError("there are no test images to check with.")


def look(source: Source, edition: Edition) -> None:
    """Look at a source, as far as that takes less than a second or two. Raises ImagesError."""
    try:
        if source.kind == "npz":
            npz.look(source.where, edition)
        elif source.kind == "embedded":
            embedded.look(edition)
        elif source.kind == "download":
            official.need(edition)
        else:
            _read(source, edition, Observer())
    except Refused as error:
        raise _unusable(source, edition, error) from error


def _load(source: Source, edition: Edition, observer: Observer) -> Images:
    try:
        return _read(source, edition, observer)
    except Refused as error:
        raise _unusable(source, edition, error) from error


def _read(source: Source, edition: Edition, observer: Observer) -> Images:
    """Read a source; one that nobody named has to hold the edition's own test set. Raises Refused."""
    where, images, labels = _pairs(source, edition, observer)
    found = with_digest(where, images, labels)
    if source.kind in ("folder", "archive") and not source.named_by:
        wanted = edition.images.digest if edition.images is not None else ""
        if found.digest != wanted:
            raise Refused("its {:,} images and labels are not this assignment's test set".format(len(found)))
    return found


def _pairs(source: Source, edition: Edition, observer: Observer) -> Tuple[str, np.ndarray, np.ndarray]:
    if source.kind == "embedded":
        return (source.kind, *embedded.read(edition))
    if source.kind == "npz":
        return (source.where, *npz.read(source.where, edition))
    if source.kind == "folder":
        return (source.where, *official.from_folder(source.where, edition))
    if source.kind == "archive":
        sha256 = edition.images.sha256 if edition.images is not None and not source.named_by else ""
        return (source.where, *official.from_archive(source.where, edition, sha256))
    path = download.fetch(official.need(edition), observer)
    return (path, *official.from_archive(path, edition))


def _pass_over(source: Source, error: ImagesError, passed_over: List[str]) -> None:
    if source.named_by or source.kind == "embedded":
        raise error
    passed_over.append(str(error))


def _unusable(source: Source, edition: Edition, refused: Refused) -> ImagesError:
    """The message for one source: of one that nobody named, what is wrong alone."""
    if source.kind == "embedded":
        shape = " x ".join(map(str, edition.image_shape))
        words = "this assignment's images are {}, and {}: name yours with --images FILE.npz."
        return ImagesError(words.format(shape, refused))
    if not source.named_by:
        return ImagesError("{}: {}".format(source.label, refused))
    expected = _expected(source, edition, str(refused))
    return ImagesError(
        "{}: expected {}; {}.{}".format(source.label, expected, refused, _advice(source, edition))
    )


def _expected(source: Source, edition: Edition, found: str) -> str:
    if edition.images is not None:
        folder, batch = edition.images.batch.split("/")
        if source.kind == "download":
            return "to fetch " + edition.images.archive
        if source.kind == "folder":
            return "the folder {} of the official data set, with its file {}".format(folder, batch)
        if source.kind == "archive":
            name = download.file_name(edition.images)
            return "the official {}, with {} in it".format(name, edition.images.batch)
        if found == files.NO_FILE:
            return "an .npz, the folder {}, its .tar.gz, or one of: embedded, download".format(folder)
    return "an .npz with x_test, uint8 (n, {}), and y_test, labels 0 to {} of shape (n,) or (n, 1)".format(
        ", ".join(map(str, edition.image_shape)), edition.classes - 1
    )


def _advice(source: Source, edition: Edition) -> str:
    if source.kind != "download" or edition.images is None:
        return ""
    return " Try again, or fetch it with a browser and name the file: --images FILE.tar.gz."
