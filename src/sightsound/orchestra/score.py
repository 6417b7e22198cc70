"""An instrument and a seed in, a solo phrase out: what is played, before any sound or picture.

Both the synthesis and the drawn performer read the same :class:`Phrase`, so timing that both must
share (rubato, micro-timing, slurs) is decided here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from sightsound.errors import ConfigError, MediaError
from sightsound.pairs.fingering import COMPASS
from sightsound.shapes import INSTRUMENTS

if TYPE_CHECKING:
    import mido

Articulation: TypeAlias = Literal["legato", "detached", "staccato", "accent", "long"]
Style: TypeAlias = Literal["cantabile", "study", "dance", "march", "long_tones", "free"]

MIN_PHRASE_SECONDS = 0.5
MAX_PHRASE_SECONDS = 1800.0
MIN_NOTE_SECONDS = 0.07
MAX_MIDI_BYTES = 8 << 20
MAX_MIDI_NOTES = 100_000


@dataclass(frozen=True)
class Note:
    """One note as it is played."""

    onset_seconds: float
    duration_seconds: float
    pitch: int  # MIDI key as it sounds (69 = A at 440 Hz), never the written pitch
    velocity: int  # 1 (softest) to 127
    slurred: bool  # tied to the note before it, under one bow, breath or tongue stroke
    articulation: Articulation

    @property
    def end_seconds(self) -> float:
        """The moment the player lets go of the note."""
        return self.onset_seconds + self.duration_seconds


@dataclass(frozen=True)
class Phrase:
    """A monophonic solo: notes in order of onset, none overlapping the next."""

    instrument: str
    notes: tuple[Note, ...]
    seconds: float  # length of the performance; every note ends before it
    tempo_bpm: float
    piece: str  # id of the piece: equal ids mean equal music


@dataclass(frozen=True)
class Compass:
    """What an instrument can play, in sounding MIDI keys, and where it likes to."""

    low: int
    high: int
    comfortable_low: int
    comfortable_high: int
    agility: float  # multiplies the tempo


COMPASSES: dict[str, Compass] = {
    "bassoon": Compass(*COMPASS["bassoon"], 40, 65, 0.95),
    "cello": Compass(*COMPASS["cello"], 38, 67, 0.95),
    "clarinet": Compass(*COMPASS["clarinet"], 53, 82, 1.1),
    "double_bass": Compass(*COMPASS["double_bass"], 30, 55, 0.8),
    "flute": Compass(*COMPASS["flute"], 64, 89, 1.15),
    "horn": Compass(*COMPASS["horn"], 46, 71, 0.85),
    "oboe": Compass(*COMPASS["oboe"], 62, 84, 1.0),
    "sax": Compass(*COMPASS["sax"], 46, 78, 1.05),
    "trombone": Compass(*COMPASS["trombone"], 44, 67, 0.85),
    "trumpet": Compass(*COMPASS["trumpet"], 57, 79, 1.0),
    "tuba": Compass(*COMPASS["tuba"], 31, 55, 0.8),
    "viola": Compass(*COMPASS["viola"], 50, 77, 1.05),
    "violin": Compass(*COMPASS["violin"], 57, 88, 1.15),
}
"""Sounding compass of each of the 13 instruments."""

SAXOPHONES: dict[str, tuple[int, int]] = {
    "soprano": (56, 87),
    "alto": (49, 81),
    "tenor": (44, 76),
    "baritone": (37, 69),
}
"""Sounding compass of the four saxophones; a phrase for sax stays inside one of them."""

_SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "natural minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
    "chromatic": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
}
_SCALE_WEIGHTS = (0.3, 0.15, 0.13, 0.1, 0.08, 0.05, 0.07, 0.05, 0.07)

Cell: TypeAlias = tuple[float, ...]  # note lengths in beats


@dataclass(frozen=True)
class _StyleRules:
    """What makes a style: its pulse, its rhythms and how notes are joined."""

    tempo_bpm: tuple[float, float]
    cells: tuple[Cell, ...]
    slur_probability: float
    slur_lengths: tuple[int, ...]
    unslurred: tuple[Articulation, ...]  # drawn for notes outside slurs
    leap: float  # chance of a step wider than a third
    rubato: float  # depth of the slow swing of tempo
    breath_beats: float  # rest after a phrase


_STYLES: dict[Style, _StyleRules] = {
    "cantabile": _StyleRules(
        (54, 88),
        ((2, 1, 1), (1.5, 0.5, 1, 1), (1, 1, 2), (3, 1), (1, 0.5, 0.5, 2), (1.5, 0.5, 2), (2, 2)),
        0.75, (2, 3, 4, 5), ("long", "detached"), 0.12, 0.10, 0.45,
    ),
    "study": _StyleRules(
        (60, 104),
        ((0.5,) * 4, (0.25,) * 8, (1 / 3,) * 6, (0.5, 0.25, 0.25) * 2, (0.5,) * 8),
        0.5, (2, 4, 6, 8), ("detached", "staccato"), 0.05, 0.02, 0.3,
    ),
    "dance": _StyleRules(
        (92, 150),
        ((1, 0.5, 0.5, 1), (0.75, 0.25, 0.5, 1.5), (1, 1, 1), (0.5,) * 6, (1.5, 0.5, 1), (2, 1)),
        0.35, (2, 3), ("staccato", "detached", "accent"), 0.2, 0.03, 0.4,
    ),
    "march": _StyleRules(
        (88, 126),
        ((0.75, 0.25, 1, 1, 1), (1, 1, 0.5, 0.5, 1), (0.75, 0.25, 0.75, 0.25, 2), (1, 1, 2),
         (1 / 3, 1 / 3, 1 / 3, 1, 2)),
        0.12, (2,), ("accent", "detached", "staccato"), 0.3, 0.01, 0.35,
    ),
    "long_tones": _StyleRules(
        (54, 76), ((3,), (2, 2), (4,), (2,), (1.5, 1.5)),
        0.15, (2, 3), ("long", "long", "detached"), 0.35, 0.03, 0.3,
    ),
    "free": _StyleRules(
        (60, 132),
        ((1, 0.5, 0.5), (0.5, 0.5, 1, 0.25, 0.25, 0.5), (1 / 3, 1 / 3, 1 / 3, 1), (0.5, 1, 0.5, 1),
         (0.25,) * 4 + (1,), (1.5, 0.25, 0.25)),
        0.45, (2, 3, 4), ("detached", "accent", "staccato", "long"), 0.22, 0.06, 0.35,
    ),
}  # fmt: skip
_STYLE_WEIGHTS = (0.24, 0.2, 0.16, 0.12, 0.16, 0.12)

# Share of the time to the next onset that a note sounds, lowest and highest.
_SOUNDING_SHARE: dict[Articulation, tuple[float, float]] = {
    "legato": (1.0, 1.0),
    "detached": (0.82, 0.96),
    "staccato": (0.38, 0.6),
    "accent": (0.75, 0.92),
    "long": (0.93, 0.99),
}


def compose(instrument: str, seed: int, seconds: float) -> Phrase:
    """Compose a solo for an instrument.

    A style (singing, study, dance, march, long tones, free), a key, a register, a dynamic plan and
    a tempo are drawn; motifs are stated, repeated and moved through the scale along a contour;
    phrases end on a longer note and a breath. Rests stay under about half a second.

    ``seconds`` 0.5 to 1800. The same (instrument, seed, seconds) gives the same phrase.

    Raises
    ------
    ConfigError
        Unknown instrument, or ``seconds`` out of range.
    """
    compass = _compass(instrument)
    if not MIN_PHRASE_SECONDS <= seconds <= MAX_PHRASE_SECONDS:
        raise ConfigError(
            f"seconds: {seconds:g} for a phrase, allowed {MIN_PHRASE_SECONDS:g} to "
            f"{MAX_PHRASE_SECONDS:g}; choose a length in that range"
        )
    rng = np.random.default_rng([0x5C0E, INSTRUMENTS.index(instrument), seed])
    styles: tuple[Style, ...] = tuple(_STYLES)
    style = styles[int(rng.choice(len(styles), p=_STYLE_WEIGHTS))]
    rules = _STYLES[style]
    low, high = _playable(instrument, compass, rng)
    tempo_bpm = float(np.exp(rng.uniform(*np.log(rules.tempo_bpm)))) * compass.agility
    scale = list(_SCALES)[int(rng.choice(len(_SCALES), p=_SCALE_WEIGHTS))]
    tonic = int(rng.integers(12))
    beat_seconds = 60.0 / tempo_bpm
    piece_level = float(np.clip(rng.normal(76, 17), 34, 112))

    notes: list[Note] = []
    time = float(rng.uniform(0.02, 0.2))
    rubato_phase = float(rng.uniform(0, 2 * math.pi))
    while time < seconds - 0.3:
        if notes and rng.random() < 0.15:  # modulate to a near key
            tonic = (tonic + int(rng.choice([5, 7, 3, 9]))) % 12
        pool = _register(rng, compass, low, high, tonic, _SCALES[scale], wide=style == "study")
        rhythm = _rhythm(rng, rules)
        degrees = _line(rng, len(rhythm), len(pool), rules, style)
        joins = _joins(rng, len(rhythm), rules, [pool[d] for d in degrees])
        levels = _dynamics(rng, rhythm, piece_level)
        stretch = float(rng.uniform(1.1, 1.35))
        for index, (beats, degree) in enumerate(zip(rhythm, degrees, strict=True)):
            swing = 1.0 + rules.rubato * math.sin(rubato_phase + time * 0.9)
            last = index == len(rhythm) - 1
            to_next = beats * beat_seconds * swing * (stretch if last else 1.0)
            to_next = max(to_next, MIN_NOTE_SECONDS * 1.25)
            to_next *= float(np.clip(1.0 + rng.normal(0, 0.02), 0.93, 1.07))  # micro-timing
            slurred, articulation = joins[index]
            next_slurred = not last and joins[index + 1][0]
            share = 1.0 if next_slurred else float(rng.uniform(*_SOUNDING_SHARE[articulation]))
            if articulation == "legato" and not next_slurred:
                share = 0.93
            # A short note may not leave more than 0.4 s of silence behind it.
            duration = max(to_next * share, MIN_NOTE_SECONDS, to_next - 0.4)
            notes.append(Note(time, duration, pool[degree], levels[index], slurred, articulation))
            time += to_next
        time += min(rules.breath_beats * beat_seconds * float(rng.uniform(0.3, 1.0)), 0.4)
    return Phrase(
        instrument, _fit(notes, seconds), float(seconds), tempo_bpm, f"{instrument}-{style}-{seed}"
    )


def _compass(instrument: str) -> Compass:
    if instrument not in COMPASSES:
        raise ConfigError(
            f"instrument: {instrument!r} is unknown, allowed are {', '.join(INSTRUMENTS)}"
        )
    return COMPASSES[instrument]


def _playable(instrument: str, compass: Compass, rng: np.random.Generator) -> tuple[int, int]:
    """The compass of the one instrument in hand (a sax is one of four)."""
    if instrument == "sax":
        kinds = list(SAXOPHONES.values())
        return kinds[int(rng.choice(4, p=(0.2, 0.35, 0.3, 0.15)))]
    return compass.low, compass.high


def _register(
    rng: np.random.Generator,
    compass: Compass,
    low: int,
    high: int,
    tonic: int,
    scale: Sequence[int],
    *,
    wide: bool,
) -> list[int]:
    """The scale's pitches around a drawn centre: mostly comfortable, sometimes anywhere."""
    comfortable = rng.random() < 0.7
    bottom = max(low, compass.comfortable_low) if comfortable else low
    top = min(high, compass.comfortable_high) if comfortable else high
    span = float(rng.uniform(12, 24) if wide else rng.uniform(7, 17))
    centre = float(rng.uniform(bottom, top))
    first = max(low, round(centre - span / 2))
    last = min(high, round(centre + span / 2))
    if last - first < 7:  # near an end of the compass
        first, last = (low, low + 7) if first == low else (high - 7, high)
    return [p for p in range(first, last + 1) if (p - tonic) % 12 in scale]


