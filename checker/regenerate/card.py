"""The model card: what the model is, how good, how it was made, and what nobody knows of it."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Sequence, Tuple

from checker.markup import fenced, inline
from checker.regenerate.record import Epoch, Record

_LIMITS = (
    "It knows ten kinds of things, small in a photograph of 32x32 pixels. It gives one of ten names to every"
    " image, also to one that shows something else; how it does on other photographs was not measured.",
    "A high probability is no promise: look at the mistakes above.",
    "Another seed gives another model, with another accuracy: the interval does not say how far off.",
    "On another machine, or with other versions, the same seed gives slightly other weights.",
    "Times and memory are of this one run on this one machine.",
)

_TRIAL = (
    " A trial run: with so few images and epochs nothing is learnt, and it may have been trained on images"
    " that it is tested on. That every stage came to its end is all that it shows."
)


def card(record: Record, epochs: Sequence[Epoch]) -> str:
    """Return model-card.md, which shows the pictures that lie beside it."""
    parts = [
        *_head(record),
        *_accuracy(record),
        *_pictures(),
        *_making(record),
        *_stages(record),
        *_epochs(epochs),
        *_versions(record),
        *_again(record),
        "## What this card does not say",
        "\n".join("- " + limit for limit in _LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


def _head(record: Record) -> Iterator[str]:
    name = inline(record.application)
    yield "# Model: {}, taught CIFAR-10".format(name)
    yield (
        "A model that says which of ten things a photograph of 32x32 pixels shows. It was made by transfer"
        " learning: {} began with the weights named below; its layers before the layer {} kept them"
        " (frozen), and the rest, with a new last layer, learnt from the training images of CIFAR-10.".format(
            name, inline(record.cut)
        )
    )


def _accuracy(record: Record) -> Iterator[str]:
    yield "## Accuracy"
    said = "**{:.2%}** of {:,} test images: {:,} are right.".format(
        record.correct / record.total, record.total, record.correct
    )
    if record.error_rate:
        said += " Of all images of the same kind: {:.2%} to {:.2%} ({:g} % interval).".format(
            record.low, record.high, round(100 * (1 - record.error_rate), 6)
        )
    yield said + (_TRIAL if record.trial else " No test image was used to train, or to choose anything.")
    yield "Verdict of the checker: " + inline(record.verdict)


def _pictures() -> Iterator[str]:
    yield "How often each class is taken for which:"
    yield "![Confusion matrix of the test images](confusion.png)"
    yield "Where it is wrong and most confident (above: what it says; below: what is true):"
    yield "![Test images that the model gets wrong](mistakes.png)"
    yield "How it learnt:"
    yield "![Accuracy, loss and learning rate by epoch](curves.png)"
    yield "Each picture lies beside this card as SVG, too."


def _making(record: Record) -> Iterator[str]:
    yield "## How it was made"
    yield _facts(
        ("training images", "{:,}".format(record.training_images)),
        ("validation images, kept apart from them", "{:,}".format(record.validation_images)),
        ("images from", record.images_source),
        ("digest of the images", record.images_digest),
        ("views of each training image", ", ".join(record.views)),
        ("weights to begin with", record.weights),
        ("SHA-256 of these weights", record.weights_sha256),
        ("about these weights", record.weights_note),
        ("images are scaled up to", "{0}x{0} pixels".format(record.size)),
        ("cut: first layer that was trained", record.cut),
        ("features of one image, computed once", _features(record)),
        ("features on disk", _size(record.feature_bytes)),
        ("computed with", record.engine),
        ("precision", record.precision),
        ("seed", str(record.seed)),
        ("parameters", "{:,}".format(record.parameters)),
        ("the model's file", _size(record.model_bytes)),
        ("SHA-256 of the model", record.model_sha256),
        ("SHA-256 of the script", record.script_sha256),
    )
    if record.settings:
        yield "The constants of the script:"
        yield _table(
            ("constant", "value"), "--", (tuple(map(inline, item)) for item in record.settings.items())
        )


def _features(record: Record) -> str:
    return " x ".join(map(str, record.feature_shape)) + ", " + record.feature_dtype


def _stages(record: Record) -> Iterator[str]:
    yield "## Time and memory"
    rows: List[Sequence[str]] = [
        (
            inline(stage.name),
            _duration(stage.seconds),
            "{:,.1f}".format(stage.images / stage.seconds) if stage.images and stage.seconds else "",
            _size(stage.peak_bytes),
            inline(stage.detail),
        )
        for stage in record.stages
    ]
    seconds = sum(stage.seconds for stage in record.stages)
    peak = max((stage.peak_bytes for stage in record.stages), default=0)
    rows.append(("**all**", _duration(seconds), "", _size(peak), ""))
    yield _table(("stage", "wall time", "images a second", "peak memory", ""), "->>>-", rows)
    again = {0: "never", 1: "once"}.get(record.resumed, "{:,} times".format(record.resumed))
    yield "Machine: {}. The run was interrupted and taken up again: {}.".format(inline(record.machine), again)


def _epochs(epochs: Sequence[Epoch]) -> Iterator[str]:
    yield "## Epochs"
    heads = (
        *("stage", "epoch", "view", "time", "loss", "accuracy"),
        *("validation loss", "validation accuracy", "learning rate"),
    )
    rows = (
        (
            *(inline(epoch.stage), str(epoch.epoch), inline(epoch.view), _duration(epoch.seconds)),
            *("{:.4f}".format(epoch.loss), "{:.2%}".format(epoch.accuracy)),
            *("{:.4f}".format(epoch.val_loss), "{:.2%}".format(epoch.val_accuracy)),
            "{:.3g}".format(epoch.learning_rate),
        )
        for epoch in epochs
    )
    yield _table(heads, "->->>>>>>", rows)
    yield "The same, with all digits, is in history.csv."


def _versions(record: Record) -> Iterator[str]:
    yield "## Versions"
    names = list(dict.fromkeys([*record.trained_in, *record.saved_in]))
    rows = (
        tuple(map(inline, (name, record.trained_in.get(name, ""), record.saved_in.get(name, ""))))
        for name in names
    )
    yield _table(("package", "trained in", "saved in"), "---", rows)


def _again(record: Record) -> Iterator[str]:
    yield "## Make it again"
    yield fenced(record.command)
    yield "It takes up again where it was stopped, and keeps what is done."


def _facts(*rows: Tuple[str, str]) -> str:
    """A table of two columns; what has no value is left out."""
    shown = ((label, inline(value)) for label, value in rows if value)
    return _table(("what", "value"), "--", shown)


def _table(heads: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; ``sides``: for each column - (left) or > (right)."""
    rule = ["---:" if side == ">" else "---" for side in sides]
    return "\n".join("| {} |".format(" | ".join(cells)) for cells in (heads, rule, *rows))


def _duration(seconds: float) -> str:
    if seconds < 60:
        return "{:.1f} s".format(seconds)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return "{} min {:02} s".format(minutes, rest)
    return "{} h {:02} min".format(*divmod(minutes, 60))


def _size(count: int) -> str:
    return "{:,.1f} GB".format(count / 1e9) if count >= 1e9 else "{:,.1f} MB".format(count / 1e6)
