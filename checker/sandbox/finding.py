"""Which isolation level a machine allows, found by trial runs of the real commands."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.sandbox import environment, filters, landlock, scratch, users, view
from checker.sandbox.landlock import Landlock
from checker.sandbox.levels import Entry, Level
from checker.sandbox.walls import FOLDERS, Strength, Walls

LEVELS = ("bubblewrap", "landlock", "limits")  # from the highest down
_SECONDS = 60  # a busy machine is no reason for a lower level
# Prints what is not as it should be, or "ok". A raw local socket is a thing that only a filter refuses.
_TRIAL = """
import os, socket, sys
package, probes, filtered, outside, forbidden = sys.argv[1:]
def error(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
wrong = []
if error(open, package) is None:
    wrong.append("the checker's own files would be seen")
if error(os.listdir, probes):
    wrong.append("the probes cannot be read")
if filtered and error(socket.socket, socket.AF_UNIX, socket.SOCK_RAW) != 1:
    wrong.append("the filter of system calls is not in force")
if outside and not error(os.kill, int(outside), 0):
    wrong.append("processes outside can be sent signals")
if error(open, forbidden, "w") is None:
    wrong.append("files outside can be written")
print(", ".join(wrong) or "ok")
"""


@dataclass(frozen=True)
class Isolation:
    """The level in force, and what is missing of it, or why it is not a higher one."""

    level: str
    detail: str = ""


class Finder:
    """Tries the levels for one interpreter; ``secrets`` are files and folders that no probe may read."""

    def __init__(
        self, interpreter: Interpreter, workspace: Path, probes: Path, secrets: Sequence[str]
    ) -> None:
        self._interpreter, self._workspace, self._probes = interpreter, workspace, probes
        self._seen = view.of(interpreter, secrets)

    def find(self, highest: str) -> Tuple[Level, Isolation]:
        """The highest level that works, at most ``highest``."""
        whys: List[str] = []
        for name, look in (("bubblewrap", self._bubblewrap), ("landlock", self._landlock)):
            if LEVELS.index(name) >= LEVELS.index(highest):
                level, words = look()
                if level is not None:
                    return level, Isolation(name, "; ".join(filter(None, [*whys, words])))
                whys.append(words)
        return Level(self._probes), Isolation("limits", "; ".join(whys) or "it was not asked for")

    def _bubblewrap(self) -> Tuple[Optional[Level], str]:
        """The strongest walls that work and what they lack, or None and why there are none."""
        if not sys.platform.startswith("linux"):
            return None, "bubblewrap needs Linux"
        program = shutil.which("bwrap")
        if not program:
            return None, "bubblewrap is not installed"
        whys: Dict[Strength, str] = {}
        for strength in _strengths():
            level = Walls(program, self._seen, self._probes, strength)
            whys[strength] = self._try(level, strength.filter is not None)
            if not whys[strength]:
                return level, _lacks(strength, next(iter(whys.values())))
        return None, "the trial run of bubblewrap failed: " + whys[strength]

    def _landlock(self) -> Tuple[Optional[Level], str]:
        """Landlock, or None and why not."""
        if not sys.platform.startswith("linux"):
            return None, "Landlock needs Linux"
        version, program = landlock.version(), filters.file("landlock")
        if version < landlock.NEEDED:
            words = "Landlock of version {} is needed (Linux 6.12), here it is {}"
            return None, words.format(landlock.NEEDED, version or "not there")
        if program is None:
            return None, "Landlock without a filter of system calls, of which there is none for {}".format(
                platform.machine()
            )
        try:
            level = Landlock(program, self._seen, self._probes)
        except OSError as error:
            return None, "Landlock: {}".format(error)
        words = self._try(level, True)
        return (None, "the trial run of Landlock failed: " + words) if words else (level, "")

    def _try(self, level: Level, filtered: bool) -> str:
        """Run the interpreter at a level; what is wrong, or nothing."""
        try:
            with contextlib.ExitStack() as stack:
                place = stack.enter_context(scratch.folder(self._workspace, "trial", 0, tuple(FOLDERS)))
                entry = stack.enter_context(level.enter({}, place))
                paths = level.paths(place)
                # Elsewhere the checker's number may be another process's.
                outside = str(os.getpid()) if level.name == "landlock" else ""
                arguments = [str(view.PACKAGE / "__init__.py"), paths.probes, "yes" if filtered else ""]
                arguments += [outside, str(place.path / "forbidden")]
                python = [self._interpreter.executable, "-I", "-B", "-c", _TRIAL, *arguments]
                return _answer(entry, python, environment.of(paths), place.work)
        except (OSError, ToolError) as error:
            return str(error)


def _strengths() -> Iterator[Strength]:
    """What walls may be made of, the strongest first."""
    program = filters.file("bubblewrap")
    for other_user in (True, False) if users.can_be_other() else (False,):
        for filter in (program, None) if program else (None,):
            # The namespace that is made for another user forbids them by itself.
            for no_namespaces in (True,) if other_user else (True, False):
                yield Strength(other_user, filter, no_namespaces)


def _lacks(strength: Strength, why: str) -> str:
    """What walls of a strength lack; ``why`` is what was wrong with the strongest."""
    lacks: List[str] = []
    if not strength.filter:
        lacks.append("no filter of system calls")
        if not strength.no_namespaces:
            lacks.append("probes can make user namespaces")
    if users.can_be_other() and not strength.other_user:
        lacks.append("probes run as root")
    return (
        "{}: {}".format(", ".join(lacks), why or "there is none for " + platform.machine()) if lacks else ""
    )


def _answer(entry: Entry, python: Sequence[str], variables: Mapping[str, str], folder: Path) -> str:
    """Run a trial's whole command; what is wrong, or nothing."""
    try:
        answer = subprocess.run(
            [*entry.command, *python],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(variables),
            cwd=str(folder),
            pass_fds=entry.descriptors,
            preexec_fn=entry.join,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "no answer within {} seconds".format(_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    said = answer.stdout.decode("utf-8", "replace").strip()
    if said:
        return "" if said == "ok" else said[-300:]
    return answer.stderr.decode("utf-8", "replace").strip()[-300:] or "it printed nothing"
