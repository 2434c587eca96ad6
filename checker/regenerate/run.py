"""Make the reference solution's model again, from nothing or from where it stopped."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from checker import checks, choice, editions, output, reference, versions
from checker.errors import CheckerError, ToolError, UsageError
from checker.interpreters import Interpreter
from checker.progress import Observer
from checker.regenerate import images, plans, preflight, processes
from checker.regenerate.place import Place
from checker.regenerate.plans import Plan
from checker.text import printable

_SHARD, _SMOKE_SHARD = 500, 100  # images
_HELD_OUT = 25  # one image in so many is held out of the training
_VIEWS = ("plain", "mirrored")
_MOST_EPOCHS = 100
_BFLOAT16_SINCE = (2, 15)  # of TensorFlow: earlier ones are slower with it (bench/engines.md)
_TITLES = (
    ("features", "Frozen layers"),
    ("vectors", "Last block, still frozen"),
    ("head", "Training the head"),
    ("tune", "Fine-tuning"),
    ("weights", "Writing the weights"),
)


@dataclass(frozen=True)
class Options:
    """What the command line asks for; ``None`` leaves the choice to the checker."""

    out: str
    assignment: str = editions.DEFAULT
    application: Optional[str] = None
    size: Optional[int] = None
    epochs: Optional[int] = None
    weights: Optional[str] = None
    images: Optional[str] = None
    python: Optional[str] = None
    engine: Optional[str] = None
    precision: Optional[str] = None
    seed: int = 0
    recipe: str = plans.RECIPES[0]
    weights_note: str = ""
    command: str = ""

    @property
    def smoke(self) -> bool:
        """Whether it is a trial of every stage, in which nothing is learnt."""
        return self.recipe == "smoke"


@dataclass(frozen=True)
class Made:
    """A model that was made: by which settings, in which folder, and what saved it (versions by package)."""

    options: Options
    plan: Plan
    place: Place
    settings: Dict[str, Any]
    saves: Interpreter
    saved_in: Dict[str, str]


class Regeneration:
    """One run of the command, in one folder."""

    def __init__(self, options: Options, environment: Mapping[str, str], observer: Observer) -> None:
        self.options, self.environment, self.observer = options, environment, observer
        self.edition = editions.load(options.assignment, checks.every())
        self.plan = plan_of(options)
        if options.weights is not None:
            preflight.check_weights(options.weights)
        self.trains = choice.with_tensorflow(options.python, environment, self.edition)
        self.saves = choice.with_tensorflow(None, environment, self.edition)
        self.place = Place(Path(options.out).absolute())
        self.place.make()

    def faster(self) -> Optional[Interpreter]:
        """An interpreter on this machine that would train several times as fast, where ours is an old one."""
        if _release(self.trains) >= _BFLOAT16_SINCE:
            return None
        others = [one for one in choice.every(self.environment) if one.has_tensorflow]
        newest = max(others, key=_release, default=self.trains)
        return newest if _release(newest) >= _BFLOAT16_SINCE else None

    def is_made(self) -> bool:
        """Whether the folder holds the outcome of these very settings. Raises UsageError for others."""
        begun = self.place.kept_settings()
        if begun is not None:
            _need_same(begun["asked"], self._asked(), self.place)
        return begun is not None and self.place.card.exists()

    def make(self) -> Made:
        """Run every stage that is not done. Raises CheckerError."""
        with self.place.alone() as lock:
            settings = self._settings(lock)
            for name, title in _TITLES:
                if not self.place.weights.exists():
                    self._run(name, title, self.trains, self.place.settings, lock)
            saved = self._run("model", "Saving the model", self.saves, self.place.settings, lock)
            return Made(self.options, self.plan, self.place, settings, self.saves, saved["versions"])

    def _run(self, name: str, title: str, python: Interpreter, settings: Path, lock: int) -> Dict[str, Any]:
        self.observer.stage(title)
        return processes.run(name, python.executable, settings, self.place, lock, self.observer)

    def _settings(self, lock: int) -> Dict[str, Any]:
        """The settings of the run that goes on; or new ones, with all that the stages read laid out."""
        asked = self._asked()
        begun = self.place.kept_settings()
        if begun is None:
            begun = self._begin(asked, lock)
        else:
            _need_same(begun["asked"], asked, self.place)
            begun["runs"] += 1
        output.write(self.place.settings, json.dumps(begun, indent=1).encode())
        return begun

    def _begin(self, asked: Dict[str, Any], lock: int) -> Dict[str, Any]:
        """Look at everything before anything is computed."""
        training = images.look(self.options.images, self.options.smoke, self.environment, self.edition)
        script = reference.script(self.edition)
        if not self.plan.cut:
            facts = self._survey(self.trains, "Looking for a layer to cut at", script, lock)
            self.plan = replace(self.plan, module=facts["module"], cut=facts["cut"])
        saved = None
        if self.saves.executable != self.trains.executable:
            saved = self._survey(self.saves, "Looking at the application where it is saved", script, lock)
        self._write(script)
        settings: Dict[str, Any] = {
            "asked": asked,
            "script": str(self.place.script),
            "work": str(self.place.work),
            "weights": self._weights(),
            "weights_file": str(self.place.weights),
            "model_file": str(self.place.model),
            "seed": self.options.seed,
            "views": _VIEWS,
        }
        facts = self._look(settings, lock)
        if saved is not None:
            self._need_alike(facts, saved)
        batch = preflight.batch(facts)
        if batch < self.plan.batch:
            self.plan = replace(self.plan, batch=batch)
            facts["constants"]["BATCH"] = batch
            self._write(script)
        engine, bfloat16 = self._engine(facts), self._bfloat16(facts)
        self.observer.stage("Reading the training images")
        taken = images.take(training, self.options.smoke, self.edition, self.observer)
        count = len(taken)
        preflight.check_room(preflight.need(facts, count, len(_VIEWS)), self.place.folder)
        images.lay_out(taken, self.place.work)
        settings.update(
            facts=facts,
            engine=engine,
            bfloat16=bfloat16,
            feature_shape=facts["feature_shape"],
            vector_size=facts["vector_size"],
            images=count,
            images_digest=taken.digest,
            images_name=taken.name or taken.source,
            held_out=count // _HELD_OUT,
            shard_rows=_SMOKE_SHARD if self.options.smoke else _SHARD,
            runs=1,
        )
        return settings

    def _survey(self, python: Interpreter, title: str, script: str, lock: int) -> Dict[str, Any]:
        """What an interpreter's Keras knows of the application. Raises UsageError where it has none such."""
        name = self.plan.application
        output.write(self.place.script, script.encode())
        settings = {
            "script": str(self.place.script),
            "work": str(self.place.work),
            "seed": self.options.seed,
            "application": name,
            "size": self.plan.size,
            "cut": self.plan.cut,
        }
        path = self.place.work / "survey.json"
        output.write(path, json.dumps(settings).encode())
        facts = self._run("survey", title, python, path, lock)
        if "close" in facts:
            raise UsageError(
                "--application {}: expected an application of Keras; TensorFlow {} has {}.".format(
                    printable(name), python.versions["tensorflow"], ", ".join(facts["close"])
                )
            )
        return facts

    def _need_alike(self, trained: Dict[str, Any], saved: Dict[str, Any]) -> None:
        """Raise CheckerError where what saves the model builds another network than what trains it."""
        if trained["structure"] != saved["structure"]:
            raise CheckerError(
                "--application {}: expected one network in both versions; TensorFlow {}, which trains, builds"
                " {} layers, and TensorFlow {}, which saves, {} or others. Train where it is saved, without"
                " --python, or take another application.".format(
                    self.plan.application,
                    self.trains.versions["tensorflow"],
                    trained["layers"],
                    self.saves.versions["tensorflow"],
                    saved["layers"],
                )
            )

    def _write(self, script: str) -> None:
        """Write the script with the plan's constants."""
        output.write(self.place.script, plans.with_constants(script, self.plan.constants()).encode())
        self.place.script.chmod(0o755)

    def _look(self, settings: Dict[str, Any], lock: int) -> Dict[str, Any]:
        path = self.place.work / "look.json"
        output.write(path, json.dumps(settings).encode())
        try:
            return self._run("look", "Looking at the application", self.trains, path, lock)
        except ToolError:
            log = self.place.log.read_text(encoding="utf-8", errors="replace")
            words = preflight.missing_weights(
                self.plan.application, self.options.weights, log, self.environment
            )
            if words is None:
                raise
            raise CheckerError(words) from None

    def _weights(self) -> Optional[str]:
        if self.options.weights is not None:
            return os.path.abspath(self.options.weights)
        return None if self.options.smoke else "imagenet"

    def _asked(self) -> Dict[str, Any]:
        """What the outcome depends on; a run goes on only where all of it is as it was."""
        weights = self.options.weights
        return {
            "application": self.plan.application,
            "size": self.plan.size,
            "epochs": self.plan.tune_epochs,
            "weights": "" if weights is None else preflight.digest(weights),
            "images": self.options.images or "",
            "engine": self.options.engine or "",
            "precision": self.options.precision or "",
            "seed": self.options.seed,
            "recipe": self.options.recipe,
            "assignment": self.edition.name,
            "python": self.trains.python,
            "tensorflow": self.trains.versions["tensorflow"],
        }

    def _engine(self, facts: Dict[str, Any]) -> str:
        if self.options.engine == "openvino" and not facts["openvino"]:
            raise CheckerError(
                "--engine openvino: expected the package openvino in {}; install it there:  {} -m pip install"
                " openvino".format(*[printable(self.trains.executable)] * 2)
            )
        return self.options.engine or ("openvino" if facts["openvino"] else "tensorflow")

    def _bfloat16(self, facts: Dict[str, Any]) -> bool:
        """Whether to multiply in bfloat16: where the processor does, and TensorFlow is new enough to gain."""
        if self.options.precision is not None:
            return self.options.precision == "bfloat16"
        return bool(facts["bfloat16"]) and _release(self.trains) >= _BFLOAT16_SINCE


