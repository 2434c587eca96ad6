"""A regeneration that is killed again and again makes the model of one that was left alone."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import psutil
import pytest

from tests import program

STAGES = (  # what is printed as each begins
    "Looking at the application",
    "Frozen layers",
    "Last block, still frozen",
    "Training the head",
    "Fine-tuning",
    "Writing the weights",
    "Saving the model",
)
EACH = 3  # kills a stage: 21 in all
MOST = 80  # runs, until each stage had as many
pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]


def command(out: Path) -> List[Union[str, bytes]]:
    return program.checker("regenerate", "--recipe", "smoke", "--out", str(out))


def started(out: Path, tmp_path: Path) -> subprocess.Popen:
    return subprocess.Popen(
        command(out),
        env=program.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def stage_of(line: str) -> Optional[str]:
    """The stage that a line of the output says has begun."""
    found = re.search(r"  (.*) \.\.\.$", line.rstrip())
    return found.group(1) if found else None


def finished(out: Path, tmp_path: Path) -> Dict[str, float]:
    """Run to the end; the seconds that each stage took."""
    began, said = {}, []
    process = started(out, tmp_path)
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.append(line)
            stage = stage_of(line)
            if stage is not None:
                began[stage] = time.monotonic()
    assert process.wait() == 0, "".join(said)
    ends = [*list(began.values())[1:], time.monotonic()]
    return {stage: end - begin for (stage, begin), end in zip(began.items(), ends)}


def killed(out: Path, tmp_path: Path, stage: str, delay: float) -> Optional[str]:
    """Run until ``delay`` seconds after ``stage`` has begun, and kill.

    Returns the stage that it was in by then; None where the run came to its end before.
    """
    process = started(out, tmp_path)
    assert process.stdout is not None
    with process.stdout:
        if not any(stage_of(line) == stage for line in process.stdout):
            assert process.wait() == 0
            return None
        time.sleep(delay)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        later = [stage_of(line) for line in process.stdout]
        code = process.wait()
    # What it started ends by itself.
    _, left = psutil.wait_procs(children, timeout=20)
    assert not left
    if code == 0:
        return None
    assert code == -signal.SIGKILL
    return [stage, *(one for one in later if one is not None)][-1]


def outcome(out: Path) -> Tuple[Dict[str, np.ndarray], List[List[str]]]:
    """The weights, and the training's log without its times."""
    with np.load(str(out / "weights.npz")) as archive:
        weights = {name: archive[name] for name in archive.files}
    lines = [line.split(",") for line in (out / "history.csv").read_text().splitlines()]
    seconds = lines[0].index("seconds")
    return weights, [line[:seconds] + line[seconds + 1 :] for line in lines]


def same(out: Path, alone: Path) -> None:
    """Both folders hold the same model, which was trained in the same way."""
    weights, history = outcome(out)
    expected_weights, expected_history = outcome(alone)
    assert history == expected_history
    assert set(weights) == set(expected_weights)
    for name, array in weights.items():
        assert np.array_equal(array, expected_weights[name]), name


@pytest.mark.timeout(1500)
def test_killed_at_random_moments_of_every_stage_it_makes_the_same_model(tmp_path):
    draw = random.Random(5)
    alone = tmp_path / "alone"
    seconds = finished(alone, tmp_path)
    kills: Counter[str] = Counter()
    folders = [tmp_path / "killed-0"]
    for _ in range(MOST):
        stage = next((one for one in STAGES if kills[one] < EACH), None)
        if stage is None:
            break
        was_in = killed(folders[-1], tmp_path, stage, draw.uniform(0, seconds[stage]))
        if was_in is None:  # it came to its end: another one is begun
            folders.append(tmp_path / "killed-{}".format(len(folders)))
            continue
        kills[was_in] += 1
        assert not any(path.suffix == ".partial" and path.is_dir() for path in folders[-1].rglob("*"))
    assert all(kills[stage] >= EACH for stage in STAGES), kills
    assert sum(kills.values()) >= 20
    if folders[-1].exists():
        finished(folders[-1], tmp_path)
    whole = [folder for folder in folders if folder.exists()]
    for folder in whole:
        same(folder, alone)
    resumed = [json.loads((folder / "record.json").read_text())["resumed"] for folder in whole]
    assert sum(resumed) >= len(STAGES)
