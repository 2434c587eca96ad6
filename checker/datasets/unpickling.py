"""Pickles of the official archive, read so that they can hold arrays and nothing else.

A pickle is a program. The names that it may use here are those of an array, and they stand for classes of
our own that only keep what they are given: NumPy itself sees none of it, since states that it does not
expect have crashed it. Of the steps of a program those are taken that such a pickle is made of, and no
more of them than its images need: single steps that ask for gigabytes (LONG_BINPUT, BINBYTES8), and
values that grow with every byte, are not among them. The C unpickler cannot leave out steps.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Callable, Dict, List

from checker.datasets.files import Refused

_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_STEPS = (
    *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE"),
    *("PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"),
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"),
    *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES"),
    *("BINUNICODE", "SHORT_BINUNICODE"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
)


class Array:
    """What a pickle says of an array: ``(version, shape, dtype, fortran, data)``, unchecked."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: object = None


class DType:
    """What a pickle says of a dtype: the text that names it, unchecked."""

    __slots__ = ("text",)

    def __init__(self, text: object) -> None:
        self.text = text


class _Table(Dict[Any, Any]):
    # The hash of a tuple of tuples takes as long as one likes.
    def __setitem__(self, key: object, value: object) -> None:
        if not isinstance(key, (bytes, str)):
            raise pickle.UnpicklingError("a key that is no text")
        super().__setitem__(key, value)


def load(data: bytes, most_steps: int) -> Any:
    """Read a pickle of texts, whole numbers, lists, dictionaries and arrays. Raises Refused."""
    try:
        return _Unpickler(data, most_steps).load()
    except Refused:
        raise
    except MemoryError:
        raise Refused("it cannot be read (not enough memory)") from None
    except Exception as error:  # whatever a program that makes no sense comes to
        words = str(error) if isinstance(error, pickle.UnpicklingError) else type(error).__name__
        raise Refused("it is no pickle, or a broken one ({})".format(words[:200])) from error


class _Unpickler(pickle._Unpickler):
    def __init__(self, data: bytes, most_steps: int) -> None:
        super().__init__(io.BytesIO(data), fix_imports=False, encoding="bytes")
        self.dispatch = _Steps(most_steps)  # type: ignore[misc]  # a class attribute to others

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if name == "_reconstruct" and module in _ARRAYS:
            return _reconstruct
        if (module, name) == ("numpy", "ndarray"):
            return _no_call
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        if (module, name) == ("_codecs", "encode"):
            return _encode
        raise Refused("it asks for {}.{}, and may hold arrays only".format(module[:80], name[:80]))


def _build(unpickler: Any) -> None:
    """Give an array its state; a dtype's says nothing that is used."""
    state = unpickler.stack.pop()
    target = unpickler.stack[-1]
    if not isinstance(state, tuple) or not isinstance(target, (Array, DType)):
        raise pickle.UnpicklingError("a state where no array is")
    if isinstance(target, Array):
        target.state = state


def _empty_dict(unpickler: Any) -> None:
    unpickler.append(_Table())


def _dict(unpickler: Any) -> None:
    items: List[Any] = unpickler.pop_mark()
    table = _Table()
    for key, value in zip(items[::2], items[1::2]):
        table[key] = value
    unpickler.append(table)


class _Steps(Dict[int, Callable[[Any], None]]):
    """The steps that are known, each looked up when its turn comes; so they can be counted."""

    def __init__(self, most: int) -> None:
        every = {name: pickle.__dict__[name][0] for name in _STEPS}
        super().__init__({code: pickle._Unpickler.dispatch[code] for code in every.values()})
        self.update({every["BUILD"]: _build, every["EMPTY_DICT"]: _empty_dict, every["DICT"]: _dict})
        self._left = most

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self._left -= 1
        if self._left < 0:
            raise Refused("it has more parts than its images need")
        if code not in self:
            raise pickle.UnpicklingError("a step 0x{:02x}, which arrays do not need".format(code))
        return super().__getitem__(code)


def _reconstruct(kind: object, shape: object, typecode: object) -> Array:
    if kind is not _no_call:
        raise pickle.UnpicklingError("an array of another class")
    return Array()


def _no_call(*_: object) -> None:
    raise pickle.UnpicklingError("an array without numbers")


def _dtype(text: object, *_: object) -> DType:
    return DType(text)


def _encode(text: object, encoding: object) -> bytes:
    # Python 3 writes bytes so, where the protocol is as old as the archive's.
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("an encoding that no array needs")
    return text.encode("latin1")
