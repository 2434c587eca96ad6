"""Test accuracy, counted from raw scores against labels that no sandbox ever held."""

from __future__ import annotations

from checker.checks.model import loaded
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure


def check_accuracy(evidence: Evidence) -> None:
    """At least the edition's share of the test images is classified correctly. Seen: counted here."""
    loaded(evidence)
    accuracy = evidence.accuracy()
    edition = evidence.edition
    name = edition.files.model.name
    if accuracy is None:
        raise Blocked(
            "scores for the test images",
            "there are none",
            name,
            evidence.mend("model_predicts"),
        )
    if accuracy.meets:
        return
    share = accuracy.correct / accuracy.seen if accuracy.seen else 0.0
    expected = "test accuracy of at least {:.0%}".format(edition.threshold)
    found = "{:.1%} of {:,} images ({:.1%} to {:.1%})".format(
        share, accuracy.seen, accuracy.low, accuracy.high
    )
    if accuracy.meets is None:
        raise Blocked(
            expected,
            "{}: too close to {:.0%} to be decided on these images".format(found, edition.threshold),
            name,
            "All {:,} test images decide it:  checker check --images cifar10.npz".format(edition.test_images),
        )
    if accuracy.not_finite:
        found += "; {} images had a score that is NaN or infinite".format(accuracy.not_finite)
    raise Failure(
        expected,
        found,
        name,
        "Train the layers above the frozen ones longer, unfreeze one more block with a low learning"
        " rate, scale the images up more, or add mirrored images. Check that preprocess_data is what"
        " the model was trained with.",
    )
