"""The environment of a probe: ours alone."""

from __future__ import annotations

import os
from typing import Dict

from checker.sandbox.levels import Paths

# For glibc's malloc. Freed memory is not given back to the kernel, from which it would come again page by
# page, for each layer of each batch: half of DenseNet121's time in TensorFlow 2.6 (bench/scoring.md). One
# arena, since any other ends at 64 MB and has what is larger from the kernel all the same.
MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**32),  # bytes
    "MALLOC_TRIM_THRESHOLD_": str(2**36),
}


def of(paths: Paths) -> Dict[str, str]:
    """Variables for a run; as many threads as there are processors for it, whoever starts them."""
    processors = str(_processors())
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": paths.work + "/.home",
        "TMPDIR": paths.temporary,
        "LANG": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        "OMP_NUM_THREADS": processors,
        "OPENBLAS_NUM_THREADS": processors,
        "TF_NUM_INTRAOP_THREADS": processors,
        **MEMORY,
    }


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
