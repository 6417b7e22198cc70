"""The fingering tables read backwards: every note is admitted by the pose that plays it."""

from __future__ import annotations

import numpy as np
import pytest

from sightsound.pairs.admitted import admitted_pitches, midi_to_hz
from sightsound.pairs.fingering import (
    COMPASS,
    STRINGS,
    VALVE_SEMITONES,
    VALVES,
    VALVES_WITH_FOURTH,
    WOODWINDS,
    horn_valves,
    keys_for,
    slide_choices,
    slide_extension,
    slide_semitones,
    string_place,
    string_semitones,
    trumpet_valves,
    tuba_valves,
)
from sightsound.pairs.truth import POSE_COLUMNS
from sightsound.shapes import INSTRUMENTS


def pose(**parts: float | tuple[float, ...]) -> np.ndarray:
    row = np.full(len(POSE_COLUMNS), np.nan, np.float32)
    for name, value in parts.items():
        values = np.atleast_1d(value)
        first = POSE_COLUMNS.index(f"{name[:-1]}_1" if name in ("valves", "keys") else name)
        row[first : first + len(values)] = values
    return row


def played(instrument: str, pitch: int) -> list[np.ndarray]:
    """Every pose in which the orchestra plays a pitch."""
    if instrument in STRINGS:
        return [
            pose(string_index=k, finger_position=string_place(np.float64(pitch - base)))
            for k, base in enumerate(STRINGS[instrument])
            if 0 <= pitch - base <= 40
        ]
    if instrument == "trombone":
        return [pose(slide_extension=slide_extension(p)) for p in slide_choices(pitch)]
    if instrument in WOODWINDS:
        return [pose(keys=keys_for(instrument, pitch))]
    table = {"trumpet": trumpet_valves, "horn": horn_valves, "tuba": tuba_valves}[instrument]
    return [pose(valves=table(pitch))]


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_every_note_of_the_compass_is_admitted_by_its_poses(instrument: str) -> None:
    """Mutants: valves added instead of taken away, a string counted from the highest."""
    low, high = COMPASS[instrument]
    for pitch in range(low, high + 1):
        poses = played(instrument, pitch)
        assert poses, pitch
        for row in poses:
            admitted = admitted_pitches(instrument, row)
            assert np.abs(admitted - pitch).min() < 1e-3, pitch
            assert (np.diff(admitted) > 0).all()


def test_poses_by_hand() -> None:
    open_trumpet = admitted_pitches("trumpet", pose(valves=(0.0, 0.0, 0.0)))
    assert open_trumpet.tolist() == [58, 65, 70, 74, 77, 82]  # B♭3 F4 B♭4 D5 F5 B♭5, concert
    both = admitted_pitches("trumpet", pose(valves=(1.0, 1.0, 0.0)))
    assert both.tolist() == [55, 62, 67, 71, 74, 79, 83]  # a minor third down; E6 - 3 comes in
    third = slide_extension(3)
    assert admitted_pitches("trombone", pose(slide_extension=third)).round(4).tolist() == [
        44, 51, 56, 60, 63, 68, 70, 72, 75,
    ]  # fmt: skip
    half = admitted_pitches("violin", pose(string_index=2, finger_position=0.5))
    assert half.tolist() == [81.0]  # half of the A string is its octave
    assert admitted_pitches("cello", pose(string_index=0, finger_position=0.0)).tolist() == [36]
    # A flute's first octave and second have the same fingers from E to C sharp.
    assert admitted_pitches("flute", pose(keys=keys_for("flute", 64))).tolist() == [64, 76]
    # The clarinet's register key leaves no doubt.
    assert admitted_pitches("clarinet", pose(keys=keys_for("clarinet", 72))).tolist() == [72]


def test_a_string_that_is_not_known_admits_each_and_the_open_ones() -> None:
    found = admitted_pitches("viola", pose(finger_position=string_place(np.float64(2.0))))
    expected = sorted([*STRINGS["viola"], *(base + 2 for base in STRINGS["viola"])])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_an_unknown_pose_admits_nothing(instrument: str) -> None:
    assert admitted_pitches(instrument, pose()).tolist() == []


def test_what_no_table_fingers_admits_nothing() -> None:
    assert not len(admitted_pitches("oboe", pose(keys=(0, 1, 0, 1, 0, 1, 0, 1, 0, 1))))
    assert not len(admitted_pitches("violin", pose(string_index=0, finger_position=1.0)))
    assert not len(admitted_pitches("kazoo", pose(slide_extension=0.0)))


def test_each_way_back_is_the_way_there() -> None:
    for semitones in (0.0, 0.4, 5.0, 30.0):
        assert string_semitones(float(string_place(np.float64(semitones)))) == pytest.approx(
            semitones
        )
    for position in (1, 2.5, 7):
        assert slide_semitones(slide_extension(position)) == pytest.approx(position - 1)
    for names in (VALVES, VALVES_WITH_FOURTH):
        steps = [sum(VALVE_SEMITONES[int(valve) - 1] for valve in held) for held in names]
        assert steps == list(range(len(names)))
    assert midi_to_hz(np.array([69.0, 57.0])).tolist() == [440.0, 220.0]
