"""From rules to a program of classic BPF, as ``seccomp(2)`` takes it: a jump and a return a rule.

The kernel remembers which calls a filter lets pass whatever their arguments (Linux 5.11), so that its
length costs nothing in the long run.
"""

from __future__ import annotations

import struct
from typing import List, Sequence

from checker.sandbox.filters import rules
from checker.sandbox.filters.rules import Argument

# linux/bpf_common.h: load a word, jump, jump if equal, if not less; return; and.
_LOAD, _JUMP, _EQUAL, _AT_LEAST, _RETURN, _AND = 0x20, 0x05, 0x15, 0x35, 0x06, 0x54
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


def assemble(machine: str, level: str) -> bytes:
    """The program of a level for a machine."""
    program = [_op(_LOAD, _ARCHITECTURE), _op(_EQUAL, rules.MACHINES[machine], 1, 0), _op(_RETURN, _KILL)]
    program.append(_op(_LOAD, _NUMBER))
    program += [_op(_AT_LEAST, rules.NEWEST + 1, 0, 1), _op(_RETURN, _ERRNO | _ENOSYS)]
    for name in rules.missing():
        program += _refusal(rules.number(name, machine), _ENOSYS)
    for name in rules.refused(level):
        if rules.exists(name, machine):
            program += _refusal(rules.number(name, machine), _EPERM)
    for name, conditions in rules.conditional(level):
        if rules.exists(name, machine):
            program += _choice(rules.number(name, machine), conditions)
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def _refusal(number: int, error: int) -> List[bytes]:
    return [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ERRNO | error)]


def _choice(number: int, conditions: Sequence[Argument]) -> List[bytes]:
    """Refuse the call unless all conditions hold; the accumulator is not needed afterwards."""
    body: List[bytes] = []
    for condition in conditions:
        body += _condition(condition)
    body.append(_op(_RETURN, _ALLOW))
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _condition(condition: Argument) -> List[bytes]:
    """Refuse unless the low word of an argument, masked, is one of the values (or none, if negated)."""
    code = [_op(_LOAD, _ARGUMENTS + 8 * condition.place), _op(_AND, condition.mask)]
    count = len(condition.values)
    for nth, value in enumerate(condition.values):
        # Over the comparisons left, and over the one instruction that follows them.
        code.append(_op(_EQUAL, value, count - nth, 0))
    if condition.negated:
        code.append(_op(_JUMP, 1))
    return [*code, _op(_RETURN, _ERRNO | _EPERM)]


def _op(code: int, value: int, when: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, when, otherwise, value)
