"""A classifier of sounds or pictures: how the paper trains its encoders (Figs 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.features.augmentation import (
    ImageAugmentationConfig,
    SoundAugmentationConfig,
    augment_images,
    augment_spectra,
    augment_waveforms,
)
from sightsound.features.constant_q import ConstantQ, ConstantQConfig
from sightsound.features.spectra import LogMelConfig
from sightsound.features.torch_spectra import LogMel
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.attention import AttentionEncoder, AttentionEncoderConfig
from sightsound.networks.paper import (
    PaperImageEncoder,
    PaperImageEncoderConfig,
    PaperSoundEncoder,
    PaperSoundEncoderConfig,
)
from sightsound.networks.residual import ResidualEncoder, ResidualEncoderConfig
from sightsound.networks.strided import StridedEncoder, StridedEncoderConfig

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch

IMPOSSIBLE_LOGIT = -30.0

EncoderConfig: TypeAlias = (
    PaperSoundEncoderConfig
    | PaperImageEncoderConfig
    | ResidualEncoderConfig
    | StridedEncoderConfig
    | AttentionEncoderConfig
)
FrontEndConfig: TypeAlias = LogMelConfig | ConstantQConfig


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """An encoder of one modality, trained to name the class."""

    modality: Literal["sound", "image"]
    network: EncoderConfig
    front_end: FrontEndConfig | None = None  # what makes the sound's picture; None for images
    adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9, weight_decay=1e-2)
    )
    label_smoothing: float = 0.0
    sound_augmentation: SoundAugmentationConfig | None = None  # None: as recorded
    image_augmentation: ImageAugmentationConfig | None = None  # None: as drawn

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return ()


class Encoder:
    """What encodes one modality, whatever trained it: the embedding conditions a generator."""

    mismatch: str = "none"
    averaged: tuple[str, ...] = ("encoder",)
    exported: tuple[str, ...] = ("encoder",)

    def __init__(
        self,
        network: nn.Module,  # picture → embedding (B, D), class logits (B, K)
        modality: Literal["sound", "image"],
        front_end: FrontEndConfig | None,
        adam: AdamConfig,
    ) -> None:
        self.modality = modality
        self.players = nn.ModuleDict({"encoder": network})
        self.optimisers: Mapping[str, AdamConfig] = {"encoder": adam}
        self.front_end = build_front_end(front_end)
        self.batch_fields = frozenset({"label", "waveform" if modality == "sound" else "image"})

    def to(self, device: torch.device) -> None:
        """Move encoder and front end to a device."""
        self.players.to(device)
        if self.front_end is not None:
            self.front_end.to(device)

    def picture(self, batch: PairBatch) -> Tensor:
        """What the encoder sees of a batch: images, or the sounds' spectral pictures."""
        if self.modality == "image":
            return batch.image
        return self.picture_of_sound(batch.waveform)

    def picture_of_sound(self, waveform: Tensor) -> Tensor:
        """Waveforms (B, T) → spectral pictures (B, 1, M, L) in unit scale."""
        assert self.front_end is not None
        with torch.no_grad(), torch.autocast(waveform.device.type, enabled=False):
            picture: Tensor = self.front_end(waveform)
        return picture

    def encode(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures → embedding (B, D), class logits (B, K)."""
        embedding, logits = self.players["encoder"](picture)
        return embedding, logits

    def freeze(self) -> None:
        """Fix the weights, for methods that stand on this encoder."""
        for parameter in self.players.parameters():
            parameter.requires_grad_(False)
        self.players.eval()


class Classifier(Encoder):
    """Encoder with a softmax over the classes, cross-entropy.

    Source: section 1.2 and 1.3 of the paper; the softmax is taken off afterwards and the
    embedding conditions the GAN. The paper's "(l2)" is weight decay here.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        network = build_encoder(config.network)
        super().__init__(network, config.modality, config.front_end, config.adam)
        self.config = config

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        _, logits = self.encode(self._augmented_picture(batch))
        logits = logits.float()
        if batch.possible is not None:
            # Where real sound comes in ten classes of thirteen, "real" must not mean "none of the
            # other three": their logits take no part (finite, because of label smoothing).
            logits = logits.masked_fill(~batch.possible, IMPOSSIBLE_LOGIT)
        loss = functional.cross_entropy(
            logits, batch.label, label_smoothing=self.config.label_smoothing
        )
        accuracy = (logits.argmax(1) == batch.label).float().mean()
        yield Update("encoder", loss, {"accuracy": accuracy.detach()})

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        right, entropy, label = [], [], []
        for batch in batches:
            _, logits = self.encode(self.picture(batch))
            right.append(logits.argmax(1) == batch.label)
            entropy.append(functional.cross_entropy(logits.float(), batch.label, reduction="none"))
            label.append(batch.label)
        accuracy = class_mean(torch.cat(right).float(), torch.cat(label))
        cross_entropy = class_mean(torch.cat(entropy), torch.cat(label))
        return {"accuracy": accuracy, "cross_entropy": cross_entropy, "score": accuracy}

    def _augmented_picture(self, batch: PairBatch) -> Tensor:
        with torch.no_grad(), torch.autocast(batch.label.device.type, enabled=False):
            if self.config.modality == "image":
                config = self.config.image_augmentation
                return augment_images(batch.image, config) if config else batch.image
            sound = self.config.sound_augmentation
            front_end = self.config.front_end
            if sound is None or front_end is None:
                return self.picture(batch)
            chosen = torch.rand(len(batch)) < sound.probability
            waveform = batch.waveform.clone()
            waveform[chosen] = augment_waveforms(waveform[chosen], front_end.sample_rate, sound)
            picture = self.picture_of_sound(waveform)
            unit_per_db = 2.0 / (front_end.ceiling_db - front_end.floor_db)
            picture[chosen] = augment_spectra(picture[chosen], sound, unit_per_db=unit_per_db)
            return picture


def class_mean(values: Tensor, labels: Tensor) -> float:
    """Mean over classes of the mean inside each class: values (n,), labels (n,)."""
    means = [values[labels == label].mean() for label in torch.unique(labels)]
    return float(torch.stack(means).mean())


def build_encoder(config: EncoderConfig) -> nn.Module:
    """The network that a config describes: picture → (embedding, class logits)."""
    match config:
        case PaperSoundEncoderConfig():
            return PaperSoundEncoder(config)
        case PaperImageEncoderConfig():
            return PaperImageEncoder(config)
        case ResidualEncoderConfig():
            return ResidualEncoder(config)
        case StridedEncoderConfig():
            return StridedEncoder(config)
        case AttentionEncoderConfig():
            return AttentionEncoder(config)
        case _:
            assert_never(config)


def build_front_end(config: FrontEndConfig | None) -> nn.Module | None:
    """The module that turns waveforms (B, T) into spectral pictures (B, 1, M, L)."""
    match config:
        case None:
            return None
        case LogMelConfig():
            return LogMel(config)
        case ConstantQConfig():
            return ConstantQ(config)
        case _:
            assert_never(config)
