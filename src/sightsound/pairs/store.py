"""The training store: pairs of a data set laid out so that training never waits for them.

Made once per data set and configuration, then memory-mapped. Sound is kept as one continuous run
of samples per performance, so overlapping windows are not stored twice; of the frames only those
that some pair uses are kept, each once, reduced to the size that is trained on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import zipfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from tqdm import tqdm

from sightsound.errors import DataError
from sightsound.media.audio import resample
from sightsound.pairs.performances import (
    SPLITS,
    Dataset,
    Performance,
    check_splits,
    file_hash,
    write_json,
)
from sightsound.pairs.truth import pose_columns, sound_columns
from sightsound.shapes import Frames, Waveform

FORMAT = 1
SILENCE_DB = -60.0  # a window whose root mean square is below, re full scale, is no pair

Indices: TypeAlias = NDArray[np.int64]

PAIR = np.dtype(
    [
        ("performance", np.int32),
        ("first_sample", np.int64),  # into all samples of the store
        ("frame", np.int64),  # into all frames of the store
        ("label", np.int32),  # index into classes; -1 = no instrument
        ("player", np.int32),  # index into players
        ("split", np.int8),  # index into SPLITS
        ("moment", np.int32),  # the window starts at moment × stride_seconds
    ]
)


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """Which windows and frames make a pair."""

    sample_rate: int = 44_100  # Hz
    window_seconds: float = 0.5  # length of a window of sound
    stride_seconds: float = 0.1  # from one window's start to the next
    image_size: int = 64  # pixels a side
    frame_offset_seconds: float = 0.0  # frame's place in its window; 0 = its start (the paper)

    @property
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate)


@dataclass(frozen=True)
class PairTruth:
    """What is true at the frames of some pairs; NaN where it is not known."""

    pitch_hz: NDArray[np.float32]  # (B,), 0 = rest
    loudness_db: NDArray[np.float32]  # (B,)
    note_on: NDArray[np.float32]  # (B,), 1 while a note sounds
    onset: NDArray[np.float32]  # (B,), 1 where a note begins within truth.ONSET_SECONDS
    pose: NDArray[np.float32]  # (B, len(truth.POSE_COLUMNS)); 0 where the mask is False
    pose_mask: NDArray[np.bool_]  # the columns that the instrument has
    keypoints: NDArray[np.float32]  # (B, P, 2) x, y in 0 … 1 of the picture; NaN-padded in P


class PairSet:
    """Some pairs of a store, in a fixed order; reads them when asked."""

    def __init__(self, store: Store, rows: Indices) -> None:
        self.store = store
        self.rows = rows  # into store.table
        self.table: NDArray[np.void] = store.table[rows]
        self.labels: NDArray[np.int64] = self.table["label"].astype(np.int64)
        self.players: NDArray[np.int64] = self.table["player"].astype(np.int64)
        self.performance_index: NDArray[np.int64] = self.table["performance"].astype(np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.store.classes

    @property
    def start_seconds(self) -> NDArray[np.float64]:
        """Where each window starts in its performance: (n,) s."""
        return self.table["moment"] * self.store.config.stride_seconds

    def counts(self) -> dict[str, int]:
        """Pairs by instrument, every class named."""
        found = Counter(self.labels.tolist())
        return {name: found[label] for label, name in enumerate(self.class_names)}

    def at(self, indices: NDArray[Any]) -> PairSet:
        """These pairs only, in this order; a boolean mask will do too."""
        return PairSet(self.store, self.rows[indices])

    def only(self, instruments: Sequence[str]) -> PairSet:
        """The pairs of some instruments; labels stay as they are.

        Raises:
            DataError: an unknown instrument.
        """
        unknown = [name for name in instruments if name not in self.class_names]
        if unknown:
            raise DataError(
                f"instrument {unknown[0]!r} is unknown; this data set has "
                f"{', '.join(self.class_names)}"
            )
        return self.at(np.isin(self.labels, [self.class_names.index(name) for name in instruments]))

    def subset(self, count: int, *, seed: int) -> PairSet:
        """At most ``count`` pairs, shared evenly among the instruments, picked by the seed.

        A class with too few pairs gives all it has and the others make up for it.
        """
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(self))
        labels = self.labels[shuffled]
        turn = np.empty(len(self), np.int64)  # how many of the class came before
        for label in np.unique(labels):
            turn[labels == label] = np.arange((labels == label).sum())
        chosen = shuffled[np.argsort(turn, kind="stable")[:count]]
        return self.at(np.sort(chosen))

    def per_class(self, count: int, *, seed: int) -> PairSet:
        """At most ``count`` pairs of each instrument, picked by the seed."""
        rng = np.random.default_rng(seed)
        chosen = [
            rng.permutation(np.flatnonzero(self.labels == label))[:count]
            for label in np.unique(self.labels)
        ]
        return self.at(np.sort(np.concatenate([np.zeros(0, np.int64), *chosen])))

    def waveforms(self, indices: Indices) -> Waveform:
        """Windows of sound: (B, T) float32 in [-1, 1]."""
        length = self.store.config.window_samples
        out = np.empty((len(indices), length), np.float32)
        for row, first in zip(out, self.table["first_sample"][indices].tolist(), strict=True):
            np.multiply(self.store.samples[first : first + length], np.float32(1 / 32768), out=row)
        return out

    def images(self, indices: Indices) -> Frames:
        """Frames: (B, H, W, 3) uint8."""
        return np.asarray(self.store.frames[self.table["frame"][indices]])

    def truth(self, indices: Indices) -> PairTruth:
        """What is true at the frames of these pairs."""
        frames = self.table["frame"][indices]
        pitch_hz, loudness_db, note_on, onset = np.asarray(self.store.sound_truth[frames]).T
        pose = np.asarray(self.store.pose[frames])
        mask = ~np.isnan(pose)
        return PairTruth(
            pitch_hz=pitch_hz,
            loudness_db=loudness_db,
            note_on=note_on,
            onset=onset,
            pose=np.where(mask, pose, np.float32(0)),
            pose_mask=mask,
            keypoints=np.asarray(self.store.keypoints[frames]),
        )


class Store:
    """A finished training store, memory-mapped; ``open_store`` makes and opens it."""

    def __init__(self, folder: Path, config: StoreConfig, about: dict[str, Any]) -> None:
        size = config.image_size
        self.folder = folder
        self.config = config
        self.classes: tuple[str, ...] = tuple(about["classes"])
        self.players: tuple[str, ...] = tuple(about["players"])
        self.performance_ids: tuple[str, ...] = tuple(about["performances"])
        self.keypoint_names: tuple[tuple[str, ...], ...] = tuple(
            tuple(names) for names in about["keypoint_names"]
        )
        """By performance: the names of the first columns of its pairs' keypoints."""
        self.table: NDArray[np.void] = np.load(folder / "pairs.npy")
        self.samples: NDArray[np.int16] = _map(folder / "sound.i16", np.dtype(np.int16), (-1,))
        self.frames: Frames = _map(folder / "frames.u8", np.dtype(np.uint8), (-1, size, size, 3))
        self.sound_truth: NDArray[np.float32] = np.load(folder / "sound_truth.npy", mmap_mode="r")
        self.pose: NDArray[np.float32] = np.load(folder / "pose.npy", mmap_mode="r")
        self.keypoints: NDArray[np.float32] = np.load(folder / "keypoints.npy", mmap_mode="r")

    def pairs(self, split: str, *, stride_seconds: float | None = None) -> PairSet:
        """The pairs of one split, ordered by performance and time.

        Args:
            split: one of ``SPLITS``.
            stride_seconds: least time between two windows' starts, a multiple of the store's.
                None = the store's own for ``train`` and ``judge``; elsewhere the window's length,
                so that held-out pairs do not overlap and are not counted twice.

        Raises:
            DataError: an unknown split, or a stride that the store does not hold.
        """
        if split not in SPLITS:
            raise DataError(f"split {split!r} is unknown; choose one of {', '.join(SPLITS)}")
        base = self.config.stride_seconds
        if stride_seconds is None:
            learns = split in ("train", "judge")
            every = 1 if learns else int(np.ceil(self.config.window_seconds / base - 1e-6))
        else:
            every = round(stride_seconds / base)
            if every < 1 or abs(every * base - stride_seconds) > 1e-6:
                raise DataError(
                    f"stride of {stride_seconds} s: give a multiple of the store's, {base} s"
                )
        wanted = self.table["split"] == SPLITS.index(split)
        wanted &= self.table["moment"] % every == 0
        return PairSet(self, np.flatnonzero(wanted))

    def verify(self) -> None:
        """Read every file and compare it with its hash.

        Raises:
            DataError: a file is missing or altered.
        """
        about = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))
        for name, expected in about["files"].items():
            _check_file(self.folder, name, expected, read=True)


