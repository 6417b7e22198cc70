"""A phrase and two seeds in, its sound and the truth about it out.

Every note is rendered alone by FluidSynth as a steady tone, then read back along a curve that
carries the tuning, vibrato, glides and the shift of formants, and laid into the phrase with its own
envelope. So the pitch that sounds is known in closed form at every sample, joins are smooth, and
the result depends on the seeds only, never on what was rendered before.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft, signal

from sightsound.errors import ConfigError, DataError
from sightsound.orchestra.rooms import (
    Equaliser,
    describe,
    draw_microphone,
    draw_room,
    draw_tone,
    minimum_phase,
    ramp,
    record,
    shaped_noise,
)
from sightsound.orchestra.score import SAXOPHONES, Articulation, Note, Phrase
from sightsound.shapes import INSTRUMENTS, Waveform

RENDER_RATE = 44100  # Hz; other rates are resampled from it
FRAME_RATE = 25.0  # frames per second of the truth where no times are given
LOUDNESS_FLOOR_DB = -80.0
LOUDNESS_WINDOW_SECONDS = 0.04
_BLOCK = 64  # FluidSynth renders in blocks of 64; whole blocks make a note independent of history
_LEAD_SECONDS = 0.14  # of a soft attack that may be skipped
_NOTES_AT_ONCE = 48  # bounds the memory of a long phrase

VoiceSet: TypeAlias = Literal["train", "unheard"]
Soundfont: TypeAlias = Literal["FluidR3", "MuseScore", "TimGM6mb"]

_SOUNDFONTS: dict[Soundfont, tuple[tuple[str, ...], str]] = {
    "FluidR3": (("/usr/share/sounds/sf2/FluidR3_GM.sf2",), "fluid-soundfont-gm"),
    "MuseScore": (
        # The small font first, so that having both installed changes no bytes.
        (
            "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3",
            "/usr/share/sounds/sf3/MuseScore_General.sf3",
        ),
        "musescore-general-soundfont-small",
    ),
    "TimGM6mb": (("/usr/share/sounds/sf2/TimGM6mb.sf2",), "timgm6mb-soundfont"),
}


@dataclass(frozen=True)
class Voice:
    """One sampled instrument of one soundfont."""

    name: str
    instrument: str
    soundfont: Soundfont
    bank: int
    program: int
    shift: int  # semitones above the sampled key at which it speaks; formants move with it
    weight: float  # how often it is drawn, against the instrument's others
    low: int  # sounding MIDI keys
    high: int


# Program, shift and weight. A shifted piccolo gives the flute one more body; other neighbours of
# the family (a violin played as a viola) would be sounds that nobody could name rightly.
_PROGRAMS: dict[str, tuple[tuple[str, int, int, int, float], ...]] = {
    "bassoon": (("Bassoon", 0, 70, 0, 1.0),),
    "cello": (("Cello", 0, 42, 0, 1.0),),
    "clarinet": (("Clarinet", 0, 71, 0, 1.0),),
    "double_bass": (("Contrabass", 0, 43, 0, 1.0),),
    "flute": (("Flute", 0, 73, 0, 1.0), ("Piccolo", 0, 72, -7, 0.2)),
    "horn": (("French Horn", 0, 60, 0, 1.0),),
    "oboe": (("Oboe", 0, 68, 0, 1.0),),
    "sax": (
        ("Soprano Sax", 0, 64, 0, 0.7),
        ("Alto Sax", 0, 65, 0, 1.0),
        ("Tenor Sax", 0, 66, 0, 1.0),
        ("Baritone Sax", 0, 67, 0, 0.8),
    ),
    "trombone": (("Trombone", 0, 57, 0, 1.0),),
    "trumpet": (("Trumpet", 0, 56, 0, 1.0), ("Muted Trumpet", 0, 59, 0, 0.06)),
    "tuba": (("Tuba", 0, 58, 0, 1.0),),
    "viola": (("Viola", 0, 41, 0, 1.0),),
    "violin": (
        ("Violin", 0, 40, 0, 1.0),
        ("Slow Violin", 8, 40, 0, 0.4),
        ("Fiddle", 0, 110, 0, 0.3),
    ),
}
_SAX_OF = {64: "soprano", 65: "alto", 66: "tenor", 67: "baritone"}


def _voices(soundfonts: Sequence[Soundfont], *, borrowed: bool) -> dict[str, tuple[Voice, ...]]:
    table: dict[str, tuple[Voice, ...]] = {}
    for instrument, programs in _PROGRAMS.items():
        voices = []
        for soundfont in soundfonts:
            for name, bank, program, shift, weight in programs:
                if not borrowed and (shift or bank or program in (59, 110)):
                    continue
                low, high = SAXOPHONES[_SAX_OF[program]] if program in _SAX_OF else (0, 127)
                if program == 43 and shift:
                    high = 57 + shift  # FluidR3's contrabass has no higher samples
                label = f"{soundfont}/{name}" + (f"{shift:+d}" if shift else "")
                voices.append(
                    Voice(label, instrument, soundfont, bank, program, shift, weight, low, high)
                )
        table[instrument] = tuple(voices)
    return table


TRAIN: Mapping[str, tuple[Voice, ...]] = MappingProxyType(
    _voices(("FluidR3", "MuseScore"), borrowed=True)
)
"""Voices of training, by instrument: FluidR3 GM and MuseScore General (both MIT)."""

UNHEARD: Mapping[str, tuple[Voice, ...]] = MappingProxyType(_voices(("TimGM6mb",), borrowed=False))
"""Voices that training never hears: TimGM6mb (GPL), of another ancestry."""


@dataclass(frozen=True, kw_only=True)
class Playing:
    """How one player sounds: drawn once from the player's seed."""

    tuning_cents: float  # against A = 440 Hz, -40 to 40
    shift: int  # semitones by which body resonances move, -2 to 2
    vibrato_hz: float
    vibrato_cents: float  # depth at full bloom
    vibrato_delay_seconds: float
    tremolo_db: float  # swing of loudness with the vibrato
    drift_cents: float  # slow wandering of pitch
    scoop_cents: float  # from below, at the start of a note
    portamento: float  # chance that a slur glides
    attack_seconds: float  # of an unaccented note
    release_seconds: float
    brightness: int  # added to the velocity that picks the timbre, not to the level
    range_db: float  # level between velocity 20 and 120
    swell_db: float  # how far long notes bloom or die
    breath_db: float  # noise of breath or bow under the tone
    breath_hz: float  # centre of that noise
    seed: int


