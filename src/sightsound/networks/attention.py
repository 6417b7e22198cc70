"""The networks of SA-CMGAN: the paper's layout with self-attention at 32×32 and spectral norms.

Source: Tan, Wu, Zhao, Chen, SA-CMGAN (ICASSP 2020, IEEE 9052918), by the sizes of its published
code; self-attention after Zhang et al., "Self-Attention Generative Adversarial Networks" (2019).
Departs: the layers of stride 1 are 3×3, since a 4×4 kernel cannot keep a size of 8×8 without
padding one side more; keys and values are pooled 2×2, a quarter of the cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from sightsound.features.torch_spectra import resize_log_mel


@dataclass(frozen=True, kw_only=True)
class AttentionEncoderConfig:
    """An encoder of 64-pixel pictures or of log-mels resized to them."""

    input_channels: int = 3  # 3 for images, 1 for spectral pictures
    picture_size: tuple[int, int] = (64, 64)  # H, W to which spectral pictures are resized
    base_channels: int = 64  # channels at 32×32, where the attention sits; up to 8 times as many
    hidden_size: int = 1024  # units of the first fully connected layer
    embedding_size: int = 128  # D
    classes: int = 13  # K


@dataclass(frozen=True, kw_only=True)
class AttentionGanConfig:
    """Generator and discriminator."""

    picture_size: tuple[int, int] = (64, 64)  # H, W of the picture; multiples of 16
    embedding_size: int = 128  # D, what the encoder gives
    condition_size: int = 64  # the condition after its fully connected layer
    noise_size: int = 62  # N
    base_channels: int = 64  # channels at 32×32, where the attention sits; up to 8 times as many
    hidden_size: int = 1024  # units of the discriminator's fully connected layer
    sigmoids: bool = (
        False  # after the generator's layers at 16×16 and 32×32, as in SA-CMGAN's code;
    )
    # False: batch normalisation and ReLU, as after its other layers


class SelfAttention(nn.Module):
    """x (B, C, H, W) → x + γ · attention(x); γ begins at 0."""

    def __init__(self, channels: int, *, normalised: bool = False) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query = _convolution(channels, inner, 1, normalised=normalised, bias=False)
        self.key = _convolution(channels, inner, 1, normalised=normalised, bias=False)
        self.value = _convolution(channels, channels // 2, 1, normalised=normalised)
        self.out = _convolution(channels // 2, channels, 1, normalised=normalised)
        self.strength = nn.Parameter(torch.zeros(()))  # γ

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).transpose(1, 2)  # (B, HW, C/8)
        key = functional.max_pool2d(self.key(x), 2).flatten(2)  # (B, C/8, HW/4)
        value = functional.max_pool2d(self.value(x), 2).flatten(2)  # (B, C/2, HW/4)
        weights = torch.softmax(query @ key, dim=-1)  # (B, HW, HW/4)
        seen = value @ weights.transpose(1, 2)  # (B, C/2, HW)
        seen = seen.reshape(-1, seen.shape[1], *x.shape[2:])
        attended: Tensor = self.out(seen)
        return x + self.strength * attended


class AttentionEncoder(nn.Module):
    """Picture (B, C, H, W) → embedding (B, 128), class logits (B, 13).

    The discriminator's convolutions without spectral norms, then FC 1024 and FC 128.
    """

    def __init__(self, config: AttentionEncoderConfig) -> None:
        super().__init__()
        self.config = config
        positions = math.prod(config.picture_size) // 16**2
        self.convolutions = _downsample(
            config.input_channels, config.base_channels, normalised=False
        )
        self.hidden = nn.Linear(
            config.base_channels * 8 * positions, config.hidden_size, bias=False
        )
        self.hidden_norm = nn.BatchNorm1d(config.hidden_size)
        self.embedding = nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        self.embedding_norm = nn.BatchNorm1d(config.embedding_size)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        if tuple(picture.shape[2:]) != self.config.picture_size:
            picture = resize_log_mel(picture, self.config.picture_size)
        x = self.convolutions(picture).flatten(1)
        x = functional.leaky_relu(self.hidden_norm(self.hidden(x)), 0.2)
        embedding: Tensor = self.embedding_norm(self.embedding(x))  # (B, D)
        logits: Tensor = self.classes(functional.leaky_relu(embedding, 0.2))
        return embedding, logits


class AttentionGenerator(nn.Module):
    """Embedding (B, 128) and noise (B, 62) → picture (B, C, H, W) in [-1, 1].

    Departs: the published code has sigmoids without normalisation at 16×16 and 32×32. They let so
    little through that a tiny generator did not hear its condition after 400 steps on two
    classes, where it does after 120 with the layers used here; ``sigmoids`` brings them back. The
    fully connected layer 128 → 64 learns with the GAN; in the published code it got no gradient
    and stayed random.
    """

    def __init__(self, config: AttentionGanConfig, *, channels: int) -> None:
        super().__init__()
        width, (height, length) = config.base_channels, config.picture_size
        self.start_size = (height // 16, length // 16)
        self.condition = nn.Linear(config.embedding_size, config.condition_size)
        self.project = nn.Linear(
            config.condition_size + config.noise_size, width * 8 * math.prod(self.start_size)
        )
        self.upsample = nn.Sequential(
            *(nn.BatchNorm2d(width * 8), nn.ReLU()),  # 4×4
            *_deconvolution(width * 8, width * 4),  # 8×8
            nn.Conv2d(width * 4, width * 4, 3, padding=1, bias=False),
            *(nn.BatchNorm2d(width * 4), nn.ReLU()),
            *_deconvolution(width * 4, width * 2, sigmoid=config.sigmoids),  # 16×16
            *_deconvolution(width * 2, width, sigmoid=config.sigmoids),  # 32×32
            SelfAttention(width),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),  # 64×64
        )

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        condition = functional.leaky_relu(self.condition(embedding), 0.2)
        x = self.project(torch.cat([condition, noise], dim=1))
        return torch.tanh(self.upsample(x.unflatten(1, (-1, *self.start_size))))


class AttentionDiscriminator(nn.Module):
    """Picture (B, C, H, W) and embedding (B, 128) → logit (B,): real and matched, or not."""

    def __init__(self, config: AttentionGanConfig, *, channels: int) -> None:
        super().__init__()
        width = config.base_channels
        positions = math.prod(config.picture_size) // 16**2
        self.condition = nn.Linear(config.embedding_size, config.condition_size)
        self.downsample = _downsample(channels, width, normalised=True)
        self.hidden = spectral_norm(
            nn.Linear(
                (width * 8 + config.condition_size) * positions, config.hidden_size, bias=False
            )
        )
        self.hidden_norm = nn.BatchNorm1d(config.hidden_size)
        self.decide = spectral_norm(nn.Linear(config.hidden_size, 1))

    def features(self, picture: Tensor) -> Tensor:
        """Picture (B, C, H, W) → features (B, 512, H/16, W/16), before the condition joins."""
        features: Tensor = self.downsample(picture)
        return features

    def decide_on(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (B, 512, 4, 4) and embedding (B, 128) → logit (B,)."""
        condition = functional.leaky_relu(self.condition(embedding), 0.2)[:, :, None, None]
        condition = condition.expand(-1, -1, *features.shape[2:])
        x = self.hidden(torch.cat([features, condition], dim=1).flatten(1))
        logit: Tensor = self.decide(functional.leaky_relu(self.hidden_norm(x), 0.2))
        return logit.flatten()

    def forward(self, picture: Tensor, embedding: Tensor) -> Tensor:
        return self.decide_on(self.features(picture), embedding)


