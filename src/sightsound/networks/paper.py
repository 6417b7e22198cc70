"""The networks of the 2017 paper: encoders (Figs 4, 5), generator and discriminator (Fig. 2).

Source: Chen, Srivastava, Duan, Xu, "Deep Cross-Modal Audio-Visual Generation", arXiv 1704.08292.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sightsound.networks.condition import check_picture_size, unit_length


@dataclass(frozen=True, kw_only=True)
class PaperEncoderConfig:
    """Both encoders of the paper."""

    classes: int = 13  # K, the classes of the softmax that trains the encoder
    hidden_size: int = 1024  # units of the first fully connected layer
    embedding_size: int = 128  # D, units of the second: the feature that conditions the GAN
    hidden_dropout: float = 0.3  # drop rate; the paper's "Dropout=0.7" is read as a keep rate
    embedding_dropout: float = 0.2  # drop rate; the paper's "Dropout=0.8" is read as a keep rate


@dataclass(frozen=True, kw_only=True)
class PaperSoundEncoderConfig(PaperEncoderConfig):
    """The audio classifier of Fig. 4."""

    channels: tuple[int, ...] = (4, 8, 16, 16)  # kernels of each 3×3 convolution
    input_size: tuple[int, int] = (128, 44)  # H, W of the input: rows, columns of the picture


@dataclass(frozen=True, kw_only=True)
class PaperImageEncoderConfig(PaperEncoderConfig):
    """The image classifier Γ of Fig. 5."""

    image_size: int = 64  # H = W of the input, pixels


class ClassifierHead(nn.Module):
    """Flatten → FC 1024 → ReLU, dropout → FC 128 (the embedding) → ReLU, dropout → FC K.

    ``reads_only``: the classes read the embedding and send no gradient into it.
    """

    def __init__(
        self, flat_size: int, config: PaperEncoderConfig, *, reads_only: bool = False
    ) -> None:
        super().__init__()
        self.reads_only = reads_only
        self.hidden = nn.Linear(flat_size, config.hidden_size)
        self.hidden_dropout = nn.Dropout(config.hidden_dropout)
        self.embedding = nn.Linear(config.hidden_size, config.embedding_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.classes = nn.Linear(config.embedding_size, config.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.hidden_dropout(torch.relu(self.hidden(x.flatten(1))))  # (B, 1024)
        embedding = self.embedding(x)  # (B, D)
        read = embedding.detach() if self.reads_only else embedding
        logits = self.classes(self.embedding_dropout(torch.relu(read)))  # (B, K)
        return embedding, logits


class PaperSoundEncoder(nn.Module):
    """φ: sound picture (B, 1, H, W) → embedding (B, 128), class logits (B, 13).

    Source: Fig. 4.
    Departs: every convolution has stride 2. The figure draws none, and without one the first
    fully connected layer alone would hold 92 million weights.
    """

    def __init__(self, config: PaperSoundEncoderConfig, *, reads_only: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous, (rows, columns) = 1, config.input_size
        for channels in config.channels:
            layers += [nn.Conv2d(previous, channels, 3, stride=2, padding=1), nn.ReLU()]
            previous, rows, columns = channels, (rows + 1) // 2, (columns + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.head = ClassifierHead(previous * rows * columns, config, reads_only=reads_only)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.head(self.convolutions(picture))
        return embedding, logits


class PaperImageEncoder(nn.Module):
    """ϕ: image (B, 3, 64, 64) in [-1, 1] → embedding (B, 128), class logits (B, 13).

    Source: Fig. 5.
    Departs: a third 2×2 pooling stands before the flattening, so that the first fully connected
    layer holds 4 million weights instead of 17 million and the package stays small.
    """

    def __init__(self, config: PaperImageEncoderConfig, *, reads_only: bool = False) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3, padding=1), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.MaxPool2d(2)),
            nn.MaxPool2d(2),
        )
        side = config.image_size // 8
        self.head = ClassifierHead(64 * side * side, config, reads_only=reads_only)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.head(self.convolutions(image))
        return embedding, logits


@dataclass(frozen=True, kw_only=True)
class PaperGanConfig:
    """Generator and discriminator of Fig. 2."""

    picture_size: tuple[int, int] = (64, 64)  # H, W of the picture; multiples of 16
    embedding_size: int = 128  # D, what the encoder gives
    condition_size: int = 64  # φ(A), ϕ(I) after their fully connected layer
    noise_size: int = 10  # N
    base_channels: int = 64  # channels next to the picture; doubled at each halving of its side

    def __post_init__(self) -> None:
        check_picture_size(self.picture_size)


def start_size(config: PaperGanConfig) -> tuple[int, int]:
    """Height and width of the narrowest features: a 16th of the picture's, 4×4 in the paper."""
    height, width = config.picture_size
    return height // 16, width // 16