# Vibrato depth in cents (low, high), chance of any, and glide chance, by instrument.
_HABITS: dict[str, tuple[float, float, float, float]] = {
    "bassoon": (4, 14, 0.6, 0.0),
    "cello": (10, 38, 0.9, 0.22),
    "clarinet": (2, 7, 0.25, 0.0),
    "double_bass": (6, 28, 0.75, 0.2),
    "flute": (6, 22, 0.85, 0.0),
    "horn": (2, 6, 0.25, 0.02),
    "oboe": (5, 18, 0.75, 0.0),
    "sax": (6, 28, 0.7, 0.06),
    "trombone": (3, 15, 0.45, 0.3),
    "trumpet": (3, 14, 0.5, 0.03),
    "tuba": (2, 8, 0.35, 0.0),
    "viola": (10, 36, 0.9, 0.2),
    "violin": (10, 38, 0.92, 0.2),
}
_STRINGS = frozenset({"cello", "double_bass", "viola", "violin"})


@dataclass(frozen=True)
class SoundTruth:
    """What truly sounds, at the frames' times."""

    frame_times: NDArray[np.float64]  # (F,) s
    pitch_hz: NDArray[np.float32]  # (F,) with tuning, vibrato and glides; 0 in rests
    loudness_db: NDArray[np.float32]  # (F,) dry RMS over 40 ms, dBFS, -80 at least
    onset_times: NDArray[np.float64]  # (n,) s, one a note
    note_index: NDArray[np.int64]  # (F,) into the phrase's notes; -1 in rests


@dataclass(frozen=True)
class RenderedSound:
    """A performed phrase."""

    waveform: Waveform  # (1, T) float32, in its room
    dry: Waveform  # (1, T) float32, before room and microphone
    sample_rate: int
    truth: SoundTruth
    voice: str
    description: dict[str, Any]  # everything drawn, as JSON values


def missing_packages(voices: VoiceSet = "train") -> list[str]:
    """Debian packages (and the Python one) that are missing to render; empty if all is there."""
    missing = []
    try:
        import fluidsynth  # noqa: F401
    except ModuleNotFoundError:
        missing.append("pyfluidsynth (pip)")
    except (ImportError, OSError):
        missing.append("libfluidsynth3")
    for name in _soundfonts_of(voices):
        paths, package = _SOUNDFONTS[name]
        if not any(Path(p).is_file() for p in paths):
            missing.append(package)
    return missing


def _soundfonts_of(voices: VoiceSet) -> tuple[Soundfont, ...]:
    return ("TimGM6mb",) if voices == "unheard" else ("FluidR3", "MuseScore")


