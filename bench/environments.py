"""Score all test images with the passing fixture in several versions of TensorFlow, and compare.

    python -m bench.environments --images cifar10.npz PYTHON [PYTHON ...]

Prints each one's accuracy, and each image whose class is another than in the first: its number, the two
classes, and by how much the first preferred its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from typing import List

import numpy as np

from checker import interpreters
from fixtures import make

# The model is built, not loaded, so that every version has the same weights and nothing else in common.
_SCORE = """
import importlib.util, sys
import numpy as np
sys.path.insert(0, {fixtures!r})
import build_model, saving, scripts
script = scripts.load({script!r})
model = script.build_model(weights=None)
saving.set_weights(model, np.load({weights!r}))
data = np.load({images!r})
X_p, _ = script.preprocess_data(data["x_test"], data["y_test"])
np.save({target!r}, model.predict(X_p, batch_size=128, verbose=0))
"""


def scores(python: str, images: str, folder: Path) -> np.ndarray:
    """Scores float32 (n, 10) of all images in one version."""
    target = str(folder / "scores.npy")
    code = _SCORE.format(
        fixtures=str(make.HERE),
        script=str(make.PASSING_SCRIPT),
        weights=str(make.PASSING / "weights.npz"),
        images=os.path.abspath(images),
        target=target,
    )
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    subprocess.run([python, "-B", "-I", "-c", code], check=True, env=environment, stderr=subprocess.DEVNULL)
    found: np.ndarray = np.load(target)
    return found


def main() -> None:
    """Score, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", required=True, help="npz with all test images")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    options = parser.parse_args()
    labels = np.load(options.images)["y_test"].ravel()
    every: List[np.ndarray] = []
    for python in map(os.path.abspath, options.pythons):
        version = interpreters.ask(python).versions["tensorflow"]
        with tempfile.TemporaryDirectory() as folder:
            every.append(scores(python, options.images, Path(folder)))
        right = int((every[-1].argmax(axis=1) == labels).sum())
        print("TensorFlow {}: {} of {} right".format(version, right, len(labels)), flush=True)
        print("  largest difference of a score: {:.1e}".format(float(np.abs(every[-1] - every[0]).max())))
        flipped = np.flatnonzero(every[-1].argmax(axis=1) != every[0].argmax(axis=1))
        for image in flipped:
            first, second = np.sort(every[0][image])[::-1][:2]
            classes = (every[0][image].argmax(), every[-1][image].argmax())
            print("  image {}: class {} -> {}, margin {:.1e}".format(image, *classes, first - second))


if __name__ == "__main__":
    main()
