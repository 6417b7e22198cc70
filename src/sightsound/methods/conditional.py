"""What the methods of one direction share: an encoder trained before, an examiner, validation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from sightsound.features.torch_spectra import LogMel, resize_log_mel
from sightsound.methods.classifier import Classifier, Encoder, class_mean
from sightsound.methods.protocol import Translator
from sightsound.shapes import Direction

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch

EXAMINED_SIZE = (128, 44)  # M, L of the log-mels of half a second that examiners are trained on


@dataclass(frozen=True, kw_only=True)
class ConditionalConfig:
    """A generator of one direction, on an encoder trained before."""

    direction: Direction
    encoder: str  # recipe of the encoder whose embedding is the condition; not trained here
    examiner: str  # recipe of the classifier that scores what is generated, on validation pairs

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return (self.encoder, self.examiner)


class Sizes(Protocol):
    """What any generator's config says of its shapes."""

    @property
    def picture_size(self) -> tuple[int, int]: ...  # H, W

    @property
    def embedding_size(self) -> int: ...  # D

    @property
    def noise_size(self) -> int: ...  # N


class Conditional:
    """A player ``generator`` (embedding, noise → picture) between encoder and examiner."""

    exported: tuple[str, ...] = ("generator",)
    mismatch: str = "none"
    averaged: tuple[str, ...] = ()
    batch_fields: frozenset[str] = frozenset({"waveform", "image", "label"})
    players: nn.ModuleDict

    def __init__(
        self, direction: Direction, sizes: Sizes, *, encoder: Encoder, examiner: Classifier
    ) -> None:
        self.direction = direction
        self.sizes = sizes
        self.encoder = encoder
        self.examiner = examiner
        for each in (encoder, examiner):
            each.freeze()

    @property
    def channels(self) -> int:
        """C of what is generated: 3 of images, 1 of log-mels."""
        return 3 if self.direction is Direction.SOUND_TO_IMAGE else 1

    @property
    def noise_size(self) -> int:
        """N, the size of the noise."""
        return self.sizes.noise_size

    @property
    def picture_size(self) -> tuple[int, int]:
        """H, W of what is generated: images, or log-mels resized to it."""
        return self.sizes.picture_size

    def to(self, device: torch.device) -> None:
        """Move players, encoder and examiner to a device."""
        self.players.to(device)
        self.encoder.to(device)
        self.examiner.to(device)

    def generate(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Embedding (B, D) and noise (B, N) → pictures (B, C, H, W) in [-1, 1]."""
        picture: Tensor = self.players["generator"](condition, noise)
        return picture

    def translators(self) -> tuple[Translator, ...]:
        """The one direction, with the generator as it is now."""
        log_mel = None
        if self.direction is Direction.IMAGE_TO_SOUND:
            assert isinstance(self.examiner.front_end, LogMel), type(self.examiner.front_end)
            log_mel = self.examiner.front_end
        return (
            Translator(
                direction=self.direction,
                encoder=self.encoder.players["encoder"],
                generator=self.players["generator"],
                front_end=self.encoder.front_end,
                log_mel=log_mel,
                picture_size=self.picture_size,
                embedding_size=self.sizes.embedding_size,
                noise_size=self.noise_size,
            ),
        )

    def condition_and_real(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Batch → condition (B, D) and real pictures (B, C, H, W)."""
        return self.condition_of(self.encoder.picture(batch)), self.real(batch)

    @torch.no_grad()
    def condition_of(self, source: Tensor) -> Tensor:
        """What the encoder takes (B, C, H, W) → condition (B, D)."""
        condition, _ = self.encoder.encode(source)
        return condition.float()

    @torch.no_grad()
    def real(self, batch: PairBatch) -> Tensor:
        """The batch's pictures of the kind that is generated, (B, C, H, W)."""
        if self.direction is Direction.SOUND_TO_IMAGE:
            return batch.image
        return self.log_mel_picture(batch.waveform)

    def log_mel_picture(self, waveform: Tensor) -> Tensor:
        """Waveforms (B, T) → log-mels at the generated size, (B, 1, H, W) in [-1, 1]."""
        return resize_log_mel(self.examiner.picture_of_sound(waveform), self.picture_size)

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        """The share of generated pictures that the examiner puts into their class, ↑."""
        examination = Examination(self.examiner)
        for batch in batches:
            condition, real = self.condition_and_real(batch)
            fake = self.generate(condition, torch.randn(len(real), self.noise_size))
            examination.add(fake, real, batch.label)
        figures = examination.figures()
        return {**figures, "score": figures["accuracy"]}


class Examination:
    """What an examiner says of generated pictures beside real ones, gathered batch by batch."""

    def __init__(self, examiner: Classifier) -> None:
        self.examiner = examiner
        self.right: list[Tensor] = []
        self.label: list[Tensor] = []
        self.generated: list[Tensor] = []
        self.reference: list[Tensor] = []

    def add(self, fake: Tensor, real: Tensor, label: Tensor) -> None:
        """Generated and real pictures (B, C, H, W) and their labels (B,)."""
        features, logits = self.examiner.encode(examined(fake.float(), self.examiner))
        self.right.append(logits.argmax(1) == label)
        self.label.append(label)
        self.generated.append(features.float())
        self.reference.append(self.examiner.encode(examined(real, self.examiner))[0].float())

    def figures(self) -> dict[str, float]:
        """``accuracy`` ↑, mean over classes, and ``feature_distance`` ↓."""
        right, label = torch.cat(self.right).float(), torch.cat(self.label)
        distance = feature_distance(torch.cat(self.generated), torch.cat(self.reference))
        return {"accuracy": class_mean(right, label), "feature_distance": distance}


def examined(picture: Tensor, examiner: Classifier) -> Tensor:
    """Generated pictures (B, C, H, W) as a classifier takes them: log-mels at its own size."""
    if examiner.modality == "image":
        return picture
    return resize_log_mel(picture, EXAMINED_SIZE)


def mismatched_in_batch(labels: Tensor) -> Tensor:
    """For each example the place of a random one with another label; two labels are needed."""
    different = labels[:, None] != labels[None, :]
    keys = torch.rand(different.shape) * different
    return keys.argmax(dim=1)


def feature_distance(generated: Tensor, reference: Tensor) -> float:
    """Squared distance of two sets' means, relative to the reference's variance; both (n, D)."""
    difference = (generated.mean(0) - reference.mean(0)).square().sum()
    return float(difference / reference.var(0).sum().clamp_min(1e-8))
