"""A data set so small and regular that the right answer to every question is known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sightsound.pairs.performances import (
    Dataset,
    DatasetInfo,
    PerformanceInfo,
    finish_dataset,
    write_performance,
)

CLASSES = ("cello", "flute", "horn")
FRAME_RATE = 25.0
SIZE = 16
SAMPLE_RATE = 8000


def ramp(seconds: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """A sound whose sample number can be read off each sample: value = number − 30 000."""
    return ((np.arange(round(seconds * sample_rate)) % 60_000) - 30_000).astype(np.float32) / 32768


def grey_of(frame: int) -> int:
    """The level of frame number ``frame`` (to 79): 3 apart, so that no codec confuses them."""
    return min(16 + 3 * frame, 255)


def frames_of(count: int, size: int = SIZE) -> np.ndarray:
    """Flat grey frames whose level tells their number."""
    return np.stack([np.full((size, size, 3), grey_of(n), np.uint8) for n in range(count)])


def truth_of(instrument: str, frames: int, seed: int) -> dict[str, Any]:
    """Truth such as a maker of performances would give, drawn at random."""
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {
        "frame_times": np.arange(frames) / FRAME_RATE,
        "pitch_hz": np.full(frames, 440.0, np.float32),
        "loudness_db": np.linspace(-30, -10, frames, dtype=np.float32),
        "onset_times": np.array([0.0, 1.0]),
        "keypoints": rng.uniform(0, SIZE, (frames, 2, 2)).astype(np.float32),
        "breath": np.zeros(frames, np.float32),
        "sway": np.zeros(frames, np.float32),
    }
    if instrument == "cello":
        truth["bow_fraction"] = rng.uniform(0, 1, frames).astype(np.float32)
        truth["bow_velocity"] = rng.normal(0, 1, frames).astype(np.float32)
        truth["string_index"] = rng.integers(0, 4, frames)
        truth["finger_position"] = rng.uniform(0, 0.5, frames).astype(np.float32)
    elif instrument == "flute":
        truth["keys"] = rng.integers(0, 2, (frames, 16))
    else:
        truth["valves"] = rng.integers(0, 2, (frames, 3))
    return truth


def add_performance(
    folder: Path,
    name: str,
    split: str,
    instrument: str | None,
    player: str | None,
    *,
    piece: str | None = None,
    voice: str | None = None,
    seconds: float = 2.0,
    seed: int = 0,
    waveform: np.ndarray | None = None,
    truth: dict[str, Any] | None = None,
) -> None:
    """Write one performance of the ramp and the grey frames."""
    frames = round(seconds * FRAME_RATE)
    if waveform is None:
        waveform = ramp(seconds)
        waveform[-1] = -seed / 32768  # no two performances are the same sound
    if truth is None:
        truth = truth_of(instrument or "horn", frames, seed)
    write_performance(
        folder,
        PerformanceInfo(
            id=name,
            split=split,
            instrument=instrument,
            player=player,
            piece=piece or f"piece of {name}",
            voice=voice,
            frame_rate=FRAME_RATE,
            keypoint_names=("left_hand", "right_hand") if "keypoints" in truth else (),
        ),
        waveform,
        SAMPLE_RATE,
        frames_of(frames),
        truth,
    )


def finish(folder: Path, classes: Iterable[str] = CLASSES) -> Dataset:
    """Finish a data set of such performances."""
    return finish_dataset(
        folder,
        DatasetInfo(
            name="tiny",
            kind="test",
            classes=tuple(classes),
            frame_rate=FRAME_RATE,
            image_size=SIZE,
            license="CC0",
            seed=0,
            sources=("made up",),
        ),
    )


def make_tiny(folder: Path, *, players: int = 2, seconds: float = 2.0) -> Dataset:
    """Each instrument by ``players`` players in train, by one in validation and in test."""
    seed = 0
    for split, count in (("train", players), ("validation", 1), ("test", 1)):
        for instrument in CLASSES:
            for player in range(count):
                name = f"{split}-{instrument}-{player}"
                seed += 1
                add_performance(
                    folder, name, split, instrument, f"player of {name}", seconds=seconds, seed=seed
                )
    return finish(folder)
