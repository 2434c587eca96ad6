"""Facts that carry no points: what is worth knowing of the stages that were gathered."""

from __future__ import annotations

import itertools
import re
import struct
from typing import Dict, Iterator, Mapping, Optional, Tuple

from checker.evidence import CleanEvidence, InspectionEvidence, MainEvidence, ModelEvidence, SourceEvidence
from checker.gather import Evidence
from checker.result import Fact
from checker.text import cut

_SHOWN = 5
_MOST_LETTERS = 5_000  # of a fact: submitted code may have told it
_PRINTED = re.compile(rb"(?:\b|_)acc(?:uracy)?: ([0-9.e+-]{1,20})")


def of(evidence: Evidence, kept: Mapping[str, Tuple[Fact, ...]]) -> Dict[str, Tuple[Fact, ...]]:
    """Return the facts of one run, by the stage that they come from.

    A stage that did not run has those that were ``kept`` of it.
    """
    found = {
        "files": _counts(evidence),
        "source": _source(evidence.gathered("source"), evidence.interpreter.python),
        "inspection": _inspection(evidence.gathered("inspection")),
        "model": itertools.chain(_model(evidence), _clean(evidence), _memorised(evidence)),
        "main": _main(evidence),
    }
    return {stage: tuple(map(_bounded, new)) or kept.get(stage, ()) for stage, new in found.items()}


def _bounded(fact: Fact) -> Fact:
    return Fact(cut(fact.name, _MOST_LETTERS), cut(fact.value, _MOST_LETTERS))


def _counts(evidence: Evidence) -> Iterator[Fact]:
    """Lines, words and bytes of the text files, as the course's ``wc`` counts them."""
    for file in (evidence.submission.script, evidence.submission.readme):
        if file.path is not None:
            data = file.path.read_bytes()
            counts = (data.count(b"\n"), len(data.split()), len(data))
            yield Fact("wc " + file.name, "{} lines, {} words, {} bytes".format(*counts))


def _source(source: Optional[SourceEvidence], python: str) -> Iterator[Fact]:
    if source is None:
        return
    for mode in source.git_modes:
        yield Fact("mode in git's index: {}".format(mode.name), mode.mode)
    if source.style is not None and source.style.version:
        yield Fact("read by", "Python {}, pycodestyle {}".format(python, source.style.version))
    for item in source.applications[:3]:
        yield Fact("application", "{} (line {})".format(item.name, item.line))


def _inspection(inspection: Optional[InspectionEvidence]) -> Iterator[Fact]:
    if inspection is None:
        return
    hdf5, config, file = inspection.hdf5, inspection.config, inspection.file
    if hdf5 is not None and hdf5.keras_version:
        yield Fact("model saved by Keras", hdf5.keras_version)
        yield Fact("optimizer's variables in the file", str(hdf5.slots))
    if config is not None and config.readable:
        counts = (config.layers, config.frozen, len(config.lambdas))
        yield Fact("model", "{} layers, {} frozen, {} Lambda".format(*counts))
        for python in file.pythons:
            yield Fact("Lambda's code", "written by Python {}".format(python))
        if config.operations:
            yield Fact("TensorFlow operations that the file names", ", ".join(config.operations))
    for place in [place for place in file.places if place.acts and place.kind != "lambda"][:_SHOWN]:
        yield Fact("{} in the model".format(place.kind), "{}: {}".format(place.path, place.what))
    for kind in dict.fromkeys(finding.kind for finding in file.findings):
        first, count = file.first(kind), file.inspected.findings.get(kind, 1) if file.inspected else 1
        if first is not None:
            more = " (and {:,} more)".format(count - 1) if count > 1 else ""
            yield Fact("{} in the file".format(kind), "{}: {}{}".format(first.place, first.detail, more))


