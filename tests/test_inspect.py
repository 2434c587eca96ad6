"""``checker inspect`` over honest and hostile model files: what is said, in what time, and what is left."""

from __future__ import annotations

import base64
import json
import os
import random
import resource
import subprocess
import time
import unicodedata
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import h5py
import numpy as np
import pytest

from checker import own
from checker.probes import bytecode
from checker.sandbox import Limits
from checker.sandbox.channel import Receiver
from fixtures import make, model_files
from tests import fixtures_run, program

CPU_SECONDS = 20  # of each inspection, on any machine; most take half of one
SAVED = make.HERE / "saved"
SAID: Dict[str, List[str]] = {
    "lambda.h5": ["model > lambda", "Python 3.8 or 3.9", "K, backend, resize_images", "'channels_last'"],
    "lambda-in-sequential.h5": ["model > inner > hidden"],
    "lambda-200-deep.h5": ["level_1 > level_2", "(", " more)", "level_200 > bottom"],
    "lambda-in-wrapper.h5": ["wrapper > layer > wrapped"],
    "lambda-in-cell.h5": ["rnn > cell > StackedRNNCells > cells > cell"],
    "lambda-in-call.h5": ["inbound_nodes > mask > argument"],
    "lambda-in-output-shape.h5": ["shape > output_shape", "os, range, sum, ValueError, system"],
    "lambda-in-loss.h5": ["training_config > loss > __lambda__", "Python 3.12"],
    "lambda.keras": ["config.json > model > lambda > function > __lambda__", "system", "'id'"],
    "lambda-nested.keras": ["level_1 > level_2 > level_3 > lambda"],
    "code-in-attribute.h5": ["system", "'id'"],
    "read-file.h5": ["io.read_file", "given: '/etc/passwd'"],
    "read-file-nested.h5": ["level_1 > level_2 > tf.io.read_file", "'/etc/passwd'"],
    "operation-layer.h5": ["ReadFile"],
    "custom-class.h5": ["the class MyLayer"],
    "custom-loss.h5": ["training_config", "the function my_loss"],
    "registered.keras": ["the class mine>Odd"],
    "import.keras": ["Popen of the module subprocess"],
    "download.keras": ["get_file of the module keras.utils"],
    "vocabulary.h5": ["reads its vocabulary from /etc/passwd"],
    "saved-model.keras": ["TFSMLayer: /srv/other"],
    "external-link.h5": ["external-link", "/out", "to /x in the file /etc/passwd"],
    "external-storage.h5": ["external-storage", "/stored", "its values lie in: /etc/passwd"],
    "virtual-dataset.h5": ["virtual-dataset", "/virtual", "made of parts of: other.h5"],
    "filter-plugin.h5": ["filter-plugin", "/packed", "filter 32015"],
    "sparse.h5": ["promises-more", "/huge", "1,000,000,000,000 bytes, and 0 are there"],
    "zip-bomb.keras": ["promises-more", "are promised by an archive of"],
    "outside.keras": ["member-outside", "assets/../../../tmp/x"],
    "pickle.keras": ["pickle-member", "model.weights.npz"],
    "overlapping.keras": ["overlapping-member", "assets/b"],
}  # fmt: skip
ODD: Dict[str, List[str]] = {
    "cycle.h5": ["/model_weights/dense/up", "a hard link back to /model_weights"],
    "objects.h5": ["values of references, not numbers", "values of text, not numbers"],
    "duplicates.h5": ["twice in layer_names", "twice in weight_names of dense"],
    "duplicate-layers.h5": ["model > same", "two layers of this name"],
    "duplicate-key.h5": ["duplicate-key", "class_name"],
    "user-block.h5": ["512 bytes before the HDF5 file begins"],
    "archive-behind.h5": ["a zip archive as well", "config.json > model > lambda"],
    "nested.keras": ["nested-archive", "assets/inner.zip"],
    "nasty-names.h5": ["soft-link", "/a\\x1b[31mred\\nnew line \\u202ereversed"],
}
UNREAD: Dict[str, List[str]] = {
    "truncated.h5": ["truncated file"],
    "no-hdf5.h5": ["no HDF5"],
    "no-archive.keras": ["no zip archive, or only a part of one"],
    "deep-json.h5": ["its configuration is no JSON that Python reads"],
    "many-links.h5": ["more than 50,000 links"],
    "deep-groups.h5": ["more than 1,000 deep"],
}
FAILURES = {
    "external-link.h5": ("model-external-link", "/out", "/etc/passwd"),
    "external-storage.h5": ("model-external-storage", "/stored", "/etc/passwd"),
    "virtual-dataset.h5": ("model-virtual-dataset", "/virtual", "other.h5"),
    "filter-plugin.h5": ("model-filter-plugin", "/packed", "32015"),
    "sparse.h5": ("model-promises-more", "/huge", "1,000,000,000,000 bytes"),
    "many-links.h5": ("model-too-much", "/many", "50,000 links"),
    "deep-json.h5": ("model-config-unreadable", "cannot be read", ""),
    "truncated.h5": ("model-not-hdf5", "only a part of one", ""),
}


