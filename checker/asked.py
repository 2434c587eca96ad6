"""What an answer rests on: the parts of a submission that were looked at on the way to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Optional, Set, Tuple

from checker.submission import ROLES, Submission, SubmittedFile

GIT, MODES = "git", "modes_known"


class Notes:
    """Names of the parts that have been looked at."""

    def __init__(self) -> None:
        self._noted: List[Set[str]] = [set()]

    def note(self, *parts: str) -> None:
        """Note that something rests on these parts."""
        self._noted[-1].update(parts)

    def forget(self) -> None:
        """Begin anew: what is noted from here on is what the next answer rests on."""
        self._noted[-1].clear()

    def noted(self) -> FrozenSet[str]:
        """What has been looked at since."""
        return frozenset(self._noted[-1])

    @contextlib.contextmanager
    def apart(self) -> Iterator[Set[str]]:
        """Collect what is noted inside, which is noted outside as well."""
        inside: Set[str] = set()
        self._noted.append(inside)
        try:
            yield inside
        finally:
            self._noted.pop()
            self.note(*inside)


class Asked:
    """A submission; whoever looks at a part of it has that noted."""

    def __init__(self, submission: Submission, notes: Notes) -> None:
        self._submission, self._notes = submission, notes

    @property
    def script(self) -> SubmittedFile:
        """The script."""
        self._notes.note("script")
        return self._submission.script

    @property
    def model(self) -> SubmittedFile:
        """The model file."""
        self._notes.note("model")
        return self._submission.model

    @property
    def readme(self) -> SubmittedFile:
        """The README."""
        self._notes.note("readme")
        return self._submission.readme

    @property
    def modes_known(self) -> bool:
        """Whether the file system keeps mode bits."""
        self._notes.note(MODES)
        return self._submission.modes_known

    @property
    def git(self) -> Tuple[Optional[Path], str]:
        """The copy of git's index, and the folder's path in its repository."""
        self._notes.note(GIT)
        return self._submission.git_index, self._submission.git_prefix


def digests(submission: Submission) -> Dict[str, str]:
    """A digest of each part, by the name under which it is noted."""
    found: Dict[str, object] = {
        name: [file.name, file.problem, file.near, file.detail, file.size, file.mode, file.sha256]
        for name, file in zip(ROLES, submission.files)
    }
    found[MODES] = submission.modes_known
    index = submission.git_index
    found[GIT] = [hashlib.sha256(index.read_bytes()).hexdigest() if index else "", submission.git_prefix]
    return {name: hashlib.sha256(json.dumps(value).encode()).hexdigest() for name, value in found.items()}
