"""A folder of videos in, a data set out: sound and frames in time, by stated rules.

::

    FOLDER/<class>/….mp4      a folder directly in FOLDER is a class, whatever lies below it
    FOLDER/….mp4              no class

Rules of the import:

* Sound and frames lie on the container's clock, which begins with its first stream; edit lists,
  late streams and varying frame rates are in it. Each frame keeps its own time. Where there are
  more than ``frame_rate`` a second, the nearest to each multiple of 1 / ``frame_rate`` is kept. A
  frame that is held for long is not repeated: its time is when it was taken.
* A performance's own frame rate is the mean of its frames, but at least 25 a second, so that no
  pair's frame is further than 20 ms from its window; where ``frame_rate`` is set below 25, it is
  that, and the frames kept are those within 20 ms of its multiples.
* Frames are turned upright, cut to a square and reduced to ``image_size`` in one pass.
* ``StretchRules`` says which silence and which black frames are left out, and where a long
  recording is parted into performances. Damage parts it too: what rests on a damaged frame and
  what lies beside damaged sound is left out, the rest kept, and one line tells it.
* Recordings that are the same (``fingerprints``) are one group. A split holds whole groups, drawn
  by a hash of the group's first name and the seed, class by class. Who plays is not known, so each
  group counts as one player and one piece.

A recording is noted as done in ``recordings/`` when all of it is written. An import that was
stopped reads those that are not; splits are given when all are there, so the result is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightsound.config import to_json
from sightsound.errors import ConfigError, DataError, MediaError, WriteError
from sightsound.media.audio import stream_audio
from sightsound.media.kinds import VIDEO_SUFFIXES
from sightsound.media.video import Box, read_crops, video_info
from sightsound.pairs.fingerprints import (
    GRID,
    GRID_STEP_SECONDS,
    Fingerprint,
    grey_grid,
    same_recordings,
    sound_fingerprint,
)
from sightsound.pairs.imports import ImportOutcome, claim, class_of, finish_import, in_processes
from sightsound.pairs.performances import (
    MARKER,
    MIN_SECONDS,
    PerformanceInfo,
    relabel_performance,
    remove_performance,
    write_json,
    write_performance,
)
from sightsound.pairs.shares import assign_splits
from sightsound.pairs.stretches import (
    StretchRules,
    block_loudness,
    check_rules,
    is_black,
    kept_stretches,
)
from sightsound.shapes import Frames

SAMPLE_RATE = 44_100  # Hz, of what is stored
MAX_TIME_ERROR_SECONDS = 0.02  # between a frame and the window that it is paired with
_BUFFER_BYTES = 512 * 2**20  # that the frames of one performance may take while it is gathered
_RECORDS = "recordings"


@dataclass(frozen=True, kw_only=True)
class VideosConfig:
    """How a folder of videos becomes a data set."""

    image_size: int = 128  # pixels a side of the stored frames
    frame_rate: float = 30.0  # frames a second at most
    # "centre": the largest central square; "X,Y,WIDTH,HEIGHT": a box, as shares of the upright
    # frame where all are at most 1, else in pixels; made square about its middle.
    crop: str = "centre"
    labels: bool = True  # folders are classes; False = none has one
    validation: float = 0.1  # share of the recordings of each class
    test: float = 0.2  # share of the recordings of each class
    seed: int = 0  # another seed, other splits
    rules: StretchRules = field(default_factory=StretchRules)


@dataclass(frozen=True)
class _Job:
    """One video to read."""

    source: Path
    name: str  # path below the folder, with "/"
    id: str
    label: str | None
    output: Path
    config: VideosConfig
    threads: int  # that decode


@dataclass
class _Record:
    """What became of one video."""

    name: str
    id: str
    label: str | None
    bytes: int
    modified_ns: int
    parts: list[str] = field(default_factory=list)  # ids of its performances
    seconds: float = 0.0  # of its performances
    failure: str | None = None  # one line
    black_frames: int = 0
    silent_seconds: float = 0.0  # left out


def import_videos(
    source: Path,
    output: Path,
    config: VideosConfig | None = None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> ImportOutcome:
    """Make a data set of a folder of videos; a stopped import goes on where it was.

    See the module's docstring for the rules. One that is damaged or has no sound is told in one
    line, and whatever of it is whole is kept.

    Args:
        source: the folder.
        output: folder of the data set to make.
        config: sizes, rates, shares and rules; None = as they come.
        workers: processes; None = one a processor.
        progress: show a progress bar.

    Raises:
        ConfigError: a setting is out of range. DataError: no videos, nothing usable in them, or
        the output folder holds something else.
    """
    config = config or VideosConfig()
    _check_config(config)
    if not source.is_dir():
        raise DataError(f"{source}: no such folder; give a folder of videos")
    claim(output, {"kind": "videos", "config": to_json(config)})
    if (output / MARKER).exists():
        return ImportOutcome.read(output)
    processors = os.cpu_count() or 1
    threads = max(1, processors // (workers or processors))
    jobs = _find(source, output, config, threads)
    records, left = _resume(jobs, output)
    for job, record in in_processes(
        _import_video,
        left,
        workers=workers,
        title="videos",
        unit="video",
        done=len(records),
        progress=progress,
    ):
        if record is None:
            record = _record_of(job)
            record.failure = f"{job.name}: the process that read it died (memory?); left out"
            _write_record(job, record, None)
        records[job.id] = record
    return _finish(source, output, config, [records[job.id] for job in jobs])


def _check_config(config: VideosConfig) -> None:
    check_rules(config.rules)
    if not 16 <= config.image_size <= 1024 or config.image_size % 2:
        raise ConfigError(
            f"image_size={config.image_size}: an even number from 16 to 1024 is allowed"
        )
    if not 1 <= config.frame_rate <= 120:
        raise ConfigError(f"frame_rate={config.frame_rate}: 1 to 120 a second is allowed")
    parse_crop(config.crop)
    assign_splits({}, validation=config.validation, test=config.test, seed=config.seed)


def parse_crop(crop: str) -> tuple[float, float, float, float] | None:
    """``--crop``'s text → x, y, width, height; None for the centre.

    Raises:
        ConfigError: neither "centre" nor four numbers, or a box without an area.
    """
    if crop in ("centre", "center"):
        return None
    try:
        x, y, width, height = (float(part) for part in crop.split(","))
    except ValueError:
        raise ConfigError(
            f"crop {crop!r}: give centre, or X,Y,WIDTH,HEIGHT in pixels or as shares up to 1"
        ) from None
    if not (x >= 0 and y >= 0 and 0 < width < np.inf and 0 < height < np.inf):
        raise ConfigError(f"crop {crop!r}: X and Y of 0 or more, WIDTH and HEIGHT above 0")
    return x, y, width, height


def square_box(
    numbers: tuple[float, float, float, float], frame_width: int, frame_height: int
) -> Box:
    """A box as it was given → the square about its middle, moved to lie inside the frame.

    Its side is the longer one of the box, if the frame is that large.

    Raises:
        DataError: the box lies outside the frame.
    """
    x, y, width, height = numbers
    if max(numbers) <= 1:
        x, width = x * frame_width, width * frame_width
        y, height = y * frame_height, height * frame_height
    if x + width > frame_width + 1 or y + height > frame_height + 1:
        raise DataError(
            f"box {x:g},{y:g},{width:g},{height:g} reaches out of the frame of {frame_width} × "
            f"{frame_height} pixels; correct it"
        )
    side = min(max(width, height), frame_width, frame_height)
    left = min(max(x + width / 2 - side / 2, 0.0), frame_width - side)
    top = min(max(y + height / 2 - side / 2, 0.0), frame_height - side)
    return Box(x=left, y=top, width=side, height=side)


def _find(source: Path, output: Path, config: VideosConfig, threads: int) -> list[_Job]:
    inside = output.resolve()
    jobs = []
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
            continue
        if path.name.startswith(".") or inside in path.resolve().parents:
            continue
        below = path.relative_to(source)
        name = below.as_posix()
        label = class_of(below.parts[0]) if config.labels and len(below.parts) > 1 else None
        jobs.append(_Job(path, name, recording_id(name), label, output, config, threads))
    if not jobs:
        raise DataError(
            f"{source}: holds no videos ({', '.join(VIDEO_SUFFIXES)}); give a folder of videos, "
            "with or without one folder a class"
        )
    return jobs


def recording_id(name: str) -> str:
    """A name for folders: what of ``name`` can be in one, and a hash that keeps it apart."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name.rpartition(".")[0] or name).strip("_")[:60]
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{plain or 'recording'}-{digest}"


