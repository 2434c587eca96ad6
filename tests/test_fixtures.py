"""Every fixture gives its expected outcome: through the command line, in the real sandbox."""

from __future__ import annotations

from pathlib import Path

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
    if name in SCORED and found["accuracy"] is not None:
        assert found["accuracy"]["seen"] == 1000
        assert found["accuracy"]["decided_by"] != "sequence"


SCORED = sorted(
    name
    for name, recipe in RECIPES.items()
    if not recipe.quick
    and recipe.expect.checks.get("accuracy", make.ExpectedCheck()).status in ("passed", "failed")
)


@pytest.mark.parametrize("name", SCORED)
def test_a_part_of_the_images_decides_as_all_do(name: str, tmp_path: Path) -> None:
    """The 1,000 that ship with the checker, taken for the whole test set: what all of them give is above."""
    recipe = RECIPES[name]
    folder = fixtures_run.made(name, tmp_path / "submission", recipe)
    whole = {**recipe.limits, "test_images": 1000}
    edition = fixtures_run.edition_with(whole, tmp_path, fixtures_run.assignment(recipe))
    found = fixtures_run.result(folder, tmp_path, "--assignment", str(edition))
    expect = make.expected_in(recipe, fixtures_run.environment())
    assert found["exit_code"] == expect.exit
    decided = next(check["status"] for check in found["checks"] if check["name"] == "accuracy")
    assert decided == expect.checks.get("accuracy", make.ExpectedCheck()).status
    if expect.accuracy:
        assert found["accuracy"]["low"] <= expect.accuracy[1]
        assert found["accuracy"]["high"] >= expect.accuracy[0]


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
