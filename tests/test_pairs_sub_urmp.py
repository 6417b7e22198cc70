"""Sub-URMP's layout in and out: the rules of the import, what is reported, the round trip."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

from sightsound.cli import main
from sightsound.errors import DataError
from sightsound.pairs import sub_urmp
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import StoreConfig, open_store
from sightsound.pairs.sub_urmp import ImportReport, export_sub_urmp, import_sub_urmp
from sightsound.pairs.sub_urmp_listing import (
    DISTRIBUTED,
    PAPER_COUNTS,
    listed_counts,
    stems,
)
from tiny_dataset import add_performance, finish

RATE = 44_100
STRIDE, CHUNK = 4410, 22_050


def song_sound(seed: int, count: int) -> np.ndarray:
    """int16 samples of a song with ``count`` chunks."""
    rng = np.random.default_rng(seed)
    return rng.integers(-8000, 8000, STRIDE * (count - 1) + CHUNK).astype(np.int16)


def write_song(
    root: Path, folder: str, instrument: str, number: str, count: int, seed: int
) -> np.ndarray:
    """A song as it is distributed: wide pictures, stereo chunks, the first named 500."""
    sound = song_sound(seed, count)
    for place in range(count):
        stem = f"{instrument}/{instrument}{number}_{500 + 100 * place}"
        chunk = root / "chunk" / folder / f"{stem}.wav"
        picture = root / "img" / folder / f"{stem}.jpg"
        for path in (chunk, picture):
            path.parent.mkdir(parents=True, exist_ok=True)
        window = sound[place * STRIDE : place * STRIDE + CHUNK]
        soundfile.write(chunk, np.stack([window, window], axis=1), RATE, subtype="PCM_16")
        pixels = np.zeros((36, 64, 3), np.uint8)
        pixels[:, 14:50] = 20 + 5 * place  # the central square; black beside it
        PillowImage.fromarray(pixels).save(picture, quality=95)
    return sound


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "Sub-URMP"
    write_song(root, "train", "flute", "00", 10, 1)
    write_song(root, "train", "flute", "04", 5, 2)
    write_song(root, "train", "double_bass", "00", 5, 3)
    write_song(root, "validation", "flute", "01", 5, 4)
    return root


def imported(source: Path, tmp_path: Path) -> tuple[Dataset, str]:
    report = import_sub_urmp(source, tmp_path / "data", image_size=16, progress=False)
    return Dataset.open(tmp_path / "data"), str(report)


def test_a_whole_layout(source: Path, tmp_path: Path) -> None:
    report = import_sub_urmp(source, tmp_path / "data", image_size=16, progress=False)
    # Their validation is our test; the shortest of several train songs is our validation.
    assert report.performances == {
        "flute00": "train",
        "flute04": "validation",
        "flute01": "test",
        "double_bass00": "train",
    }
    assert report.pairs == 25
    assert (report.missing, report.doubled, report.odd) == ([], [], [])
    dataset = Dataset.open(tmp_path / "data")
    assert dataset.classes == ("double_bass", "flute")
    song = next(each for each in dataset.members if each.id == "flute00")
    np.testing.assert_array_equal(song.sound()[0] * 32768, song_sound(1, 10))  # bit for bit
    pixels = song.frame_pixels()
    assert pixels.shape == (10, 16, 16, 3)
    np.testing.assert_allclose(pixels.mean(axis=(1, 2, 3)), 20 + 5 * np.arange(10), atol=2)
    np.testing.assert_allclose(song.frame_times(), np.arange(10) / 10)
    # Each pair is the picture and the chunk of one stem.
    pairs = open_store(dataset, StoreConfig(image_size=16), progress=False).pairs("train")
    assert pairs.counts() == {"double_bass": 5, "flute": 10}
    flutes = pairs.only(["flute"])
    for place in range(10):
        window = song_sound(1, 10)[place * STRIDE :][:CHUNK]
        np.testing.assert_array_equal(flutes.waveforms(np.array([place]))[0] * 32768, window)
        level = flutes.images(np.array([place])).mean()
        assert level == pytest.approx(20 + 5 * place, abs=2)


def test_trouble_is_reported_and_the_rest_goes_on(source: Path, tmp_path: Path) -> None:
    (source / "img/train/flute/flute00_700.jpg").unlink()
    (source / "chunk/train/double_bass/double_bass00_900.wav").unlink()
    (source / "img/train/flute/flute00_900.jpg").write_bytes(b"no picture")
    (source / "img/train/flute/flute04_500.png").write_bytes(b"the same again")
    (source / "img/train/flute/cover.jpg").write_bytes(b"a stranger")
    with wave.open(str(source / "chunk/train/flute/flute00_800.wav"), "rb") as file:
        sound = file.readframes(file.getnframes())
    header = struct.pack(
        *("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(sound), b"WAVE", b"fmt ", 16, 1, 2, 0, 0, 4, 16),
        *(b"data", len(sound)),
    )
    (source / "chunk/train/flute/flute00_800.wav").write_bytes(header + sound)  # 0 Hz
    (source / "img/train/kazoo").mkdir()
    (source / "img/train/kazoo/kazoo00_500.jpg").write_bytes(b"no instrument of ours")
    write_song(source, "train", "flute", "01", 5, 4)  # of their validation, too
    noise = np.random.default_rng(0).integers(-99, 99, (CHUNK, 2)).astype(np.int16)
    soundfile.write(source / "chunk/train/flute/flute00_1200.wav", noise, RATE, subtype="PCM_16")

    report = import_sub_urmp(source, tmp_path / "data", image_size=16, progress=False)
    assert sorted(report.missing) == [
        "train/double_bass/double_bass00_900: no chunk",
        "train/flute/flute00_700: no picture",
    ]
    assert len(report.doubled) == 2
    assert "flute04_500.png" in report.doubled[0]
    assert "song flute01: in train and validation" in report.doubled[1]
    odd = "\n".join(report.odd)
    for expected in (
        "cover.jpg",
        "kazoo",
        "flute00_900.jpg",
        "flute00_800",
        "chunks differ from their neighbour",
    ):
        assert expected in odd
    assert report.performances["flute01"] == "test"
    dataset = Dataset.open(tmp_path / "data")
    song = next(each for each in dataset.members if each.id == "flute00")
    np.testing.assert_allclose(song.frame_times(), [0, 0.1, 0.5, 0.6, 0.7, 0.8, 0.9])
    pairs = open_store(dataset, StoreConfig(image_size=16), progress=False).pairs("train")
    assert pairs.counts()["flute"] == 7
    assert "unpaired: 2" in str(report)


def test_a_gap_in_the_sound_parts_a_song(source: Path, tmp_path: Path) -> None:
    """No window may reach over sound that is not there."""
    write_song(source, "train", "flute", "00", 16, 1)
    for time in range(800, 1400, 100):
        (source / f"chunk/train/flute/flute00_{time}.wav").unlink()
    dataset, report = imported(source, tmp_path)
    names = {each.id: each.seconds for each in dataset.members if each.split == "train"}
    assert names == {
        "flute00": pytest.approx(0.7),
        "flute00_1400": pytest.approx(1.1),
        "double_bass00": pytest.approx(0.9),
    }
    later = next(each for each in dataset.members if each.id == "flute00_1400")
    np.testing.assert_array_equal(
        later.sound()[0] * 32768, song_sound(1, 16)[9 * STRIDE : 15 * STRIDE + CHUNK]
    )
    assert "in 2 pieces" in report


def test_a_stopped_import_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(source, tmp_path / "unbroken")
    written = []
    real = sub_urmp.write_performance

    def stopping(*arguments, **options):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(arguments[1].id)
        return real(*arguments, **options)

    monkeypatch.setattr(sub_urmp, "write_performance", stopping)
    with pytest.raises(KeyboardInterrupt):
        imported(source, tmp_path)
    with pytest.raises(DataError, match="not a finished data set"):
        Dataset.open(tmp_path / "data")
    monkeypatch.setattr(sub_urmp, "write_performance", real)
    dataset, report = imported(source, tmp_path)
    assert dataset.sha256 == Dataset.open(tmp_path / "unbroken" / "data").sha256
    assert report.startswith("4 performances, 25 pairs")


def test_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder 'img' here"):
        import_sub_urmp(tmp_path, tmp_path / "data")
    (tmp_path / "img").mkdir()
    (tmp_path / "chunk").mkdir()
    with pytest.raises(DataError, match="not one chunk"):
        import_sub_urmp(tmp_path, tmp_path / "data", progress=False)


def test_round_trip(source: Path, tmp_path: Path) -> None:
    first, _ = imported(source, tmp_path)
    layout = tmp_path / "layout"
    assert export_sub_urmp(first, layout, progress=False) == 25
    names = {path.relative_to(source) for path in source.rglob("*_*.*")}
    assert {path.relative_to(layout) for path in layout.rglob("*_*.*")} == names
    samples, rate = soundfile.read(layout / "chunk/train/flute/flute00_700.wav", dtype="int16")
    assert (rate, samples.shape) == (RATE, (CHUNK, 2))
    np.testing.assert_array_equal(samples[:, 0], samples[:, 1])
    np.testing.assert_array_equal(samples[:, 0], song_sound(1, 10)[2 * STRIDE :][:CHUNK])
    import_sub_urmp(layout, tmp_path / "again", image_size=16, progress=False)
    second = Dataset.open(tmp_path / "again")
    for one, other in zip(first.members, second.members, strict=True):
        assert (one.id, one.split, one.frames) == (other.id, other.split, other.frames)
        np.testing.assert_array_equal(one.sound(), other.sound())
        error = one.frame_pixels().astype(int) - other.frame_pixels()
        assert np.abs(error).max() <= 4  # JPEG and H.264 once more
    with pytest.raises(DataError, match="exists already"):
        export_sub_urmp(first, layout)


def test_other_data_sets_are_numbered(tmp_path: Path) -> None:
    """25 frames a second become 10; judge and unheard have no place in the layout."""
    for seed, (name, split) in enumerate(
        [("b", "train"), ("a", "train"), ("c", "validation"), ("d", "test"), ("e", "judge")]
    ):
        add_performance(tmp_path / "data", name, split, "horn", name, seconds=1.0, seed=seed)
    layout = tmp_path / "layout"
    assert export_sub_urmp(finish(tmp_path / "data"), layout, progress=False) == 4 * 6
    folders = {path.stem: path.parent.parent.name for path in layout.rglob("*_500.wav")}
    assert folders == {
        "horn00_500": "train",
        "horn01_500": "train",
        "horn02_500": "train",
        "horn03_500": "validation",
    }
    lines = (layout / "songs.csv").read_text().splitlines()
    assert lines[0] == "song,folder,performance,split,player,piece"
    assert lines[3] == "horn02,train,c,validation,c,piece of c"


# --- The listing ----------------------------------------------------------------------------

# As published, in the paper's order of columns: cello, double bass, oboe, sax, trumpet, viola,
# bassoon, clarinet, horn, flute, trombone, tuba, violin.
COLUMNS = (
    *("cello", "double_bass", "oboe", "sax", "trumpet", "viola", "bassoon"),
    *("clarinet", "horn", "flute", "trombone", "tuba", "violin"),
)
TRAIN = (9800, 1270, 4505, 7615, 1015, 6530, 1735, 8125, 5540, 5690, 8690, 3285, 7430)
VALIDATION = (1030, 1180, 390, 910, 520, 485, 390, 945, 525, 925, 805, 525, 945)


def test_the_listing_has_the_published_counts() -> None:
    counts = listed_counts()
    assert [counts["train"][name] for name in COLUMNS] == list(TRAIN)
    assert [counts["validation"][name] for name in COLUMNS] == list(VALIDATION)
    names = list(stems())
    assert len(names) == len(set(names)) == 71_230 + 9_575
    assert sum(name.startswith("train/") for name in names) == 71_230
    # Names that were seen in the wild, and the ends of a song of 1735.
    assert {"train/bassoon/bassoon00_23700", "validation/flute/flute01_1400"} <= set(names)
    assert "train/bassoon/bassoon00_173900" in names
    assert "train/bassoon/bassoon00_174000" not in names
    assert sum(PAPER_COUNTS["train"].values()) == 14_333
    assert sum(PAPER_COUNTS["validation"].values()) == 3_502


REDUCED = {
    ("train", "flute", "00"): 10,
    ("train", "flute", "04"): 5,
    ("train", "double_bass", "00"): 5,
    ("validation", "flute", "01"): 5,
}


def compared(source: Path, output: Path, workers: int | None = 1) -> ImportReport:
    return import_sub_urmp(
        source, output, image_size=16, listing=REDUCED, workers=workers, progress=False
    )


def kinds(report: ImportReport) -> dict[str, int]:
    """Kind of finding → files that it speaks of."""
    counts: dict[str, int] = {}
    for each in report.findings:
        counts[each.kind] = counts.get(each.kind, 0) + each.count
    return counts


def test_a_folder_that_is_as_listed(source: Path, tmp_path: Path) -> None:
    report = compared(source, tmp_path / "data")
    assert report.findings == []
    assert report.version == "the distributed version"
    assert report.found == {"train": {"flute": 15, "double_bass": 5}, "validation": {"flute": 5}}
    assert "train: 20 of 20 listed pairs" in str(report)


def test_each_kind_of_fault_is_found_and_nothing_else(source: Path, tmp_path: Path) -> None:
    chunks, pictures = source / "chunk/train/flute", source / "img/train/flute"
    (chunks / "flute00_700.wav").unlink()  # a pair, gone; and two in a row
    (pictures / "flute00_700.jpg").unlink()
    for time in (1300, 1400):
        (chunks / f"flute00_{time}.wav").unlink()
        (pictures / f"flute00_{time}.jpg").unlink()
    (pictures / "flute00_900.jpg").unlink()
    (chunks / "flute04_500.WAV").write_bytes((chunks / "flute04_500.wav").read_bytes())
    (pictures / "notes.txt").write_text("a stranger")
    (pictures / ".DS_Store").write_bytes(b"")  # what a file manager leaves is nobody's fault
    shutil.copytree(source / "img/train/double_bass", source / "img/train/doublebass")
    shutil.copytree(source / "img/train/double_bass", source / "img/test/double_bass")
    write_song(source, "train", "flute", "07", 5, 9)
    (pictures / "flute00_1000.jpg").write_bytes(b"\xff\xd8 no picture")
    write_song(source, "validation", "flute", "01", 6, 4)
    basses = source / "chunk/train/double_bass"
    sound = song_sound(3, 5)
    short = np.stack([sound[:15_000]] * 2, axis=1)
    soundfile.write(basses / "double_bass00_500.wav", short, RATE, subtype="PCM_16")
    slow = np.zeros((11_025, 2), np.int16)
    soundfile.write(basses / "double_bass00_900.wav", slow, RATE // 2, subtype="PCM_16")
    PillowImage.new("RGB", (20, 20)).save(source / "img/train/double_bass/double_bass00_800.jpg")

    report = compared(source, tmp_path / "data")
    assert kinds(report) == {
        "missing": 3,
        "unpaired": 1,
        "doubled": 1,
        "class": 5 + 1,  # doublebass with 5 files, the folder test
        "name": 1,
        "unlisted": 5 + 1,  # flute07, and one more of flute01
        "unreadable": 1,
        "length": 1,
        "rate": 1,
        "size": 1,
        "overlap": 1,  # what was resampled is not what its neighbour has
    }
    text = str(report)
    assert "flute00_1300 to 1400: neither picture nor chunk" in text
    assert "did they mean double_bass?" in text
    assert "20 × 20 pixels, most are 64 × 36" in text
    assert report.version == "the distributed version, not whole"
    # The lengths of the list decide, so what is missing moves no song to another split.
    assert report.performances["flute04"] == "validation"
    kept = json.loads((tmp_path / "data" / "import.json").read_text())
    assert len(kept["findings"]) == len(report.findings)


def test_a_whole_song_that_is_missing_is_one_line(source: Path, tmp_path: Path) -> None:
    for kind in ("img", "chunk"):
        for path in (source / kind / "train/flute").glob("flute04_*"):
            path.unlink()
    report = compared(source, tmp_path / "data")
    assert [str(each) for each in report.findings] == [
        "train/flute/flute04: the whole song, 5 pairs"
    ]
    assert kinds(report) == {"missing": 5}


def test_the_papers_version_is_known_by_its_counts() -> None:
    report = ImportReport(found={key: dict(value) for key, value in PAPER_COUNTS.items()})
    assert "paper's Table 2" in report.version


def test_our_validation_of_the_whole_listing() -> None:
    """Whole songs of their train; classes with a single song have none."""
    songs = [sub_urmp._Song(Path(), *key) for key in DISTRIBUTED]
    splits = sub_urmp._our_splits(songs, DISTRIBUTED)
    held = {song for song, split in splits.items() if split == "validation"}
    assert held == {
        "cello05",
        "clarinet08",
        "flute09",
        "horn01",
        "oboe00",
        "sax04",
        "trombone03",
        "tuba00",
        "viola00",
        "violin04",
    }
    assert sum(split == "test" for split in splits.values()) == 14
    assert sum(split == "train" for split in splits.values()) == 58 - len(held)


def test_processes_change_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "chunk/train/flute/flute00_700.wav").unlink()
    alone = compared(source, tmp_path / "alone" / "data")
    monkeypatch.setattr(sub_urmp, "_PAIRS_WORTH_A_PROCESS", 5)
    together = compared(source, tmp_path / "together" / "data", workers=2)
    assert together == alone
    hashes = {Dataset.open(tmp_path / name / "data").sha256 for name in ("alone", "together")}
    assert len(hashes) == 1


def test_songs_that_are_done_are_not_read_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "img/train/flute/flute00_900.jpg").write_bytes(b"no picture")
    whole = compared(source, tmp_path / "whole")
    read: list[str] = []
    real = sub_urmp._import_song

    def stopping(job: sub_urmp._Job) -> sub_urmp._Outcome:
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(job.song.id)
        return real(job)

    monkeypatch.setattr(sub_urmp, "_import_song", stopping)
    with pytest.raises(KeyboardInterrupt):
        compared(source, tmp_path / "data")
    assert read[0] == "flute00"  # the longest first
    # A song that was done, but whose files have changed since, is done again.
    (source / f"img/train/{read[1][:-2]}/{read[1]}_600.jpg").unlink(missing_ok=True)
    (source / f"img/validation/{read[1][:-2]}/{read[1]}_600.jpg").unlink(missing_ok=True)
    again: list[str] = []

    def counting(job: sub_urmp._Job) -> sub_urmp._Outcome:
        again.append(job.song.id)
        return real(job)

    monkeypatch.setattr(sub_urmp, "_import_song", counting)
    report = compared(source, tmp_path / "data")
    assert read[0] not in again
    assert read[1] in again
    # What was found in a song before the stop is in the report all the same.
    assert kinds(report)["unreadable"] == kinds(whole)["unreadable"] == 1
    assert report.pairs == whole.pairs - 1
    # A finished data set tells its report again, and is not made of other files.
    again.clear()
    assert compared(source, tmp_path / "data") == report
    assert again == []
    (source / "img/train/flute/flute00_600.jpg").unlink()
    with pytest.raises(DataError, match="made of other files"):
        compared(source, tmp_path / "data")


def test_five_faults_in_a_generated_folder(tmp_path: Path) -> None:
    """In small what benchmarks/sub_urmp_folder.py does with all 80,805 pairs."""
    file = Path(__file__).resolve().parent.parent / "benchmarks" / "sub_urmp_folder.py"
    spec = importlib.util.spec_from_file_location("sub_urmp_folder", file)
    assert spec is not None
    assert spec.loader is not None
    folder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(folder)
    assert folder.build(tmp_path / "source", REDUCED) == 25
    planted = folder.plant(tmp_path / "source", REDUCED)
    report = compared(tmp_path / "source", tmp_path / "data")
    assert {each.kind for each in report.findings} == set(planted)
    assert len(report.findings) == len(planted) == 5
    for each in report.findings:
        assert planted[each.kind] in each.where
    assert report.pairs == 25 - 2  # one is gone, one is damaged


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["data", "sub-urmp", str(source), "-o", str(out), "--image-size", "16", "--json"]
    assert main([*command, "--no-list"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"] == 25
    assert told["listed"] is None
    shutil.rmtree(out)
    assert main(command) == 0  # it holds three of the 72 songs
    told = json.loads(capsys.readouterr().out)
    assert sum(each["what"].startswith("the whole song") for each in told["findings"]) == 69
    assert main([*command[:-2], "15"]) == 2
    assert "an even number" in capsys.readouterr().err
