"""The official archive, fetched when a person asks for it, and kept in that person's cache."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from checker.datasets.files import Refused
from checker.editions import OfficialImages
from checker.progress import Observer
from checker.text import printable

_MAX_BYTES = 10**9
_CHUNK = 2**16
_SECONDS = 30  # without a byte


def kept(official: OfficialImages) -> Path:
    """Where the archive lies once it has been fetched; two editions may name different ones."""
    folder = Path(platformdirs.user_cache_dir("transfer-checker")) / "images" / official.sha256[:16]
    return folder / file_name(official)


def file_name(official: OfficialImages) -> str:
    """The archive's own name."""
    return posixpath.basename(urlsplit(official.archive).path) or "archive"


def fetch(official: OfficialImages, observer: Observer) -> str:
    """Return the archive's path, downloaded where it is not there yet, its checksum verified.

    Raises Refused; what has come until then is removed.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    target, bar = kept(official), _Bar(observer)
    observer.stage("Downloading {}".format(file_name(official)))
    try:
        return str(
            pooch.retrieve(
                official.archive,
                known_hash="sha256:" + official.sha256,
                fname=target.name,
                path=target.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_SECONDS),
            )
        )
    except requests.RequestException as error:
        found = _network(error, bar, requests)
    except OSError as error:
        found = "it cannot be kept in {} ({})".format(
            printable(str(target.parent)), error.strerror or type(error).__name__
        )
    except ValueError:  # how pooch says that the checksum is another
        found = "what came is another file: its SHA-256 is not {}...".format(official.sha256[:12])
        if bar.done < bar.total:
            found = bar.broken()
    raise Refused(found)


class _Bar:
    """What pooch takes for a progress bar; it passes on what it is told."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.total = self.done = 0
        self._full = False

    def update(self, count: int) -> None:
        """So many bytes more have come; at the end pooch fills the bar, whatever came."""
        if self._full:
            return
        self.done += count
        if max(self.done, self.total) > _MAX_BYTES:
            raise Refused("what comes is larger than {:,} MB".format(_MAX_BYTES // 10**6))
        self._observer.download(min(self.done, self.total or self.done), self.total or None)

    def reset(self) -> None:
        """The server has ended; what pooch says from now on is no news."""
        self._full = True

    def close(self) -> None:
        """Nothing more will come."""

    def broken(self) -> str:
        """Words for a connection that ended early."""
        return "the connection broke off after {:.1f} MB".format(self.done / 10**6)


def _network(error: Exception, bar: _Bar, requests: Any) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return "the server answers {} {}".format(response.status_code, printable(response.reason or ""))
    if bar.done:
        return bar.broken()
    if isinstance(error, requests.Timeout):
        return "the server did not answer within {} seconds".format(_SECONDS)
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached (is there a network here?)"
    return "the download failed ({})".format(type(error).__name__)
