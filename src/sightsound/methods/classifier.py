"""A classifier of sounds or pictures: how the paper trains its encoders (Figs 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.errors import ConfigError
from sightsound.features.augmentation import (
    ImageAugmentationConfig,
    SoundAugmentationConfig,
    augment_images,
    augment_spectra,
    augment_waveforms,
)
from sightsound.features.constant_q import ConstantQ, ConstantQConfig
from sightsound.features.representations import (
    Mel,
    MelConfig,
    Mfcc,
    MfccConfig,
    Stft,
    StftConfig,
)
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
Augmentation: TypeAlias = SoundAugmentationConfig | ImageAugmentationConfig
FrontEndConfig: TypeAlias = LogMelConfig | ConstantQConfig | StftConfig | MelConfig | MfccConfig


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
    mixup: float = (
        0.0  # α of Beta(α, α), of which two inputs' shares in a mixture are drawn; 0: none
    )
    sound_augmentation: SoundAugmentationConfig | None = None  # None: as recorded
    image_augmentation: ImageAugmentationConfig | None = None  # None: as drawn

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return ()

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"label_smoothing={self.label_smoothing}: 0 <= it < 1 is needed")
        if self.mixup < 0:
            raise ConfigError(f"mixup={self.mixup}: 0 or more is needed")


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

    def augmented_picture(self, batch: PairBatch, augmentation: Augmentation | None) -> Tensor:
        """What ``picture`` gives, moved as an augmentation of this modality says.

        Raises:
            ConfigError: an augmentation of the other modality, or a front end without decibels.
        """
        if augmentation is None:
            return self.picture(batch)
        if isinstance(augmentation, ImageAugmentationConfig) != (self.modality == "image"):
            raise ConfigError(
                f"an augmentation of the other modality ({type(augmentation).__name__}) for an "
                f"encoder of {self.modality}s; set it to null"
            )
        with torch.no_grad(), torch.autocast(batch.label.device.type, enabled=False):
            if isinstance(augmentation, ImageAugmentationConfig):
                return augment_images(batch.image, augmentation).clamp(-1.0, 1.0)
            if not isinstance(self.front_end, LogMel | ConstantQ):
                raise ConfigError(
                    f"an augmentation of sound: its equaliser adds decibels, and the front end "
                    f"{type(self.front_end).__name__} has none; set it to null"
                )
            front_end = self.front_end.config
            chosen = torch.rand(len(batch)) < augmentation.probability
            waveform = batch.waveform.clone()
            waveform[chosen] = augment_waveforms(
                waveform[chosen], front_end.sample_rate, augmentation
            )
            picture = self.picture_of_sound(waveform)
            unit_per_db = 2.0 / (front_end.ceiling_db - front_end.floor_db)
            picture[chosen] = augment_spectra(
                picture[chosen], augmentation, unit_per_db=unit_per_db
            )
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
        self.augmentation: Augmentation | None = (
            config.sound_augmentation if config.modality == "sound" else config.image_augmentation
        )

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        picture, possible = self.augmented_picture(batch, self.augmentation), batch.possible
        share, partner = 1.0, torch.arange(len(batch))
        if self.config.mixup > 0:
            share = float(torch.distributions.Beta(self.config.mixup, self.config.mixup).sample())
            partner = torch.randperm(len(batch))
            picture = share * picture + (1 - share) * picture[partner]
            possible = None if possible is None else possible | possible[partner]
        _, logits = self.encode(picture)
        logits = logits.float()
        if possible is not None:
            # Where real sound comes in ten classes of thirteen, "real" must not mean "none of the
            # other three": their logits take no part.
            logits = logits.masked_fill(~possible, IMPOSSIBLE_LOGIT)
        smoothing = self.config.label_smoothing
        loss = share * smoothed_cross_entropy(logits, batch.label, possible, smoothing)
        if share < 1:
            other = smoothed_cross_entropy(logits, batch.label[partner], possible, smoothing)
            loss = loss + (1 - share) * other
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


def smoothed_cross_entropy(
    logits: Tensor, label: Tensor, possible: Tensor | None, smoothing: float
) -> Tensor:
    """Mean cross-entropy of logits (B, K) against labels (B,), ``smoothing`` of it shared out.

    The share goes to the ``possible`` classes (B, K) alone; None = to all. Were an impossible class
    given a part, the gradient would lower all possible logits against it for ever.
    """
    log_p = functional.log_softmax(logits, dim=1)
    named = -log_p.gather(1, label[:, None]).squeeze(1)
    if smoothing == 0:
        return named.mean()
    allowed = torch.ones_like(log_p) if possible is None else possible.float()
    shared = -(log_p * allowed).sum(1) / allowed.sum(1)
    return ((1 - smoothing) * named + smoothing * shared).mean()


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
        case StftConfig():
            return Stft(config)
        case MelConfig():
            return Mel(config)
        case MfccConfig():
            return Mfcc(config)
        case _:
            assert_never(config)
