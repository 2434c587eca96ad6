"""``checker doctor`` on machines that lack something: real sandboxes, in which the real program runs."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
import pytest

from checker import checks, choice, editions, interpreters, machine
from checker.datasets import embedded
from checker.sandbox import landlock
from tests import fixtures_run, program
from tests.test_desks import programs_but

HAS = interpreters.ask(fixtures_run.PYTHON)
# The program itself runs in what these make.
NO_NETWORK = ("--unshare-net",)
NOT_ROOT = ("--unshare-user", "--uid", "1000", "--gid", "1000")
ROOT = ("--unshare-user", "--uid", "0", "--gid", "0")
NO_NAMESPACES = (*NOT_ROOT, "--disable-userns")
HAS_LANDLOCK = landlock.version() >= landlock.NEEDED
WITHOUT_BUBBLEWRAP = "behind Landlock" if HAS_LANDLOCK else "under limits alone"
needs_bubblewrap = pytest.mark.skipif(
    not shutil.which("bwrap")
    or subprocess.run(["bwrap", "--unshare-user", "--dev-bind", "/", "/", "true"], check=False).returncode
    != 0,
    reason="a sandbox for the program itself cannot be made here",
)


class Said:
    """What a run said: its exit code, and each finding's status and words."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.findings: Dict[str, str] = {}
        pattern = r"(?m)^ (?:ok|warning|missing) +\S.*\n(?:  .*\n)*"
        for match in re.finditer(pattern, out):
            words = " ".join(match.group().split())
            name = next(name for name in NAMES if match.group()[10:].startswith(name))
            self.findings[name] = words
        self.would = " ".join(out.split("\n\n")[-1].split())


NAMES = (
    "interpreter", "TensorFlow", "trial run", "others here", "isolation", "images", "time", "memory", "disk",
    "file size", "processes", "network",
)  # fmt: skip


