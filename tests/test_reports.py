"""Every format holds whatever a submission can make it say, and fits its owner's schema."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pty
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Iterator, List
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from rich.cells import cell_len

from checker import reports
from checker.errors import UsageError
from checker.result import Result
from checker.text import printable, printable_lines, without_commands
from tests import program
from tests.nasty import COMMANDS, NASTY, every_token, structure

SCHEMA = json.loads((program.ROOT / "checker" / "result.schema.json").read_text())
XSD = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-4.xsd"))
KEPT = (
    "evaluation",
    "created",
    "assignment_digest",
    "verdict",
    "mode",
    "sha256",
    "digest",
    "status",
    "known",
    "decided_by",
    "level",
    "since",
)
REASON = ("name", "expected", "found", "where", "advice")


@pytest.fixture(scope="module")
def tame(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    """A result in which something became of every kind that a check can come to."""
    scratch = tmp_path_factory.mktemp("tame")
    done = program.check(scratch, "--quick", program.submission(scratch / "s"))
    assert done.result is not None, done.err
    data = done.result
    words = dict.fromkeys(REASON, "words")
    for check, status in zip(data["checks"], ("failed", "limit", "blocked", "error", "not run", "passed")):
        check.update(
            status=status,
            reason=None if status == "passed" else words,
            flags=[{"name": "words", "found": "words"}],
        )
    data["checks"][-1].update(status="failed", reason=words)
    data["interpreter"]["differs"] = ["words", "words"]
    data["facts"] = [{"name": "words", "value": "words"}] * 3
    data["images"] = {
        **{"source": "embedded", "name": "words", "count": 1000, "digest": "0" * 64},
        "passed_over": ["words"],
    }
    data["kept"] = {"since": data["created"], "checks": ["words"]}
    data["accuracy"] = {
        **{"correct": 900, "seen": 1000, "total": 1000, "not_finite": 0, "low": 0.88, "high": 0.92},
        **{"error_rate": 0.001, "threshold": 0.87, "decided_by": "sample", "meets": True},
        "images_per_second": 5.0,
        "evaluation": "opaque",
        "opaque_because": "words",
        "engine": "words",
    }
    return dict(data)


def spoilt(value: Any, text: str, key: str = "") -> Any:
    """The same with ``text`` for every text that is free."""
    if isinstance(value, dict):
        return {name: spoilt(item, text, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, text, key) for item in value]
    return text if isinstance(value, str) and key not in KEPT else value


@pytest.mark.parametrize("kind", sorted(NASTY))
def test_json_fits_its_schema_and_comes_back_whatever_it_holds(tame: Dict[str, Any], kind: str) -> None:
    result = Result.from_dict(spoilt(tame, NASTY[kind]))
    text = reports.render("json", result)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert Result.from_dict(json.loads(text)) == result


@pytest.mark.parametrize("kind", sorted(NASTY))
def test_junit_fits_the_schema_and_loses_nothing(tame: Dict[str, Any], kind: str) -> None:
    result = Result.from_dict(spoilt(tame, NASTY[kind]))
    text = reports.render("junit", result)
    XSD.validate(text)
    suite = ElementTree.fromstring(text)[0]
    cases = suite.findall("testcase")
    assert suite.attrib["tests"] == str(len(cases)) == str(len(result.checks))
    tags = [[item.tag for item in case if item.tag != "system-out"] for case in cases]
    assert tags[:6] == [["failure"], ["failure"], ["error"], ["error"], ["skipped"], []]
    assert tags[-1] == ["skipped"], "a hint of the course takes no points"
    for tag, counted in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert suite.attrib[counted] == str(tags.count([tag]))
    assert (cases[0][0].text or "").count(printable_lines(NASTY[kind])) >= len(REASON)
    assert printable_lines(NASTY[kind]) in (cases[0].findtext("system-out") or "")
    facts = [item for item in suite[0] if item.attrib["name"].startswith("fact: ")]
    assert [item.attrib["value"] for item in facts] == [printable(NASTY[kind])] * 3


@pytest.mark.parametrize("kind", sorted(NASTY))
def test_nothing_takes_effect_in_markdown(tame: Dict[str, Any], kind: str) -> None:
    text = reports.render("markdown", Result.from_dict(spoilt(tame, NASTY[kind])))
    usual = reports.render("markdown", Result.from_dict(tame))
    found, wanted = list(every_token(text)), list(every_token(usual))
    for kept in ("heading_open", "table_open", "tr_open", "td_open", "html_block"):
        kinds = [[token.tag for token in tokens if token.type == kept] for tokens in (found, wanted)]
        assert kinds[0] == kinds[1], kept
    bold = {after.content for token, after in zip(found, found[1:]) if token.type == "strong_open"}
    ours = {"failed", "limit", "blocked", "error", "hint", "Accuracy:", "Evaluation:", "course:", "found:"}
    assert bold <= ours | {label + ":" for label in ("expected", "where", "do", "more")}
    html = [token.content for token in found if token.type.startswith("html")]
    assert html == ["<details><summary>Facts</summary>\n", "</details>\n"]
    assert not {
        "link_open",
        "image",
        "em_open",
        "s_open",
        "code_inline",
        "code_block",
        "hr",
        "list_item_open",
    } & {token.type for token in found}
    # What GitHub itself makes of plain text, after CommonMark.
    plain = "\n".join(token.content for token in found if token.type == "text")
    assert not re.search(r"[@#][\w/]|:\w|://|www\.", plain)
    fenced = [token.content for token in found if token.type == "fence"]
    if len(NASTY[kind]) < 2_000 and NASTY[kind]:
        shown = without_commands(printable_lines(NASTY[kind]))
        assert sum(shown in content for content in fenced) >= 6
    if len(NASTY[kind]) > 2_000:
        assert sum("more characters: the report as JSON has them" in content for content in fenced) >= 6
    assert not [c for c in text if c != "\n" and not c.isprintable()]


def test_markdown_stays_far_below_what_a_job_summary_may_have(tame: Dict[str, Any]) -> None:
    data = copy.deepcopy(spoilt(tame, "|\U000e0001`\U0001f600" * 10_000))
    for check in data["checks"]:
        check.update(status="failed", hint=False, flags=check["flags"] * 100)
        check["reason"] = dict.fromkeys(REASON, check["title"])
    data["checks"] = [  # each for a reason of its own, or they would stand together
        {**check, "reason": {**check["reason"], "where": str(number)}}
        for number, check in enumerate(data["checks"] * 50)
    ]
    data["facts"] *= 1_000
    text = reports.render("markdown", Result.from_dict(data))
    assert len(text.encode()) < 1_000_000
    assert "There is more: the report as JSON has it." in text
    assert " more checks" in text
    assert [token.content for token in structure(text) if token.type == "html_block"][1] == "</details>\n"


@pytest.mark.parametrize("kind", sorted(NASTY))
def test_the_terminal_gets_no_controls_and_80_columns(tame: Dict[str, Any], kind: str) -> None:
    text = reports.render("text", Result.from_dict(spoilt(tame, NASTY[kind])))
    assert not [c for c in text if c != "\n" and not c.isprintable()]
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text.count(" blocked ") == 1


@pytest.mark.parametrize("kind", sorted(NASTY))
@pytest.mark.parametrize("name", reports.FORMATS)
def test_nothing_is_a_command_in_the_log_of_a_ci_system(tame: Dict[str, Any], name: str, kind: str) -> None:
    text = reports.render(name, Result.from_dict(spoilt(tame, NASTY[kind])))
    assert not COMMANDS.findall(text)


@pytest.mark.parametrize("name", reports.FORMATS)
def test_nothing_on_any_report_is_unseen_or_stands_on_top_of_another_line(
    tame: Dict[str, Any], name: str
) -> None:
    for kind in ("unseen", "marks", "directions", "controls"):
        text = reports.render(name, Result.from_dict(spoilt(tame, NASTY[kind])))
        if name in ("json", "junit"):
            assert text.isascii()
            text = text if name == "json" else "".join(ElementTree.fromstring(text).itertext())
        assert not re.search(
            "[\u0300-\u036f\u20dd]{5}|[\u034f\u115f\u2800\u3164\ufe00\uffa0\U000e0101]", text
        )


@pytest.mark.parametrize("name", reports.FORMATS)
def test_a_report_made_again_says_so_in_every_format(tame: Dict[str, Any], name: str) -> None:
    result = Result.from_dict(tame)
    again = reports.render(name, dataclasses.replace(result, rendered_from="my result.json"))
    once = reports.render(name, result)
    if name == "json":
        assert json.loads(again) == {**json.loads(once), "rendered_from": "my result.json"}
        return
    mark = "rendered from my result.json; nothing was checked again"
    assert mark in again
    assert mark not in once


@pytest.mark.parametrize("name", ["text", "markdown", "junit"])
def test_what_decided_is_said_in_every_format(tame: Dict[str, Any], name: str) -> None:
    part = {
        **{"correct": 503, "seen": 533, "total": 10000, "low": 0.87, "high": 0.9817},
        **{"decided_by": "sequence", "error_rate": 1e-6},
    }
    wanted = {
        "94.37% (503 of 533 images); needed 87%; decided by the first 533 of all 10,000 in random order"
        " (seed 7): of all, 87.00% to 98.17% are right; wrong at most once in 1,000,000 runs": part,
        "94.37% (9,437 of 10,000 images); needed 87%; decided by all test images": {
            **{"correct": 9437, "seen": 10000, "total": 10000, "low": 0.9437, "high": 0.9437},
            **{"decided_by": "all", "error_rate": 0.0},
        },
    }
    for words, found in wanted.items():
        result = Result.from_dict({**tame, "seed": 7, "accuracy": {**tame["accuracy"], **found}})
        text = reports.render(name, result).replace("\\", "").replace("&#58;", ":")
        assert words in " ".join(text.split()), text


def spoil_a_folder(folder: Path) -> Path:
    """A submission with hostile text wherever a report may show it."""
    program.submission(folder)
    nasty = "".join(
        NASTY[kind] for kind in ("escapes", "emoji", "xml", "html", "table", "fences", "mentions")
    )
    nasty = nasty.replace("\n", " ").replace('"""', "")
    (folder / "0-transfer.py").write_text(
        "#!/usr/bin/env python3 {0}\n# {0}\nimport {1}\ndef f_{1}(): 'é{0}'\n'''{2}'''\n{0}\n".format(
            nasty, "\u540d" * 300, nasty + "x" * 10_000
        )
    )
    (folder / "README.md").write_text(nasty)
    (folder / os.fsdecode(b"cifar10.h5\xff")).write_text(nasty)
    return folder


