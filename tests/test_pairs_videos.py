"""A folder of videos in: pairs in time, faults told in a line, nothing across splits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import clock_videos
from sightsound.errors import ConfigError, DataError
from sightsound.pairs import videos
from sightsound.pairs.performances import Dataset, Performance
from sightsound.pairs.store import StoreConfig, open_store
from sightsound.pairs.stretches import StretchRules
from sightsound.pairs.videos import VideosConfig, import_videos, square_box

CONFIG = VideosConfig(image_size=16)
TIMES = {
    "violin/plain.mp4": clock_videos.regular(4),
    "violin/late_sound.mp4": clock_videos.regular(4),
    "violin/late_video.mov": clock_videos.regular(3.4, 0.6),
    "flute/plain.webm": clock_videos.regular(4),
    "flute/varying.mp4": clock_videos.varying(4),
    "flute/five.mkv": clock_videos.regular(4, 5.0),
    "flute/turned.mov": clock_videos.regular(4),
    "violin/broken.mp4": clock_videos.regular(8),
    "cut.mp4": clock_videos.regular(8),
}


def write_folder(root: Path) -> None:
    """One video of each kind; what is wrong with some stands in their names."""
    for name in ("violin", "flute"):
        (root / name).mkdir(parents=True)
    made = clock_videos.write
    made(root / "violin/plain.mp4", times=TIMES["violin/plain.mp4"], seed=1)
    made(
        root / "violin/late_sound.mp4",
        times=TIMES["violin/late_sound.mp4"],
        seed=2,
        sound_start=0.3,
        seconds=3.7,
    )
    made(root / "violin/late_video.mov", times=TIMES["violin/late_video.mov"], seed=3)
    made(
        root / "flute/plain.webm",
        times=TIMES["flute/plain.webm"],
        seed=4,
        video="libvpx-vp9",
        sound="libopus",
    )
    made(root / "flute/varying.mp4", times=TIMES["flute/varying.mp4"], seed=5)
    made(root / "flute/five.mkv", times=TIMES["flute/five.mkv"], seed=6, sound_start=5.0)
    whole = made(root / "whole.mov", times=TIMES["flute/turned.mov"], seed=7)
    clock_videos.turned(whole, root / "flute/turned.mov")
    whole.unlink()
    made(root / "flute/without_sound.mp4", times=clock_videos.regular(1), seed=8, sound=None)
    whole = made(root / "whole.mp4", times=TIMES["violin/broken.mp4"], seed=9, seconds=8)
    clock_videos.damaged(whole, root / "violin/broken.mp4")
    made(whole, times=TIMES["cut.mp4"], seed=10, seconds=8, options={"movflags": "+faststart"})
    content = whole.read_bytes()
    (root / "cut.mp4").write_bytes(content[: len(content) * 6 // 10])
    whole.unlink()
    (root / "flute/text.mp4").write_text("This is a note, not a video.\n" * 20)


@pytest.fixture(scope="module")
def imported(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Dataset, videos.ImportOutcome]:
    folder = tmp_path_factory.mktemp("videos")
    write_folder(folder / "source")
    outcome = import_videos(folder / "source", folder / "data", CONFIG, workers=1, progress=False)
    return folder, Dataset.open(folder / "data"), outcome


def clicks(samples: np.ndarray, rate: int) -> np.ndarray:
    """Seconds at which clicks begin: (T,) → (n,)."""
    loud = np.flatnonzero(np.abs(samples) > 0.4)
    first = loud[np.diff(loud, prepend=-rate) > rate // 2]
    return first / rate


def stored(name: str, pixels: np.ndarray) -> np.ndarray:
    """A frame as it lies in the file: one is shown turned by 90 degrees."""
    return np.rot90(pixels) if "turned" in name else pixels


def of(dataset: Dataset, name: str) -> list[Performance]:
    return [each for each in dataset.members if each.extra["video"]["file"] == name]


@pytest.mark.parametrize("name", TIMES)
def test_each_pair_is_within_20_ms_of_the_true_time(
    name: str, imported: tuple[Path, Dataset, videos.ImportOutcome]
) -> None:
    """What a frame's grey says of its time, against the clicks in its pair's sound.

    Mutants: times without the container's start; frames by number; a late stream put at 0.
    """
    _, dataset, _ = imported
    store = open_store(dataset, StoreConfig(image_size=16), workers=1, progress=False)
    rows = np.flatnonzero(np.isin(store.table["performance"], [
        place for place, each in enumerate(dataset.members)
        if each.extra["video"]["file"] == name
    ]))  # fmt: skip
    pairs = store.pairs("train").at(np.zeros(0, np.int64))
    pairs = type(pairs)(store, rows)
    known = of(dataset, name)
    assert len(pairs) >= 0.75 * 10 * sum(each.seconds - 0.6 for each in known)
    heard = {each.id: clicks(each.sound()[0], each.sample_rate) for each in known}
    assert all(len(moments) >= int(each.seconds) for each, moments in
               zip(known, heard.values(), strict=True))  # fmt: skip
    errors = []
    for place in range(len(pairs)):
        performance = store.performance_ids[int(pairs.performance_index[place])]
        seen = clock_videos.time_of(stored(name, pairs.images(np.array([place]))[0]), TIMES[name])
        moment = pairs.start_seconds[place]
        heard_second = (moment - heard[performance][0]) % 1.0
        errors.append(abs((heard_second - seen + 0.5) % 1.0 - 0.5))
    assert max(errors) <= 0.02 + 0.0015  # the clicks' own place in what codecs make of them


def test_clicks_and_bright_frames_meet(
    imported: tuple[Path, Dataset, videos.ImportOutcome],
) -> None:
    """The frames' own times, to which no rounding to pairs applies, are true to 5 ms."""
    _, dataset, _ = imported
    for name, true in TIMES.items():
        for each in of(dataset, name):
            heard = clicks(each.sound()[0], each.sample_rate)
            frames = [stored(name, pixels) for pixels in each.frame_pixels()]
            seen = np.array([clock_videos.time_of(pixels, true) for pixels in frames])
            error = (each.frame_times() - heard[0] - seen + 0.5) % 1.0 - 0.5
            assert np.abs(error).max() < 0.005, name


