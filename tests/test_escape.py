"""Probes that attack: each promise of the isolation levels is tried, and shown to be real without walls.

An attack reports what it got as facts named "got". Behind walls there is none; under limits alone, where
it does no harm, the same attack succeeds: else the test would prove nothing.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import os
import platform
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import psutil
import pytest

from checker import interpreters
from checker.datasets import embedded
from checker.interpreters import Interpreter
from checker.sandbox import Isolation, Sandbox, filters, users, view, walls
from checker.sandbox.channel import Receiver
from checker.sandbox.filters import rules
from tests import fixtures_run
from tests.sandbox_bench import LIMITS, MEGABYTE, Bench, at_level

WALLED = ("bubblewrap", "landlock")
EPERM, ENOSYS = 1, 38
SECRET = "the true labels"
TRY = """
import ctypes, errno, fcntl, mmap, socket
libc = ctypes.CDLL(None, use_errno=True)

def got(what, call, *arguments):
    try:
        value = call(*arguments)
    except OSError as error:
        return error.errno
    channel.fact("got", what=what)
    return value

def call(number, *arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in (*arguments, *[0] * 6)][:6]
    if libc.syscall(ctypes.c_long(number), *words) >= 0:
        return 0
    return ctypes.get_errno()
"""


@pytest.fixture(params=WALLED)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, interpreter: Interpreter, missing: Dict[str, str]
) -> Iterator[Bench]:
    yield from at_level(tmp_path, interpreter, request.param, missing)


def attack(bench: Bench, body: str, **options: Any) -> List[str]:
    """Run an attack; returns what it got."""
    run = bench.run(TRY + body, **options)
    assert (run.ending, run.detail) == ("finished", ""), (run, bench.receiver.facts)
    assert bench.names()[-1] == "after", bench.receiver.facts
    return [str(fact["what"]) for fact in bench.receiver.of("got")]


def without_walls(bench: Bench, body: str, **options: Any) -> List[str]:
    """What the same attack gets under limits alone."""
    level, bench.level = bench.level, "limits"
    try:
        return attack(bench, body, **options)
    finally:
        bench.level = level


READING = """
for path in settings['paths']:
    got(path, open, path, 'rb')
    got(path, os.listdir, path)
"""


def test_files_of_the_machine_cannot_be_read(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(SECRET)
    (bench.workspace / "beside").write_text(SECRET)
    own = Path(__file__).resolve()
    paths = [tmp_path / "labels", tmp_path, bench.workspace / "beside", bench.workspace, own, own.parent]
    paths += [own.parent.parent / "fixtures", view.PACKAGE / "__init__.py", embedded.EMBEDDED]
    paths += [
        Path.home() / ".bashrc",
        Path("/etc/passwd"),
        Path("/etc/hostname"),
        Path("/home"),
        Path("/var/log"),
        Path("/run"),
        Path("/sys"),
    ]
    given = {"paths": [str(path) for path in paths if path.exists()]}
    try:
        assert attack(bench, READING, settings=given) == []
        child = "import subprocess\nprint(subprocess.call(['cat', settings['paths'][0]]))"
        assert SECRET.encode() not in bench.run(child, settings=given).printed
        assert set(without_walls(bench, READING, settings=given)) == set(given["paths"])
    finally:
        (bench.workspace / "beside").unlink()


def test_a_link_in_the_scratch_folder_leads_nowhere(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(SECRET)
    body = """
for name, make in (('soft', os.symlink), ('hard', os.link)):
    try:
        make(settings['path'], name)
    except OSError:
        continue
    got(name, open, name)
"""
    given = {"path": str(tmp_path / "labels")}
    assert attack(bench, body, settings=given) == []
    assert without_walls(bench, body, settings=given) == ["soft", "hard"]


WRITING = """
for path in settings['folders']:
    got('make ' + path, open, path + '/made', 'x')
    got('folder ' + path, os.mkdir, path + '/folder')
    got('pipe ' + path, os.mkfifo, path + '/pipe')
