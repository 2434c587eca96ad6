"""A place in a probe at which it waits until the checker knows what it is to do."""

from __future__ import annotations

import json
from typing import Optional


class Gate:
    """Holds a probe at its first fact of a name; what is told on opening, :meth:`Channel.fact` returns.

    A probe can so be begun, and import what takes long, before there is anything for it to work on. The
    name must be one of ``Limits.then``; no limit of time runs while the gate is closed. What is told has at
    most a few hundred bytes. Opened from any thread, once.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.answer: Optional[bytes] = None

    def open(self, **told: object) -> None:
        """Let the probe go on."""
        self.answer = json.dumps(told).encode() + b"\n"
