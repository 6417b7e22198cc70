"""Pictures in and out: odd kinds, bombs, private tags, fitting, animations, sheets."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import samples
from sightsound.errors import MediaError
from sightsound.media.image import (
    contact_sheet,
    fit_image,
    read_image,
    read_pixels,
    write_animation,
    write_image,
)
from sightsound.media.limits import Limits


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[samples.Files, samples.Files]:
    return samples.write_pictures(tmp_path_factory.mktemp("pictures"))


def test_every_good_picture_is_read(files: tuple[samples.Files, samples.Files]) -> None:
    for name, path in files[0].items():
        image = read_image(path)
        assert image.dtype == np.float32, name
        assert image.shape[0] == 3, name
        assert image.min() >= -1, name
        assert image.max() <= 1, name


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("png", 0), ("webp", 0), ("bmp", 0), ("tiff", 0), ("gif", 0), ("rgb_16_bit", 0),
        ("animated_webp", 0), ("animated_png", 0), ("animated_gif", 0), ("profile", 0),
        ("broken_profile", 0), ("wrong_suffix", 0), ("jpeg", 2), ("private", 2),
        ("cmyk_tiff", 0), ("cmyk", 3), ("lab_tiff", 25),
    ],
)  # fmt: skip
def test_colours_are_kept(
    name: str, tolerance: int, files: tuple[samples.Files, samples.Files]
) -> None:
    error = np.abs(read_pixels(files[0][name]).astype(int) - samples.picture())
    # Chroma of JPEG is blurred where two corners meet; away from there it is exact.
    for rows in (slice(4, 20), slice(28, 44)):
        for columns in (slice(4, 28), slice(36, 60)):
            assert error[rows, columns].max() <= tolerance
    if tolerance == 0:
        assert error.max() == 0


def test_exif_orientation_is_applied(files: tuple[samples.Files, samples.Files]) -> None:
    stored = samples.picture()
    # EXIF 2.32, tag 0x0112: where row 0 and column 0 of what is stored lie in what is seen.
    seen = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored.transpose(1, 0, 2)[:, ::-1],
        7: stored.transpose(1, 0, 2)[::-1, ::-1],
        8: stored.transpose(1, 0, 2)[::-1],
    }
    for orientation, expected in seen.items():
        pixels = read_pixels(files[0][f"exif_{orientation}"]).astype(int)
        assert pixels.shape == expected.shape, orientation
        assert np.abs(pixels - expected).mean() < 3, orientation


@pytest.mark.parametrize("name", ["grey_16_bit", "grey_16_bit_tiff", "grey_float_tiff"])
def test_sixteen_bits_are_scaled(name: str, files: tuple[samples.Files, samples.Files]) -> None:
    ramp = np.linspace(0, 255, 64)
    pixels = read_pixels(files[0][name])
    assert np.abs(pixels[0, :, 0] - ramp).max() <= 0.51
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("name", ["alpha", "alpha_webp"])
def test_what_is_transparent_lies_on_white(
    name: str, files: tuple[samples.Files, samples.Files]
) -> None:
    pixels = read_pixels(files[0][name])
    np.testing.assert_array_equal(pixels[:, :32], samples.picture()[:, :32])
    assert (pixels[:, 32:] == 255).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (100, 0, 0, 128)).save(tmp_path / "half.png")
    expected = np.array([100, 0, 0]) * (128 / 255) + 255 * (127 / 255)
    assert np.abs(read_pixels(tmp_path / "half.png") - expected).max() <= 1


def test_every_bad_picture_is_refused_in_one_line(
    files: tuple[samples.Files, samples.Files], capfd: pytest.CaptureFixture[str]
) -> None:
    for path in files[1].values():
        samples.refusal(read_image, path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["bomb", "large_bomb", "between_limits", "bomb_in_text"])
def test_a_bomb_is_refused_before_it_is_unpacked(
    name: str, files: tuple[samples.Files, samples.Files]
) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(MediaError):
            read_image(files[1][name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5e6
    assert time.process_time() - began < 0.5


def test_limits_are_settable(files: tuple[samples.Files, samples.Files]) -> None:
    with pytest.raises(MediaError, match=r"64 × 48 pixels.*raise SIGHTSOUND_MAX_PIXELS"):
        read_image(files[0]["png"], limits=Limits(max_pixels=64 * 48 - 1))
    read_image(files[0]["png"], limits=Limits(max_pixels=64 * 48))
    with pytest.raises(MediaError, match="SIGHTSOUND_MAX_IMAGE_FILE_BYTES"):
        read_image(files[0]["png"], limits=Limits(max_image_file_bytes=10))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_private_tags_stay_behind(
    suffix: str, files: tuple[samples.Files, samples.Files], tmp_path: Path
) -> None:
    source = files[0]["private"]
    assert b"SecretCamera" in source.read_bytes()
    path = tmp_path / f"x.{suffix}"
    write_image(path, read_image(source), metadata={"seed": "1"})
    content = path.read_bytes()
    assert b"SecretCamera" not in content
    assert b"SecretName" not in content
    with Image.open(path) as written:
        assert not written.getexif().get_ifd(0x8825)  # GPS
        assert set(written.getexif()) <= {0x8769}  # the block that holds our comment


pixel_arrays = arrays(
    np.uint8,
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)),
)


@settings(max_examples=40, deadline=None)
@given(pixels=pixel_arrays, suffix=st.sampled_from(["png", "webp"]))
def test_pixels_come_back_exactly(
    pixels: np.ndarray, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"exact.{suffix}"
    write_image(path, pixels)
    np.testing.assert_array_equal(read_pixels(path), pixels)
    write_image(path, read_image(path))  # through the image in [-1, 1] as well
    np.testing.assert_array_equal(read_pixels(path), pixels)


def test_jpeg_is_close(tmp_path: Path) -> None:
    write_image(tmp_path / "x.jpeg", samples.picture())
    error = np.abs(read_pixels(tmp_path / "x.jpeg").astype(int) - samples.picture())
    assert error.max() < 12


@pytest.mark.parametrize("name", ["x.bmp", "x.xyz", "x", "x.gif"])
def test_other_types_are_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"allowed: \.png"):
        write_image(tmp_path / name, samples.picture())


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="NaN"):
        write_image(tmp_path / "x.png", np.full((3, 4, 4), np.nan, np.float32))
    assert list(tmp_path.iterdir()) == []


def test_an_odd_keyword_is_refused(tmp_path: Path) -> None:
    for key in ("", "ü", "x" * 80, " x"):
        with pytest.raises(MediaError, match="keyword"):
            write_image(tmp_path / "x.png", samples.picture(), metadata={key: "1"})


def test_fitting_averages_areas() -> None:
    image = np.random.default_rng(0).uniform(-1, 1, (3, 96, 128)).astype(np.float32)
    fitted = fit_image(image, 32)
    middle = image[:, :, 16:112]
    expected = middle.reshape(3, 32, 3, 32, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(fitted, expected, atol=1e-5)


def test_fitting_pads_with_black() -> None:
    fitted = fit_image(np.ones((3, 20, 40), np.float32), 16, mode="pad")
    np.testing.assert_allclose(fitted[:, 4:12], 1.0)
    np.testing.assert_allclose(fitted[:, :4], -1.0)
    np.testing.assert_allclose(fitted[:, 12:], -1.0)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    size=st.integers(1, 70),
    mode=st.sampled_from(["crop", "pad"]),
)
def test_fitting_takes_any_size(height: int, width: int, size: int, mode: str) -> None:
    image = np.full((3, height, width), 0.25, np.float32)
    fitted = fit_image(image, size, mode=mode)  # type: ignore[arg-type]
    assert fitted.shape == (3, size, size)
    assert fitted.dtype == np.float32
    if mode == "crop":
        np.testing.assert_allclose(fitted, 0.25, atol=1e-5)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
@pytest.mark.parametrize("frame_rate", [10, 25, 30, 12.5])
def test_an_animation_keeps_its_time(suffix: str, frame_rate: float, tmp_path: Path) -> None:
    frames = [np.roll(samples.picture(), 3 * n, axis=1) for n in range(31)]
    path = tmp_path / f"x.{suffix}"
    write_animation(path, iter(frames), frame_rate)
    durations = []
    with Image.open(path) as animation:
        assert animation.n_frames == len(frames)
        assert animation.info.get("loop") == 0
        for n in range(animation.n_frames):
            animation.seek(n)
            animation.load()
            durations.append(animation.info["duration"])
            if suffix != "gif":
                seen = np.asarray(animation.convert("RGB"))
                np.testing.assert_array_equal(seen, frames[n])
    tick = 10 if suffix == "gif" else 1
    expected = 1000 * np.arange(1, len(frames) + 1) / frame_rate
    assert np.abs(np.cumsum(durations) - expected).max() <= tick / 2 + 1e-6


def test_an_animation_that_a_type_cannot_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="up to 50"):
        write_animation(tmp_path / "x.gif", [samples.picture()], 60)
    with pytest.raises(MediaError, match="no frames"):
        write_animation(tmp_path / "x.gif", [], 10)
    with pytest.raises(MediaError, match=r"allowed: \.gif"):
        write_animation(tmp_path / "x.jpg", [samples.picture()], 10)


def test_a_contact_sheet_has_every_picture_in_its_place() -> None:
    images = [np.full((3, 4, 5), n / 10, np.float32) for n in range(5)]
    sheet = contact_sheet(images, 3, gap=1)
    assert sheet.shape == (3, 4 + 1 + 4, 5 + 1 + 5 + 1 + 5)
    np.testing.assert_array_equal(sheet[:, 5:9, 6:11], images[4])
    np.testing.assert_array_equal(sheet[:, 0:4, 12:17], images[2])
    assert (sheet[:, 5:9, 12:17] == 1).all()  # no sixth picture: white
    assert contact_sheet(images[:2], 7, gap=0).shape == (3, 4, 10)
