"""What is said of a source that cannot be used: what was expected, what was found, what to type next."""

from __future__ import annotations

import posixpath
from typing import Mapping, Sequence

from checker.datasets import download, files
from checker.datasets.files import Refused
from checker.datasets.sources import OPTION, Source, is_there
from checker.datasets.splits import TEST, Split
from checker.errors import ImagesError


def unusable(source: Source, split: Split, refused: Refused, places: Sequence[Source] = ()) -> ImagesError:
    """The message for one source; ``places`` are those that are looked at where none is named."""
    if source.kind == "embedded" and split.name == TEST:
        shape = " x ".join(map(str, split.edition.image_shape))
        words = "this assignment's images are {}, and {}: name yours with --images FILE.npz."
        return ImagesError(words.format(shape, refused))
    if source.named_by and source.kind != "embedded":
        expected, advice = _expected(source, split, str(refused)), _advice(source, split)
        return ImagesError("{}: expected {}; {}.{}".format(source.label, expected, refused, advice))
    found = "{}: {}".format(source.label, refused)
    if split.name == TEST:  # it is passed over, and the next one is tried
        return ImagesError(found)
    where = ", ".join(place.label for place in places)
    looked = " Where nothing is named, they are looked for in {}.".format(where) if where else ""
    return ImagesError("{}. {}{}".format(found, _ways(split), looked))


def nowhere(split: Split, refused: Mapping[Source, Refused]) -> ImagesError:
    """The message where no source is named, and none of those that are looked at can be used."""
    why = ", ".join(
        "{} ({})".format(source.label, error if is_there(source) else "not there")
        for source, error in refused.items()
    )
    looked = "; looked for them in {}".format(why) if why else ""
    return ImagesError("there are no {} images{}. {}".format(split.name, looked, _ways(split)))


def _ways(split: Split) -> str:
    """What to type to name images."""
    arrays = "{} FILE.npz ({})".format(OPTION, _arrays(split))
    official = split.edition.images
    if official is None or not split.batches:
        return "Name yours: {}.".format(arrays)
    name, folder = download.file_name(official), posixpath.dirname(official.batch)
    words = "Type {0} download to fetch {1}, or name yours: {2}, {0} {3} (the folder), or {0} {1}."
    return words.format(OPTION, name, arrays, folder)


def _expected(source: Source, split: Split, found: str) -> str:
    official = split.edition.images
    if official is not None and split.batches:
        folder = posixpath.dirname(official.batch)
        if source.kind == "download":
            return "to fetch " + official.archive
        if source.kind == "folder":
            names = ", ".join(map(posixpath.basename, split.batches))
            file = "file" if len(split.batches) == 1 else "files"
            return "the folder {} of the official data set, with its {} {}".format(folder, file, names)
        if source.kind == "archive":
            name = download.file_name(official)
            return "the official {}, with {} in it".format(name, ", ".join(split.batches))
        if found == files.NO_FILE:
            words = "one of: embedded, download" if split.name == TEST else "download"
            return "an .npz, the folder {}, its .tar.gz, or {}".format(folder, words)
    return "an .npz with " + _arrays(split)


def _arrays(split: Split) -> str:
    shape = ", ".join(map(str, split.edition.image_shape))
    return "{}, uint8 (n, {}), and {}, labels 0 to {} of shape (n,) or (n, 1)".format(
        split.images, shape, split.labels, split.edition.classes - 1
    )


def _advice(source: Source, split: Split) -> str:
    if source.kind != "download" or not split.batches:
        return ""
    return " Try again, or fetch it with a browser and name the file: --images FILE.tar.gz."