file = settings['file']
got('write', open, file, 'a')
got('truncate', os.truncate, file, 0)
got('rename', os.rename, file, file + '.x')
got('remove', os.unlink, file)
got('mode', os.chmod, file, 0o666)
got('owner', os.chown, file, os.getuid(), -1)
got('times', os.utime, file, (0, 0))
if hasattr(os, 'setxattr'):
    got('attribute', os.setxattr, file, 'user.x', b'x')
"""


def test_nothing_outside_the_scratch_folder_changes(bench: Bench, tmp_path: Path) -> None:
    outside, kept = tmp_path / "outside", tmp_path / "outside" / "kept"
    outside.mkdir()
    kept.write_text(SECRET)
    kept.chmod(0o640)
    os.utime(str(kept), (10**9, 10**9))
    folders = [outside, bench.workspace, bench.probes, view.PACKAGE, sys.prefix, "/", "/dev", "/usr", "/proc"]
    given = {"folders": [str(path) for path in folders], "file": str(kept)}
    before = kept.stat()
    assert attack(bench, WRITING, settings=given) == []
    assert os.listdir(str(outside)) == ["kept"]
    after = kept.stat()
    assert (after.st_mode, after.st_mtime, after.st_uid) == (before.st_mode, before.st_mtime, before.st_uid)
    assert kept.read_text() == SECRET
    given["folders"] = [str(outside)]
    found = without_walls(bench, WRITING, settings=given)
    assert {"make " + str(outside), "write", "truncate", "rename"} <= set(found)


def test_an_input_and_the_interpreter_cannot_be_changed(bench: Bench, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("kept")
    given.chmod(0o644)
    body = """
path = os.path.join(settings['inputs'], 'x')
for what in (path, os.path.realpath(path), sys.executable, os.path.realpath(sys.executable), __file__):
    got('write ' + what, open, what, 'r+b')
    got('mode ' + what, os.chmod, what, 0o600)
    got('remove ' + what, os.unlink, what)
try:
    os.link(path, 'linked')
    got('through a link', open, 'linked', 'w')
except OSError:
    pass
"""
    # The link to an input is the run's own, in its own folder.
    assert [what for what in attack(bench, body, inputs={"x": given}) if "/input/" not in what] == []
    assert given.read_text() == "kept"
    assert stat.S_IMODE(given.stat().st_mode) == 0o644


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the host's that has a secret in its environment."""
    code = "import time\nprint('up', flush=True)\ntime.sleep(120)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "SECRET_OF_OURS": SECRET}
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


PROCESSES = """
import resource
pid = settings['pid']
for name in ('environ', 'cmdline', 'maps', 'mem', 'status', 'stat', 'root/etc/passwd', 'net/tcp'):
    got(name, open, '/proc/{}/{}'.format(pid, name), 'rb')
for name in ('fd', 'task', 'cwd/', 'root/'):
    got(name, os.listdir, '/proc/{}/{}'.format(pid, name))
got('exe', os.readlink, '/proc/{}/exe'.format(pid))
got('limits', resource.prlimit, pid, resource.RLIMIT_NOFILE, (3, 3))
got('affinity', os.sched_setaffinity, pid, [0])
got('priority', os.setpriority, os.PRIO_PROCESS, pid, 19)
buffer = ctypes.create_string_buffer(16)
for name in ('ptrace', 'process_vm_readv', 'pidfd_getfd', 'kcmp'):
    number = settings[name]
    if call(number, *((16, pid) if name == 'ptrace' else (pid, pid))) == 0:
        channel.fact('got', what=name)
got('all', os.kill, -1, signal.SIGCONT)
got('group', os.killpg, settings['group'], signal.SIGCONT)
got('stop', os.kill, pid, signal.SIGSTOP)
"""


