"""The cascade: residual labels, losses by hand, learning beyond constants, one graph for all."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from sightsound.features.torch_spectra import resize_log_mel
from sightsound.networks.cascade import Cascade, split_embedding, with_planes
from test_methods import cascade_gan
from toy_batch import batch, error_beside_constant, learn


def test_the_condition_is_the_log_mel_and_the_class_that_is_heard() -> None:
    method = cascade_gan()
    condition, _ = method.condition_and_real(batch())
    log_mel, probability = split_embedding(condition, method.config.network)
    heard = method.encoder.picture(batch())
    torch.testing.assert_close(log_mel, resize_log_mel(heard, (64, 64)))
    expected = torch.softmax(method.encoder.encode(heard)[1], dim=1)
    torch.testing.assert_close(probability, expected)


class Recorder(nn.Module):
    """A U-net that keeps what it is given."""

    def forward(self, picture: Tensor, noise: Tensor) -> Tensor:
        self.given = picture
        return torch.zeros(len(picture), 3, 64, 64)


def test_the_second_net_is_given_what_is_heard_less_what_is_seen() -> None:
    """Mutant: the label itself on the second net's planes."""
    method = cascade_gan()
    cascade = cast(Cascade, method.players["generator"])
    cascade.second = Recorder()
    condition, _ = method.condition_and_real(batch())
    noise = torch.randn(8, method.noise_size)
    with torch.no_grad():
        method.generate(condition, noise)
        first = cascade.draw(condition, noise)
        seen = torch.softmax(method.namer.encode(first)[1], dim=1)
    log_mel, heard = split_embedding(condition, method.config.network)
    torch.testing.assert_close(cascade.second.given, with_planes([first, log_mel], heard - seen))
    assert cascade.second.given.shape == (8, 3 + 1 + 13, 64, 64)


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    method = cascade_gan()
    method.config = replace(method.config, l1_weight=7.0)
    _, generator = method.updates(batch())
    logs = generator.logs
    expected = 7 * (logs["l1_first"] + logs["l1_second"])
    expected = expected + logs["adversarial"] + logs["class_first"] + logs["class_second"]
    torch.testing.assert_close(generator.loss.detach(), expected)


def test_the_discriminator_judges_patches() -> None:
    method = cascade_gan()
    condition, real = method.condition_and_real(batch())
    logits = method.players["discriminator"](real, condition)
    assert logits.shape == (8, 8, 8)
    update = next(method.updates(batch()))
    torch.testing.assert_close(update.logs["real_logit"], logits.mean().detach())


def test_it_learns_beyond_constants_and_hears_its_condition() -> None:
    method = cascade_gan()
    learn(method, 45)
    condition, real = method.condition_and_real(batch(step=99))
    noise = torch.randn(8, method.noise_size)
    with torch.no_grad():
        fake, swapped = method.generate(condition, noise), method.generate(condition.flip(0), noise)
    error, best_constant = error_beside_constant(fake, real)
    assert error < best_constant / 2
    assert error_beside_constant(swapped, real)[0] > 2 * error


def test_what_is_exported_is_the_cascade_with_its_namer() -> None:
    method = cascade_gan()
    (translator,) = method.translators()
    condition, _ = method.condition_and_real(batch())
    torch.testing.assert_close(translator.embed(batch()), condition)
    assert translator.embedding_size == condition.shape[1] == 64 * 64 + 13
    noise = torch.randn(8, translator.noise_size)
    with torch.no_grad():
        fake = translator.generator.eval()(condition, noise)
        other = translator.generator(condition, -noise)
        torch.testing.assert_close(fake, method.generate(condition, noise))
    assert float((fake - other).abs().max()) > 0
    assert pytest.approx(1.0) == float(condition[0, -13:].sum())
