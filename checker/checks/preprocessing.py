"""``preprocess_data``: what it returns for images and decoy labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional

from checker.checks.elsewhere import elsewhere
from checker.checks.importing import REFUSED, import_failure
from checker.editions import Edition
from checker.evidence import Returned, ScriptEvidence
from checker.gather import Evidence
from checker.outcomes import Blocked, Cure, Failure, LimitReached, Outcome

if TYPE_CHECKING:
    import numpy as np

_CALLS = {
    "flat": "labels of shape (m,)",
    "again": "the same images and labels again",
    "column": "labels of shape (m, 1), as load_data returns them",
    "other": "other labels",
    "half": "half of the images",
    "all": "all test images",
}
_RAISED = "Call preprocess_data yourself with the arrays that load_data returns, and mend that line."
_SLOW = "Work on the whole array at once, without a loop over the images, and enlarge them in a Lambda."
_SMALL = "Prepare the arrays and nothing else; enlarge the images in a Lambda of the model, not here."
_FORMS = {"one-hot": "one-hot (m, 10)", "sparse": "class numbers (sparse labels)"}
_WATCHED = (
    ("model", "preprocess-with-model", "builds or loads a model"),
    ("load_data", "preprocess-with-data", "loads the data set"),
)
_CHUNK = 50_000_000  # bytes that are looked at at once


def check_preprocess_images(evidence: Evidence, edition: Edition, flag: Callable[[str, str], None]) -> None:
    """``X_p``: a NumPy array of m finite rows (its type is told; rows and values are counted)."""
    script = _called(evidence, edition)
    expected = "X_p: a numpy.ndarray with one row of finite numbers for each image"
    where = _where(evidence, edition)
    for name in _CALLS:
        returned = _returned(script, evidence, edition, name)
        if returned.X.type != "numpy.ndarray":
            cure = _array_cure("X_p", returned.X.type)
            raise Failure(cure.name, expected, _type_words(returned.X.type), where, cure.advice)
        array = _array(script, name, "X")
        rows = _rows(evidence, name)
        if array is None or array.ndim < 1 or len(array) != rows:
            raise Failure(
                "preprocess-rows",
                expected,
                "shape {} for {} images".format(_shape(script, name, "X"), rows),
                where,
                "Return every image, in the order in which it came.",
            )
    everything = _array(script, "all", "X")
    if everything is None or not _finite(everything):
        raise Failure(
            "preprocess-not-finite",
            expected,
            "values that are NaN or infinite",
            where,
            "Look for a division by zero or a logarithm of zero; pixels are 0 to 255, 0 among them.",
        )
    if everything.ndim != 4:
        words = "X_p has shape {}: not that of images".format(_shape(script, "all", "X"))
        flag("preprocess-no-images", words)
    if not _rows_agree(script):
        words = "X_p of an image depends on the other images in the batch (a mean over it, for example)"
        flag("preprocess-of-batch", words)
    for kind, name, words in _WATCHED:
        lines = [item.line for item in script.watched_calls if item.kind == kind]
        if lines:
            flag(name, "line {}: preprocess_data {}".format(lines[0], words))


def check_preprocess_labels(evidence: Evidence, edition: Edition) -> None:
    """``Y_p`` encodes exactly the labels given, as the model's loss wants them.

    Compared from raw arrays; that they are arrays of NumPy is told.
    """
    script = _returning(evidence, edition)
    where = _where(evidence, edition)
    expected = "Y_p: a numpy.ndarray with the labels in Y, one-hot or as class numbers"
    form = ""
    for name in _CALLS:
        returned = _returned(script, evidence, edition, name)
        if returned.Y.type != "numpy.ndarray":
            cure = _array_cure("Y_p", returned.Y.type)
            raise Failure(cure.name, expected, _type_words(returned.Y.type), where, cure.advice)
        form = _label_form(_array(script, name, "Y"), evidence.drawn().decoys[name], edition.classes)
        if not form:
            raise Failure(
                "labels-other",
                expected,
                "with {}: Y_p has shape {}, and its labels are not the labels in Y".format(
                    _CALLS[name], _shape(script, name, "Y")
                ),
                where,
                "Y_p = K.utils.to_categorical(Y, {})".format(edition.classes),
            )
    loss = _saved_loss(evidence)
    wants = {
        "categorical_crossentropy": "one-hot",
        "sparse_categorical_crossentropy": "sparse",
    }.get(loss)
    if wants and wants != form:
        cure = Cure("labels-sparse", "Y_p = K.utils.to_categorical(Y, {})".format(edition.classes))
        if wants == "sparse":
            cure = Cure(
                "labels-one-hot",
                "Return Y itself, or compile the model with the loss categorical_crossentropy and save it.",
            )
        raise Failure(
            cure.name,
            "Y_p in the form that your model's loss, {}, wants: {}".format(loss, _FORMS[wants]),
            "{}, shape {}".format(_FORMS[form], _shape(script, "all", "Y")),
            where,
            cure.advice,
        )


def check_preprocess_honest(evidence: Evidence, edition: Edition) -> None:
    """``X_p`` is the same under other labels and when called again (compared from raw arrays).

    The inputs are left as they were (told).
    """
    script = _returning(evidence, edition)
    where = _where(evidence, edition)
    for name in ("flat", "again", "column", "other"):
        returned = _returned(script, evidence, edition, name)
        if returned.images_changed or returned.labels_changed:
            raise Failure(
                "preprocess-changes-input",
                "X and Y are left as they were",
                "preprocess_data changes its {}".format("X" if returned.images_changed else "Y"),
                where,
                "Work on a copy, for example X.astype('float32'), not with X /= 255 or X[...] = .",
            )
    if not _equal(script, "flat", "again"):
        raise Failure(
            "preprocess-random",
            "the same X_p and Y_p for the same X and Y",
            "a second call returns other values",
            where,
            "Leave random changes of the images (augmentation) to the training, after preprocess_data.",
        )
    if not _equal(script, "flat", "other"):
        raise Failure(
            "preprocess-uses-labels",
            "the same X_p whatever the labels are",
            "X_p changes with Y: the labels leak into the images",
            where,
            "Compute X_p from X alone.",
        )
    if not _equal(script, "flat", "column"):
        raise Failure(
            "preprocess-label-shape",
            "the same X_p for labels of shape (m,) and (m, 1)",
            "X_p differs",
            where,
            "Compute X_p from X alone.",
        )


def _called(evidence: Evidence, edition: Edition) -> ScriptEvidence:
    """The evidence where ``preprocess_data`` could be called at all."""
    script = evidence.script()
    name = edition.files.script.name
    if not script.imported:
        reason = import_failure(evidence, edition).reason
        raise Blocked(
            "waits-for-import",
            "{} can be imported".format(name),
            "it cannot: {}".format(reason.found),
            reason.where,
            evidence.mend("silent_import"),
        )
    if script.no_function is not None:
        raise Failure(
            "preprocess-missing",
            "a function preprocess_data",
            "there is none after the import",
            name,
            "Write it at the top level of the file:  def preprocess_data(X, Y):",
        )
    return script


def _returning(evidence: Evidence, edition: Edition) -> ScriptEvidence:
    """The evidence where every call returned; the check of X_p says why one did not."""
    script = evidence.script()
    if not all(name in script.returned and "{}:Y".format(name) in script.arrays for name in _CALLS):
        raise Blocked(
            "waits-for-preprocess",
            "preprocess_data returns X_p, Y_p",
            "it does not",
            _where(evidence, edition),
            evidence.mend("preprocess_images"),
        )
    return script


def _returned(script: ScriptEvidence, evidence: Evidence, edition: Edition, name: str) -> Returned:
    """One call's return, or the outcome that its absence is."""
    if name in script.returned and "{}:Y".format(name) in script.arrays:
        return script.returned[name]
    where = _where(evidence, edition)
    expected = "preprocess_data returns X_p, Y_p for {}".format(_CALLS[name])
    outcome = _no_return(script, edition, name, expected, where)
    error = script.raised.get(name)
    raise outcome if error is None else elsewhere(evidence, outcome, error)


