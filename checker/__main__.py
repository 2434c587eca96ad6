"""Start of the program, with nothing of the current folder or PYTHONPATH in its way."""

from __future__ import annotations

import os
import site
import sys
import warnings


def main() -> None:
    """Run the command line and exit with its code."""
    _clean_path()
    code = 3
    try:
        from checker import interrupts, output

        interrupts.install()
        try:
            from checker.cli import main as run

            code = run()
        finally:
            output.flush()
            interrupts.ignore()
    except KeyboardInterrupt:
        sys.stderr.write("checker: interrupted; nothing was decided\n")
    except ImportError as error:
        if os.environ.get("CHECKER_DEBUG"):
            raise
        sys.stderr.write(
            "checker: a package that it needs cannot be imported: {}. Install the checker into this "
            "interpreter, {}; PYTHONPATH is not looked at.\n".format(error, sys.executable)
        )
    sys.exit(code)


def _clean_path() -> None:
    """Forget the current folder and PYTHONPATH: a ``pytest.py`` that lies there is not ours to import.

    The package itself is loaded by now, wherever it came from.
    """
    unwanted = {os.path.realpath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    unwanted.add(_current_folder())
    # Started out of its own source tree, or in a folder of Python's own: these are wanted.
    library = os.path.dirname(os.path.realpath(os.__file__))
    unwanted -= {os.path.dirname(os.path.dirname(os.path.realpath(__file__))), library}
    unwanted -= {os.path.realpath(p) for p in site.getsitepackages()}
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) not in unwanted]
    # PYTHONWARNINGS=error would make errors of warnings in packages that we use.
    sys.warnoptions.clear()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


def _current_folder() -> str:
    try:
        return os.path.realpath(".")
    except OSError:  # it has been removed
        return ""


if __name__ == "__main__":
    main()
