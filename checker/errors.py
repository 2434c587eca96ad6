"""Errors of the tool and of those who call it; what a submission does wrong is an outcome."""

from __future__ import annotations


class CheckerError(Exception):
    """Something outside the submission is wrong; the message is for a person."""


class UsageError(CheckerError):
    """The command line, or a file named on it, cannot be used: exit code 2."""


class EditionError(UsageError):
    """An edition's TOML is not what the checker can use."""


class ImagesError(UsageError):
    """The images named cannot be used."""


class EvidenceError(CheckerError):
    """A probe's output is not in the agreed form; it is never used."""


class OversizeError(EvidenceError):
    """A probe's output is larger than the edition gives it room for."""


class ToolError(CheckerError):
    """The checker itself failed: status ``error``, exit code 3."""
