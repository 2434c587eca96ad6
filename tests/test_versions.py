"""Which versions of Keras and Python may decide for the course's."""

from __future__ import annotations

from typing import Dict

import pytest

from checker import versions
from checker.editions import Environment
from checker.interpreters import Interpreter

COURSE = Environment("3.8", "2.6", "1.19", ("tensorflow==2.6.*",))


def compared(saved: str, python: str, tensorflow: str) -> versions.Versions:
    """A model that ``saved`` wrote, looked at in another Python and TensorFlow, for the course of 2.6."""
    installed: Dict[str, str] = {"tensorflow": tensorflow}
    return versions.compare(saved, Interpreter("/python", python, (), installed), COURSE)


@pytest.mark.parametrize(
    ("saved", "needs", "newer"),
    [
        ("2.6.0", False, False),
        ("2.4.0-tf", False, False),
        ("2.15.0", False, True),
        ("3.0.0", True, False),
        ("3.15.1", True, False),
        ("", False, False),
        ("no version", False, False),
    ],
)
def test_what_saved_the_model(saved: str, needs: bool, newer: bool) -> None:
    found = compared(saved, "3.8.18", "2.6.5")
    assert (found.needs_keras_3, found.newer_than_course) == (needs, newer)


@pytest.mark.parametrize(
    ("tensorflow", "same", "other"),
    [("2.6.5", True, False), ("2.15.1", False, False), ("2.16.1", False, True)],
)
def test_what_runs_here(tensorflow: str, same: bool, other: bool) -> None:
    found = compared("2.6.0", "3.9.1", tensorflow)
    assert (found.same_tensorflow, found.other_keras) == (same, other)


@pytest.mark.parametrize(
    ("python", "same"),
    [("3.8.2", True), ("3.9.18", True), ("3.10.1", True), ("3.11.0", False), ("3.12.1", False)],
)
def test_whose_lambdas_the_courses_python_reads(python: str, same: bool) -> None:
    assert compared("2.6.0", python, "2.6.5").same_bytecode is same
