"""Batches: a pure function of (seed, step), balanced, and with the right numbers in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sightsound.errors import ConfigError, DataError
from sightsound.pairs.batches import FIELDS, PairBatch, batch_at, epoch
from sightsound.pairs.mismatches import MismatchSampler
from sightsound.pairs.store import PairSet, StoreConfig, open_store
from sightsound.shapes import image_to_unit
from tiny_dataset import SAMPLE_RATE, add_performance, finish


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    """Cello by two players, one with three times the moments; flute by one."""
    folder = tmp_path_factory.mktemp("batches")
    for seed, (instrument, player, seconds) in enumerate(
        [("cello", "ann", 1.0), ("cello", "bob", 2.0), ("flute", "cy", 3.0)]
    ):
        name = f"{instrument}-{player}"
        add_performance(folder, name, "train", instrument, player, seconds=seconds, seed=seed)
    config = StoreConfig(sample_rate=SAMPLE_RATE, image_size=8)
    return open_store(finish(folder), config, progress=False).pairs("train")


def same(first: PairBatch, second: PairBatch) -> bool:
    return all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in (*FIELDS, "index", "mismatched_index")
    )


def test_a_pure_function_of_seed_and_step(pairs: PairSet) -> None:
    def at(step: int, seed: int = 1) -> PairBatch:
        return batch_at(pairs, step, seed=seed, batch_size=32, fields=FIELDS, mismatch="instrument")

    later = at(7)
    at(3)  # what came between does not matter
    assert same(at(7), later)
    assert not torch.equal(at(8).index, later.index)
    assert not torch.equal(at(7, seed=2).index, later.index)
    assert later.step == 7
    assert len(later) == 32


def test_balanced_over_instruments_then_players_then_moments(pairs: PairSet) -> None:
    counts = np.zeros(len(pairs))
    plain = np.zeros(len(pairs))
    for step in range(100):
        for balanced, out in ((True, counts), (False, plain)):
            batch = batch_at(
                pairs, step, seed=0, batch_size=200, fields=["label"], balanced=balanced
            )
            np.add.at(out, batch.index.numpy(), 1)
    names = [pairs.store.players[player] for player in pairs.players]
    total = counts.sum()
    for player, share in (("ann", 0.25), ("bob", 0.25), ("cy", 0.5)):
        mine = counts[[name == player for name in names]]
        expected = total * share
        assert abs(mine.sum() - expected) < 5 * np.sqrt(expected)
        assert np.abs(mine - mine.mean()).max() < 5 * np.sqrt(mine.mean())
    assert np.abs(plain - plain.mean()).max() < 5 * np.sqrt(plain.mean())


def test_numbers(pairs: PairSet) -> None:
    batch = batch_at(pairs, 0, seed=0, batch_size=16, fields=FIELDS, mismatch="instrument")
    index, partner = batch.index.numpy(), batch.mismatched_index.numpy()
    np.testing.assert_array_equal(batch.image.numpy(), image_to_unit(pairs.images(index)))
    np.testing.assert_array_equal(
        batch.mismatched_image.numpy(), image_to_unit(pairs.images(partner))
    )
    np.testing.assert_array_equal(batch.waveform.numpy(), pairs.waveforms(index))
    np.testing.assert_array_equal(batch.mismatched_waveform.numpy(), pairs.waveforms(partner))
    assert batch.waveform.shape == (16, 4000)
    assert batch.image.shape == (16, 3, 8, 8)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert (batch.waveform.dtype, batch.image.dtype, batch.label.dtype) == (
        torch.float32,
        torch.float32,
        torch.int64,
    )
    assert (batch.label.numpy() != pairs.labels[partner]).all()


def test_only_what_was_asked_for(pairs: PairSet) -> None:
    batch = batch_at(pairs, 0, seed=0, batch_size=4, fields=["image", "label"])
    assert batch.waveform.shape == (4, 0)
    assert batch.mismatched_image is None
    batch = batch_at(pairs, 0, seed=0, batch_size=4, fields=["mismatched_image"], mismatch="person")
    assert (batch.image.shape, batch.mismatched_image.shape) == ((4, 0), (4, 3, 8, 8))
    assert batch.mismatched_waveform is None
    with pytest.raises(ConfigError, match="'mood' is unknown"):
        batch_at(pairs, 0, seed=0, batch_size=4, fields=["mood"])
    with pytest.raises(ConfigError, match="need a mismatch"):
        batch_at(pairs, 0, seed=0, batch_size=4, fields=["mismatched_image"])
    with pytest.raises(ConfigError, match="mismatch 'mood'"):
        batch_at(pairs, 0, seed=0, batch_size=4, mismatch="mood")


def test_pairs_without_a_partner_are_not_drawn(pairs: PairSet) -> None:
    sampler = MismatchSampler(pairs, "person")
    assert not sampler.possible.all()  # the flute has one player
    batch = batch_at(pairs, 0, seed=0, batch_size=200, fields=["label"], mismatch="person")
    assert set(batch.label.tolist()) == {0}
    assert sampler.is_mismatch(batch.index.numpy(), batch.mismatched_index.numpy()).all()


def test_nothing_to_draw(pairs: PairSet) -> None:
    with pytest.raises(DataError, match="no pairs to draw from"):
        batch_at(pairs.at(np.zeros(0, int)), 0, seed=0, batch_size=4)


def test_epoch_is_every_pair_once_in_order(pairs: PairSet) -> None:
    batches = list(epoch(pairs, 10, fields=["label", "waveform"]))
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(len(pairs)))
    assert [len(batch) for batch in batches[:-1]] == [10] * (len(batches) - 1)
    np.testing.assert_array_equal(torch.cat([b.label for b in batches]).numpy(), pairs.labels)
    assert batches[0].image.shape == (10, 0)
