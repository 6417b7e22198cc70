"""The Python interface on a tiny package: what comes out, what it depends on, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

import sightsound
from sightsound.errors import ConfigError, MediaError, ModelError
from sightsound.features.spectra import LogMelConfig, resize_log_mel, unit_to_log_mel
from sightsound.generation.model import Model, at_listening_level
from sightsound.generation.noise import noise
from sightsound.generation.windows import overlapping_windows
from sightsound.media.audio import resample
from sightsound.packages.save import save_package
from sightsound.shapes import Direction
from tiny_models import (
    generator,
    graph_bytes,
    image_encoder,
    sound_encoder,
    tiny_package,
    tiny_parts,
)

RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_package(folder)
    return sightsound.load(folder)


def tone(seconds: float = 1.0, rate: int = RATE, frequency: float = 440.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def picture(seed: int = 0, size: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (3, size, size)).astype(np.float32)


# --- The level of a sound -------------------------------------------------------------------


@pytest.mark.parametrize("gain", [1e-4, 1.0, 30.0])
def test_a_sound_comes_at_a_level_that_can_be_heard(gain: float) -> None:
    """Mutants: as soft as the log-mel happened to be; clipped."""
    heard = at_listening_level(gain * tone())
    assert 20 * np.log10(np.sqrt(np.mean(heard**2))) == pytest.approx(-20.0, abs=0.01)
    clicks = np.zeros(10_000, np.float32)
    clicks[::1000] = gain
    assert np.abs(at_listening_level(clicks)).max() == pytest.approx(0.99, abs=1e-5)
    assert not at_listening_level(np.zeros(100, np.float32)).any()


# --- Sound to picture ---------------------------------------------------------------------


def test_a_picture_of_a_sound(model: Model) -> None:
    image = model.sound_to_image(tone(), RATE)
    assert image.shape == (3, 16, 16)
    assert image.dtype == np.float32
    assert np.abs(image).max() <= 1
    np.testing.assert_array_equal(image, model.sound_to_image(tone(), RATE, seed=0))
    assert np.abs(image - model.sound_to_image(tone(), RATE, seed=1)).max() > 0.01
    assert np.abs(image - model.sound_to_image(tone(frequency=2000), RATE)).max() > 0.01


def test_it_is_the_graphs_on_windows_weighed_by_loudness(model: Model) -> None:
    """The pipeline a second time, by hand: windows, encoder, weighted mean, noise, generator."""
    rng = np.random.default_rng(0)
    waveform = (rng.normal(size=20_000) * np.linspace(0.01, 0.3, 20_000)).astype(np.float32)
    windows = np.stack([waveform[s : s + 8000] for s in (0, 4000, 8000, 12_000)])
    weights = np.sqrt((windows.astype(np.float64) ** 2).mean(axis=1))
    embedding, logits = model.encode_sound(windows)
    heard = model.hear(waveform, RATE)
    assert heard.windows == 4
    mean = np.average(embedding, axis=0, weights=weights)
    np.testing.assert_allclose(heard.embedding, mean, rtol=1e-4, atol=1e-6)
    powers = np.exp(np.average(logits, axis=0, weights=weights))
    np.testing.assert_allclose(heard.class_probabilities, powers / powers.sum(), rtol=1e-4)
    expected = model.generate_image(mean[None].astype(np.float32), noise(5, 0, 4)[None])[0]
    np.testing.assert_allclose(model.sound_to_image(waveform, RATE, seed=5), expected, atol=1e-4)


def test_shapes_channels_and_types_of_the_same_sound(model: Model) -> None:
    waveform = tone()
    image = model.sound_to_image(waveform, RATE)
    for same in (
        waveform[None],
        np.stack([waveform, waveform]),
        np.stack([2 * waveform, 0 * waveform]),
        waveform.astype(np.float64),
        list(map(float, waveform)),
    ):
        np.testing.assert_allclose(model.sound_to_image(same, RATE), image, atol=1e-5)
    whole = np.round(waveform * 32768).astype(np.int16)
    np.testing.assert_allclose(model.sound_to_image(whole, RATE), image, atol=0.01)
    other = tone(frequency=900)
    batch = model.sound_to_image(np.stack([waveform[None], other[None]]), RATE)
    assert batch.shape == (2, 3, 16, 16)
    np.testing.assert_array_equal(batch[0], image)
    np.testing.assert_array_equal(batch[1], model.sound_to_image(other, RATE))


def test_sounds_are_resampled_to_the_models_rate(model: Model) -> None:
    high = tone(rate=48_000)
    by_hand = resample(high[None], 48_000, RATE)
    np.testing.assert_array_equal(
        model.sound_to_image(high, 48_000), model.sound_to_image(by_hand, RATE)
    )
    # A band-limited tone is the same sound at any rate.
    np.testing.assert_allclose(
        model.sound_to_image(high, 48_000), model.sound_to_image(tone(), RATE), atol=0.02
    )


def test_half_a_second_is_enough_at_every_rate(model: Model) -> None:
    for rate in (8000, 11_025, 22_050, 44_100, 48_000, 192_000):
        assert model.hear(tone(0.5, rate), rate).windows >= 1


def test_blocks_make_no_difference(model: Model) -> None:
    waveform = tone(3.3) * np.linspace(0, 1, round(3.3 * RATE), dtype=np.float32)
    whole = model.hear(waveform, RATE)
    told: list[float] = []
    blocks = [waveform[None, i : i + 7000] for i in range(0, len(waveform), 7000)]
    timeline = model.hear_blocks(blocks, on_heard=told.append)
    (moment,) = timeline.pooled()
    np.testing.assert_allclose(moment.embedding, whole.embedding, rtol=1e-5, atol=1e-6)
    assert timeline.windows == whole.windows
    assert told == sorted(told)
    assert told[-1] == pytest.approx(3.3, abs=0.5)


def test_a_moving_picture_follows_the_sound_and_holds_still_in_rests(model: Model) -> None:
    low, high = tone(2.0, frequency=300), tone(2.0, frequency=3000)
    waveform = np.concatenate([low, np.zeros(2 * RATE, np.float32), high])
    frames = np.stack(list(model.follow_blocks([waveform[None]], 10.0)))
    assert frames.shape == (60, 8)
    np.testing.assert_allclose(frames[15], frames[5], atol=0.01)  # steady tone
    np.testing.assert_array_equal(frames[30], frames[22])  # rest: held
    assert np.abs(frames[50] - frames[5]).max() > 0.05
    # Frame 41 lies in the high tone: its window (frame_offset 0) is that of its own moment.
    direct, _ = model.encode_sound(waveform[None, 41 * 1600 : 41 * 1600 + 8000])
    np.testing.assert_allclose(frames[41], direct[0], atol=1e-5)


def test_the_frame_offset_moves_windows_back(tmp_path: Path) -> None:
    manifest, graphs = tiny_parts()
    section = manifest.directions.sound_to_image
    assert section is not None
    later = dataclasses.replace(section, frame_offset_seconds=0.4)
    directions = dataclasses.replace(manifest.directions, sound_to_image=later)
    save_package(tmp_path / "m", dataclasses.replace(manifest, directions=directions), graphs, "")
    model = sightsound.load(tmp_path / "m")
    rng = np.random.default_rng(1)
    waveform = rng.normal(size=2 * RATE).astype(np.float32)
    frames = np.stack(list(model.follow_blocks([waveform[None]], 10.0)))
    start = round((1.0 - 0.4) * RATE)
    direct, _ = model.encode_sound(waveform[None, start : start + 8000])
    np.testing.assert_allclose(frames[10], direct[0], atol=1e-5)


@pytest.mark.parametrize(
    ("waveform", "rate", "words"),
    [
        (np.zeros(0, np.float32), RATE, "lasts 0.000 s"),
        (np.ones(1, np.float32), RATE, "at least 0.5 s"),
        (tone(0.3), RATE, "lasts 0.300 s"),
        (np.zeros(RATE, np.float32), RATE, "silent"),
        (np.full(RATE, 0.5, np.float32), RATE, "silent"),  # a constant is no sound
        (np.where(np.arange(RATE) == 9999, np.nan, tone()), RATE, "NaN"),
        (np.where(np.arange(RATE) == 3, np.inf, tone()), RATE, "infinite"),
        (tone(), 100, "sample rate 100"),
        (tone(), 10**6, "sample rate"),
        (np.tile(tone(), (17, 1)), RATE, "17 channels"),
        (tone()[:, None], RATE, "channels come first"),
        (np.zeros((1, 1, 1, 9)), RATE, "shape"),
        (np.zeros(RATE, bool), RATE, "bool"),
    ],
)
def test_sounds_that_are_refused(model: Model, waveform: np.ndarray, rate: int, words: str) -> None:
    with pytest.raises(MediaError, match=words) as caught:
        model.sound_to_image(waveform, rate)
    assert "\n" not in str(caught.value)


# --- Picture to sound ---------------------------------------------------------------------


def test_a_sound_of_a_picture(model: Model) -> None:
    waveform = model.image_to_sound(picture(), seconds=1.3)
    assert waveform.shape == (1, round(1.3 * RATE))
    assert waveform.dtype == np.float32
    assert 0 < np.abs(waveform).max() <= 0.99 + 1e-6
    assert np.isfinite(waveform).all()
    np.testing.assert_array_equal(waveform, model.image_to_sound(picture(), seconds=1.3, seed=0))
    assert np.abs(waveform - model.image_to_sound(picture(), seconds=1.3, seed=1)).max() > 0.01
    assert np.abs(waveform - model.image_to_sound(picture(1), seconds=1.3)).max() > 0.01


def test_pictures_of_any_size_and_type(model: Model) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    middle = pixels[:, 10:40]
    one = model.see(pixels)
    np.testing.assert_allclose(one.embedding, model.see(middle).embedding, atol=1e-5)
    as_floats = np.moveaxis(pixels, -1, 0) / 127.5 - 1
    np.testing.assert_allclose(one.embedding, model.see(as_floats).embedding, atol=1e-5)
    assert one.class_probabilities.sum() == pytest.approx(1)
    batch = model.image_to_sound(np.stack([picture(0), picture(1)]), seconds=0.5)
    assert batch.shape == (2, 1, RATE // 2)
    np.testing.assert_array_equal(batch[1], model.image_to_sound(picture(1), seconds=0.5))


@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.77, 4.0])
def test_sounds_are_as_long_as_asked(model: Model, seconds: float) -> None:
    waveform = model.image_to_sound(picture(), seconds=seconds)
    assert waveform.shape == (1, round(seconds * RATE))


def test_every_stretch_of_a_sound_has_its_own_noise(model: Model) -> None:
    """Chunk k comes from noise number k; between the fades it stands as it was generated."""
    # By hand for 16 kHz, hop 128, 0.5 s: 63 frames, of which 2 at each end are left out; a quarter
    # of the 59 is the fade (14), so chunks begin every 45 frames.
    embedding = model.see(picture()).embedding
    whole = model._log_mel(embedding, 200, 6)
    config = LogMelConfig(sample_rate=RATE, n_fft=512, hop_length=128, n_mels=32)
    for chunk in range(3):
        unit = model.generate_log_mel(embedding[None], noise(6, chunk, 4)[None])[0, 0]
        expected = resize_log_mel(unit_to_log_mel(unit, config), (32, 63))[:, 2:61]
        np.testing.assert_allclose(
            whole[:, chunk * 45 + 14 : chunk * 45 + 45], expected[:, 14:45], atol=1e-3
        )


@pytest.mark.parametrize("seconds", [4, 22])  # 22: more than is inverted at once
def test_a_steady_picture_gives_a_steady_sound_without_seams(tmp_path: Path, seconds: int) -> None:
    """All chunks alike, each fading at its ends as a padded half second does: no dip may stay.

    Mutant: put the chunks end to end (edge = fade = 0).
    """
    manifest, graphs = tiny_parts()
    section = manifest.directions.image_to_sound
    assert section is not None
    mels, frames = section.log_mel.n_mels, 63  # frames of half a second: nothing is resized
    bias = np.zeros((1, 1, mels, frames), np.float32)
    bias[..., :2] = bias[..., -2:] = -0.3  # 20 dB down
    node = helper.make_node
    graphs[section.generate] = graph_bytes(
        [
            node("Concat", ["embedding", "noise"], ["both"], axis=1),
            node("MatMul", ["both", "nothing"], ["x1"]),
            node("Reshape", ["x1", "shape"], ["x2"]),
            node("Add", ["x2", "bias"], ["log_mel"]),
        ],
        {"embedding": ["B", 8], "noise": ["B", 4]},
        {"log_mel": ["B", 1, mels, frames]},
        {
            "nothing": np.zeros((12, mels * frames), np.float32),
            "shape": np.array([-1, 1, mels, frames], np.int64),
            "bias": bias,
        },
    )
    log_mel = dataclasses.replace(
        section.log_mel, generated_mels=mels, generated_frames=frames, floor_db=-80, ceiling_db=50
    )
    directions = dataclasses.replace(
        manifest.directions, image_to_sound=dataclasses.replace(section, log_mel=log_mel)
    )
    save_package(tmp_path / "m", dataclasses.replace(manifest, directions=directions), graphs, "")
    waveform = sightsound.load(tmp_path / "m").image_to_sound(picture(), seconds=seconds)[0]
    level = np.sqrt((waveform.reshape(-1, RATE // 20) ** 2).mean(axis=1))[1:-1]
    assert level.max() < 1.3 * level.min()


@pytest.mark.parametrize("seconds", [0, -1, 0.05, 601, float("nan"), float("inf")])
def test_lengths_that_are_refused(model: Model, seconds: float) -> None:
    with pytest.raises(ConfigError, match="seconds"):
        model.image_to_sound(picture(), seconds=seconds)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.float32),
        np.zeros((4, 20, 20), np.float32),
        np.zeros((3, 0, 20), np.float32),
        np.zeros((3, 20, 20), np.int64),
        np.full((3, 20, 20), np.nan, np.float32),
    ],
)
def test_pictures_that_are_refused(model: Model, image: np.ndarray) -> None:
    with pytest.raises(MediaError):
        model.image_to_sound(image)


# --- Packages that do not keep their word ---------------------------------------------------


def test_a_direction_that_is_not_there(tmp_path: Path) -> None:
    tiny_package(tmp_path / "m", image_to_sound=False)
    model = sightsound.load(tmp_path / "m")
    assert model.directions == (Direction.SOUND_TO_IMAGE,)
    with pytest.raises(ModelError, match="no direction image_to_sound; it has: sound_to_image"):
        model.image_to_sound(picture())


@pytest.mark.parametrize("which", ["window", "embedding", "classes", "bytes", "name"])
def test_graphs_that_do_not_fit_the_manifest(tmp_path: Path, which: str) -> None:
    manifest, graphs = tiny_parts()
    rng = np.random.default_rng(0)
    other = {
        "window": lambda: sound_encoder(rng, 4000, 8, 13),
        "embedding": lambda: sound_encoder(rng, 8000, 9, 13),
        "classes": lambda: sound_encoder(rng, 8000, 8, 12),
        "bytes": lambda: graphs["s2i_encode.onnx"].replace(b"ReduceMean", b"ReduceMien"),
        "name": lambda: image_encoder(rng, 16, 8, 13),
    }[which]()
    save_package(tmp_path / "m", manifest, {**graphs, "s2i_encode.onnx": other}, "")
    with pytest.raises(ModelError, match=r"s2i_encode\.onnx") as caught:
        sightsound.load(tmp_path / "m").sound_to_image(tone(), RATE)
    assert "\n" not in str(caught.value)


def test_a_graph_that_gives_nan(tmp_path: Path) -> None:
    manifest, graphs = tiny_parts()
    weights = np.full((12, 3 * 16 * 16), np.nan, np.float32)
    graphs["s2i_generate.onnx"] = generator(
        np.random.default_rng(0), "image", [3, 16, 16], 8, 4, weights=weights
    )
    save_package(tmp_path / "m", manifest, graphs, "")
    with pytest.raises(ModelError, match="NaN"):
        sightsound.load(tmp_path / "m").sound_to_image(tone(), RATE)


def test_threads_are_settable_and_change_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = model.sound_to_image(tone(), RATE)
    for threads in ("1", "3"):
        monkeypatch.setenv("SIGHTSOUND_THREADS", threads)
        again = sightsound.load(model.package.folder)
        np.testing.assert_array_equal(again.sound_to_image(tone(), RATE), image)
    monkeypatch.setenv("SIGHTSOUND_THREADS", "many")
    with pytest.raises(ConfigError, match="SIGHTSOUND_THREADS"):
        sightsound.load(model.package.folder).sound_to_image(tone(), RATE)


def test_windows_of_a_model_are_half_overlapping(model: Model) -> None:
    window = model.listener.window_samples
    batches = list(overlapping_windows([tone(2.0)[None]], window))
    assert sum(map(len, batches)) == model.hear(tone(2.0), RATE).windows == 7
