"""Loudness and times of a recording in, the stretches of it that are worth keeping out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import ConfigError
from sightsound.shapes import Frames

BLOCK_SECONDS = 0.05  # of sound whose loudness is looked at

Stretch = tuple[float, float]
"""From and until, seconds."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709


@dataclass(frozen=True, kw_only=True)
class StretchRules:
    """What of a recording is kept, and where it is parted."""

    silence_db: float = -60.0  # dB re full scale: a block of 0.05 s whose RMS is below is silent
    min_silence_seconds: float = 1.0  # a shorter silence is a rest, and stays
    silence_margin_seconds: float = 0.2  # of a silence that is kept beside the sound
    black_luma: float = 0.1  # 0 black to 1 white: black is a frame 99 % of which lie below
    max_gap_seconds: float = 1.0  # without a frame that is kept; a longer gap parts the recording
    damage_margin_seconds: float = 0.25  # left out on either side of damaged sound
    min_seconds: float = 1.0  # a shorter stretch is left out
    max_seconds: float = 60.0  # a longer stretch is parted evenly


def check_rules(rules: StretchRules) -> None:
    """Refuse rules that cannot be meant.

    Raises:
        ConfigError: a length below 0, min_seconds below 0.5 or above max_seconds.
    """
    lengths = (
        rules.min_silence_seconds,
        rules.silence_margin_seconds,
        rules.max_gap_seconds,
        rules.damage_margin_seconds,
    )
    if not all(0 <= length < math.inf for length in lengths):
        raise ConfigError(f"{rules}: a length of time is 0 or more and ends")
    if not 0.5 <= rules.min_seconds <= rules.max_seconds:
        raise ConfigError(
            f"min_seconds={rules.min_seconds}, max_seconds={rules.max_seconds}: at least 0.5 "
            "(one window), and the one not above the other"
        )
    if not 0 <= rules.black_luma < 1:
        raise ConfigError(f"black_luma={rules.black_luma}: 0 (off) to below 1 is allowed")


def block_loudness(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Root mean square of each block, dB re full scale: (T,) in [-1, 1] → (n,).

    The last block may be shorter.
    """
    length = round(BLOCK_SECONDS * sample_rate)
    starts = np.arange(0, len(samples), length)
    if not len(starts):
        return np.zeros(0)
    sums = np.add.reduceat(samples.astype(np.float64) ** 2, starts)
    counts = np.diff([*starts, len(samples)])
    return np.asarray(10 * np.log10(np.maximum(sums / counts, 1e-20)))


def kept_stretches(
    loudness_db: NDArray[np.float64],
    seconds: float,
    damage: Sequence[float],
    rules: StretchRules,
) -> list[Stretch]:
    """The stretches of a sound without its silences and damage, each at most ``max_seconds``.

    Args:
        loudness_db: of each block of BLOCK_SECONDS.
        seconds: how long the sound is.
        damage: seconds at which it is damaged.
        rules: what counts as silent, and how long a stretch may be.
    """
    loud = _runs(loudness_db >= rules.silence_db)
    stretches: list[Stretch] = []
    for begin, end in loud:
        start, stop = begin * BLOCK_SECONDS, min(end * BLOCK_SECONDS, seconds)
        if stretches and start - stretches[-1][1] < rules.min_silence_seconds:
            stretches[-1] = (stretches[-1][0], stop)
        else:
            stretches.append((start, stop))
    margin = min(rules.silence_margin_seconds, rules.min_silence_seconds / 2)
    stretches = [(max(0.0, a - margin), min(seconds, b + margin)) for a, b in stretches]
    for moment in sorted(damage):
        hole = (moment - rules.damage_margin_seconds, moment + rules.damage_margin_seconds)
        stretches = [part for each in stretches for part in _without(each, hole)]
    return [
        part
        for each in stretches
        if each[1] - each[0] >= rules.min_seconds
        for part in _parted(each, rules.max_seconds)
    ]


def is_black(pixels: Frames, rules: StretchRules) -> bool:
    """Whether 99 of 100 pixels (H, W, 3) are darker than ``black_luma``."""
    if pixels.max() < 255 * rules.black_luma:
        return rules.black_luma > 0
    luma = pixels.reshape(-1, 3) @ _LUMA
    return bool(np.mean(luma < 255 * rules.black_luma) >= 0.99)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Beginnings and ends (exclusive) of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _without(stretch: Stretch, hole: Stretch) -> list[Stretch]:
    start, stop = stretch
    if hole[1] <= start or hole[0] >= stop:
        return [stretch]
    return [part for part in ((start, hole[0]), (hole[1], stop)) if part[1] > part[0]]


def _parted(stretch: Stretch, longest: float) -> list[Stretch]:
    start, stop = stretch
    count = max(1, int(np.ceil((stop - start) / longest - 1e-9)))
    edges = np.linspace(start, stop, count + 1)
    return [(float(a), float(b)) for a, b in pairwise(edges)]
