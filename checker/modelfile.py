"""What the inspection of a model file tells: its structure, what is odd in it, what it would do on loading.

All of it is seen: no submitted code runs there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple


@dataclass(frozen=True)
class Structure:
    """An HDF5 file's size in bytes, what is in it, how deep, and the bytes that its arrays promise."""

    size: int
    links: int
    groups: int
    datasets: int
    attributes: int
    depth: int
    promised: int


@dataclass(frozen=True)
class Archive:
    """A ``.keras`` file: how many members, the bytes that they promise, and who wrote it."""

    members: int
    promised: int
    keras_version: str = ""


@dataclass(frozen=True)
class FileFinding:
    """Something odd about a file, and where in it; ``kind`` is a name in kebab-case."""

    kind: str
    place: str
    detail: str


@dataclass(frozen=True)
class Place:
    """A place that Keras turns into something else than arithmetic on weights.

    ``acts``: loading or using the model would run code or reach out of it there. Of compiled code:
    ``names`` that it uses, ``constants`` as text, ``python``: the versions that can have written it, and
    ``compiled_in``: the file that it stood in. ``error``: why it cannot be read.
    """

    kind: str
    path: str
    what: str
    acts: bool
    names: Tuple[str, ...] = ()
    names_count: int = 0
    constants: Tuple[str, ...] = ()
    constants_count: int = 0
    python: str = ""
    compiled_in: str = ""
    error: str = ""


@dataclass(frozen=True)
class Inspected:
    """How it ended: whether all was read, and how many places and findings there are, told ones or not."""

    whole: bool
    places: int
    acting: int
    findings: Dict[str, int]


@dataclass(frozen=True)
class ModelFile:
    """All of it; ``inspected`` is None where the process ended before it was done."""

    structure: Optional[Structure] = None
    archive: Optional[Archive] = None
    findings: Tuple[FileFinding, ...] = ()
    places: Tuple[Place, ...] = ()
    inspected: Optional[Inspected] = field(default=None)

    def first(self, kind: str) -> Optional[FileFinding]:
        """Return the first finding of a kind, or None."""
        return next((finding for finding in self.findings if finding.kind == kind), None)

    @property
    def pythons(self) -> Tuple[str, ...]:
        """The versions of Python that wrote its code, as far as they can be told, each once."""
        return tuple(dict.fromkeys(place.python for place in self.places if place.python))
