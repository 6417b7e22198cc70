"""Truth as fixed columns: what an instrument's parts do, in the instrument's own coordinates.

Every instrument fills the columns that it has; the others are NaN. The distance between two poses
is here too, because it is defined by these columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_VALVES, MAX_KEYS = 4, 24

POSE_COLUMNS: tuple[str, ...] = (
    "bow_fraction",  # where the bow touches the string: 0 frog to 1 tip
    "bow_velocity",  # bow lengths a second, down-bow positive
    "string_index",  # 0 = the lowest string
    "finger_position",  # along the string: 0 nut to 1 bridge
    "slide_extension",  # 0 first position to 1 fully out
    *(f"valve_{number}" for number in range(1, MAX_VALVES + 1)),  # 0 open, 1 pressed
    *(f"key_{number}" for number in range(1, MAX_KEYS + 1)),  # 0 open, 1 closed
)

SOUND_COLUMNS: tuple[str, ...] = (
    "pitch_hz",  # 0 = rest
    "loudness_db",
    "note_on",  # 1 while a note sounds
    "onset",  # 1 where a note begins within ONSET_SECONDS of the frame
)
ONSET_SECONDS = 0.05

# Parts of a pose: columns and the range that counts as 1. The bow's velocity is none of them,
# since a still picture cannot show it.
_PARTS: tuple[tuple[slice, float], ...] = tuple(
    (slice(POSE_COLUMNS.index(name), POSE_COLUMNS.index(name) + 1), span)
    for name, span in (
        ("bow_fraction", 1.0),
        ("string_index", 3.0),
        ("finger_position", 1.0),
        ("slide_extension", 1.0),
    )
)
_VALVES = slice(POSE_COLUMNS.index("valve_1"), POSE_COLUMNS.index("valve_1") + MAX_VALVES)
_KEYS = slice(POSE_COLUMNS.index("key_1"), POSE_COLUMNS.index("key_1") + MAX_KEYS)


def pose_columns(truth: Mapping[str, NDArray[Any]], frames: int) -> NDArray[np.float32]:
    """Truth arrays of a performance → (F, len(POSE_COLUMNS)) float32, NaN where not applicable."""
    pose = np.full((frames, len(POSE_COLUMNS)), np.nan, np.float32)
    for place, name in enumerate(POSE_COLUMNS):
        if name in truth:
            pose[:, place] = np.asarray(truth[name]).reshape(frames)
    for name, columns in (("valves", _VALVES), ("keys", _KEYS)):
        if name in truth:
            values = np.asarray(truth[name], np.float32).reshape(frames, -1)
            room = columns.stop - columns.start
            pose[:, columns.start : columns.start + values.shape[1]] = values[:, :room]
    return pose


def sound_columns(
    truth: Mapping[str, NDArray[Any]], frame_times: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Truth arrays of a performance → (F, len(SOUND_COLUMNS)) float32, NaN where unknown."""
    values = np.full((len(frame_times), len(SOUND_COLUMNS)), np.nan, np.float32)
    if "pitch_hz" in truth:
        values[:, 0] = truth["pitch_hz"]
        values[:, 2] = truth["pitch_hz"] > 0
    if "loudness_db" in truth:
        values[:, 1] = truth["loudness_db"]
    if "onset_times" in truth:
        onsets = np.asarray(truth["onset_times"], np.float64)
        gap = np.abs(frame_times[:, None] - onsets[None, :])
        values[:, 3] = gap.min(axis=1, initial=np.inf) <= ONSET_SECONDS
    return values


def pose_distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far apart two poses of one instrument are: 0 (the same) to 1.

    The largest difference of any part, each as a share of its range: the bow's place along its
    length, the string (lowest to highest of four = 1), the finger's place along the string, the
    slide's extension, the share of valves and the share of keys that differ. Parts that either
    pose lacks do not count; where there is none in common, the distance is NaN.

    Args:
        first: (…, len(POSE_COLUMNS)).
        second: as ``first``, or broadcast against it.

    Returns:
        (…,) float32.
    """
    gap = np.abs(first - second)
    parts = [gap[..., columns.start] / span for columns, span in _PARTS]
    parts += [_known_mean(gap[..., columns]) for columns in (_VALVES, _KEYS)]
    distance = np.fmax.reduce(np.stack(parts), axis=0)  # fmax passes over NaN
    return np.asarray(np.minimum(distance, 1.0), np.float32)


def farthest_pose(pose: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each of n poses of one instrument, the distance to the farthest of the others: (n,).

    Exact, and cheaper than all n² distances: along a line the farthest is one of the two ends,
    and of valves and keys there are few different settings.
    """
    parts = []
    for columns, span in _PARTS:
        values = pose[:, columns.start]
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        parts.append(np.fmax(values - low, high - values) / span)
    for columns in (_VALVES, _KEYS):
        settings, which = np.unique(pose[:, columns], axis=0, return_inverse=True)
        gaps = [
            np.fmax.reduce(_known_mean(np.abs(settings - setting)), initial=np.nan)
            for setting in settings
        ]
        parts.append(np.asarray(gaps, np.float32)[which.reshape(-1)])
    distance = np.fmax.reduce(np.stack(parts), axis=0)
    return np.asarray(np.minimum(distance, 1.0), np.float32)


def _known_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the last axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)
