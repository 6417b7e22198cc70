"""The networks of CMCGAN: two encoders, two shared decoders, a discriminator of pairs.

Source: Hao, Zhang, Guan, CMCGAN (AAAI 2018, arXiv 1711.08102): encoders of sound and image, a
decoder of images for A→V and V→V, a decoder of sounds for V→A and A→A, a latent vector z beside
each feature.
Departs: its layers are not known; these are the paper's (Fig. 2), a third as wide, with group
instead of batch normalisation, since every network sees real and generated pictures in turn and
would keep one statistic of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.networks.residual import unit_length


@dataclass(frozen=True, kw_only=True)
class CycleConfig:
    """All networks of CMCGAN."""

    image_size: tuple[int, int] = (64, 64)  # H, W of images; multiples of 16
    sound_size: tuple[int, int] = (128, 32)  # M, L to which log-mels are resized; the same
    embedding_size: int = 128  # D, the encoders' feature F
    noise_size: int = 16  # N, the latent z
    base_channels: int = 20  # width next to the picture; doubled at each halving of its side
    pair_size: int = 256  # features of a picture and of a sound in the discriminator
    classes: int = 13  # K


class CycleGenerator(nn.Module):
    """The four networks between which pictures and sounds go round."""

    def __init__(self, config: CycleConfig) -> None:
        super().__init__()
        self.image_encoder = CycleEncoder(config, 3, config.image_size)
        self.sound_encoder = CycleEncoder(config, 1, config.sound_size)
        self.image_decoder = CycleDecoder(config, 3, config.image_size)
        self.sound_decoder = CycleDecoder(config, 1, config.sound_size)


class CycleEncoder(nn.Module):
    """Picture (B, C, H, W) → embedding (B, D), class logits (B, K).

    The classes read a copy of the embedding: the cycles alone shape it.
    """

    def __init__(self, config: CycleConfig, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.convolutions = _downsample(channels, config.base_channels)
        flat = config.base_channels * 8 * math.prod(size) // 16**2
        self.embedding = nn.Linear(flat, config.embedding_size)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        embedding = unit_length(self.embedding(self.convolutions(picture)))  # as loud as the noise
        logits: Tensor = self.classes(functional.leaky_relu(embedding.detach(), 0.2))
        return embedding, logits


class CycleDecoder(nn.Module):
    """Embedding (B, D) and noise (B, N) → picture (B, C, H, W) in [-1, 1]."""

    def __init__(self, config: CycleConfig, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        width = config.base_channels
        self.start_size = (size[0] // 16, size[1] // 16)
        self.project = nn.Linear(
            config.embedding_size + config.noise_size, width * 8 * math.prod(self.start_size)
        )
        layers: list[nn.Module] = []
        for inputs, outputs in ((8, 4), (4, 2), (2, 1)):
            layers += [
                *(nn.GroupNorm(4, width * inputs), nn.ReLU()),
                nn.ConvTranspose2d(width * inputs, width * outputs, 4, stride=2, padding=1),
            ]
        last = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)
        self.upsample = nn.Sequential(*layers, nn.GroupNorm(4, width), nn.ReLU(), last)

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        x = self.project(torch.cat([embedding, noise], dim=1))
        return torch.tanh(self.upsample(x.unflatten(1, (-1, *self.start_size))))


class PairDiscriminator(nn.Module):
    """Image and log-mel → logit (B,): both real and of one moment, or not."""

    def __init__(self, config: CycleConfig) -> None:
        super().__init__()
        width = config.base_channels
        self.image = nn.Sequential(
            _downsample(3, width),
            nn.Linear(width * 8 * math.prod(config.image_size) // 16**2, config.pair_size),
            nn.LeakyReLU(0.2),
        )
        self.sound = nn.Sequential(
            _downsample(1, width),
            nn.Linear(width * 8 * math.prod(config.sound_size) // 16**2, config.pair_size),
            nn.LeakyReLU(0.2),
        )
        self.decide = nn.Sequential(
            nn.Linear(2 * config.pair_size, config.pair_size),
            nn.LeakyReLU(0.2),
            nn.Linear(config.pair_size, 1),
        )

    def decide_on(self, image_features: Tensor, sound_features: Tensor) -> Tensor:
        """What ``image`` and ``sound`` make of both, (B, F) each → logit (B,)."""
        logit: Tensor = self.decide(torch.cat([image_features, sound_features], dim=1))
        return logit.flatten()


def _downsample(channels: int, width: int) -> nn.Sequential:
    """Picture (B, C, H, W) → features (B, F): four halvings, flattened."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
    ]
    for inputs, outputs in ((1, 2), (2, 4), (4, 8)):
        layers += [
            nn.Conv2d(width * inputs, width * outputs, 4, stride=2, padding=1),
            nn.GroupNorm(4, width * outputs),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, nn.Flatten())
