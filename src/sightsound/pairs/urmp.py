"""URMP as it is distributed in, a data set out: a performance a player, own sound, own pictures.

::

    FOLDER/<NN>_<Name>_<instrument>_<instrument>…/
        Vid_<NN>_<Name>_<instrument>_….mp4       one video of all, players from left to right
        AuSep_<track>_<instrument>_<NN>_<Name>.wav   one a player
        F0s_<track>_<instrument>_<NN>_<Name>.txt     seconds, Hz (0 = rest)
        Notes_<track>_<instrument>_<NN>_<Name>.txt   seconds of the onset, Hz, seconds it lasts

Rules of the import, each a decision of ours where the layout leaves it open:

* Each track becomes one performance: its sound is ``AuSep``, its frames are the track's box
  (``boxes``) cut out of the video and made square. Both begin with the video's clock. The sum of a
  piece's tracks is compared with the video's own sound; where they lie apart by up to a second,
  the frames are moved by that, and it is told.
* A piece that comes in several arrangements (``15_Surprise…``, ``16_Surprise…``) uses the same
  recordings, so pieces are told apart by name alone, and a split holds whole pieces. Tracks whose
  sound is the same under two names are kept together too.
* The layout does not say who plays. Where the file of boxes does, a player's pieces are kept
  together; otherwise each track counts as a player of its own.
* ``F0s`` and ``Notes``, where they are there, become the truth ``pitch_hz`` and ``onset_times``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sightsound.config import to_json
from sightsound.errors import ConfigError, DataError, MediaError, WriteError
from sightsound.media.audio import read_audio, resample
from sightsound.media.video import Box, read_crops, video_info
from sightsound.pairs.boxes import (
    PlayerBox,
    propose_boxes,
    read_boxes,
    write_boxes,
    write_boxes_sheet,
)
from sightsound.pairs.fingerprints import Fingerprint, same_recordings, sound_fingerprint
from sightsound.pairs.imports import ImportOutcome, claim, finish_import, in_processes
from sightsound.pairs.performances import (
    MARKER,
    PerformanceInfo,
    has_performance,
    read_performance,
    relabel_performance,
    write_json,
    write_performance,
)
from sightsound.pairs.shares import assign_splits
from sightsound.pairs.videos import joined, square_box
from sightsound.shapes import Frames

INSTRUMENT_OF = {
    "vn": "violin",
    "va": "viola",
    "vc": "cello",
    "db": "double_bass",
    "fl": "flute",
    "ob": "oboe",
    "cl": "clarinet",
    "sax": "sax",
    "bn": "bassoon",
    "tpt": "trumpet",
    "hn": "horn",
    "tbn": "trombone",
    "tba": "tuba",
}
SAMPLE_RATE = 44_100  # Hz, of what is stored
_SYNC_RATE = 4000  # Hz, at which the video's sound and the tracks are compared
_MAX_SHIFT_SECONDS = 1.0
_TOLD_SHIFT_SECONDS = 0.005  # a shift below it is left as it is
_RECORDS = "recordings"
_PITCH_GAP_SECONDS = 0.02  # a frame further from a value of F0s than this has no pitch


@dataclass(frozen=True, kw_only=True)
class UrmpConfig:
    """How URMP becomes a data set."""

    image_size: int = 128  # pixels a side of the stored frames
    frame_rate: float = 29.97  # frames a second at most; the videos' own
    validation: float = 0.15  # share of the pieces of each instrument
    test: float = 0.2  # share of the pieces of each instrument
    seed: int = 0  # another seed, other splits


@dataclass(frozen=True)
class Track:
    """One player's sound in a piece."""

    number: int  # from 1
    instrument: str
    sound: Path
    stem: str  # "<track>_<instrument>_<NN>_<Name>", as its annotations are named


@dataclass(frozen=True)
class Piece:
    """One folder of URMP."""

    folder: str  # its name
    name: str  # without number and instruments; arrangements share it
    video: Path
    tracks: tuple[Track, ...]


@dataclass(frozen=True)
class _Job:
    piece: Piece
    boxes: tuple[PlayerBox, ...]  # one a track
    output: Path
    config: UrmpConfig


