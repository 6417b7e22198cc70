"""Data sets on disk: what is written is what is read, and nothing half-written passes."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sightsound.errors import DataError, WriteError
from sightsound.pairs import performances
from sightsound.pairs.performances import (
    Dataset,
    PerformanceInfo,
    check_splits,
    has_performance,
    read_performance,
    write_performance,
)
from tiny_dataset import (
    SAMPLE_RATE,
    SIZE,
    add_performance,
    finish,
    frames_of,
    make_tiny,
    ramp,
    truth_of,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "tiny"
    make_tiny(folder, players=1)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tiny"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    truth = truth_of("cello", 50, seed=1)
    add_performance(tmp_path, "one", "train", "cello", "ann", voice="v", truth=truth)
    performance = read_performance(tmp_path / "performances" / "one")
    assert (performance.split, performance.instrument, performance.player) == (
        "train",
        "cello",
        "ann",
    )
    assert (performance.frames, performance.seconds, performance.voice) == (50, 2.0, "v")
    sound = performance.sound()
    assert sound.shape == (1, 2 * SAMPLE_RATE)
    expected = ramp(2.0)
    expected[-1] = 0
    np.testing.assert_array_equal(sound[0], expected)  # bit for bit
    pixels = performance.frame_pixels()
    assert pixels.shape == (50, SIZE, SIZE, 3)
    assert np.abs(pixels.astype(int) - frames_of(50)).max() <= 2
    for name, values in performance.truth().items():
        np.testing.assert_array_equal(values, truth[name])
    np.testing.assert_allclose(performance.frame_times(), np.arange(50) / 25)


def test_colours_survive_at_full_resolution(tmp_path: Path) -> None:
    """Single coloured pixels: with 4:2:0 (the mutant) the red would bleed into its neighbours."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    frame[::2, :, 0] = 200
    info = PerformanceInfo(
        id="red", split="train", instrument=None, player=None, piece="p", frame_rate=25.0
    )
    written = write_performance(tmp_path, info, ramp(0.5), SAMPLE_RATE, [frame] * 5)
    error = written.frame_pixels()[2].astype(int) - frame
    assert np.abs(error).mean() < 6


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        add_performance(tmp_path / name, "one", "train", "cello", "ann", seed=3)
    first, second = (tmp_path / name / "performances" / "one" for name in ("a", "b"))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["frames.mp4", "performance.json", "sound.flac", "truth.npz"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(performances, "write_video", full)
    with pytest.raises(WriteError, match=r"disk is full; nothing was left half-written"):
        add_performance(tmp_path, "one", "train", "cello", "ann")
    assert list((tmp_path / "performances").iterdir()) == []
    assert not has_performance(tmp_path, "one")


def test_a_killed_writer_leaves_no_performance(tmp_path: Path) -> None:
    add_performance(tmp_path, "one", "train", "cello", "ann")
    leftover = tmp_path / "performances" / ".two.123.part"
    leftover.mkdir()
    (leftover / "sound.flac").write_bytes(b"half")
    dataset = finish(tmp_path)
    assert [each.id for each in dataset.performances()] == ["one"]
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up"}, "performance id"),
        ({"split": "dev"}, "split 'dev' is unknown"),
        ({"waveform": np.full(16_000, np.nan, np.float32)}, "one finite channel"),
        ({"waveform": np.zeros(100, np.float32)}, "0.5 s"),
        ({"truth": {"pitch_hz": np.zeros(3)}}, "3 rows, 50 frames"),
        ({"truth": {"mood": np.zeros(50)}}, "'mood' is unknown"),
        ({"truth": {"breath": np.full(50, np.nan)}}, "not finite"),
        ({"truth": {"frame_times": np.zeros(50)}}, "do not ascend"),
    ],
)
def test_bad_performances_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    given = {"name": "one", "split": "train", "instrument": "cello", "player": "ann", **change}
    with pytest.raises(DataError, match=message):
        add_performance(tmp_path, **given)
    assert not has_performance(tmp_path, "one")


