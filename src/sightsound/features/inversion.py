"""Log-mel picture → waveform: mel to linear magnitudes, first phases, fast Griffin-Lim.

Torch-free, numpy only; one core turns half a second in about 70 ms.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from sightsound.features.spectra import (
    Floats,
    LogMelConfig,
    db_to_power,
    hann,
    mel_filters,
)

Spectrum = NDArray[np.complex64]

MOMENTUM = 0.99
"""Perraudin et al.'s alpha."""

LOBES_PER_BIN = 2
"""Sinusoids offered per DFT bin when linear magnitudes are sought."""

UPDATES = 20
"""Multiplicative updates from mel to linear."""

OVER_RELAXATION = 1.8
"""Exponent of each update; under 2 it still converges, and needs 1.8 times fewer of them."""


def log_mel_to_waveform(
    log_mel_db: Floats,
    config: LogMelConfig | None = None,
    *,
    iterations: int = 32,
    seed: int = 0,
    samples: int | None = None,
) -> Floats:
    """Sound whose log-mel picture is near ``log_mel_db``; the same seed gives the same sound.

    Args:
        log_mel_db: (…, M, L) in dB, as ``spectra.log_mel`` gives it, any L ≥ 2; leading axes are
            a batch, each example as if alone.
        config: ``None`` = the paper's.
        iterations: Griffin-Lim's; 0 = first phases only.
        seed: draws the phases that notes begin with.
        samples: length T; ``None`` = ``config.samples(L)``, the fewest that give L frames.

    Returns:
        (…, T) float32; scaled down to a peak of 1 where it would exceed it.

    Raises:
        ValueError: another number of mel bins than the config's, or more samples than L frames
            cover.

    Source: Perraudin, Balazs & Søndergaard, "A fast Griffin-Lim algorithm" (2013); first phases
    from Beauregard, Harish & Wyse, "Single pass spectrogram inversion" (2015).
    """
    config = config or LogMelConfig()
    *batch, bins, frames = np.shape(log_mel_db)
    if bins != config.n_mels or frames < 2:
        raise ValueError(
            f"log_mel_to_waveform: shape {np.shape(log_mel_db)} came, "
            f"(…, {config.n_mels}, 2 or more) is needed"
        )
    if samples is None:
        samples = config.samples(frames)
    if not 0 < samples <= config.samples(frames) + config.n_fft // 2:
        raise ValueError(f"log_mel_to_waveform: {frames} frames do not cover {samples} samples")
    power = db_to_power(log_mel_db).reshape(-1, bins, frames)
    waveforms = np.empty((len(power), samples), np.float32)
    for example, waveform in zip(power, waveforms, strict=True):
        magnitudes = mel_to_linear(example, config)
        spectrum = magnitudes * first_phases(magnitudes, config, np.random.default_rng(seed))
        waveform[:] = griffin_lim(spectrum, config, iterations=iterations, samples=samples)
        waveform /= max(1.0, float(np.abs(waveform).max()))
    return waveforms.reshape(*batch, samples)


def mel_to_linear(power: Floats, config: LogMelConfig) -> Floats:
    """Mel power (M, L) → magnitudes (L, n_fft // 2 + 1) of a sum of sinusoids that explains it.

    A non-negative mixture of the window's main lobes is fitted by multiplicative updates
    (Richardson 1972, Lucy 1974; Lee & Seung 2001 for Kullback-Leibler). Lobes in place of single
    bins keep partials as narrow as the window allows and put them at the right frequency.
    """
    lobes, lobes_in_mel = _lobes(config)
    heard = lobes_in_mel.sum(axis=0)[:, None]
    backward = lobes_in_mel.T / np.maximum(heard, 1e-12)
    mixture = backward @ power
    for _ in range(UPDATES):
        ratio = backward @ (power / (lobes_in_mel @ mixture + np.float32(1e-14)))
        mixture *= np.power(ratio, np.float32(OVER_RELAXATION))
    # One plain update at the end: it is what sets the sum of power right.
    mixture *= backward @ (power / (lobes_in_mel @ mixture + np.float32(1e-14)))
    magnitudes: Floats = np.sqrt(lobes @ mixture).T.copy()
    return magnitudes


