"""The command line as people meet it: interrupts, wrong options, terminals, pipes, JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, get_type_hints

import jsonschema
import pytest

from checker import result as results
from checker.errors import UsageError
from checker.outcomes import Status
from checker.reports import json as json_report
from checker.reports import terminal
from checker.result import Result
from checker.text import printable, printable_lines
from tests import program

SCHEMA = json.loads((program.ROOT / "checker" / "result.schema.json").read_text())


def start(scratch: Path, *arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
    """Start a run that is going to be interrupted."""
    (scratch / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        [*program.command(), *map(os.fsencode, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(scratch),
        env=program.environment(scratch / "tmp", PYTHONUNBUFFERED="1"),
        start_new_session=True,
        **options,
    )


def end(scratch: Path, process: subprocess.Popen[bytes]) -> Tuple[int, str, str]:
    """Wait for the end of a run that left nothing behind; no traceback in what it said."""
    out, err = (text.decode() for text in process.communicate(timeout=30))
    assert "Traceback" not in out + err, err
    program.nothing_left(scratch / "tmp")
    return process.returncode, out, err


def said(process: subprocess.Popen[bytes], words: str) -> str:
    """What a run has said, once these words are among it."""
    assert process.stdout is not None
    out = b""
    while words.encode() not in out:
        more = os.read(process.stdout.fileno(), 1 << 16)
        assert more, out.decode()
        out += more
    return out.decode()


def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def slow_submission(folder: Path) -> Path:
    """One over whose style the probe takes long."""
    program.submission(folder)
    lines = "x = [" + "1, " * 40 + "]\n"
    (folder / "0-transfer.py").write_text(program.SCRIPT + lines * 10_000)
    return folder


NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("times", [1, 2, 5])
def test_an_interrupt_during_a_probe_gives_a_partial_verdict(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    folder = slow_submission(tmp_path / "s")
    before = program.picture(folder)
    process = start(tmp_path, "--quick", folder, "--format", "json=out.json")
    begun = said(process, "passed   README.md is there")
    until(lambda: any("source" in line for line in program.processes(tmp_path / "tmp")))
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.02)
    code, out, err = end(tmp_path, process)
    assert (code, err) == (3, "")
    out = begun + out
    assert " passed   0-transfer.py is there" in out
    last = " ".join(out.splitlines()[-1].split())
    assert last == "verdict could not decide: interrupted before all checks had run"
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["interrupted"] is True
    assert found["exit_code"] == 3
    by_name = {check["name"]: check["status"] for check in found["checks"]}
    assert by_name["script_file"] == "passed"
    assert by_name["documentation"] == "not run"
    assert terminal.render(Result.from_dict(found)) == out
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert program.picture(folder) == before


AS_A_LINE_IS_SAID = """
import os, signal
from checker.reports import live
say = live.Live.check
def interrupted(self, result):
    if result.name == "script_file":
        os.kill(os.getpid(), signal.SIGINT)
    say(self, result)
