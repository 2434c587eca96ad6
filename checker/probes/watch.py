"""Watch what a script does on import: data is answered with stand-ins, training ends the process.

What is replaced is replaced wherever TensorFlow keeps it, before the script is imported, so that
``from ... import`` finds the watched one too. NumPy and TensorFlow only.
"""

from __future__ import annotations

import os
import sys
import traceback

import wire

_DATASETS = ("cifar10", "cifar100", "mnist", "fashion_mnist")
_TRAINING = ("fit", "fit_generator", "train_on_batch")
MAX_REPORTS = 20


class DownloadRefused(OSError):
    """There is no network for submitted code."""


class Watch:
    """Reports each watched call with its place in the script and the chain of calls to it."""

    def __init__(self, channel, script):
        self._channel, self._script = channel, script
        self._count = 0
        self.active = True

    def install(self, keras):
        """Replace the data sets' loaders, training, downloads, and what builds or loads a model."""
        for name in _DATASETS:
            dataset = getattr(keras.datasets, name, None)
            if dataset is not None:
                replace(dataset.load_data, self._loader(name, dataset.load_data))
        for name in _TRAINING:
            original = getattr(keras.Model, name, None)
            if original is not None:
                setattr(keras.Model, name, self._training(name))
        get_file = keras.utils.get_file
        replace(get_file, self._download())
        for owner in (keras.models, keras.Model):
            self._noted(owner)

    def _place(self):
        """The script's frames on the stack, outermost first: name and line of each."""
        frames = [
            {"name": frame.name, "line": frame.lineno or 0}
            for frame in traceback.extract_stack()
            if os.path.basename(frame.filename) == self._script
        ]
        return {
            "line": frames[-1]["line"] if frames else 0,
            "chain": [frame["name"] for frame in frames[-10:]],
        }

    def report(self, kind, what):
        """Report one call, the first 20 of them."""
        self._count += 1
        if self._count <= MAX_REPORTS:
            self._channel.fact("watched", kind=kind, what=wire.short(what, 300), **self._place())

    def _loader(self, name, original):
        def load_data(*_, **__):
            if not self.active:
                return original(*_, **__)
            self.report("load_data", name)
            return stand_ins(name)

        return load_data

    def _training(self, name):
        def training(*_, **__):
            self.report("training", name)
            # Nothing that the script catches may lead on from here.
            os._exit(0)

        return training

    def _download(self):
        def get_file(fname=None, origin=None, *_, **__):
            self.report("download", origin or fname)
            raise DownloadRefused(
                "{} would have to be downloaded; there is no network here".format(origin or fname)
            )

        return get_file

    def _noted(self, owner):
        """Models that are built or loaded are only noted."""
        if isinstance(owner, type):
            original_init = owner.__init__
            watch = self

            def noted_init(instance, *args, **kwargs):
                watch.report("model", "a model was built")
                return original_init(instance, *args, **kwargs)

            # Keras reads the signature of __init__ for its own bookkeeping.
            noted_init.__wrapped__ = original_init
            owner.__init__ = noted_init
            return
        original = owner.load_model

        def load_model(*args, **kwargs):
            self.report("model", "load_model")
            return original(*args, **kwargs)

        replace(original, load_model)


def stand_ins(name):
    """Random images and labels in the shape that the data set has, a few hundred of them."""
    import numpy as np

    generator = np.random.RandomState(0)
    colour = name.startswith("cifar")

    def part(count):
        shape = (count, 32, 32, 3) if colour else (count, 28, 28)
        labels = (count, 1) if colour else (count,)
        images = generator.randint(0, 256, shape).astype("uint8")
        classes = np.arange(count) % (100 if name == "cifar100" else 10)
        return images, classes.reshape(labels).astype("uint8")

    return part(500), part(100)


def replace(original, stand_in):
    """Put ``stand_in`` wherever a module that is loaded keeps ``original``."""
    stand_in.__name__ = getattr(original, "__name__", stand_in.__name__)
    stand_in.__doc__ = original.__doc__
    for module in list(sys.modules.values()):
        try:
            values = list(vars(module).items())
        except TypeError:
            continue
        for name, value in values:
            if value is original:
                setattr(module, name, stand_in)
