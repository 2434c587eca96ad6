"""One examination: what is asked for is gathered, the checks are run, and the result is put together."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Tuple

from checker import __version__, facts, grading, result, sandbox
from checker.asked import digests
from checker.begun import Begun
from checker.cache.answers import Answers, Known, Rests
from checker.choice import Choice, differences
from checker.datasets import sources
from checker.editions import Edition
from checker.errors import CheckerError
from checker.gather import Evidence, Request
from checker.options import Options, reads_alone, shown_folder
from checker.outcomes import ExitCode, Outcome
from checker.probing import Prober
from checker.progress import Observer
from checker.result import (
    CheckResult,
    Fact,
    FileRecord,
    ImagesRecord,
    InterpreterRecord,
    IsolationRecord,
    Points,
    Result,
)
from checker.submission import Submission
from checker.text import printable
from checker.typed import plain

if TYPE_CHECKING:
    from checker.datasets.sources import Source
    from checker.memorised.others import Others

_NO_POINTS = (result.Status.NOT_RUN, result.Status.ERROR)


@dataclass(frozen=True)
class Order:
    """What is to be examined: a snapshot in ``place``, a folder of ours, and what the command line asks."""

    options: Options
    edition: Edition
    environment: Mapping[str, str]
    choice: Choice
    submission: Submission
    place: Path
    begun: Begun


class Examination:
    """Examines; what is ``known`` is not asked again."""

    def __init__(self, order: Order, known: Optional[Known], observer: Observer) -> None:
        self._order, self._observer = order, observer
        options, edition = order.options, order.edition
        self._reading = reads_alone(options, edition)
        seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
        request = Request(
            self._reading,
            options.exact,
            self._sources(),
            seed,
            options.with_main,
            self._others(),
        )
        self._box = sandbox.Sandbox(order.choice.interpreter, order.place, secrets=self._secrets(request))
        if options.grade:
            grading.need_walls(self._box.isolation)
        if known is not None and known.answers.result.isolation.level != self._box.isolation.level:
            known = None
        self._known = known
        prober = Prober(edition, self._box, order.place)
        self.evidence = Evidence(
            order.submission, edition, order.choice.interpreter, prober, request, observer
        )

    def run(self) -> Answers:
        """Run the checks; with the result comes what it rests on."""
        options, edition, evidence = self._order.options, self._order.edition, self.evidence
        kept: Dict[str, CheckResult] = {} if self._known is None else self._known.checks
        with contextlib.closing(evidence):
            self._begin(kept)
            from checker import engine  # pytest: what reads the script has begun

            ran = engine.run(evidence, edition, options.quick, self._observer, options.selected, kept)
            if options.with_main and not ran.interrupted and evidence.scored():
                _run_main(evidence)
            by_stage = facts.of(evidence, {} if self._known is None else self._known.facts(evidence.rests_on))
            found = self._result(ran.results, ran.interrupted, by_stage)
        return Answers(self._rests(ran.rests_on, by_stage), found)

    def _asks(self, name: str, kept: Mapping[str, CheckResult]) -> bool:
        """Whether a check is to be run."""
        options = self._order.options
        if name in kept or (options.quick and not self._order.edition.checks[name].quick):
            return False
        return not options.selected or name in options.selected

    def _begin(self, kept: Mapping[str, CheckResult]) -> None:
        """Begin all that will be asked for, unless a part of it is known, or left out."""
        options, checks = self._order.options, self._order.edition.checks
        scores = any(not rule.quick for name, rule in checks.items() if self._asks(name, kept))
        if scores:
            # Images that cannot be used end the run before anything else.
            drawn = self.evidence.drawn()
            if options.grade:
                grading.need_all_images(len(drawn.labels), self._order.edition)
        if not options.selected:
            reading = self._known is None or "source" not in self._known.stages
            self.evidence.begin(reading, scores)

    def _sources(self) -> Tuple[Source, ...]:
        if self._reading:
            return ()
        return sources.candidates(self._order.options.images, self._order.environment, self._order.edition)

    def _others(self) -> Optional[Others]:
        """What is to be mixed into the test images, or None: at the desk it would only cost time."""
        options = self._order.options
        mixes = options.grade or options.memorised or options.private_images is not None
        if self._reading or not mixes:
            return None
        from checker.memorised import others  # needs NumPy, which a quick run does without

        return others.find(
            options.images, options.private_images, self._order.environment, self._order.edition
        )

    def _secrets(self, request: Request) -> Tuple[str, ...]:
        """Where true labels lie on this machine; no probe sees them, even below a folder that is shown."""
        if request.quick:  # which runs nothing of a submission's
            return ()
        others = request.others
        private = () if others is None or others.private is None else (others.private,)
        return sources.places((*request.images, *private), self._order.environment, self._order.edition)

    def _rests(self, checks: Mapping[str, FrozenSet[str]], by_stage: Dict[str, Tuple[Fact, ...]]) -> Rests:
        """What this run's answers rest on, and those that were kept."""
        before = None if self._known is None else self._known.answers.rests
        on_checks, on_stages = ({}, {}) if before is None else (dict(before.checks), dict(before.stages))
        on_checks.update((name, tuple(sorted(on))) for name, on in checks.items())
        on_stages.update((name, tuple(sorted(on))) for name, on in self.evidence.rests_on.items())
        return Rests(digests(self._order.submission), on_checks, on_stages, by_stage)

    def _result(
        self,
        outcomes: Tuple[CheckResult, ...],
        interrupted: bool,
        by_stage: Mapping[str, Tuple[Fact, ...]],
    ) -> Result:
        order, evidence, known = self._order, self.evidence, self._known
        options, edition = order.options, order.edition
        code = result.decide(outcomes, interrupted)
        pending = grading.pending(edition, outcomes, code) if options.grade else ()
        images, seed = self._images()
        if "model" in evidence.rests_on or known is None:
            accuracy = evidence.accuracy() if evidence.gathered("model") else None
        else:
            accuracy = known.accuracy
        return Result(
            schema_version=result.SCHEMA_VERSION,
            checker_version=__version__,
            created=order.begun.created,
            rendered_from="",
            graded=options.grade,
            quick=options.quick,
            selected=options.selected,
            interrupted=interrupted,
            assignment=edition.name,
            assignment_title=edition.title,
            assignment_digest=edition.digest,
            submission=shown_folder(options.folder),
            files=_files(order.submission),
            interpreter=_interpreter(order.choice, edition),
            isolation=IsolationRecord(self._box.isolation.level, self._box.isolation.detail),
            limits=plain(edition.limits),
            images=images,
            seed=seed,
            kept=None if known is None else known.record,
            stages=evidence.stages,
            seconds=order.begun.seconds,
            checks=outcomes,
            accuracy=accuracy,
            facts=tuple(fact for found in by_stage.values() for fact in found),
            points=Points(
                sum(item.points for item in outcomes),
                # A fault of ours takes no points.
                sum(item.points_possible for item in outcomes if item.status not in _NO_POINTS),
            ),
            pending=pending,
            verdict=result.VERDICTS[code],
            exit_code=int(ExitCode.UNDECIDED if pending else code),
        )

    def _images(self) -> Tuple[Optional[ImagesRecord], Optional[int]]:
        """The images, and the seed of their order; those of the earlier run where none were drawn now."""
        evidence, known = self.evidence, self._known
        if self._reading:
            return None, None
        if known is not None and "drawn" not in evidence.rests_on:
            return known.answers.result.images, known.answers.result.seed
        drawn = evidence.drawn()
        record = ImagesRecord(
            printable(drawn.source.source),
            drawn.source.name,
            len(drawn.labels),
            drawn.source.digest,
            tuple(map(printable, drawn.source.passed_over)),
        )
        return record, evidence.request.seed


def _run_main(evidence: Evidence) -> None:
    """Run the course's script too; where that cannot be, or Ctrl-C ends it, the verdict stands."""
    with contextlib.suppress(Outcome, CheckerError, OSError, KeyboardInterrupt):
        evidence.main()


def _files(submission: Submission) -> Tuple[FileRecord, ...]:
    found: List[FileRecord] = []
    for file in submission.files:
        mode = "{:04o}".format(file.mode) if file.path else ""
        found.append(FileRecord(file.name, file.path is not None, file.size, mode, file.sha256))
    return tuple(found)


def _interpreter(choice: Choice, edition: Edition) -> InterpreterRecord:
    interpreter = choice.interpreter
    return InterpreterRecord(
        interpreter.executable,
        choice.named_by,
        interpreter.python,
        dict(interpreter.versions),
        differences(choice.interpreter, edition),
    )
