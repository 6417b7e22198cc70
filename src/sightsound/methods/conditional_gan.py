"""The conditional GAN with mismatched pairs: S2I-C, S2I-N and I2S, faithful and improved.

The algorithm, per batch: one step of the discriminator, then one of the generator.
Source: the losses of section 2 of the paper:
``log S_r + (log(1 − S_w) + log(1 − S_f)) / 2`` for the discriminator, ``log S_f`` for the
generator, where S_r is real and matched, S_w real and mismatched, S_f fake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.features.torch_spectra import resize_log_mel
from sightsound.methods.classifier import Classifier, class_mean
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

EXAMINED_SIZE = (128, 44)  # M, L of the log-mels of half a second that examiners are trained on


@dataclass(frozen=True, kw_only=True)
class ConditionalGanConfig:
    """A conditional GAN of one direction, on an encoder trained before."""

    direction: Direction
    encoder: str  # recipe of the classifier whose embedding is the condition; not trained here
    examiner: str  # recipe of the classifier that scores what is generated, on validation pairs
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
    averaged: bool = False  # use the generator's averaged weights


class ConditionalGan:
    """Generator against discriminator, with real but mismatched pairs as a third kind."""

    exported: tuple[str, ...] = ("generator",)

    def __init__(
        self, config: ConditionalGanConfig, *, encoder: Classifier, examiner: Classifier
    ) -> None:
        self.config = config
        self.encoder = _frozen(encoder)
        self.examiner = _frozen(examiner)
        sound_to_image = config.direction is Direction.SOUND_TO_IMAGE
        channels = 3 if sound_to_image else 1
        generator, discriminator = build_gan(config.network, channels=channels)
        self.players = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }
        self.mismatch: str = "none" if config.mismatch == "in_batch" else config.mismatch
        fields = {"waveform", "image", "label"}
        if config.mismatch not in ("none", "in_batch"):
            fields.add("mismatched_image" if sound_to_image else "mismatched_waveform")
        self.batch_fields = frozenset(fields)
        self.averaged: tuple[str, ...] = ("generator",) if config.averaged else ()

    @property
    def noise_size(self) -> int:
        """N, the size of the noise."""
        return self.config.network.noise_size

    @property
    def picture_size(self) -> tuple[int, int]:
        """H, W of what is generated: images, or log-mels resized to it."""
        return self.config.network.picture_size

    def to(self, device: torch.device) -> None:
        """Move players, encoder and examiner to a device."""
        self.players.to(device)
        self.encoder.to(device)
        self.examiner.to(device)

    def generate(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Embedding (B, D) and noise (B, N) → pictures (B, C, H, W) in [-1, 1]."""
        picture: Tensor = self.players["generator"](condition, noise)
        return picture

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        generator = self.players["generator"]
        discriminator = cast(Discriminator, self.players["discriminator"])
        condition, real, mismatched = self._prepare(batch)
        noise = torch.randn(len(real), self.noise_size)

        fake = generator(condition, noise)  # x̂ ← G(φ(A), z)
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

        fake_logit = discriminator(fake, condition)
        yield Update("generator", self._generator_loss(fake_logit, real_logit.detach()))

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        right, label, generated, reference = [], [], [], []
        for batch in batches:
            condition, real, _ = self._prepare(batch)
            fake = self.generate(condition, torch.randn(len(real), self.noise_size)).float()
            features, logits = self.examiner.encode(self._examined(fake))
            right.append(logits.argmax(1) == batch.label)
            label.append(batch.label)
            generated.append(features.float())
            reference.append(self.examiner.encode(self._examined(real))[0].float())
        accuracy = class_mean(torch.cat(right).float(), torch.cat(label))
        distance = feature_distance(torch.cat(generated), torch.cat(reference))
        return {"accuracy": accuracy, "feature_distance": distance, "score": accuracy}

    @property
    def validation_fields(self) -> frozenset[str]:
        """The fields of a batch that generation beside the real picture reads."""
        return frozenset({"waveform", "image", "label"})

    def condition_and_real(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Batch → condition (B, D) and real pictures (B, C, H, W)."""
        condition, real, _ = self._prepare(batch)
        return condition, real

    def _prepare(self, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Batch → condition (B, D), real pictures, mismatched pictures or None."""
        with torch.no_grad():
            if self.config.direction is Direction.SOUND_TO_IMAGE:
                heard = self.encoder.picture_of_sound(batch.waveform)
                condition, _ = self.encoder.encode(heard)
                seen = "mismatched_image" in self.batch_fields
                return condition.float(), batch.image, batch.mismatched_image if seen else None
            condition, _ = self.encoder.encode(batch.image)
            wrong = batch.mismatched_waveform
            mismatched = None
            if wrong is not None and "mismatched_waveform" in self.batch_fields:
                mismatched = self._log_mel_picture(wrong)
            return condition.float(), self._log_mel_picture(batch.waveform), mismatched

    def _log_mel_picture(self, waveform: Tensor) -> Tensor:
        """Waveforms (B, T) → log-mels at the generated size, (B, 1, H, W) in [-1, 1]."""
        return resize_log_mel(self.examiner.picture_of_sound(waveform), self.picture_size)

    def _examined(self, picture: Tensor) -> Tensor:
        """Generated pictures as the examiner takes them."""
        if self.config.direction is Direction.SOUND_TO_IMAGE:
            return picture
        return resize_log_mel(picture, EXAMINED_SIZE)

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


def mismatched_in_batch(labels: Tensor) -> Tensor:
    """For each example the place of a random one with another label; two labels are needed."""
    different = labels[:, None] != labels[None, :]
    keys = torch.rand(different.shape) * different
    return keys.argmax(dim=1)


def feature_distance(generated: Tensor, reference: Tensor) -> float:
    """Squared distance of two sets' means, relative to the reference's variance; both (n, D)."""
    difference = (generated.mean(0) - reference.mean(0)).square().sum()
    return float(difference / reference.var(0).sum().clamp_min(1e-8))


def _frozen(classifier: Classifier) -> Classifier:
    for parameter in classifier.players.parameters():
        parameter.requires_grad_(False)
    classifier.players.eval()
    return classifier


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
