"""The long fuzz: thousands of mutated model files and scripts through real checks, each from its seed.

    python -m tests.fuzz.long scripts --seeds 0:2000
    python -m tests.fuzz.long models --seeds 0:2000 --python PYTHON

A file is a pure function of its kind and seed: ``--seeds 17:18 --keep DIR`` makes that of a finding again.
Asked of each run: no error of ours, no exception, a result that its schema takes, reports in every format,
nothing left behind, an end within the limits, and no more points than the base file has. Where a base
falls short, a change may mend it: such gains are listed for a person to look at, and fail no run.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Counter, Dict, Iterator, List, NamedTuple, Optional, Tuple

import h5py
import jsonschema
import numpy as np
import tomli_w

from checker import editions, reports
from checker import options as asking
from checker import run as running
from checker.progress import Observer
from fixtures import make
from tests import program
from tests.fuzz import mutations

KINDS = ("scripts", "models")
LONGEST = 150.0  # seconds of one check: its limits, its end, and a machine that has other work
SCHEMA = json.loads((program.ROOT / "checker" / "result.schema.json").read_text())
ATTRIBUTES = ("model_config", "training_config", "keras_version", "backend", "layer_names", "weight_names0")


class Base(NamedTuple):
    """A file that mutations start from; ``whole``: it does all that is asked of it here."""

    name: str
    data: bytes
    whole: bool


# Bases


def scripts() -> List[Base]:
    """The passing script, the reference solutions, and those of the fixtures that reading alone decides."""
    passing = make.PASSING_SCRIPT.read_bytes()
    found = [Base("passing", passing, True)]
    for path in sorted((program.ROOT / "solution").rglob("0-transfer.py")):
        # That of another edition words its import otherwise.
        found.append(Base("/".join(path.parts[-2:]), path.read_bytes(), path.parts[-2] == "solution"))
    for name, recipe in make.recipes().items():
        changes = [change for change in recipe.change if change.file == "0-transfer.py"]
        if not recipe.quick or not changes or any(c.rename or c.remove or c.link for c in changes):
            continue
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "0-transfer.py").write_bytes(passing)
            for change in changes:
                make._apply(change, Path(folder))
            found.append(Base(name, (Path(folder) / "0-transfer.py").read_bytes(), False))
    return found


def models() -> List[Base]:
    """What three versions of Keras saved, and the same with something missing."""
    found = []
    for path in sorted((make.HERE / "saved").rglob("*.h5")):
        name = "/".join(path.parts[-2:])
        data = path.read_bytes()
        found.append(Base(name, data, True))
        found.append(Base(name + " cut", data[: len(data) // 2], False))
        for key in ("model_config", "training_config"):
            found.append(Base("{} without {}".format(name, key), _without(data, key), key != "model_config"))
    return found


def _without(data: bytes, key: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        path.write_bytes(data)
        with h5py.File(str(path), "r+") as stream:
            del stream.attrs[key]
        return path.read_bytes()


# Mutated files


def made(kind: str, seed: int, bases: List[Base]) -> Tuple[Base, bytes, bool]:
    """The file of a seed, what it was made from, and whether the change may have mended what fell short."""
    return script(seed, bases) if kind == "scripts" else model(seed, bases)


def script(seed: int, bases: List[Base]) -> Tuple[Base, bytes, bool]:
    """The script of a seed: half of them begin with one that passes."""
    chance = random.Random("script {}".format(seed))
    base = chance.choice([one for one in bases if one.whole] if chance.random() < 0.5 else bases)
    return base, mutations.changed_script(chance, base.data, [one.data for one in bases]), not base.whole


def model(seed: int, bases: List[Base]) -> Tuple[Base, bytes, bool]:
    """The model file of a seed: changed as bytes, through its attributes and links, or both."""
    chance = random.Random("model {}".format(seed))
    base = chance.choice(bases)
    data = base.data
    with contextlib.suppress(OSError):  # a base that is no HDF5 any more
        if chance.random() < 0.6:
            data = _attributed(chance, data)
    written = data != base.data
    if not written or chance.random() < 0.3:
        data = mutations.mutated(chance, data, [one.data for one in bases])
    return base, data, written


def _attributed(chance: random.Random, data: bytes) -> bytes:
    """The same file with one to three attributes or links that somebody wrote by hand."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        path.write_bytes(data)
        with h5py.File(str(path), "r+") as stream:
            for _ in range(chance.choice((1, 1, 2, 3))):
                with contextlib.suppress(ValueError, TypeError, KeyError, RuntimeError, OSError):
                    chance.choice((_text, _text, _text, _value, _link, _group))(chance, stream)
        return path.read_bytes()


