"""Pitches that are heard in, how many of them the player's pose admits out; pure numpy.

A picture of a player says which notes can sound: ``pairs.admitted``. Of generated sounds the share
whose pitch is one of them stands beside the same share of the real sounds of those moments (what
the estimator and half a second of music allow) and of real sounds of other moments of the same
instrument (what ignoring the pose gives: many poses admit a whole row of notes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import LEVEL, cluster_interval, ends
from sightsound.evaluation.matched import Items
from sightsound.evaluation.pose import others
from sightsound.features.pitch import Pitch, cents
from sightsound.pairs.admitted import admitted_pitches, midi_to_hz
from sightsound.pairs.store import PairSet

TOLERANCE_CENTS = 50.0

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Admitted:
    """Moments at which a note sounds in a pose whose pitches are known."""

    places: NDArray[np.int64]  # (m,) among the items
    pitches: list[NDArray[np.float64]]  # m times: Hz that the pose admits
    true_hz: NDArray[np.float64]  # (m,) NaN where it is not known
    labels: NDArray[np.int64]  # (m,) instruments
    clusters: NDArray[np.int64]  # (m,) performances

    @classmethod
    def of(cls, items: Items, names: Sequence[str]) -> Admitted:
        """Of some items those whose truth has a pose and no rest; ``names``: by label.

        An instrument with one such item only is left out: it has no other moment.
        """
        assert isinstance(items.pairs, PairSet)
        truth = items.pairs.truth(items.indices)
        poses = np.where(truth.pose_mask, truth.pose, np.float32(np.nan))
        sounding = (truth.pitch_hz > 0.0) | np.isnan(truth.pitch_hz)
        found = {
            int(place): midi_to_hz(admitted_pitches(names[items.labels[place]], poses[place]))
            for place in np.flatnonzero(sounding & truth.pose_mask.any(axis=1))
        }
        places = np.array([place for place, hz in found.items() if len(hz)], np.int64)
        counts = np.bincount(items.labels[places], minlength=len(names))
        places = places[counts[items.labels[places]] > 1]
        return cls(
            places,
            [found[int(place)] for place in places],
            truth.pitch_hz[places].astype(np.float64),
            items.labels[places],
            items.clusters[places],
        )

    def hits(self, heard: Pitch) -> Scores:
        """1 where a pitch (m,) is voiced and within 50 cents of one that the pose admits."""
        hit = np.zeros(len(self.places))
        for row in np.flatnonzero(heard.voiced):
            nearest = np.abs(cents(self.pitches[row], heard.hz[row])).min()
            hit[row] = nearest <= TOLERANCE_CENTS
        return hit


def pitch_figures(
    made: Pitch, real: Pitch, moments: Admitted, names: Sequence[str], *, seed: int = 0
) -> dict[str, Any] | None:
    """How often generated sounds have a pitch that the pose admits.

    Args:
        made: (n,) of the generated sound of each item, ``real``: of the real one.
        real: as made.
        moments: those of the n items that count.
        names: of the instruments, by label.
        seed: of the intervals and of which other moment is taken.

    Returns:
        ``admitted`` ↑ with ``low`` and ``high`` (an unvoiced sound counts as a miss), ``voiced`` ↑,
        ``class_error_cents`` ↓ (median distance to the nearest octave of the true pitch, 0 to 600,
        of voiced sounds), ``n``; beside them ``real``, ``another_moment`` (of another performance)
        and ``same_performance`` with ``admitted``, and ``pitches_admitted``, the mean number.
        The same under ``per_instrument``. None where no moment counts.
    """
    if not len(moments.places):
        return None
    rng = np.random.default_rng([seed, 9])
    made, real = made.at(moments.places), real.at(moments.places)
    elsewhere = np.empty(len(moments.places), np.int64)
    nearby = np.full(len(moments.places), -1, np.int64)  # -1: its performance has no other moment
    for label in np.unique(moments.labels):
        mine = np.flatnonzero(moments.labels == label)
        elsewhere[mine] = mine[others(moments.clusters[mine], rng)]
    for cluster in np.unique(moments.clusters):
        mine = np.flatnonzero(moments.clusters == cluster)
        if len(mine) > 1:
            nearby[mine] = mine[others(moments.clusters[mine], rng)]
    scores = {
        "generated": moments.hits(made),
        "real": moments.hits(real),
        "another_moment": moments.hits(real.at(elsewhere)),
        "same_performance": np.where(nearby < 0, np.nan, moments.hits(real.at(nearby))),
    }

    def spread(of_items: NDArray[Any], rows: NDArray[np.bool_]) -> list[float]:
        return ends(cluster_interval(of_items[rows], moments.clusters[rows], seed=seed))

    def of(rows: NDArray[np.bool_]) -> dict[str, Any]:
        interval = cluster_interval(scores["generated"][rows], moments.clusters[rows], seed=seed)
        return {
            "admitted": interval.value,
            "low": interval.low,
            "high": interval.high,
            "voiced": float(made.voiced[rows].mean()),
            "class_error_cents": _class_error(made, moments.true_hz, rows),
            "real": {
                "admitted": float(scores["real"][rows].mean()),
                "voiced": float(real.voiced[rows].mean()),
                "class_error_cents": _class_error(real, moments.true_hz, rows),
            },
            "another_moment": float(scores["another_moment"][rows].mean()),
            "same_performance": _known_mean(scores["same_performance"][rows]),
            "intervals": {
                "voiced": spread(made.voiced, rows),
                "real": spread(scores["real"], rows),
                "another_moment": spread(scores["another_moment"], rows),
            },
            "pitches_admitted": float(
                np.mean([len(moments.pitches[row]) for row in np.flatnonzero(rows)])
            ),
            "n": int(rows.sum()),
        }

    return {
        **of(np.ones(len(moments.places), bool)),
        "level": LEVEL,
        "performances": len(np.unique(moments.clusters)),
        "tolerance_cents": TOLERANCE_CENTS,
        "per_instrument": {
            names[label]: of(moments.labels == label) for label in np.unique(moments.labels)
        },
    }


def _class_error(heard: Pitch, true_hz: Scores, rows: NDArray[np.bool_]) -> float | None:
    """Median distance in cents to the nearest octave of the true pitch; None without any."""
    known = rows & heard.voiced & (true_hz > 0.0)
    if not known.any():
        return None
    gap = cents(heard.hz[known], true_hz[known])
    return float(np.median(np.abs((gap + 600.0) % 1200.0 - 600.0)))


def _known_mean(scores: Scores) -> float | None:
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else None
