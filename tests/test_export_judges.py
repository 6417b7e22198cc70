"""Runs of judges become the folder that evaluation reads, and answer there as they did in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tone_dataset
from sightsound.errors import ModelError
from sightsound.evaluation.export_judges import export_judges
from sightsound.evaluation.judges import load_judges
from sightsound.evaluation.run import evaluate
from sightsound.methods.classifier import Classifier
from sightsound.methods.pose import PoseRegression
from sightsound.pairs.batches import epoch
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import PairSet, StoreConfig, open_store
from sightsound.training.folder import RunFolder
from sightsound.training.run import build_method, train

JUDGES = ("judge_image_paper", "judge_sound_strided", "image_features", "judge_pose")
FEW = (
    "training.steps=12",
    "training.batch_size=12",
    "training.validation_pairs=6",
    "training.validate_every=12",
    "training.checkpoint_every=12",
    "training.warmup_steps=2",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tone_dataset.make(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="module")
def runs(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in JUDGES:
        train(name, data.folder, output=folder / name, settings=FEW, quiet=True)
    return folder


@pytest.fixture(scope="module")
def exported(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judges") / "judges"
    return export_judges([runs / name for name in JUDGES], folder)


def pairs_of(data: Dataset) -> PairSet:
    return open_store(data, StoreConfig()).pairs("test")


def test_a_judge_says_what_its_run_says(runs: Path, exported: Path, data: Dataset) -> None:
    # Mutants: `best` weights not loaded, dropout left on, poses not multiplied by their ranges.
    judges, pairs = load_judges(exported), pairs_of(data)
    images = pairs.images(np.arange(len(pairs))).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    answers = {
        "judge_image_paper": judges.judge_images(images)[0].logits,
        "judge_sound_strided": judges.judge_waveforms(
            pairs.waveforms(np.arange(len(pairs))), 44_100
        )[0].logits,
        "judge_pose": judges.poses(images),
    }
    for name, got in answers.items():
        method = build_method(RunFolder(runs / name).config()[0], runs)
        RunFolder(runs / name).load_weights(method.players)
        method.players.eval()
        (batch,) = epoch(pairs, len(pairs), method.batch_fields)
        with torch.no_grad():
            if isinstance(method, PoseRegression):
                wanted = method.predict(batch)
            else:
                assert isinstance(method, Classifier)
                wanted = method.encode(method.picture(batch))[1]
        # Weights are kept in 16 bits.
        spread = float(wanted.std())
        assert np.abs(got - wanted.numpy()).mean() < 0.02 * spread, name


def test_evaluation_measures_poses_where_a_judge_reads_them(exported: Path, data: Dataset) -> None:
    result = evaluate(data=data.folder, judges=exported, seed=0)["sound_to_image"]
    finger = result["pose"]["parts"]["finger_position"]
    assert set(finger) == {"bassoon", "flute", "violin"}
    truth = pairs_of(data).truth(np.arange(len(pairs_of(data))))
    assert truth.pose_mask.any(axis=0).sum() == 1  # nothing but the finger is known here
    for row in finger.values():
        # One performance a class: another moment is the same one, and has the same pose.
        assert row["another_moment"] == 0.0
        assert row["constant_pose"] > 0.0
        assert np.isfinite([row["error"], row["real_frame"]]).all()
    assert set(result["pose"]["share_of_constant_pose"]) == {"finger_position"}


def test_a_run_of_another_split_is_no_judge(runs: Path, data: Dataset, tmp_path: Path) -> None:
    other = (*FEW, "training.steps=1", "training.validate_every=1", "pairs.train_split=train")
    train("judge_pose", data.folder, output=tmp_path / "judge_pose", settings=other, quiet=True)
    chosen = [runs / name for name in JUDGES if name != "judge_pose"]
    with pytest.raises(ModelError, match="trained on train, not on judge"):
        export_judges([*chosen, tmp_path / "judge_pose"], tmp_path / "judges")
    with pytest.raises(ModelError, match="all needed"):
        export_judges(chosen[:1], tmp_path / "judges")
    assert not (tmp_path / "judges").exists()


def test_two_runs_of_one_recipe_are_no_two_judges(runs: Path, tmp_path: Path) -> None:
    """Mutant: the second graph takes the place of the first, and one judge counts twice."""
    names = [*JUDGES, "judge_image_paper"]
    with pytest.raises(ModelError, match="a second run of judge_image_paper"):
        export_judges([runs / name for name in names], tmp_path / "judges")
