"""Another TensorFlow than the course's runs here: what fails may be its doing, and is then not decided."""

from __future__ import annotations

from typing import Optional

from checker.editions import Edition
from checker.evidence import Raised
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure, Outcome
from checker.versions import Versions

# Errors that a name or a module which another version does not have can raise; and between Keras 2 and 3,
# whose functions differ too, those of arguments.
_NAMES = ("AttributeError", "ImportError", "ModuleNotFoundError")
_ARGUMENTS = ("KeyError", "NotImplementedError", "TypeError", "ValueError")


def course_versions(edition: Edition) -> str:
    """Advice: check again with what the course names."""
    environment = edition.environment
    return (
        "Check it with the course's versions (Python {}, TensorFlow {}):\n{}\nThe next check without --python"
        " takes them by itself.".format(environment.python, environment.tensorflow, edition.env_create)
    )


def elsewhere(evidence: Evidence, failure: Outcome, error: Optional[Raised] = None) -> Outcome:
    """The failure, or Blocked where another Keras than the course's may be what fails."""
    if not isinstance(failure, Failure) or not _excused(evidence.versions(), error):
        return failure
    reason, edition = failure.reason, evidence.edition
    return Blocked(
        "other-keras",
        reason.expected,
        "{}\nThis may be no fault of yours: {}.".format(reason.found, difference(evidence)),
        reason.where,
        course_versions(edition),
    )


def _excused(versions: Versions, error: Optional[Raised]) -> bool:
    """Whether the TensorFlow here may be what raised ``error``, or what failed without one."""
    if versions.same_tensorflow:
        return False
    if versions.other_keras:
        return error is None or error.type in (*_NAMES, *_ARGUMENTS)
    return error is not None and error.type in _NAMES


def difference(evidence: Evidence) -> str:
    """In what the TensorFlow here is another than the course's."""
    here = evidence.interpreter.versions.get("tensorflow", "")
    course = evidence.edition.environment.tensorflow
    return "TensorFlow {} runs here, whose Keras is another than that of the course's {}".format(here, course)
