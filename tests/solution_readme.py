"""Run the Python blocks of a page in order, in one session: what each of them printed, as JSON.

    python solution_readme.py BLOCKS.json OUT.json

Run by the interpreter under test, in the folder of the solution; the standard library alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any, Dict

if __name__ == "__main__":
    sys.path.insert(0, "")
    session: Dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for number, block in enumerate(json.loads(Path(sys.argv[1]).read_text()), 1):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(block, "block {}".format(number), "exec"), session)
        printed.append(out.getvalue())
    Path(sys.argv[2]).write_text(json.dumps(printed))
