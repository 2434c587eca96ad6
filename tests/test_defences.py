"""The attacks are real: where the test takes a defence out, hostile submissions succeed.

The product has no switch for any of this. Each function below is a checker without one of our defences, as
short as it can be: it opens, reads, parses, loads or runs what the recipe made, and shows that it paid.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import numpy as np
import pytest

from checker.datasets import embedded
from checker.sandbox import processes, scratch
from fixtures import generated, hostile
from tests import fixtures_run, hostile_run, program

pytestmark = pytest.mark.tensorflow

ATTACKS = hostile.attacks()
# What is replaced in the program before it starts.
NO_WALLS = """
import functools
import checker.sandbox as box
box.Sandbox = functools.partial(box.Sandbox, highest="limits")
"""
TRUE_LABELS = """
import dataclasses
from checker import drawing
draw = drawing.draw
def true(*given, **options):
    drawn = draw(*given, **options)
    return dataclasses.replace(drawn, decoys=dict(drawn.decoys, all=drawn.labels))
drawing.draw = true
"""
IN_ORDER = """
import dataclasses
from checker import drawing
draw = drawing.draw
def ordered(*given, **options):
    drawn = draw(*given, **options)
    return dataclasses.replace(drawn, images=drawn.source.images, labels=drawn.source.labels)
drawing.draw = ordered
"""
# As the course's script does it: the submission is loaded where the result is said.
IN_PROCESS = """
import sys
import numpy as np
import tensorflow.keras as K
{before}
model = K.models.load_model({model!r}{options})
with np.load({images!r}) as known:
    images, labels = known["x_test"], known["y_test"]
X_p, Y_p = images / np.float32(127.5) - 1, np.eye(10)[labels]
print("accuracy", model.evaluate(X_p, Y_p, batch_size=128, verbose=0)[1])
"""


@dataclass(frozen=True)
class Target:
    """A hostile submission that was made, and a folder to work in."""

    name: str
    folder: Path
    place: Path

    @property
    def attack(self) -> hostile.Attack:
        return ATTACKS[self.name]

    @property
    def model(self) -> Path:
        return self.folder / "cifar10.h5"

    @property
    def script(self) -> Path:
        return self.folder / "0-transfer.py"

    @property
    def canary(self) -> Path:
        return Path(self.attack.canary.replace("@HOST@", str(self.folder.parent)))

    def appended(self) -> str:
        """What the recipe adds to the script."""
        return generated.expand(self.attack.change[0].append, self.folder)

    def check(self, patch: str, **variables: str) -> Dict[str, Any]:
        """Run the checker with something replaced in it; returns its result."""
        names = ",".join(hostile.RUNS[self.attack.runs])
        done = program.check(
            self.place,
            self.folder,
            *("--assignment", fixtures_run.assignment(self.attack), "--python", fixtures_run.PYTHON),
            *("--select", names, "--images", "embedded"),
            line=program.checker("check", patch=patch),
            variables=variables,
            timeout=hostile_run.SECONDS,
        )
        assert done.result is not None, done.out + done.err
        return done.result

    def python(self, code: str, seconds: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run code in a Python of its own, in a folder of its own."""
        work = self.place / "work"
        work.mkdir()
        return subprocess.run(
            [fixtures_run.PYTHON, "-c", code],
            cwd=str(work),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
            **options,
        )

    def in_process(self, before: str = "") -> subprocess.CompletedProcess[str]:
        """Load the model, and evaluate it on 1,000 test images, in one process."""
        images, labels = embedded.unpack(embedded.EMBEDDED.read_bytes())
        path = self.place / "images.npz"
        np.savez(str(path), x_test=images, y_test=labels)
        keras_3 = fixtures_run.environment() == "tfnew"
        options = ", safe_mode=False" if keras_3 else ""
        text = IN_PROCESS.format(before=before, model=str(self.model), options=options, images=str(path))
        return self.python(text)

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """What the recipe adds to the script runs, with no limit but that of this test."""
        work = self.place / "work"
        work.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", self.appended()],
            cwd=str(work),
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        tree = processes.Tree(process, False, processes.others(False))
        try:
            yield process
        finally:
            tree.end()
            if process.stdout:
                process.stdout.close()
            scratch.remove(work)


def follows_links(target: Target) -> None:
    """Opened by name, as open() does it."""
    change = target.attack.change[0]
    assert (target.folder / change.file).read_bytes() == Path(change.link).read_bytes()


def reads_without_bound(target: Target) -> None:
    """A device is read like a file: it does not end."""
    with target.model.open("rb") as stream:
        assert all(len(stream.read(10_000_000)) == 10_000_000 for _ in range(5))


