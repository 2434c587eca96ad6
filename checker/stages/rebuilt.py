"""The probes of the clean evaluation: the weights read, and the model rebuilt and scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Optional, Tuple

from checker.editions import Edition
from checker.probing import Prober
from checker.progress import Observer
from checker.sandbox import Gate, Limits, Run
from checker.sandbox.channel import Receiver

if TYPE_CHECKING:
    from checker.clean.evaluation import Runner  # needs NumPy, which a quick run does without


def runner(prober: Prober, edition: Edition, more: float) -> Runner:
    """What runs them; ``more`` as in :meth:`Prober.limits`."""

    def run(
        probe: str,
        settings: Dict[str, object],
        inputs: Dict[str, Path],
        new_receiver: Callable[[], Receiver],
        watch: Observer,
        gate: Optional[Gate],
    ) -> Tuple[Run, Receiver]:
        return prober.run(probe, settings, inputs, _limits(probe), new_receiver, watch, gate)

    def _limits(probe: str) -> Limits:
        limits = edition.limits
        if probe == "weights":
            return prober.limits(limits.inspection_seconds)
        seconds = {
            "tensorflow": limits.load_seconds,
            "planned": limits.load_seconds,
            "rebuilt": limits.progress_seconds,
            "converting": limits.load_seconds,
            "scores": limits.progress_seconds,
        }
        return prober.limits(limits.tensorflow_seconds, seconds, more)

    return run
