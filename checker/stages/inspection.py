"""The model file, read as bytes."""

from __future__ import annotations

from pathlib import Path

from checker import evidence
from checker.aside import Watch
from checker.editions import Edition
from checker.evidence import InspectionEvidence
from checker.probing import Prober
from checker.sandbox.channel import Receiver


def gather(prober: Prober, edition: Edition, model: Path, watch: Watch) -> InspectionEvidence:
    """Run the probe on the file ``model``."""
    name = edition.files.model.name
    limits = prober.limits(edition.limits.inspection_seconds)
    run, receiver = prober.run(
        "inspection", {"model": name}, {name: model}, limits, lambda: Receiver(0), watch
    )
    return evidence.inspection_evidence(run, receiver)
