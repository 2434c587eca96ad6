"""The model of a regeneration saved anew for another environment, from its weights, in seconds.

A Lambda is saved as the bytecode of the Python that saves it, which another minor version does not read.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Mapping, Optional

from checker import checks, choice, editions, output, reference
from checker.errors import UsageError
from checker.interpreters import Interpreter
from checker.progress import Observer
from checker.regenerate import processes
from checker.regenerate.place import Place
from checker.text import printable

_IMPORT = re.compile(r"^(?:import|from) .* as K$", re.MULTILINE)


def resave(
    folder: str,
    out: str,
    assignment: str,
    python: Optional[str],
    environment: Mapping[str, str],
    observer: Observer,
) -> Place:
    """Make a submission in ``out`` of the weights in ``folder``. Raises UsageError, CheckerError."""
    source, place = Place(Path(folder).absolute()), Place(Path(out).absolute())
    begun = source.kept_settings()
    if begun is None or not source.weights.exists():
        raise UsageError(
            "--resave {}: expected a folder in which checker regenerate has come to its end; there is no {}"
            " in it.".format(printable(folder), source.weights.name if begun else "work/settings.json")
        )
    if place.folder == source.folder:
        raise UsageError("--resave {0} --out {0}: expected two folders.".format(printable(folder)))
    edition = editions.load(assignment, checks.every())
    interpreter = choice.with_tensorflow(python, environment, edition)
    place.make()
    with place.alone() as lock:
        _write_script(source, place, edition)
        shutil.copyfile(str(reference.FOLDER / "README.md"), str(place.folder / "README.md"))
        settings = {
            "script": str(place.script),
            "work": str(place.work),
            "weights_file": str(source.weights),
            "model_file": str(place.model),
            "seed": begun["seed"],
            "facts": begun["facts"],
            # Another version's weights of the same name may bring along other layers.
            "weights": begun["weights"] if _trained_in(begun, interpreter) else None,
        }
        path = place.work / "resave.json"
        output.write(path, json.dumps(settings).encode())
        observer.stage("Saving the model")
        processes.run("model", interpreter.executable, path, place, lock, observer)
    return place


def _trained_in(begun: Mapping[str, Any], interpreter: Interpreter) -> bool:
    return bool(begun["asked"]["tensorflow"] == interpreter.versions["tensorflow"])


def _write_script(source: Place, place: Place, edition: editions.Edition) -> None:
    """The script of the regeneration with the edition's own import."""
    own = _IMPORT.search(reference.script(edition))
    text = source.script.read_text(encoding="utf-8")
    if own is not None:
        text = _IMPORT.sub(own.group(0), text, count=1)
    output.write(place.script, text.encode())
    place.script.chmod(0o755)
