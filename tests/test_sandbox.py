"""Real probes of the tests' own through the real sandbox, at all levels; nothing is left of any."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

import psutil
import pytest

from checker import interpreters
from checker.errors import ToolError
from checker.interpreters import Interpreter
from checker.sandbox import Gate, Limits, Sandbox, Stop, landlock, processes, scratch, view
from checker.sandbox.channel import Receiver
from checker.sandbox.finding import LEVELS
from tests.sandbox_bench import LIMITS, MEGABYTE, PROBE, Bench, at_level

SHORT = dataclasses.replace(LIMITS, seconds=1)
linux_only = pytest.mark.skipif(not processes.LINUX, reason="only Linux has it")


@pytest.fixture(params=LEVELS)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, interpreter: Interpreter, missing: Dict[str, str]
) -> Iterator[Bench]:
    yield from at_level(tmp_path, interpreter, request.param, missing)


@pytest.fixture
def limited(tmp_path: Path, interpreter: Interpreter, missing: Dict[str, str]) -> Iterator[Bench]:
    yield from at_level(tmp_path, interpreter, "limits", missing)


def test_facts_and_arrays_come_out_and_the_run_finishes(bench: Bench) -> None:
    run = bench.run("print('out'); print('err', file=sys.stderr)\nopen('made', 'w').close()")
    assert (run.ending, run.detail) == ("finished", "")
    assert bench.names() == ["before", "after"]
    assert run.printed == b"out\n"
    assert run.errors == b"err\n"
    assert run.written == ("made",)
    assert run.seconds < 10
    assert run.peak_memory > 0


ENDLESS = {
    "it sleeps": "time.sleep(60)",
    "it ignores signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
    "it is stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "it writes nothing for ever": "while True:\n    os.write(1, b'')",
    "it closes its pipes": "os.closerange(0, 100)\ntime.sleep(60)",
    "its other thread goes on": """
        import threading
        threading.Thread(target=time.sleep, args=(60,)).start()
        time.sleep(60)
        """,
    "it promises what does not come": """
        os.write(channel._descriptor, struct.pack('>BQ', 1, 100))
        time.sleep(60)
        """,
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=list(ENDLESS))
def test_time_ends_what_does_not_end(bench: Bench, body: str) -> None:
    run = bench.run(body, SHORT)
    assert (run.ending, run.detail) == ("limit", "time: more than 1 seconds")
    assert bench.names() == ["before"]
    assert run.seconds < 5


# Whoever follows the children of each process never comes to the end.
CHAIN = """
if not os.fork():
    while True:
        if os.fork():
            os._exit(0)
time.sleep(60)
"""


def test_a_chain_of_processes_that_leads_on_and_on_is_ended(bench: Bench) -> None:
    run = bench.run(CHAIN, SHORT)
    assert run.ending == "limit"
    assert run.detail in ("time: more than 1 seconds", "processes: more than 10")
    assert run.seconds < 5


@linux_only
def test_what_threads_list_is_what_a_look_at_all_processes_finds() -> None:
    body = """
        import os, threading, time
        def fork():
            if not os.fork():
                if not os.fork():
                    time.sleep(60)
                time.sleep(60)
            time.sleep(60)
        threading.Thread(target=fork).start()
        fork()
        """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(body)], start_new_session=True)
    try:
        started = psutil.Process(process.pid)
        deadline = time.monotonic() + 10
        while len(started.children(recursive=True)) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        found = [one.pid for one in processes.listed_below(started)]
        assert sorted(found) == sorted(one.pid for one in started.children(recursive=True))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


CHILDREN = "for _ in range(20):\n    if not os.fork():\n        time.sleep(60)\ntime.sleep(60)"
# At most 512 processes, should the sandbox fail.
BOMB = "for _ in range(9):\n    {}\ntime.sleep(60)"
FAMILY = """
for _ in range(4):
    if not os.fork():
        kept = b'x' * 100_000_000
        time.sleep(60)
time.sleep(60)
"""
STRAYS = """
for _ in range(15):
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
time.sleep(60)
"""
FILES = """
folder = {}
for number in range(60):
    with open(os.path.join(folder, str(number)), 'wb') as file:
        file.write(bytes(1_000_000))
