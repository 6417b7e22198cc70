"""Video in and out: times, turns, limits, and bytes that do not depend on the day."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

import samples
from sightsound.errors import MediaError
from sightsound.media.audio import read_audio
from sightsound.media.limits import Limits
from sightsound.media.video import Box, read_crops, read_frames, video_info, write_video


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[samples.Files, samples.Files]:
    return samples.write_videos(tmp_path_factory.mktemp("videos"))


def smooth_frames(count: int, size: int = 64) -> np.ndarray:
    """uint8 (F, size, size, 3) of coloured waves that wander."""
    rows, columns = np.mgrid[:size, :size] / size
    moments = np.arange(count)[:, None, None] / 25
    channels = [np.sin(2 * np.pi * (rows + moments + k / 3)) + np.cos(2 * np.pi * columns * (k + 1))
                for k in range(3)]  # fmt: skip
    return np.rint(127.5 + 60 * np.stack(channels, axis=-1)).astype(np.uint8)


def test_every_good_video_is_read(files: tuple[samples.Files, samples.Files]) -> None:
    for name, path in files[0].items():
        frames = list(read_frames(path))
        info = video_info(path)
        assert len(frames) == 20, name
        assert info.has_sound, name
        expected = samples.VARYING_TIMES if name == "varying_rate" else range(0, 800, 40)
        times = [frame.time_seconds * 1000 for frame in frames]
        assert times == pytest.approx(expected, abs=1.01), name
        for frame in frames:
            assert frame.pixels.shape == (info.height, info.width, 3), name
            assert frame.pixels.dtype == np.uint8


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_upright(
    degrees: int, files: tuple[samples.Files, samples.Files]
) -> None:
    stored = next(read_frames(files[0]["mp4"])).pixels
    frame = next(read_frames(files[0][f"turned_{degrees}"]))
    np.testing.assert_array_equal(frame.pixels, np.rot90(stored, -degrees // 90))
    info = video_info(files[0][f"turned_{degrees}"])
    assert info.rotation == degrees
    assert (info.width, info.height) == ((48, 64) if degrees != 180 else (64, 48))


def test_every_bad_video_is_refused_in_one_line(
    files: tuple[samples.Files, samples.Files], capfd: pytest.CaptureFixture[str]
) -> None:
    for name, path in files[1].items():
        if name in ("without_sound", "silent"):  # good, where no sound is asked
            assert len(list(read_frames(path))) == 20
            continue
        samples.refusal(lambda path: list(read_frames(path)), path)
    assert capfd.readouterr().err == ""


def test_a_sound_is_no_video(tmp_path: Path) -> None:
    good, _ = samples.write_sounds(tmp_path)
    with pytest.raises(MediaError, match=r"is no video \(WAV\)"):
        read_frames(good["wav_16_bit"])
    with pytest.raises(MediaError, match="has no video track"):
        read_frames(good["m4a"])


def test_limits_are_settable(files: tuple[samples.Files, samples.Files]) -> None:
    with pytest.raises(MediaError, match="SIGHTSOUND_MAX_PIXELS"):
        read_frames(files[0]["mp4"], limits=Limits(max_pixels=100))
    with pytest.raises(MediaError, match="SIGHTSOUND_MAX_SECONDS"):
        read_frames(files[0]["mp4"], limits=Limits(max_seconds=0.5))


@pytest.mark.parametrize(
    ("pixel_format", "crf", "tolerance"),
    [("yuv444p", 0, 0.5), ("yuv420p", 0, 4), ("yuv444p", 18, 3), ("yuv420p", 18, 5)],
)
def test_frames_and_colours_come_back(
    pixel_format: str, crf: int, tolerance: float, tmp_path: Path
) -> None:
    frames = smooth_frames(12)
    path = tmp_path / "x.mp4"
    write_video(path, iter(frames), 25, crf=crf, pixel_format=pixel_format)  # type: ignore[arg-type]
    read = np.stack([frame.pixels for frame in read_frames(path)])
    error = np.abs(read.astype(int) - frames)
    assert error.mean() < tolerance
    if crf == 0:  # the mean of each channel: a wrong colour matrix or a rounding down moves it
        assert np.abs((read.astype(float) - frames).mean(axis=(0, 1, 2))).max() < 0.2


def test_red_is_red_to_a_player_that_trusts_the_tags(tmp_path: Path) -> None:
    frames = np.full((3, 64, 64, 3), (200, 30, 60), np.uint8)
    write_video(tmp_path / "x.mp4", frames, 25, crf=0, pixel_format="yuv444p")
    with av.open(str(tmp_path / "x.mp4")) as opened:
        frame = next(opened.decode(video=0))
        y, u, v = (np.frombuffer(bytes(p), np.uint8)[0].astype(float) for p in frame.planes)
        assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited range
    # ITU-R BT.709-6, items 3.2 to 3.4 and 4.6.
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    expected = np.array([200, 30, 60]) / 255
    rgb = [
        luma + 1.5748 * red,
        luma - 0.2126 * 1.5748 / 0.7152 * red - 0.0722 * 1.8556 / 0.7152 * blue,
        luma + 1.8556 * blue,
    ]
    np.testing.assert_allclose(rgb, expected, atol=0.012)


@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from([1, 10, 24, 25, 12.5, Fraction(30000, 1001), 60, 100]),
    count=st.integers(1, 9),
    height=st.integers(8, 20),
    width=st.integers(8, 20),
)
def test_times_come_back_at_any_rate_and_size(
    rate: float | Fraction,
    count: int,
    height: int,
    width: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "rate.mp4"
    frames = np.random.default_rng(0).integers(0, 255, (count, height, width, 3), np.uint8)
    write_video(path, frames, rate, pixel_format="yuv444p")
    read = list(read_frames(path))
    times = [frame.time_seconds for frame in read]
    assert times == pytest.approx([n / float(rate) for n in range(count)], abs=1e-4)
    assert read[0].pixels.shape == (height, width, 3)
    info = video_info(path)
    assert (info.width, info.height, info.frames) == (width, height, count)
    assert info.frame_rate == pytest.approx(float(rate), rel=1e-3)


def test_sound_lies_beside_its_picture(tmp_path: Path) -> None:
    waveform = np.zeros((1, 88_200), np.float32)
    waveform[0, 44_100:] = samples.tone(seconds=1)[:, 0]
    path = tmp_path / "x.mp4"
    write_video(path, smooth_frames(50), 25, waveform=waveform, sample_rate=44_100)
    heard = read_audio(path).waveform[0]
    assert np.abs(heard[:43_000]).max() < 0.02
    assert np.abs(heard[44_300:46_000]).max() > 0.3
    # The encoder's lead-in of 1024 samples is gone.
    onset = int(np.flatnonzero(np.abs(heard) > 0.1)[0])
    assert abs(onset - 44_100) < 200


@pytest.mark.parametrize(
    ("name", "frames", "rate", "words"),
    [
        ("x.avi", smooth_frames(2), 25, r"allowed: \.mp4"),
        ("x.mp4", [], 25, "no frames"),
        ("x.mp4", smooth_frames(2, 63), 25, "even sizes"),
        ("x.mp4", smooth_frames(2), 0, "frames a second"),
    ],
)
def test_what_cannot_be_written_is_refused(
    name: str, frames: np.ndarray, rate: float, words: str, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=words):
        write_video(tmp_path / name, frames, rate)
    assert list(tmp_path.iterdir()) == []


def test_sound_that_aac_cannot_hold_is_refused(tmp_path: Path) -> None:
    for channels, rate in ((3, 44_100), (1, 44_101)):
        waveform = np.zeros((channels, 1000), np.float32)
        with pytest.raises(MediaError, match=r"x\.mp4: AAC cannot hold"):
            write_video(
                tmp_path / "x.mp4", smooth_frames(2), 25, waveform=waveform, sample_rate=rate
            )
    assert list(tmp_path.iterdir()) == []


def test_crops_are_the_frame_scaled_and_cut(files: tuple[samples.Files, samples.Files]) -> None:
    """Against Pillow's mean over areas, upright and turned. Mutant: the box of the stored frame."""
    for name in ("mp4", "turned_90", "turned_180", "turned_270"):
        path = files[0][name]
        whole = [frame.pixels for frame in read_frames(path)]
        height, width = whole[0].shape[:2]
        boxes = (Box(x=0, y=0, width=32, height=32), Box(x=width - 32, y=16, width=32, height=32))
        crops = list(read_crops(path, 8, boxes=boxes))
        assert len(crops) == len(whole)
        for crop, frame in zip(crops, whole, strict=True):
            for box, pixels in zip(boxes, crop.pixels, strict=True):
                edges = (box.x, box.y, box.x + box.width, box.y + box.height)
                expected = PillowImage.fromarray(frame).resize(
                    (8, 8), PillowImage.Resampling.BOX, box=edges
                )
                difference = np.abs(pixels.astype(int) - np.asarray(expected))
                assert difference.mean() < 8, (name, box)
        (middle,) = next(read_crops(path, 16)).pixels
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = PillowImage.fromarray(whole[0][top : top + side, left : left + side])
        expected = square.resize((16, 16), PillowImage.Resampling.BOX)
        assert np.abs(middle.astype(int) - np.asarray(expected)).mean() < 8


