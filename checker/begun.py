"""When a run began."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Begun:
    """When a run began: in UTC as reports show it, and in seconds of a clock that is never set."""

    created: str
    at: float

    @classmethod
    def now(cls) -> Begun:
        """It begins now."""
        created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        return cls(created, time.monotonic())

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self.at, 3)
