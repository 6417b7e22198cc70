"""Poses as columns, and how far apart two are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.pairs.truth import (
    POSE_COLUMNS,
    farthest_pose,
    pose_columns,
    pose_distance,
    sound_columns,
)
from tiny_dataset import truth_of


def pose(**columns: float) -> np.ndarray:
    values = np.full(len(POSE_COLUMNS), np.nan, np.float32)
    for name, value in columns.items():
        values[POSE_COLUMNS.index(name)] = value
    return values


def test_columns_are_the_instruments_own() -> None:
    truth = truth_of("cello", 10, 0)
    columns = pose_columns(truth, 10)
    assert columns.shape == (10, 33)
    np.testing.assert_array_equal(columns[:, 0], truth["bow_fraction"])
    np.testing.assert_array_equal(columns[:, 2], truth["string_index"])
    assert np.isnan(columns[:, 4:]).all()
    valves = pose_columns({"valves": np.array([[1, 0, 1]])}, 1)
    assert valves[0, 5:8].tolist() == [1, 0, 1]
    assert np.isnan(valves[0, 8])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"bow_fraction": 0.2}, {"bow_fraction": 0.7}, 0.5),
        ({"bow_fraction": 0.2, "string_index": 0}, {"bow_fraction": 0.3, "string_index": 3}, 1.0),
        ({"string_index": 1}, {"string_index": 2}, 1 / 3),
        ({"bow_velocity": -2}, {"bow_velocity": 2}, np.nan),  # not to be seen in a still picture
        ({"slide_extension": 0}, {"slide_extension": 0.25}, 0.25),
        (
            {"valve_1": 1, "valve_2": 0, "valve_3": 0},
            {"valve_1": 0, "valve_2": 0, "valve_3": 0},
            1 / 3,
        ),
        ({"key_1": 1, "key_2": 0}, {"key_1": 1, "key_2": 1}, 0.5),
        ({"bow_fraction": 0.2}, {"slide_extension": 0.7}, np.nan),
    ],
)
def test_distance_by_hand(first: dict, second: dict, expected: float) -> None:
    assert pose_distance(pose(**first), pose(**second)) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["cello", "flute", "horn"]), st.integers(1, 40), st.integers(0, 999))
def test_farthest_is_the_largest_of_all(instrument: str, frames: int, seed: int) -> None:
    poses = pose_columns(truth_of(instrument, frames, seed), frames)
    all_pairs = pose_distance(poses[:, None], poses[None])
    np.testing.assert_allclose(farthest_pose(poses), all_pairs.max(axis=1), atol=1e-6)
    np.testing.assert_array_equal(all_pairs, all_pairs.T)
    assert (np.diag(all_pairs) == 0).all()


def test_sound_columns() -> None:
    times = np.array([0.0, 0.2, 0.4])
    truth = {"pitch_hz": np.array([0.0, 440.0, 220.0]), "onset_times": np.array([0.23])}
    values = sound_columns(truth, times)
    assert values[:, 0].tolist() == [0, 440, 220]
    assert values[:, 2].tolist() == [0, 1, 1]
    assert values[:, 3].tolist() == [0, 1, 0]
    assert np.isnan(values[:, 1]).all()  # loudness is not known
