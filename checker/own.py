"""The checker's own interpreter, for probes that run nothing submitted: its h5py is a current one.

    box = own.sandbox(workspace, like=the_submission's)
    box.run("inspection", own.settings({"model": name}), {name: path}, limits, receiver)

The probe finds the packages that the checker found, wherever they lie (``packages`` in its settings, which
``wire.run`` takes out); the submission's interpreter needs none of them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional

from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.probes import interpreter as asked
from checker.sandbox import Sandbox
from checker.sandbox.finding import LEVELS

PACKAGES = ("numpy", "h5py")


def interpreter() -> Interpreter:
    """The interpreter that runs us, described without another process.

    Raises ToolError where a package is missing that probes need.
    """
    return Interpreter(
        executable=sys.executable,
        python="{}.{}.{}".format(*sys.version_info[:3]),
        folders=tuple(sorted({*asked.folders(), *packages()})),
        versions=asked.versions(),
    )


def packages() -> List[str]:
    """The folders in which the packages that probes may use lie: ``-I`` leaves out a user's own."""
    found: List[str] = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin:
            raise ToolError(
                "{} is not installed beside the checker: {} -m pip install {}".format(
                    name, sys.executable, name
                )
            )
        found.append(os.path.dirname(os.path.dirname(spec.origin)))
    return list(dict.fromkeys(found))


def settings(more: Mapping[str, object]) -> Dict[str, object]:
    """The settings of a probe that runs in :func:`sandbox`."""
    return {**more, "packages": packages()}


def sandbox(workspace: Path, like: Optional[Sandbox] = None) -> Sandbox:
    """A sandbox with this interpreter; ``like`` is one that runs already, whose level it has to keep.

    Starting it costs a trial run, 0.04 seconds. Raises ToolError where its level is lower.
    """
    highest = LEVELS[0] if like is None else like.isolation.level
    box = Sandbox(interpreter(), workspace, highest=highest)
    if like is not None and box.isolation.level != like.isolation.level:
        raise ToolError(
            "the checker's own Python, {}, does not run isolated as the submission's does: {}".format(
                sys.executable, box.isolation.detail
            )
        )
    return box
