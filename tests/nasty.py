"""Texts that take effect where they are not escaped, and how Markdown is read to see whether they do."""

from __future__ import annotations

import re
from typing import Iterator, List

from markdown_it import MarkdownIt
from markdown_it.token import Token

NASTY = {
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9b",
    "escapes": "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "emoji": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 :smile: \u2764\ufe0f",
    "xml": "]]> <![CDATA[ & &amp; <a b='c'/> <?x?> <!-- --",
    "html": "<script>alert(1)</script><details></details><!-- <b> &lt;",
    "table": "a|b\\|c\\\\|d\n|e|f|\n| --- |",
    "fences": "``````\n```\n~~~~\n`` `a` \\` `",
    "markup": "# a\n- b\n1. c\n> d\n===\n---\n    e\n**f** _g_ ~~h~~ [i](j) ![k](l) <m@n.o> $p$",
    "list": "- a\n- b",
    "numbers": "1) a",
    "rule": "---",
    "code": "    a",
    "mentions": "@everyone #1 owner/name#2 www.example.com http://example.com a@example.com",
    "directions": "\u202eabc\u2066\u200f\ufeff",
    "commands": "::error::a\n  ::stop-commands::b\n"
    + "c " * 24
    + "::add-mask::d\n##[debug]e\nf ###vso[g]h##[i",
    "unseen": "a\u3164\u2800b\ufe00\u034f\uffa0\U000e0101\u115fc",
    "marks": "a" + "\u0301" * 300 + "b\u20dd\u0327",
    "surrogates": "\udcff\udc80\ud800",
    "no characters": "\ufffe\uffff\U000e0001\U0010ffff",
    "long": "x" * 10_000,
    "long with all": "|`<@\x1b\U0001f600]]>\n" * 1_000,
    "spaces": "  \t x \n\n",
    "empty": "",
}


# What the log of a CI system takes for a command: GitHub's two forms, Azure's and TeamCity's.
COMMANDS = re.compile(r"^\s*::|##[a-z]*\[", re.MULTILINE | re.IGNORECASE)


def structure(text: str) -> List[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def every_token(text: str) -> Iterator[Token]:
    for token in structure(text):
        yield token
        yield from token.children or []
