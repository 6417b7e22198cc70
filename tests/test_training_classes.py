"""Data of other classes than the paper's 13: trained, exported, judged and evaluated alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tone_dataset
from sightsound import recipes
from sightsound.config import to_json
from sightsound.errors import ConfigError, ModelError
from sightsound.evaluation.export_judges import export_judges
from sightsound.evaluation.judges import load_judges
from sightsound.evaluation.run import evaluate
from sightsound.export.run import export_run
from sightsound.media.audio import write_audio
from sightsound.methods.classifier import ClassifierConfig
from sightsound.packages.load import load_package
from sightsound.pairs.performances import Dataset
from sightsound.pairs.recordings import RecordingBank
from sightsound.pairs.truth import POSE_COLUMNS
from sightsound.training.folder import RunFolder
from sightsound.training.run import train

CLASSES = ("drum", "guitar", "piano")
NAMES = {"bassoon": "drum", "flute": "guitar", "violin": "piano"}
FEW = (
    "training.steps=12",
    "training.batch_size=12",
    "training.validation_pairs=6",
    "training.validate_every=12",
    "training.checkpoint_every=12",
)
JUDGES = ("judge_image_paper", "judge_sound_strided", "image_features")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data") / "tones"
    return tone_dataset.make(folder, seconds=0.7, classes=CLASSES, names=NAMES)


@pytest.fixture(scope="module")
def runs(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    warm = (*FEW, "training.warmup_steps=2")
    for name in ("sound_classifier", "image_classifier"):
        train(name, data.folder, output=folder / name, settings=FEW, quiet=True)
    for name in JUDGES:
        train(name, data.folder, output=folder / name, settings=warm, quiet=True)
    for name in ("s2i_c", "i2s"):
        small = (*FEW, "method.network.base_channels=8")
        train(name, data.folder, output=folder / name, settings=small, quiet=True)
    return folder


def test_a_model_of_other_classes_names_them_and_is_judged_by_judges_of_them(
    data: Dataset, runs: Path, tmp_path: Path
) -> None:
    """Mutants: packages, or judges, that name the 13 whatever they were taught."""
    package = load_package(export_run([runs / "s2i_c", runs / "i2s"], tmp_path / "model"))
    assert package.manifest.classes == list(CLASSES)
    judges = load_judges(export_judges([runs / name for name in JUDGES], tmp_path / "judges"))
    assert judges.classes == CLASSES
    result = evaluate(tmp_path / "model", data=data.folder, judges=judges, seed=0)
    for direction in ("sound_to_image", "image_to_sound"):
        assert set(result[direction]["per_class"]) == set(CLASSES)


def test_the_shipped_judges_refuse_classes_that_they_do_not_know(
    data: Dataset, runs: Path, tmp_path: Path
) -> None:
    export_run([runs / "s2i_c"], tmp_path / "model")
    with pytest.raises(ModelError, match="the judges know only"):
        evaluate(tmp_path / "model", data=data.folder)


def test_a_classifier_has_one_logit_a_class(runs: Path) -> None:
    """Mutant: the networks built of the recipe as it is written, for 13."""
    for name in ("sound_classifier", "image_classifier"):
        config, data = RunFolder(runs / name).config()
        assert counts(to_json(config)) == {3}
        assert data["classes"] == list(CLASSES)


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_every_recipe_can_be_of_other_classes(name: str) -> None:
    """Mutant: networks within networks (a dynamic classifier's) left out."""
    config = recipes.recipe(name)
    poses = name in ("judge_pose", "pose_from_sound")
    assert counts(to_json(config)) <= {len(POSE_COLUMNS) if poses else 13}
    assert counts(to_json(recipes.for_classes(config, 5))) <= {len(POSE_COLUMNS) if poses else 5}
    if isinstance(config.method, ClassifierConfig):
        assert counts(to_json(config))


def counts(tree: object) -> set[int]:
    if not isinstance(tree, dict):
        return set()
    own = {tree["classes"]} if "classes" in tree else set()
    return own.union(*(counts(value) for value in tree.values()))


def test_recordings_are_labelled_by_the_data_sets_classes(tmp_path: Path) -> None:
    """Mutant: labels that count the 13."""
    time = np.arange(44_100) / 44_100
    for name in ("piano", "violin"):
        (tmp_path / name).mkdir()
        write_audio(
            tmp_path / name / "a.wav",
            0.3 * np.sin(2 * np.pi * 440 * time)[None].astype(np.float32),
            44_100,
        )
    bank = RecordingBank.open(tmp_path, classes=CLASSES)
    _, labels = bank.windows_at(0, seed=0, count=8, samples=22_050)
    assert set(labels.tolist()) == {2}
    assert bank.classes_present.tolist() == [False, False, True]


def test_runs_of_different_classes_are_not_one_package(
    runs: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tone_dataset.make(tmp_path / "tones", seconds=0.7)
    for name in ("image_classifier", "sound_classifier"):
        train(name, other.folder, output=tmp_path / "runs" / name, settings=FEW, quiet=True)
    small = (*FEW, "method.network.base_channels=8")
    train("i2s", other.folder, output=tmp_path / "runs" / "i2s", settings=small, quiet=True)
    with pytest.raises(ModelError, match="different classes"):
        export_run([runs / "s2i_c", tmp_path / "runs" / "i2s"], tmp_path / "model")


def test_the_number_of_classes_is_not_for_setting(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the data set's"):
        train(
            "sound_classifier",
            data.folder,
            output=tmp_path / "run",
            settings=["method.network.classes=3"],
        )
