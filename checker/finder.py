"""Interpreters on this machine, by version: PATH, pyenv, uv, conda, and where systems put them.

The standard library alone, so that ``start.py`` can use it before anything is installed. Existing finders
(python-discovery, findpython) take a virtual environment for the Python it was made from, or know no
versions of pyenv but the active one, and heed a ``.python-version`` that lies in a submission's folder.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Iterable, Iterator, List, Mapping, NamedTuple, Set, Tuple

from checker import interpreters
from checker.errors import CheckerError
from checker.interpreters import Interpreter

_SPECIFIER = re.compile(r"(?:python)?(3\.[0-9]{1,3}(?:\.[0-9]{1,3})?)")
_ON_PATH = re.compile(r"python(?:3(\.[0-9]+)?)?")
# A PATH that was cut down (cron, an IDE, CI) often leaves these out.
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
_FRAMEWORK = "/Library/Frameworks/Python.framework/Versions"
_CONDA = ("miniconda3", "anaconda3", "miniforge3", "mambaforge")
_SECONDS = 20


class Candidate(NamedTuple):
    """A program that may be an interpreter, and the version that its place promises, or ""."""

    path: str
    version: str = ""


def specifier(name: str) -> str:
    """Return the version that a name such as ``3.9``, ``3.9.18`` or ``python3.9`` asks for, or ""."""
    match = _SPECIFIER.fullmatch(name)
    return match.group(1) if match else ""


def fits(found: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or a release of it."""
    return (found + ".").startswith(wanted + ".")


def find(
    wanted: str, environment: Mapping[str, str], first: Iterable[str] = (), tensorflow: str = ""
) -> List[Interpreter]:
    """Return the interpreters of a version, the best first; ``first`` are paths to look at, too.

    Better is one with TensorFlow (the release ``tensorflow`` before others), then the newest.
    """
    found = every(environment, first, wanted)
    if not found:
        found = _running(map(Candidate, _asked_of_uv(wanted, environment)), wanted)
    return sorted(found, key=lambda one: _rank(one, tensorflow), reverse=True)


def every(environment: Mapping[str, str], first: Iterable[str] = (), wanted: str = "") -> List[Interpreter]:
    """Return each interpreter that runs, of a version where one is wanted, in the order of discovery."""
    candidates = [Candidate(path) for path in first]
    return _running([*candidates, *_candidates(environment)], wanted)


def programs(name: str, environment: Mapping[str, str]) -> List[str]:
    """Return the programs of this name on PATH, in its order."""
    paths = (os.path.join(folder, name) for folder in _path(environment))
    return [path for path in paths if _is_program(path)]


def how_to_get(version: str, environment: Mapping[str, str]) -> str:
    """Return the command that installs a Python of this version without root, by what is there."""
    if programs("uv", environment):
        return "uv python install " + version
    if programs("pyenv", environment):
        return "pyenv install " + version
    return "pip install uv && uv python install " + version


def _running(candidates: Iterable[Candidate], wanted: str) -> List[Interpreter]:
    """Ask the candidates; what does not run, a shim of pyenv for example, is passed over."""
    found: List[Interpreter] = []
    seen: Set[Tuple[str, str]] = set()
    for path, version in candidates:
        promising = not version or fits(version, wanted) or fits(wanted, version)
        if (wanted and not promising) or not _is_program(path) or _identity(path) in seen:
            continue
        seen.add(_identity(path))
        try:
            one = interpreters.ask(path)
        except CheckerError:
            continue
        # A shim leads to another program, which may have been met by its own name.
        new = one.executable == path or _identity(one.executable) not in seen
        seen.add(_identity(one.executable))
        if new and (not wanted or fits(one.python, wanted)):
            found.append(one)
    return found


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _identity(path: str) -> Tuple[str, str]:
    """Two names of one interpreter have the same; a virtual environment and its Python have not."""
    return os.path.realpath(os.path.dirname(path)), os.path.realpath(path)


def _rank(one: Interpreter, tensorflow: str) -> Tuple[bool, bool, Tuple[int, ...]]:
    own = bool(tensorflow) and fits(one.versions.get("tensorflow", ""), tensorflow)
    return own, one.has_tensorflow, tuple(int(part) for part in one.python.split("."))


def _candidates(environment: Mapping[str, str]) -> Iterator[Candidate]:
    for folder in [*_path(environment), *_SYSTEM]:
        yield from _in_folder(folder)
    home = Path(environment.get("HOME") or os.path.expanduser("~"))
    for path in _matching(Path(environment.get("PYENV_ROOT") or home / ".pyenv"), "versions/*/bin/python"):
        # A virtual environment of pyenv has a name of its own there.
        yield Candidate(str(path), specifier(path.parts[-3]))
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    managed = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    for path in _matching(managed, "*/bin/python3"):
        yield Candidate(str(path))
    for path in _matching(Path(_FRAMEWORK), "3.*/bin/python3"):
        yield Candidate(str(path), path.parts[-3])
    for prefix in _conda(environment, home):
        yield Candidate(os.path.join(prefix, "bin", "python"))


def _in_folder(folder: str) -> Iterator[Candidate]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in sorted(names):
        match = _ON_PATH.fullmatch(name)
        if match:
            yield Candidate(os.path.join(folder, name), "3" + match.group(1) if match.group(1) else "")


def _path(environment: Mapping[str, str]) -> List[str]:
    """The folders of PATH; one that depends on where we are may be a submission's."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    return [folder for folder in folders if os.path.isabs(folder)]


def _conda(environment: Mapping[str, str], home: Path) -> Iterator[str]:
    """Prefixes of conda's environments: those that it has noted, and those of its usual folders."""
    try:
        noted = (home / ".conda" / "environments.txt").read_text(errors="replace")
        yield from (line for line in noted.splitlines() if os.path.isabs(line))
    except OSError:
        pass
    roots = [home / name for name in _CONDA]
    if environment.get("CONDA_EXE"):
        roots.insert(0, Path(environment["CONDA_EXE"]).parent.parent)
    if environment.get("MAMBA_ROOT_PREFIX"):
        roots.insert(0, Path(environment["MAMBA_ROOT_PREFIX"]))
    for root in roots:
        yield str(root)
        yield from (str(path) for path in _matching(root, "envs/*"))


def _matching(folder: Path, pattern: str) -> List[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:  # no folder of ours to look into
        return []


def _asked_of_uv(wanted: str, environment: Mapping[str, str]) -> List[str]:
    """What uv knows where nothing else was found: its folder may be set in its own configuration."""
    uv = programs("uv", environment)
    if not uv:
        return []
    command = [
        uv[0],
        "python",
        "find",
        "--system",
        "--no-project",
        "--no-python-downloads",
        "--quiet",
        wanted,
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=dict(environment),
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [os.fsdecode(done.stdout).strip()] if done.returncode == 0 else []
