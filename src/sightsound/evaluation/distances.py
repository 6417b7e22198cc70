"""Two sets of features in, a distance between their distributions out (↓): kernel and Fréchet.

Everything is computed in float64. Both distances compare *sets*: they say nothing about a single
picture, and they depend on the feature space and on n, which every report names beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Features: TypeAlias = NDArray[np.floating]  # (n, D)
Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureScale:
    """A shift (D,) and one positive number that bring features to mean 0 and mean square 1."""

    shift: Matrix
    scale: float

    def __call__(self, features: Features) -> Matrix:
        """(n, D) → (n, D) float64, moved and scaled."""
        return (np.asarray(features, np.float64) - self.shift) / self.scale


def feature_scale(reference: Features) -> FeatureScale:
    """The scale that gives ``reference`` (n, D) mean 0 and mean square 1 over all its numbers.

    One number for all D axes keeps the geometry of the space; without it the cubic kernel would
    be nearly linear for small features and nothing but the cube for large ones.
    """
    reference = np.asarray(reference, np.float64)
    shift = reference.mean(axis=0)
    scale = float(np.sqrt(np.mean((reference - shift) ** 2)))
    return FeatureScale(shift, scale if scale > 0.0 else 1.0)


def polynomial_kernel(x: Features, y: Features) -> Matrix:
    """k(x, y) = (x·y / D + 1)³ between the rows of x (n, D) and y (m, D) → (n, m).

    Source: Bińkowski et al., "Demystifying MMD GANs", arXiv 1801.01401, section 4.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    gram: Matrix = (x @ y.T / x.shape[1] + 1.0) ** 3
    return gram


def kernel_distance(x: Features, y: Features, *, paired: bool = False) -> float:
    """Kernel distance ↓: the unbiased squared maximum mean discrepancy of x (n, D) and y (m, D).

    ``1/(n(n-1)) Σ_{i≠j} k(x_i, x_j) + 1/(m(m-1)) Σ_{i≠j} k(y_i, y_j) - 2/(nm) Σ k(x_i, y_j)``
    with :func:`polynomial_kernel`. Unbiased: its mean is 0 for two samples of one distribution,
    so single values may be negative. Where row i of ``x`` was made of the same moment as row i of
    ``y`` the two are not independent, and ``paired`` leaves these n terms out of the last sum
    (n(n-1) remain), as equation 4 does.

    Source: Gretton et al., "A Kernel Two-Sample Test", JMLR 13 (2012), equations 3 and 4.

    Raises:
        ValueError: fewer than two rows on a side, another number of columns, or pairs of which one
        half is missing.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m = _checked_sizes(x, y)
    if paired and n != m:
        raise ValueError(f"pairs are needed, {n} and {m} rows came")
    inside_x = polynomial_kernel(x, x)
    inside_y = polynomial_kernel(y, y)
    across = polynomial_kernel(x, y)
    mean_x = (inside_x.sum() - np.trace(inside_x)) / (n * (n - 1))
    mean_y = (inside_y.sum() - np.trace(inside_y)) / (m * (m - 1))
    if paired:
        return float(mean_x + mean_y - 2.0 * (across.sum() - np.trace(across)) / (n * (n - 1)))
    return float(mean_x + mean_y - 2.0 * across.mean())


@dataclass(frozen=True)
class SubsetDistance:
    """Mean and standard deviation of the kernel distance over random subsets."""

    mean: float
    std: float
    subsets: int
    subset_size: int


def kernel_distance_subsets(
    x: Features, y: Features, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> SubsetDistance:
    """Kernel distance ↓ as it is mostly published: over random subsets, mean and spread.

    Each subset takes ``min(subset_size, n, m)`` rows of either side, without replacement.
    """
    x, y = np.asarray(x), np.asarray(y)
    n, m = _checked_sizes(x, y)
    size = min(subset_size, n, m)
    rng = np.random.default_rng(seed)
    values = [
        kernel_distance(
            x[rng.choice(n, size, replace=False)], y[rng.choice(m, size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return SubsetDistance(float(np.mean(values)), float(np.std(values)), subsets, size)


def gaussian_frechet(
    mean_x: Features, covariance_x: Features, mean_y: Features, covariance_y: Features
) -> float:
    """Squared Fréchet (2-Wasserstein) distance ↓ of two Gaussians; means (D,), covariances (D, D).

    ``|μ_x - μ_y|² + tr(C_x + C_y - 2 (C_x C_y)^½)``. The trace of the root is the sum of the
    roots of the eigenvalues of ``C_x^½ C_y C_x^½``, which is symmetric, so numpy's ``eigh``
    serves and no complex root can appear.

    Source: Dowson and Landau (1982); Heusel et al., arXiv 1706.08500, equation 6.
    """
    values, vectors = np.linalg.eigh(covariance_x)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    product = root @ covariance_y @ root
    roots = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2.0), 0.0, None))
    shift = float(np.sum((np.asarray(mean_x) - np.asarray(mean_y)) ** 2))
    spread = float(np.trace(covariance_x) + np.trace(covariance_y) - 2.0 * roots.sum())
    return shift + max(spread, 0.0)  # rounding can leave -1e-12


def frechet_distance(x: Features, y: Features) -> float:
    """Fréchet distance ↓ of Gaussians fitted to x (n, D) and y (m, D).

    Biased upwards for small n, so compare at equal n only; covariances divide by n - 1.

    Raises:
        ValueError: fewer than two rows on a side, or another number of columns.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    _checked_sizes(x, y)
    covariance_x = np.atleast_2d(np.cov(x, rowvar=False))
    covariance_y = np.atleast_2d(np.cov(y, rowvar=False))
    return gaussian_frechet(x.mean(axis=0), covariance_x, y.mean(axis=0), covariance_y)


def _checked_sizes(x: Features, y: Features) -> tuple[int, int]:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features (n, D) and (m, D) are needed, {x.shape=} {y.shape=} came")
    if len(x) < 2 or len(y) < 2:
        raise ValueError(f"two rows a side are needed, {len(x)} and {len(y)} came")
    return len(x), len(y)
