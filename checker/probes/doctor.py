"""Whether the interpreter runs here, and whether TensorFlow can be imported; nothing is submitted."""

from __future__ import annotations

import os
import platform
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

sys.path.pop(0)


def main(channel, settings):
    """Report the Python, then TensorFlow or why not."""
    channel.fact("python", version=platform.python_version())
    if not settings["tensorflow"]:
        return
    try:
        import tensorflow as tf

        # Loaded when it is first asked for, from a package of its own.
        keras = tf.keras.Sequential
    except Exception as error:  # a broken installation raises anything
        channel.fact("tensorflow_raised", error=wire.describe(error))
        return
    channel.fact("tensorflow", version=tf.__version__, keras=keras.__module__)


if __name__ == "__main__":
    wire.run(main)
