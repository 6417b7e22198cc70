"""Single pictures and solo pieces of five classes: from the seed alone, in one split each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import skia

from sightsound import cli
from sightsound.errors import ConfigError, DataError
from sightsound.orchestra.inis import dataset, scenes
from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.music import GUITAR_TOP, STRINGS, compose_solo
from sightsound.orchestra.inis.picture import CLASSES, draw_picture
from sightsound.orchestra.inis.sound import perform_piece
from sightsound.orchestra.inis.space import Camera, Plane
from sightsound.orchestra.synthesis import RENDER_RATE, missing_packages, play_keys
from sightsound.pairs.performances import Dataset

MISSING = missing_packages()


def with_fluidsynth(test: Callable[..., None]) -> Callable[..., None]:
    skip = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
    return pytest.mark.orchestra(skip(test))  # type: ignore[no-any-return]


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", CLASSES)
def test_a_seed_is_a_picture(label: str) -> None:
    """Mutants: a seed of the clock in Dice; the seed left out of draw_picture's."""
    first, again, other = (draw_picture(label, seed, 48) for seed in (3, 3, 4))
    assert first.shape == (48, 48, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 8


def test_the_same_picture_at_any_size() -> None:
    """Mutant: a draw that depends on the size (``for _ in range(size // 20)``)."""
    for label, seed in (("guitar", 1), ("piano", 7), ("drum", 0)):
        small = draw_picture(label, seed, 32).astype(float)
        large = draw_picture(label, seed, 256).astype(float).reshape(32, 8, 32, 8, 3).mean((1, 3))
        # Grain and the thinnest lines differ; what is shown does not.
        assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.93


ALL_SCENES = [(label, scene) for label, some in scenes.SCENES.items() for scene in some]


@pytest.mark.parametrize(
    ("label", "scene"), ALL_SCENES, ids=lambda each: getattr(each, "__name__", each)
)
def test_every_scene_shows_something_before_its_background(
    label: str, scene: scenes.Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: one scene's instrument left out (``pianos.grand`` does nothing)."""
    blank = skia.Surface(64, 64)
    blank.getCanvas().clear(skia.ColorWHITE)
    monkeypatch.setattr(scenes, "draw_place", lambda *_: blank.makeImageSnapshot())
    monkeypatch.setattr(scenes.Camera, "shadow", lambda *_: None)
    shares = []
    for seed in range(5):
        pixels = np.zeros((64, 64, 4), np.uint8)
        canvas = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType).getCanvas()
        scene(scenes.Shot(Dice(seed), canvas, 64))
        shares.append(float((pixels[..., :3].min(axis=2) < 200).mean()))
    assert min(shares) > 0.015
    assert np.median(shares) > 0.06
    assert max(shares) < 0.98 or scene is scenes.keys_near


def test_about_half_the_pictures_of_a_class_show_a_player() -> None:
    players = {
        scenes.drummer, scenes.hand_drummer, scenes.snare_drummer, scenes.frame_drummer,
        scenes.guitarist, scenes.grand_pianist, scenes.upright_pianist, scenes.facing_pianist,
        scenes.sax_player, scenes.violinist,
    }  # fmt: skip
    for label, some in scenes.SCENES.items():
        share = sum(weight for scene, weight in some.items() if scene in players)
        assert sum(some.values()) == pytest.approx(1.0), label
        assert 0.4 <= share <= 0.6, label


def test_a_plane_and_its_places_agree() -> None:
    """Mutants: the camera's pitch turned the other way in ``matrix``; depth forgotten."""
    camera = Camera(200, target=(0.3, -2, 1), span=8, yaw=0.4, pitch=0.3, roll=0.2, distance=20)
    plane = Plane((1, -1, 2), (0.6, 0.1, 0.4), (-0.2, 1.1, 0.3))
    for a, b in ((0.0, 0.0), (1.5, -0.7), (-2.0, 1.0)):
        mapped = camera.matrix(plane).mapPoints([skia.Point(a, b)])[0]
        seen = camera.seen([plane.at(a, b)])[0]
        assert (mapped.x(), mapped.y()) == pytest.approx(seen[:2], abs=0.01)
    x, y, depth = camera.seen([(0.3, -2, 1)])[0]
    assert (x, y, depth) == pytest.approx((100, 100, 20))
    # From above: what lies nearer on a floor is lower in the picture.
    assert camera.seen([(0.3, 0, -3)])[0, 1] > camera.seen([(0.3, 0, 3)])[0, 1]


def test_unknown_classes_and_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose from drum, guitar, piano, sax, violin"):
        draw_picture("harp", 1, 64)
    with pytest.raises(ConfigError, match="16 to 1024"):
        draw_picture("drum", 1, 8)


# --- music and sound ------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["piano", "guitar", "drum"])
def test_a_solo_goes_on_to_its_end_and_stays_on_its_instrument(label: str) -> None:
    """Mutants: bars too few for the seconds; ``GUITAR_TOP`` not kept; strikes unsorted."""
    most = 0
    for seed in range(12):
        solo = compose_solo(label, seed, 12.0)
        assert solo == compose_solo(label, seed, 12.0)
        onsets = [each.onset_seconds for each in solo.strikes]
        assert onsets == sorted(onsets)
        assert 0 <= onsets[0] < 0.3
        assert onsets[-1] < 12.0
        assert max(np.diff([*onsets, 12.0])) <= 2 * 4 * 60 / solo.tempo_bpm + 0.1
        keys = {each.key for each in solo.strikes}
        low, high = {"piano": (21, 108), "guitar": (STRINGS[0], GUITAR_TOP), "drum": (35, 66)}[
            label
        ]
        assert low <= min(keys)
        assert max(keys) <= high
        assert all(1 <= each.velocity <= 127 for each in solo.strikes)
        most = max(most, *Counter(round(onset / 0.06) for onset in onsets).values())
    assert most >= 3  # chords, strums, several drums at once
    assert compose_solo(label, 1, 12.0) != compose_solo(label, 2, 12.0)


@with_fluidsynth
def test_keys_sound_at_their_pitch_whatever_was_played_before() -> None:
    """Mutants: ``_settle`` does nothing; the bend's range taken for 12 semitones."""
    chord = [(0.1, 1.9, 69, 100)]
    first = play_keys("FluidR3", 0, 0, chord, 2.0)
    play_keys("FluidR3", 128, 0, [(0.0, 0.1, 38, 127), (0.1, 0.2, 49, 127)], 0.5)
    assert np.array_equal(first, play_keys("FluidR3", 0, 0, chord, 2.0))
    assert np.abs(first[: int(0.098 * RENDER_RATE)]).max() < 1e-4
    assert np.abs(first[int(0.1 * RENDER_RATE) : int(0.15 * RENDER_RATE)]).max() > 0.01
    sharp = play_keys("FluidR3", 0, 0, chord, 2.0, cents=40.0)
    for sound, hz in ((first, 440.0), (sharp, 440.0 * 2 ** (40 / 1200))):
        spectrum = np.abs(
            np.fft.rfft(
                sound[RENDER_RATE // 2 :] * np.hanning(len(sound) - RENDER_RATE // 2), 1 << 19
            )
        )
        assert np.argmax(spectrum[: 1 << 13]) * RENDER_RATE / (1 << 19) == pytest.approx(
            hz, rel=0.004
        )


@with_fluidsynth
def test_what_is_played_its_voice_and_its_room_have_a_seed_each() -> None:
    """Mutant: the room drawn from the sound's seed."""
    piece = perform_piece("piano", 1, 2, 3, 2.0)
    assert piece.waveform.shape == (1, 2 * piece.sample_rate)
    assert np.array_equal(piece.waveform, perform_piece("piano", 1, 2, 3, 2.0).waveform)
    for seeds, same in (((9, 2, 3), ("voice", "room")), ((1, 9, 3), ("piece", "room")),
                        ((1, 2, 9), ("piece", "voice", "tone"))):  # fmt: skip
        other = perform_piece("piano", *seeds, 2.0)
        assert not np.array_equal(piece.waveform, other.waveform)
        for name in same:
            assert piece.description[name] == other.description[name]


# --- the data set ---------------------------------------------------------------------------------


def test_the_whole_has_the_papers_counts() -> None:
    """Table 3: 77 pieces, 4,461 and 1,905 pairs. Mutant: chunks rounded per piece."""
    assert CLASSES == ("drum", "guitar", "piano", "sax", "violin")
    jobs, homes = dataset.plan(Path("files"), seed=1)
    pictures = [job for job in jobs if not job.chunks]
    pieces = [job for job in jobs if job.chunks]
    assert len(homes) == len(jobs) == len({job.name for job in jobs})
    assert len({(job.label, job.seeds) for job in jobs}) == len(jobs)
    pairs = Counter({split: sum(j.chunks for j in pieces if homes[j.name] == split)
                     for split in dataset.ORCHESTRA_INIS})  # fmt: skip
    assert (pairs["train"], pairs["test"]) == (4461, 1905)
    assert sum(homes[job.name] in ("train", "test") for job in pieces) == 77
    # A picture for each chunk, and no more.
    assert Counter(homes[job.name] for job in pictures) == pairs
    of_class = Counter(job.label for job in pictures if homes[job.name] == "train")
    assert of_class == {"piano": 766, "sax": 1171, "violin": 631, "drum": 1075, "guitar": 818}


SMALL = {
    "scale": 0.005, "image_size": 32, "workers": 1, "progress": False,
    "classes": ["violin", "drum"], "splits": ["train", "judge"],
}  # fmt: skip


@with_fluidsynth
def test_a_small_one_is_whole_and_comes_out_the_same_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: a picture used twice; files made anew each time; splits drawn by the importer."""
    made = dataset.make_inis(tmp_path / "one", **SMALL)  # type: ignore[arg-type]
    assert made.classes == ("drum", "violin")
    assert made.counts() == {"train": 2, "judge": 2}
    used: Counter[str] = Counter()
    for each in made.members:
        about = each.extra["pictures_and_sounds"]
        used.update(about["pictures"])
        assert {name.split("/")[1].split("-")[0] for name in about["pictures"]} == {each.split}
        assert len(about["pictures"]) == each.frames == round(2 * each.seconds)
    assert set(used.values()) == {1}
    assert len(used) == len(list((tmp_path / "one-files" / "pictures").rglob("*.jpg")))

    calls = 0
    real = dataset.make_file

    def stops(job: dataset.Job) -> str:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(dataset, "make_file", stops)
    with pytest.raises(KeyboardInterrupt):
        dataset.make_inis(tmp_path / "two", **SMALL)  # type: ignore[arg-type]
    again = dataset.make_inis(tmp_path / "two", **SMALL)  # type: ignore[arg-type]
    total = len(list((tmp_path / "two-files").rglob("*.*"))) - 2  # the plan and the splits
    assert calls == total + 1
    assert [m.sha256 for m in again.members] == [m.sha256 for m in made.members]
    with pytest.raises(DataError, match="another data set"):
        dataset.make_inis(tmp_path / "two", **{**SMALL, "seed": 2})  # type: ignore[arg-type]
    assert Dataset.open(tmp_path / "two").name.startswith("orchestra-inis-1-")


def test_what_the_style_does_not_have_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "orchestra", "--style", "inis", "-o", str(tmp_path / "d")]
    for more, told in (
        (["--instrument", "oboe"], "style inis has drum, guitar, piano, sax, violin"),
        (["--split", "unheard"], "style inis has train, validation, test, judge"),
        (["--layout", "sub-urmp"], "belong to --style orchestra"),
        (["--scale", "2"], "at most 1"),
    ):
        assert cli.main([*command, *more]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
