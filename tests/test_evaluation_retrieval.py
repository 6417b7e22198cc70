"""Retrieval with known answers: the partner first, chance, ties, and performances."""

from __future__ import annotations

import numpy as np
import pytest

from sightsound.evaluation.retrieval import retrieval_figures

COUNT = 200
CLUSTERS = np.arange(COUNT) // 4


def features(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((COUNT, 16)).astype(np.float32)


def test_a_copy_of_the_partner_is_found_first() -> None:
    # Mutant: rows of the distance matrix taken for its columns.
    real = features()
    found = retrieval_figures(real + np.float32(0.01), real, CLUSTERS)
    assert found["moment"]["r1"]["value"] == 1.0
    assert found["moment"]["median_rank"] == 1.0
    assert found["n"] == COUNT


def test_features_that_know_nothing_reach_chance() -> None:
    hits = [
        retrieval_figures(features(seed), features(seed + 100), CLUSTERS)["moment"]["r10"]
        for seed in range(20)
    ]
    assert hits[0]["chance"] == pytest.approx(10 / COUNT)
    assert np.mean([hit["value"] for hit in hits]) == pytest.approx(10 / COUNT, abs=0.01)


def test_one_answer_for_all_is_not_rewarded() -> None:
    """Mutant: ranks by ``<=``, which would give a constant answer rank 1 or the last."""
    same = np.zeros((COUNT, 16), np.float32)
    found = retrieval_figures(features(), same, CLUSTERS)
    assert found["moment"]["r10"]["value"] == 0.0
    assert found["moment"]["median_rank"] == pytest.approx(1 + (COUNT - 1) / 2)


def test_the_right_performance_at_another_moment_counts_as_such() -> None:
    real = features()
    next_moment = CLUSTERS * 4 + (np.arange(COUNT) + 1) % 4
    found = retrieval_figures(real[next_moment], real, CLUSTERS)
    assert found["moment"]["r1"]["value"] == 0.0
    assert found["performance"]["r1"]["value"] == 1.0
    assert found["performance"]["r1"]["chance"] == pytest.approx(4 / COUNT)
    expected = 1 - np.prod([(COUNT - 4 - i) / (COUNT - i) for i in range(5)])
    assert found["performance"]["r5"]["chance"] == pytest.approx(expected)
