"""Dictionaries from outside (TOML, a probe, a result file) into frozen dataclasses.

Strict, since some of them were written by submitted code: dacite 1.9 takes ``true`` for 1 and a text for a
list of letters, and does not name the path of a key that it does not know.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from typing import Any, Dict, Mapping, Type, TypeVar, Union, get_type_hints

from checker.text import cut

T = TypeVar("T")

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_MOST = 2**63  # what TOML and JSON agree on; Python's own integers know no bound


class FieldError(ValueError):
    """A field is missing, unknown, or of another type; the message names it."""


def structure(cls: Type[T], data: Mapping[str, Any]) -> T:
    """Build the dataclass ``cls`` from ``data``; every key and type must fit.

    Raises FieldError, whose message names the field by its dotted path, what was expected and found.
    """
    built: T = _dataclass(cls, data, "")
    return built


def mismatch(key: str, expected: str, found: Any) -> FieldError:
    """The error for one field, in the words that all of them share."""
    shown = repr(found)
    if isinstance(found, Mapping):
        shown = "a table"
    elif found is None or isinstance(found, bool):
        shown = {None: "nothing", True: "true", False: "false"}[found]
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return FieldError("{}: expected {}, found {}".format(cut(key, 200) or "the whole", expected, shown))


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and enums into what JSON knows."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        result: Dict[str, Any] = {str(key): plain(item) for key, item in value.items()}
        return result
    return value


# A probe may report thousands of small facts of one kind.
_hints = functools.lru_cache(maxsize=None)(get_type_hints)


def _dataclass(cls: Any, data: Any, path: str) -> Any:
    if isinstance(data, cls):
        return data
    if not isinstance(data, Mapping):
        raise mismatch(path, "a table", data)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(str(key) for key in data if key not in fields)
    if unknown:
        key = _join(path, unknown[0][:80])
        raise FieldError("{}: unknown key; known here are: {}".format(key, ", ".join(fields)))
    hints, values = _hints(cls), {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], _join(path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            words = "a table" if dataclasses.is_dataclass(hints[name]) else _words(hints[name])
            raise FieldError("{}: missing key; expected {}".format(_join(path, name), words))
    return cls(**values)


def _value(kind: Any, value: Any, path: str) -> Any:
    """One value as the type ``kind``, which is one of those that our dataclasses use."""
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, path)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _member(kind, value, path)
    if kind in _WORDS:
        return _scalar(kind, value, path)
    origin: Any = getattr(kind, "__origin__", None)
    arguments: Any = getattr(kind, "__args__", ())
    if origin is Union:
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(inner, value, path)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise mismatch(path, "a list", value)
        return tuple(
            _value(arguments[0], item, "{}[{}]".format(path, place)) for place, item in enumerate(value)
        )
    if origin is dict:
        if not isinstance(value, Mapping):
            raise mismatch(path, "a table", value)
        return {str(key): _value(arguments[1], item, _join(path, str(key))) for key, item in value.items()}
    return _instance(kind, value, path)


def _scalar(kind: Any, value: Any, path: str) -> Any:
    # To Python, True is a number.
    taken = (int, float) if kind is float else (kind,)
    fits = isinstance(value, taken) and (kind is bool or not isinstance(value, bool))
    if fits and kind in (int, float):
        fits = -_MOST <= value < _MOST if isinstance(value, int) else math.isfinite(value)
    if not fits:
        raise mismatch(path, _WORDS[kind], value)
    return value


def _member(kind: Type[enum.Enum], value: Any, path: str) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(member.value) for member in kind)
        raise mismatch(path, "one of " + known, value) from None


def _instance(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, kind):
        raise mismatch(path, getattr(kind, "__name__", str(kind)), value)
    return value


def _words(kind: Any) -> str:
    origin = getattr(kind, "__origin__", None)
    if origin is tuple:
        return "a list"
    return "a table" if origin is dict else _WORDS.get(kind, "a value")


def _join(path: str, name: str) -> str:
    return "{}.{}".format(path, name) if path else name
