"""Convolutional autoencoders: feature spaces that no class label shaped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor, nn

from sightsound.networks.paper import (
    PaperImageEncoder,
    PaperImageEncoderConfig,
    PaperSoundEncoder,
    PaperSoundEncoderConfig,
)


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


class PictureDecoder(nn.Module):
    """Latent (B, D) → picture (B, C, H, W) in [-1, 1], by four transposed convolutions."""

    def __init__(
        self,
        latent_size: int,
        channels: tuple[int, int, int, int],  # widths at 1/16 … 1/2 of the picture's size
        *,
        picture_channels: int,
        picture_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.picture_size = picture_size
        self.start_size = tuple(math.ceil(side / 16) for side in picture_size)
        self.widen = nn.Linear(latent_size, channels[0] * math.prod(self.start_size))
        up: list[nn.Module] = []
        for width, following in zip(channels, (*channels[1:], picture_channels), strict=True):
            up += [nn.ReLU(), nn.ConvTranspose2d(width, following, 4, stride=2, padding=1)]
        self.upsample = nn.Sequential(*up)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.widen(latent).unflatten(1, (-1, *self.start_size))
        height, width = self.picture_size
        return torch.tanh(self.upsample(x))[..., :height, :width]


class ReconstructingEncoder(nn.Module):
    """One of the paper's encoders with a decoder behind its embedding.

    Picture (B, C, H, W) → embedding (B, D), class logits (B, K), as every encoder; the classes
    read a copy of the embedding through which no gradient flows, so they do not shape it.
    """

    def __init__(
        self,
        config: PaperSoundEncoderConfig | PaperImageEncoderConfig,
        decoder_channels: tuple[int, int, int, int],
    ) -> None:
        super().__init__()
        channels, size = 0, (0, 0)
        match config:
            case PaperSoundEncoderConfig():
                self.encoder: nn.Module = PaperSoundEncoder(config, reads_only=True)
                channels, size = 1, config.log_mel_size
            case PaperImageEncoderConfig():
                self.encoder = PaperImageEncoder(config, reads_only=True)
                channels, size = 3, (config.image_size, config.image_size)
            case _:
                assert_never(config)
        self.decoder = PictureDecoder(
            config.embedding_size, decoder_channels, picture_channels=channels, picture_size=size
        )

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.encoder(picture)
        return embedding, logits

    def reconstruct(self, embedding: Tensor) -> Tensor:
        """Embedding (B, D) → picture (B, C, H, W) in [-1, 1]."""
        picture: Tensor = self.decoder(embedding)
        return picture
