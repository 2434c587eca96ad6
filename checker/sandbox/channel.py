"""The checker's end of a probe's pipe: frames are bounded and checked before they are kept.

The form is that of ``probes/wire.py``. A frame that does not fit raises EvidenceError, and nothing
after it is read.
"""

from __future__ import annotations

import contextlib
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from checker.errors import EvidenceError, OversizeError, ToolError

if TYPE_CHECKING:
    import numpy as np

STARTED = "started"  # what a probe says before anything else; no fact of its own
MAX_FACT = 200_000
MAX_FACTS = 20_000
MAX_FACT_BYTES = 8_000_000
MAX_DEPTH = 20  # of lists and tables in a fact
MAX_DIGITS = 30  # of a whole number in a fact
_HEADER = struct.Struct(">BQ")
_FACT, _ARRAY = 1, 2
# Plain numbers; anything else (objects, structures, text) is refused.
ITEM_SIZES = {
    "|b1": 1, "|i1": 1, "|u1": 1, "<i2": 2, "<u2": 2, "<f2": 2,
    "<i4": 4, "<u4": 4, "<f4": 4, "<i8": 8, "<u8": 8, "<f8": 8,
}  # fmt: skip


@dataclass(frozen=True)
class ArrayHeader:
    """An announced array; ``length`` in bytes was computed by the checker."""

    name: str
    dtype: str
    shape: Tuple[int, ...]

    @property
    def length(self) -> int:
        """Bytes that the frame must have."""
        return math.prod(self.shape) * ITEM_SIZES[self.dtype]


class Event(NamedTuple):
    """A fact or an array that came whole: its name, and an array's bytes."""

    name: str
    size: int = 0


@dataclass(frozen=True)
class Received:
    """An array that came whole: its bytes, or the file that they were spooled to."""

    header: ArrayHeader
    data: bytes = b""
    path: Optional[Path] = None

    def array(self) -> np.ndarray:
        """The array as it came, not to be written to; a large one is mapped, not read."""
        import numpy as np

        if self.path is not None:
            return np.memmap(str(self.path), self.header.dtype, "r", shape=self.header.shape)
        return np.frombuffer(self.data, self.header.dtype).reshape(self.header.shape)


