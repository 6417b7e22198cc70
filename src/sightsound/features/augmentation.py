"""Waveforms and spectral pictures in, the same heard elsewhere out: other rooms, other levels.

Random numbers come from torch's global generator, which the training loop seeds from
(seed, step), so that an augmented run resumes exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class SoundAugmentationConfig:
    """How far a training sound may be moved from what was recorded."""

    probability: float = 1.0  # share of examples that are moved at all; the others stay as they are
    gain_db: float = 12.0  # level, uniform within ± this
    speed: float = 0.06  # resampling, uniform within ± this share (6 % is one semitone)
    noise_probability: float = 0.5  # share of examples that get noise
    noise_snr_db: tuple[float, float] = (15.0, 60.0)  # signal to noise, uniform
    room_probability: float = 0.3  # share of examples that get a room
    room_seconds: tuple[float, float] = (0.08, 0.6)  # time to fall by 60 dB, log-uniform
    room_wet_db: tuple[float, float] = (-18.0, 3.0)  # reverberation against direct sound
    equaliser_db: float = 9.0  # standard deviation of the gain at each of 8 frequencies
    mask_probability: float = 0.3  # share of spectral pictures with a band or a moment left out
    mask_share: float = 0.2  # longest part left out, of the axis


def augment_waveforms(
    waveform: Tensor, sample_rate: int, config: SoundAugmentationConfig
) -> Tensor:
    """Waveforms (B, T) → (B, T): level, speed, room and noise drawn for each example."""
    waveform = _change_speed(waveform, config.speed)
    waveform = _add_rooms(waveform, sample_rate, config)
    waveform = _add_noise(waveform, config)
    gain_db = (torch.rand(len(waveform), 1) * 2 - 1) * config.gain_db
    return (waveform * 10 ** (gain_db / 20)).clamp(-1.0, 1.0)


def augment_spectra(
    picture: Tensor, config: SoundAugmentationConfig, *, unit_per_db: float
) -> Tensor:
    """Log-spectral pictures (B, 1, M, L) in unit scale → the same equalised and masked.

    An equaliser is an addition in decibels, so it is drawn here, where it costs nothing.
    """
    batch, _, bands, frames = picture.shape
    points = torch.randn(batch, 1, 8) * config.equaliser_db * unit_per_db
    curve = functional.interpolate(points, size=bands, mode="linear", align_corners=True)
    picture = (picture + curve[:, :, :, None]).clamp(-1.0, 1.0)
    for axis, size in ((2, bands), (3, frames)):
        chosen = torch.rand(batch) < config.mask_probability
        width = torch.rand(batch) * config.mask_share * size
        start = torch.rand(batch) * (size - width)
        place = torch.arange(size)
        masked = (place >= start[:, None]) & (place < (start + width)[:, None]) & chosen[:, None]
        shape = (batch, 1, size, 1) if axis == 2 else (batch, 1, 1, size)
        picture = torch.where(masked.view(shape), picture.new_tensor(-1.0), picture)
    return picture


def _change_speed(waveform: Tensor, share: float) -> Tensor:
    """Resample by linear interpolation; what lies past the end is mirrored."""
    batch, samples = waveform.shape
    speed = 1 + (torch.rand(batch, 1) * 2 - 1) * share
    position = torch.arange(samples) * speed
    position = (samples - 1) - (position - (samples - 1)).abs()  # mirror at the end
    low = position.floor().clamp(0, samples - 2).long()
    fraction = position - low
    return waveform.gather(1, low) * (1 - fraction) + waveform.gather(1, low + 1) * fraction


def _add_rooms(waveform: Tensor, sample_rate: int, config: SoundAugmentationConfig) -> Tensor:
    chosen = torch.rand(len(waveform)) < config.room_probability
    count = int(chosen.sum())
    if not count:
        return waveform
    dry = waveform[chosen]
    samples = dry.shape[1]
    length = int(config.room_seconds[1] * sample_rate)
    low, high = torch.tensor(config.room_seconds).log()
    seconds = (low + torch.rand(count, 1) * (high - low)).exp()
    decay = 10 ** (-3 * torch.arange(length) / sample_rate / seconds)
    response = torch.randn(count, length) * decay
    response = response / response.norm(dim=1, keepdim=True)
    size = 1 << (samples + length - 1).bit_length()
    spectrum = torch.fft.rfft(dry, size) * torch.fft.rfft(response, size)
    wet = torch.fft.irfft(spectrum, size)[:, :samples]
    wet_low, wet_high = config.room_wet_db
    wet_db = wet_low + torch.rand(count, 1) * (wet_high - wet_low)
    mixed = waveform.clone()
    mixed[chosen] = dry + wet * 10 ** (wet_db / 20)
    return mixed


def _add_noise(waveform: Tensor, config: SoundAugmentationConfig) -> Tensor:
    batch = len(waveform)
    low, high = config.noise_snr_db
    snr_db = low + torch.rand(batch, 1) * (high - low)
    level = waveform.square().mean(dim=1, keepdim=True).sqrt() * 10 ** (-snr_db / 20)
    level = level * (torch.rand(batch, 1) < config.noise_probability)
    noise = torch.randn_like(waveform)
    smooth = torch.rand(batch, 1) < 0.5  # half of it dark: a moving sum falls by 6 dB an octave
    dark = functional.avg_pool1d(noise[:, None], 9, stride=1, padding=4)[:, 0] * 3
    return waveform + level * torch.where(smooth, dark, noise)


@dataclass(frozen=True, kw_only=True)
class ImageAugmentationConfig:
    """How far a training picture may be moved from what was drawn."""

    shift: float = 0.06  # translation, uniform within ± this share of the side
    zoom: float = 0.12  # scale, uniform within ± this share
    rotation: float = 0.12  # radians, uniform within ±
    colour: float = 0.2  # brightness, contrast and each channel's gain, uniform within ±
    noise: float = 0.05  # standard deviation of added noise, at most
    cutout: float = 0.25  # side of a grey square, at most, as a share; drawn for half of them


def augment_images(image: Tensor, config: ImageAugmentationConfig) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] → the same moved, turned, tinted, noisy and partly hidden.

    Tint and noise may lead a little beyond [-1, 1]: a limit would stop the gradient there.
    """
    batch, channels, height, width = image.shape

    def spread(*shape: int) -> Tensor:
        return torch.rand(*shape) * 2 - 1

    angle, zoom = spread(batch) * config.rotation, 1 + spread(batch) * config.zoom
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    shift = spread(batch, 2) * 2 * config.shift
    theta = torch.stack(
        [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1
    )
    grid = functional.affine_grid(theta, list(image.shape), align_corners=False)
    moved = functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    contrast = 1 + spread(batch, 1, 1, 1) * config.colour
    gain = 1 + spread(batch, channels, 1, 1) * config.colour
    moved = ((moved - mean) * contrast + mean + spread(batch, 1, 1, 1) * config.colour) * gain
    moved = moved + torch.randn_like(moved) * torch.rand(batch, 1, 1, 1) * config.noise
    side = torch.rand(batch, 1) * config.cutout * (torch.rand(batch, 1) < 0.5)
    top, left = torch.rand(batch, 1) * (1 - side), torch.rand(batch, 1) * (1 - side)
    rows, columns = torch.arange(height) / height, torch.arange(width) / width
    hidden = ((rows >= top) & (rows < top + side))[:, :, None]
    hidden = hidden & ((columns >= left) & (columns < left + side))[:, None, :]
    return torch.where(hidden[:, None], moved.new_zeros(()), moved)
