"""The networks of a conditional variational autoencoder, and its small discriminator.

Source: AC-VAE (a student project at KAIST, 2021) for the kind of model, its 128 latent numbers and
13 classes; the layers are the paper's generator and its mirror, since AC-VAE's are not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sightsound.networks.paper import PaperGanConfig, PaperGenerator


@dataclass(frozen=True, kw_only=True)
class VariationalConfig:
    """Recogniser, generator and discriminator."""

    picture_size: tuple[int, int] = (64, 64)  # H, W of the picture; multiples of 16
    embedding_size: int = 128  # D, what the encoder gives
    condition_size: int = 64  # the condition after its fully connected layer
    noise_size: int = 128  # N = size of the latent
    base_channels: int = 48  # the generator's, next to the picture; doubled at each halving
    recogniser_channels: int = 32  # the same of the recogniser and the discriminator
    classes: int = 13  # K

    @property
    def generator(self) -> PaperGanConfig:
        """The paper's generator with these sizes."""
        return PaperGanConfig(
            picture_size=self.picture_size,
            embedding_size=self.embedding_size,
            condition_size=self.condition_size,
            noise_size=self.noise_size,
            base_channels=self.base_channels,
        )


class VariationalGenerator(nn.Module):
    """Embedding (B, D) and latent (B, N) → picture (B, C, H, W) in [-1, 1], and back."""

    def __init__(self, config: VariationalConfig, *, channels: int) -> None:
        super().__init__()
        self.generator = PaperGenerator(config.generator, channels=channels)
        self.look = _downsample(config, channels)
        flat = config.recogniser_channels * 8 * math.prod(config.picture_size) // 16**2
        self.recognition = nn.Linear(flat + config.embedding_size, 2 * config.noise_size)

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        picture: Tensor = self.generator(embedding, noise)
        return picture

    def recognise(self, picture: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Real picture and its condition → mean and log variance of its latent, (B, N) each."""
        seen = torch.cat([self.look(picture), embedding], dim=1)
        mean, log_variance = self.recognition(seen).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10.0, 10.0)


class AuxiliaryDiscriminator(nn.Module):
    """Picture (B, C, H, W) → logit (B,): real or not; class logits (B, K)."""

    def __init__(self, config: VariationalConfig, *, channels: int) -> None:
        super().__init__()
        flat = config.recogniser_channels * 8 * math.prod(config.picture_size) // 16**2
        self.look = _downsample(config, channels)
        self.decide = nn.Linear(flat, 1)
        self.classes = nn.Linear(flat, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        features = self.look(picture)
        return self.decide(features).flatten(), self.classes(features)


def _downsample(config: VariationalConfig, channels: int) -> nn.Sequential:
    """Picture (B, C, H, W) → features (B, F)."""
    width = config.recogniser_channels
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
    ]
    for inputs, outputs in ((width, width * 2), (width * 2, width * 4), (width * 4, width * 8)):
        layers += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, nn.Flatten())
