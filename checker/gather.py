"""From a snapshot to evidence: which probe runs when, with what, and what is kept of it.

Each stage runs once, when the first check asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple

from checker import evidence, own, reference, scoring, versions
from checker.counting import Counter
from checker.editions import Edition
from checker.errors import EvidenceError, ToolError
from checker.interpreters import Interpreter
from checker.outcomes import Blocked, Outcome
from checker.progress import Observer
from checker.result import Accuracy, StageRecord
from checker.sandbox import Limits, Run, Sandbox, Stop
from checker.sandbox.channel import Received, Receiver
from checker.submission import Submission, SubmittedFile
from checker.versions import Versions

if TYPE_CHECKING:
    from checker.clean.evaluation import Evaluation
    from checker.datasets import Source  # these need NumPy, which a quick run does without
    from checker.drawing import Drawn
    from checker.memorised.comparing import Comparison
    from checker.memorised.others import Others

COURSE_MAIN = reference.FOLDER / "0-main.py"
FEW = 40  # images for the small calls of preprocess_data
MOST_TOLD = 64_000_000  # bytes of what the Lambda alone makes of a few images
# On Python 3.12 and later the older one takes the inside of f-strings for code.
OLDER_PYCODESTYLE, NEWER_PYCODESTYLE = "2.6.0", "2.11.1"
_OURS_ALONE = (
    "source",
    "inspection",
    "weights",
)  # no submitted code runs in these: a wrong word is our fault


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
        sandbox: Sandbox,
        workspace: Path,
        request: Request,
        observer: Observer,
    ) -> None:
        self.submission, self.edition = submission, edition
        self.interpreter, self.request = interpreter, request
        self.stages: List[StageRecord] = []
        self._sandbox, self._workspace, self._observer = sandbox, workspace, observer
        self._kept: Dict[str, Any] = {}

    def source(self) -> evidence.SourceEvidence:
        """What can be read in the script without running it."""
        return self._once("source", self._gather_source)

    def script(self) -> evidence.ScriptEvidence:
        """What importing the script did and ``preprocess_data`` returned."""
        return self._once("script", self._gather_script)

    def inspection(self) -> evidence.InspectionEvidence:
        """What the model file is made of."""
        return self._once("inspection", self._gather_inspection)

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
        """Compare the Keras that saved the model (where that is known by now), ours, and the course's."""
        inspection: Optional[evidence.InspectionEvidence] = self.gathered("inspection")
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
            try:
                self._kept[name] = gather()
            except (Outcome, EvidenceError, ToolError) as error:
                self._kept[name] = error
        if isinstance(self._kept[name], Exception):
            raise self._kept[name]
        return self._kept[name]

    def _limits(
        self, seconds: float, then: Optional[Mapping[str, float]] = None, more: float = 1.0
    ) -> Limits:
        """The edition's limits; ``more``: as many times its images, and so its memory."""
        limits = self.edition.limits
        return Limits(
            seconds=seconds,
            memory=int(limits.memory_megabytes * 10**6 * more),
            processes=limits.processes,
            printed=limits.printed_megabytes * 10**6,
            scratch=limits.scratch_megabytes * 10**6,
            then=then or {},
        )

    def _run(
        self,
        probe: str,
        title: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, Path],
        limits: Limits,
        new_receiver: Callable[[], Receiver],
        sandbox: Optional[Sandbox] = None,
        observer: Optional[Observer] = None,
    ) -> Tuple[Run, Receiver]:
        """Run a probe; where the probe itself fails, once more, then ToolError."""
        box, observer = sandbox or self._sandbox, observer or self._observer
        for _ in range(2):
            receiver = new_receiver()
            observer.stage(title)
            run = box.run(probe, settings, inputs, limits, receiver, observer.tick)
            self.stages.append(
                StageRecord(probe, run.ending, run.detail, run.seconds, run.cpu_seconds, run.peak_memory)
            )
            fault = (receiver.last("probe_error") or {}).get("trace")
            if run.ending == "malformed" and probe in _OURS_ALONE:
                fault = run.detail
            if fault is None:
                return run, receiver
        raise ToolError("the probe {} failed: {}".format(probe, fault))

    def _own_sandbox(self) -> Sandbox:
        """The sandbox with the checker's own interpreter, for what runs nothing submitted."""
        box: Sandbox = self._once("own sandbox", lambda: own.sandbox(self._workspace, self._sandbox))
        return box

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
        submission, files = self.submission, self.edition.files
        inputs = {}
        if submission.script.path:
            inputs[files.script.name] = submission.script.path
        if submission.git_index:
            inputs["git-index"] = submission.git_index
        version = self._pycodestyle()
        settings = {
            "script": files.script.name,
            "python": versions.parse(self.edition.environment.python),
            "has_script": submission.script.path is not None,
            "pycodestyle": self._sandbox.vendored("pycodestyle-{}-py2.py3-none-any.whl".format(version)),
            "git_index": submission.git_index is not None,
            "git_names": [submission.git_prefix + file.name for file in submission.files],
        }
        limits = self._limits(self.edition.limits.source_seconds)
        run, receiver = self._run(
            "source", "Reading the script", settings, inputs, limits, lambda: Receiver(0)
        )
        return evidence.source_evidence(run, receiver)

    def _pycodestyle(self) -> str:
        """The edition's version, or the newer one where this Python is too new for the older one."""
        minor = int(self.interpreter.python.split(".")[1])
        version = self.edition.pycodestyle
        return NEWER_PYCODESTYLE if version == OLDER_PYCODESTYLE and minor >= 12 else version

    def _draw(self) -> Drawn:
        from checker import drawing

        return drawing.draw(
            self.request.images, self.edition, self.request.seed, FEW, self._observer, self.request.others
        )

    def _gather_script(self) -> evidence.ScriptEvidence:
        self._need_tensorflow()
        path = self.need(self.submission.script, "script_file")
        drawn, limits = self.drawn(), self.edition.limits
        calls = drawn.calls(FEW)
        inputs = {self.edition.files.script.name: path}
        inputs.update(drawn.lay_out(calls, self._workspace))
        settings = {
            "script": self.edition.files.script.name,
            "calls": [call.to_dict() for call in calls],
        }
        run, receiver = self._run(
            "script",
            "Importing the script",
            settings,
            inputs,
            self._limits(
                limits.tensorflow_seconds,
                {
                    "tensorflow": limits.import_seconds,
                    "imported": limits.import_seconds,
                    "calling": limits.preprocess_seconds * drawn.more,
                },
                drawn.more,
            ),
            lambda: Receiver(int(limits.array_megabytes * 10**6 * drawn.more), self._workspace),
        )
        return evidence.script_evidence(run, receiver)

    def _gather_inspection(self) -> evidence.InspectionEvidence:
        path = self.need(self.submission.model, "model_file")
        name = self.edition.files.model.name
        run, receiver = self._run(
            "inspection",
            "Reading the model file",
            own.settings({"model": name}),
            {name: path},
            self._limits(self.edition.limits.inspection_seconds),
            lambda: Receiver(0),
            self._own_sandbox(),
        )
        return evidence.inspection_evidence(run, receiver)

    def _gather_model(self) -> evidence.ModelEvidence:
        """Score the images with the model as handed in and, beside it, with the same model rebuilt."""
        self._need_tensorflow()
        path, received = self.need(self.submission.model, "model_file"), self.preprocessed()
        if received is None:
            self._kept["clean"] = evidence.opaque("there is no X_p")
            return self._score(path, None, None)
        from checker.clean.evaluation import Evaluation, Order

        name, drawn = self.edition.files.model.name, self.drawn()
        counter, folder = self._counter(received, Observer()), self._workspace / "clean"
        self._own_sandbox()
        order = Order(path, name, drawn.shown, received, counter, self._most_scores(), folder)
        with Evaluation(order, self._run_aside) as aside:
            model = self._score(path, received, aside)
            self._kept["clean"] = aside.finish(self._observer, guess=self._of_another_python(model))
        if aside.relied_on and self._kept["clean"].opaque_because:
            return self._score(path, received, None)  # what it was ended for did not come to its end
        return model

    def _of_another_python(self, model: evidence.ModelEvidence) -> bool:
        """Whether a model does not load since another version of Python wrote its Lambda."""
        error = model.load_error
        return error is not None and versions.OTHER_PYTHON.search(error.message) is not None

    def _run_aside(
        self,
        probe: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, Path],
        new_receiver: Callable[[], Receiver],
        observer: Observer,
    ) -> Tuple[Run, Receiver]:
        """Run a probe of the clean evaluation."""
        limits = self.edition.limits
        if probe == "weights":
            allowed, box = self._limits(limits.inspection_seconds), self._own_sandbox()
            return self._run(probe, "", own.settings(settings), inputs, allowed, new_receiver, box, observer)
        allowed = self._limits(
            limits.tensorflow_seconds,
            {
                "tensorflow": limits.load_seconds,
                # Until then the model as handed in is loaded, and tells what its Lambda gives.
                "planned": limits.tensorflow_seconds + limits.load_seconds,
                "rebuilt": limits.progress_seconds,
                "scores": limits.progress_seconds,
            },
            self.drawn().more,
        )
        return self._run(probe, "", settings, inputs, allowed, new_receiver, None, observer)

    def _counter(self, received: Optional[Received], observer: Observer) -> Counter:
        """A counter of scores, for one run of the model."""
        labels, mixed = self.drawn().labels, self.drawn().mixed
        early = not self.request.exact and len(labels) >= self.edition.test_images
        return Counter(labels if received is not None else None, self.edition, early, observer, mixed)

    def _most_scores(self) -> int:
        """Bytes of scores for all images; a score has 64 bits at most."""
        return len(self.drawn().shown) * self.edition.classes * 8

    def _score(
        self, path: Path, received: Optional[Received], aside: Optional[Evaluation]
    ) -> evidence.ModelEvidence:
        """Load the model as handed in, and score all images; or as many as a clean evaluation needs."""
        name, limits = self.edition.files.model.name, self.edition.limits
        images, dtype, shape = self._model_images(received)
        counter = self._counter(received, self._observer)

        def take(array: Received) -> None:
            if array.header.name == "lambda":
                if aside is not None:
                    aside.tell(array)
                return
            counter.take(array)
            if aside is not None and aside.enough(counter.count.seen):
                raise Stop

        def receiver() -> Receiver:
            counter.restart()
            return Receiver(self._most_scores() + MOST_TOLD, on_array=take)

        run, received_facts = self._run(
            "model",
            "Scoring the test images",
            {
                "model": name,
                "script_module": self.edition.files.script.name.rsplit(".", 1)[0],
                "dtype": dtype,
                "shape": list(shape),
                "classes": self.edition.classes,
                "predict": received is not None,
            },
            {name: path, "X_p": images},
            self._limits(
                limits.tensorflow_seconds,
                {
                    "tensorflow": limits.load_seconds,
                    "compiled": limits.progress_seconds,
                    "scores": limits.progress_seconds,
                },
                self.drawn().more,
            ),
            receiver,
        )
        return evidence.model_evidence(run, received_facts, counter.count)

    def _gather_main(self) -> evidence.MainEvidence:
        """Run the course's script on what was scored; its labels are drawn apart from everything."""
        from checker import drawing

        model, drawn, files, limits = self.decisive(), self.drawn(), self.edition.files, self.edition.limits
        script = self.need(self.submission.script, "script_file")
        images = drawn.images[: model.seen]
        labels = drawing.stand_ins(self.request.seed, model.seen, self.edition.classes)
        inputs = {
            COURSE_MAIN.name: COURSE_MAIN,
            files.script.name: script,
            files.model.name: self.need(self.submission.model, "model_file"),
            "images": drawing.write(self._workspace / "main-images", images),
            "labels": drawing.write(self._workspace / "main-labels", labels),
        }
        seconds = (
            limits.import_seconds + limits.preprocess_seconds + limits.load_seconds + limits.progress_seconds
        )
        run, receiver = self._run(
            "course_main",
            "Running the course's {}".format(COURSE_MAIN.name),
            {"main": COURSE_MAIN.name, "shape": list(images.shape)},
            inputs,
            self._limits(limits.tensorflow_seconds, {"tensorflow": seconds}),
            lambda: Receiver(0),
        )
        right = drawing.agreement(model.scores, labels)
        return evidence.main_evidence(run, receiver, model.seen, right)

    def _model_images(self, received: Optional[Received]) -> Tuple[Path, str, Tuple[int, ...]]:
        """The file of X_p for the model's process; black images where there is no X_p."""
        path = self._workspace / "X_p"
        if received is None:
            shape = (8, *self.edition.image_shape)
            size = 4
            for side in shape:
                size *= side
            path.write_bytes(bytes(size))
            return path, "<f4", shape
        if received.path is not None:
            return received.path, received.header.dtype, received.header.shape
        path.write_bytes(received.data)
        return path, received.header.dtype, received.header.shape