def _rhythm(rng: np.random.Generator, rules: _StyleRules) -> list[float]:
    """Note lengths in beats of one phrase: two to four bars, often of one repeated cell."""
    bars = int(rng.integers(2, 5))
    cell = rules.cells[int(rng.integers(len(rules.cells)))]
    rhythm: list[float] = []
    for _ in range(bars):
        if rng.random() < 0.45:
            cell = rules.cells[int(rng.integers(len(rules.cells)))]
        rhythm.extend(cell)
    rhythm[-1] = max(rhythm[-1], float(rng.choice([1.0, 1.5, 2.0])))
    return rhythm


def _line(
    rng: np.random.Generator, count: int, size: int, rules: _StyleRules, style: Style
) -> list[int]:
    """Scale degrees (0 to size − 1) of a phrase, along a contour."""
    if style == "study":
        return _study_line(rng, count, size)
    contour = int(rng.integers(5))
    start = int(rng.integers(size))
    depth = float(rng.uniform(0.4, 1.0)) * size
    line = [start]
    steps: list[int] = []
    for index in range(1, count):
        x = index / max(count - 1, 1)
        rise = (math.sin(math.pi * x), -math.sin(math.pi * x), x, -x, math.sin(2 * math.pi * x))
        target = start + depth * 0.6 * rise[contour]
        if len(steps) >= 4 and rng.random() < 0.3:
            step = steps[-4]  # restate the motif
        elif rng.random() < rules.leap:
            step = int(rng.choice([-5, -4, -3, 3, 4, 5, 7]))
        else:
            step = int(rng.choice([-2, -1, -1, -1, 0, 1, 1, 1, 2]))
        if steps and abs(steps[-1]) >= 3 and step * steps[-1] > 0:
            step = -step  # a leap turns back
        if abs(line[-1] + step - target) > size * 0.35:
            step = abs(step) if target > line[-1] else -abs(step)
        degree = line[-1] + step
        if not 0 <= degree < size:
            degree = line[-1] - step
        degree = min(max(degree, 0), size - 1)
        steps.append(degree - line[-1])
        line.append(degree)
    return line


