"""Notes and sound truth in, the moving mechanism of instrument and body out (pure numpy).

Everything a frame shows follows from the music: two players given the same notes differ in the
parameters of `Style` only. Times in seconds, pitches as MIDI numbers or Hz, levels in decibels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sightsound.pairs.fingering import (
    STRINGS,
    WOODWINDS,
    horn_valves,
    keys_for,
    slide_extension,
    slide_positions,
    string_place,
    trumpet_valves,
    tuba_valves,
)

Array: TypeAlias = NDArray[np.float64]
Mechanism: TypeAlias = dict[str, NDArray[np.float32]]

FINGER_SEMITONES: dict[str, tuple[tuple[int, ...], ...]] = {
    "violin": ((0, 1), (2, 3), (4,), (5, 6)),
    "viola": ((0, 1), (2, 3), (4,), (5, 6)),
    "cello": ((0,), (1,), (2,), (3, 4)),
    "double_bass": ((0,), (1,), (), (2,)),
}
"""Semitones above the first finger's place that each of the four fingers reaches."""

GRID_SECONDS = 1.0 / 400.0  # step of the bow's integration, seconds
PLAIN_VELOCITY = 80.0  # a performance played at this MIDI velocity ...
PLAIN_BOW_SPEED = 0.5  # ... is bowed at this many bow lengths a second at its median loudness
DB_PER_VELOCITY = 0.2  # how much louder a step of MIDI velocity is played
MIDDLE_BOW = 0.47  # where the middle of a first stroke lies
BOW_ENDS = (0.04, 0.96)  # usable stretch of the bow, fractions from the frog
RETAKE_REST_SECONDS = 0.28  # from this much rest on the bow is lifted and set anew


