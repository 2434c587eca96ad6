"""An array on the disk in shards, each of them complete or absent.

A shard is a file: the rows as raw numbers, then their SHA-256. It is written beside its place and moved
there when it is whole.
"""

from __future__ import annotations

import gc
import hashlib
import os

import numpy as np
from telling import flush

_DIGEST = hashlib.sha256().digest_size


class Shards:
    """``count`` rows of one shape and dtype in ``folder``, ``rows`` of them a shard."""

    def __init__(self, folder, name, count, shape, dtype, rows):
        self.count, self.shape, self.dtype, self.rows = count, tuple(shape), np.dtype(dtype), rows
        self._folder, self._name = folder, name
        self._row_bytes = self.dtype.itemsize * int(np.prod(self.shape))

    def ranges(self):
        """The first row of each shard, and the one after its last."""
        return [(start, min(start + self.rows, self.count)) for start in range(0, self.count, self.rows)]

    def is_whole(self, start, stop):
        """Whether a shard is there, every byte of it."""
        try:
            with open(self._path(start), "rb") as stream:
                data = stream.read()
        except FileNotFoundError:
            return False
        body = memoryview(data)[:-_DIGEST]
        whole = len(body) == (stop - start) * self._row_bytes
        return whole and hashlib.sha256(body).digest() == data[-_DIGEST:]

    def write(self, start, array):
        """Write the shard that begins with row ``start``."""
        values = np.ascontiguousarray(array, self.dtype)
        if not np.isfinite(values).all():
            raise ValueError("{} holds numbers that {} cannot".format(self._name, self.dtype))
        data = values.tobytes()
        path = self._path(start)
        with open(path + ".partial", "wb") as stream:
            stream.write(data)
            stream.write(hashlib.sha256(data).digest())
            flush(stream)
        os.replace(path + ".partial", path)

    def take(self, rows):
        """Return these rows, in this order, as float32.

        They are read, not mapped: to touch a few pages of a mapped file here and there costs several times
        as much, and what is mapped would count as memory of this process. Keras leaves what it was given in
        a circle of references: what was taken before is let go of first, or it adds up to gigabytes.
        """
        gc.collect()
        rows = np.asarray(rows)
        out = np.empty((len(rows), *self.shape), np.float32)
        row = np.empty(self.shape, self.dtype)
        for start, stop in self.ranges():
            here = np.flatnonzero((rows >= start) & (rows < stop))
            if len(here):
                with open(self._path(start), "rb", buffering=0) as stream:
                    for place in here:
                        stream.seek(int(rows[place] - start) * self._row_bytes)
                        stream.readinto(row)
                        out[place] = row
        return out

    def _path(self, start):
        return os.path.join(self._folder, "{}-{:06d}.shard".format(self._name, start))
