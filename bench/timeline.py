"""When each process of one check says what, in seconds since the check began: where its time goes.

    python -m bench.timeline FOLDER [--python PYTHON] [--assignment NAME] [--images cifar10.npz] [--exact]

A line is a fact or an array that came, with the seconds since the one before it from the same process. Arrays
of scores are shown by their first, and their last with their number.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple
from unittest import mock

from checker import editions, run
from checker.errors import CheckerError
from checker.options import Options, look
from checker.probing import Prober
from checker.progress import Observer
from checker.sandbox.channel import Event, Receiver

Said = Tuple[float, str, str]  # when, the probe, the event


def listened(receiver: Receiver, probe: str, said: List[Said]) -> Receiver:
    """The same receiver; what comes to it is noted in ``said``."""
    feed = receiver.feed

    def noting(data: bytes) -> List[Event]:
        events = feed(data)
        said.extend((time.monotonic(), probe, event.name) for event in events)
        return events

    receiver.feed = noting  # type: ignore[method-assign]
    return receiver


def watch(options: Options, environment: Mapping[str, str]) -> Tuple[List[Said], str]:
    """Check; returns what was said, and the verdict."""
    said: List[Said] = []
    plain = Prober.run

    def patched(prober: Prober, probe: str, *others: Any, **named: Any) -> Any:
        arguments = list(others)
        new = arguments[3]
        arguments[3] = lambda: listened(new(), probe, said)
        said.append((time.monotonic(), probe, "asked for"))
        found = plain(prober, probe, *arguments, **named)
        said.append((time.monotonic(), probe, "ended: " + found[0].ending))
        return found

    with mock.patch.object(Prober, "run", patched):
        result = run.check(options, look(options, environment), environment, Observer())
    seen = "" if result.accuracy is None else ", {:,} images".format(result.accuracy.seen)
    return said, "{}{}, {:.1f} s".format(result.verdict, seen, result.seconds)


def lines(said: List[Said], began: float) -> List[str]:
    """A line an event, probe by probe."""
    found: List[str] = []
    last: Dict[str, float] = {}
    for probe in dict.fromkeys(name for _, name, _ in said):
        events = [(when, what) for when, name, what in said if name == probe]
        scores = [when for when, what in events if what == "scores"]
        for when, what in events:
            if what == "scores" and when not in (scores[0], scores[-1]):
                continue
            if what == "scores" and when == scores[-1]:
                what = "scores, batch {}".format(len(scores))
            before = last.get(probe, began)
            found.append("{:10} {:8.2f} {:+8.2f}  {}".format(probe, when - began, when - before, what))
            last[probe] = when
    return found


def main(arguments: Optional[List[str]] = None) -> None:
    """Check once and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--python")
    parser.add_argument("--assignment", default=editions.DEFAULT)
    parser.add_argument("--images")
    parser.add_argument("--exact", action="store_true")
    found = parser.parse_args(arguments)
    options = Options(
        found.folder,
        found.assignment,
        python=found.python,
        images=found.images,
        exact=found.exact,
        seed=7,
    )
    began = time.monotonic()
    try:
        said, verdict = watch(options, os.environ)
    except CheckerError as error:
        raise SystemExit("bench.timeline: {}".format(error)) from None
    print("\n".join([*lines(said, began), verdict]))


if __name__ == "__main__":
    main()
