"""Two U-nets in a cascade with self-attention, and a discriminator of patches.

Source: Duan, Wang, Tang, Latapie, Yan, CAR-GAN (ICPR 2020, arXiv 1907.01826), by its published
code: pix2pix U-nets on the spectrogram and label planes, a second one on the first one's picture.
Departs: 64 pixels instead of 128, five halvings, a quarter of the width, attention at 16×16; the
spectrogram is one channel; noise joins at the narrowest place, where pix2pix had dropout, so that
the same sound can have several pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sightsound.features.torch_spectra import resize_log_mel
from sightsound.networks.attention import SelfAttention


@dataclass(frozen=True, kw_only=True)
class CascadeConfig:
    """Both U-nets and the discriminator."""

    picture_size: tuple[int, int] = (64, 64)  # H, W of log-mel and picture; multiples of 32
    noise_size: int = 16  # N
    base_channels: int = 24  # width next to the picture; up to 8 times as many further in
    patch_channels: int = 32  # the same of the discriminator, up to 4 times as many
    classes: int = 13  # K

    @property
    def embedding_size(self) -> int:
        """D: a log-mel of the picture's size and the probability of each class."""
        return self.picture_size[0] * self.picture_size[1] + self.classes


class LogMelAndClass(nn.Module):
    """What the cascade is conditioned on: log-mel (B, 1, M, L) → embedding (B, D), logits (B, K).

    The embedding holds the log-mel itself, resized to the picture, and what ``encoder`` takes the
    instrument to be: a U-net wants a picture, not a code.
    """

    def __init__(self, encoder: nn.Module, picture_size: tuple[int, int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.picture_size = picture_size

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        _, logits = self.encoder(log_mel)
        picture = resize_log_mel(log_mel, self.picture_size).flatten(1)
        return torch.cat([picture, torch.softmax(logits.float(), dim=1)], dim=1), logits


class Cascade(nn.Module):
    """Both U-nets: embedding (B, D) and noise (B, N) → first picture → second picture."""

    def __init__(self, config: CascadeConfig) -> None:
        super().__init__()
        self.config = config
        self.first = UNet(1 + config.classes, config)
        self.second = UNet(3 + 1 + config.classes, config)

    def draw(self, embedding: Tensor, noise: Tensor) -> Tensor:
        """The first picture (B, 3, H, W), of log-mel and class."""
        log_mel, probability = split_embedding(embedding, self.config)
        picture: Tensor = self.first(with_planes([log_mel], probability), noise)
        return picture

    def correct(self, first: Tensor, seen: Tensor, embedding: Tensor, noise: Tensor) -> Tensor:
        """The second picture, of the first and the residual label: class heard − class ``seen``."""
        log_mel, probability = split_embedding(embedding, self.config)
        picture: Tensor = self.second(with_planes([first, log_mel], probability - seen), noise)
        return picture


class NamedCascade(nn.Module):
    """A cascade with the classifier that names its first picture: embedding, noise → picture."""

    def __init__(self, cascade: Cascade, namer: nn.Module) -> None:
        super().__init__()
        self.cascade, self.namer = cascade, namer

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        first = self.cascade.draw(embedding, noise)
        seen = torch.softmax(self.namer(first)[1].float(), dim=1)
        return self.cascade.correct(first, seen, embedding, noise)


class UNet(nn.Module):
    """Picture (B, C, H, W) and noise (B, N) → picture (B, 3, H, W) in [-1, 1]."""

    def __init__(self, channels: int, config: CascadeConfig) -> None:
        super().__init__()
        width = config.base_channels
        widths = [width, width * 2, width * 4, width * 8, width * 8]  # at 32×32 … 2×2
        self.down = nn.ModuleList()
        for depth, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False)):
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not depth)
            norm = nn.BatchNorm2d(outputs) if depth else nn.Identity()
            attention = SelfAttention(outputs) if depth == 1 else nn.Identity()  # 16×16
            self.down.append(nn.Sequential(convolution, norm, nn.LeakyReLU(0.2), attention))
        self.up = nn.ModuleList()
        previous = widths[-1] + config.noise_size
        for outputs in reversed(widths[:-1]):
            widen = nn.ConvTranspose2d(previous, outputs, 4, stride=2, padding=1, bias=False)
            self.up.append(nn.Sequential(widen, nn.BatchNorm2d(outputs), nn.ReLU()))
            previous = 2 * outputs  # what comes from above beside what comes from across
        self.picture = nn.ConvTranspose2d(previous, 3, 4, stride=2, padding=1)

    def forward(self, picture: Tensor, noise: Tensor) -> Tensor:
        across: list[Tensor] = []
        x = picture
        for layer in self.down:
            x = layer(x)
            across.append(x)
        across.pop()
        spread = noise[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = torch.cat([x, spread], dim=1)
        for layer in self.up:
            x = torch.cat([layer(x), across.pop()], dim=1)
        return torch.tanh(self.picture(x))


class PatchDiscriminator(nn.Module):
    """Picture (B, 3, H, W) and embedding (B, D) → logits (B, H/8, W/8), one a patch."""

    def __init__(self, config: CascadeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.patch_channels
        layers: list[nn.Module] = [
            nn.Conv2d(3 + 1 + config.classes, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for inputs, outputs in ((width, width * 2), (width * 2, width * 4)):
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width * 4, 1, 3, padding=1))

    def forward(self, picture: Tensor, embedding: Tensor) -> Tensor:
        log_mel, probability = split_embedding(embedding, self.config)
        logits: Tensor = self.layers(with_planes([picture, log_mel], probability))
        return logits.squeeze(1)


def split_embedding(embedding: Tensor, config: CascadeConfig) -> tuple[Tensor, Tensor]:
    """Embedding (B, D) → log-mel (B, 1, H, W), class probabilities (B, K)."""
    log_mel, probability = embedding[:, : -config.classes], embedding[:, -config.classes :]
    return log_mel.reshape(-1, 1, *config.picture_size), probability


def with_planes(pictures: list[Tensor], label: Tensor) -> Tensor:
    """Pictures (B, C, H, W) and a label (B, K) as K constant planes, one upon the other."""
    planes = label[:, :, None, None].expand(-1, -1, *pictures[0].shape[2:])
    return torch.cat([*pictures, planes.to(pictures[0])], dim=1)