def perform_sound(
    phrase: Phrase,
    player_seed: int,
    room_seed: int,
    *,
    voices: VoiceSet = "train",
    sample_rate: int = RENDER_RATE,
    frame_times: NDArray[np.floating] | None = None,
) -> RenderedSound:
    """Play a phrase: the voice and manner come from one seed, room and microphone from another.

    Neither seed has anything to do with who is drawn. Same phrase and seeds, same bytes on one
    machine. Onsets are the phrase's own; the room never moves them.

    ``sample_rate`` 8000..192000 Hz; ``frame_times`` (F,) are the seconds at which the truth is
    wanted, None = 25 a second from 0.

    Raises
    ------
    DataError
        FluidSynth or a soundfont is not installed; names the Debian packages.
    ConfigError
        Unknown instrument or set of voices, or a sample rate outside 8000..192000.
    """
    if voices not in ("train", "unheard"):
        raise ConfigError(f"voices: {voices!r} is unknown, allowed are 'train' and 'unheard'")
    if not 8000 <= sample_rate <= 192_000:
        raise ConfigError(f"sample_rate: {sample_rate} Hz, allowed 8000 to 192000")
    if phrase.instrument not in INSTRUMENTS:
        raise ConfigError(
            f"instrument: {phrase.instrument!r} is unknown, allowed are {', '.join(INSTRUMENTS)}"
        )
    rng = np.random.default_rng([0x501D, player_seed])
    voice = _draw_voice(rng, phrase, (UNHEARD if voices == "unheard" else TRAIN)[phrase.instrument])
    playing = draw_playing(rng, phrase.instrument)
    tone = draw_tone(rng)
    room_rng = np.random.default_rng([0x400B, room_seed])
    room = draw_room(room_rng)
    microphone = draw_microphone(room_rng)

    dry, pitch_hz = _play(phrase, voice, playing, tone)
    if frame_times is None:
        frame_times = np.arange(int(round(phrase.seconds * FRAME_RATE, 6))) / FRAME_RATE
    truth = _truth(phrase, dry, pitch_hz, np.asarray(frame_times, dtype=np.float64))
    waveform = record(dry, RENDER_RATE, room=room, microphone=microphone)
    if sample_rate != RENDER_RATE:
        samples = round(phrase.seconds * sample_rate)
        waveform = _resample(waveform, sample_rate, samples)
        dry = _resample(dry, sample_rate, samples)
    description = {
        "voice": voice.name,
        "playing": {k: round(v, 6) for k, v in vars(playing).items()},
        "tone": describe(tone),
        "room": describe(room),
        "microphone": describe(microphone),
    }
    return RenderedSound(waveform[None], dry[None], sample_rate, truth, voice.name, description)


def _resample(waveform: Waveform, sample_rate: int, samples: int) -> Waveform:
    resampled = np.asarray(soxr.resample(waveform, RENDER_RATE, sample_rate), dtype=np.float32)
    fitted = np.zeros(samples, dtype=np.float32)
    fitted[: min(samples, len(resampled))] = resampled[:samples]
    return np.clip(fitted, -1.0, 1.0)


def _draw_voice(rng: np.random.Generator, phrase: Phrase, voices: Sequence[Voice]) -> Voice:
    """A voice that reaches all notes, or of all voices the one that reaches most of them."""
    pitches = np.array([note.pitch for note in phrase.notes])
    reach = [int(np.sum((pitches >= v.low) & (pitches <= v.high))) for v in voices]
    able = [v for v, r in zip(voices, reach, strict=True) if r == max(reach)]
    weights = np.array([v.weight for v in able])
    return able[int(rng.choice(len(able), p=weights / weights.sum()))]


def draw_playing(rng: np.random.Generator, instrument: str) -> Playing:
    """Draw a player's way of sounding."""
    shallow, deep, chance, portamento = _HABITS[instrument]
    strings = instrument in _STRINGS
    low = instrument in ("tuba", "double_bass", "bassoon", "trombone", "horn", "cello")
    concert_pitch = rng.normal(441.0, 1.6) if rng.random() < 0.7 else rng.uniform(430.0, 446.0)
    tuning = 1200.0 * math.log2(float(np.clip(concert_pitch, 430.0, 446.0)) / 440.0)
    vibrato = float(rng.uniform(shallow, deep)) if rng.random() < chance else 0.0
    return Playing(
        tuning_cents=float(np.clip(tuning + rng.normal(0, 4), -40, 40)),
        shift=int(rng.choice(np.arange(-2, 3), p=np.array([2, 6, 9, 6, 2]) / 25)),
        vibrato_hz=float(rng.uniform(4.4, 6.8)),
        vibrato_cents=vibrato,
        vibrato_delay_seconds=float(rng.uniform(0.08, 0.45)),
        tremolo_db=float(rng.uniform(0.3, 2.0)) if vibrato > 0 else 0.0,
        drift_cents=float(rng.uniform(1.0, 5.0)),
        scoop_cents=float(rng.uniform(0, 18)) if rng.random() < 0.6 else 0.0,
        portamento=portamento * float(rng.uniform(0, 2)),
        attack_seconds=float(rng.uniform(0.012, 0.045) + (0.012 if low else 0.0)),
        release_seconds=float(rng.uniform(0.03, 0.09) + (0.03 if strings else 0.0)),
        brightness=int(rng.integers(-24, 25)),
        range_db=float(rng.uniform(10, 26)),
        swell_db=float(rng.uniform(1, 8)),
        breath_db=float(rng.uniform(-62, -30)),
        breath_hz=float(np.exp(rng.uniform(math.log(900), math.log(6000)))),
        seed=int(rng.integers(1 << 31)),
    )


