"""The folder that a regeneration works in: what lies where, and that one run at a time has it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from checker.errors import CheckerError, UsageError
from checker.text import printable

_PATIENCE = 10.0  # seconds that the processes of a run that was killed take to end


class Place:
    """Paths in the folder of a regeneration; ``work`` holds what is only needed to go on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        self.script = folder / "0-transfer.py"
        self.model, self.weights = folder / "cifar10.h5", folder / "weights.npz"
        self.result, self.card = folder / "result.json", folder / "model-card.md"
        self.settings, self.log = self.work / "settings.json", self.work / "log.txt"
        self.costs, self.temporary = self.work / "costs", self.work / "tmp"

    def make(self) -> None:
        """Make the folders. Raises UsageError where that cannot be."""
        try:
            self.costs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                "--out {}: expected a folder that can be written to; {}.".format(
                    printable(str(self.folder)), error.strerror
                )
            ) from error

    @contextlib.contextmanager
    def alone(self) -> Iterator[int]:
        """Hold the folder's lock; gives its descriptor, which every stage inherits and so holds too."""
        with open(str(self.work / "lock"), "w") as stream:
            until = time.monotonic() + _PATIENCE
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if time.monotonic() > until:
                        raise CheckerError(
                            "another regeneration is at work in {}; wait for it, or name another folder with"
                            " --out.".format(printable(str(self.folder)))
                        ) from error
                    time.sleep(0.1)
            yield stream.fileno()

    def kept_settings(self) -> Optional[Dict[str, Any]]:
        """The settings of the run that was begun here."""
        try:
            return dict(json.loads(self.settings.read_text()))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UsageError(
                "{}: expected the settings of a regeneration, found something else; remove {} to begin"
                " anew.".format(printable(str(self.settings)), printable(str(self.work)))
            ) from error
