"""Pairs as torch tensors: batches to train on and batches in order to measure on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from sightsound.errors import ConfigError, DataError
from sightsound.pairs.mismatches import MismatchKind, MismatchSampler
from sightsound.pairs.store import Indices, PairSet

FIELDS = frozenset(
    {"waveform", "image", "label", "pose", "mismatched_waveform", "mismatched_image"}
)


@dataclass(frozen=True)
class PairBatch:
    """Some pairs. What was not asked for is empty, (B, 0)."""

    waveform: Tensor  # (B, T) float32 in [-1, 1]
    image: Tensor  # (B, 3, H, W) float32 in [-1, 1], channels_last in memory
    label: Tensor  # (B,) int64; -1 = no instrument
    mismatched_waveform: Tensor | None = None  # as waveform; of a partner that does not belong
    mismatched_image: Tensor | None = None  # as image
    index: Tensor | None = None  # (B,) int64 into the PairSet
    mismatched_index: Tensor | None = None  # (B,) int64 into the PairSet
    step: int = 0  # for which it was drawn
    possible: Tensor | None = None  # (B, K) bool; False = a class that its source lacks altogether
    pose: Tensor | None = None  # (B, P) float32, the columns of pairs.truth.POSE_COLUMNS
    pose_mask: Tensor | None = None  # (B, P) bool; False = the instrument has no such part

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: torch.device) -> PairBatch:
        """The same batch with its tensors on a device."""
        moved: dict[str, Any] = {
            field.name: value.to(device, non_blocking=True)
            for field in fields_of(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **moved)


def batch_at(
    pairs: PairSet,
    step: int,
    *,
    seed: int,
    batch_size: int,
    fields: Iterable[str] = ("waveform", "image", "label"),
    mismatch: str = "none",
    min_pose_distance: float = 0.25,
    balanced: bool = True,
) -> PairBatch:
    """The batch of a step: a pure function of its arguments, so a resumed run sees the same.

    Args:
        pairs: what to draw from.
        step: of training.
        seed: of the run.
        batch_size: pairs in the batch.
        fields: which of FIELDS to read; the others stay empty.
        mismatch: "none", or the kind of the mismatched partner (see ``pairs.mismatches``).
        min_pose_distance: of a partner mismatched by pose.
        balanced: draw an instrument, then one of its players, then one of the player's moments,
            each uniformly; otherwise draw uniformly among all pairs. Pairs that have no
            mismatched partner are never drawn where one is asked for.

    Raises:
        DataError: nothing can be drawn. ConfigError: unknown field or mismatch.
    """
    wanted = _check_fields(fields)
    kind = None if mismatch == "none" else cast(MismatchKind, mismatch)
    if kind is None and wanted & {"mismatched_waveform", "mismatched_image"}:
        raise ConfigError("mismatched fields need a mismatch: instrument, pose or person")
    rng = np.random.default_rng([seed, step])
    index = _draw(pairs, kind, min_pose_distance).sample(batch_size, rng, balanced=balanced)
    partner = None
    if kind is not None:
        partner = _mismatches(pairs, kind, min_pose_distance).sample(index, rng)
    return _read(pairs, index, partner, wanted, step)


def epoch(
    pairs: PairSet,
    batch_size: int,
    fields: Iterable[str] = ("waveform", "image", "label"),
) -> Iterator[PairBatch]:
    """Every pair once, in order; the last batch may be smaller. For measuring."""
    wanted = _check_fields(fields) - {"mismatched_waveform", "mismatched_image"}
    for step, begin in enumerate(range(0, len(pairs), batch_size)):
        index = np.arange(begin, min(begin + batch_size, len(pairs)))
        yield _read(pairs, index, None, wanted, step)


class _Drawing:
    """Draws pairs: uniformly, or an instrument, then a player, then a moment."""

    def __init__(self, pairs: PairSet, allowed: Indices) -> None:
        if not len(allowed):
            raise DataError(f"{pairs.store.folder}: no pairs to draw from; choose another split")
        labels, players = pairs.labels[allowed], pairs.players[allowed]
        self.allowed = allowed
        self.moments = allowed[np.lexsort((players, labels))]
        keys = np.stack([labels, players], axis=1)
        groups, sizes = np.unique(keys, axis=0, return_counts=True)
        self.size = sizes.astype(np.int64)  # of each (instrument, player), in moments
        self.begin = np.cumsum(self.size) - self.size
        _, counts = np.unique(groups[:, 0], return_counts=True)
        self.group_count = counts.astype(np.int64)  # of each instrument, in players
        self.group_begin = np.cumsum(self.group_count) - self.group_count

    def sample(self, count: int, rng: np.random.Generator, *, balanced: bool) -> Indices:
        if not balanced:
            return self.allowed[rng.integers(0, len(self.allowed), count)]
        label = rng.integers(0, len(self.group_count), count)
        group = self.group_begin[label] + rng.integers(0, self.group_count[label])
        return np.asarray(self.moments[self.begin[group] + rng.integers(0, self.size[group])])


@lru_cache(maxsize=8)
def _mismatches(pairs: PairSet, kind: MismatchKind, distance: float) -> MismatchSampler:
    return MismatchSampler(pairs, kind, distance)


@lru_cache(maxsize=8)
def _draw(pairs: PairSet, kind: MismatchKind | None, distance: float) -> _Drawing:
    if kind is None:
        return _Drawing(pairs, np.arange(len(pairs)))
    return _Drawing(pairs, np.flatnonzero(_mismatches(pairs, kind, distance).possible))


def _check_fields(fields: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(fields)
    if unknown := wanted - FIELDS:
        raise ConfigError(
            f"batch field {sorted(unknown)[0]!r} is unknown; choose of {', '.join(sorted(FIELDS))}"
        )
    return wanted


def _read(
    pairs: PairSet, index: Indices, partner: Indices | None, wanted: frozenset[str], step: int
) -> PairBatch:
    empty = torch.empty(len(index), 0)
    truth = pairs.truth(index) if "pose" in wanted else None
    return PairBatch(
        waveform=_waveforms(pairs, index) if "waveform" in wanted else empty,
        image=_images(pairs, index) if "image" in wanted else empty,
        label=torch.from_numpy(pairs.labels[index]),
        mismatched_waveform=(
            _waveforms(pairs, partner)
            if partner is not None and "mismatched_waveform" in wanted
            else None
        ),
        mismatched_image=(
            _images(pairs, partner)
            if partner is not None and "mismatched_image" in wanted
            else None
        ),
        index=torch.from_numpy(index),
        mismatched_index=None if partner is None else torch.from_numpy(partner),
        step=step,
        pose=None if truth is None else torch.from_numpy(truth.pose),
        pose_mask=None if truth is None else torch.from_numpy(truth.pose_mask),
    )


def _waveforms(pairs: PairSet, index: Indices) -> Tensor:
    return torch.from_numpy(pairs.waveforms(index))


def _images(pairs: PairSet, index: Indices) -> Tensor:
    """As shapes.image_to_unit, by torch: NHWC in memory already is channels_last."""
    pixels = torch.from_numpy(pairs.images(index)).permute(0, 3, 1, 2)
    return pixels.to(torch.float32).div_(127.5).sub_(1.0)
