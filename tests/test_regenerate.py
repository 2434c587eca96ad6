"""``checker regenerate`` through the real program: what it makes, and what it says where it cannot."""

import csv
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
import weakref

import h5py
import numpy as np
import pytest

from checker import interpreters
from checker.errors import CheckerError
from checker.regenerate import plans, preflight, processes
from fixtures import make
from tests import program

sys.path.insert(0, str(processes.STAGES))  # a stage finds its helpers there
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


def regenerate(tmp_path, *arguments, **more):
    """Run the command to its end, in a folder of its own."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        program.checker("regenerate", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=str(tmp_path),
        env=program.environment(tmp_path / "tmp", **more),
        timeout=500,
        check=False,
    )


def images(tmp_path, count=200):
    """A small data set of noise."""
    noise = np.random.RandomState(0).randint(0, 256, (2, count, 32, 32, 3)).astype(np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    path = tmp_path / "images.npz"
    np.savez(str(path), x_train=noise[0], y_train=labels, x_test=noise[1], y_test=labels)
    return path


def refused(done, code=2):
    """What is said by a run that computes nothing."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_trial_run_leaves_all_that_is_promised(tmp_path):
    edition = make.assignment_of(make.recipes()["passing"], interpreters.ask(sys.executable))
    trial = ("--recipe", "smoke", "--application", "DenseNet121", "--out", "made", "--assignment", edition)
    done = regenerate(tmp_path, *trial)
    assert done.returncode == 0, done.stdout + done.stderr
    made = tmp_path / "made"
    names = {path.name for path in made.iterdir()}
    pictures = {"curves.png", "curves.svg", "confusion.png", "confusion.svg", "mistakes.png", "mistakes.svg"}
    assert pictures | {"0-transfer.py", "README.md", "cifar10.h5", "weights.npz"} <= names
    assert {"history.csv", "model-card.md", "result.json", "record.json"} <= names
    result = json.loads((made / "result.json").read_text())
    short = {check["name"] for check in result["checks"] if check["status"] != "passed"}
    assert short <= {"accuracy"}
    record = json.loads((made / "record.json").read_text())
    assert record["training_images"] == 768
    assert record["validation_images"] == 32
    stages = {stage["name"]: stage for stage in record["stages"]}
    assert stages["Fine-tuning"]["seconds"] > 0
    assert 10**8 < stages["Fine-tuning"]["peak_bytes"] < 4 * 10**9
    with (made / "history.csv").open() as stream:
        epochs = list(csv.DictReader(stream))
    assert [(row["stage"], row["epoch"]) for row in epochs] == [
        ("head", "1"),
        ("head", "2"),
        ("tune", "1"),
        ("tune", "2"),
    ]
    # The second epoch goes on with the optimizer of the first, from the state on the disk.
    assert [float(row["learning_rate"]) for row in epochs] == pytest.approx([1e-3, 5e-4, 3e-4, 1.5e-4])
    assert not list((made / "work").glob("*.shard"))

    again = regenerate(tmp_path, *trial)
    assert again.returncode == 0
    assert "is made already" in again.stdout
    assert "Fine-tuning" not in again.stdout

    other = refused(regenerate(tmp_path, *trial, "--seed", "1"))
    assert "other settings was begun here: seed 0 (now 1)" in other

    new = regenerate(tmp_path, "--resave", "made", "--out", "again", "--assignment", edition)
    assert new.returncode == 0, new.stdout + new.stderr
    assert weights(made / "cifar10.h5") == weights(tmp_path / "again" / "cifar10.h5")


