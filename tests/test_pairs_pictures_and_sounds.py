"""Two trees with the same class folders in: pairs by class, nothing in two splits."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

from sightsound import cli
from sightsound.errors import DataError, WriteError
from sightsound.pairs import pictures_and_sounds
from sightsound.pairs.performances import Dataset
from sightsound.pairs.pictures_and_sounds import (
    PicturesAndSoundsConfig,
    import_pictures_and_sounds,
    read_splits,
    write_splits,
)
from sightsound.pairs.store import StoreConfig, open_store

RATE = 16_000
CONFIG = PicturesAndSoundsConfig(image_size=16, validation=0.2, test=0.2)
HUES = {"piano": (220, 60, 60), "drum": (60, 220, 60)}


def write_trees(root: Path, *, pictures: int = 15, sounds: int = 5) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    for label, hue in HUES.items():
        (root / "pictures" / label).mkdir(parents=True)
        (root / "sounds" / label).mkdir(parents=True)
        for n in range(pictures):
            cells = rng.uniform(0.2, 1.0, (6, 8, 1)) * hue
            pixels = np.asarray(cells, np.uint8).repeat(8, 0).repeat(8, 1)
            PillowImage.fromarray(pixels).save(root / "pictures" / label / f"{n}.png")
        for n in range(sounds):
            sound = rng.normal(0, 0.1, round((2.0 + 0.3 * n) * RATE))
            soundfile.write(root / "sounds" / label / f"{n}.wav", sound, RATE)
    return root / "pictures", root / "sounds"


def test_pairs_are_of_one_class_and_no_file_is_in_two_splits(tmp_path: Path) -> None:
    """Mutants: pictures dealt of all splits; of all classes; the pack shuffled at each deal."""
    pictures, sounds = write_trees(tmp_path)
    data = tmp_path / "data"
    outcome = import_pictures_and_sounds(pictures, sounds, data, CONFIG, workers=1, progress=False)
    dataset = Dataset.open(data)
    assert dataset.classes == ("drum", "piano")
    homes: dict[str, set[str]] = {}
    for each in dataset.members:
        about = each.extra["pictures_and_sounds"]
        for name in [*about["pictures"], about["sound"]]:
            assert name.split("/")[0] == each.instrument
            kind = "sound" if name == about["sound"] else "picture"
            homes.setdefault(f"{kind} {name}", set()).add(each.split)
        assert each.frames == len(about["pictures"]) == int(each.seconds * 2)
        colour = each.frame_pixels().reshape(-1, 3).mean(axis=0)
        assert colour.argmax() == np.argmax(HUES[str(each.instrument)])
    assert all(len(splits) == 1 for splits in homes.values())
    # Of 15 pictures and of 5 sounds a class, a fifth each.
    for kind, counts in (("sound", {"train": 6, "validation": 2, "test": 2}),):
        found = Counter(next(iter(s)) for name, s in homes.items() if name.startswith(kind))
        assert found == counts
    # Dealt from a pack: none twice before all once.
    for label in HUES:
        for split in ("train", "validation", "test"):
            dealt = Counter(
                name
                for each in dataset.performances(split)
                if each.instrument == label
                for name in each.extra["pictures_and_sounds"]["pictures"]
            )
            assert max(dealt.values()) - min(dealt.values()) <= 1
    pairs = open_store(dataset, StoreConfig(image_size=16), workers=1, progress=False)
    # Every chunk of half a second in train has a picture, at each tenth of a second.
    assert len(pairs.pairs("test")) == sum(each.frames for each in dataset.performances("test"))
    assert outcome.counts["pairs of a picture and a chunk"] == sum(
        each.frames for each in dataset.members
    )


def test_the_papers_inis_in_small(tmp_path: Path) -> None:
    """More pictures than places: some stay unused, and that is told. Mutant: pictures repeated."""
    pictures, sounds = write_trees(tmp_path, pictures=40, sounds=3)
    outcome = import_pictures_and_sounds(
        pictures, sounds, tmp_path / "data", CONFIG, workers=1, progress=False
    )
    places = outcome.counts["pairs of a picture and a chunk"]
    assert outcome.counts["pictures unused"] == 80 - places


def test_likenesses_stay_together_and_trouble_is_told(tmp_path: Path) -> None:
    pictures, sounds = write_trees(tmp_path)
    for n in range(8):  # the same picture again, in JPEG
        PillowImage.open(pictures / "piano/0.png").save(
            pictures / f"piano/like{n}.jpg", quality=95 - n
        )
    (pictures / "piano/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (sounds / "drum/text.wav").write_text("no sound\n" * 9)
    (sounds / "kazoo").mkdir()
    soundfile.write(sounds / "kazoo/0.wav", np.random.default_rng(1).normal(0, 0.1, RATE), RATE)
    outcome = import_pictures_and_sounds(
        pictures, sounds, tmp_path / "data", CONFIG, workers=1, progress=False
    )
    assert len(outcome.failures) == 2
    assert "kazoo: only sounds; left out" in outcome.notes
    assert "8 pictures look like another; each kept in its split" in outcome.notes
    homes = {
        each.split
        for each in Dataset.open(tmp_path / "data").members
        for name in each.extra["pictures_and_sounds"]["pictures"]
        if "like" in name or name == "piano/0.png"
    }
    assert len(homes) == 1


def test_a_stopped_import_goes_on_and_ends_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, sounds = write_trees(tmp_path)
    options = {"workers": 1, "progress": False}
    import_pictures_and_sounds(pictures, sounds, tmp_path / "unbroken", CONFIG, **options)
    written: list[str] = []
    real = pictures_and_sounds.write_performance

    def stopping(*arguments: object, **named: object) -> object:
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(arguments[1].id)  # type: ignore[attr-defined]
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures_and_sounds, "write_performance", stopping)
    with pytest.raises(KeyboardInterrupt):
        import_pictures_and_sounds(pictures, sounds, tmp_path / "data", CONFIG, **options)

    def noting(*arguments: object, **named: object) -> object:
        written.append(arguments[1].id)  # type: ignore[attr-defined]
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures_and_sounds, "write_performance", noting)
    import_pictures_and_sounds(pictures, sounds, tmp_path / "data", CONFIG, **options)
    assert len(written) == len(set(written)) == 10
    assert Dataset.open(tmp_path / "data").sha256 == Dataset.open(tmp_path / "unbroken").sha256


def test_a_full_disk_stops_the_import_and_costs_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: booked as a bad recording, and the data set marked finished without it."""
    pictures, sounds = write_trees(tmp_path)
    real = pictures_and_sounds.write_performance
    room = [3]

    def full(*arguments: object, **named: object) -> object:
        room[0] -= 1
        if room[0] < 0:
            raise WriteError("the disk is full")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures_and_sounds, "write_performance", full)
    options = {"workers": 1, "progress": False}
    with pytest.raises(WriteError):
        import_pictures_and_sounds(pictures, sounds, tmp_path / "data", CONFIG, **options)
    room[0] = 100
    outcome = import_pictures_and_sounds(pictures, sounds, tmp_path / "data", CONFIG, **options)
    assert not outcome.failures
    assert len(Dataset.open(tmp_path / "data").members) == 10


