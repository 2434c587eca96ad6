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


def edition_with(limits: Dict[str, float], scratch: Path) -> Path:
    """Write a copy of the environment's edition with other limits."""
    text = program.edition_text(assignment())
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


def mismatches(recipe: make.Recipe, found: Dict[str, Any]) -> List[str]:
    """Where a result is not the expected outcome: every check, its status, its words, its flags."""
    expect, wrong = make.expected_in(recipe, environment()), []
    names = [check["name"] for check in found["checks"]]
    wrong += ["no such check: " + name for name in expect.checks if name not in names]
    if found["exit_code"] != expect.exit:
        wrong.append("exit {} instead of {}".format(found["exit_code"], expect.exit))
    for check in found["checks"]:
        wanted = expect.checks.get(check["name"], make.ExpectedCheck())
        if check["status"] == "not run" and recipe.quick:
            continue
        said = json.dumps([check["reason"], check["flags"]], ensure_ascii=False)
        flags = [flag["found"] for flag in check["flags"]]
        said += "\n".join([*(check["reason"] or {}).values(), *flags])
        if check["status"] != wanted.status:
            wrong.append(
                "{}: {} instead of {}: {}".format(check["name"], check["status"], wanted.status, said)
            )
        name = (check["reason"] or {}).get("name", "")
        if wanted.name != name:
            wrong.append("{}: {!r} instead of {!r}: {}".format(check["name"], name, wanted.name, said))
        wrong += [
            "{}: {!r} is not in {}".format(check["name"], word, said)
            for word in wanted.words
            if word not in said
        ]
        if len(check["flags"]) != wanted.flags:
            wrong.append("{}: flags {}".format(check["name"], check["flags"]))
    facts = " ".join(fact["name"] + ": " + fact["value"] for fact in found["facts"])
    wrong += ["facts: {!r} is not in {}".format(word, facts) for word in expect.facts if word not in facts]
    if expect.accuracy and found["accuracy"] is None:
        wrong.append("no accuracy")
    elif expect.accuracy:
        share = found["accuracy"]["correct"] / found["accuracy"]["seen"]
        if not expect.accuracy[0] <= share <= expect.accuracy[1]:
            wrong.append("accuracy {}".format(share))
    return wrong
