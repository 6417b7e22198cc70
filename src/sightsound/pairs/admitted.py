"""A pose in, the pitches that it admits out: the fingering tables read backwards.

A pose leaves the pitch open where the player's breath decides: valves and a slide admit a whole row
of partials, most keys two registers. Nothing is admitted outside the instrument's compass.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightsound.pairs.fingering import (
    COMPASS,
    HORN_B_FLAT_PARTIALS,
    HORN_F_PARTIALS,
    SLIDE_PARTIALS,
    STRINGS,
    TRUMPET_PARTIALS,
    TUBA_PARTIALS,
    VALVE_SEMITONES,
    WOODWINDS,
    keys_for,
    slide_semitones,
    string_semitones,
)
from sightsound.pairs.truth import POSE_COLUMNS

Pitches = NDArray[np.float64]  # (k,) sounding MIDI numbers, not whole where a hand lies between

_FINGER, _STRING, _SLIDE, _VALVE, _KEY = (
    POSE_COLUMNS.index(name)
    for name in ("finger_position", "string_index", "slide_extension", "valve_1", "key_1")
)
_BRIDGE = 0.95  # a finger nearer to the bridge than this stops no note; 1 would be none at all
_MARGIN = 0.5  # semitones beyond the compass, for a hand that lies between two notes
_KEY_COUNT = 10  # of the simplified woodwinds


def admitted_pitches(instrument: str, pose: NDArray[np.floating]) -> Pitches:
    """Every pitch that an instrument can sound in a pose.

    - Strings: the string in use, stopped where the finger is (place 0: the open string). Where the
      string is not known, each string stopped there and each open one.
    - Trombone: its partials, lowered by what the slide adds. The trigger is no part of the pose;
      inside the compass nothing needs it.
    - Trumpet, horn, tuba: the partials, lowered by the valves that are pressed; the horn's thumb
      chooses its side.
    - Woodwinds: the pitches of the compass that the truth's tables finger so: its registers.

    Args:
        instrument: one of the 13.
        pose: (len(POSE_COLUMNS),), NaN where a part is not known.

    Returns:
        Ascending; empty where the pose lacks what decides, or where no pitch is fingered so.
    """
    if instrument in STRINGS:
        found = _on_strings(STRINGS[instrument], pose[_FINGER], pose[_STRING])
    elif instrument == "trombone":
        found = [] if np.isnan(pose[_SLIDE]) else _on_slide(float(pose[_SLIDE]))
    elif instrument in ("trumpet", "horn", "tuba"):
        found = _on_valves(instrument, pose[_VALVE : _VALVE + len(VALVE_SEMITONES)])
    elif instrument in WOODWINDS:
        keys = np.nan_to_num(pose[_KEY : _KEY + _KEY_COUNT], nan=-1.0)
        found = list(_fingered(instrument).get(tuple(np.rint(keys).tolist()), ()))
    else:
        found = []
    low, high = COMPASS.get(instrument, (0, 127))
    inside = [pitch for pitch in found if low - _MARGIN <= pitch <= high + _MARGIN]
    return np.array(sorted(inside), np.float64)


def midi_to_hz(pitch: NDArray[np.floating]) -> NDArray[np.float64]:
    """MIDI numbers → Hz, A4 (69) = 440."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69.0) / 12.0))


def _on_strings(open_strings: tuple[int, ...], place: float, string: float) -> list[float]:
    if np.isnan(place) or place > _BRIDGE:
        return []
    up = string_semitones(max(float(place), 0.0))
    if np.isnan(string):
        return [*map(float, open_strings), *(pitch + up for pitch in open_strings)]
    which = int(np.clip(np.rint(string), 0, len(open_strings) - 1))
    return [open_strings[which] + up]


def _on_slide(extension: float) -> list[float]:
    return [partial - slide_semitones(max(extension, 0.0)) for partial in SLIDE_PARTIALS]


def _on_valves(instrument: str, valves: NDArray[np.floating]) -> list[float]:
    partials: tuple[int, ...]
    if instrument == "horn":
        if np.isnan(valves).any():
            return []
        partials = HORN_B_FLAT_PARTIALS if valves[3] > 0.5 else HORN_F_PARTIALS
        count = 3
    else:
        partials, count = (TRUMPET_PARTIALS, 3) if instrument == "trumpet" else (TUBA_PARTIALS, 4)
    if np.isnan(valves[:count]).any():
        return []
    pressed = valves[:count] > 0.5
    lower = sum(step for step, held in zip(VALVE_SEMITONES, pressed, strict=False) if held)
    return [float(partial - lower) for partial in partials]


@lru_cache(maxsize=len(WOODWINDS))
def _fingered(instrument: str) -> dict[tuple[float, ...], tuple[float, ...]]:
    """Keys of a woodwind → the pitches of its compass that are fingered so."""
    low, high = COMPASS[instrument]
    found: dict[tuple[float, ...], tuple[float, ...]] = {}
    for pitch in range(low, high + 1):
        keys = keys_for(instrument, pitch)
        found[keys] = (*found.get(keys, ()), float(pitch))
    return found
