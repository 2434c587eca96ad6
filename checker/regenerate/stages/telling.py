"""How a stage tells its progress and what it costs, and how it ends with the process that started it."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time

_EVERY = 5.0  # seconds between two writings of what a stage has cost so far


class Teller:
    """Writes one JSON object a line to a descriptor, and the costs of this process to a file.

    The costs, wall seconds and peak resident bytes, are on the disk every few seconds: a stage that is
    killed has cost something, too.
    """

    def __init__(self, descriptor, costs):
        self._stream = os.fdopen(descriptor, "w")
        self._costs, self._began, self._written = costs, time.monotonic(), 0.0

    def progress(self, done, total):
        """Of the stage, ``done`` images of ``total`` are done."""
        self._tell({"done": int(done), "total": int(total)})
        if time.monotonic() - self._written > _EVERY:
            self.cost()

    def fact(self, name, value):
        """Report something that was found out."""
        self._tell({"fact": name, "value": value})

    def fault(self, message):
        """Report what a person has to mend."""
        self._tell({"fault": message})

    def cost(self):
        """Write down what this process has cost until now."""
        self._written = time.monotonic()
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        write_json(self._costs, {"seconds": round(self._written - self._began, 2), "peak_bytes": peak})

    def _tell(self, line):
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


def end_with_parent():
    """Leave as soon as whoever started us is gone: then nothing comes from its end of our input."""

    def wait():
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def write_json(path, value):
    """Write a file that is whole or not there."""
    partial = path + ".partial"
    with open(partial, "w") as stream:
        json.dump(value, stream)
        flush(stream)
    os.replace(partial, path)


def flush(stream):
    """Bring what was written to the disk."""
    stream.flush()
    os.fsync(stream.fileno())
