"""What a student reads: every message has a name, and docs/students.md explains each of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Dict, List, Set, Tuple

from checker import checks, editions
from fixtures import make
from tests import program

OUTCOMES = ("Failure", "Blocked", "LimitReached", "Reason", "Cure")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# Their cure is that of another message, or not in a student's hands.
NOTHING_TO_TYPE = ("waits-", "checker-")
PAGE = (program.ROOT / "docs" / "students.md").read_text(encoding="utf-8")
RECIPES = make.recipes()


def calls() -> List[Tuple[str, ast.expr]]:
    """The place and the first argument of each call that makes an outcome."""
    found = []
    for path in sorted((program.ROOT / "checker").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in OUTCOMES:
                place = "{}:{}".format(path.name, node.lineno)
                found.append((place, node.args[0] if node.args else node.keywords[0].value))
    return [(place, argument) for place, argument in found if not place.startswith("outcomes.py")]


def names() -> Set[str]:
    """Every name that an outcome can have."""
    return {str(argument.value) for _, argument in calls() if isinstance(argument, ast.Constant)}


NAMES = names()


def sections() -> Dict[str, str]:
    """What docs/students.md says of each message; a name stands there once."""
    parts = re.split(r"(?m)^### (.+)\n", re.sub(r"(?m)^## .*\n(?:(?!#).*\n)*", "", PAGE))[1:]
    assert len(set(parts[::2])) == len(parts[::2])
    return dict(zip(parts[::2], parts[1::2]))


def test_every_outcome_has_a_literal_name_or_that_of_a_cure() -> None:
    wrong = [
        place
        for place, argument in calls()
        if not (isinstance(argument, ast.Constant) and NAME.fullmatch(str(argument.value)))
        and not (isinstance(argument, ast.Attribute) and argument.attr == "name")
    ]
    assert not wrong
    assert len(NAMES) > 100


def test_every_message_is_explained_and_nothing_else() -> None:
    assert set(sections()) == NAMES


def test_every_message_has_words_a_cause_and_a_cure_with_something_to_type() -> None:
    for name, text in sections().items():
        parts = re.fullmatch(r"\n(\S.+?)\n\n- Cause: (\S.+?)\n- Cure: (\S.+?)\s*", text, re.DOTALL)
        assert parts, name
        assert name.startswith(NOTHING_TO_TYPE) or "`" in parts.group(3), name


def test_every_check_has_a_heading() -> None:
    headings = re.findall(r"(?m)^## (.+)", PAGE)
    for rule in editions.load(editions.DEFAULT, checks.every()).checks.values():
        title = rule.title
        assert any(title in heading or title.startswith(heading) for heading in headings), title


def test_links_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= NAMES


def test_every_fixture_that_is_broken_names_what_is_said_of_it() -> None:
    for recipe, found in RECIPES.items():
        for check, expected in found.expect.checks.items():
            assert (expected.name in NAMES) == (expected.status != "passed"), (recipe, check)


def test_at_least_forty_fixtures_are_broken() -> None:
    assert len([name for name, recipe in RECIPES.items() if recipe.expect.exit != 0]) >= 40


def test_a_report_leads_to_its_explanations(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / "README.md").write_text("no end")
    done = program.check(tmp_path, "--quick", folder)
    assert "docs/students.md#final-newline-missing" in done.out
    assert done.check("final_newline")["reason"]["name"] == "final-newline-missing"


def test_no_report_uses_words_of_ours() -> None:
    ours = re.compile(r"stand-in|\bprobe\b|snapshot|\bevidence\b|decoy|sandbox")
    package = program.ROOT / "checker"
    for path in [package / "cures.py", *sorted((package / "checks").glob("*.py"))]:
        tree = ast.parse(path.read_bytes())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not ours.search(node.value), (path.name, node.value)
