"""Runs the checks: pytest, with nothing of what lies around it.

No configuration file, ``conftest.py``, plugin, ``PYTEST_*`` variable or current folder has a say. A check
that was declared and not reported is an error of ours.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from checker import checks
from checker.editions import CheckRule, Edition
from checker.errors import EvidenceError, UsageError
from checker.gather import Evidence
from checker.outcomes import Outcome, Reason, Status
from checker.progress import Observer
from checker.result import CheckResult

_OPTIONS = [
    "-c", os.devnull, "--rootdir", str(checks.FOLDER), "--noconftest", "--capture=no",
    "--import-mode=importlib", "--assert=plain", "--strict-markers",
    "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler", "-p", "no:logging",
    "-p", "no:warnings", "-p", "no:doctest", "-p", "no:junitxml", "-p", "no:pastebin",
    "-o", "python_files=*.py", "-o", "python_functions=check_*", "-o", "python_classes=_none_",
]  # fmt: skip


def run(
    evidence: Evidence, edition: Edition, quick: bool, observer: Observer
) -> Tuple[Tuple[CheckResult, ...], bool]:
    """Run the edition's checks in its order; returns their results, and whether Ctrl-C ended it.

    Raises UsageError where what a user named cannot be used after all.
    """
    plugin = _Plugin(evidence, edition, quick, observer)
    with _own_environment():
        code = pytest.main([*_OPTIONS, str(checks.FOLDER)], plugins=[plugin])
    if plugin.usage is not None:
        raise plugin.usage
    interrupted = code == pytest.ExitCode.INTERRUPTED
    return tuple(plugin.finish(interrupted)), interrupted


@contextlib.contextmanager
def _own_environment() -> Iterator[None]:
    """Hide pytest's variables while it runs."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("PYTEST")}
    for name in hidden:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update(hidden)


class _Plugin:
    """Hands evidence to checks, and turns what becomes of them into results."""

    def __init__(self, evidence: Evidence, edition: Edition, quick: bool, observer: Observer) -> None:
        self._evidence, self._edition, self._observer = evidence, edition, observer
        self._quick = quick
        self._results: Dict[str, CheckResult] = {}
        self._flags: List[str] = []
        self._known = {name: _known(function.__doc__ or "") for name, function in checks.every().items()}
        self.usage: Optional[UsageError] = None

    @pytest.fixture
    def evidence(self) -> Evidence:
        """The evidence of this run."""
        return self._evidence

    @pytest.fixture
    def edition(self) -> Edition:
        """The edition that is checked against."""
        return self._edition

    @pytest.fixture
    def flag(self) -> Any:
        """A function that puts a flag beside the check's status."""
        return self._flags.append

    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        """Keep what the edition declares and this run runs, in the edition's order."""
        order = [name for name, rule in self._edition.checks.items() if rule.quick or not self._quick]
        by_name = {_name(item): item for item in items}
        items[:] = [by_name[name] for name in order if name in by_name]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Turn one call into a result."""
        yield
        if call.when == "setup":
            self._flags.clear()
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, UsageError):
            self.usage = error
            pytest.exit(str(error))
        if isinstance(error, KeyboardInterrupt) or (call.when != "call" and error is None):
            return
        name = _name(item)
        if call.when == "teardown" and name in self._results:
            return
        self._keep(name, *_outcome(error))

    def _keep(self, name: str, status: Status, reason: Optional[Reason]) -> None:
        rule = self._edition.checks[name]
        result = self._result(name, rule, status, reason, tuple(self._flags))
        self._results[name] = result
        self._observer.check(result)

    def _result(
        self,
        name: str,
        rule: CheckRule,
        status: Status,
        reason: Optional[Reason],
        flags: Tuple[str, ...] = (),
    ) -> CheckResult:
        return CheckResult(
            name=name,
            title=rule.title,
            sentence=rule.sentence,
            known=self._known.get(name, "told"),
            status=status,
            required=rule.required,
            hint=rule.hint,
            points=float(rule.points) if status is Status.PASSED else 0.0,
            points_possible=rule.points,
            reason=reason,
            flags=flags,
        )

    def finish(self, interrupted: bool) -> Iterator[CheckResult]:
        """All declared checks: those that were not reported are not run, interrupted, or an error."""
        for name, rule in self._edition.checks.items():
            if name in self._results:
                yield self._results[name]
            elif self._quick and not rule.quick:
                reason = Reason(
                    "a run of all checks",
                    "--quick runs those that need no TensorFlow",
                    "",
                    "checker check",
                )
                yield self._result(name, rule, Status.NOT_RUN, reason)
            elif interrupted:
                reason = Reason("a run to its end", "it was interrupted", "", "Run it again.")
                yield self._result(name, rule, Status.NOT_RUN, reason)
            else:
                reason = Reason("the check reports", "it did not", "", "This is a fault of the checker.")
                yield self._result(name, rule, Status.ERROR, reason)


def _outcome(error: Optional[BaseException]) -> Tuple[Status, Optional[Reason]]:
    if error is None:
        return Status.PASSED, None
    if isinstance(error, Outcome):
        return error.status, error.reason
    if isinstance(error, EvidenceError):
        # Only submitted code can make a probe's output malformed.
        return Status.FAILED, Reason(
            "evidence in the agreed form",
            "what came out of the submission's process is not: {}".format(error),
            "",
            "Remove what writes to descriptors that your script did not open.",
        )
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "{}, line {}".format(os.path.basename(last[0].filename), last[0].lineno) if last else ""
    return Status.ERROR, Reason(
        "the check runs",
        "{}: {}".format(type(error).__name__, str(error)[:500]),
        place,
        "This is a fault of the checker, not of the submission; please report it.",
    )


def _name(item: pytest.Item) -> str:
    return item.name[len(checks.PREFIX) :]


def _known(docstring: str) -> str:
    """Whether a check rests on what submitted code says ("told") or not ("seen")."""
    words = docstring.lower()
    return "told" if "told" in words else "seen"