def test_other_processes_are_neither_seen_nor_reached(bench: Bench, victim: subprocess.Popen[bytes]) -> None:
    numbers = {name: rules.number(name, platform.machine()) for name in
               ("ptrace", "process_vm_readv", "pidfd_getfd", "kcmp")}  # fmt: skip
    given = {"pid": victim.pid, "group": os.getpgid(0), **numbers}
    before = psutil.Process(victim.pid)
    limits = before.rlimit(psutil.RLIMIT_NOFILE)
    # To all processes there are: behind walls none but its own.
    assert [what for what in attack(bench, PROCESSES, settings=given) if what != "all"] == []
    assert before.status() != psutil.STATUS_STOPPED
    assert before.rlimit(psutil.RLIMIT_NOFILE) == limits
    body = PROCESSES.replace("got('all'", "0 and got('all'")
    assert {"environ", "mem", "fd", "limits", "stop"} <= set(without_walls(bench, body, settings=given))
    end = time.monotonic() + 5
    while before.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < end


def test_the_list_of_processes_holds_none_of_the_hosts(bench: Bench) -> None:
    body = """
seen = []
for name in (os.listdir('/proc') if not got('', os.scandir, '/proc') == 13 else []):
    if name.isdigit():
        seen.append(int(name))
channel.fact('seen', pids=seen)
"""
    bench.run(TRY + body)
    assert len(bench.fact("seen")["pids"]) == (2 if bench.level == "bubblewrap" else 0)


COMMAND_LINES = """
read = 0
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('cmdline', 'environ'):
        try:
            with open('/proc/{}/{}'.format(pid, name), 'rb') as file:
                text = file.read()
        except OSError:
            continue  # the environment of another user's process, or of the kernel's
        read += name == 'cmdline' and text != b''
        for what, hidden in settings['hidden'].items():
            if bytes.fromhex(hidden) in text:
                channel.fact('got', what=what)
with open('/proc/self/cmdline') as file:
    channel.fact('read', count=read, own=settings['token'] in file.read())
"""


def test_no_command_line_and_no_environment_inside_names_a_path_of_the_hosts(
    walled: Bench, tmp_path: Path
) -> None:
    (tmp_path / "handed-in").write_text("")
    inputs = {"x": tmp_path / "handed-in"}
    paths = {"workspace": walled.workspace, "input": inputs["x"], "probes": walled.probes}
    paths.update({"all of it": tmp_path, "the checker's files": view.PACKAGE})
    # The probe's own command line holds its settings.
    given = {"hidden": {name: str(path).encode().hex() for name, path in paths.items()}}
    assert attack(walled, COMMAND_LINES, settings=given, inputs=inputs) == []
    assert walled.fact("read") == {"fact": "read", "count": 2, "own": True}
    found = without_walls(walled, COMMAND_LINES, settings=given, inputs=inputs)
    assert "probes" in found


NETWORK = """
def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.settimeout(3)
        one.connect(address)
        one.send(b'x')

def by_datagram(path):
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    first.sendto(b'x', path)

got('loopback', connect, socket.AF_INET, ('127.0.0.1', settings['tcp']))
got('loopback 6', connect, socket.AF_INET6, ('::1', settings['tcp']))
got('datagram', connect, socket.AF_INET, ('127.0.0.1', settings['udp']), socket.SOCK_DGRAM)
got('abstract', connect, socket.AF_UNIX, chr(0) + settings['abstract'])
got('path', connect, socket.AF_UNIX, settings['path'])
got('path by a pair', by_datagram, settings['letters'])
"""


def test_no_socket_of_the_host_is_reached(bench: Bench) -> None:
    with HostSockets(bench.probes) as host:
        # Bubblewrap's own loopback takes a datagram for nobody.
        assert set(attack(bench, NETWORK, settings=host.settings)) <= {"datagram"}
        assert host.taken() == []
        found = without_walls(bench, NETWORK, settings=host.settings)
        assert set(found) == {"loopback", "datagram", "abstract", "path", "path by a pair"}
        assert len(host.taken()) == 5


