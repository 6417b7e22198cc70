"""A study's raters and votes: an SQLite file that nothing is lost from.

Each vote is on disk (write-ahead log, fsync at every commit) before it is acknowledged. A rater is
a made-up name and the SHA-256 of a code that the rater's browser drew; neither an address nor
anything else about a person is stored.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from sightsound.errors import DataError
from sightsound.evaluation.rating.assign import Kind, Trial, assign
from sightsound.evaluation.rating.study import SoundCheck, Study

FILE = "votes.sqlite3"
DAY = 86_400.0  # seconds
OPEN_SECONDS = DAY  # unanswered questions of a rater count as asked so long after the start
MAX_RATERS = 10_000  # nobody fills the disk by joining again and again
MAX_SOUND_CHECKS = 5
MAX_MILLISECONDS = 86_400_000

Stage: TypeAlias = Literal["sound_check", "trial", "finished", "closed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS raters (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  code_sha256 TEXT NOT NULL UNIQUE,
  consent_sha256 TEXT NOT NULL,
  started REAL NOT NULL,            -- seconds since 1970, midnight UTC of the day
  sound_checks INTEGER NOT NULL,    -- how many were answered
  hears INTEGER NOT NULL            -- 1 = one of them was answered rightly, or none is needed
);
CREATE TABLE IF NOT EXISTS trials (
  rater INTEGER NOT NULL REFERENCES raters (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  case_id TEXT,
  first_item INTEGER,
  second_item INTEGER,
  expected INTEGER,
  answer INTEGER,                   -- NULL = not answered yet
  milliseconds INTEGER,             -- from showing to answering
  PRIMARY KEY (rater, position)
) WITHOUT ROWID;
"""


class RefusedError(Exception):
    """A request that the study cannot follow; the message is for the person who made it."""


@dataclass(frozen=True)
class Session:
    """Where one rater stands."""

    rater: str  # the made-up name
    stage: Stage
    done: int
    total: int
    position: int | None  # of the next question
    trial: Trial | None
    check: SoundCheck | None  # what to listen to, in stage sound_check
    checks_done: int


@dataclass(frozen=True)
class Vote:
    """One answered question."""

    rater: str
    position: int
    kind: Kind
    case: str | None
    items: tuple[int, ...]  # in the order that was shown
    expected: int | None
    answer: int
    milliseconds: int | None


