"""Poses that pictures show in, errors in the instrument's own coordinates out; pure numpy.

Every error stands beside what it must be read with: the regressor's own error on the real frames
(nothing better can be seen), the instrument's best constant pose and another moment of the same
instrument (what ignoring the sound gives), and, where it is given, regression from the sound (what
the sound allows). Half a second of sound does not determine where the bow is, so the bow is
compared by the distribution of its place, not moment by moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import cluster_draws, cluster_interval, draws_interval
from sightsound.evaluation.matched import Items
from sightsound.pairs.store import PairSet
from sightsound.pairs.truth import MAX_KEYS, MAX_VALVES, POSE_COLUMNS

Poses = NDArray[np.float32]  # (n, P), the columns of POSE_COLUMNS


@dataclass(frozen=True)
class Part:
    """One thing that an instrument's player does, and how its error is counted."""

    name: str
    columns: slice  # of POSE_COLUMNS
    kind: str  # "distance": mean absolute difference; "setting": share of parts set otherwise
    unit: str


def _column(name: str, count: int = 1) -> slice:
    first = POSE_COLUMNS.index(name)
    return slice(first, first + count)


PARTS: tuple[Part, ...] = (
    Part("finger_position", _column("finger_position"), "distance", "share of the string"),
    Part("string_index", _column("string_index"), "setting", "share of frames"),
    Part("slide_extension", _column("slide_extension"), "distance", "share of the slide"),
    Part("valves", _column("valve_1", MAX_VALVES), "setting", "share of the valves"),
    Part("keys", _column("key_1", MAX_KEYS), "setting", "share of the keys"),
)
BOW = _column("bow_fraction")
BOW_RESAMPLES = 300  # the two samples are sorted anew in each


@dataclass(frozen=True)
class TruePoses:
    """The true poses of some moments."""

    pose: Poses  # (n, P)
    mask: NDArray[np.bool_]  # (n, P), False where the instrument lacks the part
    labels: NDArray[np.int64]  # (n,) instruments
    clusters: NDArray[np.int64]  # (n,) performances

    @classmethod
    def of(cls, items: Items) -> TruePoses:
        """The poses of chosen pairs of a store."""
        assert isinstance(items.pairs, PairSet)
        truth = items.pairs.truth(items.indices)
        return cls(truth.pose, truth.pose_mask, items.labels, items.clusters)


