"""OpenVINO in the place of Keras, where many images are wanted: the same classes, and the result says so."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, cast

import numpy as np
import pytest

from checker import interpreters, run
from checker.aside import Watch
from checker.clean import evaluation
from checker.counting import Counter
from checker.options import Options, look
from checker.progress import Observer
from checker.reports import words
from checker.result import Accuracy, Result
from checker.sandbox import Run
from checker.sandbox.channel import Receiver
from tests import fixtures_run
from tests.test_clean import put

ALWAYS = {**evaluation.FASTER, "worth": -1.0, "gain": 0.0}
RIGHT = 941  # of the passing fixture, on the embedded images

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        not fixtures_run.interpreter().versions["openvino"], reason="the interpreter has no OpenVINO"
    ),
]


def checked(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    faster: Optional[Dict[str, float]],
    edition: Optional[Path] = None,
) -> Result:
    """The result of all embedded images; ``faster``: when OpenVINO scores, None where it is not there.

    ``edition``: one in which a part of them decides.
    """
    if faster is None:
        ask = interpreters.ask

        def without(executable: str) -> interpreters.Interpreter:
            found = ask(executable)
            return replace(found, versions={**found.versions, "openvino": ""})

        monkeypatch.setattr(interpreters, "ask", without)
    else:
        monkeypatch.setattr(evaluation, "FASTER", faster)
    asked = Options(
        str(folder),
        fixtures_run.assignment() if edition is None else str(edition),
        python=fixtures_run.PYTHON,
        images="embedded",
        seed=7,
        exact=edition is None,
    )
    return run.check(asked, look(asked, os.environ), os.environ, Observer())


def accuracy(result: Result) -> Accuracy:
    """Its accuracy."""
    assert result.accuracy is not None, [check.reason for check in result.checks if check.reason]
    assert result.accuracy.evaluation == "clean", result.accuracy
    return result.accuracy


def left_out(result: Result) -> str:
    """Why OpenVINO was left out, as the facts say it; "" where they do not."""
    return "".join(fact.value for fact in result.facts if fact.name == "scored by TensorFlow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixtures_run.made("passing", tmp_path_factory.mktemp("faster") / "s")


@pytest.mark.each
def test_openvino_gives_the_same_verdict_and_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        plain = checked(folder, patch, None)
    faster = checked(folder, monkeypatch, ALWAYS)
    version = fixtures_run.interpreter().versions["openvino"]
    one, other = accuracy(plain), accuracy(faster)
    assert (one.engine, left_out(plain), left_out(faster)) == ("TensorFlow", "", "")
    start = "OpenVINO {}, TensorFlow where two classes are close: ".format(version)
    assert other.engine.startswith(start)
    close = int(other.engine[len(start) :].split()[0])
    assert 0 <= close < 50
    assert replace(one, engine="", images_per_second=0) == replace(other, engine="", images_per_second=0)
    assert (other.correct, other.seen) == (RIGHT, 1000)
    assert (plain.exit_code, plain.verdict) == (faster.exit_code, faster.verdict)
    assert [check.flags for check in faster.checks] == [check.flags for check in plain.checks]
    assert other.engine in words.evaluation(other)
    assert "TensorFlow" not in words.evaluation(one)


def test_a_sequence_that_has_not_decided_goes_on_in_openvino(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edition = fixtures_run.edition_with({"test_images": 1000, "error_rate": 0.001}, tmp_path)
    with monkeypatch.context() as patch:
        plain = checked(folder, patch, None, edition)
    faster = checked(folder, monkeypatch, ALWAYS, edition)
    one, other = accuracy(plain), accuracy(faster)
    assert one.decided_by == "sequence"
    assert 192 < one.seen < 1000  # Keras scores 128 first, and what was under way
    assert (one.engine, other.engine.split()[0]) == ("TensorFlow", "OpenVINO")
    assert replace(one, engine="", images_per_second=0) == replace(other, engine="", images_per_second=0)
    assert (plain.exit_code, plain.verdict) == (faster.exit_code, faster.verdict)
    never = checked(folder, monkeypatch, {**ALWAYS, "worth": 1e6}, edition)
    assert replace(accuracy(never), images_per_second=0) == replace(one, images_per_second=0)


def test_a_few_images_are_not_worth_a_conversion(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = checked(folder, monkeypatch, {**evaluation.FASTER, "worth": 1e6})
    assert (accuracy(result).engine, accuracy(result).correct, left_out(result)) == ("TensorFlow", RIGHT, "")


def test_images_whose_classes_are_close_are_keras_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No two scores are further apart than twice the largest: Keras decides on every one that is left to it.
    result = checked(folder, monkeypatch, {**ALWAYS, "close": 2.0})
    assert accuracy(result).engine.endswith(": 872 images")
    assert accuracy(result).correct == RIGHT


def test_what_is_no_faster_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = checked(folder, monkeypatch, {**ALWAYS, "gain": 1e6})
    assert (accuracy(result).engine, accuracy(result).correct) == ("TensorFlow", RIGHT)
    assert "images a second, Keras" in left_out(result)


def test_scores_that_differ_are_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = checked(folder, monkeypatch, {**ALWAYS, "apart": -1.0})
    assert (accuracy(result).engine, accuracy(result).correct) == ("TensorFlow", RIGHT)
    assert "its scores differ from Keras's by" in left_out(result)


class Told:
    """The facts of one run of the probe."""

    def __init__(self, facts: Dict[str, Dict[str, Any]]) -> None:
        self._facts = facts

    def last(self, name: str) -> Optional[Dict[str, Any]]:
        return self._facts.get(name)


AGAIN = {"name": "OpenVINO", "close": 3, "why": "its scores differ", "again": True}


@pytest.mark.parametrize(
    ("ending", "facts", "why"),
    [
        ("finished", {"converting": {}, "engine": AGAIN}, "its scores differ"),
        ("crashed", {"converting": {}}, "it comes to no end: crashed by a signal"),
        ("limit", {"converting": {}}, "it comes to no end: limit by a signal"),
        ("crashed", {}, ""),  # before OpenVINO had any part in it
        ("finished", {}, ""),
    ],
)
def test_what_ends_badly_is_scored_once_more_in_keras(
    ending: str, facts: Dict[str, Dict[str, Any]], why: str, tmp_path: Path
) -> None:
    asked: List[Any] = []

    def runner(probe: str, settings: Dict[str, Any], *others: object) -> Tuple[Run, Receiver]:
        asked.append(settings["faster"])
        first = len(asked) == 1
        outcome = Run(ending, "by a signal") if first else Run("finished")
        return outcome, cast(Receiver, Told(facts if first else {}))

    counter = cast(Counter, None)
    order = evaluation.Order(tmp_path, "x.h5", np.zeros((4, 8, 8, 3), "uint8"), counter, 0, tmp_path, True)
    run, _, engine = evaluation.Evaluation(order, runner)._score({}, cast(Watch, None))
    assert asked == ([evaluation.FASTER, None] if why else [evaluation.FASTER])
    assert engine.why == why
    assert (run.ending, engine.name) == ("finished" if why else ending, "")


@pytest.mark.each
def test_what_openvino_does_not_convert_is_keras_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fixtures_run.made("passing", tmp_path / "s")
    put("lanczos", folder / "cifar10.h5")
    result = checked(folder, monkeypatch, ALWAYS)
    assert accuracy(result).engine == "TensorFlow"
    assert accuracy(result).seen == 1000
    assert left_out(result).startswith("OpenVINO was left out: ")
