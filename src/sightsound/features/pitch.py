"""Waveforms in, pitch and how surely there is one out: YIN, in numpy alone.

Source: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music"
(J. Acoust. Soc. Am. 111, 2002), steps 1 to 5.
Departs: what is asked of half a second is one pitch, so instead of step 6 (the best local estimate
around each moment) the frames vote: the pitch that is heard longest is the window's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import ConfigError

Array = NDArray[np.float64]

VOICED = 0.25  # confidence of a window from which on it counts as voiced


@dataclass(frozen=True, kw_only=True)
class PitchConfig:
    """What is listened for; the defaults hold every pitch of the 13 instruments."""

    f_min: float = 27.5  # Hz, A0; sets the longest lag
    f_max: float = 2800.0  # Hz, above a violin's E7; at most a quarter of the sample rate
    integration_seconds: float = 0.04  # what a frame sums the squared differences over
    hop_seconds: float = 0.02  # from one frame to the next
    threshold: float = 0.15  # the first dip under it is the period; YIN's step 4
    periodic: float = 0.6  # a frame less periodic than this (0 to 1) has no pitch
    quiet_db: float = 30.0  # nor has one so much quieter than the window's loudest
    silence_db: float = -80.0  # or quieter than this, re full scale
    together_cents: float = 50.0  # frames nearer than this vote for one pitch

    def __post_init__(self) -> None:
        if not 0 < self.f_min < self.f_max:
            raise ConfigError(f"f_min {self.f_min}, f_max {self.f_max}: 0 < f_min < f_max needed")
        if self.integration_seconds <= 0 or self.hop_seconds <= 0:
            raise ConfigError("integration_seconds and hop_seconds: more than 0 is needed")

    @property
    def frame_seconds(self) -> float:
        """The shortest sound that can be listened to: the integration and the longest lag."""
        return self.integration_seconds + 1.01 / self.f_min + 1e-3


@dataclass(frozen=True)
class Pitch:
    """Pitch and confidence, of frames or of windows: arrays of one shape."""

    hz: Array  # 0 where nothing periodic is heard
    confidence: Array  # 0 to 1

    def at(self, places: NDArray[np.int64]) -> Pitch:
        """Some of them, in this order."""
        return Pitch(self.hz[places], self.confidence[places])

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Whether a window has a pitch: where its confidence reaches ``VOICED``."""
        return np.asarray((self.hz > 0.0) & (self.confidence >= VOICED))


def joined(parts: Sequence[Pitch]) -> Pitch:
    """Block after block → one row."""
    return Pitch(
        np.concatenate([part.hz for part in parts]),
        np.concatenate([part.confidence for part in parts]),
    )


def window_pitch(
    waveforms: NDArray[np.floating], sample_rate: int, config: PitchConfig | None = None
) -> Pitch:
    """The pitch that is heard longest in each of B windows of sound.

    Args:
        waveforms: (B, T), [-1, 1] at ``sample_rate`` Hz.
        sample_rate: Hz.
        config: None = the defaults.

    Returns:
        (B,) each: Hz, and a confidence that is the share of the window's frames in which this pitch
        is heard, each counted by how periodic it is: 1 = one pitch without noise, 0 = noise or
        silence. A tone that fills half of the window comes to about 0.5.

    Raises:
        ValueError: the windows are shorter than one frame.
    """
    config = config or PitchConfig()
    windows = [_vote(pitch_track(row, sample_rate, config), config) for row in waveforms]
    return Pitch(*(np.array(column, np.float64) for column in zip(*windows, strict=True)))


