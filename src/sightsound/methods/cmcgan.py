"""CMCGAN: sound and image in cycles, both directions at once, one discriminator of pairs.

Algorithm 1, per batch: one step of the discriminator, then K of the generator.
Source: Hao, Zhang, Guan, CMCGAN (AAAI 2018, arXiv 1711.08102). With S the discriminator's answer to
a pair, r real, f fake, w mismatched, v image, a sound:

    L_Dw = log S_rvra + ½ (log(1 − S_rvwa) + log(1 − S_wvra))
    L_Df = log S_rvra + ½ (log(1 − S_rvfa) + log(1 − S_fvra)),   L_D = L_Dw + L_Df   (raised)
    L_G  = log S_rvfa + log S_fvra                                                    (raised)
    L_Cons = L1(A→V→A, a) + L1(V→A→V, v) + L1(A→A→V, v) + L1(V→V→A, a)               (lowered)

Departs: K and the weight of L_Cons are not known; here 2 and 10. The fakes of L_D and L_G are the
direct ones, A→V and V→A. Mismatched is another instrument of the same batch. Latent vectors are
drawn anew in each half of a cycle. Beside L_G stand two cross-entropies of readers of the classes,
which learn from the encoders' embeddings and change nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.features.torch_spectra import LogMel
from sightsound.methods.classifier import Classifier
from sightsound.methods.conditional import Examination, mismatched_in_batch
from sightsound.methods.protocol import AdamConfig, Translator, Update
from sightsound.networks.cycle import (
    CycleConfig,
    CycleDecoder,
    CycleEncoder,
    CycleGenerator,
    PairDiscriminator,
)
from sightsound.shapes import Direction

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class CycleGanConfig:
    """CMCGAN: both directions, encoders trained with it."""

    image_examiner: str  # recipe of the classifier that scores generated images
    sound_examiner: str  # recipe of the classifier that scores generated log-mels
    network: CycleConfig = field(default_factory=CycleConfig)
    generator_updates: int = 2  # K, of a batch
    consistency_weight: float = 10.0  # of L_Cons, each L1 a mean over pixels
    generator_adam: AdamConfig = field(default_factory=AdamConfig)
    discriminator_adam: AdamConfig = field(default_factory=AdamConfig)

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes that must be trained before."""
        return (self.image_examiner, self.sound_examiner)


