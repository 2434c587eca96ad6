"""Test accuracy, counted from raw scores against labels that no sandbox ever held."""

from __future__ import annotations

from checker.checks.model import loaded
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure

_MORE = (
    "Train the layers above the frozen ones longer, unfreeze one more block with a low learning rate,"
    " scale the images up more, or add mirrored images."
)
_ODD = (
    "So low that preprocess_data is likely not what the model was trained with: compare the two."
    " Then see that the training itself got anywhere."
)


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
            "All {:,} test images decide it:  checker check --images {}".format(
                edition.test_images, "download" if edition.images is not None else "FILE.npz"
            ),
        )
    if _used_stand_ins(evidence):
        raise Blocked(
            expected,
            found + ", of images that were prepared with the help of load_data, which answers with"
            " stand-ins here",
            name,
            "Let preprocess_data compute X_p from X alone; write a mean that it needs into the script.",
        )
    if accuracy.not_finite:
        found += "; {} images had a score that is NaN or infinite".format(accuracy.not_finite)
    raise Failure(expected, found, name, _ODD if share < 0.5 else _MORE)


def _used_stand_ins(evidence: Evidence) -> bool:
    """Whether the script can be read to load the data set where it must not, so that X_p may be off.

    What a process that ran the script says of it would not do: it could say so to be blocked.
    """
    source = evidence.source()
    return any(item.kind == "load_data" for item in (*source.on_import, *source.in_preprocess))
