"""Whole evaluations on a world in which every figure is known beforehand."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from known_world import CLASSES, RATE, SIZE, flat, known_judges, known_model, tone
from sightsound.errors import ConfigError, DataError, ModelError
from sightsound.evaluation.judges import Judges
from sightsound.evaluation.report import format_table
from sightsound.evaluation.run import evaluate, evaluate_ease, exit_code
from sightsound.features.pitch import cents, window_pitch
from sightsound.media.audio import read_audio, write_audio
from sightsound.media.image import read_image
from sightsound.pairs.performances import (
    DatasetInfo,
    PerformanceInfo,
    finish_dataset,
    write_performance,
)

PLAYERS = {"train": 2, "test": 2}
SECONDS, RATE_OF_FRAMES = 3.0, 10.0


def write_world(folder: Path) -> Path:
    seed = 0
    for split, players in PLAYERS.items():
        for label, instrument in enumerate(CLASSES):
            for player in range(players):
                seed += 1
                name = f"{split}-{instrument}-{player}"
                info = PerformanceInfo(
                    id=name,
                    split=split,
                    instrument=instrument,
                    player=name,
                    piece=name,
                    frame_rate=RATE_OF_FRAMES,
                )
                count = round(SECONDS * RATE_OF_FRAMES)
                frames = [flat(label, 100 * seed + frame) for frame in range(count)]
                write_performance(folder, info, tone(label, SECONDS, seed), RATE, frames)
    about = DatasetInfo(
        name="known",
        kind="test",
        classes=CLASSES,
        frame_rate=RATE_OF_FRAMES,
        image_size=SIZE,
        license="CC0",
    )
    finish_dataset(folder, about)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world") / "known")


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    return known_judges(tmp_path_factory.mktemp("judges") / "judges")


@pytest.fixture(scope="module")
def good(world: Path, judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("good")
    return evaluate(
        known_model(folder / "model", sounds=True),
        data=world,
        judges=judges,
        report=folder / "report",
        samples=folder / "samples",
    ) | {"folder": folder}


@pytest.mark.parametrize("direction", ["sound_to_image", "image_to_sound"])
def test_a_perfect_model_has_perfect_figures(good: dict, direction: str) -> None:
    figures = good[direction]
    for key in ("accuracy", "low", "high", "ceiling", "encoder_accuracy"):
        assert figures[key] == 1.0, key
    assert figures["per_class"] == dict.fromkeys(CLASSES, 1.0)
    assert figures["best_constant"] == pytest.approx(1 / 3)
    # 3 s in windows of half a second, side by side; frames are 0.1 s apart.
    assert figures["n"] == 3 * 2 * 6
    assert figures["performances"] == 6
    assert figures["swapped"] == {
        "n": 36,
        "accuracy": 0.0,
        "follows": 1.0,
        "intervals": {"accuracy": [0.0, 0.0], "follows": [1.0, 1.0]},
    }
    assert figures["intervals"] == {
        "ceiling": [1.0, 1.0],
        "encoder_accuracy": [1.0, 1.0],
        "per_class": {name: [1.0, 1.0] for name in CLASSES},
    }
    # Two judges, so every thing counts twice.
    assert figures["confusion"]["counts"] == [[24, 0, 0], [0, 24, 0], [0, 0, 24]]
    assert [judge["accuracy"] for judge in figures["judges"]] == [1.0, 1.0]


def test_distances_lie_near_their_floor_and_far_from_shuffled(good: dict) -> None:
    for figures in good["sound_to_image"]["distances"].values():
        assert figures["n"] == 36
        assert abs(figures["floor"]) < 0.2 * figures["shuffled"]
        assert figures["value"] < 0.5 * figures["shuffled"]
    novelty = good["sound_to_image"]["novelty"]
    assert novelty["n_training"] == 36
    assert 0 < good["sound_to_image"]["diversity"]["ratio"] < 3
    assert good["image_to_sound"]["inversion_ceiling"] == {
        "accuracy": 1.0,
        "low": 1.0,
        "high": 1.0,
        "n": 36,
    }


def test_a_model_that_ignores_its_input_is_found_out(
    world: Path, judges: Judges, tmp_path: Path
) -> None:
    model = known_model(tmp_path / "m", "constant", sounds=True)
    result = evaluate(model, data=world, judges=judges, limit=18)
    for figures in result.values():
        assert figures["accuracy"] == pytest.approx(figures["best_constant"])
        assert figures["low"] < figures["accuracy"] < figures["high"]
        assert figures["per_class"] == {"cello": 1.0, "flute": 0.0, "horn": 0.0}
        assert figures["swapped"]["accuracy"] == pytest.approx(1 / 3)
        assert figures["encoder_accuracy"] == 1.0
        for distances in figures["distances"].values():
            assert distances["value"] > 0.5 * distances["shuffled"] > 0.0


def test_good_pictures_of_the_wrong_instrument_cost(
    world: Path, judges: Judges, tmp_path: Path, good: dict
) -> None:
    result = evaluate(known_model(tmp_path / "m", "rotated"), data=world, judges=judges)
    figures = result["sound_to_image"]
    assert (figures["accuracy"], figures["low"], figures["high"]) == (0.0, 0.0, 0.0)
    assert figures["ceiling"] == figures["encoder_accuracy"] == 1.0
    assert figures["confusion"]["counts"] == [[0, 24, 0], [0, 0, 24], [24, 0, 0]]
    for space, distances in figures["distances"].items():
        assert distances["value"] > 10 * abs(good["sound_to_image"]["distances"][space]["value"])
        # Pooled over classes the same pictures are there: that distance must not see it.
        assert distances["pooled"]["value"] < 0.2 * distances["value"]


def test_result_is_json_with_the_contracts_keys(good: dict) -> None:
    result = {key: value for key, value in good.items() if key != "folder"}
    assert set(result) == {"sound_to_image", "image_to_sound"}
    for figures in result.values():
        contract = ["accuracy", "low", "high", "n", "ceiling", "encoder_accuracy", "per_class"]
        assert set(contract) <= set(figures)
    text = json.dumps(result, allow_nan=False)
    assert json.loads(text) == result
    assert exit_code(result) == 0


@pytest.mark.parametrize("direction", ["sound_to_image", "image_to_sound"])
def test_every_score_says_by_what_and_how_it_was_measured(
    good: dict, judges: Judges, direction: str
) -> None:
    """Hashes of what extracted it, preprocessing, seed, n and an interval that holds it."""
    figures = good[direction]
    assert figures["judged_by"]["graphs"] == judges.graph_hashes
    assert set(figures["preprocessing"]["judges"]) <= set(judges.graph_hashes)
    assert figures["bootstrap"] == {"level": 0.95, "resamples": 2000, "seed": 0}
    for space in figures["distances"].values():
        assert space["low"] - 1e-9 <= space["value"] <= space["high"] + 1e-9
    low, high = figures["diversity"]["interval"]
    assert low - 1e-9 <= figures["diversity"]["ratio"] <= high + 1e-9
    for name, (low, high) in figures["novelty"]["intervals"].items():
        assert low - 1e-9 <= figures["novelty"][name] <= high + 1e-9


def write_cellos(folder: Path) -> Path:
    """Cellos that sound their A string stopped at 400 Hz; each third frame is a rest."""
    up = 12 * math.log2(400 / 220)
    for number, split in enumerate(("train", "test", "test")):
        count = round(SECONDS * RATE_OF_FRAMES)
        rests = np.arange(count) % 15 == 0  # the first and the fourth of six windows
        truth = {
            "frame_times": np.arange(count) / RATE_OF_FRAMES,
            "pitch_hz": np.where(rests, 0.0, 400.0).astype(np.float32),
            "string_index": np.full(count, 3.0, np.float32),
            "finger_position": np.full(count, 1 - 2 ** (-up / 12), np.float32),
        }
        name = f"{split}-{number}"
        info = PerformanceInfo(
            id=name,
            split=split,
            instrument="cello",
            player=name,
            piece=name,
            frame_rate=RATE_OF_FRAMES,
        )
        frames = [flat(0, 100 * number + frame) for frame in range(count)]
        write_performance(folder, info, tone(0, SECONDS, number), RATE, frames, truth)
    about = DatasetInfo(
        name="cellos",
        kind="test",
        classes=CLASSES,
        frame_rate=RATE_OF_FRAMES,
        image_size=SIZE,
        license="CC0",
    )
    finish_dataset(folder, about)
    return folder


def test_pitch_is_heard_in_the_sounds_that_are_judged(
    good: dict, judges: Judges, tmp_path: Path
) -> None:
    """Mutants: rests counted, the real sounds heard twice, no truth taken for a rest."""
    assert "pitch" not in good["image_to_sound"]  # that world has no poses
    data, samples = write_cellos(tmp_path / "data"), tmp_path / "samples"
    model = known_model(tmp_path / "m", sounds=True)
    figures = evaluate(model, data=data, judges=judges, samples=samples)["image_to_sound"]
    pitch = figures["pitch"]
    assert figures["n"] == 12
    assert pitch["n"] == 8
    assert pitch["real"]["admitted"] == pitch["another_moment"] == 1.0
    assert pitch["per_instrument"]["cello"]["pitches_admitted"] == 1.0
    made = sorted((samples / "image_to_sound" / "generated").iterdir())
    heard = window_pitch(np.stack([read_audio(path).waveform[0] for path in made]), RATE)
    near = heard.voiced & (np.abs(cents(np.maximum(heard.hz, 1.0), np.full(12, 400.0))) <= 50)
    sounding = np.arange(12) % 3 > 0
    assert pitch["admitted"] == pytest.approx(near[sounding].mean(), abs=1e-9)
    assert pitch["voiced"] == pytest.approx(heard.voiced[sounding].mean(), abs=1e-9)


def test_a_model_of_some_instruments_is_measured_on_these(
    world: Path, judges: Judges, tmp_path: Path
) -> None:
    """Mutant: what the provenance says is not read."""
    model = known_model(tmp_path / "m")
    provenance = model.package.manifest.provenance
    provenance.config["none"] = {"method": {}, "pairs": {"instruments": ["flute", "horn"]}}
    figures = evaluate(model, data=world, judges=judges)["sound_to_image"]
    assert figures["per_class"] == {"flute": 1.0, "horn": 1.0}
    assert figures["data"]["instruments"] == ["flute", "horn"]
    asked = evaluate(model, data=world, judges=judges, instruments=["cello", "horn"])
    assert set(asked["sound_to_image"]["per_class"]) == {"cello", "horn"}
    with pytest.raises(ModelError, match="kazoo"):
        evaluate(model, data=world, judges=judges, instruments=["kazoo"])


def test_report_is_one_folder_that_needs_nothing_else(good: dict) -> None:
    folder = good["folder"] / "report"
    page = (folder / "index.html").read_text()
    sources = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert len(sources) == 2 * 3 + 2 * 3  # a confusion and two sheets each; a clip pair a class
    for source in sources:
        assert (folder / source).stat().st_size > 0
    assert "http" not in page
    assert json.loads((folder / "result.json").read_text())["sound_to_image"]["accuracy"] == 1.0
    sheet = read_image(folder / "sound_to_image_picked_by_seed.png")
    assert sheet.shape[1] > 128
    # The real and the generated picture of the first case have the same size and colour.
    left, right = sheet[:, 100, 40], sheet[:, 100, 40 + 132]
    assert np.argmax(left) == np.argmax(right) == 0


def test_samples_are_paired_by_name(good: dict) -> None:
    for direction, suffix in (("sound_to_image", ".png"), ("image_to_sound", ".wav")):
        folder = good["folder"] / "samples" / direction
        rows = list(csv.DictReader((folder / "items.csv").read_text().splitlines()))
        assert len(rows) == 36
        for kind in ("generated", "reference"):
            assert {f.name for f in (folder / kind).iterdir()} == {row["file"] for row in rows}
        stems = {Path(row["file"]).stem for row in rows}
        assert {f.stem for f in (folder / "condition").iterdir()} == stems
        assert all(row["file"].endswith(f"{row['class']}{suffix}") for row in rows)
    first = rows[0]["file"]
    sound = read_audio(good["folder"] / "samples" / "image_to_sound" / "reference" / first)
    assert sound.waveform.shape == (1, RATE // 2)
    assert sound.sample_rate == RATE
    # What one direction was given is what the other's references are of the same moments.
    shown = good["folder"] / "samples" / "image_to_sound" / "condition" / f"{Path(first).stem}.png"
    real = good["folder"] / "samples" / "sound_to_image" / "reference" / shown.name
    np.testing.assert_allclose(read_image(shown), read_image(real), atol=1 / 127)


def test_samples_go_into_an_empty_folder_only(
    world: Path, judges: Judges, tmp_path: Path, good: dict
) -> None:
    with pytest.raises(DataError, match="holds files already"):
        evaluate(
            known_model(tmp_path / "m"),
            data=world,
            judges=judges,
            samples=good["folder"] / "samples",
        )


def test_table_says_everything_at_once(good: dict) -> None:
    table = format_table({key: value for key, value in good.items() if key != "folder"})
    for words in (
        "accuracy ↑",
        "100.0 %  (95 % interval 100.0 % to 100.0 %)",
        "36 of 6 performances",
        "ceiling (judges on real)",
        "best constant answer",
        "swapped condition: own class ↓",
        "kernel distance ↓, class-free features",
        "shuffled",
        "ceiling after inversion",
        "by class ↑",
    ):
        assert words in table, words


def test_classes_are_told_apart_by_name_not_by_number(
    world: Path, recordings: Path, tmp_path: Path
) -> None:
    # Judges whose names are mixed up are always wrong; the encoder is as right as ever.
    mixed = known_judges(tmp_path / "mixed", classes=("flute", "horn", "cello"))
    model = known_model(tmp_path / "m")
    figures = evaluate(model, data=world, judges=mixed)["sound_to_image"]
    assert figures["accuracy"] == figures["ceiling"] == 0.0
    assert figures["encoder_accuracy"] == 1.0
    assert figures["confusion"]["classes"] == ["flute", "horn", "cello"]
    heard = evaluate(model, sounds=recordings, fold="check", judges=mixed)["sound_to_image"]
    assert heard["encoder_accuracy"] == pytest.approx(0.75)
    # The one cello that sounds like a horn is painted blue, and blue is what they call a cello.
    assert heard["per_class"] == {"flute": 0.0, "cello": 0.5}


def test_limit_and_seed_matter(world: Path, judges: Judges, tmp_path: Path) -> None:
    model = known_model(tmp_path / "m")
    results = [
        evaluate(model, data=world, judges=judges, limit=12, seed=seed)["sound_to_image"]
        for seed in (1, 1, 2)
    ]
    assert all(figures["n"] == 12 for figures in results)
    assert results[0] == results[1]
    assert results[0]["distances"] != results[2]["distances"]
    with pytest.raises(ConfigError, match="limit 0"):
        evaluate(model, data=world, judges=judges, limit=0)


def test_train_split_has_no_floor(world: Path, judges: Judges, tmp_path: Path) -> None:
    model = known_model(tmp_path / "m")
    figures = evaluate(model, data=world, split="train", judges=judges)["sound_to_image"]
    assert figures["novelty"] is None
    for distances in figures["distances"].values():
        assert distances["floor"] is None
        assert distances["shuffled"] > 0.0
    with pytest.raises(DataError, match="split 'trian'"):
        evaluate(model, data=world, split="trian", judges=judges)
    with pytest.raises(DataError, match="no pairs"):
        evaluate(model, data=world, split="validation", judges=judges)


def test_ease_of_the_known_world(world: Path, judges: Judges) -> None:
    from sightsound.pairs.store import StoreConfig

    config = StoreConfig(sample_rate=RATE, image_size=SIZE)
    easy = evaluate_ease(world, judges=judges, config=config)
    for name in ("mean_log_mel", "picture_8x8"):
        assert easy[name]["linear"]["accuracy"] == easy[name]["nearest"]["accuracy"] == 1.0
    assert [j["accuracy"] for kind in ("image", "sound") for j in easy["judges"][kind]] == [1.0] * 4


# --- Real recordings ------------------------------------------------------------------------


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """cello: groups a (3 files, right) and b (1 that sounds like a horn); flute; no horn."""
    folder = tmp_path / "recordings"
    rows = []
    for instrument, group, number, sounds_like in (
        ("cello", "a", 0, 0),
        ("cello", "a", 1, 0),
        ("cello", "a", 2, 0),
        ("cello", "b", 3, 2),
        ("flute", "c", 4, 1),
        ("flute", "d", 5, 1),
    ):
        path = folder / instrument / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, tone(sounds_like, 1.2, number)[None], RATE)
        fold = "train" if group == "d" else "check"
        rows.append({"file": f"{instrument}/{number}.wav", "fold": fold, "group": group})
    (folder / "kazoo").mkdir()
    write_audio(folder / "kazoo" / "1.wav", tone(0, 1.0)[None], RATE)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "fold", "group"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_recordings_count_by_class_and_group(
    recordings: Path, judges: Judges, tmp_path: Path
) -> None:
    model = known_model(tmp_path / "m")
    result = evaluate(model, sounds=recordings, fold="check", judges=judges)
    assert set(result) == {"sound_to_image"}
    figures = result["sound_to_image"]
    # cello: (1 + 0)/2 over its groups, flute: 1; macro 0.75. Per file it is 4/5.
    assert figures["accuracy"] == pytest.approx(0.75)
    assert figures["per_file_accuracy"] == pytest.approx(0.8)
    assert figures["per_class"] == {"cello": 0.5, "flute": 1.0}
    assert figures["encoder_accuracy"] == pytest.approx(0.75)
    assert figures["n"] == 5
    assert figures["ceiling"] == 0.97
    assert figures["low"] < 0.75 < figures["high"]
    assert figures["per_group"]["cello/b"] == {"accuracy": 0.0, "n": 1}
    assert figures["skipped"] == []
    everything = evaluate(model, sounds=recordings, judges=judges)["sound_to_image"]
    assert everything["n"] == 6
    assert evaluate(model, sounds=recordings, judges=judges, limit=2)["sound_to_image"]["n"] == 2
    assert "5 files of 3 groups" in format_table(result)


def test_a_recording_is_heard_as_generate_hears_it(
    recordings: Path, judges: Judges, tmp_path: Path
) -> None:
    model = known_model(tmp_path / "m")
    samples = tmp_path / "samples"
    evaluate(model, sounds=recordings, fold="check", judges=judges, samples=samples, seed=5)
    made = read_image(samples / "sound_to_image" / "generated" / "000000_0_cello.png")
    audio = read_audio(recordings / "cello" / "0.wav")
    expected = model.sound_to_image(audio.waveform, audio.sample_rate, seed=5)
    np.testing.assert_allclose(made, expected, atol=1 / 127)


def test_unreadable_recordings_are_told_and_skipped(
    recordings: Path, judges: Judges, tmp_path: Path
) -> None:
    (recordings / "cello" / "0.wav").write_text("no sound at all")
    write_audio(recordings / "cello" / "1.wav", tone(0, 0.1)[None], RATE)
    model, told = known_model(tmp_path / "m"), []
    report = tmp_path / "report"
    result = evaluate(model, sounds=recordings, judges=judges, on_skip=told.append, report=report)
    figures = result["sound_to_image"]
    assert figures["n"] == 4
    assert told == figures["skipped"]
    assert [line.split("cello/")[1][:5] for line in told] == ["0.wav", "1.wav"]
    assert all("\n" not in line for line in told)
    assert exit_code(result) == 2
    assert math.isclose(figures["per_class"]["cello"], 0.5)
    assert "Skipped" in (report / "index.html").read_text()
    for path in recordings.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no recording could be read"):
        evaluate(model, sounds=recordings, judges=judges)


def test_unfit_requests_are_refused(
    world: Path, recordings: Path, judges: Judges, tmp_path: Path
) -> None:
    model = known_model(tmp_path / "m")
    with pytest.raises(ConfigError, match="either --data"):
        evaluate(model, judges=judges)
    with pytest.raises(ConfigError, match="either --data"):
        evaluate(model, data=world, sounds=recordings, judges=judges)
    with pytest.raises(ConfigError, match="--fold belongs to --sounds"):
        evaluate(model, data=world, fold="check", judges=judges)
    with pytest.raises(DataError, match="no such"):
        evaluate(model, sounds=tmp_path / "nowhere", judges=judges)
    with pytest.raises(ModelError, match="no folder of judges"):
        evaluate(model, data=world, judges=tmp_path / "nowhere")
