"""From a snapshot to evidence: which probe runs when, with what, and what is kept of it.

Each stage runs once, when the first check asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Optional, Tuple

from checker import evidence, scoring, versions
from checker.aside import Aside
from checker.asked import Asked, Notes
from checker.counting import Counter
from checker.editions import Edition
from checker.errors import EvidenceError, ToolError
from checker.interpreters import Interpreter
from checker.outcomes import Blocked, Outcome
from checker.probing import Prober
from checker.progress import Observer
from checker.result import Accuracy, StageRecord
from checker.sandbox.channel import Received
from checker.stages import course_main, handed_in, inspection, rebuilt, script, source
from checker.stages.handed_in import HandedIn
from checker.submission import Submission, SubmittedFile
from checker.versions import Versions

if TYPE_CHECKING:
    from checker.clean.evaluation import Evaluation
    from checker.company import Company
    from checker.datasets.sources import Source  # these need NumPy, which a quick run does without
    from checker.drawing import Drawn
    from checker.memorised.comparing import Comparison
    from checker.memorised.others import Others


@dataclass(frozen=True)
class Request:
    """What was asked for: where images may come from, how they are decided on, and the seed of every draw.

    ``with_main``: the course's own script is to run too. ``others``: images that are to be mixed into the
    test images, so that a memorised test set shows.
    """

    quick: bool
    exact: bool
    images: Tuple[Source, ...]
    seed: int
    with_main: bool = False
    others: Optional[Others] = None


class Evidence:
    """All that is known of one submission; stages are gathered when they are first asked for."""

    def __init__(
        self,
        submission: Submission,
        edition: Edition,
        interpreter: Interpreter,
        prober: Prober,
        request: Request,
        observer: Observer,
    ) -> None:
        self.notes = Notes()
        self.submission, self.edition = Asked(submission, self.notes), edition
        self.interpreter, self.request = interpreter, request
        self._prober, self._observer = prober, observer
        self.rests_on: Dict[str, FrozenSet[str]] = {}  # of a stage: parts of the submission
        self._kept: Dict[str, Any] = {}
        self._asides: Dict[str, Any] = {}

    @property
    def stages(self) -> Tuple[StageRecord, ...]:
        """The probes that ran so far."""
        return self._prober.stages

    def begin(self, reading: bool, scoring: bool) -> None:
        """Begin what takes long, all at once: TensorFlow is imported in three processes, on whatever cores.

        What a process needs of another one's result, it waits for. ``reading``: the script is to be read;
        ``scoring``: images are to be scored, which needs :meth:`drawn`. Without walls one runs at a time.
        """
        if reading and (self._prober.together or not scoring):
            self._source_aside().begin()
        if not scoring or not self._prober.together or not self.interpreter.has_tensorflow:
            return
        self._prober.prepare()
        script, model = self.submission.script.path, self.submission.model.path
        if script is not None:
            self._script_aside(script).begin()
        if model is not None:
            self._handed_in(model).begin()
            self._inspection_aside(model).begin()
            self._evaluation(model).begin()

    def close(self) -> None:
        """End what was begun and is not wanted any more."""
        for aside in self._asides.values():
            aside.call_off()

    def source(self) -> evidence.SourceEvidence:
        """What can be read in the script without running it."""
        return self._once("source", self._gather_source)

    def script(self) -> evidence.ScriptEvidence:
        """What importing the script did and ``preprocess_data`` returned."""
        return self._once("script", self._gather_script)

    def inspection(self) -> evidence.InspectionEvidence:
        """What the model file is made of."""
        return self._once("inspection", self._gather_inspection)

    def inspected(self) -> Optional[evidence.InspectionEvidence]:
        """The same, or None where it cannot be had."""
        try:
            return self.inspection()
        except (Outcome, EvidenceError, ToolError):
            return None

    def model(self) -> evidence.ModelEvidence:
        """What loading the model and scoring the images gave."""
        return self._once("model", self._gather_model)

    def clean(self) -> evidence.CleanEvidence:
        """What the model rebuilt from stock layers scores, or why it is opaque."""
        self.model()
        found: evidence.CleanEvidence = self._kept["clean"]
        return found

    def decisive(self) -> evidence.ModelEvidence:
        """The model's evidence, with the scores that decide."""
        return evidence.decisive(self.model(), self.clean())

    def difference(self) -> Optional[evidence.Difference]:
        """How far the model as handed in is from the one rebuilt; None where it is opaque."""
        if self.clean().opaque_because:
            return None
        from checker.clean import comparing

        return comparing.compare(self.decisive().scores, self.model().scores)

    def main(self) -> evidence.MainEvidence:
        """What the course's own script does with the images that the model has scored."""
        return self._once("main", self._gather_main)

    def drawn(self) -> Drawn:
        """The test images, in this run's random order, and the decoys."""
        return self._once("drawn", self._draw)

    def preprocessed(self) -> Optional[Received]:
        """All test images as ``preprocess_data`` returned them, where a model can take them."""
        received = self.script().arrays.get("all:X")
        if received is None or not received.header.shape:
            return None
        return received if received.header.shape[0] == len(self.drawn().shown) else None

    def versions(self) -> Versions:
        """Compare the Keras that saved the model (where its file says that), ours, and the course's."""
        inspection = self.inspected()
        hdf5 = inspection.hdf5 if inspection is not None else None
        saved_by = hdf5.keras_version if hdf5 is not None else ""
        return versions.compare(saved_by, self.interpreter, self.edition.environment)

    def accuracy(self) -> Optional[Accuracy]:
        """Return the accuracy counted, or None where the model scored nothing."""
        if not self.model().seen:
            return None
        model, opaque_because = self.decisive(), self.clean().opaque_because
        total = len(self.drawn().labels)
        # A score that never came is wrong; only a run that we ended ourselves is a part.
        seen = model.seen if model.run.ending == "stopped" else total
        edition = self.edition
        decision = scoring.decide(
            model.correct, seen, total, total >= edition.test_images, edition.threshold, edition.error_rate
        )
        seconds = model.seconds_predicting
        return Accuracy(
            correct=model.correct,
            seen=seen,
            total=total,
            not_finite=model.not_finite,
            low=decision.low,
            high=decision.high,
            error_rate=decision.error_rate,
            threshold=edition.threshold,
            decided_by=decision.decided_by,
            meets=decision.meets,
            images_per_second=round(model.answered / seconds, 1) if seconds > 0 else 0.0,
            evaluation="opaque" if opaque_because else "clean",
            opaque_because=opaque_because,
            engine="TensorFlow" if opaque_because else self.clean().engine.words,
        )

    def memorised(self) -> Tuple[Comparison, ...]:
        """The accuracy beside that on the images that were mixed in; nothing where none were."""
        mixed = self.drawn().mixed
        if mixed is None:
            return ()
        from checker.memorised import comparing

        return comparing.compare(mixed, self.decisive().right)

    def scored(self) -> bool:
        """Whether the model has run and scored images."""
        model: Optional[evidence.ModelEvidence] = self.gathered("model")
        return model is not None and model.seen > 0

    def gathered(self, name: str) -> Any:
        """Return what a stage gave, or None where it did not run or gave nothing."""
        self.notes.note(*self.rests_on.get(name, ()))
        kept = self._kept.get(name)
        return None if isinstance(kept, Exception) else kept

    def need(self, file: SubmittedFile, check: str) -> Path:
        """The copy of a file, or Blocked by the check that says why there is none."""
        if file.path is None:
            raise Blocked(
                "waits-for-file",
                "{} can be read".format(file.name),
                "it cannot",
                where=file.name,
                advice=self.mend(check),
            )
        return file.path

    def mend(self, check: str) -> str:
        """Advice for a check that waits for another one."""
        rule = self.edition.checks.get(check)
        if rule is None:  # the edition does without that check
            return "Mend what is expected; then it runs by itself."
        return 'First mend "{}"; what waits for it then runs by itself.'.format(rule.title)

    def _once(self, name: str, gather: Callable[[], Any]) -> Any:
        """Gather a stage once; what it raised the first time, it raises again."""
        if name not in self._kept:
            with self.notes.apart() as parts:
                try:
                    self._kept[name] = gather()
                except (Outcome, EvidenceError, ToolError) as error:
                    self._kept[name] = error
            self.rests_on[name] = frozenset(parts)
        self.notes.note(*self.rests_on[name])
        if isinstance(self._kept[name], Exception):
            raise self._kept[name]
        return self._kept[name]

    def _aside(self, name: str, new: Callable[[], Any]) -> Any:
        """What is done in a thread, made when it is first asked for."""
        if name not in self._asides:
            self._asides[name] = new()
        return self._asides[name]

    def _need_tensorflow(self) -> None:
        if not self.interpreter.has_tensorflow:
            raise Blocked(
                "tensorflow-missing",
                "a Python with TensorFlow, to run your script and your model",
                "{} (Python {}) has none".format(self.interpreter.executable, self.interpreter.python),
                advice="{}  makes one, and  checker doctor  says what else is missing."
                "\nBy hand:  {}\nand name it:  checker check --python venv/bin/python".format(
                    self.edition.env_create, self.edition.environment.install
                ),
            )

    def _gather_source(self) -> evidence.SourceEvidence:
        aside = self._source_aside()
        self._observer.stage("Reading the script")
        found: evidence.SourceEvidence = aside.result(self._observer.tick)
        return found

    def _source_aside(self) -> Any:
        path, git = self.submission.script.path, self.submission.git
        prober, edition, interpreter = self._prober, self.edition, self.interpreter
        return self._aside(
            "source",
            lambda: Aside(
                "source", lambda watch: source.gather(prober, edition, interpreter, path, git, watch)
            ),
        )

    def _draw(self) -> Drawn:
        from checker import drawing

        return drawing.draw(
            self.request.images,
            self.edition,
            self.request.seed,
            script.FEW,
            self._observer,
            self.request.others,
        )

    def _gather_script(self) -> evidence.ScriptEvidence:
        self._need_tensorflow()
        aside = self._script_aside(self.need(self.submission.script, "script_file"))
        self._observer.stage("Importing the script")
        found: evidence.ScriptEvidence = aside.result(self._observer.tick)
        return found

    def _script_aside(self, path: Path) -> Any:
        drawn = self.drawn()
        return self._aside(
            "script",
            lambda: Aside(
                "script", lambda watch: script.gather(self._prober, self.edition, path, drawn, watch)
            ),
        )

    def _gather_inspection(self) -> evidence.InspectionEvidence:
        aside = self._inspection_aside(self.need(self.submission.model, "model_file"))
        self._observer.stage("Reading the model file")
        found: evidence.InspectionEvidence = aside.result(self._observer.tick)
        return found

    def _inspection_aside(self, path: Path) -> Any:
        return self._aside(
            "inspection",
            lambda: Aside(
                "inspection", lambda watch: inspection.gather(self._prober, self.edition, path, watch)
            ),
        )

    def _gather_model(self) -> evidence.ModelEvidence:
        """Score the images with the model as handed in and, beside it, with the same model rebuilt."""
        self._need_tensorflow()
        path, received = self.need(self.submission.model, "model_file"), self.preprocessed()
        handed_in, evaluation = self._handed_in(path), self._evaluation(path)
        company = self._company(received)
        self._observer.stage("Scoring the test images")
        handed_in.give(received, company, evaluation)
        evaluation.give(received)
        if self._prober.together:
            evaluation.begin()

        def tick() -> None:
            seen = evaluation.seen or company.counter.count.seen
            if seen:
                self._observer.advance(seen, len(self.drawn().labels))
            self._observer.tick()

        model: evidence.ModelEvidence = handed_in.result(tick)
        clean = self._kept["clean"] = evaluation.finish(tick, guess=self._of_another_python(model))
        if clean.opaque_because and (evaluation.relied_on or _depends(model)):
            model = self._score_again(path, received, model, tick)
        return model

    def _score_again(
        self,
        path: Path,
        received: Optional[Received],
        before: evidence.ModelEvidence,
        tick: Callable[[], None],
    ) -> evidence.ModelEvidence:
        """Score the model as handed in alone: what it was ended for did not come to its end.

        Where answers depend on the company of an image, all images, in batches of 128.
        """
        handed_in = self._asides["model"] = self._new_handed_in(path)
        company = self._company(received, plain=_depends(before))
        handed_in.give(received, company, None)
        model = handed_in.result(tick)
        if _depends(before):
            return replace(model, company=before.company)
        if _depends(model):
            return self._score_again(path, received, model, tick)
        return model

    def _company(self, received: Optional[Received], plain: bool = False) -> Company:
        """What takes the scores of the model as handed in; ``plain``: of each image once, and of all."""
        from checker import company

        counter = self._counter(received is not None, early=not plain)
        order = None
        if received is not None and not plain:
            order = company.order(received.header.shape[0], self.request.seed)
        return company.Company(counter, order)

    def _handed_in(self, path: Path) -> HandedIn:
        found: HandedIn = self._aside("model", lambda: self._new_handed_in(path))
        return found

    def _new_handed_in(self, path: Path) -> HandedIn:
        order = handed_in.Order(path, self._most_scores(), self.drawn().more)
        return HandedIn(order, self.edition, self._prober)

    def _evaluation(self, path: Path) -> Evaluation:
        from checker.clean.evaluation import Evaluation, Order

        def new() -> Evaluation:
            name, drawn, folder = (
                self.edition.files.model.name,
                self.drawn(),
                self._prober.workspace / "clean",
            )
            has_openvino = bool(self.interpreter.versions.get("openvino"))
            order = Order(path, name, drawn.shown, self._counter(), self._most_scores(), folder, has_openvino)
            return Evaluation(order, rebuilt.runner(self._prober, self.edition, drawn.more))

        found: Evaluation = self._aside("clean", new)
        return found

    def _of_another_python(self, model: evidence.ModelEvidence) -> bool:
        """Whether a model does not load since another version of Python wrote its Lambda."""
        error = model.load_error
        return error is not None and versions.OTHER_PYTHON.search(error.message) is not None

    def _counter(self, scores: bool = True, early: bool = True) -> Counter:
        """A counter for one run of the model, from which ``scores`` are wanted or not."""
        labels, mixed = self.drawn().labels, self.drawn().mixed
        early = early and not self.request.exact and len(labels) >= self.edition.test_images
        return Counter(labels if scores else None, self.edition, early, mixed)

    def _most_scores(self) -> int:
        """Bytes of scores for all images, some of them twice; a score has 64 bits at most."""
        return 2 * len(self.drawn().shown) * self.edition.classes * 8

    def _gather_main(self) -> evidence.MainEvidence:
        model, drawn, files = self.decisive(), self.drawn(), self.edition.files
        submitted = {
            files.script.name: self.need(self.submission.script, "script_file"),
            files.model.name: self.need(self.submission.model, "model_file"),
        }
        self._observer.stage("Running the course's {}".format(course_main.COURSE_MAIN.name))
        return course_main.gather(
            self._prober,
            self.edition,
            submitted,
            drawn.images[: model.seen],
            self.request.seed,
            model,
            self._observer,
        )


def _depends(model: evidence.ModelEvidence) -> bool:
    """Whether a model's answers depend on the company of an image."""
    return model.company is not None and not model.company.alike
