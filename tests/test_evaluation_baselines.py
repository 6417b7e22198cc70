"""The simplest models against scikit-learn, and on data whose answer is known."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sightsound.evaluation.baselines import (
    fit_linear,
    format_easy,
    how_easy,
    mean_log_mel,
    minimise,
    nearest_neighbour,
    tiny_picture,
)
from sightsound.evaluation.matched import (
    Items,
    choose,
    even_choice,
    per_class_choice,
    swapped_partners,
)


def test_linear_model_equals_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=300)
    features = rng.normal(size=(300, 5)) + 1.2 * rng.normal(size=(4, 5))[labels]
    ours = fit_linear(features, labels, 4, penalty=0.01)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    # scikit-learn minimises C · sum of losses + |W|²/2, so C = 1 / (n · penalty).
    theirs = LogisticRegression(C=1 / (300 * 0.01), tol=1e-8, max_iter=1000).fit(standard, labels)
    np.testing.assert_allclose(ours.weights[:-1], theirs.coef_.T, atol=1e-3)
    bias = ours.weights[-1] - ours.weights[-1].mean()  # free up to a constant
    np.testing.assert_allclose(bias, theirs.intercept_ - theirs.intercept_.mean(), atol=1e-3)
    np.testing.assert_array_equal(ours.predict(features), theirs.predict(standard))


def test_linear_model_is_the_same_twice_and_survives_dead_columns() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    features = np.concatenate([rng.normal(size=(60, 2)), np.full((60, 1), 7.0)], axis=1)
    features[:, 0] += 6.0 * labels
    once, twice = fit_linear(features, labels, 3), fit_linear(features, labels, 3)
    np.testing.assert_array_equal(once.weights, twice.weights)
    assert np.all(np.isfinite(once.weights))
    assert np.mean(once.predict(features) == labels) == 1.0  # the third class is never seen


def test_minimise_finds_the_minimum_of_rosenbrocks_valley() -> None:
    def valley(p: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = p
        gradient = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
        return float((1 - x) ** 2 + 100 * (y - x**2) ** 2), gradient

    np.testing.assert_allclose(
        minimise(valley, np.array([-1.2, 1.0]), iterations=200), 1, atol=1e-4
    )


def test_nearest_neighbour_standardises() -> None:
    # The second column is a thousand times larger and says nothing.
    features = np.array([[0.0, 0.0], [0.1, 900.0], [1.0, 40.0], [0.9, 870.0]])
    labels = np.array([0, 0, 1, 1])
    queries = np.array([[0.02, 880.0], [0.97, 20.0]])
    np.testing.assert_array_equal(nearest_neighbour(features, labels, queries), [0, 1])


def test_mean_log_mel_equals_librosas() -> None:
    rng = np.random.default_rng(2)
    waveforms = 0.1 * rng.normal(size=(2, 22_050)).astype(np.float32)
    for ours, waveform in zip(mean_log_mel(waveforms, 44_100), waveforms, strict=True):
        mel = librosa.feature.melspectrogram(y=waveform, sr=44_100, n_fft=2048, hop_length=512)
        np.testing.assert_allclose(ours, librosa.power_to_db(mel).mean(axis=1), atol=1e-2)


def test_tiny_picture_averages_blocks() -> None:
    pixels = np.zeros((1, 16, 16, 3), np.uint8)
    pixels[0, :2, 2:4] = [[[10, 0, 0], [20, 0, 0]], [[30, 0, 0], [40, 0, 200]]]
    tiny = tiny_picture(pixels).reshape(8, 8, 3)
    np.testing.assert_array_equal(tiny[0, 1], [25.0, 0.0, 50.0])
    assert tiny.sum() == 75.0


class FakePairs:
    """Pairs whose sound says nothing and whose picture says everything."""

    def __init__(self, labels: np.ndarray, seed: int) -> None:
        self.labels = labels
        self.performance_index = np.arange(len(labels)) // 4
        self.seed = seed

    def __len__(self) -> int:
        return len(self.labels)

    def waveforms(self, indices: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *indices[:1]])
        return 0.1 * rng.normal(size=(len(indices), 4000)).astype(np.float32)

    def images(self, indices: np.ndarray) -> np.ndarray:
        levels = 40 + 60 * self.labels[indices]
        return np.broadcast_to(levels[:, None, None, None], (len(indices), 16, 16, 3)).astype(
            np.uint8
        )


def test_how_easy_tells_what_is_easy() -> None:
    train = choose(FakePairs(np.arange(90) % 3, 1), (0, 1, 2))
    test = choose(FakePairs(np.arange(60) % 3, 2), (0, 1, 2))
    easy = how_easy(train, test, classes=3, sample_rate=8000)
    assert easy["picture_8x8"]["linear"] == {"accuracy": 1.0, "low": 1.0, "high": 1.0}
    assert easy["picture_8x8"]["nearest"]["accuracy"] == 1.0
    assert easy["mean_log_mel"]["linear"]["accuracy"] < 0.6
    assert easy["mean_log_mel"]["linear"]["high"] < 0.8
    assert (easy["n_train"], easy["n_test"], easy["performances_test"]) == (90, 60, 15)
    table = format_easy(easy)
    assert "| linear model on picture of 8×8 pixels | 100.0 % | 100.0 to 100.0 % |" in table
    assert easy == how_easy(train, test, classes=3, sample_rate=8000)


def test_choice_is_even_and_keeps_unlabelled_pairs_out() -> None:
    labels = np.array([0] * 50 + [1] * 5 + [2] * 20 + [-1] * 10)
    items = choose(FakePairs(labels, 0), (4, 5, 6), limit=24, seed=3)
    assert np.bincount(items.labels, minlength=7)[4:].tolist() in ([10, 5, 9], [9, 5, 10])
    assert np.all(np.diff(items.indices) > 0)
    np.testing.assert_array_equal(items.labels, labels[items.indices] + 4)
    np.testing.assert_array_equal(items.clusters, items.indices // 4)
    again = choose(FakePairs(labels, 0), (4, 5, 6), limit=24, seed=3)
    other = choose(FakePairs(labels, 0), (4, 5, 6), limit=24, seed=4)
    np.testing.assert_array_equal(items.indices, again.indices)
    assert not np.array_equal(items.indices, other.indices)
    assert isinstance(items, Items)
    assert len(choose(FakePairs(labels, 0), (4, 5, 6)).indices) == 75
    one_each = even_choice(np.arange(75), labels[:75], 3, np.random.default_rng(0))
    assert sorted(labels[one_each]) == [0, 1, 2]


def test_per_class_choice_and_swapping() -> None:
    rng = np.random.default_rng(5)
    labels = np.array([0] * 30 + [1] * 3 + [2] * 10)
    chosen = per_class_choice(labels, 6, rng)
    assert np.bincount(labels[chosen]).tolist() == [6, 3, 6]
    partners = swapped_partners(labels, rng)
    assert np.all(labels[partners] != labels)
    with pytest.raises(ValueError, match="one class"):
        swapped_partners(np.zeros(4, np.int64), rng)