class HostSockets:
    """Servers of the host's: on the loopback, abstract, and by a path in a folder that probes see."""

    def __init__(self, folder: Path) -> None:
        name = "escape-{}".format(os.getpid())
        self._all = [
            socket.socket(socket.AF_INET), socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        ]  # fmt: skip
        tcp, udp, abstract, path, letters = self._all
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        abstract.bind("\0" + name)
        path.bind(str(folder / "s"))
        letters.bind(str(folder / "d"))
        for one in ("s", "d"):
            (folder / one).chmod(0o777)
        for server in (tcp, abstract, path):
            server.listen(5)
        self.settings = {
            "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "abstract": name,
            "path": str(folder / "s"), "letters": str(folder / "d"),
        }  # fmt: skip

    def taken(self) -> List[str]:
        """What came in."""
        found = []
        for one in self._all:
            one.setblocking(False)
            try:
                if one.type == socket.SOCK_DGRAM:
                    found.append(repr(one.recv(10)))
                else:
                    one.accept()[0].close()
                    found.append(repr(one))
            except BlockingIOError:
                pass
        return found

    def __enter__(self) -> HostSockets:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._all:
            one.close()


def test_the_socket_by_its_path_is_not_reached_where_bubblewrap_shows_it(walled: Bench) -> None:
    with HostSockets(walled.probes) as host:
        given = {**host.settings, "path": walls.PROBES + "/s", "letters": walls.PROBES + "/d"}
        assert set(attack(walled, NETWORK, settings=given)) <= {"datagram"}
        assert host.taken() == []


CALLS = """
wrong = {}
for name, number in settings['calls'].items():
    error = call(number)
    if error != 1:
        wrong[name] = error
for name, number in settings['unknown'].items():
    error = call(number)
    if error != 38:
        wrong[name] = error
channel.fact('wrong', calls=wrong)
"""
HARMLESS = ("ptrace", "process_vm_readv", "keyctl", "add_key", "kcmp", "inotify_init1", "name_to_handle_at")


def test_what_tensorflow_does_not_need_is_refused(bench: Bench) -> None:
    machine = platform.machine()
    numbers = {name: rules.number(name, machine) for name in rules.refused(bench.level)}
    given = {name: number for name, number in numbers.items() if number >= 0}
    unknown = {"clone3": rules.number("clone3", machine), "next": rules.NEWEST + 1, "x32": 0x40000000 + 39}
    attack(bench, CALLS, settings={"calls": given, "unknown": unknown})
    assert bench.fact("wrong")["calls"] == {}
    few = {name: given[name] for name in HARMLESS}
    without_walls(bench, CALLS, settings={"calls": few, "unknown": {"clone3": unknown["clone3"]}})
    assert {"clone3", "ptrace", "process_vm_readv"} <= set(bench.fact("wrong")["calls"])


ARGUMENTS = """
def new_namespaces():
    if call(settings['clone'], 0x10000000 | signal.SIGCHLD) == 0:
        return 0
    raise OSError(ctypes.get_errno(), 'refused')

def answered(*arguments):
    if libc.prctl(*arguments) < 0 or libc.prctl(3) != 0:
        raise OSError(ctypes.get_errno(), 'refused')

def personality(value):
    if libc.personality(ctypes.c_ulong(value)) < 0:
        raise OSError(ctypes.get_errno(), 'refused')

errors = {
    'no new user namespace': got('namespace', personality, 0x0040000) and 1,
}
errors['it cannot hide'] = got('hidden', answered, 4, 0)
if call(settings['unshare'], 0x10000000) == 0:
    channel.fact('got', what='unshared')
try:
    fcntl.ioctl(0, 0x5412, b'x')
except OSError as error:
    errors['terminal'] = error.errno
channel.fact('errors', **errors)
child = os.fork()
if not child:
    os._exit(7 if call(settings['clone'], 0x10000000 | signal.SIGCHLD) != 1 else 0)
if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if hasattr(os, 'waitstatus_to_exitcode') else \\
        os.WEXITSTATUS(os.waitpid(child, 0)[1]):
    channel.fact('got', what='cloned')
"""


