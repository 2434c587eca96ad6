"""Answers that are kept: those of a fresh check, and only for whoever they were kept by."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from checker import asked, checks, editions, submission
from checker.cache import shelf
from checker.cache.store import MOST, Store
from checker.choice import choose
from checker.options import Options
from fixtures import make
from tests import fixtures_run, program

EDITION = editions.load(editions.DEFAULT, checks.every())
OF_THE_RUN = ("created", "seconds", "kept", "stages")
RECIPES = make.recipes()


def check(scratch: Path, folder: Path, *arguments: str, **more: Any) -> Dict[str, Any]:
    """Check with a cache of this test's own; returns the result."""
    variables = {"CHECKER_CACHE": str(scratch / "kept"), **more.pop("variables", {})}
    done = program.check(scratch, folder, *arguments, variables=variables, **more)
    assert done.result is not None, done.out + done.err
    return done.result


def quick(scratch: Path, folder: Path, *arguments: str, **more: Any) -> Dict[str, Any]:
    return check(scratch, folder, "--quick", *arguments, **more)


def of_the_submission(result: Dict[str, Any]) -> Dict[str, Any]:
    """A result without what differs from run to run."""
    return {key: value for key, value in result.items() if key not in OF_THE_RUN}


def of_any_speed(result: Dict[str, Any]) -> Dict[str, Any]:
    """The same without what depends on how fast the machine is: the engine, how much is compared."""
    accuracy = {k: v for k, v in result["accuracy"].items() if k not in ("images_per_second", "engine")}
    facts = [fact for fact in result["facts"] if fact["name"] != "rebuilt with"]
    return {**of_the_submission(result), "accuracy": accuracy, "facts": facts}


def kept(result: Dict[str, Any]) -> List[str]:
    return [] if result["kept"] is None else list(result["kept"]["checks"])


def ran(result: Dict[str, Any]) -> List[str]:
    """Checks that were run, in this run."""
    known = kept(result)
    return [c["name"] for c in result["checks"] if c["status"] != "not run" and c["name"] not in known]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return program.submission(tmp_path / "submission")


def entries(scratch: Path) -> List[Path]:
    return sorted((scratch / "kept").glob("*.answers"))


def test_an_unchanged_submission_is_answered_without_a_probe(tmp_path: Path, folder: Path) -> None:
    first, second = quick(tmp_path, folder), quick(tmp_path, folder)
    assert first["kept"] is None
    assert [stage["name"] for stage in first["stages"]] == ["source"]
    assert second["stages"] == []
    assert ran(second) == []
    assert second["kept"]["since"] == first["created"]
    assert of_the_submission(second) == of_the_submission(first)


def test_it_is_said_on_every_report(tmp_path: Path, folder: Path) -> None:
    quick(tmp_path, folder)
    for name in ("text", "markdown"):
        variables = {"CHECKER_CACHE": str(tmp_path / "kept")}
        done = program.check(
            tmp_path, folder, "--quick", "--format", name, variables=variables, json_too=False
        )
        assert "nothing that they rest on has changed since" in " ".join(done.out.split())


