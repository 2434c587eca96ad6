"""Three versions of Keras meet in a check: the one that saved the model, the one here, the course's.

What is not the course's own may only keep a check from deciding, where the course's would decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple

from checker.editions import Environment
from checker.interpreters import Interpreter

Version = Tuple[int, int]
# What Python says of code that another version of it compiled.
OTHER_PYTHON = re.compile(r"bad marshal data|unknown opcode|code(\(\))? (expected|argument)|EOF read where")
_KERAS_3 = (2, 16)  # the first TensorFlow whose Keras is 3


def parse(text: str) -> Optional[Version]:
    """Return the first two numbers of a version such as "2.6.0" or "2.4.0-tf", or None."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def keras_of(tensorflow: str) -> Optional[Version]:
    """Return the version of Keras that comes with a TensorFlow; of Keras 3 only that it is 3."""
    version = parse(tensorflow)
    return (3, 0) if version is not None and version >= _KERAS_3 else version


@dataclass(frozen=True)
class Versions:
    """``saved``: the Keras that the model file names; ``here`` and ``course``: of their TensorFlow.

    Keras has had TensorFlow's numbers up to 2.15; of Keras 3 only the 3 counts. None: not known.
    ``same_bytecode``: whether the Python here and the course's read each other's Lambdas, mostly.
    """

    saved: Optional[Version]
    here: Optional[Version]
    course: Optional[Version]
    same_tensorflow: bool
    same_python: bool
    same_bytecode: bool

    @property
    def needs_keras_3(self) -> bool:
        """Whether Keras 3 saved the model of a course whose Keras is 2, which cannot load it."""
        return self.saved is not None and self.saved >= (3, 0) and not self.course_has_keras_3

    @property
    def course_has_keras_3(self) -> bool:
        """Whether the course's TensorFlow comes with Keras 3."""
        return self.course is not None and self.course >= (3, 0)

    @property
    def here_is_keras_3(self) -> bool:
        """Whether the TensorFlow here comes with Keras 3."""
        return self.here is not None and self.here >= (3, 0)

    @property
    def other_keras(self) -> bool:
        """Whether Keras 3 is here where the course has Keras 2, or the other way round."""
        return self.here is not None and self.here_is_keras_3 != self.course_has_keras_3

    @property
    def newer_than_course(self) -> bool:
        """Whether a newer Keras 2 than the course's saved the model; not every such file loads there."""
        return self.saved is not None and self.course is not None and (2, 99) > self.saved > self.course


def compare(saved_by: str, interpreter: Interpreter, environment: Environment) -> Versions:
    """Compare what saved a model, what runs here, and what the course names."""
    here = interpreter.versions.get("tensorflow", "")
    return Versions(
        saved=parse(saved_by),
        here=keras_of(here),
        course=keras_of(environment.tensorflow),
        same_tensorflow=parse(here) == parse(environment.tensorflow),
        same_python=parse(interpreter.python) == parse(environment.python),
        same_bytecode=_bytecode(interpreter.python) == _bytecode(environment.python),
    )


def _bytecode(python: str) -> Optional[Version]:
    """What minor versions share whose marshalled code the others read: from 3.11 on each has its own."""
    version = parse(python)
    return (3, 8) if version in ((3, 8), (3, 9), (3, 10)) else version