class Votes:
    """The votes of a study. Safe to use from several threads and several processes."""

    def __init__(self, study: Study, *, now: Callable[[], float] = time.time) -> None:
        """Open or begin a study's votes and delete what its retention no longer allows.

        Raises:
            DataError: the file is damaged, of another study, or cannot be written.
        """
        self.study = study
        self.path = study.folder / FILE
        self._now = now
        self._lock = threading.RLock()
        with _errors(self.path):
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._db = sqlite3.connect(
                self.path, isolation_level=None, timeout=20.0, check_same_thread=False
            )
        try:
            with _errors(self.path):
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Votes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- What raters do ---------------------------------------------------------------------

    def join(self, code: str) -> Session:
        """Begin as a rater who has agreed; again with the same code: go on.

        Raises:
            RefusedError: the study takes no more raters.
        """
        with self._transaction():
            if self._row(code) is None:
                self._add_rater(code)
            return self._session(code)

    def session(self, code: str) -> Session:
        """Where the rater with this code stands.

        Raises:
            RefusedError: no such rater.
        """
        with self._transaction():
            return self._session(code)

    def answer_sound_check(self, code: str, number: int, beeps: int) -> Session:
        """Answer the sound check ``number`` (from 0); one that was answered already is ignored."""
        with self._transaction():
            session = self._session(code)
            if session.stage == "sound_check" and session.check and session.checks_done == number:
                self._db.execute(
                    "UPDATE raters SET sound_checks = sound_checks + 1, hears = ? WHERE name = ?",
                    (int(beeps == session.check.beeps), session.rater),
                )
            return self._session(code)

    def vote(self, code: str, position: int, answer: int, milliseconds: int | None) -> Session:
        """Answer a question. The first answer stands: sent again, it changes nothing.

        It is on disk when this returns.

        Raises:
            RefusedError: no such rater, a question that is not the rater's next, or no such answer.
        """
        with self._transaction():
            session = self._session(code)
            if not 0 <= answer < len(self.study.definition.options):
                raise RefusedError(f"answer {answer} is not one of those that can be given")
            if milliseconds is not None:
                milliseconds = min(max(milliseconds, 0), MAX_MILLISECONDS)
            if 0 <= position < session.done:
                return session  # a resend
            if session.position != position:
                raise RefusedError(f"question {position} is not the next one; load the page again")
            self._db.execute(
                "UPDATE trials SET answer = ?, milliseconds = ? WHERE position = ? AND rater ="
                " (SELECT id FROM raters WHERE name = ?)",
                (answer, milliseconds, position, session.rater),
            )
            return self._session(code)

    def withdraw(self, code: str) -> bool:
        """Delete a rater and all that the rater answered; False: nobody has this code.

        Deleted bytes are overwritten, and the write-ahead log is emptied.
        """
        with self._lock, _errors(self.path):
            with self._transaction():
                gone = self._db.execute("DELETE FROM raters WHERE code_sha256 = ?", (_hash(code),))
                found = gone.rowcount > 0
                if found:
                    self._count("withdrawn", gone.rowcount)
            if found:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return found

    # --- What reports read ------------------------------------------------------------------

    def votes(self) -> list[Vote]:
        """All answered questions, by rater and position."""
        with self._lock, _errors(self.path):
            rows = self._db.execute(
                "SELECT name, position, kind, case_id, first_item, second_item, expected, answer,"
                " milliseconds FROM trials JOIN raters ON raters.id = trials.rater"
                " WHERE answer IS NOT NULL ORDER BY raters.id, position"
            ).fetchall()
        return [
            Vote(name, position, kind, case, _items(first, second), expected, answer, milliseconds)
            for name, position, kind, case, first, second, expected, answer, milliseconds in rows
        ]

    def tallies(self) -> dict[str, int]:
        """Raters who are in it, who finished, who did not hear, who withdrew, whose time ended."""
        with self._lock, _errors(self.path):
            raters, deaf = self._db.execute(
                "SELECT COUNT(*), COALESCE(SUM(hears = 0), 0) FROM raters"
            ).fetchone()
            (open_raters,) = self._db.execute(
                "SELECT COUNT(DISTINCT rater) FROM trials WHERE answer IS NULL"
            ).fetchone()
            about = dict(self._db.execute("SELECT key, value FROM about").fetchall())
        return {
            "joined": raters,
            "finished": raters - open_raters,
            "without_sound": deaf,
            "withdrawn": int(about.get("withdrawn", 0)),
            "expired": int(about.get("expired", 0)),
        }

    # --- Inside -----------------------------------------------------------------------------

    def _prepare(self) -> None:
        mode = self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise DataError(
                f"{self.path}: this file system cannot hold a write-ahead log; copy the study's "
                "folder to a local disk"
            )
        self._db.execute("PRAGMA synchronous=FULL")  # power may fail right after a vote
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(SCHEMA)
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO about VALUES ('study_sha256', ?)", (self.study.sha256,)
            )
            (found,) = self._db.execute(
                "SELECT value FROM about WHERE key = 'study_sha256'"
            ).fetchone()
        if found != self.study.sha256:
            raise DataError(
                f"{self.path}: votes of another version of this study; put back the study.json "
                "that they were given for, or move the file away"
            )
        self._expire()

    def _expire(self) -> None:
        days = self.study.definition.retention_days
        if days is None:
            return
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM raters WHERE started < ?", (self._now() - days * DAY,)
            ).rowcount
            if gone:
                self._count("expired", gone)
        if gone:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _count(self, key: str, by: int) -> None:
        self._db.execute(
            "INSERT INTO about VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ?",
            (key, str(by), by),
        )

    def _row(self, code: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(
            "SELECT id, name, sound_checks, hears FROM raters WHERE code_sha256 = ?", (_hash(code),)
        ).fetchone()
        return row

    def _add_rater(self, code: str) -> None:
        (raters,) = self._db.execute("SELECT COUNT(*) FROM raters").fetchone()
        if raters >= MAX_RATERS:
            raise RefusedError("this study takes no more raters")
        now = self._now()
        asked = dict(
            self._db.execute(
                "SELECT case_id, COUNT(*) FROM trials JOIN raters ON raters.id = trials.rater WHERE"
                " case_id IS NOT NULL AND (answer IS NOT NULL OR started > ?) GROUP BY case_id",
                (now - OPEN_SECONDS - DAY,),  # started is a day's midnight
            ).fetchall()
        )
        trials = assign(self.study, asked, np.random.default_rng())
        hears = not self.study.definition.sound_checks
        cursor = self._db.execute(
            "INSERT INTO raters (name, code_sha256, consent_sha256, started, sound_checks, hears)"
            " VALUES (?, ?, ?, ?, 0, ?)",
            (
                self._free_name(),
                _hash(code),
                self.study.consent_sha256,
                now - now % DAY,
                int(hears),
            ),
        )
        self._db.executemany(
            "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            [
                (cursor.lastrowid, place, t.kind, t.case, *_columns(t.items), t.expected)
                for place, t in enumerate(trials)
            ],
        )

    def _free_name(self) -> str:
        while True:
            name = f"r-{secrets.token_hex(3)}"
            taken = self._db.execute("SELECT 1 FROM raters WHERE name = ?", (name,)).fetchone()
            if taken is None:
                return name

    def _session(self, code: str) -> Session:
        row = self._row(code)
        if row is None:
            raise RefusedError("no rater has this code; the votes may have been withdrawn")
        id, name, checks_done, hears = row
        total, done = self._db.execute(
            "SELECT COUNT(*), COUNT(answer) FROM trials WHERE rater = ?", (id,)
        ).fetchone()
        if not hears:
            closed = checks_done >= MAX_SOUND_CHECKS
            check = None if closed else self._check(name, checks_done)
            stage: Stage = "closed" if closed else "sound_check"
            return Session(name, stage, done, total, None, None, check, checks_done)
        if done == total:
            return Session(name, "finished", done, total, None, None, None, checks_done)
        kind, case, first, second, expected = self._db.execute(
            "SELECT kind, case_id, first_item, second_item, expected FROM trials"
            " WHERE rater = ? AND position = ?",
            (id, done),
        ).fetchone()
        trial = Trial(kind, case, _items(first, second), expected)
        return Session(name, "trial", done, total, done, trial, None, checks_done)

    def _check(self, name: str, number: int) -> SoundCheck:
        """Which beeps come; the same ones when the page is loaded again."""
        checks = self.study.definition.sound_checks
        return checks[int(_hash(f"{name} {number} {self.study.sha256}")[:8], 16) % len(checks)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it on disk, or none of it."""
        with self._lock, _errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def has_votes(folder: Path) -> bool:
    """Whether a study was ever served."""
    return (folder / FILE).is_file()


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DataError(
            f"{path}: {error}; see that the disk has room and that the file is whole"
        ) from None


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _items(first: int | None, second: int | None) -> tuple[int, ...]:
    return tuple(place for place in (first, second) if place is not None)


def _columns(items: tuple[int, ...]) -> tuple[int | None, int | None]:
    return (items[0] if items else None, items[1] if len(items) > 1 else None)
