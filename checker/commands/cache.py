"""``checker cache``: what is known from earlier checks, and how to forget it."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any, Iterator

from checker.commands import parsing
from checker.outcomes import ExitCode
from checker.text import printable

if TYPE_CHECKING:
    from checker.cache.store import Store


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "cache",
        run,
        "what earlier checks are known",
        "Show which answers of earlier checks are kept on this machine. A check runs again what has changed"
        " since; --no-cache and --grade run everything. CHECKER_CACHE names another folder, or is off.",
        "example:  checker cache --clear",
    )
    parser.add_argument("--clear", action="store_true", help="forget all of them")


def run(options: argparse.Namespace) -> int:
    """Show, or clear."""
    from checker.cache import store

    path = store.folder(os.environ)
    if path is None:
        print("Nothing is kept: {} is {}.".format(store.VARIABLE, store.OFF))
        return int(ExitCode.MEETS)
    kept = store.Store(path)
    if options.clear:
        print("{}: {:,} removed".format(printable(str(path)), kept.clear()))
        return int(ExitCode.MEETS)
    for line in _lines(kept):
        print(line)
    return int(ExitCode.MEETS)


def _lines(kept: Store) -> Iterator[str]:
    """A line for each check that is known, the newest first."""
    from checker.cache.answers import Answers

    every = kept.every()
    yield "{}: {:,} kept, {:,} kB".format(
        printable(str(kept.path)), len(every), sum(one.size for one in every) // 1000
    )
    for one in every:
        answers = Answers.from_text(kept.read(one.key) or "")
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.written))
        if answers is None:
            yield "{}  not readable; it counts for nothing".format(when)
            continue
        result = answers.result
        scope = " (--quick)" if result.quick else ""
        yield "{}  {}{}: {}".format(when, printable(result.submission), scope, result.verdict)
