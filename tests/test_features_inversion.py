"""Log-mel pictures back to sound: consistent, in tune, at the right level, reproducible."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from sightsound.features import inversion, spectra
from sightsound.features.spectra import LogMelConfig

RATE = 44_100
CONFIG = LogMelConfig()


def note(pitch_hz: float, seconds: float = 0.5, vibrato: float = 0.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch_hz * time + vibrato * np.sin(2 * np.pi * 5.5 * time)
    partials = range(1, 1 + int(min(20, 16_000 / pitch_hz)))
    wave = sum(np.sin(k * phase) / k**1.3 for k in partials)
    wave = wave * np.minimum(1, time / 0.02) * np.exp(-time)
    return (0.4 * wave / np.abs(wave).max()).astype(np.float32)


def music() -> dict[str, np.ndarray]:
    return {
        "bass": note(98.0),
        "cello": note(196.0, vibrato=1.0),
        "violin": note(659.3, vibrato=0.5),
        "chord": (note(261.6) + note(329.6) + note(392.0)) / 3,
    }


def magnitudes(waveform: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(spectra.framed(waveform, CONFIG) * spectra.hann(CONFIG.n_fft)))


def distance(generated: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(generated - reference) / np.linalg.norm(reference))


def median_pitch(waveform: np.ndarray, near: float) -> float:
    pitch = librosa.yin(waveform, fmin=near / 1.5, fmax=near * 1.5, sr=RATE, frame_length=4096)
    return float(np.median(pitch[5:-5]))


@pytest.mark.parametrize("name", music())
def test_spectral_convergence_on_music(name: str) -> None:
    waveform = music()[name]
    log_mel = spectra.log_mel(waveform)
    generated = inversion.log_mel_to_waveform(log_mel, samples=len(waveform))
    assert distance(magnitudes(generated), magnitudes(waveform)) < 0.3
    assert np.abs(spectra.log_mel(generated) - log_mel).mean() < 3.0  # dB


def test_convergence_falls_with_iterations() -> None:
    # Mutant: momentum without the previous consistent spectrum (`consistent` only) is slower.
    waveform = music()["cello"]
    power = spectra.db_to_power(spectra.log_mel(waveform))
    target = inversion.mel_to_linear(power, CONFIG)
    generator = np.random.default_rng(0)
    random = target * np.exp(2j * np.pi * generator.random(target.shape)).astype(np.complex64)
    apart = [
        distance(
            magnitudes(inversion.griffin_lim(random, CONFIG, iterations=n, samples=len(waveform))),
            target,
        )
        for n in (0, 8, 32, 100)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[2] < 0.2 * apart[0]
    assert apart[2] < 0.16


def test_first_phases_are_worth_iterations() -> None:
    waveform = music()["chord"]
    target = inversion.mel_to_linear(spectra.db_to_power(spectra.log_mel(waveform)), CONFIG)
    generator = np.random.default_rng(0)
    begun = target * inversion.first_phases(target, CONFIG, generator)
    random = target * np.exp(2j * np.pi * generator.random(target.shape)).astype(np.complex64)
    ours, theirs = (
        magnitudes(inversion.griffin_lim(start, CONFIG, iterations=n, samples=len(waveform)))
        for start, n in ((begun, 0), (random, 4))
    )
    assert distance(ours, target) < distance(theirs, target)


def test_mel_to_linear_is_nonnegative_and_explains_the_mel_picture() -> None:
    power = spectra.db_to_power(spectra.log_mel(music()["violin"]))
    linear = inversion.mel_to_linear(power, CONFIG)
    assert linear.shape == (44, 1025)
    assert (linear >= 0).all()
    explained = spectra.mel_filters(CONFIG) @ (linear**2).T
    assert np.abs(explained - power).sum() < 0.08 * power.sum()


@pytest.mark.parametrize("pitch_hz", [82.4, 146.8, 220.0, 440.0, 698.5, 1046.5, 1568.0])
def test_pitch_is_kept_within_twenty_cents(pitch_hz: float) -> None:
    waveform = note(pitch_hz)
    generated = inversion.log_mel_to_waveform(spectra.log_mel(waveform), samples=len(waveform))
    cents = 1200 * np.log2(median_pitch(generated, pitch_hz) / median_pitch(waveform, pitch_hz))
    assert abs(cents) < 20


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_level_is_kept(gain: float) -> None:
    waveform = gain * music()["cello"]
    generated = inversion.log_mel_to_waveform(spectra.log_mel(waveform), samples=len(waveform))
    assert abs(20 * np.log10(generated.std() / waveform.std())) < 0.5


def test_noise_stays_noise() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(22_050)).astype(np.float32)
    generated = inversion.log_mel_to_waveform(spectra.log_mel(noise), samples=22_050)
    assert np.abs(spectra.log_mel(generated) - spectra.log_mel(noise)).mean() < 3.0
    assert abs(20 * np.log10(generated.std() / 0.1)) < 1.5


def test_silence_stays_silent_and_loud_stays_in_range() -> None:
    silence = np.full((128, 10), -80.0, np.float32)
    assert np.abs(inversion.log_mel_to_waveform(silence)).max() < 1e-3
    loud = np.full((128, 10), 50.0, np.float32)
    generated = inversion.log_mel_to_waveform(loud)
    assert np.isfinite(generated).all()
    assert np.abs(generated).max() <= 1.0


@pytest.mark.parametrize("frames", [2, 3, 100])
def test_any_length(frames: int) -> None:
    log_mel = np.tile(spectra.log_mel(note(440.0))[:, 20:21], (1, frames))
    generated = inversion.log_mel_to_waveform(log_mel, iterations=4)
    assert generated.shape == (CONFIG.samples(frames),)
    assert generated.dtype == np.float32
    assert np.isfinite(generated).all()
    assert spectra.log_mel(generated).shape == log_mel.shape


def test_same_seed_same_sound_alone_or_in_a_batch() -> None:
    pictures = np.stack([spectra.log_mel(music()[name]) for name in ("bass", "violin")])
    batch = inversion.log_mel_to_waveform(pictures, iterations=3, seed=5)
    assert batch.shape == (2, CONFIG.samples(44))
    alone = inversion.log_mel_to_waveform(pictures[1], iterations=3, seed=5)
    np.testing.assert_array_equal(batch[1], alone)
    other = inversion.log_mel_to_waveform(pictures[1], iterations=3, seed=6)
    assert np.abs(alone - other).max() > 0.01


def test_unfit_input_is_refused() -> None:
    with pytest.raises(ValueError, match="128"):
        inversion.log_mel_to_waveform(np.zeros((64, 64), np.float32))
    with pytest.raises(ValueError, match="cover"):
        inversion.log_mel_to_waveform(np.zeros((128, 4), np.float32), samples=9000)
