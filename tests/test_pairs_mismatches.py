"""Mismatched partners: never one that is not allowed, and each allowed one as often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightsound.errors import ConfigError, DataError
from sightsound.pairs.mismatches import MismatchSampler
from sightsound.pairs.store import PairSet, StoreConfig, open_store
from sightsound.pairs.truth import pose_distance
from tiny_dataset import SAMPLE_RATE, add_performance, finish, make_tiny, truth_of

CONFIG = StoreConfig(sample_rate=SAMPLE_RATE, image_size=4)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    """3 instruments × 3 players × 3 moments, in an order that is not sorted."""
    dataset = make_tiny(tmp_path_factory.mktemp("mismatches") / "tiny", players=3, seconds=1.5)
    whole = open_store(dataset, CONFIG, progress=False).pairs("train", stride_seconds=0.5)
    assert len(whole) == 27
    return whole.at(np.random.default_rng(0).permutation(27))


def allowed_partners(pairs: PairSet, kind: str, distance: float) -> np.ndarray:
    """The rule written down a second time, all pairs against all: (n, n) bool."""
    allowed = np.zeros((len(pairs), len(pairs)), bool)
    truth = pairs.truth(np.arange(len(pairs)))
    pose = np.where(truth.pose_mask, truth.pose, np.nan)
    for i in range(len(pairs)):
        for j in range(len(pairs)):
            same_instrument = pairs.labels[i] == pairs.labels[j]
            same_player = pairs.players[i] == pairs.players[j]
            allowed[i, j] = {
                "instrument": not same_instrument,
                "person": same_instrument and not same_player,
                "pose": same_instrument
                and same_player
                and pose_distance(pose[i], pose[j]) > distance,
            }[kind]
    return allowed


@pytest.mark.parametrize("kind", ["instrument", "person", "pose"])
@pytest.mark.parametrize("distance", [0.05, 0.4])
def test_exactly_the_allowed_and_each_as_often(pairs: PairSet, kind: str, distance: float) -> None:
    """Mutants: > for >=, a hole off by one, a draw that prefers neighbours."""
    sampler = MismatchSampler(pairs, kind, distance)
    allowed = allowed_partners(pairs, kind, distance)
    np.testing.assert_array_equal(sampler.possible, allowed.any(axis=1))
    askable = np.flatnonzero(sampler.possible)
    draws = 4000
    indices = np.repeat(askable, draws)
    partners = sampler.sample(indices, np.random.default_rng(1))
    assert allowed[indices, partners].all()
    assert sampler.is_mismatch(indices, partners).all()
    everyone = np.arange(len(pairs))
    rule = sampler.is_mismatch(np.repeat(everyone, len(pairs)), np.tile(everyone, len(pairs)))
    np.testing.assert_array_equal(rule.reshape(allowed.shape), allowed)
    counts = np.zeros(allowed.shape)
    np.add.at(counts, (indices, partners), 1)
    for index in askable:
        options = allowed[index].sum()
        expected = draws / options
        error = np.abs(counts[index][allowed[index]] - expected)
        assert error.max() < 5 * np.sqrt(expected)  # five standard deviations


def test_a_rare_partner_is_found_and_uniformly(tmp_path: Path) -> None:
    """One other pose among many alike: rejection alone would miss it."""
    truth = truth_of("cello", 500, 0)
    truth |= {name: np.zeros(500) for name in ("bow_fraction", "string_index", "finger_position")}
    for frame, place in ((250, 0.5), (375, 0.4)):
        truth["bow_fraction"][frame] = place
    add_performance(tmp_path, "one", "train", "cello", "ann", seconds=20.0, truth=truth)
    pairs = open_store(finish(tmp_path), CONFIG, progress=False).pairs("train")
    sampler = MismatchSampler(pairs, "pose", 0.25)
    moments = pairs.start_seconds
    partners = sampler.sample(np.zeros(400, np.int64), np.random.default_rng(0))
    found, counts = np.unique(moments[partners], return_counts=True)
    np.testing.assert_allclose(found, [10.0, 15.0])
    assert counts.min() > 150


def test_impossible_mismatches_are_refused(tmp_path: Path, pairs: PairSet) -> None:
    one = pairs.only(["cello"])
    with pytest.raises(DataError, match="two instruments are needed"):
        MismatchSampler(one, "instrument")
    alone = one.at(one.players == one.players[0])
    with pytest.raises(DataError, match="two players of an instrument are needed"):
        MismatchSampler(alone, "person")
    with pytest.raises(DataError, match="lower min_pose_distance"):
        MismatchSampler(alone.at(np.array([0])), "pose")
    with pytest.raises(ConfigError, match="'mood' is unknown"):
        MismatchSampler(pairs, "mood")
    with pytest.raises(ConfigError, match="min_pose_distance"):
        MismatchSampler(pairs, "pose", 1.0)
    # Pairs without an instrument have none to be mismatched with.
    for seed, instrument in enumerate([None, "cello", "flute"]):
        add_performance(tmp_path, f"p{seed}", "train", instrument, f"{seed}", seed=seed)
    mixed = open_store(finish(tmp_path), CONFIG, progress=False).pairs("train")
    sampler = MismatchSampler(mixed, "instrument")
    np.testing.assert_array_equal(sampler.possible, mixed.labels >= 0)
    asked = np.repeat(np.flatnonzero(sampler.possible), 50)
    assert (mixed.labels[sampler.sample(asked, np.random.default_rng(0))] >= 0).all()
    with pytest.raises(DataError, match="no partner"):
        sampler.sample(np.flatnonzero(~sampler.possible), np.random.default_rng(0))
