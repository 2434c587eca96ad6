"""Checks: pytest modules, one concern each. A check is a function ``check_<name>`` over evidence.

It returns where the submission does what the course asks for, and raises one outcome otherwise. Its
docstring says whether what it rests on was *seen* or *told*. Words, points and order are the edition's.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Callable, Dict

PREFIX = "check_"
FOLDER = Path(__file__).parent


def every() -> Dict[str, Callable[..., None]]:
    """All checks that there are, by name."""
    found: Dict[str, Callable[..., None]] = {}
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        module = importlib.import_module("checker.checks." + path.stem)
        for name, value in vars(module).items():
            if name.startswith(PREFIX) and callable(value):
                found[name[len(PREFIX) :]] = value
    return found
