"""What a submission shapes is bounded, and what it breaks is its own: never an error of the checker's."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path
from typing import Any, Dict, cast

import h5py
import pytest

from checker import checks, editions, engine
from checker.asked import Notes
from checker.errors import EvidenceError
from checker.evidence import script_evidence
from checker.gather import Evidence
from checker.outcomes import Blocked, Status
from checker.progress import Observer
from checker.sandbox import Run
from checker.sandbox.channel import Receiver
from tests import fixtures_run, program
from tests.test_channel import fact


def index(entries: bytes, count: int, version: int = 2) -> bytes:
    """An index of git's."""
    body = struct.pack(">4sII", b"DIRC", version, count) + entries
    return body + hashlib.sha1(body).digest()


def entry(name: bytes) -> bytes:
    """An entry of an executable file, padded as versions 2 and 3 are."""
    head = bytes(24) + struct.pack(">I", 0o100755) + bytes(32) + struct.pack(">H", min(len(name), 0xFFF))
    return head + name + bytes(8 - (len(head) + len(name)) % 8)


# Where numbers go on for ever, each byte made the one before larger: minutes of arithmetic.
ENDLESS = bytes(60) + struct.pack(">H", 14) + b"\xff" * 3_000_000 + b"\0"
INDEXES = {
    "one name 30,000 times": index(entry(b"0-transfer.py") * 30_000, 30_000),
    "a number without an end": index(ENDLESS, 1, version=4),
    "more entries than there are": index(entry(b"0-transfer.py"), 400_000),
    "a name without an end": index(bytes(62) + b"x" * 100_000, 1),
}


@pytest.mark.parametrize("kind", sorted(INDEXES))
def test_a_git_index_ends_no_check(tmp_path: Path, kind: str) -> None:
    folder = program.submission(tmp_path / "s")
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_bytes(INDEXES[kind])
    done = program.check(tmp_path, "--quick", folder)
    assert done.code == 0, done.out
    assert done.result is not None
    assert [stage["ending"] for stage in done.result["stages"]] == ["finished"]
    facts = [item for item in done.result["facts"] if item["name"].startswith("mode in git's index")]
    assert len(facts) == (kind in ("one name 30,000 times", "more entries than there are"))


def deep(depth: int) -> Any:
    """Lists in each other."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_fact_is_not_nested_more_deeply_than_any_of_ours() -> None:
    receiver = Receiver(0)
    receiver.feed(fact("a", x=deep(19)))
    for depth in (20, 500, 900):
        with pytest.raises(EvidenceError, match="not JSON"):
            Receiver(0).feed(fact("a", x=deep(depth)))


@pytest.mark.parametrize("values", [{"kind": "k" * 150_000}, {"k" * 150_000: 1}, {"kind": ["k" * 150_000]}])
def test_what_is_wrong_with_a_fact_is_said_in_few_words(values: Dict[str, Any]) -> None:
    receiver = Receiver(0)
    receiver.feed(fact("watched", **values))
    with pytest.raises(EvidenceError) as caught:
        script_evidence(Run("finished"), receiver)
    assert len(str(caught.value)) < 1_000


def test_json_that_names_no_layer_is_no_model(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    shutil.copyfile(
        str(program.ROOT / "fixtures" / "saved" / "tf26" / "layers.h5"), str(folder / "cifar10.h5")
    )
    select = ["--select", "model_format", "--python", fixtures_run.PYTHON]
    assert program.check(tmp_path, folder, *select).check("model_format")["status"] == "passed"
    with h5py.File(str(folder / "cifar10.h5"), "r+") as stream:
        stream.attrs["model_config"] = '{"a": {"a": 1}}'
    found = program.check(tmp_path, folder, *select).check("model_format")
    assert (found["status"], found["reason"]["name"]) == ("failed", "model-config-unreadable")
    assert found["points"] == 0


class Long:
    """Evidence of which everything that is asked for blocks a check, in ten million letters."""

    notes = Notes()

    def __getattr__(self, name: str) -> Any:
        raise Blocked("waits-for-file", "x" * 10**7, "\u202e" * 10**7, "y\n" * 10**7, "z")


def test_what_a_check_says_is_cut() -> None:
    edition = editions.load(editions.DEFAULT, checks.every())
    ran = engine.run(cast(Evidence, Long()), edition, True, Observer())
    blocked = [item.reason for item in ran.results if item.status is Status.BLOCKED]
    assert len(blocked) > 3
    for reason in blocked:
        assert reason is not None
        assert max(map(len, vars(reason).values())) < 6_000
        assert reason.where.startswith("y\ny\n") and " ... " in reason.where
