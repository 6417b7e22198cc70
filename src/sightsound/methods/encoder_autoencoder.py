"""An encoder trained as an autoencoder: what S2I-A hears with, in place of the classifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional

from sightsound.methods.autoencoder import ReconstructionErrors
from sightsound.methods.classifier import Encoder, FrontEndConfig, class_mean
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.autoencoder import ReconstructingEncoder
from sightsound.networks.paper import PaperImageEncoderConfig, PaperSoundEncoderConfig

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class EncoderAutoencoderConfig:
    """One of the paper's encoders, trained to keep what its decoder needs."""

    modality: Literal["sound", "image"]
    network: PaperSoundEncoderConfig | PaperImageEncoderConfig
    front_end: FrontEndConfig | None = None  # what makes the sound's picture; None for images
    decoder_channels: tuple[int, int, int, int] = (128, 64, 32, 16)  # at 1/16 … 1/2 of the size
    adam: AdamConfig = field(default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9))

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return ()


class EncoderAutoencoder(Encoder):
    """Picture → embedding → picture, mean squared error.

    A reader of the classes learns beside it, through a copy of the embedding: it changes
    nothing of the encoder and tells how much of the instrument the embedding holds. Packages
    need it, since whatever hears also says what it heard.
    """

    def __init__(self, config: EncoderAutoencoderConfig) -> None:
        network = ReconstructingEncoder(config.network, config.decoder_channels)
        super().__init__(network, config.modality, config.front_end, config.adam)
        self.config = config

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        picture = self.picture(batch)
        reconstruction, logits = self._through(picture)
        error = functional.mse_loss(reconstruction, picture)
        reading = functional.cross_entropy(logits, batch.label)
        accuracy = (logits.argmax(1) == batch.label).float().mean()
        logs = {"mse": error.detach(), "accuracy": accuracy.detach()}
        yield Update("encoder", error + reading, logs)

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        errors, right, label = ReconstructionErrors(), [], []
        for batch in batches:
            picture = self.picture(batch)
            reconstruction, logits = self._through(picture)
            errors.add(reconstruction, picture)
            right.append(logits.argmax(1) == batch.label)
            label.append(batch.label)
        accuracy = class_mean(torch.cat(right).float(), torch.cat(label))
        return {**errors.figures(), "accuracy": accuracy}

    def _through(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures → reconstructions, class logits; both float32."""
        network = cast(ReconstructingEncoder, self.players["encoder"])
        embedding, logits = network(picture)
        return network.reconstruct(embedding).float(), logits.float()
