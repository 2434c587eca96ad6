"""The tests' own scripts as probes, through the real sandbox; nothing may be left of any."""

from __future__ import annotations

import os
import shutil
import textwrap
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import psutil
import pytest

from checker.interpreters import Interpreter
from checker.sandbox import Gate, Limits, Run, Sandbox, view
from checker.sandbox.channel import Receiver
from checker.sandbox.finding import LEVELS

MEGABYTE = 1_000_000
LIMITS = Limits(
    seconds=30, memory=200 * MEGABYTE, processes=10, printed=MEGABYTE, scratch=20 * MEGABYTE, total=60
)
PROBE = """
import os, signal, socket, struct, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

def main(channel, settings):
    channel.fact("before")
{}
    channel.fact("after")

wire.run(main)
"""


def missing_levels(interpreter: Interpreter, folder: Path) -> Dict[str, str]:
    """By level nothing, or why it is not to be had here."""
    whys = {}
    for level in LEVELS:
        isolation = Sandbox(interpreter, folder, level).isolation
        whys[level] = "" if isolation.level == level else isolation.detail
    return whys


class Bench:
    """Runs the tests' own scripts as probes, and looks whether anything stays."""

    def __init__(self, folder: Path, interpreter: Interpreter, level: str) -> None:
        self.workspace, self.probes = folder / "workspace", folder / "probes"
        for one in (self.workspace, self.probes):
            one.mkdir()
        shutil.copy(str(view.PACKAGE / "probes" / "wire.py"), str(self.probes))
        self.level, self.interpreter = level, interpreter
        self.token = uuid.uuid4().hex
        self.receiver = Receiver(MEGABYTE)
        self.secrets: Tuple[str, ...] = ()

    def sandbox(self, interpreter: Optional[Interpreter] = None) -> Sandbox:
        box = Sandbox(interpreter or self.interpreter, self.workspace, self.level, self.probes, self.secrets)
        assert box.isolation.level == self.level, box.isolation.detail
        return box

    def run(
        self,
        body: str,
        limits: Limits = LIMITS,
        receiver: Optional[Receiver] = None,
        inputs: Optional[Mapping[str, Path]] = None,
        tick: Callable[[], None] = lambda: None,
        settings: Optional[Mapping[str, object]] = None,
        interpreter: Optional[Interpreter] = None,
        whole: bool = False,
        gate: Optional[Gate] = None,
    ) -> Run:
        """Run a function body as a probe, or a ``whole`` script."""
        text = textwrap.dedent(body)
        script = text if whole else PROBE.format(textwrap.indent(text, "    "))
        (self.probes / "own.py").write_text(script)
        self.receiver = receiver or Receiver(MEGABYTE)
        settings = dict(settings or {}, token=self.token)
        box = self.sandbox(interpreter)
        return box.run("own", settings, inputs or {}, limits, self.receiver, tick, gate)

    def names(self) -> List[str]:
        return [fact["fact"] for fact in self.receiver.facts]

    def fact(self, name: str) -> Dict[str, Any]:
        fact = self.receiver.last(name)
        assert fact is not None, self.receiver.facts
        return fact

    def left(self) -> List[str]:
        """Processes of the run that are still there: the token is on their command line."""
        found = []
        for one in psutil.process_iter(["cmdline", "status"]):
            if self.token in " ".join(one.info["cmdline"] or ()):
                found.append("{} {}".format(one.pid, one.info["status"]))
        return found


def at_level(
    folder: Path, interpreter: Interpreter, level: str, missing: Mapping[str, str]
) -> Iterator[Bench]:
    if missing[level]:
        pytest.skip("{} does not work here: {}".format(level, missing[level]))
    bench = Bench(folder, interpreter, level)
    myself = psutil.Process()
    descriptors, children = myself.num_fds(), {one.pid for one in myself.children()}
    yield bench
    assert bench.left() == []
    assert os.listdir(str(bench.workspace)) == []
    assert myself.num_fds() == descriptors
    # A zombie would be a child, too.
    assert {one.pid for one in myself.children()} <= children
