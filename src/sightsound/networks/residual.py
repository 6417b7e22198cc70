"""Residual networks without normalisation: encoder, generator and discriminator.

The improved counterparts of ``networks/paper.py``; most of the work happens between 1/16 and half
of a picture's size, a pixel shuffle makes the rest.
Source: the rules of Huang et al., "The GAN is dead; long live the GAN! A Modern Baseline GAN"
(2024), for residual blocks without normalisation; Miyato and Koyama, "cGANs with Projection
Discriminator" (2018), for the way in which the condition enters the discriminator.
Departs: dense 3×3 convolutions instead of grouped ones, which are slow on a CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.errors import ConfigError
from sightsound.networks.condition import check_picture_size, unit_length


@dataclass(frozen=True, kw_only=True)
class ResidualEncoderConfig:
    """An encoder of pictures or of spectral pictures."""

    input_channels: int = 3  # 3 for images, 1 for spectral pictures
    channels: tuple[int, ...] = (16, 32, 64, 128)  # width of each stage, each half the size
    blocks: int = 1  # residual blocks per stage
    embedding_size: int = 128  # D
    classes: int = 13  # K
    dropout: float = 0.2  # drop rate before the embedding and before the classes
    peak_relative: bool = False  # subtract each input's maximum, so that level does not matter


class ResidualBlock(nn.Module):
    """x (B, C, H, W) → x + f(x), two 3×3 convolutions with group normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(functional.leaky_relu(self.norm(x), 0.2))
        residual: Tensor = self.second(functional.leaky_relu(h, 0.2))
        return x + residual


class ResidualEncoder(nn.Module):
    """Picture (B, C, H, W) → embedding (B, D), class logits (B, K)."""

    def __init__(self, config: ResidualEncoderConfig) -> None:
        super().__init__()
        self.peak_relative = config.peak_relative
        layers: list[nn.Module] = []
        previous = config.input_channels
        for width in config.channels:
            layers.append(nn.Conv2d(previous, width, 3, stride=2, padding=1))
            layers += [ResidualBlock(width) for _ in range(config.blocks)]
            previous = width
        self.stages = nn.Sequential(*layers)
        self.dropout = nn.Dropout(config.dropout)
        self.embedding = nn.Linear(2 * previous, config.embedding_size)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        if self.peak_relative:
            picture = picture - picture.amax(dim=(1, 2, 3), keepdim=True) + 1.0
        x = functional.leaky_relu(self.stages(picture), 0.2)
        x = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)  # (B, 2 C)
        embedding = self.embedding(self.dropout(x))
        logits = self.classes(self.dropout(functional.leaky_relu(embedding, 0.2)))
        return embedding, logits


@dataclass(frozen=True, kw_only=True)
class ResidualGanConfig:
    """Generator and discriminator."""

    picture_size: tuple[int, int] = (64, 64)  # H, W of the picture; multiples of 16
    embedding_size: int = 128  # D, what the encoder gives
    noise_size: int = 64  # N
    style_size: int = 192  # what modulates the generator's blocks
    channels: tuple[int, int, int, int] = (
        144,
        112,
        72,
        36,
    )  # widths at 1/16 … 1/2 of the picture's size
    feature_size: int = 256  # discriminator's features, projected on the condition

    condition_layers: int = 1  # through which the condition enters the discriminator; 1 = linear

    def __post_init__(self) -> None:
        check_picture_size(self.picture_size)
        if self.condition_layers < 1:
            raise ConfigError(f"condition_layers={self.condition_layers}: 1 or more is needed")