def test_all_formats_of_a_hostile_folder_at_once(tmp_path: Path) -> None:
    folder = spoil_a_folder(tmp_path / "a|b`<script>@x\x1b[31m\U0001f600]]>")
    wanted = [word for name in reports.FORMATS for word in ("--format", "{0}=r.{0}".format(name))]
    done = program.check(tmp_path, "--quick", folder, *wanted, cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    text, found, xml, markdown = ((tmp_path / ("r." + name)).read_text() for name in reports.FORMATS)
    assert text == done.out
    assert not [c for c in text if c != "\n" and not c.isprintable()]
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(found))
    assert json.loads(found) == done.result
    XSD.validate(xml)
    assert len([token for token in structure(markdown) if token.type == "table_open"]) == 1
    assert len([token for token in every_token(markdown) if token.type.startswith("html")]) == 2
    again = ["--format", "markdown", "--format", "junit=again.xml", "--format", "text=again.txt"]
    line = program.command()[:-1]
    rendered = program.check(tmp_path, "report", "r.json", *again, line=line, cwd=tmp_path, json_too=False)
    assert (rendered.code, rendered.err) == (0, "")
    mark = "> rendered from r.json; nothing was checked again\n\n"
    assert rendered.out.replace(mark, "", 1) == markdown
    XSD.validate((tmp_path / "again.xml").read_text())
    assert "rendered from r.json; nothing was checked again" in (tmp_path / "again.txt").read_text()


