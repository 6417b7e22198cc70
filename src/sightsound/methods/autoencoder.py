"""An autoencoder of pictures: features for diversity that no class label shaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn import functional

from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.autoencoder import Autoencoder, AutoencoderConfig

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class ReconstructionConfig:
    """An autoencoder of images, trained by mean squared error."""

    network: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    adam: AdamConfig = field(default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9))

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return ()


class Reconstruction:
    """Image → latent → image, mean squared error."""

    mismatch: str = "none"
    averaged: tuple[str, ...] = ("autoencoder",)
    exported: tuple[str, ...] = ("autoencoder",)
    batch_fields: frozenset[str] = frozenset({"image"})

    def __init__(self, config: ReconstructionConfig) -> None:
        self.config = config
        self.players = nn.ModuleDict({"autoencoder": Autoencoder(config.network)})
        self.optimisers: Mapping[str, AdamConfig] = {"autoencoder": config.adam}

    @property
    def autoencoder(self) -> Autoencoder:
        """The network that is trained."""
        return cast(Autoencoder, self.players["autoencoder"])

    def to(self, device: torch.device) -> None:
        """Move the network to a device."""
        self.players.to(device)

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        reconstruction = self.players["autoencoder"](batch.image)
        yield Update("autoencoder", functional.mse_loss(reconstruction.float(), batch.image))

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        error, spread = [], []
        for batch in batches:
            reconstruction = self.players["autoencoder"](batch.image).float()
            error.append((reconstruction - batch.image).square().mean(dim=(1, 2, 3)))
            constant = batch.image.mean(dim=0, keepdim=True)
            spread.append((constant - batch.image).square().mean(dim=(1, 2, 3)))
        mse, constant_mse = float(torch.cat(error).mean()), float(torch.cat(spread).mean())
        return {"mse": mse, "constant_mse": constant_mse, "score": -mse}
