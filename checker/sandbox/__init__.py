"""Run a probe under limits, as isolated as the machine allows, and leave nothing of it behind.

``sandbox`` runs; ``finding`` tries which of the ``levels`` works: ``walls`` (bubblewrap) or ``landlock``,
both of the same ``view``, with ``filters`` of system calls and ``users``. ``environment`` and
``restraints`` come with a probe, ``supervisor`` watches it, ``channel`` reads what it reports,
``gates`` hold it, ``processes`` and ``scratch`` find, measure and remove what it starts and writes.
"""

from checker.sandbox.finding import Isolation
from checker.sandbox.gates import Gate
from checker.sandbox.sandbox import Sandbox
from checker.sandbox.scratch import remove
from checker.sandbox.supervisor import Limits, Mark, Run, Stop

__all__ = ["Gate", "Isolation", "Limits", "Mark", "Run", "Sandbox", "Stop", "remove"]
