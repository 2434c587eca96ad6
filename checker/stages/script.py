"""The script, imported, and its ``preprocess_data`` called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checker import evidence
from checker.aside import Watch
from checker.editions import Edition
from checker.evidence import ScriptEvidence
from checker.probing import Prober
from checker.sandbox.channel import Receiver

if TYPE_CHECKING:
    from checker.drawing import Drawn  # needs NumPy, which a quick run does without

FEW = 40  # images for the small calls of preprocess_data


def gather(prober: Prober, edition: Edition, script: Path, drawn: Drawn, watch: Watch) -> ScriptEvidence:
    """Run the probe on the script and the images that were drawn."""
    limits, name, calls = edition.limits, edition.files.script.name, drawn.calls(FEW)
    seconds = {
        "tensorflow": limits.import_seconds,
        "imported": limits.import_seconds,
        "calling": limits.preprocess_seconds * drawn.more,
    }
    run, receiver = prober.run(
        "script",
        {"script": name, "calls": [call.to_dict() for call in calls]},
        {name: script, **drawn.lay_out(calls, prober.workspace)},
        prober.limits(limits.tensorflow_seconds, seconds, drawn.more),
        lambda: Receiver(int(limits.array_megabytes * 10**6 * drawn.more), prober.workspace),
        watch,
    )
    return evidence.script_evidence(run, receiver)
