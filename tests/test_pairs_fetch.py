"""Fetching against a server on this machine that cuts, lies, forgets and changes its files."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sightsound.cli import main
from sightsound.errors import ConfigError, DataError
from sightsound.pairs import fetch as fetching
from sightsound.pairs.fetch import FetchReport, fetch
from sightsound.pairs.sources import Source, SourceFile, find_source, read_sources

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """One file at ``/data.bin``, and how the server treats it."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.etag: str | None = '"one"'
        self.last_modified: str | None = None
        self.ranges = True
        self.length = True  # say how long the file is
        self.chunked = False
        self.cuts: list[int] = []  # bytes after which the next answers are cut
        self.statuses: list[tuple[int, dict[str, str]]] = []  # answers before the file is given
        self.asked: list[str | None] = []  # the Range of each request
        self.sent = 0  # bytes of bodies
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/data.bin"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        handler.close_connection = True
        if self.statuses:
            code, headers = self.statuses.pop(0)
            handler.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            return
        start, total = 0, len(self.content)
        condition = handler.headers.get("If-Range")
        same = condition is None or condition in (self.etag, self.last_modified)
        if asked and self.ranges and same:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= total:
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{total}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            handler.send_response(200)
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.last_modified:
            handler.send_header("Last-Modified", self.last_modified)
        if self.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        elif self.length:
            handler.send_header("Content-Length", str(total - start))
        handler.send_header("Connection", "close")
        handler.end_headers()
        body = self.content[start:]
        cut = self.cuts.pop(0) if self.cuts else None
        body = body if cut is None else body[:cut]
        self.sent += len(body)
        if self.chunked:
            handler.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            if cut is None:
                handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.wfile.write(body)
        handler.wfile.flush()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def get(
    server: Server, folder: Path, *, checksum: str | None = None, size: int | None = None
) -> FetchReport:
    file = SourceFile(name="data.bin", url=server.url, checksum=checksum, bytes=size)
    source = Source(name="made-up", title="Made up", license="CC0", files=(file,))
    return fetch(source, folder, progress=False, tries=3, first_pause_seconds=0.0)


def leftovers(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_first_download_is_recorded_and_compared_afterwards(
    server: Server, tmp_path: Path
) -> None:
    report = get(server, tmp_path)
    (fetched,) = report.files
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert (fetched.sha256, fetched.checked_by, fetched.loaded) == (SHA256, "first", True)
    assert leftovers(tmp_path) == ["data.bin", "data.bin.sha256"]
    assert f"{SHA256}  data.bin" in (tmp_path / "data.bin.sha256").read_text().splitlines()
    # Nothing is loaded twice.
    (again,) = get(server, tmp_path).files
    assert (again.loaded, again.checked_by) == (False, "recorded")
    assert len(server.asked) == 1
    # Loaded anew, it must be the same.
    (tmp_path / "data.bin").unlink()
    assert get(server, tmp_path).files[0].checked_by == "recorded"
    # The publisher changes the file; same length, so only the checksum tells.
    (tmp_path / "data.bin").unlink()
    server.content, server.etag = CONTENT[:-1] + b"!", '"two"'
    (failure,) = get(server, tmp_path).failures
    assert "its publisher has changed it" in failure
    assert f"sha256:{SHA256}" in failure
    assert leftovers(tmp_path) == ["data.bin.sha256"]
    (tmp_path / "data.bin.sha256").unlink()  # what the message says to do
    assert get(server, tmp_path).files[0].checked_by == "first"


def test_cut_connections_are_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 50_000, 0, 0]
    report = get(server, tmp_path)
    assert not report.failures
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    rest = "bytes=150000-"
    assert server.asked == [None, "bytes=100000-", rest, rest, rest]
    assert server.sent == len(CONTENT)  # mutant: starting anew after a cut


def test_a_part_of_an_earlier_run_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.cuts = [120_000, *[0] * 5]
    (failure,) = get(server, tmp_path).failures
    assert "given up after 3 tries" in failure
    assert "120,000 bytes are kept" in failure
    # A half download is never taken for a whole one.
    assert leftovers(tmp_path) == [".data.bin.part", ".data.bin.part.json"]
    server.cuts = []
    assert get(server, tmp_path).files[0].sha256 == SHA256
    assert server.asked[-1] == "bytes=120000-"
    assert leftovers(tmp_path) == ["data.bin", "data.bin.sha256"]


