"""What a check would find on this machine: looked at and tried, with the command that repairs it."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from checker import (
    checks,
    choice,
    editions,
    environments,
    finder,
    machine,
    run,
)
from checker.choice import Choice
from checker.datasets import choosing
from checker.editions import Edition
from checker.errors import ImagesError, ToolError
from checker.interpreters import Interpreter
from checker.machine import Ceiling, Machine
from checker.outcomes import ExitCode
from checker.progress import Observer
from checker.sandbox import Isolation, Limits, Sandbox
from checker.sandbox.channel import Receiver
from checker.text import printable

OK, WARNING, MISSING = "ok", "warning", "missing"
# What predicting 1,000 images at 224 pixels takes, TensorFlow and the images included.
_MEMORY = 2_000_000_000
_PIXELS = 224 * 224 * 3 * 4  # bytes of one image at the size that the applications were trained for
_PROCESSES = 200  # TensorFlow starts a few threads for each core, and they count here
_EMBEDDED = 1000
_BEHIND = {"bubblewrap": "behind bubblewrap", "landlock": "behind Landlock", "limits": "under limits alone"}


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    assignment: str = editions.DEFAULT
    python: Optional[str] = None
    images: Optional[str] = None


@dataclass(frozen=True)
class Finding:
    """One thing that a check needs. ``status``: "ok", "warning" or "missing" (nothing is decided then).

    ``found`` and ``repair`` may have several lines; ``repair`` is a command, or "" where there is none.
    """

    name: str
    status: str
    found: str
    repair: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, and what a check would do here."""

    title: str
    findings: Tuple[Finding, ...]
    would: str

    @property
    def exit_code(self) -> ExitCode:
        """0 where a check can decide here."""
        missing = any(item.status == MISSING for item in self.findings)
        return ExitCode.UNDECIDED if missing else ExitCode.MEETS


@dataclass(frozen=True)
class _Trial:
    """What a real probe said; ``problem`` is what kept it or TensorFlow from running."""

    problem: str = ""
    seconds: float = 0.0


def diagnose(options: Options, environment: Mapping[str, str], observer: Observer) -> Diagnosis:
    """Look, try and say. Raises UsageError for a name that cannot be used, ToolError without a disk."""
    edition = editions.load(options.assignment, checks.every())
    observer.stage("Looking for interpreters")
    chosen = choice.choose(options.python, environment, edition)
    others = choice.every(environment)
    with run.workspace(observer) as workspace:
        here = machine.look()
        observer.stage("Trying the sandbox")
        box = Sandbox(chosen.interpreter, workspace)
        observer.stage("Importing TensorFlow in the sandbox")
        trial = _try(box, chosen.interpreter, edition, observer)
    images, count, of_images = _images(options.images, environment, edition)
    findings = [
        _interpreter(chosen, edition, others, options, environment),
        _tensorflow(chosen.interpreter, trial, options),
        _others(chosen.interpreter, others),
        _isolation(box.isolation, here),
        images,
        *_limits(edition, here, count),
        _network(here),
    ]
    shown = tuple(item for item in findings if item is not None)
    return Diagnosis(edition.title, shown, _would(shown, chosen.interpreter, box.isolation, of_images))


def _try(box: Sandbox, interpreter: Interpreter, edition: Edition, observer: Observer) -> _Trial:
    """Run a probe as a check does."""
    given = edition.limits
    limits = Limits(
        seconds=given.tensorflow_seconds,
        memory=given.memory_megabytes * 10**6,
        processes=given.processes,
        printed=given.printed_megabytes * 10**6,
        scratch=given.scratch_megabytes * 10**6,
    )
    receiver = Receiver(0)
    settings = {"tensorflow": interpreter.has_tensorflow}
    try:
        done = box.run("doctor", settings, {}, limits, receiver, observer.tick)
    except ToolError as error:
        return _Trial(str(error))
    raised = (receiver.last("tensorflow_raised") or {}).get("error")
    if isinstance(raised, dict):
        return _Trial("{}: {}".format(raised.get("type"), raised.get("message")))
    expected = "tensorflow" if interpreter.has_tensorflow else "python"
    if done.ending == "finished" and receiver.last(expected) is not None:
        return _Trial(seconds=done.seconds)
    words = done.errors.decode("utf-8", "replace").strip().splitlines()
    return _Trial("; ".join([done.detail or done.ending, *words[-1:]]))


