"""What has to be there before anything is computed: weights, disk and memory."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

import psutil

from checker.datasets.sources import keras_home
from checker.errors import CheckerError, UsageError
from checker.text import printable

_BASE = 900e6  # bytes: Python and TensorFlow
_ROWS = 8 * 128 * 2**20  # bytes: the features that are read at once, and what is left of earlier ones
_KEPT = 1.3  # times the outputs of all trained layers: 1.0 to 1.3 by bench/engines.md, at 224 pixels
_FLOAT = 4
_MOST = 4e9  # bytes that a training may take, where a smaller batch can help it
_BATCHES = (128, 64, 32, 16)


@dataclass(frozen=True)
class Need:
    """Bytes that a regeneration needs; ``memory`` at its peak, an estimate."""

    disk: int
    memory: int


def need(facts: Mapping[str, Any], images: int, views: int) -> Need:
    """What a regeneration needs, from what its model was seen to be.

    Disk: float16 features and float32 vectors of every view, two states of a training with the optimizer's
    two moments, the weights and the model. Memory: the outputs of all trained layers for one batch, kept for
    their gradients; or those of the widest frozen layers.
    """
    features = 1
    for side in facts["feature_shape"]:
        features *= side
    disk = images * views * (2 * features + _FLOAT * facts["vector_size"])
    disk += 2 * 3 * _FLOAT * facts["trained"] + 2 * _FLOAT * facts["parameters"] + 200 * 10**6
    trained = _training(facts, facts["constants"]["BATCH"])
    frozen = _BASE + 4 * _FLOAT * (facts["parameters"] + facts["widest"] * 64)
    return Need(int(disk), int(max(trained, frozen)))


def batch(facts: Mapping[str, Any]) -> int:
    """The largest batch, in images, with which training is estimated to stay below 4 GB; or the smallest."""
    return next((size for size in _BATCHES if _training(facts, size) <= _MOST), _BATCHES[-1])


def _training(facts: Mapping[str, Any], batch: int) -> float:
    """Bytes of memory that training takes with this batch."""
    return (
        _BASE
        + _ROWS
        + 4 * _FLOAT * float(facts["parameters"])
        + _KEPT * _FLOAT * float(facts["activations"]) * batch
    )


def check_room(needed: Need, folder: Path) -> None:
    """Raise CheckerError where disk or memory is too small."""
    free = shutil.disk_usage(str(folder)).free
    if free < needed.disk:
        raise CheckerError(
            "{}: expected {:.1f} GB of free disk for the outputs of the frozen layers, found {:.1f} GB;"
            " nothing was computed. Name a folder elsewhere with --out, or a smaller --size.".format(
                printable(str(folder)), needed.disk / 1e9, free / 1e9
            )
        )
    available = psutil.virtual_memory().available
    if available < needed.memory:
        raise CheckerError(
            "expected about {:.1f} GB of free memory for this application and size, found {:.1f} GB; nothing"
            " was computed. Take a smaller --size or --application, or close other programs.".format(
                needed.memory / 1e9, available / 1e9
            )
        )


def missing_weights(
    application: str, weights: Optional[str], log: str, environment: Mapping[str, str]
) -> Optional[str]:
    """Words for a model that could not be built because of its weights; None where it was something else."""
    if weights is not None:
        return "--weights {}: expected the weights of {} without its top; it holds other layers ({}).".format(
            printable(weights), application, _short(log)
        )
    found = re.search(r"https?://\S+\.h5", log)
    if found is None:
        return None
    name = found.group(0).rsplit("/", 1)[-1]
    return (
        "the ImageNet weights of {0} are not here, and they could not be fetched.\n"
        "Keras looked for    {1}\n"
        "and then asked      {2}\n"
        "Where there is a network, get that file and put it there, or name it:  --weights {3}".format(
            application,
            printable(str(keras_home(environment) / "models" / name)),
            printable(found.group(0)),
            printable(name),
        )
    )


def check_weights(path: str) -> None:
    """Raise UsageError for a file that is no HDF5, before TensorFlow is started."""
    try:
        with open(path, "rb") as stream:
            magic = stream.read(8)
    except OSError as error:
        raise UsageError("--weights {}: {}.".format(printable(path), error.strerror)) from error
    if magic != b"\x89HDF\r\n\x1a\n":
        raise UsageError(
            "--weights {}: expected weights as Keras writes them, an HDF5 file; this is none.".format(
                printable(path)
            )
        )


def digest(path: str) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        for part in iter(lambda: stream.read(2**20), b""):
            found.update(part)
    return found.hexdigest()


def _short(log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    return printable(lines[-1] if lines else "Keras did not say how")[:300]