@pytest.mark.parametrize("name", reports.FORMATS)
def test_no_line_of_a_script_is_a_command_in_the_log(tmp_path: Path, name: str) -> None:
    folder = program.submission(tmp_path / "::error file=a::b ##[debug]c")
    script = folder / "0-transfer.py"
    lines = "\n'::set-output name=points::100' \nQ3\n    ::stop-commands::x \n##[add-mask]e \nQ3\n".replace(
        "Q3", "'" * 3
    )
    script.write_text(script.read_text() + lines)
    done = program.check(tmp_path, "--quick", folder, "--format", name)
    assert done.code == 1
    assert "set-output name=points::100" in done.said("style"), "it is a finding of pycodestyle"
    assert "set-output name=points" in done.out
    assert not COMMANDS.findall(done.out)


def test_no_message_is_a_command_in_the_log(tmp_path: Path) -> None:
    name = "a\n::error::b\n##[debug]c.json"
    (tmp_path / name).write_text("no JSON")
    line = program.checker()
    reported = program.check(tmp_path, "report", name, line=line, cwd=tmp_path, json_too=False)
    edition = program.check(tmp_path, "check", ".", "--assignment", name + ".toml", line=line, json_too=False)
    missing = program.check(tmp_path, "check", name, line=line, json_too=False)
    for done in (reported, edition, missing):
        assert not COMMANDS.findall(program.usage(done))


