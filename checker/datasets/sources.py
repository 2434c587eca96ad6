"""Where images may come from on this machine, in the order in which they are tried."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, Mapping, Optional, Tuple

from checker.datasets import download
from checker.editions import Edition
from checker.text import printable

OPTION, VARIABLE = "--images", "CHECKER_IMAGES"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """One source: ``kind`` is "npz", "folder", "archive", "download" or "embedded".

    ``named_by`` is the option or the variable that names it, "" where nobody did; ``why`` says so in words.
    """

    kind: str
    where: str
    named_by: str
    why: str

    @property
    def label(self) -> str:
        """How a message begins that is about this source."""
        if not self.named_by:
            return printable(self.where)
        return self.named_by + ("=" if self.named_by == VARIABLE else " ") + printable(self.where)


def named(what: Optional[str], environment: Mapping[str, str]) -> Optional[Source]:
    """The source that a person names, on the command line or in the environment."""
    if what is not None:
        return Source(_kind(what), what, OPTION, "named by " + OPTION)
    variable = environment.get(VARIABLE)
    if variable:
        return Source(_kind(variable), variable, VARIABLE, "named by " + VARIABLE)
    return None


def candidates(what: Optional[str], environment: Mapping[str, str], edition: Edition) -> Tuple[Source, ...]:
    """Where test images are: what is named, or else what is there; the last one is always there."""
    asked = named(what, environment)
    if asked is not None:
        return (asked,)
    embedded = Source("embedded", "embedded", "", "it ships with the checker")
    return (*filter(is_there, caches(environment, edition)), embedded)


def places(sources: Iterable[Source], environment: Mapping[str, str], edition: Edition) -> Tuple[str, ...]:
    """Files and folders of this machine that hold true labels: of these sources, and of all caches."""
    every = (*sources, *caches(environment, edition))
    return tuple(source.where for source in every if source.kind not in ("embedded", "download"))


def _kind(what: str) -> str:
    if what in ("embedded", "download"):
        return what
    if os.path.isdir(what):
        return "folder"
    return "archive" if _starts_with(what, _GZIP) else "npz"


def _starts_with(path: str, magic: bytes) -> bool:
    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            return False
        with open(path, "rb") as stream:
            return stream.read(len(magic)) == magic
    except (OSError, ValueError):
        return False


def caches(environment: Mapping[str, str], edition: Edition) -> Iterator[Source]:
    """Keras's own cache, then the archive that was fetched by us; whether they are there or not."""
    if edition.images is None:
        return
    folder = edition.images.batch.split("/")[0]
    for name in (folder, folder + "-target"):  # Keras 2, Keras 3
        path = keras_home(environment) / "datasets" / name
        yield Source("folder", str(path), "", "it lies in Keras's cache")
    yield Source("archive", str(download.kept(edition.images)), "", "it was downloaded earlier")


def is_there(source: Source) -> bool:
    """Whether there is something at a path."""
    return os.path.lexists(source.where)


def keras_home(environment: Mapping[str, str]) -> Path:
    """The folder that Keras keeps its data sets in."""
    return Path(environment.get("KERAS_HOME") or os.path.join("~", ".keras")).expanduser()
