"""The download of the official archive, from a server of our own: good, broken, and hostile."""

from __future__ import annotations

import http.server
import io
import resource
import socket
import threading
from pathlib import Path
from typing import Any, Iterator, List, Optional, Tuple

import pytest
from rich.console import Console

from checker import checks, editions
from checker.datasets import choosing, sources
from checker.errors import ImagesError
from checker.progress import Observer
from checker.reports import live
from tests import official_data as data
from tests import program

NAME = "/kriz/cifar-10-python.tar.gz"


class Server(http.server.ThreadingHTTPServer):
    """Gives one archive, in the way that a test wants it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = data.whole()
        self.way = "whole"
        self.asked = 0

    @property
    def url(self) -> str:
        return "http://127.0.0.1:{}{}".format(self.server_port, NAME)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked += 1
        if server.way == "404":
            self.send_error(404)
            return
        self.send_response(200)
        length = 10**12 if server.way == "endless" else len(server.content)
        if server.way != "no length":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        content = server.content
        if server.way == "other":
            content = bytes(len(content))
        if server.way == "breaks off":
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is shown."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without TensorFlow: a check draws its images, and is soon done."""
    return program.bare_python(tmp_path_factory.mktemp("bare") / "venv")


def run(
    scratch: Path, python: Path, edition: Path, *arguments: str, file_size: Optional[int] = None
) -> program.Done:
    """Check a submission, with a cache of its own; no file may grow larger than ``file_size``."""

    def limit() -> None:
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))

    folder = program.submission(scratch / "s")
    variables = {"XDG_CACHE_HOME": str(scratch / "cache"), "NO_PROXY": "*", "no_proxy": "*"}
    named = ["--assignment", str(edition), "--python", str(python), *arguments]
    return program.check(scratch, folder, *named, variables=variables, preexec_fn=limit)


def kept(scratch: Path) -> List[Path]:
    """The files in the cache."""
    return [path for path in (scratch / "cache").rglob("*") if not path.is_dir()]


def edition_for(scratch: Path, server: Server) -> Path:
    return data.edition_file(scratch, server.url, server.content)


def test_it_is_fetched_once_and_found_from_then_on(tmp_path: Path, server: Server, python: Path) -> None:
    edition = edition_for(tmp_path, server)
    done = run(tmp_path, python, edition)
    assert done.result is not None
    assert done.result["images"]["source"] == "embedded"
    assert server.asked == 0  # nobody said so
    done = run(tmp_path, python, edition, "--images", "download")
    assert done.result is not None, done.err
    assert done.result["images"]["digest"] == data.DIGEST
    (path,) = kept(tmp_path)
    assert path.name == "cifar-10-python.tar.gz"
    assert path.read_bytes() == server.content
    assert server.asked == 1
    for arguments in ([], ["--images", "download"]):
        done = run(tmp_path, python, edition, *arguments)
        assert done.result is not None
        assert done.result["images"]["source"] == str(path)
        assert done.err == ""
    assert server.asked == 1


def test_a_kept_archive_that_has_changed_is_passed_over_and_fetched_again_when_asked(
    tmp_path: Path, server: Server, python: Path
) -> None:
    edition = edition_for(tmp_path, server)
    run(tmp_path, python, edition, "--images", "download")
    (path,) = kept(tmp_path)
    path.write_bytes(data.archive({data.BATCH: data.python2()}))
    found = run(tmp_path, python, edition).result
    assert found is not None
    assert found["images"]["source"] == "embedded"
    assert "its SHA-256 is " in found["images"]["passed_over"][0]
    found = run(tmp_path, python, edition, "--images", "download").result
    assert found is not None
    assert found["images"]["source"] == str(path)
    assert server.asked == 2


FAILURES = {
    "404": "the server answers 404 Not Found",
    "other": "what came is another file: its SHA-256 is not",
    "breaks off": "the connection broke off after 1.",
    "endless": "what comes is larger than 1,000 MB",
    "no server": "the server cannot be reached (is there a network here?)",
    "no name": "the server cannot be reached (is there a network here?)",
    "disk full": "it cannot be kept in ",
    "no folder": "it cannot be kept in ",
}