class CycleGan:
    """Two encoders and two decoders in four cycles, against a discriminator of pairs."""

    mismatch: str = "none"
    averaged: tuple[str, ...] = ()
    exported: tuple[str, ...] = ("generator",)
    batch_fields: frozenset[str] = frozenset({"waveform", "image", "label"})

    def __init__(
        self, config: CycleGanConfig, *, image_examiner: Classifier, sound_examiner: Classifier
    ) -> None:
        self.config = config
        self.image_examiner, self.sound_examiner = image_examiner, sound_examiner
        for examiner in (image_examiner, sound_examiner):
            examiner.freeze()
        assert isinstance(sound_examiner.front_end, LogMel), type(sound_examiner.front_end)
        self.log_mel = sound_examiner.front_end
        self.front_end = LogMel(self.log_mel.config, size=config.network.sound_size)
        self.players = nn.ModuleDict(
            {
                "generator": CycleGenerator(config.network),
                "discriminator": PairDiscriminator(config.network),
            }
        )
        self.optimisers: Mapping[str, AdamConfig] = {
            "generator": config.generator_adam,
            "discriminator": config.discriminator_adam,
        }

    def to(self, device: torch.device) -> None:
        """Move players, front end and examiners to a device."""
        self.players.to(device)
        self.front_end.to(device)
        self.image_examiner.to(device)
        self.sound_examiner.to(device)

    @property
    def generator(self) -> CycleGenerator:
        """The four networks, as they are now."""
        return cast(CycleGenerator, self.players["generator"])

    def translators(self) -> tuple[Translator, ...]:
        """Sound to image and image to sound."""
        size = self.config.network
        generator = self.generator
        return (
            Translator(
                direction=Direction.SOUND_TO_IMAGE,
                encoder=generator.sound_encoder,
                generator=generator.image_decoder,
                front_end=self.front_end,
                log_mel=None,
                picture_size=size.image_size,
                embedding_size=size.embedding_size,
                noise_size=size.noise_size,
            ),
            Translator(
                direction=Direction.IMAGE_TO_SOUND,
                encoder=generator.image_encoder,
                generator=generator.sound_decoder,
                front_end=None,
                log_mel=self.log_mel,
                picture_size=size.sound_size,
                embedding_size=size.embedding_size,
                noise_size=size.noise_size,
            ),
        )

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        sound, image = self.sound(batch.waveform), batch.image
        yield self._discriminator_update(sound, image, batch.label)
        for _ in range(self.config.generator_updates):
            yield self._generator_update(sound, image, batch.label)

    @torch.no_grad()
    def sound(self, waveform: Tensor) -> Tensor:
        """Waveforms (B, T) → log-mels at the generated size, (B, 1, M, L) in [-1, 1]."""
        with torch.autocast(waveform.device.type, enabled=False):
            log_mel: Tensor = self.front_end(waveform)
        return log_mel

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        """The examiners' accuracies in both directions; the score is their mean."""
        images, sounds = Examination(self.image_examiner), Examination(self.sound_examiner)
        for batch in batches:
            to_image, to_sound = self.translators()
            for translator, examination in ((to_image, images), (to_sound, sounds)):
                condition, real = translator.embed(batch), translator.real(batch)
                noise = torch.randn(len(real), translator.noise_size)
                examination.add(translator.generator(condition, noise), real, batch.label)
        seen, heard = images.figures(), sounds.figures()
        return {
            **{f"image_{name}": value for name, value in seen.items()},
            **{f"sound_{name}": value for name, value in heard.items()},
            "score": (seen["accuracy"] + heard["accuracy"]) / 2,
        }

    def _discriminator_update(self, sound: Tensor, image: Tensor, label: Tensor) -> Update:
        generator = self.generator
        discriminator = cast(PairDiscriminator, self.players["discriminator"])
        with torch.no_grad():
            fake_image = self._decode(generator.image_decoder, generator.sound_encoder(sound)[0])
            fake_sound = self._decode(generator.sound_decoder, generator.image_encoder(image)[0])
        seen, heard = discriminator.image(image), discriminator.sound(sound)
        logits = {
            "rvra": discriminator.decide_on(seen, heard),
            "rvfa": discriminator.decide_on(seen, discriminator.sound(fake_sound)),
            "fvra": discriminator.decide_on(discriminator.image(fake_image), heard),
        }
        if len(torch.unique(label)) > 1:
            partner = mismatched_in_batch(label)
            logits["rvwa"] = discriminator.decide_on(seen, heard[partner])
            logits["wvra"] = discriminator.decide_on(seen[partner], heard)
        logs = {f"{name}_logit": value.detach().float().mean() for name, value in logits.items()}
        return Update("discriminator", joint_loss(logits), logs)

    def _generator_update(self, sound: Tensor, image: Tensor, label: Tensor) -> Update:
        generator = self.generator
        discriminator = cast(PairDiscriminator, self.players["discriminator"])
        see, hear = generator.image_encoder, generator.sound_encoder
        draw, play = generator.image_decoder, generator.sound_decoder
        heard, heard_class = hear(sound)
        seen, seen_class = see(image)
        image_of_sound, sound_of_image = self._decode(draw, heard), self._decode(play, seen)
        image_of_image, sound_of_sound = self._decode(draw, seen), self._decode(play, heard)
        cycles = {
            "ava": (self._through(see, play, image_of_sound), sound),
            "vav": (self._through(hear, draw, sound_of_image), image),
            "aav": (self._through(hear, draw, sound_of_sound), image),
            "vva": (self._through(see, play, image_of_image), sound),
        }
        consistency = {
            name: (made.float() - real).abs().mean() for name, (made, real) in cycles.items()
        }
        rvfa = discriminator.decide_on(
            discriminator.image(image), discriminator.sound(sound_of_image)
        )
        fvra = discriminator.decide_on(
            discriminator.image(image_of_sound), discriminator.sound(sound)
        )
        adversarial = functional.softplus(-rvfa.float()).mean()
        adversarial = adversarial + functional.softplus(-fvra.float()).mean()
        reading = functional.cross_entropy(heard_class.float(), label)
        reading = reading + functional.cross_entropy(seen_class.float(), label)
        total = torch.stack(list(consistency.values())).sum()
        loss = adversarial + self.config.consistency_weight * total + reading
        logs = {"adversarial": adversarial, "reading": reading, **consistency}
        return Update("generator", loss, {name: value.detach() for name, value in logs.items()})

    def _decode(self, decoder: CycleDecoder, embedding: Tensor) -> Tensor:
        """A picture of an embedding (B, D) and a latent vector of its own."""
        noise = torch.randn(len(embedding), self.config.network.noise_size)
        picture: Tensor = decoder(embedding, noise)
        return picture

    def _through(self, encoder: CycleEncoder, decoder: CycleDecoder, picture: Tensor) -> Tensor:
        """The second half of a cycle."""
        return self._decode(decoder, encoder(picture)[0])


def joint_loss(logits: Mapping[str, Tensor]) -> Tensor:
    """−L_D of logits (B,), named as the pairs are; without mismatched pairs −L_Df alone."""

    def accepted(name: str) -> Tensor:
        return functional.softplus(-logits[name].float()).mean()  # −log S

    def refused(name: str) -> Tensor:
        return functional.softplus(logits[name].float()).mean()  # −log(1 − S)

    loss = accepted("rvra") + (refused("rvfa") + refused("fvra")) / 2  # −L_Df
    if "rvwa" in logits:
        loss = loss + accepted("rvra") + (refused("rvwa") + refused("wvra")) / 2  # −L_Dw
    return loss
