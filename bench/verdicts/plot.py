"""The picture: seconds by accuracy, a panel for each network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence, Tuple

from bench.verdicts import plan, ratios
from bench.verdicts.journal import Record
from bench.verdicts.plan import Row
from bench.verdicts.ratios import Figures

NAMES = ("bench.png", "bench.svg")
# Of the palette of Okabe and Ito; markers tell the versions apart on grey paper.
_LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
_LINES = (("main", "0-main.py", "--"), ("exact", "--exact", ":"))
_STYLE = {
    "svg.hashsalt": "transfer-checker",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
}


def draw(records: Sequence[Record], environments: Sequence[str], folder: Path) -> Tuple[Path, ...]:
    """Draw bench.png and bench.svg; returns their paths, none where no sequence was measured."""
    from matplotlib import style
    from matplotlib.figure import Figure

    figures = Figures(records)
    found = ratios.sequences(figures)
    networks = [name for name in plan.BY_NAME if any(key[1] == name for key in found)]
    if not networks:
        return ()
    across = min(3, len(networks))
    down = -(-len(networks) // across)
    paths = tuple(folder / name for name in NAMES)
    with style.context(["default", _STYLE]):
        height = 1.2 + 3.2 * down
        figure = Figure(figsize=(1.5 + 3.8 * across, height), layout="constrained")
        figure.get_layout_engine().set(rect=(0, 1 / height, 1, 1 - 1 / height))  # an inch for the legend
        panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
        for axes, network in zip(panels, networks):
            _panel(axes, figures, network, environments)
        for axes in panels[len(networks) :]:
            axes.set_axis_off()
        for axes in panels[::across]:
            axes.set_ylabel("seconds to a verdict")
        handles = {label: one for axes in panels for one, label in zip(*axes.get_legend_handles_labels())}
        figure.legend(handles.values(), handles.keys(), loc="lower center", ncol=3)
        for path in paths:
            figure.savefig(str(path), dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _panel(axes: Any, figures: Figures, network: str, environments: Sequence[str]) -> None:
    """One network, a colour for each version."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for environment, (colour, marker) in zip(environments, _LOOKS):
        rows: List[Row] = ratios.sequences(figures).get((environment, network), [])
        if not rows:
            continue
        walls = [figures.wall(row) for row in rows]
        label = "check, {}".format(environment)
        axes.plot(
            [row.accuracy for row in rows], walls, color=colour, marker=marker, markersize=4, label=label
        )
        for kind, name, dashes in _LINES:
            whole = figures.of_all(kind, environment, network)
            if whole is not None:
                words = "{}, {}".format(name, environment)
                axes.axhline(whole.value, color=colour, linestyle=dashes, linewidth=1.2, label=words)
        again = figures.wall(Row("unchanged", environment, network, 0.94, plan.ALL))
        if again is not None:
            words = "unchanged, {}".format(environment)
            axes.plot([0.94], [again], color=colour, marker="x", linestyle="", label=words)
    axes.axvline(0.87, color="#6B6B6B", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlim(0.05, 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "{:g}".format(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: "{:g} %".format(round(100 * share, 3))))
    axes.set_title(network, loc="left", fontsize=10)
    axes.set_xlabel("accuracy")
