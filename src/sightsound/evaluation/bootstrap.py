"""Scores with the performance they belong to in, a mean with its interval out.

Frames of one performance resemble each other, so they are not so many independent trials:
performances (clusters) are drawn with replacement, and each brings all its frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LEVEL = 0.95
ONE_CLUSTER = (0.0, 1.0)


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its percentile bootstrap interval."""

    value: float
    low: float
    high: float


def cluster_interval(
    scores: ArrayLike,
    clusters: ArrayLike,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    bounds: tuple[float, float] = ONE_CLUSTER,
) -> Interval:
    """Mean of ``scores`` (n,) over all items, with an interval over ``clusters`` (n,).

    Each resample draws as many clusters as there are, with replacement, and takes the mean over
    all their items. With fewer than about ten clusters the percentile interval is too narrow.
    One cluster says nothing about others: the interval is then ``bounds``, the whole range that
    a score can have.

    Raises:
        ValueError: no score, or another number of clusters than of scores.
    """
    scores, index = _checked(scores, clusters)
    count = int(index.max()) + 1
    value = float(scores.mean())
    if count == 1:
        return Interval(value, *bounds)
    sums = np.bincount(index, weights=scores, minlength=count)
    sizes = np.bincount(index, minlength=count).astype(np.float64)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return _percentiles(value, (draws @ sums) / (draws @ sizes), level)


def ends(interval: Interval) -> list[float]:
    """Low and high end, as JSON holds the interval of a figure that stands beside another."""
    return [interval.low, interval.high]


def cluster_draws(
    clusters: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each item's cluster (n,), and how often each of C clusters is drawn (resamples, C)."""
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(index.max()) + 1
    rng = np.random.default_rng(seed)
    return index, rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)


def pair_means(
    values: NDArray[np.float64], index: NDArray[np.intp], draws: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Resampled means of a statistic of pairs over all i ≠ j: (resamples,).

    Args:
        values: (n, n) of each pair; the diagonal does not count.
        index: (n,) clusters; ``draws``: (resamples, C) how often each was drawn.
        draws: as index.

    Returns:
        NaN where a resample holds no pair.
    """
    member = np.zeros((len(index), draws.shape[1]))
    member[np.arange(len(index)), index] = 1.0
    off = values - np.diag(np.diag(values))
    sums = member.T @ off @ member
    sizes = member.sum(axis=0)
    counts = np.outer(sizes, sizes) - np.diag(sizes)
    weights = draws.astype(np.float64)
    total, number = (((weights @ table) * weights).sum(axis=1) for table in (sums, counts))
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1.0), np.nan))


def draws_interval(value: float, samples: NDArray[np.float64], level: float = LEVEL) -> Interval:
    """A value with the percentile interval of its resamples; NaN among them do not count."""
    known = samples[~np.isnan(samples)]
    return _percentiles(value, known, level) if len(known) else Interval(value, value, value)


def macro_interval(
    scores: ArrayLike,
    labels: ArrayLike,
    clusters: ArrayLike,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Mean over classes of the class means, with clusters drawn inside each class (strata).

    A class with one cluster brings no spread of its own; the interval is then conditional on it.
    """
    scores, labels, clusters = np.asarray(scores, np.float64), *map(np.asarray, (labels, clusters))
    rng = np.random.default_rng(seed)
    means, samples = [], []
    for label in np.unique(labels):
        inside = labels == label
        of_class, index = _checked(scores[inside], clusters[inside])
        count = int(index.max()) + 1
        sums = np.bincount(index, weights=of_class, minlength=count)
        sizes = np.bincount(index, minlength=count).astype(np.float64)
        draws = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
        means.append(float(of_class.mean()))
        samples.append((draws @ sums) / (draws @ sizes))
    return _percentiles(float(np.mean(means)), np.mean(samples, axis=0), level)


def grouped_mean(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> float:
    """Mean over classes of the mean over groups of the mean over files.

    So that neither a class with many recordings nor one long series inside a class decides.
    """
    scores, labels, groups = np.asarray(scores, np.float64), *map(np.asarray, (labels, groups))
    classes = []
    for label in np.unique(labels):
        inside = labels == label
        of_class, of_group = scores[inside], groups[inside]
        classes.append(np.mean([of_class[of_group == g].mean() for g in np.unique(of_group)]))
    return float(np.mean(classes))


def grouped_interval(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """:func:`grouped_mean` with a stratified two-stage interval, for real recordings.

    Inside each class groups (one source, mostly one player and room) are drawn with replacement,
    then files inside each drawn group. Classes are fixed: they are the thirteen that there are.
    A class with one group of one file brings no spread, so the interval is a lower bound of the
    doubt where such classes are.

    Raises:
        ValueError: no score, or another number of groups than of scores.
    """
    scores, labels, groups = np.asarray(scores, np.float64), *map(np.asarray, (labels, groups))
    rng = np.random.default_rng(seed)
    total = np.zeros(resamples)
    strata = np.unique(labels)
    for label in strata:
        inside = labels == label
        of_class, index = _checked(scores[inside], groups[inside])
        members = [of_class[index == g] for g in range(int(index.max()) + 1)]
        total += _two_stage_means(members, resamples, rng)
    value = grouped_mean(scores, labels, groups)
    return _percentiles(value, total / len(strata), level)


def _two_stage_means(
    members: list[NDArray[np.float64]], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Resampled means over groups of one class, (resamples,)."""
    chosen = rng.integers(len(members), size=(resamples, len(members)))
    means = np.empty(chosen.shape)
    for group, scores in enumerate(members):
        at = chosen == group
        files = rng.integers(len(scores), size=(int(at.sum()), len(scores)))
        means[at] = scores[files].mean(axis=1)
    averaged: NDArray[np.float64] = means.mean(axis=1)
    return averaged


def _checked(
    scores: ArrayLike, clusters: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    scores = np.asarray(scores, np.float64)
    clusters = np.asarray(clusters)
    if scores.ndim != 1 or scores.shape != clusters.shape or not len(scores):
        raise ValueError(f"equal, non-empty rows are needed: {scores.shape=} {clusters.shape=}")
    _, index = np.unique(clusters, return_inverse=True)
    return scores, index


def _percentiles(value: float, samples: NDArray[np.float64], level: float) -> Interval:
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(samples, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))