def open_store(
    dataset: Dataset,
    config: StoreConfig,
    folder: Path | None = None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> Store:
    """Open the training store of a data set; make it first if it is not there.

    A store that was stopped while being made is gone on with. Several processes may ask at once:
    one makes it, the others wait.

    Args:
        dataset: an opened data set.
        config: which windows and frames make a pair.
        folder: where stores lie; None = ``DATASET/stores``.
        workers: processes that read performances; None = one per processor, at most 8 and no
            more than there are 16 performances for.
        progress: show a progress bar.

    Raises:
        DataError: a half-written or altered store (delete it), frames smaller than asked for,
            splits that leak, a full disk.
    """
    _check_config(dataset, config)
    stores = folder or dataset.folder / "stores"
    final = stores / _config_hash(dataset, config)
    if not final.exists():
        check_splits(dataset)
        with _as_data_error(stores):
            stores.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(final.with_suffix(".lock")):
                if not final.exists():
                    _make(dataset, config, final, _worker_count(dataset, workers), progress)
    about = _check_store(final)
    try:
        return Store(final, config, about)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{final}: altered store ({type(error).__name__}); delete this folder, it is made anew"
        ) from error


def _check_config(dataset: Dataset, config: StoreConfig) -> None:
    if config.image_size > dataset.info.image_size:
        raise DataError(
            f"{dataset.folder}: frames of {dataset.info.image_size} pixels, {config.image_size} "
            "asked for; choose a smaller image_size or make the data set larger"
        )
    if config.stride_seconds <= 0 or config.window_samples < 1 or config.image_size < 1:
        raise DataError(f"{config}: stride, window and image size must be above 0")
    if not 0 <= config.frame_offset_seconds <= config.window_seconds:
        raise DataError(
            f"frame_offset_seconds={config.frame_offset_seconds}: the frame must lie in its "
            f"window, 0 to {config.window_seconds}"
        )


