"""The checker's end of a probe's pipe: frames whole, in pieces, too long, and none at all."""

from __future__ import annotations

import json
import os
import random
import struct
import threading
from pathlib import Path
from typing import Any, List, Sequence

import numpy as np
import pytest

from checker.errors import EvidenceError, ToolError
from checker.probes import wire
from checker.sandbox import channel
from checker.sandbox.channel import Event, Received, Receiver


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BQ", kind, len(payload)) + payload


def fact(name: str, /, **values: object) -> bytes:
    return frame(1, json.dumps(dict(values, fact=name)).encode())


def array(name: str, values: Sequence[float], dtype: str = "<f4") -> bytes:
    made = np.array(values, dtype)
    return fact("array", name=name, dtype=dtype, shape=list(made.shape)) + frame(2, made.tobytes())


def test_facts_are_kept_in_their_order() -> None:
    told: List[Any] = []
    receiver = Receiver(0, on_fact=told.append)
    assert receiver.feed(fact("a", x=1) + fact("b") + fact("a", x=2)) == [Event("a"), Event("b"), Event("a")]
    assert [one["x"] for one in receiver.of("a")] == [1, 2]
    assert receiver.last("a") == {"fact": "a", "x": 2}
    assert receiver.last("c") is None
    assert told == receiver.facts


def test_that_it_started_is_no_fact() -> None:
    receiver = Receiver(0)
    assert not receiver.started
    assert receiver.feed(fact("started")) == [Event("started")]
    assert receiver.started
    assert receiver.facts == []


def test_an_array_comes_as_its_bytes() -> None:
    came: List[Received] = []
    receiver = Receiver(100, on_array=came.append)
    assert receiver.feed(array("x", [1, 2, 3])) == [Event("x", 12)]
    assert came == receiver.arrays
    assert came[0].header == channel.ArrayHeader("x", "<f4", (3,))
    assert np.frombuffer(came[0].data, "<f4").tolist() == [1, 2, 3]


def test_an_empty_array_is_whole_at_once() -> None:
    receiver = Receiver(0)
    assert receiver.feed(array("x", []) + fact("a")) == [Event("x", 0), Event("a")]
    assert receiver.arrays[0].data == b""


@pytest.mark.parametrize("seed", range(30))
def test_it_does_not_matter_how_bytes_are_split(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    parts = [fact("a", text="x" * chance.randrange(300)) for _ in range(5)]
    parts += [array("y", [chance.random() for _ in range(chance.randrange(40))]) for _ in range(5)]
    chance.shuffle(parts)
    stream = b"".join(parts)
    whole, split = Receiver(10_000), Receiver(10_000, tmp_path, spool_over=60)
    expected = whole.feed(stream)
    cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.choice((1, 10, 200))))
    events: List[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)]):
        events += split.feed(stream[start:end])
    assert events == expected
    assert split.facts == whole.facts
    for one, other in zip(split.arrays, whole.arrays):
        assert one.header == other.header
        assert (one.path is not None) == (one.header.length > 60)
        assert (one.path.read_bytes() if one.path else one.data) == other.data


def test_one_byte_at_a_time() -> None:
    receiver = Receiver(100)
    events = [event for byte in fact("a") + array("x", [1.5]) for event in receiver.feed(bytes([byte]))]
    assert events == [Event("a"), Event("x", 4)]


