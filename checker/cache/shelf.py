"""Where the answers of one kind of check on one folder lie, and what makes them of that kind.

The kind is all that an answer rests on and that is no part of the submission: the checker's own files, Python
and packages; the edition; the interpreter and its packages; the images; how many of them are wanted, and in
which order.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Dict, List, Mapping, Optional

from checker import own
from checker.asked import digests
from checker.cache import store
from checker.cache.answers import Answers, Known
from checker.cache.store import Store
from checker.choice import Choice
from checker.datasets import sources
from checker.datasets.sources import Source
from checker.editions import Edition
from checker.options import Options, reads_alone
from checker.submission import Submission
from checker.typed import plain

_CHECKER = Path(__file__).parents[1]


class Shelf:
    """Keeps the answers of one run, until the next one."""

    def __init__(self, kept: Store, key: str) -> None:
        self._store, self._key = kept, key

    def known(self, submission: Submission) -> Optional[Known]:
        """What is known of a submission; None where nothing is."""
        text = self._store.read(self._key)
        answers = None if text is None else Answers.from_text(text)
        return None if answers is None else answers.known(digests(submission))

    def keep(self, answers: Answers) -> None:
        """Keep the answers of a run that came to its end."""
        if not answers.result.interrupted:
            self._store.write(self._key, answers.to_text())


def find(
    options: Options, edition: Edition, choice: Choice, environment: Mapping[str, str]
) -> Optional[Shelf]:
    """The shelf of a check; None where it is to keep nothing, and to be told nothing.

    A part of the checks, and what is asked for beside the verdict, always runs; so does everything where
    what an answer rests on cannot be looked at: the check itself says what is wrong with it.
    """
    extra = options.selected or options.with_main or options.memorised or options.private_images is not None
    path = store.folder(environment)
    if not options.keep or options.grade or extra or path is None:
        return None
    found = () if reads_alone(options, edition) else sources.candidates(options.images, environment, edition)
    if any(source.kind == "download" for source in found):
        return None
    try:
        files, images = _own_files(), [[plain(source), _stamps(source)] for source in found]
    except OSError:
        return None
    kind: Dict[str, object] = {
        "checker": files,
        "own": plain(own.interpreter()),
        "edition": [edition.name, edition.digest],
        "interpreter": [plain(choice.interpreter), choice.named_by],
        "images": images,
        "options": [options.quick, options.exact, options.seed],
        "folder": os.path.realpath(options.folder),
    }
    return Shelf(Store(path), hashlib.sha256(json.dumps(kind).encode()).hexdigest())


def _own_files() -> str:
    """A digest of all that the checker is made of."""
    digest = hashlib.sha256()
    for folder, below, names in os.walk(str(_CHECKER)):
        below[:] = sorted(name for name in below if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(folder, name)
            digest.update(path.encode("utf-8", "surrogateescape") + b"\0")
            with open(path, "rb") as stream:
                digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()


def _stamps(source: Source) -> List[List[int]]:
    """What changes where a source is written to; the checker's own images are among its files.

    The time of the last change cannot be set by hand, and hundreds of megabytes need not be read.
    """
    if source.kind == "embedded":
        return []
    paths = [source.where]
    if source.kind == "folder":
        paths += sorted(os.path.join(source.where, name) for name in os.listdir(source.where))
    return [_stamp(os.stat(path)) for path in paths]


def _stamp(status: os.stat_result) -> List[int]:
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
