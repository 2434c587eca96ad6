"""A course edition: files, rules, thresholds, points and limits, read from TOML (data, not code)."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from checker.errors import EditionError
from checker.text import printable
from checker.typed import FieldError, mismatch, structure

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT = "cifar10-transfer-2022"
ASSIGNMENTS = Path(__file__).parent / "assignments"
VENDOR = Path(__file__).parent / "vendor"
RULES = ("shebang", "final_newline", "executable")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?([<>=!~]=?=?[A-Za-z0-9.*+!<>=~,-]+)?"
)
_MAX_BYTES = 10**6
_MOST = 10**6
_LEAST_ERROR, _MOST_ERROR = 1e-12, 0.05


@dataclass(frozen=True)
class Environment:
    """The versions that the course names, and what pip needs to install them."""

    python: str
    tensorflow: str
    numpy: str
    requirements: Tuple[str, ...]

    @property
    def install(self) -> str:
        """The command that makes such an environment in the current folder, without the checker."""
        wanted = " ".join("'{}'".format(item) for item in self.requirements)
        return "python{} -m venv venv && venv/bin/pip install {}".format(self.python, wanted)


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
class OfficialImages:
    """The data set as its authors publish it: a tar archive of pickles.

    ``batch`` is the path of the test images inside it, ``digest`` is what ``datasets.pairs.digest`` gives;
    ``training`` are the paths of the training images, and their digest is that of all of them together.
    """

    archive: str
    sha256: str
    batch: str
    digest: str
    training: Tuple[str, ...] = ()
    training_digest: str = ""


@dataclass(frozen=True)
class Edition:
    """A course edition; ``digest`` is the SHA-256 of the TOML it was read from, ``asked`` what named it.

    ``pending``: names of the flags that a person has to look at before a graded verdict counts.
    ``error_rate``: how often a verdict told from a part of the test set may be wrong.
    """

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
    images: Optional[OfficialImages] = None
    pending: Tuple[str, ...] = ()
    error_rate: float = 1e-6
    digest: str = field(default="")
    asked: str = field(default="")

    @property
    def env_create(self) -> str:
        """The command that makes the edition's environment."""
        words = "checker env create"
        return words if self.asked == DEFAULT else "{} --assignment {}".format(words, shlex.quote(self.asked))

    def files_under(self, rule: str) -> Tuple[FileRule, ...]:
        """Return the files that ``rule`` binds."""
        every = (self.files.script, self.files.model, self.files.readme)
        return tuple(file for file in every if rule in file.rules)


def names() -> List[str]:
    """The editions that ship with the checker."""
    return sorted(path.stem for path in ASSIGNMENTS.glob("*.toml"))


def load(name: str, known_checks: Collection[str]) -> Edition:
    """Read an edition by its name, or by the path of a TOML file.

    Raises EditionError with the file, the key, and what was expected.
    """
    data, digest = read(name)
    path = _path(name)
    try:
        for key in ("digest", "asked"):
            if key in data:
                raise FieldError("{}: unknown key; the checker computes it".format(key))
        edition = structure(Edition, {**data, "digest": digest, "asked": name})
        _validate(edition, known_checks)
    except FieldError as error:
        raise EditionError("{}: {}.".format(path, error)) from error
    return edition


def read(name: str) -> Tuple[Dict[str, Any], str]:
    """Return the tables of an edition, with those of the file that it extends, and a SHA-256 of both files.

    Raises EditionError.
    """
    path = _path(name)
    text = _read(name, path)
    data = _parse(path, text)
    if "extends" not in data:
        return data, hashlib.sha256(text).hexdigest()
    try:
        other = _shared(path, data.pop("extends"))
    except FieldError as error:
        raise EditionError("{}: {}.".format(path, error)) from error
    shared = _read(str(other), other)
    return _merged(_parse(other, shared), data), hashlib.sha256(text + b"\0" + shared).hexdigest()


def _path(name: str) -> Path:
    return Path(name) if name.endswith(".toml") else ASSIGNMENTS / (name + ".toml")


def _parse(path: Path, text: bytes) -> Dict[str, Any]:
    try:
        return tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise EditionError("{}: expected text in UTF-8; {}.".format(path, error.reason)) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no TOMLDecodeError
        raise EditionError("{}: expected TOML; {}.".format(path, str(error).rstrip("."))) from error


def _shared(path: Path, name: object) -> Path:
    """The file that an edition extends: named by its path from the edition's own folder."""
    if not isinstance(name, str) or not name.endswith(".toml") or not (path.parent / name).is_file():
        raise mismatch("extends", "the path of a TOML file, from the folder of this one", name)
    return path.parent / name


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Dict[str, Any]:
    """Both tables in one, in the order of the shared one; where both say something, ``own`` counts."""
    merged = dict(shared)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _read(name: str, path: Path) -> bytes:
    """The bytes of an edition: a regular file of at most a megabyte."""
    found = "it is no regular file, or larger than 1 MB"
    try:
        if os.sep in name and not name.endswith(".toml"):
            raise FileNotFoundError(errno.ENOENT, "a path has to end with .toml")
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES:
            return path.read_bytes()
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
    known = ", ".join(names())
    raise EditionError(
        "--assignment {}: expected the path of a TOML file, or one of: {}; {}.".format(name, known, found)
    )