def _interpreter(
    chosen: Choice,
    edition: Edition,
    others: Sequence[Interpreter],
    options: Options,
    environment: Mapping[str, str],
) -> Finding:
    """The one that a check takes, against the edition's."""
    one = chosen.interpreter
    lines = [_versions(one), one.executable, "taken because of: " + chosen.named_by]
    differing = choice.differences(one, edition)
    if one.has_tensorflow and not differing:
        return Finding("interpreter", OK, "\n".join(lines))
    repair = _get(edition, others, options, environment)
    if not one.has_tensorflow:
        lines.append("it has no TensorFlow, so nothing of the model can be checked")
        return Finding("interpreter", MISSING, "\n".join(lines), repair)
    return Finding("interpreter", WARNING, "\n".join([*lines, *differing]), repair)


def _get(
    edition: Edition, others: Sequence[Interpreter], options: Options, environment: Mapping[str, str]
) -> str:
    """The command that gives a check the course's own versions."""
    for one in others:
        if one.has_tensorflow and not choice.differences(one, edition):
            return "export CHECKER_PYTHON=" + shlex.quote(one.executable)
    create = "checker env create" + _assignment(options)
    if environments.base(edition.environment.python, environment):
        return create
    return "{} && {}".format(finder.how_to_get(edition.environment.python, environment), create)


def _tensorflow(interpreter: Interpreter, trial: _Trial, options: Options) -> Optional[Finding]:
    """Whether it can be imported where a submission runs."""
    if not trial.problem:
        words = "imported in the sandbox, {:.1f} seconds".format(trial.seconds)
        return Finding("TensorFlow", OK, words) if interpreter.has_tensorflow else None
    if interpreter.has_tensorflow:
        repair = "checker env create --force" + _assignment(options)
        return Finding("TensorFlow", MISSING, "it cannot be imported here: " + trial.problem, repair)
    return Finding("trial run", MISSING, "nothing can be run in the sandbox: " + trial.problem)


def _others(chosen: Interpreter, others: Sequence[Interpreter]) -> Finding:
    lines: List[str] = []
    for words, has in (("with TensorFlow:", True), ("without TensorFlow:", False)):
        found = [one for one in others if one.has_tensorflow is has and one.executable != chosen.executable]
        lines += [words] if found else []
        for one in found:
            release = ", " + one.versions["tensorflow"] if has else ""
            lines.append("  {}{}: {}".format(one.python, release, one.executable))
    return Finding("others here", OK, "\n".join(lines) or "no other Python 3.8 or later was found")


def _isolation(isolation: Isolation, here: Machine) -> Finding:
    """The walls, by trial; without them a check goes on."""
    if isolation.level == "bubblewrap":
        words = "bubblewrap: it was tried and works"
        return Finding("isolation", WARNING if isolation.detail else OK, _with(words, isolation.detail))
    if isolation.level == "landlock":
        words = "Landlock with a filter of system calls: it was tried and works; bubblewrap promises more"
        words = _with(words, isolation.detail)
    else:
        words = "limits alone, no walls: {}".format(isolation.detail)
        words += "\na submission can read your files, use your network and forge a verdict; check only what"
        words += " you would run"
    if here.system != "Linux":
        return Finding("isolation", WARNING, words)
    if not shutil.which("bwrap"):
        manager = here.installer
        repair = here.as_root(manager + " bubblewrap") if manager else ""
        words += "" if manager else "\ninstall the package bubblewrap with your system's own installer"
        return Finding("isolation", WARNING, words, repair)
    more, repair = _no_namespaces(here)
    return Finding("isolation", WARNING, words + more, repair)


def _with(words: str, detail: str) -> str:
    return "{}: {}".format(words, detail) if detail else words


def _no_namespaces(here: Machine) -> Tuple[str, str]:
    """Why bubblewrap, which is there, may not work, as far as the kernel says; and what changes it."""
    if not here.root and machine.kernel_setting("kernel.unprivileged_userns_clone") == "0":
        return _forbidden(here, "kernel.unprivileged_userns_clone", "1")
    if machine.kernel_setting("user.max_user_namespaces") in ("0", "1"):
        return _forbidden(here, "user.max_user_namespaces", "15000")
    if here.container:
        words = (
            "\nthis looks like a container, and most forbid it; on your own machine they can be started with"
        )
        options = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
        return words, "docker run {} IMAGE".format(options)
    if not here.root and machine.kernel_setting("kernel.apparmor_restrict_unprivileged_userns") == "1":
        return _forbidden(here, "kernel.apparmor_restrict_unprivileged_userns", "0")
    return "\nwhat forbids it is not known; the checker goes on without it", ""


def _forbidden(here: Machine, setting: str, value: str) -> Tuple[str, str]:
    words = "\nthis system lets no ordinary program make walls ({} = {}); this lasts until the next start:"
    found = machine.kernel_setting(setting)
    return words.format(setting, found), here.as_root("sysctl -w {}={}".format(setting, value))


