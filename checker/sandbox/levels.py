"""What all isolation levels have in common; alone it is the level "limits", which has no walls."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Optional, Tuple

from checker.errors import ToolError
from checker.sandbox import users, view
from checker.sandbox.scratch import Scratch


@dataclass(frozen=True)
class Paths:
    """Where a probe finds the probes, its inputs, and room to write in."""

    probes: str
    inputs: str
    work: str
    temporary: str


@dataclass(frozen=True)
class Entry:
    """What a command starts with, the descriptors that it needs, and the user namespace it starts in."""

    command: Tuple[str, ...] = ()
    descriptors: Tuple[int, ...] = ()
    namespace: Optional[int] = None

    def join(self) -> None:
        """Enter the namespace; for the new process itself."""
        if self.namespace is not None:
            users.join(self.namespace)


class Level:
    """The level "limits". ``contained``: no process of a run outlives its first one."""

    name = "limits"
    contained = False

    def __init__(self, probes: Path) -> None:
        self._probes = probes

    @property
    def vendor(self) -> str:
        """Where a probe finds what ships with the checker."""
        return str(view.PACKAGE / "vendor")

    def paths(self, scratch: Scratch) -> Paths:
        """Where a probe finds what it needs."""
        inputs, temporary = str(scratch.path / "input"), str(scratch.path / "tmp")
        return Paths(str(self._probes), inputs, str(scratch.work), temporary)

    @contextlib.contextmanager
    def enter(self, inputs: Mapping[str, Path], scratch: Scratch) -> Iterator[Entry]:
        """Lay out the inputs, and say what the command starts with. Raises ToolError."""
        lay_out(inputs, scratch.path / "input")
        yield Entry()


def lay_out(inputs: Mapping[str, Path], folder: Path) -> None:
    """The inputs under their names, as links to the copies."""
    try:
        folder.mkdir()
        for name, path in inputs.items():
            (folder / name).symlink_to(path)
    except OSError as error:
        raise ToolError("a probe could not be started: {}".format(error)) from error