@pytest.mark.parametrize("name", ["json", "junit", "markdown"])
def test_standard_output_belongs_to_one_format(tmp_path: Path, name: str) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / "README.md").unlink()
    done = program.check(tmp_path, "--quick", folder, "--format", name)
    assert (done.code, done.err) == (1, "")
    assert done.out == reports.render(name, Result.from_dict(done.result or {}))


def test_what_moves_goes_beside_a_report_for_machines(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*program.command(), "--quick", str(program.submission(tmp_path / "s")), "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=program.environment(tmp_path / "tmp", TERM="xterm-256color"),
        check=False,
        timeout=60,
    )
    os.close(theirs)
    shown = os.read(ours, 1_000_000)
    os.close(ours)
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 0
    assert b"Reading the script" in shown
    assert b"passed" not in shown


def again(scratch: Path, data: bytes) -> program.Done:
    """Make a report from a file of these bytes."""
    (scratch / "r.json").write_bytes(data)
    line = program.command()[:-1]
    return program.check(scratch, "report", "r.json", line=line, cwd=scratch, json_too=False)


BROKEN = {
    "empty": (b"", "it is no JSON"),
    "text": (b"hello", "it is no JSON"),
    "binary": (b"\xff\xfe\x00", "it is no text in UTF-8"),
    "list": (b"[]", "expected schema_version 4, found None"),
    "foreign": (b'{"tests": 1}', "expected schema_version 4, found None"),
    "older": (b'{"schema_version": 1}', "expected schema_version 4, found 1"),
    "deep": (b"[" * 5_000_000, "it is nested too deeply"),
    "deep in a field": (b'{"schema_version": 4, "files": ' + b"[" * 900 + b"]" * 900 + b"}", "missing key"),
    "large": (b" " * 20_000_001, "it is larger than 20 MB"),
    "many digits": (b'{"schema_version": ' + b"1" * 5_000_000 + b"}", "a number of 5,000,000 digits"),
    "infinite": (b'{"schema_version": 4, "seconds": 1e999}', "the number 1e999"),
    "not a number": (b'{"schema_version": 4, "seconds": NaN}', "the number NaN"),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_what_is_no_result_is_one_message(tmp_path: Path, kind: str) -> None:
    data, words = BROKEN[kind]
    message = program.usage(again(tmp_path, data))
    expected = "checker: r.json: expected a result that checker check --format json=FILE has written; "
    assert message.startswith(expected)
    assert words in message
    assert len(message) < 500


def test_a_result_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    line = program.command()[:-1]
    for name, words in (
        ("none.json", "No such file"),
        (str(tmp_path), "Is a directory"),
        ("a\0b", "null byte"),
    ):
        if "\0" in name:
            continue
        done = program.check(tmp_path, "report", name, line=line, cwd=tmp_path, json_too=False)
        assert words in program.usage(done)


CONTRADICTIONS: List[Dict[str, Any]] = [
    {"exit_code": 7},
    {"exit_code": 0, "verdict": "falls short"},
    {"seconds": -1.0},
    {"accuracy": {"seen": 0, "correct": 0}},
    {"accuracy": {"correct": 2000}},
    {"created": "yesterday"},
    {"assignment_digest": "A" * 64},
    {"isolation": {"level": "perfect"}},
    {"accuracy": {"decided_by": "me"}},
    {"accuracy": {"decided_by": "sequence", "error_rate": 0.0}},
    {"accuracy": {"decided_by": "sequence", "error_rate": 1.0}},
    {"images": {"count": 0}},
    {"limits": {"processes": 0}},
]


@pytest.mark.parametrize("change", CONTRADICTIONS)
def test_a_result_that_contradicts_itself_is_refused(tame: Dict[str, Any], change: Dict[str, Any]) -> None:
    data = copy.deepcopy(tame)
    for key, value in change.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    with pytest.raises(UsageError):
        Result.from_dict(data)


def leaves(value: Any, path: List[Any]) -> Iterator[List[Any]]:
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], [*path, key])
    else:
        yield path


