"""A class and three seeds in, the recorded sound of a solo piece out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.music import Solo, compose_solo
from sightsound.orchestra.rooms import (
    describe,
    draw_microphone,
    draw_room,
    draw_tone,
    minimum_phase,
    record,
)
from sightsound.orchestra.score import compose
from sightsound.orchestra.synthesis import RENDER_RATE, Soundfont, perform_sound, play_keys
from sightsound.shapes import Waveform

_PROGRAMS: dict[str, tuple[tuple[int, int, float], ...]] = {  # bank, program, weight
    "piano": ((0, 0, 1.0), (0, 1, 0.5), (0, 2, 0.15), (0, 3, 0.1)),
    "guitar": ((0, 24, 1.0), (0, 25, 1.0), (0, 26, 0.45), (0, 27, 0.45), (0, 29, 0.12)),
    "drum": ((128, 0, 1.0), (128, 8, 0.6), (128, 16, 0.5), (128, 32, 0.4), (128, 40, 0.2)),
}
_FONTS: tuple[Soundfont, ...] = ("FluidR3", "MuseScore")
_HAND_DRUMS = ("conga", "bongo", "timbale")


@dataclass(frozen=True)
class Recording:
    """One solo piece as a microphone took it."""

    waveform: Waveform  # (1, T) float32
    sample_rate: int
    description: dict[str, Any]  # everything drawn, as JSON values


def perform_piece(
    label: str, piece_seed: int, sound_seed: int, room_seed: int, seconds: float
) -> Recording:
    """Compose, play and record a solo piece.

    What is played, on which instrument, and where it is recorded come from three seeds that have
    nothing to do with one another. Saxophone and violin are the orchestra's own.

    Raises:
        DataError: FluidSynth or a soundfont is missing. ConfigError: no such class, or ``seconds``
        outside 0.5 to 1800.
    """
    if label in ("sax", "violin"):
        phrase = compose(label, piece_seed, seconds)
        sound = perform_sound(phrase, sound_seed, room_seed, frame_times=np.zeros(1))
        return Recording(
            sound.waveform, sound.sample_rate, {"piece": phrase.piece, **sound.description}
        )
    solo = compose_solo(label, piece_seed, seconds)
    dice = Dice(0x501E, sound_seed)
    font = dice.pick(_FONTS)
    bank, program = _program(dice, solo)
    cents = dice.near(0.0, 14.0)
    release = dice.between(0.0, 0.5) if label == "piano" and dice.chance(0.6) else 0.0
    tone = draw_tone(dice.rng)
    strikes = [
        (each.onset_seconds, each.onset_seconds + each.duration_seconds + release, each.key,
         each.velocity) for each in solo.strikes
    ]  # fmt: skip
    dry = play_keys(font, bank, program, strikes, seconds, cents=cents)
    dry = signal.oaconvolve(dry, minimum_phase(tone, RENDER_RATE))[: len(dry)].astype(np.float32)
    rng = np.random.default_rng([0x400B, room_seed])
    room, microphone = draw_room(rng), draw_microphone(rng)
    waveform = record(_even(dry), RENDER_RATE, room=room, microphone=microphone)
    return Recording(
        waveform[None],
        RENDER_RATE,
        {
            "piece": f"{label}-{solo.style}-{piece_seed}",
            "voice": f"{font}/{bank}:{program}",
            "cents": round(cents, 3),
            "tempo_bpm": round(solo.tempo_bpm, 3),
            "tone": describe(tone),
            "room": describe(room),
            "microphone": describe(microphone),
        },
    )


def _program(dice: Dice, solo: Solo) -> tuple[int, int]:
    table = _PROGRAMS[solo.label]
    if solo.style in _HAND_DRUMS:  # the other kits have no hand drums of their own
        table = table[:1]
    weights = np.array([weight for _, _, weight in table])
    bank, program, _ = table[int(dice.rng.choice(len(table), p=weights / weights.sum()))]
    return bank, program


def _even(dry: NDArray[np.float32]) -> NDArray[np.float32]:
    """Peak at -3 dB, so that a loud soundfont drives no microphone harder than a soft one."""
    peak = float(np.max(np.abs(dry), initial=0.0))
    scale = 10.0 ** (-3.0 / 20.0) / peak if peak > 1e-6 else 1.0
    evened: NDArray[np.float32] = dry * np.float32(scale)
    return evened if math.isfinite(scale) else dry
