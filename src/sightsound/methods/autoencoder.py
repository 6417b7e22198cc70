"""An autoencoder of pictures: features for diversity that no class label shaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
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
        errors = ReconstructionErrors()
        for batch in batches:
            errors.add(self.players["autoencoder"](batch.image), batch.image)
        return errors.figures()


class ReconstructionErrors:
    """Mean squared errors ↓ over a set, gathered batch by batch, beside the best constant's."""

    def __init__(self) -> None:
        self.count = 0
        self.error = 0.0  # summed over pictures, mean over their numbers
        self.total: Tensor | float = 0.0  # of the pictures, (C, H, W) float64
        self.squares: Tensor | float = 0.0

    def add(self, reconstruction: Tensor, picture: Tensor) -> None:
        """Reconstructions and pictures (B, C, H, W)."""
        self.count += len(picture)
        self.error += float((reconstruction.float() - picture).square().mean(dim=(1, 2, 3)).sum())
        picture = picture.double()
        self.total = self.total + picture.sum(dim=0)
        self.squares = self.squares + picture.square().sum(dim=0)

    def figures(self) -> dict[str, float]:
        """``mse``, ``constant_mse`` (of the set's mean picture) and ``score``."""
        mean, squares = self.total / self.count, self.squares / self.count
        variance = torch.as_tensor(squares - mean**2)
        mse = self.error / self.count
        return {"mse": mse, "constant_mse": float(variance.mean()), "score": -mse}
