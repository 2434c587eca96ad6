"""pycodestyle's findings, as its command line prints them where there is no configuration."""

from __future__ import annotations

import sys

MAX_FINDINGS = 200


def findings(wheel, path):
    """Run pycodestyle out of its wheel on one file.

    Returns its version, all findings counted, and the first 200: line, column (from 1), code, text
    and the offending line.
    """
    sys.path.insert(0, wheel)
    try:
        import pycodestyle
    finally:
        sys.path.remove(wheel)

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