@dataclass
class _Done:
    """What became of one piece."""

    ids: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_pieces(source: Path) -> tuple[list[Piece], list[str]]:
    """The pieces below a folder, and one line for each thing that is not as the layout has it.

    Raises:
        DataError: no such folder, or not one piece in it.
    """
    if not source.is_dir():
        raise DataError(f"{source}: no such folder; give URMP's folder of pieces")
    pieces, odd = [], []
    for folder in sorted(path for path in source.rglob("*_*") if path.is_dir()):
        named = re.fullmatch(r"(\d+)_([^_]+)((?:_[a-z]+)+)", folder.name)
        if named is None:
            continue
        videos = sorted(folder.glob("Vid_*.mp4"))
        tracks = []
        for path in sorted(folder.glob("AuSep_*.wav")):
            found = re.fullmatch(r"AuSep_((\d+)_([a-z]+)_.+)", path.stem)
            if found is None or found[3] not in INSTRUMENT_OF:
                odd.append(
                    f"{path}: not named AuSep_<track>_<instrument>_…, with an instrument of "
                    f"{', '.join(INSTRUMENT_OF)}; left out"
                )
                continue
            tracks.append(Track(int(found[2]), INSTRUMENT_OF[found[3]], path, found[1]))
        tracks.sort(key=lambda track: track.number)
        expected = [INSTRUMENT_OF.get(part) for part in named[3].split("_")[1:]]
        if [track.instrument for track in tracks] != expected:
            odd.append(
                f"{folder}: its name says {', '.join(map(str, expected))}, its tracks are "
                f"{', '.join(track.instrument for track in tracks) or 'none'}"
            )
        if len(videos) != 1:
            odd.append(f"{folder}: {len(videos)} videos named Vid_….mp4, one is needed; left out")
        elif tracks:
            pieces.append(Piece(folder.name, named[2], videos[0], tuple(tracks)))
    if not pieces:
        first = f"; first trouble: {odd[0]}" if odd else ""
        raise DataError(
            f"{source}: no piece of URMP here; looked for folders named like 01_Jupiter_vn_vc "
            f"with Vid_….mp4 and AuSep_….wav in them{first}"
        )
    return pieces, odd


