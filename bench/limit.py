"""How fast a network could be at most here: what a product of large float32 matrices reaches on all cores.

    PYTHON -m bench.limit [--applications DenseNet121:224] [--side 4096] [--rounds 5]

PYTHON has TensorFlow and the checker. It runs with the memory settings of a sandbox: else the kernel's pages
would be measured. Operations are counted over the convolutions and dense layers, two for a multiplication
and an addition; nothing else is counted, so that the limit is a little too high.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import timeit
from typing import Any, Callable, Dict

from checker.sandbox import environment


def reached(side: int, rounds: int) -> Dict[str, float]:
    """Operations a second of a product of two matrices, float32 (side, side), by library; the best round.

    Neither is the faster one on every machine: where there is no AVX-512, NumPy's is.
    """
    import numpy as np
    import tensorflow as tf

    left, right = (np.random.default_rng(0).normal(size=(side, side)).astype(np.float32) for _ in range(2))
    first, second = tf.constant(left), tf.constant(right)
    reduced = tf.function(lambda: tf.reduce_sum(tf.matmul(first, second)))
    products: Dict[str, Callable[[], Any]] = {
        "TensorFlow": lambda: reduced().numpy(),
        "NumPy": lambda: left @ right,
    }
    return {name: 2 * side**3 / _best(product, rounds) for name, product in products.items()}


def _best(product: Callable[[], Any], rounds: int) -> float:
    """Seconds of the best of some rounds, after one that does not count."""
    product()
    return min(timeit.repeat(product, repeat=rounds, number=1))


def operations(application: str, size: int) -> float:
    """Operations for one image."""
    import tensorflow as tf

    network: Any = getattr(tf.keras.applications, application)
    model = network(weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg")
    found = 0
    for layer in model.layers:
        kernels = [array for array in layer.get_weights() if array.ndim > 1]
        # Each output of a kernel is a sum over its other sides; a depthwise one has an output a channel.
        places = math.prod(layer.output.shape[1:-1]) if kernels else 0
        found += sum(2 * places * kernel.size for kernel in kernels)
    return float(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--applications", default="DenseNet121:224")
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not environment.MEMORY.items() <= os.environ.items():  # malloc reads them when a process starts
        command = [sys.executable, "-m", "bench.limit", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **environment.MEMORY})
    speeds = reached(options.side, options.rounds)
    speed = max(speeds.values())
    said = ", ".join("{} {:.0f}".format(name, found / 1e9) for name, found in speeds.items())
    print("matrices, GFLOP/s: {}".format(said))
    for named in options.applications.split(","):
        application, size = named.split(":")
        each = operations(application, int(size))
        print("{}: {:.2f} GFLOP an image, {:.0f} images/s at most".format(named, each / 1e9, speed / each))


if __name__ == "__main__":
    main()