def _study_line(rng: np.random.Generator, count: int, size: int) -> list[int]:
    """Scales, broken thirds, arpeggios and turns, up and down the register."""
    pattern = ((1,), (2, -1), (2,), (2, 2, -3), (1, 1, -1), (3, -2))[int(rng.integers(6))]
    direction = 1 if rng.random() < 0.6 else -1
    degree = 0 if direction > 0 else size - 1
    line = []
    for index in range(count):
        line.append(degree)
        step = direction * pattern[index % len(pattern)]
        if not 0 <= degree + step < size:
            direction = -direction
            step = -step
        degree = min(max(degree + step, 0), size - 1)
    return line


def _joins(
    rng: np.random.Generator, count: int, rules: _StyleRules, pitches: Sequence[int]
) -> list[tuple[bool, Articulation]]:
    """For each note: is it slurred to the one before, and how is it played."""
    joins: list[tuple[bool, Articulation]] = []
    favourite = rules.unslurred[int(rng.integers(len(rules.unslurred)))]
    while len(joins) < count:
        if rng.random() < rules.slur_probability:
            length = int(rng.choice(rules.slur_lengths))
            for position in range(min(length, count - len(joins))):
                index = len(joins)
                # A repeated pitch cannot be slurred: it needs a new stroke to be heard.
                tied = position > 0 and pitches[index] != pitches[index - 1]
                joins.append((tied, "legato"))
        else:
            other = rules.unslurred[int(rng.integers(len(rules.unslurred)))]
            joins.append((False, favourite if rng.random() < 0.7 else other))
    return joins


