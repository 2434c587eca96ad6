"""The record and the training log come back as they were, whole, or are refused in words."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from checker.errors import CheckerError, UsageError
from checker.regenerate.record import COLUMNS, Epoch, Record, StageCost, read_history, write_history
from tests import program

EPOCHS = (
    Epoch("head", 1, "plain", 4.25, 48_000, 0.1 + 0.2, 0.8125, 0.5308802127838135, 0.8281999826431274, 1e-3),
    Epoch("fine, tune", 1, 'a "view"\nof two lines', 301.0, 48_000, 1e-300, 1.0, math.inf, 0.0, 0.0),
)


def record(**changes: Any) -> Record:
    """A record of a run that went well, with changes."""
    values: Dict[str, Any] = {
        field.name: "words" for field in dataclasses.fields(Record) if field.type == "str"
    }
    values.update(
        size=160,
        training_images=48_000,
        validation_images=2_000,
        feature_bytes=14_560_000_000,
        seed=1,
        resumed=1,
        trial=False,
        correct=9_512,
        total=10_000,
        low=0.9467,
        high=0.9553,
        error_rate=0.05,
        parameters=20_881_970,
        model_bytes=126_000_000,
        views=("plain", "mirrored"),
        feature_shape=(10, 10, 728),
        trained_in={"python": "3.8.18", "tensorflow": "2.6.5", "openvino": "2023.3"},
        saved_in={"python": "3.8.18", "tensorflow": "2.6.5"},
        stages=(
            StageCost("features", 1080.4, 2_900_000_000, 50_000, "words"),
            StageCost("pictures", 3.14, 200_000_000, 0, "words"),
        ),
        settings={"SIZE": "160"},
    )
    return Record(**{**values, **changes})


def test_a_record_comes_back_as_it_was() -> None:
    assert Record.from_dict(record().to_dict()) == record()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"correct": 10_001}, "correct: expected at most total"),
        ({"correct": 0, "total": 0}, "correct: expected at most total, and that at least 1, found 0"),
        ({"seed": "1"}, "seed: expected a whole number, found '1'"),
        ({"stages": [{"name": "head"}]}, "stages[0].seconds: missing key"),
        ({"more": 1}, "more: unknown key"),
    ],
)
def test_what_is_no_record_is_refused(change: Dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Record.from_dict({**record().to_dict(), **change})
    assert words in str(caught.value)


def test_the_log_comes_back_to_the_last_digit(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", EPOCHS)
    assert read_history(tmp_path / "history.csv") == EPOCHS
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]
    write_history(tmp_path / "history.csv", ())
    assert read_history(tmp_path / "history.csv") == ()


def test_what_was_not_measured_stays_unmeasured(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [dataclasses.replace(EPOCHS[0], val_loss=math.nan)])
    (epoch,) = read_history(tmp_path / "history.csv")
    assert math.isnan(epoch.val_loss)
    assert epoch.loss == EPOCHS[0].loss


def test_a_full_disk_leaves_the_log_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    write_history(path, EPOCHS[:1])
    before = path.read_bytes()
    # A limit on the size of files stands for the disk; Python ignores its signal.
    code = (
        "import resource, sys; sys.path.insert(0, {!r})\n"
        "from pathlib import Path\n"
        "from checker.errors import CheckerError\n"
        "from checker.regenerate.record import read_history, write_history\n"
        "path = Path({!r})\n"
        "epochs = read_history(path)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: write_history(path, epochs * 50)\n"
        "except CheckerError as error: print(error)\n"
    ).format(str(program.ROOT), str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{}: the file could not be written: File too large.\n".format(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_in_no_folder_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match=r"no/history\.csv: the file could not be written: No such file"):
        write_history(tmp_path / "no" / "history.csv", EPOCHS)


HEAD = ",".join(COLUMNS) + "\n"
ROW = "head,1,plain,4.2,48000,0.3,0.8,0.5,0.8,0.001\n"
DAMAGED = {
    "empty": ("", "its first line is not stage,epoch,"),
    "another table": ("epoch,loss\n1,0.5\n", "its first line is not stage,epoch,"),
    "half a row": (HEAD + ROW + "head,2,plain,4.", "line 3 has 4 values and not 10"),
    "words for a number": (HEAD + ROW.replace("48000", "many"), "line 2, images: 'many' is no number"),
    "part of an epoch": (HEAD + ROW.replace(",1,", ",1.5,"), "line 2, epoch: '1.5' is no number"),
    "an open quote": (HEAD + '"head,1', "unexpected end of data"),
    "binary": ("\udcff\udcfe", "it is no text in UTF-8"),
}


@pytest.mark.parametrize("kind", sorted(DAMAGED))
def test_a_damaged_log_is_refused_with_what_to_do(tmp_path: Path, kind: str) -> None:
    text, words = DAMAGED[kind]
    path = tmp_path / "history.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        read_history(path)
    said = str(caught.value)
    assert said.startswith("{}: expected the training log of checker regenerate; ".format(path))
    assert words in said
    assert said.endswith("Put the file back as it was, or name another folder with --out.")


def test_a_log_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        read_history(tmp_path / "history.csv")
