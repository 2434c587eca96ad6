"""Make hostile submissions and run the program over them, in their own folder, as somebody careless would."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import jsonschema

from checker.result import Result
from fixtures import hostile, make
from fixtures.hostile import Attack
from tests import fixtures_run, program
from tests.program import Done

SECONDS = 240  # no attack may take longer, limits and all, however slow the machine
SCHEMA = json.loads((program.ROOT / "checker" / "result.schema.json").read_text())
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F))} - {"\n", "\t"}

_WRITE = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[2])})
os.utime(sys.argv[1])
os.write(1, b"1")
while True:
    os.utime(sys.argv[1])
"""


def run(attack: Attack, folder: Path, scratch: Path) -> Done:
    """Check a hostile submission with the checks that concern it."""
    assignment = fixtures_run.assignment(attack)
    if attack.limits:
        assignment = str(fixtures_run.edition_with(attack.limits, scratch))
    arguments = ["--assignment", assignment, "--python", fixtures_run.PYTHON]
    names = hostile.RUNS[attack.runs]
    if attack.runs == "quick":
        arguments.append("--quick")
    else:
        arguments += ["--select", ",".join(names)] if names else []
        reads_alone = attack.runs == "reading"
        arguments += [] if reads_alone else ["--images", "embedded"]
    with _writers(folder / attack.written if attack.written else None):
        return program.check(
            scratch,
            ".",
            *arguments,
            cwd=folder,
            line=[sys.executable, "-m", "checker", "check"],
            variables={"PYTHONPATH": str(program.ROOT)},
            timeout=SECONDS,
        )


@contextlib.contextmanager
def _writers(path: Optional[Path]) -> Iterator[None]:
    """Somebody who writes to a file all the while, on each processor.

    Wherever the checker reads, it shares the processor with a writer: one that is free to go where it likes
    may have to wait for its turn until the file is read.
    """
    with contextlib.ExitStack() as stack:
        for processor in sorted(os.sched_getaffinity(0)) if path is not None else ():
            writer = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _WRITE, str(path), str(processor)], stdout=subprocess.PIPE
                )
            )
            stack.callback(writer.kill)
            assert writer.stdout is not None
            assert writer.stdout.read(1)
        yield


def gained(attack: Attack, found: Dict[str, Any]) -> List[str]:
    """What it has that its honest base has not: checks that pass, points, the exit code."""
    base = make.expected_in(make.recipes()[attack.base], fixtures_run.environment())
    passes = {
        check["name"]
        for check in found["checks"]
        if base.checks.get(check["name"], make.ExpectedCheck()).status == "passed"
    }
    more = [
        check["name"]
        for check in found["checks"]
        if check["status"] == "passed" and check["points"] and check["name"] not in passes
    ]
    most = sum(check["points_possible"] for check in found["checks"] if check["name"] in passes)
    if found["points"]["given"] > most and not more:
        more.append("{} points".format(found["points"]["given"]))
    ran = {check["name"] for check in found["checks"] if check["status"] != "not run" and check["required"]}
    if found["exit_code"] == 0 and not ran <= passes and not more:
        more.append("exit 0")
    return more


def well_formed(done: Done) -> List[str]:
    """What is wrong with the form of a verdict: exit code, schema, what reaches a terminal."""
    if done.result is None:
        return ["no result: " + done.out[-500:] + done.err[-500:]]
    wrong = [] if done.code in (0, 1, 3) else ["exit code {}".format(done.code)]
    jsonschema.validate(done.result, SCHEMA)
    Result.from_dict(done.result)
    found = CONTROLS & set(done.out + done.err)
    return wrong + (["control characters: {!r}".format(sorted(found))] if found else [])
