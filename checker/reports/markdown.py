"""The result as Markdown, fit for the job summary of GitHub Actions.

Nothing that comes from a submission takes effect in it: words are escaped, and what is more than words
stands in a fenced block. Long texts are cut, since a summary may have a megabyte.
"""

from __future__ import annotations

from typing import Iterator, List, Sequence

from checker import markup
from checker.outcomes import Status
from checker.reports import words
from checker.result import CheckResult, Result
from checker.text import printable_lines

_MOST_LETTERS = 2_000  # of one text
_MOST_IN_CELL = 200  # letters of one cell of a table
_MOST_ROWS = 200
# Bytes of all that did not pass, and of one list. GitHub takes 1 MiB for a whole step.
_MOST_BYTES, _MOST_IN_LIST = 500_000, 50_000
_CUT = "[{:,} more characters: the report as JSON has them]"


def render(result: Result) -> str:
    """Return the result as Markdown with a final new line."""
    parts = [*_head(result), *_bounded(_not_passed(result)), *_flags(result), *_tail(result)]
    return "\n\n".join(parts) + "\n"


def _head(result: Result) -> Iterator[str]:
    verdict = words.verdict(result)
    yield "# " + _words(verdict[:1].upper() + verdict[1:])
    yield markup.paragraph(_cut(result.assignment_title))
    yield _fenced(result.submission)
    yield "Points: " + _words(words.all_points(result))
    yield _words(words.kind(result)[:1].upper() + words.kind(result)[1:])
    if result.rendered_from:
        yield "> " + _words(words.mark(result))
    rows = [
        "| {} | {} | {} |".format(_status(check), _words(check.title, _MOST_IN_CELL), words.points(check))
        for check in result.checks[:_MOST_ROWS]
    ]
    more = len(result.checks) - len(rows)
    yield "\n".join(["| status | check | points |", "| --- | --- | ---: |", *rows])
    if more:
        yield "and {:,} more checks".format(more)


def _status(check: CheckResult) -> str:
    said = _words(words.status(check))
    return said if check.status in (Status.PASSED, Status.NOT_RUN) else "**{}**".format(said)


def _not_passed(result: Result) -> Iterator[str]:
    """A section for each reason for which something did not pass."""
    for group in words.not_passed(result):
        first = group[0]
        if len(group) == 1:
            kind = "" if words.unkept_hint(first) else words.status(first) + ": "
            lines = ["### {}{}".format(kind, _words(first.title))]
            lines.append('**course:** "{}"'.format(_words(first.sentence)))
        else:
            lines = ["### {}: {} checks".format(words.status(first), len(group))]
            lines.append(markup.paragraph(_cut("; ".join(check.title for check in group))))
        lines += [_row(label, said) for label, said in words.reason_rows(first.reason)]
        yield "\n\n".join(lines)
    waiting = words.waiting(result)
    if waiting:
        yield "### Blocked: these wait for something above"
        yield "\n".join("- {}".format(_words(" ".join(said))) for said in waiting)


def _row(label: str, said: str) -> str:
    # A name or a command is for copying: in a block it keeps every character.
    plain = label != "found" and "\n" not in said and "  " not in said and not markup.linked(said)
    return "**{}:** {}".format(label, _words(said)) if plain else "**{}:**\n\n{}".format(label, _fenced(said))


def _bounded(sections: Iterator[str]) -> Iterator[str]:
    room = _MOST_BYTES
    for section in sections:
        room -= len(section.encode("utf-8", "replace"))
        if room < 0:
            yield "There is more: the report as JSON has it."
            return
        yield section


def _flags(result: Result) -> Iterator[str]:
    flags = words.flags(result)
    if flags:
        yield "### For a person to look at (no points)"
        yield _listed(flags)


def _tail(result: Result) -> Iterator[str]:
    if result.accuracy is not None:
        yield "**Accuracy:** " + _words(words.accuracy(result.accuracy, result.seed))
        yield "**Evaluation:** " + _words(words.evaluation(result.accuracy))
    facts = ["{}: {}".format(fact.name, fact.value) for fact in result.facts]
    if result.interpreter is not None:
        facts.append("ran in: " + words.interpreter(result))
        facts += result.interpreter.differs
    facts.append("isolation: " + words.isolation(result))
    if result.kept is not None:
        facts.append("kept: " + words.kept(result))
    yield "<details><summary>Facts</summary>"
    yield _listed(facts)
    yield "</details>"


def _listed(items: Sequence[str]) -> str:
    """A text a line, in a fenced block."""
    shown: List[str] = []
    room = _MOST_IN_LIST
    for item in items:
        line = printable_lines(_cut(item))
        room -= len(line.encode("utf-8"))
        if room < 0:
            shown.append("and {:,} more".format(len(items) - len(shown)))
            break
        shown.append(line)
    return markup.fenced("\n".join(shown))


def _fenced(text: str) -> str:
    return markup.fenced(_cut(text))


def _words(text: str, most: int = _MOST_LETTERS) -> str:
    return markup.inline(_cut(text, most))


def _cut(text: str, most: int = _MOST_LETTERS) -> str:
    if len(text) <= most:
        return text
    return "{} {}".format(text[:most], _CUT.format(len(text) - most))
