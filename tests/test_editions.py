"""Editions with mistakes: one message with file, key, expected and found, before anything runs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Optional

import pytest

from checker import checks, editions, finder
from checker.errors import EditionError
from tests import program

TEXT = program.edition_text()


def changed(pattern: str, new: str) -> str:
    """The default edition with the first match replaced."""
    text, count = re.subn(pattern, lambda _: new, TEXT, count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    return text


def refused(scratch: Path, text: str) -> str:
    """Load an edition that must be refused; the message without the file's name."""
    path = scratch / "edition.toml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(EditionError) as caught:
        editions.load(str(path), checks.every())
    message = str(caught.value)
    assert message.startswith(str(path) + ": ")
    assert "\n" not in message
    assert message.endswith(".")
    return message[len(str(path)) + 2 :]


MISTAKES = [
    (r"^classes = 10", "classes = ", "expected TOML; Invalid value (at line"),
    (r"^classes = 10", "classes 10", "expected TOML; Expected '=' after a key"),
    (r"^classes = 10", "classes = " + 5000 * "9", "expected TOML; Exceeds the limit"),
    (r"^classes = 10", "classes = 10\nclasses = 9", "expected TOML; Cannot overwrite a value (at line"),
    (r"^classes = 10", "# \udcff", "expected text in UTF-8"),
    (r"^classes = 10", "", "classes: missing key; expected a whole number"),
    (r"^numpy = .*", "", "environment.numpy: missing key; expected text"),
    (r"^shebang = .*", "", "shebang: missing key; expected text"),
    (r"^title = \"0-transfer.*", "", "checks.script_file.title: missing key; expected text"),
    (r"^allowed_imports = .*", "", "allowed_imports: missing key; expected a list"),
    (r"^classes = 10", "classes = 10\nclases = 10", "clases: unknown key; known here are: name, title"),
    (
        r"^python = .*",
        "python = '3.8'\npithon = 1",
        "environment.pithon: unknown key; known here are: python",
    ),
    (r"^classes = 10", "classes = 10\ndigest = 'x'", "digest: unknown key"),
    (r"^classes = 10", "classes = '10'", "classes: expected a whole number, found '10'"),
    (r"^classes = 10", "classes = 10.0", "classes: expected a whole number, found 10.0"),
    (r"^classes = 10", "classes = true", "classes: expected a whole number, found true"),
    (r"^threshold = .*", "threshold = '87 %'", "threshold: expected a number, found '87 %'"),
    (r"^threshold = .*", "threshold = false", "threshold: expected a number, found false"),
    (r"^modes_kept = true", "modes_kept = 1", "modes_kept: expected true or false, found 1"),
    (r"^pycodestyle = .*", "pycodestyle = 2.6", "pycodestyle: expected text, found 2.6"),
    (
        r"^allowed_imports = .*",
        "allowed_imports = 'import x'",
        "allowed_imports: expected a list, found 'impo",
    ),
    (r"^allowed_imports = .*", "allowed_imports = [1]", "allowed_imports[0]: expected text, found 1"),
    (r"^image_shape = .*", "image_shape = 32", "image_shape: expected a list, found 32"),
    (r"^\[limits\]", "[[limits]]", "limits: expected a table, found [{"),
    (r"^rules = \[\]", "rules = {}", "files.model.rules: expected a list, found a table"),
    (r"^threshold = .*", "threshold = 87", "threshold: expected a fraction between 0 and 1, found 87"),
    (r"^threshold = .*", "threshold = nan", "threshold: expected a number, found nan"),
    (r"^error_rate = \S+", "error_rate = 0", "error_rate: expected a number from 1e-12 to 0.05, found 0"),
    (r"^error_rate = \S+", "error_rate = 0.1", "error_rate: expected a number from 1e-12 to 0.05, found 0.1"),
    (r"^error_rate = \S+", "error_rate = '1e-6'", "error_rate: expected a number, found '1e-6'"),
    (r"^classes = 10", "classes = 1", "classes: expected 2 to 256, found 1"),
    (r"^test_images = \d+", "test_images = 0", "test_images: expected 1 to 1,000,000, found 0"),
    (r"^image_shape = .*", "image_shape = [32, 32]", "image_shape: expected height, width, channels"),
    (r"^image_shape = .*", "image_shape = [32, 32, -3]", "image_shape: expected height, width, channels"),
    (r'^archive = ".*"', "archive = 'ftp://x'", "images.archive: expected a URL that begins with https://"),
    (r'^sha256 = ".*"', "sha256 = 'ABC'", "images.sha256: expected 64 hexadecimal digits, small letters"),
    (r'^digest = ".*"', "", "images.digest: missing key; expected text"),
    (r'^batch = ".*"', "batch = '../test_batch'", "images.batch: expected FOLDER/FILE, as in the archive"),
    (r'^training_digest = ".*"', "", "images.training_digest: expected 64 hexadecimal digits, small letters"),
    (
        r"^training = \[",
        "training = ['data_batch_0',",
        "images.training[0]: expected FOLDER/FILE, as in the ar",
    ),
    (
        r"^training = \[",
        "training = ['other/data_batch_0',",
        "images.training[0]: expected a file in the folder ",
    ),
    (
        r'"cifar-10-batches-py/data_batch_2"',
        '"cifar-10-batches-py/data_batch_1"',
        "images.training[1]: expected another file than the other batches",
    ),
    (
        r'"cifar-10-batches-py/data_batch_3"',
        '"cifar-10-batches-py/test_batch"',
        "images.training[2]: expected another file than the other batches",
    ),
    (r"^training = \[", "training = [1,", "images.training[0]: expected text, found 1"),
    (r"^load_seconds = 300", "load_seconds = inf", "limits.load_seconds: expected a number"),
    (r"^load_seconds = 300", "load_seconds = -1", "limits.load_seconds: expected a positive number"),
    (
        r"^processes = 64",
        "processes = 0",
        "limits.processes: expected a positive number, at most a million, ",
    ),
    (r"^shebang = .*", "shebang = ''", "shebang: expected one line of text, found ''"),
    (r"^title = .*", 'title = "a\\u001bb"', "title: expected one line of text, found 'a\\x1bb'"),
    (r"^name = \"README.md\"", "name = '../README.md'", "files.readme.name: expected a file's name, found"),
    (r"^name = \"README.md\"", "name = ''", "files.readme.name: expected a file's name, found ''"),
    (r"^name = \"README.md\"", "name = 'cifar10.h5'", "files.readme.name: expected another name"),
    (r"^max_megabytes = 1500", "max_megabytes = 0", "files.model.max_megabytes: expected a positive number"),
    (r"^rules = \[\]", "rules = ['shebeng']", "files.model.rules: expected some of: shebang, final_newline"),
    (r"^pycodestyle = .*", "pycodestyle = '2.7.0'", "pycodestyle: expected one of: 2.11.1, 2.6.0"),
    (
        r"^\[checks.style\]",
        "[checks.stile]",
        "checks.stile: expected a check that there is, one of: accuracy",
    ),
    (r"^points = 12", "points = -1", "checks.accuracy.points: expected 0 or more, found -1"),
    (r"^points = 12", "points = 1.5", "checks.accuracy.points: expected a whole number, found 1.5"),
    (r"^points = 12", "points = 12\nhint = true", "checks.accuracy.hint: expected a hint to have no points"),
    (r"^points = 12", "points = 12\nhnt = 1", "checks.accuracy.hnt: unknown key; known here are: title"),
]


