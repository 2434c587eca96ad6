"""What stands in for an import, and what a line that Python cannot read is taken for."""

from __future__ import annotations

import ast

import pytest

from checker import cures
from checker.evidence import ParseError

ALLOWED = ("import tensorflow.keras as K",)
IMPORTS = [
    ("import tensorflow as tf", "extra-import-tensorflow", "tf.keras"),
    ("from tensorflow import image", "extra-import-tensorflow", "K"),
    ("import numpy as np", "extra-import-numpy", "X.astype"),
    ("from numpy import *", "extra-import-numpy", "X.astype"),
    ("import numpy.random", "extra-import-numpy", "X.astype"),
    ("from tensorflow.keras.callbacks import EarlyStopping", "extra-import-keras-part", "K.callbacks.Early"),
    (
        "from keras.callbacks import EarlyStopping as E",
        "extra-import-keras-part",
        "K.callbacks.EarlyStopping",
    ),
    ("from tensorflow.keras import layers", "extra-import-keras-part", "K.layers"),
    ("from tensorflow.keras.layers import *", "extra-import-keras-part", "K.layers.NAME"),
    ("import tensorflow.keras.backend as B", "extra-import-keras-part", "K.backend"),
    ("from tensorflow.python.keras.utils import np_utils", "extra-import-keras-part", "K.utils.np_utils"),
    ("from tensorflow import keras as K", "import-worded-otherwise", ALLOWED[0]),
    ("import keras", "import-worded-otherwise", ALLOWED[0]),
    ("import tensorflow.keras", "import-worded-otherwise", ALLOWED[0]),
    ("import keras_tuner", "extra-import", "Delete"),
    ("import numpydoc", "extra-import", "Delete"),
    ("from . import helper", "extra-import", "Delete"),
    ("from .keras import helper", "extra-import", "Delete"),
    ("from __future__ import print_function", "extra-import", "Delete"),
]


@pytest.mark.parametrize(("text", "name", "words"), IMPORTS)
def test_each_import_has_what_stands_in_for_it(text: str, name: str, words: str) -> None:
    cure = cures.for_import(text, ALLOWED)
    assert cure.name == name
    assert words in cure.advice


SOURCES = [
    ("print 'text'", "script-python-2"),
    ("print x, y", "script-python-2"),
    ("try:\n    pass\nexcept Exception, e:\n    pass", "script-python-2"),
    ("def f():\nreturn 1", "script-indentation"),
    ("if 1:\n    a = 1\n  b = 2", "script-indentation"),
    ("if 1:\n        a = 1\n\tb = 2", "script-indentation"),
    ("<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> b", "script-merge-conflict"),
    ("!pip install keras", "script-notebook-line"),
    ("%matplotlib inline", "script-notebook-line"),
    ("def f(:\n    pass", "script-syntax"),
    ("x = (1,\ny = 2", "script-syntax"),
    ("x == 1 = 2", "script-syntax"),
]


@pytest.mark.parametrize(("source", "name"), SOURCES)
def test_each_line_that_cannot_be_read_is_named_by_its_cause(source: str, name: str) -> None:
    with pytest.raises(SyntaxError) as caught:
        ast.parse(source)
    error = caught.value
    line = (error.text or "").strip("\r\n")
    cure = cures.for_syntax(ParseError(error.msg, error.lineno or 0, 0, line), "0-transfer.py")
    assert cure.name == name
    assert cure.advice