def test_no_namespace_no_hiding_and_no_terminal(bench: Bench) -> None:
    numbers = {name: rules.number(name, platform.machine()) for name in ("clone", "unshare")}
    assert attack(bench, ARGUMENTS, settings=numbers) == []
    assert bench.fact("errors")["terminal"] == EPERM
    found = without_walls(bench, ARGUMENTS, settings=numbers)
    assert {"namespace", "hidden"} <= set(found)
    assert bench.fact("errors")["terminal"] != EPERM


FAMILIES = """
for family in range(46):
    for kind in (1, 2, 3, 5):
        try:
            socket.socket(family, kind).close()
            channel.fact('got', what=[family, kind])
        except OSError:
            pass
"""


def test_only_the_sockets_that_an_empty_network_has_can_be_made(bench: Bench) -> None:
    found = attack(bench, FAMILIES)
    inet = {"[2, 1]", "[2, 2]", "[10, 1]", "[10, 2]"} if socket.has_ipv6 else {"[2, 1]", "[2, 2]"}
    assert set(found) == (inet if bench.level == "bubblewrap" else set())
    assert {"[1, 1]", "[2, 1]", "[16, 3]"} <= set(without_walls(bench, FAMILIES))


OLD_CALL = """
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only this machine has the older calls")
def test_a_call_by_the_numbers_of_i386_ends_the_process(bench: Bench) -> None:
    run = bench.run(TRY + OLD_CALL)
    assert (run.ending, run.detail) == ("crashed", "it was ended by SIGSYS")


def test_no_device_and_no_terminal_is_there(bench: Bench) -> None:
    body = """
for path in settings['devices']:
    got(path, open, path, 'rb')
got('terminal', os.open, '/dev/tty', os.O_RDWR)
if os.getsid(0) == settings['session']:
    channel.fact('got', what='session')
channel.fact('good', read=len(open('/dev/urandom', 'rb').read(5)), null=os.open('/dev/null', os.O_RDWR))
"""
    common = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "stdout", "stderr"}
    devices = ["/dev/" + name for name in os.listdir("/dev") if name not in common | {"core", "pts", "shm"}]
    assert devices
    assert attack(bench, body, settings={"devices": devices, "session": os.getsid(0)}) == []
    assert bench.fact("good")["read"] == 5


def test_no_descriptor_of_ours_is_there(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(SECRET)
    body = """
own = {0, 1, 2, channel._descriptor, channel._answers}
for number in range(3, 400):
    if number not in own:
        got(number, os.fstat, number)
"""
    with open(str(tmp_path / "labels")) as file:
        os.set_inheritable(file.fileno(), True)
        assert attack(bench, body) == []


STATUS = """
with open('/proc/self/status') as file:
    words = dict(line.split(':', 1) for line in file if ':' in line)
channel.fact('status', **{name: words[name].split() for name in
             ('CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Uid', 'Groups')})
with open('/proc/self/status') as file:
    time.sleep(settings['seconds'])
"""


def test_no_capability_is_left_and_none_can_be_had(bench: Bench) -> None:
    attack(bench, STATUS, settings={"seconds": 0})
    status = bench.fact("status")
    for name in ("CapEff", "CapPrm", "CapAmb"):
        assert int(status[name][0], 16) == 0, status
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    body = "got('root', os.setuid, 0)\ngot('group', os.setgroups, [0])\ngot('chroot', os.chroot, '/')"
    assert set(attack(bench, body)) <= (
        {"root"} if os.geteuid() == 0 and bench.level == "landlock" else set()
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root is no root in the sandbox either")
def test_the_hosts_root_is_another_user_behind_bubblewrap(walled: Bench) -> None:
    seen: Set[int] = set()

    def look() -> None:
        for one in psutil.process_iter(["cmdline"]):
            words = one.info["cmdline"] or [""]
            if walled.token in " ".join(words) and words[0] == walled.interpreter.executable:
                seen.add(one.uids().real)

    body = STATUS.replace("settings['seconds']", "0.7")
    assert walled.run(body, tick=look).ending == "finished"
    assert seen == {users.OUTSIDE}
    assert walled.fact("status")["Uid"] == [str(users.INSIDE)] * 4
    assert walled.fact("status")["Groups"] == []


SHARED = """
if call(settings['shmget'], settings['key']) == 0:
    channel.fact('got', what='System V')
