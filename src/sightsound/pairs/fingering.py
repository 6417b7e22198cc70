"""Pitches in, fingers out: strings, slide positions, valves and keys of the 13 instruments.

Pitches are sounding (concert) MIDI numbers; each table says how it transposes. The orchestra plays
by these tables; ``pairs.admitted`` reads them backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

COMPASS: dict[str, tuple[int, int]] = {
    "bassoon": (34, 74),
    "cello": (36, 81),
    "clarinet": (50, 91),
    "double_bass": (28, 65),
    "flute": (60, 96),
    "horn": (35, 77),
    "oboe": (58, 91),
    "sax": (37, 87),
    "trombone": (40, 76),
    "trumpet": (52, 84),
    "tuba": (26, 65),
    "viola": (48, 86),
    "violin": (55, 100),
}
"""Lowest and highest sounding pitch of each of the 13 instruments."""

STRINGS: dict[str, tuple[int, int, int, int]] = {
    "violin": (55, 62, 69, 76),
    "viola": (48, 55, 62, 69),
    "cello": (36, 43, 50, 57),
    "double_bass": (28, 33, 38, 43),
}
"""Open strings, lowest first; `string_index` counts from the lowest."""

WOODWINDS = ("bassoon", "clarinet", "flute", "oboe", "sax")

KEYS = (
    "left_1",
    "left_2",
    "left_3",
    "right_1",
    "right_2",
    "right_3",
    "left_little",
    "right_little",
    "thumb",
    "register",
)
"""The ten keys of the simplified woodwinds, in the order of the mechanism's `keys`."""

SLIDE_PARTIALS = (34, 46, 53, 58, 62, 65, 70, 72, 74, 77)
"""A B♭ trombone's notes with the slide in: partials 1 to 6, 8 to 10 and 12 (7 is too flat)."""

FAR_COST = 0.9  # a position further out, against a position's way of movement

TRUMPET_PARTIALS = (46, 58, 65, 70, 74, 77, 82, 86)
"""A B♭ trumpet's open notes, the fundamental and the flat seventh left out."""
TUBA_PARTIALS = (22, 34, 41, 46, 50, 53, 58, 62, 65)
"""A BB♭ tuba's open notes."""
HORN_F_PARTIALS = (29, 41, 48, 53, 57, 60)
HORN_B_FLAT_PARTIALS = (65, 70, 74, 77, 82)
"""A double horn's open notes on its two sides, those that are played there."""

VALVES = ("", "2", "1", "12", "23", "13", "123")
"""Valves that lower by 0 to 6 semitones: each by its share of ``VALVE_SEMITONES``."""
VALVES_WITH_FOURTH = (*VALVES[:5], "4", "24", "14", "124", "234", "134", "1234")
"""The same with a fourth valve worth five semitones, 0 to 11."""
VALVE_SEMITONES = (2, 1, 3, 5)


