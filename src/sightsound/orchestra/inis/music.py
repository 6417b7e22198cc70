"""A seed in, a solo of piano, guitar or drum out: many keys struck at once, before any sound.

Piano and guitar walk through a chain of chords under a melody; drums repeat a bar, vary it and
fill its ends. What is decided here is when which key is struck, how hard, and how long it is held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sightsound.errors import ConfigError
from sightsound.orchestra.inis.dice import Dice

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
PROGRESSIONS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (5, 3, 0, 4), (0, 2, 3, 4), (1, 4, 0, 0),
    (0, 3, 0, 4), (0, 6, 5, 4), (0, 4, 5, 2, 3, 0, 3, 4), (0, 0, 3, 3, 0, 4, 0, 4),
)  # fmt: skip
"""Chains of triads, as degrees of the scale, one a bar."""
STRINGS = (40, 45, 50, 55, 59, 64)  # a guitar's open strings, lowest first
GUITAR_TOP = 83


@dataclass(frozen=True)
class Strike:
    """One key struck: a piano's, a guitar's note, or a drum by its General MIDI key."""

    onset_seconds: float
    duration_seconds: float
    key: int  # MIDI
    velocity: int  # 1 to 127


@dataclass(frozen=True)
class Solo:
    """What is played: strikes in order of onset, each begun before ``seconds``."""

    label: str
    style: str
    strikes: tuple[Strike, ...]
    seconds: float
    tempo_bpm: float


@dataclass
class _Sheet:
    """What is being written: beats become seconds, with a human's unevenness."""

    dice: Dice
    beat_seconds: float
    level: float  # MIDI velocity of the piece
    unevenness: float  # seconds
    strikes: list[Strike]

    def strike(self, beat: float, beats: float, key: int, accent: float = 0.0) -> None:
        """Strike a key at a beat from the start, hold it for so many beats."""
        at = 0.05 + beat * self.beat_seconds + self.dice.near(0.0, self.unevenness)
        swell = 7.0 * math.sin(0.21 * beat) + self.dice.near(0.0, 4.0)
        velocity = int(min(max(self.level + accent + swell, 18), 124))
        self.strikes.append(Strike(max(at, 0.0), beats * self.beat_seconds, key, velocity))


