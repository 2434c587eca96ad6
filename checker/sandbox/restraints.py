"""What the system itself holds a probe to, put on before it executes anything.

The supervisor's limits come first: these are for what happens between two of its looks, or after it.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checker.sandbox.supervisor import Limits

_OPEN_FILES = 4096


def take_on(limits: Limits) -> None:
    """Restrain this process and those that it will start."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.scratch)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # Of each process on all processors, for what outlives us.
    _lower(resource.RLIMIT_CPU, int(limits.total) * (os.cpu_count() or 1) + 1)
    # Where memory runs short, the kernel takes a probe first (Linux).
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _lower(kind: int, value: int) -> None:
    """Set both the soft and the hard limit, unless the hard one is lower."""
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))