time.sleep(60)
"""
NAMELESS = """
kept = []
for number in range(60):
    kept.append({})
    kept[-1].write(bytes(1_000_000))
time.sleep(60)
"""
BOMBS = {
    "memory": ("memory: more than 200 MB", "kept = [b'x' * 10_000_000 for _ in range(60)]\ntime.sleep(60)"),
    "memory of children": ("memory: more than 200 MB", FAMILY),
    "children": ("processes: more than 10", CHILDREN),
    "a fork bomb": ("processes: more than 10", BOMB.format("os.fork()")),
    "a fork bomb of sessions": ("processes: more than 10", BOMB.format("os.fork() or os.setsid()")),
    "strays": ("processes: more than 10", STRAYS),
    "what is printed": ("output: more than 1 MB printed", "while True:\n    os.write(1, bytes(65536))"),
    "errors printed": ("output: more than 1 MB printed", "while True:\n    os.write(2, bytes(65536))"),
    "files": ("disk: more than 20 MB written", FILES.format("os.getcwd()")),
    "temporary files": ("disk: more than 20 MB written", FILES.format("tempfile.gettempdir()")),
    "empty files": (
        "disk: more than 20 MB written",
        "for number in range(8000):\n    open(str(number), 'w').close()\ntime.sleep(60)",
    ),
}  # fmt: skip
LINUX_BOMBS = {
    "deleted files": (
        "disk: more than 20 MB written",
        NAMELESS.format("tempfile.TemporaryFile(buffering=0)"),
    ),
    "files in memory": (
        "disk: more than 20 MB written",
        NAMELESS.format("open(os.memfd_create('x'), 'wb', buffering=0)"),
    ),
    "deep folders": (
        "disk: folders are more than 100 deep",
        "for _ in range(1500):\n    os.mkdir('deep')\n    os.chdir('deep')\ntime.sleep(60)",
    ),
}
if processes.LINUX:
    BOMBS.update(LINUX_BOMBS)


@pytest.mark.parametrize(("detail", "body"), BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_meets_its_limit(bench: Bench, detail: str, body: str) -> None:
    run = bench.run(body)
    assert (run.ending, run.detail) == ("limit", detail)
    assert bench.names() == ["before"]
    assert run.seconds < 20


def test_shared_memory_counts_as_disk(walled: Bench) -> None:
    run = walled.run(FILES.format("'/dev/shm'"))
    assert (run.ending, run.detail) == ("limit", "disk: more than 20 MB written")


def test_one_file_cannot_grow_over_the_limit(bench: Bench) -> None:
    body = """
        try:
            with open('large', 'wb') as file:
                file.seek(30_000_000)
                file.write(b'x')
        except OSError as error:
            channel.fact('refused', errno=error.errno)
        """
    assert bench.run(body).ending == "finished"
    assert bench.fact("refused")["errno"] == 27


@linux_only
def test_memory_that_is_shared_and_files_that_are_mapped_count_once_at_most(bench: Bench) -> None:
    body = """
        import mmap
        kept = b'x' * 60_000_000
        for _ in range(5):
            if not os.fork():
                time.sleep(60)
        with open('mapped', 'wb') as file:
            file.write(bytes(15_000_000))
        time.sleep(0.5)
        """
    run = bench.run(body)
    assert (run.ending, run.detail) == ("finished", "")


def test_folders_without_modes_are_removed(bench: Bench) -> None:
    body = """
        os.makedirs('a/b')
        open('a/b/c', 'w').close()
        os.chmod('a/b', 0)
        os.chmod('a', 0)
        """
    run = bench.run(body)
    assert run.ending in ("finished", "limit")


def test_a_great_many_files_cost_no_more_than_a_look_may(bench: Bench) -> None:
    body = "for number in range(10_000):\n    open(str(number), 'w').close()\ntime.sleep(0.5)"
    before = time.process_time()
    run = bench.run(body, dataclasses.replace(LIMITS, scratch=200 * MEGABYTE))
    assert run.ending == "finished"
    assert len(run.written) == 20
    assert time.process_time() - before < 0.5 * run.seconds + 1


def test_the_watch_takes_little(bench: Bench) -> None:
    box = bench.sandbox()
    (bench.probes / "own.py").write_text(PROBE.format("    time.sleep(2)"))
    before = time.process_time()
    box.run("own", {}, {}, LIMITS, Receiver(0))
    assert time.process_time() - before < 0.5


def test_children_left_behind_hold_nothing_up(bench: Bench) -> None:
    body = """
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        """
    run = bench.run(body)
    assert (run.ending, run.detail) == ("finished", "")
    assert bench.names() == ["before", "after"]
    assert run.seconds < 5


def test_a_child_left_behind_that_prints_holds_nothing_up(bench: Bench) -> None:
    body = "if not os.fork():\n    while True:\n        os.write(1, b'x')\n        time.sleep(0.001)"
    run = bench.run(body)
    assert (run.ending, run.detail) == ("finished", "")
    assert run.seconds < 5


@linux_only
def test_without_adoption_what_was_once_seen_is_ended(
    limited: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LINUX", False)
    body = """
        if not os.fork():
            os.setsid()
            if os.fork():
                time.sleep(2)  # a busy machine is looked at once a second
                os._exit(0)
            time.sleep(60)
        time.sleep(3)
        """
    assert limited.run(body).ending == "finished"


def test_a_child_of_ours_that_was_there_before_stays(limited: Bench) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert limited.run("time.sleep(0.3)").ending == "finished"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


MALFORMED = {
    "a flood of facts": "while True:\n    channel.fact('x')",
    "2**60 bytes of a fact": "os.write(channel._descriptor, struct.pack('>BQ', 1, 2**60))\ntime.sleep(60)",
    "text": "os.write(channel._descriptor, b'hello hello hello')\ntime.sleep(60)",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=list(MALFORMED))
def test_what_is_no_frame_ends_the_run(bench: Bench, body: str) -> None:
    run = bench.run(body)
    assert run.ending == "malformed"
    assert run.detail
    assert "before" in bench.names()


def test_an_array_that_there_is_no_room_for_ends_the_run_as_a_limit(bench: Bench) -> None:
    run = bench.run("channel.fact('array', name='x', dtype='<f4', shape=[2**39, 2**16])\ntime.sleep(60)")
    assert run.ending == "limit"
    assert run.detail.startswith("output: an array of ")
    assert "before" in bench.names()


DEATHS = {
    "SIGSEGV": ("it was ended by SIGSEGV", "os.kill(os.getpid(), signal.SIGSEGV)"),
    "an exit": ("it ended with exit status 3", "os._exit(3)"),
    "SystemExit": ("it ended with exit status 4", "sys.exit(4)"),
    "half a frame": (
        "it ended with exit status 3",
        "os.write(channel._descriptor, struct.pack('>BQ', 1, 100) + b'{')\nos._exit(3)",
    ),
    "pipes full of facts": (
        "it ended with exit status 3",
        "for _ in range(500):\n    channel.fact('more', text='x' * 100)\nos._exit(3)",
    ),
}


@pytest.mark.parametrize(("detail", "body"), DEATHS.values(), ids=list(DEATHS))
def test_a_probe_that_dies_keeps_its_facts(bench: Bench, detail: str, body: str) -> None:
    run = bench.run(body)
    assert (run.ending, run.detail) == ("crashed", detail)
    assert bench.names() == ["before"] + ["more"] * (500 if "more" in body else 0)


def test_the_death_by_a_limit_keeps_the_facts(bench: Bench) -> None:
    run = bench.run(
        "for _ in range(300):\n    channel.fact('more')\nwhile True:\n    os.write(1, bytes(65536))"
    )
    assert run.ending == "limit"
    assert bench.names().count("more") == 300


def test_closed_standard_output_is_no_crash(bench: Bench) -> None:
    assert bench.run("sys.stdout.close()").ending == "finished"
    assert bench.run("sys.stdout = None").ending == "finished"


def test_a_probe_that_fails_itself_says_so(bench: Bench) -> None:
    assert bench.run("raise KeyError('ours')").ending == "finished"
    assert "KeyError" in bench.fact("probe_error")["trace"]


@pytest.mark.parametrize("script", ["import nothing_of_that_name", "import time; time.sleep(60)"])
def test_a_probe_that_does_not_begin_is_the_tools_fault(bench: Bench, script: str) -> None:
    with pytest.raises(ToolError, match="did not begin"):
        bench.run(script, SHORT, whole=True)


def test_an_input_that_is_missing_is_the_tools_fault(walled: Bench, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="did not begin"):
        walled.run("", inputs={"x": tmp_path / "missing"})


def test_a_full_disk_of_ours_is_the_tools_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    box = bench.sandbox()
    usage = shutil.disk_usage(str(bench.workspace))
    monkeypatch.setattr(scratch.shutil, "disk_usage", lambda _: usage._replace(free=LIMITS.scratch - 1))
    with pytest.raises(ToolError, match="free"):
        box.run("own", {}, {}, LIMITS, Receiver(0))


def test_a_callback_can_stop_the_run(bench: Bench) -> None:
    def stop(_: Mapping[str, Any]) -> None:
        raise Stop

    run = bench.run("time.sleep(60)", receiver=Receiver(0, on_fact=stop))
    assert run.ending == "stopped"
    assert bench.names() == ["before"]


def test_an_interrupt_ends_the_run(bench: Bench) -> None:
    # One of the two speaks: what both say at once may be mixed up.
    body = "if not os.fork():\n    os.setsid()\n    time.sleep(60)\nchannel.fact('now')\ntime.sleep(60)"

    def press() -> None:
        if "now" in bench.names():
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        bench.run(body, tick=press)


def test_a_second_interrupt_waits_for_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    end = processes.Tree.end

    def interrupted(tree: processes.Tree) -> None:
        signal.raise_signal(signal.SIGINT)
        end(tree)

    monkeypatch.setattr(processes.Tree, "end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.run("time.sleep(60)", tick=lambda: signal.raise_signal(signal.SIGINT))


MORE = Limits(30, 200 * MEGABYTE, 10, MEGABYTE, 20 * MEGABYTE, {"life": 1, "scores": 1}, 60)
ARRAY = """
def send(rows):
    channel.fact('array', name='scores', dtype='<f4', shape=[rows, 1])
    os.write(channel._descriptor, struct.pack('>BQ', 2, 4 * rows) + bytes(4 * rows))
