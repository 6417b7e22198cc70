"""The conditional variational autoencoder: its terms by hand, and learning beyond constants."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import pytest
import torch

from sightsound.methods.cvae import kl_divergence
from sightsound.networks.variational import VariationalGenerator
from test_methods import variational
from toy_batch import batch, error_beside_constant, learn, taught_encoder


def test_the_divergence_by_hand_and_by_torch() -> None:
    mean, variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 4.0]])
    by_hand = (1 / 2) + (4 - 1 - math.log(4.0)) / 2
    assert float(kl_divergence(mean, variance.log())) == pytest.approx(by_hand)
    normal = torch.distributions.Normal
    by_torch = torch.distributions.kl_divergence(normal(mean, variance.sqrt()), normal(0.0, 1.0))
    assert float(by_torch.sum()) == pytest.approx(by_hand)


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    """Mutant: a weight left out, or a term that does not reach the loss."""
    method = variational("cvae_s2i")
    weights = {"kl_weight": 0.5, "class_weight": 0.25, "adversarial_weight": 0.125}
    method.config = replace(method.config, **weights)
    _, generator = method.updates(batch())
    logs = generator.logs
    expected = logs["l1"] + 0.5 * logs["kl"] + 0.25 * logs["class"] + 0.125 * logs["adversarial"]
    torch.testing.assert_close(generator.loss.detach(), expected)
    assert min(float(logs[name]) for name in ("l1", "kl", "class", "adversarial")) > 0


def test_class_and_adversary_judge_what_is_made_of_noise() -> None:
    """Mutant: what is made of a recognised latent, which may have its class from there."""
    method = variational("cvae_s2i")
    made: list[torch.Tensor] = []
    judged: list[torch.Tensor] = []
    method.players["generator"].register_forward_hook(lambda *call: made.append(call[2]))
    method.players["discriminator"].register_forward_pre_hook(
        lambda _, given: judged.append(given[0])
    )
    list(method.updates(batch()))
    again, fake = made
    assert not torch.allclose(again, fake)
    torch.testing.assert_close(judged[1], fake)
    torch.testing.assert_close(judged[2], fake)


def test_the_class_reader_learns_from_real_pictures_alone() -> None:
    method = variational("cvae_s2i")
    discriminator = method.players["discriminator"]
    discriminator.eval()  # batch norms that do not see the batch
    (update, _) = method.updates(batch())
    update.loss.backward()
    gradient = discriminator.classes.bias.grad
    _, classes = discriminator(batch().image)
    share = torch.softmax(classes, dim=1).mean(0)
    share[:2] -= 0.5  # half of the pictures are of each of two classes
    torch.testing.assert_close(gradient, share)


def test_it_learns_beyond_constants_and_hears_its_condition() -> None:
    method = variational("cvae_s2i", taught_encoder())
    loop = learn(method, 100)
    condition, real = method.condition_and_real(batch(step=99))
    noise = torch.randn(8, method.noise_size)
    with torch.no_grad(), loop.inference():
        fake, swapped = method.generate(condition, noise), method.generate(condition.flip(0), noise)
        generator = cast(VariationalGenerator, method.players["generator"])
        mean, _ = generator.recognise(real, condition)
        again = generator(condition, mean)
    error, best_constant = error_beside_constant(fake, real)
    assert error < best_constant / 2
    assert error_beside_constant(swapped, real)[0] > 2 * error
    assert error_beside_constant(again, real)[0] < best_constant / 2
