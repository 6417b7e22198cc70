"""A convolutional autoencoder: a feature space that no class label shaped."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Encoder and decoder of 64-pixel pictures."""

    channels: int = 3  # 3 for images, 1 for spectral pictures
    width: int = 32  # channels next to the picture; doubled at each halving of its side
    latent_size: int = 128  # size of the latent


class Autoencoder(nn.Module):
    """Picture (B, C, 64, 64) in [-1, 1] → latent (B, 128) → picture (B, C, 64, 64)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths = [config.width * scale for scale in (1, 2, 4, 4)]
        down: list[nn.Module] = []
        previous = config.channels
        for width in widths:
            down += [nn.Conv2d(previous, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            previous = width
        self.encoder = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(previous * 16, config.latent_size)
        )
        up: list[nn.Module] = []
        for width in [*reversed(widths[:-1]), config.channels]:
            up += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(previous, width, 4, stride=2, padding=1)]
            previous = width
        self.widen = nn.Linear(config.latent_size, widths[-1] * 16)
        self.decoder = nn.Sequential(*up)

    def encode(self, picture: Tensor) -> Tensor:
        """Picture (B, C, 64, 64) → latent (B, 128)."""
        latent: Tensor = self.encoder(picture)
        return latent

    def forward(self, picture: Tensor) -> Tensor:
        x = self.widen(self.encode(picture)).unflatten(1, (-1, 4, 4))
        return torch.tanh(self.decoder(x))
