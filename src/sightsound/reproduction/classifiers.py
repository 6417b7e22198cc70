"""A trained classifier's accuracy on a split, with its interval over performances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sightsound.evaluation.bootstrap import cluster_interval
from sightsound.evaluation.matched import choose, pairs_of
from sightsound.pairs.batches import epoch
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import PairSet, open_store
from sightsound.training.folder import RunFolder
from sightsound.training.run import load_classifier


def classifier_figures(
    run: Path, dataset: Dataset, split: str, *, limit: int | None, seed: int
) -> dict[str, Any]:
    """Accuracy ↑ (0 to 1) on real items of a split: ``accuracy``, ``low``, ``high``, ``n``.

    ``limit``: at most so many items, classes as even as can be; None = all.
    """
    config, _ = RunFolder(run).config()
    method = load_classifier(run)
    store = open_store(dataset, config.pairs.store)
    pairs = pairs_of(store, split)
    assert isinstance(pairs, PairSet)
    items = choose(pairs, list(range(len(dataset.classes))), limit=limit, seed=seed)
    right = []
    with torch.no_grad():
        for batch in epoch(pairs.at(items.indices), 64, method.batch_fields):
            _, logits = method.encode(method.picture(batch))
            right.append((logits.argmax(1) == batch.label).numpy())
    scores = np.concatenate(right).astype(np.float64)
    interval = cluster_interval(scores, items.clusters, seed=seed)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(scores),
        "performances": len(np.unique(items.clusters)),
    }
