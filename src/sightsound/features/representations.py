"""Waveform → the paper's other sound pictures: STFT, mel-spectrogram (MS) and MFCC.

With the log-mel (LMS, ``torch_spectra``) and the constant-Q picture (CQT, ``constant_q``) these
are the five representations that Table 1 of the paper compares; torch modules, front ends of
encoders.

Source: shapes and what they imply are read off the axes of Fig. 3.
Departs: the paper's scaling is unknown. Each picture is multiplied by one number, about one over
its root mean square over the training windows of orchestra-v1, so that every network starts from
inputs of like size; nothing is compressed, since the paper calls the log-mel alone "log".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sightsound.errors import ConfigError
from sightsound.features.spectra import LogMelConfig, hann
from sightsound.features.torch_spectra import LogMel, short_time_spectrum


@dataclass(frozen=True, kw_only=True)
class StftConfig:
    """Magnitudes of the short-time Fourier transform: 513 × 87 from half a second.

    Departs: the number of columns is not readable in Fig. 3; the hop is a quarter of the window.
    """

    sample_rate: int = 44_100  # Hz
    n_fft: int = 1024  # samples; window length, Hann
    hop_length: int = 256  # samples
    scale: float = 1.0  # multiplies the magnitudes

    def __post_init__(self) -> None:
        if self.n_fft < 16 or self.n_fft % 2:
            raise ConfigError(f"n_fft {self.n_fft}: an even number, 16 or more, is needed")
        if not 0 < self.hop_length <= self.n_fft:
            raise ConfigError(f"hop_length {self.hop_length}: 1 to n_fft ({self.n_fft}) is allowed")

    def size(self, samples: int) -> tuple[int, int]:
        """Rows and columns of the picture of ``samples`` samples."""
        return self.n_fft // 2 + 1, 1 + samples // self.hop_length


@dataclass(frozen=True, kw_only=True)
class MelConfig:
    """Mel power without a logarithm (the paper's MS): 128 × 44 from half a second."""

    log_mel: LogMelConfig = field(default_factory=LogMelConfig)  # the filters
    scale: float = 1.0  # multiplies the power

    @property
    def sample_rate(self) -> int:
        """Of the waveform, Hz."""
        return self.log_mel.sample_rate

    def size(self, samples: int) -> tuple[int, int]:
        """Rows and columns of the picture of ``samples`` samples."""
        return self.log_mel.n_mels, self.log_mel.frames(samples)


@dataclass(frozen=True, kw_only=True)
class MfccConfig:
    """Cepstral coefficients of the log-mel: 20 × 44 from half a second."""

    log_mel: LogMelConfig = field(default_factory=LogMelConfig)
    coefficients: int = 20
    scale: float = 1.0  # multiplies the coefficients

    def __post_init__(self) -> None:
        if not 1 <= self.coefficients <= self.log_mel.n_mels:
            raise ConfigError(
                f"coefficients {self.coefficients}: 1 to n_mels ({self.log_mel.n_mels}) is allowed"
            )

    @property
    def sample_rate(self) -> int:
        """Of the waveform, Hz."""
        return self.log_mel.sample_rate

    def size(self, samples: int) -> tuple[int, int]:
        """Rows and columns of the picture of ``samples`` samples."""
        return self.coefficients, self.log_mel.frames(samples)


class Stft(nn.Module):
    """Magnitudes, as ``abs(librosa.stft(y, n_fft=1024, hop_length=256))`` gives them, scaled.

    Shapes: waveform (B, T) in [-1, 1] → (B, 1, n_fft // 2 + 1, L), L = 1 + T // hop_length.
    """

    window: Tensor

    def __init__(self, config: StftConfig | None = None) -> None:
        super().__init__()
        self.config = config or StftConfig()
        self.register_buffer("window", torch.tensor(hann(self.config.n_fft)), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = short_time_spectrum(waveform.float(), self.window, self.config.hop_length)
            return (spectrum.abs() * self.config.scale).unsqueeze(-3)


class Mel(nn.Module):
    """Mel power, as ``librosa.feature.melspectrogram`` gives it, scaled.

    Shapes: waveform (B, T) in [-1, 1] → (B, 1, M, L), L = 1 + T // hop_length.
    """

    def __init__(self, config: MelConfig | None = None) -> None:
        super().__init__()
        self.config = config or MelConfig()
        self.log_mel = LogMel(self.config.log_mel)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            power: Tensor = self.log_mel.power(waveform.float())
            return (power * self.config.scale).unsqueeze(-3)


class Mfcc(nn.Module):
    """Cepstral coefficients, as ``librosa.feature.mfcc`` gives them, scaled.

    The log-mel in decibels, turned by an orthonormal cosine transform of type II.
    Source: Davis & Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word
    Recognition in Continuously Spoken Sentences" (1980).

    Shapes: waveform (B, T) in [-1, 1] → (B, 1, coefficients, L), L = 1 + T // hop_length.
    """

    cosines: Tensor

    def __init__(self, config: MfccConfig | None = None) -> None:
        super().__init__()
        self.config = config or MfccConfig()
        self.log_mel = LogMel(self.config.log_mel)
        cosines = cosine_transform(self.config.coefficients, self.config.log_mel.n_mels)
        self.register_buffer("cosines", torch.tensor(cosines), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            decibels = self.log_mel.decibels(self.log_mel.power(waveform.float()))
            return (self.cosines @ decibels * self.config.scale).unsqueeze(-3)


def cosine_transform(rows: int, columns: int) -> NDArray[np.float32]:
    """The first ``rows`` rows of the orthonormal DCT-II of ``columns`` values."""
    place = (np.arange(columns) + 0.5) * (math.pi / columns)
    matrix = np.cos(np.arange(rows)[:, None] * place) * math.sqrt(2.0 / columns)
    matrix[0] /= math.sqrt(2.0)
    return np.asarray(matrix, np.float32)
