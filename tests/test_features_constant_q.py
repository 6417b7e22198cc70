"""The constant-Q picture: its bins lie where they say, and it looks like librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from sightsound.errors import ConfigError
from sightsound.features.constant_q import ConstantQ, ConstantQConfig

RATE = 44_100


def sines(frequencies: np.ndarray, seconds: float = 0.5) -> torch.Tensor:
    time = np.arange(round(seconds * RATE)) / RATE
    waves = np.sin(2 * np.pi * np.asarray(frequencies)[:, None] * time + 0.3)
    return torch.tensor(waves, dtype=torch.float32)


def test_a_sine_at_a_bins_centre_peaks_there_at_zero_decibels() -> None:
    # Mutant: one decimation too few or too many in `decimations`.
    config = ConstantQConfig()
    power = ConstantQ(config).power(sines(config.frequencies))[:, :, 5]
    assert power.argmax(dim=1).tolist() == list(range(config.bins))
    level = 10 * power.diagonal().log10()
    assert level.abs().max() < 0.05


def test_quarter_tones_part_above_seventy_hertz() -> None:
    config = ConstantQConfig()
    low = int(np.searchsorted(config.frequencies, 70.0))
    power = ConstantQ(config).power(sines(config.frequencies[low:]))[:, :, 5]
    for row, values in enumerate(power):
        for neighbour in (low + row - 2, low + row + 2):
            if 0 <= neighbour < config.bins:
                assert values[neighbour] < 0.02 * values[low + row]


def test_aliases_stay_far_below() -> None:
    power = ConstantQ().power(sines(np.array([13_600.0, 15_000.0, 18_000.0, 20_000.0])))
    assert 10 * power[..., 2:-2].max().log10() < -60


def test_shape_range_and_state() -> None:
    module = ConstantQ()
    picture = module(torch.cat((sines(np.array([440.0])), torch.zeros(1, 22_050))))
    assert picture.shape == (2, 1, 192, 11)
    assert picture.abs().max() <= 1.0
    assert (picture[1] == -1).all()
    assert not module.state_dict()
    # Octaves share their kernels, so the graph stays small.
    assert sum(buffer.numel() for buffer in module.buffers()) < 30_000


@pytest.mark.parametrize("samples", [1, 2047, 2048, 22_049, 30_000])
def test_any_length_gives_the_promised_frames(samples: int) -> None:
    config = ConstantQConfig()
    assert ConstantQ(config).power(torch.randn(1, samples)).shape == (
        1,
        192,
        config.frames(samples),
    )


def test_it_looks_like_librosas() -> None:
    config = ConstantQConfig()
    time = np.arange(3 * RATE) / RATE
    waveform = sum(0.1 * np.sin(2 * np.pi * f * time) for f in (220, 440, 660, 880, 1320))
    waveform = waveform + 0.1 * np.sin(2 * np.pi * 1500 * time + 4 * np.sin(10 * np.pi * time))
    expected = np.abs(
        librosa.cqt(
            waveform,
            sr=RATE,
            hop_length=2048,
            fmin=config.f_min,
            n_bins=192,
            bins_per_octave=24,
        )
    )[48:, 10:55]
    got = ConstantQ(config).power(torch.tensor(waveform, dtype=torch.float32)[None])
    mine = 10 * np.log10(np.maximum(got[0, 48:, 10:55].numpy(), 1e-7))
    theirs = librosa.amplitude_to_db(expected, ref=np.max, top_db=70)
    assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    "numbers", [{"f_min": 0.0}, {"octaves": 10}, {"hop_length": 500}, {"octaves": 0}]
)
def test_impossible_numbers_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        ConstantQConfig(**numbers)
