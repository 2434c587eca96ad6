"""A regeneration that is killed again and again makes the model of one that was left alone."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Tuple, Union

import numpy as np
import psutil
import pytest

from tests import program

STAGES = {  # what is printed as a stage begins, and about how many seconds it takes
    "Looking at the application": 5.0,
    "Frozen layers": 6.0,
    "Last block, still frozen": 5.0,
    "Training the head": 5.0,
    "Fine-tuning": 12.0,
    "Writing the weights": 4.0,
    "Saving the model": 4.0,
}
EACH = 3  # kills a stage: 21 in all
pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]


def command(out: Path) -> List[Union[str, bytes]]:
    return program.checker("regenerate", "--smoke", "--out", str(out))


def finished(out: Path, tmp_path: Path) -> str:
    done = subprocess.run(
        command(out), env=program.environment(tmp_path), capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def killed(out: Path, tmp_path: Path, stage: str, delay: float) -> bool:
    """Run until ``delay`` seconds after a stage has begun, and kill; False where the run ended before."""
    process = subprocess.Popen(
        command(out),
        env=program.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        if not any(line.rstrip().endswith(stage + " ...") for line in process.stdout):
            assert process.wait() == 0
            return False
        time.sleep(delay)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    # What it started ends by itself.
    _, left = psutil.wait_procs(children, timeout=20)
    assert not left
    return True


def outcome(out: Path) -> Tuple[Dict[str, np.ndarray], List[List[str]]]:
    """The weights, and the training's log without its times."""
    with np.load(str(out / "weights.npz")) as archive:
        weights = {name: archive[name] for name in archive.files}
    lines = [line.split(",") for line in (out / "history.csv").read_text().splitlines()]
    seconds = lines[0].index("seconds")
    return weights, [line[:seconds] + line[seconds + 1 :] for line in lines]


@pytest.mark.timeout(1500)
def test_killed_at_random_moments_of_every_stage_it_makes_the_same_model(tmp_path):
    draw = random.Random(5)
    alone, out = tmp_path / "alone", tmp_path / "killed"
    finished(alone, tmp_path)
    kills = 0
    for stage, seconds in STAGES.items():
        for _ in range(EACH):
            kills += killed(out, tmp_path, stage, draw.uniform(0, seconds))
            assert not any(path.suffix == ".partial" and path.is_dir() for path in out.rglob("*"))
    assert kills >= 20
    finished(out, tmp_path)
    weights, history = outcome(out)
    expected_weights, expected_history = outcome(alone)
    assert history == expected_history
    assert set(weights) == set(expected_weights)
    for name, array in weights.items():
        assert np.array_equal(array, expected_weights[name]), name
    assert json.loads((out / "record.json").read_text())["resumed"] >= 5