@pytest.mark.parametrize(("pattern", "new", "words"), MISTAKES, ids=lambda value: str(value)[:30])
def test_a_mistake_is_named_with_key_expected_and_found(
    tmp_path: Path, pattern: str, new: str, words: str
) -> None:
    assert words in refused(tmp_path, changed(pattern, new))


def test_an_edition_without_checks_or_with_none_required_is_refused(tmp_path: Path) -> None:
    assert "checks: missing key; expected a table" in refused(tmp_path, TEXT[: TEXT.index("[checks.")])
    assert "at least one with required = true" in refused(tmp_path, TEXT.replace("required = true\n", ""))


def test_values_too_deep_or_too_long_to_read_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "name = " + "[" * 50_000)
    path = tmp_path / "edition.toml"
    path.write_text(TEXT + "#" * 10**6)
    with pytest.raises(EditionError, match="larger than 1 MB"):
        editions.load(str(path), checks.every())


@pytest.mark.parametrize(
    ("pattern", "new", "words"),
    [
        (r"^classes = 10", "classes = ", "expected TOML"),
        (r"^classes = 10", "classes = true", "classes: expected a whole number, found true"),
        (r"^\[checks.style\]", "[checks.stile]", "checks.stile: expected a check that there is"),
        (r"^title = .*", 'title = "a\\u001bb"', "title: expected one line of text"),
    ],
)
def test_through_the_program_it_is_a_usage_error(tmp_path: Path, pattern: str, new: str, words: str) -> None:
    path = tmp_path / "my edition.toml"
    path.write_text(changed(pattern, new))
    said = program.usage(program.check(tmp_path, "--quick", "--assignment", path, tmp_path))
    assert said.startswith("checker: {}: ".format(path))
    assert words in said


