"""How each Keras application is cut in two: facts as JSON, for ``test_applications.py``.

    python applications_facts.py SCRIPT CUTS.json OUT.json

``CUTS.json`` maps the applications whose cut a person has named to it; those that it maps to "" are to be
cut by the rule. Run by the interpreter under test; standard library, NumPy and TensorFlow only. Weights are
random.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any, Dict

import numpy as np
from solution_facts import awaken, load_script

SIZE = 96  # pixels; every application takes it
CALLED = 60e6  # weights; of a larger application only the structure is looked at, to save time


def of(script: Any, cuts: Any, name: str, named: str) -> Dict[str, Any]:
    """Facts about one application."""
    K = script.K
    K.backend.clear_session()
    gc.collect()
    script.APPLICATION, script.SIZE, script.CUT = getattr(K.applications, name), SIZE, "pool"
    module = script.APPLICATION.__module__.rsplit(".", 1)[-1]
    found: Dict[str, Any] = {"preprocess": hasattr(getattr(K.applications, module), "preprocess_input")}
    model = script.build_model(None)
    application = model.layers[: script.position(model, "pool") + 1]
    found["unknown"] = cuts.unknown_layers(K, model)
    found["rule"] = cuts.default(application)
    if found["unknown"] or not (named or found["rule"]):
        return found
    script.CUT = named or found["rule"]
    K.backend.clear_session()
    model = script.build_model(None)
    cut = script.position(model, script.CUT)
    frozen, block, head = script.split(model)
    found.update(
        cut=script.CUT,
        frozen=[layer.name for layer in model.layers if not layer.trainable],
        before=[layer.name for layer in model.layers[:cut]],
        layers=len(model.layers),
        features=list(frozen.output_shape[1:]),
        vectors=list(block.output_shape[1:]),
        counts=[part.count_params() for part in (model, frozen, block, head)],
    )
    if model.count_params() < CALLED:
        found.update(compare(model, frozen, block, head))
    return found


def compare(model: Any, frozen: Any, block: Any, head: Any) -> Dict[str, Any]:
    """Whether the three parts, one after the other, are the whole model."""
    X = np.random.RandomState(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    awaken(model, X)
    whole = np.array(model(X, training=False))
    parts = np.array(head(block(frozen(X, training=False), training=False), training=False))
    return {"difference": float(np.abs(whole - parts).max()), "spread": float(np.max(whole.std(axis=0)))}


def main() -> None:
    """Write the facts."""
    script = load_script(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checker" / "regenerate" / "stages"))
    import cuts

    named = json.loads(Path(sys.argv[2]).read_text())
    found: Dict[str, Any] = {}
    for name in cuts.names(script.K):
        began = time.monotonic()
        found[name] = of(script, cuts, name, named.get(name, ""))
        print("{}: {:.1f} s".format(name, time.monotonic() - began), flush=True)
    Path(sys.argv[3]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
