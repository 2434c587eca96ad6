"""One stage of a regeneration: ``stage.py NAME SETTINGS.json DESCRIPTOR COSTS.json``.

Runs in the interpreter that trains or saves: standard library, NumPy and TensorFlow only. It calls the
functions of the script that it is given, and goes on from what lies in the work folder.
"""

from __future__ import annotations

import json
import os
import platform
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cuts
import engines
import numpy as np
import saving
import scripts
import shards
import training
from telling import Teller, end_with_parent


class Stage:
    """What every stage has: the settings, the script, Keras, and whom to tell."""

    def __init__(self, settings, tell):
        self.settings, self.tell = settings, tell
        self.script = scripts.load(settings["script"])
        self.keras = self.script.K
        self.work = settings["work"]

    def build(self, weights, bfloat16=False):
        """The whole model, in a process that has no other."""
        scripts.fresh(self.keras, self.settings["seed"])
        if bfloat16:
            self.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        return self.script.build_model(weights)

    def images(self):
        """The training images, uint8 (n, 32, 32, 3), and their labels."""
        images = np.load(os.path.join(self.work, "images.npy"), mmap_mode="r")
        return images, np.load(os.path.join(self.work, "labels.npy"))

    def features(self, view, shape=None):
        """What the frozen layers make of one view of the images."""
        return self._shards("features-" + view, shape or self.settings["feature_shape"], np.float16)

    def vectors(self, view, size=None):
        """What the last block, still frozen, makes of them."""
        return self._shards("vectors-" + view, (size or self.settings["vector_size"],), np.float32)

    def chain(self, name):
        """The epochs of one training."""
        return training.Chain(self.work, name, self.keras)

    def _shards(self, name, shape, dtype):
        count, rows = self.settings["images"], self.settings["shard_rows"]
        return shards.Shards(self.work, name, count, shape, dtype, rows)


def look(stage):
    """Build the model once, so that what is missing is known before anything is computed."""
    tell, settings = stage.tell, stage.settings
    tell.fact("versions", versions())
    tell.fact("openvino", engines.has_openvino())
    tell.fact("bfloat16", engines.has_bfloat16())
    model = stage.build(settings["weights"])
    frozen, block, head = stage.script.split(model)
    tell.fact("feature_shape", list(frozen.output_shape[1:]))
    tell.fact("vector_size", block.output_shape[-1])
    tell.fact("parameters", model.count_params())
    tell.fact("layers", len(model.layers))
    tell.fact("structure", saving.structure(model))
    tell.fact("trained", sum(int(np.prod(array.shape)) for array in block.get_weights() + head.get_weights()))
    tell.fact("activations", _activations(block))
    tell.fact("widest", max(int(np.prod(output.shape[1:])) for output in _outputs(frozen)))
    names = ("BATCH", "SIZE", "CUT", "HEAD_EPOCHS", "HEAD_RATE", "TUNE_EPOCHS", "TUNE_RATE")
    tell.fact("constants", {name: getattr(stage.script, name) for name in names})


def survey(stage):
    """Find out what the script's constants are to be for an application that no person has set them for.

    Where the cut is known already, find out whether this version has the application with that layer.
    """
    tell, keras, name = stage.tell, stage.keras, stage.settings["application"]
    if name not in cuts.names(keras):
        tell.fact("close", cuts.close(keras, name))
        return
    application = getattr(keras.applications, name)
    module = application.__module__.rsplit(".", 1)[-1]
    try:
        model = _fitting(stage, application, module)
        cut = _cut(stage, model)
    except _Unfit as error:
        tell.fault("--application {}{}".format(name, error))
        return
    tell.fact("module", module)
    tell.fact("cut", cut)
    tell.fact("layers", len(model.layers))
    tell.fact("structure", saving.structure(model))


class _Unfit(Exception):
    """Why an application is not taken: what follows its name."""


