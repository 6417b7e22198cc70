"""Networks in, the modules that a model package's graphs are made of out.

Each knows the names and sizes that the package format asks for; ``.export()`` makes the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from sightsound.export.onnx import export_graph


class Graph(nn.Module):
    """A module with named outputs and example inputs, enough to export it."""

    output_names: ClassVar[tuple[str, ...]]

    def __init__(self, **inputs: tuple[int, ...]) -> None:  # name → shape without the batch axis
        super().__init__()
        self.input_shapes: Mapping[str, tuple[int, ...]] = inputs

    def example_inputs(self, batch: int = 2) -> dict[str, Tensor]:
        """Inputs of the right names and shapes: noise, the same at every call."""
        generator = torch.Generator().manual_seed(0)
        return {
            name: 0.3 * torch.randn((batch, *shape), generator=generator)
            for name, shape in self.input_shapes.items()
        }

    def export(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """The ONNX file's bytes; see ``export_graph``."""
        return export_graph(self, self.example_inputs(), self.output_names, path)


class SoundEncodeGraph(Graph):
    """``waveform`` (B, T) → ``embedding`` (B, D), ``class_logits`` (B, K).

    ``front_end``: (B, T) → spectral picture (B, 1, M, L); ``encoder``: that → (embedding, logits).
    """

    output_names = ("embedding", "class_logits")

    def __init__(self, front_end: nn.Module, encoder: nn.Module, *, samples: int) -> None:
        super().__init__(waveform=(samples,))
        self.front_end, self.encoder = front_end, encoder

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.encoder(self.front_end(waveform))
        return embedding, logits


class ImageEncodeGraph(Graph):
    """``image`` (B, 3, H, W) → ``embedding`` (B, D), ``class_logits`` (B, K)."""

    output_names = ("embedding", "class_logits")

    def __init__(self, encoder: nn.Module, *, image_size: int) -> None:
        super().__init__(image=(3, image_size, image_size))
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        embedding, logits = self.encoder(image)
        return embedding, logits


class GenerateImageGraph(Graph):
    """``embedding`` (B, D), ``noise`` (B, N) → ``image`` (B, 3, H, W) in [-1, 1]."""

    output_names = ("image",)

    def __init__(self, generator: nn.Module, *, embedding_size: int, noise_size: int) -> None:
        super().__init__(embedding=(embedding_size,), noise=(noise_size,))
        self.generator = generator

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        picture: Tensor = self.generator(embedding, noise)
        return picture.clamp(-1.0, 1.0)


class GenerateLogMelGraph(GenerateImageGraph):
    """``embedding`` (B, D), ``noise`` (B, N) → ``log_mel`` (B, 1, M, L) in unit scale."""

    output_names = ("log_mel",)


class SoundJudgeGraph(SoundEncodeGraph):
    """``waveform`` (B, T) → ``logits`` (B, K), ``features`` (B, D)."""

    output_names = ("logits", "features")

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = super().forward(waveform)
        return logits, features


class ImageJudgeGraph(ImageEncodeGraph):
    """``image`` (B, 3, H, W) → ``logits`` (B, K), ``features`` (B, D)."""

    output_names = ("logits", "features")

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = super().forward(image)
        return logits, features


class ImageFeaturesGraph(Graph):
    """``image`` (B, 3, H, W) → ``features`` (B, D); ``encoder``: image → (B, …), flattened."""

    output_names = ("features",)

    def __init__(self, encoder: nn.Module, *, image_size: int) -> None:
        super().__init__(image=(3, image_size, image_size))
        self.encoder = encoder

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.encoder(image)
        return features.flatten(1)


class PoseGraph(Graph):
    """``image`` (B, 3, H, W) → ``pose`` (B, P): the regressor's outputs times ``ranges`` (P,)."""

    output_names = ("pose",)
    ranges: Tensor

    def __init__(self, regressor: nn.Module, ranges: Tensor, *, image_size: int) -> None:
        super().__init__(image=(3, image_size, image_size))
        self.regressor = regressor
        self.register_buffer("ranges", ranges.clone())

    def forward(self, image: Tensor) -> Tensor:
        _, pose = self.regressor(image)
        scaled: Tensor = pose * self.ranges
        return scaled
