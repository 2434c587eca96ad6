"""A run as it goes: a line a check as soon as it is known, and what is running meanwhile."""

from __future__ import annotations

import time
from typing import Optional

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from checker.progress import Observer
from checker.reports import terminal
from checker.result import CheckResult

_REFRESH = 0.1  # seconds between two drawings


class Live(Observer):
    """Shows a run on a console; off a terminal only the lines, nothing that moves.

    Without ``lines``, what moves alone: for a console beside the one that a report goes to.
    """

    def __init__(self, console: Console, lines: bool = True) -> None:
        self._console, self._lines = console, lines
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Starting", total=100, start=False, detail="")
        # Off a terminal some versions of rich print a line of their own on starting and stopping.
        self._moves = console.is_terminal
        if self._moves:
            self._progress.start()
        self._drawn = 0.0
        self._began: Optional[float] = None
        self._first = 0

    def stage(self, title: str) -> None:
        """Name the stage that runs."""
        self._began = None
        self._progress.reset(self._task, start=False, total=100, description=title, detail="")
        self._draw(force=True)

    def advance(self, done: int, total: Optional[int]) -> None:
        """Show images per second, and the bar."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._first = now, done  # a run that goes on has some already
            self._progress.start_task(self._task)
        elapsed = now - self._began
        rate = "{:.0f} images/s".format((done - self._first) / elapsed) if elapsed > 0.5 else ""
        self._progress.update(self._task, completed=done, total=total, detail=rate)
        self._draw()

    def download(self, done: int, total: Optional[int]) -> None:
        """Show megabytes, and the bar."""
        if self._began is None:
            self._began = time.monotonic()
            self._progress.start_task(self._task)
        detail = "{:.0f} MB".format(done / 10**6)
        self._progress.update(self._task, completed=done, total=total, detail=detail)
        self._draw()

    def check(self, result: CheckResult) -> None:
        """Print the line of a check."""
        if self._lines:
            self._console.print(terminal.line(result))

    def tick(self) -> None:
        """Keep what moves moving."""
        self._draw()

    def close(self) -> None:
        """Take away what moves."""
        if self._moves:
            self._moves = False
            self._progress.stop()

    def _draw(self, force: bool = False) -> None:
        now = time.monotonic()
        if self._moves and (force or now - self._drawn > _REFRESH):
            self._drawn = now
            self._progress.refresh()
