"""``python -m bench``: measured once, written down, scaled and drawn from the journal."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import List, Sequence

import numpy as np
import pytest

from bench.verdicts import images, measuring, plan, plot, ratios, running, table
from bench.verdicts.journal import Journal, Record, Run
from bench.verdicts.plan import ALL, Row
from bench.verdicts.ratios import Figures
from checker import machine
from checker.errors import CheckerError
from tests import fixtures_run, program

LIGHT, HEAVY = plan.LIGHT.name, plan.HEAVY.name


def record(row: Row, *walls: float, beside: Sequence[float] = (), here: str = "a machine") -> Record:
    runs, others = (
        [Run(wall, 2 * wall, 10**9, 0, "meets", 500, 470) for wall in one] for one in (walls, beside)
    )
    versions = {"tensorflow": "2.6.5"}
    return Record(row, tuple(runs), "", here, "abc", "2026-01-02", versions, (), tuple(others))


def of(kind: str, wall: float, count: int, network: str = HEAVY) -> Record:
    return record(Row(kind, "tf26", network, images=count), wall)


def sequence(accuracy: float, wall: float, network: str = HEAVY) -> Record:
    return record(Row("sequence", "tf26", network, accuracy, ALL), wall)


def measured() -> List[Record]:
    """Enough for the page: scaled on the heavy network, all images on the light one, too."""
    return [
        record(Row("pytest"), 0.2, 0.3, 0.25),
        record(Row("quick", "tf26", LIGHT), 0.5, 0.6, beside=(0.2, 0.2)),
        *(of("main", wall, count) for count, wall in ((200, 25.0), (1200, 125.0))),
        *(of("exact", wall, count) for count, wall in ((200, 30.0), (1200, 110.0))),
        *(sequence(accuracy, wall) for accuracy, wall in ((0.94, 90.0), (0.70, 80.0), (0.88, 1000.0))),
        *(of("main", wall, count, LIGHT) for count, wall in ((200, 6.0), (1200, 11.0), (ALL, 50.0))),
        sequence(0.94, 10.0, LIGHT),
        record(Row("check50"), 1.1, beside=(0.5,)),
        dataclasses.replace(record(Row("otter")), note="pip said no"),
    ]


# What is measured


def test_rows_are_all_different_and_the_most_wanted_come_first() -> None:
    rows = plan.rows(("tf26", "tf215", "tfnew"), (256, 1280))
    keys = [row.key for row in rows]
    assert len(set(keys)) == len(keys)
    for environment in ("tf26", "tf215", "tfnew"):
        for network in plan.BY_NAME:
            of_network = [row for row in rows if (row.environment, row.network) == (environment, network)]
            assert {row.accuracy for row in of_network if row.kind == "sequence"} == set(plan.ACCURACIES)
            assert {"main", "exact", "unchanged", "quick"} < {row.kind for row in of_network}
    place = keys.index
    heavy = place("tf26/{}/sequence/0.88".format(HEAVY))
    assert heavy < place("otter") < place("tf215/{}/quick".format(LIGHT)) < place("tf26/Xception@160/quick")
    assert place("tf26/Xception@160/quick") < place("tf26/{}/sequence/0.10".format(HEAVY))


def test_what_is_scaled_is_looked_at_once() -> None:
    rows = plan.rows(("tf26", "tf215"), (256, 1280))
    whole = [row.key for row in rows if row.kind == "main" and row.images == ALL]
    assert whole == ["{}/{}/main/10000".format(name, LIGHT) for name in ("tf26", "tf215")]
    assert {row.images for row in rows if row.kind == "exact"} == {ALL}
    assert not any(row.images in (256, 1280) for row in plan.rows(("tf26",)))


def test_only_takes_rows_by_pattern_in_its_own_order() -> None:
    rows = plan.rows(("tf26",))
    found = plan.only(rows, ["otter", "*/sequence/0.94", "otter"])
    assert found[0] == Row("otter")
    assert [row.network for row in found[1:]] == [LIGHT, HEAVY, *list(plan.BY_NAME)[2:]]
    assert plan.only(rows, []) == rows


@pytest.mark.parametrize("accuracy", plan.ACCURACIES)
@pytest.mark.parametrize("count", [640, ALL])
def test_labels_give_the_accuracy_exactly(accuracy: float, count: int) -> None:
    classes = np.random.RandomState(0).randint(0, 10, count)
    labels = images.labels(classes, accuracy)
    assert labels.dtype == np.uint8
    assert (labels == classes).sum() == round(accuracy * count)
    assert set(labels.tolist()) == set(range(10))
    assert (labels == images.labels(classes, accuracy)).all()


def test_a_thousand_images_become_all(tmp_path: Path) -> None:
    every = images.everything("embedded")
    assert every.shape == (ALL, 32, 32, 3)
    assert not (every[:1000] == every[1000:2000]).all()
    path = images.write(tmp_path / "few.npz", every, np.arange(ALL) % 10, 0.7, 300)
    with np.load(str(path)) as found:
        assert found["x_test"].shape == (300, 32, 32, 3)
        assert (found["y_test"] == np.arange(300) % 10).sum() == 210


def built() -> ModuleType:
    path = Path(images.__file__).parent / "build_model.py"
    spec = importlib.util.spec_from_file_location("bench_build_model", str(path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_bounds_between_classes_keep_away_from_every_image() -> None:
    means = np.random.RandomState(0).normal(0, 0.5, ALL)
    bounds, margin = built().bounds_of(means)
    assert margin == min(abs(mean - bound) for mean in means for bound in bounds) > 0
    assert min(np.bincount(np.searchsorted(bounds, means), minlength=10).tolist()) > ALL / 20


# One command


def test_a_tree_of_processes_is_measured(tmp_path: Path) -> None:
    child = "import time; x = bytearray(150_000_000); t = time.time()\nwhile time.time() < t + 1: pass"
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}]); sys.exit(7)".format(child)
    found = measuring.measure([sys.executable, "-c", code], tmp_path, os.environ, tmp_path / "log", 60, True)
    assert found.exit_code == 7
    assert found.wall >= 1
    assert 0.2 < found.cpu <= found.wall + 1
    assert found.memory > 150e6


def test_what_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.run(['sleep', '71.5'])"
    command = [sys.executable, "-c", code]
    found = measuring.measure(command, tmp_path, os.environ, tmp_path / "log", 1.0, watched=False)
    assert found.exit_code == -signal.SIGTERM
    assert found.memory == 0
    assert found.wall < 30
    assert not any("71.5" in words for words in program.processes(Path("71.5")))


# The journal


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for one in measured():
        journal.add(one)
    again = Journal(path)
    assert again.records == journal.records == tuple(measured())
    assert Row("pytest") in again
    assert Row("otter") not in again, "what could not be measured is tried again"
    again.add(dataclasses.replace(record(Row("check50"), 0.9), wrong="exit code 1, not 0"))
    assert Row("check50") not in again
    again.add(record(Row("check50"), 1.1, beside=(0.5,)))
    assert Row("check50") in again
    later = record(Row("pytest"), 0.9)
    again.add(later)
    assert Journal(path).records[0] == later


def test_a_line_that_was_cut_off_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).add(record(Row("pytest"), 0.5))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    journal = Journal(path)
    assert len(journal.records) == 1
    journal.add(record(Row("check50"), 0.5))
    assert len(Journal(path).records) == 2


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"row": {"kind": 3}}\n')
    with pytest.raises(CheckerError, match="line 1: row"):
        Journal(path)


# What comes of it


def test_a_line_through_two_numbers_of_images_is_drawn_on() -> None:
    figures = Figures(measured())
    scaled = figures.of_all("main", "tf26", HEAVY)
    assert scaled is not None
    assert scaled.scaled == (200, 1200)
    assert scaled.start == pytest.approx(5)
    assert scaled.each == pytest.approx(0.1)
    assert scaled.value == pytest.approx(1005)
    whole = figures.of_all("main", "tf26", LIGHT)
    assert whole == ratios.Seconds(50.0), "what was measured is not scaled"
    assert figures.of_all("exact", "tf26", LIGHT) is None


def test_promises_are_kept_broken_or_open() -> None:
    figures = Figures(measured())
    found = {goal.words: goal for goal in (*ratios.goals(figures, "tf26"), *ratios.peers(figures))}
    kept = found[HEAVY + ", accuracy 0.94: 0-main.py / `check`"]
    assert (kept.met, kept.scaled) == (True, True)
    assert kept.ratio == pytest.approx(1005 / 90)
    assert found[HEAVY + ", accuracy 0.70: 0-main.py / `check`"].met is False
    assert found[HEAVY + ", accuracy 0.88: `check` / 0-main.py"].met is True
    assert found[HEAVY + ": 0-main.py / `--exact`"].met is False
    light = found[LIGHT + ", accuracy 0.94: 0-main.py / `check`"]
    assert (light.met, light.scaled) == (True, False)
    assert found[LIGHT + ": `--quick` / `import pytest`"].ratio == pytest.approx(2.75)
    assert found["check50 / `--quick`"].ratio == pytest.approx(2.2)
    assert found["otter / `--quick`"].met is None
    assert found[HEAVY + ", accuracy 0.96: 0-main.py / `check`"].met is None


def short(main: float = 30, sequence: float = 30, unchanged: float = 5, quick: float = 1) -> Figures:
    return Figures(
        [
            record(Row("quick", "tf26", LIGHT), quick, beside=(0.2,)),
            *(of("main", wall, count, LIGHT) for count, wall in ((128, 10.0), (2560, main))),
            of("exact", 30, 640, LIGHT),
            record(Row("sequence", "tf26", LIGHT, 0.50, ALL), sequence),
            record(Row("unchanged", "tf26", LIGHT, 0.50, ALL), unchanged),
        ]
    )


def test_the_short_mode_fails_where_a_ratio_is_far_off() -> None:
    assert ratios.margins(short(), "tf26", True) == ()
    for figures, word in (
        (short(main=11.0), "sequential"),
        (short(unchanged=31), "unchanged"),
        (short(quick=4.1), "quick"),
        (short(main=9.9), "exact"),
    ):
        assert any(word in words for words in ratios.margins(figures, "tf26", True)), word
    assert ratios.margins(short(unchanged=31), "tf26", False) == (), "without a cache it is checked anew"


def test_the_page_says_what_was_measured() -> None:
    page = table.page(measured(), ["tf26"])
    lines = page.splitlines()
    for words in (
        "| 0-main.py |  | 10,000 | ~1005 |",
        "| `check` | 0.94 | 500 | 90.0 | 180 | 1,000 | 0 | meets | ~11.2 | ~9.04 |",
        "| tf26, {}, 0-main.py | 5.00 | 5.00 | 55.0 | 50.0 | +10.0 % |".format(LIGHT),
        "| {}, accuracy 0.94: 0-main.py / `check` | at least 10 | ~11.17 | yes |".format(HEAVY),
        "| {}: 0-main.py / `--exact` | at least 1.5 | ~1.23 | **no** |".format(HEAVY),
        "| `import pytest` |  | 0.25 (0.20 - 0.30) |",
        "| otter-grader |  | - | - | - | - | pip said no |",
        "- tf26: tensorflow 2.6.5",
        "- 2026-01-02, at abc",
    ):
        assert any(line.startswith(words) for line in lines), words + "\n" + page
    tables = [line for line in lines if line.startswith("|")]
    assert not any(line.count("|") < 3 for line in tables)


def test_another_version_has_its_own_promises_and_no_one_elses() -> None:
    newer = record(Row("quick", "tf215", LIGHT), 0.5, beside=(0.2,))
    page = table.page([*measured(), newer], ["tf26", "tf215"])
    rows = page[page.index("| tf215 | promised") : page.index("## Scaled")].strip().splitlines()
    assert rows[2:] == ["| {}: `--quick` / `import pytest` | at most 6 | 2.50 | yes |".format(LIGHT)]
    assert page.count("check50 / `--quick`") == 1


def test_a_wrong_verdict_is_said_loudly() -> None:
    wrong = dataclasses.replace(sequence(0.94, 90.0), wrong="exit code 1, not 0")
    assert "**exit code 1, not 0**" in table.page([wrong], ["tf26"])


def test_where_the_time_goes_is_that_of_the_median_run() -> None:
    row = Row("sequence", "tf26", HEAVY, 0.94, ALL)
    stages = [{"script": wall / 2, "clean": wall - 1} for wall in (90.0, 70.0, 80.0)]
    runs = tuple(Run(2 * one["script"], 1, 1, 0, stages=one) for one in stages)
    page = table.page([dataclasses.replace(record(row, 1.0), runs=runs)], ["tf26"])
    assert "| {} | 80.0 | 40.0 | 79.0 |".format(row.key) in page.splitlines()


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    paths = plot.draw(measured(), ["tf26"], tmp_path)
    assert [path.name for path in paths] == list(plot.NAMES)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    first = paths[1].read_bytes()
    assert b"<svg" in first
    plot.draw(measured(), ["tf26"], tmp_path)
    assert paths[1].read_bytes() == first
    assert plot.draw([], ["tf26"], tmp_path) == ()


# The program


def bench(*arguments: object, timeout: float = 500) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(
        command, cwd=str(program.ROOT), capture_output=True, text=True, check=False, timeout=timeout
    )


def work(tmp_path: Path) -> List[object]:
    return ["--work", tmp_path / "work", "--docs", tmp_path / "docs", "--python", fixtures_run.PYTHON]


def test_a_row_that_is_there_is_not_measured_again(tmp_path: Path) -> None:
    first = bench(*work(tmp_path), "--only", "pytest")
    assert first.returncode == 0, first.stderr
    assert "1/1 pytest" in first.stdout
    journal = (tmp_path / "work" / "journal.jsonl").read_text()
    (found,) = map(json.loads, journal.splitlines())
    assert found["machine"] == machine.processor()
    assert len(found["runs"]) > 3
    assert all(run["exit_code"] == 0 and run["wall"] > 0 for run in found["runs"])
    again = bench(*work(tmp_path), "--only", "pytest")
    assert again.returncode == 0
    assert "1/1" not in again.stdout
    assert (tmp_path / "work" / "journal.jsonl").read_text() == journal
    assert "| `import pytest` |" in (tmp_path / "docs" / "bench.md").read_text()
    listed = bench(*work(tmp_path), "--list").stdout.splitlines()
    assert [line for line in listed if line.startswith("done")] == ["done pytest"]


def test_the_journal_beside_the_page_is_gone_on_with(tmp_path: Path) -> None:
    assert bench(*work(tmp_path), "--only", "pytest").returncode == 0
    measured_before = (tmp_path / "work" / "journal.jsonl").read_text()
    assert (tmp_path / "docs" / "bench.jsonl").read_text() == measured_before
    shutil.rmtree(str(tmp_path / "work"))
    page = tmp_path / "docs" / "bench.md"
    drawn = page.read_text()
    page.unlink()
    assert bench(*work(tmp_path), "--draw").returncode == 0
    assert page.read_text() == drawn
    again = bench(*work(tmp_path), "--only", "pytest")
    assert again.returncode == 0, again.stderr
    assert "1/1" not in again.stdout


def test_no_row_begins_when_time_is_up(tmp_path: Path) -> None:
    done = bench(*work(tmp_path), "--only", "pytest", "--hours", "-1")
    assert done.returncode == 0
    assert "time is up: 1 rows are left" in done.stdout


def test_a_journal_of_another_machine_is_drawn_and_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    for one in measured():
        Journal(tmp_path / "work" / "journal.jsonl").add(one)
    refused = bench(*work(tmp_path), "--only", "pytest")
    assert refused.returncode == 2
    assert "another machine (a machine)" in refused.stderr
    drawn = bench(*work(tmp_path), "--draw")
    assert drawn.returncode == 0, drawn.stderr
    assert {path.name for path in (tmp_path / "docs").iterdir()} == {
        "bench.md",
        "bench.jsonl",
        *plot.NAMES,
    }
    shutil.rmtree(str(tmp_path / "work"))
    refused = bench(*work(tmp_path), "--only", "pytest")
    assert refused.returncode == 2
    assert "bench.jsonl is of another machine (a machine): name another --docs" in refused.stderr
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", *map(str, work(tmp_path)), "--only", "*/quick"]
    process = subprocess.Popen(
        command, cwd=str(program.ROOT), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    logs, deadline = tmp_path / "work" / "logs", time.monotonic() + 120
    while not list(logs.glob("*.log")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 3, said
    assert "the same command goes on" in said
    assert program.processes(tmp_path / "work") == []
    assert not (tmp_path / "work" / "images.npz").exists()
    assert not (tmp_path / "work" / "journal.jsonl").exists()


@pytest.mark.parametrize("numbers", ["256", "a,b", "0,5", "100,10000"])
def test_numbers_of_images_that_give_no_line_are_refused(numbers: str) -> None:
    done = bench("--images-of-main", numbers)
    assert done.returncode == 2
    assert "--images-of-main" in done.stderr


def test_a_python_without_tensorflow_is_refused(tmp_path: Path) -> None:
    done = bench(*work(tmp_path)[:-2], "--python", program.bare_python(tmp_path / "bare"))
    assert done.returncode == 2
    assert "is no Python with TensorFlow" in done.stderr


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.skipif(fixtures_run.environment() != "tf26", reason="once is enough, in the course's versions")
def test_no_ratio_is_far_off(tmp_path: Path) -> None:
    done = bench("--short", "--images", "embedded", *work(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    records = Journal(tmp_path / "work" / "short" / "journal.jsonl").records
    assert {one.row.kind for one in records} == {"pytest", "quick", "main", "exact", "sequence", "unchanged"}
    by_kind = {one.row.kind: one.runs[0] for one in records}
    assert by_kind["exact"].right == round(running.ACCURACY * 640)
    assert by_kind["sequence"].seen < 1000
    assert by_kind["sequence"].exit_code == 1
    assert by_kind["main"].memory > by_kind["pytest"].memory > 0
