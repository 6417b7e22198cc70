"""The shared random numbers: published integers, then the shape of what is made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightsound.errors import ConfigError
from sightsound.generation.noise import MAX_SEED, noise, threefry2x32

ONES = 0xFFFFFFFF


def plain_threefry(counter: tuple[int, int], key: tuple[int, int]) -> tuple[int, int]:
    """The algorithm a second time, in Python's whole numbers, as a JavaScript port would read."""
    keys = (key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1])
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    x, y = (counter[0] + keys[0]) & ONES, (counter[1] + keys[1]) & ONES
    for round_ in range(20):
        rotation = rotations[round_ % 8]
        x = (x + y) & ONES
        y = ((y << rotation) | (y >> (32 - rotation))) & ONES
        y ^= x
        if round_ % 4 == 3:
            group = round_ // 4 + 1
            x = (x + keys[group % 3]) & ONES
            y = (y + keys[(group + 1) % 3] + group) & ONES
    return x, y


def words(counter: tuple[int, int], key: tuple[int, int]) -> tuple[int, int]:
    x, y = threefry2x32((np.array([counter[0]], np.uint32), np.array([counter[1]], np.uint32)), key)
    return int(x[0]), int(y[0])


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # Random123's kat_vectors, threefry2x32 with 20 rounds
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_integers(
    counter: tuple[int, int], key: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert words(counter, key) == expected
    assert plain_threefry(counter, key) == expected


word = st.integers(0, ONES)


@given(st.tuples(word, word), st.tuples(word, word))
def test_arrays_and_whole_numbers_agree(counter: tuple[int, int], key: tuple[int, int]) -> None:
    assert words(counter, key) == plain_threefry(counter, key)


@given(st.integers(0, MAX_SEED), word, st.integers(0, 9))
def test_noise_is_box_and_muller_of_those_integers(seed: int, index: int, size: int) -> None:
    expected = []
    for block in range((size + 1) // 2):
        x, y = plain_threefry((block, index), (seed % 2**32, seed // 2**32))
        radius = math.sqrt(-2.0 * math.log((x + 0.5) / 2.0**32))
        angle = 2.0 * math.pi * (y / 2.0**32)
        expected += [radius * math.cos(angle), radius * math.sin(angle)]
    made = noise(seed, index, size)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, np.array(expected[:size]), rtol=1e-6, atol=1e-7)


def test_frozen_numbers() -> None:
    # Worked from the published integers for counter (0, 0), key (0, 0): x = 0x6b200159 and
    # y = 0x99ba4efe give radius 1.3200163 and angle 3.7728… (hand calculator).
    radius = math.sqrt(-2 * math.log((0x6B200159 + 0.5) / 2**32))
    angle = 2 * math.pi * 0x99BA4EFE / 2**32
    np.testing.assert_allclose(
        noise(0, 0, 2), [radius * math.cos(angle), radius * math.sin(angle)], rtol=1e-6
    )
    np.testing.assert_allclose(noise(0, 0, 4), [-1.0654525, -0.779213, 0.0323991, -1.5203084])


def test_a_longer_vector_begins_like_a_shorter_one() -> None:
    np.testing.assert_array_equal(noise(7, 3, 5), noise(7, 3, 64)[:5])


def test_seeds_indices_and_both_halves_of_a_seed_matter() -> None:
    # Mutant: drop the upper half of the seed.
    vectors = [noise(0, 0, 8), noise(1, 0, 8), noise(0, 1, 8), noise(2**32, 0, 8)]
    for i, a in enumerate(vectors):
        for b in vectors[i + 1 :]:
            assert np.max(np.abs(a - b)) > 0.1


def test_numbers_are_standard_normal_and_independent() -> None:
    count = 200_000
    values = noise(11, 0, count).astype(np.float64)
    assert abs(values.mean()) < 4 / math.sqrt(count)
    assert abs(values.var() - 1) < 4 * math.sqrt(2 / count)
    assert abs((values**3).mean()) < 4 * math.sqrt(15 / count)
    assert abs((values**4).mean() - 3) < 4 * math.sqrt(96 / count)
    # Kolmogorov and Smirnov: the largest gap to the normal distribution, at 1 in 10 000.
    ordered = np.sort(values)
    normal = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in ordered[::20]])
    assert np.max(np.abs(normal - np.arange(count)[::20] / count)) < 2.23 / math.sqrt(count)
    for lag in (1, 2, 3, 10):
        assert abs(np.mean(values[lag:] * values[:-lag])) < 4 / math.sqrt(count)
        # Pairs share a radius: their squares must not be alike either.
        squares = values**2 - 1
        assert abs(np.mean(squares[lag:] * squares[:-lag])) < 4 * 2 / math.sqrt(count)


def test_neighbouring_seeds_and_indices_are_independent() -> None:
    by_seed = np.stack([noise(seed, 0, 10) for seed in range(4000)]).astype(np.float64)
    by_index = np.stack([noise(0, index, 10) for index in range(4000)]).astype(np.float64)
    for table in (by_seed, by_index):
        assert abs(table.mean()) < 4 / math.sqrt(table.size)
        correlation = np.corrcoef(np.concatenate([table[1:], table[:-1]], axis=1).T)
        off_diagonal = correlation[~np.eye(len(correlation), dtype=bool)]
        assert np.max(np.abs(off_diagonal)) < 5 / math.sqrt(4000)


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_seeds_out_of_range(seed: int) -> None:
    with pytest.raises(ConfigError, match="seed"):
        noise(seed, 0, 4)
