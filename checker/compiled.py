"""The pycodestyle that ships with the checker, compiled once: that takes longer than the rest of reading.

It lies where Python itself keeps what it compiles of a module: in ``__pycache__`` beside it, a file for each
version of Python, as https://peps.python.org/pep-0552 has it. Whoever can write there can write the checker.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from importlib import util
from pathlib import Path


def keep(wheel: Path) -> None:
    """Compile the module in a wheel for the Python that runs us, unless that was done or cannot be kept."""
    target = Path(util.cache_from_source(str(wheel)))
    if sys.dont_write_bytecode or target.exists():
        return
    import py_compile
    import zipfile

    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="checker-") as folder:
        with zipfile.ZipFile(str(wheel)) as archive:
            source = archive.extract("pycodestyle.py", folder)
        py_compile.compile(
            source,
            cfile=str(target),
            dfile="{}/pycodestyle.py".format(wheel.name),
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )
