"""What several modules of tests run probes with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, Iterator

import pytest

from checker import interpreters
from checker.interpreters import Interpreter
from tests.sandbox_bench import Bench, at_level, missing_levels


@pytest.fixture(scope="session")
def interpreter() -> Interpreter:
    return interpreters.ask(sys.executable)


@pytest.fixture(scope="session")
def missing(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    return missing_levels(interpreter, tmp_path_factory.mktemp("trial"))


@pytest.fixture
def walled(tmp_path: Path, interpreter: Interpreter, missing: Dict[str, str]) -> Iterator[Bench]:
    yield from at_level(tmp_path, interpreter, "bubblewrap", missing)
