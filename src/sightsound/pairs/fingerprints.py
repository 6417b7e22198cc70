"""Sound and frames of recordings in, the pairs of recordings that are the same one out.

Made so that another codec, another size, another loudness or another cut does not hide that two
files hold the same performance, and that two performances of the same piece are not taken for one.

* Sound: 62.5 times a second, 32 bits that say how the energy's slope over frequency changes
  between two moments, in 33 bands from 300 to 2000 Hz. Two sounds are the same where for 3 s at
  most a quarter of the bits differ; of unlike sounds, half do.
  *Source*: Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002.
* Frames: 8 times a second, an 8 × 8 grid of grey. What is compared is how the grid changes in
  half a second, since a room and a camera that stay are no sign of the same recording. Two films
  are the same where these changes correlate by 0.8 for 4 s.

Which pairs are looked at closely is told by equal keys at a constant distance in time, so that a
folder of thousands of files needs no comparison of all with all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from sightsound.shapes import Frames

SOUND_STEP_SECONDS = 0.016
GRID_STEP_SECONDS = 0.125
GRID = 8  # cells a side

_RATE = 5000  # Hz
_HOP = 80  # samples
_WINDOW = 2048  # samples
_EDGES_HZ = np.geomspace(300.0, 2000.0, 34)
_QUIET_DB = -55.0  # a moment softer than this is not compared
_MAX_ERRORS = 0.25  # share of the bits
_SOUND_BLOCK = 188  # moments: 3 s
_LAG = 4  # steps of the grid: half a second
_GRID_BLOCK = 32  # steps: 4 s
_MIN_CHANGE = 12  # levels of 255, of the cell that changes most
_MIN_CORRELATION = 0.8
_MAX_BUCKET = 32  # a key that is more common tells nothing
_MIN_VOTES = {"sound": 2, "frames": 3}


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a recording."""

    bits: NDArray[np.uint32]  # (n,), every SOUND_STEP_SECONDS
    heard: NDArray[np.bool_]  # (n,), loud enough to be compared
    grids: NDArray[np.uint8]  # (m, 64), every GRID_STEP_SECONDS
    seen: NDArray[np.bool_]  # (m,), there is a frame


