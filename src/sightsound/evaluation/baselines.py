"""A data set in, how easy it is out: what a linear model and the nearest neighbour reach.

A figure of a model means little without them. If 64 averaged pixels name the instrument, then a
picture that the judges name need not look like anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import cluster_interval
from sightsound.evaluation.diversity import nearest_distances
from sightsound.evaluation.judges import Judges
from sightsound.evaluation.matched import BLOCK, Items, blocks
from sightsound.features.spectra import LogMelConfig, log_mel
from sightsound.shapes import Frames, Waveform

Features = NDArray[np.float64]

MEMORY = 10  # pairs of differences that L-BFGS remembers
ARMIJO = 1e-4  # share of the slope that a step must gain


@dataclass(frozen=True)
class LinearModel:
    """Multinomial logistic regression on standardised features: logits = z(x) W + b."""

    mean: Features  # (D,)
    spread: Features  # (D,)
    weights: Features  # (D + 1, K); the last row is the bias

    def logits(self, features: NDArray[np.floating]) -> Features:
        """(n, D) → (n, K)."""
        return _with_one((features - self.mean) / self.spread) @ self.weights

    def predict(self, features: NDArray[np.floating]) -> NDArray[np.int64]:
        """(n, D) → the most likely label of each, (n,)."""
        return np.asarray(self.logits(features).argmax(axis=1), np.int64)


def fit_linear(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: int,
    *,
    penalty: float = 1e-3,
    iterations: int = 300,
) -> LinearModel:
    """Multinomial logistic regression by L-BFGS; deterministic, no random number anywhere.

    Minimises the mean cross-entropy plus ``penalty / 2 · |W|²`` (the bias is free), which is
    convex, until the gradient's largest entry is under 1e-5 or ``iterations`` are done.

    Args:
        features: (n, D), standardised here with their own mean and spread.
        labels: (n,), 0 to ``classes`` - 1.
        classes: K.
        penalty: weight decay.
        iterations: at most so many steps.
    """
    features = np.asarray(features, np.float64)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    inputs = _with_one((features - mean) / spread)
    wanted = np.eye(classes)[labels]
    decay = np.full((inputs.shape[1], 1), penalty)
    decay[-1] = 0.0

    def loss_and_gradient(weights: Features) -> tuple[float, Features]:
        weights = weights.reshape(-1, classes)
        logits = inputs @ weights
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        loss = -np.mean(np.sum(wanted * (logits - log_sum), axis=1))
        gradient = inputs.T @ (np.exp(logits - log_sum) - wanted) / len(inputs)
        loss += 0.5 * np.sum(decay * weights**2)
        return float(loss), (gradient + decay * weights).ravel()

    start = np.zeros(inputs.shape[1] * classes)
    found = minimise(loss_and_gradient, start, iterations=iterations)
    return LinearModel(mean, spread, found.reshape(-1, classes))


def minimise(
    loss_and_gradient: Any, start: Features, *, iterations: int, tolerance: float = 1e-5
) -> Features:
    """A minimum of a smooth function by L-BFGS with backtracking.

    ``loss_and_gradient``: (P,) → (loss, gradient (P,)).

    Source: Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5.
    """
    place, (loss, gradient) = start.copy(), loss_and_gradient(start)
    steps: list[Features] = []
    changes: list[Features] = []
    for _ in range(iterations):
        if np.abs(gradient).max() < tolerance:
            break
        direction = -_inverse_hessian_times(gradient, steps, changes)
        slope = float(direction @ gradient)
        length = 1.0 if steps else min(1.0, 1.0 / float(np.abs(gradient).sum()))
        while True:
            new_loss, new_gradient = loss_and_gradient(place + length * direction)
            if new_loss <= loss + ARMIJO * length * slope or length < 1e-12:
                break
            length /= 2.0
        if new_loss > loss:  # no step of any length gains: as good as it gets in float64
            break
        step, change = length * direction, new_gradient - gradient
        if step @ change > 1e-12:  # keeps the implied Hessian positive
            steps, changes = [*steps, step][-MEMORY:], [*changes, change][-MEMORY:]
        place, loss, gradient = place + step, new_loss, new_gradient
    return place


def _inverse_hessian_times(
    gradient: Features, steps: list[Features], changes: list[Features]
) -> Features:
    """The two loops of L-BFGS: the gradient times the remembered inverse Hessian."""
    result = gradient.copy()
    shares = []
    for step, change in zip(reversed(steps), reversed(changes), strict=True):
        share = (step @ result) / (step @ change)
        result -= share * change
        shares.append(share)
    if steps:
        result *= (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for step, change, share in zip(steps, changes, reversed(shares), strict=True):
        result += (share - (change @ result) / (step @ change)) * step
    return result


def nearest_neighbour(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    queries: NDArray[np.floating],
) -> NDArray[np.int64]:
    """The label (n,) of each query's nearest row of ``features`` (m, D), both standardised."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    _, rows = nearest_distances((queries - mean) / spread, (features - mean) / spread)
    found: NDArray[np.int64] = np.asarray(labels, np.int64)[rows]
    return found


