"""Waveform → log-mel picture as a torch module that exports to ONNX: ``spectra``'s numbers."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from sightsound.features.spectra import (
    AMIN,
    LogMelConfig,
    hann,
    mel_filters,
    resize_matrix,
)


class LogMel(nn.Module):
    """Log-mel picture in unit scale, differentiable, float32 under autocast too.

    Here the DFT is torch's. In an exported graph it is two small matrix products with a twiddle
    between them (Cooley & Tukey 1965), since one product with all bases costs ten times as much
    and ONNX runtimes have no fast STFT; ``power_by_products`` is that way, and a test holds both
    to the same numbers.

    Shapes: waveform (B, T) in [-1, 1] → (B, 1, M, L) in [-1, 1], L = 1 + T // hop_length.
    """

    window: Tensor
    first: Tensor
    turn_cosine: Tensor
    turn_sine: Tensor
    second: Tensor
    ordered_filters: Tensor
    filters: Tensor

    def __init__(
        self,
        config: LogMelConfig | None = None,
        *,
        size: tuple[int, int] | None = None,  # (M, L) to resize the picture to; None = leave it
    ) -> None:
        super().__init__()
        self.config = config or LogMelConfig()
        self.resize = None if size is None else Resize(size)
        first, twiddle, second, ordered_filters = _dft_stages(self.config)
        for name, values in {
            "window": hann(self.config.n_fft),
            "filters": mel_filters(self.config),
            "first": first,
            "turn_cosine": twiddle[0],
            "turn_sine": twiddle[1],
            "second": second,
            "ordered_filters": ordered_filters,
        }.items():  # not in the state: they follow from the config
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            unit = self.to_unit(self.decibels(self.power(waveform.float())))
            return unit if self.resize is None else self.resize(unit)

    def power(self, waveform: Tensor) -> Tensor:
        """Mel power: (B, T) → (B, M, L)."""
        if torch.compiler.is_exporting():
            return self.power_by_products(waveform)
        spectrum = short_time_spectrum(waveform, self.window, self.config.hop_length)
        return self.filters @ (spectrum.real.square() + spectrum.imag.square())

    def power_by_products(self, waveform: Tensor) -> Tensor:
        """Mel power: (B, T) → (B, M, L), by matrix products alone."""
        frames = frame(waveform, self.config.n_fft, self.config.hop_length)  # (B, L, n_fft)
        columns = self.turn_cosine.shape[0]
        rows = self.config.n_fft // columns
        grid = (frames * self.window).reshape(*frames.shape[:-1], rows, columns)
        inner = grid.transpose(-1, -2) @ self.first  # (B, L, columns, 2 × half)
        real, imaginary = inner.chunk(2, dim=-1)
        cosine, sine = self.turn_cosine, self.turn_sine
        turned = torch.cat(
            (real * cosine - imaginary * sine, real * sine + imaginary * cosine), dim=-2
        )  # (B, L, 2 × columns, half)
        spectrum = turned.transpose(-1, -2) @ self.second  # (B, L, half, 2 × columns)
        real, imaginary = spectrum.chunk(2, dim=-1)
        power = (real * real + imaginary * imaginary).flatten(-2)  # (B, L, half × columns)
        return (power @ self.ordered_filters).transpose(-1, -2)

    def decibels(self, power: Tensor) -> Tensor:
        """Mel power (B, M, L) → dB with ``top_db`` per example."""
        decibels = power.clamp(min=AMIN).log() * (10.0 / math.log(10.0))
        if self.config.top_db is None:
            return decibels
        return torch.maximum(decibels, decibels.amax((-2, -1), keepdim=True) - self.config.top_db)

    def to_unit(self, decibels: Tensor) -> Tensor:
        """DB (B, M, L) → (B, 1, M, L) in [-1, 1]."""
        return log_mel_to_unit(decibels, self.config).unsqueeze(-3)


class Resize(nn.Module):
    """Resize (…, M, L) to (…, *size), as ``spectra.resize_log_mel``; the source size is static."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, picture: Tensor) -> Tensor:
        return resize_log_mel(picture, self.size)


def log_mel_to_unit(log_mel_db: Tensor, config: LogMelConfig) -> Tensor:
    """DB → [-1, 1], clipped; ``spectra.log_mel_to_unit`` for tensors."""
    scale = 2.0 / (config.ceiling_db - config.floor_db)
    return (log_mel_db * scale + (-1.0 - config.floor_db * scale)).clamp(-1.0, 1.0)