class ModulatedBlock(nn.Module):
    """x (B, C, H, W), style (B, S) → x + f(x, style), feature-wise scale and shift."""

    def __init__(self, channels: int, style_size: int) -> None:
        super().__init__()
        self.modulation = nn.Linear(style_size, 2 * channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.modulation(style)[:, :, None, None].chunk(2, dim=1)
        h = functional.leaky_relu(x * (1 + scale) + shift, 0.2)
        h = functional.leaky_relu(self.first(h), 0.2)
        residual: Tensor = self.second(h)
        return x + residual


class ResidualGenerator(nn.Module):
    """Embedding (B, D) and noise (B, N) → picture (B, C, H, W) in [-1, 1]."""

    def __init__(self, config: ResidualGanConfig, *, channels: int) -> None:
        super().__init__()
        height, width = config.picture_size
        self.start_size = (height // 16, width // 16)
        self.condition = nn.Linear(config.embedding_size, config.style_size)
        self.style = nn.Sequential(
            nn.Linear(config.style_size + config.noise_size, config.style_size),
            nn.LeakyReLU(0.2),
            nn.Linear(config.style_size, config.style_size),
            nn.LeakyReLU(0.2),
        )
        self.start = nn.Linear(config.style_size, config.channels[0] * math.prod(self.start_size))
        self.blocks = nn.ModuleList()
        self.widen = nn.ModuleList()
        for width, following in zip(config.channels, (*config.channels[1:], 0), strict=True):
            self.blocks.append(ModulatedBlock(width, config.style_size))
            if following:
                self.widen.append(nn.Conv2d(width, following, 1))
        self.picture = nn.Conv2d(config.channels[-1], channels * 4, 3, padding=1)

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        condition = functional.leaky_relu(self.condition(unit_length(embedding)), 0.2)
        style = self.style(torch.cat([condition, noise], dim=1))  # (B, S)
        x = self.start(style).unflatten(1, (-1, *self.start_size))
        for stage, block in enumerate(self.blocks):
            if stage:
                x = functional.interpolate(self.widen[stage - 1](x), scale_factor=2.0)
            x = block(x, style)
        x = functional.pixel_shuffle(self.picture(functional.leaky_relu(x, 0.2)), 2)
        return torch.tanh(x)


class ResidualDiscriminator(nn.Module):
    """Picture (B, C, H, W) and embedding (B, D) → logit (B,): real and matched, or not."""

    def __init__(self, config: ResidualGanConfig, *, channels: int) -> None:
        super().__init__()
        widths = tuple(reversed(config.channels))
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, stride=2, padding=1)]
        for width, following in zip(widths, (*widths[1:], 0), strict=True):
            layers.append(PlainBlock(width))
            if following:
                layers += [nn.Conv2d(width, following, 1), nn.AvgPool2d(2)]
        self.downsample = nn.Sequential(*layers)
        positions = math.prod(config.picture_size) // 16**2
        self.feature = nn.Linear(widths[-1] * positions, config.feature_size)
        self.decide = nn.Linear(config.feature_size, 1, bias=False)  # the loss sees differences
        layers_of_condition: list[nn.Module] = [
            nn.Linear(config.embedding_size, config.feature_size)
        ]
        for _ in range(config.condition_layers - 1):
            layers_of_condition += [
                nn.LeakyReLU(0.2),
                nn.Linear(config.feature_size, config.feature_size),
            ]
        self.condition = nn.Sequential(*layers_of_condition)

    def features(self, picture: Tensor) -> Tensor:
        """Picture (B, C, H, W) → features (B, F), before the condition joins."""
        x = functional.leaky_relu(self.downsample(picture), 0.2).flatten(1)
        return functional.leaky_relu(self.feature(x), 0.2)

    def decide_on(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (B, F) and embedding (B, D) → logit (B,)."""
        condition = self.condition(unit_length(embedding))
        projection = (condition * features).sum(dim=1) / math.sqrt(features.shape[1])
        logit: Tensor = self.decide(features).flatten() + projection
        return logit

    def forward(self, picture: Tensor, embedding: Tensor) -> Tensor:
        return self.decide_on(self.features(picture), embedding)


class PlainBlock(nn.Module):
    """x (B, C, H, W) → x + f(x), no normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(functional.leaky_relu(x, 0.2))
        residual: Tensor = self.second(functional.leaky_relu(h, 0.2))
        return x + residual
