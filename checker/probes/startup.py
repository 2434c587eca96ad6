"""TensorFlow, imported without what a probe's start can do without.

A check imports it three times on what may be two cores, which is half of the time that it takes over a light
model (``bench/stages.md``). NumPy and TensorFlow only.
"""

from __future__ import annotations

import contextlib
import gc
import sys

# What Keras imports where it is installed: to draw, to read tables and pictures, to distort images.
OPTIONAL = ("PIL", "matplotlib", "pandas", "scipy")


def tensorflow(without=()):
    """Import TensorFlow and its Keras; returns the former.

    ``without``: packages that are taken for not installed. Where submitted code runs it may use any.
    """
    for name in without:
        sys.modules.setdefault(name, None)
    if sys.version_info < (3, 12):
        _own_distutils()
    with uncollected():
        import tensorflow as tf
        import tensorflow.keras as K

        K.Model  # noqa: B018 - some versions load it when it is first asked for
    return tf


@contextlib.contextmanager
def uncollected():
    """Nothing in here is looked through for garbage, then or later: of what is imported, all stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _own_distutils():
    """Let ``distutils``, which TensorFlow asks for its version's sake, be Python's own.

    setuptools puts its own in that place, and loads nearly all of itself.
    """
    shim = sys.modules.get("_distutils_hack")
    if hasattr(shim, "remove_shim"):
        shim.remove_shim()
