"""What a method is: players, updates, validation; and, where it generates, translators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from sightsound.errors import ConfigError
from sightsound.features.torch_spectra import LogMel, resize_log_mel
from sightsound.shapes import Direction

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """An Adam optimiser of one player."""

    learning_rate: float = 2e-4
    beta1: float = 0.5  # decay of the gradient's mean
    beta2: float = 0.999  # decay of the gradient's square
    weight_decay: float = 0.0  # decoupled, per step and learning rate

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate={self.learning_rate}: more than 0 is needed")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise ConfigError(f"betas {self.beta1}, {self.beta2}: 0 <= beta < 1 is needed")
        if self.weight_decay < 0:
            raise ConfigError(f"weight_decay={self.weight_decay}: 0 or more is needed")


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


@dataclass(frozen=True)
class Translator:
    """One direction of a method as everything after training takes it: packages, sample sheets.

    Sound or image → ``encoder`` → embedding; embedding and noise → ``generator`` → picture. A
    method whose generator wants more than an encoder gives puts it into the embedding.
    """

    direction: Direction
    encoder: nn.Module  # spectral picture or image → embedding (B, D), class logits (B, K)
    generator: nn.Module  # embedding (B, D), noise (B, N) → picture (B, C, H, W) in [-1, 1]
    front_end: nn.Module | None  # waveform (B, T) → the encoder's spectral picture; None: image
    log_mel: LogMel | None  # waveform (B, T) → log-mel, of which generated ones are resized
    picture_size: tuple[int, int]  # H, W of what is generated
    embedding_size: int  # D
    noise_size: int  # N

    def embed(self, batch: PairBatch) -> Tensor:
        """What the generator is given of a batch, beside noise: (B, D)."""
        seen = batch.image if self.front_end is None else self.front_end(batch.waveform)
        embedding: Tensor = self.encoder(seen)[0]
        return embedding.float()

    def real(self, batch: PairBatch) -> Tensor:
        """What the generator should make of a batch: (B, C, H, W) in [-1, 1]."""
        if self.log_mel is None:
            return batch.image
        return resize_log_mel(self.log_mel(batch.waveform), self.picture_size)


@runtime_checkable
class Generating(Method, Protocol):
    """A method that makes pictures of sounds, log-mels of pictures, or both."""

    def translators(self) -> tuple[Translator, ...]:
        """One for each direction, made of the players as they are now."""
        ...