def _dynamics(rng: np.random.Generator, rhythm: Sequence[float], piece_level: float) -> list[int]:
    """Velocities of a phrase: an arc, a crescendo or a diminuendo, accents on the beat."""
    x = np.linspace(0.0, 1.0, len(rhythm))
    shapes = (np.sin(np.pi * x), x, 1.0 - x, -np.sin(np.pi * x), np.zeros_like(x))
    shape = shapes[int(rng.choice(5, p=(0.4, 0.2, 0.15, 0.1, 0.15)))]
    level = piece_level + rng.normal(0, 9) + float(rng.uniform(8, 40)) * (shape - shape.mean())
    beats = np.concatenate(([0.0], np.cumsum(rhythm)[:-1]))
    on_beat = np.abs(beats - np.rint(beats)) < 1e-6
    level = level + 5.0 * on_beat + rng.normal(0, 3, len(rhythm))
    return [int(v) for v in np.clip(np.rint(level), 18, 124)]


def _fit(notes: Sequence[Note], seconds: float) -> tuple[Note, ...]:
    """Notes cut to end before ``seconds``; what would become a scrap is dropped."""
    kept: list[Note] = []
    for note in notes:
        duration = min(note.duration_seconds, seconds - 0.05 - note.onset_seconds)
        if duration < MIN_NOTE_SECONDS and kept:
            break
        kept.append(
            Note(
                note.onset_seconds,
                duration,
                note.pitch,
                note.velocity,
                note.slurred,
                note.articulation,
            )
        )
    return tuple(kept)