def _text(chance: random.Random, stream: Any) -> None:
    """JSON with one thing changed, or nested far."""
    key = chance.choice(ATTRIBUTES[:2])
    old = stream.attrs.get(key, "{}")
    text = old.decode() if isinstance(old, bytes) else str(old)
    if chance.random() < 0.2:
        new = mutations.deep(chance)
    elif chance.random() < 0.2:
        new = mutations.mutated(chance, text.encode(), [text.encode()]).decode("utf-8", "replace")
    else:
        new = json.dumps(mutations.nested(chance, json.loads(text)))
    stream.attrs[key] = np.bytes_(new.encode("utf-8", "replace")[:60_000].rstrip(b"\0") or b" ")


def _value(chance: random.Random, stream: Any) -> None:
    """An attribute of a type that Keras never writes."""
    wheres = [stream, stream.get("model_weights", stream), stream.get("optimizer_weights", stream)]
    where, key = chance.choice(wheres), chance.choice(ATTRIBUTES)
    values: List[Any] = [
        *(0, -1, 1.5, np.nan, True, np.zeros(0), np.zeros((2, 3), "u1"), np.arange(1_000.0)),
        *(h5py.Empty("f"), h5py.Empty("S10"), stream.ref, np.zeros(3, [("a", "i4"), ("b", "S3")])),
        *(np.array([b"a", b"b"]), np.void(b"abc"), "\U0001f600" * 100, b"\xff\xfe", "\ud800", "a\0b"),
        *(np.array(["x" * 100] * 500, dtype=h5py.special_dtype(vlen=str)), "9" * 40 + "." + "9" * 40),
        *(np.array(["a"], dtype=h5py.special_dtype(vlen=str)), "::error::a\n##[debug]", "\x1b[2J"),
    ]
    if key in where.attrs:
        del where.attrs[key]
    where.attrs[key] = chance.choice(values)


def _link(chance: random.Random, stream: Any) -> None:
    """A link in place of something, or beside it."""
    name = chance.choice(("model_weights", "optimizer_weights", "layers", "vars", "a/b"))
    if name in stream:
        del stream[name]
    places = ("/", "/" + name, "/missing", "/model_weights")
    outside = ("/etc/passwd", "cifar10.h5", "missing.h5", "../../x")
    if chance.random() < 0.5:
        stream[name] = h5py.SoftLink(chance.choice(places))
    else:
        stream[name] = h5py.ExternalLink(chance.choice(outside), chance.choice(places))


def _group(chance: random.Random, stream: Any) -> None:
    """A dataset where a group is expected, or a promise of more than is there."""
    name = chance.choice(("model_weights", "optimizer_weights", "layers", "many"))
    if name in stream:
        del stream[name]
    if chance.random() < 0.5:
        stream.create_dataset(name, shape=(2**20, 2**20), dtype="f8", chunks=(1024, 1024))
    elif chance.random() < 0.5:
        stream.create_dataset(name, data=np.zeros(chance.choice((0, 1, 100))))
    else:
        stream.create_group("/".join([name] + ["a"] * chance.choice((1, 50, 400))))


# One check


@dataclasses.dataclass(frozen=True)
class Place:
    """Where checks run: the interpreter, the edition, and a folder for what they leave."""

    python: str
    edition: str
    scratch: Path


def write_edition(assignment: str, target: Path) -> None:
    """The edition with a look at the model file among what a quick run does; it loads no model."""
    data, _ = editions.read(assignment)
    data["checks"]["model_format"]["quick"] = True
    target.write_text(tomli_w.dumps(data))


