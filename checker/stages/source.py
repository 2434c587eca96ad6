"""The script, read and not run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, Optional, Tuple

from checker import compiled, evidence, versions
from checker.aside import Watch
from checker.editions import VENDOR, Edition
from checker.evidence import SourceEvidence
from checker.interpreters import Interpreter
from checker.probing import Prober
from checker.sandbox.channel import Receiver

# On Python 3.12 and later the older one takes the inside of f-strings for code.
_OLDER_PYCODESTYLE, _NEWER_PYCODESTYLE = "2.6.0", "2.11.1"


def gather(
    prober: Prober,
    edition: Edition,
    interpreter: Interpreter,
    script: Optional[Path],
    git: Tuple[Optional[Path], str],
    watch: Watch,
) -> SourceEvidence:
    """Run the probe on the ``script``, where there is one; ``git``: an index, and the folder in it."""
    files, (index, prefix) = edition.files, git
    inputs: Dict[str, Path] = {}
    if script is not None:
        inputs[files.script.name] = script
    if index is not None:
        inputs["git-index"] = index
    wheel = "pycodestyle-{}-py2.py3-none-any.whl".format(_pycodestyle(edition, interpreter))
    if versions.parse(interpreter.python) == sys.version_info[:2]:
        compiled.keep(VENDOR / wheel)
    settings = {
        "script": files.script.name,
        "python": versions.parse(edition.environment.python),
        "has_script": script is not None,
        "pycodestyle": prober.vendored(wheel),
        "git_index": index is not None,
        "git_names": [prefix + rule.name for rule in (files.script, files.model, files.readme)],
    }
    limits = prober.limits(edition.limits.source_seconds)
    run, receiver = prober.run("source", settings, inputs, limits, lambda: Receiver(0), watch)
    return evidence.source_evidence(run, receiver)


def _pycodestyle(edition: Edition, interpreter: Interpreter) -> str:
    """The edition's version, or the newer one where this Python is too new for the older one."""
    minor = int(interpreter.python.split(".")[1])
    version = edition.pycodestyle
    return _NEWER_PYCODESTYLE if version == _OLDER_PYCODESTYLE and minor >= 12 else version
