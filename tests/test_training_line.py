"""The line that followed the paper, from a data set to packages that make pictures and sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tone_dataset
from sightsound.errors import ModelError
from sightsound.export.run import export_run
from sightsound.generation.model import Model
from sightsound.packages.load import load_package
from sightsound.pairs.store import StoreConfig, open_store
from sightsound.shapes import Direction
from sightsound.training.run import train

FEW = (
    "training.steps=1",
    "training.batch_size=4",
    "training.validation_pairs=3",
    "training.precision=float32",
)
SMALL = {
    "s2i_a": ("method.network.base_channels=8",),
    "s2i_a_mse": ("method.network.base_channels=8",),
    "s2i_person": ("method.network.base_channels=8", 'pairs.instruments=["flute", "violin"]'),
    "sa_cmgan_s2i": ("method.network.base_channels=8", "method.network.hidden_size=32"),
    "cvae_i2s": ("method.network.base_channels=8", "method.network.recogniser_channels=8"),
    "car_gan": ("method.network.base_channels=8", "method.network.patch_channels=8"),
    "cmcgan": ("method.network.base_channels=8", "method.network.pair_size=16"),
}
FOUNDATIONS = {
    "sa_sound_classifier": ("method.network.base_channels=4", "method.network.hidden_size=16"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tones"
    dataset = tone_dataset.make(folder, seconds=0.7)
    open_store(dataset, StoreConfig(), workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoders and examiners that the methods stand on, after one step."""
    folder = tmp_path_factory.mktemp("runs")
    for name in (
        *("sound_classifier", "image_classifier", "robust_image_classifier"),
        *("sound_autoencoder", "sa_sound_classifier"),
    ):
        settings = (*FEW, *FOUNDATIONS.get(name, ()))
        train(name, data, output=folder / name, settings=settings, quiet=True)
    return folder


@pytest.mark.parametrize("recipe", list(SMALL))
def test_a_method_becomes_a_model_that_nothing_else_must_know_of(
    data: Path, runs: Path, tmp_path: Path, recipe: str
) -> None:
    run = train(recipe, data, output=runs / recipe, settings=(*FEW, *SMALL[recipe]), quiet=True)
    model = Model(load_package(export_run([run], tmp_path / "model")))
    if Direction.SOUND_TO_IMAGE in model.directions:
        tone = 0.1 * np.sin(np.arange(33_075) / 20, dtype=np.float32)
        image = model.sound_to_image(tone, 44_100)
        assert image.shape == (3, 64, 64)
        assert float(np.abs(image - model.sound_to_image(tone, 44_100, seed=1)).max()) > 0
        assert list((run / "samples").glob("*.png"))
    if Direction.IMAGE_TO_SOUND in model.directions:
        sound = model.image_to_sound(np.zeros((3, 64, 64), np.float32), seconds=0.5)
        assert sound.shape[-1] == 22_050
        assert list((run / "samples").glob("*.wav"))
    assert len(model.directions) == (2 if recipe == "cmcgan" else 1)


def test_the_dynamic_classifier_stands_on_a_trained_cmcgan(data: Path, runs: Path) -> None:
    settings = (*FEW, *SMALL["cmcgan"])
    if not (runs / "cmcgan").exists():
        train("cmcgan", data, output=runs / "cmcgan", settings=settings, quiet=True)
    run = train(
        "cmcgan_classifier", data, output=runs / "cmcgan_classifier", settings=FEW, quiet=True
    )
    with pytest.raises(ModelError, match="generates nothing"):
        export_run([run], runs / "no model")


def test_an_autoencoder_is_no_examiner(data: Path, runs: Path) -> None:
    with pytest.raises(ModelError, match="a run of sound_autoencoder, which is no classifier"):
        train(
            "i2s",
            data,
            output=runs / "wrong",
            settings=(*FEW, "method.examiner=sound_autoencoder"),
            quiet=True,
        )
