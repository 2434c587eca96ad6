"""Text from outside, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line: undecodable bytes, controls, marks of direction and line breaks as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose line breaks stay."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def _escape(character: str) -> str:
    # An undecodable byte of a file name is kept by Python as a surrogate from U+DC80 on.
    if "\udc80" <= character <= "\udcff":
        return "\\x{:02x}".format(ord(character) - 0xDC00)
    return character.encode("unicode_escape").decode()