def outcome(kind: str, data: bytes, place: Place) -> Dict[str, Any]:
    """What a real check of a submission with this file comes to: points, outcomes by name, faults."""
    folder = place.scratch / "submission"
    if not folder.exists():
        program.submission(folder)
    name = "0-transfer.py" if kind == "scripts" else "cifar10.h5"
    (folder / name).write_bytes(data)
    options = asking.Options(
        str(folder), place.edition, quick=True, selected=() if kind == "scripts" else ("model_format",),
        python=place.python,
    )  # fmt: skip
    began = time.monotonic()
    faults: List[str] = []
    found: Dict[str, Any] = {"points": 0.0, "outcomes": [], "passed": []}
    try:
        edition = asking.look(options, os.environ)
        result = running.check(options, edition, os.environ, Observer())
        ran = [check for check in result.checks if check.status.value != "not run"]
        found["points"] = result.points.given
        found["passed"] = [check.name for check in ran if check.status.value == "passed"]
        found["outcomes"] = [check.reason.name if check.reason else "passed" for check in ran]
        faults += ["{}: {}".format(c.name, c.reason) for c in ran if c.status.value == "error"]
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(reports.render("json", result)))
        for format in reports.FORMATS:
            reports.render(format, result).encode("utf-8")
    except Exception:
        faults.append(traceback.format_exc()[-1_500:])
    left = os.listdir(os.environ["TMPDIR"])
    faults += ["left behind: " + ", ".join(left)] if left else []
    seconds = time.monotonic() - began
    faults += ["it took {:.0f} seconds".format(seconds)] if seconds > LONGEST else []
    return {**found, "seconds": round(seconds, 2), "faults": faults}


def work(options: argparse.Namespace) -> None:
    """Check the files of some seeds, and write a line of JSON for each."""
    first, last = options.seeds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        place = Place(options.python, options.assignment, Path(scratch))
        if options.kind == "models":
            place = dataclasses.replace(place, edition=str(Path(scratch) / "edition.toml"))
            write_edition(options.assignment, Path(place.edition))
        os.environ["TMPDIR"] = tempfile.tempdir = str(Path(scratch) / "tmp")
        os.mkdir(tempfile.tempdir)
        bases = scripts() if options.kind == "scripts" else models()
        wanted: Dict[str, Dict[str, Any]] = {}
        for seed in range(first, last):
            base, data, mendable = made(options.kind, seed, bases)
            if base.name not in wanted:
                wanted[base.name] = outcome(options.kind, base.data, place)
            found = outcome(options.kind, data, place)
            gained = sorted(set(found["passed"]) - set(wanted[base.name]["passed"]))
            if gained and not mendable:
                found["faults"].append("points gained: " + ", ".join(gained))
            found["gained"] = gained if mendable else []
            print(json.dumps({"seed": seed, "base": base.name, "size": len(data), **found}), flush=True)


# Many checks