def test_open_reads_what_finish_wrote(made: Path) -> None:
    dataset = Dataset.open(made)
    assert dataset.counts() == {"train": 3, "validation": 3, "test": 3}
    assert dataset.classes == ("cello", "flute", "horn")
    assert len(dataset.performances("test")) == 3
    dataset.verify()
    about = json.loads((made / "dataset.json").read_text())
    assert (about["format"], about["complete"], about["sha256"]) == (1, True, dataset.sha256)
    with pytest.raises(DataError, match="finished and cannot be added to"):
        add_performance(made, "late", "train", "cello", "ann")


def _remove_marker(folder: Path) -> None:
    (folder / "dataset.json").unlink()


def _other_format(folder: Path) -> None:
    marker = folder / "dataset.json"
    marker.write_text(marker.read_text().replace('"format": 1', '"format": 9'))


def _relabel(folder: Path) -> None:
    about = folder / "performances" / "train-cello-0" / "performance.json"
    about.write_text(about.read_text().replace('"train"', '"test"'))


def _take_one(folder: Path) -> None:
    shutil.rmtree(folder / "performances" / "train-cello-0")


def _half_a_performance(folder: Path) -> None:
    (folder / "performances" / "train-cello-0" / "performance.json").unlink()


def _garble(folder: Path) -> None:
    (folder / "dataset.json").write_text('{"format": 1,')


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_remove_marker, "not a finished data set"),
        (_other_format, "format 9, this version reads 1"),
        (_relabel, "wrong hash"),
        (_take_one, "wrong hash"),
        (_half_a_performance, "performance.json: missing"),
        (_garble, "unreadable"),
        (shutil.rmtree, "no such data set"),
    ],
)
def test_open_refuses(copy: Path, harm, message: str) -> None:
    harm(copy)
    with pytest.raises(DataError, match=message) as caught:
        Dataset.open(copy)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)


def test_verify_finds_an_altered_file(copy: Path) -> None:
    path = copy / "performances" / "test-horn-0" / "sound.flac"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"test-horn-0/sound\.flac: altered"):
        Dataset.open(copy).verify()


@pytest.mark.parametrize("kind", ["player", "piece"])
def test_leaks_are_found(tmp_path: Path, kind: str) -> None:
    for split in ("train", "test"):
        shared = {"player": split, "piece": split, kind: "shared"}
        add_performance(tmp_path, split, split, "cello", seed=len(split), **shared)
    with pytest.raises(DataError, match=f"{kind} 'shared' is in test .* and train"):
        finish(tmp_path)


def test_the_same_sound_in_two_splits_is_found(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        add_performance(tmp_path, split, split, "cello", split, seed=0)
    with pytest.raises(DataError, match="are the same sound"):
        finish(tmp_path)


def test_unheard_shares_players_with_test_only(tmp_path: Path) -> None:
    """The stated exception holds, and no further than stated."""
    for seed, (split, voice) in enumerate([("test", "heard"), ("unheard", "other")]):
        add_performance(tmp_path, split, split, "cello", "ann", piece="p", voice=voice, seed=seed)
    check_splits(finish(tmp_path))
    (tmp_path / "dataset.json").unlink()
    add_performance(tmp_path, "more", "train", "cello", "bob", voice="other", seed=9)
    with pytest.raises(DataError, match="voice 'other'"):
        finish(tmp_path)
    add_performance(tmp_path, "more", "train", "cello", "ann", voice="heard", seed=9)
    with pytest.raises(DataError, match="player 'ann'"):
        finish(tmp_path)


def test_reading_data_sets_loads_no_torch() -> None:
    code = "import sightsound.pairs.performances, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("harm", ["cut", "lost"])
def test_truth_that_was_written_and_is_not_there_is_told(tmp_path: Path, harm: str) -> None:
    """Mutant: a lost truth is none at all, and frames get times that nobody measured."""
    add_performance(tmp_path, "one", "train", "horn", "ann")
    path = tmp_path / "performances" / "one" / "truth.npz"
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:50])
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"truth\.npz: missing or altered"):
        read_performance(tmp_path / "performances" / "one").truth()
