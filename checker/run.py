"""One run of the checker: from a folder to a result. Nothing of it is left behind."""

from __future__ import annotations

import contextlib
import datetime
import difflib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Mapping, Optional, Tuple

from checker import (
    __version__,
    checks,
    editions,
    engine,
    facts,
    grading,
    interrupts,
    result,
    sandbox,
    submission,
)
from checker.choice import Choice, choose, differences
from checker.editions import Edition
from checker.errors import CheckerError, ToolError, UsageError
from checker.gather import Evidence, Request
from checker.outcomes import ExitCode, Outcome
from checker.probing import Prober
from checker.progress import Observer
from checker.result import (
    CheckResult,
    FileRecord,
    ImagesRecord,
    InterpreterRecord,
    IsolationRecord,
    Points,
    Result,
)
from checker.text import printable
from checker.typed import plain

if TYPE_CHECKING:
    from checker.datasets.sources import Source
    from checker.memorised.others import Others


_NO_POINTS = (result.Status.NOT_RUN, result.Status.ERROR)


@dataclass(frozen=True)
class Options:
    """What the command line asks for; ``None`` leaves the choice to the checker."""

    folder: str
    assignment: str = editions.DEFAULT
    quick: bool = False
    selected: Tuple[str, ...] = ()
    exact: bool = False
    grade: bool = False
    python: Optional[str] = None
    images: Optional[str] = None
    with_main: bool = False
    seed: Optional[int] = None
    memorised: bool = False
    private_images: Optional[str] = None


def shown_folder(folder: str) -> str:
    """The folder of a submission as reports show it."""
    return printable(os.path.abspath(folder))


def check(options: Options, edition: Edition, environment: Mapping[str, str], observer: Observer) -> Result:
    """Check one submission that :func:`look` has looked at.

    Raises UsageError, or ToolError where the checker itself cannot go on.
    """
    return examine(options, edition, environment, observer)[0]


def examine(
    options: Options, edition: Edition, environment: Mapping[str, str], observer: Observer
) -> Tuple[Result, Evidence]:
    """Check one submission; with the result comes the evidence that it rests on."""
    started = time.monotonic()
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
    reading = _reads_alone(options, edition)
    request = Request(
        reading,
        options.exact,
        _sources(options, edition, environment),
        seed,
        options.with_main,
        _others(options, edition, environment),
    )
    choice = choose(options.python, environment, edition)
    with workspace(observer) as place:
        taken = submission.take(options.folder, edition, place)
        secrets = _secrets(request, edition, environment)
        box = sandbox.Sandbox(choice.interpreter, place, secrets=secrets)
        if options.grade:
            grading.need_walls(box.isolation)
        prober = Prober(edition, box, place)
        evidence = Evidence(taken, edition, choice.interpreter, prober, request, observer)
        with contextlib.closing(evidence):
            if not reading:
                drawn = evidence.drawn()  # images that cannot be used end the run before anything else
                if options.grade:
                    grading.need_all_images(len(drawn.labels), edition)
                if not options.selected:
                    evidence.begin()
            outcomes, interrupted = engine.run(evidence, edition, options.quick, observer, options.selected)
            if options.with_main and not interrupted and evidence.scored():
                _run_main(evidence)
            found = _result(options, edition, choice, evidence, box, outcomes, interrupted, created, started)
        return found, evidence


def _run_main(evidence: Evidence) -> None:
    """Run the course's script too; where that cannot be, or Ctrl-C ends it, the verdict stands."""
    with contextlib.suppress(Outcome, CheckerError, OSError, KeyboardInterrupt):
        evidence.main()


def look(options: Options, environment: Mapping[str, str]) -> Edition:
    """Read the edition; raise UsageError for what is seen to be of no use before anything runs."""
    edition = editions.load(options.assignment, checks.every())
    _look_at_selected(options, edition)
    submission.look(options.folder)
    if options.grade:
        _look_at_grading(options)
    if _reads_alone(options, edition):
        if options.images is not None:
            why = "--quick: a quick run scores" if options.quick else "--select: the selected checks score"
            raise UsageError("--images with {} no images; leave out one of the two.".format(why))
        if options.memorised or options.private_images is not None:
            raise UsageError(
                "--memorised and --private-images compare scores, and this run makes none; leave out --quick"
                " or --select."
            )
        if options.exact:
            raise UsageError(
                "--exact scores every image, and this run scores none; leave out --select or it."
            )
        if options.with_main:
            raise UsageError(
                "--with-main compares scores, and this run makes none; leave out --quick or --select."
            )
    else:
        from checker.datasets import choosing, sources
        from checker.memorised import others

        source = sources.named(options.images, environment)
        if source is not None:
            choosing.look(source, edition)
        others.look(options.private_images, edition)
    return edition


