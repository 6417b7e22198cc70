"""Distances, diversity and novelty against closed forms, scipy and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from sightsound.evaluation.distances import (
    feature_scale,
    frechet_distance,
    gaussian_frechet,
    kernel_distance,
    kernel_distance_subsets,
    polynomial_kernel,
)
from sightsound.evaluation.diversity import (
    diversity_per_class,
    mean_pairwise_distance,
    nearest_distances,
    novelty,
)


def test_polynomial_kernel_worked_by_hand() -> None:
    # (x·y / 2 + 1)³: (1·3 + 2·1)/2 + 1 = 3.5 → 42.875; (0 + 0)/2 + 1 = 1 → 1
    kernel = polynomial_kernel(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[3.0, 1.0]]))
    np.testing.assert_allclose(kernel, [[42.875], [1.0]])


def test_kernel_distance_worked_by_hand() -> None:
    # D = 1, x = {0, 1}, y = {2, 3}, k(a, b) = (ab + 1)³.
    # k(0,1) = 1; k(2,3) = 343; across: k(0,2) = k(0,3) = 1, k(1,2) = 27, k(1,3) = 64.
    # 1 + 343 - 2 · (1 + 1 + 27 + 64)/4 = 344 - 46.5 = 297.5. The biased estimate, which a mutant
    # that keeps the diagonal would give, is 385.75.
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    assert kernel_distance(x, y) == pytest.approx(297.5)


def test_kernel_distance_is_unbiased() -> None:
    # Two samples of one distribution: mean 0 over many draws, within four standard errors. The
    # biased estimate has mean E k(x,x)·(1/n + 1/m), here over 1, far outside.
    rng = np.random.default_rng(0)
    values = [
        kernel_distance(rng.normal(size=(8, 3)), rng.normal(size=(12, 3))) for _ in range(3000)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert error < 0.1
    assert min(values) < 0.0


def test_kernel_distance_of_shifted_normals_equals_its_closed_form() -> None:
    # D = 1, x ~ N(0, 1), y ~ N(a, 1): the kernel (xy + 1)³ spans 1, √3 x, √3 x², x³, so
    # MMD² = 3 (E y - E x)² + 3 (E y² - E x²)² + (E y³ - E x³)² = 3 a² + 3 a⁴ + (a³ + 3a)².
    a = 0.5
    rng = np.random.default_rng(1)
    values = [
        kernel_distance(rng.normal(size=(60, 1)), rng.normal(a, 1.0, size=(60, 1)))
        for _ in range(800)
    ]
    expected = 3 * a**2 + 3 * a**4 + (a**3 + 3 * a) ** 2
    assert abs(np.mean(values) - expected) < 4 * np.std(values) / np.sqrt(len(values))


def test_kernel_distance_over_subsets() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(100, 4)), rng.normal(0.7, 1.0, size=(90, 4))
    whole = kernel_distance(x, y)
    parts = kernel_distance_subsets(x, y, subsets=60, subset_size=45, seed=3)
    assert parts.subset_size == 45
    assert parts.std > 0.0
    assert abs(parts.mean - whole) < 4 * parts.std / np.sqrt(60)
    assert parts == kernel_distance_subsets(x, y, subsets=60, subset_size=45, seed=3)
    assert parts != kernel_distance_subsets(x, y, subsets=60, subset_size=45, seed=4)
    all_rows = kernel_distance_subsets(x, y[:90], subsets=2, subset_size=1000)
    assert all_rows.subset_size == 90


def test_frechet_of_gaussians_in_closed_form() -> None:
    # Diagonal: Σ (μ_x - μ_y)² + Σ (σ_x - σ_y)².
    distance = gaussian_frechet(
        np.array([0.0, 1.0]), np.diag([4.0, 9.0]), np.array([2.0, 1.0]), np.diag([1.0, 25.0])
    )
    assert distance == pytest.approx(4.0 + (2 - 1) ** 2 + (3 - 5) ** 2)


def test_frechet_of_correlated_gaussians_equals_scipys() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(5, 5)), rng.normal(size=(5, 3))
    c_x, c_y = a @ a.T, b @ b.T  # the second is singular
    m_x, m_y = rng.normal(size=5), rng.normal(size=5)
    root = np.real(sqrtm(c_x @ c_y + 1e-12 * np.eye(5)))
    expected = np.sum((m_x - m_y) ** 2) + np.trace(c_x + c_y - 2 * root)
    assert gaussian_frechet(m_x, c_x, m_y, c_y) == pytest.approx(expected, rel=1e-4)


def test_frechet_of_a_set_with_itself_is_zero_and_of_a_shifted_one_the_shift() -> None:
    x = np.random.default_rng(5).normal(size=(40, 60))  # fewer rows than columns
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-5)
    assert frechet_distance(x, x + 0.5) == pytest.approx(60 * 0.25, rel=1e-6)
    assert frechet_distance(x, 3.0 * x) > 1.0


@pytest.mark.parametrize("measure", [kernel_distance, frechet_distance])
def test_distances_refuse_what_has_no_distance(measure) -> None:
    with pytest.raises(ValueError, match="two rows"):
        measure(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(ValueError, match="shape"):
        measure(np.zeros((4, 3)), np.zeros((5, 2)))


def test_feature_scale_keeps_geometry() -> None:
    x = np.random.default_rng(6).normal(5.0, 3.0, size=(50, 4)) * np.array([1, 2, 3, 4])
    scaled = feature_scale(x)(x)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    assert np.mean(scaled**2) == pytest.approx(1.0)
    assert np.ptp(scaled.std(axis=0) / x.std(axis=0)) < 1e-12  # one number for all axes


def test_mean_pairwise_distance_worked_by_hand() -> None:
    # A right triangle with sides 3, 4, 5: mean 4.
    triangle = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert mean_pairwise_distance(triangle) == pytest.approx(4.0)
    assert mean_pairwise_distance(triangle + 1e4) == pytest.approx(4.0)  # no cancellation
    assert mean_pairwise_distance(triangle[:1]) == 0.0
    features = np.concatenate([triangle, np.zeros((2, 2)), np.ones((1, 2))])
    labels = np.array([7, 7, 7, 1, 1, 3])
    assert diversity_per_class(features, labels) == {7: pytest.approx(4.0), 1: 0.0}


def test_nearest_distances_in_blocks_equal_brute_force() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(25, 3)), rng.normal(size=(40, 3))
    brute = np.linalg.norm(x[:, None] - y[None], axis=2)
    distances, rows = nearest_distances(x, y, block=7)
    np.testing.assert_allclose(distances, brute.min(axis=1), rtol=1e-9)
    np.testing.assert_array_equal(rows, brute.argmin(axis=1))


def test_novelty_tells_copies_from_new_things() -> None:
    rng = np.random.default_rng(8)
    training, real, new = (rng.normal(size=(300, 6)) for _ in range(3))
    fair = novelty(new, real, training)
    assert fair.ratio == pytest.approx(1.0, abs=0.15)
    assert fair.share_closer == pytest.approx(0.05, abs=0.04)
    copies = novelty(training[:100] + 1e-3, real, training)
    assert copies.ratio < 0.01
    assert copies.share_closer == 1.0
    half = novelty(np.concatenate([training[:30], new[:270]]), real, training)
    assert half.closest_ratio < 0.05 < half.ratio  # a tenth of copies hides from the median


def test_pairs_of_one_distribution_have_mean_zero_too() -> None:
    """Mutant: the n terms of items that were made of each other counted in: 0.5 too low here."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(400):
        x = rng.normal(size=(15, 8))
        y = 0.8 * x + 0.6 * rng.normal(size=(15, 8))  # of the same distribution, correlated
        values.append(kernel_distance(x, y, paired=True))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert np.std(values) / np.sqrt(len(values)) < 0.05
    with pytest.raises(ValueError, match="pairs are needed"):
        kernel_distance(rng.normal(size=(3, 2)), rng.normal(size=(4, 2)), paired=True)
