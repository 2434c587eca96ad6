"""The reference solution: what instructors show, and what ``checker regenerate`` runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checker.editions import Edition

FOLDER = Path(__file__).parent / "solution"
_IMPORT = "import tensorflow.keras as K"


def script(edition: Edition) -> str:
    """The text of ``0-transfer.py``, with the import of K that ``edition`` allows: nothing else differs."""
    allowed = next((one for one in edition.allowed_imports if one.endswith(" as K")), _IMPORT)
    text = (FOLDER / "0-transfer.py").read_text(encoding="utf-8")
    return text.replace("\n{}\n".format(_IMPORT), "\n{}\n".format(allowed), 1)