@dataclass(frozen=True)
class _Harmony:
    """A key and the triad of each bar."""

    tonic: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    sevenths: bool

    def pitch(self, degree: int) -> int:
        """Semitones above C of a degree of the scale, over as many octaves as it takes."""
        return self.tonic + self.scale[degree % 7] + 12 * (degree // 7)

    def chord(self, bar: int) -> list[int]:
        """Pitch classes of a bar's chord, its root first."""
        root = self.chords[bar % len(self.chords)]
        steps = (0, 2, 4, 6) if self.sevenths else (0, 2, 4)
        return [self.pitch(root + step) % 12 for step in steps]

    def near(self, bar: int, key: int) -> int:
        """The chord's note nearest to a key."""
        return min((k for k in range(key - 6, key + 7) if k % 12 in self.chord(bar)),
                   key=lambda k: abs(k - key))  # fmt: skip

    def scale_key(self, key: int) -> int:
        """The scale's note nearest to a key."""
        classes = {(self.tonic + step) % 12 for step in self.scale}
        return min((k for k in range(key - 3, key + 4) if k % 12 in classes),
                   key=lambda k: abs(k - key))  # fmt: skip


def compose_solo(label: str, seed: int, seconds: float) -> Solo:
    """A solo of piano, guitar or drum.

    The same (label, seed, seconds) gives the same solo; at no time is nothing struck for longer
    than two bars. ``seconds`` 0.5 to 1800.

    Raises:
        ConfigError: another class, or ``seconds`` out of range.
    """
    makers = {"piano": _piano, "guitar": _guitar, "drum": _drum}
    if label not in makers:
        raise ConfigError(f"class {label!r}: solos are composed for {', '.join(makers)}")
    if not 0.5 <= seconds <= 1800:
        raise ConfigError(f"seconds {seconds:g}: 0.5 to 1800 is allowed")
    dice = Dice(0x5010, list(makers).index(label), seed)
    tempo = dice.between(62, 132) if label != "drum" else dice.between(76, 150)
    sheet = _Sheet(dice, 60.0 / tempo, dice.between(52, 100), dice.between(0.002, 0.012), [])
    bars = math.ceil(seconds / (4 * sheet.beat_seconds)) + 1
    style = makers[label](sheet, bars)
    strikes = sorted(
        (each for each in sheet.strikes if each.onset_seconds < seconds - 0.05),
        key=lambda each: (each.onset_seconds, each.key),
    )
    return Solo(label, style, tuple(strikes), seconds, tempo)


def _harmony(dice: Dice) -> _Harmony:
    scale = MAJOR if dice.chance(0.6) else MINOR
    return _Harmony(dice.whole(0, 11), scale, dice.pick(PROGRESSIONS), dice.chance(0.25))


def _melody(sheet: _Sheet, harmony: _Harmony, bar: int, key: int, low: int, high: int,
            cells: Sequence[tuple[float, ...]], accent: float) -> int:  # fmt: skip
    """A bar of melody from a key on; gives the key where it ends."""
    dice = sheet.dice
    beat = 4.0 * bar
    for beats in dice.pick(cells):
        step = dice.pick((-3, -2, -1, -1, 0, 1, 1, 2, 3)) * 2
        key = min(max(key + step, low), high)
        strong = beat == int(beat) and int(beat) % 2 == 0
        key = harmony.near(bar, key) if strong else harmony.scale_key(key)
        if not dice.chance(0.08):  # a rest now and then
            sheet.strike(beat, 0.95 * beats, key, accent)
        beat += beats
    return key


_CELLS: tuple[tuple[float, ...], ...] = (
    (1, 1, 1, 1), (2, 1, 1), (1.5, 0.5, 2), (1, 0.5, 0.5, 2), (0.5,) * 8, (1.5, 0.5, 1, 1), (3, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1), (4,),
)  # fmt: skip


# --- piano ----------------------------------------------------------------------------------------


def _piano(sheet: _Sheet, bars: int) -> str:
    """Chords in the left hand, a melody in the right; the figure of the left makes the style."""
    dice = sheet.dice
    harmony = _harmony(dice)
    style = dice.weighted(broken=0.3, blocks=0.2, stride=0.2, waves=0.2, bare=0.1)
    base, key = dice.whole(38, 50), dice.whole(66, 78)
    doubled = dice.chance(0.25)  # the melody in octaves
    cells = [dice.pick(_CELLS) for _ in range(3)]
    for bar in range(bars):
        root = harmony.near(bar, base)
        chord = [root, *(harmony.near(bar, root + gap) for gap in (4, 7, 12))]
        _LEFT[style](sheet, 4.0 * bar, root, chord)
        start = len(sheet.strikes)
        key = _melody(sheet, harmony, bar, key, 60, 88, cells, 8.0)
        for each in sheet.strikes[start:] if doubled else []:
            lower = max(each.velocity - 8, 18)
            sheet.strikes.append(
                Strike(each.onset_seconds + 0.004, each.duration_seconds, each.key - 12, lower)
            )
    return style


def _broken(sheet: _Sheet, beat: float, root: int, chord: Sequence[int]) -> None:
    for k, place in enumerate((0, 2, 1, 2, 0, 2, 1, 2)):
        sheet.strike(beat + 0.5 * k, 0.9, chord[place], -10.0)


def _blocks(sheet: _Sheet, beat: float, root: int, chord: Sequence[int]) -> None:
    for at in (0.0, 2.0):
        for key in chord:
            sheet.strike(beat + at, 1.9, key, -8.0)


def _stride(sheet: _Sheet, beat: float, root: int, chord: Sequence[int]) -> None:
    for k in range(4):
        if k % 2 == 0:
            sheet.strike(beat + k, 0.8, root - 12 * (k == 0), -2.0)
        else:
            for key in chord[1:]:
                sheet.strike(beat + k, 0.6, key + 12 * (key < 50), -10.0)


def _waves(sheet: _Sheet, beat: float, root: int, chord: Sequence[int]) -> None:
    wide = [root - 12, root, *chord[1:3], root + 12, *(key + 12 for key in chord[1:3]), root + 24]
    for k, key in enumerate([*wide, *wide[-2:0:-1], wide[0], wide[1]][:16]):
        sheet.strike(beat + 0.25 * k, 2.0 - 0.1 * k, key, -12.0)


def _bare(sheet: _Sheet, beat: float, root: int, chord: Sequence[int]) -> None:
    sheet.strike(beat, 3.9, root, -6.0)
    sheet.strike(beat, 3.9, chord[2], -8.0)


_LEFT: dict[str, Callable[[_Sheet, float, int, Sequence[int]], None]] = {
    "broken": _broken, "blocks": _blocks, "stride": _stride, "waves": _waves, "bare": _bare,
}  # fmt: skip


# --- guitar ---------------------------------------------------------------------------------------


def _shape(harmony: _Harmony, bar: int, fret: int) -> list[int]:
    """A chord as a hand at a fret can hold it: a key for each string, lowest first."""
    classes = harmony.chord(bar)
    keys = [next(open_ + f for f in range(fret, fret + 6) if (open_ + f) % 12 in classes)
            for open_ in STRINGS]  # fmt: skip
    bass = next((n for n, key in enumerate(keys[:3]) if key % 12 == classes[0]), 0)
    return keys[bass:]


def _guitar(sheet: _Sheet, bars: int) -> str:
    """Picked chords, strummed chords, a melody over a bass, or one line."""
    dice = sheet.dice
    harmony = _harmony(dice)
    style = dice.weighted(picked=0.38, strummed=0.3, melody=0.2, line=0.12)
    fret = dice.pick((0, 0, 0, 2, 4, 5))
    picking = dice.pick(
        ((0, 3, 2, 4, 1, 3, 2, 4), (0, 2, 3, 4, 5, 4, 3, 2), (0, 3, 4, 5, 1, 3, 4, 3))
    )
    strum = dice.pick(((0, 1, 1.5, 2.5, 3, 3.5), (0, 1, 2, 3), (0, 0.5, 1.5, 2, 2.5, 3.5),
                       (0, 1, 1.5, 2, 3, 3.5)))  # fmt: skip
    key = dice.whole(60, 70)
    cells = (
        [dice.pick(_CELLS) for _ in range(3)]
        if style != "line"
        else [(0.5,) * 8, (0.25,) * 16, (1, 0.5, 0.5) * 2]
    )
    for bar in range(bars):
        keys = _shape(harmony, bar, fret)
        beat = 4.0 * bar
        if style == "picked":
            for k, place in enumerate(picking):
                accent = 4.0 if k in (0, 4) else -4.0
                sheet.strike(beat + 0.5 * k, 2.0, keys[min(place, len(keys) - 1)], accent)
                if k == 0 and dice.chance(0.4):
                    sheet.strike(beat, 2.0, keys[-1], 2.0)
        elif style == "strummed":
            for at in strum:
                _strum(sheet, beat + at, keys, down=at == int(at))
        else:
            if style == "melody":
                sheet.strike(beat, 1.9, keys[0], -6.0)
                sheet.strike(beat + 2.0, 1.9, keys[min(2, len(keys) - 1)], -8.0)
            key = _melody(sheet, harmony, bar, key, 52, GUITAR_TOP - 4, cells, 6.0)
    return style


def _strum(sheet: _Sheet, beat: float, keys: Sequence[int], *, down: bool) -> None:
    spread = sheet.dice.between(0.006, 0.02) / sheet.beat_seconds
    order = list(keys) if down else list(keys)[: -min(4, len(keys)) - 1 : -1]
    for place, key in enumerate(order):
        sheet.strike(beat + spread * place, 0.9, key, 2.0 if down else -8.0)


# --- drum -----------------------------------------------------------------------------------------

KICK, SNARE, STICK, CLOSED, OPEN, PEDAL, RIDE, CRASH = 36, 38, 37, 42, 46, 44, 51, 49
TOMS = (50, 48, 47, 45, 43, 41)
HANDS = {"conga": (62, 63, 64), "bongo": (60, 61), "timbale": (65, 66)}

_GROOVES: dict[str, tuple[tuple[int, str], ...]] = {
    "rock": ((KICK, "X.....x.X..x...."), (SNARE, "....X.......X..."), (CLOSED, "X.x.X.x.X.x.X.x.")),
    "funk": ((KICK, "X..x..x...x.x..."), (SNARE, "....X..x.x..X..x"), (CLOSED, "xxxxxxxxxxxxxxxx")),
    "jazz": (
        (KICK, "x.......x......."),
        (PEDAL, "....x.......x..."),
        (RIDE, "X...X..xX...X..x"),
        (SNARE, "......x.......x."),
    ),
    "half": ((KICK, "X.........x....."), (SNARE, "........X......."), (CLOSED, "X...x...X...x...")),
    "latin": ((KICK, "X..xX..xX..xX..x"), (STICK, "X..x..x...x.x..."), (RIDE, "X.xxX.xxX.xxX.xx")),
    "march": ((SNARE, "XxxxX.xxXxxxX.X."), (KICK, "X.......X.......")),
    "toms": (
        (KICK, "X...X...X...X..."),
        (TOMS[4], "X.x..x..X.x..x.."),
        (TOMS[1], "...x..x....x..x."),
    ),
}
"""Sixteen sixths of a bar each: X struck hard, x softly."""
_HAND_PATTERNS = ("x.XxX.XXx.XxX.XX", "X.xx.xX.x.xx.xXX", "XxxXxxXxXxxXxxXx", "X..XX.x.X..XX.xx")


def _drum(sheet: _Sheet, bars: int) -> str:
    """A groove of a kit, or two hands on congas, bongos, timbales."""
    dice = sheet.dice
    if dice.chance(0.3):
        return _hands(sheet, bars)
    style = dice.pick(tuple(_GROOVES))
    swing = dice.between(0.04, 0.08) if style == "jazz" else dice.between(0.0, 0.02)
    loose = dice.between(0.0, 0.12)
    every = dice.pick((2, 4, 4, 8))
    for bar in range(bars):
        fill = bar % every == every - 1 and dice.chance(0.8)
        if bar % every == 0 and bar and dice.chance(0.6):
            sheet.strike(4.0 * bar, 1.0, CRASH, 12.0)
        for key, pattern in _GROOVES[style]:
            for place, sign in enumerate(pattern):
                if sign == "." and not dice.chance(0.3 * loose):
                    continue
                if (fill and place >= 8) or dice.chance(loose * 0.5):
                    continue
                late = swing if place % 2 else 0.0
                shown = OPEN if key == CLOSED and place == 14 and dice.chance(0.3) else key
                sheet.strike(
                    4.0 * bar + 0.25 * place + late, 0.2, shown, 12.0 if sign == "X" else -14.0
                )
        if fill:
            _fill(sheet, 4.0 * bar + 2.0)
    return style


def _fill(sheet: _Sheet, beat: float) -> None:
    dice = sheet.dice
    drums = [dice.pick((SNARE, *TOMS[:2])), TOMS[1], TOMS[3], TOMS[4]]
    for k in range(8):
        if not dice.chance(0.12):
            sheet.strike(beat + 0.25 * k, 0.2, drums[k // 2], 8.0 if k % 2 == 0 else -2.0)


def _hands(sheet: _Sheet, bars: int) -> str:
    dice = sheet.dice
    kind = dice.pick(tuple(HANDS))
    keys = HANDS[kind]
    pattern = [(dice.pick(keys), sign) for sign in dice.pick(_HAND_PATTERNS)]
    for bar in range(bars):
        for place, (key, sign) in enumerate(pattern):
            if dice.chance(0.08):
                key, sign = dice.pick(keys), "X"
            if sign != ".":
                sheet.strike(4.0 * bar + 0.25 * place, 0.2, key, 10.0 if sign == "X" else -14.0)
        if dice.chance(0.2):
            pattern[dice.whole(0, 15)] = (dice.pick(keys), dice.pick(("x", "X", ".")))
    return kind
