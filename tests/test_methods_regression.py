"""S2I-A without its adversary: the loss by hand, and learning that beats a constant."""

from __future__ import annotations

import torch

from sightsound.recipes import recipe
from test_methods import regression
from toy_batch import batch, error_beside_constant, learn, taught_encoder


def test_the_loss_is_the_mean_squared_error() -> None:
    method = regression()
    torch.manual_seed(1)
    (update,) = method.updates(batch())
    torch.manual_seed(1)
    condition, real = method.condition_and_real(batch())
    fake = method.generate(condition, torch.randn(8, method.noise_size))
    torch.testing.assert_close(update.loss, (fake - real).square().sum() / (8 * 3 * 64 * 64))


def test_it_learns_beyond_constants_and_hears_its_condition() -> None:
    method = regression(taught_encoder())
    loop = learn(method, 100, learning_rate=1e-3)
    condition, real = method.condition_and_real(batch(step=99))
    with torch.no_grad(), loop.inference():
        noise = torch.randn(8, method.noise_size)
        fake, swapped = method.generate(condition, noise), method.generate(condition.flip(0), noise)
    error, best_constant = error_beside_constant(fake, real)
    assert error < best_constant / 2
    assert error_beside_constant(swapped, real)[0] > 2 * error


def test_it_stands_on_what_s2i_c_stands_on() -> None:
    run, base = recipe("s2i_a_mse"), recipe("s2i_c")
    assert run.method.stands_on == base.method.stands_on
    assert run.training == base.training
