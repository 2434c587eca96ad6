"""Interpreters by version, and environments made with the real pip and the real uv, without a network."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from checker import finder, interpreters
from tests import fixtures_run, program

VERSION = "{}.{}".format(*sys.version_info[:2])
RELEASE = "{}.{}.{}".format(*sys.version_info[:3])
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
MAKERS = ("pip", "uv")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a virtual environment without any package."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def desk(tmp_path: Path, **more: str) -> Dict[str, str]:
    """An environment in which no interpreter is found but those of the system."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    variables = program.environment(
        tmp_path / "tmp", HOME=str(home), PATH="/usr/bin:/bin", PYENV_ROOT=str(home)
    )
    for name in ("XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "MAMBA_ROOT_PREFIX"):
        variables.pop(name, None)
    return {**variables, **more}


def run(tmp_path: Path, *arguments: object, **variables: str) -> Tuple[int, str, str]:
    """Run the program."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [*program.command()[:-1], *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=str(tmp_path),
        env=desk(tmp_path, **variables),
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    program.nothing_left(tmp_path / "tmp")
    return done.returncode, done.stdout, done.stderr


def shim(path: Path) -> None:
    """What pyenv puts on PATH for a version that is not active."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("3.9", "3.9"),
        ("3.9.18", "3.9.18"),
        ("python3.9", "3.9"),
        ("3", ""),
        ("python3", ""),
        ("./3.9", ""),
        ("3.9.18.1", ""),
        ("3.9rc1", ""),
        ("venv/bin/python3.9", ""),
        ("", ""),
    ],
)
def test_which_names_ask_for_a_version(name: str, version: str) -> None:
    assert finder.specifier(name) == version


@pytest.mark.parametrize("wanted", [VERSION, RELEASE])
@pytest.mark.parametrize("place", ["path", "pyenv", "uv", "conda"])
def test_an_interpreter_is_found_by_its_version_behind_a_shim(
    tmp_path: Path, bare: Path, place: str, wanted: str
) -> None:
    shim(tmp_path / "shims" / ("python" + VERSION))
    variables = desk(tmp_path, PATH="{}:/usr/bin:/bin".format(tmp_path / "shims"))
    if place == "path":
        variables["PATH"] = "{}:{}".format(variables["PATH"], bare / "bin")
    elif place == "pyenv":
        (tmp_path / "home" / "versions").mkdir()
        (tmp_path / "home" / "versions" / RELEASE).symlink_to(bare)
    elif place == "uv":
        (tmp_path / "home" / ".local" / "share" / "uv" / "python").mkdir(parents=True)
        (tmp_path / "home/.local/share/uv/python/cpython-{}-any".format(RELEASE)).symlink_to(bare)
    else:
        (tmp_path / "home" / ".conda").mkdir()
        (tmp_path / "home" / ".conda" / "environments.txt").write_text("relative\n{}\n/none\n".format(bare))
    found = [os.path.realpath(Path(one.executable).parent) for one in finder.find(wanted, variables)]
    assert os.path.realpath(bare / "bin") in found
    assert all(finder.fits(one.python, wanted) for one in finder.find(wanted, variables))


def test_a_folder_of_path_that_depends_on_where_we_are_is_not_looked_into(tmp_path: Path) -> None:
    program.submission(tmp_path / "s")
    trap = tmp_path / "s" / ("python" + VERSION)
    trap.write_text("#!/bin/sh\ntouch {}\n".format(tmp_path / "ran"))
    trap.chmod(0o755)
    done = program.check(
        tmp_path,
        "--quick",
        "--python",
        VERSION,
        cwd=tmp_path / "s",
        variables={"PATH": ".::{}".format(os.environ["PATH"])},
    )
    assert done.code in (0, 2)
    assert not (tmp_path / "ran").exists()


def test_the_one_with_tensorflow_comes_first_then_the_newest(tmp_path: Path, bare: Path) -> None:
    python = interpreters.ask(fixtures_run.PYTHON)
    version = python.python.rpartition(".")[0]
    if version != VERSION:
        pytest.skip("the interpreter under test is Python {}, and this is {}".format(version, VERSION))
    places = "{}:{}".format(bare / "bin", Path(python.executable).parent)
    done = program.check(
        tmp_path,
        "--quick",
        "--python",
        VERSION,
        program.submission(tmp_path / "s"),
        variables=desk(tmp_path, PATH=places),
    )
    assert done.result is not None, done.err
    assert done.result["interpreter"]["versions"]["tensorflow"] == python.versions["tensorflow"]
    assert done.result["interpreter"]["named_by"] == "--python"


