"""Which Python this is and what is installed: no TensorFlow is imported, nothing is submitted.

Prints one line of JSON; run with ``-I``.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig

NAMES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tensorflow-intel",
                   "intel-tensorflow", "tf-nightly", "tensorflow-gpu"),
    "keras": ("keras", "keras-nightly"),
    "numpy": ("numpy",),
    "h5py": ("h5py",),
    "openvino": ("openvino",),
}  # fmt: skip


def version(names):
    """Version of the first of these distributions that is installed, or an empty string."""
    from importlib import metadata

    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


def folders():
    """The folders that this interpreter needs to run, links resolved and unresolved."""
    found = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    found += [os.path.dirname(sys.executable), os.path.dirname(os.path.realpath(sys.executable))]
    found += [sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    library = sysconfig.get_config_var("LIBDIR")
    if library and sysconfig.get_config_var("Py_ENABLE_SHARED"):
        found.append(library)
    every = found + [os.path.realpath(path) for path in found]
    return sorted({path for path in every if os.path.isdir(path)})


def main():
    """Print what there is."""
    print(
        json.dumps(
            {
                "executable": sys.executable,
                "python": "{}.{}.{}".format(*sys.version_info[:3]),
                "folders": folders(),
                "versions": {name: version(names) for name, names in NAMES.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
