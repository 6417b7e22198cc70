"""Encoders trained as autoencoders: what shapes them, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from torch.nn import functional

from sightsound.config import to_json
from sightsound.methods.autoencoder import ReconstructionErrors
from sightsound.methods.encoder_autoencoder import EncoderAutoencoder
from sightsound.networks.autoencoder import ReconstructingEncoder
from sightsound.recipes import recipe
from sightsound.training.run import build_method
from toy_batch import batch, learn


def autoencoder(name: str) -> EncoderAutoencoder:
    torch.manual_seed(0)
    method = build_method(recipe(name), Path())
    assert isinstance(method, EncoderAutoencoder)
    return method


@pytest.mark.parametrize("name", ["sound_autoencoder", "image_autoencoder"])
def test_the_picture_alone_shapes_the_encoder(name: str) -> None:
    """Mutant: the classes read the embedding itself, and S2I-A becomes S2I-C."""
    method = autoencoder(name)
    network = cast(ReconstructingEncoder, method.players["encoder"].eval())
    picture = method.picture(batch())
    embedding, logits = network(picture)
    assert network.reconstruct(embedding).shape == picture.shape
    functional.cross_entropy(logits, batch().label).backward()
    moved = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {"encoder.head.classes.weight", "encoder.head.classes.bias"}


def test_the_loss_is_the_mean_squared_error_beside_the_readers() -> None:
    method = autoencoder("image_autoencoder")
    method.players.eval()  # no dropout: the same numbers twice
    network = cast(ReconstructingEncoder, method.players["encoder"])
    embedding, logits = network(batch().image)
    error = (network.reconstruct(embedding) - batch().image).square().mean()
    naming = -torch.log_softmax(logits, dim=1)[torch.arange(8), batch().label].mean()
    (update,) = method.updates(batch())
    torch.testing.assert_close(update.loss, error + naming)
    torch.testing.assert_close(update.logs["mse"], error.detach())


def test_an_autoencoder_beats_the_mean_picture() -> None:
    method = autoencoder("image_autoencoder")
    loop = learn(method, 35)
    with loop.inference():
        figures = method.validate([batch(step=77)])
    assert figures["mse"] < figures["constant_mse"] / 2
    assert figures["score"] == -figures["mse"]


@pytest.mark.parametrize(
    ("variant", "base", "encoder"),
    [("s2i_a", "s2i_c", "sound_autoencoder"), ("i2s_a", "i2s", "image_autoencoder")],
)
def test_variant_a_is_its_base_on_another_encoder(variant: str, base: str, encoder: str) -> None:
    changed = to_json(recipe(base))
    changed["recipe"], changed["method"]["encoder"] = variant, encoder
    assert to_json(recipe(variant)) == changed


def test_the_constant_is_one_for_the_whole_set() -> None:
    """Mutant: each batch its own mean, which is no constant and errs less."""
    errors = ReconstructionErrors()
    for value in (-1.0, 1.0):  # each batch alike in itself, the two unlike
        picture = torch.full((4, 1, 2, 2), value)
        errors.add(picture + 0.5, picture)
    assert errors.figures() == pytest.approx({"mse": 0.25, "constant_mse": 1.0, "score": -0.25})
