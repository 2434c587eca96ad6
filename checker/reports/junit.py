"""The result as JUnit XML, as CI systems read it: one suite a run, one case a check.

``failure``: the submission's doing; ``error``: nothing could be decided; ``skipped``: no points at stake.
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple
from xml.etree import ElementTree

from checker.outcomes import Status
from checker.reports import words
from checker.result import CheckResult, Result
from checker.text import printable, printable_lines, without_commands

_TAGS = {
    Status.FAILED: "failure",
    Status.LIMIT: "failure",
    Status.BLOCKED: "error",
    Status.ERROR: "error",
    Status.NOT_RUN: "skipped",
}


def render(result: Result) -> str:
    """Return the result as XML with a final new line; ASCII only."""
    tags = [_tag(check) for check in result.checks]
    counts = {
        "tests": str(len(tags)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
    }
    seconds = {"time": "{:.3f}".format(result.seconds)}
    suites = ElementTree.Element("testsuites", {**counts, **seconds})
    about = {
        "name": printable(result.assignment),
        "skipped": str(tags.count("skipped")),
        "timestamp": printable(result.created),
    }
    suite = ElementTree.SubElement(suites, "testsuite", {**about, **counts, **seconds})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(result):
        about = {"name": printable(name), "value": printable(value)}
        ElementTree.SubElement(properties, "property", about)
    for check in result.checks:
        _case(suite, result, check)
    xml: bytes = ElementTree.tostring(suites, encoding="us-ascii", xml_declaration=True)
    # Within a tag no line begins: there a line break is an entity.
    return without_commands(xml.decode("ascii"), "&#58;") + "\n"


def _tag(check: CheckResult) -> Optional[str]:
    return "skipped" if words.unkept_hint(check) else _TAGS.get(check.status)


def _properties(result: Result) -> Iterator[Tuple[str, str]]:
    """What is true of the run as a whole."""
    if result.rendered_from:
        yield "note", words.mark(result)
    yield "assignment", result.assignment_title
    yield "submission", result.submission
    yield "verdict", words.verdict(result)
    yield "kind", words.kind(result)
    yield "points", words.all_points(result)
    if result.selected:
        yield "selected", ", ".join(result.selected)
    if result.accuracy is not None:
        yield "accuracy", words.accuracy(result.accuracy, result.seed)
        yield "evaluation", words.evaluation(result.accuracy)
    if result.interpreter is not None:
        yield "ran in", words.interpreter(result)
        for difference in result.interpreter.differs:
            yield "differs", difference
    yield "isolation", words.isolation(result)
    for fact in result.facts:
        yield "fact: " + fact.name, fact.value


def _case(suite: ElementTree.Element, result: Result, check: CheckResult) -> None:
    about = {
        "classname": printable("{}.{}".format(result.assignment, check.name)),
        "name": printable(check.title),
    }
    case = ElementTree.SubElement(suite, "testcase", about)
    tag = _tag(check)
    if tag is not None:
        message = check.reason.found if check.reason is not None else ""
        # The first of Jenkins's schemas gives <skipped> no attributes.
        about = {} if tag == "skipped" else {"type": _type(check), "message": printable(message)}
        ElementTree.SubElement(case, tag, about).text = _text(check)
    if check.flags:
        flags = "\n".join(printable_lines(flag.found) for flag in check.flags)
        ElementTree.SubElement(case, "system-out").text = "for a person to look at: " + flags


def _type(check: CheckResult) -> str:
    """The name of what was found, which docs/students.md explains; else the status."""
    return printable(check.reason.name) if check.reason is not None else words.status(check)


def _text(check: CheckResult) -> str:
    rows = [("course", check.sentence), *words.reason_rows(check.reason)]
    return "\n".join("{}: {}".format(label, printable_lines(said)) for label, said in rows)
