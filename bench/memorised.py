"""What a memorised test set looks like to ``checker check --memorised``: honest models and forged ones.

    python -m bench.memorised --images cifar10.npz --work DIR [--count 3000] [--runs 4000]
        [--learn 3000] PYTHON [NAME=FOLDER ...]

Each model scores ``--count`` test images, a copy of each, and half as many training images; what it scored is
kept in ``--work``. From these shares runs of the checker are simulated: the order drawn, the share of copies
and training images, and the sequence that ends the run. Honest are the passing submission, the one that falls
short, the FOLDERs, and two whose last block learns here from ``--learn`` training images: as they are, and
mirrored and changed more than copies are. Forged are those of ``fixtures.forged``, which know the test images
that are scored, and one that learns from these and from training images.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Iterator, NamedTuple

import numpy as np

from bench import memorised_runs
from bench.memorised_runs import Model
from checker.memorised import comparing, copies, gaps, mixing
from fixtures import forged, make

_SCORE = """
import json, sys
sys.path.insert(0, {stages!r})
import numpy as np
import scripts
task = json.loads(sys.argv[1])
script = scripts.load(task["script"])
import builtins
import tensorflow as tf
globals()["K"] = tf.keras
model = tf.keras.models.load_model(task["model"])
with np.load(task["images"]) as data:
    found = {{}}
    for name in ("test", "copies", "training"):
        images, labels = data[name], data[name + "_labels"]
        classes = [
            model.predict(script.preprocess_data(images[i:i + 512], labels[i:i + 512])[0], 128, verbose=0)
            .argmax(axis=1) for i in range(0, len(images), 512)
        ]
        found[name] = np.concatenate(classes) == labels
np.savez(task["out"], **found)
"""


# Whether it is honest, and for how many epochs it learns.
_LEARNERS = {"learnt-plain": (True, 10), "learnt-changed": (True, 6), "learnt-both": (False, 6)}
_HEAD = """\
| submission | | test images | copies | lost | gained | gap | bound | training images | flagged in runs |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
_TOPPED_HEAD = """\
| honest | topped up to | gap | pairs | flagged in runs |
| --- | --- | --- | --- | --- |"""


class Submission(NamedTuple):
    """A submission's folder, and whether it is an honest one."""

    name: str
    folder: Path
    honest: bool


