"""The conditional variational autoencoder: L1 + KL + class + a little of an adversary.

Per batch: one step of the discriminator, one of the generator with its recogniser.
Source: AC-VAE (a student project at KAIST, 2021): "L1 + KL + CE + 0.0005 · GAN", a latent of 128,
Adam 1e-3, batches of 16.
Departs: what its terms are summed over, and which network names the class, is not known. Here L1
is a mean over pixels and the KL divergence a sum over the latent; the class is named by a second
head of the discriminator, which learns it from real pictures, so that no further network must be
trained first. Class and adversary judge pictures made of noise, as they are used: what is made of
a recognised latent can have its class from there and leave the condition unheard. The
generator's batch norms see recognised and drawn latents in turn and keep one running mean of both.
Batches of 32; the condition is a classifier's embedding, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.methods.classifier import Classifier, Encoder
from sightsound.methods.conditional import Conditional, ConditionalConfig
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.variational import (
    AuxiliaryDiscriminator,
    VariationalConfig,
    VariationalGenerator,
)

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class VariationalAutoencoderConfig(ConditionalConfig):
    """A conditional variational autoencoder of one direction."""

    network: VariationalConfig = field(default_factory=VariationalConfig)
    kl_weight: float = 1e-3  # of the divergence, nats per picture, beside L1 per pixel
    class_weight: float = 0.1  # of the generated picture's cross-entropy, nats
    adversarial_weight: float = 5e-4  # of −log D(x̂)
    generator_adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9)
    )
    discriminator_adam: AdamConfig = field(default_factory=AdamConfig)


class VariationalAutoencoder(Conditional):
    """A picture is recognised as a latent, and made again of latent and condition.

    What is used afterwards makes pictures of noise in the latent's place.
    """

    def __init__(
        self, config: VariationalAutoencoderConfig, *, encoder: Encoder, examiner: Classifier
    ) -> None:
        super().__init__(config.direction, config.network, encoder=encoder, examiner=examiner)
        self.config = config
        self.players = nn.ModuleDict(
            {
                "generator": VariationalGenerator(config.network, channels=self.channels),
                "discriminator": AuxiliaryDiscriminator(config.network, channels=self.channels),
            }
        )
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        generator = cast(VariationalGenerator, self.players["generator"])
        discriminator = cast(AuxiliaryDiscriminator, self.players["discriminator"])
        condition, real = self.condition_and_real(batch)
        mean, log_variance = generator.recognise(real, condition)
        latent = mean + (log_variance / 2).exp() * torch.randn(mean.shape)
        again = generator(condition, latent)
        fake = generator(condition, torch.randn(mean.shape))

        real_logit, real_classes = discriminator(real)
        fake_logit, _ = discriminator(fake.detach())
        loss = functional.softplus(-real_logit.float()).mean()
        loss = loss + functional.softplus(fake_logit.float()).mean()
        naming = functional.cross_entropy(real_classes.float(), batch.label)
        accuracy = (real_classes.argmax(1) == batch.label).float().mean()
        yield Update("discriminator", loss + naming, {"accuracy": accuracy.detach()})

        fake_logit, fake_classes = discriminator(fake)
        terms = {
            "l1": (again.float() - real).abs().mean(),
            "kl": kl_divergence(mean, log_variance),
            "class": functional.cross_entropy(fake_classes.float(), batch.label),
            "adversarial": functional.softplus(-fake_logit.float()).mean(),
        }
        yield Update(
            "generator",
            terms["l1"]
            + self.config.kl_weight * terms["kl"]
            + self.config.class_weight * terms["class"]
            + self.config.adversarial_weight * terms["adversarial"],
            {name: term.detach() for name, term in terms.items()},
        )


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) in nats, summed over the latent, mean over the batch."""
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return terms.sum(dim=1).mean() / 2
