"""Editions, names in a folder, and git indexes that somebody made: read, or refused in words."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from checker import checks, editions, submission
from checker.editions import Edition, tomllib
from checker.errors import UsageError
from checker.probes import gitindex
from tests import program
from tests.fuzz.shapes import fitting, nearly
from tests.test_bounds import ENDLESS, entry, index

KNOWN = checks.every()
EDITION = editions.load(editions.DEFAULT, KNOWN)
TOML = program.edition_text()
TABLES = tomllib.loads(TOML)
NAMES = [EDITION.files.script.name, EDITION.files.model.name, EDITION.files.readme.name]


def load(text: bytes) -> None:
    """Read an edition: it is one, or the message says in a few words what it is not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edition.toml"
        path.write_bytes(text)
        try:
            edition = editions.load(str(path), KNOWN)
        except UsageError as error:  # and nothing else
            assert len(str(error)) < 5_000
            return
    assert 0 < edition.threshold < 1
    assert any(rule.required for rule in edition.checks.values())
    assert all(
        "/" not in file.name for file in (edition.files.script, edition.files.model, edition.files.readme)
    )


def _without_none(value: Any) -> Any:
    """TOML has no null, and numbers of 64 bits."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value


def _written(tables: Any) -> bytes:
    text = tomli_w.dumps(_without_none(tables if isinstance(tables, dict) else {"x": tables}))
    return text.encode("utf-8", "surrogatepass")


@given(nearly(st.just(TABLES)) | nearly(fitting(Edition)))
def test_tables_are_an_edition_or_refused(tables: Any) -> None:
    load(_written(tables))


@given(st.data())
def test_text_is_an_edition_or_refused(data: st.DataObject) -> None:
    text = TOML.encode()
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        new = data.draw(
            st.binary(max_size=5)
            | st.sampled_from([b"[" * 5_000, b"a." * 5_000, b"9" * 5_000, b"inf", b"nan"])
        )
        text = text[:place] + new + text[place + data.draw(st.integers(0, 40)) :]
    load(text)


NAME = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.sampled_from(NAMES).map(os.fsencode),
    st.builds(
        lambda name, kind, mark: mark + os.fsencode(name.upper() if kind == b".x" else name) + kind,
        st.sampled_from(NAMES),
        st.sampled_from([b"", b".txt", b" (1)", b".zip", b".x", b"\xff", b"\n::error::a", b"\xe2\x80\xae5h"]),
        st.sampled_from([b"", b"-", b"'", b"\x1b[2J", b"`", b"$(x)"]),
    ),
).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..", b".git"))
KINDS = st.sampled_from(["file", "file", "empty", "folder", "link", "fifo"])


@given(st.dictionaries(NAME, KINDS, max_size=6))
def test_any_names_are_a_submission(names: Dict[bytes, str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, workspace = Path(scratch) / "s", Path(scratch) / "w"
        folder.mkdir()
        workspace.mkdir()
        for name, kind in names.items():
            _make(os.path.join(os.fsencode(str(folder)), name), kind)
        taken = submission.take(str(folder), EDITION, workspace)
        for file in taken.files:
            kind = names.get(os.fsencode(file.name), "missing")
            assert file.problem == {"file": "", "fifo": "special"}.get(kind, kind)
            assert all(near.isprintable() for near in file.near)
        assert len(os.listdir(workspace / "snapshot")) == sum(file.path is not None for file in taken.files)


def _make(path: bytes, kind: str) -> None:
    if kind == "folder":
        os.mkdir(path)
    elif kind == "link":
        os.symlink(b"/etc/passwd", path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with open(path, "wb") as stream:
            stream.write(b"x\n" if kind == "file" else b"")


ENTRIES = st.lists(
    st.binary(max_size=90)
    | st.builds(entry, st.sampled_from([b"0-transfer.py", b"README.md"]) | st.binary(max_size=30)),
    max_size=6,
)


@given(
    ENTRIES,
    st.integers(0, 2**32 - 1) | st.integers(0, 9),
    st.sampled_from([2, 3, 4, 5]),
    st.integers(0, 4_000),
)
def test_any_bytes_are_an_index_of_git(entries: List[bytes], count: int, version: int, end: int) -> None:
    whole = index(b"".join(entries), count, version)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        for data in (whole, whole[:end], whole.replace(b"\0", b"\xff", end % 7), ENDLESS[:end]):
            path.write_bytes(data)
            found = list(gitindex.modes(str(path), NAMES))
            assert len({item["name"] for item in found}) == len(found) <= len(NAMES)
            assert all(len(item["mode"]) <= 11 for item in found)
