"""The saved model loads as in the course's 0-main.py: here, and in the course's own versions.

Another Keras or Python than the course's keeps a check from deciding; it fails nothing.
"""

from __future__ import annotations

import re
from typing import Optional

from checker.checks import modelfile
from checker.checks.elsewhere import course_versions, difference
from checker.editions import Edition
from checker.evidence import InspectionEvidence, ModelEvidence, Raised
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure, LimitReached, Outcome
from checker.versions import OTHER_PYTHON, Versions


def check_model_loads(evidence: Evidence, edition: Edition) -> None:
    """It loads the way the course's 0-main.py loads it. Told; a load that fails lowers the verdict."""
    model, versions = loading(evidence), evidence.versions()
    name = edition.files.model.name
    expected = "K.models.load_model('{}') returns a model, as in 0-main.py".format(name)
    if versions.needs_keras_3:
        raise Failure(
            "model-saved-by-keras-3",
            expected,
            "{} saved it; the course's TensorFlow {} cannot load that".format(
                _saved_by(evidence), edition.environment.tensorflow
            ),
            name,
            "Build the same layers in the course's versions, model.load_weights('{}'), compile, and save"
            " from there. They are made by:\n{}".format(name, edition.env_create),
        )
    if not model.loaded:
        raise _not_loaded(evidence, edition, model, expected)
    if versions.newer_than_course and not versions.same_tensorflow:
        raise Blocked(
            "model-newer-keras",
            expected,
            "it loads here, but {} saved it, and not every such file loads in the course's TensorFlow"
            " {}".format(_saved_by(evidence), edition.environment.tensorflow),
            name,
            course_versions(edition),
        )
    if _has_lambda(evidence) and not versions.same_bytecode:
        raise Blocked(
            "model-lambda-python-course",
            expected,
            "it loads here, in Python {}, whose Lambdas the course's {} cannot read".format(
                evidence.interpreter.python, edition.environment.python
            ),
            name,
            course_versions(edition),
        )


def _saved_by(evidence: Evidence) -> str:
    hdf5 = evidence.inspection().hdf5
    return "Keras {}".format(hdf5.keras_version if hdf5 else "")


def _not_loaded(evidence: Evidence, edition: Edition, model: ModelEvidence, expected: str) -> Outcome:
    """Why ``load_model`` gave no model: the submission's doing, or that of the versions here."""
    name, error, versions = edition.files.model.name, model.load_error, evidence.versions()
    if error is None:
        if model.run.ending == "crashed" and _has_lambda(evidence) and not versions.same_python:
            return _other_python(evidence, expected, "loading it ends Python")
        return ended(evidence, model, expected, "loading it")
    if OTHER_PYTHON.search(error.message):
        if not versions.same_python:
            return _other_python(evidence, expected, str(error))
        advice = "Its Lambda was saved by another version of Python: save the model with the course's, {}."
        return Failure(
            "model-lambda-python",
            expected,
            str(error),
            name,
            advice.format(edition.environment.python),
        )
    missing = re.search(r"name '(\w+)' is not defined", error.message)
    if missing:
        script = _script_lambda(evidence, error)
        return script or _missing_name(evidence, expected, error, missing.group(1))
    return _not_taken(evidence, expected, error, versions)


def _not_taken(evidence: Evidence, expected: str, error: Raised, versions: Versions) -> Outcome:
    """Keras does not take what the file describes."""
    edition = evidence.edition
    name, config = edition.files.model.name, evidence.inspection().config
    if versions.other_keras:
        what = str(error)
        if config is not None and config.operations:
            what = "Keras here does not know its TensorFlow operations ({})".format(
                ", ".join(config.operations[:3])
            )
        return Blocked(
            "model-other-keras",
            expected,
            "{}\nYour model may be fine for the course: {}.".format(what, difference(evidence)),
            name,
            course_versions(edition),
        )
    if versions.newer_than_course and versions.same_tensorflow:
        advice = "Save the model with the course's versions:\n" + edition.environment.install
        found = "{} saved it, and it does not load here: {}".format(_saved_by(evidence), error)
        return Failure("model-newer-keras-fails", expected, found, name, advice)
    if not versions.same_tensorflow:
        found = "{}\nTensorFlow {} runs here; the course's may load it.".format(
            error, evidence.interpreter.versions.get("tensorflow", "")
        )
        return Blocked("model-other-tensorflow", expected, found, name, course_versions(edition))
    if "Unknown" in error.message:
        advice = "0-main.py passes no custom objects: use layers, losses and metrics of Keras itself."
        return Failure("model-custom-object", expected, str(error), name, advice)
    advice = "Load it as 0-main.py does, in the folder of your submission, and mend what it shows."
    return Failure("model-load-raises", expected, str(error), name, advice)


