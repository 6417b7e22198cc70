"""Intervals: coverage by simulation, and what must hold of every interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.evaluation.bootstrap import (
    cluster_interval,
    draws_interval,
    ends,
    grouped_interval,
    grouped_mean,
    macro_interval,
    pair_means,
)


def test_interval_over_clusters_covers_and_one_over_frames_does_not() -> None:
    # 30 performances of 20 frames; all frames of a performance are alike, as at the worst.
    # Truth 0.6. A 95 % interval over performances must cover near 95 %; one over frames, which
    # is the mutant `clusters=np.arange(n)`, is √20 times too narrow.
    rng = np.random.default_rng(0)
    trials, over_clusters, over_frames = 300, 0, 0
    clusters = np.repeat(np.arange(30), 20)
    for trial in range(trials):
        scores = np.repeat(rng.random(30) < 0.6, 20).astype(float)
        one = cluster_interval(scores, clusters, resamples=400, seed=trial)
        other = cluster_interval(scores, np.arange(600), resamples=100, seed=trial)
        over_clusters += one.low <= 0.6 <= one.high
        over_frames += other.low <= 0.6 <= other.high
    assert 0.90 <= over_clusters / trials <= 0.985
    assert over_frames / trials < 0.6


def test_cluster_interval_agrees_with_the_normal_one_where_clusters_are_alike_in_size() -> None:
    rng = np.random.default_rng(1)
    means = rng.normal(0.5, 0.1, size=200)
    scores, clusters = np.repeat(means, 5), np.repeat(np.arange(200), 5)
    interval = cluster_interval(scores, clusters, resamples=4000)
    error = means.std() / np.sqrt(200)
    assert interval.value == pytest.approx(means.mean())
    assert interval.low == pytest.approx(means.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(means.mean() + 1.96 * error, abs=0.15 * error)


def test_big_clusters_weigh_as_much_as_their_frames() -> None:
    interval = cluster_interval([1.0] * 9 + [0.0], [0] * 9 + [1])
    assert interval.value == pytest.approx(0.9)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_one_cluster_says_nothing_of_others() -> None:
    interval = cluster_interval([1.0, 1.0, 0.0, 1.0], [5, 5, 5, 5])
    assert (interval.value, interval.low, interval.high) == (0.75, 0.0, 1.0)


def test_level_and_seed_matter() -> None:
    rng = np.random.default_rng(2)
    scores, clusters = rng.random(40), np.arange(40)
    wide = cluster_interval(scores, clusters, level=0.99, resamples=500)
    narrow = cluster_interval(scores, clusters, level=0.5, resamples=500)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert cluster_interval(scores, clusters, seed=1) == cluster_interval(scores, clusters, seed=1)
    assert cluster_interval(scores, clusters, seed=1) != cluster_interval(scores, clusters, seed=2)


@given(
    value=st.floats(0, 1),
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=6),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_interval_of_a_constant_is_the_constant(value: float, sizes: list[int], seed: int) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    scores = np.full(len(clusters), value)
    labels = np.arange(len(clusters)) % 2
    intervals = (
        cluster_interval(scores, clusters, resamples=50, seed=seed),
        macro_interval(scores, labels, clusters, resamples=50, seed=seed),
        grouped_interval(scores, labels, clusters, resamples=50, seed=seed),
    )
    for interval in intervals:
        assert interval.value == pytest.approx(value)
        assert interval.low == pytest.approx(value)
        assert interval.high == pytest.approx(value)


@given(
    scores=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=30),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_intervals_stay_between_worst_and_best(scores: list[float], seed: int) -> None:
    count = len(scores)
    clusters, labels = np.arange(count) % 3, np.arange(count) % 2
    for interval in (
        cluster_interval(scores, clusters, resamples=60, seed=seed),
        macro_interval(scores, labels, clusters, resamples=60, seed=seed),
        grouped_interval(scores, labels, clusters, resamples=60, seed=seed),
    ):
        assert min(scores) - 1e-12 <= interval.low <= interval.high <= max(scores) + 1e-12


def test_grouped_mean_worked_by_hand() -> None:
    # cello: group a (1, 1, 1, 1) → 1, group b (0) → 0: class 0.5. oboe: one group (1, 0) → 0.5.
    # flute: (1): 1. Macro (0.5 + 0.5 + 1)/3; per file it would be 6/8.
    scores = [1, 1, 1, 1, 0, 1, 0, 1]
    labels = ["cello"] * 5 + ["oboe"] * 2 + ["flute"]
    groups = ["a"] * 4 + ["b"] + ["a"] * 2 + ["c"]
    assert grouped_mean(scores, labels, groups) == pytest.approx(2.0 / 3.0)
    interval = grouped_interval(scores, labels, groups, resamples=500)
    assert interval.value == pytest.approx(2.0 / 3.0)
    assert interval.low < 2.0 / 3.0 < interval.high


def test_macro_interval_weighs_classes_alike() -> None:
    scores = [1.0] * 90 + [0.0] * 10
    labels = [0] * 90 + [1] * 10
    assert macro_interval(scores, labels, np.arange(100)).value == pytest.approx(0.5)


def test_grouped_interval_covers() -> None:
    # Each group has its own rate around the class's 0.7; the truth is 0.7 in both classes.
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 60)
    groups = np.tile(np.repeat(np.arange(12), 5), 2)
    inside = 0
    for trial in range(200):
        rates = np.clip(rng.normal(0.7, 0.1, size=(2, 12)), 0, 1)
        scores = (rng.random(120) < rates[labels, groups]).astype(float)
        interval = grouped_interval(scores, labels, groups, resamples=300, seed=trial)
        inside += interval.low <= 0.7 <= interval.high
    assert 0.9 <= inside / 200 <= 1.0  # two stages count the files' chance twice: a little wide


def test_unfit_input_is_refused() -> None:
    with pytest.raises(ValueError, match="equal"):
        cluster_interval([1.0, 0.0], [1])
    with pytest.raises(ValueError, match="non-empty"):
        cluster_interval([], [])


def test_files_of_a_group_are_drawn_too() -> None:
    """Mutant: groups drawn, their files not; one group a class would have no interval at all."""
    scores, labels, groups = [1, 0, 1, 0, 1, 0, 1, 0], ["cello"] * 8, ["a"] * 8
    interval = grouped_interval(scores, labels, groups, resamples=2000)
    assert interval.high - interval.low > 0.4  # of 8 coins, about ± 0.35


def test_pair_means_worked_by_hand() -> None:
    """Mutants: the diagonal counted; pairs of one cluster weighed once when it is drawn twice."""
    values = np.array([[9.0, 1.0, 2.0], [1.0, 9.0, 4.0], [2.0, 4.0, 9.0]])
    index = np.array([0, 0, 1])
    draws = np.array([[1, 1], [2, 0], [0, 2]])
    found = pair_means(values, index, draws)
    assert found[:2].tolist() == pytest.approx([14 / 6, 1.0])
    assert np.isnan(found[2])  # one item, drawn twice, has no pair


def test_draws_without_a_value_do_not_count() -> None:
    interval = draws_interval(2.0, np.array([1.0, 3.0, np.nan]))
    assert ends(interval) == pytest.approx([1.05, 2.95])
    assert ends(draws_interval(2.0, np.array([np.nan]))) == [2.0, 2.0]
