"""The training store: which pairs there are, what they hold, and that a broken one is refused."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import DataError
from sightsound.media.audio import resample
from sightsound.pairs import store as store_module
from sightsound.pairs.performances import SPLITS, Dataset
from sightsound.pairs.store import PairSet, Store, StoreConfig, open_store
from sightsound.pairs.truth import POSE_COLUMNS
from tiny_dataset import (
    FRAME_RATE,
    SAMPLE_RATE,
    SIZE,
    add_performance,
    finish,
    grey_of,
    make_tiny,
    ramp,
    truth_of,
)

CONFIG = StoreConfig(sample_rate=SAMPLE_RATE, image_size=8)
WINDOW = 4000


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_tiny(tmp_path_factory.mktemp("store") / "tiny")


@pytest.fixture(scope="module")
def store(dataset: Dataset) -> Store:
    return open_store(dataset, CONFIG, progress=False, workers=1)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "store.json"}


def frame_numbers(pairs: PairSet) -> np.ndarray:
    """Which frame of its performance each pair has, read off its grey level."""
    images = pairs.images(np.arange(len(pairs)))
    return np.rint((images.mean(axis=(1, 2, 3)) - grey_of(0)) / 3).astype(int)


def test_every_window_with_its_frame(store: Store) -> None:
    pairs = store.pairs("train")
    assert len(pairs) == 6 * 16  # 2 s: windows start at 0, 0.1, … 1.5 s
    waveforms = pairs.waveforms(np.arange(len(pairs)))
    assert waveforms.shape == (96, WINDOW)
    assert waveforms.dtype == np.float32
    # The ramp says where a window was cut: nowhere but at multiples of 0.1 s, to the sample.
    first = np.rint(waveforms[:, 0] * 32768 + 30_000).astype(int)
    np.testing.assert_array_equal(first, np.tile(np.arange(16) * SAMPLE_RATE // 10, 6))
    inside = waveforms[:, :-1]  # the last sample of a performance is its mark
    np.testing.assert_array_equal(np.diff(inside, axis=1), np.float32(1 / 32768))
    # The last sample of a performance tells which it is: none is read from its neighbour.
    np.testing.assert_array_equal(waveforms[15::16, -1] * 32768, -np.arange(1, 7))
    # 25 frames a second, windows each 0.1 s = 2.5 frames: the nearest, the later at a tie.
    expected = np.floor(np.arange(16) * 2.5 + 0.5).astype(int)
    np.testing.assert_array_equal(frame_numbers(pairs), np.tile(expected, 6))


@pytest.mark.parametrize("offset", [0.0, 0.24, 0.5])
def test_frame_offset_moves_the_frame_and_not_the_sound(dataset: Dataset, offset: float) -> None:
    config = StoreConfig(sample_rate=SAMPLE_RATE, image_size=8, frame_offset_seconds=offset)
    pairs = open_store(dataset, config, progress=False).pairs("test")
    times = frame_numbers(pairs) / FRAME_RATE
    assert np.abs(times - pairs.start_seconds - offset).max() <= 0.5 / FRAME_RATE + 1e-6
    first = np.rint(pairs.waveforms(np.arange(len(pairs)))[:, 0] * 32768 + 30_000)
    np.testing.assert_array_equal(first, pairs.start_seconds * SAMPLE_RATE)


def test_held_out_windows_do_not_overlap(store: Store) -> None:
    for split, stride in (("train", 0.1), ("validation", 0.5), ("test", 0.5)):
        pairs = store.pairs(split)
        for performance in np.unique(pairs.performance_index):
            starts = pairs.table["first_sample"][pairs.performance_index == performance]
            assert np.diff(starts).min() == stride * SAMPLE_RATE
    assert len(store.pairs("test")) == 3 * 4
    assert len(store.pairs("test", stride_seconds=0.1)) == 3 * 16
    assert len(store.pairs("train", stride_seconds=0.3)) == 6 * 6
    for stride in (0.15, 0.0, 0.04):
        with pytest.raises(DataError, match="multiple of the store's"):
            store.pairs("test", stride_seconds=stride)
    with pytest.raises(DataError, match="unknown"):
        store.pairs("dev")


def test_splits_never_mix(store: Store, dataset: Dataset) -> None:
    split_of = {each.id: each.split for each in dataset.members}
    seen = Counter()
    for split in SPLITS:
        pairs = store.pairs(split, stride_seconds=0.1)
        names = {store.performance_ids[place] for place in pairs.performance_index}
        assert {split_of[name] for name in names} <= {split}
        seen.update(store.players[place] for place in set(pairs.players.tolist()))
    assert max(seen.values()) == 1  # no player in two splits


def test_nothing_is_stored_twice(store: Store) -> None:
    seconds = 2 * 12
    assert (store.folder / "sound.i16").stat().st_size == 2 * SAMPLE_RATE * seconds
    # 16 windows share 16 frames; 50 frames were there.
    assert len(store.frames) == 12 * 16
    assert np.unique(store.table["frame"]).tolist() == list(range(len(store.frames)))


def test_frames_shared_by_windows_are_stored_once(dataset: Dataset) -> None:
    config = StoreConfig(sample_rate=SAMPLE_RATE, image_size=8, stride_seconds=0.01)
    dense = open_store(dataset, config, progress=False)
    assert len(dense.pairs("train")) == 6 * 151
    assert len(dense.frames) == 12 * 39  # 0 to 1.5 s at 25 a second, 1.5 s itself included


def test_truth_belongs_to_the_frame(store: Store, dataset: Dataset) -> None:
    pairs = store.pairs("train")
    numbers = frame_numbers(pairs)
    truth = pairs.truth(np.arange(len(pairs)))
    for row in range(0, len(pairs), 7):
        performance = dataset.members[pairs.performance_index[row]]
        full = performance.truth()
        number = numbers[row]
        assert truth.loudness_db[row] == full["loudness_db"][number]
        assert (truth.pitch_hz[row], truth.note_on[row]) == (440.0, 1.0)
        assert truth.onset[row] == float(abs(number / FRAME_RATE - np.array([0, 1])).min() <= 0.05)
        np.testing.assert_allclose(
            truth.keypoints[row], full["keypoints"][number] / SIZE, atol=1e-6
        )
        if performance.instrument == "cello":
            column = POSE_COLUMNS.index("bow_fraction")
            assert truth.pose[row, column] == full["bow_fraction"][number]
            assert truth.pose_mask[row].sum() == 4
        else:
            assert truth.pose_mask[row].sum() == {"flute": 16, "horn": 3}[performance.instrument]


def test_silence_and_rests_are_no_pairs(tmp_path: Path) -> None:
    sound = ramp(3.0)
    sound[:SAMPLE_RATE] = 1 / 32768  # -90 dBFS: the first second
    truth = truth_of("horn", 75, 0)
    truth["pitch_hz"][50:] = 0  # the last second
    add_performance(
        tmp_path, "one", "train", "horn", "ann", seconds=3.0, waveform=sound, truth=truth
    )
    pairs = open_store(finish(tmp_path), CONFIG, progress=False).pairs("train")
    # The first with sound starts at 0.6 s and holds 0.1 s of it, the last with a note at 1.9 s.
    np.testing.assert_allclose(pairs.start_seconds, np.arange(6, 20) / 10)


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    add_performance(
        tmp_path,
        "one",
        "train",
        "horn",
        "ann",
        waveform=0.5 * np.sin(2 * np.pi * 300 * np.arange(16_000) / SAMPLE_RATE).astype(np.float32),
    )
    dataset = finish(tmp_path)
    config = StoreConfig(sample_rate=44_100, image_size=8)
    pairs = open_store(dataset, config, progress=False).pairs("train")
    waveforms = pairs.waveforms(np.array([5]))
    assert waveforms.shape == (1, 22_050)
    time = 0.5 + np.arange(22_050) / 44_100
    np.testing.assert_allclose(waveforms[0], 0.5 * np.sin(2 * np.pi * 300 * time), atol=2e-3)
    assert resample(ramp(1.0)[None], SAMPLE_RATE, 44_100).shape == (1, 44_100)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([2, 4, 8]))
def test_frames_shrink_by_area(seed: int, factor: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    size = 16 // factor
    small = store_module._shrink(pixels, size)
    mean = pixels.reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
    assert np.abs(small - mean).max() <= 0.51


def test_selections(store: Store) -> None:
    pairs = store.pairs("train")
    assert pairs.counts() == {"cello": 32, "flute": 32, "horn": 32}
    cellos = pairs.only(["cello"])
    assert cellos.counts() == {"cello": 32, "flute": 0, "horn": 0}
    with pytest.raises(DataError, match="'oboe' is unknown"):
        pairs.only(["oboe"])
    few = pairs.subset(10, seed=1)
    assert sorted(few.counts().values()) == [3, 3, 4]
    assert len(np.unique(few.rows)) == 10
    np.testing.assert_array_equal(few.rows, pairs.subset(10, seed=1).rows)
    assert set(few.rows) != set(pairs.subset(10, seed=2).rows)
    assert len(pairs.subset(1000, seed=1)) == 96
    assert pairs.per_class(5, seed=0).counts() == {"cello": 5, "flute": 5, "horn": 5}
    np.testing.assert_array_equal(pairs.at(np.array([3, 1])).rows, pairs.rows[[3, 1]])


def test_stopped_and_resumed_is_the_same_store(
    dataset: Dataset, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at every place in turn, and each time gone on with; then compared byte by byte."""
    reads = []
    real = store_module.read_part

    def stopping(performance, config):
        reads.append(performance.id)
        if len(reads) % 2 == 0:
            raise KeyboardInterrupt
        return real(performance, config)

    monkeypatch.setattr(store_module, "read_part", stopping)
    while True:
        try:
            resumed = open_store(dataset, CONFIG, tmp_path, progress=False, workers=1)
        except KeyboardInterrupt:
            # As if the power had gone with half a frame more on the disk.
            for part in tmp_path.glob("*.part"):
                with (part / "frames.u8").open("ab") as file:
                    file.write(b"half")
        else:
            break
    assert len(reads) == 2 * len(dataset.members) - 1  # none was read twice but the stopped one
    assert content(resumed.folder) == content(store.folder)


