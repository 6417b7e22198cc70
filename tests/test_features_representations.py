"""The paper's other representations: its shapes, librosa's numbers, and encoders that fit them."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from sightsound.errors import ConfigError
from sightsound.features.constant_q import ConstantQ
from sightsound.features.representations import (
    Mel,
    Mfcc,
    MfccConfig,
    Stft,
    StftConfig,
    cosine_transform,
)
from sightsound.methods.classifier import Classifier, ClassifierConfig
from sightsound.recipes import PAPER_CQT, recipe

RATE, SAMPLES = 44_100, 22_050
TABLE_1 = {"ms": (128, 44), "cqt": (96, 173), "mfcc": (20, 44), "stft": (513, 87)}


def sounds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    time = np.arange(SAMPLES) / RATE
    tone = sum(0.2 / k * np.sin(2 * np.pi * 330 * k * time) for k in range(1, 8))
    return {
        "tone": np.asarray(tone) * np.minimum(1, time * 30) + 1e-3 * rng.standard_normal(SAMPLES),
        "noise": 0.3 * rng.standard_normal(SAMPLES),
        "silence": np.zeros(SAMPLES),
    }


def heard(module: torch.nn.Module, waveform: np.ndarray) -> np.ndarray:
    picture: torch.Tensor = module(torch.tensor(waveform, dtype=torch.float32)[None])
    return picture[0, 0].numpy()


@pytest.mark.parametrize("name", sounds())
def test_each_picture_is_librosas(name: str) -> None:
    # Mutants: reflected padding, a symmetric window, power for magnitude, an unscaled DCT.
    waveform = sounds()[name].astype(np.float32)
    stft = np.abs(librosa.stft(waveform, n_fft=1024, hop_length=256, pad_mode="constant"))
    np.testing.assert_allclose(heard(Stft(), waveform), stft, atol=1e-3)
    mel = librosa.feature.melspectrogram(y=waveform, sr=RATE)
    np.testing.assert_allclose(heard(Mel(), waveform), mel, rtol=1e-3, atol=1e-5)
    mfcc = librosa.feature.mfcc(y=waveform, sr=RATE)
    np.testing.assert_allclose(heard(Mfcc(), waveform), mfcc, atol=0.02)


def test_the_papers_constant_q_looks_like_librosas() -> None:
    time = np.arange(2 * RATE) / RATE  # two seconds: low kernels fit inside
    sweep = np.sin(2 * np.pi * (200 * time + 400 * time**2))
    waveform = np.tile(sounds()["tone"], 4) + 0.2 * sweep
    theirs = np.abs(librosa.cqt(waveform, sr=RATE, hop_length=128, fmin=PAPER_CQT.f_min, n_bins=96))
    mine = heard(ConstantQ(PAPER_CQT), waveform)
    inside = (slice(24, None), slice(100, -100))  # above 130 Hz, where no kernel is cut short
    assert mine.shape == theirs.shape
    assert np.corrcoef(mine[inside].ravel(), theirs[inside].ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("name", "size"), TABLE_1.items())
@pytest.mark.parametrize("suffix", ["", "_3"])
def test_table_1_has_the_papers_shapes_and_networks(
    name: str, size: tuple[int, int], suffix: str
) -> None:
    config = recipe(f"sound_classifier_{name}{suffix}").method
    assert isinstance(config, ClassifierConfig)
    method = Classifier(config)
    waveform = torch.tensor(sounds()["tone"], dtype=torch.float32).repeat(2, 1)
    picture = method.picture_of_sound(waveform)
    assert picture.shape == (2, 1, *size)
    assert 0.02 < float(picture.square().mean().sqrt()) < 50  # the network meets no giant
    layers = [m for m in method.players.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [4, 8, 16, 16][: len(layers)]
    assert len(layers) == (3 if suffix else 4)
    assert method.encode(picture)[1].shape == (2, 13)


def test_the_cosine_transform_is_orthonormal() -> None:
    matrix = cosine_transform(20, 128)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(20), atol=1e-5)


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="hop_length"):
        StftConfig(hop_length=0)
    with pytest.raises(ConfigError, match="n_fft"):
        StftConfig(n_fft=15)
    with pytest.raises(ConfigError, match="coefficients"):
        MfccConfig(coefficients=129)
