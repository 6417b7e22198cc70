"""Planted leaks are found, and what only resembles is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from sightsound.cli import main
from sightsound.media.audio import read_audio, write_audio
from sightsound.pairs import leaks, performances
from sightsound.pairs.leaks import LeakReport, find_leaks, fingerprint, picture_print
from sightsound.pairs.performances import (
    Dataset,
    DatasetInfo,
    PerformanceInfo,
    finish_dataset,
    write_performance,
)

RATE = 16_000
SIZE = 48
SECONDS = 4.0


def melody(seed: int, seconds: float = SECONDS) -> np.ndarray:
    """A made-up tune (T,): notes of a quarter second to a half, with partials and decay."""
    rng = np.random.default_rng(seed)
    notes = []
    while sum(map(len, notes)) < seconds * RATE:
        moments = np.arange(round(rng.uniform(0.25, 0.5) * RATE)) / RATE
        pitch = 220 * 2 ** (rng.integers(0, 25) / 12)
        partials = [
            rng.uniform(0.1, 1) * np.sin(2 * np.pi * pitch * n * moments) for n in (1, 2, 3)
        ]
        notes.append(sum(partials) * np.exp(-3 * moments))
    sound = np.concatenate(notes)[: round(seconds * RATE)]
    sound = sound + rng.normal(0, 0.003, len(sound))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def scene(seed: int) -> np.ndarray:
    """A made-up picture (SIZE, SIZE, 3): soft patches of colour."""
    patches = np.random.default_rng(seed).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    return np.asarray(PillowImage.fromarray(patches).resize((SIZE, SIZE)))


def add(
    folder: Path,
    name: str,
    split: str,
    sound: np.ndarray,
    picture: np.ndarray,
    *,
    player: str | None = None,
    piece: str | None = None,
) -> None:
    frames = round(len(sound) / RATE * 4)
    write_performance(
        folder,
        PerformanceInfo(
            id=name,
            split=split,
            instrument="flute",
            player=player or f"player of {name}",
            piece=piece or f"piece of {name}",
            frame_rate=4.0,
        ),
        sound,
        RATE,
        [picture] * frames,
    )


def finish(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> Dataset:
    if monkeypatch is not None:  # a data set that an importer would refuse
        monkeypatch.setattr(performances, "check_splits", lambda dataset: None)
    info = DatasetInfo(
        name="made-up",
        kind="test",
        classes=("flute",),
        frame_rate=4.0,
        image_size=SIZE,
        license="CC0",
    )
    return finish_dataset(folder, info)


def add_innocent(folder: Path) -> None:
    for number in range(6):
        split = ("train", "validation", "test")[number % 3]
        add(folder, f"innocent{number}", split, melody(number), scene(number))


def found(dataset: Dataset) -> set[tuple[str, frozenset[str]]]:
    report = find_leaks(dataset, progress=False)
    return {(leak.kind, frozenset(name for _, name in leak.places)) for leak in report.leaks}


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    add_innocent(tmp_path)
    report = find_leaks(finish(tmp_path), progress=False)
    assert report.leaks == ()
    assert (report.performances, report.frames) == (6, 6 * 2)
    assert "none" in str(report)


def through_mp3(sound: np.ndarray, tmp_path: Path) -> np.ndarray:
    write_audio(tmp_path / "again.mp3", sound[None], RATE)
    return read_audio(tmp_path / "again.mp3").waveform[0]


def test_planted_leaks_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    add_innocent(data)
    add(data, "a-train", "train", melody(20), scene(20), player="one and the same")
    add(data, "a-test", "test", melody(21), scene(21), player="one and the same")
    add(data, "b-train", "train", melody(22), scene(22), piece="one piece")
    add(data, "b-test", "test", melody(23), scene(23), piece="one piece")
    add(data, "c-train", "train", melody(24), scene(24))
    add(data, "c-judge", "judge", melody(24), scene(25))
    # The sound cut, half as loud, with hiss, through MP3; the picture through a poor JPEG.
    rng = np.random.default_rng(0)
    cut = melody(26, 6.0)[round(0.777 * RATE) :][: round(4.1 * RATE)]
    altered = through_mp3(0.5 * cut + rng.normal(0, 0.002, len(cut)).astype(np.float32), tmp_path)
    add(data, "d-train", "train", melody(26, 6.0), scene(26))
    add(data, "d-test", "test", altered, scene(27))
    PillowImage.fromarray(scene(28)).save(tmp_path / "again.jpg", quality=60)
    again = np.asarray(PillowImage.open(tmp_path / "again.jpg"))
    add(data, "e-train", "train", melody(28), scene(28))
    add(data, "e-validation", "validation", melody(29), again)
    dataset = finish(data, monkeypatch)
    assert found(dataset) == {
        ("player", frozenset({"a-train", "a-test"})),
        ("piece", frozenset({"b-train", "b-test"})),
        ("same sound", frozenset({"c-train", "c-judge"})),
        ("near-duplicate sound", frozenset({"d-train", "d-test"})),
        ("near-duplicate picture", frozenset({"e-train", "e-validation"})),
    }
    sound = next(
        leak
        for leak in find_leaks(dataset, progress=False).leaks
        if leak.kind == "near-duplicate sound"
    )
    assert "0.7" in sound.text  # how far apart: 0.78 s


def test_the_same_in_one_split_is_no_leak(tmp_path: Path) -> None:
    add(tmp_path, "one", "train", melody(1), scene(1), player="p", piece="q")
    add(tmp_path, "two", "train", melody(1), scene(1), player="p", piece="q")
    add(tmp_path, "three", "test", melody(2), scene(2))
    # unheard counts as test: it has test's players by design.
    add(tmp_path, "four", "unheard", melody(2), scene(2), player="player of three")
    assert found(finish(tmp_path)) == set()


def test_a_performance_that_is_there_twice(tmp_path: Path) -> None:
    add_innocent(tmp_path)
    dataset = finish(tmp_path)
    twin = dataclasses.replace(dataset.members[0], split="test", player="other", piece="other")
    doubled = dataclasses.replace(dataset, members=(*dataset.members, twin))
    kinds = {kind for kind, _ in found(doubled)}
    assert {"performance", "same sound"} <= kinds


def test_silence_and_even_pictures_are_nobodys_twin(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "test")):
        sound = np.zeros(round(SECONDS * RATE), np.float32)
        sound[: RATE // 2] = melody(40 + number, 0.5)  # else the same sound
        add(tmp_path, f"silent-{split}", split, sound, np.full((SIZE, SIZE, 3), 90, np.uint8))
    assert found(finish(tmp_path)) == set()


def test_other_clothes_are_another_picture(tmp_path: Path) -> None:
    drawn = scene(50)
    add(tmp_path, "red", "train", melody(50), drawn)
    # The same grey cells would need the same luminance; exchanging red and blue keeps outlines.
    grey = drawn.mean(axis=2, keepdims=True)
    coloured = np.clip(grey + np.array([60, 0, -60]), 0, 255).astype(np.uint8)
    other = np.clip(grey + np.array([-60, 0, 60]), 0, 255).astype(np.uint8)
    signs = [picture_print(each)[0] for each in (coloured, other)]
    differ = np.bitwise_count(signs[0] ^ signs[1]).sum()
    either = np.bitwise_count(signs[0] | signs[1]).sum()
    assert differ / either < leaks.MAX_PICTURE_DIFFERENCE  # outlines alone would call them twins
    add(tmp_path, "coloured", "train", melody(51), coloured)
    add(tmp_path, "other", "test", melody(52), other)
    assert found(finish(tmp_path)) == set()


def test_bits_of_a_fingerprint_worked_by_hand() -> None:
    """Of a tone that grows, the bit of its band is set: its energy grows, its neighbour's not."""
    moments = np.arange(round(2.0 * leaks._RATE)) / leaks._RATE
    edges = np.geomspace(200.0, 3600.0, 34)
    for band in (5, 16, 28):
        middle = (edges[band] + edges[band + 1]) / 2
        growing = (0.1 * moments * np.sin(2 * np.pi * middle * moments)).astype(np.float32)
        bits, audible = fingerprint(growing[None], leaks._RATE)
        assert len(bits) == (len(moments) - 3072) // 96
        # Bit m compares band m with band m + 1: set where the tone is band m, clear below it.
        assert (bits[audible] >> band & 1).all()
        assert not (bits[audible] >> (band - 1) & 1).any()
    _, audible = fingerprint(np.zeros((1, 2 * leaks._RATE), np.float32), leaks._RATE)
    assert not audible.any()
    assert len(fingerprint(np.zeros((1, 100), np.float32), leaks._RATE)[0]) == 0