@pytest.mark.parametrize("kind", ["unknown name", "path", "missing", "folder", "fifo", "odd name"])
def test_what_is_no_edition_is_a_usage_error(tmp_path: Path, kind: str) -> None:
    name: Optional[str] = {"unknown name": "cifar-2021", "path": "../assignments/x"}.get(kind)
    path = tmp_path / "x.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(str(path))
    elif kind == "odd name":
        path = tmp_path / "\x1b[2J.toml"
    said = program.usage(program.check(tmp_path, "--quick", "--assignment", name or path, tmp_path))
    assert "expected the path of a TOML file, or one of: " + editions.DEFAULT in said
    assert "\x1b" not in said


def test_another_edition_is_obeyed(tmp_path: Path) -> None:
    text = TEXT.replace('"README.md"', '"LIESMICH"').replace("points = 2\n", "points = 7\n")
    (tmp_path / "other.toml").write_text(text)
    folder = program.submission(tmp_path / "s")
    (folder / "README.md").rename(folder / "LIESMICH")
    done = program.check(tmp_path, "--quick", "--assignment", tmp_path / "other.toml", folder)
    assert done.code == 0
    assert done.check("readme_file")["points"] == 7


def test_what_an_edition_extends_counts_where_it_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text(changed(r"^threshold = .*", "threshold = 0.5"))
    path = tmp_path / "own.toml"
    path.write_text('extends = "shared.toml"\nclasses = 12\n[checks.style]\npoints = 9\n')
    edition = editions.load(str(path), checks.every())
    default = editions.load(editions.DEFAULT, checks.every())
    assert (edition.threshold, edition.classes) == (0.5, 12)
    assert (edition.checks["style"].points, edition.checks["style"].title) == (
        9,
        default.checks["style"].title,
    )
    assert list(edition.checks) == list(default.checks)
    assert edition.digest != default.digest


def test_the_error_rate_is_one_in_a_million_unless_set(tmp_path: Path) -> None:
    path = tmp_path / "edition.toml"
    for new, wanted in (("", 1e-6), ("error_rate = 0.001", 0.001)):
        path.write_text(changed(r"^error_rate = .*", new))
        assert editions.load(str(path), checks.every()).error_rate == wanted


@pytest.mark.parametrize("found", ["1", '"missing.toml"', '"/etc"'])
def test_an_edition_that_extends_nothing_is_refused(found: str, tmp_path: Path) -> None:
    said = refused(tmp_path, "extends = {}\n".format(found) + TEXT)
    assert said.startswith("extends: expected the path of a TOML file")