"""


def test_a_sign_of_life_gives_its_time_from_then_on(bench: Bench) -> None:
    run = bench.run("channel.fact('life')\ntime.sleep(60)", MORE)
    assert (run.ending, run.detail) == ("limit", "time: more than 1 seconds")
    assert list(run.marks) == ["life"]


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    channel.fact('life')\n    time.sleep(0.01)",
        ARRAY + "while True:\n    send(0)\n    time.sleep(0.01)",
    ],
    ids=["facts", "empty arrays"],
)
def test_signs_of_life_that_bring_nothing_give_no_time(bench: Bench, body: str) -> None:
    run = bench.run(body, MORE)
    assert (run.ending, run.detail) == ("limit", "time: more than 1 seconds")
    assert run.seconds < 5


def test_arrays_give_time_until_the_total_is_over(bench: Bench) -> None:
    body = ARRAY + "while True:\n    send(1)\n    time.sleep(0.2)"
    run = bench.run(body, dataclasses.replace(MORE, total=2))
    assert (run.ending, run.detail) == ("limit", "time: more than 2 seconds in all")


def test_what_comes_after_an_event_is_counted_after_it(bench: Bench) -> None:
    body = "print('ab', end='')\nchannel.fact('life')\nprint('cdef')\nopen('late', 'w').close()"
    slow = Receiver(0, on_fact=lambda _: time.sleep(0.3))
    run = bench.run(body, MORE, receiver=slow)
    assert run.ending == "finished"
    assert run.marks["life"].printed == 2
    assert run.marks["life"].written == ()
    assert run.written == ("late",)


@linux_only
def test_cpu_time_of_children_counts(bench: Bench) -> None:
    body = """
        for _ in range(2):
            if not os.fork():
                end = time.process_time() + 0.4
                while time.process_time() < end:
                    pass
                os._exit(0)
            os.wait()
        time.sleep(0.3)
        """
    assert 0.7 < bench.run(body).cpu_seconds < 3


def test_only_our_environment_goes_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    bench.run("channel.fact('environment', **os.environ)")
    names = set(bench.fact("environment")) - {"fact", "LC_CTYPE", "PWD", "OLDPWD"}
    assert names == {
        "PATH", "HOME", "TMPDIR", "LANG", "CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "MALLOC_ARENA_MAX",
        "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_",
    }  # fmt: skip


def test_settings_and_inputs_go_in(bench: Bench, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("input")
    body = """
        with open(os.path.join(settings['inputs'], 'x y')) as file:
            channel.fact('read', text=file.read(), word=settings['word'])
        """
    assert bench.run(body, inputs={"x y": given}, settings={"word": "é"}).ending == "finished"
    assert bench.fact("read")["text"] == "input"
    assert bench.fact("read")["word"] == "é"


SEEN = "channel.fact('seen', paths=[path for path in settings['paths'] if os.path.exists(path)])"


def _seen(bench: Bench, *paths: object, interpreter: Optional[Interpreter] = None) -> List[str]:
    run = bench.run(SEEN, settings={"paths": [str(path) for path in paths]}, interpreter=interpreter)
    assert run.ending == "finished", run
    found: List[str] = bench.fact("seen")["paths"]
    return found


def test_the_machine_is_not_seen(walled: Bench) -> None:
    own = Path(__file__).resolve()
    home = Path.home()
    paths = ["/etc/passwd", "/etc/hostname", home / ".bashrc", home / ".keras", "/var", "/sys", own.parent]
    paths += [view.PACKAGE / "datasets", own.parent.parent / "fixtures", walled.workspace, "/run", "/home"]
    assert _seen(walled, *paths) == []


def test_nothing_but_the_scratch_can_be_written(walled: Bench) -> None:
    body = """
        for path in ('/x', '/dev/x', '/usr/x', '/submission/x', '/probes/x', '/proc/sys/kernel/core_pattern',
                     '/submission/given', '/proc/self/oom_score_adj', sys.prefix + '/lib/x',
                     '/proc/sysrq-trigger', '/etc/x'):
            try:
                # Opened and never written to.
                os.close(os.open(path, os.O_WRONLY | (0 if os.path.exists(path) else os.O_CREAT)))
                channel.fact('open', path=path)
            except OSError:
                pass
        for path in ('/scratch/x', '/tmp/x', '/dev/shm/x'):
            open(path, 'w').close()
        """
    assert walled.run(body, inputs={"given": Path(__file__)}).ending == "finished"
    assert walled.names() == ["before", "after"]


def test_there_is_no_network_and_no_other_process(walled: Bench) -> None:
    body = """
        try:
            socket.create_connection(('192.0.2.1', 80), 2)
        except OSError as error:
            channel.fact('network', errno=error.errno)
        with open('/proc/net/dev') as file:
            names = [line.split(':')[0].strip() for line in file if ':' in line]
        channel.fact('ids', pids=[int(name) for name in os.listdir('/proc') if name.isdigit()],
                     uid=os.getuid(), interfaces=names)
        """
    walled.run(body)
    assert walled.fact("network")["errno"] == 101
    ids = walled.fact("ids")
    assert len(ids["pids"]) == 2
    assert ids["uid"] == 1000
    assert ids["interfaces"] == ["lo"]


def _package(folder: Path) -> Path:
    """A copy of the checker, as far as it is recognised; returns the file that must not be seen."""
    for name in ("probes/wire.py", "images/labels"):
        file = folder / view.PACKAGE.name / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return folder / view.PACKAGE.name / "images" / "labels"


def test_copies_of_the_checker_are_not_seen_by_any_name(
    walled: Bench, tmp_path: Path, interpreter: Interpreter
) -> None:
    site = tmp_path / "env" / "lib" / "python3.8" / "site-packages"
    secret = _package(site)
    (site / "other.py").write_text("")
    alias = tmp_path / "alias"
    alias.symlink_to(tmp_path / "env")
    folders = (*interpreter.folders, str(alias), str(alias / "lib" / "python3.8"), str(site))
    other = dataclasses.replace(interpreter, folders=folders)
    inside = "lib/python3.8/site-packages"
    seen = _seen(
        walled,
        secret,
        alias / inside / "checker/images/labels",
        alias / inside / "other.py",
        interpreter=other,
    )
    assert seen == [str(alias / inside / "other.py")]


def test_our_own_package_is_masked_where_it_lies_in_the_interpreter(
    walled: Bench, tmp_path: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    secret = _package(site)
    for name in ("vendor",):
        (site / "checker" / name).mkdir()
    monkeypatch.setattr(view, "PACKAGE", site / "checker")
    other = dataclasses.replace(interpreter, folders=(*interpreter.folders, str(site)))
    assert _seen(walled, secret, site, interpreter=other) == [str(site)]


def test_work_beside_an_environment_is_not_seen(
    walled: Bench, tmp_path: Path, interpreter: Interpreter
) -> None:
    folder = tmp_path / "submissions"
    site = folder / "lib" / "python3.8" / "site-packages"
    site.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")
    (folder / "somebody").mkdir()
    other = dataclasses.replace(interpreter, folders=(*interpreter.folders, str(folder), str(site)))
    assert _seen(walled, folder / "somebody", site, interpreter=other) == [str(site)]


def test_a_link_to_an_interpreter_shows_no_home(
    walled: Bench, tmp_path: Path, interpreter: Interpreter
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text("")
    (home / "python").symlink_to(os.path.realpath(interpreter.executable))
    other = interpreters.ask(str(home / "python"))
    assert str(home) in other.folders
    assert _seen(walled, home / "secret", home / "python", interpreter=other) == [str(home / "python")]


@linux_only
def test_without_bubblewrap_the_level_says_why(
    tmp_path: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    below = Sandbox(interpreter, tmp_path, "landlock").isolation
    isolation = Sandbox(interpreter, tmp_path).isolation
    assert isolation.level == below.level
    assert isolation.detail.startswith("bubblewrap is not installed")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/false")
    isolation = Sandbox(interpreter, tmp_path).isolation
    assert isolation.level == below.level
    assert isolation.detail.startswith("the trial run of bubblewrap failed")
    monkeypatch.setattr(landlock, "version", lambda: 5)
    isolation = Sandbox(interpreter, tmp_path).isolation
    assert isolation.level == "limits"
    assert isolation.detail.endswith("; Landlock of version 6 is needed (Linux 6.12), here it is 5")
    assert os.listdir(str(tmp_path)) == []


HELD = """
told = channel.fact("planned")
channel.fact("told", **told)
"""


def test_a_gate_holds_a_probe_until_it_is_opened_and_the_wait_counts_for_nothing(bench: Bench) -> None:
    gate = Gate("planned")
    limits = dataclasses.replace(LIMITS, seconds=5, then={"planned": 1})
    opening = threading.Timer(3, gate.open, kwargs={"shape": [1, 2], "guess": False})
    opening.start()
    run = bench.run(HELD, limits, gate=gate)
    opening.join()
    assert run.ending == "finished", run
    assert bench.fact("told") == {"fact": "told", "shape": [1, 2], "guess": False}
    assert run.seconds < 3


def test_a_gate_that_is_open_before_holds_nothing(bench: Bench) -> None:
    gate = Gate("planned")
    gate.open()
    run = bench.run(HELD, dataclasses.replace(LIMITS, then={"planned": 5}), gate=gate)
    assert (run.ending, bench.fact("told")) == ("finished", {"fact": "told"})


def test_behind_an_open_gate_time_counts(bench: Bench) -> None:
    gate = Gate("planned")
    threading.Timer(0.5, gate.open).start()
    limits = dataclasses.replace(LIMITS, then={"planned": 1})
    run = bench.run(HELD + "\ntime.sleep(60)\n", limits, gate=gate)
    assert (run.ending, run.detail) == ("limit", "time: more than 1 seconds")


def test_a_run_that_waits_at_a_gate_can_be_called_off(bench: Bench) -> None:
    called_off = time.monotonic() + 1

    def tick() -> None:
        if time.monotonic() > called_off:
            raise Stop

    run = bench.run(HELD, dataclasses.replace(LIMITS, then={"planned": 5}), tick=tick, gate=Gate("planned"))
    assert run.ending == "stopped"
    assert run.seconds < 5
    assert bench.names() == ["before", "planned"]


def test_a_deep_tree_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.getcwd()
    os.chdir(str(top))
    try:
        for _ in range(1500):
            os.mkdir("deep")
            os.chdir("deep")
    finally:
        os.chdir(here)
    (tmp_path / "outside").write_text("kept")
    (top / "link").symlink_to(tmp_path)
    scratch.remove(top)
    assert os.listdir(str(tmp_path)) == ["outside"]