@pytest.mark.parametrize("known", [True, False])
def test_a_server_without_ranges(server: Server, tmp_path: Path, known: bool) -> None:
    server.ranges = False
    server.cuts = [200_000, 100_000]
    report = get(server, tmp_path, checksum=f"sha256:{SHA256}" if known else None)
    assert not report.failures
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    # That always cuts at the same place: it ends, though each try brings bytes.
    server.cuts = [100_000] * 50
    (tmp_path / "data.bin").unlink()
    (failure,) = get(server, tmp_path, checksum=f"sha256:{SHA256}").failures
    assert "given up" in failure
    assert len(server.cuts) > 40


def test_a_file_that_grew_is_loaded_anew(server: Server, tmp_path: Path) -> None:
    server.cuts = [120_000, *[0] * 5]
    assert get(server, tmp_path).failures
    server.cuts = []
    server.content, server.etag = b"more" + CONTENT, '"two"'
    assert get(server, tmp_path).files[0].sha256 == hashlib.sha256(server.content).hexdigest()


@pytest.mark.parametrize("validator", ["none", "lying", "date", "weak"])
def test_a_file_that_grew_behind_our_back(server: Server, tmp_path: Path, validator: str) -> None:
    """No ETag, one that stays, a date: two versions are never put together into one file."""
    server.etag = {"lying": '"one"', "weak": 'W/"one"'}.get(validator)
    if validator == "date":
        server.last_modified = "Wed, 26 Apr 2017 00:00:00 GMT"
    server.cuts = [120_000, *[0] * 5]
    assert get(server, tmp_path).failures
    server.cuts = []
    server.content = CONTENT[::-1] + b"more"
    if validator == "date":
        server.last_modified = "Thu, 27 Apr 2017 00:00:00 GMT"
    assert get(server, tmp_path).files[0].sha256 == hashlib.sha256(server.content).hexdigest()


def test_without_a_validator_a_published_checksum_allows_to_go_on(
    server: Server, tmp_path: Path
) -> None:
    server.etag = None
    server.cuts = [120_000]
    assert not get(server, tmp_path, checksum=f"sha256:{SHA256}").failures
    assert server.sent == len(CONTENT)
    # Without either, the part proves nothing and is thrown away.
    server.cuts, server.sent = [120_000], 0
    assert not get(server, tmp_path / "other").failures
    assert server.sent == len(CONTENT) + 120_000


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
def test_published_checksums(server: Server, tmp_path: Path, algorithm: str) -> None:
    right = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    assert get(server, tmp_path, checksum=right).files[0].checked_by == "published"
    assert leftovers(tmp_path) == ["data.bin"]  # nothing is recorded beside a published one
    (tmp_path / "data.bin").unlink()
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    (failure,) = get(server, tmp_path, checksum=wrong).failures
    assert "wrong checksum" in failure
    assert wrong in failure
    assert leftovers(tmp_path) == []


def test_a_stated_size_that_is_not_so(server: Server, tmp_path: Path) -> None:
    (failure,) = get(server, tmp_path, size=299_999).failures
    assert "300,000 bytes, its publisher states 299,999" in failure
    assert leftovers(tmp_path) == []


def test_no_length(server: Server, tmp_path: Path) -> None:
    """The end of an answer without length looks like a cut: it is never taken for whole."""
    server.length = False
    server.cuts = [120_000]
    (failure,) = get(server, tmp_path).failures
    assert "does not say how long the file is" in failure
    assert leftovers(tmp_path) == []
    server.cuts = [120_000]
    assert get(server, tmp_path, size=len(CONTENT)).files[0].sha256 == SHA256
    server.cuts = [120_000]
    (failure,) = get(server, tmp_path / "other", checksum=f"sha256:{SHA256}").failures
    assert "wrong checksum" in failure
    assert leftovers(tmp_path / "other") == []


