"""An interpreter is asked what it is, and not waited for without end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from checker import interpreters
from checker.errors import CheckerError


def test_it_says_what_it_is() -> None:
    found = interpreters.ask(sys.executable)
    assert found.python == "{}.{}.{}".format(*sys.version_info[:3])
    assert found.versions["h5py"]


def test_one_that_does_not_answer_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late"
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n(sleep 3; echo here > {}) &\nsleep 60\n".format(late))
    program.chmod(0o755)
    monkeypatch.setattr(interpreters, "_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(CheckerError, match="no answer within 1 seconds"):
        interpreters.ask(str(program))
    assert time.monotonic() - began < 30
    time.sleep(3.5)
    assert not late.exists()


def test_one_that_ends_badly_is_said_to() -> None:
    with pytest.raises(CheckerError, match="it ended with exit status 1"):
        interpreters.ask("/bin/false")
    with pytest.raises(CheckerError, match="it answers something else"):
        interpreters.ask("/bin/true")
