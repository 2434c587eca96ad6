"""The page: what was measured, as Markdown."""

from __future__ import annotations

import statistics
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from bench.verdicts import plan, ratios
from bench.verdicts.journal import Record
from bench.verdicts.plan import ALL, Row
from bench.verdicts.ratios import Figures, Seconds

_KINDS = ("main", "exact", "sequence", "unchanged", "quick")
_NAMES = {
    "main": "0-main.py",
    "exact": "`--exact`",
    "sequence": "`check`",
    "unchanged": "unchanged, again",
    "quick": "`--quick`",
    "pytest": "`import pytest`",
    "check50": "check50",
    "otter": "otter-grader",
}
_INTRODUCTION = """\
# What a verdict costs

`python -m bench` measures this, writes this page and draws `bench.png` and `bench.svg`. Each network is a
Keras application with random weights behind a bilinear resize, the reference solution's script beside it: it
costs what a trained one costs. Its last layer also sees the mean of the image, and that alone decides the
class, which is so known beforehand; the labels of the test images are set so that the share right is the
accuracy, exactly. All else is real: the files, the sandbox, the clean evaluation.

| row | |
| --- | --- |
| 0-main.py | the course's script, word for word; it gets the test images from memory, not from `load_data` |
| `--exact` | `checker check --exact`: all images |
| `check` | `checker check`, which stops when the sequence has decided; nothing is cached |
| unchanged, again | the same once more, when a first one has filled an empty cache |
| `--quick` | what can be read without TensorFlow |

Seconds are medians, in brackets the fastest and the slowest of several runs. CPU is of all processes, memory
what was resident at one time in all of them, what they share counted in each. The last columns say how many
times as long 0-main.py and `--exact` take.
"""
_SCALED = """\
A figure with ~ is scaled, not measured: 0-main.py ran on the first {few} and the first
{many} images, and the line through both was drawn on to all {all:,}; what is paid once counts once.
Keras's datasets may wait at their end, in TensorFlow 2.15 up to as long as they took (`bench/scoring.md`):
scaled, 0-main.py is spared that."""
_HOW = """\
## How to run it

```
python -m bench --python PYTHON [--python PYTHON ...] --images cifar10.npz [--images-of-main 256,1280]
```
goes on where it was stopped (`--hours N`, `--once`, `--only 'tf26/MobileNetV2@96/*'`, `--list`);
`--draw` writes the page from the journal alone, which is `bench.jsonl`. `python -m bench --short` takes a few
minutes and fails where a ratio is far off.
"""


def page(records: Sequence[Record], environments: Sequence[str]) -> str:
    """The whole page. ``environments``: names, the first one that of the promises."""
    figures = Figures(records)
    picture = ["![Seconds by accuracy](bench.png)\n"] if ratios.sequences(figures) else []
    parts: List[str] = [_INTRODUCTION, *picture, _HOW, *_where(records)]
    parts += _promises(figures, environments)
    parts += _line(figures)
    parts += _others(records)
    for environment in environments:
        for network in plan.BY_NAME:
            parts += _network(records, figures, environment, network)
    parts += _stages(records)
    return "\n".join(parts).rstrip("\n") + "\n"


def seconds(value: float) -> str:
    """Seconds, to three digits or so."""
    return "{:.{}f}".format(value, 2 if value < 10 else 1 if value < 100 else 0)


def _where(records: Sequence[Record]) -> Iterator[str]:
    """The machine, and what ran on it."""
    if not records:
        return
    yield "## Where\n"
    for name in dict.fromkeys(record.machine for record in records):
        yield "- {}".format(name)
    versions: Dict[str, Dict[str, str]] = {}
    for record in records:
        versions.setdefault(record.row.environment, {}).update(record.versions)
    for environment, found in versions.items():
        shown = ", ".join("{} {}".format(*one) for one in found.items())
        yield "- {}: {}".format(environment or "beside TensorFlow", shown)
    days = sorted(record.date[:10] for record in records)
    revisions = sorted({record.checker for record in records if record.checker})
    shown = " to ".join(dict.fromkeys((days[0], days[-1])))
    yield "- {}, at {}".format(shown, ", ".join(revisions) or "no revision")
    yield ""


