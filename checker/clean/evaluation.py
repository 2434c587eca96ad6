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
from types import TracebackType
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Type

import numpy as np

from checker import evidence
from checker.clean import preprocessing
from checker.counting import Counter
from checker.errors import CheckerError
from checker.progress import Observer
from checker.sandbox import Run, Stop
from checker.sandbox.channel import ITEM_SIZES, Received, Receiver
from checker.typed import plain

SAMPLE = 256  # images at least, on which the model as handed in is compared
_LOOK = 0.05  # seconds
# Runs a probe: its name, settings, inputs, a maker of receivers, and what watches it.
Runner = Callable[
    [str, Dict[str, object], Dict[str, Path], Callable[[], Receiver], Observer], Tuple[Run, Receiver]
]


@dataclass(frozen=True)
class Order:
    """What is to be evaluated: the model file ``name``, images uint8 (n, ...), and X_p as it came.

    ``counter`` takes the scores; ``folder`` is ours to make and write in.
    """

    model: Path
    name: str
    images: np.ndarray
    received: Received
    counter: Counter
    most: int  # bytes of scores
    folder: Path


class _Opaque(Exception):
    """The model cannot be evaluated clean; its text says why."""


class _Watch(Observer):
    """Ends a run once nobody wants it any more."""

    def __init__(self) -> None:
        self.cancelled = False

    def tick(self) -> None:
        """A moment has passed."""
        if self.cancelled:
            raise Stop


class Evaluation:
    """One clean evaluation: begun with ``with``, told of the Lambda, and waited for."""

    def __init__(self, order: Order, run: Runner) -> None:
        self._order, self._run = order, run
        self._watch = _Watch()
        self._told = self._guess = self.relied_on = False
        self._resize = ""
        self._found: Optional[evidence.CleanEvidence] = None
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._work, name="clean", daemon=True)

    def __enter__(self) -> Evaluation:
        self._order.folder.mkdir()
        for name in ("go", "lambda"):
            (self._order.folder / name).touch()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._watch.cancelled = True
        self._thread.join()

    def tell(self, received: Optional[Received]) -> None:
        """What the Lambda gives for the first images, None where it gives nothing. The first word counts."""
        if self._told:
            return
        self._told = True
        go: Dict[str, object] = {"shape": [], "dtype": "<f4", "guess": self._guess}
        if received is not None:
            data = received.path.read_bytes() if received.path is not None else received.data
            (self._order.folder / "lambda").write_bytes(data)
            go.update(shape=list(received.header.shape), dtype=received.header.dtype)
        (self._order.folder / "go").write_text(json.dumps(go) + "\n")

    def enough(self, seen: int) -> bool:
        """Whether the model as handed in need score no more: it is compared, and the one rebuilt counts."""
        self.relied_on = self.relied_on or (bool(self._resize) and seen >= SAMPLE)
        return self.relied_on

    def finish(self, observer: Observer, guess: bool = False) -> evidence.CleanEvidence:
        """Wait for the end.

        ``guess``: the Lambda was never run; find a resize for it by trial, and show what comes of that.
        """
        self._guess = guess
        self.tell(None)
        while self._thread.is_alive():
            self._thread.join(_LOOK)
            seen = self._order.counter.count.seen
            if seen:
                observer.advance(seen, len(self._order.images))
            observer.tick()
        if self._error is not None:
            raise self._error
        if self._found is None:
            raise AssertionError("a clean evaluation without an end")
        return self._found

    def _work(self) -> None:
        """All steps, in the thread."""
        try:
            self._found = self._evaluate()
        except _Opaque as error:
            self._found = evidence.opaque(str(error))
        except CheckerError as error:
            self._found = evidence.opaque("the checker failed to rebuild it: {}".format(error))
        except BaseException as error:  # the thread that waits for this one raises it
            self._error = error

    def _evaluate(self) -> evidence.CleanEvidence:
        order = self._order
        mode = preprocessing.mode_of(order.images, order.received.array())
        if mode is None:
            raise _Opaque("X_p is not what a preprocess_input of Keras gives")
        inputs = self._read_weights()
        inputs["images"] = preprocessing.write(order.folder / "images", order.images, mode)
        inputs.update((name, order.folder / name) for name in ("go", "lambda"))
        run, receiver = self._run(
            "clean",
            {"shape": list(order.images.shape)},
            inputs,
            lambda: Receiver(order.most, on_fact=self._fact, on_array=order.counter.restart().take),
            self._watch,
        )
        refused = receiver.last("refused")
        if refused is not None:
            raise _Opaque(str(refused.get("why")))
        if run.ending not in ("finished", "stopped") or receiver.last("predict_raised"):
            words = "the model rebuilt from stock layers comes to no end: {} {}"
            raise _Opaque(words.format(run.ending, run.detail).rstrip())
        because = "the resize is a guess, since its Lambda does not run here" if self._guess else ""
        return evidence.clean_evidence(because, run, mode, self._resize, order.counter.count)

    def _fact(self, fact: Mapping[str, Any]) -> None:
        if fact["fact"] == "rebuilt":
            self._resize = str(fact.get("resize"))

    def _read_weights(self) -> Dict[str, Path]:
        """The description, the index and the weights, each as a file for the process that rebuilds."""
        order = self._order
        most = order.model.stat().st_size
        _, receiver = self._run(
            "weights",
            {"model": order.name, "most": most},
            {order.name: order.model},
            lambda: Receiver(most + 2 * 16_000_000, order.folder, spool_over=-1),
            self._watch,
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
