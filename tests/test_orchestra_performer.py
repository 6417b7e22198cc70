"""The drawn performer: a pose that follows the music, and keypoints that lie where it is drawn."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("skia")

import skia
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.orchestra import performer, score
from sightsound.orchestra.body import solve_arm
from sightsound.orchestra.motion import (
    Mechanism,
    Notes,
    Style,
    choose_fingering,
    mechanism,
)
from sightsound.orchestra.performer import Performance, draw_performance, keypoints
from sightsound.orchestra.player import make_player
from sightsound.pairs.fingering import (
    STRINGS,
    horn_valves,
    keys_for,
    slide_choices,
    slide_extension,
    slide_positions,
    trumpet_valves,
    tuba_valves,
)
from sightsound.shapes import INSTRUMENTS

FRAME_RATE = 50.0
MIDDLE = {
    "bassoon": 50, "cello": 50, "clarinet": 65, "double_bass": 38, "flute": 74, "horn": 56,
    "oboe": 70, "sax": 64, "trombone": 52, "trumpet": 65, "tuba": 41, "viola": 60, "violin": 71,
}  # fmt: skip
STEPS = (0, 2, 4, 5, 7, 5, 9, 4, 2, -1, -3, 0)


def line(
    instrument: str, steps: tuple[int, ...] = STEPS, beat: float = 0.5, **changes: Any
) -> Notes:
    n = len(steps)
    fields: dict[str, Any] = {
        "onset_seconds": 0.5 + beat * np.arange(n),
        "duration_seconds": np.full(n, 0.96 * beat),
        "pitch": MIDDLE[instrument] + np.array(steps, float),
        "velocity": np.full(n, 80.0),
        "slurred": np.zeros(n, bool),
    }
    return Notes(**(fields | changes))


def truth(notes: Notes, level: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Frame times, pitch and loudness of a line played without vibrato."""
    end = notes.onset_seconds[-1] + notes.duration_seconds[-1] + 0.5
    times = np.arange(0.0, end, 1.0 / FRAME_RATE)
    pitch, loudness = np.zeros_like(times), np.full_like(times, -70.0)
    for k, onset in enumerate(notes.onset_seconds):
        inside = (times >= onset) & (times < onset + notes.duration_seconds[k])
        pitch[inside] = 440.0 * 2.0 ** ((notes.pitch[k] - 69.0) / 12.0)
        loudness[inside] = -25.0 if level is None else level[k]
    return times, pitch, loudness


def played(
    instrument: str,
    notes: Notes | None = None,
    style: Style | None = None,
    level: np.ndarray | None = None,
) -> tuple[np.ndarray, Mechanism]:
    notes = notes or line(instrument)
    times, pitch, loudness = truth(notes, level)
    return times, mechanism(instrument, notes, times, pitch, loudness, style or Style())


def at(times: np.ndarray, moment: float) -> int:
    return int(np.argmin(np.abs(times - moment)))


# --- pose and sound -------------------------------------------------------------------------------


@pytest.mark.parametrize("instrument", sorted(STRINGS))
def test_bow_turns_at_each_onset_and_not_under_slurs(instrument: str) -> None:
    # Mutant: turning at every onset, or 100 ms late.
    slurred = np.array([False, False, True, False, False, True, True, False, False, False, True, 0])
    notes = line(instrument, slurred=slurred.astype(bool))
    times, state = played(instrument, notes)
    for onset, tied in zip(notes.onset_seconds[1:], slurred[1:], strict=True):
        before = state["bow_velocity"][at(times, onset - 0.06)]
        after = state["bow_velocity"][at(times, onset + 0.06)]
        assert abs(before) > 0.05
        assert abs(after) > 0.05
        assert (before * after > 0) == bool(tied)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(sorted(STRINGS)),
    st.lists(
        st.tuples(st.integers(-5, 12), st.booleans(), st.floats(0.12, 2.5)), min_size=2, max_size=14
    ),
)
def test_bow_stays_on_its_hair_and_moves_as_its_velocity_says(
    instrument: str, rows: list[tuple[int, bool, float]]
) -> None:
    beats = np.array([row[2] for row in rows])
    notes = line(
        instrument,
        tuple(row[0] for row in rows),
        onset_seconds=0.5 + np.concatenate([[0.0], np.cumsum(beats)[:-1]]),
        duration_seconds=0.9 * beats,
        slurred=np.array([row[1] for row in rows]),
    )
    _times, state = played(instrument, notes)
    fraction, velocity = state["bow_fraction"], state["bow_velocity"]
    assert fraction.min() >= 0.03
    assert fraction.max() <= 0.97
    travelled = np.cumsum(0.5 * (velocity[1:] + velocity[:-1])) / FRAME_RATE
    playing = state["playing"][1:] > 0
    assert np.abs(fraction[1:] - fraction[0] - travelled)[playing].max() < 0.12
    assert np.abs(velocity[state["bow_lift"] > 0.99]).max(initial=0.0) < 8.0


