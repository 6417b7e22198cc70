"""The conditional GAN with mismatched pairs: S2I-C, S2I-N and I2S, faithful and improved.

The algorithm, per batch: one step of the discriminator, then one of the generator.
Source: the losses of section 2 of the paper:
``log S_r + (log(1 − S_w) + log(1 − S_f)) / 2`` for the discriminator, ``log S_f`` for the
generator, where S_r is real and matched, S_w real and mismatched, S_f fake.
Ours, where ``contrast_weight`` is above 0: the generator's pictures must also fit their own
condition better than that of another instrument in the batch, log(1 + exp(S_fw − S_f)); where a
``namer`` is given, a classifier of real pictures must name them (cross-entropy, ``naming_weight``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.errors import ConfigError
from sightsound.features.augmentation import ImageAugmentationConfig, augment_images
from sightsound.methods.classifier import Augmentation, Classifier, Encoder
from sightsound.methods.conditional import (
    Conditional,
    ConditionalConfig,
    examined,
    mismatched_in_batch,
)
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.paper import PaperDiscriminator, PaperGanConfig, PaperGenerator
from sightsound.networks.residual import (
    ResidualDiscriminator,
    ResidualGanConfig,
    ResidualGenerator,
)
from sightsound.shapes import Direction

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch

Discriminator: TypeAlias = PaperDiscriminator | ResidualDiscriminator


@dataclass(frozen=True, kw_only=True)
class ConditionalGanConfig(ConditionalConfig):
    """A conditional GAN of one direction."""

    network: PaperGanConfig | ResidualGanConfig = field(default_factory=PaperGanConfig)
    loss: Literal["minimax", "relativistic"] = "minimax"
    mismatch: Literal["none", "instrument", "pose", "person", "in_batch"] = "instrument"
    # in_batch: another instrument's condition from the same batch meets the real picture's
    # features, which costs no further picture
    generator_adam: AdamConfig = field(default_factory=AdamConfig)
    discriminator_adam: AdamConfig = field(default_factory=AdamConfig)
    penalty_weight: float = 0.0  # gamma of the gradient penalties R1 and R2; 0 = none
    penalty_every: int = 8  # steps between two penalties, each weighted by this number
    penalty_examples: int = 16  # examples of a batch that a penalty sees
    contrast_weight: float = 0.0  # of the generator's own mismatched pairs; 0 = none
    namer: str | None = None  # recipe of a classifier of what is generated; not the examiner
    naming_weight: float = 0.1  # of the namer's cross-entropy, where there is one
    naming_augmentation: ImageAugmentationConfig | None = None  # of what the namer sees: a pattern
    # that only convinces it where it stands does not pay then
    averaged: bool = False  # use the generator's averaged weights
    condition_augmentation: Augmentation | None = None  # of what the encoder is given in training
    picture_augmentation: ImageAugmentationConfig | None = (
        None  # of all that the discriminator sees
    )

    def __post_init__(self) -> None:
        if self.namer is not None and self.namer == self.examiner:
            raise ConfigError(
                f"namer={self.namer}: whoever is trained against cannot choose the checkpoint as "
                "well; name another classifier than the examiner"
            )
        for name in ("penalty_weight", "contrast_weight", "naming_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: 0 or more is needed")
        for name in ("penalty_every", "penalty_examples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: 1 or more is needed")

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return (*super().stands_on, *([self.namer] if self.namer is not None else []))


class ConditionalGan(Conditional):
    """Generator against discriminator, with real but mismatched pairs as a third kind."""

    def __init__(
        self,
        config: ConditionalGanConfig,
        *,
        encoder: Encoder,
        examiner: Classifier,
        namer: Classifier | None = None,
    ) -> None:
        super().__init__(config.direction, config.network, encoder=encoder, examiner=examiner)
        self.config = config
        self.namer = namer
        if namer is not None:
            namer.freeze()
        generator, discriminator = build_gan(config.network, channels=self.channels)
        self.players = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }
        self.mismatch = "none" if config.mismatch == "in_batch" else config.mismatch
        self.mismatched_field = (
            "mismatched_image"
            if config.direction is Direction.SOUND_TO_IMAGE
            else "mismatched_waveform"
        )
        if self.mismatch != "none":
            self.batch_fields = self.batch_fields | {self.mismatched_field}
        self.averaged = ("generator",) if config.averaged else ()

    def to(self, device: torch.device) -> None:
        """Move every network to a device."""
        super().to(device)
        if self.namer is not None:
            self.namer.to(device)

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        generator = self.players["generator"]
        discriminator = cast(Discriminator, self.players["discriminator"])
        source = self.encoder.augmented_picture(batch, self.config.condition_augmentation)
        condition, real = self.condition_of(source), self.real(batch)
        mismatched = self._mismatched(batch)
        noise = torch.randn(len(real), self.noise_size)

        made = generator(condition, noise)  # x̂ ← G(φ(A), z)
        augmentation = self.config.picture_augmentation
        fake = moved(made, augmentation)
        real = moved(real, augmentation)
        mismatched = None if mismatched is None else moved(mismatched, augmentation)
        detached = fake.detach()
        real_features = discriminator.features(real)
        real_logit = discriminator.decide_on(real_features, condition)  # S_r
        fake_logit = discriminator(detached, condition)  # S_f
        wrong_logit = None  # S_w
        if mismatched is not None:
            wrong_logit = discriminator(mismatched, condition)
        elif self.config.mismatch == "in_batch" and len(torch.unique(batch.label)) > 1:
            partner = mismatched_in_batch(batch.label)
            wrong_logit = discriminator.decide_on(real_features, condition[partner])
        loss = self._discriminator_loss(real_logit, fake_logit, wrong_logit)
        if self.config.penalty_weight > 0 and batch.step % self.config.penalty_every == 0:
            loss = loss + self._gradient_penalty(real, detached, condition)
        logs = {"real_logit": real_logit.mean(), "fake_logit": fake_logit.mean()}
        if wrong_logit is not None:
            logs["mismatched_logit"] = wrong_logit.mean()
        yield Update("discriminator", loss, {k: v.detach().float() for k, v in logs.items()})

        fake_features = discriminator.features(fake)
        fake_logit = discriminator.decide_on(fake_features, condition)
        if self.config.loss == "relativistic":  # both by the discriminator as it is now
            with torch.no_grad():
                real_logit = discriminator(real, condition)
        loss = self._generator_loss(fake_logit, real_logit.detach())
        if self.config.contrast_weight > 0 and len(torch.unique(batch.label)) > 1:
            others = condition[mismatched_in_batch(batch.label)]
            other_logit = discriminator.decide_on(fake_features, others)
            contrast = functional.softplus(other_logit.float() - fake_logit.float()).mean()
            loss = loss + self.config.contrast_weight * contrast
        logs = {}
        if self.namer is not None:
            seen = moved(made, self.config.naming_augmentation)
            named = self.namer.encode(examined(seen, self.namer))[1].float()
            loss = loss + self.config.naming_weight * functional.cross_entropy(named, batch.label)
            logs["named"] = (named.argmax(1) == batch.label).float().mean().detach()
        yield Update("generator", loss, logs)

    def _mismatched(self, batch: PairBatch) -> Tensor | None:
        """The batch's mismatched pictures (B, C, H, W), where it brings any."""
        if self.mismatched_field not in self.batch_fields:
            return None
        if self.direction is Direction.SOUND_TO_IMAGE:
            return batch.mismatched_image
        assert batch.mismatched_waveform is not None
        return self.log_mel_picture(batch.mismatched_waveform)

    def _discriminator_loss(self, real: Tensor, fake: Tensor, wrong: Tensor | None) -> Tensor:
        softplus = functional.softplus
        real, fake = real.float(), fake.float()
        wrong = None if wrong is None else wrong.float()
        match self.config.loss:
            case "minimax":
                # −log σ(x) = softplus(−x), −log(1 − σ(x)) = softplus(x)
                loss = softplus(-real).mean()
                if wrong is None:
                    return loss + softplus(fake).mean()
                return loss + (softplus(wrong).mean() + softplus(fake).mean()) / 2
            case "relativistic":
                loss = softplus(fake - real).mean()
                return loss if wrong is None else loss + softplus(wrong - real).mean()
            case _:
                assert_never(self.config.loss)

    def _generator_loss(self, fake: Tensor, real: Tensor) -> Tensor:
        match self.config.loss:
            case "minimax":
                return functional.softplus(-fake.float()).mean()
            case "relativistic":
                return functional.softplus(real.float() - fake.float()).mean()
            case _:
                assert_never(self.config.loss)

    def _gradient_penalty(self, real: Tensor, fake: Tensor, condition: Tensor) -> Tensor:
        """R1 and R2: squared gradients on real and fake pictures, in float32.

        Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018).
        """
        discriminator = self.players["discriminator"]
        count = self.config.penalty_examples
        total = real.new_zeros(())
        with torch.autocast(real.device.type, enabled=False):
            for picture in (real[:count], fake[:count]):
                picture = picture.detach().float().requires_grad_(True)
                logit = discriminator(picture, condition[:count])
                (gradient,) = torch.autograd.grad(logit.sum(), picture, create_graph=True)
                total = total + gradient.square().sum(dim=(1, 2, 3)).mean()
        return total * (self.config.penalty_weight / 2 * self.config.penalty_every)


def moved(picture: Tensor, augmentation: ImageAugmentationConfig | None) -> Tensor:
    """Pictures (B, C, H, W) as they are shown in training; gradients pass through. None = as made.

    Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020).
    """
    if augmentation is None:
        return picture
    with torch.autocast(picture.device.type, enabled=False):
        return augment_images(picture.float(), augmentation)


def build_gan(
    config: PaperGanConfig | ResidualGanConfig, *, channels: int
) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator that a config describes, for pictures of C ``channels``."""
    match config:
        case PaperGanConfig():
            return (
                PaperGenerator(config, channels=channels),
                PaperDiscriminator(config, channels=channels),
            )
        case ResidualGanConfig():
            return (
                ResidualGenerator(config, channels=channels),
                ResidualDiscriminator(config, channels=channels),
            )
        case _:
            assert_never(config)
