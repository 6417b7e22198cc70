"""Judges: right on a world whose answers are known, and nothing altered gets through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from known_world import CLASSES, RATE, SIZE, flat, known_judges, seeing, tone
from sightsound.errors import ModelError
from sightsound.evaluation.judges import JUDGES_FOLDER, ImageJudge, SoundJudge, load_judges
from sightsound.shapes import image_to_unit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "judges"
    known_judges(path)
    return path


def copied(folder: Path, target: Path) -> Path:
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_judges_know_the_known(folder: Path) -> None:
    judges = load_judges(folder)
    labels = np.arange(150) % 3  # more than two batches
    pictures = np.stack([image_to_unit(flat(k, seed)) for seed, k in enumerate(labels)])
    sounds = np.stack([tone(k, 0.5, seed) for seed, k in enumerate(labels)])
    for judged in [*judges.judge_images(pictures), *judges.judge_waveforms(sounds, RATE)]:
        np.testing.assert_array_equal(judged.labels, labels)
        assert judged.features.shape == (150, 3)
    assert judges.class_free_features(pictures).shape == (150, 6)
    assert judges.classes == CLASSES


def test_pictures_of_another_size_are_averaged_down(folder: Path) -> None:
    judges = load_judges(folder)
    large = np.kron(image_to_unit(flat(1)), np.ones((1, 3, 3), np.float32))[None]
    large[..., ::3, :] += 0.3
    large[..., 1::3, :] -= 0.3  # averaging takes these stripes away, dropping pixels would not
    small = judges.judge_images(image_to_unit(flat(1))[None])[0].logits
    np.testing.assert_allclose(judges.judge_images(large)[0].logits, small, atol=1e-4)
    odd = judges.judge_images(np.full((1, 3, 25, 25), 0.2, np.float32))[0].logits
    even = judges.judge_images(np.full((1, 3, SIZE, SIZE), 0.2, np.float32))[0].logits
    np.testing.assert_allclose(odd, even, atol=1e-5)


def test_longer_sounds_are_heard_to_their_end(folder: Path) -> None:
    judges = load_judges(folder)
    halves = np.concatenate([tone(0, 0.5), tone(2, 0.5)])[None]
    first, second = (judges.judge_waveforms(tone(k, 0.5)[None], RATE)[0] for k in (0, 2))
    both = judges.judge_waveforms(halves, RATE)[0]
    np.testing.assert_allclose(both.logits, (first.logits + second.logits) / 2, atol=1e-3)
    # 0.75 s: the second window ends with the sound and so overlaps the first.
    part = halves[:, : round(0.75 * RATE)]
    last = judges.judge_waveforms(part[:, -RATE // 2 :], RATE)[0]
    heard = judges.judge_waveforms(part, RATE)[0]
    np.testing.assert_allclose(heard.logits, (first.logits + last.logits) / 2, atol=1e-3)
    with pytest.raises(ModelError, match="3999 samples came, 4000"):
        judges.judge_waveforms(np.zeros((1, 3999), np.float32), RATE)
    with pytest.raises(ModelError, match="16000 Hz came, 8000 Hz"):
        judges.judge_waveforms(np.zeros((1, 8000), np.float32), 16_000)


def test_hash_names_the_judges(folder: Path, tmp_path: Path) -> None:
    again = known_judges(tmp_path / "again")
    assert again.sha256 == load_judges(folder).sha256
    graphs = {f.name: f.read_bytes() for f in folder.glob("*.onnx")}
    graphs["image_b.onnx"] = seeing(("features", "logits"), sharpness=3.0)
    other = known_judges(tmp_path / "other", graphs=graphs)
    assert other.sha256 != again.sha256


def test_card_says_what_the_judges_are(folder: Path) -> None:
    card = (folder / "card.md").read_text()
    for word in ("cello, flute, horn", "image_a.onnx", "tone b", "CC0-1.0", "image_accuracy: 0.97"):
        assert word in card


def test_altered_graph_is_refused(folder: Path, tmp_path: Path) -> None:
    bad = copied(folder, tmp_path / "bad")
    data = bytearray((bad / "sound_a.onnx").read_bytes())
    data[-1] ^= 1
    (bad / "sound_a.onnx").write_bytes(bytes(data))
    with pytest.raises(ModelError, match=r"sound_a\.onnx: altered"):
        load_judges(bad)


def test_missing_file_link_and_format_are_refused(folder: Path, tmp_path: Path) -> None:
    missing = copied(folder, tmp_path / "missing")
    (missing / "free.onnx").unlink()
    with pytest.raises(ModelError, match=r"free\.onnx: missing"):
        load_judges(missing)
    (missing / "free.onnx").symlink_to(folder / "free.onnx")
    with pytest.raises(ModelError, match=r"free\.onnx: missing or no plain file"):
        load_judges(missing)
    newer = copied(folder, tmp_path / "newer")
    tree = json.loads((newer / "judges.json").read_text())
    (newer / "judges.json").write_text(json.dumps({**tree, "format": 2}))
    with pytest.raises(ModelError, match="format 2 came, 1 is read"):
        load_judges(newer)
    (newer / "judges.json").write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        load_judges(newer)
    outside = {**tree, "files": {"../x.onnx": {"sha256": "0" * 64, "bytes": 1}}}
    (newer / "judges.json").write_text(json.dumps(outside))
    with pytest.raises(ModelError, match="not allowed"):
        load_judges(newer)
    with pytest.raises(ModelError, match="no folder of judges"):
        load_judges(tmp_path / "nowhere")


@pytest.mark.parametrize("error", ["classes", "graph", "unused"])
def test_what_is_no_judge_is_not_written(tmp_path: Path, folder: Path, error: str) -> None:
    graphs = {f.name: f.read_bytes() for f in folder.glob("*.onnx")}
    changes: dict[str, object] = {"graphs": graphs}
    if error == "classes":
        changes["classes"] = ("cello", "flute")
    elif error == "graph":
        graphs["image_a.onnx"] = graphs["sound_a.onnx"]
    else:
        graphs["more.onnx"] = graphs["free.onnx"]
    target = tmp_path / "judges"
    with pytest.raises(ModelError):
        known_judges(target, **changes)
    assert not target.exists()
    assert not list(tmp_path.iterdir())  # nothing half-written beside it


def test_judges_replace_judges_and_nothing_else(tmp_path: Path, folder: Path) -> None:
    target = copied(folder, tmp_path / "judges")
    known_judges(target)
    assert not [f for f in tmp_path.iterdir() if f != target]
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.png").write_bytes(b"x")
    with pytest.raises(ModelError, match="holds no judges"):
        known_judges(other)
    assert (other / "holiday.png").read_bytes() == b"x"


def test_unknown_class_is_refused(folder: Path) -> None:
    judges = load_judges(folder)
    assert judges.labels_of(("horn", "cello")) == [2, 0]
    with pytest.raises(ModelError, match="'kazoo'"):
        judges.labels_of(("horn", "kazoo"))


def test_entries_are_what_the_format_says() -> None:
    assert ImageJudge.__dataclass_fields__.keys() == {"file", "architecture", "seed", "image_size"}
    judge = SoundJudge(
        file="x.onnx", architecture="a", seed=0, sample_rate=44_100, window_seconds=0.5
    )
    assert judge.window_samples == 22_050


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("sound_judges", "window_seconds", "half"),
        ("sound_judges", "window_seconds", float("nan")),
        ("image_judges", "file", ["a.onnx"]),
        ("image_judges", "image_size", "64"),
    ],
)
def test_a_judge_described_by_another_type_is_refused(
    place: str, name: str, value: object, tmp_path: Path
) -> None:
    folder = shutil.copytree(JUDGES_FOLDER, tmp_path / "judges")
    tree = json.loads((folder / "judges.json").read_text())
    tree[place][0][name] = value
    (folder / "judges.json").write_text(json.dumps(tree))
    with pytest.raises(ModelError, match=f"{name} is .*another type is needed"):
        load_judges(folder)


def test_a_class_named_twice_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(JUDGES_FOLDER, tmp_path / "judges")
    tree = json.loads((folder / "judges.json").read_text())
    tree["classes"][1] = tree["classes"][0]
    (folder / "judges.json").write_text(json.dumps(tree))
    with pytest.raises(ModelError, match="names a class twice"):
        load_judges(folder)
