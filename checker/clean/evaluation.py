"""A model rebuilt and scored beside the one that was handed in, in a thread of its own.

Three steps, each of which may say that the model is opaque, and why: ``X_p`` is what a known
``preprocess_input`` gives; the weights can be read; stock layers and a stock resize make up the model.
What the Lambda gives is told by the process in which submitted code runs: it picks the resize. Whatever it
says, a resize of ours and stock layers answer, and their scores are counted.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import numpy as np

from checker import evidence
from checker.aside import Aside, Watch
from checker.clean import preprocessing
from checker.counting import Counter
from checker.errors import CheckerError
from checker.progress import Observer
from checker.sandbox import Gate, Run
from checker.sandbox.channel import ITEM_SIZES, Received, Receiver
from checker.typed import plain

SAMPLE = 64  # images at least, on which the model as handed in is compared
# When OpenVINO scores, in the words of the probe ``faster``: where its conversion has paid even if it saves a
# sixth of the time alone. Whose class may be another by the difference allowed is Keras's.
FASTER = {"worth": 12.0, "gain": 1.1, "apart": 1e-3, "close": 1e-2}
# Runs a probe: its name, settings, inputs, a maker of receivers, what watches it, and what holds it.
Runner = Callable[
    [str, Dict[str, object], Dict[str, Path], Callable[[], Receiver], Observer, Optional[Gate]],
    Tuple[Run, Receiver],
]


@dataclass(frozen=True)
class Order:
    """What is to be evaluated: the model file ``name``, on images uint8 (n, ...).

    ``counter`` takes the scores; ``folder`` is ours to make and write in. ``has_openvino``: the submission's
    interpreter has it; it scores images where many are wanted.
    """

    model: Path
    name: str
    images: np.ndarray
    counter: Counter
    most: int  # bytes of scores
    folder: Path
    has_openvino: bool = False


class _Opaque(Exception):
    """The model cannot be evaluated clean; its text says why."""


class Evaluation:
    """One clean evaluation: begun before ``X_p`` is there, told of it and of the Lambda, and waited for."""

    def __init__(self, order: Order, run: Runner) -> None:
        self.relied_on = False
        self._order, self._run = order, run
        self._gate = Gate("planned")
        self._lock = threading.Lock()
        self._mode = self._resize = self._because = ""
        self._lambda: Optional[Dict[str, object]] = None
        self._aside = Aside("clean", self._work)

    def begin(self) -> None:
        """Read the weights and start the process that rebuilds; it waits for the rest."""
        self._prepare()
        self._aside.begin()

    def _prepare(self) -> None:
        """Make the files that the process sees before there is anything in them."""
        self._order.folder.mkdir(exist_ok=True)
        for name in ("images", "lambda"):
            (self._order.folder / name).touch()

    def give(self, received: Optional[Received]) -> None:
        """``X_p`` as it came, None where it did not; unless it is one of ours, this is the end."""
        mode = None if received is None else preprocessing.mode_of(self._order.images, received.array())
        if mode is None:
            self._because = (
                "there is no X_p" if received is None else "X_p is not what a preprocess_input of Keras gives"
            )
            self.call_off()
            return
        self._prepare()
        preprocessing.write(self._order.folder / "images", self._order.images, mode)
        with self._lock:
            self._mode = mode
            self._open()

    def tell(self, received: Optional[Received], guess: bool = False) -> None:
        """What the Lambda gives for the first images, None where it gives nothing. The first word counts.

        ``guess``: it was never run; find a resize for it by trial, and show what comes of that.
        """
        with self._lock:
            if self._because or self._lambda is not None:
                return
            self._lambda = {"shape": [], "dtype": "<f4", "guess": guess}
            if received is not None:
                data = received.path.read_bytes() if received.path is not None else received.data
                (self._order.folder / "lambda").write_bytes(data)
                self._lambda.update(shape=list(received.header.shape), dtype=received.header.dtype)
            self._open()

    def _open(self) -> None:
        if self._mode and self._lambda is not None:
            self._gate.open(**self._lambda, grow=self._order.counter.early)

    def enough(self, seen: int) -> bool:
        """Whether the model as handed in need score no more: it is compared, and the one rebuilt counts."""
        self.relied_on = self.relied_on or (bool(self._resize) and seen >= SAMPLE)
        return self.relied_on

    @property
    def seen(self) -> int:
        """Test images scored so far."""
        return self._order.counter.count.seen

    def finish(self, tick: Callable[[], None], guess: bool = False) -> evidence.CleanEvidence:
        """Wait for the end; ``guess`` as in :meth:`tell`, ``tick`` is called meanwhile."""
        if self._because:
            return evidence.opaque(self._because)
        self.begin()
        self.tell(None, guess)
        return self._aside.result(tick)

    def call_off(self) -> None:
        """End it, and wait until its processes are gone."""
        self._aside.call_off()

    def _work(self, watch: Watch) -> evidence.CleanEvidence:
        """All steps, in the thread."""
        try:
            return self._evaluate(watch)
        except _Opaque as error:
            return evidence.opaque(str(error))
        except CheckerError as error:
            return evidence.opaque("the checker failed to rebuild it: {}".format(error))

    def _evaluate(self, watch: Watch) -> evidence.CleanEvidence:
        order = self._order
        inputs = self._read_weights(watch)
        inputs.update((name, order.folder / name) for name in ("images", "lambda"))
        run, receiver, engine = self._score(inputs, watch)
        refused = receiver.last("refused")
        if refused is not None:
            raise _Opaque(str(refused.get("why")))
        if run.ending not in ("finished", "stopped") or receiver.last("predict_raised"):
            words = "the model rebuilt from stock layers comes to no end: {} {}"
            raise _Opaque(words.format(run.ending, run.detail).rstrip())
        guess = self._lambda is not None and self._lambda["guess"]
        because = "the resize is a guess, since its Lambda does not run here" if guess else ""
        return evidence.clean_evidence(because, run, self._mode, self._resize, order.counter.count, engine)

    def _score(self, inputs: Dict[str, Path], watch: Watch) -> Tuple[Run, Receiver, evidence.Engine]:
        """Build the model and score the images; once more, in Keras alone, where OpenVINO comes to no end."""
        why = ""
        if self._order.has_openvino:
            run, receiver = self._run_clean(inputs, watch, FASTER)
            engine = evidence.engine(receiver)
            converted = receiver.last("converting") is not None
            if not engine.again and (run.ending in ("finished", "stopped") or not converted):
                return run, receiver, engine
            why = engine.why or "it comes to no end: {} {}".format(run.ending, run.detail).rstrip()
        run, receiver = self._run_clean(inputs, watch, None)
        return run, receiver, evidence.Engine(why=why)

    def _run_clean(
        self, inputs: Dict[str, Path], watch: Watch, faster: Optional[Mapping[str, float]]
    ) -> Tuple[Run, Receiver]:
        order = self._order
        return self._run(
            "clean",
            {"shape": list(order.images.shape), "faster": faster},
            inputs,
            lambda: Receiver(order.most, on_fact=self._fact, on_array=order.counter.restart().take),
            watch,
            self._gate,
        )

    def _fact(self, fact: Mapping[str, Any]) -> None:
        if fact["fact"] == "rebuilt":
            self._resize = str(fact.get("resize"))

    def _read_weights(self, watch: Watch) -> Dict[str, Path]:
        """The description, the index and the weights, each as a file for the process that rebuilds."""
        order = self._order
        most = order.model.stat().st_size
        _, receiver = self._run(
            "weights",
            {"model": order.name, "most": most},
            {order.name: order.model},
            lambda: Receiver(most + 2 * 16_000_000, order.folder, spool_over=-1),
            watch,
            None,
        )
        refused = receiver.last("refused")
        arrays = {array.header.name: array for array in receiver.arrays}
        if refused is not None or receiver.last("done") is None or not {"config", "weights"} <= set(arrays):
            words = refused.get("why") if refused else "reading them came to no end"
            raise _Opaque("its weights cannot be taken over: {}".format(words))
        index = evidence.weights_index(receiver)
        length = sum(ITEM_SIZES[item.dtype] * math.prod(item.shape) for item in index)
        if length != arrays["weights"].header.length:
            raise _Opaque("its weights cannot be taken over: there are more or fewer than announced")
        path = order.folder / "index"
        path.write_text(json.dumps(plain(index)))
        return {"index": path, **{key: _path(arrays[key]) for key in ("config", "weights")}}


def _path(received: Received) -> Path:
    if received.path is None:
        raise AssertionError("an array that was not spooled")
    return received.path