def inspected(scratch: Path, path: Path, *more: str) -> Tuple[int, str]:
    """Run ``checker inspect``: exit code and text; it says one thing, leaves nothing, and is quick."""
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    before = _cpu()
    done = subprocess.run(
        program.checker("inspect", path, *more),
        capture_output=True,
        env=program.environment(temporary),
        timeout=300,
        check=False,
    )
    assert _cpu() - before < CPU_SECONDS
    program.nothing_left(temporary)
    assert b"Traceback" not in done.stdout + done.stderr
    assert bool(done.stdout) != bool(done.stderr), done.stderr
    return done.returncode, (done.stdout or done.stderr).decode()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def said(text: str) -> str:
    """All words of a report in one line, as wrapping is not what is looked at."""
    return " ".join(text.split())


def written(scratch: Path, name: str) -> Path:
    """One of the model files."""
    path = scratch / name
    model_files.EVERY[name](path)
    return path


def test_each_file_has_its_words() -> None:
    assert (set(SAID), set(ODD), set(UNREAD)) == tuple(
        map(set, (model_files.HOSTILE, model_files.ODD, model_files.UNREAD))
    )


@pytest.mark.parametrize("name", model_files.HONEST)
def test_nothing_would_run_in_an_honest_file(tmp_path: Path, name: str) -> None:
    code, text = inspected(tmp_path, written(tmp_path, name))
    assert code == 0, text
    assert "Nothing in it would run or reach out." in text


@pytest.mark.parametrize("name", model_files.HOSTILE)
def test_what_would_run_or_reach_out_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    code, text = inspected(tmp_path, written(tmp_path, name))
    assert code == 1, text
    assert "Something would run or reach out" in text
    for words in SAID[name]:
        assert said(words) in said(text), text


@pytest.mark.parametrize("name", model_files.ODD)
def test_what_is_odd_is_named_and_is_no_reason_by_itself(tmp_path: Path, name: str) -> None:
    code, text = inspected(tmp_path, written(tmp_path, name))
    # What is hidden in these acts.
    assert code == (1 if name in ("archive-behind.h5", "duplicate-key.h5") else 0), text
    for words in ODD[name]:
        assert said(words) in said(text), text


@pytest.mark.parametrize("name", model_files.UNREAD)
def test_what_cannot_be_read_whole_is_not_called_harmless(tmp_path: Path, name: str) -> None:
    code, text = inspected(tmp_path, written(tmp_path, name))
    assert code == 3, text
    assert "Nothing in it" not in text
    for words in UNREAD[name]:
        assert said(words) in said(text), text


def test_json_says_the_same(tmp_path: Path) -> None:
    code, text = inspected(tmp_path, written(tmp_path, "lambda-in-output-shape.h5"), "--format", "json")
    found: Dict[str, Any] = json.loads(text)
    assert text.isascii()
    assert (code, found["exit_code"], found["schema_version"]) == (1, 1, 1)
    place = next(place for place in found["places"] if place["kind"] == "lambda")
    assert place["path"] == "model_config > model > shape > output_shape"
    assert (place["python"], place["compiled_in"], place["acts"]) == ("3.8 or 3.9", "samples.py", True)
    assert place["names"] == ["os", "range", "sum", "ValueError", "system"]
    assert "'id'" in place["constants"]
    assert found["inspected"]["whole"] is True
    assert found["isolation"]["level"] in ("bubblewrap", "limits")