class Condition(nn.Module):
    """Embedding (B, 128) → condition (B, 64): the fully connected layer trained with the GAN.

    Departs: the embedding is scaled to a root mean square of 1 first.
    """

    def __init__(self, config: PaperGanConfig) -> None:
        super().__init__()
        self.layer = nn.Linear(config.embedding_size, config.condition_size)

    def forward(self, embedding: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.layer(unit_length(embedding)), 0.2)


class PaperGenerator(nn.Module):
    """Embedding (B, 128) and noise (B, 10) → picture (B, C, H, W) in [-1, 1].

    Source: Fig. 2 for the sizes 64, 10 and 512×4×4; the layer list is a DCGAN's, since the
    paper's is not known.
    """

    def __init__(self, config: PaperGanConfig, *, channels: int) -> None:
        super().__init__()
        width = config.base_channels
        self.start_size = start_size(config)  # 4×4
        self.condition = Condition(config)
        self.project = nn.Linear(
            config.condition_size + config.noise_size, width * 8 * math.prod(self.start_size)
        )
        self.project_norm = nn.BatchNorm2d(width * 8)
        self.upsample = nn.Sequential(
            *_deconvolution(width * 8, width * 4),  # 8×8
            *_deconvolution(width * 4, width * 2),  # 16×16
            *_deconvolution(width * 2, width),  # 32×32
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),  # 64×64
        )
        self.apply(_dcgan_weights)

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        x = torch.cat([self.condition(embedding), noise], dim=1)  # (B, 74)
        x = self.project(x).unflatten(1, (-1, *self.start_size))  # (B, 512, 4, 4)
        x = torch.relu(self.project_norm(x))
        return torch.tanh(self.upsample(x))


class PaperDiscriminator(nn.Module):
    """Picture (B, C, H, W) and embedding (B, 128) → logit (B,): real and matched, or not.

    Source: Fig. 2: the condition joins at 4×4, (512 + 64)×4×4.
    Departs: the figure goes from there to 1×4×4 and a scalar, which would let picture and
    condition only add up and never meet; a 1×1 convolution with a nonlinearity stands between
    (as in Reed et al., "Generative Adversarial Text to Image Synthesis", 2016).
    """

    def __init__(self, config: PaperGanConfig, *, channels: int) -> None:
        super().__init__()
        width = config.base_channels
        self.condition = Condition(config)
        self.downsample = nn.Sequential(
            *(nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # 32×32
            *_convolution(width, width * 2),  # 16×16
            *_convolution(width * 2, width * 4),  # 8×8
            *_convolution(width * 4, width * 8),  # 4×4
        )
        self.join = nn.Sequential(
            nn.Conv2d(width * 8 + config.condition_size, width * 8, 1),
            nn.BatchNorm2d(width * 8),
            nn.LeakyReLU(0.2),
        )
        self.decide = nn.Conv2d(width * 8, 1, start_size(config))
        self.apply(_dcgan_weights)

    def features(self, picture: Tensor) -> Tensor:
        """Picture (B, C, H, W) → features (B, 512, H/16, W/16), before the condition joins."""
        features: Tensor = self.downsample(picture)
        return features

    def decide_on(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (B, 512, 4, 4) and embedding (B, 128) → logit (B,)."""
        condition = self.condition(embedding)[:, :, None, None]
        condition = condition.expand(-1, -1, *features.shape[2:])
        logit: Tensor = self.decide(self.join(torch.cat([features, condition], dim=1)))
        return logit.flatten()

    def forward(self, picture: Tensor, embedding: Tensor) -> Tensor:
        return self.decide_on(self.features(picture), embedding)


def _deconvolution(inputs: int, outputs: int) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.ReLU()]


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


def _dcgan_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