def test_both_editions_of_the_course_differ_in_what_the_course_changed() -> None:
    old, new = (editions.read("cifar10-transfer-{}".format(year))[0] for year in (2022, 2024))
    assert {key for key in old if old[key] != new[key]} == {
        "name", "title", "allowed_imports", "pycodestyle", "environment", "checks",
    }  # fmt: skip
    assert {key for key in old["checks"] if old["checks"][key] != new["checks"][key]} == {"style", "imports"}
    assert sum(check["points"] for check in new["checks"].values()) == 100


def test_the_course_of_2024_takes_its_own_import(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    script = folder / "0-transfer.py"
    arguments = ("--quick", "--assignment", "cifar10-transfer-2024", folder)
    assert program.check(tmp_path, *arguments).said("imports").count("from tensorflow import keras as K")
    script.write_text(
        script.read_text().replace("import tensorflow.keras as K", "from tensorflow import keras as K")
    )
    done = program.check(tmp_path, *arguments)
    assert done.code == 0
    assert done.result is not None
    assert any("pycodestyle 2.11.1" in fact["value"] for fact in done.result["facts"])


def test_the_old_pycodestyle_never_runs_on_a_python_that_it_misreads(tmp_path: Path) -> None:
    every = [*finder.find("3.12", os.environ), *finder.find("3.13", os.environ)]
    if not every:
        pytest.skip("needs Python 3.12 or 3.13, and neither was found")
    folder = program.submission(tmp_path / "s")
    script = folder / "0-transfer.py"
    # 2.6.0 finds E231 in the format of this f-string on 3.12.
    script.write_text(script.read_text() + "    X = 'a'\n    print(f'{X:>9}{X!r:4}')\n")
    done = program.check(tmp_path, "--quick", "--python", every[0].executable, folder)
    assert done.check("style")["status"] == "passed"
    assert done.result is not None
    assert any("pycodestyle 2.11.1" in fact["value"] for fact in done.result["facts"])


def test_an_edition_may_do_without_a_check_that_others_wait_for(tmp_path: Path) -> None:
    text = re.sub(r"(?s)\[checks\.script_file\].*?(?=\[checks\.)", "", program.edition_text())
    (tmp_path / "edition.toml").write_text(text)
    folder = program.submission(tmp_path / "s")
    (folder / "0-transfer.py").unlink()
    done = program.check(tmp_path, "--quick", "--assignment", tmp_path / "edition.toml", folder)
    assert done.check("style")["status"] == "blocked"
    assert "Mend what is expected" in done.said("style")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("    match X:\n        case _:\n            pass\n", "failed"),
        ("    with (open(X)):\n        pass\n", "passed"),
    ],
)
def test_syntax_newer_than_the_courses_python_is_told_anywhere(
    tmp_path: Path, lines: str, status: str
) -> None:
    every = finder.find("3.12", os.environ)
    if not every:
        pytest.skip("needs Python 3.12, and it was not found")
    folder = program.submission(tmp_path / "s")
    script = folder / "0-transfer.py"
    old = "    X_p = "
    script.write_text(script.read_text().replace(old, lines + old))
    done = program.check(tmp_path, "--quick", "--python", every[0].executable, folder)
    assert done.check("documentation")["status"] == status
    if status == "failed":
        assert "Python 3.8 can read" in done.said("documentation")
        assert "only supported in Python 3.10" in done.said("documentation")


def test_the_rules_can_be_read_without_us(tmp_path: Path) -> None:
    line = program.command()[:-1]
    listed = program.check(tmp_path, "assignments", line=line, json_too=False)
    assert (listed.code, listed.err) == (0, "")
    assert [row.split()[0] for row in listed.out.splitlines()] == editions.names()
    for name in editions.names():
        shown = program.check(tmp_path, "assignments", name, line=line, json_too=False)
        assert (shown.code, shown.err) == (0, "")
        words = " ".join(shown.out.split())
        for check in editions.load(name, checks.every()).checks.values():
            assert check.title in words
            assert check.sentence in words
        assert words.endswith("all together 100 points")
        assert max(map(len, shown.out.splitlines())) <= 80
    wrong = program.check(tmp_path, "assignments", "1999", line=line, json_too=False)
    assert "1999: expected the path of a TOML file, or one of:" in program.usage(wrong)
