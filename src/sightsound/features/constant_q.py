"""Waveform → constant-Q picture: equal steps of pitch, so that a note keeps its place and name.

The log-mel picture blurs pitch (its lowest filters are 60 Hz wide); this one parts quarter tones
from about 70 Hz up. A front end for encoders that must know which note sounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sightsound.errors import ConfigError

PASS_BAND = 0.39
"""Highest frequency an octave's kernels may ask for, as a share of the rate they run at."""

DECIMATOR_TAPS = 51
DECIMATOR_BETA = 8.0
"""Kaiser's beta of the half-rate low-pass: 80 dB against aliases."""


@dataclass(frozen=True, kw_only=True)
class ConstantQConfig:
    """Numbers of a constant-Q picture; the defaults give 192 × 11 from half a second."""

    sample_rate: int = 44_100  # Hz
    f_min: float = 32.703_195_66  # Hz; centre of the lowest bin, C1
    octaves: int = 8
    bins_per_octave: int = 24  # 24 = quarter tones
    hop_length: int = 2048  # samples; a multiple of 64
    longest_seconds: float = 0.5  # longest kernel; below about 70 Hz it widens the bins
    floor_db: float = -90.0  # dB re a full-scale sine; becomes -1 in unit scale
    ceiling_db: float = 0.0  # dB re a full-scale sine; becomes +1
    amplitude_scale: float | None = None  # multiplies plain magnitudes, which are given instead of
    # decibels where this is set

    def __post_init__(self) -> None:
        if self.f_min <= 0 or self.octaves < 1 or self.bins_per_octave < 1:
            raise ConfigError("f_min, octaves and bins_per_octave must be positive")
        if self.f_min * 2**self.octaves > PASS_BAND * self.sample_rate:
            raise ConfigError(
                f"octaves {self.octaves} from {self.f_min} Hz: must end below "
                f"{PASS_BAND * self.sample_rate:.0f} Hz ({PASS_BAND} of the sample rate)"
            )
        if self.hop_length < 1 or self.hop_length % 64:
            raise ConfigError(f"hop_length {self.hop_length}: a multiple of 64 is needed")

    @property
    def bins(self) -> int:
        return self.octaves * self.bins_per_octave

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Centre of each bin (F,), Hz, rising."""
        return np.asarray(self.f_min * 2.0 ** (np.arange(self.bins) / self.bins_per_octave))

    def decimations(self, octave: int) -> int:
        """How often the rate is halved before octave ``octave`` (0 = lowest) is measured.

        As often as its frequencies allow and the hop stays a whole number of samples.
        """
        upper = self.f_min * 2.0 ** (octave + 1)
        allowed = math.floor(math.log2(PASS_BAND * self.sample_rate / upper))
        return min(allowed, (self.hop_length & -self.hop_length).bit_length() - 1)

    def size(self, samples: int) -> tuple[int, int]:
        """Rows and columns of the picture of ``samples`` samples."""
        return self.bins, self.frames(samples)

    def frames(self, samples: int) -> int:
        """Number L of frames of ``samples`` samples (centred frames)."""
        return 1 + samples // self.hop_length


class ConstantQ(nn.Module):
    """Constant-Q magnitudes on a decibel scale or plain, differentiable, exportable, float32.

    Hann-windowed complex exponentials, one set per octave, on a signal whose rate is halved from
    octave to octave, so that every octave needs the same short kernels.

    Source: Schörkhuber & Klapuri, "Constant-Q transform toolbox for music processing" (2010).
    Departs: kernels are applied in time, not in frequency; none is longer than
    ``longest_seconds``; normalised so that a full-scale sine at a bin's centre gives 0 dB.

    Shapes: waveform (B, T) in [-1, 1] → (B, 1, F, L) in [-1, 1] (magnitudes: 0 and more),
    L = 1 + T // hop_length.
    """

    decimator: Tensor

    def __init__(self, config: ConstantQConfig | None = None) -> None:
        super().__init__()
        self.config = config or ConstantQConfig()
        self.register_buffer("decimator", torch.tensor(_decimator()[None, None]), persistent=False)
        self.kernel_names: list[str] = []  # per octave; octaves with equal kernels share them
        names: dict[bytes, str] = {}
        for octave in range(self.config.octaves):
            kernels = octave_kernels(self.config, octave)
            name = names.setdefault(kernels.tobytes(), f"kernels_{octave}")
            if name == f"kernels_{octave}":
                self.register_buffer(name, torch.tensor(kernels[:, None]), persistent=False)
            self.kernel_names.append(name)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            power = self.power(waveform.float()).clamp(min=1e-12)
            if self.config.amplitude_scale is not None:
                return (power.sqrt() * self.config.amplitude_scale).unsqueeze(-3)
            decibels = 10.0 / math.log(10.0) * power.log()
            low, high = self.config.floor_db, self.config.ceiling_db
            unit = (decibels - low) * (2.0 / (high - low)) - 1.0
            return unit.clamp(-1.0, 1.0).unsqueeze(-3)

    def power(self, waveform: Tensor) -> Tensor:
        """Squared magnitudes: (B, T) → (B, F, L); 1 = a full-scale sine."""
        config = self.config
        frames = config.frames(int(waveform.shape[-1]))
        signal, halvings = waveform.unsqueeze(-2), 0  # (B, 1, T)
        octaves = []
        for octave in reversed(range(config.octaves)):
            while halvings < config.decimations(octave):
                padding = self.decimator.shape[-1] // 2
                signal = nn.functional.conv1d(signal, self.decimator, stride=2, padding=padding)
                halvings += 1
            kernels = self.get_buffer(self.kernel_names[octave])
            hop = config.hop_length >> halvings
            half = kernels.shape[-1] // 2
            # One hop more on the right, since a frame may be centred just beyond the end.
            padded = nn.functional.pad(signal, (half, half + hop))
            parts = nn.functional.conv1d(padded, kernels, stride=hop)[..., :frames]
            real, imaginary = parts.chunk(2, dim=-2)
            octaves.append(real * real + imaginary * imaginary)
        return torch.cat(octaves[::-1], dim=-2)


def octave_kernels(config: ConstantQConfig, octave: int) -> NDArray[np.float32]:
    """Kernels (2 × bins_per_octave, width) of one octave: cosines, then sines; width is odd."""
    rate = config.sample_rate / 2 ** config.decimations(octave)
    bins = slice(octave * config.bins_per_octave, (octave + 1) * config.bins_per_octave)
    frequency = config.frequencies[bins, None] / rate  # turns per sample
    quality = 1.0 / (2.0 ** (1.0 / config.bins_per_octave) - 1.0)
    length = np.minimum(quality / frequency, config.longest_seconds * rate)
    half = math.ceil(float(length.max()) / 2.0)
    time = np.arange(-half, half + 1)
    inside = np.abs(time) < length / 2.0
    window = np.where(inside, 0.5 + 0.5 * np.cos(2.0 * np.pi * time / length), 0.0)
    window *= 2.0 / window.sum(axis=1, keepdims=True)
    angle = 2.0 * np.pi * frequency * time
    kernels = np.concatenate((window * np.cos(angle), window * np.sin(angle)))
    return np.round(kernels, 9).astype(np.float32)  # rounded: equal octaves become equal bytes


def _decimator() -> NDArray[np.float32]:
    """Low-pass (taps,) for halving the rate: flat to 0.195, 80 dB down from 0.305 of the rate."""
    time = np.arange(DECIMATOR_TAPS) - DECIMATOR_TAPS // 2
    taps = 0.5 * np.sinc(0.5 * time) * np.kaiser(DECIMATOR_TAPS, DECIMATOR_BETA)
    decimator: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return decimator