def mean_log_mel(waveforms: Waveform, sample_rate: int) -> NDArray[np.float32]:
    """(B, T) → (B, 128): the log-mel picture's mean over time, dB."""
    picture = log_mel(waveforms, LogMelConfig(sample_rate=sample_rate))
    return np.asarray(picture.mean(axis=-1), np.float32)


def tiny_picture(pixels: Frames) -> NDArray[np.float32]:
    """(B, H, W, 3) uint8 → (B, 192): the picture shrunk to 8×8 by averaging; sides 8·n."""
    count, height, width, _ = pixels.shape
    cells = pixels.reshape(count, 8, height // 8, 8, width // 8, 3).astype(np.float32)
    return np.asarray(cells.mean(axis=(2, 4)).reshape(count, -1), np.float32)


def how_easy(
    train: Items, test: Items, *, classes: int, sample_rate: int, judges: Judges | None = None
) -> dict[str, Any]:
    """Accuracies (0 to 1) of the simplest models on ``test``, with 95 % intervals.

    Intervals are over performances. Linear model and nearest neighbour, trained on ``train``, on
    128 mean log-mel values of the sound and on the picture shrunk to 8×8; the judges, where
    given, on the same test pairs.
    """
    described = [_described(items, sample_rate) for items in (train, test)]
    result: dict[str, Any] = {
        "n_train": len(train.indices),
        "n_test": len(test.indices),
        "performances_test": len(np.unique(test.clusters)),
    }
    for position, name in enumerate(("mean_log_mel", "picture_8x8")):
        known, asked = described[0][position], described[1][position]
        linear = fit_linear(known, train.labels, classes).predict(asked)
        nearest = nearest_neighbour(known, train.labels, asked)
        result[name] = {"linear": _score(linear, test), "nearest": _score(nearest, test)}
    if judges is not None:
        result["judges"] = _judged(test, sample_rate, judges)
    return result


def _described(items: Items, sample_rate: int) -> tuple[Features, Features]:
    sounds, pictures = [], []
    for block in blocks(items.indices, BLOCK):
        sounds.append(mean_log_mel(items.pairs.waveforms(block), sample_rate))
        pictures.append(tiny_picture(items.pairs.images(block)))
    return (
        np.concatenate(sounds).astype(np.float64),
        np.concatenate(pictures).astype(np.float64),
    )


def _judged(test: Items, sample_rate: int, judges: Judges) -> dict[str, Any]:
    seen, heard = test.judge_reality(judges, sample_rate)
    return {
        "image": [_score(judged.labels, test) for judged in seen],
        "sound": [_score(judged.labels, test) for judged in heard],
    }


def _score(predicted: NDArray[np.integer], test: Items) -> dict[str, float]:
    interval = cluster_interval(predicted == test.labels, test.clusters)
    return {"accuracy": interval.value, "low": interval.low, "high": interval.high}


def format_easy(result: dict[str, Any]) -> str:
    """The result of :func:`how_easy` as a Markdown table."""
    lines = [
        f"How easy it is: {result['n_train']} training pairs, {result['n_test']} test pairs of "
        f"{result['performances_test']} performances",
        "",
        "| answer by | accuracy ↑ | 95 % interval |",
        "|---|---|---|",
    ]
    names = {"mean_log_mel": "mean log-mel (128)", "picture_8x8": "picture of 8×8 pixels"}
    rows = [
        (f"{model} on {title}", result[key][short])
        for key, title in names.items()
        for short, model in (("linear", "linear model"), ("nearest", "nearest neighbour"))
    ]
    for kind, title in (("image", "picture"), ("sound", "sound")):
        scores = result.get("judges", {}).get(kind, [])
        rows += [(f"{title} judge {number}", s) for number, s in enumerate(scores, 1)]
    lines += [
        "| {} | {:.1f} % | {:.1f} to {:.1f} % |".format(
            name, *(100 * score[key] for key in ("accuracy", "low", "high"))
        )
        for name, score in rows
    ]
    return "\n".join(lines)


def _with_one(features: Features) -> Features:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)