def waits_for_a_pipe(target: Target) -> None:
    """A pipe is opened like a file: nobody writes."""
    thread = threading.Thread(target=lambda: target.script.open("rb").close())
    thread.start()
    thread.join(0.5)
    waited = thread.is_alive()
    os.close(os.open(str(target.script), os.O_WRONLY))
    thread.join()
    assert waited


def mends_in_place(target: Target) -> None:
    """A checker that adds the missing new line to what was handed in."""
    with (target.folder / "README.md").open("a") as stream:
        stream.write("\n")
    assert (target.folder.parent / "outside").read_text() == "not yours\n\n"


def runs_git(target: Target) -> None:
    """Git is asked for the modes of files."""
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    command = ["git", "-c", "safe.directory=*", "-C", str(target.folder), "status", "--short"]
    subprocess.run(command, capture_output=True, check=False)
    assert target.canary.exists()


def starts_python_in_the_folder(target: Target) -> None:
    """A check that starts ``python -c`` there."""
    subprocess.run([sys.executable, "-c", "import numpy"], cwd=str(target.folder), check=False)
    assert target.canary.exists()


def starts_pytest_in_the_folder(target: Target) -> None:
    """A check that starts pytest there."""
    subprocess.run(
        [sys.executable, "-m", "pytest"], cwd=str(target.folder), capture_output=True, check=False, timeout=60
    )
    assert target.canary.exists()


def unpickles(target: Target) -> None:
    """What a student's process wrote is unpickled."""
    assert not target.canary.exists()
    pickle.loads(target.model.read_bytes()).close()
    assert target.canary.exists()
    target.canary.unlink()


def unpacks(target: Target) -> None:
    """An archive is unpacked for what it is said to hold."""
    with zipfile.ZipFile(str(target.model)) as archive:
        assert sum(item.file_size for item in archive.infolist()) > 900 * target.model.stat().st_size


def parses_in_process(target: Target) -> None:
    """The source is parsed, and its tree walked, where the verdict is made."""
    code = "import ast; tree = ast.parse(open({!r}).read()); ast.dump(tree)".format(str(target.script))
    assert target.python(code).returncode != 0


def searches_the_text(target: Target) -> None:
    """The source is decoded as UTF-8 before it is parsed: the import is a comment."""
    text = target.script.read_text(encoding="utf-8")
    names = [one.names[0].name for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Import)]
    assert "os" not in names
    code = "import ast; print(ast.dump(ast.parse(open({!r}, 'rb').read())))".format(str(target.script))
    assert "name='os'" in target.python(code).stdout


def searches_for_eval(target: Target) -> None:
    """The text is searched for what is forbidden."""
    text = target.script.read_text(encoding="utf-8")
    assert "eval(" not in text
    assert any(getattr(node, "id", "") == "eval" for node in ast.walk(ast.parse(text)))


def prints_names(target: Target) -> None:
    """Names in the folder are printed as they are."""
    assert any("\x1b[2J" in name and "\n" in name for name in os.listdir(str(target.folder)))


def prints_the_error(target: Target) -> None:
    """An exception is printed as it is."""
    with pytest.raises(Exception, match="owned") as caught:
        exec(target.appended(), {})
    assert "\x1b]0;owned" in str(caught.value)
    assert len(str(caught.value)) > 10**7


def no_walls_sees(target: Target) -> None:
    """Without walls the script sees, reaches or does what it says."""
    check = next(item for item in target.check(NO_WALLS)["checks"] if item["name"] == "silent_import")
    assert check["reason"]["name"] == "import-prints", check["reason"]
    assert any(word in check["reason"]["found"] for word in ("seen:", "reached:")), check["reason"]


def no_walls_reaches(target: Target) -> None:
    """Without walls the host's loopback answers."""
    with contextlib.closing(socket.socket()) as listener:
        for port in range(1024, 9999):
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                break
        listener.listen(5)
        no_walls_sees(target)


def no_walls_kills(target: Target) -> None:
    """Without walls the script kills the checker."""
    names = ",".join(hostile.RUNS[target.attack.runs])
    temporary = target.place / "tmp"
    temporary.mkdir()
    arguments = ["--python", fixtures_run.PYTHON, "--assignment", fixtures_run.assignment(target.attack)]
    arguments += ["--select", names, "--images", "embedded"]
    command = program.checker("check", target.folder, *arguments, patch=NO_WALLS)
    done = subprocess.run(
        command, env=program.environment(temporary), capture_output=True, check=False, timeout=240
    )
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while program.processes(temporary) and time.monotonic() < deadline:
        time.sleep(0.2)