def test_what_is_not_whole_is_told_and_the_rest_kept(
    imported: tuple[Path, Dataset, videos.ImportOutcome],
) -> None:
    _, dataset, outcome = imported
    lines = {Path(line.split(": ")[0]).name: line for line in outcome.failures}
    assert set(lines) == {"without_sound.mp4", "text.mp4", "broken.mp4", "cut.mp4"}
    assert all("\n" not in line for line in lines.values())
    assert "no sound track" in lines["without_sound.mp4"]
    assert "damaged from 4." in lines["broken.mp4"]
    assert "damaged from 4." in lines["cut.mp4"]
    before, after = of(dataset, "violin/broken.mp4")
    assert before.seconds > 3.5  # before the damage at half of the file
    assert after.extra["video"]["from_seconds"] > 4.2
    assert after.seconds > 2.0
    (cut,) = of(dataset, "cut.mp4")
    assert 3.5 < cut.seconds < 5.0
    assert {each.instrument for each in dataset.members} == {"violin", "flute", None}
    assert len(dataset.classes) == 13  # what the recipes know, since no other came
    assert str(outcome).startswith("10 performances")


def test_a_turned_video_comes_upright(tmp_path: Path) -> None:
    """Mutants: the box taken of the stored frame; turned the other way."""
    source = tmp_path / "source"
    source.mkdir()
    times = clock_videos.regular(2)
    frame = np.zeros((48, 96, 3), np.uint8)  # stored; shown 96 high and 48 wide
    frame[:, :48] = (220, 30, 30)  # shown above
    frame[:24, 48:] = (30, 220, 30)  # shown below, on the right
    frame[24:, 48:] = (30, 30, 220)
    whole = clock_videos.write(
        source / "whole.mp4", times=times, seed=0, seconds=2.0, size=(48, 96),
        frames=[frame] * len(times),
    )  # fmt: skip
    clock_videos.turned(whole, source / "turned.mp4")
    whole.unlink()
    config = VideosConfig(image_size=16, crop="0,48,48,48", frame_rate=5)
    import_videos(source, tmp_path / "data", config, workers=1, progress=False)
    (only,) = Dataset.open(tmp_path / "data").members
    pixels = only.frame_pixels()[2].astype(int)
    np.testing.assert_allclose(pixels[8, 12], (30, 220, 30), atol=25)
    np.testing.assert_allclose(pixels[8, 3], (30, 30, 220), atol=25)