def test_where_nothing_fits_it_is_said_what_was_found_and_how_to_get_one(tmp_path: Path) -> None:
    program.submission(tmp_path / "s")
    code, _, err = run(tmp_path, "check", "--quick", "s", "--python", "3.77")
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a Python 3.77" in err
    assert "{} ({})".format(RELEASE, sys.executable) in err
    assert "uv python install 3.77" in err
    assert "pyenv install 3.77" in err
    code, _, err = run(tmp_path, "check", "--quick", "s", "--python", "3.7")
    assert code == 2
    assert "expected a Python 3.8 or later" in err
    assert "install 3.7" not in err


def test_the_folder_of_an_environment_is_a_name_of_its_interpreter(tmp_path: Path, bare: Path) -> None:
    done = program.check(tmp_path, "--quick", program.submission(tmp_path / "s"), "--python", str(bare))
    assert done.result is not None, done.err
    assert done.result["interpreter"]["executable"] == str(bare / "bin" / "python")


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a package that has nothing but its name and version, as pip takes it."""
    folder.mkdir(exist_ok=True)
    module, info = name.replace("-", "_"), "{}-{}.dist-info/".format(name.replace("-", "_"), version)
    with zipfile.ZipFile(str(folder / "{}-{}-py3-none-any.whl".format(module, version)), "w") as archive:
        archive.writestr(module + ".py", "")
        archive.writestr(
            info + "METADATA", "Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(name, version)
        )
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")


class Maker:
    """An edition for this Python, whose packages lie in a folder; ``by`` is pip or uv."""

    def __init__(self, tmp_path: Path, by: str) -> None:
        self.tmp_path = tmp_path
        for name in ("tensorflow", "tensorflow-cpu"):
            wheel(tmp_path / "wheels", name, "2.6.0")
        self.variables = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path / "wheels"),
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(tmp_path / "wheels"),
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_OFFLINE": "1",
        }
        if by == "uv":
            if not os.access(UV, os.X_OK):
                pytest.skip("uv is not installed")
            (tmp_path / "bin").mkdir()
            (tmp_path / "bin" / "uv").symlink_to(UV)
            self.variables["PATH"] = "{}:/usr/bin:/bin".format(tmp_path / "bin")
        self.edition = tmp_path / "edition.toml"
        self.write("tensorflow==2.6.*")
        self.folder = tmp_path / "cache/transfer-checker/environments/cifar10-transfer-2022"

    def write(self, *requirements: str, python: str = VERSION) -> None:
        """Write the edition."""
        text = re.sub(r"(?m)^python = .*", 'python = "{}"'.format(python), program.edition_text())
        text, count = re.subn(r"(?m)^requirements = .*", "requirements = {}".format(list(requirements)), text)
        assert count == 1
        self.edition.write_text(text)

    def create(self, *arguments: str) -> Tuple[int, str, str]:
        """Run ``checker env create``."""
        return run(self.tmp_path, "env", "create", "--assignment", self.edition, *arguments, **self.variables)

    def taken(self) -> Tuple[str, str]:
        """The interpreter that a check takes, and why."""
        folder = program.submission(self.tmp_path / "s")
        done = program.check(self.tmp_path, "--quick", folder, "--assignment", self.edition)
        assert done.result is not None, done.err
        found = done.result["interpreter"]
        return found["executable"], found["named_by"]


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    return Maker(tmp_path, request.param)


@pytest.fixture
def pip_maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path, "pip")


def test_an_environment_is_made_once_and_a_check_takes_it(maker: Maker) -> None:
    assert maker.taken() == (sys.executable, "the checker's own")
    code, out, err = maker.create()
    assert code == 0, out + err
    assert "Making {}".format(maker.folder) in out
    python = str(maker.folder / "bin" / "python")
    assert maker.taken() == (python, "checker env create")
    before = program.picture(maker.folder)
    code, out, _ = maker.create()
    assert code == 0
    assert "There already: " + python in out
    assert program.picture(maker.folder) == before
    code, out, _ = maker.create("--force", "--python", VERSION)
    assert code == 0
    assert "Making" in out
    code, out, _ = run(maker.tmp_path, "env", "list")
    assert (code, out.split()) == (0, ["cifar10-transfer-2022", python])
    assert run(maker.tmp_path, "env", "remove", "cifar10-transfer-2022")[0] == 0
    assert not maker.folder.exists()
    assert maker.taken() == (sys.executable, "the checker's own")
    code, _, err = run(maker.tmp_path, "env", "remove", "../home")
    assert code == 2
    assert "there are: none" in err


def test_an_active_environment_without_tensorflow_gives_way_to_the_made_one(
    pip_maker: Maker, bare: Path
) -> None:
    assert pip_maker.create()[0] == 0
    folder = program.submission(pip_maker.tmp_path / "s")
    done = program.check(
        pip_maker.tmp_path,
        "--quick",
        folder,
        "--assignment",
        pip_maker.edition,
        variables={"VIRTUAL_ENV": str(bare)},
    )
    assert done.result is not None
    assert done.result["interpreter"]["named_by"] == "checker env create"


def test_what_cannot_be_installed_is_said_in_pips_words_and_ours(maker: Maker) -> None:
    maker.write("tensorflow==2.6.*", "nowhere-to-be-found==1.0")
    code, _, err = maker.create()
    assert code == 3
    assert "nowhere-to-be-found" in err
    assert err.rstrip().splitlines()[-1].startswith("checker: ")
    assert "Nothing is left" in err
    assert not maker.folder.exists()
    assert maker.taken()[1] == "the checker's own"


def test_other_requirements_of_the_edition_make_it_anew(pip_maker: Maker) -> None:
    wheel(pip_maker.tmp_path / "wheels", "another", "1.0")
    assert pip_maker.create()[0] == 0
    pip_maker.write("tensorflow==2.6.*", "another")
    assert pip_maker.taken()[1] == "the checker's own"
    code, out, _ = pip_maker.create()
    assert code == 0
    assert "Installing" in out
    assert pip_maker.taken()[1] == "checker env create"


def test_without_the_editions_python_the_command_that_gets_one_is_named(maker: Maker) -> None:
    maker.write("tensorflow==2.6.*", python="3.77")
    code, out, err = maker.create()
    assert (code, out) == (3, "")
    assert "no Python 3.77" in err
    assert "uv python install 3.77" in err
    assert not maker.folder.exists()


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a package index that takes questions and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        yield "http://127.0.0.1:{}/simple".format(server.getsockname()[1])


def waiting(maker: Maker, index: str) -> subprocess.Popen[str]:
    """Start to make an environment, and return while its packages are awaited."""
    (maker.tmp_path / "its").mkdir()
    maker.variables.update(UV_DEFAULT_INDEX=index, PIP_INDEX_URL=index)
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        maker.variables.pop(name)
    variables = desk(
        maker.tmp_path, PIP_CONFIG_FILE=os.devnull, TMPDIR=str(maker.tmp_path / "its"), **maker.variables
    )
    command = [*program.command()[:-1], "env", "create", "--assignment", str(maker.edition)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables, cwd="/"
    )
    deadline = time.monotonic() + 60
    while not installers(maker):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    return process


def installers(maker: Maker) -> List[str]:
    """Processes that install into the environment."""
    lines = program.processes(maker.tmp_path / "its")
    return [line for line in lines if " install " in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_environment_and_no_process(
    maker: Maker, silent_server: str, number: signal.Signals
) -> None:
    process = waiting(maker, silent_server)
    assert maker.folder.exists()
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 3, out
    assert out.endswith("checker: interrupted; nothing was decided\n")
    assert not maker.folder.exists()
    program.nothing_left(maker.tmp_path / "its")


def test_what_was_killed_half_way_is_never_taken_and_made_anew(pip_maker: Maker, silent_server: str) -> None:
    variables = dict(pip_maker.variables)
    process = waiting(pip_maker, silent_server)
    code, _, err = pip_maker.create()
    assert code == 3
    assert "just now" in err
    process.kill()
    process.wait(timeout=10)
    for one in program.psutil.process_iter():
        if str(pip_maker.folder) in " ".join(cmdline(one)):
            one.kill()
            one.wait(10)
    process.communicate(timeout=10)
    assert (pip_maker.folder / "bin" / "python").exists()
    assert pip_maker.taken()[1] == "the checker's own"
    assert "not finished" in run(pip_maker.tmp_path, "env", "list")[1]
    pip_maker.variables = variables
    assert pip_maker.create()[0] == 0
    assert pip_maker.taken()[1] == "checker env create"


def cmdline(process: Any) -> List[str]:
    try:
        found: Optional[List[str]] = process.cmdline()
    except program.psutil.Error:
        found = None
    return found or []


def test_a_cache_that_cannot_be_written_is_said(pip_maker: Maker) -> None:
    (pip_maker.tmp_path / "cache").write_text("a file")
    code, out, err = pip_maker.create()
    assert (code, out) == (3, "")
    assert err.startswith("checker: the environment cannot be made in ")
