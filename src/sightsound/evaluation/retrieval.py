"""Generated things and the real ones that they stand for in, how often the right one is found out.

Each generated thing asks for its own real partner among the real things of a gallery, nearest
first, in features that no generator made. Half a second of one player resembles the next half, so
besides the exact partner (the same moment) the figures count the right performance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import cluster_interval
from sightsound.evaluation.distances import Features, feature_scale
from sightsound.evaluation.diversity import squared_distances

GALLERY = 1000
RANKS = (1, 5, 10)


def retrieval_figures(
    made: Features, real: Features, clusters: NDArray[np.int64], *, seed: int = 0
) -> dict[str, Any]:
    """R@1, R@5 and R@10 ↑ of generated → real, with intervals and what chance gives.

    Args:
        made: (n, D) features of generated things; ``real``: (n, D) of the real ones, row by row.
        real: as made.
        clusters: (n,) performances.
        seed: of the gallery (at most 1,000 items) and of the intervals.

    Returns:
        ``moment`` (the partner itself) and ``performance`` (any moment of its performance), each
        with ``r1``, ``r5``, ``r10`` as ``{"value", "low", "high", "chance"}`` and ``median_rank``;
        ``n``, the size of the gallery.
    """
    rng = np.random.default_rng([seed, 8])
    chosen = np.sort(rng.permutation(len(made))[:GALLERY])
    scale = feature_scale(real)
    asked, gallery, owner = scale(made[chosen]), scale(real[chosen]), clusters[chosen]
    distances = squared_distances(asked, gallery)
    rows = np.arange(len(chosen))
    moment = _ranks(distances, rows[:, None] == rows)
    performance = _ranks(distances, owner[:, None] == owner)
    relevant = (owner[:, None] == owner).sum(axis=1)
    return {
        "n": len(chosen),
        "moment": _figures(moment, owner, np.ones(len(chosen)), seed),
        "performance": _figures(performance, owner, relevant, seed),
    }


def _ranks(distances: NDArray[np.float64], relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Rank of the nearest relevant item, 1 = first; ties share the mean of their places."""
    best = np.where(relevant, distances, np.inf).min(axis=1)[:, None]
    others = np.where(relevant, np.inf, distances)
    nearer, equal = (others < best).sum(axis=1), (others == best).sum(axis=1)
    return np.asarray(1.0 + nearer + equal / 2.0)


def _figures(
    ranks: NDArray[np.float64], clusters: NDArray[np.int64], relevant: NDArray[Any], seed: int
) -> dict[str, Any]:
    count = len(ranks)
    figures: dict[str, Any] = {"median_rank": float(np.median(ranks))}
    for most in RANKS:
        interval = cluster_interval((ranks <= most).astype(np.float64), clusters, seed=seed)
        missed = np.ones(count)  # probability that none of the first ``most`` is relevant
        for place in range(min(most, count)):
            missed *= np.clip((count - relevant - place) / (count - place), 0.0, 1.0)
        figures[f"r{most}"] = {
            "value": interval.value,
            "low": interval.low,
            "high": interval.high,
            "chance": float(np.mean(1.0 - missed)),
        }
    return figures