CHANGES: Dict[str, Callable[[Path], Any]] = {
    "README.md": lambda folder: (folder / "README.md").write_text("# Other\n"),
    "0-transfer.py": lambda folder: (folder / "0-transfer.py").write_text(program.SCRIPT + "\n\nX = 1\n"),
    "cifar10.h5": lambda folder: (folder / "cifar10.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(7)),
    "a mode": lambda folder: (folder / "0-transfer.py").chmod(0o644),
}
# What reading alone looks at in each file; the model's content is for the others.
FED = {
    "README.md": {"readme_file", "final_newline"},
    "cifar10.h5": {"model_file"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_it_feeds_and_gives_what_a_fresh_check_gives(
    tmp_path: Path, folder: Path, change: str
) -> None:
    before = quick(tmp_path, folder)
    CHANGES[change](folder)
    after = quick(tmp_path, folder)
    assert of_the_submission(after) == of_the_submission(quick(tmp_path, folder, "--no-cache"))
    assert after["files"] != before["files"]
    assert after["kept"]["since"] == before["created"]
    if change in FED:
        assert set(ran(after)) == FED[change]
        assert after["stages"] == []
    else:
        assert {"style", "executable"} <= set(ran(after))
        assert "readme_file" in kept(after)
        assert [stage["name"] for stage in after["stages"]] == ["source"]


def test_from_fixture_to_fixture_each_result_is_that_of_a_fresh_check(tmp_path: Path) -> None:
    """One folder becomes each of the submissions that reading decides; little of one fits the next."""
    place, reused = tmp_path / "submission", 0
    for name, recipe in sorted(RECIPES.items()):
        if not recipe.quick or recipe.limits:
            continue
        shutil.rmtree(str(place), ignore_errors=True)
        make.make(name, recipe, place, fixtures_run.PYTHON)
        arguments = ("--assignment", fixtures_run.assignment(recipe))
        found, fresh = quick(tmp_path, place, *arguments), quick(tmp_path, place, *arguments, "--no-cache")
        assert of_the_submission(found) == of_the_submission(fresh), name
        reused += len(kept(found))
    assert reused > 100


@pytest.mark.tensorflow
def test_the_model_is_scored_again_where_it_or_the_script_changed(tmp_path: Path) -> None:
    place = fixtures_run.made("passing", tmp_path / "submission")
    other = fixtures_run.made("falls-short", tmp_path / "other")
    arguments = ("--python", fixtures_run.PYTHON, "--assignment", fixtures_run.assignment(), "--seed", "7")

    def both(stages: List[str]) -> Dict[str, Any]:
        found = check(tmp_path, place, *arguments, timeout=400)
        fresh = check(tmp_path, place, *arguments, "--no-cache", timeout=400)
        assert [stage["name"] for stage in found["stages"]] == stages
        assert of_any_speed(found) == of_any_speed(fresh)
        return found

    model = ["script", "inspection", "model", "weights", "clean"]
    assert both(["source", *model])["exit_code"] == 0
    assert both([])["exit_code"] == 0
    with (place / "README.md").open("a") as stream:
        stream.write("More.\n")
    found = both([])
    assert set(ran(found)) == {"readme_file", "final_newline"}
    assert found["accuracy"]["correct"] > 870
    with (place / "0-transfer.py").open("a") as stream:
        stream.write("# The end.\n")
    assert "model_format" in kept(both(["source", *model]))
    shutil.copy(str(other / "cifar10.h5"), str(place / "cifar10.h5"))
    found = both(["source", *model])  # a low accuracy asks what preprocess_data loads
    assert found["exit_code"] == 1
    assert "style" in kept(found)
    (place / "0-transfer.py").unlink()
    found = check(tmp_path, place, *arguments, timeout=400)
    assert found["accuracy"] is None
    assert not [fact for fact in found["facts"] if fact["name"].startswith(("rebuilt", "application"))]
    assert found["exit_code"] == 1


def test_what_the_machine_may_be_to_blame_for_is_not_kept(tmp_path: Path, folder: Path) -> None:
    bare = str(program.bare_python(tmp_path / "bare"))
    check(tmp_path, folder, "--python", bare)
    again = check(tmp_path, folder, "--python", bare)
    blocked = {c["name"] for c in again["checks"] if c["status"] == "blocked"}
    assert blocked
    assert blocked <= set(ran(again))
    assert "shebang" in kept(again)


def test_every_answer_rests_on_something(tmp_path: Path, folder: Path) -> None:
    quick(tmp_path, folder)
    (entry,) = entries(tmp_path)
    rests = json.loads(entry.read_text().split("\n", 1)[1])["rests"]
    wanted = {name for name, rule in EDITION.checks.items() if rule.quick}
    assert set(rests["checks"]) == wanted
    assert all(set(on) <= set(rests["parts"]) and on for on in rests["checks"].values())


def test_each_part_has_a_digest_that_its_change_changes(tmp_path: Path, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_bytes(b"DIRC")

    def taken(name: str) -> Dict[str, str]:
        (tmp_path / name).mkdir()
        return asked.digests(submission.take(str(folder), EDITION, tmp_path / name))

    before = taken("before")
    assert taken("again") == before
    (folder / "README.md").unlink()
    (folder / ".git" / "index").write_bytes(b"DIRD")
    after = taken("after")
    assert {name for name in before if before[name] != after[name]} == {"readme", "git"}


# Whoever can write there


@pytest.mark.parametrize("damage", ["cut", "flipped", "link", "others may write", "others may write there"])
def test_what_is_not_as_it_was_written_does_not_count(tmp_path: Path, folder: Path, damage: str) -> None:
    quick(tmp_path, folder)
    (entry,) = entries(tmp_path)
    data = entry.read_bytes()
    if damage == "cut":
        entry.write_bytes(data[:-9])
    elif damage == "flipped":
        entry.write_bytes(data.replace(b'"exit_code": 0', b'"exit_code": 1'))
    elif damage == "link":
        entry.rename(tmp_path / "elsewhere")
        entry.symlink_to(tmp_path / "elsewhere")
    elif damage == "others may write":
        entry.chmod(0o666)
    else:
        (tmp_path / "kept").chmod(0o777)
    assert quick(tmp_path, folder)["kept"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file to another user")
@pytest.mark.parametrize("whole", [False, True])
def test_what_another_user_wrote_does_not_count(tmp_path: Path, folder: Path, whole: bool) -> None:
    quick(tmp_path, folder)
    (entry,) = entries(tmp_path)
    os.chown(str(tmp_path / "kept" if whole else entry), 12345, 12345)
    assert quick(tmp_path, folder)["kept"] is None


def test_a_text_that_is_whole_and_no_result_does_not_count(tmp_path: Path, folder: Path) -> None:
    quick(tmp_path, folder)
    (entry,) = entries(tmp_path)
    data = json.loads(entry.read_bytes().split(b"\n", 1)[1])
    changes: List[Dict[str, Any]] = [{"result": {}}, {"rests": []}]
    for change in (*changes, {"result": {**data["result"], "verdict": "fine"}}):
        text = json.dumps({**data, **change}).encode()
        entry.write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        assert quick(tmp_path, folder)["kept"] is None


def test_a_cache_that_cannot_be_is_done_without(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/proc/none"):
        assert quick(tmp_path, folder, variables={"CHECKER_CACHE": str(place)})["exit_code"] == 0


# What is never kept, or makes another kind


def test_no_cache_runs_everything_and_keeps_what_comes_of_it(tmp_path: Path, folder: Path) -> None:
    for _ in range(2):
        found = quick(tmp_path, folder, "--no-cache")
        assert found["kept"] is None
        assert found["stages"]
    assert entries(tmp_path) == []


def test_off_keeps_nothing(tmp_path: Path, folder: Path) -> None:
    variables = {"CHECKER_CACHE": "off"}
    quick(tmp_path, folder, variables=variables)
    assert quick(tmp_path, folder, variables=variables)["kept"] is None
    assert entries(tmp_path) == []


def _found(folder: Path, scratch: Path, edition: editions.Edition = EDITION, **more: Any) -> Any:
    options = Options(str(folder), keep=True, **more)
    return shelf.find(options, edition, choose(None, {}, edition), {"CHECKER_CACHE": str(scratch)})


@pytest.mark.parametrize(
    "asked_for",
    [
        {"grade": True},
        {"selected": ("shebang",)},
        {"with_main": True},
        {"memorised": True},
        {"private_images": "own.npz"},
        {"images": "download"},
    ],
)
def test_what_counts_or_is_asked_for_beside_the_verdict_always_runs(
    tmp_path: Path, folder: Path, asked_for: Dict[str, Any]
) -> None:
    assert _found(folder, tmp_path) is not None
    assert _found(folder, tmp_path, **asked_for) is None


@pytest.mark.parametrize("kind", ["a file", "a link to nothing"])
def test_images_that_cannot_be_looked_at_are_passed_over_as_without_a_cache(
    tmp_path: Path, folder: Path, kind: str
) -> None:
    bare = str(program.bare_python(tmp_path / "bare"))
    home = tmp_path / "keras"
    (home / "datasets").mkdir(parents=True)
    place = home / "datasets" / "cifar-10-batches-py"
    if kind == "a file":
        place.write_text("")
    else:
        place.symlink_to(tmp_path / "nothing")
    found = check(tmp_path, folder, "--python", bare, variables={"KERAS_HOME": str(home)})
    assert found["images"]["source"] == "embedded"
    assert len(found["images"]["passed_over"]) == 1


def test_another_kind_of_check_has_a_shelf_of_its_own(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = tmp_path / "images.npz"
    images.write_bytes(b"PK")
    other = editions.load("cifar10-transfer-2024", checks.every())

    def key(edition: editions.Edition = EDITION, **more: Any) -> str:
        found: str = _found(folder, tmp_path, edition, **more)._key
        return found

    keys = [key(), key(quick=True), key(exact=True), key(seed=1), key(other), key(images=str(images))]
    images.write_bytes(b"PK!")
    keys.append(key(images=str(images)))
    keys.append(_found(program.submission(tmp_path / "other"), tmp_path)._key)
    assert key() == keys[0]
    copied = tmp_path / "checker"
    shutil.copytree(str(program.ROOT / "checker"), str(copied))
    monkeypatch.setattr(shelf, "_CHECKER", copied)
    keys.append(key())
    (copied / "probes" / "source.py").write_text("")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_store_forgets_the_oldest(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for number in range(MOST + 3):
        store.write("{:03}".format(number), "text {}".format(number))
        path = tmp_path / "kept" / "{:03}.answers".format(number)
        os.utime(str(path), (number, number))
    assert len(store.every()) == MOST
    assert store.read("000") is None
    assert store.read("{:03}".format(MOST + 2)) == "text {}".format(MOST + 2)


# The commands


def test_checker_cache_shows_and_clears(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "sub\x1b[31m\nmission")
    variables = {"CHECKER_CACHE": str(tmp_path / "kept")}
    quick(tmp_path, folder)

    def cache(*arguments: str) -> str:
        line = program.checker("cache", *arguments)
        done = program.check(tmp_path, line=line, variables=variables, json_too=False)
        assert done.code == 0, done.err
        return done.out

    shown = cache()
    assert "1 kept" in shown
    assert "(--quick): meets the assignment" in shown
    assert "\x1b" not in shown
    assert shown.count("\n") == 2
    entries(tmp_path)[0].write_bytes(b"junk")
    assert "counts for nothing" in cache()
    assert "1 removed" in cache("--clear")
    assert "0 kept" in cache()
    assert entries(tmp_path) == []
    variables["CHECKER_CACHE"] = "off"
    assert cache() == "Nothing is kept: CHECKER_CACHE is off.\n"


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1e3", "\u0664", "x"])
def test_a_seed_is_a_number_that_numpy_takes(tmp_path: Path, folder: Path, seed: str) -> None:
    assert "--seed: expected a whole number" in program.usage(
        program.check(tmp_path, folder, "--seed=" + seed)
    )


def test_a_seed_is_for_the_desk(tmp_path: Path, folder: Path) -> None:
    said = program.usage(program.check(tmp_path, folder, "--quick", "--seed", "1"))
    assert "this run scores none" in said
    said = program.usage(
        program.check(tmp_path, folder, "--grade", "--seed", "1", "--python", "x", "--images", "y")
    )
    assert "a seed that nobody knows beforehand" in said
