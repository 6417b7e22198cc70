"""Regression of a player's pose, from the picture or from the sound.

From pictures it is a judge: what pose does a generated picture show? From sounds it says how much
of a pose half a second of sound determines at all, which no generator can exceed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sightsound.features.spectra import LogMelConfig
from sightsound.features.torch_spectra import LogMel
from sightsound.methods.protocol import AdamConfig, Update
from sightsound.networks.strided import StridedEncoder, StridedEncoderConfig
from sightsound.pairs.truth import POSE_COLUMNS

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch

BOW_VELOCITY = POSE_COLUMNS.index("bow_velocity")
_RANGES = {"bow_velocity": 4.0, "string_index": 3.0}
"""What counts as 1 in the loss, for columns that do not run from 0 to 1 by themselves."""


@dataclass(frozen=True, kw_only=True)
class PoseRegressionConfig:
    """A network from one modality to the columns of ``pairs.truth.POSE_COLUMNS``."""

    modality: Literal["sound", "image"]
    network: StridedEncoderConfig
    front_end: LogMelConfig | None = None  # what makes the sound's picture; None for images
    adam: AdamConfig = field(
        default_factory=lambda: AdamConfig(learning_rate=1e-3, beta1=0.9, weight_decay=1e-2)
    )

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Recipes of the runs that must be there before this one: none."""
        return ()


class PoseRegression:
    """Picture or sound → pose; the columns that an instrument lacks take no part in the loss.

    The loss is Huber's, so that a string or a key that cannot be known costs its distance, not its
    square. A still picture cannot show the bow's velocity: from images that column is left out.
    """

    mismatch: str = "none"
    averaged: tuple[str, ...] = ("regressor",)
    exported: tuple[str, ...] = ("regressor",)

    def __init__(self, config: PoseRegressionConfig) -> None:
        self.config = config
        self.players = nn.ModuleDict({"regressor": StridedEncoder(config.network)})
        self.optimisers: Mapping[str, AdamConfig] = {"regressor": config.adam}
        self.front_end = None if config.front_end is None else LogMel(config.front_end)
        self.ranges = torch.tensor([_RANGES.get(name, 1.0) for name in POSE_COLUMNS])
        seen = "waveform" if config.modality == "sound" else "image"
        self.batch_fields = frozenset({"label", "pose", seen})

    def to(self, device: torch.device) -> None:
        """Move network, front end and ranges to a device."""
        self.players.to(device)
        self.ranges = self.ranges.to(device)
        if self.front_end is not None:
            self.front_end.to(device)

    def predict(self, batch: PairBatch) -> Tensor:
        """Poses (B, P) of a batch, in the columns' own units."""
        picture = batch.image
        if self.front_end is not None:
            with torch.no_grad():
                picture = self.front_end(batch.waveform)
        _, pose = self.players["regressor"](picture)
        scaled: Tensor = pose.float() * self.ranges
        return scaled

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        pose, mask = self._truth(batch)
        gap = functional.smooth_l1_loss(
            self.predict(batch) / self.ranges, pose / self.ranges, beta=0.1, reduction="none"
        )
        yield Update("regressor", (gap * mask).sum() / mask.sum().clamp_min(1))

    @torch.no_grad()
    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        """Mean error as a share of the instruments' mean poses' error; under 1 is better."""
        guess, truth, masks, labels = [], [], [], []
        for batch in batches:
            pose, mask = self._truth(batch)
            guess.append(self.predict(batch))
            truth.append(pose)
            masks.append(mask)
            labels.append(batch.label)
        error, constant = relative_errors(
            torch.cat(guess) / self.ranges,
            torch.cat(truth) / self.ranges,
            torch.cat(masks),
            torch.cat(labels),
        )
        return {"error": error, "mean_pose_error": constant, "score": -error / max(constant, 1e-9)}

    def _truth(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        pose, mask = batch.pose, batch.pose_mask
        assert pose is not None
        assert mask is not None
        if self.config.modality == "image":
            mask = mask.clone()
            mask[:, BOW_VELOCITY] = False
        return pose, mask


def relative_errors(
    guess: Tensor, truth: Tensor, mask: Tensor, label: Tensor
) -> tuple[float, float]:
    """Mean absolute errors of a guess and of each class's mean pose, over classes alike.

    ``guess``, ``truth``: (n, P); ``mask``: (n, P) bool; ``label``: (n,).
    """
    errors, constants = [], []
    for one in torch.unique(label):
        mine, known = label == one, mask[label == one]
        count = known.sum()
        if not count:
            continue
        values = truth[mine]
        mean = (values * known).sum(0) / known.sum(0).clamp_min(1)
        errors.append(((guess[mine] - values).abs() * known).sum() / count)
        constants.append(((mean - values).abs() * known).sum() / count)
    return float(torch.stack(errors).mean()), float(torch.stack(constants).mean())