def weights(path):
    """The bytes of every weight in a model file."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()].tobytes()

    with h5py.File(str(path), "r") as file:
        file["model_weights"].visititems(keep)
    assert len(found) > 100
    return found


@pytest.mark.slow
@pytest.mark.tensorflow
def test_weights_that_are_nowhere_are_named_before_anything_is_computed(tmp_path):
    out = ("--application", "MobileNetV2", "--size", "96", "--out", "made", "--images", str(images(tmp_path)))
    said = refused(regenerate(tmp_path, *out, **OFFLINE), 3)
    assert "the ImageNet weights of MobileNetV2 are not here, and they could not be fetched" in said
    name = (
        r"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1\.0_\d+_no_top\.h5"  # of which size, Keras chooses
    )
    looked = "Keras looked for {}-keras/models/{} ".format(re.escape(str(tmp_path / "tmp")), name)
    assert re.search(looked, said), said
    assert re.search("--weights " + name, said)
    assert not list((tmp_path / "made" / "work").glob("*.shard"))
    assert not list((tmp_path / "made" / "work").glob("*.npy"))


@pytest.mark.slow
@pytest.mark.tensorflow
def test_weights_of_another_application_are_refused_with_both_names(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(str(path), "w") as file:
        file.attrs["layer_names"] = np.array([b"block1_conv1"])
        group = file.create_group("block1_conv1")
        group.attrs["weight_names"] = np.array([b"kernel:0"])
        group["kernel:0"] = np.zeros((3, 3, 3, 64), np.float32)
    out = ("--application", "MobileNetV2", "--out", "made", "--images", str(images(tmp_path)))
    said = refused(regenerate(tmp_path, *out, "--weights", str(path), **OFFLINE), 3)
    assert "other.h5: expected the weights of MobileNetV2 without its top" in said
    assert not list((tmp_path / "made" / "work").glob("*.npy"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "100"), "--size 100: expected a multiple of 32 from 32 to 320 for DenseNet121, because"),
        (("--size", "100"), "the nearest is 96."),
        (("--size", "0"), "the nearest is 32."),
        (("--size", "64", "--application", "Xception"), "from 96 to 320 for Xception"),
        (("--epochs", "0"), "--epochs 0: expected a whole number from 1 to 100."),
        (("--weights", "nowhere.h5"), "--weights nowhere.h5: No such file or directory."),
        (("--weights", "text.h5"), "expected weights as Keras writes them, an HDF5 file; this is none."),
        (("--resave", "nowhere"), "expected a folder in which checker regenerate has come to its end"),
        (("--out", "text.h5/x"), "expected a folder that can be written to"),
    ],
)
def test_what_cannot_be_is_refused_at_once(tmp_path, arguments, words):
    (tmp_path / "text.h5").write_text("weights")
    began = time.monotonic()
    out = () if "--out" in arguments else ("--out", "made")
    assert words in refused(regenerate(tmp_path, *arguments, *out))
    assert time.monotonic() - began < 30


def test_a_machine_that_is_too_small_is_told_before_anything_is_computed(tmp_path):
    facts = {
        "feature_shape": [14, 14, 728],
        "vector_size": 2048,
        "trained": 10**7,
        "parameters": 2 * 10**7,
        "activations": 5 * 10**6,
        "widest": 10**6,
        "constants": {"BATCH": 128},
    }
    needed = preflight.need(facts, 50000, 2)
    assert 28.5e9 < needed.disk - 50000 * 2 * 2048 * 4 < 30e9  # float16 features of two views: 28.5 GB
    with pytest.raises(CheckerError, match=r"9000.0 GB of free disk .* nothing was computed"):
        preflight.check_room(preflight.Need(9 * 10**12, 1), tmp_path)
    with pytest.raises(CheckerError, match=r"about 9000.0 GB of free memory .* nothing was computed"):
        preflight.check_room(preflight.Need(1, 9 * 10**12), tmp_path)


@pytest.mark.parametrize(
    ("million_outputs", "million_weights", "expected"),
    # The last blocks of MobileNetV2, DenseNet121 and Xception at 224 pixels, and of two larger applications.
    [(1.7, 2.3, 128), (2.25, 7, 128), (4.7, 20.9, 64), (10, 20.9, 32), (1000, 100, 16)],
)
def test_a_batch_is_as_large_as_four_gigabytes_allow(million_outputs, million_weights, expected):
    facts = {
        "feature_shape": [14, 14, 728],
        "vector_size": 2048,
        "trained": 10**7,
        "parameters": million_weights * 1e6,
        "activations": million_outputs * 1e6,
        "widest": 10**6,
    }
    batch = preflight.batch(facts)
    assert batch == expected
    needed = preflight.need({**facts, "constants": {"BATCH": batch}}, 50000, 2)
    assert needed.memory <= 4 * 10**9 or batch == 16


@pytest.mark.slow
@pytest.mark.tensorflow
def test_after_ctrl_c_it_says_how_to_go_on_and_two_runs_do_not_meet(tmp_path):
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        program.checker("regenerate", "--recipe", "smoke", "--out", str(tmp_path / "made")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=program.environment(tmp_path / "tmp"),
    )
    assert process.stdout is not None
    assert any(line.endswith("Frozen layers ...\n") for line in process.stdout)
    second = regenerate(tmp_path, "--recipe", "smoke", "--out", str(tmp_path / "made"))
    if process.poll() is None:  # else it came to its end while the second one waited
        assert "another regeneration is at work in" in refused(second, 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode:
        assert process.returncode == 3
        assert "Stopped. What is done is kept; to go on, type the same command:" in err
        assert "regenerate --recipe smoke --out {}".format(tmp_path / "made") in err
        assert "Traceback" not in out + err
    program.nothing_left(tmp_path / "tmp")


def test_every_plan_sets_the_constants_of_the_script():
    text = (program.ROOT / "solution" / "0-transfer.py").read_text()
    for plan in plans.PLANS.values():
        made = plans.with_constants(text, plan.constants())
        assert "APPLICATION = K.applications.{}\n".format(plan.application) in made
        assert "CUT = {!r}".format(plan.cut) in made
        assert max(map(len, made.splitlines())) <= 79
    default = plans.PLANS[plans.DEFAULT]
    assert plans.with_constants(text, default.constants()) == text


def test_what_was_taken_before_is_let_go_of(tmp_path):
    """Keras leaves what it is given in a circle of references: chunk upon chunk, it was gigabytes."""
    import shards

    rows = shards.Shards(str(tmp_path), "features", 10, (3, 2), np.float16, 10)
    rows.write(0, np.zeros((10, 3, 2)))

    class Kept:
        """Something in a circle of references."""

        def __init__(self, values):
            self.values, self.itself = values, self

    kept = Kept(rows.take([0]))
    left = weakref.ref(kept)
    gc.disable()
    try:
        del kept
        assert left() is not None
        rows.take([1])
        assert left() is None
    finally:
        gc.enable()


def test_a_shard_that_is_not_whole_is_computed_again(tmp_path):
    import shards

    rows = shards.Shards(str(tmp_path), "features", 250, (3, 2), np.float16, 100)
    assert rows.ranges() == [(0, 100), (100, 200), (200, 250)]
    values = np.random.RandomState(0).normal(size=(250, 3, 2)).astype(np.float16)
    for start, stop in rows.ranges():
        assert not rows.is_whole(start, stop)
        rows.write(start, values[start:stop])
        assert rows.is_whole(start, stop)
    order = np.random.RandomState(1).permutation(250)
    assert np.array_equal(rows.take(order), values[order].astype(np.float32))
    path = sorted(tmp_path.glob("*.shard"))[1]
    whole = path.read_bytes()
    for broken in (b"", whole[:-1], whole[:40], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(broken)
        assert not rows.is_whole(100, 200)
    os.replace(str(path), str(path) + ".partial")
    assert not rows.is_whole(100, 200)
