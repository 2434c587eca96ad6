"""Text from outside, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line: undecodable bytes, controls and line breaks as escapes."""
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose line breaks stay."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))