def _missing_name(evidence: Evidence, expected: str, error: Raised, missing: str) -> Outcome:
    """A Lambda needs a name that is not there when 0-main.py loads the model."""
    name = evidence.edition.files.model.name
    advice = (
        "Your Lambda uses the name {}, which 0-main.py does not define. Write the Lambda with K alone,"
        " for example K.backend.resize_images, and write a number into it instead of a name."
    ).format(missing)
    if not evidence.versions().other_keras:
        return Failure("model-lambda-name", expected, str(error), name, advice)
    found = "{}\nThe course's Keras may still find it: {}.".format(error, difference(evidence))
    return Blocked("model-lambda-name-here", expected, found, name, advice)


def _other_python(evidence: Evidence, expected: str, found: str) -> Outcome:
    """A Lambda that another minor version of Python saved: no fault of the submission."""
    edition, here = evidence.edition, evidence.interpreter.python
    return Blocked(
        "model-lambda-python-here",
        expected,
        "{}\nIts Lambda holds code of another version of Python than the {} that runs here. That is fine"
        " for the course if Python {} saved it.".format(found, here, edition.environment.python),
        edition.files.model.name,
        course_versions(edition),
    )


def _has_lambda(evidence: Evidence) -> bool:
    config = evidence.inspection().config
    return config is not None and bool(config.lambdas)


def _script_lambda(evidence: Evidence, error: Raised) -> Optional[Outcome]:
    """Blocked where a Lambda looks its names up in the script, which does not run here."""
    config = evidence.inspection().config
    module = evidence.edition.files.script.name.rsplit(".", 1)[0]
    if config is None or not any(item.module == module for item in config.lambdas):
        return None
    return Blocked(
        "model-lambda-of-script",
        "a Lambda that needs no name from {}.py".format(module),
        "your Lambda looks names up in {}.py, which does not run beside the model: {}".format(module, error),
        evidence.edition.files.model.name,
        "Run the script itself (./{}.py) to save the model, and write the Lambda with K alone.".format(
            module
        ),
    )


def readable(evidence: Evidence) -> InspectionEvidence:
    """What a model file is made of; Blocked where it is none."""
    inspection = evidence.inspection()
    if inspection.config is None or not inspection.config.readable:
        raise Blocked(
            "waits-for-model",
            "a Keras model in the file",
            "there is none",
            evidence.edition.files.model.name,
            evidence.mend("model_format"),
        )
    return inspection


def loading(evidence: Evidence) -> ModelEvidence:
    """What loading a model file gave, whether it loads or not; one that leads out of itself is not loaded."""
    name = evidence.edition.files.model.name
    try:
        modelfile.refuse(readable(evidence), name)
    except (Failure, LimitReached):
        raise Blocked(
            "waits-for-model",
            "a file that can be opened safely",
            "it was not opened",
            name,
            evidence.mend("model_format"),
        ) from None
    return evidence.model()


def loaded(evidence: Evidence) -> ModelEvidence:
    """The evidence of a model that loads; Blocked where it does not."""
    model = loading(evidence)
    if not model.loaded:
        raise Blocked(
            "waits-for-loading",
            "a model that loads",
            "it does not",
            evidence.edition.files.model.name,
            evidence.mend("model_loads"),
        )
    return model


def ended(evidence: Evidence, model: ModelEvidence, expected: str, doing: str) -> Outcome:
    """The outcome of a process that ended before it was done."""
    run, name = model.run, evidence.edition.files.model.name
    if run.ending == "limit":
        return LimitReached(
            "model-limit",
            expected,
            "{} took too much {}".format(doing, run.detail),
            name,
            "Use a smaller application, or scale the images up less.",
        )
    if run.ending == "malformed":
        advice = "End the model with one layer of that many units."
        found = "its scores are something else: {}".format(run.detail)
        return Failure("model-scores-odd", expected, found, name, advice)
    return Failure(
        "model-ends-python",
        expected,
        "{} ended Python: {}".format(doing, run.detail or run.ending),
        name,
        "Load the file as 0-main.py does, in a new Python, and mend what ends it.",
    )
