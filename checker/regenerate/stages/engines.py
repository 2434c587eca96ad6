"""What runs the frozen layers: TensorFlow, or OpenVINO where it is installed."""

from __future__ import annotations

import importlib.util
import os

import numpy as np

_BATCH = 64  # with more, memory grows and speed does not
_STREAM_BATCH = 8  # OpenVINO runs one such batch on each core


def has_openvino():
    """Whether OpenVINO is installed here."""
    return importlib.util.find_spec("openvino") is not None


def has_bfloat16():
    """Whether the processor multiplies bfloat16 itself, as Linux tells it."""
    try:
        with open("/proc/cpuinfo") as stream:
            flags = next((line.split() for line in stream if line.startswith("flags")), [])
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def tensorflow(model, folder, bfloat16):
    """Run a model as Keras does: a function from images (n, ...) to outputs."""
    return lambda images: model.predict(images, _BATCH, verbose=0)


def openvino(model, folder, bfloat16, size=_STREAM_BATCH):
    """Run a model in OpenVINO: a function from images (n, ...) to outputs.

    With ``bfloat16`` OpenVINO multiplies in that type, where the processor can.
    """
    import openvino

    path = os.path.join(folder, "frozen.pb")
    with open(path, "wb") as stream:
        stream.write(_frozen_graph(model))
    core = openvino.Core()
    network = core.read_model(path)
    os.remove(path)
    network.reshape([size, *model.input_shape[1:]])
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "PERFORMANCE_HINT": "THROUGHPUT",
    }
    compiled = core.compile_model(network, "CPU", settings)
    queue = openvino.AsyncInferQueue(compiled)
    shape = tuple(compiled.output(0).shape)[1:]

    def run(images):
        out = np.empty((len(images), *shape), np.float32)

        def keep(request, start):
            found = request.get_output_tensor(0).data
            out[start : start + size] = found[: len(out) - start]

        queue.set_callback(keep)
        for start in range(0, len(images), size):
            batch = np.zeros((size, *images.shape[1:]), np.float32)
            part = images[start : start + size]
            batch[: len(part)] = part
            queue.start_async([batch], start)
        queue.wait_all()
        return out

    return run


def _frozen_graph(model):
    """The model as a graph of TensorFlow whose variables are constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    call = tf.function(lambda images: model(images, training=False))
    spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    return (
        convert_variables_to_constants_v2(call.get_concrete_function(spec))
        .graph.as_graph_def()
        .SerializeToString()
    )


ENGINES = {"tensorflow": tensorflow, "openvino": openvino}
