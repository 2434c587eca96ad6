"""``--with-main``: the course's own script in the sandbox says what we count, or the difference is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests import fixtures_run, program

KERAS_3 = fixtures_run.environment() == "tfnew"

pytestmark = pytest.mark.tensorflow


def main_fact(result: Dict[str, Any]) -> str:
    """What the facts say of the course's script."""
    found = [fact["value"] for fact in result["facts"] if fact["name"] == "0-main.py, with stand-in labels"]
    assert len(found) == 1
    return str(found[0])


def checked(name: str, scratch: Path) -> Dict[str, Any]:
    """The result of a fixture with ``--with-main``."""
    return fixtures_run.result(fixtures_run.made(name, scratch / "s"), scratch, "--with-main")


@pytest.mark.parametrize(
    "name", [pytest.param("passing", marks=pytest.mark.each), "falls-short", "sparse-model"]
)
def test_it_prints_what_we_count_where_its_metric_is_accuracy(name: str, tmp_path: Path) -> None:
    result = checked(name, tmp_path)
    fact = main_fact(result)
    if KERAS_3:
        assert "AttributeError" in fact
        assert "learning_phase" in fact
        assert fact.endswith("(line 7)")
    elif name == "sparse-model":
        # Keras picks another accuracy for a model that was saved before it had ever seen a label.
        assert "NOT EQUAL" in fact
    else:
        assert "1,000 scores" in fact
        assert fact.endswith(", equal")
    stages = [stage["name"] for stage in result["stages"]]
    assert stages[-1] == "course_main"


def test_without_scores_it_does_not_run(tmp_path: Path) -> None:
    assert main_fact(checked("truncated-model", tmp_path)).startswith("not run: ")


def test_a_quick_run_has_nothing_to_compare(tmp_path: Path) -> None:
    done = program.check(tmp_path, "--quick", "--with-main", program.submission(tmp_path / "s"))
    assert "--with-main compares scores" in program.usage(done)
