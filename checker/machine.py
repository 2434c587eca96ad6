"""What this machine is and has, as far as it bears on a check; looked at, never changed."""

from __future__ import annotations

import os
import platform
import resource
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import psutil

# A system, or one that it is like (ID, ID_LIKE of os-release), and what installs a package there.
_INSTALLERS = {
    "debian": "apt install",
    "ubuntu": "apt install",
    "fedora": "dnf install",
    "rhel": "dnf install",
    "arch": "pacman -S",
    "suse": "zypper install",
    "alpine": "apk add",
    "void": "xbps-install",
    "gentoo": "emerge",
}
_RELEASES = ("/etc/os-release", "/usr/lib/os-release")
_CGROUPS = Path("/sys/fs/cgroup")
# As the kernel names them, and people do; the widest first.
_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}


@dataclass(frozen=True)
class Ceiling:
    """A bound that something sets, in bytes or in processes; ``by`` says what."""

    value: int
    by: str


@dataclass(frozen=True)
class Machine:
    """Memory and disk in bytes; ceilings in no order; ``installer`` is "" where it is not known."""

    system: str
    root: bool
    container: bool
    installer: str
    cores: int
    memory: Tuple[Ceiling, ...]
    processes: Tuple[Ceiling, ...]
    file_size: Tuple[Ceiling, ...]
    temporary: str
    disk_free: int
    network: bool

    def as_root(self, command: str) -> str:
        """The command as this user has to type it."""
        return command if self.root else "sudo " + command


def look() -> Machine:
    """Look at the machine."""
    temporary = tempfile.gettempdir()
    return Machine(
        system=platform.system(),
        root=os.geteuid() == 0,
        container=_in_container(),
        installer=_installer(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=tuple(_memory()),
        processes=tuple(_processes()),
        file_size=tuple(_limit("RLIMIT_FSIZE", "ulimit -f")),
        temporary=temporary,
        disk_free=psutil.disk_usage(temporary).free,
        network=_network(),
    )


def processor() -> str:
    """The processor's name, its widest vectors, the cores that are ours, and the memory, in words.

    A virtual machine may hide all of the name but the maker's, and the vectors make a network's speed.
    """
    lines = [line.partition(":") for line in _read(Path("/proc/cpuinfo")).splitlines()]
    about = {key.strip(): value.strip() for key, _, value in lines}
    name = about.get("model name") or platform.processor() or platform.machine()
    flags = about.get("flags", "").split()
    name += next((", " + words for flag, words in _VECTORS.items() if flag in flags), "")
    return "{}, {} cores, {:.0f} GB".format(name, look().cores, psutil.virtual_memory().total / 1e9)


def kernel_setting(name: str) -> str:
    """A setting of the kernel, such as ``user.max_user_namespaces``; "" where there is none."""
    return _read(Path("/proc/sys") / name.replace(".", "/", 1))


def _memory() -> Iterator[Ceiling]:
    memory = psutil.virtual_memory()
    yield Ceiling(memory.available, "free of the {:,.0f} MB here".format(memory.total / 1e6))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        yield from _control_groups(name)
    yield from _limit("RLIMIT_AS", "ulimit -v")
    yield from _limit("RLIMIT_DATA", "ulimit -d")


def _processes() -> Iterator[Ceiling]:
    if os.geteuid() != 0:  # root is not bound by it
        yield from _limit("RLIMIT_NPROC", "ulimit -u, for all that this user runs")
    for name in ("pids.max", "pids/pids.max"):
        yield from _control_groups(name)


def _limit(name: str, command: str) -> Iterator[Ceiling]:
    soft, _ = resource.getrlimit(getattr(resource, name))
    if soft != resource.RLIM_INFINITY:
        yield Ceiling(soft, command)


def _control_groups(name: str) -> Iterator[Ceiling]:
    """Bounds of our control group and of those that it lies in; in a container its own is the root."""
    controller, _, file = name.rpartition("/")
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if controller in names.split(",") and (controller or not names):
            group = _CGROUPS / controller / path.lstrip("/")
            for folder in (group, *group.parents):
                value = _read(folder / file)
                # Version 1 writes a number near 2**63 where there is no bound.
                if value.isdigit() and int(value) < 2**60:
                    yield Ceiling(int(value), "the control group {}".format(folder))
                if folder == _CGROUPS:
                    break


def _in_container() -> bool:
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    return "docker" in _read(Path("/proc/1/cgroup"))


def _installer() -> str:
    if not sys.platform.startswith("linux"):
        return ""
    release = _release()
    for name in [release.get("ID", ""), *release.get("ID_LIKE", "").split()]:
        # openSUSE has opensuse-leap and opensuse-tumbleweed.
        name = "suse" if "suse" in name else name
        if name in _INSTALLERS:
            return _INSTALLERS[name]
    return ""


def _release() -> Dict[str, str]:
    """The variables of os-release, which is written as a shell reads it."""
    found: Dict[str, str] = {}
    text = next((text for text in map(_read, map(Path, _RELEASES)) if text), "")
    for line in text.splitlines():
        key, _, value = line.partition("=")
        try:
            found[key] = " ".join(shlex.split(value))
        except ValueError:
            continue
    return found


def _network() -> bool:
    """Whether anything but the machine itself can be reached by an address; nothing is sent."""
    addresses: List[str] = [
        one.address
        for name, every in psutil.net_if_addrs().items()
        for one in every
        if one.family.name in ("AF_INET", "AF_INET6")
    ]
    return any(not text.startswith(("127.", "::1", "fe80:", "169.254.")) for text in addresses)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