def _fitting(stage, application, module):
    """The model of an application that can be preprocessed, built, and loaded again. Raises _Unfit."""
    keras, script, size = stage.keras, stage.script, stage.settings["size"]
    version = versions()["tensorflow"]
    if not hasattr(getattr(keras.applications, module, None), "preprocess_input"):
        raise _Unfit(
            ": expected K.applications.{}.preprocess_input; TensorFlow {} has none. Take another"
            " application.".format(module, version)
        )
    script.APPLICATION, script.SIZE, script.CUT = application, size, "pool"
    try:
        model = stage.build(None)
    except ValueError as error:
        raise _Unfit(" --size {}: Keras refuses: {}".format(size, error)) from error
    unknown = cuts.unknown_layers(keras, model) + cuts.operators(keras, model)
    if unknown:
        raise _Unfit(
            ": expected layers of Keras that every program can load; in TensorFlow {} it has operators or"
            " layers of its own: {}. Take another application.".format(version, ", ".join(unknown))
        )
    return model


def _cut(stage, model):
    """The cut that the settings name, if this version has it; else the one of the rule. Raises _Unfit."""
    cut = stage.settings["cut"]
    if not cut:
        cut = cuts.default(model.layers[: stage.script.position(model, "pool") + 1])
    elif cut not in [layer.name for layer in model.layers]:
        raise _Unfit(
            ": expected its layer {}, where it is cut, in TensorFlow {} too, which saves the model; it has"
            " none of that name. Take another application.".format(cut, versions()["tensorflow"])
        )
    if cut is None:
        raise _Unfit(
            ": expected a layer in its second half at which one tensor alone enters the rest, with a fifth of"
            " the weights in it; there is none. Take another application."
        )
    return cut


def versions():
    """Versions of what the numbers depend on."""
    import tensorflow as tf

    found = {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__}
    found["keras"] = getattr(tf.keras, "__version__", tf.__version__)
    if engines.has_openvino():
        import openvino

        found["openvino"] = openvino.__version__.split("-")[0]
    return found


def _outputs(model):
    for layer in model.layers:
        yield from layer.output if isinstance(layer.output, list) else [layer.output]


def _activations(model):
    """Numbers that all layers of a model give for one image."""
    return sum(int(np.prod(output.shape[1:])) for output in _outputs(model))


def features(stage):
    """Run the frozen layers once on each view of the images."""
    settings, script = stage.settings, stage.script
    images, labels = stage.images()

    def prepared():
        frozen = script.split(stage.build(settings["weights"]))[0]
        run = engines.ENGINES[settings["engine"]](frozen, stage.work, settings["bfloat16"])

        def compute(view, start, stop):
            X_p, _ = script.preprocess_data(images[start:stop], labels[start:stop])
            return run(X_p[:, :, ::-1] if view == "mirrored" else X_p)

        return compute

    _fill(stage, stage.features, prepared)


def vectors(stage):
    """Run the last block once, as long as it is frozen too."""
    settings = stage.settings

    def prepared():
        block = stage.script.split(stage.build(settings["weights"], settings["bfloat16"]))[1]

        def compute(view, start, stop):
            return block.predict(stage.features(view).take(range(start, stop)), 64, verbose=0)

        return compute

    _fill(stage, stage.vectors, prepared)


def _fill(stage, shards_of, prepared):
    """Compute the shards of every view that are not whole; ``prepared`` builds what computes them."""
    views = {view: shards_of(view) for view in stage.settings["views"]}
    missing = [
        (view, *one) for view, rows in views.items() for one in rows.ranges() if not rows.is_whole(*one)
    ]
    total = len(views) * stage.settings["images"]
    done = total - sum(stop - start for _, start, stop in missing)
    stage.tell.progress(done, total)
    compute = prepared() if missing else None
    for view, start, stop in missing:
        views[view].write(start, compute(view, start, stop))
        done += stop - start
        stage.tell.progress(done, total)


