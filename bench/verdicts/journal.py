"""What was measured, a line of JSON for each row: a row that is there is not measured again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Tuple

from bench.verdicts.plan import Row
from checker.errors import CheckerError
from checker.typed import FieldError, plain, structure


@dataclass(frozen=True)
class Run:
    """One run: seconds, bytes (0: not looked at, and the CPU of processes that were ended is missing).

    ``seen`` and ``right``: images, of a verdict on accuracy; 0 where there is none. ``stages``: seconds of
    each stage of a check, which run beside each other.
    """

    wall: float
    cpu: float
    memory: int
    exit_code: int
    verdict: str = ""
    seen: int = 0
    right: int = 0
    stages: Dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A row, as measured. Without runs ``note`` says why. ``wrong``: what it said that it should not have.

    ``first``: the run that filled a cache, if one did. ``beside``: of what plan.BESIDE names, run in turn.
    ``versions``: what it ran in; ``checker``: the revision; ``date``: of its end, UTC.
    """

    row: Row
    runs: Tuple[Run, ...]
    note: str
    machine: str
    checker: str
    date: str
    versions: Dict[str, str]
    first: Tuple[Run, ...] = field(default=())
    beside: Tuple[Run, ...] = field(default=())
    wrong: str = ""

    def to_dict(self) -> Dict[str, object]:
        """As in the journal."""
        found: Dict[str, object] = plain(self)
        return found


class Journal:
    """The file, and what is in it. A row is in it where it was measured and nothing is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path, self._records = path, _read(path)

    def __contains__(self, row: Row) -> bool:
        record = self._records.get(row)
        return record is not None and bool(record.runs) and not record.wrong

    @property
    def records(self) -> Tuple[Record, ...]:
        """What was measured last of each row, in the order of the first."""
        return tuple(self._records.values())

    def other_machine(self, machine: str) -> str:
        """The machine of the records, where that is another one; else ""."""
        return next((one.machine for one in self.records if one.machine != machine), "")

    def add(self, record: Record) -> None:
        """Write a record down, before anything else is measured."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(_line(record))
            stream.flush()
            os.fsync(stream.fileno())
        self._records[record.row] = record


def write(path: Path, records: Iterable[Record]) -> None:
    """Write a journal of these records and no others."""
    path.write_text("".join(map(_line, records)), encoding="utf-8")


def _line(record: Record) -> str:
    return json.dumps(record.to_dict()) + "\n"


def _read(path: Path) -> Dict[Row, Record]:
    """Records by row; a last line that was cut off is taken away. Raises CheckerError."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(str(path), len(whole.encode()))
    records: List[Record] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(structure(Record, json.loads(line)))
        except (ValueError, FieldError) as error:
            raise CheckerError("{}, line {}: {}".format(path, number, error)) from error
    return by_row(records)


def by_row(records: Iterable[Record]) -> Dict[Row, Record]:
    """Records by their rows; the last one of a row counts."""
    return {record.row: record for record in records}
