"""A regression from sound in, the poses that it hears out: what the sound allows, no judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sightsound.errors import ModelError
from sightsound.evaluation.matched import Items
from sightsound.evaluation.pose import Poses
from sightsound.methods.pose import PoseRegression
from sightsound.pairs.batches import epoch
from sightsound.pairs.store import PairSet
from sightsound.training.run import load_method

POSE_FROM_SOUND = "pose_from_sound"  # the recipe of the regression


def heard_poses(run: Path, items: Items) -> Poses:
    """Poses (n, P), the columns of ``truth.POSE_COLUMNS``, that a run hears in items' sounds.

    Raises:
        ModelError: the run is no regression of poses from sounds.
    """
    config, method = load_method(run)
    if not isinstance(method, PoseRegression) or method.config.modality != "sound":
        raise ModelError(f"{run}: a run of {config.recipe}, which hears no poses")
    assert isinstance(items.pairs, PairSet)
    with torch.no_grad():
        parts = [
            method.predict(batch).numpy()
            for batch in epoch(items.pairs.at(items.indices), 64, ("label", "waveform"))
        ]
    return np.concatenate(parts)