def test_louder_notes_are_bowed_faster() -> None:
    # Mutant: one speed for all notes, or loudness read from the note before.
    level = np.array([-34.0, -20, -30, -22, -36, -18, -26, -33, -19, -28, -24, -31])
    notes = line("violin")
    times, state = played("violin", notes, level=level)
    speeds = [
        np.abs(state["bow_velocity"][(times > onset + 0.08) & (times < onset + 0.4)]).mean()
        for onset in notes.onset_seconds
    ]
    assert np.corrcoef(level, np.log(speeds))[0, 1] > 0.85
    assert np.corrcoef(np.roll(level, 1), np.log(speeds))[0, 1] < 0.5


def test_recording_gain_does_not_move_the_bow() -> None:
    notes = line("cello")
    times, pitch, loudness = truth(notes)
    plain = mechanism("cello", notes, times, pitch, loudness, Style())
    quiet = mechanism("cello", notes, times, pitch, loudness - 12.0, Style())
    # At rests both stand still, so only the rests' own floor may differ.
    assert np.allclose(plain["bow_fraction"], quiet["bow_fraction"], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(STRINGS)), st.lists(st.integers(-4, 19), min_size=1, max_size=12))
def test_finger_and_string_sound_the_pitch(instrument: str, steps: list[int]) -> None:
    # A string stopped at x sounds open / (1 - x). Mutant: linear in semitones.
    notes = line(instrument, tuple(steps))
    times, state = played(instrument, notes)
    for onset, pitch in zip(notes.onset_seconds, notes.pitch, strict=True):
        k = at(times, onset + 0.2)
        open_pitch = STRINGS[instrument][int(state["string_index"][k])]
        sounding = open_pitch - 12.0 * math.log2(1.0 - float(state["finger_position"][k]))
        assert abs(sounding - pitch) < 0.02


def test_vibrato_wiggles_the_finger() -> None:
    notes = line("violin", (2, 2), beat=2.0)
    times, pitch, loudness = truth(notes)
    wiggle = 0.3 * np.sin(2 * np.pi * 5.5 * times)
    state = mechanism("violin", notes, times, pitch * 2 ** (wiggle / 12), loudness, Style())
    inside = (times > 0.7) & (times < 2.2)
    assert np.corrcoef(state["finger_position"][inside], wiggle[inside])[0, 1] > 0.99


def test_fingerings_are_within_a_hand() -> None:
    rows = choose_fingering("cello", np.array([36, 38, 40, 41, 43, 45, 47, 48, 57, 60, 64]))
    assert [row[2] == 0 for row in rows] == [row[3] == 0 for row in rows]
    for string, hand, finger, above in rows:
        assert 0 <= string <= 3
        assert 0 <= finger <= 4
        assert finger == 0 or 0 <= above - hand <= 4


def test_slide_positions_are_the_trombonists() -> None:
    # Any trombone method: from B♭ in first position a semitone each, down to E in seventh.
    assert [slide_choices(p)[-1] for p in (46, 45, 44, 43, 42, 41, 40)] == [1, 2, 3, 4, 5, 6, 7]
    positions, triggers = slide_positions([58, 57, 53, 48, 36])
    assert positions[:4] == [1, 2, 1, 6]
    assert triggers == [False, False, False, False, True]
    # Two semitones need 2^(2/12) of the tube; the whole slide gives six.
    assert slide_extension(3) == pytest.approx((2 ** (2 / 12) - 1) / (2 ** (6 / 12) - 1))
    assert (slide_extension(1), slide_extension(7)) == (0.0, pytest.approx(1.0))
    notes = line("trombone", (6, 5, 4, 3, 2, 1))  # 58 down to 53
    times, state = played("trombone", notes)
    for onset, pitch in zip(notes.onset_seconds, notes.pitch, strict=True):
        out = float(state["slide_extension"][at(times, onset + 0.15)])
        semitones = 12.0 * math.log2(1.0 + out * (2**0.5 - 1.0))
        assert round(semitones) + 1 in slide_choices(int(pitch))
        assert abs(semitones - round(semitones)) < 1e-4


