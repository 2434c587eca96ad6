"""Read a model file's description and weights as plain numbers, without Keras.

Seen: no submitted code runs here. What comes out is the description as bytes, what each layer's weights
are called, and one array of bytes with all of them. h5py and NumPy only.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

sys.path.pop(0)

MAX_CONFIG = 16_000_000
MAX_WEIGHTS = 20_000
AT_ONCE = 100  # weights in one fact
KINDS = ("<f2", "<f4", "<f8", "<i4", "<i8")


class Refused(Exception):
    """The file is made otherwise than Keras makes one; its text says how."""


def main(channel, settings):
    """Report all, or why not."""
    import h5py

    path = os.path.join(settings["inputs"], settings["model"])
    try:
        with h5py.File(path, "r") as stream:
            report(channel, stream, settings["most"])
    except Refused as error:
        channel.fact("refused", why=wire.short(error, 300))
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        channel.fact("refused", why="it cannot be read: " + wire.short(error, 300))


def report(channel, stream, most):
    """Send the description, the names, and the weights in the order of the names."""
    import numpy as np

    config = text(stream, "model_config", MAX_CONFIG)
    groups = own(stream, "model_weights")
    found, left = [], most
    for layer in names(groups, "layer_names"):
        group = own(groups, layer)
        for name in names(group, "weight_names"):
            dataset = weight(group, name)
            left -= length(dataset)
            if left < 0 or len(found) >= MAX_WEIGHTS:
                raise Refused("more weights than a model has")
            found.append((layer, name, dataset))
    for start in range(0, len(found), AT_ONCE):
        channel.fact(
            "weights",
            found=[
                {"layer": layer, "name": name, "dtype": dataset.dtype.str, "shape": list(dataset.shape)}
                for layer, name, dataset in found[start : start + AT_ONCE]
            ],
        )
    channel.array("config", np.frombuffer(config.encode("utf-8", "replace"), "u1"))
    channel.parts("weights", most - left, (np.ascontiguousarray(dataset[()]) for _, _, dataset in found))
    channel.fact("done")


def own(group, name):
    """A group of this file; a link to anywhere else is none."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise Refused("{} is a link".format(wire.short(name, 60)))
    found = group[name]
    if not isinstance(found, h5py.Group):
        raise Refused("{} is no group".format(wire.short(name, 60)))
    return found


def weight(group, name):
    """A dataset of plain numbers that lie in this file."""
    import h5py

    *folders, last = name.split("/")
    for folder in folders:
        group = own(group, folder)
    if not isinstance(group.get(last, getlink=True), h5py.HardLink):
        raise Refused("{} is a link".format(wire.short(name, 60)))
    dataset = group[last]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.str not in KINDS or dataset.shape is None:
        raise Refused("{} is no array of numbers".format(wire.short(name, 60)))
    if dataset.external or dataset.is_virtual or dataset.compression or dataset.scaleoffset is not None:
        raise Refused("{} does not lie in the file as it is".format(wire.short(name, 60)))
    if dataset.id.get_storage_size() < length(dataset):
        raise Refused("{} has more numbers than the file".format(wire.short(name, 60)))
    return dataset


def length(dataset):
    """Bytes of a dataset's numbers."""
    return int(dataset.size) * dataset.dtype.itemsize


def names(group, attribute):
    """Names that Keras writes into an attribute, or, where they are many, into several."""
    found, number = [], 0
    if attribute in group.attrs:
        found = list(group.attrs[attribute])
    while "{}{}".format(attribute, number) in group.attrs and number < 100:
        found += list(group.attrs["{}{}".format(attribute, number)])
        number += 1
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in found]


def text(group, name, most):
    """An attribute as text."""
    import h5py

    if name not in group.attrs or h5py.h5a.open(group.id, name.encode()).get_storage_size() > most:
        raise Refused("it holds no description of a model, or one that is too long")
    value = group.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    wire.run(main)
