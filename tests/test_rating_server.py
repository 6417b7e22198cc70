"""The study's server: what it refuses, what it hides, and that no vote is ever lost."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import soundfile

from rating_world import ALPHA, CLASSES, CONDITIONS, MEANS, Rater, scale_study, sound_study
from sightsound.evaluation.rating.report import report
from sightsound.evaluation.rating.server import MAX_BODY, RatingServer
from sightsound.evaluation.rating.study import Study, open_study
from sightsound.evaluation.rating.votes import Votes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scale_study(tmp_path_factory.mktemp("made"))


class Served:
    """A study served by this process."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ()) -> None:
        self.study: Study = open_study(folder)
        self.votes = Votes(self.study)
        self.server = RatingServer(self.study, self.votes, port=0, names=names)
        self.port = self.server.port
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
        self.votes.close()


@pytest.fixture
def served(made: Path, tmp_path: Path) -> Iterator[Served]:
    it = Served(Path(shutil.copytree(made, tmp_path / "study")), ("study.example.org",))
    yield it
    it.stop()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    it = Served(sound_study(tmp_path_factory.mktemp("sounds")))
    yield it
    it.stop()


# --- Must show 5: three raters at once, sixty votes, a killed server ------------------------


def start(folder: Path, port: int, log: Path) -> tuple[subprocess.Popen[str], int]:
    """``sightsound rate FOLDER`` in a process of its own → it and its port."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sightsound", "rate", str(folder), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
    assert found, line + log.read_text()
    return process, int(found[1])


def stop(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, unless it has ended."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_three_raters_sixty_votes_and_a_killed_server(made: Path, tmp_path: Path) -> None:
    # Mutants: acknowledging before COMMIT; inserting instead of updating at a resend.
    folder = Path(shutil.copytree(made, tmp_path / "study"))
    study, log = open_study(folder), tmp_path / "errors"
    process, port = start(folder, 0, log)
    raters = [Rater(port, number) for number in range(3)]
    threads = [
        threading.Thread(target=rater.answer_all, args=(study,), kwargs={"twice": True})
        for rater in raters
    ]
    try:
        for thread in threads:
            thread.start()
        kills = 0
        for least in (10, 30):  # twice, each time in the middle of what all three are doing
            while sum(rater.acknowledged for rater in raters) < least:
                assert any(thread.is_alive() for thread in threads)
                time.sleep(0.002)
            promised = sum(rater.acknowledged for rater in raters)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            with closing(sqlite3.connect(folder / "votes.sqlite3")) as db:
                (kept,) = db.execute("SELECT COUNT(answer) FROM trials").fetchone()
            assert kept >= promised
            kills += 1
            process, _ = start(folder, port, log)
        for thread in threads:
            thread.join(timeout=120)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        stop(process)
    assert process.returncode == 130
    assert kills == 2
    assert [rater.acknowledged for rater in raters] == [20, 20, 20]
    figures, _ = report(folder)
    assert figures["votes"] == {"used": 60, "all": 60}
    assert figures["raters"]["finished"] == 3
    assert figures["agreement"]["alpha"] == pytest.approx(ALPHA)
    for name, of in figures["conditions"].items():
        assert (of["n"], of["mean"]) == (15, pytest.approx(MEANS[name]))
    assert "127.0.0.1" not in log.read_text()  # nothing is logged
    for path in folder.glob("votes.sqlite3*"):
        assert b"127.0.0.1" not in path.read_bytes()


# --- Blindness ------------------------------------------------------------------------------


def test_nothing_that_a_rater_gets_names_a_condition(served: Served) -> None:
    rater = Rater(served.port)
    session = rater.join()
    texts = [rater.send("GET", "/api/study")[2], json.dumps(session).encode()]
    for position in range(3):
        trial = session["trial"]
        assert trial["label"] in CLASSES
        status, headers, content = rater.send("GET", trial["media"][0])
        assert (status, headers["Content-Type"]) == (200, "image/png")
        texts += [content, str(headers).encode(), trial["media"][0].encode()]
        session = rater.ask("/api/vote", {"position": position, "answer": 0})
        texts.append(json.dumps(session).encode())
    for text in texts:
        assert not any(name.encode() in text for name in CONDITIONS)
        assert b"sightsound of the condition" not in text


# --- What is served -------------------------------------------------------------------------


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    rater = Rater(served.port)
    for path, kind in (("/", "text/html"), ("/rate.js", "text/javascript"), ("/rate.css", "text")):
        status, headers, content = rater.send("GET", path)
        assert status == 200
        assert headers["Content-Type"].startswith(kind)
        assert b"http://" not in content
        assert b"https://" not in content
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert b"innerHTML" not in content
        assert rater.send("HEAD", path)[2] == b""


@pytest.mark.parametrize(
    "path",
    ["/media/../study.json", "/media/%2e%2e/study.json", "/media//etc/passwd", "/media/",
     "/study.json", "/votes.sqlite3", "/media/study.json", "/../../etc/passwd", "/rating/server.py",
     "/api/vote", "/index.html", "/media/..%5cstudy.json"],
)  # fmt: skip
def test_paths_are_keys_and_never_files(served: Served, path: str) -> None:
    status, _, content = Rater(served.port).send("GET", path)
    assert status == 404
    assert json.loads(content) == {"error": "there is nothing here"}


def test_parts_of_a_sound_are_sent_as_browsers_ask(sounds: Served) -> None:
    rater = Rater(sounds.port)
    session = rater.join()
    assert session["stage"] == "sound_check"
    path = session["check"]["media"]
    _, headers, whole = rater.send("GET", path)
    assert headers["Content-Type"] == "audio/wav"
    assert soundfile.read(io.BytesIO(whole))[1] == 44_100
    size = len(whole)
    for asked, part, told in (
        ("bytes=0-", whole, f"bytes 0-{size - 1}/{size}"),
        ("bytes=10-19", whole[10:20], f"bytes 10-19/{size}"),
        ("bytes=-7", whole[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
        (f"bytes=5-{size + 9}", whole[5:], f"bytes 5-{size - 1}/{size}"),
    ):
        status, headers, content = rater.send("GET", path, Range=asked)
        assert (status, content, headers["Content-Range"]) == (206, part, told)
    for asked in (f"bytes={size}-", "bytes=9-3", "bytes=-0"):
        assert rater.send("GET", path, Range=asked)[0] == 416
    for asked in ("bytes=", "pages=1-2", "bytes=1-2,4-5", "bytes=-"):
        assert rater.send("GET", path, Range=asked)[::2] == (200, whole)


def test_the_answer_of_a_sound_check_is_not_told(sounds: Served) -> None:
    rater = Rater(sounds.port)
    session = rater.join()
    assert set(session["check"]) == {"number", "media"}
    beeps = {c.media: c.beeps for c in sounds.study.definition.sound_checks}
    right = beeps[session["check"]["media"].rpartition("/")[2]]
    session = rater.ask("/api/sound-check", {"number": 0, "beeps": right})
    assert session["stage"] == "trial"
    assert len(session["trial"]["media"]) == 2


# --- Who may ask ----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.x:80"])
def test_other_names_are_refused(served: Served, host: str) -> None:
    # DNS rebinding: a foreign name that leads to this machine.
    status, _, content = Rater(served.port).send("GET", "/api/study", Host=host)
    assert status == 421
    assert b"consent" not in content


@pytest.mark.parametrize("host", ["localhost:{}", "[::1]:{}", "study.example.org", "LOCALHOST:{}"])
def test_its_own_names_are_taken(served: Served, host: str) -> None:
    assert Rater(served.port).send("GET", "/", Host=host.format(served.port))[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "x"])
def test_other_pages_are_refused(served: Served, origin: str) -> None:
    rater = Rater(served.port)
    session = rater.join()
    vote = {"position": 0, "answer": 1}
    assert rater.send("POST", "/api/vote", vote, Origin=origin)[0] == 403
    assert rater.ask("/api/session") == session
    for own in (f"http://127.0.0.1:{served.port}", "https://study.example.org"):
        assert rater.send("POST", "/api/vote", vote, Origin=own)[0] == 200


def test_without_a_code_nothing_is_told_or_taken(served: Served) -> None:
    for code in ("", "0" * 31, "G" * 32, "0" * 33):
        rater = Rater(served.port, code=code or "x")
        assert rater.send("GET", "/api/session")[0] == 401
        assert rater.send("POST", "/api/withdraw", {})[0] == 401
    stranger = Rater(served.port)
    assert stranger.send("GET", "/api/session")[0] == 409
    assert stranger.send("POST", "/api/vote", {"position": 0, "answer": 0})[0] == 409
    assert stranger.send("POST", "/api/join", {"consent_sha256": "another text"})[0] == 409
    assert served.votes.tallies()["joined"] == 0


# --- What is sent wrongly -------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [{"position": "0", "answer": 0}, {"position": 0}, {"position": True, "answer": 0},
     {"position": 0, "answer": 1.5}, {"position": 0, "answer": 4}, {},
     {"position": 10**30, "answer": 0}, {"position": 0, "answer": 0, "milliseconds": "x"}],
)  # fmt: skip
def test_votes_of_another_form_are_refused(served: Served, body: object) -> None:
    rater = Rater(served.port)
    session = rater.join()
    assert rater.send("POST", "/api/vote", body)[0] == 409
    assert rater.ask("/api/session") == session


def test_bodies_are_small_json_objects(served: Served) -> None:
    rater = Rater(served.port)
    rater.join()
    for body in (b"", b"[]", b"{", b"\xff\xfe", b"[" * 4000, b"1"):
        assert rater.send("POST", "/api/vote", body)[0] == 400
    assert rater.send("POST", "/api/vote", b"x" * (MAX_BODY + 1))[0] == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert rater.send("POST", "/api/vote", b"{}", **form)[0] == 415
    assert rater.send("POST", "/api/vote", b"{}", **{"Content-Length": "-1"})[0] == 411
    assert rater.send("PUT", "/api/vote", b"{}")[0] == 501
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=20)) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        raw.recv(4096)
    assert rater.ask("/api/session")["done"] == 0  # and it still serves


def test_a_vote_that_cannot_be_stored_is_not_acknowledged(served: Served) -> None:
    rater = Rater(served.port)
    rater.join()
    served.votes._db.execute("PRAGMA query_only=ON")  # as a full disk would
    status, _, content = rater.send("POST", "/api/vote", {"position": 0, "answer": 2})
    assert status == 503
    assert os.sep.encode() not in content  # no path of this machine
    served.votes._db.execute("PRAGMA query_only=OFF")
    assert rater.ask("/api/vote", {"position": 0, "answer": 2})["done"] == 1


def test_withdrawing_over_the_page(served: Served) -> None:
    rater = Rater(served.port)
    rater.join()
    rater.ask("/api/vote", {"position": 0, "answer": 2})
    assert rater.ask("/api/withdraw", {"withdraw": True}) == {"withdrawn": True}
    assert rater.ask("/api/withdraw", {"withdraw": True}) == {"withdrawn": False}
    assert served.votes.votes() == []