def unit_to_log_mel(unit: Tensor, config: LogMelConfig) -> Tensor:
    """[-1, 1] → dB; ``spectra.unit_to_log_mel`` for tensors."""
    scale = 2.0 / (config.ceiling_db - config.floor_db)
    return (unit + (1.0 + config.floor_db * scale)) / scale


def resize_log_mel(log_mel_picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a picture (…, M, L) to (…, *size), the same numbers as ``spectra.resize_log_mel``."""
    rows = torch.tensor(resize_matrix(int(log_mel_picture.shape[-2]), size[0]))
    columns = torch.tensor(resize_matrix(int(log_mel_picture.shape[-1]), size[1]))
    with torch.autocast(log_mel_picture.device.type, enabled=False):
        picture = log_mel_picture.float()
        return rows.to(picture) @ picture @ columns.to(picture).T


def short_time_spectrum(waveform: Tensor, window: Tensor, hop_length: int) -> Tensor:
    """Complex spectra of centred frames, zeros beyond the ends: (B, T) → (B, n_fft // 2 + 1, L).

    ``window``: (n_fft,).
    """
    return torch.stft(
        waveform,
        len(window),
        hop_length,
        window=window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    )


def frame(waveform: Tensor, length: int, hop_length: int) -> Tensor:
    """Centred frames: (B, T) → (B, L, length), zeros beyond the ends, L = 1 + T // hop_length.

    Built of slices, which every ONNX runtime does fast, in place of ``unfold``.
    """
    samples = int(waveform.shape[-1])
    frames = 1 + samples // hop_length
    block = math.gcd(length, hop_length)
    step, parts = hop_length // block, length // block
    needed = (frames - 1) * hop_length + length
    padded = nn.functional.pad(waveform, (length // 2, needed - samples - length // 2))
    blocks = padded.reshape(-1, needed // block, block)  # (B, blocks, block)
    last = (frames - 1) * step + 1
    return torch.cat([blocks[:, part : part + last : step] for part in range(parts)], dim=-1)


def _dft_stages(config: LogMelConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of the two-step DFT of a real frame, and the mel filters in its order of bins.

    With n = columns·a + b and k = c + rows·d the DFT is a sum over a (``first``), a turn by
    exp(-2πi·bc/N) (``twiddle``) and a sum over b (``second``). A real frame needs c only up to
    rows / 2; bins past the middle are their mirror images, and bins met twice count once.
    """
    n_fft = config.n_fft
    columns = _columns(n_fft)
    rows = n_fft // columns
    half = rows // 2 + 1
    a, b = np.arange(rows), np.arange(columns)
    c, d = np.arange(half), np.arange(columns)
    angle = -2.0 * np.pi * (np.outer(a, c) % rows) / rows
    first = np.concatenate((np.cos(angle), np.sin(angle)), axis=1)  # (rows, 2 × half)
    angle = -2.0 * np.pi * np.outer(b, c) / n_fft
    twiddle = np.stack((np.cos(angle), np.sin(angle)))  # (2, columns, half)
    angle = -2.0 * np.pi * (np.outer(b, d) % columns) / columns
    cosine, sine = np.cos(angle), np.sin(angle)
    second = np.block([[cosine, sine], [-sine, cosine]])  # (2 × columns, 2 × columns)
    order = (c[:, None] + rows * d[None, :]).reshape(-1)
    folded = np.minimum(order, n_fft - order)
    filters = mel_filters(config)[:, folded].T.copy()  # (half × columns, M)
    seen = np.zeros(n_fft // 2 + 1, dtype=bool)
    for row, index in enumerate(folded):
        if seen[index]:
            filters[row] = 0.0
        seen[index] = True
    return (
        first.astype(np.float32),
        twiddle.astype(np.float32),
        second.astype(np.float32),
        filters,
    )


def _columns(n_fft: int) -> int:
    """The divisor of n_fft that costs least: n_fft / divisor even, near √(n_fft / 2)."""
    best = math.sqrt(n_fft / 2)
    fitting = [n for n in range(1, n_fft // 2 + 1) if n_fft % n == 0 and (n_fft // n) % 2 == 0]
    return min(fitting, key=lambda n: abs(math.log(n / best)))
