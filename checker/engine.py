"""Runs the checks: pytest, with nothing of what lies around it.

No configuration file, ``conftest.py``, plugin, ``PYTEST_*`` variable or current folder has a say. A check
that was declared and not reported is an error of ours.
"""

from __future__ import annotations

import ast
import contextlib
import os
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Collection, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

import pytest

from checker import checks, interrupts
from checker.editions import CheckRule, Edition
from checker.errors import EvidenceError, UsageError
from checker.gather import Evidence
from checker.outcomes import Flag, Outcome, Reason, Status
from checker.progress import Observer
from checker.result import CheckResult
from checker.text import cut

_OPTIONS = [
    "-c", os.devnull, "--rootdir", str(checks.FOLDER), "--noconftest", "--capture=no",
    "--import-mode=importlib", "--assert=plain", "--strict-markers",
    "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler", "-p", "no:logging",
    "-p", "no:warnings", "-p", "no:doctest", "-p", "no:junitxml", "-p", "no:pastebin",
    "--continue-on-collection-errors",
    "-o", "python_files=*.py", "-o", "python_functions=check_*", "-o", "python_classes=_none_",
]  # fmt: skip
_ALL = "a run of all checks"
_NOT_QUICK = Reason("run-quick", _ALL, "--quick runs those that need no TensorFlow", "", "checker check")
_NOT_SELECTED = Reason("run-select", _ALL, "--select names other checks", "", "checker check")
_MOST_LETTERS = 5_000  # of one text of a reason, or of a flag
_MOST_FLAGS = 50
_OURS = "This is a fault of the checker, not of the submission; please report it."


@dataclass(frozen=True)
class Ran:
    """Results of all checks, and whether Ctrl-C ended the run.

    ``rests_on``: of each check that ran, the parts of the submission that were looked at for it.
    """

    results: Tuple[CheckResult, ...]
    interrupted: bool
    rests_on: Dict[str, FrozenSet[str]]