@pytest.mark.parametrize("left", [b"", b"garbage"])
def test_a_part_that_the_power_cut_emptied_is_made_anew(
    dataset: Dataset, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    real, reads = store_module.read_part, []

    def stopping(performance, config):
        reads.append(performance.id)
        if len(reads) == 3:
            raise KeyboardInterrupt
        return real(performance, config)

    monkeypatch.setattr(store_module, "read_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        open_store(dataset, CONFIG, tmp_path, progress=False, workers=1)
    (last,) = tmp_path.glob("*.part/parts/000001.npz")
    last.write_bytes(left)
    resumed = open_store(dataset, CONFIG, tmp_path, progress=False, workers=1)
    assert content(resumed.folder) == content(store.folder)


def test_a_full_disk_loses_nothing(
    dataset: Dataset, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store_module._write_part

    def full(path: Path, part: object) -> None:
        if path.stem == "000003":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, part)

    monkeypatch.setattr(store_module, "_write_part", full)
    with pytest.raises(DataError, match="disk is full; make room and repeat") as caught:
        open_store(dataset, CONFIG, tmp_path, progress=False, workers=1)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(store_module, "_write_part", real)
    later = open_store(dataset, CONFIG, tmp_path, progress=False, workers=1)
    assert content(later.folder) == content(store.folder)


def test_two_who_ask_at_once_make_one_store(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = store_module.read_part

    def counting(performance, config):
        reads.append(performance.id)
        return real(performance, config)

    monkeypatch.setattr(store_module, "read_part", counting)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(open_store, dataset, CONFIG, tmp_path, progress=False, workers=1)
            for _ in range(2)
        ]
        assert len({each.result().folder for each in asked}) == 1
    assert len(reads) == len(dataset.members)


def test_processes_do_not_change_the_store(dataset: Dataset, store: Store, tmp_path: Path) -> None:
    parallel = open_store(dataset, CONFIG, tmp_path, progress=False, workers=2)
    assert content(parallel.folder) == content(store.folder)


def _remove_description(folder: Path) -> None:
    (folder / "store.json").unlink()


def _cut(folder: Path) -> None:
    os.truncate(folder / "frames.u8", 100)


def _alter(folder: Path) -> None:
    content = bytearray((folder / "sound.i16").read_bytes())
    content[7] ^= 1
    (folder / "sound.i16").write_bytes(content)


def _lose(folder: Path) -> None:
    (folder / "pose.npy").unlink()


def _describe(text: str):  # type: ignore[no-untyped-def]
    return lambda folder: (folder / "store.json").write_text(text)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_describe("[]"), "half-written store"),
        (_describe('{"files": []}'), "half-written store"),
        (_describe('{"files": {}}'), "half-written store"),
        (_describe('{"files": {"sound.i16": {}}}'), "half-written store"),
        (_remove_description, "half-written store"),
        (_cut, "100 bytes, .* were written"),
        (_alter, r"sound\.i16: altered \(wrong hash\)"),
        (_lose, r"pose\.npy: missing"),
    ],
)
def test_broken_stores_are_refused(
    dataset: Dataset, store: Store, tmp_path: Path, harm, message: str
) -> None:
    folder = tmp_path / store.folder.name
    shutil.copytree(store.folder, folder)
    open_store(dataset, CONFIG, tmp_path, progress=False).verify()  # whole, it is accepted
    harm(folder)
    with pytest.raises(DataError, match=message) as caught:
        open_store(dataset, CONFIG, tmp_path, progress=False)
    assert f"delete {folder}" in str(caught.value) or "delete this folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_configuration_has_its_own_store(dataset: Dataset, store: Store) -> None:
    """Every field of the configuration changes the store (a flag that does nothing is a bug)."""
    others = [
        StoreConfig(sample_rate=4000, image_size=8),
        StoreConfig(sample_rate=SAMPLE_RATE, image_size=4),
        StoreConfig(sample_rate=SAMPLE_RATE, image_size=8, window_seconds=0.4),
        StoreConfig(sample_rate=SAMPLE_RATE, image_size=8, stride_seconds=0.2),
        StoreConfig(sample_rate=SAMPLE_RATE, image_size=8, frame_offset_seconds=0.2),
    ]
    made = [open_store(dataset, config, progress=False, workers=1) for config in others]
    assert len({each.folder for each in [store, *made]}) == 6
    contents = [content(each.folder) for each in [store, *made]]
    assert all(a != b for i, a in enumerate(contents) for b in contents[:i])


def test_impossible_stores_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="frames of 16 pixels, 64 asked for"):
        open_store(dataset, StoreConfig())
    with pytest.raises(DataError, match="must lie in its window"):
        open_store(dataset, StoreConfig(image_size=8, frame_offset_seconds=0.6))
    add_performance(
        tmp_path, "one", "train", "horn", "ann", waveform=np.full(16_000, 1e-5, np.float32)
    )
    with pytest.raises(DataError, match="nothing to train on"):
        open_store(finish(tmp_path), CONFIG, progress=False)


def test_unknown_players_are_kept_apart(tmp_path: Path) -> None:
    for seed in range(2):
        add_performance(tmp_path, f"p{seed}", "train", None, None, seed=seed)
    store = open_store(finish(tmp_path), CONFIG, progress=False)
    assert store.players == ("performance:p0", "performance:p1")
    assert store.pairs("train").labels.tolist() == [-1] * 32