def sound_fingerprint(
    samples: NDArray[np.int16], sample_rate: int
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Bits and where they count: int16 (T,) → (n,), (n,). Takes the memory of a few seconds."""
    stream = soxr.ResampleStream(sample_rate, _RATE, 1, dtype="float32", quality="HQ")
    bits: list[NDArray[np.uint32]] = []
    heard: list[NDArray[np.bool_]] = []
    waiting = np.zeros(0, np.float32)
    before = None
    block = 20 * sample_rate
    for start in range(0, len(samples), block):
        piece = samples[start : start + block].astype(np.float32) / np.float32(32768)
        last = start + block >= len(samples)
        resampled = stream.resample_chunk(piece[:, None], last=last)[:, 0]
        waiting = np.concatenate([waiting, resampled])
        count = (len(waiting) - _WINDOW) // _HOP + 1
        if count < 1:
            continue
        energies, loudness = _band_energies(waiting, count)
        slopes = energies[:, :-1] - energies[:, 1:]
        if before is not None:
            slopes = np.concatenate([before, slopes])
        else:
            loudness = loudness[1:]
        before = slopes[-1:]
        bits.append(_packed(slopes[1:] > slopes[:-1]))
        heard.append(loudness >= _QUIET_DB)
        waiting = waiting[count * _HOP :]
    if not bits:
        return np.zeros(0, np.uint32), np.zeros(0, np.bool_)
    return np.concatenate(bits), np.concatenate(heard)


def _band_energies(
    samples: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy in 33 bands at ``count`` moments (count, 33), and the loudness there in dB."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    edges = np.rint(_EDGES_HZ * _WINDOW / _RATE).astype(int)
    sums = np.concatenate([np.zeros((count, 1)), np.cumsum(power, axis=1)], axis=1)
    loudness = 10 * np.log10(np.maximum(np.mean(frames.astype(np.float64) ** 2, axis=1), 1e-12))
    return sums[:, edges[1:]] - sums[:, edges[:-1]], loudness


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    weights = np.uint32(1) << np.arange(32, dtype=np.uint32)
    return np.asarray((bits * weights).sum(axis=1, dtype=np.uint32))


def grey_grid(pixels: Frames) -> NDArray[np.uint8]:
    """(H, W, 3) → (64,): means of grey over 8 × 8 cells."""
    grey = pixels.astype(np.float32).mean(axis=2)
    rows = np.linspace(0, grey.shape[0], GRID + 1).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], GRID + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    heights = np.diff([*rows, grey.shape[0]])
    widths = np.diff([*columns, grey.shape[1]])
    return np.asarray(np.rint(sums / np.outer(heights, widths)), np.uint8).reshape(-1)


def same_recordings(prints: Sequence[Fingerprint]) -> list[tuple[int, int, str]]:
    """Pairs (i, j), i < j, that are the same recording, and by what: "sound", "frames" or both."""
    found: dict[tuple[int, int], set[str]] = {}
    keys = [_sound_keys(each) for each in prints]
    for i, j, offset in _candidates(keys, _MIN_VOTES["sound"], tolerance=2):
        if any(_same_sound(prints[i], prints[j], offset + shift) for shift in range(-2, 3)):
            found.setdefault((i, j), set()).add("sound")
    changes = [_changes(each) for each in prints]
    keys = [_change_keys(*each) for each in changes]
    for i, j, offset in _candidates(keys, _MIN_VOTES["frames"], tolerance=1):
        if any(_same_changes(changes[i], changes[j], offset + shift) for shift in range(-1, 2)):
            found.setdefault((i, j), set()).add("frames")
    return [(i, j, " and ".join(sorted(kinds))) for (i, j), kinds in sorted(found.items())]


def _sound_keys(each: Fingerprint) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys and their times; a key that stays tells no moment."""
    fresh = np.concatenate([[True], each.bits[1:] != each.bits[:-1]])[: len(each.bits)]
    times = np.flatnonzero(each.heard & fresh)
    return each.bits[times].astype(np.int64), times.astype(np.int64)


def _changes(each: Fingerprint) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How the grid changes in half a second, without the change of the whole: (m, 64), (m,)."""
    grids = each.grids.astype(np.float32)
    if len(grids) <= _LAG:
        return np.zeros((0, GRID * GRID), np.float32), np.zeros(0, np.bool_)
    change = grids[_LAG:] - grids[:-_LAG]
    change -= change.mean(axis=1, keepdims=True)
    known = each.seen[_LAG:] & each.seen[:-_LAG]
    change[~known] = 0
    return change, known


def _change_keys(
    change: NDArray[np.float32], known: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The four cells that change most, and which way each."""
    if not len(change):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    size = np.abs(change)
    times = np.flatnonzero(known & (size.max(axis=1) >= _MIN_CHANGE))
    cells = np.sort(np.argsort(size[times], axis=1)[:, -4:], axis=1).astype(np.int64)
    signs = np.take_along_axis(change[times], cells, axis=1) > 0
    keys = np.zeros(len(times), np.int64)
    for column in range(4):
        keys = keys * 128 + 2 * cells[:, column] + signs[:, column]
    return keys, times.astype(np.int64)


def _candidates(
    keyed: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], votes: int, *, tolerance: int
) -> list[tuple[int, int, int]]:
    """Pairs (i, j) that share keys at one offset (time in j less time in i), and that offset."""
    keys = np.concatenate([np.zeros(0, np.int64), *(each[0] for each in keyed)])
    times = np.concatenate([np.zeros(0, np.int64), *(each[1] for each in keyed)])
    owners = np.repeat(np.arange(len(keyed)), [len(each[0]) for each in keyed])
    order = np.lexsort((owners, keys))
    keys, times, owners = keys[order], times[order], owners[order]
    _, counts = np.unique(keys, return_counts=True)
    rare = np.repeat(counts <= _MAX_BUCKET, counts)
    keys, times, owners = keys[rare], times[rare], owners[rare]
    rows: list[Any] = []
    for distance in range(1, min(_MAX_BUCKET, len(keys))):
        same = keys[distance:] == keys[:-distance]
        same &= owners[distance:] != owners[:-distance]
        first = np.flatnonzero(same)
        second = first + distance
        # Two bins, half a bin apart, so that an offset at a bin's edge is not parted.
        offset = times[second] - times[first]
        for shift in (0, tolerance):
            half = (offset + shift) // (2 * tolerance)
            rows.append(
                np.stack([owners[first], owners[second], 2 * half + (shift > 0), offset], 1)
            )
    if not rows:
        return []
    table = np.concatenate(rows)
    groups, inverse, counts = np.unique(
        table[:, :3], axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    sums = np.bincount(inverse, weights=table[:, 3], minlength=len(groups))
    best: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for place in np.flatnonzero(counts >= votes):
        pair = (int(groups[place, 0]), int(groups[place, 1]))
        best.setdefault(pair, []).append(
            (int(counts[place]), round(float(sums[place] / counts[place])))
        )
    # The offsets that most keys speak for.
    return [
        (*pair, offset)
        for pair, offsets in sorted(best.items())
        for _, offset in sorted(offsets, reverse=True)[:4]
    ]


def _same_sound(one: Fingerprint, other: Fingerprint, offset: int) -> bool:
    begin, end = max(0, -offset), min(len(one.bits), len(other.bits) - offset)
    block = min(_SOUND_BLOCK, max(len(one.bits), 1), max(len(other.bits), 1))
    if end - begin < block or block < _SOUND_BLOCK / 3:
        return False
    differing = np.bitwise_count(
        one.bits[begin:end] ^ other.bits[begin + offset : end + offset]
    ).astype(np.int64)
    heard = one.heard[begin:end] & other.heard[begin + offset : end + offset]
    wrong = _moving_sum(np.where(heard, differing, 0), block)
    compared = _moving_sum(heard.astype(np.int64), block)
    enough = compared >= 0.8 * block
    return bool(np.any(wrong[enough] <= _MAX_ERRORS * 32 * compared[enough]))


def _same_changes(
    one: tuple[NDArray[np.float32], NDArray[np.bool_]],
    other: tuple[NDArray[np.float32], NDArray[np.bool_]],
    offset: int,
) -> bool:
    begin, end = max(0, -offset), min(len(one[0]), len(other[0]) - offset)
    block = min(_GRID_BLOCK, max(len(one[0]), 1), max(len(other[0]), 1))
    if end - begin < block or block < _GRID_BLOCK / 3:
        return False
    a, b = one[0][begin:end], other[0][begin + offset : end + offset]
    compared = one[1][begin:end] & other[1][begin + offset : end + offset]
    moving = compared & (np.abs(a).max(axis=1) >= _MIN_CHANGE)
    sums = [
        _moving_sum(np.where(compared, (x * y).sum(axis=1), 0.0), block)
        for x, y in ((a, b), (a, a), (b, b))
    ]
    enough = _moving_sum(moving.astype(np.int64), block) >= 0.25 * block
    size = np.sqrt(np.maximum(sums[1] * sums[2], 1e-9))
    return bool(np.any(sums[0][enough] >= _MIN_CORRELATION * size[enough]))


def _moving_sum(values: NDArray[Any], length: int) -> NDArray[Any]:
    sums = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(sums[length:] - sums[:-length])
