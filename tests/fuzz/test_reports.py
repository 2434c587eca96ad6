"""Results that somebody wrote by hand: refused, or every report is valid and holds no markup of theirs."""

from __future__ import annotations

import itertools
import json
import re
import time
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from checker import reports
from checker.errors import UsageError
from checker.result import SCHEMA_VERSION, Result
from checker.text import printable, printable_lines, without_commands
from tests import program
from tests.fuzz.shapes import TEXT, fitting, nearly
from tests.nasty import COMMANDS, every_token
from tests.test_reports import KEPT, tame

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((program.ROOT / "checker" / "result.schema.json").read_text())
)
XSD = xmlschema.XMLSchema(str(Path(__file__).parents[1] / "schemas" / "junit-4.xsd"))
BLOCKS = (
    "heading_open",
    "table_open",
    "tr_open",
    "td_open",
    "html_block",
    "list_item_open",
    "blockquote_open",
)
UNWANTED = {"link_open", "image", "em_open", "s_open", "code_inline", "code_block", "hr", "html_inline"}

__all__ = ["tame"]


def spoilt(value: Any, texts: Any, key: str = "") -> Any:
    """The same with the next of ``texts`` for every text that is free."""
    if isinstance(value, dict):
        return {name: spoilt(item, texts, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, texts, key) for item in value]
    return next(texts) if isinstance(value, str) and key not in KEPT else value


def formed(data: Any) -> Any:
    """The same with texts of the right form where a result has them: no strategy of texts comes upon one."""
    forms = {"created": "2026-01-01T00:00:00+00:00", "assignment_digest": "0" * 64, "digest": "0" * 64}
    forms.update(
        {"mode": "0644", "sha256": "0" * 64, "known": "seen", "decided_by": "all", "level": "limits"}
    )
    forms.update({"since": "2026-01-01T00:00:00+00:00", "evaluation": "opaque"})
    if isinstance(data, dict):
        return {
            key: forms[key] if key in forms and isinstance(value, str) else formed(value)
            for key, value in data.items()
        }
    return [formed(item) for item in data] if isinstance(data, list) else data


def look_at_markdown(text: str) -> List[Any]:
    """Its tokens, none of which is more than words, our tables and blocks."""
    found = list(every_token(text))
    assert not UNWANTED & {token.type for token in found}
    html = [token.content for token in found if token.type.startswith("html")]
    assert html == ["<details><summary>Facts</summary>\n", "</details>\n"]
    plain = "\n".join(token.content for token in found if token.type == "text")
    assert not re.search(r"[@#][\w/]|:\w|://|www\.", plain)
    return found


def look_at_all(result: Result) -> Dict[str, str]:
    """Every report of a result, each found to be valid."""
    made = {name: reports.render(name, result) for name in reports.FORMATS}
    for text in made.values():
        assert not COMMANDS.findall(text)
        assert not [c for c in text if c != "\n" and not c.isprintable()]
    SCHEMA.validate(json.loads(made["json"]))
    assert Result.from_dict(json.loads(made["json"])) == result
    XSD.validate(made["junit"])
    look_at_markdown(made["markdown"])
    return made


@given(st.lists(TEXT.filter(bool), min_size=1, max_size=5))
def test_no_text_of_a_result_takes_effect(tame: Dict[str, Any], texts: List[str]) -> None:
    result = Result.from_dict(spoilt(tame, itertools.cycle(texts)))
    made = look_at_all(result)
    words = Result.from_dict(spoilt(tame, itertools.repeat("words")))
    usual = list(every_token(reports.render("markdown", words)))
    found = list(every_token(made["markdown"]))
    for kept in BLOCKS:
        assert [t.tag for t in found if t.type == kept] == [t.tag for t in usual if t.type == kept], kept
    assert max(map(cell_len, made["text"].split("\n"))) <= 83, "80, and an escape"
    cases = ElementTree.fromstring(made["junit"])[0].findall("testcase")
    assert [case.attrib["name"] for case in cases] == [printable(check.title) for check in result.checks]


@given(nearly(fitting(Result)).map(formed))
def test_a_result_is_refused_or_rendered(data: Any) -> None:
    _refused_or_rendered(data)


@given(st.data())
def test_a_result_with_a_few_changes_is_refused_or_rendered(
    tame: Dict[str, Any], data: st.DataObject
) -> None:
    _refused_or_rendered(data.draw(nearly(st.just(tame))))


def _refused_or_rendered(data: Any) -> None:
    if isinstance(data, dict) and "schema_version" in data:
        data = {**data, "schema_version": SCHEMA_VERSION}
        codes = {"meets the assignment": 0, "falls short": 1, "could not decide": 3}
        if data.get("exit_code") not in codes.values():
            data["verdict"] = "falls short"
        data["exit_code"] = codes.get(str(data.get("verdict")), 1)
    try:
        result = Result.from_dict(data)
    except UsageError as error:
        assert len(str(error)) < 1_000
        return
    look_at_all(result)


@given(TEXT)
def test_printable_text_is_one_line_that_shows_all_it_holds(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert not COMMANDS.findall(without_commands(shown))
    if text.isascii() and text.isprintable() and "##" not in text:
        assert shown == text
    lines = without_commands(printable_lines(text))
    assert lines.count("\n") == text.count("\n")
    assert not COMMANDS.findall(lines)


@pytest.mark.parametrize("name", reports.FORMATS)
def test_ten_million_letters_are_rendered_within_a_minute(tame: Dict[str, Any], name: str) -> None:
    tame = {**tame, "facts": [{"name": "x" * 10**7, "value": ("`|<@##[\u202e::" * 10**6)}]}
    result, began = Result.from_dict(tame), time.process_time()
    assert reports.render(name, result)
    assert time.process_time() - began < 60
