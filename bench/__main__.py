"""The course's script, our verdicts and other graders side by side: seconds, memory, ratios, a page, a plot.

    python -m bench --python PYTHON [--python PYTHON ...] [--images cifar10.npz]
    python -m bench --short

Resumable: what was measured is in a journal, a copy of it beside the page, and is not measured again. The
most wanted rows come first.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from bench.verdicts import journal as journals
from bench.verdicts import plan, plot, ratios, running, submissions, table
from bench.verdicts.journal import Journal, Record
from bench.verdicts.plan import Row
from bench.verdicts.running import ROOT, Bench, Repeat
from bench.verdicts.submissions import Environment
from checker import interpreters, interrupts, machine, versions
from checker.errors import CheckerError

KEPT = "bench.jsonl"
_PEERS_SINCE = (3, 10)
_ONCE, _FIVE = Repeat(1, 0), Repeat(5, 20)
_SHORT = {
    "main": _ONCE,
    "exact": _ONCE,
    "sequence": _ONCE,
    "unchanged": _FIVE,
    "pytest": _FIVE,
    "quick": _FIVE,
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    found.add_argument(
        "--python",
        action="append",
        help="an interpreter with TensorFlow, the first one that of the promises; again for others"
        " (default: this one)",
    )
    found.add_argument("--images", help="as `checker check` takes them; fewer than 10,000 are repeated")
    found.add_argument("--work", type=Path, default=ROOT / ".cache" / "bench", help="journal, models, logs")
    found.add_argument("--docs", type=Path, default=ROOT / "docs", help="where page, plot and journal go")
    found.add_argument(
        "--images-of-main",
        type=_numbers,
        default=(),
        metavar="FEW,MANY",
        help="run 0-main.py on so many images, and scale (default: on all)",
    )
    found.add_argument("--only", action="append", default=[], metavar="PATTERN", help="rows by their key")
    found.add_argument("--hours", type=float, metavar="N", help="begin no row after that")
    found.add_argument("--once", action="store_true", help="what takes long is run once, not several times")
    found.add_argument("--peers-python", help="a Python of 3.10 or later for check50 and otter-grader")
    found.add_argument("--list", action="store_true", help="show the rows, and which are done")
    found.add_argument("--draw", action="store_true", help="measure nothing: page and plot alone")
    found.add_argument("--short", action="store_true", help="minutes: fails where a ratio is far off")
    return found


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Measure, write, draw; returns the exit code."""
    options = parser().parse_args(arguments)
    interrupts.install()
    try:
        return _short(options) if options.short else _whole(options)
    except CheckerError as error:
        print("bench: {}".format(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted; the same command goes on", file=sys.stderr)
        return 3


def _whole(options: argparse.Namespace) -> int:
    """All rows that are asked for and not there yet."""
    options.work.mkdir(parents=True, exist_ok=True)
    path, kept = options.work / "journal.jsonl", options.docs / KEPT
    if options.draw:
        _write(Journal(path if path.exists() else kept).records, options.docs)
        return 0
    journal = _journal(path, kept)
    environments = _environments(options.python)
    rows = plan.only(plan.rows(tuple(environments), options.images_of_main), options.only)
    if options.list:
        print("\n".join("{:4} {}".format("done" if row in journal else "", row.key) for row in rows))
        return 0
    peers_python = _peers_python(options, environments)
    repeat = dict.fromkeys(running.LONG, _ONCE) if options.once else {}
    bench = Bench(options.work.resolve(), environments, options.images, peers_python, repeat)
    _measure(bench, rows, journal, None if options.hours is None else 3600 * options.hours)
    _write(journal.records, options.docs)
    return 0


def _short(options: argparse.Namespace) -> int:
    """A few rows, measured anew, and what is far off."""
    work = options.work / "short"
    work.mkdir(parents=True, exist_ok=True)
    environments = dict([*_environments(options.python).items()][:1])
    (name,) = environments
    path = work / "journal.jsonl"
    if path.exists():
        path.unlink()
    journal = _journal(path)
    bench = Bench(work.resolve(), environments, options.images, repeat=_SHORT)
    _measure(bench, plan.short(name), journal, None)
    _write(journal.records, work)
    wrong = [*ratios.margins(ratios.Figures(journal.records), name, running.has_cache())]
    for one in journal.records:
        if one.wrong or not one.runs:
            wrong.append("{}: {}".format(one.row.key, one.wrong or one.note))
    for words in wrong:
        print("FAR OFF: " + words)
    return 1 if wrong else 0


def _measure(bench: Bench, rows: Sequence[Row], journal: Journal, seconds: Optional[float]) -> None:
    """Measure what is not there yet; no row begins after ``seconds``."""
    # As installing the checker does: of probes, Python keeps nothing that it compiles.
    compileall.compile_dir(str(ROOT / "checker"), quiet=1)
    began = time.monotonic()
    left = [row for row in rows if row not in journal]
    for number, row in enumerate(left, 1):
        if seconds is not None and time.monotonic() - began > seconds:
            print("time is up: {} rows are left; the same command goes on".format(len(left) - number + 1))
            return
        print("{:3}/{} {:44}".format(number, len(left), row.key), end="", flush=True)
        try:
            record = bench.record(row)
        except CheckerError as error:
            record = _without_runs(row, str(error))
        journal.add(record)
        print(_said(record), flush=True)


def _without_runs(row: Row, note: str) -> Record:
    return Record(row, (), note, machine.processor(), running.revision(), time.strftime("%Y-%m-%d"), {})


def _said(record: Record) -> str:
    """A record in a line."""
    if not record.runs:
        return record.note
    walls = sorted(run.wall for run in record.runs)
    last = record.runs[-1]
    shown = "{:>8} s of {}  {}".format(table.seconds(walls[len(walls) // 2]), len(walls), last.verdict)
    images = ", {:,} images".format(last.seen) if last.seen else ""
    notes = "; ".join(note for note in (record.wrong, record.note) if note)
    return shown.rstrip() + images + (" ({})".format(notes) if notes else "")


def _write(records: Sequence[Record], folder: Path) -> None:
    """Write page, plot and journal; the promises are those of the version that was measured first."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(dict.fromkeys(one.row.environment for one in records if one.row.environment)) or ("tf26",)
    drawn = plot.draw(records, names, folder)
    (folder / "bench.md").write_text(table.page(records, names), encoding="utf-8")
    journals.write(folder / KEPT, records)
    for path in (folder / "bench.md", folder / KEPT, *drawn):
        print(path)


def _environments(pythons: Optional[Sequence[str]]) -> Dict[str, Environment]:
    """Environments by name, in order. Raises CheckerError where an interpreter cannot be one."""
    found: Dict[str, Environment] = {}
    for python in pythons or [sys.executable]:
        path = shutil.which(python)
        if path is None or not interpreters.ask(path).has_tensorflow:
            raise CheckerError("{} is no Python with TensorFlow".format(python))
        environment = submissions.environment(path)
        if environment.name in found:
            raise CheckerError("{} is another {}".format(python, environment.name))
        found[environment.name] = environment
    return found


def _journal(path: Path, kept: Optional[Path] = None) -> Journal:
    """The journal, or what was kept of it; raises CheckerError where it is of another machine."""
    found = path if kept is None or path.exists() else kept
    other = Journal(found).other_machine(machine.processor())
    if other:
        raise CheckerError(
            "{} is of another machine ({}): name another --{}".format(
                found, other, "work" if found == path else "docs"
            )
        )
    if found != path and found.exists():
        shutil.copyfile(str(found), str(path))
    return Journal(path)


def _peers_python(options: argparse.Namespace, environments: Dict[str, Environment]) -> Optional[str]:
    """A Python that is new enough for the other graders."""
    given = [options.peers_python] if options.peers_python else []
    candidates: List[Optional[str]] = [*given, *(one.python for one in environments.values())]
    for python in [*candidates, sys.executable, shutil.which("python3")]:
        if python and (versions.parse(interpreters.ask(python).python) or (0, 0)) >= _PEERS_SINCE:
            return python
    return None


def _numbers(text: str) -> Tuple[int, ...]:
    """Two numbers of images or more, as the command line has them."""
    try:
        found = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise argparse.ArgumentTypeError("{!r} is no list of numbers".format(text)) from error
    if len(found) < 2 or found[0] < 1 or found[-1] >= plan.ALL:
        raise argparse.ArgumentTypeError("two numbers below {:,}, please: FEW,MANY".format(plan.ALL))
    return found


if __name__ == "__main__":
    sys.exit(main())