def test_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_innocent(tmp_path)
    add(tmp_path, "twin", "test", 0.5 * melody(0), scene(99))
    dataset = finish(tmp_path)
    alone = find_leaks(dataset, workers=1, progress=False)
    monkeypatch.setattr(leaks, "_PERFORMANCES_WORTH_A_PROCESS", 2)
    assert find_leaks(dataset, workers=2, progress=False) == alone
    assert len(alone.leaks) == 1


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_innocent(tmp_path / "clean")
    finish(tmp_path / "clean")
    assert main(["data", "show", str(tmp_path / "clean"), "--leaks"]) == 0
    assert "leaks    none" in capsys.readouterr().out
    add_innocent(tmp_path / "leaky")
    add(tmp_path / "leaky", "twin", "test", 0.5 * melody(0), scene(99))
    finish(tmp_path / "leaky")
    assert main(["data", "show", str(tmp_path / "leaky"), "--leaks", "--json"]) == 2
    captured = capsys.readouterr()
    (leak,) = json.loads(captured.out)["leaks"]["leaks"]
    assert leak["kind"] == "near-duplicate sound"
    assert leak["places"] == [["train", "innocent0"], ["test", "twin"]]
    assert "1 things are in two splits" in captured.err


def test_a_long_list_is_cut_short() -> None:
    leak = performances.Leak("player", (("train", "a"), ("test", "b")), "player 'p' is in both")
    text = str(LeakReport((leak,) * 9, 18, 0))
    assert text.count("is in both") == 5
    assert "… and 4 more" in text
