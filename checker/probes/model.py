"""Load the saved model as the course's ``0-main.py`` does, and score preprocessed images.

Told: a Lambda is its author's code. This process sees ``X_p`` and the model file and nothing else; it
answers with raw scores, which are counted outside. NumPy and TensorFlow only.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import predicting
import startup
import wire

sys.path.pop(0)

FEW = 4  # images for the Lambda alone
EVALUATED = 2  # images, which are one batch: whether the model evaluates shows with any


def course_main(keras, images, script):
    """A ``__main__`` that holds what the course's ``0-main.py`` defines before it loads the model.

    A Lambda that was made while the script was imported looks its names up in the script's module,
    which 0-main.py has imported. Nothing of the script runs here: of its names, that one has K alone.
    """
    main = types.ModuleType("__main__")

    def preprocess_data(X, Y):
        raise RuntimeError("preprocess_data is not there while the model is evaluated")

    vars(main).update(K=keras, preprocess_data=preprocess_data, _=None, X=None, Y=None, X_p=images, Y_p=None)
    sys.modules["__main__"] = main
    sys.modules[script] = types.ModuleType(script)
    sys.modules[script].__dict__["K"] = keras


def load(channel, keras, path):
    """Load with the course's shim; returns the model, or None after reporting why not."""
    options = {}
    try:
        keras.learning_phase = keras.backend.learning_phase
        channel.fact("shim", works=True)
    except AttributeError:
        # Keras 3 has no such function: the course's script ends here. Our loading goes on, with what
        # Keras 2 did by itself.
        channel.fact("shim", works=False)
        options = as_keras_2()
    try:
        with startup.uncollected():
            model = keras.models.load_model(path, **options)
    except Exception as error:
        channel.fact("load_raised", error=wire.describe(cause(error)))
        return None
    channel.fact("loaded", type=type(model).__name__, slots=slots(model))
    return model


def cause(error):
    """The NameError in a Lambda that led to an error: Keras 3 says that it cannot infer a shape."""
    found, seen = error, set()
    while found is not None and id(found) not in seen:
        if isinstance(found, NameError):
            return found
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return error


def slots(model):
    """How many variables the optimizer has after loading; -1 where that cannot be told."""
    try:
        variables = model.optimizer.variables
        return len(variables() if callable(variables) else variables)
    except Exception:
        return -1


def as_keras_2():
    """Make Keras 3 load a Lambda as Keras 2 does; returns the options for ``load_model``.

    Keras 3 refuses a Lambda unless safe mode is off, and looks its names up in a module of its own
    instead of ``__main__``. We are in a sandbox, and give it what ``0-main.py`` defines.
    """
    utilities = importlib.import_module("keras.src.utils.python_utils")
    for name, value in vars(sys.modules["__main__"]).items():
        vars(utilities).setdefault(name, value)
    return {"safe_mode": False}


def shape_of(model, name):
    """A model's input or output shape as a list, None for the batch; [] where it has several."""
    try:
        shape = getattr(model, name)
        return [None if side is None else int(side) for side in shape]
    except Exception:
        return []


def decoys(count, classes):
    """Labels for one evaluation, random: one-hot, and as class numbers."""
    import numpy as np

    labels = np.random.RandomState(0).randint(0, classes, count)
    return np.eye(classes, dtype="float32")[labels], labels


def loss_name(loss):
    """The loss of a compiled model as a name."""
    if isinstance(loss, str):
        return loss
    return getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__


def report_compiled(channel, model, images, classes):
    """Whether the model as loaded has an optimizer and a loss, and evaluates one batch."""
    optimizer = getattr(model, "optimizer", None)
    loss = getattr(model, "loss", None)
    fact = {
        "optimizer": type(optimizer).__name__ if optimizer is not None else "",
        "loss": wire.short(loss_name(loss), 100) if loss else "",
        "evaluated": False,
        "error": None,
    }
    if fact["optimizer"] and fact["loss"]:
        # A loss may be a name, a function, a list or a dictionary. Which labels it wants is tried, the
        # likely ones first: what Keras 3 has once evaluated it no longer adapts to other labels.
        one_hot, numbers = decoys(len(images), classes)
        likely_numbers = "sparse" in wire.short(repr(loss)).lower()
        for labels in (numbers, one_hot) if likely_numbers else (one_hot, numbers):
            error = evaluated(model, images, labels)
            if error is None:
                fact["evaluated"] = True
                break
            fact["error"] = fact["error"] or wire.describe(error)
    channel.fact("compiled", **fact)


def evaluated(model, images, labels):
    """Evaluate one batch; returns what it raised.

    A graph of a large network takes seconds to make, and this batch is the only one: it goes without, unless
    that raises.
    """
    with contextlib.suppress(Exception), without_graph(model):
        model.evaluate(images, labels, verbose=0)
        return None
    try:
        model.evaluate(images, labels, verbose=0)
    except Exception as error:
        return error
    return None


@contextlib.contextmanager
def without_graph(model):
    """Evaluate op by op; the function that Keras makes for it is not kept."""
    usual = model.run_eagerly
    model.run_eagerly = True
    try:
        yield
    finally:
        model.run_eagerly, model.test_function = usual, None


def report_lambda(channel, model, images):
    """What the first Lambda, wherever it is nested, makes of a few images: an array "lambda", or why not."""
    import numpy as np

    try:
        layer = first_lambda(model)
        if layer is None:
            channel.fact("lambda_missing")
        else:
            channel.array("lambda", np.asarray(layer(np.asarray(images)), "float32"))
    except Exception as error:
        channel.fact("lambda_raised", error=wire.describe(error))


def first_lambda(model):
    """The first layer of the class Lambda, models in models opened; None where there is none."""
    waiting = list(model.layers)
    while waiting:
        layer = waiting.pop(0)
        if type(layer).__name__ == "Lambda":
            return layer
        waiting = list(getattr(layer, "layers", ())) + waiting
    return None


def main(channel, settings):
    """Load, look, score."""
    import numpy as np

    tf = startup.tensorflow()
    # Here it waits until X_p is there.
    told = channel.fact("tensorflow", version=tf.__version__)
    path = os.path.join(settings["inputs"], settings["model"])
    images = np.memmap(
        os.path.join(settings["inputs"], "X_p"), told["dtype"], mode="r", shape=tuple(told["shape"])
    )
    course_main(tf.keras, images, settings["script_module"])
    model = load(channel, tf.keras, path)
    if model is None:
        return
    channel.fact("shapes", input=shape_of(model, "input_shape"), output=shape_of(model, "output_shape"))
    if told["predict"]:
        report_lambda(channel, model, images[:FEW])
    report_compiled(channel, model, np.asarray(images[:EVALUATED]), settings["classes"])
    if told["predict"]:
        predicting.predict(channel, model, images, told["grow"])


if __name__ == "__main__":
    wire.run(main)