def _look_at_grading(options: Options) -> None:
    if options.quick or options.selected:
        raise UsageError(
            "--grade runs every check; leave out {} or it.".format("--quick" if options.quick else "--select")
        )
    grading.look(options.folder, options.python, options.images, options.assignment)


def _look_at_selected(options: Options, edition: Edition) -> None:
    for name in options.selected:
        if name not in edition.checks:
            near = difflib.get_close_matches(name, edition.checks, 3) or edition.checks
            raise UsageError(
                "--select {}: expected the name of a check of {}, such as: {}.".format(
                    name, edition.name, ", ".join(near)
                )
            )
        if options.quick and not edition.checks[name].quick:
            raise UsageError(
                "--select {} with --quick: this check needs TensorFlow; leave out one of the two.".format(
                    name
                )
            )


def _reads_alone(options: Options, edition: Edition) -> bool:
    """Whether all checks that were asked for need no TensorFlow, and so no images."""
    return options.quick or all(
        rule.quick for name, rule in edition.checks.items() if name in (options.selected or edition.checks)
    )


def _sources(options: Options, edition: Edition, environment: Mapping[str, str]) -> Tuple[Source, ...]:
    if _reads_alone(options, edition):
        return ()
    from checker.datasets import sources

    return sources.candidates(options.images, environment, edition)


def _mixes(options: Options) -> bool:
    """Whether other images come among the test images: at the desk they would only cost time."""
    return options.grade or options.memorised or options.private_images is not None


def _others(options: Options, edition: Edition, environment: Mapping[str, str]) -> Optional[Others]:
    """What is to be mixed into the test images, or None."""
    if _reads_alone(options, edition) or not _mixes(options):
        return None
    from checker.memorised import others

    return others.find(options.images, options.private_images, environment, edition)


def _secrets(request: Request, edition: Edition, environment: Mapping[str, str]) -> Tuple[str, ...]:
    """Where true labels lie on this machine; no probe sees them, even below a folder that is shown."""
    if request.quick:  # which runs nothing of a submission's
        return ()
    from checker.datasets import sources

    others = request.others
    private = () if others is None or others.private is None else (others.private,)
    return sources.places((*request.images, *private), environment, edition)


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


def _result(
    options: Options,
    edition: Edition,
    choice: Choice,
    evidence: Evidence,
    box: sandbox.Sandbox,
    outcomes: Tuple[CheckResult, ...],
    interrupted: bool,
    created: str,
    started: float,
) -> Result:
    code = result.decide(outcomes, interrupted)
    pending = grading.pending(edition, outcomes, code) if options.grade else ()
    drawn = None if evidence.request.quick else evidence.drawn()
    accuracy = evidence.accuracy() if evidence.gathered("model") else None
    return Result(
        schema_version=result.SCHEMA_VERSION,
        checker_version=__version__,
        created=created,
        rendered_from="",
        graded=options.grade,
        quick=options.quick,
        selected=options.selected,
        interrupted=interrupted,
        assignment=edition.name,
        assignment_title=edition.title,
        assignment_digest=edition.digest,
        submission=shown_folder(options.folder),
        files=tuple(
            FileRecord(
                file.name,
                file.path is not None,
                file.size,
                "{:04o}".format(file.mode) if file.path else "",
                file.sha256,
            )
            for file in evidence.submission.files
        ),
        interpreter=_interpreter(choice, edition),
        isolation=IsolationRecord(box.isolation.level, box.isolation.detail),
        limits=plain(edition.limits),
        images=None
        if drawn is None
        else ImagesRecord(
            printable(drawn.source.source),
            drawn.source.name,
            len(drawn.labels),
            drawn.source.digest,
            tuple(map(printable, drawn.source.passed_over)),
        ),
        seed=None if drawn is None else evidence.request.seed,
        stages=evidence.stages,
        seconds=round(time.monotonic() - started, 3),
        checks=outcomes,
        accuracy=accuracy,
        facts=facts.of(evidence),
        points=Points(
            sum(item.points for item in outcomes),
            # A fault of ours takes no points.
            sum(item.points_possible for item in outcomes if item.status not in _NO_POINTS),
        ),
        pending=pending,
        verdict=result.VERDICTS[code],
        exit_code=int(ExitCode.UNDECIDED if pending else code),
    )


def _interpreter(choice: Choice, edition: Edition) -> InterpreterRecord:
    interpreter = choice.interpreter
    return InterpreterRecord(
        interpreter.executable,
        choice.named_by,
        interpreter.python,
        dict(interpreter.versions),
        differences(choice.interpreter, edition),
    )
