"""CMCGAN: its losses by hand, its cycles, both of its directions, learning beyond constants."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sightsound.methods.cmcgan import joint_loss
from sightsound.pairs.batches import PairBatch
from sightsound.shapes import Direction
from sightsound.training.loop import Loop, TrainingConfig
from test_methods import cycle_gan
from toy_batch import batch, error_beside_constant


def log_sigmoid(x: float) -> float:
    return math.log(1 / (1 + math.exp(-x)))


def test_the_joint_loss_by_hand() -> None:
    """Mutant: real pairs counted once, or a half forgotten."""
    values = {"rvra": 0.3, "rvfa": -0.4, "fvra": 0.7, "rvwa": 1.1, "wvra": -0.2}
    logits = {name: torch.tensor([value]) for name, value in values.items()}
    fake = (log_sigmoid(0.4) + log_sigmoid(-0.7)) / 2
    wrong = (log_sigmoid(-1.1) + log_sigmoid(0.2)) / 2
    expected = -(2 * log_sigmoid(0.3) + fake + wrong)
    assert float(joint_loss(logits)) == pytest.approx(expected)
    without = {name: logits[name] for name in ("rvra", "rvfa", "fvra")}
    assert float(joint_loss(without)) == pytest.approx(-(log_sigmoid(0.3) + fake))


def test_a_batch_is_one_step_of_the_discriminator_and_k_of_the_generator() -> None:
    method = cycle_gan()
    players = [update.player for update in method.updates(batch())]
    assert players == ["discriminator", "generator", "generator"]
    method.config = replace(method.config, generator_updates=1)
    assert len(list(method.updates(batch()))) == 2


class Level(nn.Module):
    """An encoder that answers with its picture's mean."""

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        mean = picture.mean(dim=(1, 2, 3))[:, None]
        return mean, torch.zeros(len(picture), 13)


class Flat(nn.Module):
    """A decoder that paints its embedding, half as strong as it came."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, embedding: Tensor, noise: Tensor) -> Tensor:
        assert noise.shape == (len(embedding), 16)
        return (embedding / 2)[:, :, None, None].expand(-1, *self.shape)


def test_the_four_cycles_end_where_they_should() -> None:
    """Each cycle halves a level twice; the truth of each is another picture.

    Mutant: A→A→V compared with the sound, or a cycle that begins with the other modality.
    """
    method = cycle_gan()
    generator = method.generator
    generator.image_encoder = generator.sound_encoder = Level()
    generator.image_decoder, generator.sound_decoder = Flat((3, 64, 64)), Flat((1, 128, 32))
    sound, image = torch.full((2, 1, 128, 32), 0.8), torch.full((2, 3, 64, 64), -0.4)
    update = method._generator_update(sound, image, torch.tensor([0, 1]))
    logs = {name: float(value) for name, value in update.logs.items()}
    assert logs["ava"] == pytest.approx(abs(0.8 / 4 - 0.8))
    assert logs["vav"] == pytest.approx(abs(-0.4 / 4 + 0.4))
    assert logs["aav"] == pytest.approx(abs(0.8 / 4 + 0.4))
    assert logs["vva"] == pytest.approx(abs(-0.4 / 4 - 0.8))
    cycles = logs["ava"] + logs["vav"] + logs["aav"] + logs["vva"]
    expected = logs["adversarial"] + 10 * cycles + logs["reading"]
    assert float(update.loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert logs["reading"] == pytest.approx(2 * math.log(13))


def test_the_generator_raises_the_answer_to_both_kinds_of_fake() -> None:
    """−log S_rvfa − log S_fvra, with a discriminator whose answers are known."""
    method = cycle_gan()

    class Known(nn.Module):
        def image(self, picture: Tensor) -> Tensor:
            return torch.full((len(picture),), 2.0 if picture.requires_grad else 0.0)

        sound = image

        def decide_on(self, image_features: Tensor, sound_features: Tensor) -> Tensor:
            return 0.25 * image_features - sound_features  # fake image: 0.5, fake sound: −2

    method.players["discriminator"] = Known()
    update = method._generator_update(method.sound(batch().waveform), batch().image, batch().label)
    expected = -log_sigmoid(-2.0) - log_sigmoid(0.5)
    assert float(update.logs["adversarial"]) == pytest.approx(expected)


def test_both_directions_come_out_of_one_run() -> None:
    method = cycle_gan()
    to_image, to_sound = method.translators()
    assert [to_image.direction, to_sound.direction] == list(Direction)
    noise = torch.randn(8, 16)
    for translator, shape in ((to_image, (3, 64, 64)), (to_sound, (1, 128, 32))):
        embedding = translator.embed(batch())
        assert embedding.shape == (8, translator.embedding_size)
        assert translator.generator(embedding, noise).shape == (8, *shape)
        assert translator.real(batch()).shape == (8, *shape)
    sound = method.sound(batch().waveform)
    torch.testing.assert_close(to_sound.real(batch()), sound)
    figures = method.validate([batch()])
    assert figures["score"] == (figures["image_accuracy"] + figures["sound_accuracy"]) / 2


def bands(size: int, step: int) -> PairBatch:
    """The toy batch with low noise and high noise for sounds: half of each log-mel differs."""
    pairs = batch(size, step)
    noise = torch.randn(size, 22_050, generator=torch.Generator().manual_seed(step))
    hertz = torch.fft.rfftfreq(22_050, 1 / 44_100)
    heard = torch.where((pairs.label == 0)[:, None], hertz < 1000, hertz > 4000)
    waveform = torch.fft.irfft(torch.fft.rfft(noise) * heard, n=22_050)
    return replace(pairs, waveform=0.1 * waveform / waveform.std(dim=1, keepdim=True))


def test_it_learns_beyond_constants_in_both_directions() -> None:
    """Nothing but the cycles teaches it; the median of three moments, since a GAN wavers."""
    method = cycle_gan()
    method.config = replace(method.config, generator_updates=1)
    adam = replace(method.config.generator_adam, learning_rate=2e-3)
    method.optimisers = {**method.optimisers, "generator": adam}
    loop = Loop(method, TrainingConfig(precision="float32"))
    held_out = bands(8, 999)
    errors: dict[Direction, list[tuple[float, float, float]]] = {d: [] for d in Direction}
    for step in range(110):
        loop.step = step
        loop.train_step(bands(4, step))
        if step + 1 not in (90, 100, 110):
            continue
        with torch.no_grad(), loop.inference():
            for translator in method.translators():
                embedding, real = translator.embed(held_out), translator.real(held_out)
                noise = torch.randn(8, translator.noise_size)
                error, best_constant = error_beside_constant(
                    translator.generator(embedding, noise), real
                )
                swapped, _ = error_beside_constant(
                    translator.generator(embedding.flip(0), noise), real
                )
                errors[translator.direction].append((error, best_constant, swapped))
    for direction, found in errors.items():
        error, best_constant, swapped = sorted(found)[1]
        assert error < 0.75 * best_constant, direction
        assert swapped > 1.5 * error, direction
