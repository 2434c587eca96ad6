"""Run a probe under limits, isolated where bubblewrap works, and leave nothing of it behind.

``sandbox`` runs, ``walls`` says what a probe sees, ``supervisor`` watches it, ``channel`` reads what it
reports, ``processes`` and ``scratch`` find, measure and remove what it starts and writes.
"""

from checker.sandbox.sandbox import Isolation, Sandbox
from checker.sandbox.scratch import remove
from checker.sandbox.supervisor import Limits, Mark, Run, Stop

__all__ = ["Isolation", "Limits", "Mark", "Run", "Sandbox", "Stop", "remove"]
