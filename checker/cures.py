"""What to do about an import that is not allowed, and about a script that Python cannot read: by cause."""

from __future__ import annotations

import re
from typing import Tuple

from checker.evidence import ParseError
from checker.outcomes import Cure

_KERAS = r"(?:tensorflow\.(?:python\.|compat\.v2\.)?)?keras"
_KERAS_ITSELF = re.compile(
    r"(?:import {0}(?: as \w+)?|from tensorflow(?:\.\w+)* import keras(?: as \w+)?)$".format(_KERAS)
)
_KERAS_PART = re.compile(
    r"(?:from {0}(?P<module>[.\w]*) import (?P<name>\S+)|import {0}(?P<whole>\.[.\w]+))".format(_KERAS)
)
_PYTHON_2 = re.compile(r"\s*(?:print\s+[^(=\s]|exec\s+['\"]|except\s+[\w.]+\s*,\s*\w+\s*:|raise\s+\w+\s*,)")
_CONFLICT = re.compile(r"(?:<{7}|={7}|>{7})")
_NOTEBOOK = re.compile(r"\s*[!%]\s*\w")


def for_import(text: str, allowed: Tuple[str, ...]) -> Cure:
    """What stands in for one import statement, as the script's probe words it."""
    if _KERAS_ITSELF.match(text):
        return Cure("import-worded-otherwise", "Write it exactly so:  {}".format(" or ".join(allowed)))
    part = _KERAS_PART.match(text)
    if part:
        path = part.group("whole") or "{}.{}".format(part.group("module"), part.group("name"))
        return Cure(
            "extra-import-keras-part",
            "Delete the line, and write where you use it:  K{}".format(path.replace(".*", ".NAME")),
        )
    module = re.split(r"[ .]", text)[1]
    if module == "numpy":
        return Cure(
            "extra-import-numpy",
            "For arrays use their own methods, such as X.astype('float32') or X.mean(axis=0),"
            " and K.backend for the rest.",
        )
    if module == "tensorflow":
        return Cure(
            "extra-import-tensorflow",
            "Write K where you wrote tf.keras; K.backend.resize_images enlarges images.",
        )
    return Cure("extra-import", "Delete the line, and write what you used of it yourself.")


def for_syntax(error: ParseError, name: str) -> Cure:
    """What to do about a script that does not parse."""
    line = error.source
    if " is not " in error.message and error.message.startswith("byte 0x"):
        return Cure("script-encoding", "Save the file as UTF-8 in your editor, or type the letter again.")
    if "nested too deeply" in error.message:
        return Cure("script-nested", "Write that expression in several shorter statements.")
    if _CONFLICT.match(line):
        return Cure(
            "script-merge-conflict",
            "git left both versions there: keep one, and delete the lines with <<<<<<<, ======= and >>>>>>>.",
        )
    if _NOTEBOOK.match(line):
        return Cure("script-notebook-line", "Only a notebook knows lines that begin with ! or %: delete it.")
    if error.message.startswith("Missing parentheses in call to") or _PYTHON_2.match(line):
        return Cure(
            "script-python-2",
            "That is Python 2. In Python 3:  print('text')  and  except Error as error:",
        )
    if "indent" in error.message:
        return Cure(
            "script-indentation",
            "Give each level 4 spaces, never tabs, and all lines of one block the same.",
        )
    return Cure(
        "script-syntax",
        "Look at that line and the one before it (a bracket or quote left open?); this says the same:\n"
        "python3 -m py_compile {}".format(name),
    )