class PlayedNote(Protocol):
    """A note of a score, whatever else it knows."""

    @property
    def onset_seconds(self) -> float: ...
    @property
    def duration_seconds(self) -> float: ...
    @property
    def pitch(self) -> float: ...
    @property
    def velocity(self) -> float: ...
    @property
    def slurred(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Notes:
    """A solo line: arrays of equal length n, in order of onset."""

    onset_seconds: Array  # (n,)
    duration_seconds: Array  # (n,)
    pitch: Array  # (n,) MIDI
    velocity: Array  # (n,) 0..127
    slurred: NDArray[np.bool_]  # (n,) True: tied to the note before by a slur

    @classmethod
    def of(cls, line: Iterable[PlayedNote]) -> Notes:
        """The arrays of a line of notes."""
        rows = list(line)
        return cls(
            onset_seconds=np.array([note.onset_seconds for note in rows], dtype=np.float64),
            duration_seconds=np.array([note.duration_seconds for note in rows], dtype=np.float64),
            pitch=np.array([note.pitch for note in rows], dtype=np.float64),
            velocity=np.array([note.velocity for note in rows], dtype=np.float64),
            slurred=np.array([note.slurred for note in rows], dtype=np.bool_),
        )


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a player adds to the music; nothing here moves a finger, key, valve or slide."""

    sway_amount: float = 1.0  # multiplies the body's sway
    sway_tempo: float = 0.25  # sways a second
    sway_phase: float = 0.0  # radians
    bow_amount: float = 1.0  # multiplies the bow's speed
    nod_amount: float = 1.0  # multiplies the nods at accents
    blink_seconds: float = 3.6  # mean time between blinks


def mechanism(
    instrument: str,
    notes: Notes,
    frame_times: Array,
    pitch_hz: Array,
    loudness_db: Array,
    style: Style,
) -> Mechanism:
    """The state of instrument and body at each frame.

    Takes frame_times (F,) seconds, pitch_hz (F,) with 0 at rest, loudness_db (F,).
    Gives float32 arrays (F,) or (F, n): for everyone `breath` 0..1, `sway` -1..1,
    `sway_angle` radians, `lean` -1..1, `nod` 0..1, `brow` 0..1, `blink` 0..1, `playing` 0..1;
    strings `bow_fraction` (0 frog, 1 tip), `bow_velocity` (fractions a second), `bow_lift` 0..1,
    `string_index` 0 (lowest) to 3, `bow_string` (the same, gliding), `finger_position`
    (0 nut, 1 bridge), `finger` 0 (open) to 4, `hand_position` (first finger's place, 0 to 1);
    trombone `slide_extension` 0..1 and `trigger`; trumpet `valves` (F, 3), horn and tuba (F, 4);
    woodwinds `keys` (F, 10) in the order of `fingering.KEYS`, 1 pressed.
    Raises ValueError without notes or frames.
    """
    if not len(notes.pitch) or not len(frame_times):
        raise ValueError(f"{len(notes.pitch)} notes, {len(frame_times)} frames: need one of each")
    frame_times = np.asarray(frame_times, dtype=np.float64)
    state = _body(notes, frame_times, pitch_hz, loudness_db, style)
    if instrument in STRINGS:
        state |= _bow(notes, frame_times, loudness_db, style)
        state |= _left_hand(instrument, notes, frame_times, pitch_hz)
    elif instrument == "trombone":
        state |= _slide(notes, frame_times)
    elif instrument in ("trumpet", "horn", "tuba"):
        table = {"trumpet": trumpet_valves, "horn": horn_valves, "tuba": tuba_valves}[instrument]
        state["valves"] = _held([table(int(p)) for p in np.rint(notes.pitch)], notes, frame_times)
    elif instrument in WOODWINDS:
        rows = [keys_for(instrument, int(p)) for p in np.rint(notes.pitch)]
        state["keys"] = _held(rows, notes, frame_times)
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in state.items()}


def _ease(x: Array) -> Array:
    """Smooth step from 0 at x = 0 to 1 at x = 1."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _current_note(notes: Notes, times: Array, ahead_seconds: float = 0.0) -> NDArray[np.int64]:
    """(F,) index of the last note begun at each time, 0 before the first."""
    index = np.searchsorted(notes.onset_seconds, times + ahead_seconds + 1e-9, side="right") - 1
    return np.clip(index, 0, len(notes.onset_seconds) - 1)


def _held(rows: Sequence[Sequence[float]], notes: Notes, times: Array) -> Array:
    """(F, n) state of keys or valves: a note's fingering from 30 ms before its onset on."""
    return np.asarray(rows, dtype=np.float64)[_current_note(notes, times, 0.03)]


def _glide(values: Array, notes: Notes, times: Array, before: float, after: float = 0.0) -> Array:
    """Each note's value, reached by a smooth move from `before` onset to `after` it."""
    index = _current_note(notes, times, before)
    onset = notes.onset_seconds[index]
    previous = np.maximum(index - 1, 0)
    room = np.maximum(onset - notes.onset_seconds[previous], 1e-3)
    span = np.minimum(before, 0.5 * room)  # a quick run leaves less time to move
    share = _ease((times - (onset - span)) / np.maximum(span + after, 1e-3))
    return values[previous] + (values[index] - values[previous]) * share


def _smooth(values: Array, times: Array, seconds: float) -> Array:
    """Gaussian smoothing in time with the given width."""
    if len(values) < 2:
        return values.copy()
    step = float(np.median(np.diff(times)))
    half = max(1, int(np.ceil(3.0 * seconds / step)))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * step / seconds) ** 2)
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _body(
    notes: Notes, times: Array, pitch_hz: Array, loudness_db: Array, style: Style
) -> dict[str, Array]:
    onset, end = notes.onset_seconds, notes.onset_seconds + notes.duration_seconds
    index = _current_note(notes, times)
    playing = ((times >= onset[index]) & (times <= end[index])).astype(np.float64)
    # Breath: drawn in the rest before an onset, spent while the phrase lasts.
    gap = np.concatenate([[1.0], onset[1:] - end[:-1]])
    breath = np.zeros_like(times)
    for start, rest in zip(onset[gap > 0.1], gap[gap > 0.1], strict=True):
        inhale = min(0.45, 0.9 * rest)
        depth = min(1.0, 0.45 + rest)
        rise = _ease((times - (start - inhale)) / inhale)
        fall = np.exp(-np.maximum(times - start, 0.0) / 1.4)
        breath = np.maximum(breath, depth * rise * fall)
    level = _played_level(notes, times, loudness_db)
    loud = _smooth(np.clip((level + 20.0) / 32.0, 0.0, 1.0), times, 0.5)
    pitch = np.where(pitch_hz > 0.0, pitch_hz, 0.0)
    line = np.interp(times, onset, notes.pitch)
    line = _smooth(line - notes.pitch.mean(), times, 0.6) / 12.0
    turn = 2.0 * np.pi * style.sway_tempo * times + style.sway_phase
    sway = (0.35 + 0.75 * loud) * (np.sin(turn) + 0.35 * np.sin(0.47 * turn + 1.3))
    sway = np.tanh(0.9 * sway + 0.55 * line)
    lean = np.tanh(0.8 * (loud - 0.5) + 0.5 * np.sin(0.61 * turn + 0.4) * loud)
    nod = np.zeros_like(times)
    local = np.convolve(np.pad(notes.velocity, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    accent = np.clip((notes.velocity - local) / 14.0, 0.0, 1.0) + 0.7 * (gap > 0.1)
    for start, strength in zip(onset, np.minimum(accent, 1.0), strict=True):
        if strength > 0.05:
            since = times - start
            pulse = np.where(since < 0.0, np.exp(-((since / 0.07) ** 2)), np.exp(-since / 0.16))
            nod = np.maximum(nod, strength * pulse)
    brow = np.clip(0.25 + 0.5 * line + 0.4 * (loud - 0.5) + 0.5 * breath, 0.0, 1.0)
    blink = np.zeros_like(times)
    moment, count = 0.7 * style.blink_seconds, 1
    while moment < times[-1]:
        blink = np.maximum(blink, np.exp(-(((times - moment) / 0.07) ** 2)))
        # Golden-ratio steps: irregular to the eye, the same for everyone with this style.
        moment += style.blink_seconds * (0.55 + 0.9 * ((count * 0.6180339887) % 1.0))
        count += 1
    return {
        "breath": breath,
        "sway": sway,
        "sway_angle": 0.075 * style.sway_amount * sway,
        "lean": lean,
        "nod": style.nod_amount * nod,
        "brow": brow,
        "blink": blink,
        "playing": playing * (pitch >= 0.0),
    }


def _strokes(notes: Notes) -> list[tuple[int, int]]:
    """Runs of notes under one bow stroke: (first, one past last)."""
    starts = [i for i in range(len(notes.pitch)) if i == 0 or not notes.slurred[i]]
    return list(zip(starts, [*starts[1:], len(notes.pitch)], strict=True))


def _played_level(notes: Notes, times: Array, loudness_db: Array) -> Array:
    """How loud it is played, dB about a plain performance.

    The recording's gain says nothing about the player, so levels count from the performance's own
    median; how loud that median was played the notes' velocities tell.
    """
    level = np.asarray(loudness_db, np.float64)
    index = _current_note(notes, times)
    end = notes.onset_seconds + notes.duration_seconds
    sounding = (times >= notes.onset_seconds[index]) & (times < end[index])
    middle = float(np.median(level[sounding])) if sounding.any() else 0.0
    return level - middle + DB_PER_VELOCITY * (float(np.median(notes.velocity)) - PLAIN_VELOCITY)


def _first_place(travel: float) -> float:
    """Where a down-bow of this travel begins: long ones at the frog, short ones in the middle."""
    return max(BOW_ENDS[0] + 0.02, MIDDLE_BOW - 0.5 * travel)


def _bow(notes: Notes, times: Array, loudness_db: Array, style: Style) -> dict[str, Array]:
    """The bow's place: strokes turn at each onset that is not slurred, louder means faster."""
    strokes = _strokes(notes)
    first = min(times[0], notes.onset_seconds[0]) - 0.5
    last = max(times[-1], notes.onset_seconds[-1] + notes.duration_seconds[-1]) + 0.5
    grid = np.arange(first, last, GRID_SECONDS)
    level = np.interp(grid, times, _played_level(notes, times, loudness_db))
    # Bowed amplitude grows with bow speed; players spend part of it on pressure instead, so the
    # speed takes the square root of the amplitude (a 40th, not a 20th, of the decibels).
    wanted = style.bow_amount * PLAIN_BOW_SPEED * 10.0 ** (np.clip(level, -40.0, 24.0) / 40.0)
    spans = []
    for begin, end in strokes:
        start = notes.onset_seconds[begin]
        stop = notes.onset_seconds[end - 1] + notes.duration_seconds[end - 1]
        if end < len(notes.pitch):
            following = notes.onset_seconds[end]
            # A bow carries on through the tiny gap before the next stroke.
            stop = following if following - stop < 0.12 else min(stop, following)
        spans.append((start, max(stop, start + 0.03)))
    shape = np.zeros_like(grid)
    demand = []
    for start, stop in spans:
        inside = (grid >= start) & (grid < stop)
        ramp = min(0.03, 0.25 * (stop - start))
        window = np.minimum((grid - start) / ramp, (stop - grid) / ramp)
        shape[inside] = (wanted * np.clip(window, 0.0, 1.0))[inside]
        demand.append(max(float(shape[inside].sum()) * GRID_SECONDS, 1e-3))
    low, high = BOW_ENDS
    place = np.empty_like(grid)
    lift = np.zeros_like(grid)
    velocity = np.zeros_like(grid)
    direction, now = 1.0, _first_place(demand[0])
    place[grid < spans[0][0]] = now
    lift[:] = np.where(grid < spans[0][0], _ease((spans[0][0] - grid) / 0.3), lift)
    for k, (start, stop) in enumerate(spans):
        room = (high - now) if direction > 0 else (now - low)
        travel = min(demand[k], room)
        following = demand[k + 1] if k + 1 < len(spans) else 0.0
        # Spend more bow now if the stroke back would otherwise run out of it.
        behind = (now - low) if direction > 0 else (high - now)
        travel = min(room, max(travel, min(following - behind, 1.35 * demand[k])))
        inside = (grid >= start) & (grid < stop)
        speed = direction * shape[inside] * travel / demand[k]
        velocity[inside] = speed
        place[inside] = now + np.cumsum(speed) * GRID_SECONDS
        now = float(now + speed.sum() * GRID_SECONDS)
        until = spans[k + 1][0] if k + 1 < len(spans) else grid[-1] + 1.0
        rest = until - stop
        gap = (grid >= stop) & (grid < until)
        place[gap] = now
        direction = -direction
        if rest >= RETAKE_REST_SECONDS:
            target = now
            if k + 1 < len(spans):
                # Retake: in the air to where the next down-bow begins.
                target, direction = _first_place(demand[k + 1]), 1.0
            share = _ease((grid[gap] - stop) / min(rest, 0.7))
            place[gap] = now + (target - now) * share
            velocity[gap] = np.gradient(place[gap], GRID_SECONDS) if gap.sum() > 2 else 0.0
            up = np.minimum(_ease((grid[gap] - stop) / 0.15), _ease((until - grid[gap]) / 0.12))
            lift[gap] = up
            now = target
    return {
        "bow_fraction": np.clip(np.interp(times, grid, place), 0.0, 1.0),
        "bow_velocity": np.interp(times, grid, velocity),
        "bow_lift": np.interp(times, grid, lift),
    }


def _hand_reach(instrument: str) -> list[tuple[int, int]]:
    """(semitones above the first finger, finger 1 to 4) pairs a hand reaches."""
    table = FINGER_SEMITONES[instrument]
    return [(step, finger + 1) for finger, steps in enumerate(table) for step in steps]


def choose_fingering(instrument: str, pitches: Array) -> list[tuple[int, int, int, int]]:
    """The cheapest way to finger a line on a string instrument.

    Gives for each note (string 0 to 3, first finger's semitone, finger 0 open to 4, semitones
    above the open string), found by dynamic programming: shifts, string crossings and high
    positions cost; open strings are free to the hand.
    """
    open_strings = STRINGS[instrument]
    reach = dict(reversed(_hand_reach(instrument)))
    options: list[list[tuple[int, int, int, int]]] = []
    for pitch in np.rint(pitches).astype(int):
        here = []
        for string, base in enumerate(open_strings):
            above = int(pitch) - base
            if above == 0:
                here += [(string, hand, 0, 0) for hand in range(1, 13)]
            elif 0 < above <= 40:
                here += [
                    (string, above - step, finger, above)
                    for step, finger in reach.items()
                    if above - step >= 1
                ]
        options.append(here or [(0, 1, 0, 0)])  # below the lowest string: the lowest open one
    cost = np.array([_fingering_cost(o) for o in options[0]])
    back: list[NDArray[np.int64]] = []
    for before, after in itertools.pairwise(options):
        a, b = np.array(before, float), np.array(after, float)
        move = np.abs(b[None, :, 1] - a[:, None, 1])
        crossing = np.abs(b[None, :, 0] - a[:, None, 0])
        total = cost[:, None] + 0.30 * move + 0.9 * (move > 0) + 0.45 * crossing
        back.append(total.argmin(0))
        cost = total.min(0) + np.array([_fingering_cost(o) for o in after])
    chosen = [int(cost.argmin())]
    for step in reversed(back):
        chosen.append(int(step[chosen[-1]]))
    return [options[i][j] for i, j in enumerate(reversed(chosen))]


def _fingering_cost(option: tuple[int, int, int, int]) -> float:
    _, hand, finger, above = option
    return 0.09 * hand + 0.25 * max(above - 12, 0) + (0.1 if finger == 0 else 0.0)


def _left_hand(instrument: str, notes: Notes, times: Array, pitch_hz: Array) -> dict[str, Array]:
    rows = np.array(choose_fingering(instrument, notes.pitch), dtype=np.float64)
    string, hand, finger, above = rows.T
    index = _current_note(notes, times)
    # Vibrato: the sounding pitch against the note's own middle, so that a recording tuned high
    # does not move the hand.
    vibrato = np.zeros_like(times)
    for note in np.unique(index):
        inside = (index == note) & (pitch_hz > 0.0)
        if inside.any() and finger[note] > 0:
            sounding = 12.0 * np.log2(pitch_hz[inside])
            vibrato[inside] = np.clip(sounding - np.median(sounding), -0.6, 0.6)
    semitones = _glide(above, notes, times, 0.07)
    stopped = _glide((finger > 0).astype(np.float64), notes, times, 0.05)
    return {
        "string_index": string[index],
        "bow_string": _glide(string, notes, times, 0.06, 0.02),
        "finger_position": string_place(semitones + vibrato * (stopped > 0.99)),
        "finger": finger[index],
        "hand_position": string_place(_glide(hand, notes, times, 0.11)),
        "vibrato": vibrato,
    }


def _slide(notes: Notes, times: Array) -> dict[str, Array]:
    pitches = [int(p) for p in np.rint(notes.pitch)]
    positions, triggers = slide_positions(pitches)
    out = np.array([slide_extension(p) for p in positions])
    return {
        "slide_extension": _glide(out, notes, times, 0.11),
        "trigger": np.array(triggers, np.float64)[_current_note(notes, times, 0.03)],
    }