def test_valves_and_keys_are_the_charts() -> None:
    # Trumpet, written C D E F G A B C from B♭3 sounding: 0, 13, 12, 1, 0, 12, 2, 0.
    scale = [58, 60, 62, 63, 65, 67, 69, 70]
    chart = ["", "13", "12", "1", "0", "12", "2", ""]
    for pitch, held in zip(scale, chart, strict=True):
        assert trumpet_valves(pitch) == tuple(float(v in held) for v in "123"), pitch
    assert tuba_valves(34) == (0, 0, 0, 0)
    assert tuba_valves(36) == (0, 0, 0, 1)
    assert tuba_valves(39) == (1, 0, 0, 0)
    assert horn_valves(60) == (0, 0, 0, 0)
    assert horn_valves(65) == (0, 0, 0, 1)
    assert horn_valves(62) == (1, 1, 0, 1)
    assert keys_for("oboe", 67)[:6] == (1, 1, 1, 0, 0, 0)
    assert keys_for("clarinet", 58 - 3)[:6] == (1, 1, 1, 1, 1, 0)  # written A3
    low, high = keys_for("clarinet", 53), keys_for("clarinet", 53 + 19)
    assert low[:9] == high[:9]
    assert (low[9], high[9]) == (0, 1)  # overblown at the twelfth
    assert keys_for("flute", 69)[:6] == keys_for("flute", 81)[:6]  # at the octave


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_style_moves_the_body_only(instrument: str) -> None:
    _, plain = played(instrument)
    _, other = played(
        instrument, style=Style(sway_amount=2.0, sway_tempo=0.4, sway_phase=2.0, blink_seconds=2.0)
    )
    body = {"sway", "sway_angle", "lean", "blink"}
    assert plain.keys() == other.keys()
    for name in plain:
        assert np.array_equal(plain[name], other[name]) == (name not in body), name
        assert plain[name].dtype == np.float32
        assert np.isfinite(plain[name]).all()


def test_breath_is_drawn_in_the_rest_before_a_phrase() -> None:
    notes = line("oboe", (0, 2, 4, 2), onset_seconds=np.array([1.0, 1.5, 3.0, 3.5]))
    times, state = played("oboe", notes)
    breath = state["breath"]
    assert breath[at(times, 2.98)] > breath[at(times, 2.3)] + 0.4
    assert breath[at(times, 2.98)] > breath[at(times, 4.2)] + 0.2


def test_notes_of_a_score() -> None:
    phrase = score.compose("viola", 3, 5.0)
    notes = Notes.of(phrase.notes)
    assert len(notes.pitch) == len(phrase.notes)
    _, state = played("viola", notes)
    assert state["bow_fraction"].max() - state["bow_fraction"].min() > 0.1


# --- the arm --------------------------------------------------------------------------------------


@given(
    st.floats(-2.5, 2.5), st.floats(-2.5, 2.5), st.floats(0.0, 1.5),
    st.tuples(st.floats(-1, 1), st.floats(0.1, 1), st.floats(-1, 1)),
)  # fmt: skip
def test_elbow_keeps_both_bones(x: float, y: float, depth: float, hint: tuple[float, ...]) -> None:
    upper, fore = 1.36, 1.2
    ex, ey = solve_arm((0.0, 0.0), (x, y), depth, upper, fore, hint)
    stretch = max(1.0, math.hypot(x, y) / (0.995 * (upper + fore)))
    # In the picture a bone is foreshortened, never longer than it is.
    if math.hypot(x, y, depth) > upper - fore + 0.01:
        assert math.hypot(ex, ey) <= upper * stretch + 1e-6
        assert math.hypot(ex - x, ey - y) <= fore * stretch + 1e-6


# --- pictures and keypoints -----------------------------------------------------------------------


