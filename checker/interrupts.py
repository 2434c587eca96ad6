"""Ctrl-C and its kin: the first one ends the run, and nothing disturbs the clearing up after it."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Optional

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# Ending a probe's processes and removing its files takes at most about this long; then somebody who
# presses Ctrl-C again is heard again.
_PATIENCE = 30.0


class _State:
    """When the first signal came."""

    first: Optional[float] = None


def install() -> None:
    """Turn these signals into one KeyboardInterrupt; one that our parent had us ignore stays ignored."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def ignore() -> None:
    """The verdict is out: Python's own end, which puts back what kills, is not disturbed either."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)


def came() -> bool:
    """Whether an interrupt has come."""
    return _State.first is not None


def _handle(number: int, frame: Optional[FrameType]) -> None:
    now = time.monotonic()
    if _State.first is not None and now - _State.first < _PATIENCE:
        return
    _State.first = now
    raise KeyboardInterrupt
