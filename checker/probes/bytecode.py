"""Read compiled code (Python's ``marshal`` format) of Python 3.6 to 3.14 without running or loading it.

``marshal.loads`` takes its own version's bytes alone, and hostile ones crash it. What is read here is
bounded: bytes, objects, depth. Facts on the format: the documentation of ``marshal`` and the sources of
CPython's ``marshal.c`` and ``codeobject.c`` of these versions.
"""

from __future__ import annotations

import binascii
import struct

MAX_OBJECTS = 200_000
MAX_DEPTH = 60
MAX_SHOWN = 60  # names and constants, of each
MAX_TEXT = 120
_SHORT_DIGITS = 20  # 15 bits each
_FLAG_REF = 0x80
_LEAVES = {"N": None, "T": True, "F": False, "S": "StopIteration", ".": "..."}
_LENGTH_4 = {"s": "bytes", "t": "text", "u": "text", "a": "text", "A": "text"}
_LENGTH_1 = {"z": "text", "Z": "text"}
# Fields of a code object after its numbers, in the order in which they lie.
_OLD = ("code", "consts", "names", "varnames", "freevars", "cellvars", "filename", "name", "line", "lines")
_NEW = ("code", "consts", "names", "varnames", "kinds", "filename", "name", "qualname", "line", "lines",
        "exceptions")  # fmt: skip
# Numbers in front, fields, the versions that lay it out so.
_LAYOUTS = (
    (5, _OLD, "3.6 or 3.7"),
    (6, _OLD, "3.8 to 3.10"),
    (5, _NEW, "3.11 or later"),
)
_BYTES = ("code", "kinds", "lines", "exceptions")
_TUPLES = ("consts", "names", "varnames", "freevars", "cellvars")


class Unreadable(Exception):
    """The bytes are no code object of a Python known here."""


class Code:
    """One code object: its fields by name, and the layout it was read in."""

    def __init__(self, fields, layout):
        self.fields, self.layout = fields, layout

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


class Big:
    """A whole number too long to be worth its digits."""

    def __init__(self, bits):
        self.bits = bits


