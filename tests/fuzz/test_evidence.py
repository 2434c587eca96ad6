"""Evidence out of facts that a process may report: it is whole, or it is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, List

from hypothesis import given
from hypothesis import strategies as st

from checker import evidence
from checker.errors import EvidenceError
from checker.evidence import Count
from checker.sandbox import Run
from checker.sandbox.channel import Receiver
from tests.fuzz.shapes import JSON, fitting, nearly
from tests.test_channel import array, frame

RUN = Run("finished")
BUILDERS = {
    "source": evidence.source_evidence,
    "script": evidence.script_evidence,
    "inspection": evidence.inspection_evidence,
    "model": lambda run, receiver: evidence.model_evidence(run, receiver, Count()),
    "main": lambda run, receiver: evidence.main_evidence(run, receiver, 1, 1),
}
SHAPES = [
    value
    for value in vars(evidence).values()
    if dataclasses.is_dataclass(value) and value.__module__ == evidence.__name__ and value is not Count
]
# Every fact that a probe reports under a name that a builder asks for.
ALONE = {
    "style": evidence.Style, "syntax": evidence.Syntax, "preprocess": evidence.Definition,
    "git_mode": evidence.GitMode, "watched": evidence.Watched, "returned": evidence.Returned,
    "hdf5": evidence.Hdf5, "training": evidence.Training, "model_config": evidence.ModelConfig,
    "shapes": evidence.Shapes, "compiled": evidence.Compiled,
}  # fmt: skip
LISTS = {
    "documentation": evidence.Undocumented, "imports": evidence.Mention, "suspicious": evidence.Mention,
    "applications": evidence.BuiltApplication, "saves": evidence.Save, "on_import": evidence.Reached,
    "in_preprocess": evidence.Reached,
}  # fmt: skip
ERRORS = ("import_raised", "raised", "load_raised", "predict_raised", "main_raised")
WORDS = (
    "tensorflow",
    "imported",
    "calling",
    "done",
    "read",
    "no_function",
    "shape_of_return",
    "shim",
    "loaded",
)


def _facts() -> st.SearchStrategy[Dict[str, Any]]:
    named = [
        nearly(fitting(shape)).map(lambda value, name=name: _named(name, value))
        for name, shape in ALONE.items()
    ]
    named += [
        nearly(
            st.fixed_dictionaries({"total": st.integers(0, 9), "found": st.lists(fitting(shape), max_size=3)})
        ).map(lambda value, name=name: _named(name, value))
        for name, shape in LISTS.items()
    ]
    error = st.fixed_dictionaries(
        {"call": st.sampled_from(["few", "all"]), "error": fitting(evidence.Raised)}
    )
    named += [nearly(error).map(lambda value, name=name: _named(name, value)) for name in ERRORS]
    words = st.dictionaries(st.sampled_from(["call", "found", "works", "slots", "x"]), JSON, max_size=3)
    named += [words.map(lambda value, name=name: _named(name, value)) for name in WORDS]
    every = [*ALONE, *LISTS, *ERRORS, *WORDS]
    named.append(st.builds(_named, st.sampled_from(every), st.sampled_from(SHAPES).flatmap(fitting)))
    return st.one_of(named)


def _named(name: str, value: Any) -> Dict[str, Any]:
    return {**(value if isinstance(value, dict) else {"found": value}), "fact": name}


@given(st.lists(_facts(), max_size=6), st.booleans())
def test_facts_make_evidence_or_are_refused(facts: List[Dict[str, Any]], with_array: bool) -> None:
    receiver = Receiver(1_000)
    try:
        for fact in facts:
            receiver.feed(frame(1, json.dumps(fact).encode("utf-8", "surrogatepass")))
    except EvidenceError:
        return
    if with_array:
        receiver.feed(array("all:X", [1.0]))
    built = 0
    for build in BUILDERS.values():
        try:
            found = build(RUN, receiver)
        except EvidenceError as error:  # and nothing else
            assert len(str(error)) < 2_000
            continue
        built += 1
        assert dataclasses.is_dataclass(found)
        hash(str(found))
    assert built or facts