def _downsample(channels: int, width: int, *, normalised: bool) -> nn.Sequential:
    """Picture (B, C, 64, 64) → features (B, 8 · width, 4, 4), attention at 32×32.

    ``normalised``: by spectral norms too, as in the discriminator.
    """
    layers: list[nn.Module] = [
        _convolution(channels, width, 4, stride=2, normalised=normalised),  # 32×32
        nn.LeakyReLU(0.2),
        SelfAttention(width, normalised=normalised),
    ]
    for inputs, outputs, kernel, stride in (
        (width, width * 2, 4, 2),  # 16×16
        (width * 2, width * 4, 4, 2),  # 8×8
        (width * 4, width * 4, 3, 1),
        (width * 4, width * 8, 4, 2),  # 4×4
    ):
        layers += [
            _convolution(inputs, outputs, kernel, stride=stride, normalised=normalised, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers)


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    normalised: bool,
    bias: bool = True,
) -> nn.Module:
    padding = (kernel - 1) // 2
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)
    return spectral_norm(layer) if normalised else layer


def _deconvolution(inputs: int, outputs: int, *, sigmoid: bool = False) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=sigmoid)
    if sigmoid:
        return [layer, nn.Sigmoid()]
    return [layer, nn.BatchNorm2d(outputs), nn.ReLU()]