def test_a_file_name_that_is_no_text_is_taken(tmp_path: Path) -> None:
    pictures, sounds = write_trees(tmp_path)
    for file in (pictures / "piano" / "0.png", sounds / "piano" / "0.wav"):
        file.rename(file.with_name(os.fsdecode(b"\xe9" + file.name.encode())))
    outcome = import_pictures_and_sounds(
        pictures, sounds, tmp_path / "data", CONFIG, workers=1, progress=False
    )
    assert not outcome.failures


def test_no_process_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, sounds = write_trees(tmp_path)
    command = ["data", "pictures-and-sounds", str(pictures), str(sounds), "--workers", "-1"]
    assert cli.main([*command, "-o", str(tmp_path / "data")]) == 2
    assert "1 or more is needed" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures, sounds = write_trees(tmp_path, pictures=5, sounds=3)
    (pictures / "drum/text.png").write_text("no picture")
    command = ["data", "pictures-and-sounds", str(pictures), str(sounds)]
    command += ["-o", str(tmp_path / "data"), "--image-size", "16", "--workers", "1"]
    assert cli.main(command) == 2  # one file was bad, the rest went on
    told = capsys.readouterr()
    assert told.out.startswith("6 performances")
    assert "text.png" in told.err
    assert len(Dataset.open(tmp_path / "data").members) == 6
    assert cli.main([*command[:2], str(tmp_path / "none"), *command[3:]]) == 2
    with pytest.raises(DataError, match="no class folder"):
        import_pictures_and_sounds(pictures / "drum", sounds, tmp_path / "x", CONFIG)


def test_splits_of_ones_own_are_kept(tmp_path: Path) -> None:
    """Mutants: ``splits`` for the sounds only; the listing without the splits."""
    pictures, sounds = write_trees(tmp_path, pictures=6, sounds=2)
    names = [p.relative_to(tree).as_posix() for tree in (pictures, sounds)
             for p in sorted(tree.rglob("*.*"))]  # fmt: skip
    homes = {name: "judge" if Path(name).stem in "135" else "train" for name in names}
    write_splits(tmp_path / "splits.csv", homes)
    assert read_splits(tmp_path / "splits.csv") == homes
    command = ["data", "pictures-and-sounds", str(pictures), str(sounds), "--image-size", "16",
               "--workers", "1", "--splits", str(tmp_path / "splits.csv")]  # fmt: skip
    assert cli.main([*command, "-o", str(tmp_path / "data")]) == 0
    dataset = Dataset.open(tmp_path / "data")
    assert dataset.counts() == {"train": 2, "judge": 2}
    for each in dataset.members:
        about = each.extra["pictures_and_sounds"]
        assert {homes[name] for name in [*about["pictures"], about["sound"]]} == {each.split}
    moved = {**homes, "drum/0.png": "test"}
    with pytest.raises(DataError, match="was begun here"):
        import_pictures_and_sounds(
            pictures, sounds, tmp_path / "data", CONFIG, splits=moved, progress=False
        )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,split\ndrum/0.png,train\n", "in no split"),
        ("file,split\ndrum/0.png,train\ndrum/0.png,test\n", "line 3: drum/0.png is in two splits"),
        ("name,split\ndrum/0.png,train\n", "columns file and split"),
    ],
)
def test_a_table_of_splits_that_is_not_whole_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    pictures, sounds = write_trees(tmp_path, pictures=2, sounds=1)
    (tmp_path / "splits.csv").write_text(text)
    command = ["data", "pictures-and-sounds", str(pictures), str(sounds), "-o"]
    more = [str(tmp_path / "data"), "--splits", str(tmp_path / "splits.csv")]
    assert cli.main([*command, *more]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_split_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    pictures, sounds = write_trees(tmp_path, pictures=2, sounds=1)
    homes = {p.relative_to(tree).as_posix(): "dev" for tree in (pictures, sounds)
             for p in tree.rglob("*.*")}  # fmt: skip
    with pytest.raises(DataError, match="split dev: allowed are train"):
        import_pictures_and_sounds(pictures, sounds, tmp_path / "data", CONFIG, splits=homes)
