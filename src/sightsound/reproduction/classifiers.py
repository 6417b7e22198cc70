"""A trained classifier's accuracies on a split, with their intervals over performances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sightsound.errors import ModelError
from sightsound.evaluation.bootstrap import cluster_interval
from sightsound.evaluation.matched import Items, choose, pairs_of
from sightsound.methods.classifier import Classifier
from sightsound.methods.dynamic_classifier import DynamicClassifier
from sightsound.pairs.batches import epoch
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import PairSet, open_store
from sightsound.training.run import load_method


def classifier_figures(
    run: Path, dataset: Dataset, split: str, *, limit: int | None, seed: int
) -> dict[str, Any]:
    """What a classifier makes of real items of a split, by its input; "" where it has one only.

    Each: ``accuracy`` ↑ (0 to 1), ``low``, ``high``, ``n``, ``performances``. A dynamic classifier
    has the inputs V, A, V-A, GV-A and GA-V.

    Args:
        run: folder of a finished run.
        dataset: what is classified.
        split: part of it.
        limit: at most so many items, classes as even as can be; None = all.
        seed: of the choice, the intervals, and the noise of what is generated.

    Raises:
        ModelError: the run is of no classifier.
    """
    config, method = load_method(run)
    if not isinstance(method, Classifier | DynamicClassifier):
        raise ModelError(f"{run}: a run of {config.recipe}, which is no classifier")
    store = open_store(dataset, config.pairs.store)
    pairs = pairs_of(store, split)
    assert isinstance(pairs, PairSet)
    items = choose(pairs, list(range(len(dataset.classes))), limit=limit, seed=seed)
    right: dict[str, list[NDArray[np.bool_]]] = {}
    torch.manual_seed(seed)
    with torch.no_grad():
        for batch in epoch(pairs.at(items.indices), 64, method.batch_fields):
            if isinstance(method, DynamicClassifier):
                answers = method.logits(batch)
            else:
                answers = {"": method.encode(method.picture(batch))[1]}
            for name, logits in answers.items():
                right.setdefault(name, []).append((logits.argmax(1) == batch.label).numpy())
    return {name: _figures(np.concatenate(each), items, seed) for name, each in right.items()}


def _figures(right: NDArray[np.bool_], items: Items, seed: int) -> dict[str, Any]:
    interval = cluster_interval(right.astype(np.float64), items.clusters, seed=seed)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(right),
        "performances": len(np.unique(items.clusters)),
    }
