"""Files of images, opened so that none of them can hang the checker or be more than was asked for."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zlib
from typing import BinaryIO, Iterator

NO_FILE = "there is no such file"
_CHUNK = 2**20


class Refused(Exception):
    """What is wrong with a source of images, in words that follow what was expected."""


@contextlib.contextmanager
def regular(path: str) -> Iterator[BinaryIO]:
    """Open a regular file; what goes wrong while it is read becomes Refused."""
    try:
        with open(path, "rb", opener=_open) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Refused("it is no regular file")
            yield stream
    except FileNotFoundError:
        raise Refused(NO_FILE) from None
    except IsADirectoryError:
        raise Refused("this is a folder") from None
    except (OSError, ValueError, EOFError, zlib.error) as error:
        words = getattr(error, "strerror", None) or error
        raise Refused("it cannot be read ({})".format(words)) from error
    except MemoryError:
        raise Refused("it cannot be read (not enough memory)") from None


def verify(path: str, sha256: str) -> None:
    """Raise Refused where a file has another SHA-256."""
    found = hashlib.sha256()
    with regular(path) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            found.update(chunk)
    if found.hexdigest() != sha256:
        raise Refused("its SHA-256 is {}..., not {}...".format(found.hexdigest()[:12], sha256[:12]))


def _open(path: str, flags: int) -> int:
    # A pipe that nobody writes to would be waited for.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
