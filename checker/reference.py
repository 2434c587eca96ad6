"""stand-in"""

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "solution"


def script(edition):
    return (
        (FOLDER / "0-transfer.py")
        .read_text()
        .replace("import tensorflow.keras as K", edition.allowed_imports[0])
    )