def run(
    evidence: Evidence,
    edition: Edition,
    quick: bool,
    observer: Observer,
    selected: Collection[str] = (),
    kept: Optional[Mapping[str, CheckResult]] = None,
) -> Ran:
    """Run the edition's checks in its order.

    ``selected``: names of the checks to run, all where it is empty. ``kept``: results that are known.
    Raises UsageError where what a user named cannot be used after all.
    """
    plugin = _Plugin(evidence, edition, quick, observer, selected, kept or {})
    try:
        with _own_environment():
            pytest.main([*_OPTIONS, str(checks.FOLDER)], plugins=[plugin])
    except KeyboardInterrupt:  # before pytest takes care of it itself
        plugin.interrupted = True
    if plugin.usage is not None:
        raise plugin.usage
    # pytest may take one that comes while it collects for a fault of a module.
    interrupted = plugin.interrupted or interrupts.came()
    return Ran(tuple(plugin.finish(interrupted)), interrupted, plugin.rests_on)


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

    def __init__(
        self,
        evidence: Evidence,
        edition: Edition,
        quick: bool,
        observer: Observer,
        selected: Collection[str],
        kept: Mapping[str, CheckResult],
    ) -> None:
        self._evidence, self._edition, self._observer = evidence, edition, observer
        self._kept = kept
        self.rests_on: Dict[str, FrozenSet[str]] = {}
        self._left_out = {
            name: _NOT_SELECTED if selected and name not in selected else _NOT_QUICK
            for name, rule in edition.checks.items()
            if (selected and name not in selected) or (quick and not rule.quick)
        }
        self._order = [name for name in edition.checks if name not in self._left_out]
        self._results: Dict[str, CheckResult] = {}
        self._flags: List[Flag] = []
        self._known = {name: _known(name) for name in edition.checks}
        self._fault = ""
        self.usage: Optional[UsageError] = None
        self.interrupted = False

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
        """A function that puts a flag beside the check's status: its name, and what was found."""
        return lambda name, found: self._flags.append(Flag(name, found))

    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        """Keep what the edition declares and this run runs, in the edition's order."""
        by_name = {_name(item): item for item in items}
        wanted = [name for name in self._order if name not in self._kept]
        items[:] = [by_name[name] for name in wanted if name in by_name]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Turn one call into a result; the report itself is left to pytest."""
        if call.when == "setup":
            self._flags.clear()
            self._evidence.notes.forget()
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

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note Ctrl-C; pytest's own reasons to stop are of derived classes."""
        self.interrupted = self.interrupted or type(excinfo.value) is KeyboardInterrupt

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what went wrong around the checks; nothing is printed."""
        self._fault = self._fault or _words(excinfo.value)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a module of checks could not be read."""
        if report.failed:
            self._fault = self._fault or str(report.longrepr).strip().split("\n")[-1][:500]

    def _keep(self, name: str, status: Status, reason: Optional[Reason]) -> None:
        self._catch_up(name)
        flags = tuple(Flag(flag.name, cut(flag.found, _MOST_LETTERS)) for flag in self._flags[:_MOST_FLAGS])
        self.rests_on[name] = self._evidence.notes.noted()
        self._add(self._result(name, self._edition.checks[name], status, _cut(reason), flags))

    def _catch_up(self, until: Optional[str]) -> None:
        """What was declared before ``until`` and was not reported is known, or an error of ours."""
        for name in self._order:
            if name == until:
                return
            if name not in self._results and name in self._kept:
                self._add(self._kept[name])
            elif name not in self._results:
                found = "it did not" + (": " + self._fault if self._fault else "")
                reason = Reason("checker-silent", "the check reports", found, "", _OURS)
                self._add(self._result(name, self._edition.checks[name], Status.ERROR, reason))

    def _add(self, result: CheckResult) -> None:
        with interrupts.undisturbed():  # what one report has, the other has
            self._results[result.name] = result
            self._observer.check(result)

    def _result(
        self,
        name: str,
        rule: CheckRule,
        status: Status,
        reason: Optional[Reason],
        flags: Tuple[Flag, ...] = (),
    ) -> CheckResult:
        return CheckResult(
            name=name,
            title=rule.title,
            sentence=rule.sentence,
            known=self._known[name],
            status=status,
            required=rule.required,
            hint=rule.hint,
            points=float(rule.points) if status is Status.PASSED else 0.0,
            points_possible=rule.points,
            reason=reason,
            flags=flags,
        )

    def finish(self, interrupted: bool) -> Iterator[CheckResult]:
        """All declared checks: first those that had their turn, then those that were not run."""
        if not interrupted:
            self._catch_up(None)
        yield from list(self._results.values())
        for name, rule in self._edition.checks.items():
            if name in self._results:
                continue
            reason = Reason("run-interrupted", "a run to its end", "it was interrupted", "", "Run it again.")
            if name in self._left_out:
                reason = self._left_out[name]
            result = self._result(name, rule, Status.NOT_RUN, reason)
            self._observer.check(result)
            yield result


def _outcome(error: Optional[BaseException]) -> Tuple[Status, Optional[Reason]]:
    if error is None:
        return Status.PASSED, None
    if isinstance(error, Outcome):
        return error.status, error.reason
    if isinstance(error, EvidenceError):
        # Only submitted code can make a probe's output malformed.
        return Status.FAILED, Reason(
            "output-disturbed",
            "your code writes only to files that it opened itself, and prints",
            "it wrote between the checker's own lines: {}".format(error),
            "",
            "Remove calls such as os.write(3, ...) and os.close, and what calls preprocess_data or"
            " imports the script a second time in another process.",
        )
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "{}, line {}".format(os.path.basename(last[0].filename), last[0].lineno) if last else ""
    return Status.ERROR, Reason(
        "checker-fault",
        "the check runs",
        _words(error),
        place,
        _OURS,
    )


def _cut(reason: Optional[Reason]) -> Optional[Reason]:
    """The same in texts of a length that people read: submitted code may have said some of it."""
    if reason is None:
        return None
    return replace(reason, **{name: cut(said, _MOST_LETTERS) for name, said in vars(reason).items()})


def _words(error: BaseException) -> str:
    return "{}: {}".format(type(error).__name__, str(error)[:500])


def _name(item: pytest.Item) -> str:
    return item.name[len(checks.PREFIX) :]


def _known(name: str) -> str:
    """Whether a check rests on what submitted code says ("told") or not ("seen"): its docstring says so."""
    function = checks.every()[name]
    return "told" if "told" in (function.__doc__ or _docstring(function)).lower() else "seen"


def _docstring(function: Callable[..., None]) -> str:
    """The docstring of one of our checks where Python itself has dropped it (PYTHONOPTIMIZE=2)."""
    tree = ast.parse(Path(function.__code__.co_filename).read_bytes())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            return ast.get_docstring(node) or "told"
    return "told"