def test_text_of_the_file_has_no_effect_on_a_terminal_and_no_length(tmp_path: Path) -> None:
    effect = "\x1b]0;title\x07\x1b[2J\u202e\u2066\r\n"
    nasty = effect + "x" * 1_000_000
    layer = model_files.lambda_layer(nasty)
    layer["config"]["module"] = nasty
    custom = {"class_name": effect + "y" * 10_000_000, "config": {"name": nasty}, "module": nasty}
    path = tmp_path / "nasty.h5"
    model_files.hdf5(path, model_files.model(layer, custom, name=nasty))
    for arguments in ((), ("--format", "json")):
        code, text = inspected(tmp_path, path, *arguments)
        assert code == 1
        assert len(text) < 20_000
        assert not [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"]


@pytest.mark.parametrize("what", ["nothing", "folder", "pipe"])
def test_what_is_no_file_is_a_usage_error(tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.h5"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(str(path))
    code, text = inspected(tmp_path, path)
    assert code == 2
    assert text.startswith("checker: ") and text.count("\n") == 1
    assert "expected a model file" in text


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("tf26/lambda.h5", 1, ["Keras 2.6.0", "Python 3.8 or 3.9", "K, backend, resize_images"]),
        ("tf26/tensorflow.h5", 1, ["names: tf, image, resize", "constants: 64"]),
        ("tf26/layers.h5", 0, ["Nothing in it would run"]),
        ("tf26/operations.h5", 0, ["math.truediv", "math.subtract", "Computes, and does no more"]),
        ("tf215/lambda.h5", 1, ["Keras 2.15.0", "Python 3.8 or 3.9"]),
        ("tfnew/lambda.h5", 1, ["Keras 3.", "Python 3.12", "K, backend, resize_images"]),
        ("tfnew/tensorflow.h5", 1, ["Python 3.12", "tf, image, resize"]),
    ],
)
def test_files_that_keras_saved(tmp_path: Path, name: str, code: int, words: List[str]) -> None:
    found, text = inspected(tmp_path, SAVED / name)
    assert found == code, text
    assert [word for word in words if word not in said(text)] == []