def pose_figures(
    shown: Poses,
    shown_real: Poses,
    truth: TruePoses,
    training: TruePoses,
    names: Sequence[str],
    *,
    heard: Poses | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Errors of generated poses, by part and instrument.

    Args:
        shown: (n, P) what the pose judge sees in the generated pictures.
        shown_real: (n, P) what it sees in the real frames of the same moments.
        truth: the real poses of these n moments.
        training: true poses of the training split, for the constant poses.
        names: of the instruments, by label.
        heard: (n, P) regression from the same sounds; None = not measured.
        seed: of the intervals and of which other moment is taken.

    Returns:
        ``{part: {instrument: {"error", "low", "high", "real_frame", "constant_pose",
        "another_moment", "from_sound", "n", "unit"}}}`` ↓, and ``bow``: Wasserstein distance ↓ of
        the bow's place (0 frog to 1 tip), generated, of real frames as the judge sees them, and
        of the one place that errs least.
    """
    rng = np.random.default_rng([seed, 7])
    figures: dict[str, Any] = {}
    for part in PARTS:
        by_instrument = {}
        for label in np.unique(truth.labels):
            rows, known = _rows(truth, label, part.columns), _rows(training, label, part.columns)
            if len(rows) < 2 or not len(known):
                continue
            real, has = truth.pose[rows, part.columns], truth.mask[rows, part.columns]
            constant = _middle(
                training.pose[known, part.columns], training.mask[known, part.columns], part
            )
            clusters = truth.clusters[rows]
            other = real[others(clusters, rng)]
            scores = part_errors(shown[rows, part.columns], real, has, part)
            interval = cluster_interval(scores, clusters, seed=seed)
            by_instrument[names[label]] = {
                "error": interval.value,
                "low": interval.low,
                "high": interval.high,
                "real_frame": _mean_error(shown_real[rows, part.columns], real, has, part),
                "constant_pose": _mean_error(
                    np.broadcast_to(constant, real.shape), real, has, part
                ),
                "another_moment": _mean_error(other, real, has, part),
                "from_sound": (
                    None
                    if heard is None
                    else _mean_error(heard[rows, part.columns], real, has, part)
                ),
                "n": len(rows),
                "unit": part.unit,
            }
        if by_instrument:
            figures[part.name] = by_instrument
    bows = _bow_figures(shown, shown_real, truth, names, seed)
    if bows:
        figures["bow"] = bows
    return figures


def part_errors(guess: Poses, truth: Poses, mask: NDArray[np.bool_], part: Part) -> Poses:
    """Error of each item, (n,): mean over the part's columns that the instrument has."""
    if part.kind == "distance":
        gap = np.abs(guess - truth)
    else:
        gap = (np.rint(guess) != np.rint(truth)).astype(np.float32)
    count = np.maximum(mask.sum(axis=1), 1)
    return np.asarray(np.where(mask, gap, 0.0).sum(axis=1) / count, np.float32)


def wasserstein(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Wasserstein-1 distance of two samples on a line: the area between their distributions."""
    first, second = np.sort(first), np.sort(second)
    places = np.sort(np.concatenate([first, second]).astype(np.float64))
    below_first = np.searchsorted(first, places[:-1], side="right") / len(first)
    below_second = np.searchsorted(second, places[:-1], side="right") / len(second)
    return float(np.sum(np.abs(below_first - below_second) * np.diff(places)))


def _bow_figures(
    shown: Poses, shown_real: Poses, truth: TruePoses, names: Sequence[str], seed: int
) -> dict[str, Any]:
    figures = {}
    for label in np.unique(truth.labels):
        rows = _rows(truth, label, BOW)
        if len(rows) < 2:
            continue
        real, made = truth.pose[rows, BOW].ravel(), shown[rows, BOW].ravel()
        index, draws = cluster_draws(truth.clusters[rows], resamples=BOW_RESAMPLES, seed=seed)
        drawn = [
            wasserstein(np.repeat(made, times), np.repeat(real, times)) for times in draws[:, index]
        ]
        interval = draws_interval(wasserstein(made, real), np.array(drawn))
        figures[names[label]] = {
            "distance": interval.value,
            "low": interval.low,
            "high": interval.high,
            "real_frame": wasserstein(shown_real[rows, BOW].ravel(), real),
            "one_place": wasserstein(np.full(2, np.median(real)), real),
            "n": len(rows),
        }
    return figures


def _rows(truth: TruePoses, label: int, columns: slice) -> NDArray[np.int64]:
    """Places of an instrument's items that have a part."""
    return np.flatnonzero((truth.labels == label) & truth.mask[:, columns].any(axis=1))


def _mean_error(guess: Poses, truth: Poses, mask: NDArray[np.bool_], part: Part) -> float:
    return float(part_errors(guess, truth, mask, part).mean())


def _middle(training: Poses, mask: NDArray[np.bool_], part: Part) -> Poses:
    """The constant answer that errs least: median of a distance, majority of a setting."""
    if part.kind == "distance":
        known = np.where(mask, training, np.nan)[:, mask.any(axis=0)]
        middle = np.zeros(training.shape[1], np.float32)
        middle[mask.any(axis=0)] = np.nanmedian(known, axis=0)
        return middle
    columns = []
    for values, known in zip(training.T, mask.T, strict=True):
        settings, counts = np.unique(np.rint(values[known]), return_counts=True)
        columns.append(settings[counts.argmax()] if len(settings) else 0.0)
    return np.asarray(columns, np.float32)


def others(clusters: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each of n > 1 items another one, of another performance where there is one: places."""
    count = len(clusters)
    partner = (np.arange(count) + rng.integers(1, count, count)) % count
    for _ in range(20):
        same = clusters[partner] == clusters
        if not same.any():
            break
        places = np.flatnonzero(same)
        partner[places] = (places + rng.integers(1, count, len(places))) % count
    return partner


def pose_summary(figures: Mapping[str, Any]) -> dict[str, float]:
    """Each part's error as a share of the best constant pose's, over instruments alike."""
    shares = {}
    for part, by_instrument in figures.items():
        if part == "bow":
            continue
        ratios = [
            row["error"] / row["constant_pose"]
            for row in by_instrument.values()
            if row["constant_pose"] > 0.0
        ]
        if ratios:
            shares[part] = float(np.mean(ratios))
    return shares