def test_any_value_of_a_result_is_refused_or_rendered(tame: Dict[str, Any]) -> None:
    refused = rendered = 0
    short = {**tame, "checks": tame["checks"][:3], "facts": tame["facts"][:1], "files": tame["files"][:1]}
    for path in leaves(short, []):
        values: List[Any] = [None, True, -1, 2**63 - 1, -0.5, 1e308, "", "\x00", [], {}]
        for value in values:
            data = copy.deepcopy(short)
            place = data
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            try:
                result = Result.from_dict(data)
            except UsageError:
                refused += 1
                continue
            for name in reports.FORMATS:
                assert reports.render(name, result)
            rendered += 1
    assert refused > 100
    assert rendered > 100


def test_selected_checks_run_alone(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / "README.md").unlink()
    arguments = ["--select", "style,shebang", "--select", "style"]
    done = program.check(tmp_path, folder, *arguments)
    assert done.result is not None
    assert (done.code, done.result["selected"]) == (0, ["style", "shebang"])
    assert done.result["points"] == {"given": 9.0, "possible": 9}
    ran = {check["name"]: check["status"] for check in done.result["checks"] if check["status"] != "not run"}
    assert ran == {"shebang": "passed", "style": "passed"}
    assert done.said("accuracy") == "a run of all checks --select names other checks checker check"
    assert (done.result["images"], done.result["seed"]) == (None, None)
    assert done.out.endswith("verdict     meets the assignment, as far as the selected checks can tell\n")
    assert "9 of 9, of the selected checks" in done.out
    for name in ("junit", "markdown"):
        text = reports.render(name, Result.from_dict(done.result))
        assert "eets the assignment, as far as the selected checks can tell" in text
        assert "9 of 9, of the selected checks" in text


def test_a_selection_runs_the_stages_that_it_needs(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    done = program.check(tmp_path, folder, "--select", "model_format", "--python", sys.executable)
    assert done.result is not None
    assert {stage["name"] for stage in done.result["stages"]} == {"inspection"}
    assert done.check("model_format")["status"] == "failed"
    assert done.code == 1


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    done = program.check(tmp_path, folder, "--select", "acuracy", json_too=False)
    assert "--select acuracy: expected the name of a check of cifar10-transfer-2022, such as: accuracy" in (
        program.usage(done)
    )


def test_the_image_of_a_report_needs_no_network(tmp_path: Path) -> None:
    # In an environment of TensorFlow 2.6 rich is older than 12 and has no images: it says so.
    program.check(tmp_path, "--quick", spoil_a_folder(tmp_path / "s"))
    names = [str(tmp_path / "result.json"), str(tmp_path / "image.svg")]
    done = subprocess.run(
        [sys.executable, "-m", "docs.screenshot", *names],
        cwd=str(program.ROOT),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if int(metadata.version("rich").split(".")[0]) < 12:
        assert done.returncode == 2
        assert "rich 12 or later is needed" in done.stderr
        return
    assert (done.returncode, done.stderr) == (0, "")
    image = (tmp_path / "image.svg").read_text()
    assert ElementTree.fromstring(image).tag == "{http://www.w3.org/2000/svg}svg"
    assert "falls" in image
    assert not re.search(r"url\((?!#)|@import|href", image)
