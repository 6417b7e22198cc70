"""URMP's own folders in: whose sound, whose part of the frame, when; and boxes proposed."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

import clock_videos
from sightsound import cli
from sightsound.errors import ConfigError, DataError
from sightsound.pairs import urmp
from sightsound.pairs.boxes import PlayerBox, propose_boxes, read_boxes, write_boxes
from sightsound.pairs.performances import Dataset
from sightsound.pairs.urmp import UrmpConfig, find_pieces, import_urmp, sound_shift

RATE = 48_000
SIZE = (90, 160)  # of the frames
COLOURS = {1: (200, 40, 40), 2: (40, 200, 40), 3: (40, 40, 200)}
CONFIG = UrmpConfig(image_size=16, validation=0.2, test=0.3)


def note(seed: int, seconds: float) -> np.ndarray:
    """Noise in bursts, so that a shift of it shows; another one of each seed."""
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.uniform(0.02, 0.3, round(seconds * 10)), RATE // 10)
    return (loud * rng.normal(0, 0.5, len(loud))).astype(np.float32)


def write_piece(
    root: Path, name: str, *, seeds: tuple[int, ...], seconds: float = 3.0, late: float = 0.0
) -> Path:
    """One folder: players of one colour each, side by side, each moving up and down in turn.

    ``late``: how much later than the tracks the video's sound and picture are, s.
    """
    folder = root / name
    folder.mkdir(parents=True)
    number, title, *instruments = name.split("_")
    sounds = [note(seed, seconds) for seed in seeds]
    for place, (instrument, sound) in enumerate(zip(instruments, sounds, strict=True), start=1):
        stem = f"{place}_{instrument}_{number}_{title}"
        soundfile.write(folder / f"AuSep_{stem}.wav", sound, RATE, subtype="PCM_24")
        times = np.arange(0.023, seconds, 0.01)
        hz = np.where(times < 1.0, 0.0, 220.0 * place)
        rows = [f"{t:.3f}\t{f:.3f}" for t, f in zip(times, hz, strict=True)]
        (folder / f"F0s_{stem}.txt").write_text("\n".join(rows) + "\n")
        (folder / f"Notes_{stem}.txt").write_text(f"1.000\t\t{220 * place:.2f}\t\t1.500\n")
    height, width = SIZE
    times = clock_videos.regular(seconds)
    share = width // len(sounds)
    frames = []
    for time in times:
        pixels = np.full((height, width, 3), 30, np.uint8)
        for place in range(len(sounds)):
            top = 30 + round(20 * np.sin(6 * (time - late) + place))
            left = place * share + share // 2 - 12
            pixels[top : top + 24, left : left + 24] = COLOURS[place + 1]
        frames.append(pixels)
    mixed = np.sum(sounds, axis=0)
    shifted = np.concatenate([np.zeros(round(late * RATE), np.float32), mixed])[: len(mixed)]
    clock_videos.write(
        folder / f"Vid_{name}.mp4", times=times, seed=0, size=SIZE, frames=frames, waveform=shifted
    )
    return folder


def boxes_of(name: str) -> list[PlayerBox]:
    count = len(name.split("_")) - 2
    share = SIZE[1] / count
    return [
        PlayerBox(name, place + 1, place * share + share / 2 - 20, 25, 40, 40)
        for place in range(count)
    ]


NAMES = {
    "01_Jupiter_vn_vc": (1, 2),
    "02_Sonata_vn_vn": (3, 4),
    "15_Surprise_tpt_vc": (5, 6),
    "16_Surprise_tpt_vn_sax": (5, 7, 8),  # the trumpet of 15
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("urmp") / "URMP"
    for name, seeds in NAMES.items():
        write_piece(root, name, seeds=seeds, late=0.2 if name.startswith("02") else 0.0)
    return root


@pytest.fixture(scope="module")
def imported(source: Path) -> tuple[Dataset, object]:
    boxes = [box for name in NAMES for box in boxes_of(name)]
    write_boxes(source.parent / "boxes.csv", boxes)
    outcome = import_urmp(
        source,
        source.parent / "data",
        source.parent / "boxes.csv",
        CONFIG,
        workers=1,
        progress=False,
    )
    return Dataset.open(source.parent / "data"), outcome


def test_each_player_has_the_own_sound_and_part_of_the_frame(
    imported: tuple[Dataset, object],
) -> None:
    """Mutants: the mixture's sound; boxes by order of size; tracks numbered from 0."""
    dataset, _ = imported
    assert len(dataset.members) == 9
    assert dataset.classes[0] == "bassoon"  # all 13, as the recipes have them
    for each in dataset.members:
        about = each.extra["urmp"]
        sound = soundfile.read(
            next(iter((dataset.folder.parent / "URMP" / about["piece"]).glob(
                f"AuSep_{about['track']}_*.wav"))))[0]  # fmt: skip
        assert each.seconds == pytest.approx(len(sound) / RATE, abs=1e-3)
        level = np.sqrt(np.mean(each.sound() ** 2))
        # Resampled from 48 to 44.1 kHz, noise loses what lies above 22 kHz.
        assert level == pytest.approx(np.sqrt(np.mean(sound**2)), rel=0.1)
        pixels = each.frame_pixels()
        dominant = pixels.astype(int).reshape(-1, 3).sum(axis=0).argmax()
        assert dominant == np.argmax(COLOURS[about["track"]]), each.id
        truth = each.truth()
        assert truth["onset_times"].tolist() == [1.0]
        playing = truth["frame_times"] > 1.02
        np.testing.assert_allclose(truth["pitch_hz"][playing][:-2], 220.0 * about["track"])
        assert not truth["pitch_hz"][truth["frame_times"] < 0.98].any()


