"""CAR-GAN, sized to our budget: a cascade of two U-nets whose second corrects the first's class.

Per batch: one step of the discriminator, one of both U-nets together.
Source: Duan, Wang, Tang, Latapie, Yan, CAR-GAN (ICPR 2020, arXiv 1907.01826), by its published
code: G₁(spectrogram, label) → picture; G₂(picture, spectrogram, label − what a classifier sees in
the picture) → picture; L1 · 100 and cross-entropy on both pictures, a vanilla GAN loss by patches;
Adam 8e-4, β₁ 0.9.
Departs: the label is what a classifier hears in the sound, in training as in use, since who has
only a sound has no label; the classifier that is trained against, the namer, is not the examiner
that chooses among checkpoints, or the choice would go by what was optimised; the adversary judges
the second picture alone; batches of 16 instead of 4; the learning rate falls by a cosine. The
networks are smaller (see ``networks/cascade.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.methods.classifier import Classifier, Encoder
from sightsound.methods.conditional import Conditional, ConditionalConfig
from sightsound.methods.protocol import AdamConfig, Translator, Update
from sightsound.networks.cascade import (
    Cascade,
    CascadeConfig,
    LogMelAndClass,
    NamedCascade,
    PatchDiscriminator,
)
from sightsound.shapes import Direction

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class CascadeGanConfig(ConditionalConfig):
    """A cascade with residual labels, sound to image."""

    direction: Direction = Direction.SOUND_TO_IMAGE  # the only one
    namer: str  # recipe of the classifier that names pictures, whose cross-entropy is lowered
    network: CascadeConfig = field(default_factory=CascadeConfig)
    l1_weight: float = 100.0
    generator_adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=8e-4, beta1=0.9)
    )
    discriminator_adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=8e-4, beta1=0.9)
    )

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return (self.encoder, self.examiner, self.namer)


class CascadeGan(Conditional):
    """Two U-nets against a discriminator of patches, helped by a classifier of pictures."""

    def __init__(
        self,
        config: CascadeGanConfig,
        *,
        encoder: Encoder,
        examiner: Classifier,
        namer: Classifier,
    ) -> None:
        super().__init__(config.direction, config.network, encoder=encoder, examiner=examiner)
        namer.freeze()
        self.config = config
        self.namer = namer
        self.condition = LogMelAndClass(encoder.players["encoder"], config.network.picture_size)
        self.players = nn.ModuleDict(
            {
                "generator": Cascade(config.network),
                "discriminator": PatchDiscriminator(config.network),
            }
        )
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.namer.to(device)

    @property
    def named_cascade(self) -> NamedCascade:
        """The generator as it is used, with the classifier that it asks."""
        cascade = cast(Cascade, self.players["generator"])
        return NamedCascade(cascade, self.namer.players["encoder"])

    def generate(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Embedding (B, D) and noise (B, N) → second pictures (B, 3, H, W) in [-1, 1]."""
        picture: Tensor = self.named_cascade(condition, noise)
        return picture

    def translators(self) -> tuple[Translator, ...]:
        (translator,) = super().translators()
        return (replace(translator, encoder=self.condition, generator=self.named_cascade),)

    @torch.no_grad()
    def condition_of(self, source: Tensor) -> Tensor:
        """What the encoder takes → condition (B, D): its log-mel and the class it names."""
        condition: Tensor = self.condition(source)[0].float()
        return condition

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        cascade = cast(Cascade, self.players["generator"])
        discriminator = self.players["discriminator"]
        condition, real = self.condition_and_real(batch)
        noise = torch.randn(len(real), self.noise_size)
        first = cascade.draw(condition, noise)
        first_named = self.namer.encode(first)[1].float()
        seen = torch.softmax(first_named.detach(), dim=1)
        second = cascade.correct(first, seen, condition, noise)

        real_logit = discriminator(real, condition)
        fake_logit = discriminator(second.detach(), condition)
        loss = functional.softplus(-real_logit.float()).mean()
        loss = loss + functional.softplus(fake_logit.float()).mean()
        logs = {"real_logit": real_logit.mean(), "fake_logit": fake_logit.mean()}
        yield Update("discriminator", loss, {k: v.detach().float() for k, v in logs.items()})

        second_named = self.namer.encode(second)[1].float()
        terms = {
            "adversarial": functional.softplus(-discriminator(second, condition).float()).mean(),
            "l1_first": (first.float() - real).abs().mean(),
            "l1_second": (second.float() - real).abs().mean(),
            "class_first": functional.cross_entropy(first_named, batch.label),
            "class_second": functional.cross_entropy(second_named, batch.label),
        }
        yield Update(
            "generator",
            terms["adversarial"]
            + self.config.l1_weight * (terms["l1_first"] + terms["l1_second"])
            + terms["class_first"]
            + terms["class_second"],
            {name: term.detach() for name, term in terms.items()},
        )
