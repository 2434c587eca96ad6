"""A course edition: files, rules, thresholds, points and limits, read from TOML (data, not code)."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Collection, Dict, Tuple

from checker.errors import EditionError
from checker.typed import FieldError, structure

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT = "cifar10-transfer-2022"
ASSIGNMENTS = Path(__file__).parent / "assignments"
RULES = ("shebang", "final_newline", "executable")


@dataclass(frozen=True)
class Environment:
    """The versions that the course names, and the command that installs them."""

    python: str
    tensorflow: str
    numpy: str
    install: str


@dataclass(frozen=True)
class FileRule:
    """One file that has to be handed in, and the rules that bind it."""

    name: str
    max_megabytes: int
    rules: Tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """The three files of a submission."""

    script: FileRule
    model: FileRule
    readme: FileRule


@dataclass(frozen=True)
class Limits:
    """What a submission may take; seconds are of the wall clock, megabytes are 10**6 bytes."""

    source_seconds: float
    tensorflow_seconds: float
    import_seconds: float
    import_cpu_ratio: float
    preprocess_seconds: float
    inspection_seconds: float
    load_seconds: float
    progress_seconds: float
    memory_megabytes: int
    processes: int
    printed_megabytes: int
    scratch_megabytes: int
    array_megabytes: int


@dataclass(frozen=True)
class CheckRule:
    """One check: its words, its points, and whether the assignment cannot be met without it."""

    title: str
    points: int
    sentence: str
    required: bool = False
    quick: bool = False
    hint: bool = False


@dataclass(frozen=True)
class Edition:
    """A course edition; ``digest`` is the SHA-256 of the TOML it was read from."""

    name: str
    title: str
    shebang: str
    allowed_imports: Tuple[str, ...]
    pycodestyle: str
    saved_as: str
    image_shape: Tuple[int, ...]
    classes: int
    threshold: float
    test_images: int
    modes_kept: bool
    environment: Environment
    files: Files
    limits: Limits
    checks: Dict[str, CheckRule]
    digest: str = field(default="")

    def files_under(self, rule: str) -> Tuple[FileRule, ...]:
        """Return the files that ``rule`` binds."""
        every = (self.files.script, self.files.model, self.files.readme)
        return tuple(file for file in every if rule in file.rules)


def load(name: str, known_checks: Collection[str]) -> Edition:
    """Read an edition by its name, or by the path of a TOML file.

    Raises EditionError with the file, the key, and what was expected.
    """
    path = Path(name) if name.endswith(".toml") else ASSIGNMENTS / (name + ".toml")
    try:
        text = path.read_bytes()
    except OSError as error:
        known = ", ".join(sorted(entry.stem for entry in ASSIGNMENTS.glob("*.toml")))
        raise EditionError(
            "{}: no such assignment ({}). Expected the path of a TOML file, or one of: {}".format(
                name, error.strerror, known
            )
        ) from error
    try:
        data = tomllib.loads(text.decode("utf-8"))
        edition = structure(Edition, {**data, "digest": hashlib.sha256(text).hexdigest()})
        _validate(edition, known_checks)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, FieldError) as error:
        raise EditionError("{}: {}".format(path, error)) from error
    return edition


def _validate(edition: Edition, known_checks: Collection[str]) -> None:
    """Raise FieldError for a value that has the right type and makes no sense."""
    _expect("threshold", edition.threshold, 0 < edition.threshold < 1, "a fraction between 0 and 1")
    _expect("classes", edition.classes, edition.classes > 1, "at least 2")
    _expect("test_images", edition.test_images, edition.test_images > 0, "a positive number")
    shape = edition.image_shape
    _expect(
        "image_shape",
        list(shape),
        len(shape) == 3 and min(shape) > 0,
        "height, width, channels: 3 positive numbers",
    )
    for key in Limits.__dataclass_fields__:
        value = getattr(edition.limits, key)
        _expect("limits." + key, value, value > 0, "a positive number")
    for role in Files.__dataclass_fields__:
        rule = getattr(edition.files, role)
        plain_name = bool(rule.name) and "/" not in rule.name and rule.name not in (".", "..")
        _expect("files.{}.name".format(role), rule.name, plain_name, "the name of a file, no path")
        _expect("files.{}.max_megabytes".format(role), rule.max_megabytes, rule.max_megabytes > 0, "> 0")
        for name in rule.rules:
            key = "files.{}.rules".format(role)
            _expect(key, name, name in RULES, "some of: " + ", ".join(RULES))
    _expect("checks", "none", bool(edition.checks), "at least one check")
    for name, check in edition.checks.items():
        key = "checks." + name
        _expect(key, name, name in known_checks, "one of: " + ", ".join(sorted(known_checks)))
        _expect(key + ".points", check.points, check.points >= 0, "0 or more")
        contradiction = check.hint and (check.required or check.points > 0)
        _expect(key + ".hint", check.hint, not contradiction, "no points and not required")


def _expect(key: str, found: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise FieldError("{}: expected {}, found {!r}".format(key, expected, found))