# --- One recording ------------------------------------------------------------------------------


def _record_of(job: _Job) -> _Record:
    status = job.source.stat()
    return _Record(job.name, job.id, job.label, status.st_size, status.st_mtime_ns)


def _import_video(job: _Job) -> _Record:
    """Read one video and write its performances, then the note that it is done."""
    record = _record_of(job)
    printed = None
    try:
        printed = _read_video(job, record)
    except WriteError:
        raise  # concerns all of them: the import stops and can be gone on with
    except (MediaError, DataError) as error:
        record.failure = str(error)
    if not record.parts:
        printed = None
    _write_record(job, record, printed)
    return record


def _read_video(job: _Job, record: _Record) -> Fingerprint | None:
    rules = job.config.rules
    box = _box_of(job)
    damage: list[tuple[float, str]] = []
    job.output.mkdir(parents=True, exist_ok=True)
    # On disk, since three hours take a gigabyte; the system removes it whatever happens.
    with tempfile.TemporaryFile(dir=job.output) as file:
        loudness = []
        for block in stream_audio(
            job.source,
            sample_rate=SAMPLE_RATE,
            allow_silence=True,
            on_damage=lambda seconds, what: damage.append((seconds, what)),
        ):
            loudness.append(block_loudness(block[0], SAMPLE_RATE))
            file.write(np.clip(np.rint(block[0] * 32768.0), -32768, 32767).astype("<i2").tobytes())
        file.flush()
        samples: NDArray[np.int16] = np.memmap(file, dtype="<i2", mode="r")
        seconds = len(samples) / SAMPLE_RATE
        stretches = kept_stretches(
            np.concatenate(loudness), seconds, [moment for moment, _ in damage], rules
        )
        record.silent_seconds = round(seconds - sum(b - a for a, b in stretches), 3)
        if not stretches:
            raise DataError(
                f"{job.source}: no sound above {rules.silence_db:g} dB for "
                f"{rules.min_seconds:g} s; left out"
            )
        gathering = _Gathering(job, record, samples, stretches)
        frames_damage: list[tuple[float, str]] = []
        for crops in read_crops(
            job.source,
            job.config.image_size,
            boxes=() if box is None else (box,),
            frame_rate=job.config.frame_rate,
            on_damage=lambda seconds, what: frames_damage.append((seconds, what)),
            threads=job.threads,
        ):
            if frames_damage:
                damage += frames_damage
                frames_damage.clear()
                gathering.part()
            gathering.add(crops.time_seconds, crops.pixels[0])
        gathering.finish()
        damage += frames_damage
        if not record.parts:
            raise DataError(
                f"{job.source}: no frame beside its sound that is whole and not black for "
                f"{rules.min_seconds:g} s; left out"
            )
        if damage:
            moment, what = min(damage)
            record.failure = (
                f"{job.source}: damaged from {moment:.1f} s on ({what}); "
                f"{record.seconds:.1f} s of it are kept"
            )
        bits, heard = sound_fingerprint(samples, SAMPLE_RATE)
        del samples, gathering.samples
    return Fingerprint(bits, heard, *gathering.grids())


