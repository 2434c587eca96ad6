"""Scripts that somebody wrote: reading them gives a whole report, whatever they hold.

In this process, with changes that no parser of Python breaks on; ``tests/fuzz/long.py`` has the others, in
the sandbox.
"""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from checker import evidence
from checker.probes import source
from checker.sandbox import Run
from checker.sandbox.channel import Receiver
from tests.fuzz import mutations
from tests.fuzz.long import scripts
from tests.test_channel import frame

BASES = [base.data for base in scripts()]
SHALLOW = 40  # as deep as Python 3.8 parses anything


class Reports:
    """A probe's channel whose other end takes what it reports, as a real one does."""

    def __init__(self) -> None:
        self.receiver = Receiver(0)

    def fact(self, name: str, /, **values: Any) -> None:
        """Take one fact."""
        self.receiver.feed(frame(1, json.dumps(dict(values, fact=name)).encode("utf-8")))


def reported(script: bytes, version: Tuple[int, int]) -> evidence.SourceEvidence:
    """What the probe reports of a script, as evidence."""
    channel = Reports()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0-transfer.py"
        path.write_bytes(script)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = source.report_syntax(channel, str(path), version)
        if tree is not None:
            source.report_tree(channel, tree)
    return evidence.source_evidence(Run("finished"), channel.receiver)


class Shallow(random.Random):
    """Chance that nests nothing deeply and repeats nothing often."""

    def choice(self, seq: Any) -> Any:
        """Choose; of the numbers that say how many, a small one."""
        chosen = super().choice(seq)
        return chosen % SHALLOW + 1 if isinstance(chosen, int) and chosen > 99 else chosen


@given(st.integers(0, 10**9), st.sampled_from([(3, 8), (3, 6), (3, 12)]))
def test_a_changed_script_gives_a_report(seed: int, version: Tuple[int, int]) -> None:
    chance = Shallow(seed)
    found = reported(mutations.changed_script(chance, chance.choice(BASES), BASES), version)
    assert found.syntax is not None
    assert found.complete == (found.syntax.error is None)


NAMES = st.sampled_from(
    ["K", "f", "g", "x", "A", "self", "model", "fit", "save", "preprocess_data", "__name__"]
)


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = [
        "{}({})",
        "{}[{}]",
        "{} + {}",
        "{} and {}",
        "[{}, {}]",
        "({} if {} else x)",
        "{{{}: {}}}",
        "{}.join({})",
    ]
    single = [
        "({}).fit(x)",
        "lambda x: {}",
        "(y := {})",
        "f'{{{}}}'",
        "[x for x in {}]",
        "-{}",
        "*{},",
        "getattr(K, {})",
    ]
    return st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(pairs), inner, inner) | st.builds(
        lambda form, a: form.format(a), st.sampled_from(single), inner
    )


WHOLE = st.sampled_from(
    ["1", "'cifar10.h5'", "'%s'", "'{0}'", "None", "K.applications.X", "x.save", "().__class__"]
)
EXPRESSIONS = st.recursive(NAMES | WHOLE, _expressions, max_leaves=8)


def _blocks(inner: st.SearchStrategy[List[str]]) -> st.SearchStrategy[List[str]]:
    heads = [
        "if {}:", "while {}:", "for x in {}:", "with {} as x:", "def f(x={}):",
        "def preprocess_data(X, Y={}):", "class A({}):", "async def g(*a, x: {}):", "@f({})\ndef g():",
    ]  # fmt: skip
    return st.builds(
        lambda head, value, body: [*head.format(value).split("\n"), *("    " + line for line in body)],
        st.sampled_from(heads),
        EXPRESSIONS,
        inner,
    )


LINES = st.builds(
    lambda form, a, b: [form.format(a, b)],
    st.sampled_from(
        [
            "{0}",
            "{1} = {0}",
            "return {0}",
            "del {1}",
            "import {1}",
            "from {1} import *",
            "x, (y, z) = {0}, {0}",
            "global {1}",
            "{1} += {0}",
            "K.{1}({0})",
            "from {1}.x import y as {1}",
            "raise {0}",
        ]
    ),
    EXPRESSIONS,
    NAMES,
)
BLOCKS = st.recursive(
    LINES, lambda inner: _blocks(inner) | st.builds(lambda a, b: a + b, inner, inner), max_leaves=12
)


@given(BLOCKS)
def test_a_generated_script_gives_a_report(lines: List[str]) -> None:
    found = reported("\n".join([*lines, ""]).encode(), (3, 8))
    assert found.syntax is not None
    assert found.complete == (found.syntax.error is None)


def test_what_is_generated_is_mostly_python() -> None:
    parsed: Dict[bool, int] = {True: 0, False: 0}
    for seed in range(60):
        chance = Shallow(seed)
        found = reported(mutations.changed_script(chance, chance.choice(BASES), BASES), (3, 8))
        parsed[found.complete] += 1
    assert min(parsed.values()) >= 10, parsed
