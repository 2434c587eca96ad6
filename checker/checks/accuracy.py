"""Test accuracy, counted from raw scores against labels that no sandbox ever held."""

from __future__ import annotations

from typing import Callable

from checker.checks.loading import loaded
from checker.gather import Evidence
from checker.outcomes import Blocked, Cure, Failure

_MORE = Cure(
    "accuracy-low",
    "Train the layers above the frozen ones longer, unfreeze one more block with a low learning rate,"
    " scale the images up more, or add mirrored images.",
)
_ODD = Cure(
    "accuracy-very-low",
    "So low that preprocess_data is likely not what the model was trained with: compare the two."
    " Then see that the training itself got anywhere.",
)


def check_accuracy(evidence: Evidence, flag: Callable[[str, str], None]) -> None:
    """At least the edition's share of the test images is classified correctly. Seen: counted here."""
    loaded(evidence)
    accuracy = evidence.accuracy()
    edition = evidence.edition
    name = edition.files.model.name
    if accuracy is None:
        raise Blocked(
            "waits-for-scores",
            "scores for the test images",
            "there are none",
            name,
            evidence.mend("model_predicts"),
        )
    for comparison in evidence.memorised():
        if comparison.gap.flagged:
            flag("memorised-images", comparison.flag())
    difference, company = evidence.difference(), evidence.model().company
    if company is not None and not company.alike:
        flag(
            "scores-depend-on-company",
            "The model answers otherwise where an image stands among others: of {:,} scored twice {:,} are of"
            " another class, and scores differ by up to {:.2g}. So all images were scored, in batches of 128"
            " as in 0-main.py.".format(company.images, company.classes, company.largest),
        )
    if difference is not None and not difference.alike:
        flag(
            "model-scores-otherwise",
            "The model as handed in scores otherwise than its own weights in stock layers, which count:"
            " of {:,} images {:,} are of another class, and scores differ by up to {:.2g}.".format(
                difference.images, difference.classes, difference.largest
            ),
        )
    if accuracy.meets:
        return
    share = accuracy.correct / accuracy.seen if accuracy.seen else 0.0
    expected = "test accuracy of at least {:.0%}".format(edition.threshold)
    found = "{:.1%} of {:,} images".format(share, accuracy.seen)
    if accuracy.low < accuracy.high:
        found += ", so {:.1%} to {:.1%} of all test images".format(accuracy.low, accuracy.high)
    if accuracy.meets is None:
        raise Blocked(
            "accuracy-too-close",
            expected,
            "{}: too close to {:.0%} to be decided on these images".format(found, edition.threshold),
            name,
            "All {:,} test images decide it:  checker check --images {}".format(
                edition.test_images, "download" if edition.images is not None else "FILE.npz"
            ),
        )
    if _used_stand_ins(evidence):
        raise Blocked(
            "accuracy-with-load-data",
            expected,
            found + ". But preprocess_data depends on load_data, and the data set is not there while it"
            " runs here: it got random images instead",
            name,
            "Let preprocess_data compute X_p from X alone; write a mean that it needs into the script"
            " as a number.",
        )
    if accuracy.not_finite:
        found += "; {} images had a score that is NaN or infinite".format(accuracy.not_finite)
    cure = _ODD if share < 0.5 else _MORE
    raise Failure(cure.name, expected, found, name, cure.advice)


def _used_stand_ins(evidence: Evidence) -> bool:
    """Whether the script can be read to load the data set where it must not, so that X_p may be off.

    What a process that ran the script says of it would not do: it could say so to be blocked.
    """
    source = evidence.source()
    return any(item.kind == "load_data" for item in (*source.on_import, *source.in_preprocess))
