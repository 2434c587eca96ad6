"""Run the real program over folders made for one test, and see what it leaves behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import psutil
import tomli_w

from checker import editions

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """\
#!/usr/bin/env python3
\"\"\"Transfer learning.\"\"\"
import tensorflow.keras as K


def preprocess_data(X, Y):
    \"\"\"Scale the images.\"\"\"
    X_p = K.applications.densenet.preprocess_input(X)
    return X_p, K.utils.to_categorical(Y, 10)


def main():
    \"\"\"Train the model.\"\"\"
    model = K.applications.DenseNet121(weights=None, classes=10)
    model.save('cifar10.h5')


if __name__ == '__main__':
    main()
"""


def edition_text(name: str = editions.DEFAULT) -> str:
    """An edition as one TOML, what it extends included; the checks come last."""
    data, _ = editions.read(name)
    checks = data.pop("checks")
    text = tomli_w.dumps({**data, "checks": checks})
    return re.sub(
        r"\[\n((?:    .*\n)*)\]",
        lambda match: "[" + " ".join(match.group(1).split("\n    ")).strip(" ,\n") + "]",
        text,
    )


@dataclass(frozen=True)
class Done:
    """What became of a run."""

    code: int
    out: str
    err: str
    result: Optional[Dict[str, Any]]

    def check(self, name: str) -> Dict[str, Any]:
        """One check of the result."""
        assert self.result is not None, self.out + self.err
        found: Dict[str, Any] = next(item for item in self.result["checks"] if item["name"] == name)
        return found

    def said(self, name: str) -> str:
        """All words of a check's reason, in one line."""
        reason = self.check(name)["reason"] or {}
        return " ".join(" ".join(word for key, word in reason.items() if key != "name").split())


def submission(folder: Path) -> Path:
    """Make a submission that passes a quick run; its model is no model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0-transfer.py").write_text(SCRIPT)
    (folder / "0-transfer.py").chmod(0o755)
    (folder / "README.md").write_text("# Transfer\n")
    (folder / "cifar10.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    return folder


def bare_python(folder: Path) -> Path:
    """Make an interpreter without any package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def environment(temporary: Path, **more: str) -> Dict[str, str]:
    """An environment of our own, in which only ``more`` speaks to Python or us; nothing is kept in it."""
    left_out = (
        "PYTHON",
        "PYTEST",
        "TOX",
        "CHECKER_",
        "VIRTUAL_ENV",
        "CONDA",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    # What the developer has downloaded is not there.
    caches = {"KERAS_HOME": str(temporary) + "-keras", "XDG_CACHE_HOME": str(temporary.parent / "cache")}
    return {**kept, "TMPDIR": str(temporary), "CHECKER_CACHE": "off", **caches, **more}


def command(*arguments: Union[str, bytes, Path]) -> List[Union[str, bytes]]:
    """The command line of ``checker check``."""
    return checker("check", *arguments)


def checker(*arguments: Union[str, bytes, Path], patch: str = "") -> List[Union[str, bytes]]:
    """A command line of the checker, out of this source tree wherever it is run.

    ``patch`` is code that takes something out of it before it begins.
    """
    start = "import sys\nsys.path.insert(0, {!r})\n{}\nfrom checker.__main__ import main\nmain()"
    return [sys.executable, "-c", start.format(str(ROOT), patch), *map(os.fsencode, arguments)]


def check(
    scratch: Path,
    *arguments: Union[str, bytes, Path],
    cwd: Path = ROOT,
    line: Optional[List[Union[str, bytes]]] = None,
    variables: Optional[Dict[str, str]] = None,
    json_too: bool = True,
    timeout: float = 120,
    **options: Any,
) -> Done:
    """Run ``checker check``; it leaves no traceback, no file of its own and no process."""
    temporary, target = scratch / "tmp", scratch / "result.json"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o777)
    if target.exists():
        target.unlink()
    extra = ["--format", "json={}".format(target)] if json_too else []
    done = subprocess.run(
        [*(line or command()), *map(os.fsencode, arguments), *map(os.fsencode, extra)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=str(cwd),
        env=environment(temporary, **(variables or {})),
        timeout=timeout,
        check=False,
        **options,
    )
    result = json.loads(target.read_text()) if target.exists() else None
    found = Done(done.returncode, done.stdout.decode(), done.stderr.decode(), result)
    nothing_left(temporary)
    assert "Traceback" not in found.out + found.err, found.err
    assert "INTERNALERROR" not in found.err, found.err
    if result is not None:
        assert found.code == result["exit_code"]
    return found


def usage(done: Done) -> str:
    """The message of a run that ended as a usage error: one line, nothing else, nothing run."""
    assert done.code == 2, done.out + done.err
    assert done.result is None
    assert done.out == ""
    assert done.err.startswith("checker: ")
    assert done.err.count("\n") == 1
    return done.err


def nothing_left(temporary: Path) -> None:
    """Neither a file nor a process of a run whose temporary folder this was is there any more."""
    assert list(temporary.iterdir()) == []
    deadline = time.monotonic() + 10  # a busy machine takes its time over what was killed
    while processes(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = processes(temporary)
    assert left == [], left


def processes(temporary: Path) -> List[str]:
    """Command lines of the processes that were started with a temporary folder, name it or are shown it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.pid != os.getpid() and (
                any(str(temporary) in word for word in words)
                or process.environ().get("TMPDIR", "").startswith(str(temporary))
                or _is_shown(process.pid, temporary)
            ):
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found


def _is_shown(pid: int, temporary: Path) -> bool:
    """Whether something of a folder is mounted for a process, as bubblewrap does it."""
    # From the root of its file system: the beginning of the path may be missing.
    end = "/{}/".format("/".join(temporary.parts[-3:]))
    with contextlib.suppress(OSError), open("/proc/{}/mountinfo".format(pid)) as lines:
        return any(end in line.split()[3] for line in lines)
    return False


def picture(folder: Path) -> Dict[str, Tuple[Any, ...]]:
    """Everything about a folder that a run must not change."""
    found: Dict[str, Tuple[Any, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(str(path))
        elif stat.S_ISREG(status.st_mode) and status.st_size < 10**8:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_nlink)
        found[repr(path)] = (*facts, status.st_uid, status.st_ino, content)
    return found
