"""pycodestyle's findings, as its command line prints them where there is no configuration."""

from __future__ import annotations

import marshal
import sys
import types
import zipimport
from importlib import util

MAX_FINDINGS = 200


def load(wheel):
    """The module in pycodestyle's wheel, compiled now or earlier (``checker/compiled.py``)."""
    importer = zipimport.zipimporter(wheel)
    code = compiled_before(wheel, importer.get_data("pycodestyle.py"))
    module = types.ModuleType("pycodestyle")
    module.__file__ = wheel + "/pycodestyle.py"
    sys.modules[module.__name__] = module  # which its own decorators look for
    exec(code or importer.get_code("pycodestyle"), vars(module))
    return module


def compiled_before(wheel, source):
    """The code that was compiled of this very source by this version of Python, or None."""
    header = util.MAGIC_NUMBER + (3).to_bytes(4, "little") + util.source_hash(source)
    try:
        with open(util.cache_from_source(wheel), "rb") as stream:
            found = stream.read()
        return marshal.loads(found[len(header) :]) if found.startswith(header) else None
    except (OSError, EOFError, ValueError, TypeError):
        return None


def findings(wheel, path):
    """Run pycodestyle out of its wheel on one file.

    Returns its version, all findings counted, and the first 200: line, column (from 1), code, text
    and the offending line.
    """
    pycodestyle = load(wheel)
    kept = []

    class Report(pycodestyle.StandardReport):
        """Keeps findings instead of printing them."""

        def get_file_results(self):
            self._deferred_print.sort()
            for number, offset, code, text, _ in self._deferred_print:
                if len(kept) < MAX_FINDINGS:
                    line = self.lines[number - 1] if 0 < number <= len(self.lines) else ""
                    kept.append(
                        {
                            "line": number,
                            "column": offset + 1,
                            "code": code,
                            "text": text,
                            "source": line.rstrip("\r\n")[:300],
                        }
                    )
            return self.file_errors

    # With no paths to start from and an empty home, no configuration is found or read.
    style = pycodestyle.StyleGuide(reporter=Report)
    report = style.check_files([path])
    return pycodestyle.__version__, report.total_errors, kept
