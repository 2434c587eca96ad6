"""Import the submitted script as the course's ``0-main.py`` does, and call ``preprocess_data``.

Told: submitted code runs here. Labels are decoys; the true ones are nowhere in this process.
Standard library, NumPy and TensorFlow only.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import startup
import watch
import wire

sys.path.pop(0)


def load_raw(settings, name, shape, dtype):
    """An array that the checker laid out as raw bytes."""
    import numpy as np

    path = os.path.join(settings["inputs"], name)
    return np.fromfile(path, dtype=dtype).reshape(shape)


def type_name(value):
    """The type of a returned value; a class may call itself what it likes."""
    import numpy as np

    name = type(value).__module__.split(".")[0] + "." + type(value).__name__
    if name == "numpy.ndarray" and type(value) is not np.ndarray:
        return "look-alike of numpy.ndarray"
    return wire.short(name, 300)


def laid_out(settings, item):
    """One call's name, images and labels."""
    images = load_raw(settings, item["images"], item["shape"], "uint8")
    return item["name"], images, load_raw(settings, item["labels"], item["labels_shape"], "uint8")


def describe_value(value):
    """What a returned value says it is."""
    return {
        "type": type_name(value),
        "shape": [int(side) for side in getattr(value, "shape", ())][:8],
        "dtype": wire.short(getattr(value, "dtype", ""), 60),
    }


def call(channel, settings, function, name, images, labels):
    """Call ``preprocess_data`` once; report what came back, and the arrays themselves."""
    import numpy as np

    images_given, labels_given = images.copy(), labels.copy()
    try:
        returned = function(images_given, labels_given)
    except SystemExit as error:
        channel.fact("raised", call=name, error=wire.describe(error, settings["script"]))
        return False
    except Exception as error:
        channel.fact("raised", call=name, error=wire.describe(error, settings["script"]))
        return False
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        words = (
            "a {} of {}".format(type(returned).__name__, len(returned))
            if hasattr(returned, "__len__")
            else type(returned).__name__
        )
        channel.fact("shape_of_return", call=name, found=wire.short(words, 200))
        return False
    try:
        values = [describe_value(value) for value in returned]
        # Laid out in memory here: what is too large for that is the function's doing.
        arrays = [np.asarray(np.asarray(value), order="C") for value in returned]
    except Exception as error:
        channel.fact("raised", call=name, error=wire.describe(error))
        return False
    for which, array in zip(("X_p", "Y_p"), arrays):
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or array.ndim > 6:
            words = "{} as an array of {} with shape {}".format(which, array.dtype, array.shape)
            channel.fact("shape_of_return", call=name, found=wire.short(words, 200))
            return False
    channel.fact(
        "returned",
        call=name,
        X=values[0],
        Y=values[1],
        images_changed=not np.array_equal(images_given, images),
        labels_changed=not np.array_equal(labels_given, labels),
    )
    for which, array in zip(("X", "Y"), arrays):
        channel.array("{}:{}".format(name, which), array)
    return True


def main(channel, settings):
    """Import TensorFlow, then the script, then call its function."""
    tf = startup.tensorflow()
    keras = tf.keras
    watching = watch.Watch(channel, settings["script"])
    watching.install(keras)

    # Read before anything submitted runs, which may leave nothing as it is.
    given = [laid_out(settings, item) for item in settings["calls"]]
    channel.fact("tensorflow", version=tf.__version__)
    sys.path.insert(0, settings["inputs"])
    try:
        # The course's own way; the name is no identifier.
        module = __import__(os.path.splitext(settings["script"])[0])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        channel.fact("import_raised", error=wire.describe(error, settings["script"]))
        return
    channel.fact("imported")
    function = getattr(module, "preprocess_data", None)
    if not callable(function):
        channel.fact("no_function", found=type(function).__name__)
        return
    channel.fact("calling")
    for name, images, labels in given:
        if not call(channel, settings, function, name, images, labels):
            return
    channel.fact("done")


if __name__ == "__main__":
    wire.run(main)