def string_place(semitones: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a string is stopped to sound so many semitones up, 0 nut to 1 bridge."""
    return np.asarray(1.0 - 2.0 ** (-np.asarray(semitones, np.float64) / 12.0))


def string_semitones(place: float) -> float:
    """Semitones that a string stopped at a place (0 nut, under 1) sounds up by."""
    return float(-12.0 * np.log2(1.0 - place))


def slide_extension(position: float) -> float:
    """Slide position 1 to 7 → extension 0 to 1: each semitone lengthens the tube by 2^(1/12)."""
    return float((2.0 ** ((position - 1.0) / 12.0) - 1.0) / (2.0**0.5 - 1.0))


def slide_semitones(extension: float) -> float:
    """Semitones that a slide's extension (0 to 1) lowers by; inverse of ``slide_extension``."""
    return float(12.0 * np.log2(1.0 + extension * (2.0**0.5 - 1.0)))


def slide_choices(pitch: int) -> list[int]:
    """Positions 1 to 7 in which a B♭ trombone sounds this pitch without its trigger."""
    positions = {partial - pitch + 1 for partial in SLIDE_PARTIALS}
    return sorted(p for p in positions if 1 <= p <= 7)


def slide_positions(pitches: Sequence[int]) -> tuple[list[int], list[bool]]:
    """The easiest positions for a line, and whether the F trigger (five semitones) is pressed."""
    options: list[list[tuple[int, bool]]] = []
    for pitch in pitches:
        plain = [(p, False) for p in slide_choices(pitch)]
        # Between the lowest E and the pedal notes only the trigger reaches.
        trigger = [(p, True) for p in slide_choices(pitch + 5)]
        options.append(plain or trigger or [(1 if pitch > 60 else 7, False)])
    best = [(FAR_COST * position, [(position, held)]) for position, held in options[0]]
    for here in options[1:]:
        step = []
        for position, held in here:
            cost, path = min(
                ((c + abs(position - p[-1][0]), p) for c, p in best), key=lambda item: item[0]
            )
            step.append((cost + FAR_COST * position, [*path, (position, held)]))
        best = step
    path = min(best, key=lambda item: item[0])[1]
    return [position for position, _ in path], [held for _, held in path]


def _valves(
    pitch: int, partials: Sequence[int], names: Sequence[str], count: int
) -> tuple[float, ...]:
    """The fewest semitones down from an open note of the instrument."""
    lower = [partial - pitch for partial in partials if 0 <= partial - pitch < len(names)]
    held = names[min(lower)] if lower else ""
    return tuple(float(str(valve + 1) in held) for valve in range(count))


@lru_cache(maxsize=256)
def trumpet_valves(pitch: int) -> tuple[float, ...]:
    """Valves 1 to 3 of a B♭ trumpet."""
    return _valves(pitch, TRUMPET_PARTIALS, VALVES, 3)


@lru_cache(maxsize=256)
def tuba_valves(pitch: int) -> tuple[float, ...]:
    """Valves 1 to 4 of a BB♭ tuba."""
    return _valves(pitch, TUBA_PARTIALS, VALVES_WITH_FOURTH, 4)


@lru_cache(maxsize=256)
def horn_valves(pitch: int) -> tuple[float, ...]:
    """Valves 1 to 3 and the thumb valve of a double horn: F side below D♭4, B♭ side from it on."""
    if pitch < 61:
        return (*_valves(pitch, HORN_F_PARTIALS, VALVES, 3), 0.0)
    return (*_valves(pitch, HORN_B_FLAT_PARTIALS, VALVES, 3), 1.0)


# Fingerings as "left|right", then T thumb, O register or octave key, l and r little fingers.
_SCALE = {  # octave-overblowing instruments, from written C: C C♯ D … B
    0: "123|123 r",
    1: "123|123 l r",
    2: "123|123",
    3: "123|123 r",
    4: "123|12",
    5: "123|1",
    6: "123|2",
    7: "123|",
    8: "123| l",
    9: "12|",
    10: "12|1",
    11: "1|",
}
_FLUTE_HIGH = {
    84: "1|T r", 85: "|r", 86: "23|r", 87: "123|123 lr", 88: "12|12 r", 89: "13|1 r",
    90: "13|3 r", 91: "123|r", 92: "23|lr", 93: "2|1 r", 94: "|1 r", 95: "13|3", 96: "123|1",
}  # fmt: skip
_CLARINET_LOW = {
    50: "123|123 T r", 51: "123|123 T lr", 52: "123|123 T l", 53: "123|123 T r",
    54: "123|123 T l", 55: "123|123 T", 56: "123|123 T r", 57: "123|12 T", 58: "123|1 T",
    59: "123|2 T", 60: "123|T", 61: "123|T l", 62: "12|T", 63: "12|1 T", 64: "1|T", 65: "|T",
    66: "1|", 67: "|", 68: "|l", 69: "1|l", 70: "1|l O",
}  # fmt: skip
_CLARINET_HIGH = {
    85: "23|12 TO", 86: "23|1 TOr", 87: "23|2 TOr", 88: "23|TOr", 89: "23|lTOr", 90: "2|TOr",
}  # fmt: skip
_BASSOON = {
    34: "123|123 T l", 35: "123|123 T l", 36: "123|123 T l", 37: "123|123 T lr",
    38: "123|123 T", 39: "123|123 T lr", 40: "123|123 T r", 41: "123|123 r", 42: "123|123 Tr",
    43: "123|123", 44: "123|123 lr", 45: "123|12", 46: "123|12 T", 47: "123|1", 48: "123|",
    49: "123|T", 50: "12|", 51: "13|", 52: "1|", 53: "|", 54: "23|123 T", 55: "23|123",
    56: "23|123 l", 57: "123|12 O", 58: "123|12 TO", 59: "123|1 O", 60: "123|O", 61: "123|TO",
    62: "12|O", 63: "12|12 O", 64: "13|12 O", 65: "13|1 O", 66: "12|23 O", 67: "12|3 O",
    68: "1|23 O", 69: "23|12 O", 70: "23|1 O", 71: "3|12 O", 72: "2|1 O",
}  # fmt: skip


def _parse(fingering: str) -> tuple[float, ...]:
    left, right = fingering.split("|")
    held = [digit in left for digit in "123"] + [digit in right for digit in "123"]
    held += [mark in right for mark in "lrTO"]
    return tuple(float(key) for key in held)


@lru_cache(maxsize=1024)
def keys_for(instrument: str, pitch: int) -> tuple[float, ...]:
    """The ten keys (1 pressed) of a woodwind for a sounding pitch; out of range: the nearest.

    Simplified from the usual charts: trills, half holes and alternates are left out. Transposing:
    clarinet in B♭ (written a tone up), sax in E♭ (alto, written a major sixth up).
    """
    if instrument == "clarinet":
        written = min(max(pitch + 2, 50), 90)
        if written in _CLARINET_LOW:
            return _parse(_CLARINET_LOW[written])
        if written in _CLARINET_HIGH:
            return _parse(_CLARINET_HIGH[written])
        # A clarinet overblows at the twelfth: the same fingers, register key added.
        return _parse(_CLARINET_LOW[written - 19] + " O")
    if instrument == "bassoon":
        return _parse(_BASSOON[min(max(pitch, 34), 72)])
    written = pitch + 9 if instrument == "sax" else pitch
    if instrument == "flute" and written in _FLUTE_HIGH:
        return _parse(_FLUTE_HIGH[written])
    lowest = {"flute": 59, "oboe": 58, "sax": 58}[instrument]
    written = max(written, lowest)
    if written < 60:
        return _parse("123|123 l r T" if instrument == "flute" else "123|123 l r")
    fingering = _SCALE[written % 12]
    if written % 12 == 0 and written >= 72:
        fingering = "2|" if instrument == "sax" else "1|1"
        return _parse(fingering + (" O" if written >= 84 and instrument != "flute" else ""))
    if written % 12 == 1 and written >= 72:
        fingering = "|r"
    if instrument == "flute":
        if written in (74, 75):
            fingering = fingering.replace("1", "", 1)  # first finger vents the low D and E♭
        return _parse(fingering + (" T" if written % 12 not in (1,) else ""))
    overblown = written >= 74
    return _parse(fingering + (" O" if overblown else ""))