def main() -> None:
    """Make what is not there yet, score it, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", required=True, help="npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--work", type=Path, required=True, help="submissions and scores, kept")
    parser.add_argument("--count", type=int, default=3000, help="test images that are scored")
    parser.add_argument("--runs", type=int, default=4000, help="runs simulated for each row")
    parser.add_argument("--learn", type=int, default=3000, help="training images that models learn from")
    parser.add_argument("python", metavar="PYTHON", type=os.path.abspath)
    parser.add_argument("folders", nargs="*", metavar="NAME=FOLDER", help="further honest submissions")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    images = _images(options.images, options.count, options.work)
    print(_HEAD, flush=True)
    for submission in _submissions(options, images):
        model = _scored(submission, images, options)
        print(_row(submission, model, options.runs), flush=True)
    print("\n" + _TOPPED_HEAD, flush=True)
    for line in _topped(options.runs):
        print(line, flush=True)


def _images(path: str, count: int, work: Path) -> Path:
    """The images that all models score, drawn once."""
    target = work / "images-{}.npz".format(count)
    if target.exists():
        return target
    generator = np.random.RandomState(0)
    with np.load(path) as data:
        test = generator.permutation(len(data["x_test"]))[:count]
        training = generator.permutation(len(data["x_train"]))[: count // 2]
        values = {
            "test": data["x_test"][test],
            "test_labels": data["y_test"].ravel()[test],
            "training": data["x_train"][training],
            "training_labels": data["y_train"].ravel()[training],
        }
    values["copies"] = copies.copies(values["test"], generator)
    values["copies_labels"] = values["test_labels"]
    np.savez(target, **values)
    return target


def _submissions(options: argparse.Namespace, images: Path) -> Iterator[Submission]:
    """Honest ones, then forged ones; made where they are not there yet."""
    for name in ("passing", "falls-short"):
        folder = options.work / name
        if not folder.exists():
            make.make(name, make.recipes()[name], folder, options.python)
        yield Submission(name, folder, True)
    for given in options.folders:
        name, _, path = given.partition("=")
        yield Submission(name, Path(path), True)
    known = _known(images, options.work)
    for name in forged.VARIANTS:
        folder = options.work / name
        if not folder.exists():
            forged.forge(name, known, folder, options.python, accuracy=0.88, epochs=10)
        yield Submission(name, folder, False)
    for name, (honest, epochs) in _LEARNERS.items():
        folder = options.work / name
        if not folder.exists():
            learnt = _to_learn(name, known, options)
            forged.forge("trained", learnt, folder, options.python, epochs=epochs)
        yield Submission(name, folder, honest)


def _known(images: Path, work: Path) -> Path:
    """The test images that are scored, as an npz of what a forged one knows."""
    target = work / "known.npz"
    with np.load(images) as data:
        np.savez(target, x_test=data["test"], y_test=data["test_labels"])
    return target


def _to_learn(name: str, known: Path, options: argparse.Namespace) -> Path:
    """The images that a model learns from, as an npz."""
    target: Path = options.work / (name + ".npz")
    with np.load(options.images) as data:
        images, labels = data["x_train"][: options.learn], data["y_train"].ravel()[: options.learn]
    if name == "learnt-changed":
        images = np.concatenate([images[:, :, ::-1], *(_changed(images, seed) for seed in (1, 2))])
        labels = np.tile(labels, 3)
    elif name == "learnt-both":
        with np.load(known) as data:
            images = np.concatenate([images, data["x_test"]])
            labels = np.concatenate([labels, data["y_test"]])
    np.savez(target, x_test=images, y_test=labels)
    return target


def _changed(images: np.ndarray, seed: int) -> np.ndarray:
    """Images turned by up to 15 degrees, shifted by up to 3 pixels, and coloured: heavy augmentation."""
    generator = np.random.RandomState(seed)
    return np.stack(
        [
            copies.apply(
                image,
                copies.Transform(
                    generator.uniform(-15, 15),
                    tuple(generator.uniform(-3, 3, 2)),
                    tuple(generator.uniform(0.8, 1.2, 3)),
                    tuple(generator.uniform(-20, 20, 3)),
                    generator.uniform(0, 4),
                ),
                generator,
            )
            for image in images
        ]
    )


def _scored(submission: Submission, images: Path, options: argparse.Namespace) -> Model:
    out = options.work / "{}-{}.npz".format(submission.name, options.count)
    if not out.exists():
        task = {
            "script": str(submission.folder / "0-transfer.py"),
            "model": str(submission.folder / "cifar10.h5"),
            "images": str(images),
            "out": str(out),
        }
        code = _SCORE.format(stages=str(make.STAGES))
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
        command = [options.python, "-B", "-I", "-c", code, json.dumps(task)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    with np.load(out) as data:
        return Model(data["test"], data["copies"], data["training"])


def _row(submission: Submission, model: Model, runs: int) -> str:
    """One line: what was measured on all pairs, and what runs of the checker would flag."""
    gap = gaps.paired(model.test, model.copies, comparing.ALLOWED[mixing.COPY])
    shares = model.shares()
    found = memorised_runs.simulate(shares, runs)
    cells = [
        submission.name,
        "honest" if submission.honest else "forged",
        "{:.1%}".format(shares.accuracy),
        "{:.1%}".format(shares.both + shares.gained),
        "{:.1%}".format(shares.lost),
        "{:.1%}".format(shares.gained),
        "{:+.1f}".format(100 * gap.size),
        "{:+.1f}".format(100 * gap.low),
        "{:.1%}".format(shares.training),
        "copies {:.2%}, training {:.2%}".format(found.copies, found.training),
    ]
    return "| {} |".format(" | ".join(cells))


def _topped(runs: int) -> Iterator[str]:
    """An honest model that falls short, and a table of some of the images that it gets wrong."""
    for honest in (0.7, 0.8, 0.82, 0.84, 0.85, 0.86):
        for top in (0.88, 0.9, 0.92, 0.95):
            shares = memorised_runs.topped(honest, top)
            found = memorised_runs.simulate(shares, runs)
            gap = 100 * (shares.lost - shares.gained)
            text = "| {:.0%} | {:.0%} | {:+.1f} | {:.0f} | {:.1%} |"
            yield text.format(honest, top, gap, found.pairs, found.copies)


if __name__ == "__main__":
    main()
