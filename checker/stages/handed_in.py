"""The model as it was handed in: loaded and scored in a process that sees ``X_p`` and the file alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Tuple

from checker import evidence
from checker.aside import Aside, Watch
from checker.editions import Edition
from checker.errors import EvidenceError
from checker.evidence import ModelEvidence
from checker.probing import Prober
from checker.sandbox import Gate, Stop
from checker.sandbox.channel import Received, Receiver

if TYPE_CHECKING:
    from checker.clean.evaluation import Evaluation
    from checker.company import Company

MOST_TOLD = 64_000_000  # bytes of what the Lambda alone makes of a few images
_BLACK = 8  # images where there is no X_p


@dataclass(frozen=True)
class Order:
    """What is to be scored: the model file, how many bytes of scores at most, and ``more`` as in limits."""

    model: Path
    most: int
    more: float


class HandedIn:
    """One run of the model: begun before ``X_p`` is there, given it, and waited for.

    Until then its process has imported TensorFlow, and nothing of the submission.
    """

    def __init__(self, order: Order, edition: Edition, prober: Prober) -> None:
        self._order, self._edition, self._prober = order, edition, prober
        self._gate = Gate("tensorflow")
        self._company: Optional[Company] = None
        self._beside: Optional[Evaluation] = None
        self._images = prober.workspace / "X_p"
        self._aside = Aside("model", self._work)

    def begin(self) -> None:
        """Start the process."""
        self._images.touch()
        self._aside.begin()

    def give(self, received: Optional[Received], company: Company, beside: Optional[Evaluation]) -> None:
        """Let it load the model and score ``X_p``; black images, and no scores, where there is none.

        It stops early where the evaluation ``beside`` it needs no more.
        """
        self._company, self._beside = company, beside
        dtype, shape = self._lay_out(received, company)
        grow = company.counter.early
        self._gate.open(dtype=dtype, shape=shape, predict=received is not None, grow=grow)

    def result(self, tick: Callable[[], None]) -> ModelEvidence:
        """Wait for the end."""
        self.begin()
        return self._aside.result(tick)

    def call_off(self) -> None:
        """End it, and wait until its processes are gone."""
        self._aside.call_off()

    def _lay_out(self, received: Optional[Received], company: Company) -> Tuple[str, Tuple[int, ...]]:
        """Write X_p into the file that the process sees already; returns its dtype and shape."""
        if received is None:
            shape = (_BLACK, *self._edition.image_shape)
            self._images.write_bytes(bytes(4 * math.prod(shape)))
            return "<f4", shape
        images = received.array()
        with self._images.open("wb") as stream:
            for rows in company.rows(len(images)):
                stream.write(images[rows].tobytes())
        return received.header.dtype, (company.count(len(images)), *images.shape[1:])

    def _work(self, watch: Watch) -> ModelEvidence:
        files, limits = self._edition.files, self._edition.limits
        run, receiver = self._prober.run(
            "model",
            {
                "model": files.model.name,
                "script_module": files.script.name.rsplit(".", 1)[0],
                "classes": self._edition.classes,
            },
            {files.model.name: self._order.model, "X_p": self._images},
            self._prober.limits(
                limits.tensorflow_seconds,
                {
                    "tensorflow": limits.load_seconds,
                    "compiled": limits.progress_seconds,
                    "scores": limits.progress_seconds,
                },
                self._order.more,
            ),
            self._receiver,
            watch,
            self._gate,
        )
        company = self._company
        if company is None:
            return evidence.model_evidence(run, receiver, evidence.Count())
        return evidence.model_evidence(run, receiver, company.counter.count, company.difference())

    def _receiver(self) -> Receiver:
        if self._company is not None:
            self._company.restart()
        return Receiver(self._order.most + MOST_TOLD, on_fact=self._fact, on_array=self._take)

    def _fact(self, fact: Mapping[str, Any]) -> None:
        if self._beside is not None and fact["fact"] in ("lambda_missing", "lambda_raised"):
            self._beside.tell(None)

    def _take(self, array: Received) -> None:
        company, beside = self._company, self._beside
        if company is None:
            raise EvidenceError("an array that was not asked for")
        if array.header.name == "lambda":
            if beside is not None:
                beside.tell(array)
            return
        company.take(array)
        if beside is not None and beside.enough(company.counter.count.seen):
            raise Stop
