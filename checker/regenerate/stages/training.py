"""Training as a chain of epochs: each goes from one state on the disk to the next.

A state is a model file, with the optimizer, and a note that is written after it: the epoch's row of the
history, and the SHA-256 of the model file. An epoch begins by loading the state before it and setting the
seeds, whether the run was interrupted there or not: so both go the same way.
"""

from __future__ import annotations

import concurrent.futures
import glob
import hashlib
import json
import os
import time

import numpy as np
import saving
import scripts
from telling import write_json

_CHUNK_BYTES = 128 * 2**20  # of float32 rows; two such chunks are in memory at once


class Chain:
    """The states of one training, ``name``, in ``folder``."""

    def __init__(self, folder, name, keras):
        self._folder, self._name = folder, name
        # Keras 3 does not find an optimizer's variables again in an h5; Keras 2.6 has no other format, and
        # TensorFlow 2.15 does not say here which Keras it has.
        self._ending = "h5" if getattr(keras, "__version__", "2.").startswith("2.") else "keras"

    def last(self):
        """The number of the last epoch whose state is whole; None where not even the beginning is."""
        for path in sorted(glob.glob(self._path("[0-9][0-9][0-9]", "json")), reverse=True):
            with open(path) as stream:
                note = json.load(stream)
            if _digest(self.model(note["epoch"])) == note["sha256"]:
                return note["epoch"]
        return None

    def keep(self, epoch, model, row):
        """Write the state after an epoch; the one before it stays until this one is whole."""
        saving.save_model(model, self.model(epoch))
        note = dict(row, epoch=epoch, sha256=_digest(self.model(epoch)))
        write_json(self._path("{:03d}".format(epoch), "json"), note)
        for path in glob.glob(self._path("*", self._ending)):
            if path != self.model(epoch):
                os.remove(path)

    def model(self, epoch):
        """Path of the model file of a state."""
        return self._path("{:03d}".format(epoch), self._ending)

    def _path(self, epoch, ending):
        return os.path.join(self._folder, "{}-{}.{}".format(self._name, epoch, ending))


def train(keras, script, chain, views, labels, held_out, epochs, seed, tell):
    """Train from the last whole state on; ``views`` are pairs of a name and the rows that enter the model.

    ``labels`` is (n, 10), one-hot; the last ``held_out`` rows are not trained on.
    """
    learned = len(labels) - held_out
    last = chain.last()
    for epoch in range(last + 1, epochs + 1):
        scripts.fresh(keras, seed + epoch)
        model = keras.models.load_model(chain.model(epoch - 1))
        name, rows = views[(epoch - 1) % len(views)]
        order = np.random.RandomState(seed + epoch).permutation(learned)
        began, size, rate = time.monotonic(), _chunk(rows, script.BATCH), _rate(keras, model)
        done, sums = 0, np.zeros(2)
        for chunk, values in _ahead(rows, [order[start : start + size] for start in range(0, learned, size)]):
            history = script.train(model, values, labels[chunk]).history
            sums += len(chunk) * np.array([history["loss"][-1], history["accuracy"][-1]])
            done += len(chunk)
            tell.progress((epoch - 1) * learned + done, epochs * learned)
        seconds = time.monotonic() - began
        row = {
            "view": name,
            "seconds": round(seconds, 2),
            "images": learned,
            "loss": sums[0] / learned,
            "accuracy": sums[1] / learned,
            "learning_rate": rate,
        }
        row.update(_validation(model, views[0][1], labels, learned, size))
        chain.keep(epoch, model, row)
        tell.cost()


def _ahead(rows, chunks):
    """Each chunk with its rows, which are read from the disk while the chunk before is trained on."""
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        coming = reader.submit(rows.take, chunks[0])
        for chunk, following in zip(chunks, [*chunks[1:], None]):
            values = coming.result()
            if following is not None:
                coming = reader.submit(rows.take, following)
            yield chunk, values


def _chunk(rows, batch):
    """Rows that are read at once: whole batches."""
    fit = _CHUNK_BYTES // (4 * int(np.prod(rows.shape)))
    return max(1, fit // batch) * batch


def _validation(model, rows, labels, learned, size):
    """Loss and accuracy on the rows that were held out."""
    held_out = np.arange(learned, len(labels))
    parts = [
        model.predict(rows.take(held_out[start : start + size]), 64, verbose=0)
        for start in range(0, len(held_out), size)
    ]
    scores, truth = np.concatenate(parts), labels[held_out]
    likely = np.sum(scores * truth, axis=1)
    return {
        "val_loss": float(-np.log(np.maximum(likely, 1e-7)).mean()),
        "val_accuracy": float((scores.argmax(1) == truth.argmax(1)).mean()),
    }


def _rate(keras, model):
    """The learning rate of the step that comes next.

    (``optimizer.learning_rate`` is, in TensorFlow 2.15, that of the last step of this process.)
    """
    schedule = keras.optimizers.schedules.deserialize(model.optimizer.get_config()["learning_rate"])
    return float(schedule(model.optimizer.iterations))


def _digest(path):
    found = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for part in iter(lambda: stream.read(2**20), b""):
                found.update(part)
    except FileNotFoundError:
        return ""
    return found.hexdigest()
