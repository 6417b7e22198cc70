"""Data sets on disk: folders of performances, written whole, checked when opened.

A performance is one continuous recording: a sound track, frames with their times, and the truth
about both where it is known. The format is described in ``docs/data.md``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sightsound.errors import DataError, WriteError
from sightsound.media.audio import read_audio, write_audio
from sightsound.media.video import read_frames, write_video
from sightsound.shapes import Frames, Waveform

FORMAT = 1
SPLITS: tuple[str, ...] = ("train", "validation", "test", "judge", "unheard")
MARKER = "dataset.json"  # written last: a folder without it is not finished
SOUND, FRAMES, TRUTH, ABOUT = "sound.flac", "frames.mp4", "truth.npz", "performance.json"

MIN_SECONDS = 0.5  # of sound; a window of the paper's

# Frames in 4:4:4 because at 64 pixels half the colour resolution would be seen.
CRF = 12

PER_FRAME_TRUTH: tuple[str, ...] = (
    "frame_times",
    "keypoints",
    "bow_fraction",
    "bow_velocity",
    "string_index",
    "finger_position",
    "slide_extension",
    "valves",
    "keys",
    "pitch_hz",
    "loudness_db",
    "breath",
    "sway",
)
"""Arrays whose first axis is the frame; ``onset_times`` (s) has an axis of its own."""


@dataclass(frozen=True, kw_only=True)
class PerformanceInfo:
    """What is known of a performance before it is written."""

    id: str  # letters, digits, "-", "_", "."; the folder's name
    split: str  # one of SPLITS
    instrument: str | None  # None = no instrument, or unknown
    player: str | None  # None = unknown; players are what splits keep apart
    piece: str  # pieces are kept apart by splits too
    voice: str | None = None  # the synthesiser's voice; None = a real recording
    frame_rate: float = 25.0  # frames a second
    keypoint_names: tuple[str, ...] = ()  # the columns of truth["keypoints"]
    extra: Mapping[str, Any] = field(default_factory=dict)  # anything else worth keeping, as JSON


@dataclass(frozen=True)
class Performance:
    """One continuous recording of a data set; reads its files when asked."""

    id: str
    split: str
    instrument: str | None
    player: str | None
    piece: str
    voice: str | None
    seconds: float
    sample_rate: int
    frame_rate: float
    frames: int
    folder: Path
    keypoint_names: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)

    def sound(self) -> Waveform:
        """The whole sound track: (1, T) float32 in [-1, 1] at ``sample_rate``."""
        return read_audio(self.folder / SOUND, allow_silence=True).waveform

    def frame_pixels(self) -> Frames:
        """All frames: (F, H, W, 3) uint8.

        Raises:
            DataError: the video holds another number of frames than ``frames``.
        """
        path = self.folder / FRAMES
        pixels = [frame.pixels for frame in read_frames(path)]
        if len(pixels) != self.frames:
            raise DataError(
                f"{path}: {len(pixels)} frames, {self.frames} were written; make this data set anew"
            )
        return np.stack(pixels)

    def truth(self) -> dict[str, NDArray[Any]]:
        """Everything known of the frames, by name (see ``docs/data.md``); {} where nothing is."""
        path = self.folder / TRUTH
        if TRUTH not in self.sha256 and not path.exists():
            return {}
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: missing or altered ({type(error).__name__}); make this data set anew"
            ) from None

    def frame_times(self) -> NDArray[np.float64]:
        """Seconds from the start of the sound to each frame: (F,), ascending."""
        times = self.truth().get("frame_times")
        if times is None:
            return np.arange(self.frames) / self.frame_rate
        return np.asarray(times, np.float64)


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What is known of a data set as a whole."""

    name: str
    kind: str  # where it came from: "orchestra", "sub-urmp", …
    classes: tuple[str, ...]  # instruments in label order
    frame_rate: float
    image_size: int  # pixels a side of the stored frames
    license: str
    seed: int | None = None  # of what was drawn at random; None = nothing was
    sources: tuple[str, ...] = ()  # what it was made from, each with its licence