def _no_return(script: ScriptEvidence, edition: Edition, name: str, expected: str, where: str) -> Outcome:
    error = script.raised.get(name)
    downloads = [item for item in script.watched_calls if item.kind == "download"]
    if downloads and error is not None and error.type == REFUSED:
        return Blocked(
            "preprocess-downloads",
            expected,
            "it wants to download {}; handed-in code runs without a network here".format(downloads[0].what),
            where,
            "Prepare the arrays only; build the network in the function that trains it.",
        )
    if any(item.kind == "training" for item in script.watched_calls):
        advice = "Move the training to the function that you call behind  if __name__ == '__main__':"
        return Failure("preprocess-trains", expected, "it trains a model", where, advice)
    if name in script.odd_return:
        return _odd(script.odd_return[name], expected, where)
    if error is not None and any(item.what == "load_model" for item in script.watched_calls):
        return Blocked(
            "preprocess-loads-model",
            expected,
            "it loads a model, and no model file is there while the images are prepared ({})".format(error),
            where,
            "Prepare the arrays without a model: a network that you need belongs into the saved model.",
        )
    if error is not None and error.type != "SystemExit":
        place = "{}, line {}".format(edition.files.script.name, error.line) if error.line else where
        found = str(error)
        return Failure("preprocess-raises", expected, found, place, _RAISED)
    run = script.run
    if run.ending == "limit":
        found = "it takes too much {}".format(run.detail)
        if run.detail.startswith("time"):
            return LimitReached("preprocess-slow", expected, found, where, _SLOW)
        return LimitReached("preprocess-large", expected, found, where, _SMALL)
    if run.ending == "malformed":
        return _odd(run.detail, expected, where)
    return Failure(
        "preprocess-ends-python",
        expected,
        "Python ended while it ran ({})".format(run.detail or "the script ended it"),
        where,
        "Remove what ends it: exit(), quit(), os._exit, or a crash.",
    )


