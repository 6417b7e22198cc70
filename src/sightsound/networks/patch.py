"""A patch network of wide depthwise convolutions: the second architecture, for judges.

Source: the block of Liu et al., "A ConvNet for the 2020s" (2022), in a small isotropic form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class PatchEncoderConfig:
    """An encoder that cuts its input into patches and keeps their number to the end."""

    input_channels: int = 3  # 3 for images, 1 for spectral pictures
    patch_size: tuple[int, int] = (8, 8)  # pixels of one patch: height, width
    width: int = 128  # channels of each block
    depth: int = 5  # blocks
    kernel_size: int = 5  # side of the depthwise convolution
    embedding_size: int = 128  # D
    classes: int = 13  # K
    dropout: float = 0.1  # drop rate before the classes
    peak_relative: bool = False  # subtract each input's maximum, so that level does not matter


class PatchBlock(nn.Module):
    """x (B, C, H, W) → x + f(x): depthwise convolution, then a two-layer perceptron."""

    def __init__(self, config: PatchEncoderConfig) -> None:
        super().__init__()
        width, kernel = config.width, config.kernel_size
        self.space = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.GroupNorm(1, width)
        self.expand = nn.Conv2d(width, 3 * width, 1)
        self.reduce = nn.Conv2d(3 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.space(x))
        residual: Tensor = self.reduce(functional.gelu(self.expand(h)))
        return x + residual


class PatchEncoder(nn.Module):
    """Picture (B, C, H, W) → embedding (B, D), class logits (B, K)."""

    def __init__(self, config: PatchEncoderConfig) -> None:
        super().__init__()
        self.peak_relative = config.peak_relative
        patch = config.patch_size
        self.patches = nn.Conv2d(config.input_channels, config.width, patch, stride=patch)
        self.blocks = nn.Sequential(*(PatchBlock(config) for _ in range(config.depth)))
        self.norm = nn.LayerNorm(config.width)
        self.embedding = nn.Linear(config.width, config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        if self.peak_relative:
            picture = picture - picture.amax(dim=(1, 2, 3), keepdim=True) + 1.0
        x = self.blocks(self.patches(picture)).mean(dim=(2, 3))  # (B, C)
        embedding = self.embedding(self.norm(x))
        logits = self.classes(self.dropout(torch.relu(embedding)))
        return embedding, logits
