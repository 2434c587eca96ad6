"""Text from outside, made safe to show."""

from __future__ import annotations

import re
import unicodedata
from typing import Iterator

# Letters and marks to Unicode, and nothing to the eye: fillers, joiners and variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Commands to a CI system that reads our output as its log: GitHub's runner takes "::" after spaces at the
# start of a line, and in its older form, as Azure and TeamCity do, "##[" anywhere.
_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")
_COMMAND_LINE = re.compile("^( *)::", re.MULTILINE)
_MOST_MARKS = 4  # on one letter; a heap of them covers the lines above and below


def printable(text: str) -> str:
    """One line: undecodable bytes, controls, marks of direction, line breaks and commands as escapes."""
    text = _COMMAND.sub(r"\\x23#", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(_UNSEEN.sub(lambda match: _escape(match.group()), text)))


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose line breaks stay."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def without_commands(text: str, colon: str = r"\x3a") -> str:
    """Whole lines of printable text, none of which a CI system takes for a command."""
    return _COMMAND_LINE.sub(lambda match: match.group(1) + colon + ":", text) if "::" in text else text


def cut(text: str, most: int) -> str:
    """The text, its middle left out where it has more than ``most`` letters."""
    half = most // 2
    return text if len(text) <= most else "{} ... {}".format(text[:half], text[-half:])


def _shown(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        shown = character.isprintable() and marks <= _MOST_MARKS
        yield character if shown else _escape(character)


def _escape(character: str) -> str:
    # An undecodable byte of a file name is kept by Python as a surrogate from U+DC80 on.
    if "\udc80" <= character <= "\udcff":
        return "\\x{:02x}".format(ord(character) - 0xDC00)
    return character.encode("unicode_escape").decode()