def _box_of(job: _Job) -> Box | None:
    numbers = parse_crop(job.config.crop)
    if numbers is None:
        return None
    try:
        info = video_info(job.source, on_damage=lambda seconds, what: None)
        return square_box(numbers, info.width, info.height)
    except DataError as error:
        raise DataError(f"{job.source}: {error}") from error


class _Gathering:
    """Frames of one recording on their way into performances, with the sound of the same time."""

    def __init__(
        self,
        job: _Job,
        record: _Record,
        samples: NDArray[np.int16],
        stretches: Sequence[tuple[float, float]],
    ) -> None:
        self.job, self.record, self.samples = job, record, samples
        self.rules = job.config.rules
        self.stretches = list(stretches)
        self.times: list[float] = []
        self.frames: list[Frames] = []
        self.start: float | None = None  # of the sound; None = with the first frame
        self._enter()
        self._grids: dict[int, NDArray[np.uint8]] = {}
        rate = job.config.frame_rate
        self.max_error = min(MAX_TIME_ERROR_SECONDS, 0.5 / rate) + 1e-9
        self.most = max(2, _BUFFER_BYTES // (3 * job.config.image_size**2))

    def _enter(self) -> None:
        self.start = self.stretches[0][0] if self.stretches else None

    def add(self, time: float, pixels: Frames) -> None:
        """Take the next frame; frames come in the order of time."""
        rate = self.job.config.frame_rate
        if abs(time - round(time * rate) / rate) > self.max_error:
            return
        if is_black(pixels, self.rules):
            self.record.black_frames += 1
            return
        self._grids.setdefault(int(time / GRID_STEP_SECONDS + 1e-6), grey_grid(pixels))
        while self.stretches and time >= self.stretches[0][1]:
            self._write(self.stretches[0][1])
            self.stretches.pop(0)
            self._enter()
        if not self.stretches or time < self.stretches[0][0] - 1e-6:
            return
        since = self.times[-1] if self.times else self.start
        if since is not None and time - since > self.rules.max_gap_seconds:
            self.part()
        if len(self.times) >= self.most:
            self.part()
        self.times.append(time)
        self.frames.append(pixels)

    def part(self) -> None:
        """What follows does not belong to what came before: damage, or a long gap."""
        self._write(None)
        self.start = None

    def finish(self) -> None:
        """No more frames come."""
        self._write(self.stretches[0][1] if self.stretches else None)

    def _write(self, until: float | None) -> None:
        """Write what is gathered; ``until``: where the sound may end, None = with its frames."""
        times, frames = self.times, self.frames
        self.times, self.frames = [], []
        if not times:
            return
        rate = self._rate_of(times)
        start = times[0] if self.start is None else max(self.start, 0.0)
        end = times[-1] + 1 / rate
        if until is not None and until - end <= self.rules.max_gap_seconds:
            end = max(until, end)
        first = max(round(start * SAMPLE_RATE), 0)
        sound = self.samples[first : round(end * SAMPLE_RATE)]
        seconds = len(sound) / SAMPLE_RATE
        if seconds < max(self.rules.min_seconds - 1e-3, MIN_SECONDS):
            return
        relative = np.maximum(np.asarray(times) - first / SAMPLE_RATE, 0.0)
        number = len(self.record.parts)
        info = PerformanceInfo(
            id=f"{self.job.id}-{number:03d}",
            split="train",  # until all are read
            instrument=self.job.label,
            player=f"recording:{self.job.id}",
            piece=f"recording:{self.job.id}",
            frame_rate=rate,
            extra={"video": {"file": self.job.name, "from_seconds": round(first / SAMPLE_RATE, 6)}},
        )
        write_performance(
            self.job.output,
            info,
            sound.astype(np.float32) / np.float32(32768),
            SAMPLE_RATE,
            frames,
            {"frame_times": relative},
        )
        self.record.parts.append(info.id)
        self.record.seconds = round(self.record.seconds + seconds, 3)

    def _rate_of(self, times: Sequence[float]) -> float:
        """What a performance states as its frame rate: half its inverse is how far a pair goes."""
        most, least = self.job.config.frame_rate, 0.5 / MAX_TIME_ERROR_SECONDS
        if most <= least:
            return most
        span = times[-1] - times[0]
        mean = (len(times) - 1) / span if span > 0 else least
        return round(min(max(mean, least), most), 3)

    def grids(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Of all frames that were not black: (m, 64), (m,)."""
        count = max(self._grids, default=-1) + 1
        grids = np.zeros((count, GRID * GRID), np.uint8)
        seen = np.zeros(count, np.bool_)
        for moment, grid in self._grids.items():
            grids[moment], seen[moment] = grid, True
        return grids, seen


# --- Records ------------------------------------------------------------------------------------


def _record_paths(output: Path, recording: str) -> tuple[Path, Path]:
    folder = output / _RECORDS
    return folder / f"{recording}.json", folder / f"{recording}.npz"


def _write_record(job: _Job, record: _Record, printed: Fingerprint | None) -> None:
    about, arrays = _record_paths(job.output, job.id)
    about.parent.mkdir(exist_ok=True)
    if printed is not None:
        temporary = arrays.with_name(f".{arrays.name}.part")
        with temporary.open("wb") as file:
            np.savez_compressed(file, **asdict(printed))
        temporary.replace(arrays)
    write_json(about, asdict(record))  # last: from here on it is done


def _resume(jobs: Sequence[_Job], output: Path) -> tuple[dict[str, _Record], list[_Job]]:
    """What an earlier, stopped import has done, and what is left; strangers' parts are removed."""
    done: dict[str, _Record] = {}
    for job in jobs:
        record = _read_record(job)
        if record is not None:
            done[job.id] = record
    kept = {part for record in done.values() for part in record.parts}
    folder = output / "performances"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in kept and not path.name.startswith("."):
            remove_performance(output, path.name)
    return done, [job for job in jobs if job.id not in done]


def _read_record(job: _Job) -> _Record | None:
    about, _ = _record_paths(job.output, job.id)
    try:
        record = _Record(**json.loads(about.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    now = _record_of(job)
    same = (record.bytes, record.modified_ns, record.label) == (
        now.bytes,
        now.modified_ns,
        now.label,
    )
    whole = all((job.output / "performances" / part).is_dir() for part in record.parts)
    if record.parts:
        try:
            _read_print(job.output, job.id)
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile):
            return None  # the power went before it was on the disk
    return record if same and whole else None


def _read_print(output: Path, recording: str) -> Fingerprint:
    with np.load(_record_paths(output, recording)[1]) as arrays:
        return Fingerprint(**{name: arrays[name] for name in arrays.files})


# --- All recordings -----------------------------------------------------------------------------


def _finish(
    source: Path, output: Path, config: VideosConfig, records: Sequence[_Record]
) -> ImportOutcome:
    failures = [record.failure for record in records if record.failure is not None]
    usable = [record for record in records if record.parts]
    if not usable:
        raise DataError(
            f"{source}: nothing usable in {len(records)} videos; first trouble: {failures[0]}"
        )
    same = same_recordings([_read_print(output, record.id) for record in usable])
    groups = joined([record.id for record in usable], [(i, j) for i, j, _ in same])
    labels: dict[str, set[str | None]] = defaultdict(set)
    for record in usable:
        labels[groups[record.id]].add(record.label)
    splits = assign_splits(labels, validation=config.validation, test=config.test, seed=config.seed)
    performances = {}
    for record in usable:
        group = groups[record.id]
        for part in record.parts:
            name = f"recording:{group}"
            relabel_performance(output, part, split=splits[group], player=name, piece=name)
            performances[part] = splits[group]
    black = sum(record.black_frames for record in records)
    outcome = ImportOutcome(
        performances=performances,
        seconds=round(sum(record.seconds for record in usable), 3),
        failures=tuple(failures),
        notes=tuple(
            f"{usable[i].name} and {usable[j].name}: the same recording (by {what}); kept in "
            "one split"
            for i, j, what in same
        ),
        counts={
            "recordings": len(usable),
            "black frames left out": black,
            "seconds of silence or damage left out": round(
                sum(record.silent_seconds for record in records)
            ),
        },
    )
    finish_import(
        output,
        outcome,
        config,
        kind="videos",
        labels=[record.label for record in usable],
        license="its videos': unknown here; ask who made them",
        sources=(f"{len(usable)} videos of a folder named {source.resolve().name}",),
    )
    return outcome


def joined(names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Name → name of its group's first; ``pairs`` of places in ``names`` belong together."""
    group = list(range(len(names)))

    def first(place: int) -> int:
        while group[place] != place:
            place = group[place]
        return place

    for i, j in pairs:
        low, high = sorted((first(i), first(j)))
        group[high] = low
    return {name: names[first(place)] for place, name in enumerate(names)}
