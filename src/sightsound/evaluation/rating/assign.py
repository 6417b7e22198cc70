"""The votes that a study has in, the questions of one more rater out: balanced and shuffled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from sightsound.evaluation.rating.study import Case, Study

Kind: TypeAlias = Literal["case", "attention"]


@dataclass(frozen=True)
class Trial:
    """One question to one rater."""

    kind: Kind
    case: str | None  # None = an attention item
    items: tuple[int, ...]  # places in the study's items, in the order that is shown
    expected: int | None  # the answer that an attention item asks for


def assign(study: Study, asked: Mapping[str, int], rng: np.random.Generator) -> list[Trial]:
    """A rater's questions, in the order in which they come.

    - Every group (condition, or pair of conditions) is asked equally often; where that does not
      come out even, the groups with the fewest votes so far get one more.
    - Inside a group classes are asked equally often, as far as there are cases.
    - Inside a class a case that was begun comes first, until ``raters_per_case`` were asked it, so
      that raters can be compared; then a new one. When all have enough, the least asked.
    - No rater is asked a case twice. Of the two items of a choice each comes first half the time.
    - Attention items fall at random among them, never first or last.

    Args:
        study: what can be asked.
        asked: case → how many raters were asked it so far.
        rng: decides ties and order.
    """
    cases = defaultdict(list)
    for case in study.definition.cases:
        cases[case.group].append(case)
    quotas = _quotas(study, cases, asked, rng)
    chosen = [
        case
        for group in study.groups
        for case in _from_group(study, cases[group], quotas[group], asked, rng)
    ]
    order = rng.permutation(len(chosen))
    turned = rng.permutation(np.arange(len(chosen)) % 2).astype(bool)
    trials = [
        Trial("case", chosen[i].id, chosen[i].items[::-1] if turn else chosen[i].items, None)
        for i, turn in zip(order, turned, strict=True)
    ]
    for _ in range(study.definition.attention):
        place = int(rng.integers(1, max(2, len(trials))))
        expected = int(rng.integers(len(study.definition.options)))
        trials.insert(place, Trial("attention", None, (), expected))
    return trials


def _quotas(
    study: Study,
    cases: Mapping[str, list[Case]],
    asked: Mapping[str, int],
    rng: np.random.Generator,
) -> dict[str, int]:
    """How many cases each group gets; they sum to ``votes_per_rater`` where there are so many."""
    done = {group: sum(asked.get(c.id, 0) for c in cases[group]) for group in study.groups}
    tie = dict(zip(study.groups, rng.permutation(len(study.groups)).tolist(), strict=True))
    quotas = dict.fromkeys(study.groups, 0)
    for _ in range(min(study.definition.votes_per_rater, len(study.cases))):
        open_groups = [group for group in study.groups if quotas[group] < len(cases[group])]
        least = min(open_groups, key=lambda group: (quotas[group], done[group], tie[group]))
        quotas[least] += 1
    return quotas


def _from_group(
    study: Study,
    cases: list[Case],
    quota: int,
    asked: Mapping[str, int],
    rng: np.random.Generator,
) -> list[Case]:
    enough = study.definition.raters_per_case
    by_label: dict[str | None, list[tuple[tuple[int, int, float], Case]]] = defaultdict(list)
    for case in cases:
        count = asked.get(case.id, 0)
        urgency = (0, -count) if count < enough else (1, count)
        by_label[study.label_of(case)].append(((*urgency, rng.random()), case))
    for of_label in by_label.values():
        of_label.sort(key=lambda entry: entry[0], reverse=True)  # the most urgent is popped first
    used: Counter[str | None] = Counter()
    chosen = []
    for _ in range(quota):
        # The class that this rater was asked least; among equals the most urgent case.
        label = min(
            (label for label, left in by_label.items() if left),
            key=lambda label: (used[label], by_label[label][-1][0]),
        )
        used[label] += 1
        chosen.append(by_label[label].pop()[1])
    return chosen
