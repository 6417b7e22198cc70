"""A data set in, what is in two of its splits out: names, sounds and pictures.

Names and hashes find what is the same to the bit. A recording that was cut, made louder, encoded
anew or filmed again under another name is found by what is heard and seen:

* **Sounds** by fingerprint. 83 times a second, 32 bits say whether the difference of neighbouring
  bands' energy grew or shrank. Two sounds are laid over each other where their bits agree
  exactly now and then; they are near-duplicates if, over at least half of the shorter one, fewer
  than ``MAX_BIT_ERROR`` of the bits differ (0.5 by chance).
  Source: Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (2002).
  Departs: bands from 200 to 3600 Hz, for double basses and flutes; silence takes no part.
* **Pictures**, one each ``FRAME_SECONDS``, by the signs of the differences between neighbours in
  16 × 17 grey cells, and by 8 × 8 mean colours. Near-duplicates differ in at most
  ``MAX_PICTURE_DIFFERENCE`` of the signs that either has, and in colour by at most
  ``MAX_COLOUR_DIFFERENCE`` levels.
  Source: the difference hash of Krawetz (2013). Departs: differences of less than four levels
  are no sign, or even walls would be told apart by their noise; colours, or drawn players in other
  clothes would be the same.

Both find candidates: a reader decides. The thresholds are ours; docs/data.md says how they do.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from tqdm import tqdm

from sightsound.media.audio import resample
from sightsound.pairs.performances import Dataset, Leak, Performance, named_leaks, side_of
from sightsound.shapes import Frames, Waveform

MAX_BIT_ERROR = 0.35
MIN_OVERLAP_SECONDS = 1.5
MIN_OVERLAP_SHARE = 0.5  # of the shorter sound
MAX_PICTURE_DIFFERENCE = 0.25
MAX_COLOUR_DIFFERENCE = 8.0  # of 255 levels, mean over cells and colours
FRAME_SECONDS = 2.0

_RATE = 8000  # Hz
_WINDOW, _HOP = 3072, 96  # samples: 384 ms, 12 ms
_BANDS = 33
_LOWEST, _HIGHEST = 200.0, 3600.0  # Hz
_SILENCE = 1e-6  # mean square of a window: -60 dB re full scale
_MIN_VOTES = 2
_CANDIDATES = 3  # ways to lay two sounds over each other that are tried
_COMMONEST = 64  # bits that are there more often tell nothing
_STEP = 4.0  # levels between neighbouring cells that make a sign
_FEWEST_SIGNS = 24  # of 512; a picture with less is too even to be told from others
_PERFORMANCES_WORTH_A_PROCESS = 50
_BLOCK = 256


@dataclass(frozen=True)
class LeakReport:
    """What is in two splits."""

    leaks: tuple[Leak, ...]
    performances: int  # whose sounds were compared
    frames: int  # pictures that were compared

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "performances": self.performances,
            "frames": self.frames,
            "leaks": [
                {"kind": each.kind, "places": [list(p) for p in each.places], "text": each.text}
                for each in self.leaks
            ],
        }

    def by_kind(self) -> dict[str, list[Leak]]:
        """Kind → leaks, in the order in which they were looked for."""
        found: dict[str, list[Leak]] = defaultdict(list)
        for each in self.leaks:
            found[each.kind].append(each)
        return dict(found)

    def __str__(self) -> str:
        compared = f"{self.performances} sounds and {self.frames} frames compared"
        if not self.leaks:
            return (
                "leaks    none: no player, piece, performance or near-duplicate is in two splits "
                f"({compared})"
            )
        lines = [f"leaks    {len(self.leaks)} ({compared})"]
        for kind, found in self.by_kind().items():
            lines.append(f"  {kind}: {len(found)}")
            lines += [f"    {each}" for each in found[:5]]
            if len(found) > 5:
                lines.append(f"    … and {len(found) - 5} more")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Print:
    """What a performance is known again by."""

    bits: NDArray[np.uint32]  # (L,)
    audible: NDArray[np.bool_]  # (L,)
    signs: NDArray[np.uint64]  # (n, 8)
    colours: NDArray[np.uint8]  # (n, 192)
    seconds: NDArray[np.float64]  # (n,) of each picture


def find_leaks(
    dataset: Dataset, *, workers: int | None = None, progress: bool = True
) -> LeakReport:
    """Everything that is in two splits, near-duplicates included.

    Args:
        dataset: an opened data set.
        workers: processes; None = one a processor, but none for less than 50 performances each.
        progress: show a progress bar.
    """
    members = dataset.members
    prints = list(_prints(members, workers, progress))
    leaks = list(named_leaks(dataset))
    # What is the same to the bit is not reported once more.
    known = {frozenset(leak.places) for leak in leaks if leak.kind == "same sound"}
    for finder in (_near_sounds, _near_pictures):
        for leak in finder(members, prints):
            if frozenset(leak.places) not in known:
                leaks.append(leak)
    return LeakReport(tuple(leaks), len(members), sum(len(each.signs) for each in prints))


def _prints(
    members: Sequence[Performance], workers: int | None, progress: bool
) -> Iterator[_Print]:
    enough = len(members) // _PERFORMANCES_WORTH_A_PROCESS
    processes = min(workers or os.cpu_count() or 1, max(1, enough))
    with tqdm(total=len(members), desc="leaks", unit="performance", disable=not progress) as bar:
        if processes <= 1:
            for each in members:
                yield _print_of(each)
                bar.update()
            return
        with ProcessPoolExecutor(processes) as pool:
            try:
                for found in pool.map(_print_of, members, chunksize=8):
                    yield found
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _print_of(performance: Performance) -> _Print:
    bits, audible = fingerprint(performance.sound(), performance.sample_rate)
    times = performance.frame_times()
    pixels = performance.frame_pixels()
    wanted = np.arange(0.0, times[-1] + 1e-9, FRAME_SECONDS)
    chosen = np.unique(np.searchsorted(times, wanted).clip(max=len(times) - 1))
    found = [picture_print(pixels[place]) for place in chosen]
    return _Print(
        bits,
        audible,
        np.array([signs for signs, _ in found], np.uint64).reshape(-1, 8),
        np.array([colours for _, colours in found], np.uint8).reshape(-1, 192),
        times[chosen],
    )


# --- Sounds -------------------------------------------------------------------------------------


def fingerprint(
    waveform: Waveform, sample_rate: int
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """32 bits for each 12 ms of a sound, and whether anything is heard there.

    Args:
        waveform: (1, T) in [-1, 1].
        sample_rate: Hz.

    Returns:
        (L,) bits and (L,) audible; L is 0 for a sound of less than 0.4 s.
    """
    samples = resample(waveform, sample_rate, _RATE)[0].astype(np.float32)
    if len(samples) < _WINDOW + _HOP:
        return np.zeros(0, np.uint32), np.zeros(0, np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    edges = np.geomspace(_LOWEST, _HIGHEST, _BANDS + 1) * _WINDOW / _RATE
    starts = np.round(edges).astype(int)
    hann = np.hanning(_WINDOW).astype(np.float32)
    energies = np.empty((len(windows), _BANDS))
    power = np.empty(len(windows))
    for begin in range(0, len(windows), _BLOCK):  # so that a song of minutes takes little memory
        block = windows[begin : begin + _BLOCK]
        spectrum = np.abs(np.fft.rfft(block * hann)) ** 2
        sums = np.add.reduceat(spectrum, starts, axis=1)
        energies[begin : begin + _BLOCK] = sums[:, :_BANDS]
        power[begin : begin + _BLOCK] = np.mean(np.square(block), axis=1)
    differences = energies[:, :-1] - energies[:, 1:]
    grew = np.diff(differences, axis=0) > 0
    weights = np.left_shift(np.uint32(1), np.arange(_BANDS - 1, dtype=np.uint32))
    bits = (grew * weights).sum(axis=1, dtype=np.uint32)
    return bits, power[1:] > _SILENCE


def bit_error(one: _Print, other: _Print, offset: int) -> tuple[float, float]:
    """Share of bits that differ, and seconds compared; frame n of one is n + offset of other."""
    start, end = max(0, -offset), min(len(one.bits), len(other.bits) - offset)
    if end <= start:
        return 1.0, 0.0
    both = one.audible[start:end] & other.audible[start + offset : end + offset]
    if not both.any():
        return 1.0, 0.0
    differ = np.bitwise_count(one.bits[start:end] ^ other.bits[start + offset : end + offset])
    return float(differ[both].mean()) / (_BANDS - 1), float(both.sum()) * _HOP / _RATE


def _near_sounds(members: Sequence[Performance], prints: Sequence[_Print]) -> Iterator[Leak]:
    for (a, b), offsets in sorted(_overlaid(members, prints).items()):
        one, other = prints[a], prints[b]
        shorter = min(one.audible.sum(), other.audible.sum()) * _HOP / _RATE
        needed = max(MIN_OVERLAP_SECONDS, MIN_OVERLAP_SHARE * shorter)
        best = 1.0, 0.0, 0
        for offset in offsets:
            for near in (offset - 1, offset, offset + 1):
                error, seconds = bit_error(one, other, near)
                if seconds >= needed and error < best[0]:
                    best = error, seconds, near
        error, seconds, offset = best
        if error <= MAX_BIT_ERROR:
            places = _places(members[a], members[b])
            yield Leak(
                "near-duplicate sound",
                places,
                f"{_named(places)}: {seconds:.1f} s sound alike ({error:.0%} of the bits differ, "
                f"50% would by chance), {abs(offset) * _HOP / _RATE:.2f} s apart; keep them in "
                "one split",
            )


def _overlaid(
    members: Sequence[Performance], prints: Sequence[_Print]
) -> dict[tuple[int, int], list[int]]:
    """Pairs of performances of two splits whose bits agree exactly somewhere: how to lay them."""
    sides = np.array([side_of(each.split) for each in members])
    names, side = np.unique(sides, return_inverse=True)
    if len(names) < 2:
        return {}
    bits, owner, frame = [], [], []
    for place, each in enumerate(prints):
        # Of a run of equal bits, as in a held tone, the first is enough.
        fresh = np.ones(len(each.bits), np.bool_)
        fresh[1:] = each.bits[1:] != each.bits[:-1]
        chosen = np.flatnonzero(fresh & each.audible)
        bits.append(each.bits[chosen])
        owner.append(np.full(len(chosen), place))
        frame.append(chosen)
    values, owners, frames = map(np.concatenate, (bits, owner, frame))
    order = np.argsort(values, kind="stable")
    values, owners, frames = values[order], owners[order], frames[order]
    starts = np.flatnonzero(np.r_[np.ones(min(1, len(values)), np.bool_), np.diff(values) != 0])
    ends = np.r_[starts[1:], len(values)] if len(starts) else starts
    shared = (ends - starts >= 2) & (ends - starts <= _COMMONEST)
    votes: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for begin, end in zip(starts[shared], ends[shared], strict=True):
        group = range(int(begin), int(end))
        for i, j in combinations(group, 2):
            a, b = int(owners[i]), int(owners[j])
            if side[a] == side[b]:
                continue
            distance = int(frames[j] - frames[i])
            pair, offset = ((a, b), distance) if a < b else ((b, a), -distance)
            votes[pair][offset] += 1
    overlaid = {}
    for pair, counts in votes.items():
        # Neighbouring frames resemble each other: votes one frame apart are for the same place.
        strength = {
            offset: count + counts.get(offset - 1, 0) + counts.get(offset + 1, 0)
            for offset, count in counts.items()
        }
        ranked = sorted(strength, key=lambda offset: (-strength[offset], offset))
        kept = [offset for offset in ranked[:_CANDIDATES] if strength[offset] >= _MIN_VOTES]
        if kept:
            overlaid[pair] = kept
    return overlaid


# --- Pictures -----------------------------------------------------------------------------------


def picture_print(pixels: Frames) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Signs (8,) uint64 and mean colours (192,) uint8 of a picture (H, W, 3)."""
    picture = PillowImage.fromarray(pixels)
    grey = np.asarray(picture.convert("L").resize((17, 16), PillowImage.Resampling.BOX), np.float64)
    steps = np.diff(grey, axis=1)
    signs = np.packbits(np.stack([steps > _STEP, steps < -_STEP])).view(np.uint64)
    colours = np.asarray(picture.resize((8, 8), PillowImage.Resampling.BOX), np.uint8)
    return signs, colours.reshape(-1)