live.Live.check = interrupted
"""


def test_an_interrupt_as_a_check_is_reported_leaves_it_in_both_reports(tmp_path: Path) -> None:
    line = program.checker("check", patch=AS_A_LINE_IS_SAID)
    done = program.check(tmp_path, "--quick", program.submission(tmp_path / "s"), line=line)
    assert (done.code, done.err) == (3, "")
    assert done.result is not None
    assert [c["name"] for c in done.result["checks"] if c["status"] == "passed"][-1] == "script_file"
    assert terminal.render(Result.from_dict(done.result)) == done.out


def test_an_interrupt_while_the_interpreter_is_asked_leaves_none_running(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nsleep 1000 &\nsleep 1000\n")
    python.chmod(0o755)
    process = start(tmp_path, "--quick", program.submission(tmp_path / "s"), "--python", python)
    until(lambda: any("sleep" in line for line in program.processes(tmp_path / "tmp")))
    process.send_signal(signal.SIGTERM)
    code, _, err = end(tmp_path, process)
    assert (code, err) == (3, "checker: interrupted; nothing was decided\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_an_interrupt_at_any_moment_leaves_nothing_and_says_one_line(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = program.submission(tmp_path / "s")
    # Python's own start is not ours: what comes before our first line has Python's own answer.
    steps = [0.0, 0.03, 0.06, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3, 0.36]
    for delay in [*steps[number % 3 :: 2], 0.05]:
        target = tmp_path / "out.json"
        process = start(tmp_path, "--quick", folder, "--format", "json={}".format(target))
        while not ours(process.pid) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(delay)
        for _ in range(2):
            if process.poll() is None:
                process.send_signal(number)
        code, out, err = end(tmp_path, process)
        assert code in (0, 3), (code, out, err)
        if target.exists():
            assert json.loads(target.read_text())["exit_code"] == code
            target.unlink()
        if code == 3:
            partial = "interrupted before all checks had run" in out
            assert err == ("" if partial else "checker: interrupted; nothing was decided\n")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "tmp"]


def ours(pid: int) -> bool:
    """Whether our signal handlers are in place (Linux says which signals are caught)."""
    try:
        text = Path("/proc/{}/status".format(pid)).read_text()
    except OSError:
        return False
    found = re.search(r"SigCgt:\s*([0-9a-f]+)", text)
    wanted = sum(1 << (number - 1) for number in NUMBERS)
    return bool(found and int(found.group(1), 16) & wanted == wanted)


def test_what_a_parent_had_us_ignore_stays_ignored(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        "--quick",
        slow_submission(tmp_path / "s"),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    until(lambda: any("source" in line for line in program.processes(tmp_path / "tmp")))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(tmp_path, process)[0] == 3


USAGE = [
    (["--quick", "--exact"], "not allowed with argument --quick"),
    (["--quick", "--images", "x.npz"], "a quick run scores no images"),
    (["--format", "json=no/x.json"], "--format json=no/x.json: expected a file that can be written"),
    (["--format", "json=."], "this is a folder"),
    (["--format", "json="], "this is a folder"),
    (["--format", "json=-"], "--format json is for standard output"),
    (["--format", "yaml"], "--format yaml: expected one of text, json, junit, markdown"),
    (["--format", "\x1b=x"], "--format \\x1b=x: expected one of"),
    (["--format", "json", "--format", "junit"], "one report alone can go to standard output"),
    (["--format", "json=x", "--format", "junit=./x"], "another report goes to this file"),
    (["--select", "shebnag"], "--select shebnag: expected the name of a check"),
    (["--select", "shebang,"], "--select : expected the name of a check"),
    (
        ["--quick", "--select", "shebang,accuracy"],
        "--select accuracy with --quick: this check needs TensorFlow",
    ),
    (["--select", "shebang", "--images", "x.npz"], "the selected checks score no images"),
    (["--bogus"], "unrecognized arguments: --bogus"),
    (["--forma", "json"], "unrecognized arguments: --forma"),
    (["other", "\x1b[2J"], "unrecognized arguments: \\x1b[2J"),
    (["--images"], "argument --images: expected one argument"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_a_wrong_option_is_one_line_and_exit_2(tmp_path: Path, arguments: List[str], words: str) -> None:
    program.submission(tmp_path / "s")
    folder = [] if "other" in arguments else ["s"]
    done = program.check(tmp_path, *folder, *arguments, cwd=tmp_path, json_too=False)
    assert words in program.usage(done)


PYTHONS = {
    "no such command": ("no-such-python", "it is not on PATH"),
    "no such file": ("./no-such-python", "no such file"),
    "folder": ("./s", "permission denied"),
    "not executable": ("./s/README.md", "permission denied"),
    "no program": ("./text", "exec format error"),
    "another program": ("false", "it ended with exit status"),
    "other words": ("./words", "it answers something else"),
    "old": ("./old", "it answers something else"),
    "floods": ("./flood", "does not run as Python 3.8 or later"),
    "odd name": ("./\x1b[2J", "\\x1b"),
}


@pytest.mark.parametrize("kind", sorted(PYTHONS))
@pytest.mark.parametrize("by", ["--python", "CHECKER_PYTHON"])
def test_an_interpreter_that_is_none_is_a_usage_error(tmp_path: Path, kind: str, by: str) -> None:
    program.submission(tmp_path / "s")
    for name, text in {
        "text": "",
        "words": "#!/bin/sh\necho hello\n",
        "old": '#!/bin/sh\necho \'{"python": "3.6"}\'\n',
        "flood": "#!/bin/sh\nexec yes\n",
    }.items():
        (tmp_path / name).write_text(text or "hello\n")
        (tmp_path / name).chmod(0o755)
    if kind == "no program":
        (tmp_path / "text").write_bytes(b"\0\1")
    name, words = PYTHONS[kind]
    arguments = ["--python", name] if by == "--python" else []
    variables = {} if by == "--python" else {by: name}
    done = program.check(tmp_path, "--quick", "s", *arguments, cwd=tmp_path, variables=variables)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert by in done.err
    assert words in done.err
    assert "\x1b" not in done.err


def test_json_is_written_whole_through_links_and_with_the_mode_that_was_there(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert (
        program.check(tmp_path, "--quick", folder, "--format", "json={}".format(link), json_too=False).code
        == 0
    )
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert json.loads(real.read_text())["verdict"] == "meets the assignment"
    done = program.check(tmp_path, "--quick", folder, "--format", "json=/dev/stdout", json_too=False)
    assert json.loads(done.out[done.out.index("\n{") :])["exit_code"] == 0
    other = tmp_path / "other.xml"
    full = ["--format", "json=/dev/full", "--format", "junit={}".format(other)]
    done = program.check(tmp_path, "--quick", folder, *full, json_too=False)
    assert (done.code, other.exists()) == (3, True)
    assert "--format json=/dev/full: the report could not be written: No space left" in done.err


def test_a_report_that_cannot_be_written_is_said_and_undecided(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    (tmp_path / "tmp").mkdir()
    for target, code in (("/dev/full", 3), ("/dev/null", 0)):
        with open(target, "w") as stream:
            done = subprocess.run(
                [*program.command(), "--quick", str(folder)],
                stdout=stream,
                stderr=subprocess.PIPE,
                env=program.environment(tmp_path / "tmp"),
                check=False,
            )
        assert done.returncode == code
        assert (b"could not be written: No space left" in done.stderr) == (code == 3)


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("{} | true", 0),
        ("{} | head -1", 0),
        ("{} >&-", 0),
        ("{} >&- 2>&-", 0),
        ("{} --help | true", 0),
        ("PYTHONUNBUFFERED=1 {} | true", 0),
        ("PYTHONIOENCODING=ascii {}", 0),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {}", 0),
    ],
)
def test_a_reader_that_leaves_or_cannot_spell_changes_no_verdict(
    tmp_path: Path, shell: str, code: int
) -> None:
    folder = program.submission(tmp_path / "fôldér-日本")
    (tmp_path / "tmp").mkdir()
    words = " ".join(shlex.quote(os.fsdecode(word)) for word in [*program.command(), "--quick", str(folder)])
    done = subprocess.run(
        ["bash", "-c", "set -o pipefail\n" + shell.format(words)],
        capture_output=True,
        env=program.environment(tmp_path / "tmp"),
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, b"")
    program.nothing_left(tmp_path / "tmp")


def at_terminal(scratch: Path, folder: Path, **variables: str) -> Tuple[int, bytes, float]:
    """Run at a terminal: exit code, all that was shown, seconds until the first line."""
    (scratch / "tmp").mkdir(exist_ok=True)
    ours_end, theirs = pty.openpty()
    began, first, shown = time.monotonic(), 0.0, b""
    process = subprocess.Popen(
        [*program.command(), "--quick", str(folder)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=program.environment(scratch / "tmp", TERM="xterm-256color", **variables),
        start_new_session=True,
    )
    os.close(theirs)
    while select.select([ours_end], [], [], 30)[0]:
        try:
            data = os.read(ours_end, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
        first = first or (time.monotonic() - began if b"\n" in shown else 0.0)
    os.close(ours_end)
    return process.wait(30), shown, first


def test_at_a_terminal_the_first_line_comes_at_once_and_in_colour(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / "README.md").write_text("no end \x1b[2J")
    seconds = []
    for _ in range(3):
        code, shown, first = at_terminal(tmp_path, folder)
        assert code == 1
        seconds.append(first)
        if min(seconds) < 0.5:
            break
    assert min(seconds) < 0.5
    assert b"\x1b[32m passed" in shown or b"\x1b[32mpassed" in shown
    assert b"\x1b[2J" not in shown
    assert b"Reading the script" in shown


def test_no_color_is_heeded_at_a_terminal(tmp_path: Path) -> None:
    shown = at_terminal(tmp_path, program.submission(tmp_path / "s"), NO_COLOR="1")[1]
    assert b"passed" in shown
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9][;m]", shown)


def test_off_a_terminal_it_is_plain_and_at_most_80_wide(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / ("long " * 30))
    (folder / "0-transfer.py").write_text("#!/usr/bin/python\nx=" + "a" * 300)
    for variables in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "200"}):
        out = program.check(tmp_path, "--quick", folder, variables=variables).out
        assert "\x1b" not in out
        assert max(len(line) for line in out.splitlines()) <= 80


def every_kind_of_run(scratch: Path) -> Iterator[program.Done]:
    """Runs that make results of all the forms that a quick run can have."""
    folder = program.submission(scratch / "s")
    yield program.check(scratch, "--quick", folder)
    (folder / "README.md").unlink()
    (folder / "cifar10.h5").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    yield program.check(scratch, "--quick", folder)
    (folder / "0-transfer.py").write_text("def f(:\n\x1b[31m \u202e \x00 'é'\ufffe")
    yield program.check(scratch, "--quick", folder)
    (folder / "0-transfer.py").write_bytes(bytes(range(256)) * 20)
    yield program.check(scratch, "--quick", folder)
    (folder / "0-transfer.py").unlink()
    yield program.check(scratch, "--quick", folder)


def test_results_fit_the_schema_round_trip_and_give_the_report_that_was_printed(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for done in every_kind_of_run(tmp_path):
        assert done.result is not None, done.err
        validator.validate(done.result)
        built = Result.from_dict(done.result)
        assert built.to_dict() == done.result
        assert Result.from_dict(built.to_dict()) == built
        text = (tmp_path / "result.json").read_text()
        assert json_report.render(built) == text
        assert text.isascii()
        assert terminal.render(built) == done.out


def test_the_report_depends_on_nothing_but_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = program.check(tmp_path, "--quick", program.submission(tmp_path / "s"))
    built = Result.from_dict(done.result or {})
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "JUPYTER_COLUMNS", "NO_COLOR", "TERM"):
        monkeypatch.setenv(name, "1")
    assert terminal.render(built) == done.out


# These have a form, and no other is read.
FORMED = ("status", "verdict", "created", "assignment_digest", "level", "mode", "sha256", "known", "digest")


def test_no_field_of_a_result_reaches_the_terminal_raw(tmp_path: Path) -> None:
    done = program.check(tmp_path, "--quick", program.submission(tmp_path / "s"))
    evil = "\x1b[2J\u202e\x9b\ud800\udcff\r\x07"

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: spoil(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [spoil(item) for item in value]
        return value + evil if isinstance(value, str) and key not in FORMED else value

    spoilt = spoil(done.result)
    spoilt["checks"][0].update(
        status="failed", reason=dict.fromkeys(("name", "expected", "found", "where", "advice"), evil)
    )
    spoilt["checks"][1].update(status="blocked", flags=[{"name": evil, "found": evil}])
    spoilt["interpreter"]["differs"] = [evil]
    shown = terminal.render(Result.from_dict(spoilt))
    assert "\\x1b[2J\\u202e\\x9b\\ud800\\xff\\r\\x07" in shown.replace("\n", "")
    assert not [c for c in shown if c != "\n" and not c.isprintable()]


def dataclasses_below(cls: Any, found: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """A dataclass and all that its fields are made of, by name."""
    found = {} if found is None else found
    if dataclasses.is_dataclass(cls) and cls.__name__ not in found:  # type: ignore[union-attr]
        found[cls.__name__] = cls  # type: ignore[union-attr]
        for kind in get_type_hints(cls).values():
            dataclasses_below(kind, found)
    for argument in getattr(cls, "__args__", ()):
        dataclasses_below(argument, found)
    return found


def test_the_schema_names_exactly_the_fields_of_the_dataclasses() -> None:
    classes = dataclasses_below(Result)
    objects = {"Result": SCHEMA, **SCHEMA["$defs"]}
    assert set(objects) == set(classes)
    for name, cls in classes.items():
        fields = [field.name for field in dataclasses.fields(cls)]
        assert list(objects[name]["properties"]) == fields
        assert objects[name]["required"] == fields
        assert objects[name]["additionalProperties"] is False
    status = objects["CheckResult"]["properties"]["status"]
    assert status == {"enum": [item.value for item in Status]}
    assert SCHEMA["properties"]["schema_version"] == {"const": results.SCHEMA_VERSION}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 1}, "expected schema_version 4, found 1"),
        ({"quick": "yes"}, "quick: expected true or false, found 'yes'"),
        ({"selected": "shebang"}, "selected: expected a list, found 'shebang'"),
        ({"checks": {}}, "checks: expected a list, found a table"),
        ({"extra": 1}, "extra: unknown key"),
        ({"facts": [{"name": "x"}]}, "facts[0].value: missing key; expected text"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, change: Dict[str, Any], words: str) -> None:
    done = program.check(tmp_path, "--quick", program.submission(tmp_path / "s"))
    with pytest.raises(UsageError) as caught:
        Result.from_dict({**(done.result or {}), **change})
    assert words in str(caught.value)
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors({**(done.result or {}), **change}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("é 日本 ñ", "é 日本 ñ"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\x1b[31m\x9b", "\\x1b[31m\\x9b"),
        ("\u202e\u200f\u2066\ufeff", "\\u202e\\u200f\\u2066\\ufeff"),
        (os.fsdecode(b"\xff\x80"), "\\xff\\x80"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_text_from_outside_is_shown_without_controls(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable_lines(text + "\n\tx") == printable_lines(text) + "\n    x"


def test_a_temporary_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    done = program.check(tmp_path, "--quick", folder, variables={"TMPDIR": "/nonexistent"})
    assert done.code in (0, 3)
    assert "fault of the checker" not in done.err


def test_an_interrupt_in_a_finalizer_is_not_lost() -> None:
    code = """
import os, signal, sys, time
sys.path.insert(0, {!r})
from checker import interrupts
interrupts.install()
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass
Dying()
try:
    time.sleep(20)
except KeyboardInterrupt:
    print("came")
""".format(str(program.ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("came\n", "")
