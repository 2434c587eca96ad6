"""Every hostile submission gives its expected outcome and gains nothing: real program, real sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checker.sandbox import Sandbox
from fixtures import hostile, make
from tests import fixtures_run, hostile_run, program

ATTACKS = hostile.attacks()

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", autouse=True)
def models() -> None:
    """Build all model files at once: TensorFlow starts but once."""
    wanted = {make.job(attack) for attack in ATTACKS.values() if make.is_built(attack)}
    make.build(sorted(wanted), fixtures_run.PYTHON)


@pytest.fixture(scope="session")
def walls(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nothing, or why bubblewrap does not work here."""
    isolation = Sandbox(fixtures_run.interpreter(), tmp_path_factory.mktemp("trial")).isolation
    return "" if isolation.level == "bubblewrap" else isolation.detail or isolation.level


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_attack(name: str, tmp_path: Path, walls: str) -> None:
    attack = ATTACKS[name]
    if attack.walls and walls:
        pytest.skip("promised behind the walls of bubblewrap, which does not work here: " + walls)
    if any(change.device for change in attack.change) and os.geteuid():
        pytest.skip("only root can make a device")
    folder = fixtures_run.made(name, tmp_path / "submission", attack)
    canary = Path(attack.canary.replace("@HOST@", str(tmp_path)))
    before = None if attack.written else program.picture(folder)
    done = hostile_run.run(attack, folder, tmp_path)
    assert not hostile_run.well_formed(done)
    assert done.result is not None
    wrong = fixtures_run.mismatches(attack, done.result, selected=True)
    assert not wrong, "\n".join(wrong)
    assert hostile_run.gained(attack, done.result) == list(attack.gains)
    assert before is None or program.picture(folder) == before
    assert not attack.canary or not canary.exists()


def test_there_are_as_many_as_are_promised() -> None:
    assert len(ATTACKS) >= 60


def test_what_is_gained_is_said() -> None:
    assert all(bool(attack.gains) == bool(attack.left) for attack in ATTACKS.values())


def test_the_table_in_the_docs_is_up_to_date() -> None:
    page = program.ROOT / "docs" / "hostile.md"
    assert page.read_text(encoding="utf-8") == hostile.render(), (
        "python -m fixtures.hostile > docs/hostile.md"
    )