def test_silence_and_black_frames_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    sound = clock_videos.clicking(7.0, 1)
    sound[2 * clock_videos.RATE : 4 * clock_videos.RATE] = 0  # two seconds of silence
    times = clock_videos.regular(7)
    frames = [
        np.full((48, 64, 3), 0 if 5.0 <= t < 5.5 else clock_videos.grey_at(t), np.uint8)
        for t in times
    ]
    clock_videos.write(source / "take.mp4", times=times, seed=0, frames=frames, waveform=sound)
    config = VideosConfig(image_size=16, rules=StretchRules(max_seconds=2.5))
    outcome = import_videos(source, tmp_path / "data", config, workers=1, progress=False)
    members = Dataset.open(tmp_path / "data").members
    begins = [each.extra["video"]["from_seconds"] for each in members]
    ends = [begin + each.seconds for begin, each in zip(begins, members, strict=True)]
    # 0.2 s of the silence stay beside the sound; 3.8 to 7 is parted evenly.
    np.testing.assert_allclose(begins, [0, 3.8, 5.4], atol=0.1)
    np.testing.assert_allclose(ends, [2.2, 5.4, 7.0], atol=0.1)
    times = np.concatenate([
        begin + each.frame_times() for begin, each in zip(begins, members, strict=True)
    ])  # fmt: skip
    assert not np.any((times >= 5.0) & (times < 5.49))
    assert np.any((times > 4.9) & (times < 5.0))
    assert outcome.counts["black frames left out"] == 15


def textured(seed: int, count: int, size: tuple[int, int]) -> list[np.ndarray]:
    """Blobs that wander each its own way."""
    rng = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[:height, :width] / height
    speeds, starts = rng.uniform(-2, 2, (6, 2)), rng.uniform(0, 6, (6, 2))
    frames = []
    for n in range(count):
        picture = np.full((height, width), 60.0)
        for speed, start in zip(speeds, starts, strict=True):
            y, x = 0.5 + 0.4 * np.sin(start + speed * n / 12)
            picture += 150 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) * 40)
        frames.append(np.repeat(np.clip(picture, 0, 255)[..., None], 3, 2).astype(np.uint8))
    return frames