def _model(evidence: Evidence) -> Iterator[Fact]:
    model: Optional[ModelEvidence] = evidence.gathered("model")
    if model is None:
        return
    if model.shim_works is False:
        words = "AttributeError: Keras 3 has no K.backend.learning_phase, which the course's script uses;"
        if not evidence.versions().course_has_keras_3:
            words += " nothing to mend: TensorFlow {} has it;".format(evidence.edition.environment.tensorflow)
        yield Fact("0-main.py here", words + " the check goes on without it")
    if model.loaded and evidence.versions().here_is_keras_3 and _has_lambda(evidence):
        words = "a new Keras 3 loads one only with safe_mode=False and with K given to it, as done here"
        yield Fact("a Lambda here", words)
    inspection = evidence.inspected()
    saved = inspection.hdf5.slots if inspection is not None and inspection.hdf5 is not None else 0
    if model.loaded and saved > model.slots >= 0:
        yield Fact(
            "optimizer's variables after loading here",
            "{} of {} came back. That changes no score; only training on would start afresh.".format(
                model.slots, saved
            ),
        )


def _clean(evidence: Evidence) -> Iterator[Fact]:
    """How the model was rebuilt, and how far its scores are from those of the model as handed in."""
    clean: Optional[CleanEvidence] = evidence.gathered("clean")
    if clean is None:
        return
    if not evidence.scored() and clean.count.seen:
        words = "with a resize for the Lambda, which is of another Python, {:.1%} of {:,} images are right:"
        words += " images {}, of which the model is surest. That is a guess and decides nothing."
        share = clean.count.correct / clean.count.seen
        yield Fact("rebuilt by a guess", words.format(share, clean.count.seen, clean.resize))
    if clean.engine.why:
        yield Fact("scored by TensorFlow", "OpenVINO was left out: {}".format(clean.engine.why))
    difference = evidence.difference() if evidence.scored() else None
    if difference is None:
        return
    words = "preprocess_input of the mode {}; images {}; {:,} images scored as handed in, too:"
    words += " largest difference {:.1g}, {:,} of another class"
    yield Fact(
        "rebuilt with",
        words.format(clean.mode, clean.resize, difference.images, difference.largest, difference.classes),
    )


def _has_lambda(evidence: Evidence) -> bool:
    inspection = evidence.inspected()
    return inspection is not None and inspection.config is not None and bool(inspection.config.lambdas)


def _memorised(evidence: Evidence) -> Iterator[Fact]:
    """The accuracy on images that were mixed into the test images, beside that on these."""
    if evidence.request.others is not None and evidence.scored():
        for comparison in evidence.memorised():
            yield Fact(comparison.name, comparison.words())


def _main(evidence: Evidence) -> Iterator[Fact]:
    """What the course's own script printed, beside our count against the same labels."""
    if not evidence.request.with_main:
        return
    main: Optional[MainEvidence] = evidence.gathered("main")
    name = "0-main.py, with stand-in labels"
    if main is None:
        why = "it could not run" if evidence.scored() else "there are no scores to compare with"
        yield Fact(name, "not run: " + why)
        return
    if main.error is not None:
        place = " (line {})".format(main.error.line) if main.error.line else ""
        yield Fact(name, "ends with {}{}".format(main.error, place))
        return
    if not main.done or not main.images:
        yield Fact(name, "comes to no end: {} {}".format(main.run.ending, main.run.detail).rstrip())
        return
    printed = _PRINTED.findall(main.run.printed)
    if not printed:
        yield Fact(name, "prints no accuracy")
        return
    shown, share = printed[-1].decode("ascii"), main.right / main.images
    words = "prints accuracy {}; our count of the same {:,} scores against the same labels: {:.4f}, {}"
    same = shown in ("{:.4f}".format(share), "{:.4f}".format(_single(share)))
    yield Fact(name, words.format(shown, main.images, share, "equal" if same else "NOT EQUAL"))


def _single(share: float) -> float:
    """The number in single precision, in which Keras counts."""
    return float(struct.unpack("<f", struct.pack("<f", share))[0])
