"""Downloads against a server of our own: broken off, changed, without ranges, with a wrong hash."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from suffice.core import ModelError, StorageError, UsageError
from suffice.weights.catalogue import Checkpoint, catalogue, checkpoint_named, require_accepted
from suffice.weights.fetching import fetch
from suffice.weights.unpacking import unpack

CONTENT = bytes(range(256)) * 800
HASH = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Publisher:
    """What a server has, how it behaves, and what it was asked."""

    content: bytes = CONTENT
    version: str = '"v1"'
    has_ranges: bool = True
    breaks_after: int | None = None
    moved_to: str = ""
    address: str = ""
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    state = Publisher()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            self.close_connection = True
            if state.moved_to:
                self.send_response(302)
                self.send_header("Location", state.moved_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first = 0
            if wanted and state.has_ranges and self.headers.get("If-Range") == state.version:
                first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if first and first >= len(state.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.content[first:]
            self.send_response(206 if first else 200)
            if first:
                total = len(state.content)
                self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
            self.send_header("ETag", state.version)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.breaks_after])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}/weights.pth"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def broken_off(publisher: Publisher, path: Path, **options: str) -> None:
    publisher.breaks_after = 70_000
    with pytest.raises(ModelError, match=r"cannot be fetched.*goes on where it broke off"):
        fetch(publisher.address, path, **options)
    assert not path.exists()
    publisher.breaks_after = None


def test_a_file_is_fetched_once(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.pth"
    fetched = fetch(publisher.address, path, sha256=HASH.upper())
    assert path.read_bytes() == CONTENT
    assert (fetched.sha256, fetched.is_known, fetched.is_new) == (HASH, True, True)
    assert not fetch(publisher.address, path, sha256=HASH[:8]).is_new
    assert len(publisher.asked) == 1
    assert sorted(p.name for p in path.parent.iterdir()) == ["weights.pth", "weights.pth.sha256"]


def test_what_broke_off_goes_on(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    broken_off(publisher, path, sha256=HASH)
    fetch(publisher.address, path, sha256=HASH)
    assert path.read_bytes() == CONTENT
    assert publisher.asked == [None, "bytes=70000-"]


def test_without_ranges_it_begins_anew(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    publisher.has_ranges = False
    broken_off(publisher, path)
    fetch(publisher.address, path, sha256=HASH)
    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_begins_anew(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    broken_off(publisher, path)
    publisher.content, publisher.version = CONTENT[::-1], '"v2"'
    fetch(publisher.address, path)
    assert path.read_bytes() == CONTENT[::-1]


def test_killed_before_the_rename(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    broken_off(publisher, path)
    with (tmp_path / "weights.pth.part").open("wb") as handle:
        handle.write(CONTENT)
    fetch(publisher.address, path, sha256=HASH)
    assert path.read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_nothing_is_left(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match=r"not the file that was published.*expected 00ff"):
        fetch(publisher.address, path, sha256="00ff")
    assert list(tmp_path.iterdir()) == []


def test_the_whole_hash_of_a_download_counts_where_first_digits_are_published(
    publisher: Publisher, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    fetch(publisher.address, path, sha256=HASH[:1])
    others = (f"other {i}".encode() for i in range(1000))
    alike = next(c for c in others if hashlib.sha256(c).hexdigest().startswith(HASH[:1]))
    path.write_bytes(alike)
    with pytest.raises(ModelError, match=r"not the file that was published"):
        fetch(publisher.address, path, sha256=HASH[:1])


def test_a_first_download_is_remembered(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    assert not fetch(publisher.address, path).is_known
    path.unlink()
    publisher.content = CONTENT[::-1]
    with pytest.raises(ModelError, match="not the file that was published"):
        fetch(publisher.address, path)
    path.write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"Delete '.*weights\.pth'"):
        fetch(publisher.address, path)


def test_other_protocols_are_refused(publisher: Publisher, tmp_path: Path) -> None:
    for address in ("http://example.org/w.pth", "file:///etc/passwd", "ftp://example.org/w"):
        with pytest.raises(UsageError, match="https alone"):
            fetch(address, tmp_path / "w.pth")
    publisher.moved_to = "http://example.org/w.pth"
    with pytest.raises(UsageError, match="https alone"):
        fetch(publisher.address, tmp_path / "w.pth")


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be fetched"):
        fetch("http://127.0.0.1:9/w.pth", tmp_path / "w.pth")


def test_the_catalogue_is_sound() -> None:
    names = [checkpoint.name for checkpoint in catalogue()]
    assert len(names) == len(set(names)) >= 10
    for checkpoint in catalogue():
        assert checkpoint.address.startswith("https://")
        assert checkpoint.licence
        assert checkpoint.use in ("init", "convert", "page")
        assert set(checkpoint.sha256) <= set("0123456789abcdef")


def test_a_licence_must_be_accepted_by_its_name() -> None:
    checkpoint = Checkpoint(
        name="a", task="", modality="CT", licence="CC-BY-4.0; more", address="", use="init"
    )
    with pytest.raises(UsageError, match=r"not accepted.*--accept 'CC-BY-4\.0'"):
        require_accepted(checkpoint, "")
    with pytest.raises(UsageError, match="not accepted"):
        require_accepted(checkpoint, "MIT")
    require_accepted(checkpoint, "cc-by-4.0")
    with pytest.raises(UsageError, match="no such checkpoint"):
        checkpoint_named("b", (checkpoint,))


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt"])
def test_an_archive_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("model/plans.json", "{}")
        opened.writestr(name, "x")
    with pytest.raises(ModelError, match="leads out of its folder"):
        unpack(archive, tmp_path / "model")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.zip"]


def test_an_archive_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("trainer/plans.json", "{}")
    assert (unpack(archive, tmp_path / "model") / "trainer" / "plans.json").read_text() == "{}"
    with pytest.raises(StorageError, match="exists already"):
        unpack(archive, tmp_path / "model")
    archive.write_bytes(archive.read_bytes()[:30])
    with pytest.raises(ModelError, match="no whole archive"):
        unpack(archive, tmp_path / "other")
