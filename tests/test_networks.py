"""Shapes and sizes of the networks, against the paper's figures and numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sightsound.methods.classifier import build_encoder
from sightsound.methods.conditional_gan import build_gan
from sightsound.networks.autoencoder import Autoencoder, AutoencoderConfig
from sightsound.networks.paper import (
    PaperDiscriminator,
    PaperGanConfig,
    PaperGenerator,
    PaperImageEncoder,
    PaperImageEncoderConfig,
    PaperSoundEncoder,
    PaperSoundEncoderConfig,
)
from sightsound.networks.residual import (
    ResidualDiscriminator,
    ResidualEncoderConfig,
    ResidualGanConfig,
    ResidualGenerator,
)
from sightsound.networks.strided import StridedEncoderConfig


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_sound_encoder_has_the_weights_of_figure_4() -> None:
    encoder = PaperSoundEncoder(PaperSoundEncoderConfig())
    convolutions = (1 * 9 * 4 + 4) + (4 * 9 * 8 + 8) + (8 * 9 * 16 + 16) + (16 * 9 * 16 + 16)
    flat = 16 * 8 * 3  # 128×44 halved four times
    head = (flat * 1024 + 1024) + (1024 * 128 + 128) + (128 * 13 + 13)
    assert weights(encoder) == convolutions + head
    embedding, logits = encoder(torch.zeros(2, 1, 128, 44))
    assert embedding.shape == (2, 128)
    assert logits.shape == (2, 13)


def test_image_encoder_has_the_convolutions_of_figure_5() -> None:
    encoder = PaperImageEncoder(PaperImageEncoderConfig())
    kernels = [m.out_channels for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [16, 16, 32, 32, 64, 64]
    embedding, logits = encoder(torch.zeros(2, 3, 64, 64))
    assert embedding.shape == (2, 128)
    assert logits.shape == (2, 13)


def test_gan_has_the_sizes_of_figure_2() -> None:
    config = PaperGanConfig()
    generator = PaperGenerator(config, channels=3)
    assert generator.condition.layer.weight.shape == (64, 128)
    assert generator.project.weight.shape == (512 * 4 * 4, 64 + 10)
    picture = generator(torch.randn(2, 128), torch.randn(2, 10))
    assert picture.shape == (2, 3, 64, 64)
    discriminator = PaperDiscriminator(config, channels=3)
    assert discriminator.features(picture).shape == (2, 512, 4, 4)
    assert discriminator.join[0].in_channels == 512 + 64
    assert discriminator(picture, torch.randn(2, 128)).shape == (2,)


@pytest.mark.parametrize(
    ("generator", "discriminator", "noise"),
    [
        (
            PaperGenerator(PaperGanConfig(), channels=1),
            PaperDiscriminator(PaperGanConfig(), channels=1),
            10,
        ),
        (
            ResidualGenerator(ResidualGanConfig(), channels=1),
            ResidualDiscriminator(ResidualGanConfig(), channels=1),
            64,
        ),
    ],
)
def test_every_weight_of_a_gan_takes_part(
    generator: nn.Module, discriminator: nn.Module, noise: int
) -> None:
    """Mutant: a condition that is computed and not used."""
    torch.manual_seed(0)
    for module in (generator, discriminator):  # blocks that begin as the identity would hide it
        for parameter in module.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.02)
    embedding = torch.randn(4, 128)
    logit = discriminator(generator(embedding, torch.randn(4, noise)), embedding)
    logit.square().sum().backward()
    for module in (generator, discriminator):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (ResidualEncoderConfig(), (3, 64, 64)),
        (ResidualEncoderConfig(input_channels=1, peak_relative=True), (1, 128, 44)),
        (StridedEncoderConfig(), (1, 128, 44)),
        (StridedEncoderConfig(input_size=(192, 11)), (1, 192, 11)),
    ],
)
def test_encoders_take_pictures_of_either_modality(
    config: ResidualEncoderConfig | StridedEncoderConfig, shape: tuple[int, int, int]
) -> None:
    embedding, logits = build_encoder(config)(torch.randn(2, *shape))
    assert embedding.shape == (2, 128)
    assert logits.shape == (2, 13)


@pytest.mark.parametrize("size", [(128, 32), (64, 64), (32, 48)])
def test_gans_make_pictures_of_any_size_in_sixteenths(size: tuple[int, int]) -> None:
    embedding = torch.randn(2, 128)
    for picture, logit in (
        _through(PaperGanConfig(picture_size=size), embedding),
        _through(ResidualGanConfig(picture_size=size), embedding),
    ):
        assert picture.shape == (2, 1, *size)
        assert logit.shape == (2,)


def _through(
    config: PaperGanConfig | ResidualGanConfig, embedding: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    generator, discriminator = build_gan(config, channels=1)
    picture = generator(embedding, torch.randn(len(embedding), config.noise_size))
    return picture, discriminator(picture, embedding)


@pytest.mark.parametrize(
    "config",
    [
        ResidualEncoderConfig(input_channels=1, peak_relative=True),
        StridedEncoderConfig(peak_relative=True),
    ],
)
def test_a_peak_relative_encoder_does_not_hear_level(
    config: ResidualEncoderConfig | StridedEncoderConfig,
) -> None:
    encoder = build_encoder(config).eval()
    picture = torch.rand(2, 1, 128, 44)
    torch.testing.assert_close(encoder(picture)[1], encoder(picture - 0.3)[1])


def test_the_autoencoder_squeezes_through_its_latent() -> None:
    network = Autoencoder(AutoencoderConfig())
    image = torch.rand(2, 3, 64, 64)
    assert network.encode(image).shape == (2, 128)
    assert network(image).shape == image.shape
