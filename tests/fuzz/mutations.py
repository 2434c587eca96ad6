"""Mutations of model files and of scripts, each a pure function of a seeded ``random.Random``."""

from __future__ import annotations

import random
import re
from typing import Any, Callable, Sequence, Tuple

from tests.nasty import NASTY

Chance = random.Random
# Numbers at which arithmetic on sizes and offsets turns over.
EDGES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
SIGNATURES = (b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"FRHP", b"BTHD", b"OCHK")
CLASSES = (
    "Lambda",
    "TFOpLambda",
    "TensorFlowOpLayer",
    "Functional",
    "Sequential",
    "TimeDistributed",
    "Model",
)


def many(chance: Chance) -> int:
    """How often, or how deep: mostly few, sometimes more than is sane."""
    return chance.choice((1, 2, 3, 10, 60, 99, 101, 500, 1_500, 20_000))


# Bytes of any file


def flip(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """Change single bits."""
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def edge(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """Write a number at which arithmetic turns over, often in the first kilobytes."""
    size = chance.choice((1, 2, 4, 8))
    place = chance.randrange(min(len(data), chance.choice((512, 4_096, len(data)))))
    number = chance.choice(EDGES) % 256**size
    data[place : place + size] = number.to_bytes(size, "little")


def shorten(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """Leave out the end, or a block."""
    start = chance.randrange(len(data))
    end = len(data) if chance.random() < 0.5 else start + chance.randrange(1, 4_096)
    del data[start:end]


def repeat(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """Write a block once more, somewhere else."""
    start, place = chance.randrange(len(data)), chance.randrange(len(data))
    block = data[start : start + chance.randrange(1, 2_048)]
    data[place : place + chance.choice((0, len(block)))] = block


def blank(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """A block of one byte."""
    start, size = chance.randrange(len(data)), chance.randrange(1, 2_048)
    size = min(size, len(data) - start)
    data[start : start + size] = bytes([chance.choice((0, 0xFF, 0x20, chance.randrange(256)))]) * size


def splice(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """A block of another file."""
    other = chance.choice(others)
    start, place = chance.randrange(len(other)), chance.randrange(len(data))
    block = other[start : start + chance.randrange(1, 4_096)]
    data[place : place + chance.choice((0, len(block)))] = block


def structure(chance: Chance, data: bytearray, others: Sequence[bytes]) -> None:
    """A number behind one of HDF5's signatures."""
    signature = chance.choice(SIGNATURES)
    places = [found.start() for found in re.finditer(re.escape(signature), bytes(data))]
    if not places:
        return edge(chance, data, others)
    place = chance.choice(places) + 4 + chance.randrange(48)
    size = chance.choice((1, 2, 4, 8))
    data[place : place + size] = (chance.choice(EDGES) % 256**size).to_bytes(size, "little")
    return None


BYTES: Tuple[Callable[..., None], ...] = (flip, edge, shorten, repeat, blank, splice, structure, structure)


def mutated(chance: Chance, base: bytes, others: Sequence[bytes]) -> bytes:
    """A file with one to four changes."""
    data = bytearray(base)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not data:
            break
        chance.choice(BYTES)(chance, data, others)
    return bytes(data) or b"\0"


# The text and the attributes of a model file


def nested(chance: Chance, value: Any, depth: int = 0) -> Any:
    """A piece of JSON, one thing in it changed."""
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or depth > 8 or chance.random() < 0.15:
        return odd(chance)
    key = chance.choice(keys)
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    turn = chance.random()
    if key in ("class_name", "module", "function", "name") and turn < 0.5:
        changed[key] = chance.choice((*CLASSES, "io.read_file", "0-transfer", *NASTY.values()))
    elif turn < 0.1:
        del changed[key]
    elif turn < 0.2 and isinstance(value, list):
        changed.extend([value[key]] * min(many(chance), 500))
    elif turn < 0.25 and isinstance(value, dict):
        changed[chance.choice(list(NASTY.values()))] = value[key]
    else:
        changed[key] = nested(chance, value[key], depth + 1)
    return changed


def odd(chance: Chance) -> Any:
    """Something that is not expected where it stands."""
    return chance.choice(
        (
            *(None, True, -1, 2**70, 1e308, float("inf"), "", [], {}, [[]], {"config": None}, {"layers": 3}),
            *NASTY.values(),
        )
    )


def deep(chance: Chance) -> str:
    """JSON that is nested as deeply as somebody likes."""
    depth = many(chance)
    start, end = chance.choice((("[", "]"), ('{"config":{"layers":[', "]}}"), ('{"a":', "}")))
    return start * depth + chance.choice(("1", "[]", "{}")) + end * depth


# Scripts

SNIPPETS = (
    "exec('x')", "__import__('os')", "K.fit(1)", "model.fit(x)", "f = lambda: model.fit(x); f()",
    "if __name__ == '__main__':\n    main()", "if __name__ != '__main__': main()",
    "def preprocess_data(X, Y): ...", "from __future__ import annotations", "class preprocess_data: pass",
    "import numpy as np", "from K import *", "match x:\n    case 1: pass", "async def f():\n    await x",
    "(y := 1)", "print 'x'", "@f\n@g.h(1)\ndef k(): 0", "def f(a, /, b, *, c): pass", "f'{x!r:{y}}'",
    "x: int = 1", "lambda *a, **k: (yield)", "\x0c\n", "\\\n", "\t\t x", "'''", '"""', "#",
    "# coding: rot13", "# -*- coding: utf-16 -*-", "# coding: idna", "# coding: punycode",
    "K.applications.X().save('cifar10.h5')", "getattr(K.applications, 'D' + 'x')()", "x = x.y = x[0] = x",
    "try:\n    pass\nexcept* E:\n    pass", "type X = int", "def f[T](x: T): pass", "global a, b",
    "del x, y", "with a as (b, c), d: pass", "for preprocess_data in x: pass", "return", "yield",
    "nonlocal q", "import a.b.c as d",
)  # fmt: skip
WORDS = (
    "K",
    "X",
    "Y",
    "preprocess_data",
    "model",
    "fit",
    "save",
    "main",
    "__name__",
    "'__main__'",
    "self",
    "x",
    "1",
)
NESTS = (
    ("(", ")"), ("[", "]"), ("{", "}"), ("-", ""), ("not ", ""), ("lambda: ", ""), ("a.", "b"),
    ("f(", ")"), ("1+", "1"), ("x if y else ", "z"), ("a[", "]"), ("f'{", "}'"), ("*", "x"),
    ("await ", "x"), ("a = ", "b"), ("a and ", "b"), ("'a' 'b' ", ""), ("a < ", "b"), ("a: ", "b"),
)  # fmt: skip
BLOCKS = ("if x:", "def f():", "class A:", "while 1:", "with a:", "for a in b:", "try:", "async def g():")


def changed_script(chance: Chance, base: bytes, others: Sequence[bytes]) -> bytes:
    """A script with one to four changes."""
    data = base
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(SCRIPTS)(chance, data, others)
    return data[:1_900_000] or b"\n"


def _lines(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """Lines deleted, repeated, exchanged, indented, or taken from another script."""
    lines = data.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    turn = chance.randrange(6)
    if turn == 0:
        del lines[first]
    elif turn == 1:
        lines[second:second] = [lines[first]] * min(many(chance), 2_000)
    elif turn == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif turn == 3:
        lines[first] = chance.choice((b" ", b"    ", b"\t", b"\x0c")) + lines[first]
    elif turn == 4:
        other = chance.choice(others).split(b"\n")
        lines[first:first] = other[: chance.randrange(1, len(other) + 1)]
    else:
        lines[min(first, second) : max(first, second)] = []
    return b"\n".join(lines)


def _insert(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """A statement, or a text that somebody would not expect, at the start of a line or anywhere."""
    text = chance.choice((*SNIPPETS, *NASTY.values()))
    new = text.encode("utf-8", "surrogateescape" if "\ud800" not in text else "surrogatepass")
    places = [0] + [found.end() for found in re.finditer(b"\n", data)]
    place = chance.choice(places) if chance.random() < 0.8 else chance.randrange(len(data) + 1)
    return data[:place] + new + chance.choice((b"\n", b"", b"\r\n", b"\r", b";")) + data[place:]


def _nest(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """Expressions or blocks in each other."""
    count = many(chance)
    if chance.random() < 0.3:
        count = min(count, 1_000)
        heads = [" " * depth + chance.choice(BLOCKS) for depth in range(count)]
        text = "\n".join([*heads, " " * count + "pass"])
    else:
        start, end = chance.choice(NESTS)
        text = "z = " + start * count + chance.choice(("x", "1", "")) + end * count
    return data + text.encode() + b"\n" if chance.random() < 0.7 else text.encode() + b"\n" + data


def _words(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """Names in other places."""
    names = list(re.finditer(rb"\b\w+\b", data))
    for found in sorted(
        chance.sample(names, min(len(names), chance.choice((1, 3, 20)))), key=lambda m: -m.start()
    ):
        data = data[: found.start()] + chance.choice(WORDS).encode() + data[found.end() :]
    return data


def _large(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """Much of one thing."""
    piece = chance.choice(
        (b"x = 1\n", b"x", b"9", b"\n", b" ", b"(", b"import a\n", b"def f(): f()\n", b"a.fit()\n", b"\xff",
         b"\0", b"@f\n", b"'", b"\\\n", b"x;", "\u540d".encode(), b"#\n")
    )  # fmt: skip
    return data + piece * min(many(chance), 300_000 // len(piece)) + b"\n"


def _bytes(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    changed = bytearray(data or b"\n")
    chance.choice((flip, shorten, repeat, blank, splice))(chance, changed, others)
    return bytes(changed) or b"\n"


def _endings(chance: Chance, data: bytes, others: Sequence[bytes]) -> bytes:
    """Line ends, byte order marks and encodings."""
    turn = chance.randrange(4)
    if turn == 0:
        return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\x0b", b"\xc2\x85")))
    if turn == 1:
        return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) + data
    if turn == 2:
        return data.decode("utf-8", "replace").encode(
            chance.choice(("utf-16", "utf-32", "utf-7", "utf-8-sig"))
        )
    return data.rstrip(b"\n")


SCRIPTS = (_lines, _lines, _insert, _insert, _nest, _words, _words, _large, _bytes, _endings)
