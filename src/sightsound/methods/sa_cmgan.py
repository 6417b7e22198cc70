"""SA-CMGAN: self-attention, spectral norms and the hinge loss, in the paper's layout.

Per batch: every second step one update of the discriminator, each step one of the generator.
Source: Tan, Wu, Zhao, Chen, SA-CMGAN (ICASSP 2020, IEEE 9052918), by its published code: hinge loss
real + ½ (fake + mismatched), Adam 1e-4 for the discriminator and 5e-4 for the generator, encoders
trained as classifiers and then fixed.
Departs: a mismatched pair is another instrument's always (a fixed list of the published code left
some of the same class); batches of 32 instead of 64, more of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from sightsound.errors import ConfigError
from sightsound.methods.classifier import Classifier, Encoder
from sightsound.methods.conditional import Conditional, ConditionalConfig, mismatched_in_batch
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.attention import (
    AttentionDiscriminator,
    AttentionGanConfig,
    AttentionGenerator,
)

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class SelfAttentionGanConfig(ConditionalConfig):
    """SA-CMGAN of one direction."""

    network: AttentionGanConfig = field(default_factory=AttentionGanConfig)
    generator_adam: AdamConfig = field(default_factory=lambda: AdamConfig(learning_rate=5e-4))
    discriminator_adam: AdamConfig = field(default_factory=lambda: AdamConfig(learning_rate=1e-4))
    discriminator_every: int = 2  # steps between two updates of the discriminator

    def __post_init__(self) -> None:
        if self.discriminator_every < 1:
            raise ConfigError(
                f"discriminator_every={self.discriminator_every}: 1 or more is needed"
            )


class SelfAttentionGan(Conditional):
    """Generator against a discriminator that refuses fakes and another instrument's pictures."""

    def __init__(
        self, config: SelfAttentionGanConfig, *, encoder: Encoder, examiner: Classifier
    ) -> None:
        super().__init__(config.direction, config.network, encoder=encoder, examiner=examiner)
        self.config = config
        self.players = nn.ModuleDict(
            {
                "generator": AttentionGenerator(config.network, channels=self.channels),
                "discriminator": AttentionDiscriminator(config.network, channels=self.channels),
            }
        )
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        discriminator = cast(AttentionDiscriminator, self.players["discriminator"])
        condition, real = self.condition_and_real(batch)
        fake = self.generate(condition, torch.randn(len(real), self.noise_size))
        if batch.step % self.config.discriminator_every == 0:
            features = discriminator.features(real)
            real_logit = discriminator.decide_on(features, condition)
            fake_logit = discriminator(fake.detach(), condition)
            wrong_logit = None
            if len(torch.unique(batch.label)) > 1:
                partner = mismatched_in_batch(batch.label)
                wrong_logit = discriminator.decide_on(features, condition[partner])
            loss = discriminator_hinge(real_logit, fake_logit, wrong_logit)
            logs = {"real_logit": real_logit.mean(), "fake_logit": fake_logit.mean()}
            if wrong_logit is not None:
                logs["mismatched_logit"] = wrong_logit.mean()
            yield Update("discriminator", loss, {k: v.detach().float() for k, v in logs.items()})

        yield Update("generator", generator_hinge(discriminator(fake, condition)))


def discriminator_hinge(real: Tensor, fake: Tensor, mismatched: Tensor | None) -> Tensor:
    """Hinge of real pairs + ½ (of fake ones + of mismatched ones); logits (B,) each."""
    loss = torch.relu(1 - real.float()).mean()
    refused = torch.relu(1 + fake.float()).mean()
    if mismatched is None:
        return loss + refused
    return loss + (refused + torch.relu(1 + mismatched.float()).mean()) / 2


def generator_hinge(fake: Tensor) -> Tensor:
    """−D(x̂): what the generator lowers; logits (B,)."""
    return -fake.float().mean()
