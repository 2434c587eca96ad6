"""The engine takes orders from nothing around it, and a check that does not report is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, cast

import pytest

from checker import checks, editions, engine
from checker.asked import Notes
from checker.errors import UsageError
from checker.gather import Evidence
from checker.outcomes import Blocked, Status
from checker.progress import Observer
from checker.result import CheckResult
from tests import program

EDITION = editions.load(editions.DEFAULT, checks.every())
QUICK = [name for name, rule in EDITION.checks.items() if rule.quick]
EVIL = "import os\nos.write(2, b'HIJACKED by ' + __name__.encode())\nos._exit(0)\n"


def poisoned(folder: Path) -> Path:
    """A submission with everything in it that pytest or Python might obey."""
    program.submission(folder)
    for name in (
        "pytest",
        "numpy",
        "json",
        "rich",
        "psutil",
        "tomli",
        "tomllib",
        "dacite",
        "_pytest",
        "scipy",
    ):
        (folder / (name + ".py")).write_text(EVIL)
    for name in (
        "conftest",
        "tensorflow",
        "pycodestyle",
        "lzma",
        "zipfile",
        "argparse",
        "tempfile",
        "hashlib",
    ):
        (folder / (name + ".py")).write_text(EVIL)
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --collect-only -p conftest\npython_functions = no_*\n"
    )
    (folder / "tox.ini").write_text("[pytest]\naddopts = --help\n[pycodestyle]\nmax-line-length = 1\n")
    (folder / "setup.cfg").write_text("[tool:pytest]\naddopts = -k nothing\n[pycodestyle]\nignore = E,W\n")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-k nothing'\n")
    return folder


VARIABLES = {
    "PYTEST_ADDOPTS": "--collect-only -k nothing",
    "PYTEST_PLUGINS": "conftest",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
    "PYTEST_DEBUG": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "FORCE_COLOR": "1",
    "COLUMNS": "20",
}


def statuses(done: program.Done) -> Dict[str, Any]:
    assert done.result is not None, done.err
    return {item["name"]: (item["status"], item["known"], item["points"]) for item in done.result["checks"]}


def console_script(folder: Path) -> Path:
    """What pip writes for the entry point ``checker``, where the package is installed."""
    path = folder / "checker"
    words = "#!{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n{}from checker.__main__ import main\n"
    words += "if __name__ == '__main__':\n    sys.exit(main())\n"
    # An installed package lies behind PYTHONPATH; this one lies behind all that is on the path.
    path.write_text(words.format(sys.executable, "sys.path.append({!r})\n".format(str(program.ROOT))))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("start", ["module", "console script"])
def test_nothing_that_lies_around_is_obeyed(tmp_path: Path, start: str) -> None:
    folder = poisoned(tmp_path / "s")
    variables = dict(VARIABLES)
    if start == "module":
        # Before a module runs Python itself imports from these; the source tree has to come from somewhere.
        line: List[Any] = [sys.executable, "-m", "checker", "check"]
        variables["PYTHONPATH"] = os.pathsep.join([str(program.ROOT), str(folder)])
        for name in ("argparse", "tempfile", "hashlib", "zipfile", "lzma"):
            (folder / (name + ".py")).rename(folder / (name + ".off"))
    else:
        (folder / "bin").mkdir()
        line = [str(console_script(folder / "bin")), "check"]
        variables["PYTHONPATH"] = os.pathsep.join(["", str(folder), "."])
    usual = program.check(tmp_path, "--quick", program.submission(tmp_path / "usual"))
    before = program.picture(folder)
    done = program.check(tmp_path, "--quick", ".", cwd=folder, line=line, variables=variables)
    assert "HIJACKED" not in done.out + done.err
    assert done.err == ""
    assert done.code == 0
    assert statuses(done) == statuses(usual)
    assert done.out.split("\n\n", 1)[1] == usual.out.split("\n\n", 1)[1]
    assert program.picture(folder) == before


def test_isolated_python_ignores_a_package_of_the_same_name_too(tmp_path: Path) -> None:
    folder = poisoned(tmp_path / "s")
    (folder / "checker").mkdir()
    (folder / "checker" / "__init__.py").write_text(EVIL)
    (folder / "sitecustomize.py").write_text(EVIL)
    line = [sys.executable, "-I", *cast(List[str], program.command())[1:]]
    variables = {**VARIABLES, "PYTHONPATH": str(folder)}
    done = program.check(tmp_path, "--quick", ".", cwd=folder, line=cast(Any, line), variables=variables)
    assert (done.code, done.err) == (0, "")


def test_a_folder_of_tests_or_of_python_itself_as_the_current_one_is_no_matter(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    for current in (Path(os.__file__).parent, checks.FOLDER, Path("/")):
        assert program.check(tmp_path, "--quick", folder, cwd=current).code == 0


def test_a_package_that_is_missing_is_named(tmp_path: Path) -> None:
    line: List[Any] = [sys.executable, "-I", "-S", *program.command()[1:]]
    done = program.check(tmp_path, "--quick", tmp_path, line=line)
    assert done.code == 3
    assert "a package that it needs cannot be imported" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("depth", [["--quick"], ["--select", ",".join(QUICK)]])
def test_reading_alone_imports_neither_numpy_nor_tensorflow_in_any_process(
    tmp_path: Path, depth: List[str]
) -> None:
    # An environment in which either import is the end of the process that tries, whoever tries; its
    # interpreter is the checker's own and the submission's.
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True, timeout=60
    )
    python = tmp_path / "env" / "bin" / "python"
    answer = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        check=True,
        capture_output=True,
        text=True,
    )
    packages = Path(answer.stdout.strip())
    # Of what is installed here, packages by name: no .pth file, no other way to the real ones.
    theirs = {
        os.path.dirname(os.path.dirname(str(sys.modules[name].__file__))) for name in ("pytest", "psutil")
    }
    for path in [path for folder in theirs for path in Path(folder).iterdir()]:
        wanted = path.suffix in (".py", "", ".so") and not path.name.startswith(("numpy", "tensorflow", "__"))
        if wanted and not (packages / path.name).exists():
            (packages / path.name).symlink_to(path)
    for name in ("numpy", "tensorflow"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    line: List[Any] = [str(python), *program.command()[1:]]
    folder = program.submission(tmp_path / "s")
    done = program.check(tmp_path, *depth, folder, line=line)
    assert done.code == 0, done.out + done.err
    assert done.result is not None
    assert [stage["ending"] for stage in done.result["stages"]] == ["finished"]
    for name in ("numpy", "tensorflow"):  # the poison works
        assert subprocess.run([str(python), "-I", "-c", "import " + name], check=False).returncode == -9


class Spy(Observer):
    """Keeps what it is told; raises at one check."""

    def __init__(self, at: str = "", error: Optional[BaseException] = None) -> None:
        self.names: List[str] = []
        self._at, self._error = at, error

    def check(self, result: CheckResult) -> None:
        """Keep the name of the check."""
        self.names.append(result.name)
        if self._error is not None and result.name == self._at:
            raise self._error


class Nothing:
    """Evidence that is not there: every check that asks for some is blocked."""

    notes = Notes()

    def __getattr__(self, name: str) -> Any:
        raise Blocked("waits-for-file", "evidence", "none")


def test_all_declared_checks_are_reported_in_order() -> None:
    spy = Spy()
    ran = engine.run(cast(Evidence, Nothing()), EDITION, True, spy)
    assert not ran.interrupted
    assert [item.name for item in ran.results] == list(EDITION.checks)
    assert spy.names == list(EDITION.checks)
    assert {item.status for item in ran.results} == {Status.BLOCKED, Status.NOT_RUN}


def test_a_fault_around_the_checks_makes_errors_of_those_that_it_kept_from_reporting(
    capfd: pytest.CaptureFixture[str],
) -> None:
    spy = Spy("shebang", RuntimeError("no more"))
    ran = engine.run(cast(Evidence, Nothing()), EDITION, True, spy)
    by_name = {item.name: item for item in ran.results}
    assert not ran.interrupted
    assert by_name["readme_file"].status is Status.BLOCKED
    for name in QUICK[QUICK.index("shebang") + 1 :]:
        assert by_name[name].status is Status.ERROR
        assert by_name[name].points == 0
        reason = by_name[name].reason
        assert reason is not None
        assert "it did not: RuntimeError: no more" in reason.found
    assert spy.names == list(EDITION.checks)
    assert "INTERNALERROR" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("broken", ["raise RuntimeError('unreadable')\n", "def check_\n", ""])
def test_checks_of_a_module_that_cannot_be_read_are_errors_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    known = checks.every()
    for path in checks.FOLDER.glob("*.py"):
        (tmp_path / path.name).write_text(broken if path.name == "files.py" else path.read_text())
    monkeypatch.setattr(checks, "FOLDER", tmp_path)
    monkeypatch.setattr(checks, "every", lambda: known)
    options = [str(tmp_path) if str(option).endswith("checks") else option for option in engine._OPTIONS]
    monkeypatch.setattr(engine, "_OPTIONS", options)
    spy = Spy()
    ran = engine.run(cast(Evidence, Nothing()), EDITION, True, spy)
    by_name = {item.name: item.status for item in ran.results}
    assert not ran.interrupted
    assert by_name["shebang"] is by_name["script_file"] is Status.ERROR
    assert by_name["style"] is Status.BLOCKED
    assert spy.names == list(EDITION.checks)


def test_an_interrupt_keeps_what_was_found_and_the_rest_is_not_run() -> None:
    spy = Spy("shebang", KeyboardInterrupt())
    ran = engine.run(cast(Evidence, Nothing()), EDITION, False, spy)
    assert ran.interrupted
    assert [item.name for item in ran.results] == list(EDITION.checks)
    assert {item.status for item in ran.results[4:]} == {Status.NOT_RUN}
    assert ran.results[0].status is Status.BLOCKED


def test_a_usage_error_in_a_stage_ends_the_run() -> None:
    class Wrong:
        notes = Notes()

        def __getattr__(self, name: str) -> Any:
            raise UsageError("these images are of no use")

    with pytest.raises(UsageError, match="of no use"):
        engine.run(cast(Evidence, Wrong()), EDITION, True, Spy())


def test_the_environment_is_as_it_was_after_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "")
    before = dict(os.environ)
    engine.run(cast(Evidence, Nothing()), EDITION, True, Spy())
    assert dict(os.environ) == before
