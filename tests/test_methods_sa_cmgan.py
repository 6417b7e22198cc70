"""SA-CMGAN: its losses by hand, its attention and norms, and learning beyond constants."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from sightsound.methods.protocol import AdamConfig
from sightsound.methods.sa_cmgan import SelfAttentionGan, discriminator_hinge, generator_hinge
from sightsound.networks.attention import (
    AttentionDiscriminator,
    AttentionEncoder,
    AttentionEncoderConfig,
    AttentionGanConfig,
    AttentionGenerator,
    SelfAttention,
)
from sightsound.pairs.batches import PairBatch
from sightsound.training.loop import Loop, TrainingConfig
from test_methods import self_attention_gan
from toy_batch import batch, taught_encoder


def test_the_hinge_losses_by_hand() -> None:
    real, fake, wrong = torch.tensor([0.5, 2.0]), torch.tensor([-3.0, 0.0]), torch.tensor([1.0])
    # real: (0.5 + 0) / 2; fake: (0 + 1) / 2; mismatched: 2
    assert float(discriminator_hinge(real, fake, wrong)) == pytest.approx(0.25 + (0.5 + 2) / 2)
    assert float(discriminator_hinge(real, fake, None)) == pytest.approx(0.25 + 0.5)
    assert float(generator_hinge(fake)) == pytest.approx(1.5)


def test_the_discriminator_steps_every_second_time() -> None:
    method = self_attention_gan("sa_cmgan_s2i")
    players = [[u.player for u in method.updates(batch(step=step))] for step in range(3)]
    assert players == [
        ["discriminator", "generator"],
        ["generator"],
        ["discriminator", "generator"],
    ]
    method.config = replace(method.config, discriminator_every=1)
    assert len(list(method.updates(batch(step=1)))) == 2


def test_attention_is_the_softmax_of_query_and_pooled_key() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(16)
    x = torch.randn(1, 16, 4, 4)
    torch.testing.assert_close(attention(x), x)  # γ = 0: as if it were not there
    with torch.no_grad():
        attention.strength.fill_(2.0)
    query, key, value = attention.query(x), attention.key(x), attention.value(x)
    pooled = [
        torch.stack([p[0, :, i : i + 2, j : j + 2].amax((1, 2)) for i in (0, 2) for j in (0, 2)])
        for p in (key, value)
    ]
    expected = torch.empty(1, 8, 4, 4)
    for row in range(4):
        for column in range(4):
            scores = pooled[0] @ query[0, :, row, column]
            weights = scores.exp() / scores.exp().sum()
            expected[0, :, row, column] = (weights[:, None] * pooled[1]).sum(0)
    torch.testing.assert_close(attention(x), x + 2 * attention.out(expected))


def test_no_layer_of_the_discriminator_stretches_more_than_its_norm_allows() -> None:
    torch.manual_seed(0)
    config = AttentionGanConfig(base_channels=8, hidden_size=32)
    discriminator = AttentionDiscriminator(config, channels=3)
    for _ in range(30):  # each pass is a step of the power iteration
        discriminator(torch.randn(2, 3, 64, 64), torch.randn(2, 128))
    largest = [
        float(torch.linalg.svdvals(module.weight.detach().flatten(1))[0])
        for name, module in discriminator.named_modules()
        if name and hasattr(module, "parametrizations")
    ]
    assert len(largest) == 5 + 4 + 2  # convolutions, attention, fully connected
    assert max(largest) < 1.1


def test_the_sizes_are_those_of_the_published_code() -> None:
    config = AttentionGanConfig()
    with torch.device("meta"):
        generator = AttentionGenerator(config, channels=3)
        discriminator = AttentionDiscriminator(config, channels=3)
        encoder = AttentionEncoder(AttentionEncoderConfig(input_channels=1))
        picture = generator(torch.empty(2, 128), torch.empty(2, 62))
        assert picture.shape == (2, 3, 64, 64)
        assert discriminator.features(picture).shape == (2, 512, 4, 4)
        assert discriminator(picture, torch.empty(2, 128)).shape == (2,)
        assert encoder.convolutions(torch.empty(2, 1, 64, 64)).shape == (2, 512, 4, 4)
    assert discriminator.hidden.in_features == (512 + 64) * 4 * 4
    assert generator.project.in_features == 64 + 62


def test_an_encoder_takes_log_mels_of_any_size() -> None:
    config = AttentionEncoderConfig(input_channels=1, base_channels=4, hidden_size=8)
    embedding, logits = AttentionEncoder(config)(torch.randn(2, 1, 128, 44))
    assert embedding.shape == (2, 128)
    assert logits.shape == (2, 13)


def test_sigmoids_are_those_of_the_published_code() -> None:
    kinds = {}
    for sigmoids in (True, False):
        config = AttentionGanConfig(base_channels=8, sigmoids=sigmoids)
        generator = AttentionGenerator(config, channels=3)
        kinds[sigmoids] = sum(isinstance(m, nn.Sigmoid) for m in generator.modules())
    assert kinds == {True: 2, False: 0}


def pooled(pairs: PairBatch) -> PairBatch:
    """The same with images of half the size."""
    return replace(pairs, image=functional.avg_pool2d(pairs.image, 2))


def test_it_learns_beyond_constants_and_hears_its_condition() -> None:
    """Squared errors, whose best constant answer is the mean."""
    encoder = taught_encoder()
    method = self_attention_gan("sa_cmgan_s2i", encoder)
    network = replace(method.config.network, picture_size=(32, 32), base_channels=16)
    config = replace(
        method.config,
        network=network,
        discriminator_every=1,
        generator_adam=AdamConfig(learning_rate=5e-4, beta1=0.0),
        discriminator_adam=AdamConfig(learning_rate=2e-3, beta1=0.0),
    )
    torch.manual_seed(0)
    method = SelfAttentionGan(config, encoder=encoder, examiner=method.examiner)
    loop = Loop(method, TrainingConfig(precision="float32"))
    for step in range(240):
        loop.step = step
        loop.train_step(pooled(batch(step=step)))
    condition, real = method.condition_and_real(pooled(batch(step=99)))
    noise = torch.randn(8, method.noise_size)
    with torch.no_grad(), loop.inference():
        error = (method.generate(condition, noise) - real).square().mean()
        swapped = (method.generate(condition.flip(0), noise) - real).square().mean()
    assert error < 0.9 * (real.mean(dim=0) - real).square().mean()
    assert swapped > 2 * error
