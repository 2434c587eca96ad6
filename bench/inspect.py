"""Another scanner beside ``checker inspect``, on the same small files: what each says.

    python -m bench.inspect --modelscan VENV/bin/modelscan

The files are those of ``fixtures/model_files.py``. modelscan wants its extras for HDF5 and Keras:
``pip install 'modelscan[h5py,tensorflow]'`` in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Tuple

from fixtures import model_files

GROUPS: Tuple[Tuple[str, Dict[str, object]], ...] = (
    ("honest", dict(model_files.HONEST)),
    ("hostile", dict(model_files.HOSTILE)),
    ("odd", dict(model_files.ODD)),
    ("not to be read", dict(model_files.UNREAD)),
)
_SECONDS = 1_800


def ours(path: Path) -> Tuple[str, float]:
    """What ``checker inspect`` says in a few words, and its CPU seconds."""
    code, out, seconds = _run([sys.executable, "-m", "checker", "inspect", "--format", "json", str(path)])
    if code not in (0, 1, 3):
        return "ends with {}".format(code), seconds
    found = json.loads(out)
    words = [place["kind"] for place in found["places"] if place["acts"]]
    words += [finding["kind"] for finding in found["findings"]]
    verdict = {0: "nothing would run", 1: "**would run or reach out**", 3: "not read whole"}[code]
    return ": ".join([verdict, ", ".join(dict.fromkeys(words))]).rstrip(": "), seconds


def theirs(program: str, folder: Path) -> Tuple[Dict[str, str], float]:
    """What modelscan says of each file of a folder, which it scans in one run, and its CPU seconds."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        code, out, seconds = _run([program, "-p", str(folder), "-r", "json", "-o", str(report)])
        if not report.exists():
            raise SystemExit("modelscan ends with {} and no report: {}".format(code, out[-500:]))
        return read(report), seconds


def read(report: Path) -> Dict[str, str]:
    """Issues by severity, errors and skipped files out of modelscan's report, by the file's name."""
    found = json.loads(report.read_text())
    said: Dict[str, List[str]] = {}
    for one in found.get("issues", []):
        said.setdefault(_file(one), []).append("**{}: {}**".format(one["severity"], one["operator"]))
    for one in found.get("errors", []):
        said.setdefault(_file(one), []).append("error: {}".format(one.get("category", "")))
    skipped = found["summary"].get("skipped", {}).get("skipped_files", [])
    for one in skipped:
        if ":" in one.get("source", ""):
            continue  # a member of an archive that no scanner of it is for
        said.setdefault(_file(one), []).append("skipped: {}".format(one.get("category", "")))
    return {name: ", ".join(dict.fromkeys(words)) for name, words in said.items()}


def _file(entry: Dict[str, str]) -> str:
    """The file that an entry of modelscan's report is about; of an archive, not its member."""
    return Path(entry.get("source", "").split(":")[0]).name


def _run(command: List[str]) -> Tuple[int, str, float]:
    """Exit code, what was printed, and CPU seconds, which a busy machine changes little."""
    before = _cpu()
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return -1, "", _cpu() - before
    return done.returncode, done.stdout.decode("utf-8", "replace"), _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the files, ask both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelscan", required=True, metavar="PROGRAM")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, write in model_files.EVERY.items():
            write(folder / name)
        said, seconds = theirs(options.modelscan, folder)
        table(folder, said)
    print("\nmodelscan: {:.1f} CPU s for all {} files in one run.".format(seconds, len(model_files.EVERY)))


def table(folder: Path, said: Dict[str, str]) -> None:
    """Print what both say, file by file; ``said`` is modelscan's part."""
    print("| file | checker inspect | CPU s | modelscan |\n| --- | --- | --- | --- |")
    for group, files in GROUPS:
        print("| *{}* | | | |".format(group))
        for name in files:
            words, taken = ours(folder / name)
            print(
                "| {} | {} | {:.1f} | {} |".format(name, words, taken, said.get(name, "no issues")),
                flush=True,
            )


if __name__ == "__main__":
    main()
