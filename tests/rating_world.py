"""Tiny studies whose figures are worked by hand, and a rater who talks HTTP."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from sightsound.evaluation.rating.make import SAMPLE_RATE, Options, make_study
from sightsound.evaluation.rating.study import Study
from sightsound.media.audio import write_audio

# Of each condition 5 items, all seen by 3 raters, 20 votes each: 60. Raters 0 and 1 answer alike,
# rater 2 differs on the worst condition by one step.
CONDITIONS = ("truth", "s2i_c", "s2i_n", "s2i_a")
ANSWERS = {"truth": (3, 3, 3), "s2i_c": (2, 2, 2), "s2i_n": (1, 1, 1), "s2i_a": (0, 0, 1)}
MEANS = {"truth": 3.0, "s2i_c": 2.0, "s2i_n": 1.0, "s2i_a": 1.0 / 3.0}
# Krippendorff's alpha, ordinal, by hand. Coincidences, 5 things a condition, m = 3: o33 = o22 =
# o11 = 15, o00 = 5, o01 = o10 = 5; answers of each kind 10, 20, 15, 15, n = 60.
# δ² of 01: (30 − 15)² = 225, 02: 32.5² = 1056.25, 03: 47.5² = 2256.25, 12: 17.5² = 306.25,
# 13: 32.5², 23: 15². Observed sum 2·5·225 = 2250; expected sum 2·(200·225 + 150·1056.25 +
# 150·2256.25 + 300·306.25 + 300·1056.25 + 225·225) = 2002500.
# alpha = 1 − 59·2250 / 2002500 = 831/890.
ALPHA = 831.0 / 890.0
CLASSES = ("cello", "flute")


def write_picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", "sightsound of the condition")  # must not reach a rater
    PillowImage.fromarray(pixels).save(path, pnginfo=about)


def write_sound(path: Path, seed: int, seconds: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.2, 0.2, round(seconds * SAMPLE_RATE))
    write_audio(path, noise.astype(np.float32), SAMPLE_RATE)


def picture_folders(root: Path, items: int = 5) -> dict[str, Path]:
    """A folder a condition, with class folders, the same names in each."""
    folders = {}
    for number, name in enumerate(CONDITIONS):
        folders[name] = root / f"of-{name}"
        for item in range(items):
            label = CLASSES[item % len(CLASSES)]
            write_picture(folders[name] / label / f"{item:03d}.png", 100 * number + item)
    return folders


def scale_study(root: Path, **options: Any) -> Path:
    """The study whose figures are above; no attention items unless asked for."""
    asked = {"votes_per_rater": 20, "attention": 0, **options}
    return make_study(root / "study", picture_folders(root), options=Options(**asked))


def sound_study(root: Path, **options: Any) -> Path:
    """A choice between sounds of two conditions, without classes."""
    folders = {}
    for number, name in enumerate(("real", "fake")):
        folders[name] = root / f"of-{name}"
        for item in range(4):
            write_sound(folders[name] / f"{item:03d}.wav", 10 * number + item)
    asked = {"votes_per_rater": 4, "attention": 1, **options}
    return make_study(root / "sounds", folders, options=Options(task="choice", **asked))


def condition_of(study: Study, media: str) -> str:
    """The condition of what a rater is shown at ``/media/<id>``."""
    id = media.rpartition("/")[2]
    return next(item.condition for item in study.definition.items if item.media == id)


class Rater:
    """A rater's browser, in so far as the server sees it."""

    def __init__(self, port: int, number: int = 0, code: str | None = None) -> None:
        self.port, self.number = port, number
        self.code = code or secrets.token_hex(16)
        self.acknowledged = 0

    def send(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own → status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Authorization": f"Bearer {self.code}"}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, sent | headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def ask(self, path: str, body: object = None) -> dict[str, Any]:
        """As the page does: again and again while the server is away."""
        for _ in range(600):
            try:
                status, _, content = self.send("GET" if body is None else "POST", path, body)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            assert status == 200, content
            tree: dict[str, Any] = json.loads(content)
            return tree
        raise AssertionError("the server did not come back")

    def join(self) -> dict[str, Any]:
        consent = self.ask("/api/study")["consent_sha256"]
        return self.ask("/api/join", {"consent_sha256": consent})

    def answer_all(self, study: Study, *, twice: bool = False) -> None:
        """Answer as ``ANSWERS`` says; ``twice``: send each vote again, as after a lost reply."""
        session = self.join()
        while session["stage"] == "trial":
            trial = session["trial"]
            answer = ANSWERS[condition_of(study, trial["media"][0])][self.number]
            vote = {"position": trial["position"], "answer": answer, "milliseconds": 1500}
            session = self.ask("/api/vote", vote)
            self.acknowledged += 1
            if twice:
                assert self.ask("/api/vote", vote) == session
        assert session["stage"] == "finished"
