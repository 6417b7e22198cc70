"""A study's votes in, its figures with intervals out; pure numpy, no file."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightsound.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from sightsound.evaluation.rating.agreement import agreement, answer_counts
from sightsound.evaluation.rating.study import SCALE_STEPS, Study
from sightsound.evaluation.rating.votes import Vote

WHOLE_SCALE = (0.0, float(SCALE_STEPS - 1))
WHOLE_SHARE = (0.0, 1.0)


def study_figures(
    study: Study, votes: Sequence[Vote], tallies: dict[str, int], *, seed: int = 0
) -> dict[str, Any]:
    """All figures of a study: of the raters who passed every attention item, and of all.

    Intervals say how far the figures would vary with other raters *and* other items, both drawn
    with replacement (:func:`crossed_means`).
    """
    failed = inattentive(votes)
    answered = [vote for vote in votes if vote.kind == "case"]
    used = [vote for vote in answered if vote.rater not in failed]
    figures: dict[str, Any] = {
        "title": study.definition.title,
        "study": study.sha256,
        "task": study.definition.task,
        "medium": study.definition.medium,
        "question": study.definition.question,
        "options": list(study.definition.options),
        "raters": {
            "used": len({vote.rater for vote in used}),
            "inattentive": len(failed),
            **tallies,
        },
        "votes": {"used": len(used), "all": len(answered)},
        "level": LEVEL,
        "resamples": RESAMPLES,
        "seed": seed,
    }
    of_task = _scale_figures if study.definition.task == "scale" else _choice_figures
    figures |= of_task(study, used, seed)
    figures["all_raters"] = of_task(study, answered, seed) if failed else None
    return figures


def inattentive(votes: Sequence[Vote]) -> set[str]:
    """Raters who gave an attention item another answer than the one that it asks for."""
    return {v.rater for v in votes if v.kind == "attention" and v.answer != v.expected}


def crossed_means(
    scores: ArrayLike,
    groups: ArrayLike,
    raters: ArrayLike,
    items: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each group's mean score (G,), and its resampled means (resamples, G), groups sorted.

    Raters are drawn with replacement, items likewise inside each group, and a vote counts as often
    as its rater was drawn times its item was. The raters of a draw are the same in all groups, so
    that differences of groups can be read off it. NaN where a draw holds no vote of a group.

    Source: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007); it is
    conservative: never too narrow on average, a little too wide.
    """
    values = np.asarray(scores, np.float64)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    _, rater = np.unique(np.asarray(raters), return_inverse=True)
    _, item = np.unique(np.asarray(items), return_inverse=True)
    rng = np.random.default_rng([seed, 1])
    rater_draws = _draws(rng, int(rater.max()) + 1, resamples)
    means, samples = [], []
    for number in range(int(group.max()) + 1):
        inside = group == number
        known, within = np.unique(item[inside], return_inverse=True)
        item_draws = _draws(rng, len(known), resamples)
        weights = rater_draws[:, rater[inside]] * item_draws[:, within]
        totals = weights.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            samples.append((weights @ values[inside]) / totals)
        means.append(values[inside].mean())
    return np.asarray(means), np.stack(samples, axis=1)


def _draws(rng: np.random.Generator, count: int, resamples: int) -> NDArray[np.float64]:
    return rng.multinomial(count, np.full(count, 1.0 / count), size=resamples).astype(np.float64)


def _interval(
    value: float, samples: NDArray[np.float64], raters: int, bounds: tuple[float, float]
) -> Interval:
    """Percentiles; one rater says nothing of other raters: the whole range."""
    known = samples[np.isfinite(samples)]
    if raters < 2 or not len(known):
        return Interval(value, *bounds)
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


# --- The scale -------------------------------------------------------------------------------


