"""CMCGAN's dynamic multimodal classifier: what is missing of image and sound is generated.

Source: Hao, Zhang, Guan, CMCGAN (AAAI 2018, arXiv 1711.08102), which reports five accuracies: of
the image alone (V), the sound alone (A), both (V-A), a generated image with its sound (GV-A) and a
generated sound with its image (GA-V).
Departs: its networks are not known; here one network with the paper's two encoders gives all five,
and learns from the sum of their cross-entropies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.features.torch_spectra import resize_log_mel
from sightsound.methods.classifier import class_mean
from sightsound.methods.cmcgan import CycleGan
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.multimodal import MultimodalClassifier, MultimodalConfig

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class DynamicClassifierConfig:
    """A classifier that fills a missing modality by a trained CMCGAN."""

    filler: str  # recipe of the CMCGAN; not trained here
    network: MultimodalConfig = field(default_factory=MultimodalConfig)
    adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9, weight_decay=1e-2)
    )

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return (self.filler,)


class DynamicClassifier:
    """Names the instrument of an image, of a sound, of both, or of one and what it generates."""

    mismatch: str = "none"
    averaged: tuple[str, ...] = ("classifier",)
    exported: tuple[str, ...] = ("classifier",)
    batch_fields: frozenset[str] = frozenset({"waveform", "image", "label"})

    def __init__(self, config: DynamicClassifierConfig, *, filler: CycleGan) -> None:
        self.config = config
        self.filler = filler
        for parameter in filler.players.parameters():
            parameter.requires_grad_(False)
        filler.players.eval()
        self.players = nn.ModuleDict({"classifier": MultimodalClassifier(config.network)})
        self.optimisers: Mapping[str, AdamConfig] = {"classifier": config.adam}

    def to(self, device: torch.device) -> None:
        """Move classifier and filler to a device."""
        self.players.to(device)
        self.filler.to(device)

    def logits(self, batch: PairBatch) -> dict[str, Tensor]:
        """Class logits (B, K) of each kind of input: V, A, V-A, GV-A, GA-V."""
        network = cast(MultimodalClassifier, self.players["classifier"])
        made_image, made_sound = self._generated(batch)
        with torch.no_grad(), torch.autocast(batch.label.device.type, enabled=False):
            log_mel = self.filler.log_mel(batch.waveform)
        seen, of_image = network.image(batch.image)
        heard, of_sound = network.sound(log_mel)
        made_seen, _ = network.image(made_image)
        made_heard, _ = network.sound(made_sound)
        return {
            "V": of_image,
            "A": of_sound,
            "V-A": network.join(seen, heard),
            "GV-A": network.join(made_seen, heard),
            "GA-V": network.join(seen, made_heard),
        }

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        losses, logs = [], {}
        for name, logits in self.logits(batch).items():
            losses.append(functional.cross_entropy(logits.float(), batch.label))
            logs[name] = (logits.argmax(1) == batch.label).float().mean().detach()
        yield Update("classifier", torch.stack(losses).sum(), logs)

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        """The five accuracies, mean over classes; the score is their mean."""
        right: dict[str, list[Tensor]] = {}
        label = []
        for batch in batches:
            for name, logits in self.logits(batch).items():
                right.setdefault(name, []).append(logits.argmax(1) == batch.label)
            label.append(batch.label)
        accuracy = {
            name: class_mean(torch.cat(each).float(), torch.cat(label))
            for name, each in right.items()
        }
        return {**accuracy, "score": sum(accuracy.values()) / len(accuracy)}

    @torch.no_grad()
    def _generated(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """The image of each sound, and the log-mel of each image, as the encoders take them."""
        to_image, to_sound = self.filler.translators()
        noise = torch.randn(len(batch), to_image.noise_size)
        image = to_image.generator(to_image.embed(batch), noise)
        log_mel = to_sound.generator(to_sound.embed(batch), noise)
        return image, resize_log_mel(log_mel.float(), self.config.network.sound.log_mel_size)
