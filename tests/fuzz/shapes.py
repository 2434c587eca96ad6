"""Strategies that the tests here share: texts, JSON, and values that nearly fit a dataclass."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, Mapping, Union, get_type_hints

from hypothesis import strategies as st

from tests.nasty import NASTY

ANY_LETTER = st.characters()  # with lone surrogates and what is not assigned
MARKUP = "`|*_~<>[]()#@:/!&$\\-+=.1 \n\t\x1b\u202e\u200d\u0301\u3164a"
TEXT = st.one_of(
    st.sampled_from([text[:500] for text in NASTY.values()]),
    st.text(st.sampled_from(MARKUP), max_size=30),
    st.text(ANY_LETTER, max_size=20),
)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-2, 20),
    st.sampled_from([2**63, -(2**63), 2**64, 10**30]),
    st.floats(allow_nan=False),
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def fitting(kind: Any) -> st.SearchStrategy[Any]:
    """JSON from which ``checker.typed`` builds a value of this type, and now and then what it refuses."""
    if dataclasses.is_dataclass(kind):
        return _table(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from([member.value for member in kind])
    plain: Dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        bool: st.booleans(),
        int: st.integers(0, 100) | st.integers(-(2**63), 2**63 - 1),
        float: st.floats(0, 100) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 9),
    }
    if kind in plain:
        return plain[kind]
    origin: Any = getattr(kind, "__origin__", None)
    arguments: Any = getattr(kind, "__args__", ())
    if origin is Union:
        return st.none() | fitting(arguments[0])
    if origin is tuple:
        return st.lists(fitting(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXT, fitting(arguments[1]), max_size=3)
    return JSON


def _table(cls: Any) -> st.SearchStrategy[Mapping[str, Any]]:
    hints = get_type_hints(cls)
    fields = [field for field in dataclasses.fields(cls) if field.name != "run"]
    return st.fixed_dictionaries(
        {field.name: st.deferred(lambda k=hints[field.name]: fitting(k)) for field in fields}
    )


@st.composite
def nearly(draw: Any, whole: st.SearchStrategy[Any]) -> Any:
    """What fits, with up to two places in it changed, left out or added."""
    value = draw(whole)
    for _ in range(draw(st.integers(0, 2))):
        value = _changed(draw, value)
    return value


def _changed(draw: Any, value: Any) -> Any:
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or draw(st.integers(0, 4)) == 0:
        return draw(JSON)
    key, turn = draw(st.sampled_from(keys)), draw(st.integers(0, 9))
    changed = dict(value) if isinstance(value, dict) else list(value)
    if turn == 0:
        del changed[key]
    elif turn == 1 and isinstance(changed, dict):
        changed[draw(TEXT)] = draw(JSON)
    else:
        changed[key] = _changed(draw, value[key])
    return changed
