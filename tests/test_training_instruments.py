"""Runs of chosen instruments: what is drawn, what is validated, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import tone_dataset
from sightsound import recipes
from sightsound.config import apply_settings
from sightsound.errors import DataError
from sightsound.pairs.batches import batch_at
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import Store, StoreConfig, open_store
from sightsound.training.run import pairs_of, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tones"
    tone_dataset.make(folder, seconds=0.7)
    return folder


@pytest.fixture(scope="module")
def store(data: Path) -> Store:
    return open_store(Dataset.open(data), StoreConfig(), workers=1, progress=False)


def test_a_run_learns_the_instruments_that_it_asks_for(store: Store) -> None:
    """Mutant: the instruments left out of the validation pairs."""
    config = recipes.s2i_person()
    one = apply_settings(config, ['pairs.instruments=["violin", "flute"]'])
    for split in ("train", "validation"):
        assert set(pairs_of(config, store, split).labels) == {12}  # no cello here
        assert set(pairs_of(one, store, split).labels) == {4, 12}
        assert set(pairs_of(recipes.s2i_c(), store, split).labels) == {0, 4, 12}


def test_the_mismatched_person_plays_the_same_instrument(store: Store) -> None:
    pairs = pairs_of(recipes.s2i_person(), store, "train")
    batch = batch_at(pairs, 0, seed=0, batch_size=16, mismatch="person")
    assert batch.index is not None
    assert batch.mismatched_index is not None
    own, other = batch.index.numpy(), batch.mismatched_index.numpy()
    assert (pairs.labels[own] == pairs.labels[other]).all()
    assert (pairs.players[own] != pairs.players[other]).all()


@pytest.mark.parametrize(
    ("instruments", "hint"), [('["lute"]', "'lute' is unknown"), ('["oboe"]', "no pairs of oboe")]
)
def test_instruments_that_are_not_there_are_named(
    data: Path, store: Store, tmp_path: Path, instruments: str, hint: str
) -> None:
    with pytest.raises(DataError, match=hint):
        train(
            "sound_classifier",
            data,
            output=tmp_path / "run",
            settings=[f"pairs.instruments={instruments}"],
            quiet=True,
        )


def test_the_two_pose_oriented_recipes_differ_in_their_mismatch() -> None:
    pose, person = recipes.s2i_pose(), recipes.s2i_person()
    assert pose.pairs == person.pairs
    assert apply_settings(pose, ["method.mismatch=person", "recipe=s2i_person"]) == person
