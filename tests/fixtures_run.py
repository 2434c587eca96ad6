"""Make fixtures and run the program over them, as tests need it."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from checker import interpreters
from checker.interpreters import Interpreter
from fixtures import make
from tests import program

PYTHON = os.environ.get("CHECKER_TEST_PYTHON", sys.executable)


@functools.lru_cache(maxsize=None)
def interpreter() -> Interpreter:
    """The interpreter under test."""
    return interpreters.ask(PYTHON)


def environment() -> str:
    """Name of the environment that the interpreter under test belongs to."""
    return make.environment_of(interpreter())


def result(folder: Path, scratch: Path, *arguments: str) -> Dict[str, Any]:
    """Run the program with the interpreter under test, against that environment; returns its JSON."""
    if "--assignment" not in arguments:
        arguments = ("--assignment", assignment(), *arguments)
    done = program.check(scratch, folder, "--python", PYTHON, *arguments, timeout=400)
    assert done.result is not None, done.out + done.err
    return done.result


def assignment(recipe: Optional[make.Recipe] = None) -> str:
    """The edition for the interpreter under test."""
    return make.assignment_of(recipe or make.recipes()["passing"], interpreter())


def edition_with(limits: Dict[str, float], scratch: Path, of: str = "") -> Path:
    """Write a copy of the environment's edition, or of another one, with other limits or numbers."""
    text = program.edition_text(of or assignment())
    for key, value in limits.items():
        text, count = re.subn(r"(?m)^{} = \S+".format(key), "{} = {}".format(key, value), text)
        assert count == 1, key
    path = scratch / "edition.toml"
    path.write_text(text)
    return path


def made(name: str, target: Path, recipe: Optional[make.Recipe] = None) -> Path:
    """Make a fixture for the interpreter under test."""
    recipe = recipe or make.recipes()[name]
    return make.make(name, recipe, target, PYTHON)


def mismatches(recipe: make.Recipe, found: Dict[str, Any], selected: bool = False) -> List[str]:
    """Where a result is not the expected outcome: every check, its status, its words, its flags.

    ``selected``: of an attack, whose run is one of some checks: others, hints, and more flags do not matter,
    and an image that was never scored is a wrong one.
    """
    expect = make.expected_in(recipe, environment())
    names = [check["name"] for check in found["checks"]]
    wrong = ["no such check: " + name for name in expect.checks if name not in names]
    if found["exit_code"] != expect.exit:
        wrong.append("exit {} instead of {}".format(found["exit_code"], expect.exit))
    for check in found["checks"]:
        matters = check["status"] != "not run" and not check["hint"] if selected else True
        if matters and not (check["status"] == "not run" and recipe.quick):
            wrong += _of_check(expect.checks.get(check["name"], make.ExpectedCheck()), check, selected)
    facts = " ".join(fact["name"] + ": " + fact["value"] for fact in found["facts"])
    wrong += ["facts: {!r} is not in {}".format(word, facts) for word in expect.facts if word not in facts]
    return wrong + _of_accuracy(expect, found["accuracy"], "total" if selected else "seen")


def _of_check(wanted: make.ExpectedCheck, check: Dict[str, Any], more_flags: bool) -> List[str]:
    """Where one check's outcome is not the expected one."""
    reason, flags = check["reason"] or {}, [flag["found"] for flag in check["flags"]]
    said = json.dumps([check["reason"], check["flags"]], ensure_ascii=False)
    said += "\n".join([*reason.values(), *flags])
    outcome, expected = (check["status"], reason.get("name", "")), (wanted.status, wanted.name)
    wrong = [] if outcome == expected else ["{} instead of {}".format(outcome, expected)]
    wrong += ["{!r} is not in it".format(word) for word in wanted.words if word not in said]
    if len(flags) < wanted.flags or (len(flags) > wanted.flags and not more_flags):
        wrong.append("flags {}".format(flags))
    return ["{}: {}: {}".format(check["name"], what, said[:3000]) for what in wrong]


def _of_accuracy(expect: make.Expected, accuracy: Optional[Dict[str, Any]], of: str) -> List[str]:
    """Where the share of correct images is not within the expected bounds."""
    if not expect.accuracy:
        return []
    if accuracy is None:
        return ["no accuracy"]
    share = accuracy["correct"] / accuracy[of]
    return [] if expect.accuracy[0] <= share <= expect.accuracy[1] else ["accuracy {}".format(share)]
