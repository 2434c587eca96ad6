"""Which interpreter a submission runs in, and why that one."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Tuple

from checker import environments, finder, interpreters
from checker.editions import Edition
from checker.errors import CheckerError, UsageError
from checker.interpreters import Ask, Interpreter
from checker.text import printable

ACTIVE, MADE, OWN = "the active virtual environment", "checker env create", "the checker's own"
_OLDEST = 8  # of Python 3


@dataclass(frozen=True)
class Choice:
    """The interpreter chosen, and who named it: "--python", "CHECKER_PYTHON" and so on."""

    interpreter: Interpreter
    named_by: str


def choose(
    named: Optional[str], environment: Mapping[str, str], edition: Edition, ask: Ask = interpreters.ask
) -> Choice:
    """Take ``--python``, else ``CHECKER_PYTHON``, the active virtual environment, the made one, or our own.

    An active environment without the edition's TensorFlow gives way to the one that was made for it. Raises
    UsageError where the one that was named cannot be used.
    """
    for name, by in ((named, "--python"), (environment.get("CHECKER_PYTHON"), "CHECKER_PYTHON")):
        if name:
            return Choice(_named(name, by, environment, edition, ask), by)
    active, made = usable(_active(environment), ask), None
    wanted = edition.environment.tensorflow
    if active is None or not finder.fits(active.versions.get("tensorflow", ""), wanted):
        made = usable(environments.python(edition), ask)
    if made is not None:
        return Choice(made, MADE)
    return Choice(active, ACTIVE) if active is not None else Choice(ask(sys.executable), OWN)


@contextlib.contextmanager
def ahead(named: Optional[str], environment: Mapping[str, str], edition: Edition) -> Iterator[Ask]:
    """Begin to ask the interpreter that :func:`choose` asks first; yields what it is to ask with."""
    name = named or environment.get("CHECKER_PYTHON")
    likely = _active(environment) or environments.python(edition) or sys.executable
    if name:
        likely = next(_paths(name, environment), name)
    with interpreters.ahead(likely) as ask:
        yield ask


def with_tensorflow(named: Optional[str], environment: Mapping[str, str], edition: Edition) -> Interpreter:
    """The interpreter that :func:`choose` takes; raises CheckerError where it has no TensorFlow."""
    found = choose(named, environment, edition).interpreter
    if not found.has_tensorflow:
        raise CheckerError(
            "{} (Python {}) has no TensorFlow.  {}  makes an environment that has it; --python names"
            " another.".format(printable(found.executable), found.python, edition.env_create)
        )
    return found


def every(environment: Mapping[str, str]) -> List[Interpreter]:
    """Return all interpreters that can be found, in the order in which they are looked for."""
    active = _active(environment)
    first = [*([active] if active else []), *environments.pythons(), sys.executable]
    return finder.every(environment, first)


def usable(path: Optional[str], ask: Ask = interpreters.ask) -> Optional[Interpreter]:
    """The interpreter; a broken environment is passed over, as when there is none."""
    try:
        return ask(path) if path and os.path.exists(path) else None
    except (CheckerError, ValueError):
        return None


def differences(interpreter: Interpreter, edition: Edition) -> Tuple[str, ...]:
    """Return where the interpreter is not the edition's own, a sentence each."""
    wanted = edition.environment
    pairs = [("Python", interpreter.python, wanted.python)]
    for name, version in (("TensorFlow", wanted.tensorflow), ("NumPy", wanted.numpy)):
        found = interpreter.versions.get(name.lower(), "")
        if found:
            pairs.append((name, found, version))
    return tuple(
        "{} {}; the course's is {}".format(name, found, version)
        for name, found, version in pairs
        if not finder.fits(found, version)
    )


def _active(environment: Mapping[str, str]) -> Optional[str]:
    folder = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX")
    return str(Path(folder) / "bin" / "python") if folder else None


def _named(name: str, by: str, environment: Mapping[str, str], edition: Edition, ask: Ask) -> Interpreter:
    wanted = finder.specifier(name)
    if wanted and int(wanted.split(".")[1]) >= _OLDEST:
        # Where nobody asks for more, the release of TensorFlow that the course names is the better one.
        found = finder.find(wanted, environment, environments.pythons(), edition.environment.tensorflow)
        if not found:
            raise UsageError(_nothing_fits(name, by, wanted, environment, edition))
        return found[0]
    problem = "this one is older" if wanted else "it is not on PATH"
    for path in _paths(name, environment):
        try:
            return ask(path)
        except (CheckerError, ValueError) as error:
            problem = str(error)
    raise UsageError("{} names {!r}: expected a Python 3.8 or later that runs; {}.".format(by, name, problem))


def _paths(name: str, environment: Mapping[str, str]) -> Iterator[str]:
    if os.sep not in name:
        yield from finder.programs(name, environment)
        return
    inside = os.path.join(name, "bin", "python")
    # The folder of a virtual environment is as good a name as that of its interpreter.
    yield os.path.abspath(inside if os.path.isfile(inside) else name)


def _nothing_fits(name: str, by: str, wanted: str, environment: Mapping[str, str], edition: Edition) -> str:
    every_one = every(environment)
    shown = ", ".join("{} ({})".format(one.python, one.executable) for one in every_one) or "none"
    words = "{} names {!r}: expected a Python {} on PATH, of pyenv, uv or conda; found: {}.".format(
        by, name, wanted, shown
    )
    words += " Get one with  uv python install {0}  or  pyenv install {0}".format(wanted)
    if any(finder.fits(one.python, edition.environment.python) for one in every_one):
        words += ", or let  {}  make the assignment's environment".format(edition.env_create)
    return words + "."
