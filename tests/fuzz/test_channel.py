"""The checker's end of a probe's pipe, fed with what a process may write."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path
from typing import Any, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from checker.errors import EvidenceError
from checker.sandbox import channel
from checker.sandbox.channel import Receiver
from tests.fuzz.shapes import JSON, TEXT
from tests.test_channel import fact, frame

MOST = 4_000  # bytes of arrays
SIZES = st.sampled_from([0, 1, 8, 100, MOST, 2**31, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
DTYPES = st.sampled_from([*channel.ITEM_SIZES, "|O", ">f4", "f4", ""]) | TEXT


@st.composite
def arrays(draw: Any) -> bytes:
    """An array, announced rightly or nearly so, or only announced."""
    dtype, shape = draw(DTYPES), draw(st.lists(st.integers(-1, 2**41) | st.integers(0, 9), max_size=7))
    announced = fact("array", name=draw(TEXT), dtype=dtype, shape=shape)
    size = channel.ITEM_SIZES.get(dtype, 1)
    for side in shape:
        size *= side
    size = draw(SIZES) if draw(st.integers(0, 9)) == 0 or not 0 <= size <= 10_000 else size
    return (
        bytes(announced)
        + struct.pack(">BQ", 2, size)
        + draw(st.sampled_from([b"\0", b"\xff"])) * min(size, 10_000)
    )


PIECES = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda kind, size: struct.pack(">BQ", kind, size), st.integers(0, 255), SIZES),
    st.builds(lambda data: frame(1, data), st.binary(max_size=80)),
    st.builds(lambda value: frame(1, json.dumps(value).encode()), JSON),
    st.builds(lambda name, value: fact(name, x=value), TEXT, JSON),
    arrays(),
    arrays(),
)


def taken(pieces: List[bytes], spool: Path) -> Tuple[Receiver, str]:
    """What a receiver makes of these pieces, and the words in which it refuses them."""
    receiver, refused = Receiver(MOST, spool, spool_over=200), ""
    for piece in pieces:
        try:
            receiver.feed(piece)
        except EvidenceError as error:  # and nothing else
            refused = str(error)
            break
        assert len(receiver._buffer) <= channel.MAX_FACT + 9
    receiver.close()
    return receiver, refused


@given(st.lists(PIECES, max_size=8), st.lists(st.integers(0, 20_000), max_size=12))
def test_whatever_comes_is_kept_within_bounds_or_refused(pieces: List[bytes], cuts: List[int]) -> None:
    stream = b"".join(pieces)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, refused = taken([stream], Path(one))
        split, refused_split = taken([stream[a:b] for a, b in zip(places, places[1:])], Path(other))
        assert (split.facts, refused_split) == (whole.facts, refused)
        assert [item.header for item in split.arrays] == [item.header for item in whole.arrays]
        assert sum(item.header.length for item in whole.arrays) <= MOST
        assert len(list(Path(one).iterdir())) == sum(item.path is not None for item in whole.arrays)
        for item, again in zip(whole.arrays, split.arrays):
            data = item.path.read_bytes() if item.path else item.data
            assert len(data) == item.header.length
            assert data == (again.path.read_bytes() if again.path else again.data)
    for kept in whole.facts:
        assert isinstance(kept["fact"], str)
    json.dumps(whole.facts, allow_nan=False, ensure_ascii=False).encode("utf-8")