def _images(
    named: Optional[str], environment: Mapping[str, str], edition: Edition
) -> Tuple[Finding, int, str]:
    """Where images come from, how many there are, and the words for them."""
    try:
        chosen = choosing.choose(named, environment, edition)
    except ImagesError as error:
        return Finding("images", MISSING, str(error)), 0, ""
    source = chosen.source
    if source.kind == "embedded":
        found = "{:,} CIFAR-10 test images that ship with the checker; a close case needs all {:,}:".format(
            _EMBEDDED, edition.test_images
        )
        found += (
            "\nchecker check --images download" if edition.images else "\nchecker check --images FILE.npz"
        )
        count, words = _EMBEDDED, "on {:,} images".format(_EMBEDDED)
    else:
        found = "{} ({})".format(printable(source.where), source.why)
        count, words = edition.test_images, "on the images of {}".format(printable(source.where))
    passed_over = ["passed over " + printable(words) for words in chosen.passed_over]
    status = WARNING if passed_over else OK
    repair = "checker check --images download" if passed_over and edition.images else ""
    return Finding("images", status, "\n".join([found, *passed_over]), repair), count, words


def _limits(edition: Edition, here: Machine, count: int) -> List[Finding]:
    """The edition's limits, and where the machine has less to give."""
    given = edition.limits
    return [
        Finding(
            "time",
            OK,
            "{} core{}; the edition gives {:g} s to load the model, and {:g} s to the next batch".format(
                here.cores, "" if here.cores == 1 else "s", given.load_seconds, given.progress_seconds
            ),
        ),
        _bound("memory", given.memory_megabytes * 10**6, here.memory, _MEMORY, _megabytes),
        _disk(edition, here, count),
        *_file_size(edition, here, count),
        _bound("processes", given.processes, here.processes, _PROCESSES, "{:,}".format),
    ]


def _file_size(edition: Edition, here: Machine, count: int) -> List[Finding]:
    """Rarely bound, and said only then."""
    given = edition.limits.scratch_megabytes * 10**6
    finding = _bound("file size", given, here.file_size, count * _PIXELS, _megabytes)
    return [finding] if here.file_size else []


def _bound(
    name: str, given: int, ceilings: Sequence[Ceiling], needed: int, show: Callable[[int], str]
) -> Finding:
    """One limit: the edition's, and the lowest of the machine's where it binds."""
    text = "the edition gives {}".format(show(given))
    lowest = min(ceilings, key=lambda one: one.value, default=None)
    if lowest is None or lowest.value >= max(given, needed):
        return Finding(name, OK, text)
    status = OK
    if lowest.value < given:
        text += "; this machine binds first: {} ({})".format(show(lowest.value), lowest.by)
    if lowest.value < needed:
        status = WARNING
        text += "\na check needs about {}; this machine gives {} ({})".format(
            show(needed), show(lowest.value), lowest.by
        )
    return Finding(name, status, text)


def _disk(edition: Edition, here: Machine, count: int) -> Finding:
    needed = edition.limits.scratch_megabytes * 10**6 + count * _PIXELS
    text = "{} free in {}; {:,} images at 224 pixels need up to {}".format(
        _megabytes(here.disk_free), here.temporary, count, _megabytes(needed)
    )
    if here.disk_free >= needed:
        return Finding("disk", OK, text)
    return Finding("disk", WARNING, text, "export TMPDIR=/a/folder/with/more/space")


def _network(here: Machine) -> Finding:
    if here.network:
        return Finding(
            "network", OK, "there is one; a check does not use it, a submission gets none behind walls"
        )
    return Finding("network", OK, "there is none; a check needs none, installing or downloading does")


def _would(
    findings: Sequence[Finding], interpreter: Interpreter, isolation: Isolation, of_images: str
) -> str:
    """What a check would do here, in a sentence or two."""
    missing = [item.name for item in findings if item.status == MISSING]
    if not missing:
        return "A check here runs your script in Python {} with TensorFlow {}, {}, {}.".format(
            interpreter.python,
            interpreter.versions["tensorflow"],
            _BEHIND[isolation.level],
            of_images,
        )
    if "images" in missing:
        return "A check here ends at once: the images that are named cannot be used."
    return (
        "A check here reads your files and their style, and then stops: the model stays undecided until what"
        " is missing is repaired ({}).".format(", ".join(missing))
    )


def _versions(one: Interpreter) -> str:
    words = "Python {}".format(one.python)
    if not one.has_tensorflow:
        return words + ", no TensorFlow"
    return "{}, TensorFlow {}, NumPy {}".format(
        words, one.versions["tensorflow"], one.versions.get("numpy") or "none"
    )


def _assignment(options: Options) -> str:
    default = options.assignment == editions.DEFAULT
    return "" if default else " --assignment " + shlex.quote(options.assignment)


def _megabytes(count: int) -> str:
    return "{:,.0f} MB".format(count / 1e6)