ANNOUNCED = fact("array", name="x", dtype="<f4", shape=[2])
MALFORMED = {
    "text": b"hello hello",
    "a kind that is none": frame(3, b"{}"),
    "a fact that is too long": struct.pack(">BQ", 1, channel.MAX_FACT + 1),
    "a fact of 2**60 bytes": struct.pack(">BQ", 1, 2**60),
    "an array that was not announced": struct.pack(">BQ", 2, 8),
    "an array of 2**60 bytes": ANNOUNCED + struct.pack(">BQ", 2, 2**60),
    "an array shorter than announced": ANNOUNCED + struct.pack(">BQ", 2, 4),
    "an array twice": ANNOUNCED + frame(2, bytes(8)) + frame(2, bytes(8)),
    "no JSON": frame(1, b"{"),
    "no UTF-8": frame(1, b'{"fact": "\xff"}'),
    "too deep": frame(1, b'{"fact": "a", "x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"),
    "a long number": frame(1, b'{"fact": "a", "x": ' + b"9" * 31 + b"}"),
    "a list": frame(1, b"[]"),
    "no name": frame(1, b"{}"),
    "a name that is none": frame(1, b'{"fact": 1}'),
    "an empty fact": frame(1, b""),
}


@pytest.mark.parametrize("stream", MALFORMED.values(), ids=list(MALFORMED))
def test_what_does_not_fit_is_refused(stream: bytes) -> None:
    receiver = Receiver(1000)
    with pytest.raises(EvidenceError):
        receiver.feed(fact("before") + stream)
    assert receiver.of("before")


HEADERS = {
    "objects": {"dtype": "|O", "shape": [1]},
    "big endian": {"dtype": ">f4", "shape": [1]},
    "a dtype that is none": {"dtype": ["<f4"], "shape": [1]},
    "no dtype": {"shape": [1]},
    "no shape": {"dtype": "<f4"},
    "a shape that is none": {"dtype": "<f4", "shape": 3},
    "a negative side": {"dtype": "<f4", "shape": [-1]},
    "a side that is no number": {"dtype": "<f4", "shape": [True]},
    "a side that is no whole number": {"dtype": "<f4", "shape": [1.0]},
    "too many sides": {"dtype": "<f4", "shape": [1] * 7},
    "too large": {"dtype": "<f4", "shape": [251]},
    "nothing times too much": {"dtype": "<f4", "shape": [0, 2**39, 2**39]},
    "a name that is none": {"name": 3, "dtype": "<f4", "shape": [1]},
}


@pytest.mark.parametrize("values", HEADERS.values(), ids=list(HEADERS))
def test_an_array_that_cannot_be_taken_is_refused_when_it_is_announced(values: Any) -> None:
    with pytest.raises(EvidenceError):
        Receiver(1000).feed(fact("array", **{"name": "x", **values}))


def test_all_arrays_together_are_bounded() -> None:
    receiver = Receiver(20)
    receiver.feed(array("x", [1, 2]) + array("x", [1, 2]))
    with pytest.raises(EvidenceError):
        receiver.feed(array("x", [1, 2]))


@pytest.mark.parametrize("one", [fact("a"), array("x", [])], ids=["facts", "arrays"])
def test_facts_are_bounded_in_number(one: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_FACTS", 10)
    receiver = Receiver(0)
    receiver.feed(one * 10)
    with pytest.raises(EvidenceError):
        receiver.feed(one)


def test_facts_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_FACT_BYTES", 250)
    receiver = Receiver(0)
    receiver.feed(fact("a", text="x" * 100))
    with pytest.raises(EvidenceError):
        receiver.feed(fact("a", text="x" * 200))


def test_what_no_report_can_hold_is_replaced() -> None:
    receiver = Receiver(0)
    receiver.feed(frame(1, b'{"fact": "a", "x": [NaN, Infinity, -Infinity, 1e999, 1.5]}'))
    receiver.feed(fact("b", half="\ud800", whole="\U0001f600", plain="é", last="\\ud800"))
    assert receiver.facts[0]["x"] == [None, None, None, None, 1.5]
    assert receiver.facts[1] == {
        "fact": "b", "half": "\ufffd", "whole": "\U0001f600", "plain": "é", "last": "\\ud800"
    }  # fmt: skip
    json.dumps(receiver.facts, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_half_an_array_leaves_no_file(tmp_path: Path) -> None:
    receiver = Receiver(1000, tmp_path, spool_over=10)
    receiver.feed(array("x", range(20))[:-1])
    assert len(list(tmp_path.iterdir())) == 1
    receiver.close()
    receiver.close()
    assert list(tmp_path.iterdir()) == []
    assert receiver.arrays == []


def test_a_whole_array_stays_after_the_end(tmp_path: Path) -> None:
    receiver = Receiver(1000, tmp_path, spool_over=10)
    receiver.feed(array("x", range(20)))
    receiver.close()
    path = receiver.arrays[0].path
    assert path is not None
    assert np.fromfile(str(path), "<f4").tolist() == list(range(20))


def test_a_disk_of_ours_that_fails_is_the_tools_fault(tmp_path: Path) -> None:
    with pytest.raises(ToolError):
        Receiver(1000, tmp_path / "missing", spool_over=10).feed(array("x", range(20)))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_disk_of_ours_that_is_full_is_the_tools_fault(tmp_path: Path) -> None:
    (tmp_path / "array-0").symlink_to("/dev/full")
    receiver = Receiver(1000, tmp_path, spool_over=10)
    with pytest.raises(ToolError, match="No space"):
        receiver.feed(array("x", range(20)))
    receiver.close()


def _through(send: Any) -> Receiver:
    """What a receiver has after ``send`` wrote to a probe's channel."""
    receiver = Receiver(10_000)
    reading, writing = os.pipe()
    try:
        send(wire.Channel(writing))
        os.close(writing)
        data = os.read(reading, 1 << 16)
        while data:
            receiver.feed(data)
            data = os.read(reading, 1 << 16)
    finally:
        os.close(reading)
    return receiver


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i8", ">i4", "<f2", "f4", ">f8"])
@pytest.mark.parametrize("shape", [(), (0, 3), (4,), (2, 3, 2)])
def test_a_probes_arrays_arrive(dtype: str, shape: Any) -> None:
    given = (np.arange(int(np.prod(shape, dtype=int))) % 2).reshape(shape).astype(dtype)
    received = _through(lambda out: out.array("x", given.T)).arrays[0]
    taken = np.frombuffer(received.data, received.header.dtype).reshape(received.header.shape)
    assert taken.shape == given.T.shape
    assert np.array_equal(taken, given.T)


def test_a_probes_fact_that_is_too_long_says_so() -> None:
    receiver = _through(lambda out: out.fact("a", text="x" * channel.MAX_FACT))
    assert receiver.facts == [{"fact": "oversize", "name": "a"}]


def test_a_probe_shows_what_cannot_be_shown() -> None:
    class Hostile:
        def __str__(self) -> str:
            raise ValueError

    receiver = _through(lambda out: out.fact("a", text=Hostile()))
    assert receiver.facts[0]["text"] == "(it cannot be shown)"


def test_a_probe_waits_once_for_each_event_that_is_awaited() -> None:
    reading, writing = os.pipe()
    answers, answering = os.pipe()
    out = wire.Channel(writing, answers, ["a"])

    def report() -> None:
        for name in "baac":
            out.fact(name)

    thread = threading.Thread(target=report)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    os.write(answering, b"\n")
    thread.join(5)
    assert not thread.is_alive()
    os.close(answering)
    with pytest.raises(BrokenPipeError):
        wire.Channel(writing, answers, ["a"]).fact("a")
    for descriptor in (reading, writing, answers):
        os.close(descriptor)


def test_both_ends_agree() -> None:
    assert wire.MAX_FACT == channel.MAX_FACT
    assert (wire.FACT, wire.ARRAY) == (channel._FACT, channel._ARRAY)