got('POSIX', open, '/dev/shm/' + settings['name'], 'rb')
"""


def test_memory_that_the_host_shares_is_not_reached(bench: Bench) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    key, name = 0x5EC0 + os.getpid(), "escape-{}".format(os.getpid())
    number = libc.shmget(key, ctypes.c_size_t(4096), 0o1666)
    assert number >= 0
    (Path("/dev/shm") / name).write_text(SECRET)
    try:
        given = {"key": key, "name": name, "shmget": rules.number("shmget", platform.machine())}
        assert attack(bench, SHARED, settings=given) == []
        assert set(without_walls(bench, SHARED, settings=given)) == {"System V", "POSIX"}
    finally:
        libc.shmctl(number, 0, None)
        (Path("/dev/shm") / name).unlink()


def _package(folder: Path) -> Path:
    """A copy of the checker, as far as it is recognised; returns the file that must not be read."""
    for name in ("probes/wire.py", "vendor/x", "images/labels", "__init__.py"):
        file = folder / view.PACKAGE.name / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
    return folder / view.PACKAGE.name / "images" / "labels"


@pytest.mark.parametrize("own", [True, False], ids=["our own", "another copy"])
def test_the_checkers_files_cannot_be_read_in_the_interpreters_own_tree(
    bench: Bench, tmp_path: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    site = tmp_path / "env" / "lib" / "python3.8" / "site-packages"
    secret = _package(site)
    alias = tmp_path / "alias"
    alias.symlink_to(tmp_path / "env")
    (site / "other").mkdir()
    (site / "other" / "module.py").write_text("")
    if own:
        monkeypatch.setattr(view, "PACKAGE", site / "checker")
    through = alias / "lib" / "python3.8" / "site-packages"
    folders = (*interpreter.folders, str(site), str(through))
    other = dataclasses.replace(interpreter, folders=folders)
    inside = through / "checker" / "images" / "labels"
    paths = [secret, inside, site / "other" / "module.py", through / "other" / "module.py"]
    body = "for path in settings['paths']:\n    got(path, open, path)"
    found = attack(bench, body, settings={"paths": [str(path) for path in paths]}, interpreter=other)
    assert found == [str(path) for path in paths[2:]]


def test_named_secrets_cannot_be_read_below_what_is_shown(
    tmp_path: Path, bench: Bench, interpreter: Interpreter
) -> None:
    site = tmp_path / "site-packages"
    (site / "images").mkdir(parents=True)
    for name in ("labels.npz", "images/labels", "other"):
        (site / name).write_text(SECRET)
    other = dataclasses.replace(interpreter, folders=(*interpreter.folders, str(site)))
    paths = [str(site / name) for name in ("labels.npz", "images/labels", "other")]
    body = "for path in settings['paths']:\n    got(path, open, path)"
    assert attack(bench, body, settings={"paths": paths}, interpreter=other) == paths
    bench.secrets = tuple(str(site / name) for name in ("labels.npz", "images"))
    assert attack(bench, body, settings={"paths": paths}, interpreter=other) == paths[2:]


@pytest.mark.parametrize("content", [b"", struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000)], ids=["none", "all"])
def test_a_filter_that_is_not_in_force_is_said(
    tmp_path: Path, interpreter: Interpreter, missing: Dict[str, str],
    monkeypatch: pytest.MonkeyPatch, content: bytes,
) -> None:  # fmt: skip
    (tmp_path / "filter").write_bytes(content)
    monkeypatch.setattr(filters, "file", lambda level: tmp_path / "filter")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    if not missing["bubblewrap"]:
        isolation = Sandbox(interpreter, workspace).isolation
        assert isolation.level == "bubblewrap"
        assert isolation.detail.startswith("no filter of system calls: ")
    assert Sandbox(interpreter, workspace, "landlock").isolation.level == "limits"
    monkeypatch.setattr(filters, "file", lambda level: None)
    if not missing["bubblewrap"]:
        detail = "no filter of system calls: there is none for {}".format(platform.machine())
        assert Sandbox(interpreter, workspace).isolation == Isolation("bubblewrap", detail)


def test_the_system_takes_a_probe_first_and_holds_it_to_limits(bench: Bench) -> None:
    body = """