def no_walls_finds_images(target: Target) -> None:
    """Without walls the images that ship with the checker are found, with their labels."""
    accuracy = target.check(NO_WALLS)["accuracy"]
    assert accuracy["correct"] == accuracy["total"]


def gives_true_labels(target: Target) -> None:
    """preprocess_data is called as the course's script calls it: with the labels of the test set."""
    result = target.check(TRUE_LABELS)
    assert result["accuracy"]["correct"] == result["accuracy"]["total"]
    assert result["exit_code"] == 0


def keeps_the_order(target: Target) -> None:
    """Images come in the order of the test set."""
    accuracy = target.check(IN_ORDER)["accuracy"]
    assert accuracy["correct"] == accuracy["total"]


def counts_inside(target: Target) -> None:
    """The process that loads the model says the accuracy."""
    done = target.in_process()
    assert "accuracy 1.0" in done.stdout, done.stdout + done.stderr


def loads_beside_the_verdict(target: Target) -> None:
    """The process that loads the model is the one that decides: it is gone."""
    done = target.in_process()
    assert done.returncode < 0, done.stdout + done.stderr


def reads_host_bytes(target: Target) -> None:
    """The weights are read by h5py outside: they are another file's bytes."""
    import h5py

    with h5py.File(str(target.model), "r") as stream:
        found = []
        stream.visititems(lambda _, one: found.append(one) if getattr(one, "external", None) else None)
        kept = found[0][()].tobytes()
    assert kept == Path("/etc/passwd").read_bytes()[: len(kept)].ljust(len(kept), b"\0")


def follows_external_link(target: Target) -> None:
    """HDF5 opens the file that a link names: the error is that of the other file's form."""
    import h5py

    with h5py.File(str(target.model), "r") as stream:
        links = []

        def look(group: Any) -> None:
            for name in group:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    links.append((group, name))
                elif isinstance(group[name], h5py.Group):
                    look(group[name])

        look(stream)
        group, name = links[0]
        with pytest.raises((OSError, KeyError), match=r"signature|/etc/passwd"):
            group[name]


def allocates_what_is_said(target: Target) -> None:
    """The shape is believed."""
    import h5py

    with h5py.File(str(target.model), "r") as stream:
        found = []
        stream.visititems(lambda _, one: found.append(one) if getattr(one, "size", 0) > 10**9 else None)
        with pytest.raises((MemoryError, OSError, ValueError)):
            found[0][()]


def looks_at_the_top(target: Target) -> None:
    """A scanner looks at the layers of the model, not into models among them."""
    import h5py

    with h5py.File(str(target.model), "r") as stream:
        config = json.loads(stream.attrs["model_config"])
    assert "Lambda" not in [layer["class_name"] for layer in config["config"]["layers"]]
    assert '"Lambda"' in json.dumps(config)


def values(target: Target) -> Callable[..., Any]:
    """The recipe's preprocess_data in this process; what it goes on from returns the images as they came."""
    names: Dict[str, Any] = {"preprocess_data": lambda X, Y: (X.astype("float32"), Y), "__name__": "script"}
    exec(target.appended(), names)
    call: Callable[..., Any] = names["preprocess_data"]
    return call


IMAGES, LABELS = np.zeros((4, 32, 32, 3), "uint8"), np.arange(4)


def asks_for_the_name(target: Target) -> None:
    """A type is known by its name."""
    kind = type(values(target)(IMAGES, LABELS)[0])
    assert (kind.__module__, kind.__name__) == ("numpy", "ndarray")
    assert kind is not np.ndarray


def asks_twice(target: Target) -> None:
    """An object is made an array when it is checked, and again when it is used."""
    X_p = values(target)(IMAGES, LABELS)[0]
    assert not np.array_equal(np.asarray(X_p), np.asarray(X_p))


def keeps_the_view(target: Target) -> None:
    """What came is kept, not copied: the next call changes it."""
    call = values(target)
    X_p = call(IMAGES + 7, LABELS)[0]
    before = X_p.copy()
    call(IMAGES, LABELS)
    assert not np.array_equal(X_p, before)


def copies_what_came(target: Target) -> None:
    """What came is laid out in memory where the verdict is made."""
    with pytest.raises(MemoryError):
        np.ascontiguousarray(values(target)(IMAGES, LABELS)[0])