def import_urmp(
    source: Path,
    output: Path,
    boxes: Path,
    config: UrmpConfig | None = None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> ImportOutcome:
    """Make a data set of URMP's own folders; a stopped import goes on where it was.

    See the module's docstring for the rules. A track without a box, or that cannot be read, is
    told in one line and the rest goes on.

    Args:
        source: the folder of pieces.
        output: folder of the data set to make.
        boxes: file of each player's part of the frame; ``propose`` makes one to start from.
        config: sizes, rates and shares; None = as they come.
        workers: processes; None = one a processor.
        progress: show a progress bar.

    Raises:
        ConfigError: a setting is out of range. DataError: no pieces, a file of boxes that cannot
        be read or fits none of them, or the output folder holds something else.
    """
    config = config or UrmpConfig()
    if not 16 <= config.image_size <= 1024 or config.image_size % 2:
        raise ConfigError(
            f"image_size={config.image_size}: an even number from 16 to 1024 is allowed"
        )
    if not 1 <= config.frame_rate <= 120:
        raise ConfigError(f"frame_rate={config.frame_rate}: 1 to 120 a second is allowed")
    assign_splits({}, validation=config.validation, test=config.test, seed=config.seed)
    pieces, odd = find_pieces(source)
    known = read_boxes(boxes)
    jobs = []
    failures = list(odd)
    for piece in pieces:
        missing = [t.number for t in piece.tracks if (piece.folder, t.number) not in known]
        failures += [f"{piece.folder}: no box for track {n} in {boxes}" for n in missing]
        tracks = tuple(t for t in piece.tracks if t.number not in missing)
        if tracks:
            of_piece = tuple(known[piece.folder, t.number] for t in tracks)
            whole = Piece(piece.folder, piece.name, piece.video, tracks)
            jobs.append(_Job(whole, of_piece, output, config))
    if not jobs:
        raise DataError(
            f"{boxes}: has a box for none of the {len(pieces)} pieces; `sightsound data urmp-boxes "
            f"{source} -o boxes.csv` proposes some"
        )
    plan = [[[box.piece, box.track, box.x, box.y, box.width, box.height, box.player]
             for box in job.boxes] for job in jobs]  # fmt: skip
    claim(output, {"kind": "urmp", "config": to_json(config), "boxes": plan})
    if (output / MARKER).exists():
        return ImportOutcome.read(output)
    done = {job.piece.folder: earlier for job in jobs if (earlier := _done_earlier(job))}
    for job, result in in_processes(
        _import_piece,
        [job for job in jobs if job.piece.folder not in done],
        workers=workers,
        title="urmp",
        unit="piece",
        done=len(done),
        progress=progress,
    ):
        done[job.piece.folder] = result or _Done(
            failures=[f"{job.piece.folder}: the process that read it died (memory?); left out"]
        )
    return _finish(source, output, config, jobs, done, failures)


def propose(
    source: Path, output: Path, sheet: Path | None = None, *, progress: bool = True
) -> tuple[int, list[str]]:
    """Write a file of boxes proposed from motion, and a contact sheet to check them by.

    Args:
        source: URMP's folder of pieces.
        output: .csv or .json to write.
        sheet: picture of every piece with its boxes drawn in; None = none.
        progress: show a progress bar.

    Returns:
        How many boxes, and one line for each video that cannot be read.

    Raises:
        DataError: no pieces. MediaError: a file cannot be written.
    """
    pieces, failures = find_pieces(source)
    boxes, frames = [], []
    for _, (found, frame, failure) in in_processes(  # type: ignore[misc]
        _propose, pieces, workers=1, title="boxes", unit="piece", progress=progress
    ):
        if failure is not None:
            failures.append(failure)
        else:
            boxes.append(found)
            frames.append(frame)
    if not boxes:
        raise DataError(f"{source}: no video can be read; first trouble: {failures[0]}")
    write_boxes(output, [box for of_piece in boxes for box in of_piece])
    if sheet is not None:
        write_boxes_sheet(sheet, frames, boxes)
    return sum(map(len, boxes)), failures


def _propose(piece: Piece) -> tuple[list[PlayerBox], Frames, str | None]:
    try:
        found, frame = propose_boxes(piece.video, piece.folder, len(piece.tracks))
    except MediaError as error:
        return [], np.zeros((1, 1, 3), np.uint8), str(error)
    numbered = [
        PlayerBox(box.piece, track.number, box.x, box.y, box.width, box.height)
        for box, track in zip(found, piece.tracks, strict=True)
    ]
    return numbered, frame, None


# --- One piece ----------------------------------------------------------------------------------


def _import_piece(job: _Job) -> _Done:
    done = _Done()
    try:
        _read_piece(job, done)
    except WriteError:
        raise  # concerns all of them: the import stops and can be gone on with
    except (MediaError, DataError) as error:
        done.failures.append(str(error))
    record = _record(job)
    record.parent.mkdir(exist_ok=True)
    write_json(record, asdict(done))  # last: from here on the piece is done
    return done


def _record(job: _Job) -> Path:
    return job.output / _RECORDS / f"{job.piece.folder}.json"


def _done_earlier(job: _Job) -> _Done | None:
    """What an earlier, stopped import noted of a piece; None where it is not all there."""
    try:
        done = _Done(**json.loads(_record(job).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return done if all(has_performance(job.output, name) for name in done.ids) else None


def _read_piece(job: _Job, done: _Done) -> None:
    sounds: dict[int, NDArray[np.float32]] = {}
    for track in job.piece.tracks:
        try:
            sounds[track.number] = read_audio(track.sound, sample_rate=SAMPLE_RATE).waveform[0]
        except MediaError as error:
            done.failures.append(str(error))
    shift = _shift(job.piece, list(sounds.values()), done)
    tracks = [
        (track, box)
        for track, box in zip(job.piece.tracks, job.boxes, strict=True)
        if track.number in sounds
    ]
    if not tracks:
        return
    info = video_info(job.piece.video, on_damage=lambda seconds, what: None)
    squares, placed = [], []
    for track, box in tracks:
        try:
            numbers = (box.x, box.y, box.width, box.height)
            squares.append(square_box(numbers, info.width, info.height))
        except DataError as error:
            done.failures.append(f"{job.piece.folder} track {track.number}: {error}")
        else:
            placed.append((track, box))
    if not placed:
        return
    with ExitStack() as stack:
        # On disk, since a quintet's frames take gigabytes; the system removes it whatever happens.
        spools = [stack.enter_context(TemporaryFile(dir=job.output)) for _ in squares]
        times = _spool(job, squares, shift, spools, done)
        for (track, box), spool in zip(placed, spools, strict=True):
            _write_track(job, track, box, sounds[track.number], times, spool, done)


def _spool(
    job: _Job, squares: Sequence[Box], shift: float, spools: Sequence[IO[bytes]], done: _Done
) -> list[float]:
    """Write each track's frames to its file, one after the other; their times on the sound's."""
    damage: list[tuple[float, str]] = []
    times: list[float] = []
    for crops in read_crops(
        job.piece.video,
        job.config.image_size,
        boxes=squares,
        frame_rate=job.config.frame_rate,
        on_damage=lambda seconds, what: damage.append((seconds, what)),
        threads=1,
    ):
        times.append(crops.time_seconds - shift)
        for spool, pixels in zip(spools, crops.pixels, strict=True):
            spool.write(pixels.tobytes())
    if damage:
        done.failures.append(
            f"{job.piece.video}: damaged from {min(damage)[0]:.1f} s on ({min(damage)[1]}); the "
            "frames that are whole are kept"
        )
    return times


def _write_track(
    job: _Job,
    track: Track,
    box: PlayerBox,
    sound: NDArray[np.float32],
    times: Sequence[float],
    spool: IO[bytes],
    done: _Done,
) -> None:
    kept = [n for n, time in enumerate(times) if 0 <= time < len(sound) / SAMPLE_RATE]
    if not kept:
        done.failures.append(
            f"{job.piece.video}: no frame lies beside {track.sound.name}; left out"
        )
        return
    kept_times = np.array(times)[kept]
    size = job.config.image_size

    def frames() -> Iterator[Frames]:
        spool.seek(kept[0] * 3 * size * size)  # what is kept is one run
        for _ in kept:
            yield np.frombuffer(spool.read(3 * size * size), np.uint8).reshape(size, size, 3)

    name = _id(job.piece, track)
    write_performance(
        job.output,
        PerformanceInfo(
            id=name,
            split="train",  # until all are read
            instrument=track.instrument,
            player=None,
            piece=job.piece.name,
            frame_rate=job.config.frame_rate,
            extra={
                "urmp": {
                    "piece": job.piece.folder,
                    "track": track.number,
                    "player": box.player,
                    "box": [box.x, box.y, box.width, box.height],
                }
            },
        ),
        sound,
        SAMPLE_RATE,
        frames(),
        {"frame_times": kept_times, **_truth(track, kept_times, done)},
    )
    done.ids.append(name)


def _id(piece: Piece, track: Track) -> str:
    return f"{piece.folder}-{track.number}_{track.instrument}"


def _shift(piece: Piece, sounds: Sequence[NDArray[np.float32]], done: _Done) -> float:
    """Seconds by which the video's own sound is later than the tracks; 0 where it has none."""
    try:
        own = read_audio(piece.video, sample_rate=SAMPLE_RATE).waveform
    except MediaError:
        done.notes.append(
            f"{piece.folder}: its video has no sound to check the tracks' times by; both are "
            "taken to begin together"
        )
        return 0.0
    if not sounds:
        return 0.0
    mixed = np.zeros(max(map(len, sounds)), np.float32)
    for sound in sounds:
        mixed[: len(sound)] += sound
    shift, likeness = sound_shift(
        resample(mixed, SAMPLE_RATE, _SYNC_RATE), resample(own[0], SAMPLE_RATE, _SYNC_RATE)
    )
    if likeness < 0.3:
        done.notes.append(
            f"{piece.folder}: its video's sound is unlike its tracks (correlation "
            f"{likeness:.2f}); both are taken to begin together"
        )
        return 0.0
    if abs(shift) < _TOLD_SHIFT_SECONDS:
        return 0.0
    done.notes.append(
        f"{piece.folder}: its video is {1000 * abs(shift):.0f} ms "
        f"{'later' if shift > 0 else 'earlier'} than its tracks; moved by that"
    )
    return shift


def sound_shift(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """By how many seconds ``other`` is later than ``one``, at most 1, and their correlation there.

    Both (T,) at 4000 Hz.
    """
    length = max(len(one), len(other))
    size = 1 << int(np.ceil(np.log2(2 * length)))
    product = np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size))
    correlation = np.fft.irfft(product, size)
    most = round(_MAX_SHIFT_SECONDS * _SYNC_RATE)
    near = np.concatenate([correlation[-most:], correlation[: most + 1]])
    best = int(near.argmax())
    energy = np.sqrt(float((one.astype(float) ** 2).sum() * (other.astype(float) ** 2).sum()))
    return (best - most) / _SYNC_RATE, float(near[best]) / max(energy, 1e-12)


def _truth(track: Track, times: NDArray[np.float64], done: _Done) -> dict[str, NDArray[np.float32]]:
    truth = {}
    folder = track.sound.parent
    pitches = _table(folder / f"F0s_{track.stem}.txt", 2, done)
    if pitches is not None:
        place = np.clip(np.searchsorted(pitches[:, 0], times), 1, max(len(pitches) - 1, 1))
        place = np.minimum(place, len(pitches) - 1)
        earlier = np.maximum(place - 1, 0)
        nearer = np.abs(pitches[earlier, 0] - times) < np.abs(pitches[place, 0] - times)
        place = np.where(nearer, earlier, place)
        near = np.abs(pitches[place, 0] - times) <= _PITCH_GAP_SECONDS
        truth["pitch_hz"] = np.where(near, np.maximum(pitches[place, 1], 0), 0).astype(np.float32)
    notes = _table(folder / f"Notes_{track.stem}.txt", 3, done)
    if notes is not None:
        truth["onset_times"] = np.sort(notes[:, 0]).astype(np.float32)
    return truth


def _table(path: Path, columns: int, done: _Done) -> NDArray[np.float64] | None:
    """The numbers of an annotation, (n, columns); None where there is none that can be read."""
    if not path.exists():
        return None
    try:
        rows = [line.split()[:columns] for line in path.read_text().splitlines() if line.strip()]
        table = np.array(rows, np.float64)
        if table.ndim != 2 or table.shape[1] != columns or not np.isfinite(table).all():
            raise ValueError(f"{columns} numbers a line are needed")
    except (OSError, ValueError) as error:
        done.failures.append(f"{path}: {error}; this track has no such truth")
        return None
    return table


# --- All pieces ---------------------------------------------------------------------------------


def _finish(
    source: Path,
    output: Path,
    config: UrmpConfig,
    jobs: Sequence[_Job],
    done: Mapping[str, _Done],
    failures: list[str],
) -> ImportOutcome:
    for job in jobs:
        failures += done[job.piece.folder].failures
    members = [
        read_performance(output / "performances" / name)
        for job in jobs
        for name in done[job.piece.folder].ids
    ]
    if not members:
        raise DataError(f"{source}: nothing usable; first trouble: {failures[0]}")
    prints = []
    for each in members:
        samples = np.rint(each.sound()[0] * 32768).clip(-32768, 32767).astype(np.int16)
        bits, heard = sound_fingerprint(samples, each.sample_rate)
        none = np.zeros(0, np.bool_)
        prints.append(Fingerprint(bits, heard, np.zeros((0, 64), np.uint8), none))
    same = [(i, j) for i, j, _ in same_recordings(prints)]
    alike: dict[str, int] = {}
    linked = list(same)
    for place, each in enumerate(members):
        about = each.extra["urmp"]
        name = str(about["piece"]).split("_")[1]
        for key in (f"piece {name}", about["player"] and f"player {about['player']}"):
            if key:
                linked.append((alike.setdefault(key, place), place))
    groups = joined([each.id for each in members], linked)
    labels: dict[str, set[str | None]] = defaultdict(set)
    for each in members:
        labels[groups[each.id]].add(each.instrument)
    splits = assign_splits(labels, validation=config.validation, test=config.test, seed=config.seed)
    own = joined([each.id for each in members], same)
    for each in members:
        about = each.extra["urmp"]
        relabel_performance(
            output,
            each.id,
            split=splits[groups[each.id]],
            piece=str(about["piece"]).split("_")[1],
            player=about["player"] or f"track:{own[each.id]}",
        )
    across = [(members[i], members[j]) for i, j in same]
    outcome = ImportOutcome(
        performances={each.id: splits[groups[each.id]] for each in members},
        seconds=round(sum(each.seconds for each in members), 3),
        failures=tuple(failures),
        notes=(
            *(note for job in jobs for note in done[job.piece.folder].notes),
            *(
                f"{one.id} and {other.id}: the same recording; kept in one split"
                for one, other in across
                if one.extra["urmp"]["piece"] != other.extra["urmp"]["piece"]
            ),
        ),
        counts={"pieces": len({each.extra["urmp"]["piece"] for each in members})},
    )
    finish_import(
        output,
        outcome,
        config,
        kind="urmp",
        labels=[each.instrument for each in members],
        license="URMP's own, of the University of Rochester: ask its authors",
        sources=(
            "URMP: Li, Liu, Dinesh, Duan, Sharma, Creating a Multitrack Classical Music "
            f"Performance Dataset (IEEE TMM 2019), {len(members)} tracks",
        ),
    )
    return outcome
