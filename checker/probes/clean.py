"""Rebuild a model from stock layers and plain numbers, and score images that the checker prepared.

Seen: no submitted code runs here. The inputs are a description (JSON), weights (raw numbers) and images
of our own. Once it has planned, it waits until the checker knows the rest: the images, and what the Lambda
made of the first of them, if there is one. NumPy and TensorFlow only, and what
``faster.py`` says.
"""

from __future__ import annotations

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faster
import plans
import predicting
import rebuild
import startup
import wire

sys.path.pop(0)

GUESSED_BY = 96  # images


def main(channel, settings):
    """Build, resize as the Lambda does, score."""
    tf = startup.tensorflow(without=startup.OPTIONAL)
    channel.fact("tensorflow", version=tf.__version__)
    inputs = settings["inputs"]
    try:
        plan = described(os.path.join(inputs, "config"), settings["shape"][1:])
    except plans.Refused as error:
        channel.fact("refused", why=wire.short(error, 300))
        return
    needs_lambda = any(plan.layers[step.layer].kind == "resize" for step in plan.steps)
    shape = settings["shape"][1:]
    try:
        arrays = list(weights(inputs))
        with startup.uncollected():
            model = rebuild.ahead(plan, shape[-1], arrays) if needs_lambda else None
        told = channel.fact("planned", needs_lambda=needs_lambda)
        images = mapped(inputs, "images", "<f4", settings["shape"])
        size, way = resize(inputs, told, images, plan, arrays) if needs_lambda else (None, None)
        if model is not None:
            model = rebuild.behind(model, shape, size, way)
        else:
            model, layers = rebuild.build(plan, shape, size, way)
            rebuild.set_weights(plan, layers, arrays)
    except plans.Refused as error:
        channel.fact("refused", why=wire.short(error, 300))
        return
    words = (
        "as they are"
        if way is None
        else "{} to {} x {}, pixels counted by their {}".format(way[0], size[0], size[1], way[1])
    )
    channel.fact("rebuilt", resize=words)
    if settings["faster"]:
        faster.predict(channel, model, images, settings["faster"], told["grow"])
    else:
        predicting.predict(channel, model, images, told["grow"])


def described(path, shape):
    """The plan of the model. Raises plans.Refused."""
    with open(path, "rb") as stream:
        try:
            return plans.read(json.loads(stream.read().decode("utf-8")), shape)
        except (ValueError, RecursionError) as error:
            raise plans.Refused("its description cannot be read: {}".format(error)) from error


def mapped(inputs, name, dtype, shape):
    """An array that the checker laid out as raw bytes."""
    import numpy as np

    return np.memmap(os.path.join(inputs, name), dtype, "r", shape=tuple(shape))


def resize(inputs, told, images, plan, arrays):
    """Size and way of the resize that the Lambda is. Raises plans.Refused."""
    import numpy as np

    if told["guess"]:
        return rebuild.surest(plan, arrays, np.array(images[:GUESSED_BY]))
    if not told["shape"]:
        raise plans.Refused("the Lambda gives no images")
    output = np.array(mapped(inputs, "lambda", told["dtype"], told["shape"]), dtype="float32")
    way = rebuild.way_of(np.array(images[: len(output)]), output)
    if way is None:
        raise plans.Refused("the Lambda is no plain resize: what it gives is none of those that are known")
    return output.shape[1:3], way


def weights(inputs):
    """All weights in the file's order: the outermost layer, the name, the numbers."""
    import numpy as np

    with open(os.path.join(inputs, "index"), encoding="utf-8") as stream:
        index = json.load(stream)
    start = 0
    for about in index:
        dtype = np.dtype(about["dtype"])
        count = int(np.prod(about["shape"], dtype="int64"))
        array = np.fromfile(os.path.join(inputs, "weights"), dtype, count, offset=start)
        start += count * dtype.itemsize
        yield about["layer"], about["name"], array.reshape(about["shape"])


if __name__ == "__main__":
    wire.run(main)
