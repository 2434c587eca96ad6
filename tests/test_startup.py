"""TensorFlow as the probes import it, in this environment's own version."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Dict

import pytest

from tests import program

PROBES = program.ROOT / "checker" / "probes"
LOOK = """
import gc, json, sys
sys.path.insert(0, {probes!r})
import startup
tf = startup.tensorflow({without})
import tensorflow.keras as K
layer = K.layers.Dense(2)
shape = list(layer(tf.zeros((3, 4))).shape)
distutils = sys.modules.get("distutils")
optional = [name for name in startup.OPTIONAL if sys.modules.get(name)]
print(json.dumps(dict(
    shape=shape,
    collects=gc.isenabled(),
    frozen=gc.get_freeze_count(),
    distutils=getattr(distutils, "__file__", None),
    optional=optional,
)))
"""


def found(without: str) -> Dict[str, Any]:
    code = LOOK.format(probes=str(PROBES), without=without)
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, stdout=subprocess.PIPE)
    answer: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.each
@pytest.mark.parametrize("without", ["", "startup.OPTIONAL"])
def test_it_is_whole_and_garbage_is_collected_again(without: str) -> None:
    answer = found(without)
    assert answer["shape"] == [3, 2]
    assert answer["collects"]
    assert answer["frozen"] > 100_000
    assert "setuptools" not in (answer["distutils"] or "")
    if without:
        assert answer["optional"] == []


@pytest.mark.each
def test_where_submitted_code_runs_nothing_that_is_installed_is_missing() -> None:
    usual = "import json, sys, tensorflow.keras as K; K.Model; print(json.dumps({}))".format(
        "[name for name in ('PIL', 'matplotlib', 'pandas', 'scipy') if name in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-I", "-c", usual], check=True, stdout=subprocess.PIPE)
    assert found("")["optional"] == json.loads(done.stdout.splitlines()[-1])
