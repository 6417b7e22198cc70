"""Pitch against closed forms and librosa's; what has no pitch must not be given one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sightsound.errors import ConfigError
from sightsound.features.pitch import Pitch, PitchConfig, cents, pitch_track, window_pitch

RATE = 44_100


def tone(hz: float, seconds: float = 0.5, partials: int = 6, rate: int = RATE) -> NDArray:
    """A sawtooth-like tone of a few partials, all below half the rate."""
    time = np.arange(round(seconds * rate)) / rate
    kept = [k for k in range(1, partials + 1) if k * hz < rate / 2]
    return 0.3 * sum(np.sin(2 * np.pi * k * hz * time + k) / k for k in kept)


def heard(*waveforms: NDArray, rate: int = RATE) -> Pitch:
    return window_pitch(np.stack(waveforms), rate)


@pytest.mark.parametrize("partials", [1, 8])
def test_tones_are_heard_within_a_few_cents(partials: int) -> None:
    """From a tuba's lowest to a violin's highest note. Mutant: the lag without its parabola."""
    hz = np.array([32.7, 41.2, 82.41, 220.0, 440.0, 1046.5, 2093.0, 2637.0])
    found = heard(*(tone(f, partials=partials) for f in hz))
    assert found.voiced.all()
    assert np.abs(cents(found.hz, hz)).max() < 6.0
    assert found.confidence.min() > 0.95


def test_a_missing_fundamental_is_heard() -> None:
    """Mutant: the strongest partial taken for the pitch."""
    time = np.arange(RATE // 2) / RATE
    waveform = 0.2 * sum(np.sin(2 * np.pi * 200.0 * k * time) for k in (3, 4, 5))
    assert cents(heard(waveform).hz, np.array([200.0]))[0] == pytest.approx(0.0, abs=5.0)


def test_noise_and_silence_have_no_pitch() -> None:
    """Mutant: the deepest dip taken whatever its depth."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (6, RATE // 2))
    found = window_pitch(np.concatenate([noise, np.zeros((1, RATE // 2))]), RATE)
    assert not found.voiced.any()
    assert found.hz[-1] == found.confidence[-1] == 0.0


def test_noise_upon_a_tone_lowers_the_confidence_not_the_pitch() -> None:
    rng = np.random.default_rng(1)
    found = heard(*(tone(330.0) + rng.normal(0, level, RATE // 2) for level in (0.0, 0.03, 0.07)))
    assert np.abs(cents(found.hz, np.full(3, 330.0))).max() < 10.0
    assert found.confidence[0] > found.confidence[1] > found.confidence[2] > 0.5


def test_the_longer_of_two_notes_is_the_windows() -> None:
    """Mutants: the mean of all frames, which is neither note; the first or the last frame."""
    for first, expected in ((0.32, 262.0), (0.18, 392.0)):
        waveform = np.concatenate([tone(262.0, first), tone(392.0, 0.5 - first)])
        found = heard(waveform)
        assert cents(found.hz, np.array([expected]))[0] == pytest.approx(0.0, abs=8.0)
        assert 0.5 < found.confidence[0] < 0.85


def test_what_is_quiet_beside_the_rest_does_not_vote() -> None:
    """A short loud note and a long tail 40 dB below it. Mutant: no gate."""
    waveform = np.concatenate([tone(262.0, 0.2), 0.01 * tone(392.0, 0.3)])
    assert cents(heard(waveform).hz, np.array([262.0]))[0] == pytest.approx(0.0, abs=8.0)


def test_another_rate_gives_the_same_pitch() -> None:
    found = window_pitch(tone(440.0, rate=8000)[None], 8000)
    assert cents(found.hz, np.array([440.0]))[0] == pytest.approx(0.0, abs=6.0)


def test_the_track_agrees_with_librosa() -> None:
    """``librosa.yin`` on a gliding tone with vibrato; frames by time."""
    librosa = pytest.importorskip("librosa")
    time = np.arange(RATE) / RATE
    hz = 220.0 * 2 ** (0.5 * time + 0.03 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    waveform = sum(np.sin(k * phase) / k for k in range(1, 6)) * 0.2
    track = pitch_track(waveform, RATE)
    config = PitchConfig()
    hop = round(config.hop_seconds * RATE)
    middle = config.integration_seconds / 2
    ours = np.arange(len(track.hz)) * hop / RATE + middle
    reference = librosa.yin(
        waveform, fmin=60, fmax=2000, sr=RATE, frame_length=2048, hop_length=hop, center=False
    )
    theirs = np.arange(len(reference)) * hop / RATE + 1024 / RATE
    expected = np.interp(ours, theirs, reference)
    inside = (ours > theirs[0]) & (ours < theirs[-1])
    assert np.median(np.abs(cents(track.hz[inside], expected[inside]))) < 10.0
    assert (track.confidence > 0.9).all()


def test_windows_agree_with_librosas_probabilistic_yin() -> None:
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(2)
    for hz in (98.0, 523.25):
        waveform = tone(hz) + rng.normal(0, 0.02, RATE // 2)
        track, voiced, _ = librosa.pyin(waveform, fmin=60, fmax=1200, sr=RATE)
        ours = heard(waveform)
        assert ours.voiced[0]
        assert cents(ours.hz, np.array([np.median(track[voiced])]))[0] == pytest.approx(0, abs=15)


def test_unfit_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="one frame has"):
        window_pitch(np.zeros((1, 1000)), RATE)
    with pytest.raises(ConfigError, match="f_min < f_max"):
        PitchConfig(f_min=100.0, f_max=50.0)
    shortest = round(PitchConfig().frame_seconds * RATE)
    assert window_pitch(np.zeros((1, shortest)), RATE).hz.shape == (1,)
