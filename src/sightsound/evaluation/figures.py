"""The judges' answers and features in, the figures of a result out; pure numpy, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import (
    LEVEL,
    cluster_draws,
    cluster_interval,
    draws_interval,
    ends,
    pair_means,
)
from sightsound.evaluation.confusion import confusion_matrix
from sightsound.evaluation.distances import (
    Features,
    feature_scale,
    frechet_distance,
    kernel_distance,
    polynomial_kernel,
)
from sightsound.evaluation.diversity import (
    compare_distances,
    diversity_per_class,
    nearest_distances,
    squared_distances,
)
from sightsound.evaluation.judges import Judged

Labels = NDArray[np.int64]

NOVELTY_RESAMPLES = 500  # its medians are sorted anew in each


def right(judged: Sequence[Judged], labels: Labels) -> NDArray[np.float64]:
    """Share of the judges (0 to 1) that give each item its label, (n,)."""
    scores: NDArray[np.float64] = np.mean([j.labels == labels for j in judged], axis=0)
    return scores


def confidence(judged: Sequence[Judged], labels: Labels) -> NDArray[np.float64]:
    """Probability of the right label, mean of the judges, (n,)."""
    rows = np.arange(len(labels))
    probabilities = [softmax(j.logits)[rows, labels] for j in judged]
    return np.asarray(np.mean(probabilities, axis=0))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, K) logits → (n, K) probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True).astype(np.float64))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def accuracy_figures(
    judged: Sequence[Judged],
    judged_real: Sequence[Judged],
    labels: Labels,
    clusters: NDArray[np.int64],
    encoder_labels: Labels,
    names: Sequence[str],
    judge_names: Sequence[str],
    *,
    seed: int,
) -> dict[str, Any]:
    """Accuracies (0 to 1) with what they must be read beside: ceiling, encoder, best constant."""
    scores, real_scores = right(judged, labels), right(judged_real, labels)
    interval = cluster_interval(scores, clusters, seed=seed)
    heard_right = (encoder_labels == labels).astype(np.float64)
    shares = np.bincount(labels) / len(labels)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(labels),
        "ceiling": float(real_scores.mean()),
        "encoder_accuracy": float(heard_right.mean()),
        "per_class": per_class(scores, labels, names),
        "intervals": {
            "ceiling": ends(cluster_interval(real_scores, clusters, seed=seed)),
            "encoder_accuracy": ends(cluster_interval(heard_right, clusters, seed=seed)),
            "per_class": {
                names[k]: ends(
                    cluster_interval(scores[labels == k], clusters[labels == k], seed=seed)
                )
                for k in np.unique(labels)
            },
        },
        "level": LEVEL,
        "performances": len(np.unique(clusters)),
        "best_constant": float(shares.max()),
        "judges": [
            {
                "name": name,
                "accuracy": float(np.mean(of_generated.labels == labels)),
                "ceiling": float(np.mean(of_real.labels == labels)),
            }
            for name, of_generated, of_real in zip(judge_names, judged, judged_real, strict=True)
        ],
        "confusion": confusion_figures(judged, labels, names),
    }


def per_class(
    scores: NDArray[np.float64], labels: Labels, names: Sequence[str]
) -> dict[str, float]:
    """Class name → mean score, for the classes that occur."""
    return {names[k]: float(scores[labels == k].mean()) for k in np.unique(labels)}


def confusion_figures(
    judged: Sequence[Judged], labels: Labels, names: Sequence[str]
) -> dict[str, Any]:
    """Counts summed over the judges: row = true class, column = the judges' class."""
    counts = sum(confusion_matrix(labels, j.labels, len(names)) for j in judged)
    return {"classes": list(names), "counts": np.asarray(counts).tolist()}


def swapped_figures(
    judged: Sequence[Judged], own: Labels, swapped: Labels, clusters: Labels, *, seed: int
) -> dict[str, Any]:
    """What becomes of the answers when each item is given another class's condition.

    ``accuracy`` ↓ counts the item's own class, ``follows`` ↑ the class of the condition that it
    was given: a model that listens has a low one and a high one.
    """
    accuracy = cluster_interval(right(judged, own), clusters, seed=seed)
    follows = cluster_interval(right(judged, swapped), clusters, seed=seed)
    return {
        "n": len(own),
        "accuracy": accuracy.value,
        "follows": follows.value,
        "intervals": {"accuracy": ends(accuracy), "follows": ends(follows)},
    }


