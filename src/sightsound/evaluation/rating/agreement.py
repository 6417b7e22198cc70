"""What several raters answered about the same things in, how far they agree out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.bootstrap import LEVEL, RESAMPLES

Measure: TypeAlias = Literal["nominal", "ordinal"]


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha ↑: 1 = all agree, 0 = as chance would, below 0 = they contradict."""

    alpha: float | None  # None = undefined: nothing was answered twice, or all answers are one
    low: float | None  # ends of its percentile interval over the things that were rated
    high: float | None
    units: int  # things that at least two raters answered about
    answers: int  # about those
    measure: Measure


def answer_counts(
    units: Iterable[object], answers: Iterable[int], levels: int
) -> NDArray[np.int64]:
    """Votes as counts (U, K): row = a thing, column = an answer 0 … K − 1."""
    _, index = np.unique(np.asarray(list(map(str, units))), return_inverse=True)
    counts = np.zeros((int(index.max()) + 1 if len(index) else 0, levels), np.int64)
    np.add.at(counts, (index, np.asarray(list(answers), np.int64)), 1)
    return counts


def krippendorff_alpha(counts: NDArray[np.integer], measure: Measure) -> float | None:
    """Alpha ↑ of counts (U, K): how many raters gave thing u the answer k.

    Any number of raters per thing; things with one answer are left out, since they say nothing of
    agreement. None where alpha is undefined.

    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections C to E:
    alpha = 1 − observed / expected disagreement, from the matrix of coincidences.
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    return _alpha(_coincidences(pairable).sum(axis=0), measure)


def agreement(
    counts: NDArray[np.integer],
    measure: Measure,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Alpha with a percentile interval: things are drawn with replacement, each with its answers.

    Departs: Krippendorff's own bootstrap draws single pairs of answers as if they were
    independent; those of one thing are not.
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    units, answers = len(pairable), int(pairable.sum())
    of_units = _coincidences(pairable)
    alpha = _alpha(of_units.sum(axis=0), measure)
    if alpha is None or units < 2:
        return Agreement(alpha, None, None, units, answers, measure)
    rng = np.random.default_rng([seed, 2])
    draws = rng.multinomial(units, np.full(units, 1.0 / units), size=resamples)
    drawn = [_alpha(np.tensordot(draw, of_units, axes=1), measure) for draw in draws]
    known = [value for value in drawn if value is not None]
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Agreement(alpha, float(low), float(high), units, answers, measure)


def _coincidences(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Each thing's own matrix of coincidences, (U, K, K): pairs of answers, over (m − 1)."""
    pairs = np.einsum("uc,uk->uck", counts, counts).astype(np.float64)
    levels = np.arange(counts.shape[1])
    pairs[:, levels, levels] -= counts
    matrices: NDArray[np.float64] = pairs / (counts.sum(axis=1) - 1)[:, None, None]
    return matrices


def _alpha(coincidences: NDArray[np.float64], measure: Measure) -> float | None:
    totals = coincidences.sum(axis=1)  # n_c: answers of each kind
    n = float(totals.sum())
    distance = _squared_distances(totals, measure)
    observed = float((coincidences * distance).sum())
    expected = float((np.outer(totals, totals) * distance).sum())
    if n < 2 or expected <= 0.0:
        return None
    return 1.0 - (n - 1) * observed / expected


def _squared_distances(totals: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    """δ² of each two answers: nominal 0 or 1; ordinal by how many answers lie between them."""
    levels = len(totals)
    if measure == "nominal":
        return 1.0 - np.eye(levels)
    below = np.cumsum(totals) - totals / 2.0  # answers below the middle of each kind
    squares: NDArray[np.float64] = (below[:, None] - below[None, :]) ** 2
    return squares
