"""A model's numbers leave the sandbox as they are in the file; a file that leads elsewhere is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict

import h5py
import numpy as np
import pytest

from checker import evidence, own
from checker.sandbox import Limits
from checker.sandbox.channel import Receiver

LIMITS = Limits(seconds=60, memory=10**9, processes=20, printed=10**6, scratch=10**7)


def read(path: Path, scratch: Path) -> Receiver:
    """What the probe reports of a file."""
    receiver = Receiver(10**7, scratch, spool_over=-1)
    settings = own.settings({"model": "m.h5", "most": path.stat().st_size})
    run = own.sandbox(scratch).run("weights", settings, {"m.h5": path}, LIMITS, receiver)
    assert run.ending == "finished", run
    return receiver


def write(path: Path, more: Callable[[Any], None] = lambda group: None) -> Path:
    """A file as Keras writes one, of one layer with two weights."""
    with h5py.File(path, "w") as stream:
        stream.attrs["model_config"] = '{"class_name": "Sequential"}'
        weights = stream.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        group = weights.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group["dense/kernel:0"] = np.arange(6, dtype="f4").reshape(3, 2)
        group["dense/bias:0"] = np.array([7, 8], "f4")
        more(group)
    return path


def test_numbers_come_out_as_they_are(tmp_path: Path) -> None:
    receiver = read(write(tmp_path / "m.h5"), tmp_path)
    assert [(item.layer, item.name, item.shape) for item in evidence.weights_index(receiver)] == [
        ("dense", "dense/kernel:0", (3, 2)),
        ("dense", "dense/bias:0", (2,)),
    ]
    arrays = {item.header.name: item.array() for item in receiver.arrays}
    assert arrays["weights"].tobytes() == np.array([0, 1, 2, 3, 4, 5, 7, 8], "<f4").tobytes()
    assert arrays["config"].tobytes() == b'{"class_name": "Sequential"}'


def replaced(by: Callable[[Any], None]) -> Callable[[Any], None]:
    """Something else in the place of the bias."""

    def change(group: Any) -> None:
        del group["dense/bias:0"]
        by(group)

    return change


def links(link: Any) -> Callable[[Any], None]:
    """A link in the place of the bias."""
    return replaced(lambda group: group.__setitem__("dense/bias:0", link))


def made(**options: Any) -> Callable[[Any], None]:
    """Another dataset in the place of the bias."""
    return replaced(lambda group: group.create_dataset("dense/bias:0", **options))


REFUSED: Dict[str, Any] = {
    "external link": (links(h5py.ExternalLink("/etc/passwd", "/x")), "is a link"),
    "soft link": (links(h5py.SoftLink("/model_weights/dense/dense/kernel:0")), "is a link"),
    "external storage": (
        made(shape=(2,), dtype="f4", external=[("/etc/passwd", 0, 8)]),
        "does not lie in the file",
    ),
    "compressed": (
        made(shape=(10**5,), dtype="f4", compression="gzip", data=np.zeros(10**5)),
        "does not lie in the file",
    ),
    "promises more": (made(shape=(10**9,), dtype="f4", chunks=(1000,)), "has more numbers than the file"),
    "text": (made(shape=(2,), dtype=h5py.string_dtype()), "is no array of numbers"),
    "not there": (replaced(lambda group: None), "is a link"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    change, words = REFUSED[name]
    receiver = read(write(tmp_path / "m.h5", change), tmp_path)
    refused = receiver.last("refused")
    assert refused is not None
    assert words in refused["why"]
    assert not receiver.arrays
