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


def installed():
    """Where the metadata of each distribution lie, by its name; the first on the path counts.

    As ``importlib.metadata`` finds them, whose import takes longer than all the rest.
    https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    found = {}
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder))
        except OSError:  # an archive of the standard library, or nothing
            continue
        for entry in entries:
            stem, ending = os.path.splitext(entry)
            if ending in (".dist-info", ".egg-info"):
                name = stem.split("-")[0].replace("_", "-").replace(".", "-").lower()
                found.setdefault(name, os.path.join(folder, entry))
    return found


def version(names, found):
    """Version of the first of these distributions that is installed, or an empty string."""
    for name in names:
        place = found.get(name)
        # A file where Python's own distutils installed it.
        for path in (place + "/METADATA", place + "/PKG-INFO", place) if place else ():
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as lines:
                    return next((line[8:].strip() for line in lines if line.startswith("Version:")), "")
    return ""


def versions():
    """The version of each package that matters to us, an empty string where it is not installed."""
    found = installed()
    return {name: version(names, found) for name, names in NAMES.items()}


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
                "versions": versions(),
            }
        )
    )


if __name__ == "__main__":
    main()
