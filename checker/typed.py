"""Dictionaries from outside (TOML, a probe, a result file) into frozen dataclasses."""

from __future__ import annotations

import enum
from typing import Any, Dict, Mapping, Type, TypeVar

import dacite

T = TypeVar("T")

_CONFIG = dacite.Config(strict=True, cast=[tuple, enum.Enum])


class FieldError(ValueError):
    """A field is missing, unknown, or of another type; the message names it."""


def structure(cls: Type[T], data: Mapping[str, Any]) -> T:
    """Build the dataclass ``cls`` from ``data``; every key and type must fit.

    Raises FieldError, whose message names the field by its dotted path.
    """
    try:
        return dacite.from_dict(cls, data, config=_CONFIG)
    except dacite.UnexpectedDataError as error:
        raise FieldError("unknown key: " + ", ".join(sorted(error.keys))) from error
    except dacite.MissingValueError as error:
        raise FieldError("missing key: {}".format(error.field_path)) from error
    except dacite.DaciteFieldError as error:
        raise FieldError(str(error)) from error
    except (TypeError, ValueError) as error:
        raise FieldError(str(error)) from error


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