def _odd(returned: str, expected: str, where: str) -> Outcome:
    """The failure of a return that is no two arrays of numbers."""
    cure = Cure("preprocess-return", "End it with:  return X_p, Y_p")
    if " as an array of " in returned:
        cure = Cure("preprocess-odd-array", "Return arrays of numbers, one row for each image.")
    found = "it returns {}".format("None" if returned == "NoneType" else returned)
    return Failure(cure.name, expected, found, where, cure.advice)


def _where(evidence: Evidence, edition: Edition) -> str:
    definition = evidence.source().preprocess
    name = edition.files.script.name
    return "{}, line {}".format(name, definition.line) if definition and definition.line else name


def _type_words(name: str) -> str:
    module, _, kind = name.rpartition(".")
    return "a {}".format(kind if module == "builtins" else name)


def _array_cure(which: str, name: str) -> Cure:
    if name.startswith("tensorflow"):
        return Cure("preprocess-tensor", "Turn the tensor into an array:  {0} = {0}.numpy()".format(which))
    return Cure(
        "preprocess-no-array",
        "Turn it into an array:  {0} = K.backend.constant({0}).numpy()".format(which),
    )


def _array(script: ScriptEvidence, call: str, which: str) -> Optional[np.ndarray]:
    """An array as it came."""
    received = script.arrays.get("{}:{}".format(call, which))
    return None if received is None else received.array()


def _shape(script: ScriptEvidence, call: str, which: str) -> str:
    received = script.arrays.get("{}:{}".format(call, which))
    return "unknown" if received is None else str(tuple(received.header.shape))


def _rows(evidence: Evidence, call: str) -> int:
    return len(evidence.drawn().decoys[call])


def _finite(array: np.ndarray) -> bool:
    import numpy as np

    if array.dtype.kind != "f" or not array.size:
        return True
    step = max(1, _CHUNK // max(1, array[:1].nbytes))
    return all(bool(np.isfinite(array[start : start + step]).all()) for start in range(0, len(array), step))


def _equal(script: ScriptEvidence, one: str, other: str) -> bool:
    """Whether X_p of two calls is the same, bit for bit."""
    first, second = _array(script, one, "X"), _array(script, other, "X")
    if first is None or second is None or first.shape != second.shape or first.dtype != second.dtype:
        return False
    return first.tobytes() == second.tobytes()


def _rows_agree(script: ScriptEvidence) -> bool:
    """Whether images give the same rows in a smaller batch and among all images.

    A tolerance of 1e-4 of the largest value: resizing need not round alike in every batch. Where X_p
    is random, or depends on the labels, batches say nothing.
    """
    import numpy as np

    few, half = _array(script, "flat", "X"), _array(script, "half", "X")
    everything = _array(script, "all", "X")
    if few is None or half is None or everything is None:
        return False
    if few.shape[1:] != half.shape[1:] or few.shape[1:] != everything.shape[1:]:
        return False
    if not _equal(script, "flat", "again") or not _equal(script, "flat", "other"):
        return True
    count = min(len(few), len(everything))
    few = few.astype(np.float64)
    scale = 1e-4 * max(1e-12, float(np.nanmax(np.abs(few)))) if few.size else 0.0
    return bool(
        np.allclose(few[: len(half)], half, rtol=0, atol=scale, equal_nan=True)
        and np.allclose(few[:count], everything[:count], rtol=0, atol=scale, equal_nan=True)
    )


def _label_form(array: Optional[np.ndarray], labels: np.ndarray, classes: int) -> str:
    """How ``array`` encodes exactly ``labels``: "one-hot", "sparse", or "" where it does not."""
    import numpy as np

    if array is None:
        return ""
    rows = len(labels)
    if array.shape == (rows, classes):
        return "one-hot" if np.array_equal(array, np.eye(classes)[labels]) else ""
    if array.shape in ((rows,), (rows, 1)):
        return "sparse" if np.array_equal(array.reshape(rows), labels) else ""
    return ""


def _saved_loss(evidence: Evidence) -> str:
    """The loss in the model file, in Keras's short spelling; "" where there is none."""
    try:
        training = evidence.inspection().training
    except Outcome:
        return ""
    if training is None:
        return ""
    loss = training.loss
    spelled = {
        "CategoricalCrossentropy": "categorical_crossentropy",
        "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    }
    return spelled.get(loss, loss)
