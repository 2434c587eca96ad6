"""Start of the program, with nothing of the current folder or PYTHONPATH in its way."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _clean_path()
    from checker.cli import main as run

    sys.exit(run())


def _clean_path() -> None:
    """Forget the current folder and PYTHONPATH: a ``pytest.py`` that lies there is not ours to import.

    The package itself is loaded by now, wherever it came from.
    """
    unwanted = {os.path.realpath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    unwanted.add(os.path.realpath("."))
    # Where the checker was started out of its own source tree, the tree is wanted.
    unwanted.discard(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) not in unwanted]


if __name__ == "__main__":
    main()
