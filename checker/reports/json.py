"""The result as JSON, in the form of ``result.schema.json``."""

from __future__ import annotations

import json

from checker.result import Result


def render(result: Result) -> str:
    """Return the result as JSON text with a final new line; ASCII only."""
    # "##[" is a command to a CI system whose log this is written to; JSON has another spelling for it.
    return json.dumps(result.to_dict(), indent=2).replace("##", "#\\u0023") + "\n"
