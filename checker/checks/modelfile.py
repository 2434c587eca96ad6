"""A model file that leads out of itself, or promises too much, is refused before Keras opens it."""

from __future__ import annotations

from checker.evidence import InspectionEvidence
from checker.outcomes import Failure, LimitReached

_WHOLE = "a file that holds all of the model itself"
_ADVICE = "Save the model anew, whole and in one file:  model.save('{}')"


def refuse(inspection: InspectionEvidence, name: str) -> None:
    """Raise what keeps a file from being opened. Seen: read without Keras, and nothing was followed."""
    _leads_out(inspection, name)
    _promises(inspection, name)
    if inspection.file.inspected is None:
        ending = inspection.run.detail or inspection.run.ending
        found = "reading it came to no end: {}".format(ending)
        if inspection.run.ending == "limit":
            raise LimitReached("model-reading-limit", _WHOLE, found, name, _ADVICE.format(name))
        raise Failure("model-reading-failed", _WHOLE, found, name, _ADVICE.format(name))


def _leads_out(inspection: InspectionEvidence, name: str) -> None:
    """Links to other files, values in other files, and values that need a program of their own."""
    file, advice = inspection.file, _ADVICE.format(name)
    link = file.first("external-link") or file.first("unknown-link")
    if link:
        found = "{} is a link out of the file: {}".format(link.place, link.detail)
        raise Failure("model-external-link", _WHOLE, found, name, advice)
    storage = file.first("external-storage")
    if storage:
        found = "{} keeps its values elsewhere: {}".format(storage.place, storage.detail)
        raise Failure("model-external-storage", _WHOLE, found, name, advice)
    virtual = file.first("virtual-dataset")
    if virtual:
        found = "{} is put together out of other files: {}".format(virtual.place, virtual.detail)
        raise Failure("model-virtual-dataset", _WHOLE, found, name, advice)
    plugin = file.first("filter-plugin")
    if plugin:
        found = "{} is packed with a program that not every machine has: {}".format(
            plugin.place, plugin.detail
        )
        raise Failure("model-filter-plugin", "weights that HDF5 itself can read", found, name, advice)


def _promises(inspection: InspectionEvidence, name: str) -> None:
    """Shapes that promise more than is there, and structures that no model has."""
    file, advice = inspection.file, _ADVICE.format(name)
    more = file.first("promises-more")
    if more:
        found = "{}: {}".format(more.place, more.detail)
        raise Failure("model-promises-more", "as many values as the shapes say", found, name, advice)
    closed = [one for one in file.findings if one.kind == "unreadable" and one.place.startswith("/")]
    if closed:
        found = "{} cannot be read: {}".format(closed[0].place, closed[0].detail)
        raise Failure("model-reading-failed", "a file that HDF5 can read", found, name, advice)
    part = file.first("not-read-whole")
    if part:
        found = "{}: {}".format(part.place, part.detail)
        raise Failure("model-too-much", "no more in the file than a model has", found, name, advice)