def _promises(figures: Figures, environments: Sequence[str]) -> Iterator[str]:
    """The ratios that were promised, and whether they are kept."""
    yield "## Promised ratios\n"
    for environment in environments:
        # Those that wait are named in the first version alone, that of the promises.
        first = environment == environments[0]
        goals = [goal for goal in ratios.goals(figures, environment) if goal.ratio is not None or first]
        goals += ratios.peers(figures) if first else ()
        if not goals:
            continue
        yield from _rows(
            (environment, "promised", "found", "kept"),
            [
                (
                    goal.words,
                    "at {} {:g}".format("least" if goal.at_least else "most", goal.bound),
                    "-" if goal.ratio is None else _mark(goal.scaled, "{:.2f}".format(goal.ratio)),
                    {True: "yes", False: "**no**", None: "not measured"}[goal.met],
                )
                for goal in goals
            ],
        )


def _line(figures: Figures) -> Iterator[str]:
    """What was scaled, and, where all images were measured too, how far off that would have been."""
    rows = [row for row in figures.rows if row.kind in ("main", "exact")]
    keys = dict.fromkeys((row.kind, row.environment, row.network) for row in rows)
    lines = [(key, line) for key, line in ((key, figures.line(*key)) for key in keys) if line is not None]
    if not lines:
        return
    yield "## Scaled figures\n"
    numbers = sorted({line.scaled for _, line in lines})
    few, many = (", ".join("{:,}".format(one[place]) for one in numbers) for place in (0, 1))
    yield _SCALED.format(few=few, many=many, all=ALL) + "\n"
    yield from _rows(
        ("", "start, s", "ms an image", "all by the line, s", "all measured, s", "apart"),
        [_of_line(figures, key, line) for key, line in lines],
    )


def _of_line(figures: Figures, key: Tuple[str, str, str], line: Seconds) -> Tuple[str, ...]:
    kind, environment, network = key
    measured = figures.wall(Row(kind, environment, network, images=ALL))
    return (
        "{}, {}, {}".format(environment, network, _NAMES[kind]),
        seconds(line.start),
        "{:.2f}".format(1000 * line.each),
        seconds(line.value),
        "-" if measured is None else seconds(measured),
        "-" if measured is None else "{:+.1f} %".format(100 * (line.value / measured - 1)),
    )


def _others(records: Sequence[Record]) -> Iterator[str]:
    """What is no network: other graders, and an import."""
    found = [record for record in records if record.row.kind in ("pytest", *plan.PEERS)]
    if not found:
        return
    yield "## Beside other graders\n"
    yield "Each with static checks of its own, on a file as long as the reference solution's script.\n"
    heads = ("", "version", "wall, s", "CPU, s", "memory, MB", "exit code", "")
    yield from _rows(
        heads,
        [
            (
                _NAMES[record.row.kind],
                record.versions.get(record.row.kind, ""),
                *(_cells(record) if record.runs else ["-"] * 4),
                _note(record),
            )
            for record in found
        ],
    )


def _network(records: Sequence[Record], figures: Figures, environment: str, network: str) -> Iterator[str]:
    """One network in one version."""
    mine = [one for one in records if (one.row.environment, one.row.network) == (environment, network)]
    if not mine:
        return
    mine.sort(key=lambda one: (_KINDS.index(one.row.kind), one.row.images, one.row.accuracy))
    against = [figures.of_all(kind, environment, network) for kind in ("main", "exact")]
    table = [_measured(record, against) for record in mine]
    for kind, one in zip(("main", "exact"), against):
        if one is not None and one.scaled:
            place = max(place for place, record in enumerate(mine) if record.row.kind == kind)
            table.insert(place + 1 + (len(table) - len(mine)), _scaled(kind, one, against))
    yield "## {}, {}\n".format(network, environment)
    heads = ("", "accuracy", "images", "wall, s", "CPU, s", "memory, MB", "exit code", "said")
    yield from _rows((*heads, "0-main.py, times", "`--exact`, times", ""), table)


