"""What a regeneration leaves: the checker's verdict on its model, the training's log, pictures, a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from checker import options as asking
from checker import output, reference, scoring
from checker import run as checking
from checker.editions import Edition
from checker.gather import Evidence
from checker.machine import processor
from checker.progress import Observer
from checker.regenerate import card, pictures
from checker.regenerate.place import Place
from checker.regenerate.preflight import digest
from checker.regenerate.record import Epoch, Record, StageCost, write_history
from checker.regenerate.run import Made
from checker.reports import json as json_report
from checker.result import Result, Status
from checker.text import printable

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_ERROR_RATE = 0.05
_STAGES = {
    "survey": "Looking for a layer to cut at",
    "look": "Looking at the application",
    "features": "Frozen layers, once",
    "vectors": "Last block, still frozen, once",
    "head": "Training the head",
    "tune": "Fine-tuning",
    "weights": "Writing the weights",
    "model": "Saving the model",
}


def finish(made: Made, edition: Edition, environment: Mapping[str, str], observer: Observer) -> Result:
    """Check the model and write everything down; what only served to go on is removed at the end."""
    place = made.place
    shutil.copyfile(str(reference.FOLDER / "README.md"), str(place.folder / "README.md"))
    asked = asking.Options(
        folder=str(place.folder),
        assignment=made.options.assignment,
        exact=True,
        images="embedded" if made.options.smoke and made.options.images is None else made.options.images,
        python=made.saves.executable,
        seed=made.options.seed,
    )
    result, evidence = checking.examine(asked, edition, environment, observer)
    if result.interrupted:
        raise KeyboardInterrupt
    output.write(place.result, json_report.render(result).encode())
    observer.stage("Writing it down")
    epochs = tuple(_epochs(place))
    write_history(place.folder / "history.csv", epochs)
    pictures.curves(epochs, place.folder)
    _draw_scores(evidence, place.folder)
    record = _record(made, result)
    output.write(place.folder / "record.json", (json.dumps(record.to_dict(), indent=1) + "\n").encode())
    output.write(place.card, card.card(record, epochs).encode())
    clear(place)
    return result


def _draw_scores(evidence: Evidence, folder: Path) -> None:
    """Pictures of what the model takes for what; none where it scored nothing."""
    if not evidence.scored():
        return
    scores, drawn = np.concatenate(evidence.model().scores), evidence.drawn()
    labels = drawn.labels[: len(scores)]
    pictures.confusion(labels, scores.argmax(axis=1), CLASSES, folder)
    pictures.mistakes(drawn.images[: len(scores)], labels, scores, CLASSES, folder)


def _epochs(place: Place) -> Iterator[Epoch]:
    for stage in ("head", "tune"):
        for path in sorted(place.work.glob(stage + "-*.json")):
            note: Dict[str, Any] = json.loads(path.read_text())
            if note["epoch"]:
                del note["sha256"]
                yield Epoch(stage=stage, **note)


def _record(made: Made, result: Result) -> Record:
    settings, facts, place = made.settings, made.settings["facts"], made.place
    constants = {name: str(value) for name, value in facts["constants"].items()}
    feature_shape = tuple(facts["feature_shape"])
    held_out, accuracy = settings["held_out"], result.accuracy
    correct, total = (accuracy.correct, accuracy.total) if accuracy else (0, 0)
    low, high = scoring.clopper_pearson(correct, total, 1 - _ERROR_RATE) if total else (0.0, 1.0)
    weights = made.options.weights
    return Record(
        application=made.plan.application,
        size=made.plan.size,
        cut=constants["CUT"],
        weights=Path(weights).name
        if weights
        else "random"
        if made.options.smoke
        else "ImageNet's, from Keras",
        weights_sha256=settings["asked"]["weights"],
        weights_note=made.options.weights_note,
        training_images=settings["images"] - held_out,
        validation_images=held_out,
        images_source=settings["images_name"],
        images_digest=settings["images_digest"],
        views=tuple(settings["views"]),
        feature_shape=feature_shape,
        feature_dtype="float16",
        feature_bytes=int(2 * np.prod(feature_shape)) * settings["images"] * len(settings["views"]),
        seed=made.options.seed,
        engine=settings["engine"],
        precision="bfloat16" if settings["bfloat16"] else "float32",
        trained_in=facts["versions"],
        saved_in=made.saved_in,
        machine=processor(),
        stages=tuple(_costs(place, settings, result)),
        resumed=settings["runs"] - 1,
        correct=correct,
        total=total,
        low=low,
        high=high,
        error_rate=_ERROR_RATE,
        verdict=result.verdict,
        parameters=facts["parameters"],
        model_bytes=place.model.stat().st_size,
        model_sha256=digest(str(place.model)),
        script_sha256=digest(str(place.script)),
        settings=constants,
        command=made.options.command,
        trial=made.options.smoke,
    )


def _costs(place: Place, settings: Mapping[str, Any], result: Result) -> Iterator[StageCost]:
    """Costs by stage, of all its processes: one that was killed has cost something, too."""
    count, views = settings["images"], len(settings["views"])
    learned = count - settings["held_out"]
    constants = settings["facts"]["constants"]
    images = {
        "features": count * views,
        "vectors": count * views,
        "head": learned * constants["HEAD_EPOCHS"],
        "tune": learned * constants["TUNE_EPOCHS"],
    }
    for name, title in _STAGES.items():
        parts: List[Dict[str, Any]] = [
            json.loads(path.read_text()) for path in place.costs.glob(name + "-*.json")
        ]
        if not parts:  # only some applications are surveyed
            continue
        seconds = round(sum(part["seconds"] for part in parts), 1)
        peak = max((part["peak_bytes"] for part in parts), default=0)
        detail = "in {} parts".format(len(parts)) if len(parts) > 1 else ""
        yield StageCost(title, seconds, peak, images.get(name, 0), detail)
    peak = max((stage.peak_memory for stage in result.stages), default=0)
    seen = result.accuracy.seen if result.accuracy else 0
    yield StageCost("The checker's verdict", result.seconds, peak, seen, "")


def clear(place: Place) -> None:
    """Remove what only served to go on; settings, costs and the log stay."""
    shutil.rmtree(str(place.temporary), ignore_errors=True)
    for pattern in ("*.shard", "*.npy", "*.h5", "*.keras"):
        for path in place.work.glob(pattern):
            path.unlink()


def summary(result: Result, place: Place) -> Tuple[str, ...]:
    """Lines for a person."""
    accuracy = result.accuracy
    lines = []
    if accuracy is not None:
        lines.append(
            "{:,} of {:,} test images right ({:.2f} %); the checker's verdict: {}".format(
                accuracy.correct, accuracy.total, 100 * accuracy.correct / accuracy.total, result.verdict
            )
        )
    for check in result.checks:
        if check.status != Status.PASSED:
            lines.append("  {}: {}".format(check.status.value, printable(check.title)))
    lines.append("The submission, with model-card.md and pictures:  {}".format(printable(str(place.folder))))
    return tuple(lines)
