"""Work that goes on in a thread of its own while the checks are run."""

from __future__ import annotations

import threading
from typing import Callable, Generic, Optional, TypeVar

from checker.progress import Observer
from checker.sandbox import Stop

T = TypeVar("T")
_LOOK = 0.02  # seconds


class Watch(Observer):
    """Watches a run in a thread, shows nothing, and ends it once nobody wants it any more."""

    def __init__(self) -> None:
        self.called_off = False

    def tick(self) -> None:
        """A moment has passed."""
        if self.called_off:
            raise Stop


class Aside(Generic[T]):
    """Does ``work(watch)`` in a thread; what that raises, :meth:`result` raises.

    Runs of probes in ``work`` are to be watched by ``watch``. Whoever begins it has to call it off in the
    end; where it has come to its end by itself, that does nothing.
    """

    def __init__(self, name: str, work: Callable[[Watch], T]) -> None:
        self._work, self._watch = work, Watch()
        self._found: Optional[T] = None
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun = False

    def begin(self) -> None:
        """Begin, unless it has begun."""
        if not self._begun:
            self._begun = True
            self._thread.start()

    def result(self, tick: Callable[[], None]) -> T:
        """Begin, wait for the end, and return what came of it; ``tick`` is called meanwhile."""
        self.begin()
        while self._thread.is_alive():
            self._thread.join(_LOOK)
            tick()
        if self._error is not None:
            raise self._error
        return self._found  # type: ignore[return-value]  # without an error, there is something

    def call_off(self) -> None:
        """End it, and wait until its processes are gone."""
        self._watch.called_off = True
        if self._begun:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._found = self._work(self._watch)
        except BaseException as error:  # the thread that waits for this one raises it
            self._error = error
