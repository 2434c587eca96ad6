"""The result as JSON, in the form of ``result.schema.json``."""

from __future__ import annotations

import json

from checker.result import Result


def render(result: Result) -> str:
    """Return the result as JSON text with a final new line; ASCII only."""
    text = json.dumps(result.to_dict(), indent=2)
    # "##[" is a command to a CI system whose log this is written to, and DEL is a control that JSON leaves
    # as it is; both have another spelling.
    return text.replace("##", "#\\u0023").replace("\x7f", "\\u007f") + "\n"