class Receiver:
    """Takes bytes as they come; keeps facts and arrays in the order in which they came.

    ``on_array`` is called with each whole array. An array longer than ``spool_over`` bytes goes to
    a file in ``spool``. All arrays together have at most ``max_bytes``. ``started`` says whether the
    probe itself began.
    """

    def __init__(
        self,
        max_bytes: int,
        spool: Optional[Path] = None,
        on_fact: Optional[Callable[[Mapping[str, Any]], None]] = None,
        on_array: Optional[Callable[[Received], None]] = None,
        spool_over: int = 50_000_000,
    ) -> None:
        self.facts: List[Dict[str, Any]] = []
        self.arrays: List[Received] = []
        self.started = False
        self._left = max_bytes
        self._fact_count = self._fact_bytes = 0
        self._spool, self._spool_over = spool, spool_over
        self._on_fact, self._on_array = on_fact, on_array
        self._buffer = bytearray()
        self._announced: Optional[ArrayHeader] = None
        self._missing = 0
        self._parts: Optional[bytearray] = None
        self._file: Optional[IO[bytes]] = None
        self._events: List[Event] = []

    def feed(self, data: bytes) -> List[Event]:
        """Take the next bytes of the pipe; returns what they made whole.

        Raises EvidenceError, and ToolError where an array cannot be spooled.
        """
        self._events = []
        view = memoryview(data)
        while view:
            if self._missing:
                taken = view[: self._missing]
                self._take(taken)
                view = view[len(taken) :]
                continue
            self._buffer += view
            view = memoryview(b"")
            while not self._missing and self._next_frame():
                pass
            if self._missing and self._buffer:
                view, self._buffer = memoryview(bytes(self._buffer)), bytearray()
        return self._events

    def close(self) -> None:
        """Drop what is not whole."""
        self._missing, self._parts, self._buffer = 0, None, bytearray()
        if self._file:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                Path(file.name).unlink()
            with contextlib.suppress(OSError):
                file.close()

    def of(self, name: str) -> List[Dict[str, Any]]:
        """Return the facts of one name."""
        return [fact for fact in self.facts if fact["fact"] == name]

    def last(self, name: str) -> Optional[Dict[str, Any]]:
        """Return the last fact of one name, or None."""
        facts = self.of(name)
        return facts[-1] if facts else None

    def _next_frame(self) -> bool:
        """Take a whole fact, or the head of an array, out of the buffer; False if none is whole."""
        if len(self._buffer) < _HEADER.size:
            return False
        kind, length = _HEADER.unpack_from(self._buffer)
        if kind == _FACT:
            if length > MAX_FACT:
                raise EvidenceError("a fact of {} bytes, at most {} are taken".format(length, MAX_FACT))
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return False
            payload = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            self._fact(payload)
            return True
        if kind != _ARRAY or self._announced is None:
            raise EvidenceError("bytes on the pipe that are no frame")
        if length != self._announced.length:
            raise EvidenceError(
                "an array frame of {} bytes, announced were {}".format(length, self._announced.length)
            )
        del self._buffer[: _HEADER.size]
        self._begin(length)
        return True

    def _fact(self, payload: bytes) -> None:
        self._fact_count += 1
        self._fact_bytes += len(payload)
        if self._fact_count > MAX_FACTS or self._fact_bytes > MAX_FACT_BYTES:
            raise EvidenceError("more facts than a probe reports")
        try:
            fact = _parsed(payload)
        except (ValueError, RecursionError) as error:
            raise EvidenceError("a fact that is not JSON") from error
        if not isinstance(fact, dict) or not isinstance(fact.get("fact"), str):
            raise EvidenceError("a fact without a name")
        if fact["fact"] == "array":
            self._announced = self._header(fact)
            return
        if fact["fact"] == STARTED:
            self.started = True
            self._events.append(Event(STARTED))
            return
        self.facts.append(fact)
        self._events.append(Event(fact["fact"]))
        if self._on_fact:
            self._on_fact(fact)

    def _header(self, fact: Mapping[str, Any]) -> ArrayHeader:
        name, dtype, shape = fact.get("name"), fact.get("dtype"), fact.get("shape")
        if not isinstance(name, str) or not isinstance(dtype, str) or dtype not in ITEM_SIZES:
            raise EvidenceError("an array of a dtype that is no plain number")
        if not isinstance(shape, list) or len(shape) > 6:
            raise EvidenceError("an array without a usable shape")
        sides = [side for side in shape if type(side) is int and 0 <= side < 2**40]
        # NumPy wants the product without the zeros to be an address, too.
        if len(sides) < len(shape) or math.prod(side or 1 for side in sides) >= 2**56:
            raise EvidenceError("an array without a usable shape")
        header = ArrayHeader(name, dtype, tuple(shape))
        if header.length > self._left:
            raise OversizeError(
                "an array of {:.1f} MB, {:.1f} MB may still come".format(
                    header.length / 1e6, self._left / 1e6
                )
            )
        return header

    def _begin(self, length: int) -> None:
        self._left -= length
        self._missing = length
        if self._spool and length > self._spool_over:
            with _spooling():
                self._file = (self._spool / "array-{}".format(len(self.arrays))).open("wb", buffering=0)
        else:
            self._parts = bytearray()
        if not length:
            self._whole()

    def _take(self, view: memoryview) -> None:
        if self._file:
            _write(self._file, view)
        elif self._parts is not None:
            self._parts += view
        self._missing -= len(view)
        if not self._missing:
            self._whole()

    def _whole(self) -> None:
        header = self._announced
        if header is None:
            raise EvidenceError("an array that was not announced")
        if self._file:
            path = Path(self._file.name)
            with _spooling():
                self._file.close()
            received = Received(header, path=path)
        else:
            received = Received(header, bytes(self._parts or b""))
        self._file, self._parts, self._announced = None, None, None
        self.arrays.append(received)
        self._events.append(Event(header.name, header.length))
        if self._on_array:
            self._on_array(received)


def _parsed(payload: bytes) -> Any:
    """JSON as other programs know it: text that can be encoded, numbers that are finite and not long."""
    fact = _loads(payload.decode("utf-8"))
    if b"\\u" in payload:
        # Half of a surrogate pair cannot be written to any report.
        text = json.dumps(fact, ensure_ascii=False)
        fact = _loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if _depth(fact) > MAX_DEPTH:
        # JSON reads what is nested almost as deeply as the stack goes; nothing else of Python does.
        raise ValueError("a fact that is nested too deeply")
    return fact


def _depth(fact: Any) -> int:
    """How many lists and tables stand in each other, counted no further than is needed."""
    depth, level = 0, [fact]
    while level and depth <= MAX_DEPTH:
        depth += any(isinstance(item, (list, dict)) for item in level)
        inner = [
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, (list, dict))
        ]
        level = [item for items in inner for item in items]
    return depth


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_whole_number, parse_float=_number, parse_constant=_number)


def _whole_number(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number of {} digits".format(len(text)))
    return int(text)


def _number(text: str) -> Optional[float]:
    value = float(text)
    return value if math.isfinite(value) else None


def _write(file: IO[bytes], view: memoryview) -> None:
    with _spooling():
        while view:
            view = view[file.write(view) :]


@contextlib.contextmanager
def _spooling() -> Iterator[None]:
    """A disk of ours that is full is no fault of a submission."""
    try:
        yield
    except OSError as error:
        raise ToolError("an array cannot be kept: {}".format(error)) from error
