"""One classifier of images, of sounds and of both, on the paper's two encoders."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sightsound.networks.paper import (
    PaperImageEncoder,
    PaperImageEncoderConfig,
    PaperSoundEncoder,
    PaperSoundEncoderConfig,
)


@dataclass(frozen=True, kw_only=True)
class MultimodalConfig:
    """Both encoders, and what joins them."""

    image: PaperImageEncoderConfig = field(default_factory=PaperImageEncoderConfig)
    sound: PaperSoundEncoderConfig = field(default_factory=PaperSoundEncoderConfig)
    joint_size: int = 128  # units between both embeddings and the classes


class MultimodalClassifier(nn.Module):
    """Image and log-mel → embeddings and class logits of each alone, then of both."""

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__()
        self.image = PaperImageEncoder(config.image)
        self.sound = PaperSoundEncoder(config.sound)
        self.joint = nn.Sequential(
            nn.Linear(config.image.embedding_size + config.sound.embedding_size, config.joint_size),
            nn.ReLU(),
            nn.Linear(config.joint_size, config.image.classes),
        )

    def join(self, image_embedding: Tensor, sound_embedding: Tensor) -> Tensor:
        """Embeddings (B, 128) of image and sound → class logits (B, K)."""
        logits: Tensor = self.joint(torch.cat([image_embedding, sound_embedding], dim=1).relu())
        return logits
