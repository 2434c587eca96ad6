"""Many images through OpenVINO, where that is worth it; what is close to another class is Keras's to say.

Keras scores the first images: they tell how long the others would take, and how far OpenVINO is from it. How
many a sequence wants nobody knows; one that is still open is taken to want as many again.
From then on Keras scores those whose two highest scores are close, in OpenVINO's place, and one image of
each batch besides. NumPy and TensorFlow; OpenVINO where it is there.
"""

from __future__ import annotations

import os
import tempfile
import time

import predicting
import wire

# Images that Keras scores first, at least. Its first batch takes longer, by half of what converting takes.
FIRST = 128
# One such batch runs on each core: larger ones are no faster. Many cores would want much memory.
BATCH, MOST_STREAMS = 8, 8


class Apart(Exception):
    """OpenVINO's scores are too far from Keras's, or its speed is not; its text says how far."""


def predict(channel, model, images, asked, grow):
    """Score images as ``predicting.predict`` does, with OpenVINO where it is worth it.

    ``asked``: "worth": how many times as long as Keras's first batch takes beyond its images the others take
    it, at least; "gain": how many times faster OpenVINO is to be; "apart": how far scores may differ;
    "close": how near two of an image are that Keras decides between. The last two are parts of the largest
    score. The fact "engine", with each batch, says what came of it; with "again" the scores do not count.
    """
    sample = Sample(channel, asked["worth"] if grow else 0.0)
    try:
        predicting.score(sample.take, model, images if grow else images[:FIRST], True, sample.enough)
    except Exception as error:
        channel.fact("predict_raised", error=wire.describe(error))
        return
    others = images[sample.count :]
    if sample.seconds * len(others) <= asked["worth"] * sample.more:
        if len(others):
            predicting.predict(channel, model, others, grow)
        else:
            channel.fact("predicted")
        return
    channel.fact("converting")
    try:
        engine = Engine(model, asked)
        engine.begin(images[:FIRST], sample.first, sample.seconds)
    except Exception as error:
        channel.fact("engine", name="", close=0, why=said(error), again=False)
        predicting.predict(channel, model, others, grow)
        return
    try:
        for batch in predicting.batches(others, False):
            scores = engine.scores(batch)
            channel.fact("engine", name=engine.name, close=engine.close, why="", again=False)
            channel.array("scores", scores)
    except Exception as error:
        channel.fact("engine", name=engine.name, close=engine.close, why=said(error), again=True)
        return
    channel.fact("predicted")


class Sample:
    """Keras's scores of images as they come, reported; ``seconds``: its time for one.

    ``more``: what its first batch took beyond that. It is enough once images took ``worth`` times as long.
    """

    def __init__(self, channel, worth):
        self.count, self.seconds, self.more = 0, 0.0, 0.0
        self._channel, self._worth = channel, worth
        self._began, self._begun, self._scores = time.monotonic(), None, []

    @property
    def first(self):
        """Scores of the first images, FIRST at most."""
        import numpy as np

        return np.concatenate(self._scores)[:FIRST]

    def take(self, scores):
        """Report a batch of scores."""
        self._channel.array("scores", scores)
        now = time.monotonic()
        if self.count < FIRST:
            self._scores.append(scores)
        self.count += len(scores)
        if self._begun is None:
            self._begun = now, len(scores)  # the first batch: when it was there, its images
            return
        end, first = self._begun
        self.seconds = (now - end) / (self.count - first)
        self.more = max(0.0, end - self._began - first * self.seconds)

    def enough(self):
        """Whether so many are scored that OpenVINO may be asked."""
        return self.count >= FIRST and self.seconds * self.count >= self._worth * self.more


class Engine:
    """A Keras model in OpenVINO, and beside it the function of TensorFlow that it was made of.

    ``close``: images so far between whose classes Keras decided.
    """

    def __init__(self, model, asked):
        import openvino
        import tensorflow as tf

        self.name, self.close = "OpenVINO " + openvino.__version__.split("-")[0], 0
        self._asked, self._largest, self._dtype, self._classes = asked, 0.0, "float32", 0
        call = tf.function(lambda images: model(images, training=False))
        self._keras = call.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), tf.float32))
        self._queue = queue(graph(self._keras), model.input_shape[1:])

    def begin(self, images, expected, seconds):
        """Compare with Keras's scores of the first images, and its seconds for one. Raises Apart."""
        import numpy as np

        if expected.ndim != 2 or expected.shape[1] < 2 or not np.isfinite(expected).all():
            raise Apart("the model's scores are not those of classes")
        self._largest, self._dtype = float(np.abs(expected).max()), expected.dtype
        self._classes = expected.shape[1]
        self._run(images[:BATCH])
        began = time.monotonic()
        self._compare(self._run(images), expected)
        own = (time.monotonic() - began) / len(images)
        if own * self._asked["gain"] > seconds:
            raise Apart("{:.3g} images a second, Keras {:.3g}".format(1 / own, 1 / seconds))

    def scores(self, images):
        """Scores (m, classes) of a batch. Raises Apart."""
        import numpy as np

        scores = self._run(images)
        with np.errstate(invalid="ignore"):
            highest = np.sort(scores, axis=1)[:, -2:]
            close = ~(highest[:, 1] - highest[:, 0] > self._asked["close"] * self._scale(scores))
        self.close += int(close.sum())
        close[0] = True  # one of each batch, whatever its scores
        keras = np.asarray(self._keras(np.asarray(images)[close]))
        self._compare(scores[close], keras)
        scores[close] = keras
        return scores

    def _scale(self, scores):
        """What scores of each image are parts of: float (m,)."""
        import numpy as np

        return np.maximum(self._largest, np.abs(scores).max(axis=1))

    def _compare(self, scores, expected):
        import numpy as np

        with np.errstate(invalid="ignore"):
            apart = np.abs(scores - expected).max(axis=1) / self._scale(expected)
        if not (apart <= self._asked["apart"]).all():
            raise Apart("its scores differ from Keras's by {:.1g} of the largest".format(apart.max()))

    def _run(self, images):
        """OpenVINO's scores of images; the last batch is filled up."""
        import numpy as np

        out = np.empty((len(images), self._classes), self._dtype)

        def keep(request, start):
            out[start : start + BATCH] = request.get_output_tensor(0).data[: len(out) - start]

        self._queue.set_callback(keep)
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            batch = np.zeros((BATCH, *images.shape[1:]), "float32")
            batch[: len(part)] = part
            self._queue.start_async([batch], start)
        self._queue.wait_all()
        return out


def graph(function):
    """A function of TensorFlow as a serialized graph whose variables are constants: any version can."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function).graph.as_graph_def().SerializeToString()


def queue(graph, shape):
    """What runs a graph on batches of images of a shape, several at once, in float32 and nothing less."""
    import openvino

    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.pb")
        with open(path, "wb") as stream:
            stream.write(graph)
        network = core.read_model(path)
    network.reshape([BATCH, *shape])
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": processors,
        "NUM_STREAMS": min(processors, MOST_STREAMS),
    }
    return openvino.AsyncInferQueue(core.compile_model(network, "CPU", settings))


def said(error):
    """An exception in a line, as a person is told of it."""
    text = str(error).strip() or type(error).__name__
    return wire.short(text if isinstance(error, Apart) else text.splitlines()[-1], 200)
