"""What a run tells those who watch it; a display implements it."""

from __future__ import annotations

from typing import Optional

from checker.result import CheckResult


class Observer:
    """Watches a run and shows nothing; base of those that show something."""

    def stage(self, title: str) -> None:
        """A stage has begun."""

    def advance(self, done: int, total: Optional[int]) -> None:
        """Of the current stage, ``done`` images of ``total`` are done."""

    def download(self, done: int, total: Optional[int]) -> None:
        """Of a download, ``done`` bytes of ``total`` have come; None: the server does not say."""

    def check(self, result: CheckResult) -> None:
        """A check has ended."""

    def tick(self) -> None:
        """A moment has passed."""

    def close(self) -> None:
        """Nothing more will come."""
