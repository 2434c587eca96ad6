"""Every fixture gives its expected outcome: through the command line, in the real sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from checker import checks
from fixtures import make, table
from tests import fixtures_run

RECIPES = make.recipes()
# Whole checks that meet the course and fall short, and those whose outcome is another one in some version.
EACH = {"passing", "falls-short"} | {name for name, recipe in RECIPES.items() if recipe.expect_in}

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", autouse=True)
def models() -> None:
    """Build all model files at once: TensorFlow starts but once."""
    wanted = sorted({make.job(recipe) for recipe in RECIPES.values() if make.is_built(recipe)})
    make.build(wanted, fixtures_run.PYTHON)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.each) if name in EACH else name for name in sorted(RECIPES)]
)
def test_outcome(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    folder = fixtures_run.made(name, tmp_path / "submission", recipe)
    assignment = fixtures_run.assignment(recipe)
    if recipe.limits:
        assignment = str(fixtures_run.edition_with(recipe.limits, tmp_path))
    arguments = ["--assignment", assignment, *(["--quick"] if recipe.quick else [])]
    found = fixtures_run.result(folder, tmp_path, *arguments)
    wrong = fixtures_run.mismatches(recipe, found)
    assert not wrong, "\n".join(wrong)
    if name in SCORED:
        part_agrees(recipe, folder, tmp_path, found)


def part_agrees(recipe: make.Recipe, folder: Path, scratch: Path, found: Dict[str, Any]) -> None:
    """A part of the images decides as all do: the 1,000 that ship with the checker are the whole test set."""
    whole = {**recipe.limits, "test_images": 1000}
    edition = fixtures_run.edition_with(whole, scratch, fixtures_run.assignment(recipe))
    sample = fixtures_run.result(folder, scratch, "--assignment", str(edition))
    part, every = sample["accuracy"], found["accuracy"]
    assert (part is None) == (every is None)
    assert sample["exit_code"] == found["exit_code"]
    if part is not None:
        assert every["seen"] == 1000
        assert part["meets"] is every["meets"] is not None
        assert part["low"] <= every["correct"] / 1000 <= part["high"]


SCORED = sorted(
    name
    for name, recipe in RECIPES.items()
    if not recipe.quick
    and recipe.expect.checks.get("accuracy", make.ExpectedCheck()).status in ("passed", "failed")
)


def test_each_check_has_a_fixture_that_does_not_pass_it() -> None:
    broken = {
        name
        for recipe in RECIPES.values()
        for name, expected in recipe.expect.checks.items()
        if expected.status in ("failed", "limit")
    }
    assert broken == set(checks.every())


def test_the_table_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "fixtures.md"
    assert page.read_text(encoding="utf-8") == table.render(), "python -m fixtures.table > docs/fixtures.md"
