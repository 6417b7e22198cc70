"""S2I-A in its second reading: the GAN's generator without its adversary, by squared error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from sightsound.methods.classifier import Classifier, Encoder
from sightsound.methods.conditional import Conditional, ConditionalConfig
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.paper import PaperGanConfig, PaperGenerator

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(ConditionalConfig):
    """The paper's generator, trained to come near the picture of its own sound."""

    network: PaperGanConfig = field(default_factory=PaperGanConfig)
    generator_adam: AdamConfig = field(default_factory=AdamConfig)


class Regression(Conditional):
    """Embedding and noise → picture, mean squared error to the pair's own.

    The noise stays, so that the network is the GAN's to the last weight; nothing rewards using
    it. What is left is the mean of all pictures that an embedding may belong to.
    """

    def __init__(self, config: RegressionConfig, *, encoder: Encoder, examiner: Classifier) -> None:
        super().__init__(config.direction, config.network, encoder=encoder, examiner=examiner)
        self.config = config
        generator = PaperGenerator(config.network, channels=self.channels)
        self.players = nn.ModuleDict({"generator": generator})
        self.optimisers: Mapping[str, AdamConfig] = {"generator": config.generator_adam}

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        condition, real = self.condition_and_real(batch)
        fake = self.generate(condition, torch.randn(len(real), self.noise_size))
        yield Update("generator", functional.mse_loss(fake.float(), real))
