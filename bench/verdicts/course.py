"""Run the course's ``0-main.py`` of this folder, word for word, on images of an .npz. Run by ``running.py``.

Takes the place of ``keras.datasets.cifar10.load_data``, which would have the training images read, too: what
it is compared with gets no advantage from that. What is to be scaled does not wait at a dataset's end, which
is no line. In Keras 3 the script ends where it asks for ``learning_phase``, and its Lambda would not load:
there it gets what Keras 2 has, and says what it is told to say. NumPy and TensorFlow only.
"""

from __future__ import annotations

import functools
import importlib
import os
import runpy
import sys

import numpy as np
import tensorflow as tf
import tensorflow.keras as K

PROBES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "checker", "probes")


def as_keras_2():
    """Give Keras 3 a ``learning_phase``, leave to load a Lambda, and the K that a Lambda names."""
    K.backend.learning_phase = lambda: 0
    K.models.load_model = functools.partial(K.models.load_model, safe_mode=False)
    importlib.import_module("keras.src.utils.python_utils").K = K


def untuned():
    """Leave out what tunes datasets, in each that Keras makes."""
    sys.path.insert(0, PROBES)
    import predicting  # a whole run goes without: it is timed

    sys.path.pop(0)
    made = tf.data.Options.__init__

    def make(options):
        made(options)
        predicting.untuned(options)

    tf.data.Options.__init__ = make


def main():
    """Run it: the images, what is said of Keras 3, and "scaled" where it is."""
    if sys.argv[3:] == ["scaled"]:
        untuned()
    data = np.load(sys.argv[1])
    parts = (data["x_test"][:1], data["y_test"][:1]), (data["x_test"], data["y_test"][:, None])
    K.datasets.cifar10.load_data = lambda: parts
    if not hasattr(K.backend, "learning_phase"):
        print(sys.argv[2], flush=True)
        as_keras_2()
    sys.path.insert(0, ".")
    runpy.run_path("0-main.py", run_name="__main__")


if __name__ == "__main__":
    main()
