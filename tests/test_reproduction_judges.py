"""Judges of a data set: the shipped ones for the drawn orchestra, own ones for any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import tone_dataset
from sightsound.evaluation.judges import load_judges
from sightsound.reproduction.own_judges import RECIPES, judges_for, trained_on
from sightsound.training.folder import RunFolder

FEW = (
    "training.steps=6",
    "training.batch_size=12",
    "training.validation_pairs=6",
    "training.validate_every=6",
    "training.checkpoint_every=6",
    "training.warmup_steps=2",
)
NAMES = {"bassoon": "drum", "flute": "guitar", "violin": "piano"}


def test_the_drawn_orchestra_has_the_judges_that_come_along(tmp_path: Path) -> None:
    data = tone_dataset.make(tmp_path / "data", seconds=0.7)
    assert judges_for(data, tmp_path / "root").sha256 == load_judges().sha256
    assert not (tmp_path / "root").exists()


def test_other_classes_get_judges_of_their_own_once(tmp_path: Path) -> None:
    """Mutants: trained on `train` though there is `judge`; trained anew at every call."""
    classes = tuple(sorted(NAMES.values()))
    data = tone_dataset.make(tmp_path / "data", seconds=0.7, classes=classes, names=NAMES)
    judges = judges_for(data, tmp_path / "root", FEW)
    assert judges.classes == classes
    [runs] = (tmp_path / "root" / "runs").iterdir()
    for recipe in RECIPES:
        assert RunFolder(runs / recipe).config()[0].pairs.train_split == "judge"
    shutil.rmtree(runs)
    assert judges_for(data, tmp_path / "root", FEW).sha256 == judges.sha256
    assert not runs.exists()


def test_where_no_players_are_kept_for_judges_they_learn_from_train(tmp_path: Path) -> None:
    with_judges = tone_dataset.make(tmp_path / "with", seconds=0.7)
    players = {"train": 1, "validation": 1, "test": 1}
    without = tone_dataset.make(tmp_path / "without", seconds=0.7, players=players)
    assert trained_on(with_judges) == "judge"
    assert trained_on(without) == "train"
