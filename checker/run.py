"""One run of the checker: from a folder to a result. Nothing of it is left behind."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Mapping, Optional, Tuple

from checker import interpreters, interrupts, sandbox, submission
from checker.begun import Begun
from checker.cache import shelf
from checker.cache.answers import Known
from checker.choice import choose
from checker.editions import Edition
from checker.errors import ToolError
from checker.interpreters import Ask
from checker.options import Options
from checker.progress import Observer
from checker.result import Result

if TYPE_CHECKING:
    from checker.gather import Evidence


def check(
    options: Options,
    edition: Edition,
    environment: Mapping[str, str],
    observer: Observer,
    ask: Ask = interpreters.ask,
) -> Result:
    """Check one submission that :func:`options.look` has looked at; interpreters are asked with ``ask``.

    Raises UsageError, or ToolError where the checker itself cannot go on.
    """
    begun = Begun.now()
    choice = choose(options.python, environment, edition, ask)
    kept = shelf.find(options, edition, choice, environment)
    with workspace(observer) as place:
        taken = submission.take(options.folder, edition, place)
        known = None if kept is None else kept.known(taken)
        if known is not None and known.whole:
            return _again(known, begun, observer)
        from checker.examination import Examination, Order  # pytest and NumPy: known answers need neither

        order = Order(options, edition, environment, choice, taken, place, begun)
        answers = Examination(order, known, observer).run()
        if kept is not None:
            kept.keep(answers)
        return answers.result


def examine(
    options: Options, edition: Edition, environment: Mapping[str, str], observer: Observer
) -> Tuple[Result, Evidence]:
    """Check one submission, whatever is known of it; with the result comes the evidence."""
    from checker.examination import Examination, Order

    begun = Begun.now()
    choice = choose(options.python, environment, edition)
    with workspace(observer) as place:
        taken = submission.take(options.folder, edition, place)
        order = Order(options, edition, environment, choice, taken, place, begun)
        examination = Examination(order, None, observer)
        return examination.run().result, examination.evidence


def _again(known: Known, begun: Begun, observer: Observer) -> Result:
    """The result of a submission of which everything is known."""
    before = known.answers.result
    for check in before.checks:
        observer.check(check)
    return replace(before, created=begun.created, kept=known.record, stages=(), seconds=begun.seconds)


@contextlib.contextmanager
def workspace(observer: Observer) -> Iterator[Path]:
    """A folder of ours; afterwards neither it nor a process of the run is there any more."""
    path: Optional[Path] = None
    try:
        with interrupts.undisturbed():
            path = _new_folder()
        yield path
    finally:
        with interrupts.undisturbed():
            observer.close()
            if path is not None:
                sandbox.remove(path)


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="checker-"))
    except OSError as error:
        raise ToolError(
            "no folder for temporary files can be made in {}: {}; name another in TMPDIR.".format(
                error.filename or "any of the usual places", error.strerror
            )
        ) from error
