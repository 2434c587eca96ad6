"""How a probe reports: facts as bounded JSON, arrays as raw bytes, on one pipe.

A frame is a byte (1: fact, 2: array), the length of its payload as an unsigned 64-bit big-endian
integer, and the payload. An array frame follows the fact that announces its dtype and shape, and the
checker computes from those how long it has to be. Standard library only, any Python 3.8+.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import traceback

MAX_FACT = 200_000
MAX_TEXT = 2_000
FACT, ARRAY = 1, 2


class Channel:
    """The probe's end of the pipe; every frame leaves the process at once."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def fact(self, name, /, **values):
        """Report one fact; one too long is replaced by a note that it was."""
        values["fact"] = name
        payload = json.dumps(values, default=str).encode("utf-8", "replace")
        if len(payload) > MAX_FACT:
            payload = json.dumps({"fact": "oversize", "name": name}).encode()
        self._send(FACT, payload)

    def array(self, name, array):
        """Report a NumPy array, announced by its dtype (little endian) and shape."""
        import numpy as np

        array = np.ascontiguousarray(array)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self.fact("array", name=name, dtype=array.dtype.str, shape=list(array.shape))
        self._send(ARRAY, memoryview(array).cast("B") if array.size else b"")

    def _send(self, kind, payload):
        self._write(struct.pack(">BQ", kind, len(payload)))
        self._write(payload)

    def _write(self, data):
        view = memoryview(data)
        while view:
            # Linux writes at most 0x7ffff000 bytes at once.
            view = view[os.write(self._descriptor, view[: 1 << 20]) :]


def run(main):
    """Run ``main(channel, settings)``; an exception that is our own fault is reported as that."""
    settings = json.loads(sys.argv[1])
    sys.argv[1:] = []
    channel = Channel(settings.pop("channel"))
    try:
        main(channel, settings)
    except BrokenPipeError:
        pass  # the checker knows enough
    except Exception:
        channel.fact("probe_error", trace=short(traceback.format_exc()))
    sys.stdout.flush()
    # Threads and exit handlers that submitted code left behind have nothing more to say.
    os._exit(0)


def short(text, limit=MAX_TEXT):
    """The text, cut in its middle to ``limit`` characters."""
    text = str(text)
    half = limit // 2
    return text if len(text) <= limit else text[:half] + " ... " + text[-half:]


def describe(error, name=""):
    """An exception as facts: its type and message, and the last place in the file ``name``."""
    line, function = 0, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if name and os.path.basename(frame.filename) == name:
            line, function = frame.lineno or 0, frame.name
    if isinstance(error, SyntaxError) and error.lineno:
        line = error.lineno
    try:
        message = short(error)
    except Exception:
        message = "(its message cannot be shown)"
    return {"type": type(error).__name__, "message": message, "line": line, "function": function}


def clock():
    """Seconds on a clock that only goes forward."""
    return time.monotonic()