def test_a_chunked_answer_tells_its_end(server: Server, tmp_path: Path) -> None:
    server.chunked = True
    server.cuts = [120_000]
    assert get(server, tmp_path).files[0].sha256 == SHA256
    assert server.asked == [None, "bytes=120000-"]


def test_what_is_not_there_is_not_asked_for_twice(server: Server, tmp_path: Path) -> None:
    for code in (404, 403, 410):
        server.statuses = [(code, {})]
        server.asked = []
        (failure,) = get(server, tmp_path).failures
        assert f"the server answers {code}" in failure
        assert len(server.asked) == 1
        assert leftovers(tmp_path) == []


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [(503, {"Retry-After": "0"}), (429, {})]
    assert get(server, tmp_path).files[0].sha256 == SHA256
    assert len(server.asked) == 3


def test_retry_after(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    waited = []

    def wait(self: object, seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(fetching.ResumingDownloader, "_wait", wait)
    server.statuses = [(503, {"Retry-After": "7"}), (503, {"Retry-After": "9999"})]
    assert not get(server, tmp_path).failures
    assert waited == [7.0, fetching.LONGEST_PAUSE_SECONDS]
    assert fetching._retry_after("Wed, 26 Apr 2017 00:00:00 GMT") == 0.0
    assert fetching._retry_after("soon") is None


def test_nobody_answers(tmp_path: Path) -> None:
    silent = Server()
    silent.http.shutdown()
    silent.http.server_close()
    (failure,) = get(silent, tmp_path).failures
    assert "no connection" in failure
    assert not (tmp_path / "data.bin").exists()


def test_a_file_that_is_there_must_prove_itself(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(CONTENT[:1000])  # say, a browser's half download
    (failure,) = get(server, tmp_path).failures
    assert "may be half a file" in failure
    (failure,) = get(server, tmp_path, checksum=f"sha256:{SHA256}").failures
    assert "not the file that it should be" in failure
    assert (tmp_path / "data.bin").read_bytes() == CONTENT[:1000]  # nothing is lost
    (tmp_path / "data.bin").write_bytes(CONTENT)
    (fetched,) = get(server, tmp_path, checksum=f"sha256:{SHA256}").files
    assert not fetched.loaded
    assert server.asked == []


def test_parts_that_are_worth_nothing(server: Server, tmp_path: Path) -> None:
    version = {"url": server.url, "total": len(CONTENT), "validator": '"one"'}
    parts = [
        (b"x" * 99, None),  # of nobody knows what
        (b"x" * 99, "{"),
        (b"x" * 99, json.dumps({**version, "url": "http://elsewhere/data.bin"})),
        (CONTENT + b"more", json.dumps(version)),  # longer than the file
        (CONTENT, json.dumps(version)),  # whole, but its run did not end
    ]
    for number, (part, about) in enumerate(parts):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ".data.bin.part").write_bytes(part)
        if about is not None:
            (folder / ".data.bin.part.json").write_text(about)
        assert get(server, folder).files[0].sha256 == SHA256
        assert leftovers(folder) == ["data.bin", "data.bin.sha256"]
    assert server.asked[-1] == f"bytes={len(CONTENT) - 1}-"


def test_two_at_once_do_not_mix(server: Server, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".data.bin.part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        (failure,) = get(server, tmp_path).failures
    assert "another process is loading it" in failure


def test_one_failure_does_not_keep_the_others(server: Server, tmp_path: Path) -> None:
    files = (
        SourceFile(name="bad.bin", url=server.url, checksum="md5:" + "0" * 32),
        SourceFile(name="good.bin", url=server.url),
    )
    told: list[str] = []
    source = Source(name="two", title="Two", license="CC0", files=files)
    report = fetch(source, tmp_path, progress=False, on_failure=told.append)
    assert [each.name for each in report.files] == ["good.bin"]
    assert report.failures == told
    assert "bad.bin" not in leftovers(tmp_path)


def test_stopping_keeps_the_part(server: Server, tmp_path: Path) -> None:
    stop = threading.Event()
    file = SourceFile(name="data.bin", url=server.url)
    loader = fetching.ResumingDownloader(file, tmp_path, lambda count: stop.set(), stop)
    with pytest.raises(DataError, match="stopped"):
        loader(server.url, tmp_path / "out", None)
    kept = (tmp_path / ".data.bin.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    assert get(server, tmp_path).files[0].sha256 == SHA256
    assert server.asked[-1] == f"bytes={kept}-"


# --- The table of sources -----------------------------------------------------------------------


def test_our_own_table_invents_nothing() -> None:
    sources = read_sources()
    assert "sub-urmp" in sources
    for source in sources.values():
        assert source.page is None or source.page.startswith("https://")
        assert all(each.checksum is None for each in source.files)  # nobody published one


def test_a_table_of_the_readers(tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    table.write_text(
        '[mine]\ntitle = "Mine"\nlicense = "CC0"\n[[mine.files]]\nname = "a.zip"\n'
        'url = "http://localhost/a"\nbytes = 3\n'
    )
    (file,) = read_sources(table)["mine"].files
    assert (file.name, file.bytes, file.checksum) == ("a.zip", 3, None)
    assert "sub-urmp" in read_sources(table)
    as_json = tmp_path / "mine.json"
    as_json.write_text('{"sub-urmp": {"title": "A mirror", "license": "ask"}}')
    assert read_sources(as_json)["sub-urmp"].title == "A mirror"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a = 1", "must be a table"),
        ('[a]\ntitle = "A"', "license is missing"),
        ('[a]\ntitle = "A"\nlicence = "CC0"', "did you mean 'license'"),
        ('[a]\ntitle = "A"\nlicense = "C"\npage = "ftp://x/y"', "no http:// or https:// address"),
        ('[a]\ntitle = "A"\nlicense = "C"\nfiles = 3', "files is 3, a list is needed"),
        ('[a]\ntitle = 7\nlicense = "C"', "title is 7, text is needed"),
        ('["A B"]\ntitle = "A"\nlicense = "C"', "small letters"),
        ("[a", "is no TOML"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, entry: str, expected: str) -> None:
    (tmp_path / "mine.toml").write_text(entry)
    with pytest.raises(ConfigError, match=re.escape(expected)):
        read_sources(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ({"name": "../a", "url": "http://x/a"}, "no plain file name"),
        ({"name": ".a", "url": "http://x/a"}, "no plain file name"),
        ({"name": "a", "url": "file:///etc/passwd"}, "no http:// or https:// address"),
        ({"name": "a", "url": "http://x/a", "checksum": "sha256:12"}, "64 hexadecimal digits"),
        ({"name": "a", "url": "http://x/a", "checksum": "crc:12"}, "64 hexadecimal digits"),
        ({"name": "a", "url": "http://x/a", "bytes": 0}, "bytes 0"),
        ({"name": "a", "url": "http://x/a", "bytes": True}, "a whole number is needed"),
        ({"url": "http://x/a"}, "name is missing"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, file: dict[str, object], expected: str) -> None:
    table = tmp_path / "mine.json"
    table.write_text(json.dumps({"a": {"title": "A", "license": "C", "files": [file]}}))
    with pytest.raises(ConfigError, match=re.escape(expected)):
        read_sources(table)


def test_an_unknown_source_and_one_without_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'sub-urmp'"):
        find_source(read_sources(), "sub-ump")
    empty = Source(name="a", title="A", license="C", page="https://page.example")
    with pytest.raises(ConfigError, match=r"https://page\.example"):
        fetch(empty, tmp_path)


def test_the_command(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "mine.json"
    files = [{"name": "data.bin", "url": server.url}]
    table.write_text(json.dumps({"mine": {"title": "Mine", "license": "CC0", "files": files}}))
    out = tmp_path / "out"
    assert main(["data", "fetch"]) == 0
    assert "sub-urmp" in capsys.readouterr().out
    command = ["data", "fetch", "mine", "-o", str(out), "--table", str(table)]
    assert main([*command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["license"] == "CC0"
    assert printed["files"][0]["sha256"] == SHA256
    assert main(command) == 0
    assert "there already" in capsys.readouterr().out
    server.statuses = [(404, {})]
    (out / "data.bin").unlink()
    assert main(command) == 2
    assert "sightsound: error: http://127.0.0.1" in capsys.readouterr().err
    assert main(["data", "fetch", "mine", "--table", str(table)]) == 2
    assert "-o" in capsys.readouterr().err
