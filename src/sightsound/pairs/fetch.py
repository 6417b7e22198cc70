"""Addresses in, whole and checked files out: what ``sightsound data fetch`` does.

A file is loaded into a hidden ``.NAME.part`` beside its place and takes its name only when it is
whole: as long as the server said it would be, and of the right checksum. A part that was left is
gone on with (HTTP ``Range`` and ``If-Range``) only where it provably belongs to the same version
of the file; otherwise the file is loaded anew.

A checksum that its publisher states decides. Where nobody states one, SHA-256 is recorded in
``NAME.sha256`` at the first download (``sha256sum --check`` reads it) and compared ever after.

pooch compares and moves the files; it cannot go on with a part, so the loading is ours.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from sightsound.errors import ConfigError, DataError
from sightsound.pairs.performances import file_hash, write_json
from sightsound.pairs.sources import Source, SourceFile

TRIES = 6  # in a row that bring nothing new
FIRST_PAUSE_SECONDS = 1.0  # after the first of them; doubled each time
LONGEST_PAUSE_SECONDS = 60.0
TIMEOUT_SECONDS = (15.0, 60.0)  # to connect; between two pieces
FILES_AT_ONCE = 2
_PIECE_BYTES = 1 << 16
_WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Fetched:
    """One file that is there, whole."""

    name: str
    path: Path
    bytes: int
    sha256: str
    loaded: bool  # False: it was there already
    checked_by: str  # "published" checksum, "recorded" one, or "first" download: recorded now


@dataclass
class FetchReport:
    """What a fetch gave."""

    source: Source
    files: list[Fetched] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "source": self.source.name,
            "license": self.source.license,
            "page": self.source.page,
            "files": [{**asdict(each), "path": str(each.path)} for each in self.files],
            "failures": self.failures,
        }

    def __str__(self) -> str:
        said = {
            "published": "its publisher's checksum",
            "recorded": "the checksum of the first download",
            "first": "nobody published a checksum; recorded for the next time",
        }
        return "\n".join(
            f"{each.path}  {each.bytes:,} bytes  {'loaded' if each.loaded else 'there already'}; "
            f"{said[each.checked_by]}  sha256 {each.sha256}"
            for each in self.files
        )


def fetch(
    source: Source,
    folder: Path,
    *,
    progress: bool = True,
    on_failure: Callable[[str], None] | None = None,
    tries: int = TRIES,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> FetchReport:
    """Load what is missing of a source and check what is there.

    One file that fails does not keep the others from being loaded.

    Args:
        source: an entry of the table of sources.
        folder: where the files go.
        progress: show a progress bar.
        on_failure: told of each file that failed, one line each, as it happens.
        tries: in a row that may bring nothing new.
        first_pause_seconds: before the second of them; doubled each time.

    Raises:
        ConfigError: the source lists no files.
        DataError: the folder cannot be made.
    """
    import pooch

    if not source.files:
        where = f"; its page says how to get it: {source.page}" if source.page else ""
        raise ConfigError(
            f"source {source.name!r}: no address of a file is known{where}. Put addresses into a "
            "table of your own and give it with --table"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror})") from error
    pooch.get_logger().setLevel(logging.ERROR)  # what is to be said is said by us
    report = FetchReport(source)
    stop = threading.Event()
    total = sum(each.bytes or 0 for each in source.files) or None
    bar = (
        tqdm(
            total=total, desc=source.name, unit="B", unit_scale=True, unit_divisor=1024, miniters=1
        )
        if progress
        else None
    )
    lock = threading.Lock()

    def moved(count: int) -> None:
        if bar is not None:
            with lock:
                bar.update(count)

    def one(file: SourceFile) -> Fetched | str:
        downloader = ResumingDownloader(
            file, folder, moved, stop, tries=tries, first_pause_seconds=first_pause_seconds
        )
        try:
            return _fetch_file(file, folder, downloader)
        except DataError as error:
            with lock:
                if on_failure is not None and not stop.is_set():
                    on_failure(str(error))
            return str(error)

    with contextlib.closing(bar) if bar is not None else contextlib.nullcontext():
        pool = ThreadPoolExecutor(min(FILES_AT_ONCE, len(source.files)))
        try:
            for outcome in pool.map(one, source.files):
                if isinstance(outcome, str):
                    report.failures.append(outcome)
                else:
                    report.files.append(outcome)
        except BaseException:
            stop.set()  # Ctrl-C: the threads stop at their next piece, the parts stay
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        pool.shutdown()
    return report


def _fetch_file(file: SourceFile, folder: Path, downloader: ResumingDownloader) -> Fetched:
    import pooch

    path = folder / file.name
    recorded = read_record(path)
    known = file.checksum or (f"sha256:{recorded}" if recorded else None)
    checked_by = "published" if file.checksum else "recorded" if recorded else "first"
    there = path.exists()
    if there:
        _check_what_is_there(file, path, known, checked_by)
    try:
        pooch.retrieve(file.url, known, fname=file.name, path=folder, downloader=downloader)
    except ValueError as error:  # pooch's word for a wrong checksum
        found = re.search(r"but got ([0-9a-f]+)", str(error))
        is_now = found[1] if found else "another"
        if checked_by == "published":
            what = f"its publisher states {known}; it was damaged on the way, or the table is old"
            what += ": repeat the command, and if it stays so, ask the publisher"
        else:
            what = (
                f"the first download had {known}: its publisher has changed it. If you want the "
                f"new one, delete {record_of(path).name} and repeat the command"
            )
        raise DataError(
            f"{file.url}: wrong checksum {is_now}, {what}; it was thrown away"
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    downloader.clean_up()
    return Fetched(
        name=file.name,
        path=path,
        bytes=path.stat().st_size,
        sha256=file_hash(path),
        loaded=not there,
        checked_by=checked_by,
    )


def _check_what_is_there(file: SourceFile, path: Path, known: str | None, checked_by: str) -> None:
    """A file of that name is taken for the right one only if its checksum says so."""
    import pooch

    if known is None:
        raise DataError(
            f"{path}: is there, but nobody published its checksum and none was recorded, so it "
            "may be half a file; move it away and repeat the command, or state a checksum in a "
            "table of your own"
        )
    if not path.is_file() or not pooch.hashes.hash_matches(path, known):
        whose = "its publisher's" if checked_by == "published" else "that of the first download"
        raise DataError(
            f"{path}: is not the file that it should be (its checksum is not {whose}, {known}); "
            "move it away and repeat the command"
        )


# --- Recorded checksums -------------------------------------------------------------------------


def record_of(path: Path) -> Path:
    """Where the checksum of a file is recorded that nobody published one of."""
    return path.with_name(f"{path.name}.sha256")


def read_record(path: Path) -> str | None:
    """The SHA-256 recorded for a file, or None.

    Raises:
        DataError: the record is there and holds no checksum.
    """
    record = record_of(path)
    try:
        text = record.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{record}: cannot be read ({error})") from error
    found = re.search(r"^([0-9a-f]{64})  ", text, re.MULTILINE)
    if not found:
        raise DataError(f"{record}: holds no SHA-256; delete it, and {path.name}, to load it anew")
    return found[1]


def _write_record(path: Path, sha256: str, url: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    record = record_of(path)
    temporary = record.with_name(f".{record.name}.{os.getpid()}.part")
    temporary.write_text(
        f"# Nobody published a checksum; recorded at the first download, {today}, from\n"
        f"# {url}\n{sha256}  {path.name}\n",
        encoding="utf-8",
    )
    _sync(temporary)
    temporary.replace(record)


# --- Loading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Version:
    """Which version of a file a part belongs to."""

    url: str
    total: int | None  # bytes of the whole file; None = the server does not say
    validator: str | None  # a strong ETag, else the date of its last change; None = neither


class _CutError(Exception):
    """The connection brought less than was promised; worth another try."""

    def __init__(self, why: str, wait_seconds: float | None = None) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds  # as the server asks; None = it does not


class ResumingDownloader:
    """Loads one file, goes on after a cut and with what an earlier run left; for ``pooch``.

    Args:
        file: what to load.
        folder: where the part is kept, ``.NAME.part``, with what it is a part of beside it.
        moved: told how many bytes came; fewer than 0 where a part was thrown away.
        stop: ends the loading at the next piece; the part stays.
        tries: in a row that may bring nothing new.
        first_pause_seconds: before the second of them; doubled each time.
    """

    def __init__(
        self,
        file: SourceFile,
        folder: Path,
        moved: Callable[[int], None] = lambda count: None,
        stop: threading.Event | None = None,
        *,
        tries: int = TRIES,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self.file = file
        self.path = folder / file.name
        self.part = folder / f".{file.name}.part"
        self.about = folder / f".{file.name}.part.json"
        self.moved = moved
        self.stop = stop or threading.Event()
        self.tries = tries
        self.first_pause_seconds = first_pause_seconds

    def __call__(
        self, url: str, output_file: str | os.PathLike[str], pooch: object, check_only: bool = False
    ) -> None:
        """Load ``url`` whole into ``output_file``, which pooch then compares and moves.

        Raises:
            DataError: it cannot be loaded; what came stays as a part where it can be gone on with.
        """
        with self._opened_part() as part:
            self._load(part)
            os.fsync(part.fileno())
            if self.file.checksum is None and read_record(self.path) is None:
                # Before the file has its name: a file without a record is never trusted.
                _write_record(self.path, file_hash(self.part), self.file.url)
            self.part.replace(output_file)
        self.about.unlink(missing_ok=True)

    def clean_up(self) -> None:
        """Remove what a file that is whole needs no more."""
        for path in (self.part, self.about):
            path.unlink(missing_ok=True)

    def _load(self, part: BinaryIO) -> None:
        best, fruitless = _size(part), 0
        self.moved(best)
        while True:
            try:
                self._load_once(part)
                return
            except _CutError as cut:
                part.flush()
                # Progress is more than ever before, or a server without Range would be asked for
                # the same first half for ever.
                fruitless = 0 if _size(part) > best else fruitless + 1
                best = max(best, _size(part))
                if fruitless >= self.tries:
                    raise DataError(
                        f"{self.file.url}: {cut}; given up after {self.tries} tries that brought "
                        f"nothing new ({best:,} bytes are kept). Repeat the command to go on"
                    ) from cut
                pause = self.first_pause_seconds * 2.0 ** max(0, fruitless - 1)
                self._wait(min(max(pause, cut.wait_seconds or 0.0), LONGEST_PAUSE_SECONDS))

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise DataError(f"{self.file.url}: stopped; repeat the command to go on")

    def _load_once(self, part: BinaryIO) -> None:
        """One request: from where the part ends, or from the start."""
        import requests
        import urllib3

        have, version = self._part_to_go_on_with(part)
        headers = {"Accept-Encoding": "identity", "User-Agent": "sightsound"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if version is not None and version.validator is not None:
                headers["If-Range"] = version.validator
        try:
            with requests.get(
                self.file.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS
            ) as response:
                self._check_status(response)
                if response.status_code == 416 or not self._continues(response, have, version):
                    if response.status_code != 200:
                        # What we have is not part of what the server has now.
                        self._empty(part)
                        raise _CutError("the file was changed while it was loaded", 0.0)
                    self._empty(part)
                    version = self._begin(part, response)
                self._receive(part, response, version)
        except requests.exceptions.RequestException as error:
            raise _CutError(f"no connection, or it was cut ({_short(error)})") from error
        except urllib3.exceptions.HTTPError as error:
            raise _CutError(f"the connection was cut ({_short(error)})") from error

    def _part_to_go_on_with(self, part: BinaryIO) -> tuple[int, _Version | None]:
        """How much of the part can be gone on with, and what it is a part of."""
        have, version = _size(part), self._read_version()
        provable = version is not None and (
            version.validator is not None or self.file.checksum is not None
        )
        if have and version is not None and provable and version.url == self.file.url:
            if version.total is None or have < version.total:
                return have, version
            if have == version.total:
                # All of it came, but not the end of the run; ask for the last byte once more.
                part.truncate(have - 1)
                self.moved(-1)
                return have - 1, version
        self._empty(part)
        return 0, None

    def _check_status(self, response: Any) -> None:
        code = response.status_code
        if code in (200, 206, 416):
            coding = response.headers.get("Content-Encoding", "identity")
            if coding.lower() != "identity":
                raise DataError(
                    f"{self.file.url}: the server sends it packed ({coding}) though it was asked "
                    "not to, so a cut cannot be told; load it by hand"
                )
            return
        said = f"the server answers {code} {response.reason or ''}".strip()
        if code in _WORTH_A_RETRY:
            raise _CutError(said, _retry_after(response.headers.get("Retry-After")))
        page = "look at the source's page, and put the new address into a table of your own"
        raise DataError(f"{self.file.url}: {said}; {page}")

    def _continues(self, response: Any, have: int, version: _Version | None) -> bool:
        """Whether an answer is the rest of the part that is there."""
        if response.status_code != 206 or version is None:
            return False
        stated = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        if not stated or int(stated[1]) != have:
            return False
        now = _validator(response.headers)
        if version.validator is not None and now is not None and now != version.validator:
            return False
        return version.total is None or stated[3] in ("*", str(version.total))

    def _begin(self, part: BinaryIO, response: Any) -> _Version:
        """Note what is going to be loaded, before its first byte is."""
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        ends = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        if total is None and not ends and self.file.bytes is None and self.file.checksum is None:
            raise DataError(
                f"{self.file.url}: the server does not say how long the file is, so a cut could "
                "not be told from its end; state bytes or checksum in a table of your own"
            )
        if total is not None and self.file.bytes is not None and total != self.file.bytes:
            raise DataError(
                f"{self.file.url}: {total:,} bytes, its publisher states {self.file.bytes:,}; "
                "nothing was loaded. It was changed: look at the source's page"
            )
        if total is not None:
            free = shutil.disk_usage(self.path.parent).free
            if free < total:
                raise DataError(
                    f"{self.path}: {total:,} bytes are to come, the disk has room for {free:,}; "
                    "make room, or give another folder with -o"
                )
        version = _Version(self.file.url, total or self.file.bytes, _validator(response.headers))
        write_json(self.about, asdict(version))
        return version

    def _receive(self, part: BinaryIO, response: Any, version: _Version | None) -> None:
        part.seek(0, os.SEEK_END)
        for piece in response.raw.stream(_PIECE_BYTES, decode_content=False):
            part.write(piece)
            self.moved(len(piece))
            if self.stop.is_set():
                part.flush()
                raise DataError(f"{self.file.url}: stopped; repeat the command to go on")
        part.flush()
        have, total = _size(part), version.total if version else None
        if total is not None and have < total:
            raise _CutError(f"the connection was cut after {have:,} of {total:,} bytes")
        if total is not None and have > total:
            self._empty(part)
            raise DataError(
                f"{self.file.url}: {have:,} bytes came, {total:,} were announced; thrown away"
            )

    def _read_version(self) -> _Version | None:
        try:
            stated = json.loads(self.about.read_text(encoding="utf-8"))
            return _Version(stated["url"], stated["total"], stated["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # then the part is worth nothing

    def _empty(self, part: BinaryIO) -> None:
        self.moved(-_size(part))
        part.truncate(0)
        self.about.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _opened_part(self) -> Iterator[BinaryIO]:
        """The part, open for reading and adding; held against a second process."""
        with self.part.open("ab") as part:
            if sys.platform != "win32":
                import fcntl

                try:
                    fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise DataError(
                        f"{self.path}: another process is loading it; wait for it, or end it"
                    ) from error
            try:
                yield part
            finally:
                if not _size(part):  # nothing came: nothing is to be left
                    self.clean_up()


def _size(part: BinaryIO) -> int:
    part.flush()
    return os.fstat(part.fileno()).st_size


def _validator(headers: Any) -> str | None:
    """What ``If-Range`` may compare: a strong ETag, else the date of the last change."""
    tag: str | None = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    changed: str | None = headers.get("Last-Modified")
    return changed or None


def _retry_after(stated: str | None) -> float | None:
    """Seconds that a server asks for, as a number or as a date."""
    if stated is None:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(stated))
    try:
        when = parsedate_to_datetime(stated)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _short(error: BaseException) -> str:
    """The innermost cause, which says what happened; the outer ones say through whom."""
    while error.__context__ is not None:
        error = error.__context__
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}…"


def _unwritable(path: Path, error: OSError) -> DataError:
    what = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return DataError(
        f"{path}: cannot be written, {what}; what came is kept, make room and repeat the command"
    )


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def describe_sources(sources: Sequence[Source]) -> str:
    """The table of sources, for reading."""
    blocks = []
    for source in sources:
        lines = [f"{source.name}  {source.title}", f"  licence  {source.license}"]
        if source.page:
            lines.append(f"  page     {source.page}")
        if source.about:
            lines.append(f"  about    {source.about}")
        for each in source.files:
            checksum = each.checksum or "no checksum published"
            lines.append(f"  file     {each.name}  {each.url}  ({checksum})")
        blocks.append("\n".join(lines))
    return "\n".join(blocks)
