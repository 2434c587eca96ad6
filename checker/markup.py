"""Text from outside in Markdown, where nothing of it takes effect."""

from __future__ import annotations

import re

from checker.text import printable, printable_lines, without_commands

# All that CommonMark, its tables, or GitHub's mathematics may read as markup.
_MARKUP = re.compile(r"[^\w\s.,;:()'/%+=?-]|_")
# What GitHub makes links, mentions and emoji of in plain text; a space without width keeps it from that.
_LINKED = re.compile(r"(?<=[@#:])(?=[\w/+-])|(?<=w)(?=ww\.)", re.IGNORECASE)
_GAP = "&#8203;"
_AT_START = re.compile(r"[-+=: ]|\d+[.)]")  # what would be more than words there


def inline(text: str) -> str:
    """Text within a line, of which nothing is markup; at its beginning, "1." and "-" would still be."""
    return _GAP.join(_MARKUP.sub(_entity, part) for part in _LINKED.split(printable(text)))


def paragraph(text: str) -> str:
    """The same where it begins a line: no list, no block, no rule, no command to a CI system."""
    shown = inline(text)
    return _GAP + shown if _AT_START.match(shown) else shown


def linked(text: str) -> bool:
    """Whether :func:`inline` puts spaces without width into it, which go with it where it is copied."""
    return bool(_LINKED.search(text))


def fenced(text: str) -> str:
    """A block that keeps lines and characters; its fence is longer than any run of backticks inside."""
    shown = without_commands(printable_lines(text))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return "{}text\n{}\n{}".format(fence, shown, fence)


def _entity(match: re.Match[str]) -> str:
    return "&#{};".format(ord(match.group())) if match.group() != "_" else "\\_"