def _scale_figures(study: Study, votes: Sequence[Vote], seed: int) -> dict[str, Any]:
    """Means 0 to 3 ↑ of each condition, their differences, votes of each step, agreement."""
    names = [n for n in study.definition.conditions if _of(study, votes, n)]
    figures: dict[str, Any] = {
        "conditions": {},
        "differences": [],
        "agreement": asdict(
            agreement(
                answer_counts([v.case for v in votes], [v.answer for v in votes], SCALE_STEPS),
                "ordinal",
                seed=seed,
            )
        ),
    }
    if not votes:
        return figures
    # Sorted as ``crossed_means`` sorts, by place in the study.
    groups = [names.index(_condition(study, vote)) for vote in votes]
    means, samples = crossed_means(
        [v.answer for v in votes], groups, [v.rater for v in votes], [str(v.case) for v in votes],
        seed=seed,
    )  # fmt: skip
    for place, name in enumerate(names):
        mine = _of(study, votes, name)
        raters = len({vote.rater for vote in mine})
        interval = _interval(means[place], samples[:, place], raters, WHOLE_SCALE)
        counts = np.bincount([vote.answer for vote in mine], minlength=SCALE_STEPS)
        figures["conditions"][name] = {
            "mean": float(interval.value),
            "low": interval.low,
            "high": interval.high,
            "n": len(mine),
            "items": len({vote.case for vote in mine}),
            "raters": raters,
            "counts": counts.tolist(),
            "per_class": _per_class(study, mine),
        }
    for first, second in itertools.combinations(range(len(names)), 2):
        raters = min(figures["conditions"][names[i]]["raters"] for i in (first, second))
        interval = _interval(
            means[first] - means[second],
            samples[:, first] - samples[:, second],
            raters,
            (-WHOLE_SCALE[1], WHOLE_SCALE[1]),
        )
        figures["differences"].append(
            {
                "first": names[first],
                "second": names[second],
                "difference": float(interval.value),
                "low": interval.low,
                "high": interval.high,
            }
        )
    return figures


def _condition(study: Study, vote: Vote) -> str:
    return study.definition.items[vote.items[0]].condition


def _of(study: Study, votes: Sequence[Vote], condition: str) -> list[Vote]:
    return [vote for vote in votes if _condition(study, vote) == condition]


def _per_class(study: Study, votes: Sequence[Vote]) -> dict[str, float]:
    by_class: dict[str, list[int]] = {}
    for vote in votes:
        label = study.definition.items[vote.items[0]].label
        if label is not None:
            by_class.setdefault(label, []).append(vote.answer)
    return {label: float(np.mean(of)) for label, of in sorted(by_class.items())}


# --- The choice ------------------------------------------------------------------------------


def _choice_figures(study: Study, votes: Sequence[Vote], seed: int) -> dict[str, Any]:
    """Of each two conditions the share 0 to 1 of choices for the first; agreement; habit."""
    # Whether a vote chose the item of the group's first condition, wherever it was shown.
    for_first = [int(v.items[v.answer] == study.cases[str(v.case)].items[0]) for v in votes]
    groups = [study.cases[str(vote.case)].group for vote in votes]
    figures: dict[str, Any] = {
        "pairs": [],
        "wins": {},
        "shown_first_chosen": float(np.mean([v.answer == 0 for v in votes])) if votes else None,
        "agreement": asdict(
            agreement(answer_counts([v.case for v in votes], for_first, 2), "nominal", seed=seed)
        ),
    }
    if not votes:
        return figures
    names = [group for group in study.groups if group in set(groups)]
    means, samples = crossed_means(
        for_first, [names.index(g) for g in groups], [v.rater for v in votes],
        [str(v.case) for v in votes], seed=seed,
    )  # fmt: skip
    won: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for vote in votes:
        for place, item in enumerate(vote.items):
            condition = study.definition.items[item].condition
            met[condition] += 1
            won[condition] += place == vote.answer
    for place, name in enumerate(names):
        mine = [vote for vote, group in zip(votes, groups, strict=True) if group == name]
        raters = len({vote.rater for vote in mine})
        interval = _interval(means[place], samples[:, place], raters, WHOLE_SHARE)
        first, second = (
            study.definition.items[i].condition for i in study.cases[str(mine[0].case)].items
        )
        figures["pairs"].append(
            {
                "first": first,
                "second": second,
                "share": float(interval.value),
                "low": interval.low,
                "high": interval.high,
                "n": len(mine),
                "items": len({vote.case for vote in mine}),
                "raters": raters,
            }
        )
    figures["wins"] = {
        name: won[name] / met[name] for name in study.definition.conditions if met[name]
    }
    return figures
