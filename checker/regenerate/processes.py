"""Run one stage in its own process, and listen to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

from checker.errors import CheckerError, ToolError
from checker.interrupts import undisturbed
from checker.progress import Observer
from checker.regenerate.place import Place
from checker.text import printable

STAGES = Path(__file__).parent / "stages"
_LAST = 2000  # characters of the log, for a message


def run(
    name: str, python: str, settings: Path, place: Place, lock: int, observer: Observer
) -> Dict[str, Any]:
    """Run a stage to its end; returns the facts that it reported.

    Raises CheckerError for what a person has to mend, ToolError for what we have to.
    """
    facts: Dict[str, Any] = {}
    with open(str(place.log), "ab") as log, contextlib.ExitStack() as stack:
        log.write("# {}\n".format(name).encode())
        log.flush()
        began = log.tell()
        with undisturbed():
            reading, writing = os.pipe()
            stream = stack.enter_context(os.fdopen(reading))
            process = _start(name, python, settings, place, writing, lock, log)
            stack.callback(_end, process)
            os.close(writing)
        for line in stream:
            _listen(json.loads(line), facts, observer)
        status = process.wait()
    if "fault" in facts:
        raise CheckerError(printable(facts["fault"]))
    if status:
        raise ToolError(_words(name, status, place, began))
    return facts


def _start(
    name: str, python: str, settings: Path, place: Place, writing: int, lock: int, log: Any
) -> subprocess.Popen[bytes]:
    descriptor, costs = tempfile.mkstemp(prefix=name + "-", suffix=".json", dir=str(place.costs))
    with os.fdopen(descriptor, "w") as stream:
        json.dump({"seconds": 0, "peak_bytes": 0}, stream)
    # TensorFlow leaves files there when it is killed: they go with the next stage.
    shutil.rmtree(str(place.temporary), ignore_errors=True)
    place.temporary.mkdir()
    variables = {"TMPDIR": str(place.temporary), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [python, "-B", "-I", str(STAGES / "stage.py"), name, str(settings), str(writing), costs]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # it ends when this end of the pipe is gone, however we end
        stdout=log,
        stderr=log,
        cwd=str(place.work),
        env={**os.environ, **variables},
        pass_fds=(writing, lock),
        start_new_session=True,  # Ctrl-C is ours to answer
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _listen(line: Dict[str, Any], facts: Dict[str, Any], observer: Observer) -> None:
    if "done" in line:
        observer.advance(line["done"], line["total"])
    elif "fact" in line:
        facts[line["fact"]] = line["value"]
    elif "fault" in line:
        facts["fault"] = line["fault"]


def _words(name: str, status: int, place: Place, began: int) -> str:
    """Why a stage ended, as far as its log tells."""
    with open(str(place.log), "rb") as log:
        log.seek(began)
        lines: List[str] = log.read().decode("utf-8", "replace")[-_LAST:].strip().splitlines()
    last: Optional[str] = lines[-1] if lines else None
    if status == -signal.SIGKILL:
        last = "the system killed it, as it does where memory runs out"
    return "the stage {} ended with exit status {}: {}\nIts whole log: {}".format(
        name, status, printable(last or "it printed nothing"), printable(str(place.log))
    )
