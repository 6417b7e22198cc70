"""Features in, how varied (↑) and how new (↑) the generated things are out.

Use features that no classifier made: a classifier's features are trained to forget what makes
two pictures of one class differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.distances import Features


def squared_distances(x: Features, y: Features) -> NDArray[np.float64]:
    """Squared Euclidean distances between the rows of x (n, D) and y (m, D) → (n, m), ≥ 0."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2.0 * (x @ y.T)
    return np.asarray(np.maximum(squares, 0.0))  # rounding can leave -1e-12


def mean_pairwise_distance(features: Features) -> float:
    """Mean Euclidean distance ↑ over all pairs of different rows of (n, D); 0 below two rows."""
    n = len(features)
    if n < 2:
        return 0.0
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0)
    distances = np.sqrt(squared_distances(centred, centred))
    np.fill_diagonal(distances, 0.0)
    return float(distances.sum() / (n * (n - 1)))


def diversity_per_class(features: Features, labels: NDArray[np.integer]) -> dict[int, float]:
    """Label → mean pairwise distance ↑ inside that class, for each class with two rows or more."""
    features = np.asarray(features)
    counts = {int(label): int(np.sum(labels == label)) for label in np.unique(labels)}
    return {
        label: mean_pairwise_distance(features[labels == label])
        for label, count in counts.items()
        if count >= 2
    }


def nearest_distances(
    queries: Features, references: Features, *, block: int = 512
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each query (n, D): distance to the nearest reference (m, D) and that one's row.

    Works in blocks of ``block`` queries, so memory grows with ``block · m`` only. Ties go to the
    lower row.
    """
    distances = np.empty(len(queries))
    rows = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), block):
        squares = squared_distances(queries[start : start + block], references)
        nearest = squares.argmin(axis=1)
        rows[start : start + block] = nearest
        distances[start : start + block] = np.sqrt(squares[np.arange(len(nearest)), nearest])
    return distances, rows


@dataclass(frozen=True)
class Novelty:
    """How far the generated things lie from the training set, beside real things that are new.

    ``ratio`` ↑ is the quotient of the two medians: near 1 as new as real test data; near 0
    copies. ``closest_ratio`` ↑ is the same quotient for the 5 % nearest, where copies hide;
    ``share_closer`` ↓ the share of generated that lie nearer to a training frame than 95 % of
    the real test data do (0.05 by chance).
    """

    generated: float
    real: float
    ratio: float
    closest_ratio: float
    share_closer: float


def novelty(generated: Features, real: Features, training: Features) -> Novelty:
    """Nearest-training-frame ratios of ``generated`` (n, D), against unseen ``real`` (m, D)."""
    from_generated, _ = nearest_distances(generated, training)
    from_real, _ = nearest_distances(real, training)
    return compare_distances(from_generated, from_real)


def compare_distances(
    from_generated: NDArray[np.float64], from_real: NDArray[np.float64]
) -> Novelty:
    """The same from the distances (n,) and (m,) to the nearest training frame."""
    median_generated, median_real = float(np.median(from_generated)), float(np.median(from_real))
    low_generated = float(np.quantile(from_generated, 0.05))
    low_real = float(np.quantile(from_real, 0.05))
    return Novelty(
        generated=median_generated,
        real=median_real,
        ratio=_quotient(median_generated, median_real),
        closest_ratio=_quotient(low_generated, low_real),
        share_closer=float(np.mean(from_generated < low_real)),
    )


def _quotient(above: float, below: float) -> float:
    # Real data that lie on training data (distance 0) make "as new as real" the only fair answer.
    return above / below if below > 0.0 else 1.0