@dataclass(frozen=True)
class Dataset:
    """A finished data set; ``Dataset.open`` checks it."""

    folder: Path
    info: DatasetInfo
    sha256: str
    members: tuple[Performance, ...]

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.info.classes

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Dataset:
        """Open a finished data set.

        Checks that it is complete and that no performance was added, taken or relabelled;
        ``verify`` reads the media files too.

        Raises:
            DataError: missing, unfinished, of another format, or altered.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise DataError(
                f"{folder}: no such data set; make one with `sightsound data orchestra -o {folder}`"
            )
        marker = folder / MARKER
        if not marker.exists():
            raise DataError(
                f"{folder}: not a finished data set ({MARKER} is missing); repeat the command "
                "that made it to finish it, or delete the folder"
            )
        about = _read_json(marker)
        if about.get("format") != FORMAT or not about.get("complete"):
            raise DataError(
                f"{marker}: data set format {about.get('format')!r}, this version reads {FORMAT}; "
                "make the data set anew"
            )
        try:
            info = DatasetInfo(
                name=about["name"],
                kind=about["kind"],
                classes=tuple(about["classes"]),
                frame_rate=about["frame_rate"],
                image_size=about["image_size"],
                license=about["license"],
                seed=about["seed"],
                sources=tuple(about["sources"]),
            )
            recorded = str(about["sha256"])
        except (KeyError, TypeError) as error:
            raise DataError(f"{marker}: {error} is missing; make the data set anew") from error
        members = tuple(read_performance(each) for each in _performance_folders(folder))
        if _combined_hash(members) != recorded:
            raise DataError(
                f"{folder}: its performances are not those that {MARKER} was written for "
                "(wrong hash); make the data set anew"
            )
        return cls(folder=folder, info=info, sha256=recorded, members=members)

    def performances(self, split: str | None = None) -> tuple[Performance, ...]:
        """All performances, or those of one split, ordered by id.

        Raises:
            DataError: an unknown split.
        """
        if split is None:
            return self.members
        if split not in SPLITS:
            raise DataError(f"split {split!r} is unknown; choose one of {', '.join(SPLITS)}")
        return tuple(each for each in self.members if each.split == split)

    def counts(self) -> dict[str, int]:
        """Performances by split, for the splits that have any."""
        found = Counter(each.split for each in self.members)
        return {split: found[split] for split in SPLITS if found[split]}

    def verify(self, *, progress: bool = False) -> None:
        """Read every file and compare it with its hash.

        Raises:
            DataError: a file is missing or altered; names the first.
        """
        for performance in tqdm(self.members, desc="verify", disable=not progress):
            for name, expected in performance.sha256.items():
                path = performance.folder / name
                if not path.exists():
                    raise DataError(f"{path}: missing; make the data set anew")
                if file_hash(path) != expected:
                    raise DataError(f"{path}: altered (wrong hash); make the data set anew")


def write_performance(
    dataset_folder: str | os.PathLike[str],
    info: PerformanceInfo,
    waveform: Waveform,
    sample_rate: int,
    frames: Iterable[Frames],
    truth: Mapping[str, NDArray[Any]] | Callable[[], Mapping[str, NDArray[Any]]] | None = None,
) -> Performance:
    """Write one performance, whole or not at all; one of the same id is replaced.

    Args:
        dataset_folder: folder of a data set that is not yet finished.
        info: what is known of it.
        waveform: (T,) or (1, T) in [-1, 1].
        sample_rate: Hz.
        frames: uint8 (H, W, 3), square, one after the other at ``info.frame_rate``.
        truth: arrays by name, see ``docs/data.md``; per-frame arrays must be as long as frames. Or
            a function that gives them, called once ``frames`` has ended.

    The same input gives the same bytes.

    Raises:
        DataError: bad id or split, a finished data set, truth that does not fit, a full disk.
    """
    root = Path(dataset_folder)
    _check_info(root, info)
    waveform = np.atleast_2d(np.asarray(waveform, np.float32))
    if len(waveform) != 1 or not np.isfinite(waveform).all():
        raise DataError(f"{info.id}: sound {waveform.shape} must be one finite channel")
    if waveform.shape[1] < MIN_SECONDS * sample_rate:
        raise DataError(
            f"{info.id}: {waveform.shape[1] / sample_rate:.3f} s of sound, at least "
            f"{MIN_SECONDS} s are needed"
        )
    final = root / "performances" / info.id
    temporary = final.with_name(f".{info.id}.{os.getpid()}.part")
    with _nothing_half_written(temporary):
        temporary.mkdir(parents=True)
        counted = _Counted(frames)
        # Temporary files of media's own writers stay inside the temporary folder.
        write_audio(temporary / SOUND, waveform, sample_rate)
        write_video(
            temporary / FRAMES,
            iter(counted),
            info.frame_rate,
            crf=CRF,
            pixel_format="yuv444p",
        )
        truth = dict((truth() if callable(truth) else truth) or {})
        _check_truth(info, truth, counted.count)
        files = [SOUND, FRAMES]
        if truth:
            _write_arrays(temporary / TRUTH, truth)
            files.append(TRUTH)
        about = {
            **asdict(info),
            "seconds": waveform.shape[1] / sample_rate,
            "sample_rate": sample_rate,
            "frames": counted.count,
            "sha256": {name: file_hash(temporary / name) for name in files},
        }
        (temporary / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        for name in (*files, ABOUT):
            _sync(temporary / name)
        if final.exists():
            shutil.rmtree(final)
        temporary.replace(final)
    return read_performance(final)


def has_performance(dataset_folder: str | os.PathLike[str], performance_id: str) -> bool:
    """Whether a performance was written whole; a maker that was stopped goes on from here."""
    return (Path(dataset_folder) / "performances" / performance_id / ABOUT).exists()


def relabel_performance(
    dataset_folder: str | os.PathLike[str],
    performance_id: str,
    *,
    split: str,
    player: str,
    piece: str,
) -> Performance:
    """Move a performance to a split, player and piece; its media are left as they are.

    For makers that know only when all is read which recordings belong together.

    Raises:
        DataError: no such performance, an unknown split, a finished data set.
    """
    root = Path(dataset_folder)
    folder = root / "performances" / performance_id
    about = _read_json(folder / ABOUT)
    if split not in SPLITS or (root / MARKER).exists():
        raise DataError(f"{folder}: cannot move to split {split!r}, or the data set is finished")
    wanted = {**about, "split": split, "player": player, "piece": piece}
    if wanted != about:
        write_json(folder / ABOUT, wanted)
    return read_performance(folder)


def remove_performance(dataset_folder: str | os.PathLike[str], performance_id: str) -> None:
    """Take a performance out of a data set that is not finished; one that is not there is fine."""
    folder = Path(dataset_folder) / "performances" / performance_id
    if folder.exists():
        # Its description first, so that half of it is never taken for the whole.
        (folder / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(folder)


def read_performance(folder: Path) -> Performance:
    """Read what a performance's folder says of it.

    Raises:
        DataError: the folder holds no whole performance.
    """
    about = _read_json(folder / ABOUT)
    try:
        return Performance(
            id=about["id"],
            split=about["split"],
            instrument=about["instrument"],
            player=about["player"],
            piece=about["piece"],
            voice=about["voice"],
            seconds=about["seconds"],
            sample_rate=about["sample_rate"],
            frame_rate=about["frame_rate"],
            frames=about["frames"],
            folder=folder,
            keypoint_names=tuple(about["keypoint_names"]),
            extra=about["extra"],
            sha256=about["sha256"],
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{folder / ABOUT}: {error} is missing; delete this folder and repeat the command "
            "that made it"
        ) from error


def finish_dataset(path: str | os.PathLike[str], info: DatasetInfo) -> Dataset:
    """Mark a data set as finished: write ``dataset.json`` with its counts and hash.

    Raises:
        DataError: no performances, an instrument that is no class, or splits that leak.
    """
    folder = Path(path)
    for leftover in (folder / "performances").glob(".*.part"):  # of a writer that was killed
        shutil.rmtree(leftover)
    members = tuple(read_performance(each) for each in _performance_folders(folder))
    if not members:
        raise DataError(f"{folder}: holds no performances; nothing to finish")
    strangers = {each.instrument for each in members} - {None, *info.classes}
    if strangers:
        raise DataError(
            f"{folder}: instruments {sorted(map(str, strangers))} are none of the classes "
            f"{', '.join(info.classes)}"
        )
    dataset = Dataset(folder=folder, info=info, sha256=_combined_hash(members), members=members)
    check_splits(dataset)
    about = {
        "format": FORMAT,
        **asdict(info),
        "counts": dataset.counts(),
        "sha256": dataset.sha256,
        "complete": True,
    }
    write_json(folder / MARKER, about)
    return dataset


@dataclass(frozen=True)
class Leak:
    """One thing that is in two splits."""

    kind: str  # "player", "piece", "voice", "performance", "same sound", …
    places: tuple[tuple[str, str], ...]  # (split, id of a performance)
    text: str  # what it is and what to do

    def __str__(self) -> str:
        return self.text


def check_splits(dataset: Dataset) -> None:
    """Refuse a data set in which a player, piece or performance leaks across splits.

    One exception is by design: ``unheard`` may share players and pieces with ``test``, played by a
    voice that no other split has; that the voice is in no other split is checked in its stead.

    Raises:
        DataError: names the first thing found in two splits.
    """
    for leak in named_leaks(dataset):
        raise DataError(f"{dataset.folder}: {leak.text}")


def named_leaks(dataset: Dataset) -> Iterator[Leak]:
    """Everything that names and hashes tell to be in two splits; see ``check_splits``.

    ``leaks.find_leaks`` looks at the sounds and pictures as well.
    """
    for kind in ("player", "piece", "voice"):
        homes: dict[str, dict[str, str]] = defaultdict(dict)
        for each in dataset.members:
            if (value := getattr(each, kind)) is not None:
                homes[value].setdefault(each.split, each.id)
        for value, found in homes.items():
            if kind == "voice":
                leaks = "unheard" in found and len(found) > 1
            else:
                leaks = len({side_of(split) for split in found}) > 1
            if leaks:
                places = " and ".join(f"{split} ({name})" for split, name in found.items())
                yield Leak(
                    kind,
                    tuple(found.items()),
                    f"{kind} {value!r} is in {places}; a split must share no {kind} with another: "
                    "move its performances to one split",
                )
    for name, count in Counter(each.id for each in dataset.members).items():
        if count > 1:
            where = tuple((each.split, name) for each in dataset.members if each.id == name)
            text = f"performance {name!r} is there twice; remove one"
            yield Leak("performance", where, text)
    seen: dict[str, Performance] = {}
    for each in dataset.members:
        # The same sound under two names is the same performance.
        other = seen.setdefault(each.sha256[SOUND], each)
        if side_of(other.split) != side_of(each.split):
            yield Leak(
                "same sound",
                ((other.split, other.id), (each.split, each.id)),
                f"{other.id} ({other.split}) and {each.id} ({each.split}) are the same sound; "
                "remove one",
            )


def side_of(split: str) -> str:
    """The split that a split must be kept apart as: ``unheard`` counts as ``test``."""
    return "test" if split == "unheard" else split


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _nothing_half_written(temporary):
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        _sync(temporary)
        temporary.replace(path)


def _performance_folders(folder: Path) -> list[Path]:
    root = folder / "performances"
    if not root.is_dir():
        return []
    return sorted(each for each in root.iterdir() if each.is_dir() and each.name[0] != ".")


def _combined_hash(members: Sequence[Performance]) -> str:
    """One hash over (file, hash) of every file, the descriptions included, sorted by name."""
    lines = []
    for each in members:
        lines.append(f"{each.folder.name}/{ABOUT} {file_hash(each.folder / ABOUT)}")
        lines += [f"{each.folder.name}/{name} {value}" for name, value in each.sha256.items()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: missing; delete this folder and repeat the command that made it"
        ) from error
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: unreadable ({error}); make the data set anew") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: holds no JSON object; make the data set anew")
    return value


def _check_info(root: Path, info: PerformanceInfo) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", info.id):
        raise DataError(f"performance id {info.id!r}: use letters, digits, '-', '_' and '.' only")
    if info.split not in SPLITS:
        raise DataError(
            f"{info.id}: split {info.split!r} is unknown; choose one of {', '.join(SPLITS)}"
        )
    if (root / MARKER).exists():
        raise DataError(
            f"{root}: this data set is finished and cannot be added to; choose another folder"
        )


def _check_truth(info: PerformanceInfo, truth: Mapping[str, NDArray[Any]], frames: int) -> None:
    if not frames:
        raise DataError(f"{info.id}: no frames")
    allowed = {*PER_FRAME_TRUTH, "onset_times"}
    for name, values in truth.items():
        if name not in allowed:
            raise DataError(f"{info.id}: truth {name!r} is unknown; allowed: {sorted(allowed)}")
        if name != "onset_times" and len(values) != frames:
            raise DataError(f"{info.id}: truth {name!r} has {len(values)} rows, {frames} frames")
        if name != "keypoints" and not np.isfinite(values).all():
            raise DataError(f"{info.id}: truth {name!r} is not finite")
    keypoints = truth.get("keypoints")
    if keypoints is not None and keypoints.shape != (frames, len(info.keypoint_names), 2):
        raise DataError(
            f"{info.id}: keypoints {keypoints.shape}, expected "
            f"({frames}, {len(info.keypoint_names)}, 2)"
        )
    times = truth.get("frame_times")
    if times is not None and np.any(np.diff(times) <= 0):
        raise DataError(f"{info.id}: frame times do not ascend")


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An .npz; numpy's own writer dates every member 1980, so the same input, the same bytes."""
    buffer = io.BytesIO()
    ordered: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    np.savez_compressed(buffer, **ordered)
    path.write_bytes(buffer.getvalue())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _nothing_half_written(temporary: Path) -> Iterator[None]:
    """Remove what was begun if writing fails; a full disk becomes one clear line."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
            raise WriteError(
                f"{temporary.parent}: cannot be written, {what}; nothing was left half-written"
            ) from error
        raise


class _Counted:
    """Frames on their way to the encoder, checked and counted."""

    def __init__(self, frames: Iterable[Frames]) -> None:
        self.frames = frames
        self.count = 0

    def __iter__(self) -> Iterator[Frames]:
        for frame in self.frames:
            if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
                raise DataError(f"frame {frame.dtype} {frame.shape}, expected uint8 (H, W, 3)")
            if frame.shape[0] != frame.shape[1]:
                raise DataError(f"frame {frame.shape[:2]}: frames of a performance are square")
            self.count += 1
            yield frame
