"""The page of a data set: everything is on it, and nothing beside it is needed."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from sightsound.cli import main
from sightsound.errors import DataError
from sightsound.pairs.leaks import LeakReport
from sightsound.pairs.page import page, spectrogram, write_page
from sightsound.pairs.performances import Dataset, Leak
from tiny_dataset import CLASSES, make_tiny

NO_LEAKS = LeakReport((), 12, 12)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_tiny(tmp_path_factory.mktemp("page") / "tiny", players=2)


VOID = ("meta", "img", "br")


class Checker(HTMLParser):
    """Tags opened and closed in order; what the page points to; its words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in VOID:
            # A paragraph ends where a block begins.
            if tag in ("p", "h3", "ul", "table") and self.open and self.open[-1] == "p":
                self.open.pop()
            self.open.append(tag)
        self.addresses += [str(value) for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == "p" and tag != "p":
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def read(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


def test_everything_is_on_it(dataset: Dataset) -> None:
    checker = read(page(dataset, NO_LEAKS))
    words = " ".join(checker.words)
    for expected in (*CLASSES, "train", "validation", "test", "CC0", "made up", dataset.sha256):
        assert expected in words
    assert "No player, piece or performance is in two splits" in words
    # Four frames of each class (2 train, 1 validation, 1 test), and a spectrogram and a sound.
    assert checker.counts["img"] == len(CLASSES) * (4 + 1)
    assert checker.counts["audio"] == len(CLASSES)


def test_nothing_beside_it_is_needed(dataset: Dataset) -> None:
    text = page(dataset, NO_LEAKS)
    checker = read(text)
    assert checker.addresses
    for address in checker.addresses:
        kind, _, content = address.partition(";base64,")
        decoded = base64.b64decode(content, validate=True)
        if kind == "data:image/webp":
            PillowImage.open(io.BytesIO(decoded)).load()
        else:
            assert kind == "data:audio/mpeg"
            assert len(decoded) > 500
    assert not re.search(r"https?://|url\(|@import|<script", text)


def test_names_are_text_and_nothing_more(dataset: Dataset) -> None:
    import dataclasses

    info = dataclasses.replace(dataset.info, name="<script>&", license='"<b>" `unheard`')
    leak = Leak("player", (("train", "a"), ("test", "b")), "player '<i>' is in both")
    many = LeakReport((leak,) * 30, 2, 2)
    text = page(dataclasses.replace(dataset, info=info), many)
    checker = read(text)
    assert "script" not in checker.counts
    assert "b" not in checker.counts or text.count("<b>") == 5  # the tiles' own
    words = "".join(checker.words)
    assert "<script>&" in words
    assert "<code>unheard</code>" in text
    assert "player '<i>' is in both" in words
    assert "and 10 more" in words


def test_the_same_twice(dataset: Dataset) -> None:
    assert page(dataset, NO_LEAKS) == page(dataset, NO_LEAKS)
    assert page(dataset, NO_LEAKS, seed=1) != page(dataset, NO_LEAKS)
    assert read(page(dataset, NO_LEAKS, columns=2)).counts["img"] == len(CLASSES) * 3


def test_a_spectrogram_shows_the_tone_where_it_is() -> None:
    """A tone of 1000 Hz is a bright line at its mel band, dark elsewhere."""
    rate = 22_050
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    pixels = spectrogram(tone, rate)
    assert pixels.shape == (128, 101, 3)
    brightness = pixels.astype(int).sum(axis=2).mean(axis=1)
    # 1000 Hz is 15 of Slaney's mels; 128 bands from 0 to 11,025 Hz reach 49.9 mels.
    top = 15 + np.log(11.025) * 27 / np.log(6.4)
    expected = 127 - (15 / top * 129 - 1)
    assert abs(brightness.argmax() - expected) <= 1.5
    assert brightness.max() > 3 * np.median(brightness)


def test_the_command(dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "page.html"
    assert main(["data", "show", str(dataset.folder), "--page", str(made)]) == 0
    assert dataset.name in read(made.read_text(encoding="utf-8")).words
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    capsys.readouterr()
    assert main(["data", "show", str(dataset.folder), "--page", str(tmp_path / "page.txt")]) == 2
    assert "a page is written as .html" in capsys.readouterr().err
    with pytest.raises(DataError, match="as \\.html"):
        write_page(dataset, tmp_path / "page", NO_LEAKS)