def test_crops_keep_their_times_and_the_nearest_of_many(
    files: tuple[samples.Files, samples.Files],
) -> None:
    for name in ("mp4", "webm", "varying_rate"):
        every = [frame.time_seconds for frame in read_frames(files[0][name])]
        assert [crop.time_seconds for crop in read_crops(files[0][name], 16)] == every
        thinned = [c.time_seconds for c in read_crops(files[0][name], 16, frame_rate=10)]
        nearest: dict[int, float] = {}
        for time in every:
            moment = round(time * 10)
            best = nearest.setdefault(moment, time)
            if abs(time - moment / 10) < abs(best - moment / 10):
                nearest[moment] = time
        assert thinned == list(nearest.values())
    grown = next(read_crops(files[0]["mp4"], 64, boxes=[Box(x=2, y=2, width=8, height=8)]))
    np.testing.assert_allclose(grown.pixels[0].reshape(-1, 3).mean(axis=0), (255, 0, 0), atol=12)


def test_damage_is_told_and_passed_over(files: tuple[samples.Files, samples.Files]) -> None:
    told: list[float] = []
    path = files[1]["truncated_mkv"]
    read = list(read_crops(path, 16, on_damage=lambda seconds, _: told.append(seconds)))
    assert 0 < len(read) < 20
    assert told
    with pytest.raises(MediaError, match="truncated"):
        list(read_crops(path, 16))
