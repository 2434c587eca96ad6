"""Scoring, the same for a model as handed in and for one that is rebuilt."""

from __future__ import annotations

import itertools

import wire

MOST = 128  # images in a batch, as the course's script has them
FEWEST = 32
_SHARE = 8  # a batch is at most this part of what was scored before it


def sizes(count, grow):
    """Sizes of the batches for ``count`` images; growing, so that little is scored beyond what is needed."""
    done = 0
    while done < count:
        size = min(MOST, max(FEWEST, done // _SHARE // FEWEST * FEWEST)) if grow else MOST
        yield min(size, count - done)
        done += size


def batches(images, grow):
    """The images in batches, as Keras feeds arrays: whatever floats they are, float32."""
    import numpy as np

    dtype = "float32" if images.dtype.kind == "f" else images.dtype
    start = 0
    for size in sizes(len(images), grow):
        yield np.asarray(images[start : start + size], dtype)
        start += size


def dataset(images, grow, enough):
    """The batches as a tf.data.Dataset: one trace serves all sizes, and the next is ready in time."""
    import tensorflow as tf

    dtype = "float32" if images.dtype.kind == "f" else images.dtype
    spec = tf.TensorSpec((None, *images.shape[1:]), dtype)

    def wanted():
        return itertools.takewhile(lambda batch: not enough(), batches(images, grow))

    found = tf.data.Dataset.from_generator(wanted, output_signature=spec).prefetch(1)
    return found.with_options(untuned(tf.data.Options()))


def untuned(options):
    """Without what tunes a dataset: its thread sleeps twice as long each time, and the end waits for it."""
    if hasattr(options, "autotune"):
        options.autotune.enabled = False
    else:  # TensorFlow 2.6
        options.experimental_optimization.autotune = False
    return options


def score(report, model, images, grow, enough=lambda: False):
    """Call ``report`` with each batch of scores as soon as it is there.

    Where it is ``enough``, no batch begins but the next one, which waits already.
    """
    import numpy as np
    import tensorflow as tf

    class Report(tf.keras.callbacks.Callback):
        """Hands each batch of scores on."""

        def on_predict_batch_end(self, batch, logs=None):
            report(np.asarray((logs or {}).get("outputs")))

    model.predict(dataset(images, grow, enough), verbose=0, callbacks=[Report()])


def predict(channel, model, images, grow):
    """Score all images, each batch reported as soon as it is there."""
    try:
        score(lambda scores: channel.array("scores", scores), model, images, grow)
    except Exception as error:
        channel.fact("predict_raised", error=wire.describe(error))
        return
    channel.fact("predicted")
