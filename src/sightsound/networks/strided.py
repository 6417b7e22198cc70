"""A strided convolutional encoder with a fully connected head: it keeps where things are.

A residual encoder that averages over its last feature map forgets at which frequency a feature
stood; an instrument's resonances stand at fixed frequencies whatever the note, so an encoder of
sounds had better remember. It is also several times faster (docs/experiments.md, 5).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class StridedEncoderConfig:
    """An encoder of pictures of one size: the paper's idea (Fig. 4), wider and normalised."""

    input_size: tuple[int, int] = (128, 44)  # H, W; of a log-mel: bands, frames
    input_channels: int = 1  # 3 for images, 1 for spectral pictures
    channels: tuple[int, ...] = (16, 32, 64, 64)  # kernels of each convolution, each of stride 2
    hidden_size: int = 1024  # units of the first fully connected layer
    embedding_size: int = 128  # D
    classes: int = 13  # K
    hidden_dropout: float = 0.3  # drop rate after the first fully connected layer
    embedding_dropout: float = 0.2  # drop rate before the classes
    peak_relative: bool = False  # subtract each input's maximum, so that level does not matter


class StridedEncoder(nn.Module):
    """Picture (B, C, H, W) → embedding (B, D), class logits (B, K)."""

    def __init__(self, config: StridedEncoderConfig) -> None:
        super().__init__()
        self.peak_relative = config.peak_relative
        layers: list[nn.Module] = []
        previous, kernel = config.input_channels, 5
        height, width = config.input_size
        for channels in config.channels:
            layers += [
                nn.Conv2d(previous, channels, kernel, stride=2, padding=kernel // 2),
                nn.GroupNorm(4, channels),
                nn.LeakyReLU(0.1),
            ]
            previous, kernel, height, width = channels, 3, (height + 1) // 2, (width + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(previous * height * width, config.hidden_size)
        self.hidden_dropout = nn.Dropout(config.hidden_dropout)
        self.embedding = nn.Linear(config.hidden_size, config.embedding_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        if self.peak_relative:
            picture = picture - picture.amax(dim=(1, 2, 3), keepdim=True) + 1.0
        x = functional.leaky_relu(self.hidden(self.convolutions(picture).flatten(1)), 0.1)
        embedding: Tensor = self.embedding(self.hidden_dropout(x))
        logits: Tensor = self.classes(self.embedding_dropout(functional.leaky_relu(embedding, 0.1)))
        return embedding, logits
