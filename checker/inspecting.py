"""Inspect one model file by itself: no assignment, no TensorFlow, nothing of it is run."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from checker import evidence, own, run
from checker.errors import ToolError, UsageError
from checker.evidence import InspectionEvidence
from checker.progress import Observer
from checker.sandbox import Isolation, Limits
from checker.sandbox.channel import Receiver

# Findings that lead out of the file, or let it take more than it holds; the others are odd alone.
REACHING = (
    "external-link",
    "unknown-link",
    "external-storage",
    "virtual-dataset",
    "filter-plugin",
    "promises-more",
    "member-outside",
    "link-member",
    "overlapping-member",
    "pickle-member",
)
LIMITS = Limits(
    seconds=120, memory=4 * 10**9, processes=20, printed=10**6, scratch=8 * 10**9
)  # weights of a .keras file are unpacked
_EXPECTED = "{}: expected a model file that Keras has saved (.h5, .hdf5, .keras); {}."


@dataclass(frozen=True)
class Inspection:
    """What was found in a file, under which isolation."""

    file: str
    isolation: Isolation
    found: InspectionEvidence

    @property
    def acts(self) -> bool:
        """Whether something would run, or lead out of the file, when the model is loaded."""
        model = self.found.file
        acting = any(place.acts for place in model.places)
        if model.inspected is not None:
            acting = acting or model.inspected.acting > 0
        return acting or any(finding.kind in REACHING for finding in model.findings)

    @property
    def whole(self) -> bool:
        """Whether all of the file was read."""
        inspected = self.found.file.inspected
        return inspected is not None and inspected.whole

    @property
    def ending(self) -> str:
        """Why it ended early; "" where it did not."""
        return "" if self.found.file.inspected is not None else self.found.run.detail or self.found.run.ending


def inspect(name: str, observer: Observer) -> Inspection:
    """Inspect a file. Raises UsageError where there is none, ToolError where the checker itself fails."""
    path = _look(name)
    with run.workspace(observer) as place:
        box = own.sandbox(place)
        settings = own.settings({"model": "model", "room": LIMITS.scratch})
        for _ in range(2):
            receiver = Receiver(0)
            ended = box.run("inspection", settings, {"model": path}, LIMITS, receiver, observer.tick)
            fault = (receiver.last("probe_error") or {}).get("trace")
            if ended.ending == "malformed":
                fault = ended.detail
            if fault is None:
                return Inspection(name, box.isolation, evidence.inspection_evidence(ended, receiver))
    raise ToolError("the inspection failed: {}".format(fault))


def _look(name: str) -> Path:
    """The file, its links resolved. Raises UsageError where it is no file that can be read."""
    try:
        path = Path(os.path.realpath(name))
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise UsageError(_EXPECTED.format(name, words.lower())) from error
    if not stat.S_ISREG(mode):
        kind = "this is a folder" if stat.S_ISDIR(mode) else "this is no regular file"
        raise UsageError(_EXPECTED.format(name, kind))
    if not os.access(str(path), os.R_OK):
        raise UsageError(_EXPECTED.format(name, "it may not be read"))
    return path
