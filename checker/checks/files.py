"""Files: there, by exactly their names; first line, last byte, mode bits."""

from __future__ import annotations

from checker.editions import Edition
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure
from checker.submission import SubmittedFile

_PROBLEMS = {
    "link": ("it is a link", "Replace it with the file itself:  cp --remove-destination "
             "\"$(readlink -f {name})\" {name}"),
    "folder": ("it is a folder", "Move what is in it, so that {name} is a file."),
    "special": ("it is no regular file (a pipe, a socket or a device)", "Make {name} a plain file."),
    "empty": ("it is empty", "Save your work into it, or run your script so that it is written."),
    "unreadable": ("it cannot be read", "Make it readable:  chmod u+r {name}"),
    "too large": ("it is too large", "Hand in a smaller file: a model saved without its data."),
    "changed": ("it changed while it was read", "Wait until your script is done, then check again."),
}  # fmt: skip


def check_script_file(evidence: Evidence) -> None:
    """The script is a regular file by its exact name, not empty. Seen."""
    _require(evidence.submission.script)


def check_model_file(evidence: Evidence) -> None:
    """The model is a regular file by its exact name, not empty, and no stand-in for one. Seen."""
    file = evidence.submission.model
    _require(file)
    expected = "{}: the model that your script saved".format(file.name)
    if file.head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise Failure(
            expected,
            "a pointer of Git LFS ({} bytes); the model itself is elsewhere".format(file.size),
            file.name,
            "Fetch the model:  git lfs pull",
        )
    start = file.head.lstrip()[:100].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Failure(
            expected,
            "a web page that was saved under this name",
            file.name,
            'Download the file itself (the "raw" or "download" link), not the page that shows it.',
        )


def check_readme_file(evidence: Evidence) -> None:
    """The README is a regular file by its exact name, not empty. Seen."""
    _require(evidence.submission.readme)


def check_shebang(evidence: Evidence, edition: Edition) -> None:
    """The first line is exactly the edition's shebang. Seen."""
    for file in _bound(evidence, edition, "shebang"):
        evidence.need(file, "script_file")
        first, newline, _ = file.head.partition(b"\n")
        expected = edition.shebang.encode()
        if first == expected:
            continue
        advice = "Make the first line exactly:  {}".format(edition.shebang)
        if first.rstrip(b"\r") == expected:
            advice = "The lines end as on Windows (\\r\\n). Convert:  sed -i 's/\\r$//' " + file.name
        elif file.head.startswith(b"\xef\xbb\xbf"):
            advice = "Save it as UTF-8 without a byte order mark (BOM):  sed -i '1s/^\\xef\\xbb\\xbf//' "
            advice += file.name
        elif not first.strip():
            advice = "Delete the blank line before the shebang."
        elif first.strip() == expected:
            advice = "Delete the spaces around the shebang."
        shown = first[:100] + (newline if len(first) <= 100 else b"...")
        raise Failure(repr(expected)[1:], repr(shown)[1:], file.name + ", line 1", advice)


def check_final_newline(evidence: Evidence, edition: Edition) -> None:
    """Each file ends with a new line. Seen."""
    missing = []
    for file in _bound(evidence, edition, "final_newline"):
        data = evidence.need(file, _role(evidence, file) + "_file").read_bytes()
        if not data.endswith(b"\n"):
            missing.append((file.name, data.count(b"\n") + 1, data[-20:]))
    if missing:
        name, line, tail = missing[0]
        names = " ".join(item[0] for item in missing)
        raise Failure(
            "a new line (\\n) at the end of the file",
            "the file ends with {}".format(repr(tail)[1:])
            + ("; so does {}".format(missing[1][0]) if len(missing) > 1 else ""),
            "{}, line {}".format(name, line),
            "Add it:  for f in {}; do echo >> $f; done".format(names)
            if len(missing) > 1
            else "Add it:  echo >> {}".format(name),
        )


def check_executable(evidence: Evidence, edition: Edition) -> None:
    """The mode bits on disk let the owner run the file. Seen."""
    for file in _bound(evidence, edition, "executable"):
        evidence.need(file, "script_file")
        if file.mode & 0o100:
            continue
        expected = "mode -rwxr-xr-x: the owner may execute it"
        found = "mode {:04o}: not executable".format(file.mode)
        if not edition.modes_kept:
            raise Blocked(
                expected,
                "{} here, but this course's uploads lose mode bits".format(found),
                file.name,
                "Nothing to do: the mode is looked at where it survives.",
            )
        if not evidence.submission.modes_known:
            raise Blocked(
                expected,
                "the file system that the folder lies on keeps no mode bits",
                file.name,
                "Check it in a folder of Linux itself, for example in your home folder.",
            )
        raise Failure(
            expected,
            found,
            file.name,
            "chmod +x {0}\nand in git:  git update-index --chmod=+x {0}".format(file.name),
        )


def _bound(evidence: Evidence, edition: Edition, rule: str) -> list[SubmittedFile]:
    names = {file.name for file in edition.files_under(rule)}
    return [file for file in evidence.submission.files if file.name in names]


def _role(evidence: Evidence, file: SubmittedFile) -> str:
    roles = ("script", "model", "readme")
    return next(role for role in roles if getattr(evidence.submission, role) is file)


def _require(file: SubmittedFile) -> None:
    if not file.problem:
        return
    expected = "a file named exactly {}".format(file.name)
    if file.problem != "missing":
        found, advice = _PROBLEMS[file.problem]
        detail = " ({})".format(file.detail) if file.detail else ""
        raise Failure(expected, found + detail, file.name, advice.format(name=file.name))
    found, advice = "no such file in the folder", "Put it there, or check the folder that holds it."
    if file.near:
        found = "no such file; there is {}".format(" and ".join(file.near))
        advice = _rename(file.near[0], file.name)
    raise Failure(expected, found, file.name, advice)


def _rename(near: str, name: str) -> str:
    """How to get from a file that comes close to the one asked for."""
    lower = near.lower()
    if lower.endswith(".keras"):
        return "Save the model under that name:  model.save('{}')".format(name)
    if lower.endswith((".zip", ".gz")):
        return "Unpack it, so that {} itself lies in the folder.".format(name)
    if lower.endswith(".ipynb"):
        return "A notebook is no script. Export it (File, Save as, Python) as {}.".format(name)
    if "\\" in near:
        return "Give it the exact name {}.".format(name)
    quoted = near.replace("'", "'\\''")
    return "Give it the exact name:  mv '{}' {}".format("./" + quoted if near[0] == "-" else quoted, name)