# --- FluidSynth -----------------------------------------------------------------------------------


class _Sampler:
    """One loaded soundfont that renders single notes."""

    def __init__(self, soundfont: Soundfont) -> None:
        paths, package = _SOUNDFONTS[soundfont]
        path = next((p for p in paths if Path(p).is_file()), None)
        if path is None:
            raise DataError(
                f"soundfont {paths[0]} is not installed; install the Debian package {package} "
                "(apt-get install fluidsynth fluid-soundfont-gm musescore-general-soundfont-small "
                "timgm6mb-soundfont)"
            )
        try:
            import fluidsynth
        except (ImportError, OSError) as error:
            raise DataError(
                f"FluidSynth is not available ({' '.join(str(error).split())}); install the "
                "Python package pyfluidsynth (pip install 'sightsound[orchestra]') and the Debian "
                "packages fluidsynth fluid-soundfont-gm musescore-general-soundfont-small"
            ) from error
        # Float output: the 16-bit one adds dither whose state depends on what came before.
        self._write = fluidsynth._fl.fluid_synth_write_float
        self._write.argtypes = [
            ctypes.c_void_p, ctypes.c_int,
            ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
            ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
        ]  # fmt: skip
        self._write.restype = ctypes.c_int
        self._synth = fluidsynth.Synth(
            gain=1.0,
            samplerate=float(RENDER_RATE),
            channels=16,
            **{"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.cpu-cores": 1},
        )
        self._active = fluidsynth._fl.fluid_synth_get_active_voice_count
        self._active.argtypes, self._active.restype = [ctypes.c_void_p], ctypes.c_int
        limit = fluidsynth._fl.fluid_synth_get_polyphony
        limit.argtypes, limit.restype = [ctypes.c_void_p], ctypes.c_int
        self._voices = int(limit(self._synth.synth))
        self._font = self._synth.sfload(path)
        if self._font < 0:
            raise DataError(f"{path}: FluidSynth cannot read this soundfont; reinstall {package}")

    def render(
        self, voice: Voice, keys: Sequence[int], velocities: Sequence[int], sizes: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Held notes, back to back and mono: (sum of sizes,) and each note's first sample.

        ``sizes`` are whole blocks; a note's last block is silent.
        """
        starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        stereo = np.zeros((2, int(starts[-1])), dtype=np.float32)
        synth = self._synth
        synth.system_reset()
        synth.program_select(0, self._font, voice.bank, voice.program)
        for key, velocity, start, size in zip(keys, velocities, starts, sizes, strict=False):
            synth.noteon(0, key, velocity)
            self._fill(stereo, int(start), size - _BLOCK)
            synth.all_sounds_off(0)
            # One more block, or the voices that were cut would sound on under the next note.
            self._fill(stereo, int(start) + size - _BLOCK, _BLOCK)
        mono: NDArray[np.float32] = (stereo[0] + stereo[1]) * np.float32(0.5)
        return mono, starts[:-1]

    def play(
        self,
        bank: int,
        program: int,
        events: Sequence[tuple[int, int, int]],
        blocks: int,
        cents: float,
    ) -> NDArray[np.float32]:
        """Keys as a player strikes them, any number at once: mono, (blocks · 64,).

        ``events``: (block, key, velocity) in order; velocity 0 lets a key go.
        """
        stereo = np.zeros((2, blocks * _BLOCK), dtype=np.float32)
        synth = self._synth
        channel = 9 if bank == 128 else 0
        self._settle()
        if synth.program_select(channel, self._font, bank, program) != 0:
            raise DataError(f"bank {bank}, program {program}: not in this soundfont; reinstall it")
        synth.pitch_bend(channel, round(cents * 8192 / 200))  # a bend's whole way is 2 semitones
        now = 0
        for block, key, velocity in events:
            if block > now:
                self._fill(stereo, now * _BLOCK, (block - now) * _BLOCK)
                now = block
            if velocity:
                synth.noteon(channel, key, velocity)
            else:
                synth.noteoff(channel, key)
        self._fill(stereo, now * _BLOCK, (blocks - now) * _BLOCK)
        synth.all_sounds_off(channel)
        synth.pitch_bend(channel, 0)
        self._fill(np.zeros((2, _BLOCK), dtype=np.float32), 0, _BLOCK)  # or they sound on later
        mono: NDArray[np.float32] = (stereo[0] + stereo[1]) * np.float32(0.5)
        return mono

    def _settle(self) -> None:
        """Leave the same note behind in all voices.

        A voice of FluidSynth's glides from the loudness and place of the note that it played last,
        for a block: what is rendered would depend on what was rendered before.
        """
        synth = self._synth
        synth.system_reset()
        left = self._voices - 8  # a note takes some voices at once
        for note in range(14 * 24):
            channel, key = note // 24 % 9, 48 + note % 24 + 24 * (note // 216)
            if key == 48:
                synth.program_select(channel, self._font, 0, 0)
            if self._active(synth.synth) >= left:
                break
            synth.noteon(channel, key, 64)
        scrap = np.zeros((2, _BLOCK), dtype=np.float32)
        self._fill(scrap, 0, _BLOCK)
        for channel in range(9):
            synth.all_sounds_off(channel)
        self._fill(scrap, 0, _BLOCK)
        synth.system_reset()

    def _fill(self, stereo: NDArray[np.float32], start: int, size: int) -> None:
        left, right = (stereo[channel, start:].ctypes.data for channel in (0, 1))
        if self._write(self._synth.synth, size, left, 0, 1, right, 0, 1) != 0:
            raise DataError("FluidSynth failed to render a note; reinstall fluidsynth")


@cache
def _sampler(soundfont: Soundfont) -> _Sampler:
    return _Sampler(soundfont)


def _blocks(samples: float) -> int:
    return max(math.ceil(samples / _BLOCK), 1) * _BLOCK


@lru_cache(maxsize=8192)
def _sampled_key(voice: Voice, wanted: int) -> tuple[int, float]:
    """The sounding key nearest to the one wanted, and how many cents it sounds off its nominal.

    Some presets end early (FluidR3's contrabass at key 57) or have gaps (its violin at 94); the
    reading speed makes up the difference. Pitch is measured by the best comb of harmonics.
    """
    size = _blocks(0.62 * RENDER_RATE)
    for distance in range(2 * 48):
        key = wanted + (-1) ** distance * ((distance + 1) // 2)
        if not 0 <= key <= 127:
            continue
        tone, _ = _sampler(voice.soundfont).render(voice, [key], [90], [size])
        tone = tone[int(0.16 * RENDER_RATE) :]
        ending = tone[-RENDER_RATE // 5 : -_BLOCK]
        if float(np.dot(ending, ending)) > 1e-5 * len(ending):  # -50 dB; sound keys: -20 to -35
            return key, _mistuning_cents(tone, key)
    raise DataError(
        f"voice {voice.name}: silent near key {wanted}; the soundfont is not the one expected, "
        f"reinstall {_SOUNDFONTS[voice.soundfont][1]}"
    )


def _mistuning_cents(tone: NDArray[np.float32], key: int) -> float:
    padded = 1 << 16
    spectrum = np.sqrt(np.abs(fft.rfft(tone * np.hanning(len(tone)).astype(np.float32), padded)))
    cents = np.arange(-70.0, 70.5, 1.0)
    nominal = 440.0 * 2.0 ** ((key - 69) / 12.0)
    harmonics = np.arange(1, 13)
    harmonics = harmonics[nominal * harmonics < 12000.0]
    at = nominal * 2.0 ** (cents[:, None] / 1200.0) * harmonics * (padded / RENDER_RATE)
    comb = np.sum(np.interp(at, np.arange(len(spectrum)), spectrum), axis=1)
    best = int(np.argmax(comb))
    return float(cents[best]) if 0 < best < len(cents) - 1 else 0.0


def play_keys(
    soundfont: Soundfont,
    bank: int,
    program: int,
    strikes: Sequence[tuple[float, float, int, int]],
    seconds: float,
    *,
    cents: float = 0.0,
) -> NDArray[np.float32]:
    """Play any number of keys at once as the soundfont has them: piano, guitar, drums.

    Struck and plucked tones die by themselves, so they need none of what ``perform_sound`` does to
    held ones. Times are met within 1.5 ms (a block of FluidSynth's).

    Args:
        soundfont: which.
        bank: of General MIDI; 128 = drums.
        program: of the bank, from 0.
        strikes: (onset s, end s, MIDI key, velocity 1 to 127), in any order; an end may lie beyond
            ``seconds``, and a key that is struck again is let go first.
        seconds: length of the sound.
        cents: tuning against A = 440 Hz, -200 to 200.

    Returns:
        (T,) float32 at ``RENDER_RATE``, dry, at the soundfont's own level.

    Raises:
        DataError: FluidSynth or the soundfont is missing or has no such program.
    """
    samples = round(seconds * RENDER_RATE)
    blocks = -(-samples // _BLOCK)
    by_key: dict[int, list[tuple[float, float, int]]] = {}
    for onset, end, key, velocity in sorted(strikes):
        by_key.setdefault(key, []).append((onset, end, velocity))
    events = []
    for key, played in by_key.items():
        for number, (onset, end, velocity) in enumerate(played):
            if number + 1 < len(played):
                end = min(end, played[number + 1][0])
            first = round(onset * RENDER_RATE / _BLOCK)
            last = max(round(end * RENDER_RATE / _BLOCK), first + 1)
            events.append((first, 1, key, velocity))
            events.append((last, 0, key, 0))
    ordered = [(at, key, velocity) for at, _, key, velocity in sorted(events) if at < blocks]
    return _sampler(soundfont).play(bank, program, ordered, blocks, cents)[:samples]


# --- From notes to samples ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    """One note's place in the output and the curve along which its tone is read."""

    first: int  # output sample of the onset
    held: int  # samples until the player lets go
    positions: NDArray[np.float64]  # (held + release,) read position, from 0
    key: int
    velocity: int


def _play(
    phrase: Phrase, voice: Voice, playing: Playing, tone: Equaliser
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Dry sound (T,) and the pitch in Hz at every sample (T,), 0 where nothing is played."""
    samples = round(phrase.seconds * RENDER_RATE)
    rng = np.random.default_rng(playing.seed)
    vibrato, drift = _undulations(rng, playing, samples)
    glides = _glides(rng, phrase.notes, playing)
    dry = np.zeros(samples, dtype=np.float32)
    pitch_hz = np.zeros(samples, dtype=np.float32)
    for begin in range(0, len(phrase.notes), _NOTES_AT_ONCE):
        spans, gains = [], []
        for index in range(begin, min(begin + _NOTES_AT_ONCE, len(phrase.notes))):
            last = index + 1 == len(phrase.notes)
            tied = not last and phrase.notes[index + 1].slurred
            span, gain = _span(
                rng, phrase, index, tied, voice, playing, glides, vibrato, drift, pitch_hz
            )
            spans.append(span)
            gains.append(gain)
        _lay(spans, gains, voice, dry)
    dry = _shape(rng, dry, playing, tone)
    return dry, pitch_hz


def _undulations(
    rng: np.random.Generator, playing: Playing, samples: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vibrato in -1..1 with an unsteady rate, and a slow drift in cents, both (samples,)."""
    hop = RENDER_RATE // 4
    knots = samples // hop + 2
    rate = playing.vibrato_hz * (1.0 + 0.06 * rng.standard_normal(knots))
    turns = np.cumsum(ramp(rate / RENDER_RATE, hop, samples), dtype=np.float64) + rng.random()
    turns -= np.floor(turns)
    vibrato = np.sin(turns.astype(np.float32) * np.float32(2 * np.pi))
    return vibrato, ramp(playing.drift_cents * rng.standard_normal(knots), hop, samples)


def _glides(
    rng: np.random.Generator, notes: Sequence[Note], playing: Playing
) -> NDArray[np.float64]:
    """For each note: cents from the note before it that a glide covers (0 = none)."""
    glides = np.zeros(len(notes) + 1)
    for index in range(1, len(notes)):
        interval = notes[index].pitch - notes[index - 1].pitch
        if notes[index].slurred and 0 < abs(interval) <= 7 and rng.random() < playing.portamento:
            glides[index] = 100.0 * interval
    return glides


def _span(
    rng: np.random.Generator,
    phrase: Phrase,
    index: int,
    tied: bool,
    voice: Voice,
    playing: Playing,
    glides: NDArray[np.float64],
    vibrato: NDArray[np.float32],
    drift: NDArray[np.float32],
    pitch_hz: NDArray[np.float32],
) -> tuple[_Span, NDArray[np.float32]]:
    """A note's reading curve and gain; writes its stretch of ``pitch_hz``."""
    note = phrase.notes[index]
    samples = len(vibrato)
    first = min(round(note.onset_seconds * RENDER_RATE), samples - 1)
    held = max(min(round(note.end_seconds * RENDER_RATE), samples) - first, 1)
    # Under a slur the old tone dies while the new one rises; else it rings out a little.
    release = round((0.03 if tied else playing.release_seconds) * RENDER_RATE)
    size = min(held + release, samples - first)
    time = np.arange(size, dtype=np.float32) * np.float32(1.0 / RENDER_RATE)
    seconds = held / RENDER_RATE

    ripple = vibrato[first : first + size]
    bloom = np.clip((time - np.float32(playing.vibrato_delay_seconds)) * np.float32(4.0), 0, 1)
    depth = playing.vibrato_cents * float(np.clip(seconds / 0.35, 0.2, 1.0))
    cents = np.float32(playing.tuning_cents) + drift[first : first + size]
    cents = cents + np.float32(depth) * bloom * ripple
    if not note.slurred and playing.scoop_cents > 0:
        cents -= np.float32(playing.scoop_cents) * np.exp(time * np.float32(-1 / 0.03))
    if glides[index] != 0:  # the new note's half of a glide, from halfway between
        cents -= np.float32(0.5 * glides[index]) * _falling(time, min(0.06, seconds / 3))
    if glides[index + 1] != 0:  # the old note's half
        cents += np.float32(0.5 * glides[index + 1]) * _falling(
            np.maximum(np.float32(seconds) - time, 0), min(0.06, seconds / 3)
        )
    ratio = np.exp2(cents * np.float32(1 / 1200))
    nominal = 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
    pitch_hz[first : first + held] = np.float32(nominal) * ratio[:held]

    key, mistuning = _sampled_key(voice, note.pitch - voice.shift - playing.shift)
    speed = 2.0 ** ((note.pitch - key) / 12.0 - mistuning / 1200.0)
    positions = np.cumsum(ratio, dtype=np.float64)
    positions -= positions[0]
    positions *= speed

    gain_db = (note.velocity - 90) * (playing.range_db / 100.0)
    gain = _envelope(rng, note, playing, time, held, size - held)
    swing = (note.velocity - 90) * (playing.range_db / 100.0)
    if tied:  # loudness runs on through the slur into the next note
        swing = (phrase.notes[index + 1].velocity - 90) * (playing.range_db / 100.0)
    curve_db = gain_db + (swing - gain_db) * np.clip(time / np.float32(seconds), 0, 1)
    curve_db += np.float32(playing.tremolo_db) * bloom * ripple
    gain = gain * np.exp2(curve_db.astype(np.float32) * np.float32(1 / 6.0206))
    velocity = int(np.clip(note.velocity + playing.brightness, 12, 127))
    return _Span(first, held, positions, key, velocity), gain


def _falling(time: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """A half cosine from 1 at 0 to 0 at ``seconds`` and after."""
    x = np.clip(time * np.float32(1.0 / max(seconds, 1e-3)), 0, 1)
    falling: NDArray[np.float32] = np.float32(0.5) + np.float32(0.5) * np.cos(np.float32(np.pi) * x)
    return falling


_ATTACK_FACTOR: dict[Articulation, float] = {
    "legato": 1.2,
    "detached": 1.0,
    "staccato": 0.6,
    "accent": 0.5,
    "long": 1.6,
}


def _envelope(
    rng: np.random.Generator,
    note: Note,
    playing: Playing,
    time: NDArray[np.float32],
    held: int,
    release: int,
) -> NDArray[np.float32]:
    """Gain over a note: attack, bloom or decay, release; about 1 in the middle."""
    seconds = held / RENDER_RATE
    attack = playing.attack_seconds * _ATTACK_FACTOR[note.articulation]
    attack = 0.03 if note.slurred else min(attack, 0.4 * seconds)
    x = np.clip(time * np.float32(1.0 / seconds), 0, 1)
    swell = float(rng.normal(0, 1))
    lean = float(rng.normal(0, 0.5))
    shape_db = np.zeros_like(time)
    if note.articulation in ("accent", "staccato"):
        shape_db += np.float32(5.0) * (np.exp(time * np.float32(-1 / 0.09)) - np.float32(0.5))
    elif seconds > 0.35:
        deep = playing.swell_db * min(seconds, 2.0) / 2.0
        shape_db += np.float32(deep * swell) * (np.sin(np.float32(np.pi) * x) - np.float32(0.6))
        shape_db += np.float32(deep * lean) * (x - np.float32(0.5))
    gain: NDArray[np.float32] = np.exp2(shape_db * np.float32(1 / 6.0206))
    rise = max(int(attack * RENDER_RATE), 16)
    up = min(rise, len(gain))
    gain[:up] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)[:up]) ** 2
    if release > 0:
        gain[held:] *= np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
    return gain


def _lay(
    spans: Sequence[_Span],
    gains: Sequence[NDArray[np.float32]],
    voice: Voice,
    dry: NDArray[np.float32],
) -> None:
    """Render the notes, read them along their curves and add them to ``dry``."""
    lead = round(_LEAD_SECONDS * RENDER_RATE)
    sizes = [_blocks(float(span.positions[-1]) + lead + 16 + _BLOCK) for span in spans]
    tones, starts = _sampler(voice.soundfont).render(
        voice, [s.key for s in spans], [s.velocity for s in spans], sizes
    )
    reads = []
    for span, start, size in zip(spans, starts, sizes, strict=True):
        tone = tones[start : start + size]
        skip, level = _speaking_point(tone, lead)
        tone *= np.float32(0.1 / max(level, 1e-6))
        reads.append(span.positions + (int(start) + skip))
    played = _read(tones, np.concatenate(reads))
    offset = 0
    for span, gain in zip(spans, gains, strict=True):
        size = len(gain)
        dry[span.first : span.first + size] += played[offset : offset + size] * gain
        offset += size


def _read(tones: NDArray[np.float32], positions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values at fractional positions by the cubic of Catmull and Rom, as FluidSynth itself does."""
    index = np.clip(positions.astype(np.int64), 1, len(tones) - 3)
    x = (positions - index).astype(np.float32)
    before, here, after, beyond = (tones[index + step] for step in (-1, 0, 1, 2))
    half = np.float32(0.5)
    bend = before - np.float32(2.5) * here + np.float32(2.0) * after - half * beyond
    twist = half * (beyond - before) + np.float32(1.5) * (here - after)
    values: NDArray[np.float32] = ((twist * x + bend) * x + half * (after - before)) * x + here
    return values


def _speaking_point(tone: NDArray[np.float32], lead: int) -> tuple[int, float]:
    """Where a sampled tone truly starts, and its level (RMS) once it speaks.

    Leading silence and the softest part of a slow attack are skipped (at most ``lead`` samples), so
    that a note is heard when the score says.
    """
    hop = 128
    count = len(tone) // hop
    power = np.mean(np.square(tone[: count * hop].reshape(count, hop)), axis=1)
    window = min(9, count)  # 26 ms: two periods of the lowest notes
    smooth = np.sqrt(np.convolve(power, np.full(window, 1.0 / window), mode="same"))
    level = float(np.percentile(smooth, 75))
    spoken = int(np.argmax(smooth >= 0.55 * level))
    skip = max(spoken * hop - round(0.008 * RENDER_RATE), 0)
    return min(skip, lead), level


def _shape(
    rng: np.random.Generator, dry: NDArray[np.float32], playing: Playing, tone: Equaliser
) -> NDArray[np.float32]:
    """The instrument's body, and the noise of breath or bow under the tone; peak at most -3 dB."""
    shaped: NDArray[np.float32] = signal.oaconvolve(dry, minimum_phase(tone, RENDER_RATE))[
        : len(dry)
    ].astype(np.float32)
    hop = 256
    count = len(shaped) // hop
    power = np.mean(np.square(shaped[: count * hop].reshape(count, hop)), axis=1)
    if count > 4 and float(power.max()) > 0:
        level = np.sqrt(power)
        envelope = ramp(level, hop, len(shaped))
        frequencies = np.maximum(np.linspace(0, RENDER_RATE / 2, 513), 20.0)
        band = np.exp(-0.5 * (np.log2(frequencies / playing.breath_hz) / 1.2) ** 2)
        noise = shaped_noise(len(shaped), band, rng)
        shaped = shaped + noise * envelope * np.float32(10.0 ** (playing.breath_db / 20.0))
    peak = float(np.max(np.abs(shaped), initial=0.0))
    ceiling = 10.0 ** (-3.0 / 20.0)
    if peak > ceiling:
        shaped *= np.float32(ceiling / peak)
    return shaped


def _truth(
    phrase: Phrase,
    dry: NDArray[np.float32],
    pitch_hz: NDArray[np.float32],
    frame_times: NDArray[np.float64],
) -> SoundTruth:
    samples = len(dry)
    at = np.clip(np.rint(frame_times * RENDER_RATE).astype(np.int64), 0, samples - 1)
    half = round(LOUDNESS_WINDOW_SECONDS * RENDER_RATE / 2)
    energy = np.concatenate(([0.0], np.cumsum(np.square(dry, dtype=np.float64))))
    begin, end = np.maximum(at - half, 0), np.minimum(at + half, samples)
    power = (energy[end] - energy[begin]) / np.maximum(end - begin, 1)
    loudness = 10.0 * np.log10(np.maximum(power, 10.0 ** (LOUDNESS_FLOOR_DB / 10.0)))
    onsets = np.array([note.onset_seconds for note in phrase.notes])
    ends = np.array([note.end_seconds for note in phrase.notes])
    index = np.searchsorted(onsets, frame_times, side="right") - 1
    sounding = (index >= 0) & (frame_times < ends[np.maximum(index, 0)])
    sampled = pitch_hz[at]
    return SoundTruth(
        frame_times=frame_times,
        pitch_hz=np.where(sounding, sampled, 0.0).astype(np.float32),
        loudness_db=loudness.astype(np.float32),
        onset_times=onsets,
        note_index=np.where(sounding, index, -1).astype(np.int64),
    )
