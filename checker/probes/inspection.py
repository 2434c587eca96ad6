"""Read the structure of a model file without Keras: nothing that it holds is run.

Seen: no submitted code runs here. It takes HDF5 and ``.keras`` archives; weights themselves are not read.
What it finds is told as it is found, so that a file that ends the process has told what it had.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archive
import hdf5tree
import layers
import wire
from places import Places

sys.path.pop(0)

MAX_CONFIG = 32_000_000  # bytes
MAX_DIGITS = 400  # of a number in JSON
MEMORY = 2 << 30  # bytes beyond what Python, NumPy and h5py take
TOLD = 20  # findings of each kind; all are counted
MAX_NAMES = 100_000


class Findings:
    """What is odd about a file: told to ``channel``, the first ones of each kind."""

    def __init__(self, channel):
        self._channel = channel
        self.counts = Counter()

    def note(self, kind, place, detail):
        """Tell one finding."""
        self.counts[kind] += 1
        if self.counts[kind] <= TOLD:
            place, detail = wire.short(place, 300), wire.short(detail, 500)
            self._channel.fact("finding", kind=kind, place=place, detail=detail)


class Inspection:
    """The inspection of one file."""

    def __init__(self, channel, path, room):
        self._channel, self._path, self._room = channel, path, room
        self._findings = Findings(channel)
        self._places = Places(self._place, self._findings.note)

    def run(self):
        """Tell what kind of file it is, who wrote it, what it is made of, and what it would do."""
        # Bytes that are both are looked at as both: which of them a program takes depends on the file's name.
        # HDF5 comes last, since of facts that are told twice the last one counts.
        is_hdf5, is_archive = self._kinds()
        if is_archive:
            if is_hdf5:
                self._findings.note("archive-behind", "/", "the file is a zip archive as well")
            self._channel.fact("hdf5", readable=False, error=None)
            self._part(self._archive)
        if is_hdf5 or not is_archive:
            self._part(self._hdf5, self._path, True)
        counts = self._findings.counts
        self._channel.fact(
            "inspected",
            whole=not (counts["not-read-whole"] or counts["unreadable"]),
            places=self._places.count,
            acting=self._places.acting,
            findings=dict(+counts),
        )

    def _part(self, look, *arguments):
        """Look at one part of the file; where its bytes lead nowhere, that is a finding."""
        try:
            look(*arguments)
        except BrokenPipeError:
            raise
        except MemoryError:
            self._findings.note("not-read-whole", "/", "it takes more memory than there is for it")
        except Exception as error:  # HDF5's error classes come as many of Python's
            words = "{}: {}".format(type(error).__name__, error)
            self._findings.note("unreadable", "/", words)

    def _kinds(self):
        """Whether the file is HDF5, and whether it is a zip archive or begins as one."""
        import h5py

        with open(self._path, "rb") as stream:
            begins = stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        return h5py.is_hdf5(self._path), begins or is_archive(self._path)

    def _archive(self):
        """A ``.keras`` file: its members, its configuration, and its weights, which are HDF5."""
        note = self._findings.note
        try:
            opened = archive.open_bounded(self._path)
            with opened:
                size = os.path.getsize(self._path)
                promised = archive.look(opened, size, note)
                metadata = parsed(archive.read(opened, "metadata.json", MAX_CONFIG), self._repeated)
                config = archive.read(opened, "config.json", MAX_CONFIG).decode("utf-8", "replace")
                self._channel.fact(
                    "archive",
                    members=len(opened.infolist()),
                    promised=promised,
                    keras_version=wire.short(metadata.get("keras_version", ""), 50),
                )
                if config:
                    self._part(self._model, config, "config.json")
                room = min(self._room, archive.most(size))
                if archive.extract(opened, "model.weights.h5", "weights.h5", room):
                    self._part(self._hdf5, "weights.h5", False)
        except archive.Refused as error:
            self._findings.note("not-read-whole", "/", str(error))

    def _hdf5(self, path, alone):
        import h5py

        try:
            stream = h5py.File(path, "r")
        except Exception as error:  # as above
            if alone:
                self._channel.fact("hdf5", readable=False, error=wire.describe(error))
            self._findings.note("unreadable", "/", "no HDF5: {}".format(error))
            return
        with stream:
            self._part(self._tree, stream, os.path.getsize(path))
            if alone:
                self._part(self._keras, stream)
            self._part(self._names, stream)

    def _tree(self, stream, size):
        walk = hdf5tree.Walk(self._findings.note)
        walk.walk(stream.id, size)
        self._channel.fact(
            "structure",
            size=size,
            links=walk.links,
            groups=walk.groups,
            datasets=walk.datasets,
            attributes=walk.attributes,
            depth=walk.depth,
            promised=min(walk.promised, 2**62),
        )

    def _keras(self, stream):
        config, training = self._attribute(stream, "model_config"), self._attribute(stream, "training_config")
        self._channel.fact(
            "hdf5",
            readable=True,
            error=None,
            keras_version=wire.short(self._attribute(stream, "keras_version"), 50),
            has_model=bool(config),
            weights_only=weights_alone(stream) and not config,
            has_training=bool(training),
            slots=self._slots(stream),
        )
        if training:
            values = parsed(training, self._repeated)
            self._channel.fact("training", **layers.compilation(values))
            self._places.walk(values, "training_config")
        if config:
            self._model(config, "model_config")

    def _model(self, config, start):
        """The layers that matter for the course's hints, and what would run on loading."""
        values = parsed(config, self._repeated)
        self._channel.fact("model_config", readable=bool(values), **(layers.facts(values) if values else {}))
        if values:
            self._places.walk(values, start)
        else:
            self._findings.note("unreadable", start, "its configuration is no JSON that Python reads")

    def _place(self, place):
        self._channel.fact("place", **place)

    def _repeated(self, key):
        self._findings.note("duplicate-key", wire.short(key, 100), "twice in one object; readers take either")

    def _attribute(self, found, name):
        """One attribute as text; "" where it is not there, is no text, or is larger than any model's."""
        import h5py

        if name not in found.attrs:
            return ""
        held = h5py.h5a.open(found.id, name.encode())
        if hdf5tree.promised_by(held) > MAX_CONFIG or held.get_space().get_simple_extent_npoints() != 1:
            self._findings.note("attribute-too-large", name, "it is no single text")
            return ""
        try:
            value = found.attrs[name]
        except Exception as error:  # as above
            self._findings.note("unreadable", name, wire.short(error))
            return ""
        value = hdf5tree.text(value)
        if len(value) > MAX_CONFIG:
            self._findings.note("attribute-too-large", name, "{:,} characters".format(len(value)))
            return ""
        return value

    def _list(self, found, name):
        """The texts of an attribute, and of those that Keras splits a long one into: name0, name1 ..."""
        import h5py

        texts = []
        for part in found.attrs:
            if not part.startswith(name) or not (part == name or part[len(name) :].isdigit()):
                continue
            held = h5py.h5a.open(found.id, part.encode("utf-8", "surrogateescape"))
            count = held.get_space().get_simple_extent_npoints() + len(texts)
            if count > MAX_NAMES or hdf5tree.promised_by(held) > MAX_CONFIG:
                self._findings.note("attribute-too-large", part, "more than {:,} names".format(MAX_NAMES))
                break
            value = found.attrs[part]
            texts += [hdf5tree.text(item) for item in getattr(value, "flat", [value])]
        return texts

    def _slots(self, stream):
        """How many variables of the optimizer were saved."""
        group = child(stream, "optimizer_weights")
        return 0 if group is None else len(self._list(group, "weight_names"))

    def _names(self, stream):
        """Names of layers and of weights that occur twice: which of them is loaded is not said."""
        for group in (stream, child(stream, "model_weights")):
            names = [] if group is None else self._list(group, "layer_names")
            for name in repeated(names):
                self._findings.note("duplicate-layer", name, "twice in layer_names")
            for name in dict.fromkeys(names):
                layer = child(group, name)
                for twice in repeated(self._list(layer, "weight_names")) if layer is not None else ():
                    self._findings.note("duplicate-weight", twice, "twice in weight_names of {}".format(name))