def head(stage):
    """Train the head on the vectors."""
    settings, chain = stage.settings, stage.chain("head")
    if chain.last() is None:
        model = stage.script.split(stage.build(settings["weights"]))[2]
        _prepare(stage, model, "HEAD", chain)
    _train(stage, chain, [(view, stage.vectors(view)) for view in settings["views"]], "HEAD")


def tune(stage):
    """Train the last block and the head on the features."""
    settings, chain = stage.settings, stage.chain("tune")
    if chain.last() is None:
        _, block, top = stage.script.split(stage.build(settings["weights"], settings["bfloat16"]))
        trained = stage.chain("head")
        top.set_weights(stage.keras.models.load_model(trained.model(trained.last())).get_weights())
        # TensorFlow 2.6 would shift by a seed of its own, whatever the global one is.
        _prepare(stage, stage.script.join(block, top, settings["seed"]), "TUNE", chain)
    _train(stage, chain, [(view, stage.features(view)) for view in settings["views"]], "TUNE")


def _prepare(stage, model, name, chain):
    epochs, rate = (getattr(stage.script, name + end) for end in ("_EPOCHS", "_RATE"))
    learned = stage.settings["images"] - stage.settings["held_out"]
    stage.script.prepare(model, rate, epochs * -(-learned // stage.script.BATCH))
    chain.keep(0, model, {})


def _train(stage, chain, views, name):
    images, labels = stage.images()
    labels = stage.script.preprocess_data(images[:1], labels)[1]
    held_out, seed = stage.settings["held_out"], stage.settings["seed"]
    epochs = getattr(stage.script, name + "_EPOCHS")
    training.train(stage.keras, stage.script, chain, views, labels, held_out, epochs, seed, stage.tell)


def weights(stage):
    """Put the trained layers back into the whole model, and write its weights."""
    model = stage.build(stage.settings["weights"])
    _, block, top = stage.script.split(model)
    chain = stage.chain("tune")
    tuned = stage.keras.models.load_model(chain.model(chain.last()))
    stage.script.join(block, top).set_weights(tuned.get_weights())
    saving.save_weights(model, stage.settings["weights_file"])


def model(stage):
    """Save the whole model with this Python and this TensorFlow."""
    stage.tell.fact("versions", versions())
    whole = _like_the_trained(stage)
    with np.load(stage.settings["weights_file"]) as archive:
        missing = saving.set_weights(whole, archive)
    if missing:
        stage.tell.fault(
            "{}: expected the weights of every layer of the model; {} of them, {} among them, are not in it"
            " or have other shapes.".format(stage.settings["weights_file"], len(missing), missing[0])
        )
        sys.exit(1)
    saving.save_model(whole, stage.settings["model_file"])


def _like_the_trained(stage):
    """The whole model; with the weights it began with where these bring a layer along.

    Newer versions rescale once more in EfficientNet if Keras's own weights are asked for, and only then.
    """
    settings = stage.settings
    trained = settings["facts"].get("structure")  # absent in a folder of an older version of this program
    whole = stage.build(None)
    if trained is None or saving.structure(whole) == trained:
        return whole
    if settings["weights"] is not None:
        whole = stage.build(settings["weights"])
    if saving.structure(whole) != trained:
        stage.tell.fault(
            "{}: expected a network of {} layers, as it was trained; TensorFlow {} builds another one, of {}"
            " layers.".format(
                settings["weights_file"],
                settings["facts"]["layers"],
                versions()["tensorflow"],
                len(whole.layers),
            )
        )
        sys.exit(1)
    return whole


STAGES = (survey, look, features, vectors, head, tune, weights, model)


def main(name, settings, descriptor, costs):
    """Run one stage; what goes wrong in it is on standard error."""
    end_with_parent()
    tell = Teller(int(descriptor), costs)
    with open(settings) as stream:
        stage = Stage(json.load(stream), tell)
    try:
        {one.__name__: one for one in STAGES}[name](stage)
    finally:
        tell.cost()


if __name__ == "__main__":
    main(*sys.argv[1:])
