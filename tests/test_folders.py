"""Folders of every kind, handed in to the real program: what it says, and that it changes nothing."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Dict, Tuple

import pytest

from tests import program

FILES = {"script": "0-transfer.py", "model": "cifar10.h5", "readme": "README.md"}


def quick(scratch: Path, folder: Path) -> program.Done:
    """Check a folder that must be the same afterwards."""
    before = program.picture(folder)
    done = program.check(scratch, "--quick", folder)
    assert program.picture(folder) == before
    return done


def test_a_good_folder_is_left_as_it_was(tmp_path: Path) -> None:
    done = quick(tmp_path, program.submission(tmp_path / "s"))
    assert done.code == 0
    assert done.err == ""
    assert "meets the assignment" in done.out


def test_an_empty_folder_falls_short(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    done = quick(tmp_path, tmp_path / "s")
    assert done.code == 1
    for role, name in FILES.items():
        assert "no such file in the folder" in done.said(role + "_file")
        assert name in done.out
    assert done.check("shebang")["status"] == "blocked"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no such folder"),
        ("file", "this is a file"),
        ("dangling link", "there is no such folder"),
        ("circle", "a link that leads in a circle"),
        ("empty name", "there is no such folder"),
        ("fifo", "this is a file"),
    ],
)
def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "s"
    if kind == "file":
        path.write_text("x")
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "circle":
        path.symlink_to(path)
    elif kind == "fifo":
        os.mkfifo(str(path))
    said = program.usage(program.check(tmp_path, "--quick", "" if kind == "empty name" else path))
    assert words in said


@pytest.mark.parametrize("name", [b"two\nlines", b"not\xffutf-8", b"\x1b[31mred", "\u202egnp".encode()])
def test_odd_names_of_folders_are_shown_as_escapes(tmp_path: Path, name: bytes) -> None:
    folder = Path(os.fsdecode(os.path.join(os.fsencode(str(tmp_path)), name)))
    missing = program.usage(program.check(tmp_path, "--quick", folder))
    program.submission(folder)
    done = quick(tmp_path, folder)
    assert done.code == 0
    assert done.result is not None
    for text in (missing, done.out, done.result["submission"]):
        assert "\\" in text
        assert not set(text) & {"\x1b", "\u202e", "\ufffd"}
    assert done.result["submission"].isprintable()
    assert len(done.out.split("\n\n")[0].splitlines()) == 2 or len(str(tmp_path)) > 40


def unprivileged(shut: Path) -> Callable[[], None]:
    """What makes of root, in a child, a user whom permissions bind; skips where that is not possible."""
    library = ctypes.CDLL(None)

    def drop() -> None:
        for capability in range(64):
            library.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; exec then gives none of them

    chosen = drop if os.getuid() == 0 else lambda: None
    shut.mkdir()
    shut.chmod(0)
    seen = subprocess.run(["ls", str(shut)], preexec_fn=chosen, capture_output=True, check=False)
    shut.rmdir()
    if seen.returncode == 0:
        pytest.skip("root's rights cannot be laid down here")
    return chosen


@pytest.mark.parametrize("mode", [0o000, 0o311, 0o444])
def test_a_folder_without_rights_is_a_usage_error(tmp_path: Path, mode: int) -> None:
    drop = unprivileged(tmp_path / "shut")
    folder = program.submission(tmp_path / "s")
    before = program.picture(folder)
    folder.chmod(mode)
    try:
        done = program.check(tmp_path, "--quick", folder, preexec_fn=drop)
    finally:
        folder.chmod(0o755)
    assert "permission denied" in program.usage(done)
    after = program.picture(folder)
    assert list(after.items())[1:] == list(before.items())[1:]


@pytest.mark.parametrize("role", sorted(FILES))
def test_a_file_without_rights_fails_with_the_command_that_helps(tmp_path: Path, role: str) -> None:
    drop = unprivileged(tmp_path / "shut")
    folder = program.submission(tmp_path / "s")
    (folder / FILES[role]).chmod(0)
    done = program.check(tmp_path, "--quick", folder, preexec_fn=drop)
    assert done.code == 1
    assert "chmod u+r " + FILES[role] in done.said(role + "_file")
    assert "it cannot be read" in done.said(role + "_file")


def link_elsewhere(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def link_inside(path: Path) -> None:
    path.rename(path.with_name("kept"))
    path.symlink_to("kept")


def link_in_circle(path: Path) -> None:
    path.symlink_to(path.name)


def fifo(path: Path) -> None:
    os.mkfifo(str(path))


def device(path: Path) -> None:
    try:
        os.mknod(str(path), stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    except OSError:
        pytest.skip("no device can be made here")


def unix_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(str(path.parent))  # the name of a socket may have 107 bytes
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def directory(path: Path) -> None:
    path.mkdir()


def terabyte(path: Path) -> None:
    path.touch()
    try:
        os.truncate(str(path), 10**12)
    except OSError:
        pytest.skip("the file system here takes no file of 1 TB")


def empty(path: Path) -> None:
    path.touch()


KINDS: Dict[str, Tuple[Callable[[Path], None], str]] = {
    "link elsewhere": (link_elsewhere, "it is a link"),
    "link inside": (link_inside, "it is a link"),
    "link in a circle": (link_in_circle, "it is a link"),
    "fifo": (fifo, "it is no regular file"),
    "device": (device, "it is no regular file"),
    "socket": (unix_socket, "it is no regular file"),
    "folder": (directory, "it is a folder"),
    "terabyte": (terabyte, "it is too large (1,000,000.0 MB; at most"),
    "empty": (empty, "it is empty"),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_no_plain_file_fails_by_name(tmp_path: Path, kind: str) -> None:
    make, words = KINDS[kind]
    folder = program.submission(tmp_path / "s")
    for name in FILES.values():
        if kind != "link inside":
            (folder / name).unlink()
        make(folder / name)
        if kind == "link inside":
            (folder / "kept").rename(folder / ("kept-" + name))
            (folder / name).unlink()
            (folder / name).symlink_to("kept-" + name)
    began = time.monotonic()
    done = quick(tmp_path, folder)
    assert time.monotonic() - began < 20
    assert done.code == 1
    for role, name in FILES.items():
        assert done.check(role + "_file")["status"] == "failed"
        assert words in done.said(role + "_file")
        assert name in done.said(role + "_file")


def test_a_hard_link_is_a_file_like_any_other(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    os.link(str(folder / "cifar10.h5"), str(tmp_path / "other"))
    assert quick(tmp_path, folder).code == 0


def test_a_sparse_model_within_the_limit_takes_no_room_and_keeps_its_hash(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    os.truncate(str(folder / "cifar10.h5"), 50 * 10**6)
    done = quick(tmp_path, folder)
    assert done.result is not None
    record = next(item for item in done.result["files"] if item["name"] == "cifar10.h5")
    assert record["size"] == 50 * 10**6
    assert record["sha256"] == program.picture(folder)[repr(folder / "cifar10.h5")][-1]


@pytest.mark.parametrize("how", ["grows", "shrinks", "is touched", "is touched back"])
def test_a_file_that_changes_while_it_is_read_fails_as_that(tmp_path: Path, how: str) -> None:
    folder = program.submission(tmp_path / "s")
    model = folder / "cifar10.h5"
    with model.open("wb") as stream:
        for _ in range(150):
            stream.write(b"\x89HDF" * 250_000)
    before, over = model.stat(), threading.Event()

    def change() -> None:
        size = before.st_size
        while not over.is_set():
            if how == "grows":
                with model.open("ab") as stream:
                    stream.write(b"x")
            elif how == "shrinks":
                size -= 1
                os.truncate(str(model), size)
            else:
                with model.open("r+b") as stream:
                    stream.write(b"?")
            if how == "is touched back":
                os.utime(str(model), ns=(before.st_atime_ns, before.st_mtime_ns))
            time.sleep(0.002)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        done = program.check(tmp_path, "--quick", folder)
    finally:
        over.set()
        thread.join()
    assert done.code == 1
    assert "it changed while it was read" in done.said("model_file")
    assert "check again" in done.said("model_file")


@pytest.mark.parametrize(
    ("name", "near", "advice"),
    [
        ("0-transfer.py", "0-Transfer.py", "mv '0-Transfer.py' 0-transfer.py"),
        ("0-transfer.py", "0_transfer.py", "mv '0_transfer.py' 0-transfer.py"),
        ("0-transfer.py", "o-transfer.py", "mv 'o-transfer.py' 0-transfer.py"),
        ("0-transfer.py", "0-transfer.py.txt", "mv '0-transfer.py.txt' 0-transfer.py"),
        ("0-transfer.py", "0-transfer (1).py", "mv '0-transfer (1).py' 0-transfer.py"),
        ("0-transfer.py", "0-transfer.ipynb", "A notebook is no script"),
        ("0-transfer.py", "transfer.py", "mv 'transfer.py' 0-transfer.py"),
        ("0-transfer.py", "0'transfer.py", "mv '0'\\''transfer.py' 0-transfer.py"),
        ("0-transfer.py", "0-\ttransfer.py", "Give it the exact name 0-transfer.py."),
        ("0-transfer.py", "code/0-transfer.py", "mv 'code/0-transfer.py' 0-transfer.py"),
        ("README.md", "readme.md", "mv 'readme.md' README.md"),
        ("README.md", "README", "mv 'README' README.md"),
        ("README.md", "README.md.txt", "mv 'README.md.txt' README.md"),
        ("README.md", "../README.md", "mv '../README.md' README.md"),
        ("cifar10.h5", "cifar10.keras", "model.save('cifar10.h5')"),
        ("cifar10.h5", "CIFAR10.H5", "mv 'CIFAR10.H5' cifar10.h5"),
        ("cifar10.h5", "cifar10.hdf5", "mv 'cifar10.hdf5' cifar10.h5"),
        ("cifar10.h5", "cifar10.h5.zip", "Unpack it"),
        ("cifar10.h5", "models/cifar10.h5", "mv 'models/cifar10.h5' cifar10.h5"),
        ("cifar10.h5", "../cifar10.h5", "mv '../cifar10.h5' cifar10.h5"),
        ("cifar10.h5", "my_model.h5", "mv 'my_model.h5' cifar10.h5"),
    ],
)
def test_near_misses_are_named_with_what_to_type(tmp_path: Path, name: str, near: str, advice: str) -> None:
    folder = program.submission(tmp_path / "above" / "s")
    (folder / near).parent.mkdir(exist_ok=True)
    (folder / name).rename(folder / near)
    done = quick(tmp_path, folder)
    role = next(role for role, file in FILES.items() if file == name)
    assert done.code == 1
    assert "no such file; there is {}".format(near.replace("\t", "\\t")) in done.said(role + "_file")
    assert advice in done.said(role + "_file")


@pytest.mark.parametrize(
    ("content", "found", "advice"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS", "git lfs pull"),
        (b"\n <!DOCTYPE html><html></html>", "a web page", "Download the file itself"),
        (b"<html lang=en>", "a web page", "Download the file itself"),
    ],
)
def test_stand_ins_for_the_model_are_named(tmp_path: Path, content: bytes, found: str, advice: str) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / "cifar10.h5").write_bytes(content)
    done = quick(tmp_path, folder)
    assert found in done.said("model_file")
    assert advice in done.said("model_file")


def test_a_folder_with_very_many_files_is_checked_soon(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    for number in range(6000):
        (folder / "{:05}".format(number)).touch()
    began = time.monotonic()
    assert quick(tmp_path, folder).code == 0
    assert time.monotonic() - began < 20


def test_text_of_a_submission_never_reaches_the_terminal_raw(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    script = folder / "0-transfer.py"
    evil = "\x1b[2J\x1b]0;title\x07 \u202e\u200f\x9b31m\x08"
    script.write_text("#! {0}\nx  = '{0}'\n".format(evil) + script.read_text(), encoding="utf-8")
    (folder / "README.md").write_text("end " + evil)
    (folder / "cifar10.h5").rename(folder / "CIFAR10\x1b.h5")
    done = quick(tmp_path, folder)
    assert done.code == 1
    assert not [c for c in done.out if c != "\n" and not c.isprintable()]
    assert "\\x1b" in done.out
    assert done.result is not None