def decode(text):
    """The bytes that Keras makes of the text in a model file.

    As Keras itself does it: base64, all other characters left out; else the text's own bytes.
    """
    try:
        return binascii.a2b_base64(text.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return text.encode("raw_unicode_escape", "replace")


def read(data):
    """The code object that ``data`` begins with. Raises Unreadable."""
    if not data or data[0] & ~_FLAG_REF != ord("c"):
        raise Unreadable("it does not begin as code does")
    why = Unreadable("")
    for count, fields, layout in _LAYOUTS:
        reader = _Reader(data, count, fields, layout)
        try:
            return reader.object()
        except Unreadable as error:
            why = error
        except (struct.error, IndexError):
            why = Unreadable("it ends too early")
    raise why


class _Reader:
    """Reads objects one after the other, code objects in one layout."""

    def __init__(self, data, count, fields, layout):
        self._data, self._at, self._left = data, 0, MAX_OBJECTS
        self._count, self._fields, self._layout = count, fields, layout
        self._references = []

    def object(self, depth=0):
        """The next object, as Python's own kinds, Code or Big."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise Unreadable("it has too many parts")
        kind = self._byte()
        place = None
        if kind & _FLAG_REF:
            place = len(self._references)
            self._references.append(None)
        value = self._value(chr(kind & ~_FLAG_REF), depth)
        if place is not None:
            self._references[place] = value
        return value

    def _value(self, kind, depth):
        if kind in _LEAVES:
            return _LEAVES[kind]
        if kind in _LENGTH_4:
            return self._text(_LENGTH_4[kind], self._number("<I"))
        if kind in _LENGTH_1:
            return self._text(_LENGTH_1[kind], self._byte())
        if kind in "iI":
            return self._number("<i" if kind == "i" else "<q")
        if kind == "r":
            return self._reference(self._number("<I"))
        if kind in "fgxy":
            return self._floats(kind)
        if kind == "l":
            return self._long()
        if kind in "()[<>:":
            return self._list(kind, depth)
        if kind == "c":
            return self._code(depth)
        raise Unreadable("it holds a part of an unknown kind")

    def _byte(self):
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count):
        if count > len(self._data) - self._at:
            raise Unreadable("it promises more than it holds")
        self._at += count
        return self._data[self._at - count : self._at]

    def _number(self, form):
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _text(self, kind, length):
        value = self._bytes(length)
        return value.decode("utf-8", "replace") if kind == "text" else value

    def _reference(self, place):
        if place >= len(self._references):
            raise Unreadable("it refers to a part that is not there")
        return self._references[place]

    def _floats(self, kind):
        parts = 1 if kind in "fg" else 2
        if kind in "gy":
            values = [self._number("<d") for _ in range(parts)]
        else:
            values = [self._text("text", self._byte()) for _ in range(parts)]
        return values[0] if parts == 1 else "{}+{}j".format(*values)

    def _long(self):
        count = self._number("<i")
        digits = self._bytes(2 * abs(count))
        if abs(count) > _SHORT_DIGITS:
            return Big(15 * abs(count))
        values = struct.unpack("<{}H".format(abs(count)), digits)
        number = sum(digit << (15 * place) for place, digit in enumerate(values))
        return -number if count < 0 else number

    def _list(self, kind, depth):
        count = 3 if kind == ":" else self._byte() if kind == ")" else self._number("<I")
        # Each part has a byte at least.
        if count > len(self._data) - self._at:
            raise Unreadable("it promises more than it holds")
        return [self.object(depth + 1) for _ in range(count)]

    def _code(self, depth):
        numbers = [self._number("<i") for _ in range(self._count)]
        fields = {"flags": numbers[-1]}
        for name in self._fields:
            value = self._number("<i") if name == "line" else self.object(depth + 1)
            if (
                (name in _BYTES and not isinstance(value, bytes))
                or (name in _TUPLES and not isinstance(value, list))
                or (name in ("filename", "name", "qualname") and not isinstance(value, str))
            ):
                raise Unreadable("its parts are not those of code")
            fields[name] = value
        return Code(fields, self._layout)


def every(code):
    """A code object and those in its constants, each once."""
    found, stack, seen = [], [code], set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Code):
            found.append(value)
            stack += reversed(value.consts)
        elif isinstance(value, list):
            stack += reversed(value)
    return found


def names(code):
    """The names that the code uses, its nested functions' too, in the order of their first use."""
    every_name = [name for part in every(code) for name in part.names if isinstance(name, str)]
    return list(dict.fromkeys(every_name))


def constants(code):
    """The constants, nested ones too, as text; long ones are cut, and their length is said."""
    found, stack, seen = [], [part.consts for part in reversed(every(code))], set()
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            if id(value) not in seen:
                seen.add(id(value))
                stack += reversed(value)
        elif isinstance(value, (str, bytes, int, float, Big)) and not isinstance(value, bool):
            found.append(shown(value))
    return list(dict.fromkeys(found))


def shown(value):
    """One constant in a line."""
    if isinstance(value, Big):
        return "a whole number of about {:,} bits".format(value.bits)
    if isinstance(value, (str, bytes)) and len(value) > MAX_TEXT:
        unit = "characters" if isinstance(value, str) else "bytes"
        return "{!r}... ({:,} {})".format(value[: MAX_TEXT // 2], len(value), unit)
    return repr(value)


def python(code):
    """The versions of Python that can have written the code, in words: "3.8 or 3.9".

    By layout, then by what only some of them write: 3.7 has LOAD_METHOD (160), 3.10's table of lines
    covers all of the code and the earlier ones' not its last line, and from 3.11 on a function begins
    with RESUME, whose number changed.
    """
    parts = every(code)
    if code.layout == "3.6 or 3.7":
        return "3.7" if any(160 in part.code[::2] for part in parts) else code.layout
    if code.layout == "3.8 to 3.10":
        return "3.10" if all(_covers(part) for part in parts) else "3.8 or 3.9"
    starts = {_resume(part.code) for part in parts}
    if starts == {149}:
        return "3.13"
    if starts == {128}:
        return "3.14"
    if starts != {151}:
        return code.layout
    # A call is PRECALL and CALL in 3.11, CALL alone in 3.12, where a constant is returned by one opcode.
    if any(166 in part.code[::2] for part in parts):
        return "3.11"
    return "3.12" if any({121, 171} & set(part.code[::2]) for part in parts) else "3.11 or 3.12"


def _covers(part):
    """Whether the table of lines is as long as the code, as 3.10 writes it."""
    return bool(part.lines) and sum(part.lines[::2]) == len(part.code)


def _resume(code):
    """The opcode that a function of 3.11 or later begins with, cells and a generator's start left out."""
    for at in range(0, min(len(code), 40), 2):
        if code[at] in (128, 149, 151) and code[at + 1 : at + 2] == b"\0":
            return code[at]
    return 0
