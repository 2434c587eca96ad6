"""Make the filters that are shipped: ``python -m checker.sandbox.filters``."""

from __future__ import annotations

from checker.sandbox import filters
from checker.sandbox.filters import rules
from checker.sandbox.filters.assembler import assemble


def main() -> None:
    """Write one file a level and machine, and say how long it is."""
    for machine in rules.MACHINES:
        for level in rules.LEVELS:
            path = filters.FOLDER / "{}-{}.bpf".format(level, machine)
            path.write_bytes(assemble(machine, level))
            print("{}: {} bytes".format(path.name, path.stat().st_size))


if __name__ == "__main__":
    main()
