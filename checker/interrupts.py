"""Ctrl-C and its kin: the first one ends the run, and nothing disturbs the clearing up after it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Iterator, List, Optional

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# Ending a probe's processes and removing its files takes at most about this long; then somebody who
# presses Ctrl-C again is heard again.
_PATIENCE = 30.0


class _State:
    """When the first signal came."""

    first: Optional[float] = None


def install() -> None:
    """Turn these signals into one KeyboardInterrupt; one that our parent had us ignore stays ignored."""
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _again


def ignore() -> None:
    """The verdict is out: Python's own end, which puts back what kills, is not disturbed either."""
    for number in _numbers():
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


def _again(unraisable: sys.UnraisableHookArgs) -> None:
    """What came where Python cannot raise, as in a finalizer, comes once more, a moment later."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)
        return
    _State.first = None
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and its like wait until the block is through."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: List[int] = []
    kept = {number: signal.getsignal(number) for number in _numbers()}
    for number, handler in kept.items():
        # None: not set from Python, so nothing that could be put back.
        if handler not in (None, signal.SIG_IGN):
            signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None:
                signal.signal(number, handler)
        for first in came[:1]:
            os.kill(os.getpid(), first)


def _numbers() -> List[int]:
    """The signals that this system has."""
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