@pytest.mark.parametrize("way", sorted(FAILURES))
def test_what_goes_wrong_is_one_message_and_leaves_nothing(
    tmp_path: Path, server: Server, python: Path, way: str
) -> None:
    server.way = way
    edition = edition_for(tmp_path, server)
    url = server.url
    if way == "no server":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:{}/x.tar.gz".format(free.getsockname()[1])
    if way == "no name":
        url = "http://no-such-host.invalid/x.tar.gz"
    edition.write_text(edition.read_text().replace(server.url, url))
    if way == "no folder":
        (tmp_path / "cache").write_text("a file")
    size = 100_000 if way == "disk full" else None
    done = run(tmp_path, python, edition, "--images", "download", file_size=size)
    assert done.code == 2
    assert done.result is None
    assert done.err.count("\n") == 1
    assert "--images download: expected to fetch {}; {}".format(url, FAILURES[way]) in done.err
    assert "--images FILE.tar.gz" in done.err
    assert kept(tmp_path) == []


def test_nothing_is_parsed_before_its_checksum_is_right(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    edition = editions.load(str(edition_for(tmp_path, server)), checks.every())
    # Were it parsed, it would be the pickle that is complained of.
    server.content = data.archive({data.BATCH: b"cos\nsystem\n."})
    with pytest.raises(ImagesError, match="what came is another file"):
        choosing.load(sources.candidates("download", {}, edition), edition)
    assert kept(tmp_path) == []


def test_training_images_come_out_of_the_same_download(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    server.content = data.training_archive()
    edition = editions.load(str(edition_for(tmp_path, server)), checks.every())
    environment = {"KERAS_HOME": str(tmp_path / "keras")}
    (named,) = choosing.training_sources("download", environment, edition)
    assert (server.asked, kept(tmp_path)) == (0, [])
    spy = Spy()
    found = choosing.training(named, edition, spy)
    (path,) = kept(tmp_path)
    assert (found.digest, found.source) == (data.TRAINING_DIGEST, str(path))
    assert spy.stages == ["Downloading cifar-10-python.tar.gz"]
    assert len(spy.seen) > 5
    (earlier,) = choosing.training_sources(None, environment, edition)
    assert (earlier.where, earlier.why) == (str(path), "it was downloaded earlier")
    assert choosing.training(earlier, edition).digest == data.TRAINING_DIGEST
    assert choosing.load(sources.candidates("download", {}, edition), edition).digest == data.DIGEST
    assert server.asked == 1


def test_a_download_of_training_images_that_fails_says_what_to_type(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    server.way = "404"
    edition = editions.load(str(edition_for(tmp_path, server)), checks.every())
    (named,) = choosing.training_sources("download", {}, edition)
    with pytest.raises(ImagesError) as caught:
        choosing.training(named, edition)
    assert str(caught.value) == (
        "--images download: expected to fetch {}; the server answers 404 Not Found. Try again, or fetch it "
        "with a browser and name the file: --images FILE.tar.gz.".format(server.url)
    )
    assert kept(tmp_path) == []


class Spy(Observer):
    def __init__(self) -> None:
        self.stages: List[str] = []
        self.seen: List[Tuple[int, Optional[int]]] = []

    def stage(self, title: str) -> None:
        self.stages.append(title)

    def download(self, done: int, total: Optional[int]) -> None:
        self.seen.append((done, total))


def test_at_a_terminal_the_megabytes_are_seen(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(live, "_REFRESH", 0.0)
    edition = editions.load(str(edition_for(tmp_path, server)), checks.every())
    screen = io.StringIO()
    display = live.Live(Console(file=screen, force_terminal=True, width=80, _environ={}))
    choosing.load(sources.candidates("download", {}, edition), edition, display)
    display.close()
    assert "Downloading cifar-10-python.tar.gz" in screen.getvalue()
    assert " 1 MB" in screen.getvalue()


@pytest.mark.parametrize("way", ["whole", "no length"])
def test_who_watches_is_told_how_far_it_is(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    server.way = way
    edition = editions.load(str(edition_for(tmp_path, server)), checks.every())
    spy = Spy()
    choosing.load(sources.candidates("download", {}, edition), edition, spy)
    assert spy.stages == ["Downloading cifar-10-python.tar.gz"]
    assert len(spy.seen) > 5
    done = [step[0] for step in spy.seen]
    assert done == sorted(done)
    assert {total for _, total in spy.seen} == {len(server.content) if way == "whole" else None}
    assert abs(done[-1] - len(server.content)) < 2**16
