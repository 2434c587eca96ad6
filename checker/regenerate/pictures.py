"""Pictures of a training and of its model, each as PNG and SVG; equal data gives equal bytes.

Matplotlib is an optional extra. Nothing of it stays set for the process, and no setting of the user's counts.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Sequence, Tuple

from checker import output
from checker.errors import CheckerError
from checker.regenerate.record import Epoch
from checker.text import printable

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("png", "svg")
_EXTRA = "pip install 'transfer-checker[regenerate]'"
_DPI = 150
_FEWER_DPI = 100  # 25 images stay below 2 MB even where nothing in them can be compressed
# Of the palette of Okabe and Ito, which colour-blind people tell apart; on grey paper the markers do.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#6B6B6B"
_STYLE = {
    "svg.hashsalt": "transfer-checker",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
}
_LONGEST = 16  # letters of a name in a picture
_ACROSS, _MOST = 5, 25  # images of the grid of mistakes


def look() -> None:
    """Raise CheckerError, which says what to type, where the pictures cannot be drawn."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.backends.backend_svg
        import matplotlib.figure
        import matplotlib.style  # noqa: F401
    except ImportError as error:
        raise CheckerError(
            "The pictures need the package matplotlib, which cannot be imported here ({}). Type: {}".format(
                printable(str(error)), _EXTRA
            )
        ) from error


def curves(epochs: Sequence[Epoch], folder: Path) -> Tuple[Path, ...]:
    """Draw accuracy, loss and learning rate by epoch: curves.png, curves.svg. Returns their paths."""
    with _figure(folder, "curves", 8, 7.5) as figure:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axes = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": (5, 5, 1.2)})
        accuracy, loss, rate = axes
        _pair(accuracy, epochs, "accuracy")
        _pair(loss, epochs, "loss")
        _rates(rate, epochs)
        accuracy.yaxis.set_major_formatter(FuncFormatter(lambda share, _: "{:g} %".format(100 * share)))
        accuracy.set_ylabel("accuracy")
        if epochs:
            accuracy.legend(loc="best")
        loss.set_ylabel("loss")
        rate.set_xlim(0.5, max(len(epochs), 1) + 0.5)
        rate.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
        rate.set_xlabel("epoch, counted through all stages")
        _name_stages(axes, epochs)
        figure.align_ylabels(axes[:2])
    return _paths(folder, "curves")


def confusion(
    true: np.ndarray, predicted: np.ndarray, classes: Sequence[str], folder: Path
) -> Tuple[Path, ...]:
    """Draw how often each class is taken for which: confusion.png, confusion.svg. Returns their paths.

    ``true`` and ``predicted``: whole numbers (m,), places in ``classes``.
    """
    import numpy as np

    size = len(classes)
    places = np.asarray(true, np.int64).ravel() * size + np.asarray(predicted, np.int64).ravel()
    counts = np.bincount(places, minlength=size * size).reshape(size, size)
    with _figure(folder, "confusion", 9, 7.5) as figure:
        axes = figure.subplots()
        _cells(axes, counts)
        _recalls(axes, counts)
        names = [_short(name) for name in classes]
        middles = np.arange(size) + 0.5
        axes.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(middles, names)
        axes.set_xlabel("what the model says")
        axes.set_ylabel("what the image shows")
        right, seen = int(np.trace(counts)), int(counts.sum())
        axes.set_title("{:,} of {:,} images are right{}".format(right, seen, _share(right, seen, " ({})")))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.grid(False)
    return _paths(folder, "confusion")