@functools.lru_cache(maxsize=4)
def _lobes(config: LogMelConfig) -> tuple[Floats, Floats]:
    """Power of the window's main lobe at each offered frequency: (F, P) and its mel (M, P)."""
    bins = np.arange(config.n_fft // 2 + 1)
    centres = np.arange(config.n_fft // 2 * LOBES_PER_BIN + 1) / LOBES_PER_BIN
    offset = bins[:, None] - centres
    lobe = 0.5 * np.sinc(offset) + 0.25 * np.sinc(offset - 1) + 0.25 * np.sinc(offset + 1)
    power = np.where(np.abs(offset) < 2.0, lobe**2, 0.0)
    lobes = (power / power.sum(axis=0)).astype(np.float32)
    return lobes, mel_filters(config) @ lobes


def first_phases(
    magnitudes: Floats, config: LogMelConfig, generator: np.random.Generator
) -> Spectrum:
    """Unit phasors (L, F): every peak turns from frame to frame as its frequency asks.

    A peak's bins take its phase, alternating in sign as the window's transform does.
    """
    frames, bins = magnitudes.shape
    bin_numbers = np.arange(bins)
    turn = 2.0 * np.pi * config.hop_length / config.n_fft  # radians a frame, at bin 1
    phase = np.asarray(generator.random(bins)) * (2.0 * np.pi)
    phases = np.empty((frames, bins))
    middle, left, right = magnitudes[:, 1:-1], magnitudes[:, :-2], magnitudes[:, 2:]
    peaky = (middle > left) & (middle >= right)
    # Vertex of the parabola through a peak and its neighbours, in bins.
    vertex = 0.5 * (left - right) / np.minimum(left - 2.0 * middle + right, np.float32(-1e-20))
    for frame in range(frames):
        peaks = np.flatnonzero(peaky[frame]) + 1
        if len(peaks):
            frequency = peaks + vertex[frame, peaks - 1]
            owner = np.searchsorted(0.5 * (peaks[1:] + peaks[:-1]), bin_numbers)
            phase = (phase[peaks] + turn * frequency)[owner]
            phases[frame] = phase + np.pi * (bin_numbers - peaks[owner])
        else:
            phases[frame] = phase
    phasors: Spectrum = np.exp(1j * phases).astype(np.complex64)
    return phasors


def griffin_lim(
    spectrum: Spectrum, config: LogMelConfig, *, iterations: int, samples: int
) -> Floats:
    """Sound (samples,) whose STFT magnitudes come near ``spectrum``'s (L, F).

    The phases of ``spectrum`` are where the search begins.
    """
    magnitudes = np.abs(spectrum)
    frames, n_fft, hop_length = len(spectrum), config.n_fft, config.hop_length
    window = hann(n_fft)
    start = n_fft // 2
    length = max((frames - 1) * hop_length + n_fft, start + samples)
    overlap = _overlap_add(np.tile(window * window, (frames, 1)), hop_length, length)
    gain = np.where(overlap > 1e-8, 1.0 / np.maximum(overlap, 1e-8), 0.0).astype(np.float32)
    gain[:start] = 0.0  # no sound beyond the ends, as the analysis has it
    gain[start + samples :] = 0.0

    def synthesise(spectrum: Spectrum) -> Floats:
        frames = np.fft.irfft(spectrum, n_fft) * window
        return _overlap_add(frames.astype(np.float32, copy=False), hop_length, length) * gain

    previous: Spectrum | None = None
    for _ in range(iterations):
        padded = synthesise(spectrum)
        windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length][:frames]
        consistent = np.fft.rfft(windows * window).astype(np.complex64, copy=False)
        spectrum = consistent
        if previous is not None:
            spectrum = consistent + np.float32(MOMENTUM) * (consistent - previous)
        previous = consistent
        spectrum = spectrum * (magnitudes / np.maximum(np.abs(spectrum), np.float32(1e-12)))
    return synthesise(spectrum)[start : start + samples]


def _overlap_add(frames: Floats, hop_length: int, length: int) -> Floats:
    total = np.zeros(length, np.float32)
    for index, frame in enumerate(frames):
        total[index * hop_length : index * hop_length + len(frame)] += frame
    return total
