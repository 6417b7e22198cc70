"""A data set's split in, the sounds with their real pictures that a model is asked about out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import ConfigError, DataError
from sightsound.evaluation.judges import Judged, Judges
from sightsound.pairs.store import Store
from sightsound.shapes import Frames, Waveform, image_to_unit

BLOCK = 256
"""Pairs in memory at once: 22 MB of sound at the paper's size."""


class Pairs(Protocol):
    """What is needed of a set of pairs; ``pairs.store.PairSet`` is one."""

    @property
    def labels(self) -> NDArray[np.integer]:
        """Class of each pair, (n,); -1 = none."""
        ...

    @property
    def performance_index(self) -> NDArray[np.integer]:
        """Performance of each pair, (n,)."""
        ...

    def __len__(self) -> int: ...

    def waveforms(self, indices: NDArray[np.int64]) -> Waveform:
        """(B, T) float32 in [-1, 1]."""
        ...

    def images(self, indices: NDArray[np.int64]) -> Frames:
        """(B, H, W, 3) uint8."""
        ...


@dataclass(frozen=True)
class Items:
    """Chosen pairs of one split with the label that the judges should give each."""

    pairs: Pairs
    indices: NDArray[np.int64]  # (n,) into pairs, ascending
    labels: NDArray[np.int64]  # (n,) in the judges' order of classes
    clusters: NDArray[np.int64]  # (n,) performance of each

    def judge_reality(self, judges: Judges, sample_rate: int) -> tuple[list[Judged], list[Judged]]:
        """Every picture judge's answer to the real frames, every sound judge's to the sounds."""
        seen: list[list[Judged]] = []
        heard: list[list[Judged]] = []
        for block in blocks(self.indices, BLOCK):
            seen.append(judges.judge_images(image_to_unit(self.pairs.images(block))))
            heard.append(judges.judge_waveforms(self.pairs.waveforms(block), sample_rate))
        return joined(seen), joined(heard)


def pairs_of(store: Store, split: str) -> Pairs:
    """The pairs of a store's ``split``, windows side by side without overlap; may be empty.

    Overlapping windows share most of their sound and nearly all of their picture; they would
    cost time and add no knowledge.

    Raises:
        DataError: no split has that name.
    """
    stride = store.config.stride_seconds
    windows_apart = math.ceil(store.config.window_seconds / stride - 1e-6)
    return store.pairs(split, stride_seconds=windows_apart * stride)


def choose(
    pairs: Pairs,
    label_of_class: Sequence[int],
    *,
    limit: int | None = None,
    seed: int = 0,
    only: Sequence[int] | None = None,
) -> Items:
    """All labelled pairs, or ``limit`` of them: picked by seed, classes as even as can be.

    ``label_of_class``: the judges' label of each class of the data set. ``only``: the judges'
    labels of the instruments that count; None = all.

    Raises:
        ConfigError: ``limit`` under 1. DataError: no pairs, or none that has a class.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}: 1 or more is needed")
    if not len(pairs):
        raise DataError("this split has no pairs; name another with --split")
    of_data = np.asarray(pairs.labels, np.int64)
    wanted = of_data >= 0
    if only is not None:
        wanted &= np.isin(np.asarray(label_of_class)[of_data], only)
    indices = np.flatnonzero(wanted)
    if not len(indices):
        what = "an instrument; judges need one" if only is None else "an instrument of the model's"
        raise DataError(f"no pair of this split has {what}")
    if limit is not None and limit < len(indices):
        indices = even_choice(indices, of_data[indices], limit, np.random.default_rng(seed))
    labels = np.asarray(label_of_class, np.int64)[of_data[indices]]
    return Items(pairs, indices, labels, np.asarray(pairs.performance_index, np.int64)[indices])


def even_choice(
    indices: NDArray[np.int64],
    labels: NDArray[np.int64],
    limit: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """``limit`` of ``indices``, ascending: one of each class in turn, until enough are taken."""
    order = rng.permutation(len(indices))
    turn = np.empty(len(indices), np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        turn[members] = np.arange(len(members))
    first = np.lexsort((np.argsort(order), turn))[:limit]
    return np.sort(indices[first])


def per_class_choice(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Positions of at most ``count`` items of each class, ascending."""
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen.append(rng.permutation(members)[:count])
    return np.sort(np.concatenate(chosen))


def swapped_partners(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each item (n,) the position of an item of another class, picked evenly.

    Raises:
        ValueError: all items are of one class.
    """
    partners = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        others = np.flatnonzero(labels != label)
        if not len(others):
            raise ValueError("all items are of one class; nothing to swap with")
        mine = labels == label
        partners[mine] = rng.choice(others, size=int(mine.sum()))
    return partners


def blocks(indices: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """``indices`` in pieces of at most ``size``."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def joined(parts: Sequence[Sequence[Judged]]) -> list[Judged]:
    """Block after block of answers by each judge → each judge's answers to everything."""
    return [
        Judged(
            np.concatenate([j.logits for j in of_judge]),
            np.concatenate([j.features for j in of_judge]),
        )
        for of_judge in zip(*parts, strict=True)
    ]