def mistakes(
    images: np.ndarray, true: np.ndarray, scores: np.ndarray, classes: Sequence[str], folder: Path
) -> Tuple[Path, ...]:
    """Draw images that the model gets wrong, surest first: mistakes.png, mistakes.svg. Returns their paths.

    ``images`` uint8 (m, height, width, 3), ``true`` whole numbers (m,), ``scores`` probabilities
    (m, classes).
    """
    import numpy as np

    true = np.asarray(true).ravel()
    predicted, surety = scores.argmax(axis=1), scores.max(axis=1)
    wrong = np.flatnonzero(predicted != true)
    # Of equal scores the first image comes first, or another NumPy would draw another picture.
    chosen = wrong[np.argsort(-surety[wrong], kind="stable")][:_MOST]
    rows = -(-len(chosen) // _ACROSS)
    with _figure(folder, "mistakes", 8, 0.8 + 1.95 * rows, _FEWER_DPI) as figure:
        figure.suptitle(_mistakes_title(len(chosen), len(wrong), len(true)))
        grid = figure.subplots(rows, _ACROSS, squeeze=False).ravel() if rows else ()
        for axes in grid[len(chosen) :]:
            axes.set_axis_off()
        for axes, place in zip(grid, chosen):
            axes.imshow(images[place], interpolation="bicubic")
            said = "{} {:.0f} %".format(
                _short(classes[predicted[place]]), math.floor(100 * float(surety[place]))
            )
            axes.set_title(said, fontsize=10, color=_ORANGE, fontweight="bold", pad=3)
            axes.set_xlabel("true: " + _short(classes[true[place]]), labelpad=3)
            axes.set(xticks=(), yticks=())
            axes.spines[:].set_visible(False)
    return _paths(folder, "mistakes")


@contextlib.contextmanager
def _figure(folder: Path, name: str, width: float, height: float, dpi: int = _DPI) -> Iterator[Figure]:
    """A figure (in inches) that is saved as PNG and as SVG after it was drawn. Raises CheckerError."""
    look()
    from matplotlib import style
    from matplotlib.figure import Figure

    with warnings.catch_warnings(), style.context(["default", _STYLE]):
        # A letter that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        for kind, path in zip(KINDS, _paths(folder, name)):
            drawn = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else None
            figure.savefig(drawn, format=kind, dpi=dpi, metadata=metadata)
            output.write(path, drawn.getvalue())


def _paths(folder: Path, name: str) -> Tuple[Path, ...]:
    return tuple(folder / "{}.{}".format(name, kind) for kind in KINDS)


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _share(part: int, whole: int, form: str = "{}") -> str:
    return form.format("{:.2f} %".format(100 * part / whole)) if whole else ""


def _stages(epochs: Sequence[Epoch]) -> Iterator[Tuple[List[int], List[Epoch]]]:
    """Epochs that follow each other in one stage, with their places on the axis, from 1 on."""
    for _, group in itertools.groupby(enumerate(epochs, 1), lambda item: item[1].stage):
        places, stage = zip(*group)
        yield list(places), list(stage)


def _pair(axes: Axes, epochs: Sequence[Epoch], what: str) -> None:
    """The curves of the training and of the validation images; a new stage begins new lines."""
    size = 5 if len(epochs) <= 40 else 2
    for places, stage in _stages(epochs):
        first = places[0] == 1
        for prefix, label, form in (
            ("", "training images", {"color": _BLUE, "marker": "o", "linestyle": "--"}),
            ("val_", "validation images", {"color": _ORANGE, "marker": "s", "linestyle": "-"}),
        ):
            values = [getattr(epoch, prefix + what) for epoch in stage]
            options: Any = {**form, "markersize": size, "label": label if first else None}
            axes.plot(places, values, **options)


def _rates(axes: Axes, epochs: Sequence[Epoch]) -> None:
    """The learning rate, in a strip with two ticks."""
    for places, stage in _stages(epochs):
        rates = [epoch.learning_rate for epoch in stage]
        axes.plot(places, rates, color=_GREY, linewidth=1, marker=".", markersize=4)
    highest = max((epoch.learning_rate for epoch in epochs if math.isfinite(epoch.learning_rate)), default=0)
    ticks = sorted({0.0, float(highest)})
    axes.set_yticks(ticks, ["{:.2g}".format(tick) for tick in ticks])
    axes.set_ylim(0, 1.15 * highest or 1)
    axes.tick_params(axis="y", labelsize=8, labelcolor=_GREY)
    axes.set_ylabel("learning\nrate", color=_GREY)


def _name_stages(all_axes: Sequence[Axes], epochs: Sequence[Epoch]) -> None:
    """The name of each stage above the curves, every other one on a grey ground."""
    for number, (places, stage) in enumerate(_stages(epochs)):
        low, high = places[0] - 0.5, places[-1] + 0.5
        for axes in all_axes:
            if number % 2:
                axes.axvspan(low, high, color="#F2F2F2", linewidth=0, zorder=0)
        top = all_axes[0]
        top.text(
            (low + high) / 2,
            1.02,
            _short(stage[0].stage),
            transform=top.get_xaxis_transform(),
            ha="center",
            va="bottom",
        )


def _cells(axes: Axes, counts: np.ndarray) -> None:
    """Counts in coloured cells: blue is right, orange is wrong, each with a scale of its own."""
    import numpy as np

    size = len(counts)
    diagonal = np.eye(size, dtype=bool)
    for mask, colours in ((diagonal, "Blues"), (~diagonal, "Oranges")):
        most = max(1, int(counts[mask].max()))
        hidden = np.ma.masked_where(~mask, counts)
        # From white to the middle of the scale: black figures can be read on all of it.
        axes.pcolormesh(hidden, cmap=colours, vmin=0, vmax=1.8 * most, edgecolors="white", linewidth=1)
    for (row, column), count in np.ndenumerate(counts):
        weight, colour = ("bold" if row == column else "normal"), ("black" if count else "#AAAAAA")
        axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", weight=weight, color=colour)
    axes.invert_yaxis()


def _recalls(axes: Axes, counts: np.ndarray) -> None:
    """Beside each row, how many in a hundred of its class the model finds."""
    size = len(counts)
    axes.text(size + 0.15, -0.1, "recall", va="bottom", color=_GREY)
    for row in range(size):
        found = _share(int(counts[row, row]), int(counts[row].sum())) or "no image"
        axes.text(size + 0.15, row + 0.5, found, va="center", color=_GREY)


def _mistakes_title(shown: int, wrong: int, total: int) -> str:
    if not wrong:
        return "The model is wrong on none of {:,} test images".format(total)
    said = "The model is wrong on {:,} of {:,} test images".format(wrong, total)
    if shown < wrong:
        return said + "; these are the {} where it is most confident".format(shown)
    return said + ("" if wrong == 1 else ", the most confident first")
