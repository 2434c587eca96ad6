"""Another Keras than the course's runs here: what fails may be its doing, and is then not decided."""

from __future__ import annotations

from typing import Optional

from checker.editions import Edition
from checker.evidence import Raised
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure, Outcome

# Errors that a name, a module or an argument which another Keras does not have can raise.
_KERAS_RAISES = (
    "AttributeError", "ImportError", "KeyError", "ModuleNotFoundError", "NotImplementedError",
    "TypeError", "ValueError",
)  # fmt: skip


def course_versions(edition: Edition) -> str:
    """Advice: check again with what the course names."""
    environment = edition.environment
    return (
        "Check it with the course's versions (Python {}, TensorFlow {}):\nchecker env create --assignment"
        " {}\nThe next check finds them by itself.".format(
            environment.python, environment.tensorflow, edition.name
        )
    )


def elsewhere(evidence: Evidence, failure: Outcome, error: Optional[Raised] = None) -> Outcome:
    """The failure, or Blocked where another Keras than the course's may be what fails."""
    if not isinstance(failure, Failure) or not evidence.versions().other_keras:
        return failure
    if error is not None and error.type not in _KERAS_RAISES:
        return failure
    reason, edition = failure.reason, evidence.edition
    return Blocked(
        "other-keras",
        reason.expected,
        "{}\nThis may be no fault of yours: {}.".format(reason.found, difference(evidence)),
        reason.where,
        course_versions(edition),
    )


def difference(evidence: Evidence) -> str:
    """In what the TensorFlow here is another than the course's."""
    here = evidence.interpreter.versions.get("tensorflow", "")
    course = evidence.edition.environment.tensorflow
    return "TensorFlow {} runs here, whose Keras is another than that of the course's {}".format(here, course)
