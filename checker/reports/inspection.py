"""What the inspection of a model file found, as text for a person or as JSON; nothing in it is markup."""

from __future__ import annotations

import json
import textwrap
from typing import Dict, Iterator, List, Tuple

from checker import __version__
from checker.inspecting import REACHING, Inspection
from checker.modelfile import FileFinding, ModelFile, Place
from checker.outcomes import ExitCode
from checker.text import printable
from checker.typed import plain

SCHEMA_VERSION = 1
_WIDTH = 100
_NAMES = 20  # of names, and of constants, in text; JSON has them all
# What each kind of place does when the model is loaded or used.
MEANINGS = {
    "lambda": "code of Python, which would run",
    "function": "a function that is looked up by its name",
    "operation": "a TensorFlow operation by its name",
    "custom": "needs code that Keras does not have",
    "import": "a module that Keras 3 would import",
    "keras-function": "a function of Keras or TensorFlow that is no part of a model",
    "file": "a file that would be read",
    "saved-model": "another model that would be loaded",
    "pickle": "a pickled object that would be loaded",
}


def render(name: str, found: Inspection) -> str:
    """The report as ``text`` or ``json``."""
    return as_json(found) if name == "json" else "\n".join(lines(found)) + "\n"


def exit_code(found: Inspection) -> ExitCode:
    """0: nothing would run. 1: something would. 3: it could not be read, or not all of it."""
    if found.acts:
        return ExitCode.FALLS_SHORT
    return ExitCode.MEETS if found.whole else ExitCode.UNDECIDED


def as_json(found: Inspection) -> str:
    """The report as JSON, ASCII only."""
    evidence = found.found
    hdf5 = evidence.hdf5
    data = {
        "schema_version": SCHEMA_VERSION,
        "checker_version": __version__,
        "file": printable(found.file),
        "isolation": {"level": found.isolation.level, "detail": found.isolation.detail},
        "exit_code": int(exit_code(found)),
        "verdict": verdict(found),
        "ending": found.ending,
        "hdf5": None if hdf5 is None else plain(hdf5),
        "training": plain(evidence.training),
        "model": plain(evidence.config),
        **plain(evidence.file),
    }
    return json.dumps(data, indent=2) + "\n"


def lines(found: Inspection) -> Iterator[str]:
    """The report as text."""
    model = found.found.file
    yield "{}: {}".format(printable(found.file), _kind(found))
    if model.structure is not None:
        words = "{:,} bytes of HDF5; {:,} groups, {:,} arrays of {:,} bytes, {:,} attributes"
        one = model.structure
        yield words.format(one.size, one.groups, one.datasets, one.promised, one.attributes)
    yield from _places("Would run, or reach out of the file:", [one for one in model.places if one.acts])
    yield from _places("Computes, and does no more:", [one for one in model.places if not one.acts])
    reaching = [one for one in model.findings if one.kind in REACHING]
    odd = [one for one in model.findings if one.kind not in REACHING]
    yield from _findings("Leads out of the file, or promises what it does not hold:", reaching, model)
    yield from _findings("Odd, and does nothing by itself:", odd, model)
    yield ""
    yield verdict(found)
    if found.isolation.level != "bubblewrap":
        yield "(read without isolation: {})".format(printable(found.isolation.detail))


def verdict(found: Inspection) -> str:
    """What it comes to, in a sentence."""
    inspected = found.found.file.inspected
    rest = "" if found.whole else " Not all of the file could be read."
    if found.acts:
        acting = inspected.acting if inspected is not None else 0
        places = "{:,} {} in the model. ".format(acting, "place" if acting == 1 else "places")
        words = "Something would run or reach out: {}Load it only where you would run its author's code.{}"
        return words.format(places if acting else "", rest)
    if not found.whole:
        ending = " ({})".format(printable(found.ending)) if found.ending else ""
        return "It could not be read whole{}; nothing can be said of the rest.".format(ending)
    return "Nothing in it would run or reach out."


def _kind(found: Inspection) -> str:
    """What kind of file it is, and who wrote it."""
    evidence = found.found
    archive, hdf5, config = evidence.file.archive, evidence.hdf5, evidence.config
    words = "neither HDF5 nor a .keras archive that can be read"
    keras = ""
    if archive is not None:
        words, keras = "a .keras archive of {:,} members".format(archive.members), archive.keras_version
    elif hdf5 is not None and hdf5.readable:
        keras = hdf5.keras_version
        words = "HDF5"
        words += ", weights alone" if hdf5.weights_only else "" if hdf5.has_model else ", no model of Keras"
    if keras:
        words += ", saved by Keras " + printable(keras)
    if config is not None and config.readable:
        words += ", {:,} {}".format(config.layers, "layer" if config.layers == 1 else "layers")
    return words


def _places(title: str, places: List[Place]) -> Iterator[str]:
    if not places:
        return
    yield ""
    yield title
    for place in places:
        what = printable(place.what)
        if place.python:
            what += ", written by Python " + printable(place.python)
        yield from _entry(place.kind, printable(place.path), what)
        if place.acts:
            yield from _more("that is", MEANINGS.get(place.kind, ""))
        yield from _more("names", _joined(place.names, place.names_count))
        label = "given" if place.kind == "operation" else "constants"
        yield from _more(label, _joined(place.constants, place.constants_count))
        yield from _more("from", printable(place.compiled_in))


def _findings(title: str, findings: List[FileFinding], model: ModelFile) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield title
    shown: Dict[str, int] = {}
    for one in findings:
        shown[one.kind] = shown.get(one.kind, 0) + 1
        yield from _entry(one.kind, printable(one.place), printable(one.detail))
    counts = model.inspected.findings if model.inspected is not None else {}
    for kind, count in shown.items():
        if counts.get(kind, count) > count:
            yield "  {:16}  and {:,} more".format(kind, counts[kind] - count)


def _entry(kind: str, place: str, what: str) -> Iterator[str]:
    yield "  {:16}  {}".format(kind, place)
    yield from _wrapped(what, " " * 20)


def _more(label: str, words: str) -> Iterator[str]:
    if words:
        yield from _wrapped("{}: {}".format(label, words), " " * 20)


def _wrapped(words: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(words, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _joined(items: Tuple[str, ...], count: int) -> str:
    shown = ", ".join(map(printable, items[:_NAMES]))
    return shown + (", and {:,} more".format(count - _NAMES) if count > _NAMES else "")
