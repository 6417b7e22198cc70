"""A data set that can be learnt in seconds: each class has its own pitch and its own colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightsound.pairs.performances import (
    Dataset,
    DatasetInfo,
    PerformanceInfo,
    finish_dataset,
    write_performance,
)
from sightsound.shapes import INSTRUMENTS

PITCHES = {"bassoon": 110.0, "flute": 880.0, "violin": 440.0}
COLOURS = {"bassoon": (200, 60, 40), "flute": (60, 200, 60), "violin": (60, 60, 220)}
PLAYERS = {"train": 3, "validation": 1, "test": 1, "judge": 2}


def make(
    folder: Path,
    seconds: float = 1.5,
    classes: tuple[str, ...] = INSTRUMENTS,
    names: dict[str, str] | None = None,
    players: dict[str, int] | None = None,
    *,
    moving: bool = False,
) -> Dataset:
    """Tones with two harmonics and flat pictures with a stripe where the player stands.

    ``names``: what the three instruments are called; None = by their names. ``players``: of each
    instrument in each split. ``moving``: the stripe goes from left to right, so that a player has
    different poses.
    """
    number = 0
    for split, of_instrument in (players or PLAYERS).items():
        for instrument, pitch in PITCHES.items():
            for player in range(of_instrument):
                number += 1
                rng = np.random.default_rng(number)
                time = np.arange(round(44_100 * seconds)) / 44_100
                hertz = pitch * 2 ** (rng.uniform(-1, 1) / 12)
                tone = 0.2 * np.sin(2 * np.pi * hertz * time) + 0.1 * np.sin(
                    4 * np.pi * hertz * time
                )
                waveform = (tone + rng.normal(0, 0.003, len(time))).astype(np.float32)
                place = int(rng.integers(4, 50))
                stripe = rng.integers(0, 256, 3)
                count = round(25 * seconds)
                places = np.full(count, place)
                if moving:
                    places = np.linspace(4, 50, count).astype(int)
                frames = []
                for left in places:
                    frame = np.empty((64, 64, 3), np.uint8)
                    frame[:] = COLOURS[instrument]
                    frame[:, left : left + 8] = stripe
                    frames.append(frame)
                truth = {  # the stripe stands where the finger is
                    "frame_times": np.arange(len(frames)) / 25,
                    "pitch_hz": np.full(len(frames), hertz, np.float32),
                    "finger_position": (places / 64).astype(np.float32),
                }
                name = f"{split}-{instrument}-{player}"
                write_performance(
                    folder,
                    PerformanceInfo(
                        id=name,
                        split=split,
                        instrument=(names or {}).get(instrument, instrument),
                        player=name,
                        piece=name,
                    ),
                    waveform,
                    44_100,
                    frames,
                    truth,
                )
    info = DatasetInfo(
        name="tones",
        kind="orchestra",
        classes=classes,
        frame_rate=25.0,
        image_size=64,
        license="MIT",
        sources=("tones (MIT)",),
    )
    return finish_dataset(folder, info)
