"""Cutting a sound into windows, and pooling what was heard in them."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import MediaError
from sightsound.generation.windows import (
    WINDOWS_AT_ONCE,
    Timeline,
    overlapping_windows,
    window_loudness,
    windows_at_frames,
)


def cut(samples: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    """Consecutive (1, n) blocks of the given sizes, over and over."""
    position = 0
    while position < len(samples):
        for size in sizes:
            yield samples[None, position : position + size]
            position += size


def together(batches: Iterator[np.ndarray], window: int) -> np.ndarray:
    found = list(batches)
    assert all(len(batch) <= WINDOWS_AT_ONCE for batch in found)
    return np.concatenate(found) if found else np.zeros((0, window), np.float32)


sizes = st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any)


@settings(max_examples=200)
@given(st.integers(1, 400), st.integers(2, 30), sizes)
def test_windows_overlap_by_half_and_reach_the_end(length: int, window: int, sizes: list) -> None:
    samples = np.arange(1, length + 1, dtype=np.float32)
    found = together(overlapping_windows(cut(samples, sizes), window), window)
    hop = window // 2
    if length < window:
        expected = [np.pad(samples, (0, window - length))]
    else:
        starts = list(range(0, length - window + 1, hop))
        if starts[-1] + window < length:
            starts.append(length - window)
        expected = [samples[start : start + window] for start in starts]
    np.testing.assert_array_equal(found, np.stack(expected))


@settings(max_examples=200)
@given(st.integers(1, 400), st.integers(2, 30), st.integers(0, 30), sizes, st.sampled_from([7, 10]))
def test_windows_at_frames_are_slices_of_the_padded_sound(
    length: int, window: int, offset: int, sizes: list, frame_rate: int
) -> None:
    rate = 100
    samples = np.arange(1, length + 1, dtype=np.float32)
    found = together(
        windows_at_frames(cut(samples, sizes), window, rate, frame_rate, offset), window
    )
    padded = np.pad(samples, (offset, window + rate))
    frames = math.ceil(length * frame_rate / rate)
    starts = [round(i * rate / frame_rate) for i in range(frames)]
    np.testing.assert_array_equal(found, np.stack([padded[s : s + window] for s in starts]))


def test_channels_are_averaged() -> None:
    block = np.stack([np.full(10, 1.0), np.full(10, 0.5)]).astype(np.float32)
    (windows,) = overlapping_windows([block], 10)
    np.testing.assert_allclose(windows, np.full((1, 10), 0.75))


def test_loudness_is_the_root_mean_square() -> None:
    sine = np.sin(np.arange(1000) * 2 * np.pi / 100).astype(np.float32)
    np.testing.assert_allclose(
        window_loudness(np.stack([sine, 0.1 * sine])), [2**-0.5, 0.1 * 2**-0.5], rtol=1e-5
    )
    with pytest.raises(MediaError, match="NaN"):
        window_loudness(np.array([[0.0, np.nan]], np.float32))


def test_pooling_weighs_by_loudness() -> None:
    timeline = Timeline()
    timeline.add(
        np.array([3.0, 1.0, 0.0]),
        np.array([[1.0, 0.0], [0.0, 4.0], [100.0, 100.0]], np.float32),
        np.array([[8.0], [0.0], [-100.0]], np.float32),
    )
    (moment,) = timeline.pooled()
    np.testing.assert_allclose(moment.embedding, [0.75, 1.0])
    np.testing.assert_allclose(moment.class_logits, [6.0])


def test_parts_are_equal_stretches_and_silence_holds_the_last() -> None:
    timeline = Timeline()
    loudness = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 3.0, 1.0, 1.0])
    embedding = np.array([[0, 2, 9, 9, 4, 8, 5, 7]], np.float32).T
    timeline.add(loudness, embedding, embedding)
    assert [float(m.embedding[0]) for m in timeline.pooled(4)] == [1, 1, 7, 6]
    # Silence at the beginning shows what comes first after it.
    late = Timeline()
    late.add(np.array([0.0, 1.0]), np.array([[9], [5]], np.float32), np.zeros((2, 1), np.float32))
    assert [float(m.embedding[0]) for m in late.pooled(2)] == [5, 5]
    assert len(late.pooled(8)) == 2


def test_silence_and_nothing_are_refused() -> None:
    with pytest.raises(MediaError, match="silent"):
        Timeline().pooled()
    silent = Timeline()
    silent.add(np.zeros(3), np.ones((3, 2), np.float32), np.ones((3, 1), np.float32))
    with pytest.raises(MediaError, match="silent"):
        silent.pooled()


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 5000), st.integers(1, 100))
def test_a_long_timeline_pools_like_a_plain_mean(windows: int, at_once: int) -> None:
    rng = np.random.default_rng(windows)
    loudness = rng.uniform(0.1, 1, windows)
    embedding = rng.normal(size=(windows, 3)).astype(np.float32)
    timeline = Timeline()
    for first in range(0, windows, at_once):
        part = slice(first, first + at_once)
        timeline.add(loudness[part], embedding[part], embedding[part])
    assert timeline.windows == windows
    (moment,) = timeline.pooled()
    np.testing.assert_allclose(
        moment.embedding, np.average(embedding, axis=0, weights=loudness), rtol=1e-4, atol=1e-5
    )


def test_stretches_of_a_long_sound_lie_where_they_belong() -> None:
    # Mutant: merge segments without doubling their length.
    windows = 40_000
    ramp = np.linspace(0, 1, windows, dtype=np.float32)[:, None]
    timeline = Timeline()
    timeline.add(np.ones(windows), ramp, ramp)
    pooled = [float(moment.embedding[0]) for moment in timeline.pooled(8)]
    np.testing.assert_allclose(pooled, (np.arange(8) + 0.5) / 8, atol=0.01)


def test_three_hours_take_no_more_memory_than_a_minute() -> None:
    rate, window = 1000, 500

    def peak(seconds: int) -> int:
        tracemalloc.start()
        timeline = Timeline()
        blocks = (np.full((1, 10 * rate), 0.5, np.float32) for _ in range(seconds // 10))
        for batch in overlapping_windows(blocks, window):
            timeline.add(window_loudness(batch), batch[:, :8], batch[:, :3])
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(3 * 3600) < 1.5 * peak(600)
