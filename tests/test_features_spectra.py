"""Log-mel pictures against librosa; scaling, resizing, and numpy against torch and ONNX."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import ConfigError
from sightsound.features import spectra, torch_spectra
from sightsound.features.spectra import LogMelConfig

RATE = 44_100
SAMPLES = 22_050


def tones(*partials: tuple[float, float], seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(a * np.sin(2 * np.pi * f * time) for f, a in partials).astype(np.float32)


def sounds() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    time = np.arange(SAMPLES) / RATE
    impulse = np.zeros(SAMPLES, np.float32)
    impulse[9000] = 1.0
    vibrato = sum(
        0.3 / k * np.sin(k * (2 * np.pi * 440 * time + 3 * np.sin(2 * np.pi * 5.5 * time)))
        for k in range(1, 12)
    )
    noise = generator.standard_normal(SAMPLES)
    burst = np.where((time > 0.2) & (time < 0.25), noise * 0.3, 0.0)
    return {
        "tone": tones((440, 0.5)),
        "chord": (tones((261.6, 0.3), (329.6, 0.2), (392.0, 0.2)) * np.exp(-6 * time)),
        "vibrato": vibrato,
        "burst": burst,
        "music": vibrato * np.minimum(1, time * 20) + 1e-3 * noise,
        "white noise": noise * 0.3,
        "silence": np.zeros(SAMPLES),
        "impulse": impulse,
        "clipped": np.clip(tones((200, 4.0)), -1, 1),
        "faint": 1e-5 * vibrato,
    }


def librosa_log_mel(waveform: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(y=waveform.astype(np.float32).astype(float), sr=RATE)
    return librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=80.0)


@pytest.mark.parametrize("name", sounds())
def test_the_papers_picture_is_librosas(name: str) -> None:
    # Mutants: `htk` mels, reflected padding, magnitude for power, a symmetric window.
    waveform = sounds()[name]
    log_mel = spectra.log_mel(waveform)
    assert log_mel.shape == (128, 44)
    assert log_mel.dtype == np.float32
    np.testing.assert_allclose(log_mel, librosa_log_mel(waveform), atol=1e-3)


@pytest.mark.parametrize("name", sounds())
@pytest.mark.parametrize("by_products", [False, True])
def test_torch_gives_numpys_picture(name: str, by_products: bool) -> None:
    waveform = sounds()[name].astype(np.float32)
    module = torch_spectra.LogMel()
    power = module.power_by_products if by_products else module.power
    decibels = module.decibels(power(torch.tensor(waveform)[None]))
    # 80 dB under the loudest, float32 products err by some thousandths of a decibel.
    np.testing.assert_allclose(decibels[0].numpy(), spectra.log_mel(waveform), atol=4e-3)


def test_mel_filters_are_librosas_for_other_numbers() -> None:
    config = LogMelConfig(sample_rate=22_050, n_fft=1024, n_mels=40, f_min=50, f_max=8000)
    expected = librosa.filters.mel(sr=22_050, n_fft=1024, n_mels=40, fmin=50, fmax=8000)
    np.testing.assert_allclose(spectra.mel_filters(config), expected, atol=1e-7)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (1024, 256), (1200, 500), (16, 3)])
@pytest.mark.parametrize("samples", [1, 500, 5001])
def test_other_sizes_agree_between_numpy_and_torch(
    n_fft: int, hop_length: int, samples: int
) -> None:
    config = LogMelConfig(n_fft=n_fft, hop_length=hop_length, n_mels=20)
    waveform = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    expected = spectra.log_mel_to_unit(spectra.log_mel(waveform, config), config)
    module = torch_spectra.LogMel(config)
    got = module(torch.tensor(waveform))
    assert got.shape == (2, 1, 20, config.frames(samples))
    np.testing.assert_allclose(got[:, 0].numpy(), expected, atol=1e-4)
    products = module.decibels(module.power_by_products(torch.tensor(waveform)))
    np.testing.assert_allclose(products.numpy(), spectra.log_mel(waveform, config), atol=1e-2)


def test_top_db_is_each_examples_own() -> None:
    loud, faint = tones((440, 0.9)), tones((440, 1e-5))
    both = spectra.log_mel(np.stack((loud, faint)))
    np.testing.assert_array_equal(both[1], spectra.log_mel(faint))
    module = torch_spectra.LogMel()
    batch = module(torch.tensor(np.stack((loud, faint))))
    torch.testing.assert_close(batch[1:], module(torch.tensor(faint)[None]), atol=1e-5, rtol=0)


def test_module_keeps_float32_under_autocast_and_nothing_in_its_state() -> None:
    module = torch_spectra.LogMel()
    waveform = torch.tensor(tones((440, 0.5), (3000, 1e-3)))[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = module(waveform)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, module(waveform))
    assert not module.state_dict()


def test_module_passes_gradients() -> None:
    waveform = torch.tensor(tones((440, 0.5)))[None].requires_grad_()
    torch_spectra.LogMel()(waveform).mean().backward()
    assert waveform.grad is not None
    assert torch.isfinite(waveform.grad).all()
    silent = torch.zeros(1, SAMPLES, requires_grad=True)
    torch_spectra.LogMel()(silent).mean().backward()
    assert torch.isfinite(silent.grad).all()


@given(st.lists(st.floats(-80, 50, width=32), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_scaling_and_its_inverse_undo_each_other(values: list[float]) -> None:
    decibels = np.array(values, np.float32)
    unit = spectra.log_mel_to_unit(decibels)
    assert np.abs(unit).max() <= 1.0
    np.testing.assert_allclose(spectra.unit_to_log_mel(unit), decibels, atol=2e-5)
    again = spectra.log_mel_to_unit(spectra.unit_to_log_mel(unit))
    np.testing.assert_allclose(again, unit, atol=3e-7)
    config = LogMelConfig()
    tensor = torch_spectra.log_mel_to_unit(torch.tensor(decibels), config)
    np.testing.assert_allclose(tensor.numpy(), unit, atol=3e-7)
    np.testing.assert_allclose(
        torch_spectra.unit_to_log_mel(tensor, config).numpy(), decibels, atol=3e-5
    )


def test_scaling_has_its_ends_where_the_config_says() -> None:
    unit = spectra.log_mel_to_unit(np.array([-200, -80, -15, 50, 90], np.float32))
    np.testing.assert_allclose(unit, [-1, -1, 0, 1, 1], atol=1e-6)


def test_a_full_scale_sine_stays_under_the_ceiling() -> None:
    loudest = max(spectra.log_mel(tones((f, 1.0))).max() for f in (100, 440, 1000, 5000))
    assert 38 < loudest < 45


@pytest.mark.parametrize(
    ("source", "target"), [((128, 44), (64, 64)), ((64, 64), (128, 44)), ((20, 7), (20, 9))]
)
def test_resizing_is_torchs_antialiased_one_and_the_same_on_both_sides(source, target) -> None:
    picture = np.random.default_rng(0).standard_normal((3, *source)).astype(np.float32)
    got = spectra.resize_log_mel(picture, target)
    expected = torch.nn.functional.interpolate(
        torch.tensor(picture)[:, None], target, mode="bilinear", antialias=True
    )
    np.testing.assert_allclose(got, expected[:, 0].numpy(), atol=1e-5)
    same = torch_spectra.resize_log_mel(torch.tensor(picture), target)
    np.testing.assert_allclose(got, same.numpy(), atol=1e-6)


def test_resizing_there_and_back_loses_what_is_stated() -> None:
    music = spectra.log_mel(sounds()["music"])
    back = spectra.resize_log_mel(spectra.resize_log_mel(music, (64, 64)), (128, 44))
    assert np.abs(back - music).mean() < 5.5
    np.testing.assert_allclose(
        spectra.resize_log_mel(np.full((128, 44), -7, np.float32), (64, 64)), -7, atol=1e-5
    )


@pytest.mark.parametrize(
    "numbers",
    [
        {"n_fft": 10},
        {"hop_length": 0},
        {"hop_length": 4096},
        {"n_mels": 0},
        {"f_min": 9000.0, "f_max": 8000.0},
        {"f_max": 30_000.0},
        {"floor_db": 60.0},
    ],
)
def test_impossible_numbers_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        LogMelConfig(**numbers)
