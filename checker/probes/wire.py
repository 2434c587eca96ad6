"""How a probe reports: facts as bounded JSON, arrays as raw bytes, on one pipe.

A frame is a byte (1: fact, 2: array), the length of its payload as an unsigned 64-bit big-endian
integer, and the payload. An array frame follows the fact that announces its dtype and shape, and the
checker computes from those how long it has to be. Standard library only, any Python 3.8+.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import traceback
from typing import Any, Callable, Dict, Iterable, Union

MAX_FACT = 200_000
MAX_TEXT = 2_000
FACT, ARRAY = 1, 2


class Channel:
    """The probe's end of the pipe; every frame leaves the process at once.

    After the first fact or array of a name in ``awaited`` it waits on ``answers`` until the checker has
    seen it: what is printed, written and computed from then on came after it. The answer is a line: empty,
    or JSON with what the checker did not know before.
    """

    def __init__(self, descriptor: int, answers: int = -1, awaited: Iterable[str] = ()) -> None:
        self._descriptor, self._answers = descriptor, answers
        self._awaited = set(awaited) if answers >= 0 else set()

    def fact(self, name: str, /, **values: object) -> Dict[str, Any]:
        """Report one fact; one too long is replaced by a note that it was. Returns what the answer tells."""
        values["fact"] = name
        payload = json.dumps(values, default=short).encode("utf-8", "replace")
        if len(payload) > MAX_FACT:
            payload = json.dumps({"fact": "oversize", "name": name}).encode()
        self._send(FACT, payload)
        return self._wait(name)

    def array(self, name: str, array: Any) -> None:
        """Report a NumPy array, announced by its dtype (little endian) and shape."""
        import numpy as np

        shape = list(np.shape(array))
        array = np.ascontiguousarray(array).reshape(-1)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self.fact("array", name=name, dtype=array.dtype.str, shape=shape)
        self._send(ARRAY, memoryview(array.view("u1")) if array.size else b"")
        self._wait(name)

    def parts(self, name: str, length: int, parts: Iterable[Any]) -> None:
        """Report bytes, as many as ``length``, that come as contiguous NumPy arrays one after the other."""
        self.fact("array", name=name, dtype="|u1", shape=[length])
        self._write(struct.pack(">BQ", ARRAY, length))
        for part in parts:
            self._write(memoryview(part.reshape(-1).view("u1")) if part.size else b"")
        self._wait(name)

    def _wait(self, name: str) -> Dict[str, Any]:
        if name not in self._awaited:
            return {}
        self._awaited.discard(name)
        line = b""
        while not line.endswith(b"\n"):
            letter = os.read(self._answers, 1)
            if not letter:
                raise BrokenPipeError("the checker is gone")
            line += letter
        told: Dict[str, Any] = json.loads(line) if line.strip() else {}
        return told

    def _send(self, kind: int, payload: Union[bytes, memoryview]) -> None:
        self._write(struct.pack(">BQ", kind, len(payload)))
        self._write(payload)

    def _write(self, data: Union[bytes, memoryview]) -> None:
        view = memoryview(data)
        while view:
            # Linux writes at most 0x7ffff000 bytes at once.
            view = view[os.write(self._descriptor, view[: 1 << 20]) :]


def run(main: Callable[[Channel, Dict[str, Any]], None]) -> None:
    """Run ``main(channel, settings)``; an exception that is our own fault is reported as that."""
    settings = json.loads(sys.argv[1])
    sys.argv[1:] = []
    channel = Channel(settings.pop("channel"), settings.pop("answers", -1), settings.pop("awaited", ()))
    # Last, so that nothing there takes the place of a module of the standard library.
    sys.path += [path for path in settings.pop("packages", ()) if path not in sys.path]
    status = 0
    try:
        channel.fact("started")
        main(channel, settings)
    except BrokenPipeError:
        pass  # the checker knows enough
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:
        channel.fact("probe_error", trace=short(traceback.format_exc()))
    with contextlib.suppress(Exception):  # submitted code may have closed or replaced it
        sys.stdout.flush()
    # Threads and exit handlers that submitted code left behind have nothing more to say.
    os._exit(status & 0xFF)


def short(text: object, limit: int = MAX_TEXT) -> str:
    """The text, cut in its middle to ``limit`` characters."""
    try:
        text = str(text)
    except Exception:  # of an object that submitted code made
        text = "(it cannot be shown)"
    half = limit // 2
    return text if len(text) <= limit else text[:half] + " ... " + text[-half:]


def describe(error: BaseException, name: str = "") -> Dict[str, Any]:
    """An exception as facts: its type and message, and the last place in the file ``name``."""
    line, function = 0, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if name and os.path.basename(frame.filename) == name:
            line, function = frame.lineno or 0, frame.name
    if isinstance(error, SyntaxError) and error.lineno:
        line = error.lineno
    kind = short(type(error).__name__, 200)
    return {"type": kind, "message": short(error), "line": line, "function": function}