def lines(command: List[str], longest: float) -> Iterator[Optional[str]]:
    """The lines of a process as they come; None where none came for too long, and the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    came: queue.Queue[Optional[str]] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            came.put(line)
        came.put(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            try:
                line = came.get(timeout=longest)
            except queue.Empty:
                yield None
                return
            if line is None:
                return
            yield line
    finally:
        process.kill()
        process.wait()


class Journal:
    """What became of each seed, kept in a file where one is named: a run goes on where it was stopped."""

    def __init__(self, kind: str, path: Optional[Path], seeds: Tuple[int, int]) -> None:
        self._path, self._lock = path, threading.Lock()
        kept = path.read_text().splitlines() if path is not None and path.exists() else []
        every = [json.loads(line) for line in kept if line.endswith("}")]
        wanted = [
            one for one in every if one.get("kind", kind) == kind and seeds[0] <= one["seed"] < seeds[1]
        ]
        self._kind, self.found = kind, {one["seed"]: one for one in wanted}

    def add(self, one: Dict[str, Any]) -> None:
        """Keep what became of one seed, and say it where it is a finding."""
        one = {"kind": self._kind, **one}
        with self._lock:
            self.found[one["seed"]] = one
            if self._path is not None:
                with self._path.open("a") as stream:
                    stream.write(json.dumps(one) + "\n")
            if one["faults"]:
                words = "\n  ".join(one["faults"])
                print("seed {} ({}):\n  {}".format(one["seed"], one["base"], words), flush=True)


def part(options: argparse.Namespace, first: int, last: int, journal: Journal) -> None:
    """Check the seeds of one part; where a process hangs or dies, that is a finding, and the next goes on."""
    while first < last:
        if first in journal.found:
            first += 1
            continue
        command = [sys.executable, "-m", "tests.fuzz.long", options.kind, "--work"]
        command += ["--seeds", "{}:{}".format(first, last), "--python", options.python]
        command += ["--assignment", options.assignment]
        hung = False
        for line in lines(command, 2 * LONGEST):
            if line is None:
                hung = True
                break
            one = json.loads(line)
            journal.add(one)
            first = one["seed"] + 1
        if first < last:
            fault = "it hangs" if hung else "the checker's process died"
            unknown: Dict[str, Any] = {"base": "", "outcomes": [], "seconds": 0.0, "gained": []}
            journal.add({**unknown, "seed": first, "faults": [fault]})
            first += 1


def summary(options: argparse.Namespace, found: List[Dict[str, Any]], seconds: float) -> int:
    """Print how many, how long, and what became of them; returns how many were faulty."""
    counted: Counter[str] = collections.Counter()
    for one in found:
        counted.update(set(one["outcomes"]) - {"passed"} or {"all passed"})
    faulty = [one for one in found if one["faults"]]
    longest = max((one["seconds"] for one in found), default=0.0)
    print("\n{} {} from the seeds {}:{}".format(len(found), options.kind, *options.seeds))
    print("{:.0f} seconds of this run, the longest check {:.1f}".format(seconds, longest))
    for name, count in counted.most_common():
        print("{:6} {}".format(count, name))
    for one in found:
        if one["gained"]:
            print(
                "to look at: seed {} ({}) passes {}".format(
                    one["seed"], one["base"], ", ".join(one["gained"])
                )
            )
    print(
        "{} findings{}".format(
            len(faulty), ": seeds " + ", ".join(str(o["seed"]) for o in faulty) if faulty else ""
        )
    )
    return len(faulty)


def keep(options: argparse.Namespace) -> None:
    """Write the files of some seeds."""
    bases = scripts() if options.kind == "scripts" else models()
    options.keep.mkdir(parents=True, exist_ok=True)
    for seed in range(*options.seeds):
        base, data, _ = made(options.kind, seed, bases)
        path = options.keep / "{}{}".format(seed, ".py" if options.kind == "scripts" else ".h5")
        path.write_bytes(data)
        print("{}  from {}".format(path, base.name))


def _seeds(text: str) -> Tuple[int, int]:
    first, _, last = text.partition(":")
    return int(first), int(last)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the long fuzz, or make the files of some seeds."""
    parser = argparse.ArgumentParser(description="Mutated model files and scripts through real checks.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seeds", type=_seeds, default=(0, 2_000), metavar="FIRST:END")
    parser.add_argument("--python", default=sys.executable, help="the submission's interpreter")
    parser.add_argument("--assignment", default=editions.DEFAULT)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="write the files of these seeds, check nothing"
    )
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep what is done, and go on from there"
    )
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.keep is not None:
        keep(options)
        return 0
    if options.work:
        work(options)
        return 0
    began, journal = time.monotonic(), Journal(options.kind, options.journal, options.seeds)
    first, last = options.seeds
    borders = [first + (last - first) * job // options.jobs for job in range(options.jobs + 1)]
    threads = [
        threading.Thread(target=part, args=(options, *borders[job : job + 2], journal))
        for job in range(options.jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [journal.found[seed] for seed in sorted(journal.found)]
    return 1 if summary(options, found, time.monotonic() - began) else 0


if __name__ == "__main__":
    sys.exit(main())
