"""Reports: each is a pure function of a result."""

from __future__ import annotations

import importlib

from checker.result import Result

_MODULES = {"text": "terminal", "json": "json", "junit": "junit", "markdown": "markdown"}
FORMATS = tuple(_MODULES)


def render(name: str, result: Result) -> str:
    """Return a result as text in the format ``name``, one of FORMATS."""
    module = importlib.import_module("checker.reports." + _MODULES[name])
    text: str = module.render(result)
    return text
