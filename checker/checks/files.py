"""Files: there, by exactly their names; first line, last byte, mode bits."""

from __future__ import annotations

from checker.editions import Edition
from checker.gather import Evidence
from checker.outcomes import Blocked, Cure, Failure
from checker.submission import ROLES, SubmittedFile

_PROBLEMS = {
    "link": (
        "it is a link to another place, which is not handed in with it",
        Cure("file-link", "Put the file itself here:  cp --remove-destination "
             "\"$(readlink -f {name})\" {name}"),
    ),
    "folder": (
        "it is a folder",
        Cure("file-folder", "Rename the folder, then put the file here:  mv {name} {name}.d"),
    ),
    "special": (
        "it is no regular file (a pipe, a socket or a device)",
        Cure("file-special", "Delete it, then write or copy a plain file:  rm {name}"),
    ),
    "empty": (
        "it is empty",
        Cure("file-empty", "Save your work into it in your editor; a model is written by your script."),
    ),
    "unreadable": (
        "it cannot be read",
        Cure("file-unreadable", "Make it readable:  chmod u+r {name}"),
    ),
    "too large": (
        "it is too large",
        Cure("file-too-large", "Hand in a smaller file: keep data sets and checkpoints out of it."),
    ),
    "changed": (
        "it changed while it was read",
        Cure("file-changed", "Something still writes to it, such as your training. Wait until that is"
             " done, then check again."),
    ),
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
            "model-lfs-pointer",
            expected,
            "a pointer of Git LFS ({} bytes of text); the model itself is elsewhere".format(file.size),
            file.name,
            "Fetch the model:  git lfs pull",
        )
    start = file.head.lstrip()[:100].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Failure(
            "model-web-page",
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
        shown = first[:100] + (newline if len(first) <= 100 else b"...")
        cure = _shebang_cure(file, first, edition.shebang)
        raise Failure(cure.name, repr(expected)[1:], repr(shown)[1:], file.name + ", line 1", cure.advice)


def _shebang_cure(file: SubmittedFile, first: bytes, shebang: str) -> Cure:
    """What is wrong with a first line that is not the shebang."""
    expected = shebang.encode()
    if first.rstrip(b"\r") == expected:
        return Cure(
            "shebang-crlf",
            "The lines end as on Windows (\\r\\n), and Linux takes the \\r for a part of the name."
            "\nConvert the file:  sed -i 's/\\r$//' " + file.name,
        )
    if file.head.startswith(b"\xef\xbb\xbf"):
        return Cure(
            "shebang-bom",
            "Your editor put a byte order mark (BOM) before the first letter. Save the file as"
            " \"UTF-8 without BOM\", or:\nsed -i '1s/^\\xef\\xbb\\xbf//' " + file.name,
        )
    if not first.strip():
        return Cure("shebang-blank-line", "Delete the blank line before the shebang.")
    if first.strip() == expected:
        return Cure("shebang-spaces", "Delete the spaces around the shebang.")
    if first.startswith(b"#!"):
        return Cure("shebang-other", "Replace the first line with exactly:  {}".format(shebang))
    return Cure(
        "shebang-missing",
        "Put it before everything else, the docstring too:  sed -i '1i {}' {}".format(shebang, file.name),
    )


def check_final_newline(evidence: Evidence, edition: Edition) -> None:
    """Each file ends with a new line. Seen."""
    missing = []
    for file in _bound(evidence, edition, "final_newline"):
        data = evidence.need(file, _role(edition, file) + "_file").read_bytes()
        if not data.endswith(b"\n"):
            missing.append((file.name, data.count(b"\n") + 1, data[-20:]))
    if missing:
        name, line, tail = missing[0]
        names = " ".join(item[0] for item in missing)
        raise Failure(
            "final-newline-missing",
            "a new line (\\n) as the last character of the file",
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
                "mode-lost-by-upload",
                expected,
                "{} here, but an upload to this course loses file modes".format(found),
                file.name,
                "Nothing to do here: it is looked at where the mode survives.",
            )
        if not evidence.submission.modes_known:
            raise Blocked(
                "mode-unknown",
                expected,
                "the disk that this folder lies on keeps no file modes (a Windows disk, for example)",
                file.name,
                "Copy the folder to a disk of Linux itself, such as your home folder, and check it there.",
            )
        raise Failure(
            "not-executable",
            expected,
            found,
            file.name,
            "chmod +x {0}\nand for what you push:  git update-index --chmod=+x {0}".format(file.name),
        )


def _bound(evidence: Evidence, edition: Edition, rule: str) -> list[SubmittedFile]:
    """The files that a rule binds, the others not looked at."""
    names = {file.name for file in edition.files_under(rule)}
    roles = [role for role in ROLES if getattr(edition.files, role).name in names]
    return [getattr(evidence.submission, role) for role in roles]


def _role(edition: Edition, file: SubmittedFile) -> str:
    return next(role for role in ROLES if getattr(edition.files, role).name == file.name)


def _require(file: SubmittedFile) -> None:
    if not file.problem:
        return
    expected = "a file named exactly {}".format(file.name)
    if file.problem != "missing":
        found, cure = _PROBLEMS[file.problem]
        detail = " ({})".format(file.detail) if file.detail else ""
        raise Failure(cure.name, expected, found + detail, file.name, cure.advice.format(name=file.name))
    found = "no such file in the folder"
    cure = Cure("file-missing", "Put it there, or name its folder:  checker check FOLDER")
    if file.near:
        found = "no such file; there is {}".format(" and ".join(file.near))
        cure = _rename(file.near[0], file.name)
    raise Failure(cure.name, expected, found, file.name, cure.advice)


def _rename(near: str, name: str) -> Cure:
    """How to get from a file that comes close to the one asked for."""
    lower = near.lower()
    if lower.endswith(".keras"):
        return Cure("file-keras", "Save the model under that name:  model.save('{}')".format(name))
    if lower.endswith((".zip", ".gz")):
        return Cure("file-packed", "Unpack it, so that {} itself lies in the folder.".format(name))
    if lower.endswith(".ipynb"):
        return Cure(
            "file-notebook",
            "A notebook is no script. Export it (File, Save as, Python) as {}.".format(name),
        )
    if "\\" in near:
        return Cure("file-other-name", "Give it the exact name {}.".format(name))
    quoted = near.replace("'", "'\\''")
    return Cure(
        "file-other-name",
        "Give it the exact name:  mv '{}' {}".format("./" + quoted if near[0] == "-" else quoted, name),
    )
