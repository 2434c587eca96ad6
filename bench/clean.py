"""Which Keras applications can be evaluated clean: rebuilt from stock layers, with equal scores.

    python -m bench.clean PYTHON [PYTHON ...]

Each application stands behind a Lambda that resizes, as the course wants it, and before pooling and ten
probabilities; its weights are random. It is saved, read as the probes read it, rebuilt and compared with
itself, in one process without walls. Larger ones than MOST weights are left out: they have the same layers.
Prints a table for ``bench/clean.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Dict, List

from checker import interpreters

HERE = Path(__file__).resolve().parent
MOST = 60_000_000


def outcomes(python: str, names: List[str]) -> Dict[str, str]:
    """What became of each application in one version of TensorFlow: "clean", or why not."""
    script = str(HERE / "clean_applications.py")
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    found: Dict[str, str] = {}
    with subprocess.Popen(
        [python, "-B", "-I", script, json.dumps({"most": MOST, "names": names})],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if line.startswith("{"):
                found.update(json.loads(line))
                print("  " + line.strip(), flush=True)
    return found


def table(every: Dict[str, Dict[str, str]]) -> str:
    """All versions beside each other, in Markdown."""
    names = sorted({name for found in every.values() for name in found})
    lines = [
        "| application | {} |".format(" | ".join(every)),
        "| --- |{}".format(" --- |" * len(every)),
    ]
    for name in names:
        cells = " | ".join(found.get(name, "-") for found in every.values())
        lines.append("| {} | {} |".format(name, cells))
    counts = [
        "{} of {}".format(sum(said.startswith("clean") for said in found.values()), len(found))
        for found in every.values()
    ]
    return "\n".join([*lines, "| clean | {} |".format(" | ".join(counts))])


def main() -> None:
    """Try, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these applications alone")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    options = parser.parse_args()
    every = {}
    for python in map(os.path.abspath, options.pythons):
        version = "TensorFlow " + interpreters.ask(python).versions["tensorflow"]
        print(version, flush=True)
        every[version] = outcomes(python, options.only)
    print(table(every))


if __name__ == "__main__":
    main()
