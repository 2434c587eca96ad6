"""The course's own script, run on what the model has scored; its labels are drawn apart from everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Mapping

from checker import evidence, reference
from checker.editions import Edition
from checker.evidence import MainEvidence, ModelEvidence
from checker.probing import Prober
from checker.progress import Observer
from checker.sandbox.channel import Receiver

if TYPE_CHECKING:
    import numpy as np

COURSE_MAIN = reference.FOLDER / "0-main.py"


def gather(
    prober: Prober,
    edition: Edition,
    submitted: Mapping[str, Path],
    images: np.ndarray,
    seed: int,
    model: ModelEvidence,
    observer: Observer,
) -> MainEvidence:
    """Run it beside the ``submitted`` script and model on ``images``, those that the ``model`` has scored."""
    from checker import drawing

    limits = edition.limits
    labels = drawing.stand_ins(seed, model.seen, edition.classes)
    inputs = {
        COURSE_MAIN.name: COURSE_MAIN,
        **submitted,
        "images": drawing.write(prober.workspace / "main-images", images),
        "labels": drawing.write(prober.workspace / "main-labels", labels),
    }
    seconds = (
        limits.import_seconds + limits.preprocess_seconds + limits.load_seconds + limits.progress_seconds
    )
    run, receiver = prober.run(
        "course_main",
        {"main": COURSE_MAIN.name, "shape": list(images.shape)},
        inputs,
        prober.limits(limits.tensorflow_seconds, {"tensorflow": seconds}),
        lambda: Receiver(0),
        observer,
    )
    right = drawing.agreement(model.scores, labels)
    return evidence.main_evidence(run, receiver, model.seen, right)
