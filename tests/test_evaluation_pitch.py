"""The share of admitted pitches on sounds and poses whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from sightsound.evaluation.pitch import Admitted, pitch_figures
from sightsound.evaluation.report import _pitch_rows, _pitch_table
from sightsound.features.pitch import Pitch, window_pitch
from sightsound.pairs.admitted import admitted_pitches, midi_to_hz
from sightsound.pairs.truth import POSE_COLUMNS

RATE = 16_000
NAMES = ("trumpet", "violin")
ITEMS = 24  # alternately a trumpet and a violin, four to a performance


def tones(hz: np.ndarray) -> Pitch:
    """What is heard of tones of five partials."""
    time = np.arange(RATE // 2) / RATE
    waves = [sum(np.sin(2 * np.pi * k * f * time) / k for k in range(1, 6)) for f in hz]
    return window_pitch(0.3 * np.stack(waves), RATE)


def moments() -> Admitted:
    """Open trumpets, each sounding one of its partials, and violins, each on another place."""
    admitted, true = [], []
    for item in range(ITEMS):
        pose = np.full(len(POSE_COLUMNS), np.nan, np.float32)
        if item % 2 == 0:
            first = POSE_COLUMNS.index("valve_1")
            pose[first : first + 3] = 0.0
        else:
            pose[POSE_COLUMNS.index("string_index")] = item % 4
            pose[POSE_COLUMNS.index("finger_position")] = 0.02 * (item % 7)
        pitches = midi_to_hz(admitted_pitches(NAMES[item % 2], pose))
        admitted.append(pitches)
        true.append(pitches[item % len(pitches)])
    return Admitted(
        places=np.arange(ITEMS),
        pitches=admitted,
        true_hz=np.array(true),
        labels=np.arange(ITEMS) % 2,
        clusters=np.arange(ITEMS) // 4 * 2 + np.arange(ITEMS) % 2,
    )


@pytest.fixture(scope="module")
def real() -> Pitch:
    return tones(moments().true_hz)


def test_tones_at_the_true_pitch_are_admitted_and_others_are_not(real: Pitch) -> None:
    """Mutants: the tolerance in semitones; a miss that is near counted; noise counted."""
    world = moments()
    off = []
    for pitches in world.pitches:  # the first place that is 150 cents off every admitted pitch
        grid = 200.0 * 2 ** (np.arange(0, 3600, 10) / 1200)
        gaps = np.abs(1200 * np.log2(grid[:, None] / pitches)).min(axis=1)
        off.append(grid[np.flatnonzero(gaps >= 150)[0]])
    noise = window_pitch(np.random.default_rng(0).normal(0, 0.1, (ITEMS, RATE // 2)), RATE)
    right = pitch_figures(real, real, world, NAMES)
    wrong = pitch_figures(tones(np.array(off)), real, world, NAMES)
    silent = pitch_figures(noise, real, world, NAMES)
    assert right is not None
    assert wrong is not None
    assert silent is not None
    assert right["admitted"] == right["low"] == right["high"] == right["voiced"] == 1.0
    assert right["class_error_cents"] < 10.0
    assert wrong["admitted"] == wrong["high"] == 0.0
    assert wrong["voiced"] == 1.0
    assert silent["admitted"] == silent["voiced"] == 0.0
    assert silent["class_error_cents"] is None
    for figures in (right, wrong, silent):
        assert figures["real"]["admitted"] == 1.0
        assert figures["n"] == ITEMS
        assert figures["performances"] == 12


@pytest.mark.parametrize(("shift", "expected"), [(45.0, 1.0), (-45.0, 1.0), (60.0, 0.0)])
def test_fifty_cents_are_the_tolerance(shift: float, expected: float) -> None:
    world = moments()
    shifted = Pitch(world.true_hz * 2 ** (shift / 1200), np.ones(ITEMS))
    figures = pitch_figures(shifted, shifted, world, NAMES)
    assert figures is not None
    assert figures["admitted"] == expected
    assert figures["class_error_cents"] == pytest.approx(abs(shift))


def test_another_octave_is_right_in_class_and_not_admitted() -> None:
    """A violin's pose admits one pitch. Mutant: folded octaves in the main figure."""
    world = moments()
    octave = Pitch(world.true_hz * 2, np.ones(ITEMS))
    violin = pitch_figures(octave, octave, world, NAMES)["per_instrument"]["violin"]  # type: ignore[index]
    assert violin["admitted"] == 0.0
    assert violin["class_error_cents"] == pytest.approx(0.0, abs=1e-6)
    assert violin["pitches_admitted"] == 1.0


def test_ignoring_the_pose_gives_what_other_moments_give(real: Pitch) -> None:
    """All trumpets stand open, so any trumpet's note will do; a violin's will not."""
    figures = pitch_figures(real, real, moments(), NAMES)
    assert figures is not None
    trumpet, violin = (figures["per_instrument"][name] for name in NAMES)
    assert trumpet["another_moment"] == trumpet["same_performance"] == 1.0
    assert trumpet["pitches_admitted"] == 6.0
    assert violin["another_moment"] < 0.5
    assert figures["another_moment"] == pytest.approx(
        (trumpet["another_moment"] + violin["another_moment"]) / 2
    )


def test_the_interval_is_over_performances() -> None:
    """Mutant: over windows. Half of the performances are right in each of their windows."""
    world = moments()
    good = world.clusters % 4 < 2
    heard = Pitch(np.where(good, world.true_hz, 55.0), np.ones(ITEMS))
    figures = pitch_figures(heard, heard, world, NAMES)
    assert figures is not None
    assert figures["high"] - figures["low"] > 0.45


def test_the_printed_rows_name_what_they_are_read_beside(real: Pitch) -> None:
    figures = pitch_figures(real, real, moments(), NAMES)
    assert figures is not None
    rows = dict(_pitch_rows(figures))
    assert rows["pitch that the pose admits ↑"].startswith("100.0 %  (100.0 % to 100.0 %; real")
    assert "violin" in _pitch_table(figures)
    assert _pitch_rows(None) == []


def test_no_moment_no_figure(real: Pitch) -> None:
    world = moments()
    none = Admitted(world.places[:0], [], world.true_hz[:0], world.labels[:0], world.clusters[:0])
    assert pitch_figures(real, real, none, NAMES) is None
