"""The saved model: a Keras file, compiled, takes X_p and gives scores; the course's hints."""

from __future__ import annotations

from checker.checks import modelfile
from checker.checks.elsewhere import elsewhere
from checker.checks.loading import ended, loaded, readable
from checker.editions import Edition
from checker.evidence import ModelEvidence
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure, LimitReached

_SAVE = "Save the whole model:  model.save('{}')"
_COPY = "Compare its size with the file that your script wrote (ls -l), and copy or upload that again."


def check_model_format(evidence: Evidence, edition: Edition) -> None:
    """The file is HDF5 and holds a whole Keras model. Seen: read without Keras."""
    inspection = evidence.inspection()
    name = edition.files.model.name
    expected = "an HDF5 file that model.save('{}') wrote".format(name)
    hdf5 = inspection.hdf5
    if hdf5 is None:
        ending = inspection.run.detail or inspection.run.ending
        found = "reading it failed: {}".format(ending)
        if inspection.run.ending == "limit":
            raise LimitReached("model-reading-limit", expected, found, name, _SAVE.format(name))
        raise Failure("model-reading-failed", expected, found, name, _SAVE.format(name))
    if not hdf5.readable:
        head = evidence.submission.model.head[:8]
        if head.startswith(b"PK"):
            found = "no HDF5 but a zip archive, as a .keras file is"
            raise Failure("model-keras-format", expected, found, name, _SAVE.format(name))
        found = "no HDF5, or only a part of one; it begins with {}".format(repr(head)[1:])
        raise Failure("model-not-hdf5", expected, found, name, _COPY)
    modelfile.refuse(inspection, name)
    if hdf5.weights_only:
        found = "weights alone, without the model"
        raise Failure("model-weights-only", expected, found, name, _SAVE.format(name))
    if not hdf5.has_model:
        found = "HDF5 without a Keras model in it"
        raise Failure("model-other-hdf5", expected, found, name, _SAVE.format(name))
    # JSON that names no layer describes no model.
    if inspection.config is None or not inspection.config.readable or not inspection.config.first:
        found = "a model whose description of its layers cannot be read"
        raise Failure("model-config-unreadable", expected, found, name, _SAVE.format(name))


def check_model_compiled(evidence: Evidence, edition: Edition) -> None:
    """``training_config`` is in the file (seen); the model has optimizer and loss and evaluates (told)."""
    inspection = readable(evidence)
    name = edition.files.model.name
    expected = "a model that was compiled before it was saved"
    advice = "Compile it, then save the whole of it:\n"
    advice += "model.compile(optimizer, loss, metrics=['accuracy'])\nmodel.save('{}')".format(name)
    if inspection.hdf5 is None or not inspection.hdf5.has_training or inspection.training is None:
        raise Failure(
            "model-not-compiled",
            expected,
            "no compilation in the file: neither an optimizer nor a loss",
            name,
            advice,
        )
    if not inspection.training.optimizer or not inspection.training.loss:
        raise Failure("model-not-compiled", expected, "no optimizer or no loss in the file", name, advice)
    model = loaded(evidence)
    compiled = model.compiled
    if compiled is None:
        raise ended(evidence, model, expected, "evaluating one batch")
    if not compiled.optimizer or not compiled.loss:
        found = "the model as loaded has no optimizer or no loss"
        raise elsewhere(evidence, Failure("model-not-compiled", expected, found, name, advice))
    if compiled.evaluated:
        return
    if evidence.preprocessed() is None:
        raise Blocked(
            "waits-for-images",
            "one batch of X_p to evaluate",
            "there is no X_p",
            name,
            evidence.mend("preprocess_images"),
        )
    if model.predict_error is not None or _odd_output(model, edition):
        raise Blocked(
            "waits-for-predictions",
            "a model that takes X_p and gives {} scores".format(edition.classes),
            "it does not",
            name,
            evidence.mend("model_predicts"),
        )
    found = str(compiled.error) if compiled.error else "it evaluates nothing"
    failure = Failure("model-evaluate-raises", "model.evaluate works on one batch", found, name, advice)
    raise elsewhere(evidence, failure, compiled.error)


def check_model_predicts(evidence: Evidence, edition: Edition) -> None:
    """It takes what ``preprocess_data`` returns and gives (m, 10) finite scores.

    Counted from raw scores; shapes and errors are told.
    """
    model = loaded(evidence)
    name = edition.files.model.name
    classes = edition.classes
    expected = "{} finite scores for each image of X_p".format(classes)
    received = evidence.preprocessed()
    if received is None:
        raise Blocked(
            "waits-for-images",
            "X_p from preprocess_data",
            "there is none",
            name,
            evidence.mend("preprocess_images"),
        )
    shapes = model.shapes
    given = "X_p of shape {}".format(tuple(received.header.shape))
    if shapes and _odd_output(model, edition):
        raise Failure(
            "model-output-shape",
            expected,
            "the model's output has shape {}".format(_shape_words(shapes.output)),
            name,
            "End the model with a layer of {} units, such as "
            "K.layers.Dense({}, activation='softmax').".format(classes, classes),
        )
    if model.predict_error is not None or (model.compiled and model.compiled.error and not model.seen):
        error = model.predict_error or (model.compiled.error if model.compiled else None)
        wants = " the model wants {};".format(_shape_words(shapes.input)) if shapes else ""
        failure = Failure(
            "model-input-shape",
            "the model takes {}".format(given),
            "{} {}".format(wants, error or "").strip(),
            name,
            "Prepare the images in preprocess_data just as you did for the training, then save the model"
            " that was trained on them.",
        )
        raise elsewhere(evidence, failure, error)
    if not model.seen or model.run.ending in ("crashed", "limit", "malformed"):
        raise ended(evidence, model, expected, "scoring the test images")
    if model.not_finite:
        raise Failure(
            "model-scores-not-finite",
            expected,
            "{} of {} images have a score that is NaN or infinite".format(model.not_finite, model.seen),
            name,
            "Train again with a smaller learning rate; images with such a score count as wrong.",
        )


def check_lambda_first(evidence: Evidence) -> None:
    """The model's first layer is a Lambda. Seen in the file's configuration."""
    config = readable(evidence).config
    if config is not None and config.first != "Lambda":
        raise Failure(
            "hint-lambda-first",
            "a Lambda layer first, which scales the images up",
            "the first layer is a {}".format(config.first or "(none)"),
            evidence.edition.files.model.name,
            "Enlarge the images in the model itself:\n"
            "K.layers.Lambda(lambda x: K.backend.resize_images(x, 3, 3, 'channels_last'))",
        )


def check_frozen_layers(evidence: Evidence) -> None:
    """At least half of the layers are frozen. Seen in the file's configuration."""
    config = readable(evidence).config
    if config is not None and config.frozen * 2 < config.layers:
        raise Failure(
            "hint-frozen-layers",
            "most of the application's layers frozen",
            "{} of {} layers are frozen".format(config.frozen, config.layers),
            evidence.edition.files.model.name,
            "Set layer.trainable = False for the layers that keep what they learned on ImageNet.",
        )


def _odd_output(model: ModelEvidence, edition: Edition) -> bool:
    """Whether the model says of itself that it gives something else than (m, classes)."""
    output = model.shapes.output if model.shapes else ()
    return bool(output) and (len(output) != 2 or output[1] != edition.classes)


def _shape_words(shape: object) -> str:
    return str(shape).replace("None", "m")
