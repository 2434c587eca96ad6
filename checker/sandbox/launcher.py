"""Give up what a probe is not to have, then become it: ``launcher.py RULES PROGRAM [ARGUMENT ...]``.

RULES is a file of JSON: ``rules`` (paths by what may be done with them) and ``filter`` (a file). Standard
library only. What cannot be given up ends it with status 126 before anything of a submission runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import stat
import struct
import sys
from typing import Dict, Iterable, List

# linux/prctl.h, linux/securebits.h
_PDEATHSIG, _SECCOMP, _BOUNDING_DROP, _SECUREBITS, _NO_NEW_PRIVILEGES = 1, 22, 24, 28, 38
_NO_ROOT_LOCKED = 0x3
_FILTER_MODE = 2
# linux/landlock.h
_CREATE, _ADD, _RESTRICT, _PATH_BENEATH = 444, 445, 446, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 0x1, 0x2, 0x4, 0x8
_MAKE_CHAR, _MAKE_BLOCK, _TRUNCATE, _IOCTL = 0x40, 0x800, 0x4000, 0x8000
_EVERYTHING, _ALL_NETWORK, _ALL_SCOPES = 0xFFFF, 0x3, 0x3
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_RIGHTS = {
    "read": _EXECUTE | _READ_FILE | _READ_DIR,
    "list": _READ_DIR,
    "write": _EVERYTHING & ~(_MAKE_CHAR | _MAKE_BLOCK),
    "device": _READ_FILE | _WRITE_FILE | _IOCTL,
}
_LAST_CAPABILITY = 63
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Give up, and execute."""
    with open(sys.argv[1]) as file:
        settings = json.load(file)
    with open(settings["filter"], "rb") as file:
        program = file.read()
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _drop_capabilities()
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _restrict(settings["rules"])
    _filter(program)
    os.execv(sys.argv[2], sys.argv[2:])


def _drop_capabilities() -> None:
    """All of them, for good: root, if it is root, is a user like others from here on."""
    if os.geteuid() == 0:
        _prctl(_SECUREBITS, _NO_ROOT_LOCKED)
        for number in range(_LAST_CAPABILITY + 1):
            # The kernel knows fewer.
            _libc.prctl(_BOUNDING_DROP, number, 0, 0, 0)
    header = struct.pack("<Ii", 0x20080522, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")


def _restrict(rules: Dict[str, List[str]]) -> None:
    """Put Landlock's rules in force."""
    attributes = struct.pack("<QQQ", _EVERYTHING, _ALL_NETWORK, _ALL_SCOPES)
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    for kind, paths in rules.items():
        _add(ruleset, paths, _RIGHTS[kind])
    _call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _add(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another machine has no such file
        try:
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = rights if folder else rights & _OF_FILES
            if allowed:
                _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("<Qi", allowed, descriptor), 0)
        finally:
            os.close(descriptor)


def _filter(program: bytes) -> None:
    """Put the filter of system calls in force."""
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    _prctl(_SECCOMP, _FILTER_MODE, described)


def _prctl(option: int, value: object, more: object = 0) -> None:
    _checked(_libc.prctl(option, _word(value), _word(more), 0, 0), "prctl {}".format(option))


def _call(number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(number, *map(_word, arguments)), "call {}".format(number))


def _word(value: object) -> object:
    """As wide as a register, which C functions of a variable number of arguments expect."""
    return ctypes.c_long(value) if isinstance(value, int) else value


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, "{}: {}".format(what, os.strerror(error)))
    return result


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        print("the launcher failed: {}".format(error), file=sys.stderr)
        sys.exit(126)