def _stages(records: Sequence[Record]) -> Iterator[str]:
    """Where the time of a check goes, of the run that took the median."""
    shown = []
    for record in records:
        runs = sorted((run for run in record.runs if run.stages), key=lambda run: run.wall)
        if runs and record.row.kind in ("sequence", "exact"):
            shown.append((record.row.key, runs[len(runs) // 2]))
    if not shown:
        return
    names = list(dict.fromkeys(name for _, run in shown for name in run.stages))
    yield "## Where the time goes\n"
    yield "Seconds of each stage of a check, in the run of median length. They run beside each other.\n"
    yield from _rows(
        ("", "wall", *names),
        [
            (
                key,
                seconds(run.wall),
                *(seconds(run.stages[name]) if name in run.stages else "" for name in names),
            )
            for key, run in shown
        ],
    )


def _measured(record: Record, against: Sequence[Optional[Seconds]]) -> Tuple[str, ...]:
    row = record.row
    accuracy = "{:.2f}".format(row.accuracy) if row.accuracy else ""
    if not record.runs:
        return (_NAMES[row.kind], accuracy, *["-"] * 8, record.note)
    seen = sorted(run.seen for run in record.runs)
    images = "{:,}".format(int(statistics.median(seen))) if seen[-1] else ""
    if seen[0] != seen[-1]:
        images += " ({:,} - {:,})".format(seen[0], seen[-1])
    wall = statistics.median(run.wall for run in record.runs)
    whole = row.images in (0, ALL)
    times = [_mark(bool(one.scaled), _times(one.value / wall)) if one and whole else "" for one in against]
    said = ", ".join(dict.fromkeys(run.verdict for run in record.runs))
    return (
        _NAMES[row.kind],
        accuracy,
        images,
        *_cells(record),
        said,
        *times,
        _note(record),
    )


def _scaled(kind: str, one: Seconds, against: Sequence[Optional[Seconds]]) -> Tuple[str, ...]:
    times = [_mark(True, _times(other.value / one.value)) if other else "" for other in against]
    note = "from {:,} and {:,} images".format(*one.scaled)
    return (_NAMES[kind], "", "{:,}".format(ALL), "~" + seconds(one.value), "", "", "", "", *times, note)


def _note(record: Record) -> str:
    """What else there is to say of a row."""
    parts = ["**{}**".format(record.wrong) if record.wrong else "", record.note]
    if record.first:
        parts.append("the first took {} s".format(seconds(record.first[0].wall)))
    if record.beside:
        wall = statistics.median(run.wall for run in record.beside)
        parts.append("in turn with it {}: {} s".format(_NAMES[plan.BESIDE[record.row.kind]], seconds(wall)))
    return "; ".join(part for part in parts if part)


def _cells(record: Record) -> Tuple[str, str, str, str]:
    """Wall, CPU, memory, exit code."""
    walls = [run.wall for run in record.runs]
    wall = seconds(statistics.median(walls))
    if len(walls) > 1:
        wall += " ({} - {})".format(seconds(min(walls)), seconds(max(walls)))
    watched = [run for run in record.runs if run.memory] or record.runs
    cpu = seconds(statistics.median(run.cpu for run in watched))
    memory = "{:,.0f}".format(max(run.memory for run in record.runs) / 1e6)
    return wall, cpu, memory, ", ".join(dict.fromkeys(str(run.exit_code) for run in record.runs))


def _times(value: float) -> str:
    return "{:.{}f}".format(value, 2 if value < 10 else 1)


def _mark(scaled: bool, text: str) -> str:
    return ("~" if scaled else "") + text


def _rows(heads: Sequence[str], table: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, and an empty line."""
    yield "| {} |".format(" | ".join(heads))
    yield "|{}".format(" --- |" * len(heads))
    for cells in table:
        yield "| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells))
    yield ""