def melody(seed: int, seconds: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    notes = rng.choice([262, 294, 330, 349, 392, 440, 494, 523], round(seconds * 4))
    time = np.arange(clock_videos.RATE // 4) / clock_videos.RATE
    sound = [np.sin(2 * np.pi * note * time * k) * np.exp(-6 * time) / k
             for note in notes for k in [1]]  # fmt: skip
    noise = rng.normal(0, 0.01, round(seconds * 4) * len(time))
    return (0.3 * np.concatenate(sound) + noise).astype(np.float32)


def test_the_same_recording_never_crosses_splits(tmp_path: Path) -> None:
    """Re-encoded, cut and with other sound or other frames it is still found; others are not.

    Mutants: a distance of 0 only; votes of any offset counted together; no verification.
    """
    source = tmp_path / "source"
    source.mkdir()
    times = clock_videos.regular(6)
    films = {n: textured(n, 180, (48, 64)) for n in range(5)}
    tunes = {n: melody(n, 6.0) for n in range(5)}
    for n in range(4):
        clock_videos.write(
            source / f"take{n}.mp4", times=times, seed=0, frames=films[n], waveform=tunes[n]
        )
    cut = 37  # frames
    clock_videos.write(  # another codec, from 1.233 s on, softer, other pictures
        source / "copy_of_sound.webm", times=clock_videos.regular(4.5), seed=0,
        video="libvpx-vp9", sound="libopus", frames=films[4][:135],
        waveform=0.4 * tunes[0][cut * clock_videos.RATE // 30 :][: 9 * clock_videos.RATE // 2],
    )  # fmt: skip
    clock_videos.write(  # larger, brighter, from 1.233 s on, other sound
        source / "copy_of_frames.mp4", times=clock_videos.regular(4.5), seed=0, size=(96, 128),
        frames=[
                (np.minimum(f, 215) + 20).repeat(2, 0).repeat(2, 1) for f in films[1][cut:172]],
        waveform=tunes[4][: 9 * clock_videos.RATE // 2],
    )  # fmt: skip
    config = VideosConfig(image_size=16, validation=0.2, test=0.2)
    outcome = import_videos(source, tmp_path / "data", config, workers=1, progress=False)
    assert sorted(outcome.notes) == [
        "copy_of_frames.mp4 and take1.mp4: the same recording (by frames); kept in one split",
        "copy_of_sound.webm and take0.mp4: the same recording (by sound); kept in one split",
    ]
    homes: dict[str, set[str]] = {}
    for each in Dataset.open(tmp_path / "data").members:
        homes.setdefault(str(each.piece), set()).add(each.split)
    assert len(homes) == 4
    assert sorted(next(iter(splits)) for splits in homes.values()) == [
        "test", "train", "train", "validation",
    ]  # fmt: skip


def test_a_stopped_import_goes_on_and_ends_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for n in range(4):
        clock_videos.write(
            source / f"{n}.mp4", times=clock_videos.regular(1.5), seed=n, seconds=1.5
        )
    options = {"workers": 1, "progress": False}
    import_videos(source, tmp_path / "unbroken", CONFIG, **options)
    read: list[str] = []
    real = videos._read_video

    def stopping(job: videos._Job, record: videos._Record) -> object:
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(job.name)
        return real(job, record)

    monkeypatch.setattr(videos, "_read_video", stopping)
    with pytest.raises(KeyboardInterrupt):
        import_videos(source, tmp_path / "data", CONFIG, **options)
    with pytest.raises(DataError, match="not a finished data set"):
        Dataset.open(tmp_path / "data")

    def noting(job: videos._Job, record: videos._Record) -> object:
        read.append(job.name)
        return real(job, record)

    monkeypatch.setattr(videos, "_read_video", noting)
    outcome = import_videos(source, tmp_path / "data", CONFIG, **options)
    assert sorted(read) == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]  # each once
    assert Dataset.open(tmp_path / "data").sha256 == Dataset.open(tmp_path / "unbroken").sha256
    # Repeated once more it tells the same; with other settings it is refused.
    assert import_videos(source, tmp_path / "data", CONFIG, **options) == outcome
    assert len(read) == 4
    with pytest.raises(DataError, match="other settings"):
        import_videos(source, tmp_path / "data", VideosConfig(image_size=32), **options)


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        import_videos(tmp_path / "none", tmp_path / "data")
    (tmp_path / "source").mkdir()
    with pytest.raises(DataError, match="holds no videos"):
        import_videos(tmp_path / "source", tmp_path / "data")
    for config, words in (
        (VideosConfig(crop="1,2,3"), "crop '1,2,3'"),
        (VideosConfig(test=0.7, validation=0.3), "together less than 1"),
        (VideosConfig(rules=StretchRules(min_seconds=0.2)), "at least 0.5"),
        (VideosConfig(image_size=15), "an even number"),
        (VideosConfig(rules=StretchRules(max_gap_seconds=math.nan)), "a length of time"),
    ):
        with pytest.raises(ConfigError, match=words):
            import_videos(tmp_path / "source", tmp_path / "other", config)
    box = square_box((0.5, 0.25, 0.5, 0.5), 200, 100)
    assert (box.x, box.y, box.width, box.height) == (100, 0, 100, 100)
    with pytest.raises(DataError, match="reaches out"):
        square_box((150, 0, 80, 50), 200, 100)


def test_records_are_json(imported: tuple[Path, Dataset, videos.ImportOutcome]) -> None:
    folder, _, _ = imported
    records = sorted((folder / "data" / "recordings").glob("*.json"))
    assert len(records) == 11
    assert all(json.loads(path.read_text())["name"] for path in records)