def _config_hash(dataset: Dataset, config: StoreConfig) -> str:
    key = json.dumps({"format": FORMAT, "data": dataset.sha256, **asdict(config)}, sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _worker_count(dataset: Dataset, workers: int | None) -> int:
    if workers is None:
        workers = min(os.cpu_count() or 1, 8, 1 + len(dataset.members) // 16)
    return max(1, workers)


@dataclass(frozen=True)
class _Part:
    """What one performance gives to the store; places count from its own start."""

    samples: NDArray[np.int16]  # (T,)
    frames: Frames  # (n, H, W, 3), those that a pair uses
    first_sample: NDArray[np.int64]  # (pairs,)
    frame: NDArray[np.int64]  # (pairs,) into frames
    moment: NDArray[np.int64]  # (pairs,)
    sound_truth: NDArray[np.float32]  # (n, 4)
    pose: NDArray[np.float32]  # (n, columns)
    keypoints: NDArray[np.float32]  # (n, P, 2) in 0 … 1


def read_part(performance: Performance, config: StoreConfig) -> _Part:
    """Cut one performance into pairs.

    Window k starts at k × stride. Its frame is the one nearest to start + frame offset (at a tie
    the later, which lies in the window); no frame within half a frame's time: no pair. A window
    whose root mean square is below SILENCE_DB is no pair, nor is one in which, as far as the
    truth tells, no note sounds at any frame.

    Source: section 4.1 of the paper: chunks of 0.5 s, "the first frame of each chunk is the
    matching image".
    """
    waveform = resample(performance.sound(), performance.sample_rate, config.sample_rate)[0]
    samples = np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
    times = performance.frame_times()
    truth = performance.truth()

    length = config.window_samples
    count = int((len(samples) - length) / (config.stride_seconds * config.sample_rate) + 1 + 1e-6)
    moment = np.arange(max(count, 0))
    start = np.asarray(moment * config.stride_seconds, np.float64)
    first = np.rint(start * config.sample_rate).astype(np.int64)

    nearest, gap = _nearest(times, start + config.frame_offset_seconds)
    keep = gap <= 0.5 / performance.frame_rate + 1e-6
    keep &= _loudness_db(samples, first, length) >= SILENCE_DB
    if "pitch_hz" in truth:
        keep &= _has_note(truth["pitch_hz"], times, start, config.window_seconds)
    moment, first, nearest = moment[keep], first[keep], nearest[keep]

    used, frame = np.unique(nearest, return_inverse=True)
    if len(used):
        pixels = performance.frame_pixels()
        side = pixels.shape[1]
        frames = np.stack([_shrink(pixels[index], config.image_size) for index in used])
    else:
        side = config.image_size
        frames = np.zeros((0, side, side, 3), np.uint8)
    keypoints = np.asarray(truth.get("keypoints", np.zeros((performance.frames, 0, 2))), np.float32)
    return _Part(
        samples=samples,
        frames=frames,
        first_sample=first,
        frame=frame.reshape(-1).astype(np.int64),
        moment=moment,
        sound_truth=sound_columns(truth, times)[used],
        pose=pose_columns(truth, performance.frames)[used],
        keypoints=keypoints[used] / np.float32(side),
    )


def _nearest(
    times: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index of the time nearest to each wanted one, the later at a tie, and how far it is."""
    after = np.searchsorted(times, wanted - 1e-9)
    late = np.clip(after, 0, len(times) - 1)
    early = np.clip(after - 1, 0, len(times) - 1)
    late_gap, early_gap = np.abs(times[late] - wanted), np.abs(times[early] - wanted)
    nearest = np.where(late_gap <= early_gap + 1e-9, late, early)
    return nearest.astype(np.int64), np.minimum(late_gap, early_gap)


def _loudness_db(
    samples: NDArray[np.int16], first: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Root mean square of each window, dB re full scale."""
    squares = np.concatenate([[0], np.cumsum(samples.astype(np.int64) ** 2)])  # exact
    power = (squares[first + length] - squares[first]) / length / 32768.0**2
    return np.asarray(10 * np.log10(np.maximum(power, 1e-20)), np.float64)


def _has_note(
    pitch_hz: NDArray[Any], times: NDArray[np.float64], start: NDArray[np.float64], seconds: float
) -> NDArray[np.bool_]:
    """Whether any frame inside each window has a note."""
    sounding = np.concatenate([[0], np.cumsum(pitch_hz > 0)])
    begin = np.searchsorted(times, start - 1e-9)
    end = np.searchsorted(times, start + seconds - 1e-9)
    return np.asarray(sounding[end] > sounding[begin])


def _shrink(pixels: Frames, size: int) -> Frames:
    """(H, W, 3) → (size, size, 3): each pixel is the mean over the area that it covers."""
    side = pixels.shape[0]
    if side == size:
        return pixels
    if side % size == 0:  # exact; Pillow rounds twice, once a direction
        blocks = pixels.reshape(size, side // size, size, side // size, 3)
        return np.asarray(np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)), np.uint8)
    small = PillowImage.fromarray(pixels).resize((size, size), PillowImage.Resampling.BOX)
    return np.asarray(small)


def _make(dataset: Dataset, config: StoreConfig, final: Path, workers: int, progress: bool) -> None:
    """Make the store beside its final place, then rename it there."""
    temporary = final.with_suffix(".part")
    parts = temporary / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    done = _resume(temporary, config)
    remaining = dataset.members[done:]
    with (
        (temporary / "sound.i16").open("ab") as sound,
        (temporary / "frames.u8").open("ab") as frames,
        _executor(workers) as executor,
        tqdm(total=len(dataset.members), initial=done, desc="store", disable=not progress) as bar,
    ):
        read = _in_order(executor, remaining, config, ahead=2 * workers)
        for place, part in enumerate(read, start=done):
            sound.write(part.samples.tobytes())
            frames.write(part.frames.tobytes())
            sound.flush()
            frames.flush()
            _write_part(parts / f"{place:06d}.npz", part)
            bar.update(1)
    _assemble(dataset, config, temporary)
    temporary.replace(final)


def _resume(temporary: Path, config: StoreConfig) -> int:
    """How many performances an earlier, stopped run has stored; cuts off what follows them."""
    done = samples = frames = 0
    sound_path, frames_path = temporary / "sound.i16", temporary / "frames.u8"
    sound_path.touch()
    frames_path.touch()
    frame_bytes = config.image_size**2 * 3
    while (path := temporary / "parts" / f"{done:06d}.npz").exists():
        try:
            with np.load(path) as part:
                next_samples = samples + int(part["n_samples"])
                next_frames = frames + len(part["pose"])
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            break  # the power went before it was on the disk
        if (
            2 * next_samples > sound_path.stat().st_size
            or next_frames * frame_bytes > frames_path.stat().st_size
        ):
            break  # the power went before these were on the disk
        samples, frames, done = next_samples, next_frames, done + 1
    os.truncate(sound_path, 2 * samples)
    os.truncate(frames_path, frames * frame_bytes)
    for path in sorted((temporary / "parts").glob("*.npz"))[done:]:
        path.unlink()
    return done


def _write_part(path: Path, part: _Part) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(
            file,
            n_samples=np.int64(len(part.samples)),
            first_sample=part.first_sample,
            frame=part.frame,
            moment=part.moment,
            sound_truth=part.sound_truth,
            pose=part.pose,
            keypoints=part.keypoints,
        )
    temporary.replace(path)


def _assemble(dataset: Dataset, config: StoreConfig, temporary: Path) -> None:
    """Join the small arrays of all performances, hash everything, write ``store.json`` last."""
    # Unknown players are kept apart by performance: nothing says that two are the same person.
    who = [each.player or f"performance:{each.id}" for each in dataset.members]
    players = sorted(set(who))
    tables, truths, poses, keypoints = [], [], [], []
    samples = frames = 0
    for place, performance in enumerate(dataset.members):
        with np.load(temporary / "parts" / f"{place:06d}.npz") as part:
            table = np.empty(len(part["moment"]), PAIR)
            table["performance"] = place
            table["first_sample"] = part["first_sample"] + samples
            table["frame"] = part["frame"] + frames
            table["label"] = (
                -1
                if performance.instrument is None
                else dataset.classes.index(performance.instrument)
            )
            table["player"] = players.index(who[place])
            table["split"] = SPLITS.index(performance.split)
            table["moment"] = part["moment"]
            tables.append(table)
            truths.append(part["sound_truth"])
            poses.append(part["pose"])
            keypoints.append(part["keypoints"])
            samples += int(part["n_samples"])
            frames += len(part["pose"])
    arrays = {
        "pairs.npy": np.concatenate(tables),
        "sound_truth.npy": np.concatenate(truths),
        "pose.npy": np.concatenate(poses),
        "keypoints.npy": _padded(keypoints),
    }
    if not len(arrays["pairs.npy"]):
        shutil.rmtree(temporary)
        raise DataError(
            f"{dataset.folder}: no window of {config.window_seconds} s has both sound above "
            f"{SILENCE_DB:.0f} dB and a frame; nothing to train on"
        )
    for name, values in arrays.items():
        np.save(temporary / name, values)
    shutil.rmtree(temporary / "parts")
    files = {}
    for name in ("sound.i16", "frames.u8", *arrays):
        path = temporary / name
        with path.open("rb") as file:
            os.fsync(file.fileno())
        stat = path.stat()
        files[name] = {
            "sha256": file_hash(path),
            "bytes": stat.st_size,
            "modified_ns": stat.st_mtime_ns,
        }
    about = {
        "format": FORMAT,
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "config": asdict(config),
        "classes": dataset.classes,
        "players": players,
        "performances": [each.id for each in dataset.members],
        "keypoint_names": [each.keypoint_names for each in dataset.members],
        "files": files,
    }
    write_json(temporary / "store.json", about)


def _padded(keypoints: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Keypoints of all performances in one array, NaN where one has fewer points."""
    most = max(each.shape[1] for each in keypoints)
    out = np.full((sum(map(len, keypoints)), most, 2), np.nan, np.float32)
    row = 0
    for each in keypoints:
        out[row : row + len(each), : each.shape[1]] = each
        row += len(each)
    return out


def _check_store(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "store.json").read_text(encoding="utf-8"))
        files = dict(about["files"])
        complete = all(each.keys() >= {"bytes", "sha256"} for each in files.values())
        if not files or not complete:
            raise ValueError("files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder}: half-written store (store.json is missing or unreadable); delete this "
            "folder, it is made anew"
        ) from error
    for name, expected in files.items():
        _check_file(folder, name, expected, read=False)
    return dict(about)


def _check_file(folder: Path, name: str, expected: dict[str, Any], *, read: bool) -> None:
    """Refuse a file that is not as it was written.

    Large files are read only where ``read`` says so or their time of change is not the recorded
    one: gigabytes need not be hashed at every start.
    """
    path = folder / name
    try:
        stat = path.stat()
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: missing from the store; delete {folder}, it is made anew"
        ) from error
    if stat.st_size != expected["bytes"]:
        raise DataError(
            f"{path}: {stat.st_size} bytes, {expected['bytes']} were written (half-written "
            f"store); delete {folder}, it is made anew"
        )
    if (read or stat.st_mtime_ns != expected["modified_ns"]) and (
        file_hash(path) != expected["sha256"]
    ):
        raise DataError(f"{path}: altered (wrong hash); delete {folder}, it is made anew")


def _map(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if not path.stat().st_size:  # nothing can be mapped of an empty file
        return np.zeros((0, *shape[1:]), dtype)
    return np.memmap(path, dtype=dtype, mode="r").reshape(shape)


def _in_order(
    executor: Executor | None, members: Sequence[Performance], config: StoreConfig, *, ahead: int
) -> Iterator[_Part]:
    """Read performances in parallel, give them in order, hold few in memory."""
    if executor is None:
        for performance in members:
            yield read_part(performance, config)
        return
    waiting: deque[Future[_Part]] = deque()
    for performance in members:
        waiting.append(executor.submit(read_part, performance, config))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextlib.contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    if workers == 1:
        yield None
        return
    # Spawned, not forked: torch's threads may be running in this process.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold a lock file; the lock goes with the process, so a killed one leaves none behind."""
    with lock.open("w") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _as_data_error(folder: Path) -> Iterator[None]:
    """A full disk or a folder that cannot be written becomes one clear line."""
    try:
        yield
    except OSError as error:
        what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        raise DataError(
            f"{folder}: the training store cannot be written, {what}; make room and repeat the "
            "command, it goes on where it stopped"
        ) from error
