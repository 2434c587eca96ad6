"""The threat model names what tries to break each promise: all of that is there, nothing is left out."""

from __future__ import annotations

import ast
import re
from typing import List, Tuple

import pytest

from fixtures import hostile
from tests import program

PAGE = (program.ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ATTACKS = set(hostile.attacks())
TEST = re.compile(r"(tests/test_\w+\.py)::(test_\w+)")


def promises() -> List[Tuple[str, List[str]]]:
    """Each promise, and the names in its second column."""
    table = PAGE.split("## Promises")[1].split("## ")[0]
    rows = [line.split("|")[1:] for line in table.splitlines() if line.startswith("| ")][2:]
    return [(row[0].strip(), re.findall(r"`([^`]+)`", row[1])) for row in rows]


@pytest.mark.parametrize(("promise", "names"), promises(), ids=lambda value: str(value)[:40])
def test_what_tries_to_break_a_promise_is_there(promise: str, names: List[str]) -> None:
    assert names, promise
    for name in names:
        test = TEST.fullmatch(name)
        if test is None:
            assert name in ATTACKS, name
            continue
        tree = ast.parse((program.ROOT / test.group(1)).read_bytes())
        assert test.group(2) in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_every_attack_tries_to_break_a_promise() -> None:
    assert {name for _, names in promises() for name in names if "::" not in name} == ATTACKS