def parsed(text, repeated_key):
    """A table of JSON, {} where it is none that Python can read."""

    def table(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            for key in repeated([key for key, _ in pairs]):
                repeated_key(key)
        return found

    try:
        value = json.loads(text or "{}", object_pairs_hook=table, parse_int=_whole)
    except (ValueError, RecursionError, MemoryError):
        return {}
    return value if isinstance(value, dict) else {}


def _whole(digits):
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number of {} digits".format(len(digits)))
    return int(digits)


def repeated(names):
    """The names that occur more than once, each once."""
    return [name for name, count in Counter(names).items() if count > 1]


def child(group, name):
    """A group in a group, by a hard link alone; None where there is none."""
    import h5py

    found = group
    for part in name.strip("/").split("/"):
        key = part.encode("utf-8", "surrogatepass")
        if not isinstance(found, h5py.Group) or not key or not found.id.links.exists(key):
            return None
        if found.id.links.get_info(key).type != h5py.h5l.TYPE_HARD:
            return None
        opened = h5py.h5o.open(found.id, key)
        found = h5py.Group(opened) if isinstance(opened, h5py.h5g.GroupID) else None
    return found


def weights_alone(stream):
    """Whether ``save_weights`` wrote the file: Keras 2 notes the layers' names, Keras 3 groups them."""
    groups = [child(stream, name) for name in ("layers", "vars")]
    return "layer_names" in stream.attrs or None not in groups


def is_archive(path):
    """Whether the file is a zip archive for those that look at its end."""
    try:
        archive.open_bounded(path).close()
    except archive.Refused:
        return False
    return True


def bound_memory():
    """Let what a file promises end in MemoryError; libraries that are loaded already are not counted."""
    try:
        with open("/proc/self/statm") as stream:
            pages = int(stream.read().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
    except (OSError, ValueError):
        pass  # no Linux: the checker watches from outside


def main(channel, settings):
    """Report what kind of file it is, who wrote it, what it is made of, and what would run on loading."""
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # HDF5's word for: load no plugins
    import h5py  # noqa: F401  (before the memory is bounded)

    bound_memory()
    path = os.path.join(settings["inputs"], settings["model"])
    Inspection(channel, path, settings.get("room", 0)).run()


if __name__ == "__main__":
    wire.run(main)
