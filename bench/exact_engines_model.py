"""One model, scored by Keras and by OpenVINO in turn: a line of JSON. Run by ``exact_engines.py``.

Standard library, NumPy, TensorFlow and OpenVINO only.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "checker" / "probes")]
import faster  # noqa: E402
import predicting  # noqa: E402
import rebuild  # noqa: E402
import tensorflow as tf  # noqa: E402

K = tf.keras
WAYS = ("latency:32", "latency:64", "latency:128", "throughput:8", "throughput:32")


def made(application, size):
    """The application behind a resize, its weights random."""
    images = K.Input((32, 32, 3))
    base = getattr(K.applications, application)(include_top=False, weights=None, input_shape=(size, size, 3))
    x = K.layers.GlobalAveragePooling2D()(base.output)
    inner = K.Model(base.input, K.layers.Dense(10, activation="softmax")(x))
    resized = K.layers.Lambda(lambda x: rebuild.resized(x, (size, size), ("bilinear", "centers")))(images)
    model = K.Model(images, inner(resized))
    return model


def pictures(count):
    """Images float32 (count, 32, 32, 3) with something large in each: noise alone looks all the same."""
    generator = np.random.RandomState(1)
    coarse = generator.uniform(-1, 1, (count, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    fine = generator.uniform(-0.2, 0.2, (count, 32, 32, 3))
    return np.clip(coarse + fine, -1, 1).astype("float32")


def settle(model, images):
    """Give it scores that differ from image to image: random weights alone have a signal die out."""
    network = model.layers[-1]
    for layer in network.layers:
        if isinstance(layer, K.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)
    head = network.layers[-1]
    features = K.Model(network.input, network.layers[-2].output)
    found = np.asarray(features(rebuild.resized(images, network.input_shape[1:3], ("bilinear", "centers"))))
    kernel = np.random.RandomState(2).normal(size=head.kernel.shape)
    kernel *= 2 / (found @ kernel).std(axis=0)
    head.set_weights([kernel.astype("float32"), -(found @ kernel).mean(axis=0).astype("float32")])


def converted(model, core, folder):
    """The model in OpenVINO, by way of a graph whose variables are constants: all versions can do that."""
    call = tf.function(lambda images: model(images, training=False))
    concrete = call.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), tf.float32))
    path = os.path.join(folder, "model.pb")
    with open(path, "wb") as stream:
        stream.write(faster.graph(concrete))
    return core.read_model(path)


def compiled(core, network, way, shape):
    """A function from images to scores, by one way: a hint and a batch."""
    import openvino

    hint, size = way.split(":")
    size = int(size)
    network.reshape([size, *shape])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": hint.upper()}
    queue = openvino.AsyncInferQueue(core.compile_model(network, "CPU", settings))

    def run(images):
        out = np.empty((len(images), 10), "float32")

        def keep(request, start):
            out[start : start + size] = request.get_output_tensor(0).data[: len(out) - start]

        queue.set_callback(keep)
        for start in range(0, len(images), size):
            batch = np.zeros((size, *shape), "float32")
            part = images[start : start + size]
            batch[: len(part)] = part
            queue.start_async([batch], start)
        queue.wait_all()
        return out

    return run


def peak():
    """Peak resident memory of this process in bytes, since the last time."""
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    with open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")
    return int(line.split()[1]) * 1024


def timed(call):
    """What a call gives, and its seconds: of the wall clock, and of processors."""
    began, worked = time.perf_counter(), time.process_time()
    found = call()
    return found, time.perf_counter() - began, time.process_time() - worked


def main():
    """Convert, compile, score in turn."""
    import openvino

    task = json.loads(sys.argv[1])
    model = made(task["application"], task["size"])
    shape = model.input_shape[1:]
    images = pictures(task["images"])
    settle(model, images[:8])
    runs = {"Keras": lambda: model.predict(predicting.dataset(images, False), verbose=0)}
    peak()
    expected = runs["Keras"]()
    found = {"tensorflow": tf.__version__, "openvino": openvino.__version__.split("-")[0], "ways": {}}
    found["peak_before"] = peak()
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        network, found["convert"], _ = timed(lambda: converted(model, core, folder))
        for way in task["ways"] or WAYS:
            try:
                run, seconds, _ = timed(lambda way=way: compiled(core, network, way, shape))
                scores = run(images)
            except Exception as error:
                found["ways"][way] = {"error": str(error).strip().splitlines()[-1][:200]}
                continue
            apart = float(np.abs(scores - expected).max() / np.abs(expected).max())
            others = int((scores.argmax(axis=1) != expected.argmax(axis=1)).sum())
            found["ways"][way] = {"compile": seconds, "difference": apart, "classes": others}
            runs[way] = lambda run=run: run(images)
        rounds = {name: [] for name in runs}
        for _ in range(task["rounds"]):
            for name, run in runs.items():
                rounds[name].append(timed(run)[1:])
    for kind, key in enumerate(("wall", "processors")):
        found[key] = {
            name: statistics.median(seconds[kind] for seconds in every) / len(images)
            for name, every in rounds.items()
        }
    found["peak"] = peak()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
