"""A folder of real recordings in, how often the right instrument is seen in the picture out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sightsound.errors import DataError, SightsoundError
from sightsound.evaluation.bootstrap import LEVEL, ends, grouped_interval, grouped_mean
from sightsound.evaluation.figures import confusion_figures, right
from sightsound.evaluation.judges import Judged, Judges
from sightsound.evaluation.matched import even_choice
from sightsound.generation.model import Model
from sightsound.media.audio import stream_audio
from sightsound.pairs.recordings import Recording, list_recordings
from sightsound.shapes import Image


@dataclass(frozen=True)
class HeardRecordings:
    """What a model made of the recordings that could be read."""

    recordings: list[Recording]
    images: Image  # (n, 3, H, W), one pooled picture a file
    encoder_labels: NDArray[np.int64]  # (n,) in the model's order of classes
    skipped: list[str]  # one line for each file that could not be read


def choose_recordings(
    folder: str | os.PathLike[str],
    classes: tuple[str, ...],
    *,
    fold: str | None,
    limit: int | None,
    seed: int,
) -> list[Recording]:
    """The recordings of a fold, or ``limit`` of them: picked by seed, classes as even as can be.

    Raises:
        DataError: no such folder or fold.
    """
    found = list_recordings(Path(folder), fold=fold, classes=classes)
    if limit is None or limit >= len(found):
        return found
    labels = np.array([classes.index(r.instrument) for r in found])
    chosen = even_choice(np.arange(len(found)), labels, limit, np.random.default_rng(seed))
    return [found[i] for i in chosen]


def hear_recordings(
    model: Model,
    recordings: list[Recording],
    *,
    seed: int,
    on_skip: Callable[[str], None] | None = None,
) -> HeardRecordings:
    """One pooled picture a file, as ``generate --row 1`` makes it; constant memory.

    Each file has a noise of its own, ``seed`` + its place, so that no one person answers for all.

    A file that cannot be read is skipped, and ``on_skip`` is told its line at once.

    Raises:
        DataError: not one file could be read.
    """
    kept: list[Recording] = []
    images: list[Image] = []
    labels: list[int] = []
    skipped: list[str] = []
    for recording in tqdm(recordings, desc="recordings", unit="file", disable=None, leave=False):
        try:
            blocks = stream_audio(recording.path, sample_rate=model.listener.sample_rate)
            timeline = model.hear_blocks(blocks)
            heard = model.heard(timeline.pooled()[0], timeline.windows)
        except SightsoundError as error:
            line = str(error)
            skipped.append(line if str(recording.path) in line else f"{recording.path}: {line}")
            if on_skip is not None:
                on_skip(skipped[-1])
            continue
        kept.append(recording)
        images.append(model.picture(heard.embedding, seed=seed + len(images)))
        labels.append(int(heard.class_probabilities.argmax()))
    if not kept:
        raise DataError(f"no recording could be read; the first: {skipped[0]}")
    return HeardRecordings(kept, np.stack(images), np.asarray(labels, np.int64), skipped)


def recording_figures(
    heard: HeardRecordings,
    judged: list[Judged],
    judges: Judges,
    judge_names: list[str],
    model_labels: list[int],
    *,
    seed: int,
) -> dict[str, Any]:
    """Accuracies per file, macro over classes and inside a class over groups.

    ``ceiling`` is the judges' accuracy on real frames of the data world, as measured when they
    were made: a recording has no real frame. None where the judges do not bring it.
    ``model_labels``: the judges' label of each of the model's classes.
    """
    names = judges.classes
    labels = np.array([names.index(r.instrument) for r in heard.recordings], np.int64)
    groups = np.array([r.group for r in heard.recordings])
    scores = right(judged, labels)
    heard_right = np.asarray(model_labels)[heard.encoder_labels] == labels
    interval = grouped_interval(scores, labels, groups, seed=seed)
    present = np.unique(labels)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(labels),
        "ceiling": judges.metrics.get("image_accuracy"),
        "encoder_accuracy": grouped_mean(heard_right, labels, groups),
        "per_class": {
            names[k]: grouped_mean(scores[labels == k], labels[labels == k], groups[labels == k])
            for k in present
        },
        "encoder_per_class": {
            names[k]: grouped_mean(
                heard_right[labels == k], labels[labels == k], groups[labels == k]
            )
            for k in present
        },
        "intervals": {
            "encoder_accuracy": ends(grouped_interval(heard_right, labels, groups, seed=seed)),
            "per_class": {
                names[k]: ends(
                    grouped_interval(
                        scores[labels == k], labels[labels == k], groups[labels == k], seed=seed
                    )
                )
                for k in present
            },
        },
        "level": LEVEL,
        "averaged": "over files inside a group, groups inside a class, classes",
        "per_file_accuracy": float(scores.mean()),
        "best_constant": 1.0 / len(present),
        "judges": [
            {"name": name, "accuracy": grouped_mean(j.labels == labels, labels, groups)}
            for name, j in zip(judge_names, judged, strict=True)
        ],
        "per_group": {
            f"{names[k]}/{group}": {
                "accuracy": float(scores[(labels == k) & (groups == group)].mean()),
                "n": int(np.sum((labels == k) & (groups == group))),
            }
            for k in present
            for group in np.unique(groups[labels == k])
        },
        "confusion": confusion_figures(judged, labels, names),
        "skipped": heard.skipped,
    }
