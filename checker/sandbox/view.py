"""What a probe may see of the machine, as paths: the same with bubblewrap and with Landlock.

The system's libraries and the interpreter; not the machine's settings or homes, and neither the checker's
own package with its images and labels, wherever a copy of that lies, nor what the run names as secret.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence, Set, Tuple

from checker.interpreters import Interpreter

PACKAGE = Path(__file__).resolve().parent.parent
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_LINKER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
# What Python needs of the folder that it is installed in; a student's work may lie beside it.
_PARTS = ("bin", "lib", "lib32", "lib64", "pyvenv.cfg")
_PLACES = ("", "*-packages/", "python3*/*-packages/", "lib*/python3*/*-packages/",
           "local/lib/python3*/*-packages/")  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """Paths that are shown, links among them, and the paths below them that are hidden."""

    shown: Tuple[str, ...]
    hidden: Tuple[str, ...]


@dataclass(frozen=True)
class View:
    """The system, then the interpreter, which may lie below what is hidden of the system.

    ``links`` (path, target) lead to the interpreter from places that are not shown.
    """

    system: Layer
    interpreter: Layer
    links: Tuple[Tuple[str, str], ...]


def of(interpreter: Interpreter, secrets: Sequence[str] = ()) -> View:
    """The view of one interpreter's probes; ``secrets`` are files and folders that none may read."""
    folders = [path for path in _SYSTEM if os.path.isdir(path)]
    system = Layer(tuple(folders) + tuple(filter(os.path.exists, _LINKER)), tuple(_hidden(folders, secrets)))
    parts = [
        path
        for path in interpreter_paths(interpreter)
        if not below(path, folders) or below(path, system.hidden)
    ]
    links = _links(interpreter.executable, [*folders, *parts])
    return View(system, Layer(tuple(parts), tuple(_hidden(parts, secrets))), tuple(links))


def interpreter_paths(interpreter: Interpreter) -> List[str]:
    """What an interpreter needs to run, without the rest of the folders that it is installed in."""
    paths: List[str] = []
    last = os.path.dirname(interpreter.executable)
    for folder in interpreter.folders:
        if any(other.startswith(folder.rstrip("/") + "/lib") for other in interpreter.folders):
            found = [os.path.join(folder, part) for part in _PARTS]
        elif folder == last and os.path.islink(interpreter.executable):
            found = []  # a link somewhere in a home: the link is shown, not the home
        else:
            found = [folder]
        paths += [path for path in found if os.path.exists(path)]
    return [path for path in dict.fromkeys(paths) if not below(os.path.dirname(path), paths)]


def below(path: str, folders: Sequence[str]) -> bool:
    """Whether a path is one of the folders or lies in one."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _hidden(shown: Sequence[str], secrets: Sequence[str]) -> List[str]:
    """Where the checker's package, copies of it, its repository or a secret would be seen."""
    hidden = {str(PACKAGE), *(os.path.realpath(path) for path in secrets)}
    if (PACKAGE.parent / "pyproject.toml").is_file():
        hidden.add(str(PACKAGE.parent))
    for path in shown:
        hidden |= set(_copies(path))
    found: Set[str] = set()
    for path in shown:
        if os.path.islink(path):
            continue  # it leads to another of them
        real = os.path.realpath(path)
        for own in hidden:
            if below(own, [real]) and os.path.exists(own):
                found.add(path + own[len(real) :])
    outermost = sorted(found)
    return [path for path in outermost if not below(os.path.dirname(path), outermost)]


def _copies(folder: str) -> Iterator[str]:
    """Installed copies of the checker's package below a folder, links resolved."""
    for place in _PLACES:
        pattern = os.path.join(glob.escape(folder), place + PACKAGE.name, "probes", "wire.py")
        for path in glob.iglob(pattern):
            yield os.path.dirname(os.path.dirname(os.path.realpath(path)))


def _links(executable: str, shown: Sequence[str]) -> List[Tuple[str, str]]:
    """The links that lead to the interpreter, those that are not shown already."""
    links: List[Tuple[str, str]] = []
    path = executable
    for _ in range(20):
        if not os.path.islink(path):
            break
        target = os.readlink(path)
        if not below(path, shown):
            links.append((path, target))
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return links