def doctor(
    scratch: Path,
    *arguments: object,
    inside: Sequence[str] = (),
    python: str = sys.executable,
    variables: Any = (),
    **options: Any,
) -> Said:
    """Run ``checker doctor``, inside a sandbox of bubblewrap with these options."""
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    wrap: List[Any] = ["bwrap", *inside, "--dev-bind", "/", "/", "--"] if inside else []
    done = subprocess.run(
        [*wrap, python, *program.command()[1:-1], "doctor", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=str(scratch),
        env={**program.environment(temporary), **dict(variables)},
        timeout=200,
        check=False,
        **options,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode == 2 or done.stderr == ""
    program.nothing_left(temporary)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has what the checker needs, and neither TensorFlow nor Keras."""
    folder = tmp_path_factory.mktemp("without") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    target = next(folder.glob("lib/python3*/site-packages"))
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not re.match(
            r"(intel_)?tensorflow|tf_|keras|.*\.(pth|egg-link)$|checker$|__editable__", path.name.lower()
        ):
            (target / path.name).symlink_to(path)
    return str(folder / "bin" / "python")


def alone(scratch: Path, **more: str) -> Dict[str, str]:
    """Variables with which only the system's own interpreters are found."""
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    kept = {"HOME": str(home), "PYENV_ROOT": str(home), "UV_PYTHON_INSTALL_DIR": str(home)}
    return {**kept, "MAMBA_ROOT_PREFIX": str(home), "PATH": "/usr/bin:/bin", **more}


def runs(said: Said, walls: str) -> None:
    """It says that a check can decide here."""
    assert said.code == 0, said.out
    assert said.would == (
        "A check here runs your script in Python {} with TensorFlow {}, {}, on 1,000 images.".format(
            HAS.python, HAS.versions["tensorflow"], walls
        )
    )
    assert said.findings["TensorFlow"].startswith("ok TensorFlow imported in the sandbox")


@needs_bubblewrap
@pytest.mark.parametrize("inside", [ROOT, NOT_ROOT], ids=["root", "not root"])
def test_without_a_network_all_that_a_check_needs_is_there(tmp_path: Path, inside: Sequence[str]) -> None:
    said = doctor(tmp_path, "--python", fixtures_run.PYTHON, inside=[*inside, *NO_NETWORK])
    runs(said, "behind bubblewrap")
    assert said.findings["isolation"] == "ok isolation bubblewrap: it was tried and works"
    assert "there is none; a check needs none" in said.findings["network"]
    differing = choice.differences(HAS, editions.load(editions.DEFAULT, checks.every()))
    assert said.findings["interpreter"].startswith("warning" if differing else "ok")
    assert all(words in said.findings["interpreter"] for words in differing)
    assert "taken because of: --python" in said.findings["interpreter"]


@needs_bubblewrap
@pytest.mark.parametrize("root", [True, False], ids=["root", "not root"])
def test_without_bubblewrap_the_command_that_installs_it_is_named(tmp_path: Path, root: bool) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    path = next(programs_but("bwrap", folder))
    said = doctor(
        tmp_path,
        "--python",
        fixtures_run.PYTHON,
        inside=["--setenv", "PATH", path, *(ROOT if root else NOT_ROOT), *NO_NETWORK],
    )
    runs(said, WITHOUT_BUBBLEWRAP)
    words = said.findings["isolation"]
    assert words.startswith("warning isolation " + ("Landlock" if HAS_LANDLOCK else "limits alone, no walls"))
    assert ": bubblewrap is not installed" in words
    installer = machine.look().installer
    if installer:
        command = "{} bubblewrap".format(installer)
        assert words.endswith("repair: " + command if root else "repair: sudo " + command)


SYSTEMS = {
    "ID=fedora": "sudo dnf install bubblewrap",
    'ID="ubuntu"\nID_LIKE=debian': "sudo apt install bubblewrap",
    "ID=linuxmint\nID_LIKE='ubuntu debian'": "sudo apt install bubblewrap",
    'ID="opensuse-leap"\nID_LIKE="suse opensuse"': "sudo zypper install bubblewrap",
    "ID=elsewhere\n'": "",
}


@needs_bubblewrap
@pytest.mark.parametrize("release", sorted(SYSTEMS))
def test_each_system_has_its_own_command(tmp_path: Path, release: str, without_tensorflow: str) -> None:
    (tmp_path / "os-release").write_text(release + "\n")
    (tmp_path / "bin").mkdir()
    path = next(programs_but("bwrap", tmp_path / "bin"))
    real = os.path.realpath("/etc/os-release")
    wrap = ["bwrap", *NOT_ROOT, "--dev-bind", "/", "/", "--bind", str(tmp_path / "os-release"), real]
    line = [*wrap, "--setenv", "PATH", path, "--", *program.command()[:-1], "doctor"]
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [*line, "--python", without_tensorflow],
        capture_output=True,
        text=True,
        env=program.environment(tmp_path / "tmp", **alone(tmp_path)),
        check=False,
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    wanted = SYSTEMS[release]
    assert said.findings["isolation"].endswith(
        "repair: " + wanted if wanted else "with your system's own installer"
    )


@needs_bubblewrap
def test_bubblewrap_that_does_not_work_is_said_in_its_words(tmp_path: Path) -> None:
    said = doctor(tmp_path, "--python", fixtures_run.PYTHON, inside=NO_NAMESPACES)
    if said.code == 2 or not said.findings:
        pytest.skip("this bubblewrap cannot forbid user namespaces")
    runs(said, WITHOUT_BUBBLEWRAP)
    words = said.findings["isolation"]
    assert "the trial run of bubblewrap failed: bwrap: " in words
    assert "namespace" in words


@needs_bubblewrap
@pytest.mark.parametrize("name", editions.names())
def test_without_tensorflow_the_one_command_that_gets_it_is_named(
    tmp_path: Path, without_tensorflow: str, name: str
) -> None:
    data, _ = editions.read(name)
    wanted = data["environment"]["python"]
    if shutil.which("python" + wanted, path="/usr/local/bin:/usr/bin:/opt/homebrew/bin"):
        pytest.skip("the system's own Python is {}".format(wanted))
    variables = alone(tmp_path)
    said = doctor(
        tmp_path,
        "--assignment",
        name,
        inside=[*NOT_ROOT, *NO_NETWORK],
        python=without_tensorflow,
        variables=variables,
    )
    assert said.code == 3
    assert said.findings["interpreter"].startswith("missing interpreter Python")
    assert "it has no TensorFlow" in said.findings["interpreter"]
    command = "checker env create"
    if name != editions.DEFAULT:
        command += " --assignment " + name
    if "{}.{}".format(*sys.version_info[:2]) != wanted:
        command = "pip install uv && uv python install {} && {}".format(wanted, command)
    assert said.findings["interpreter"].endswith("repair: " + command)
    assert "TensorFlow" not in said.findings
    assert said.would.startswith("A check here reads your files and their style, and then stops")


def test_an_environment_that_is_there_is_named_before_one_is_made(
    tmp_path: Path, without_tensorflow: str
) -> None:
    text = program.edition_text()
    for key, version in (("python", HAS.python), *HAS.versions.items()):
        text = re.sub(r"(?m)^{} = .*".format(key), '{} = "{}"'.format(key, version), text, count=1)
    (tmp_path / "edition.toml").write_text(text)
    (tmp_path / "home" / ".conda").mkdir(parents=True)
    prefix = str(Path(HAS.executable).parent.parent)
    (tmp_path / "home" / ".conda" / "environments.txt").write_text(prefix + "\n")
    arguments = ["--assignment", tmp_path / "edition.toml", "--python", without_tensorflow]
    said = doctor(tmp_path, *arguments, variables=alone(tmp_path))
    assert said.code == 3
    assert said.findings["interpreter"].endswith("repair: export CHECKER_PYTHON=" + HAS.executable) or (
        said.findings["interpreter"].endswith("repair: export CHECKER_PYTHON=" + prefix + "/bin/python")
    )


def test_a_tensorflow_that_cannot_be_imported_is_found_by_trying(
    tmp_path: Path, without_tensorflow: str
) -> None:
    folder = tmp_path / "broken"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "tensorflow").mkdir()
    (site / "tensorflow" / "__init__.py").write_text("raise ImportError('libcudart.so.11.0: no such file')\n")
    (site / "tensorflow-2.6.0.dist-info").mkdir()
    (site / "tensorflow-2.6.0.dist-info" / "METADATA").write_text("Name: tensorflow\nVersion: 2.6.0\n")
    said = doctor(tmp_path, "--python", folder, variables=alone(tmp_path))
    assert said.code == 3
    assert said.findings["TensorFlow"].startswith(
        "missing TensorFlow it cannot be imported here: ImportError"
    )
    assert "libcudart.so.11.0" in said.findings["TensorFlow"]
    assert said.findings["TensorFlow"].endswith("repair: checker env create --force")


def test_what_the_machine_binds_tighter_is_said(tmp_path: Path, without_tensorflow: str) -> None:
    def restrain() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (1_500_000_000, 1_500_000_000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (550_000_000, 550_000_000))

    arguments: Dict[str, Any] = {"variables": alone(tmp_path), "preexec_fn": restrain}
    said = doctor(tmp_path, "--python", without_tensorflow, **arguments)
    assert said.findings["memory"].startswith("warning memory the edition gives 16,000 MB;")
    assert "1,500 MB (ulimit -d)" in said.findings["memory"]
    assert said.findings["file size"].startswith("warning")
    assert "550 MB (ulimit -f)" in said.findings["file size"]


@needs_bubblewrap
def test_a_small_disk_is_said(tmp_path: Path, without_tensorflow: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    wrap = ["bwrap", *NOT_ROOT, "--dev-bind", "/", "/", "--size", "100000000", "--tmpfs", str(small), "--"]
    done = subprocess.run(
        [*wrap, *program.command()[:-1], "doctor", "--python", without_tensorflow],
        capture_output=True,
        text=True,
        env=program.environment(small, **alone(tmp_path)),
        check=False,
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    if "disk" not in said.findings:
        pytest.skip("this bubblewrap makes no folder of a size: " + done.stderr)
    assert said.findings["disk"].startswith("warning disk 100 MB free in")
    assert said.findings["disk"].endswith("repair: export TMPDIR=/a/folder/with/more/space")


def test_images_that_are_named_are_looked_at(tmp_path: Path, without_tensorflow: str) -> None:
    pictures, labels = embedded.unpack(embedded.EMBEDDED.read_bytes())
    np.savez(str(tmp_path / "few.npz"), x_test=pictures[:100], y_test=labels[:100])
    arguments = ["--python", without_tensorflow, "--images"]
    said = doctor(tmp_path, *arguments, tmp_path / "few.npz", variables=alone(tmp_path))
    assert said.findings["images"].startswith("ok images ")
    assert "few.npz" in said.findings["images"]
    said = doctor(tmp_path, *arguments, tmp_path / "none.npz", variables=alone(tmp_path))
    assert said.code == 3
    assert said.findings["images"].startswith("missing images")


def test_a_python_that_cannot_be_used_is_a_usage_error(tmp_path: Path) -> None:
    said = doctor(tmp_path, "--python", "/nowhere/python")
    assert (said.code, said.out) == (2, "")
    assert "expected a Python 3.8 or later that runs" in said.err