import resource
with open('/proc/{}/oom_score_adj'.format(os.getpid())) as file:
    channel.fact('limits', oom=int(file.read()), files=resource.getrlimit(resource.RLIMIT_NOFILE),
                 core=resource.getrlimit(resource.RLIMIT_CORE), cpu=resource.getrlimit(resource.RLIMIT_CPU))
"""
    if bench.level == "landlock":
        body = body.replace("open('/proc/{}/oom_score_adj'.format(os.getpid()))", "open('/dev/null')")
        body = body.replace("int(file.read())", "1000")
    attack(bench, body)
    found = bench.fact("limits")
    assert found["oom"] == 1000
    assert found["core"] == [0, 0]
    assert found["files"][1] <= 4096
    assert 0 < found["cpu"][1] <= LIMITS.total * (os.cpu_count() or 1) + 1


def _is_root_outside() -> bool:
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= os.geteuid() < inside + count:
            return outside + os.geteuid() - inside == 0
    return False


def test_the_system_refuses_more_processes_than_an_honest_run_has(walled: Bench) -> None:
    body = """
count = 0
try:
    while count < 5000:
        if not os.fork():
            time.sleep(60)
        count += 1
except OSError as error:
    channel.fact('most', count=count, errno=error.errno)
"""
    limits = dataclasses.replace(LIMITS, processes=10_000, memory=20_000 * MEGABYTE)
    run = walled.run(body, limits)
    assert run.ending == "finished", run
    if walled.receiver.last("most") is None and os.geteuid() != 0 and _is_root_outside():
        pytest.skip("this user is the machine's root by another number, whom no such limit binds")
    assert walled.fact("most")["errno"] == errno.EAGAIN
    assert walled.fact("most")["count"] < 1024 + 64 * (os.cpu_count() or 1)


MODEL = """
import numpy as np
import tensorflow as tf
K = tf.keras
layers = [K.layers.Conv2D(8, 3, input_shape=(32, 32, 3)), K.layers.Flatten(), K.layers.Dense(10)]
model = K.Sequential(layers)
model.compile("adam", "categorical_crossentropy")
images = np.zeros((64, 32, 32, 3), "float32")
model.fit(images, np.zeros((64, 10), "float32"), verbose=0)
channel.fact('scores', shape=list(model.predict(images, verbose=0).shape))
model.save('kept.h5')
channel.fact('loaded', layers=len(K.models.load_model('kept.h5').layers))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("level", WALLED)
def test_tensorflow_learns_predicts_saves_and_loads(
    tmp_path: Path, missing: Dict[str, str], level: str
) -> None:
    interpreter = interpreters.ask(fixtures_run.PYTHON)
    for bench in at_level(tmp_path, interpreter, level, missing):
        limits = dataclasses.replace(
            LIMITS, seconds=200, total=300, memory=4_000_000_000, scratch=100_000_000, processes=20
        )
        run = bench.run(MODEL, limits, receiver=Receiver(0))
        assert (run.ending, run.detail) == ("finished", ""), run.errors
        assert bench.fact("scores")["shape"] == [64, 10]
        assert bench.fact("loaded")["layers"] == 3
