"""Sound in and out: every kind that must work, every kind that must be refused."""

import shutil
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
from sightsound.errors import MediaError
from sightsound.media.audio import (
    Audio,
    AudioWriter,
    _timed,
    audio_info,
    read_audio,
    resample,
    stream_audio,
    write_audio,
)
from sightsound.media.image import write_image
from sightsound.media.limits import Limits
from sightsound.media.truncation import check_complete


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[samples.Files, samples.Files]:
    return samples.write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> tuple[samples.Files, samples.Files]:
    return samples.write_videos(tmp_path_factory.mktemp("videos"))


def loudest_hz(audio: Audio) -> float:
    """The frequency of the strongest bin of the first channel."""
    spectrum = np.abs(np.fft.rfft(audio.waveform[0] * np.hanning(audio.waveform.shape[1])))
    return float(np.argmax(spectrum)) / audio.seconds


def stream_through(path: Path) -> None:
    for _ in stream_audio(path, sample_rate=16_000):
        pass


def test_every_good_sound_is_heard_as_it_is(
    files: tuple[samples.Files, samples.Files], videos: tuple[samples.Files, samples.Files]
) -> None:
    lossy = {"ogg_vorbis", "ogg_opus", "mp3", "m4a", "aac", "wav_mu_law", "mp4", "mov", "webm",
             "turned_90", "turned_180", "turned_270", "varying_rate"}  # fmt: skip
    for name, path in (files[0] | videos[0]).items():
        audio = read_audio(path, mono=False)
        assert audio.waveform.dtype == np.float32, name
        assert audio.waveform.shape[0] == audio_info(path).channels, name
        assert abs(loudest_hz(audio) - samples.TONE_HZ) < 4, name
        power = np.mean(np.square(audio.waveform[0, -audio.sample_rate // 3 :][: 40 * 100]))
        assert power == pytest.approx(0.5**2 / 2, rel=0.1), name
        if name not in lossy and name != "late_sound":
            seconds = samples.SECONDS if name in files[0] else 0.8
            expected = samples.tone(audio.sample_rate, audio.waveform.shape[0], 0.8).T
            length = min(audio.waveform.shape[1], expected.shape[1])
            assert length >= round(0.5 * audio.sample_rate), name
            assert audio.seconds <= max(seconds, 0.8), name
            error = np.abs(audio.waveform[:, :length] - expected[:, :length]).max()
            assert error < (0.01 if name == "wav_8_bit" else 1e-4), name


def test_every_bad_sound_is_refused_in_one_line(
    files: tuple[samples.Files, samples.Files],
    videos: tuple[samples.Files, samples.Files],
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, path in (files[1] | videos[1]).items():
        line = samples.refusal(read_audio, path)
        assert line == samples.refusal(stream_through, path), name
    assert capfd.readouterr().err == ""  # no library speaks beside us


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "empty"),
        ("text", "text"),
        ("no_samples", "no samples"),
        ("one_sample", "one sample"),
        ("short", "0.400 s"),
        ("silent", "silent"),
        ("silent_stereo", "silent once its 2 channels"),
        ("nan", r"NaN or infinite sample at 0\.454 s"),
        ("rate_too_low", "7999 Hz, allowed: 8000 to 192000"),
        ("17_channels", "17 channels, at most 16"),
        ("too_long", "11400 s"),
        ("truncated_wav_16_bit", "truncated"),
        ("truncated_mp3", "truncated"),
        ("truncated_m4a", "truncated"),
        ("playlist_m4a", "text"),
    ],
)
def test_the_line_says_what_is_wrong(
    name: str, words: str, files: tuple[samples.Files, samples.Files]
) -> None:
    with pytest.raises(MediaError, match=words):
        read_audio(files[1][name])


def test_a_cut_at_any_byte_is_seen(
    files: tuple[samples.Files, samples.Files], tmp_path: Path
) -> None:
    for name in ("wav_16_bit", "flac", "ogg_vorbis", "mp3", "m4a", "mka", "aiff"):
        for share in (0.97, 0.9, 0.5, 0.1, 0.01):
            path = samples.cut(files[0][name], tmp_path, share)
            if name == "mp3" and share > 0.95:
                continue  # encoders count a frame more or less
            samples.refusal(read_audio, path)


def test_whole_files_are_complete(files: tuple[samples.Files, samples.Files]) -> None:
    for container, name in (
        ("mp3", "mp3"),
        ("ogg", "ogg_opus"),
        ("mov", "m4a"),
        ("wav", "wav_rf64"),
    ):
        check_complete(files[0][name], container)  # type: ignore[arg-type]


def test_mono_is_the_mean_of_the_channels(files: tuple[samples.Files, samples.Files]) -> None:
    path = files[0]["wav_16_channels"]
    every = read_audio(path, mono=False).waveform
    assert every.shape[0] == 16
    assert read_audio(path).waveform == pytest.approx(every.mean(axis=0, keepdims=True), abs=1e-6)


def test_silence_may_be_allowed(files: tuple[samples.Files, samples.Files]) -> None:
    assert not read_audio(files[1]["silent"], allow_silence=True).waveform.any()


def test_a_video_without_sound_says_so(videos: tuple[samples.Files, samples.Files]) -> None:
    with pytest.raises(MediaError, match="has no sound track"):
        stream_audio(videos[1]["without_sound"], sample_rate=16_000)


def test_late_sound_keeps_the_videos_clock(videos: tuple[samples.Files, samples.Files]) -> None:
    waveform = read_audio(videos[0]["late_sound"]).waveform[0]
    onset = np.flatnonzero(np.abs(waveform) > 1e-3)[0] / 44_100
    assert onset == pytest.approx(samples.LATE_SECONDS, abs=0.002)


def test_a_picture_is_no_sound(tmp_path: Path) -> None:
    write_image(tmp_path / "x.wav.png", samples.picture())
    with pytest.raises(MediaError, match=r"picture \(PNG\), expected a sound"):
        read_audio(tmp_path / "x.wav.png")


@pytest.mark.parametrize("to_rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("name", ["wav_192000_hz", "wav_37001_hz", "flac", "ogg_opus", "mkv"])
def test_a_stream_equals_the_whole(
    name: str,
    to_rate: int,
    files: tuple[samples.Files, samples.Files],
    videos: tuple[samples.Files, samples.Files],
) -> None:
    path = (files[0] | videos[0])[name]
    whole = read_audio(path, sample_rate=to_rate, mono=False)
    once = resample(read_audio(path, mono=False).waveform, audio_info(path).sample_rate, to_rate)
    blocks = list(stream_audio(path, sample_rate=to_rate, mono=False, block_seconds=0.13))
    assert {block.shape[1] for block in blocks[:-1]} == {round(0.13 * to_rate)}
    assert 0 < blocks[-1].shape[1] <= round(0.13 * to_rate)
    streamed = np.concatenate(blocks, axis=1)
    np.testing.assert_array_equal(streamed, whole.waveform)
    assert streamed.shape == once.shape
    np.testing.assert_allclose(streamed, once, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    rates=st.tuples(
        st.sampled_from([8_000, 11_025, 22_050, 44_100, 96_000, 192_000]),
        st.sampled_from([8_000, 16_000, 44_100]),
    ),
    hz=st.floats(50, 3_000),
)
def test_resampling_keeps_a_tone(rates: tuple[int, int], hz: float) -> None:
    from_rate, to_rate = rates
    times = np.arange(from_rate // 2) / from_rate
    resampled = resample(np.sin(2 * np.pi * hz * times)[None].astype(np.float32), *rates)
    assert abs(resampled.shape[1] - len(times) * to_rate / from_rate) <= 1
    expected = np.sin(2 * np.pi * hz * np.arange(resampled.shape[1]) / to_rate)
    inner = slice(to_rate // 8, -to_rate // 8)  # away from the ends, where the filter runs out
    np.testing.assert_allclose(resampled[0, inner], expected[inner], atol=2e-3)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 8),
    rate=st.sampled_from([8_000, 22_050, 44_100, 192_000]),
    bits=st.sampled_from([16, 24]),
    suffix=st.sampled_from(["wav", "flac"]),
)
def test_whole_numbers_come_back_exactly(
    seed: int,
    channels: int,
    rate: int,
    bits: int,
    suffix: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    scale = 2 ** (bits - 1)
    steps = np.random.default_rng(seed).integers(-scale, scale, (channels, rate // 2 + 3))
    waveform = (steps / scale).astype(np.float32)
    path = tmp_path_factory.getbasetemp() / f"exact.{suffix}"
    write_audio(path, waveform, rate, bits=bits)  # type: ignore[arg-type]
    audio = read_audio(path, mono=False)
    assert audio.sample_rate == rate
    np.testing.assert_array_equal(audio.waveform, waveform)
    values, read_rate = soundfile.read(path, dtype="int32", always_2d=True)  # another's reading
    assert read_rate == rate
    np.testing.assert_array_equal(values.T >> (32 - bits), steps)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_block_by_block_equals_at_once(suffix: str, tmp_path: Path) -> None:
    waveform = samples.tone(channels=2, seconds=2).T.astype(np.float32)
    write_audio(tmp_path / f"once.{suffix}", waveform, 44_100)
    with AudioWriter(tmp_path / f"blocks.{suffix}", 44_100, 2) as writer:
        for start in range(0, waveform.shape[1], 12_345):
            writer.write(waveform[:, start : start + 12_345])
    once = read_audio(tmp_path / f"once.{suffix}", mono=False).waveform
    blocks = read_audio(tmp_path / f"blocks.{suffix}", mono=False).waveform
    np.testing.assert_allclose(once, blocks, atol=0.02 if suffix == "ogg" else 1e-4)
    tolerance = 1 / 32768 if suffix in ("wav", "flac") else 0.06
    # FFmpeg's AAC encoder starves its first frame of bits where a sound begins at full level.
    heard = slice(1024 if suffix == "m4a" else 0, waveform.shape[1])
    np.testing.assert_allclose(once[:, heard], waveform[:, heard], atol=tolerance)


def test_values_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", samples.tone().T.astype(np.float32) * 4, 44_100)
    soundfile.write(tmp_path / "y.wav", samples.tone() * 4, 44_100, subtype="FLOAT")
    for name in ("x.wav", "y.wav"):
        waveform = read_audio(tmp_path / name).waveform
        assert waveform.min() == -1.0
        assert waveform.max() == pytest.approx(1.0, abs=1e-4)
        # Clipped, not wrapped around or scaled.
        assert np.mean(np.abs(waveform) > 0.999) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("name", "rate", "channels", "words"),
    [
        ("x.xyz", 44_100, 1, r"unknown output type \.xyz; allowed: \.wav"),
        ("x", 44_100, 1, r"\(no suffix\)"),
        ("x.mp3", 96_000, 1, "allowed: 8000, 11025"),
        ("x.mp3", 44_100, 3, "3 channels"),
        ("x.m4a", 44_101, 1, "44101 Hz"),
        ("x.flac", 44_100, 9, "9 channels"),
        ("x.wav", 200_000, 1, "allowed: 8000 to 192000"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(
    name: str, rate: int, channels: int, words: str, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=words):
        write_audio(tmp_path / name, np.zeros((channels, 100), np.float32), rate)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_nothing_and_nan_are_not_written(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no sound to write"):
        write_audio(tmp_path / f"x.{suffix}", np.zeros((1, 0), np.float32), 44_100)
    bad = samples.tone().T.astype(np.float32)
    bad[0, 100] = np.nan
    with pytest.raises(MediaError, match="NaN"):
        write_audio(tmp_path / f"x.{suffix}", bad, 44_100)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three hours at 8 kHz, nearly all of it a hole in the file."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, samples.tone(8_000, seconds=1), 8_000)
    size = 3 * 3600 * 8_000 * 2
    content = bytearray(path.read_bytes())
    content[4:8] = (size + 36).to_bytes(4, "little")
    content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(44 + size)
    yield path
    shutil.rmtree(path.parent)


def test_three_hours_stream_in_the_memory_of_a_block(three_hours: Path) -> None:
    tracemalloc.start()
    try:
        count = 0
        for block in stream_audio(three_hours, sample_rate=4_000, block_seconds=10):
            count += block.shape[1]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 3 * 3600 * 4_000
    assert peak < 8e6  # the whole, at its own rate, would take 346 MB


def test_what_does_not_fit_in_memory_is_refused_unread(three_hours: Path) -> None:
    limits = Limits(max_memory_bytes=100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match=r"stream_audio, or raise SIGHTSOUND_MAX_MEMORY_BYTES"):
            read_audio(three_hours, limits=limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6


def test_a_length_that_no_header_tells_is_bounded_too(
    files: tuple[samples.Files, samples.Files],
) -> None:
    path = files[0]["mp3"]
    assert audio_info(path).samples is None
    with pytest.raises(MediaError, match="at most 0 s"):
        read_audio(path, limits=Limits(max_seconds=0.3))
    with pytest.raises(MediaError, match="MAX_MEMORY_BYTES"):
        read_audio(path, limits=Limits(max_memory_bytes=1000))


def test_limits_are_settable(files: tuple[samples.Files, samples.Files]) -> None:
    assert read_audio(files[1]["short"], limits=Limits(min_seconds=0.1)).seconds == 0.4
    read_audio(files[1]["17_channels"], limits=Limits(max_channels=17))
    read_audio(files[1]["rate_too_low"], limits=Limits(min_sample_rate=4_000))
    with pytest.raises(MediaError, match="44100 Hz"):
        read_audio(files[0]["wav_16_bit"], limits=Limits(max_sample_rate=40_000))


def test_an_encoders_lead_in_is_not_heard() -> None:
    def frames() -> Iterator[av.AudioFrame]:
        for n in range(3):  # 1000 samples each, the first 1500 before 0 s
            values = np.arange(1000 * n, 1000 * (n + 1), dtype=np.float32)[None] / 4096
            frame = av.AudioFrame.from_ndarray(values, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8_000, 1000 * n - 1500
            frame.time_base = Fraction(1, 8_000)
            yield frame

    blocks = np.concatenate(list(_timed(Path("x.mkv"), frames(), 8_000, 1, 0.0, Limits())))
    np.testing.assert_array_equal(blocks[:, 0] * 4096, np.arange(1500, 3000))