def _near_pictures(members: Sequence[Performance], prints: Sequence[_Print]) -> Iterator[Leak]:
    owner = np.concatenate([np.full(len(each.signs), n) for n, each in enumerate(prints)])
    signs = np.concatenate([each.signs for each in prints])
    colours = np.concatenate([each.colours for each in prints]).astype(np.int16)
    seconds = np.concatenate([each.seconds for each in prints])
    told = np.bitwise_count(signs).sum(axis=1) >= _FEWEST_SIGNS
    sides = np.array([side_of(each.split) for each in members])[owner]
    best: dict[tuple[int, int], tuple[float, int, int]] = {}
    for first, second in combinations(np.unique(sides), 2):
        left = np.flatnonzero(told & (sides == first))
        right = np.flatnonzero(told & (sides == second))
        for i, j, difference in _alike(signs, left, right):
            if np.abs(colours[i] - colours[j]).mean() > MAX_COLOUR_DIFFERENCE:
                continue
            (a, at_a), (b, at_b) = sorted(((int(owner[i]), i), (int(owner[j]), j)))
            if difference < best.get((a, b), (2.0, 0, 0))[0]:
                best[a, b] = difference, at_a, at_b
    for (a, b), (difference, i, j) in sorted(best.items()):
        places = _places(members[a], members[b])
        yield Leak(
            "near-duplicate picture",
            places,
            f"{_named(places)}: the pictures at {seconds[i]:.1f} s and {seconds[j]:.1f} s are "
            f"nearly the same ({difference:.0%} of their outlines differ); keep them in one split",
        )


def _alike(
    signs: NDArray[np.uint64], left: NDArray[np.intp], right: NDArray[np.intp]
) -> Iterator[tuple[int, int, float]]:
    """Pairs of pictures whose signs hardly differ, and by how much."""
    for begin in range(0, len(left), _BLOCK):
        rows = left[begin : begin + _BLOCK]
        differ = np.zeros((len(rows), len(right)), np.uint16)
        either = np.zeros_like(differ)
        for word in range(signs.shape[1]):
            one, other = signs[rows, word][:, None], signs[right, word][None]
            differ += np.bitwise_count(one ^ other)
            either += np.bitwise_count(one | other)
        share = differ / np.maximum(either, 1)
        for row, column in np.argwhere(share <= MAX_PICTURE_DIFFERENCE):
            yield int(rows[row]), int(right[column]), float(share[row, column])


def _places(one: Performance, other: Performance) -> tuple[tuple[str, str], ...]:
    return ((one.split, one.id), (other.split, other.id))


def _named(places: Sequence[tuple[str, str]]) -> str:
    return " and ".join(f"{name} ({split})" for split, name in places)
