"""What a regeneration says of itself: its epochs, what each stage cost, and the record of it all."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple, get_type_hints

from checker import output
from checker.errors import UsageError
from checker.text import printable
from checker.typed import FieldError, mismatch, plain, structure


@dataclass(frozen=True)
class Epoch:
    """One epoch of training: a row of history.csv.

    ``epoch`` counts from 1 within its stage; accuracies are fractions, ``images`` those trained on.
    """

    stage: str
    epoch: int
    view: str
    seconds: float
    images: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float


@dataclass(frozen=True)
class StageCost:
    """What a stage took: seconds of the wall clock, most memory at once; ``images`` 0 where it has none."""

    name: str
    seconds: float
    peak_bytes: int
    images: int
    detail: str


@dataclass(frozen=True)
class Record:
    """Everything that the model card says; texts that do not apply are "".

    ``low`` and ``high`` are fractions, and hold with a probability of 1 - ``error_rate``; an
    ``error_rate`` of 0 says that no interval was computed. ``trained_in`` and ``saved_in`` are versions by
    package, ``resumed`` is how often the run was taken up again, ``settings`` are the script's constants;
    ``trial``: few images and epochs, so that nothing was learnt.
    """

    application: str
    size: int
    cut: str
    weights: str
    weights_sha256: str
    weights_note: str
    training_images: int
    validation_images: int
    images_source: str
    images_digest: str
    views: Tuple[str, ...]
    feature_shape: Tuple[int, ...]
    feature_dtype: str
    feature_bytes: int
    seed: int
    engine: str
    precision: str
    trained_in: Dict[str, str]
    saved_in: Dict[str, str]
    machine: str
    stages: Tuple[StageCost, ...]
    resumed: int
    correct: int
    total: int
    low: float
    high: float
    error_rate: float
    verdict: str
    parameters: int
    model_bytes: int
    model_sha256: str
    script_sha256: str
    settings: Dict[str, str]
    command: str
    trial: bool

    def to_dict(self) -> Dict[str, Any]:
        """Return what JSON knows; :meth:`from_dict` is the inverse."""
        values: Dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """Build a record from :meth:`to_dict`'s output. Raises UsageError."""
        try:
            record = structure(cls, data)
            if not 0 <= record.correct <= record.total or not record.total:
                raise mismatch("correct", "at most total, and that at least 1", record.correct)
        except FieldError as error:
            raise UsageError("Not a record of checker regenerate: {}.".format(error)) from error
        return record


COLUMNS = tuple(field.name for field in dataclasses.fields(Epoch))


def write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write history.csv whole, or leave what was there. Raises CheckerError."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(dataclasses.astuple(epoch) for epoch in epochs)
    output.write(path, text.getvalue().encode("utf-8"))


def read_history(path: Path) -> Tuple[Epoch, ...]:
    """Read what :func:`write_history` wrote. Raises UsageError, which says what to do."""
    try:
        with open(str(path), encoding="utf-8", newline="") as stream:
            return tuple(_epochs(csv.reader(stream, strict=True)))
    except OSError as error:
        found = error.strerror
    except UnicodeDecodeError:
        found = "it is no text in UTF-8"
    except (csv.Error, FieldError) as error:
        found = str(error)
    raise UsageError(
        "{}: expected the training log of checker regenerate; {}. Put the file back as it was, or name"
        " another folder with --out.".format(printable(str(path)), printable(str(found)))
    )


def _epochs(rows: Iterator[Sequence[str]]) -> Iterator[Epoch]:
    if tuple(next(rows, ())) != COLUMNS:
        raise FieldError("its first line is not " + ",".join(COLUMNS))
    kinds = get_type_hints(Epoch)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise FieldError("line {} has {} values and not {}".format(number, len(row), len(COLUMNS)))
        values = {}
        for name, value in zip(COLUMNS, row):
            try:
                values[name] = kinds[name](value)
            except ValueError:
                raise FieldError("line {}, {}: {!r} is no number".format(number, name, value[:80])) from None
        yield Epoch(**values)
