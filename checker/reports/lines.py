"""A long run as lines of text, for a log: one as a stage begins and ends, and one every half minute."""

from __future__ import annotations

import time
from typing import Optional, TextIO

from checker.progress import Observer

_EVERY = 30.0  # seconds


class Lines(Observer):
    """Writes to a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._title = ""
        self._first: Optional[int] = None
        self._began = self._written = 0.0

    def stage(self, title: str) -> None:
        """A stage has begun."""
        self._title, self._first = title, None
        self._began = self._written = time.monotonic()
        self._write("{} ...".format(title))

    def advance(self, done: int, total: Optional[int]) -> None:
        """Images done, images per second, and the time left."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        if total is None or (done < total and now - self._written < _EVERY):
            return
        self._written = now
        words = "{}: {:,} of {:,} images".format(self._title, done, total)
        rate = (done - self._first) / (now - self._began) if now > self._began else 0.0
        if rate > 0:
            words += ", {:.0f} images/s".format(rate)
            words += ", {} left".format(duration((total - done) / rate)) if done < total else ""
        self._write(words)

    def _write(self, words: str) -> None:
        print("{}  {}".format(time.strftime("%H:%M:%S"), words), file=self._stream, flush=True)


def duration(seconds: float) -> str:
    """A time span in words."""
    if seconds < 90:
        return "{:.0f} s".format(seconds)
    if seconds < 5400:
        return "{:.0f} min".format(seconds / 60)
    return "{:.0f} h {:02.0f} min".format(seconds // 3600, seconds % 3600 / 60)