def pitch_track(
    waveform: NDArray[np.floating], sample_rate: int, config: PitchConfig | None = None
) -> Pitch:
    """Pitch of each frame (L,) of a waveform (T,), a frame every ``hop_seconds``.

    The confidence of a frame is its periodicity, 1 - d' (d': YIN's normalised difference), and 0
    where the frame is quiet. Only frames that lie in the waveform whole are looked at.

    Raises:
        ValueError: the waveform is shorter than one frame.
    """
    config = config or PitchConfig()
    lags = int(np.ceil(sample_rate / config.f_min)) + 2
    summed = max(1, round(config.integration_seconds * sample_rate))
    frames = _frames(np.asarray(waveform, np.float64), summed, lags, sample_rate, config)
    first = max(2, int(sample_rate / min(config.f_max, sample_rate / 4)))
    normalised = _normalised_difference(frames, summed, lags)
    lag = _first_dip(normalised, first, config.threshold)
    period, depth = _parabola(normalised, lag)
    loudness = np.mean(frames[:, :summed] ** 2, axis=1)
    floor = max(loudness.max() * 10 ** (-config.quiet_db / 10), 10 ** (config.silence_db / 10))
    heard = (loudness >= floor) & (1.0 - depth >= config.periodic)
    hz = np.where(heard, sample_rate / period, 0.0)
    return Pitch(hz, np.where(heard, np.clip(1.0 - depth, 0.0, 1.0), 0.0))


def cents(first: NDArray[np.floating], second: NDArray[np.floating]) -> Array:
    """From ``second`` up to ``first``, both Hz: 100 to a semitone."""
    return np.asarray(1200.0 * np.log2(np.asarray(first, np.float64) / second))


def _frames(
    waveform: Array, summed: int, lags: int, sample_rate: int, config: PitchConfig
) -> Array:
    """(L, summed + lags): what each frame compares, beginning at multiples of the hop."""
    length = summed + lags
    if waveform.shape[-1] < length:
        raise ValueError(f"{waveform.shape[-1]} samples came, one frame has {length}")
    hop = max(1, round(config.hop_seconds * sample_rate))
    return np.lib.stride_tricks.sliding_window_view(waveform, length)[::hop]


def _normalised_difference(frames: Array, summed: int, lags: int) -> Array:
    """YIN's d' (L, lags): squared difference at each lag over its mean at the lags before."""
    size = 1 << int(np.ceil(np.log2(frames.shape[1] + summed)))
    whole = np.fft.rfft(frames, size)
    head = np.fft.rfft(frames[:, :summed], size)
    product = np.fft.irfft(whole * np.conj(head), size)[:, :lags]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = squares[:, summed : summed + lags] - squares[:, :lags]
    difference = np.maximum(energy[:, :1] + energy - 2.0 * product, 0.0)
    difference[:, 0] = 0.0
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(lags), 1)
    normalised = np.ones_like(difference)  # silence: nothing differs, nothing repeats
    loud = mean > 1e-12 * np.maximum(energy[:, :1], 1e-300)
    normalised[loud] = difference[loud] / mean[loud]
    normalised[:, 0] = 1.0
    return normalised


def _first_dip(normalised: Array, first: int, threshold: float) -> NDArray[np.int64]:
    """The first local minimum under the threshold, or the deepest place: (L,) lags."""
    inner = normalised[:, first:-1]
    local = (inner <= normalised[:, first + 1 :]) & (inner < normalised[:, first - 1 : -2])
    dips = local & (inner < threshold)
    lag = np.where(dips.any(axis=1), dips.argmax(axis=1), inner.argmin(axis=1))
    return np.asarray(lag + first, np.int64)


def _parabola(normalised: Array, lag: NDArray[np.int64]) -> tuple[Array, Array]:
    """Where a parabola through a dip and its neighbours is lowest, and how low: (L,) each."""
    rows = np.arange(len(lag))
    before, here, after = (normalised[rows, lag + step] for step in (-1, 0, 1))
    bend = before - 2.0 * here + after
    shift = np.where(bend > 0.0, 0.5 * (before - after) / np.where(bend > 0.0, bend, 1.0), 0.0)
    shift = np.clip(shift, -1.0, 1.0)
    return np.asarray(lag + shift, np.float64), here - 0.25 * (before - after) * shift


def _vote(track: Pitch, config: PitchConfig) -> tuple[float, float]:
    """The pitch for which the frames have the most confidence together, and its share."""
    heard = track.hz > 0.0
    if not heard.any():
        return 0.0, 0.0
    octaves, weight = np.log2(track.hz[heard]), track.confidence[heard]
    near = np.abs(octaves[:, None] - octaves) <= config.together_cents / 1200.0
    most = int((near @ weight).argmax())
    votes = weight * near[most]
    return float(2.0 ** np.average(octaves, weights=votes)), float(votes.sum() / len(track.hz))
