"""How the probes of one check are run: in which sandbox, under the edition's limits, what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, Mapping, Optional, Tuple

from checker import own
from checker.editions import Edition
from checker.errors import ToolError
from checker.progress import Observer
from checker.result import StageRecord
from checker.sandbox import Gate, Limits, Run, Sandbox
from checker.sandbox.channel import Receiver

# No submitted code runs in these, with the checker's own interpreter: a wrong word is our fault.
_OURS_ALONE = ("inspection", "weights")
_ORDER = ("source", "script", "inspection", "model", "weights", "clean", "course_main")


class Prober:
    """Runs probes; each that ended has left a record in ``stages``. May be used from several threads."""

    def __init__(self, edition: Edition, sandbox: Sandbox, workspace: Path) -> None:
        self.workspace = workspace
        self._edition, self._sandbox = edition, sandbox
        self._own: Optional[Sandbox] = None
        self._stages: List[StageRecord] = []

    @property
    def together(self) -> bool:
        """Whether several probes may run at once: only walls keep their processes apart."""
        return self._sandbox.isolation.level == "bubblewrap"

    @property
    def stages(self) -> Tuple[StageRecord, ...]:
        """What ran, in the order of the stages, whichever ended first."""
        return tuple(sorted(self._stages, key=lambda stage: _ORDER.index(stage.name)))

    def vendored(self, name: str) -> str:
        """Path, as a probe sees it, of a file that ships with the checker."""
        return self._sandbox.vendored(name)

    def limits(self, seconds: float, then: Optional[Mapping[str, float]] = None, more: float = 1.0) -> Limits:
        """The edition's limits; ``more``: as many times its images, and so its memory."""
        limits = self._edition.limits
        return Limits(
            seconds=seconds,
            memory=int(limits.memory_megabytes * 10**6 * more),
            processes=limits.processes,
            printed=limits.printed_megabytes * 10**6,
            scratch=limits.scratch_megabytes * 10**6,
            then=then or {},
        )

    def prepare(self) -> None:
        """Find the sandbox of the checker's own interpreter: before threads want it."""
        if self._own is None:
            self._own = own.sandbox(self.workspace, self._sandbox)

    def run(
        self,
        probe: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, Path],
        limits: Limits,
        new_receiver: Callable[[], Receiver],
        observer: Observer,
        gate: Optional[Gate] = None,
    ) -> Tuple[Run, Receiver]:
        """Run a probe; where the probe itself fails, once more, then ToolError."""
        box = self._sandbox
        if probe in _OURS_ALONE:
            self.prepare()
            box, settings = self._own or box, own.settings(settings)
        for _ in range(2):
            receiver = new_receiver()
            run = box.run(probe, settings, inputs, limits, receiver, observer.tick, gate)
            self._stages.append(
                StageRecord(probe, run.ending, run.detail, run.seconds, run.cpu_seconds, run.peak_memory)
            )
            fault = (receiver.last("probe_error") or {}).get("trace")
            if run.ending == "malformed" and probe in (*_OURS_ALONE, "source"):
                fault = run.detail
            if fault is None:
                return run, receiver
        raise ToolError("the probe {} failed: {}".format(probe, fault))