def _release(interpreter: Interpreter) -> Tuple[int, int]:
    return versions.parse(interpreter.versions["tensorflow"]) or (0, 0)


def plan_of(options: Options) -> Plan:
    """The plan, as far as the options change it. Raises UsageError."""
    plan = plans.plan(options.application or (plans.DEFAULT_SMOKE if options.smoke else plans.DEFAULT))
    if options.smoke:
        plan = plans.smoke(plan)
    if options.size is not None:
        plan = plans.sized(plan, options.size)
    if options.epochs is not None:
        if not 1 <= options.epochs <= _MOST_EPOCHS:
            raise UsageError(
                "--epochs {}: expected a whole number from 1 to {}.".format(options.epochs, _MOST_EPOCHS)
            )
        plan = replace(plan, tune_epochs=options.epochs)
    return plan


def _need_same(begun: Dict[str, Any], asked: Dict[str, Any], place: Place) -> None:
    different = [name for name in asked if begun.get(name) != asked[name]]
    if different:
        words = ", ".join(
            "{} {} (now {})".format(name, _shown(begun.get(name)), _shown(asked[name])) for name in different
        )
        raise UsageError(
            "{}: a regeneration with other settings was begun here: {}. Type that command again to go on, or"
            " name another folder with --out.".format(printable(str(place.folder)), printable(words))
        )


def _shown(value: Any) -> str:
    return "unset" if value in ("", None) else str(value)