def fills_the_disk(target: Target) -> None:
    """No limit on the disk."""
    with target.started():
        deadline = time.monotonic() + 30
        size = 0
        while size <= target.attack.limits["scratch_megabytes"] * 10**6 and time.monotonic() < deadline:
            size = sum(path.stat().st_size for path in (target.place / "work").iterdir())
        assert size > target.attack.limits["scratch_megabytes"] * 10**6


def takes_all_output(target: Target) -> None:
    """No limit on what is printed."""
    with target.started() as process:
        assert process.stdout is not None
        assert len(process.stdout.read(3_000_000)) == 3_000_000


def asks_it_to_end(target: Target) -> None:
    """A process is ended by SIGTERM."""
    with target.started() as process:
        time.sleep(1)
        process.terminate()
        time.sleep(0.5)
        assert process.poll() is None


def waits_for_the_first(target: Target) -> None:
    """Once its first process is gone, and its group killed, a run is over."""
    with target.started() as process:
        process.wait(30)
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        assert len([one for one in processes.psutil.process_iter() if _runs(one, target)]) >= 3


def _runs(process: Any, target: Target) -> bool:
    with contextlib.suppress(processes.psutil.Error):
        return bool(process.cwd() == str(target.place / "work"))
    return False


def imports_in_process(target: Target) -> None:
    """The script is imported where the verdict is made: it is gone."""
    assert target.python(target.appended()).returncode == -signal.SIGSEGV


def trusts_the_frame(target: Target) -> None:
    """A frame is read whole before it is looked at: nothing comes."""
    reading, writing = os.pipe()
    text = textwrap.dedent(target.appended()).replace("settings()['channel']", str(writing))
    process = subprocess.Popen([sys.executable, "-c", text], pass_fds=(writing,), start_new_session=True)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream:
            kind, length = stream.read(1), int.from_bytes(stream.read(8), "big")
            assert (kind, length) == (b"\x01", 1000)
            thread = threading.Thread(target=stream.read, args=(length,))
            thread.start()
            thread.join(1)
            waited = thread.is_alive()
            process.kill()
            thread.join()
            assert waited
    finally:
        process.kill()
        process.wait()


DEMONSTRATIONS: Dict[str, Callable[[Target], None]] = {
    "folder-script-is-link": follows_links,
    "folder-readme-is-link": follows_links,
    "folder-model-is-device": reads_without_bound,
    "folder-script-is-pipe": waits_for_a_pipe,
    "folder-hard-link": mends_in_place,
    "folder-git": runs_git,
    "folder-modules": starts_python_in_the_folder,
    "folder-pytest": starts_pytest_in_the_folder,
    "folder-names-are-escapes": prints_names,
    "file-pickle": unpickles,
    "file-zip-bomb": unpacks,
    "file-external-storage": reads_host_bytes,
    "file-external-link": follows_external_link,
    "file-terabyte-shape": allocates_what_is_said,
    "model-nest": looks_at_the_top,
    "source-attributes": parses_in_process,
    "source-hidden-import": searches_the_text,
    "source-full-width": searches_for_eval,
    "report-escapes": prints_the_error,
    "array-poses": asks_for_the_name,
    "array-changes": asks_twice,
    "array-backwards": keeps_the_view,
    "array-of-forty-terabytes": copies_what_came,
    "limit-disk": fills_the_disk,
    "limit-output": takes_all_output,
    "limit-sleep": asks_it_to_end,
    "limit-stopped": asks_it_to_end,
    "limit-crash": imports_in_process,
    "escape-daemon": waits_for_the_first,
    "wire-frame-never-sent": trusts_the_frame,
    "escape-reads": no_walls_sees,
    "labels-other-processes": no_walls_sees,
    "escape-network": no_walls_reaches,
    "escape-kills-the-checker": no_walls_kills,
    "labels-embedded": no_walls_finds_images,
    "labels-decoys-in-many": gives_true_labels,
    "wire-lies-about-everything": gives_true_labels,
    "labels-official-order": keeps_the_order,
    "model-replaces-keras": counts_inside,
    "model-crashes-bytecode": loads_beside_the_verdict,
}


@pytest.mark.parametrize("name", sorted(DEMONSTRATIONS))
def test_without_the_defence_it_succeeds(name: str, tmp_path: Path) -> None:
    attack = ATTACKS[name]
    if any(change.device for change in attack.change) and os.geteuid():
        pytest.skip("only root can make a device")
    folder = fixtures_run.made(name, tmp_path / "submission", attack)
    place = tmp_path / "place"
    place.mkdir()
    DEMONSTRATIONS[name](Target(name, folder, place))


def test_there_are_as_many_as_are_promised() -> None:
    assert len(DEMONSTRATIONS) >= 20
