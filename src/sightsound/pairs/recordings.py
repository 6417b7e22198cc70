"""A folder of recordings by instrument in, labelled windows of real sound out."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import DataError
from sightsound.media.audio import read_audio
from sightsound.media.kinds import SOUND_SUFFIXES
from sightsound.shapes import INSTRUMENTS

MANIFEST = "manifest.csv"
TRAINING_FOLD = "train"
QUIET_DB = -40.0  # a window this far under its recording's mean power is not drawn


@dataclass(frozen=True)
class Recording:
    """One file of a folder of recordings."""

    path: Path
    instrument: str  # the name of its folder, one of the classes
    group: str  # one source, mostly one player and room; the folder's name where unknown
    fold: str | None  # what the manifest says it may be used for


def list_recordings(
    folder: Path, *, fold: str | None = None, classes: Sequence[str] = INSTRUMENTS
) -> list[Recording]:
    """The recordings below ``folder/<instrument>/``, sorted by name.

    Folders that are no class are ignored. ``manifest.csv`` (columns file, fold, group), where
    there is one, gives folds and groups; a file that it does not name has no fold.

    Args:
        folder: one folder of recordings per instrument.
        fold: only files of this fold; None = all.
        classes: names of the classes.

    Raises:
        DataError: no such folder, a fold without a manifest, or nothing found.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give one folder of recordings per instrument")
    rows = _read_manifest(folder / MANIFEST)
    if fold is not None and rows is None:
        raise DataError(f"{folder}: fold {fold!r} was asked for, but there is no {MANIFEST} here")
    found = []
    for instrument in classes:
        for path in sorted((folder / instrument).glob("*")):
            if path.suffix.lower() not in SOUND_SUFFIXES:
                continue
            row = (rows or {}).get(f"{instrument}/{path.name}", {})
            of_file = row.get("fold")
            if fold is None or of_file == fold:
                group = row.get("group") or instrument
                found.append(Recording(path, instrument, group, of_file))
    if not found:
        raise DataError(
            f"{folder}: no recordings{f' of fold {fold!r}' if fold else ''} in folders named "
            f"after instruments ({', '.join(classes)})"
        )
    return found


@dataclass(frozen=True)
class RecordingBank:
    """Real recordings in memory, from which labelled windows are drawn.

    A class is drawn uniformly, then a group, a file, and a moment that is not quiet.
    """

    recordings: Sequence[Recording]
    sounds: Sequence[NDArray[np.float32]]  # (T,) each, in [-1, 1], in the order of recordings
    sample_rate: int
    sha256: str  # over the files' contents
    classes: tuple[str, ...] = INSTRUMENTS  # a label is a place in it

    @classmethod
    def open(
        cls, folder: Path, *, sample_rate: int = 44_100, classes: tuple[str, ...] = INSTRUMENTS
    ) -> RecordingBank:
        """Read what may be trained on: the fold "train" where there is a manifest, else all.

        Raises:
            DataError: nothing found. MediaError: a file cannot be read.
        """
        fold = TRAINING_FOLD if (folder / MANIFEST).exists() else None
        recordings = list_recordings(folder, fold=fold, classes=classes)
        digest = hashlib.sha256()
        sounds = []
        for recording in recordings:
            digest.update(recording.path.read_bytes())
            sounds.append(read_audio(recording.path, sample_rate=sample_rate).waveform[0])
        return cls(recordings, sounds, sample_rate, digest.hexdigest(), classes)

    @property
    def description(self) -> dict[str, str | int]:
        """What a model card says of it."""
        return {"files": len(self.recordings), "sha256": self.sha256}

    @property
    def classes_present(self) -> NDArray[np.bool_]:
        """Which of the classes it holds any recording of, (K,)."""
        names = {recording.instrument for recording in self.recordings}
        return np.array([name in names for name in self.classes])

    def windows_at(
        self, step: int, *, seed: int, count: int, samples: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Windows (count, samples) in [-1, 1] and labels (count,), a function of (seed, step)."""
        rng = np.random.default_rng([seed, step, 7])
        tree: dict[str, dict[str, list[int]]] = {}
        for index, recording in enumerate(self.recordings):
            groups = tree.setdefault(recording.instrument, {})
            groups.setdefault(recording.group, []).append(index)
        names = sorted(tree)
        windows = np.zeros((count, samples), np.float32)
        labels = np.zeros(count, np.int64)
        for row in range(count):
            instrument = names[rng.integers(len(names))]
            groups = tree[instrument]
            members = groups[sorted(groups)[rng.integers(len(groups))]]
            sound = self.sounds[members[rng.integers(len(members))]]
            start = _moment(sound, samples, rng)
            part = sound[start : start + samples]
            windows[row, : len(part)] = part
            labels[row] = self.classes.index(instrument)
        return windows, labels


def _moment(sound: NDArray[np.float32], samples: int, rng: np.random.Generator) -> int:
    """A start whose window is not quiet; the loudest of eight draws where none is loud."""
    if len(sound) <= samples:
        return 0
    starts = rng.integers(0, len(sound) - samples + 1, size=8)
    power = [float(np.square(sound[s : s + samples]).mean()) for s in starts]
    loud = float(np.square(sound).mean()) * 10 ** (QUIET_DB / 10)
    for start, mean_square in zip(starts, power, strict=True):
        if mean_square >= loud:
            return int(start)
    return int(starts[int(np.argmax(power))])


def _read_manifest(path: Path) -> dict[str, dict[str, str]] | None:
    if not path.exists():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row["file"]: row for row in csv.DictReader(file) if row.get("file")}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no CSV in UTF-8 ({error}); save it as such") from None
    if not rows:
        raise DataError(f"{path}: no rows; columns file, fold and group are needed")
    return rows
