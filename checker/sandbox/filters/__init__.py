"""What a probe may ask of the kernel: seccomp filters, one a level and machine, shipped as data.

``python -m checker.sandbox.filters`` makes the data from ``rules`` with ``assembler``; a run only opens a
file. A filter refuses with EPERM what TensorFlow does not need. ``clone3`` answers ENOSYS, since its flags
lie in memory that no filter can read: C libraries then use ``clone``. So do all calls that are newer than
the list, as they do on an older kernel. A call by another architecture's numbers (i386) ends the process.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Optional

FOLDER = Path(__file__).resolve().parent


def file(level: str) -> Optional[Path]:
    """The filter of a level for this machine, or None where there is none for its kind."""
    path = FOLDER / "{}-{}.bpf".format(
        level, {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    )
    return path if path.is_file() else None