MANY_LAYERS = """
import sys
import tensorflow as tf
K, L = tf.keras, tf.keras.layers
start = K.Input((16, 16, 3))
x = L.Conv2D(4, 3, activation="relu", kernel_regularizer=K.regularizers.l2(1e-4))(start)
x = L.BatchNormalization()(L.PReLU()(L.DepthwiseConv2D(3, padding="same")(x)))
x = L.Reshape((-1, 4))(L.Add()([x, x]))
x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
x = L.RNN([L.GRUCell(2), L.LSTMCell(2)], return_sequences=True)(x)
x = L.LayerNormalization()(L.TimeDistributed(L.Dense(3, activation="tanh"))(x))
x = L.Dropout(0.2)(L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 2)(x, x)))
head = K.Sequential([K.Input((3,)), L.Dense(10, activation="softmax")], name="head")
model = K.Model(start, head(x))
rate = K.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)
model.compile(K.optimizers.Adam(rate), K.losses.CategoricalCrossentropy(), metrics=["accuracy", "AUC"])
for path in sys.argv[1:]:
    model.save(path)
"""


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.each
def test_a_model_of_many_stock_layers_would_run_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / "many.h5", tmp_path / "many.keras"]
    line = [fixtures_run.PYTHON, "-c", MANY_LAYERS, *map(str, paths)]
    subprocess.run(line, check=True, capture_output=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"})
    for path in paths:
        code, text = inspected(tmp_path, path)
        assert (code, "Nothing in it would run" in text) == (0, True), text


@pytest.mark.parametrize("name", FAILURES)
def test_a_check_refuses_the_file_by_name(tmp_path: Path, name: str) -> None:
    folder = program.submission(tmp_path / "s")
    model_files.EVERY[name](folder / "cifar10.h5")
    done = program.check(tmp_path, folder, "--select", "model_format")
    failure, *words = FAILURES[name]
    check = done.check("model_format")
    assert (check["status"], check["reason"]["name"]) == ("failed", failure), check
    assert not [word for word in words if word not in done.said("model_format")]
    assert check["reason"]["advice"]


@pytest.mark.parametrize("name", ["honest.h5", "soft-link.h5", "packed.h5", "lambda-200-deep.h5", "cycle.h5"])
def test_a_check_takes_what_stays_in_the_file_and_needs_no_tensorflow(tmp_path: Path, name: str) -> None:
    folder = program.submission(tmp_path / "s")
    model_files.EVERY[name](folder / "cifar10.h5")
    python = str(program.bare_python(tmp_path / "venv"))
    done = program.check(tmp_path, folder, "--select", "model_format", "--python", python)
    assert done.check("model_format")["status"] == "passed", done.said("model_format")


def test_a_report_says_which_python_wrote_the_code(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    model_files.hdf5(folder / "cifar10.h5", model_files.model(model_files.lambda_layer(python="3.13")))
    done = program.check(tmp_path, folder, "--select", "model_format")
    assert done.result is not None
    facts = {fact["name"]: fact["value"] for fact in done.result["facts"]}
    assert facts["Lambda's code"] == "written by Python 3.13"


WRITTEN_BY = {
    "3.6": ("3.6 or 3.7", "3.6 or 3.7"),
    "3.7": ("3.7", "3.6 or 3.7"),
    "3.8": ("3.8 or 3.9", "3.8 or 3.9"),
    "3.9": ("3.8 or 3.9", "3.8 or 3.9"),
    "3.10": ("3.10", "3.10"),
    "3.11": ("3.11", "3.11 or 3.12"),
    "3.12": ("3.12", "3.11 or 3.12"),
    "3.13": ("3.13", "3.13"),
}


@pytest.mark.parametrize("version", model_files.SAMPLES)
def test_code_of_every_python_is_read(version: str) -> None:
    samples = {
        name: bytecode.read(bytecode.decode(text)) for name, text in model_files.SAMPLES[version].items()
    }
    assert (bytecode.python(samples["plain"]), bytecode.python(samples["bare"])) == WRITTEN_BY[version]
    assert bytecode.python(samples["longer"]) == WRITTEN_BY[version][0]
    assert bytecode.names(samples["plain"]) == ["K", "backend", "resize_images"]
    assert bytecode.constants(samples["plain"]) == ["3", "'channels_last'"]
    assert bytecode.names(samples["longer"]) == ["os", "range", "sum", "ValueError", "system"]
    assert {"'id'", "2.5", "b'some bytes'"} <= set(bytecode.constants(samples["longer"]))
    assert samples["plain"].filename == "samples.py"


HOSTILE_CODE: Dict[str, bytes] = {
    "empty": b"",
    "a promise": b"\xe3" + b"\0" * 24 + b"s\xff\xff\xff\x7f",
    "a tuple of 2**31": b"\xe3" + b"\0" * 24 + b"(\xff\xff\xff\x7f",
    "deep": b"\xe3" + b"\0" * 24 + b")\x01" * 100_000,
    "wide": b"\xe3" + b"\0" * 24 + b"(\x40\x42\x0f\0" + b"N" * 1_000_000,
    "itself": b"\xe3" + b"\0" * 24 + b"\xa9\x02r\x01\0\0\0r\x01\0\0\0",
    "a long number": b"\xe3" + b"\0" * 24 + b"l\0\0\0\x80" + b"\0" * 100,
}


@pytest.mark.parametrize("name", HOSTILE_CODE)
def test_hostile_code_is_refused(name: str) -> None:
    with pytest.raises(bytecode.Unreadable):
        bytecode.read(HOSTILE_CODE[name])


def test_shared_parts_are_not_walked_again_and_again() -> None:
    """A tuple of twice the tuple before, sixty times: 2**60 parts where each is walked."""
    data = b"\xe3" + b"\0" * 20 + b"s\0\0\0\0"
    nested = b"\xa9\x00"  # reference 1, after the code object's own
    for number in range(1, 50):
        nested = b"\xa9\x02" + nested + b"r" + (50 - number).to_bytes(4, "little")
    data = (
        b"\xe3" + b"\0" * 24 + b"s\0\0\0\0" + nested + b")\0" * 4 + b"z\x01fz\x01n" + b"\0" * 4 + b"s\0\0\0\0"
    )
    code = bytecode.read(data)
    assert bytecode.constants(code) == []
    assert bytecode.every(code) == [code]


def test_mutated_code_is_read_or_refused() -> None:
    chance, began, read = random.Random(7), time.process_time(), 0
    for version, samples in model_files.SAMPLES.items():
        for text in samples.values():
            for _ in range(400):
                data = _mutated(chance, bytecode.decode(text))
                try:
                    code = bytecode.read(data)
                except bytecode.Unreadable:
                    continue
                read += 1
                assert isinstance(bytecode.python(code), str), version
                assert all(
                    isinstance(item, str) for item in [*bytecode.names(code), *bytecode.constants(code)]
                )
    assert read > 500
    assert time.process_time() - began < 60


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(1, len(changed))
        kind = chance.random()
        if kind < 0.6:
            changed[at] = chance.randrange(256)
        elif kind < 0.8:
            del changed[at : at + chance.randint(1, 8)]
        else:
            changed[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
    return bytes(changed)


@pytest.mark.slow
def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    """Where a mutation ends h5py itself, that is an ending of the process, and no fault of ours."""
    chance, box = random.Random(11), own.sandbox(tmp_path)
    limits = Limits(seconds=60, memory=4 * 10**9, processes=20, printed=10**6, scratch=10**8)
    names = ["lambda-200-deep.h5", "lambda-in-loss.h5", "soft-link.h5", "lambda.keras", "overlapping.keras"]
    for name in names:
        data = written(tmp_path, name).read_bytes()
        for number in range(12):
            path = tmp_path / "{}-{}".format(number, name)
            path.write_bytes(_mutated(chance, data))
            receiver = Receiver(0)
            settings = own.settings({"model": "model", "room": 10**8})
            run = box.run("inspection", settings, {"model": path}, limits, receiver)
            assert run.ending in ("finished", "crashed"), (name, number, run)
            assert receiver.last("probe_error") is None, (name, number, receiver.last("probe_error"))
            assert run.ending == "crashed" or receiver.last("inspected") is not None


def test_a_large_archive_is_read_within_its_room(tmp_path: Path) -> None:
    """Weights that are packed a thousandfold are not unpacked; a list of 20,000 members is not read."""
    path = tmp_path / "many.keras"
    with zipfile.ZipFile(str(path), "w") as archive:
        for number in range(20_000):
            archive.writestr("assets/{}".format(number), b"")
    code, text = inspected(tmp_path, path)
    assert code == 3
    assert "20,000" in text
    path = tmp_path / "weights.keras"
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(model_files.model(model_files.dense())))
        archive.writestr("model.weights.h5", bytes(300_000_000))
    code, text = inspected(tmp_path, path)
    assert code == 1
    assert "more bytes than there is room for" in said(text)


def test_an_attribute_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with h5py.File(str(path), "w", libver="latest") as stream:
        stream.attrs["model_config"] = "x" * 33_000_000
        stream.attrs.create("list", np.zeros(5_000_000))
    code, text = inspected(tmp_path, path)
    assert "attribute-too-large" in text
    assert code == 0 or code == 3


def test_base64_is_taken_as_keras_takes_it() -> None:
    """Characters that are no base64 are left out; what is none at all is taken as it stands."""
    code = base64.b64decode(model_files.SAMPLES["3.8"]["plain"])
    text = base64.encodebytes(code).decode()
    assert bytecode.decode(text) == bytecode.decode(text.replace("\n", "\r\n ~~")) == code
    assert bytecode.decode(code.decode("latin-1")) == code