def cut(state: Mechanism, frames: slice) -> Mechanism:
    return {name: values[frames] for name, values in state.items()}


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_hands_are_drawn_under_their_keypoints(
    instrument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Green skin marks the hands. Mutant: keypoints without the torso's sway.
    original = make_player

    def green(seed: int) -> Any:
        player = original(seed)
        style = dataclasses.replace(player.style, sway_amount=3.0)
        room = dataclasses.replace(player.room, background="wall", colour=(90, 90, 90), stand=0.0)
        return dataclasses.replace(
            player, skin=(20, 230, 20), style=style, room=room, cloth=(70, 70, 90)
        )

    monkeypatch.setattr(performer, "make_player", green)
    _, state = played(instrument, style=Style(sway_amount=3.0))
    state = cut(state, slice(30, 270, 60))
    size = 160
    names, points = keypoints(5, instrument, state, size)
    for frame, picture in enumerate(draw_performance(5, instrument, state, size)):
        for hand in ("left_hand", "right_hand"):
            x, y = np.rint(points[frame, names.index(hand)]).astype(int)
            patch = picture[max(y - 5, 0) : y + 6, max(x - 5, 0) : x + 6].astype(int)
            marked = patch[..., 1] > 1.4 * np.maximum(patch[..., 0], patch[..., 2]) + 8
            assert marked.mean() > 0.12, (hand, frame)


def test_bow_is_where_its_truth_says() -> None:
    _, state = played("violin")
    names, points = keypoints(11, "violin", state, 128)
    frog, tip, contact = (points[:, names.index(f"bow_{p}")] for p in ("frog", "tip", "contact"))
    length = np.linalg.norm(tip - frog, axis=1)
    assert np.ptp(length) < 0.01 * length.mean()
    share = np.linalg.norm(contact - frog, axis=1) / length
    assert np.allclose(share, state["bow_fraction"], atol=1e-3)
    # The right hand stays at the frog, the left where the string is stopped.
    hand = np.linalg.norm(points[:, names.index("right_hand")] - frog, axis=1)
    assert hand.max() < 0.1 * length.mean()
    # While the bow is down it meets the strings between bridge and nut.
    bridge, nut = points[:, names.index("bridge")], points[:, names.index("nut")]
    along = ((contact - bridge) * (nut - bridge)).sum(1) / ((nut - bridge) ** 2).sum(1)
    down = state["bow_lift"] < 0.01
    assert (np.abs(along[down] - 0.12) < 0.1).all()


def test_slide_hand_moves_with_the_slide() -> None:
    _, state = played("trombone", line("trombone", (6, 0, 6, -6, 6, 1, 3)))
    names, points = keypoints(4, "trombone", state, 128)
    reach = np.linalg.norm(
        points[:, names.index("right_hand")] - points[:, names.index("left_hand")], axis=1
    )
    assert np.corrcoef(reach, state["slide_extension"])[0, 1] > 0.99


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_same_seed_same_bytes(instrument: str) -> None:
    state = cut(played(instrument)[1], slice(20, 60, 10))
    first = [p.tobytes() for p in draw_performance(3, instrument, state, 64)]
    # Whatever was drawn between, at another size or by another player, leaves no trace.
    list(draw_performance(8, instrument, state, 96))
    assert first == [p.tobytes() for p in draw_performance(3, instrument, state, 64)]
    assert len(set(first)) == len(first)
    whole = list(draw_performance(3, instrument, state, 64))
    part = list(draw_performance(3, instrument, cut(state, slice(2, 3)), 64))
    assert np.array_equal(whole[2], part[0])


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_keypoints_lie_in_the_picture_and_scale_with_it(instrument: str) -> None:
    state = cut(played(instrument)[1], slice(0, 300, 40))
    names, small = keypoints(21, instrument, state, 64)
    _, large = keypoints(21, instrument, state, 256)
    assert len(set(names)) == len(names)
    assert small.dtype == np.float32
    assert np.allclose(4.0 * small, large, atol=1e-2)
    hands = [names.index(name) for name in ("head", "left_hand", "right_hand")]
    assert ((small[:, hands] > 0) & (small[:, hands] < 64)).all()


def test_players_differ() -> None:
    state = cut(played("oboe")[1], slice(40, 41))
    pictures = np.array(
        [next(draw_performance(seed, "oboe", state, 32)) for seed in range(40)], float
    ).reshape(40, -1)
    distance = np.abs(pictures[:, None] - pictures[None]).mean(-1) + 1e3 * np.eye(40)
    assert distance.min() > 5.0
    assert len({make_player(seed).hair_style for seed in range(100)}) >= 10
    assert make_player(12) == make_player(12)


class _CountingCanvas:
    """Passes everything on and counts the drawing calls."""

    def __init__(self, canvas: skia.Canvas) -> None:
        self.canvas, self.calls = canvas, 0

    def __getattr__(self, name: str) -> Any:
        self.calls += name.startswith("draw")
        return getattr(self.canvas, name)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_frame_costs_few_drawing_calls(instrument: str) -> None:
    # Speed, counted: 120 calls a frame would halve it.
    performance = Performance(2, instrument, played(instrument)[1])
    surface = skia.Surface(64, 64)
    canvas = _CountingCanvas(surface.getCanvas())
    canvas.canvas.scale(11, 11)
    for frame in range(0, 200, 20):
        performance.draw(canvas, performance.pose(frame))
    assert canvas.calls / 10 < 60