def test_a_video_that_is_late_is_moved(imported: tuple[Dataset, object]) -> None:
    """The picture of 02 is 0.2 s behind its tracks: what moves in it tells."""
    dataset, outcome = imported
    assert [line for line in outcome.notes if "200 ms later" in line]  # type: ignore[attr-defined]
    for each in dataset.members:
        if each.extra["urmp"]["piece"] != "02_Sonata_vn_vn":
            continue
        pixels = each.frame_pixels().astype(float)
        bright = pixels.max(axis=3) > 100
        rows = np.arange(16)[None, :, None]
        middle = (bright * rows).sum(axis=(1, 2)) / np.maximum(bright.sum(axis=(1, 2)), 1)
        phase = each.extra["urmp"]["track"] - 1
        expected = np.sin(6 * each.frame_times() + phase)
        # Cut at the box's edge, the middle flattens, but its turn stays.
        assert np.corrcoef(middle, expected)[0, 1] > 0.97


def test_arrangements_and_equal_tracks_stay_together(imported: tuple[Dataset, object]) -> None:
    dataset, outcome = imported
    homes: dict[str, set[str]] = {}
    for each in dataset.members:
        homes.setdefault(each.piece, set()).add(each.split)
    assert set(homes) == {"Jupiter", "Sonata", "Surprise"}
    assert all(len(splits) == 1 for splits in homes.values())
    assert [line for line in outcome.notes if "the same recording" in line]  # type: ignore[attr-defined]


def test_known_players_keep_their_pieces_together(source: Path, tmp_path: Path) -> None:
    boxes = [
        PlayerBox(b.piece, b.track, b.x, b.y, b.width, b.height, "Ada" if b.track == 1 else None)
        for name in NAMES
        for b in boxes_of(name)
        if name != "02_Sonata_vn_vn"
    ]
    write_boxes(tmp_path / "boxes.json", boxes)
    assert read_boxes(tmp_path / "boxes.json")["01_Jupiter_vn_vc", 1].player == "Ada"
    outcome = import_urmp(
        source, tmp_path / "data", tmp_path / "boxes.json", CONFIG, workers=1, progress=False
    )
    # Jupiter and Surprise have Ada in common: one group is left, and train keeps it.
    assert set(outcome.performances.values()) == {"train"}
    assert len([line for line in outcome.failures if "no box for track" in line]) == 2


def test_boxes_are_proposed_where_players_move(source: Path, tmp_path: Path) -> None:
    assert cli.main([
        "data", "urmp-boxes", str(source), "-o", str(tmp_path / "boxes.csv"),
        "--sheet", str(tmp_path / "sheet.png"),
    ]) == 0  # fmt: skip
    proposed = read_boxes(tmp_path / "boxes.csv")
    assert len(proposed) == 9
    for name in NAMES:
        count = len(name.split("_")) - 2
        share = SIZE[1] / count
        for track in range(1, count + 1):
            box = proposed[name, track]
            middle = (track - 1) * share + share / 2
            assert box.width == box.height
            assert box.x >= (track - 1) * share - 12  # does not reach the neighbour's square
            assert box.x + box.width <= track * share + 12
            assert abs(box.x + box.width / 2 - middle) < 14
            assert 0 <= box.y <= 30
    sheet = np.asarray(PillowImage.open(tmp_path / "sheet.png"))
    yellow = (sheet.astype(int) - (255, 210, 0)).__abs__().sum(axis=2) < 10
    assert yellow.sum() > 9 * 4 * 40  # nine frames of three pixels


