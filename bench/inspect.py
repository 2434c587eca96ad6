"""Another scanner beside ``checker inspect``, on the same small files: what each says, and in what time.

    python -m bench.inspect --modelscan VENV/bin/modelscan

The files are those of ``fixtures/model_files.py``. modelscan wants its extras for HDF5 and Keras:
``pip install 'modelscan[h5py,tensorflow]'`` in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
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
    """What ``checker inspect`` says in a few words, and its seconds."""
    code, out, seconds = _run([sys.executable, "-m", "checker", "inspect", "--format", "json", str(path)])
    if code not in (0, 1, 3):
        return "ends with {}".format(code), seconds
    found = json.loads(out)
    words = [place["kind"] for place in found["places"] if place["acts"]]
    words += [finding["kind"] for finding in found["findings"]]
    verdict = {0: "nothing would run", 1: "**would run or reach out**", 3: "not read whole"}[code]
    return ": ".join([verdict, ", ".join(dict.fromkeys(words))]).rstrip(": "), seconds


def theirs(program: str, folder: Path) -> Tuple[Dict[str, str], float]:
    """What modelscan says of each file of a folder, which it scans in one run, and its seconds."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        code, out, seconds = _run([program, "-p", str(folder), "-r", "json", "-o", str(report)])
        if not report.exists():
            raise SystemExit("modelscan ends with {} and no report: {}".format(code, out[-500:]))
        found = json.loads(report.read_text())
    said: Dict[str, List[str]] = {}
    for one in found.get("issues", []):
        said.setdefault(_file(one), []).append("**{}: {}**".format(one["severity"], one["operator"]))
    for one in found.get("errors", []):
        said.setdefault(_file(one), []).append("error: {}".format(one.get("category", "")))
    for one in found["summary"].get("skipped", {}).get("skipped_files", []):
        said.setdefault(_file(one), []).append("skipped: {}".format(one.get("category", "")))
    return {name: ", ".join(dict.fromkeys(words)) for name, words in said.items()}, seconds


def _file(entry: Dict[str, str]) -> str:
    """The file that an entry of modelscan's report is about; of an archive, not its member."""
    return Path(entry.get("source", "").split(":")[0]).name


def _run(command: List[str]) -> Tuple[int, str, float]:
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return -1, "", time.monotonic() - began
    return done.returncode, done.stdout.decode("utf-8", "replace"), time.monotonic() - began


def main() -> None:
    """Make the files, ask both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelscan", required=True, metavar="PROGRAM")
    options = parser.parse_args()
    print("| file | checker inspect | s | modelscan |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, write in model_files.EVERY.items():
            write(folder / name)
        said, seconds = theirs(options.modelscan, folder)
        for group, files in GROUPS:
            print("| *{}* | | | |".format(group))
            for name in files:
                words, taken = ours(folder / name)
                right = said.get(name, "no issues")
                print("| {} | {} | {:.1f} | {} |".format(name, words, taken, right), flush=True)
    print("\nmodelscan took {:.1f} s for all {} files in one run.".format(seconds, len(model_files.EVERY)))


if __name__ == "__main__":
    main()
