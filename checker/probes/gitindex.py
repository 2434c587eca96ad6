"""What git's index says of a file's mode, read from its bytes: git itself never runs.

Format: "gitformat-index" in git's documentation, versions 2 to 4. Standard library only.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Collection, Dict, Iterator, Tuple

MAX_ENTRIES = 500_000
MAX_NAME = 4096
MAX_VARINT = 1 << 40  # a longer number is none of git's, and grows more slowly with each byte
_EXTENDED, _STAGE = 0x4000, 0x3000


def modes(path: str, wanted: Collection[str]) -> Iterator[Dict[str, str]]:
    """Yield {"name", "mode"} for the entries of the index whose full names are ``wanted``, once for each."""
    with open(path, "rb") as stream:
        data = stream.read()
    missing = set(wanted)
    try:
        for name, mode in _entries(data):
            if name in missing:
                missing.discard(name)
                yield {"name": name, "mode": "{:06o}".format(mode)}
    except (struct.error, IndexError, ValueError):
        return


def _entries(data: bytes) -> Iterator[Tuple[str, int]]:
    """Name and mode of each entry; of a file in conflict there is none."""
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4) or count > MAX_ENTRIES:
        return
    at_flags = 40 + _hash_size(data)
    offset, previous = 12, b""
    for _ in range(count):
        mode = struct.unpack_from(">I", data, offset + 24)[0]
        flags = struct.unpack_from(">H", data, offset + at_flags)[0]
        start = offset + at_flags + (4 if version >= 3 and flags & _EXTENDED else 2)
        keep = 0
        if version == 4:
            strip, start = _varint(data, start)
            keep = max(0, len(previous) - strip)
        end = data.index(b"\0", start, start + MAX_NAME)
        name = previous[:keep] + data[start:end]
        if len(name) > MAX_NAME:
            return
        if not flags & _STAGE:
            yield name.decode("utf-8", "surrogateescape"), mode
        # Versions 2 and 3 pad an entry with 1 to 8 zero bytes to a multiple of 8.
        offset = end + 1 if version == 4 else offset + ((end - offset) // 8 + 1) * 8
        previous = name


def _hash_size(data: bytes) -> int:
    """Bytes of an object's name: the index does not say, but ends with a hash of the same kind."""
    return 32 if hashlib.sha256(data[:-32]).digest() == data[-32:] else 20


def _varint(data: bytes, offset: int) -> Tuple[int, int]:
    """The variable-width number of pack files (offset encoding), and where it ends."""
    byte = data[offset]
    value = byte & 0x7F
    while byte & 0x80:
        offset += 1
        byte = data[offset]
        value = ((value + 1) << 7) | (byte & 0x7F)
        if value > MAX_VARINT:
            raise ValueError("a number that is too long")
    return value, offset + 1