def distance_figures(
    generated: Features,
    real: Features,
    training: Features | None,
    labels: Labels,
    training_labels: Labels | None,
    clusters: Labels,
    *,
    seed: int,
) -> dict[str, Any] | None:
    """Kernel and Fréchet distance ↓ of generated to real, beside a floor and a bad anchor.

    ``kernel`` is the mean over classes of the kernel distance inside a class, so that good
    pictures of the wrong instrument cost; all use the same n in a class (fewer where training
    has fewer):

    - ``value``: generated ↔ real frames of the same sounds, with ``low`` and ``high`` over
      performances, drawn inside each class;
    - ``floor``: real training frames of the class ↔ the same real frames (other players, other
      pieces); nothing better can be expected. None without a training split;
    - ``shuffled``: real frames of another class ↔ the same real frames: perfect pictures, wrong
      instruments.

    ``pooled`` is the kernel distance without regard to classes, ``frechet`` the Fréchet distance
    likewise. Features are first centred and divided by one number, the root mean square of
    ``real``. None where fewer than two classes have two items.
    """
    rng = np.random.default_rng([seed, 1])
    scale = feature_scale(real)
    generated, real = scale(generated), scale(real)
    counts = np.bincount(labels)
    if training is not None and training_labels is not None:
        known = np.bincount(training_labels, minlength=len(counts))
        counts = np.minimum(counts, known[: len(counts)])
        training = scale(training)
    classes = [int(k) for k in np.flatnonzero(counts >= 2)]
    if len(classes) < 2:
        return None
    rows = {k: rng.permutation(np.flatnonzero(labels == k))[: counts[k]] for k in classes}
    pool = np.concatenate(list(rows.values()))
    figures: dict[str, Any] = {
        "n": len(pool),
        "classes": len(classes),
        "dimensions": int(real.shape[1]),
        **_kernel_interval(generated, real, list(rows.values()), clusters, seed),
        "floor": None,
        "shuffled": _mean(
            [
                kernel_distance(real[rows[other]], real[rows[k]])
                for k, other in zip(classes, _turned(classes), strict=True)
            ]
        ),
        "pooled": {
            "value": kernel_distance(generated[pool], real[pool], paired=True),
            "floor": None,
        },
        "frechet": {"value": frechet_distance(generated[pool], real[pool]), "floor": None},
    }
    if training is not None and training_labels is not None:
        drawn = {
            k: rng.permutation(np.flatnonzero(training_labels == k))[: counts[k]] for k in classes
        }
        known_pool = training[np.concatenate(list(drawn.values()))]
        figures["floor"] = _mean(
            [kernel_distance(training[drawn[k]], real[rows[k]]) for k in classes]
        )
        figures["pooled"]["floor"] = kernel_distance(known_pool, real[pool])
        figures["frechet"]["floor"] = frechet_distance(known_pool, real[pool])
    return figures


def _kernel_interval(
    generated: Features,
    real: Features,
    rows: Sequence[NDArray[np.int64]],
    clusters: Labels,
    seed: int,
) -> dict[str, float]:
    """The mean over classes of the paired kernel distance, with its interval."""
    values, samples = [], []
    for of_class in rows:
        x, y = (np.asarray(each[of_class], np.float64) for each in (generated, real))
        # The paired distance is a mean over pairs i ≠ j of one kernel (Gretton et al., eq. 4).
        across = polynomial_kernel(x, y)
        pairs = polynomial_kernel(x, x) + polynomial_kernel(y, y) - across - across.T
        values.append(kernel_distance(x, y, paired=True))
        samples.append(pair_means(pairs, *cluster_draws(clusters[of_class], seed=seed)))
    interval = draws_interval(float(np.mean(values)), np.mean(samples, axis=0))
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def diversity_figures(
    generated: Features,
    real: Features,
    labels: Labels,
    names: Sequence[str],
    clusters: Labels,
    *,
    seed: int,
) -> dict[str, Any]:
    """Mean pairwise distance ↑ inside a class, generated beside real, and their ratio."""
    of_generated = diversity_per_class(generated, labels)
    of_real = diversity_per_class(real, labels)
    ratios = {k: of_generated[k] / of_real[k] for k in of_real if of_real[k] > 0.0}
    return {
        "generated": _mean(list(of_generated.values())),
        "real": _mean(list(of_real.values())),
        "ratio": _mean(list(ratios.values())),
        "interval": _ratio_interval(generated, real, labels, list(ratios.items()), clusters, seed),
        "per_class": {names[k]: ratio for k, ratio in ratios.items()},
    }


def _ratio_interval(
    generated: Features,
    real: Features,
    labels: Labels,
    ratios: Sequence[tuple[int, float]],
    clusters: Labels,
    seed: int,
) -> list[float] | None:
    """Ends of the interval of the mean ratio of two mean distances."""
    samples = []
    for label, _ in ratios:
        mine = labels == label
        index, draws = cluster_draws(clusters[mine], seed=seed)
        distances = (
            np.sqrt(squared_distances(each[mine], each[mine])) for each in (generated, real)
        )
        made, known = (pair_means(table, index, draws) for table in distances)
        samples.append(np.where(known > 0.0, made / np.where(known > 0.0, known, 1.0), np.nan))
    if not samples:
        return None
    value = float(np.mean([ratio for _, ratio in ratios]))
    return ends(draws_interval(value, np.mean(samples, axis=0)))


def novelty_figures(
    generated: Features,
    real: Features,
    training: Features | None,
    clusters: Labels,
    *,
    seed: int,
) -> dict[str, Any] | None:
    """How near the generated lie to training data, beside real test data; None without any.

    ``intervals``: of ``ratio`` and ``share_closer``, over performances.
    """
    if training is None:
        return None
    from_generated, _ = nearest_distances(generated, training)
    from_real, _ = nearest_distances(real, training)
    index, draws = cluster_draws(clusters, resamples=NOVELTY_RESAMPLES, seed=seed)
    drawn = [
        compare_distances(np.repeat(from_generated, times), np.repeat(from_real, times))
        for times in draws[:, index]
    ]
    found = compare_distances(from_generated, from_real)
    intervals = {
        name: ends(
            draws_interval(getattr(found, name), np.array([getattr(each, name) for each in drawn]))
        )
        for name in ("ratio", "share_closer")
    }
    return {**asdict(found), "n_training": len(training), "intervals": intervals}


def _turned(classes: list[int]) -> list[int]:
    """Each class's stand-in: the one half the list further on, never itself."""
    half = len(classes) // 2
    return [*classes[half:], *classes[:half]]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
