"""The filters that are shipped: made of the rules as they are, and run here as the kernel runs them."""

from __future__ import annotations

import platform
import re
import struct
from pathlib import Path
from typing import Dict, Sequence

import pytest

from checker.sandbox import filters
from checker.sandbox.filters import rules
from checker.sandbox.filters.assembler import assemble

EVERY = [(level, machine) for level in rules.LEVELS for machine in rules.MACHINES]
PASS, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
MASK = (1 << 64) - 1
NEW_USER, CHILD = 0x10000000, 17
# Numbers that any program needs: read, write, execve, mmap, futex, exit_group, openat, memfd_create.
NEEDED = {"x86_64": (0, 1, 59, 9, 202, 231, 257, 319), "aarch64": (63, 64, 221, 222, 98, 94, 56, 279)}


def verdict(program: bytes, number: int, architecture: int, arguments: Sequence[int] = ()) -> int:
    """What a program returns for a call; a step that it should not have is an error."""
    words = [value & MASK for value in (*arguments, *[0] * 6)][:6]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *words)
    code = list(struct.iter_unpack("<HBBI", program))
    place = kept = 0
    while True:
        operation, when, otherwise, value = code[place]
        place += 1
        if operation == 0x20:
            kept = struct.unpack_from("<I", data, value)[0]
        elif operation == 0x54:
            kept &= value
        elif operation == 0x05:
            place += value
        elif operation in (0x15, 0x35):
            place += when if (kept == value if operation == 0x15 else kept >= value) else otherwise
        elif operation == 0x06:
            return int(value)
        else:
            raise ValueError(operation)


@pytest.mark.parametrize(("level", "machine"), EVERY)
def test_what_is_shipped_is_what_the_rules_make(level: str, machine: str) -> None:
    shipped = (filters.FOLDER / "{}-{}.bpf".format(level, machine)).read_bytes()
    assert shipped == assemble(machine, level)
    assert len(shipped) // 8 < 4096  # the kernel takes no more


@pytest.mark.parametrize(("level", "machine"), EVERY)
def test_each_call_gets_its_answer(level: str, machine: str) -> None:
    program, architecture = assemble(machine, level), rules.MACHINES[machine]
    refused = {rules.number(name, machine) for name in rules.refused(level)} - {-1}
    conditional = {rules.number(name, machine) for name, _ in rules.conditional(level)}
    assert len(refused) > 70
    for number in range(rules.NEWEST + 1):
        found = verdict(program, number, architecture)
        if number == rules.number("clone3", machine):
            assert found == ENOSYS
        elif number in refused:
            assert found == EPERM, number
        elif number not in conditional:
            assert found == PASS, number
    assert not set(NEEDED[machine]) & (refused | conditional)
    for number in (rules.NEWEST + 1, 600, 0x40000000, 0x40000000 + 59, 0xFFFFFFFF):
        assert verdict(program, number, architecture) == ENOSYS
    for other in (0x40000003, 0x40000028, 0):
        assert verdict(program, NEEDED[machine][0], other) == KILL


ARGUMENTS = {
    "clone": ([CHILD], [CHILD | NEW_USER]),
    "ioctl": ([0, 0x5401], [0, 0x5412]),
    "personality": ([0xFFFFFFFF], [0x0040000]),
    "prctl": ([15], [4]),
}
OF_LEVELS: Dict[str, Dict[str, Sequence[Sequence[int]]]] = {
    "bubblewrap": {
        "socket": ([2, 1 | 0o2000000, 6], [40, 1], [16, 3], [17, 3, 768], [2, 3, 1], [2, 1, 132], [1, 1]),
        "socketpair": ([1, 1], [1, 2], [2, 1]),
    },
    "landlock": {
        "socketpair": ([1, 5 | 0o2000000], [1, 2], [2, 1]),
        "prlimit64": ([0, 7], [1, 7]),
        "sched_setaffinity": ([0], [1]),
    },
}


@pytest.mark.parametrize(("level", "machine"), EVERY)
def test_arguments_decide_where_they_have_to(level: str, machine: str) -> None:
    program, architecture = assemble(machine, level), rules.MACHINES[machine]
    cases = {**ARGUMENTS, **OF_LEVELS[level]}
    assert set(cases) == {name for name, _ in rules.conditional(level)}
    for name, (good, *bad) in cases.items():
        number = rules.number(name, machine)
        assert verdict(program, number, architecture, good) == PASS, name
        for arguments in bad:
            assert verdict(program, number, architecture, arguments) == EPERM, (name, arguments)
            # What lies above the word that the kernel looks at changes nothing.
            high = [value | 7 << 32 for value in arguments]
            assert verdict(program, number, architecture, high) == EPERM, (name, arguments)


HEADERS = [Path("/usr/include", folder, "asm/unistd_64.h") for folder in ("x86_64-linux-gnu", "")]


@pytest.mark.skipif(not any(path.is_file() for path in HEADERS), reason="the kernel's headers are not here")
def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    text = next(path.read_text() for path in HEADERS if path.is_file())
    known = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}
    for name in rules.NUMBERS:
        assert rules.number(name, "x86_64") == known.get(name, -1), name


GENERIC = Path("/usr/include/asm-generic/unistd.h")


@pytest.mark.skipif(not GENERIC.is_file(), reason="the kernel's headers are not here")
def test_the_numbers_of_aarch64_are_those_of_the_generic_header() -> None:
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", GENERIC.read_text())
    known = {name: int(number) for name, number in found}
    for name in rules.NUMBERS:
        assert rules.number(name, "aarch64") == known.get(name, -1), name


def test_a_machine_of_another_kind_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert filters.file("bubblewrap") is None
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert filters.file("landlock") == filters.FOLDER / "landlock-aarch64.bpf"
