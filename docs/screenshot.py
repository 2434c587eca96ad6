"""The report of a result, as a terminal shows it, as an SVG image.

    checker check --format json=result.json
    python -m docs.screenshot result.json terminal.svg

Needs rich 12 or later, which does not go into an environment with TensorFlow 2.6: run it in another one.
The image needs nothing from the network.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from importlib import metadata
from pathlib import Path

from rich.console import Console

from checker import output
from checker.commands import report
from checker.errors import CheckerError
from checker.reports import terminal
from checker.result import Result

_NEEDED = 12
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def svg(result: Result) -> str:
    """Return the coloured report of a result as SVG."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=terminal.WIDTH,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    terminal.show(result, console)
    drawn = console.export_svg(title="checker check", unique_id="checker")
    # It would load a font from the network; any monospaced one will do.
    return _FONT.sub("", drawn).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def main() -> int:
    """Write the image."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("result", metavar="RESULT.json")
    parser.add_argument("image", metavar="IMAGE.svg")
    options = parser.parse_args()
    if int(metadata.version("rich").split(".")[0]) < _NEEDED:
        found = metadata.version("rich")
        parser.error("rich {} or later is needed; in this environment it is {}".format(_NEEDED, found))
    try:
        target = output.Target(Path(options.image), options.image)
        target.write(svg(report.read(options.result)))
    except CheckerError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