def phrase_from_midi(path: str | Path, instrument: str) -> Phrase:
    """Read a solo for an instrument from a MIDI file.

    The monophonic line is found by rule: of all (track, channel) pairs but the drum channel, the
    one with most notes (the higher-sounding one if equal); in it, of notes that start within 30 ms
    of each other the highest; each note ends at the latest where the next begins. Notes whose
    written lengths overlap by more than 5 ms are slurred. The whole line moves by the number of
    octaves that brings most notes into the instrument's compass (the least movement if equal);
    single notes still outside are folded in by octaves. Silence before the first note becomes
    0.1 s.

    Raises
    ------
    MediaError
        The file cannot be read, is no MIDI file, is malformed, holds no notes or is too long.
    ConfigError
        Unknown instrument.
    """
    import mido

    compass = _compass(instrument)
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_MIDI_BYTES:
            raise MediaError(
                f"{path}: MIDI file of {size} bytes, at most {MAX_MIDI_BYTES} are read; "
                "give a smaller file"
            )
        song = mido.MidiFile(path)
        lines = _midi_lines(song)
    except OSError as error:
        reason = error.strerror or str(error) or "not a MIDI file"
        raise MediaError(
            f"{path}: cannot be read as MIDI ({_one_line(reason)}); give a standard MIDI file"
        ) from error
    except (EOFError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise MediaError(
            f"{path}: malformed MIDI file ({_one_line(str(error)) or type(error).__name__}); "
            "give a standard MIDI file"
        ) from error
    except mido.KeySignatureError as error:
        raise MediaError(
            f"{path}: malformed MIDI file ({_one_line(str(error))}); give a standard MIDI file"
        ) from error
    line = max(lines, key=lambda line: (len(line), sum(n[2] for n in line)), default=[])
    if not line:
        raise MediaError(f"{path}: MIDI file without notes; give a file that holds a melody")
    if len(line) > MAX_MIDI_NOTES:
        raise MediaError(
            f"{path}: a line of {len(line)} notes, at most {MAX_MIDI_NOTES} are read; "
            "give a shorter piece"
        )
    melody = _skyline(line)
    shift = _octave_shift([n[2] for n in melody], compass)
    start = melody[0][0] - 0.1
    notes: list[Note] = []
    written_end = -math.inf
    for index, (onset, end, pitch, velocity) in enumerate(melody):
        limit = melody[index + 1][0] if index + 1 < len(melody) else math.inf
        duration = min(max(end - onset, MIN_NOTE_SECONDS), limit - onset)
        slurred = written_end > onset + 0.005 and pitch != melody[index - 1][2]
        articulation: Articulation = "legato" if slurred else "detached"
        if not slurred and limit - onset < 1.0 and duration < 0.6 * (limit - onset):
            articulation = "staccato"
        notes.append(
            Note(onset - start, duration, _fold(pitch + shift, compass), velocity, slurred,
                 articulation)
        )  # fmt: skip
        written_end = end
    seconds = max(notes[-1].end_seconds + 0.3, MIN_PHRASE_SECONDS)
    if seconds > MAX_PHRASE_SECONDS:
        raise MediaError(
            f"{path}: {seconds:.0f} s of music, at most {MAX_PHRASE_SECONDS:.0f} s are performed; "
            "give a shorter piece"
        )
    gaps = np.diff([onset for onset, _, _, _ in melody])
    # The tempo is one note to the beat: the file's own beat may be anything.
    tempo_bpm = 60.0 / max(float(np.median(gaps)), 0.1) if len(gaps) else 60.0
    return Phrase(instrument, tuple(notes), seconds, tempo_bpm, f"{instrument}-midi-{path.stem}")


_MidiNote: TypeAlias = tuple[float, float, int, int]  # onset s, end s, key, velocity


def _midi_lines(song: mido.MidiFile) -> list[list[_MidiNote]]:
    """Notes of every (track, channel), drums left out, in seconds."""
    if song.ticks_per_beat <= 0:
        raise ValueError("time in SMPTE frames is not supported")
    tempo_changes: list[tuple[int, int]] = [(0, 500_000)]
    raw: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
    for number, track in enumerate(song.tracks):
        tick = 0
        open_notes: dict[tuple[int, int], tuple[int, int]] = {}
        for message in track:
            tick += int(message.time)
            if message.type == "set_tempo":
                tempo_changes.append((tick, int(message.tempo)))
            elif message.type in ("note_on", "note_off") and message.channel != 9:
                key = (message.channel, message.note)
                if key in open_notes:
                    onset, velocity = open_notes.pop(key)
                    raw.setdefault((number, message.channel), []).append(
                        (onset, tick, message.note, velocity)
                    )
                if message.type == "note_on" and message.velocity > 0:
                    open_notes[key] = (tick, message.velocity)
        for (channel, note), (onset, velocity) in open_notes.items():
            raw.setdefault((number, channel), []).append((onset, tick, note, velocity))
    tempo_changes.sort(key=lambda change: change[0])
    ticks = np.array([t for t, _ in tempo_changes], dtype=np.float64)
    beat = np.array([us for _, us in tempo_changes], dtype=np.float64) * 1e-6
    per_tick = beat / song.ticks_per_beat
    at_change = np.concatenate(([0.0], np.cumsum(np.diff(ticks) * per_tick[:-1])))

    def seconds(tick: int) -> float:
        index = int(np.searchsorted(ticks, tick, side="right")) - 1
        return float(at_change[index] + (tick - ticks[index]) * per_tick[index])

    return [
        [(seconds(on), seconds(off), note, velocity) for on, off, note, velocity in notes]
        for notes in raw.values()
    ]


def _skyline(line: Sequence[_MidiNote]) -> list[_MidiNote]:
    """One note at a time: the highest of those that start within 30 ms of each other."""
    melody: list[_MidiNote] = []
    for note in sorted(line):
        if melody and note[0] - melody[-1][0] < 0.03:
            if note[2] > melody[-1][2]:
                melody[-1] = (melody[-1][0], note[1], note[2], note[3])
        else:
            melody.append(note)
    return melody


def _octave_shift(pitches: Sequence[int], compass: Compass) -> int:
    """The whole-line transposition (semitones, in octaves) that fits most notes."""
    array = np.array(pitches)

    def misfit(shift: int) -> tuple[int, float]:
        moved = array + shift
        outside = int(np.sum((moved < compass.low) | (moved > compass.high)))
        return outside, abs(shift)

    return min((12 * octave for octave in range(-6, 7)), key=misfit)


def _fold(pitch: int, compass: Compass) -> int:
    while pitch < compass.low:
        pitch += 12
    while pitch > compass.high:
        pitch -= 12
    return pitch


def _one_line(text: str) -> str:
    return " ".join(text.split())
