"""Look at a zip archive, as a ``.keras`` file is one, and take members out of it within bounds."""

from __future__ import annotations

import os
import stat
import struct
import zipfile

MAX_MEMBERS = 10_000
MAX_DIRECTORY = 4_000_000  # bytes
SMALL = 64_000_000  # bytes that a file of any size may promise
MOST_TIMES = 20  # weights do not get smaller than a part of this by packing
_EXPECTED = ("config.json", "metadata.json", "model.weights.h5")
_PACKED = (".zip", ".keras", ".gz", ".tar", ".xz", ".bz2", ".7z")
_TAIL = 65_557  # the record at the end, and the longest comment after it


class Refused(Exception):
    """The archive is not opened, or the member not taken; the message says why."""


def open_bounded(path):
    """The archive as a ZipFile, its list of members bounded before it is read. Raises Refused."""
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise Refused("it is no zip archive, or only a part of one")
    count, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # the longer record stands before the other
        count, directory = struct.unpack("<QQ", tail[at - 44 : at - 28])
    if count > MAX_MEMBERS or directory > MAX_DIRECTORY:
        words = "its list of members has {:,} of them and {:,} bytes"
        raise Refused(words.format(count, directory))
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # zipfile is no fortress: it raises whatever its bytes lead to
        raise Refused("it cannot be read: {}".format(error)) from error


def most(size):
    """The bytes that an archive of ``size`` bytes may promise."""
    return max(SMALL, MOST_TIMES * size)


def look(archive, size, note):
    """Note what is odd about the members of an archive of ``size`` bytes."""
    members, seen, promised = archive.infolist(), set(), 0
    for member in members:
        name = member.filename
        promised += member.file_size
        if name in seen:
            note("duplicate-member", name, "two members of this name")
        seen.add(name)
        for kind, detail in _odd(member):
            note(kind, name, detail)
    if promised > most(size):
        note("promises-more", "/", "{:,} bytes are promised by an archive of {:,}".format(promised, size))
    spans = sorted((member.header_offset, member.compress_size, member.filename) for member in members)
    for (start, length, _), (following, _, name) in zip(spans, spans[1:]):
        if start + length > following:
            note("overlapping-member", name, "it shares its bytes with another member")
    return promised


def _odd(member):
    """What is odd about one member: (kind, detail)."""
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":":
        yield "member-outside", "a name that leads out of the folder it is unpacked to"
    if stat.S_ISLNK(member.external_attr >> 16):
        yield "link-member", "a link"
    if member.flag_bits & 1:
        yield "encrypted-member", "it cannot be read without a password"
    if name.lower().endswith(_PACKED):
        yield "nested-archive", "an archive in the archive"
    if name.endswith((".npz", ".npy", ".pkl", ".pickle")):
        yield "pickle-member", "a kind of file that may hold pickled objects"
    elif name not in _EXPECTED and parts[0] != "assets":
        yield "unexpected-member", "a .keras file has no such member"


def read(archive, name, most):
    """The bytes of a member, at most ``most``; b"" where there is none. Raises Refused."""
    try:
        with archive.open(name) as stream:
            data = stream.read(most + 1)
    except KeyError:
        return b""
    except Exception as error:  # zipfile, zlib, lzma and bz2 have errors of their own
        raise Refused("{} cannot be read: {}".format(name, error)) from error
    if len(data) > most:
        raise Refused("{} has more than {:,} bytes".format(name, most))
    return data


def extract(archive, name, target, most):
    """Write a member to the file ``target``; whether there is one. Raises Refused."""
    try:
        with archive.open(name) as stream, open(target, "wb") as out:
            while True:
                data = stream.read(1 << 20)
                if not data:
                    return True
                most -= len(data)
                if most < 0:
                    raise Refused("{} has more bytes than there is room for".format(name))
                out.write(data)
    except KeyError:
        return False
    except Refused:
        raise
    except Exception as error:  # zipfile, zlib, lzma and bz2 have errors of their own
        raise Refused("{} cannot be read: {}".format(name, error)) from error
