"""Where the checker runs as root: the user that a probe is instead.

Bubblewrap starts in a user namespace in which root is root, who can show what only root may read, and in
which one other user exists: on the machine it is one of those that systemd lends to services while they
run, and owns nothing. In the end ``setpriv`` becomes that user, and no capability is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterable, Iterator, List

from checker.errors import ToolError

OUTSIDE, INSIDE = 61184, 1000
_NEW_USER = 0x10000000  # linux/sched.h
_MAP = "0 0 1\n{} {} 1\n".format(INSIDE, OUTSIDE)
# It has to write the setting as the namespace's own root, which it is no more once it has executed anything.
_MAKE = """
import ctypes, os
if ctypes.CDLL(None, use_errno=True).unshare({new_user}):
    raise OSError(ctypes.get_errno(), "no user namespace")
os.write(1, b"1")
os.read(0, 1)
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.write(1, b"2")
os.read(0, 1)
"""


def join(descriptor: int) -> None:
    """Enter a user namespace; for a process that has yet to execute what it is for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NEW_USER):
        raise OSError(ctypes.get_errno(), "a user namespace cannot be entered")


def can_be_other() -> bool:
    """Whether we are root, there is another user to be, and a program to do it with.

    In a container without privileges root is the only user, and none of the machine's own root.
    """
    return os.geteuid() == 0 and _exists() and shutil.which("setpriv", path="/usr/bin:/bin") is not None


def _exists() -> bool:
    with contextlib.suppress(OSError, ValueError), open("/proc/self/uid_map") as lines:
        for line in lines:
            first, _, count = map(int, line.split())
            if first <= OUTSIDE < first + count:
                return True
    return False


def as_other() -> List[str]:
    """The command that runs another one as the other user."""
    program = shutil.which("setpriv", path="/usr/bin:/bin") or "setpriv"
    user = str(INSIDE)
    return [program, "--reuid", user, "--regid", user, "--clear-groups", "--"]


def hand_over(folders: Iterable[Path], files: Iterable[Path]) -> None:
    """Give folders to the other user, and let it read files, if they are ours. Raises ToolError."""
    try:
        for folder in folders:
            os.chown(str(folder), OUTSIDE, OUTSIDE)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                mode = stat.S_IMODE(os.stat(str(file)).st_mode)
                if not mode & stat.S_IROTH:
                    os.chmod(str(file), mode | stat.S_IROTH)
    except OSError as error:
        raise ToolError("a probe cannot be another user: {}".format(error)) from error


@contextlib.contextmanager
def namespace() -> Iterator[int]:
    """A descriptor of a user namespace with both users, in which no other one can be made.

    Raises ToolError.
    """
    try:
        descriptor = _made()
    except OSError as error:
        raise ToolError("no user namespace for a probe: {}".format(error)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _made() -> int:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", _MAKE.format(new_user=_NEW_USER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    ) as maker:
        try:
            _await(maker)
            folder = "/proc/{}/".format(maker.pid)
            for name in ("uid_map", "gid_map"):
                with open(folder + name, "w") as file:
                    file.write(_MAP)
            descriptor = os.open(folder + "ns/user", os.O_RDONLY | os.O_CLOEXEC)
            try:
                _go_on(maker)
                _await(maker)
            except OSError:
                os.close(descriptor)
                raise
            return descriptor
        finally:
            maker.kill()


def _await(maker: subprocess.Popen[bytes]) -> None:
    if maker.stdout is None or not maker.stdout.read(1):
        raise OSError("it cannot be made here")


def _go_on(maker: subprocess.Popen[bytes]) -> None:
    if maker.stdin is not None:
        maker.stdin.write(b"1")
