"""What a method is: players, updates, generation, validation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """An Adam optimiser of one player."""

    learning_rate: float = 2e-4
    beta1: float = 0.5  # decay of the gradient's mean
    beta2: float = 0.999  # decay of the gradient's square
    weight_decay: float = 0.0  # decoupled, per step and learning rate


@dataclass(frozen=True)
class Update:
    """One optimiser step that a method asks for."""

    player: str  # key into Method.players: "generator", "discriminator", "encoder"
    loss: Tensor  # scalar
    logs: dict[str, Tensor] = field(default_factory=dict)  # detached scalars


class Method(Protocol):
    """How networks learn. One method, one file."""

    players: nn.ModuleDict
    optimisers: Mapping[str, AdamConfig]  # one for each player
    batch_fields: frozenset[str]  # the fields of a PairBatch that an update reads
    mismatch: str  # "none", or the kind of mismatched partner that a batch must bring
    averaged: tuple[str, ...]  # players whose averaged weights are what is used
    exported: tuple[str, ...]  # players that a model package needs

    def to(self, device: torch.device) -> None:
        """Move every network and transform to a device."""
        ...

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        """One update per player; resumed after that player has stepped."""
        ...

    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        """Figures on held-out pairs; "score" among them chooses the checkpoint, ↑."""
        ...