def _validate(edition: Edition, known_checks: Collection[str]) -> None:
    """Raise FieldError for a value that has the right type and makes no sense."""
    _expect("threshold", edition.threshold, 0 < edition.threshold < 1, "a fraction between 0 and 1")
    rate = edition.error_rate
    _expect("error_rate", rate, _LEAST_ERROR <= rate <= _MOST_ERROR, "a number from 1e-12 to 0.05")
    _expect("classes", edition.classes, 1 < edition.classes <= 256, "2 to 256")
    _expect("test_images", edition.test_images, 0 < edition.test_images <= 10**6, "1 to 1,000,000")
    shape = list(edition.image_shape)
    expected = "height, width, channels: 3 numbers from 1 to 4096"
    _expect("image_shape", shape, len(shape) == 3 and all(0 < side <= 4096 for side in shape), expected)
    for key in ("name", "title", "shebang", "saved_as"):
        _expect_line(key, getattr(edition, key))
    _validate_environment(edition.environment)
    vendored = sorted(path.name.split("-")[1] for path in VENDOR.glob("pycodestyle-*.whl"))
    _expect(
        "pycodestyle", edition.pycodestyle, edition.pycodestyle in vendored, "one of: " + ", ".join(vendored)
    )
    for key in Limits.__dataclass_fields__:
        value = getattr(edition.limits, key)
        _expect("limits." + key, value, 0 < value <= _MOST, "a positive number, at most a million")
    if edition.images is not None:
        _validate_images(edition.images)
    for name in edition.pending:
        known = re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name)
        _expect("pending", name, bool(known), "names of flags, such as preprocess-of-batch")
    _validate_files(edition.files)
    _validate_checks(edition.checks, known_checks)


def _validate_images(images: OfficialImages) -> None:
    url = re.fullmatch(r"https?://[!-~]+", images.archive)
    _expect("images.archive", images.archive, bool(url), "a URL that begins with https:// or http://")
    digests = ("sha256", "digest", "training_digest") if images.training else ("sha256", "digest")
    for key in digests:
        value = getattr(images, key)
        known = re.fullmatch("[0-9a-f]{64}", value)
        _expect("images." + key, value, bool(known), "64 hexadecimal digits, small letters")
    _validate_batch("images.batch", images.batch)
    for place, batch in enumerate(images.training):
        key = "images.training[{}]".format(place)
        _validate_batch(key, batch)
        folder = images.batch.split("/")[0]
        _expect(key, batch, batch.startswith(folder + "/"), "a file in the folder of images.batch")
        others = (images.batch, *images.training[:place])
        _expect(key, batch, batch not in others, "another file than the other batches")


def _validate_batch(key: str, batch: str) -> None:
    parts = batch.split("/")
    inside = len(parts) == 2 and not any(part in ("", ".", "..") for part in parts)
    plain = inside and printable(batch) == batch
    _expect(key, batch, plain, "FOLDER/FILE, as in the archive")


def _validate_environment(environment: Environment) -> None:
    for key in ("python", "tensorflow", "numpy"):
        value = getattr(environment, key)
        _expect("environment." + key, value, bool(_VERSION.fullmatch(value)), "a version such as 3.8")
    wanted, key = environment.requirements, "environment.requirements"
    _expect(key, "none", bool(wanted), "at least one requirement")
    for item in wanted:
        # pip would take what begins with a dash for an option of its own.
        expected = "a requirement such as numpy==1.19.*"
        _expect(key, item, bool(_REQUIREMENT.fullmatch(item)), expected)


def _validate_files(files: Files) -> None:
    names: List[str] = []
    for role in Files.__dataclass_fields__:
        rule, key = getattr(files, role), "files." + role
        plain_name = 0 < len(rule.name) <= 100 and "/" not in rule.name and rule.name[0] not in ".-"
        _expect(key + ".name", rule.name, plain_name and printable(rule.name) == rule.name, "a file's name")
        _expect(key + ".name", rule.name, rule.name not in names, "another name than the other files have")
        names.append(rule.name)
        size = rule.max_megabytes
        _expect(key + ".max_megabytes", size, 0 < size <= _MOST, "a positive number, at most a million")
        for name in rule.rules:
            _expect(key + ".rules", name, name in RULES, "some of: " + ", ".join(RULES))


def _validate_checks(checks: Dict[str, CheckRule], known_checks: Collection[str]) -> None:
    _expect("checks", "none", bool(checks), "at least one check")
    _expect("checks", "none", any(c.required for c in checks.values()), "at least one with required = true")
    for name, check in checks.items():
        key = "checks." + name
        known = "a check that there is, one of: " + ", ".join(sorted(known_checks))
        _expect(key, name, name in known_checks, known)
        _expect_line(key + ".title", check.title)
        _expect_line(key + ".sentence", check.sentence)
        _expect(key + ".points", check.points, 0 <= check.points <= _MOST, "0 or more")
        contradiction = check.hint and (check.required or check.points > 0)
        _expect(key + ".hint", check.hint, not contradiction, "a hint to have no points and required = false")


def _expect_line(key: str, text: str) -> None:
    _expect(key, text, bool(text.strip()) and printable(text) == text, "one line of text")


def _expect(key: str, found: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise mismatch(key, expected, found)
