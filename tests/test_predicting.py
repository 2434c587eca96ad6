"""Scoring in batches, as the probes do it, in the TensorFlow under test."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests import fixtures_run, program

pytestmark = [pytest.mark.tensorflow, pytest.mark.each]

# Slow batches: what tunes a dataset looks at it after 2.6 s, and then not before 5.1 s have gone.
CODE = """
import itertools, json, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
import tensorflow as tf
import predicting

batches, ends, found = predicting.batches, [], []
predicting.batches = lambda *given: (time.sleep(0.6) or batch for batch in batches(*given))
images = tf.keras.Input((2, 2, 1))
model = tf.keras.Model(images, tf.keras.layers.Flatten()(images))
pixels = np.arange(4 * 160, dtype="float64").reshape(160, 2, 2, 1)

def report(scores):
    found.append(scores)
    ends.append(time.monotonic())

predicting.score(report, model, pixels, True)
late = time.monotonic() - ends[-1]
same = bool((np.concatenate(found) == pixels.reshape(160, 4)).all())
few = []
predicting.score(few.append, model, pixels, True, lambda: len(few) > 0)
print(json.dumps({"late": late, "same": same, "sizes": [len(one) for one in found], "few": len(few)}))
"""


def test_scores_come_in_order_and_the_end_waits_for_nothing() -> None:
    probes = program.ROOT / "checker" / "probes"
    command = [fixtures_run.PYTHON, "-c", CODE, str(probes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found = json.loads(done.stdout.decode().splitlines()[-1])
    assert (found["same"], found["sizes"]) == (True, [32] * 5)
    assert found["late"] < 1
    assert found["few"] in (1, 2, 3)  # one may wait already, and one be on its way