def test_what_is_odd_is_told(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "URMP"
    write_piece(root, "03_Dance_fl_cl", seeds=(1, 2), seconds=1.0)
    write_piece(root, "04_Allegro_fl_fl", seeds=(3, 4), seconds=1.0)
    (root / "04_Allegro_fl_fl/Vid_04_Allegro_fl_fl.mp4").unlink()
    (root / "03_Dance_fl_cl/AuSep_2_cl_03_Dance.wav").write_bytes(b"no sound")
    (root / "03_Dance_fl_cl/F0s_1_fl_03_Dance.txt").write_text("one two three\n")
    pieces, odd = find_pieces(root)
    assert [piece.folder for piece in pieces] == ["03_Dance_fl_cl"]
    assert "0 videos" in odd[0]
    write_boxes(tmp_path / "boxes.csv", boxes_of("03_Dance_fl_cl"))
    outcome = import_urmp(
        root, tmp_path / "data", tmp_path / "boxes.csv", CONFIG, workers=1, progress=False
    )
    assert list(outcome.performances) == ["03_Dance_fl_cl-1_flute"]
    told = "\n".join(outcome.failures)
    for words in ("0 videos", "AuSep_2_cl", "F0s_1_fl"):
        assert words in told
    with pytest.raises(DataError, match="no piece of URMP here"):
        find_pieces(tmp_path / "data")
    (tmp_path / "bad.csv").write_text("piece,track,x,y,width\n03_Dance_fl_cl,1,2,3,4\n")
    with pytest.raises(DataError, match="box 1"):
        read_boxes(tmp_path / "bad.csv")
    for text in ("5", "null"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DataError, match="no list of boxes"):
            read_boxes(tmp_path / "bad.json")
    for rate in (0.0, math.nan):
        with pytest.raises(ConfigError, match="1 to 120 a second"):
            import_urmp(
                root,
                tmp_path / "other",
                tmp_path / "boxes.csv",
                replace(CONFIG, frame_rate=rate),
                progress=False,
            )
    with pytest.raises(DataError, match="0 players"):
        propose_boxes(source / "none.mp4", "x", 0)


def test_one_bad_box_costs_its_own_track_alone(tmp_path: Path) -> None:
    root = tmp_path / "URMP"
    write_piece(root, "03_Dance_fl_cl", seeds=(1, 2), seconds=1.0)
    first, second = boxes_of("03_Dance_fl_cl")
    write_boxes(tmp_path / "boxes.csv", [first, replace(second, x=100_000.0)])
    outcome = import_urmp(
        root, tmp_path / "data", tmp_path / "boxes.csv", CONFIG, workers=1, progress=False
    )
    assert list(outcome.performances) == ["03_Dance_fl_cl-1_flute"]
    assert "03_Dance_fl_cl track 2" in "\n".join(outcome.failures)


def test_a_shift_worked_by_hand() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    later = np.concatenate([np.zeros(800, np.float32), sound])  # 0.2 s at 4 kHz
    shift, likeness = sound_shift(sound, later)
    assert (shift, likeness) == (0.2, pytest.approx(1.0, abs=1e-3))
    assert sound_shift(later, sound)[0] == -0.2


def import_whole(source: Path, output: Path) -> None:
    import_urmp(source, output, source.parent / "boxes.csv", CONFIG, workers=1, progress=False)


def test_a_killed_import_goes_on_and_ends_alike(
    source: Path, imported: tuple[Dataset, object], tmp_path: Path
) -> None:
    """Mutants: what was done is done again; a performance that was begun is taken for done."""
    script = (
        "import test_pairs_urmp as t, pathlib, sys\n"
        "t.import_whole(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
    )
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(urmp.__file__).parents[2])))
    output = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(source), str(output)],
        env={**os.environ, "PYTHONPATH": paths},
    ) as killed:
        deadline = monotonic() + 120
        while len(list(output.glob("performances/[!.]*/sound.flac"))) < 3:
            assert killed.poll() is None
            assert monotonic() < deadline
            sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    done = {path: path.stat().st_mtime_ns for path in output.glob("performances/[!.]*/sound.flac")}
    assert 3 <= len(done) < 9
    import_whole(source, output)
    # Of three tracks two at least are a whole piece, which is not touched again.
    kept = [path for path, time_ns in done.items() if path.stat().st_mtime_ns == time_ns]
    assert len(kept) >= 2
    assert Dataset.open(output).sha256 == imported[0].sha256
