"""Sub-URMP's distributed layout in, a data set out; and a data set out in that layout.

::

    img/{train,validation}/<instrument>/<instrument><SS>_<T>.jpg
    chunk/{train,validation}/<instrument>/<instrument><SS>_<T>.wav

``SS`` is the song's number, ``T`` milliseconds in steps of 100; each chunk is 0.5 s of sound, so
that neighbours share 0.4 s. The layout's folder ``validation`` is what the literature calls the
test set, and is our ``test``.

Rules of the import, each a decision of ours where the layout leaves it open:

* A song becomes one performance (several where chunks are missing in between): its continuous
  sound is put together from the chunks, its frames are the pictures at 10 a second.
* What is there is compared with the listing of what is distributed (``sub_urmp_listing``).
  Whatever is missing, doubled or odd is reported, and the rest is imported.
* Our ``validation`` is the shortest ``train`` song of every instrument that has at least two
  (at a tie the lowest number); all other ``train`` songs are our ``train``.
* Whether T marks a chunk's start or its end is unknown and does not matter: the picture of the
  same stem is the chunk's first frame (Source: the paper's section 4.1), so a performance counts
  its seconds from the start of its first chunk. That neighbours are 0.1 s apart is checked on the
  samples they share.
* The players are unknown. Each song counts as a player and a piece of its own, so "another
  person" means another song, which may be the same person.

Departs: pictures are cropped to their central square and reduced; the paper's crop is unknown.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
import os
import re
import shutil
import wave
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sightsound.errors import DataError, SightsoundError
from sightsound.media.audio import read_audio, resample, write_audio
from sightsound.media.image import fit_image, read_image, write_image
from sightsound.media.limits import Limits
from sightsound.pairs.imports import claim
from sightsound.pairs.performances import (
    MARKER,
    Dataset,
    DatasetInfo,
    Performance,
    PerformanceInfo,
    finish_dataset,
    write_json,
    write_performance,
)
from sightsound.pairs.sub_urmp_listing import (
    FIRST_MS,
    PAPER_COUNTS,
    STRIDE_MS,
    Listing,
    listed_counts,
    times_ms,
)
from sightsound.shapes import INSTRUMENTS, Frames, Waveform, unit_to_image

SAMPLE_RATE = 44_100  # Hz
CHUNK_SECONDS = 0.5
SPLIT_OF_FOLDER = {"train": "train", "validation": "test"}
REPORT = "import.json"  # what the import found, beside dataset.json
SONGS_TABLE = "songs.csv"  # in a folder that export_sub_urmp wrote

KINDS: Mapping[str, str] = {
    "missing": "listed, not there",
    "unpaired": "a picture without its chunk, or a chunk without its picture",
    "doubled": "there twice",
    "class": "a folder that is none of the 13 instruments, or no folder of the layout",
    "name": "a file not named <instrument><SS>_<T>",
    "unlisted": "there, not listed",
    "unreadable": "damaged, left out",
    "length": "a chunk that is not half a second, left out",
    "rate": "a chunk of another sample rate, resampled",
    "size": "a picture of another size than most",
    "overlap": "chunks that differ from their neighbours where they overlap",
    "gap": "sound with holes, parted there",
}
"""What a folder can have that its list does not, or lack; in the order of the report."""

_WORKING = ".import"  # in the data set while it is made: one file for each song that is done
_SUFFIXES = {"img": (".jpg", ".jpeg", ".png"), "chunk": (".wav",)}
_PAIRS_WORTH_A_PROCESS = 1000
_CHUNK_SAMPLES = round(CHUNK_SECONDS * SAMPLE_RATE)
_STRIDE_SAMPLES = SAMPLE_RATE * STRIDE_MS // 1000
# Largest difference between samples that two neighbours share: one 16-bit step and rounding.
_OVERLAP_TOLERANCE = 2.5 / 32768


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the layout, or the listing, has it."""

    kind: str  # a key of KINDS
    where: str
    what: str
    count: int = 1  # files or pairs that it speaks of

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class ImportReport:
    """What an import found. Nothing listed here stopped it."""

    performances: dict[str, str] = field(default_factory=dict)  # id → our split
    pairs: int = 0  # pictures that have their chunk
    found: dict[str, dict[str, int]] = field(default_factory=dict)  # folder → instrument → pairs
    listed: dict[str, dict[str, int]] | None = None  # the same as listed; None = nothing compared
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: str, where: object, what: str, count: int = 1) -> None:
        """Note one finding."""
        self.findings.append(Finding(kind, str(where), what, count))

    @property
    def missing(self) -> list[str]:
        """What is not there, or a picture or chunk without its partner."""
        return [str(each) for each in self.findings if each.kind in ("missing", "unpaired")]

    @property
    def doubled(self) -> list[str]:
        """What is there twice."""
        return [str(each) for each in self.findings if each.kind == "doubled"]

    @property
    def odd(self) -> list[str]:
        """Everything else that is not as the layout has it."""
        others = ("missing", "unpaired", "doubled")
        return [str(each) for each in self.findings if each.kind not in others]

    @property
    def version(self) -> str:
        """Which of the two versions the pairs found are, counted by instrument."""
        if self.found == PAPER_COUNTS:
            return "the counts of the paper's Table 2"
        if self.listed is None:
            return "compared with no list"
        return "the distributed version" + ("" if self.found == self.listed else ", not whole")

    def as_dict(self) -> dict[str, Any]:
        """For ``--json`` and for the file beside the data set."""
        return {
            "performances": self.performances,
            "pairs": self.pairs,
            "version": self.version,
            "found": self.found,
            "listed": self.listed,
            "paper": PAPER_COUNTS,
            "findings": [asdict(each) for each in self.findings],
        }

    def __str__(self) -> str:
        lines = [f"{len(self.performances)} performances, {self.pairs} pairs"]
        for folder, split in SPLIT_OF_FOLDER.items():
            count = sum(self.found.get(folder, {}).values())
            of = f" of {sum(self.listed[folder].values())} listed" if self.listed else ""
            paper = sum(PAPER_COUNTS[folder].values())
            ours = "our train and validation" if split == "train" else f"our {split}"
            lines.append(f"{folder}: {count}{of} pairs ({ours}; the paper counts {paper})")
        lines.append(f"version: {self.version}")
        for kind, meaning in KINDS.items():
            found = [each for each in self.findings if each.kind == kind]
            if found:
                more = f" … and {len(found) - 3} more" if len(found) > 3 else ""
                total = sum(each.count for each in found)
                shown = "; ".join(str(each) for each in found[:3])
                lines.append(f"{kind}: {total} ({meaning}): {shown}{more}")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Song:
    """The files of one song: T → file name."""

    source: Path
    folder: str  # theirs: train or validation
    instrument: str
    number: str
    chunks: dict[int, str] = field(default_factory=dict)
    pictures: dict[int, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.instrument}{self.number}"

    @property
    def where(self) -> str:
        return f"{self.folder}/{self.instrument}/{self.id}"

    @property
    def pairs(self) -> int:
        return len(self.chunks.keys() & self.pictures.keys())

    def chunk(self, time: int) -> Path:
        return self.source / "chunk" / self.folder / self.instrument / self.chunks[time]

    def picture(self, time: int) -> Path:
        return self.source / "img" / self.folder / self.instrument / self.pictures[time]


@dataclass(frozen=True)
class _Job:
    """One song to import."""

    song: _Song
    split: str  # ours
    output: Path
    image_size: int

    @property
    def signature(self) -> str:
        """Changes with the song's files and with how it is imported."""
        song = self.song
        told = [self.split, self.image_size, sorted(song.chunks.items())]
        told.append(sorted(song.pictures.items()))
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def note(self) -> Path:
        """Where it is written that the song is done, and what was found in it."""
        return self.output / _WORKING / f"{self.song.id}.json"


@dataclass
class _Outcome:
    """What importing one song gave."""

    performances: dict[str, str] = field(default_factory=dict)
    pairs: int = 0
    findings: list[Finding] = field(default_factory=list)
    # "width × height" → stems of such pictures, the first few, and their number
    sizes: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    def add(self, kind: str, where: object, what: str, count: int = 1) -> None:
        self.findings.append(Finding(kind, str(where), what, count))

    def count_size(self, size: str, stem: str) -> None:
        shown, count = self.sizes.get(size, ([], 0))
        self.sizes[size] = ([*shown, stem] if count < 3 else shown, count + 1)


def import_sub_urmp(
    source: Path,
    output: Path,
    *,
    image_size: int = 128,
    listing: Listing | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> ImportReport:
    """Make a data set of a folder in Sub-URMP's layout.

    Reports what is missing, doubled or odd and goes on with the rest; repeated after a stop, it
    goes on where it was. The whole report is kept in ``import.json``. See the module's docstring
    for the rules.

    Args:
        source: the folder that holds ``img`` and ``chunk``.
        output: folder of the data set to make.
        image_size: pixels a side of the stored frames.
        listing: what should be there, ``sub_urmp_listing.DISTRIBUTED``; None = compare with no
            list, as for a folder that `--layout sub-urmp` wrote.
        workers: processes; None = one a processor, but none for less than 1000 pairs each.
        progress: show a progress bar.

    Raises:
        DataError: the layout is not there, or not one pair is whole.
    """
    if not 16 <= image_size <= 1024 or image_size % 2:
        raise DataError(f"image size {image_size}: an even number from 16 to 1024 is allowed")
    report = ImportReport(listed=None if listing is None else listed_counts(listing))
    songs = _find_songs(source, report)
    for song in songs:
        counts = report.found.setdefault(song.folder, {})
        counts[song.instrument] = counts.get(song.instrument, 0) + song.pairs
    if listing is not None and report.found != PAPER_COUNTS:
        _compare(songs, listing, report)
    songs = _without_leaking_songs(songs, report)
    splits = _our_splits(songs, listing or {})
    jobs = [_Job(song, splits[song.id], output, image_size) for song in songs]
    whole = hashlib.sha256("".join(job.signature for job in jobs).encode()).hexdigest()
    claim(
        output,
        {"kind": "sub-urmp", "source": str(source.resolve()), "image_size": image_size},
    )
    if (output / MARKER).exists():
        return _report_of_finished(output, whole)
    outcomes = _import_songs(jobs, workers, progress)
    for job in jobs:
        outcome = outcomes[job.song.id]
        report.performances |= outcome.performances
        report.pairs += outcome.pairs
        report.findings += outcome.findings
    _find_odd_sizes([outcomes[job.song.id] for job in jobs], report)
    if not report.performances:
        raise DataError(
            f"{source}: not one chunk with its picture could be read; first trouble: "
            f"{[*report.odd, *report.missing, 'no files'][0]}"
        )
    write_json(output / REPORT, {"signature": whole, **report.as_dict()})
    played = {song.instrument for song in songs}
    finish_dataset(
        output,
        DatasetInfo(
            name=output.resolve().name,
            kind="sub-urmp",
            classes=tuple(name for name in INSTRUMENTS if name in played),
            frame_rate=1000 / STRIDE_MS,
            image_size=image_size,
            license="as Sub-URMP's, of the University of Rochester: ask its authors",
            sources=(f"Sub-URMP layout, {report.pairs} pairs",),
        ),
    )
    shutil.rmtree(output / _WORKING, ignore_errors=True)
    return report


def _report_of_finished(output: Path, signature: str) -> ImportReport:
    """The report of an import that is done; refuses where it was one of something else."""
    try:
        told = json.loads((output / REPORT).read_text(encoding="utf-8"))
        if told["signature"] == signature:
            findings = [Finding(**each) for each in told["findings"]]
            return ImportReport(
                told["performances"], told["pairs"], told["found"], told["listed"], findings
            )
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(
        f"{output}: this data set is finished and was made of other files, or at another size; "
        "choose another folder with -o, or delete it"
    )


# --- What is there ------------------------------------------------------------------------------


def _find_songs(source: Path, report: ImportReport) -> list[_Song]:
    """All songs in their order, paired or not; what has no place in the layout is reported."""
    for name in _SUFFIXES:
        if not (source / name).is_dir():
            raise DataError(
                f"{source}: no folder {name!r} here; Sub-URMP's layout is img/ and chunk/, each "
                "with train/ and validation/"
            )
    songs: dict[tuple[str, str], _Song] = {}
    for kind in _SUFFIXES:
        for place in _entries(source / kind):
            if not place.is_dir():
                report.add("name", place, "lies outside the folders train/ and validation/")
            elif place.name not in SPLIT_OF_FOLDER:
                report.add("class", place, "is no folder of the layout; train and validation are")
            else:
                _find_in_split(source, kind, place, songs, report)
    for song in songs.values():
        for what, files, others in (
            ("chunk", song.chunks, song.pictures),
            ("picture", song.pictures, song.chunks),
        ):
            for run in _runs(sorted(others.keys() - files.keys())):
                report.add("unpaired", _span(song, run), f"no {what}", len(run))
    return [songs[key] for key in sorted(songs, key=lambda key: (key[1], key[0]))]


def _find_in_split(
    source: Path,
    kind: str,
    split_folder: Path,
    songs: dict[tuple[str, str], _Song],
    report: ImportReport,
) -> None:
    for class_folder in _entries(split_folder):
        instrument = class_folder.name
        if not class_folder.is_dir():
            report.add("name", class_folder, "lies outside a class folder")
            continue
        entries = _entries(class_folder)
        if instrument not in INSTRUMENTS:
            near = difflib.get_close_matches(instrument, INSTRUMENTS, n=1)
            hint = f"; did they mean {near[0]}?" if near else ""
            report.add(
                "class",
                class_folder,
                f"{instrument!r} is none of the 13 instruments, {len(entries)} files left out"
                f"{hint}",
                len(entries),
            )
            continue
        for path in entries:
            found = re.fullmatch(rf"{instrument}(\d{{2,}})_(\d+)", path.stem)
            if path.suffix.lower() not in _SUFFIXES[kind] or not found:
                report.add("name", path, f"not named {instrument}<SS>_<T>{_SUFFIXES[kind][0]}")
                continue
            number, time = found[1], int(found[2])
            key = (split_folder.name, instrument + number)
            song = songs.setdefault(key, _Song(source, split_folder.name, instrument, number))
            files = song.pictures if kind == "img" else song.chunks
            if time % STRIDE_MS:
                report.add("name", path, f"{time} ms is no multiple of {STRIDE_MS}")
            elif time in files:
                report.add("doubled", path, f"beside {files[time]}, ignored")
            else:
                files[time] = path.name


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without what file managers leave behind."""
    with os.scandir(folder) as entries:
        names = sorted(each.name for each in entries)
    return [folder / name for name in names if name[0] != "." and name != "Thumbs.db"]


def _compare(songs: Sequence[_Song], listing: Listing, report: ImportReport) -> None:
    """Compare the songs with the list; songs without a picture or chunk are reported elsewhere."""
    there = {(song.folder, song.instrument, song.number): song for song in songs}
    for key, pairs in listing.items():
        folder, instrument, number = key
        if key not in there:
            where = f"{folder}/{instrument}/{instrument}{number}"
            report.add("missing", where, f"the whole song, {pairs} pairs", pairs)
            continue
        song, listed = there[key], set(times_ms(pairs))
        present = song.chunks.keys() | song.pictures.keys()
        for run in _runs(sorted(listed - present)):
            report.add("missing", _span(song, run), "neither picture nor chunk", len(run))
        for run in _runs(sorted(present - listed)):
            what = (
                f"not listed, the song should end at {times_ms(pairs)[-1]} ms; taken all the same"
            )
            report.add("unlisted", _span(song, run), what, len(run))
    for key, song in there.items():
        if key not in listing:
            count = len(song.chunks.keys() | song.pictures.keys())
            report.add("unlisted", song.where, f"no such song, {count} pairs taken", count)


def _without_leaking_songs(songs: Sequence[_Song], report: ImportReport) -> list[_Song]:
    """A song that is in both of their folders is left out of train."""
    held_out = {song.id for song in songs if song.folder == "validation"}
    kept = []
    for song in songs:
        if song.folder == "train" and song.id in held_out:
            what = "in train and validation, left out of train"
            report.add("doubled", f"song {song.id}", what, song.pairs)
        else:
            kept.append(song)
    return kept


def _our_splits(songs: Sequence[_Song], listing: Listing) -> dict[str, str]:
    """Song → our split; the rule stands in the module's docstring.

    Lengths are the listed ones where there are, so that a picture that is missing moves no song.
    """
    splits = {song.id: SPLIT_OF_FOLDER[song.folder] for song in songs}
    learnt: dict[str, list[_Song]] = defaultdict(list)
    for song in songs:
        if song.folder == "train":
            learnt[song.instrument].append(song)

    def length(song: _Song) -> tuple[int, int]:
        listed = listing.get((song.folder, song.instrument, song.number))
        return (len(song.pictures) if listed is None else listed, int(song.number))

    for candidates in learnt.values():
        if len(candidates) > 1:
            splits[min(candidates, key=length).id] = "validation"
    return splits


def _runs(times: Sequence[int]) -> Iterator[list[int]]:
    """Runs of neighbouring times, so that a hole of a thousand is told in one line."""
    run: list[int] = []
    for time in times:
        if run and time != run[-1] + STRIDE_MS:
            yield run
            run = []
        run.append(time)
    if run:
        yield run


def _span(song: _Song, run: Sequence[int]) -> str:
    last = f" to {run[-1]}" if len(run) > 1 else ""
    return f"{song.where}_{run[0]}{last}"


# --- Importing ----------------------------------------------------------------------------------


def _import_songs(jobs: Sequence[_Job], workers: int | None, progress: bool) -> dict[str, _Outcome]:
    """Import the songs that are not done yet; longest first, so that no processor waits long."""
    outcomes: dict[str, _Outcome] = {}
    left: list[_Job] = []
    for job in jobs:
        done = _read_note(job)
        if done is None:
            left.append(job)
        else:
            outcomes[job.song.id] = done
    left.sort(key=lambda job: -job.song.pairs)
    pairs = sum(job.song.pairs for job in jobs)
    to_do = sum(job.song.pairs for job in left)
    enough = to_do // _PAIRS_WORTH_A_PROCESS
    processes = min(workers or os.cpu_count() or 1, len(left), max(1, enough))
    with tqdm(
        total=pairs, initial=pairs - to_do, desc="sub-urmp", unit="pair", disable=not progress
    ) as bar:
        for job, outcome in _completed(left, processes):
            outcomes[job.song.id] = outcome
            bar.update(job.song.pairs)
    return outcomes


def _completed(jobs: Sequence[_Job], processes: int) -> Iterator[tuple[_Job, _Outcome]]:
    if processes <= 1:
        for job in jobs:
            yield job, _import_song(job)
        return
    with ProcessPoolExecutor(processes) as pool:
        try:
            running = {pool.submit(_import_song, job): job for job in jobs}
            for future in as_completed(running):
                yield running[future], future.result()
        except BrokenProcessPool as error:
            raise DataError(
                "data sub-urmp: a process was ended from outside, mostly for want of memory; "
                "repeat the command with fewer --workers, it goes on where it was"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _read_note(job: _Job) -> _Outcome | None:
    """What importing a song gave, if that was done with the same files."""
    try:
        told = json.loads(job.note.read_text(encoding="utf-8"))
        if told["signature"] != job.signature:
            return None
        findings = [Finding(**each) for each in told["findings"]]
        sizes = {size: (shown, count) for size, (shown, count) in told["sizes"].items()}
        return _Outcome(told["performances"], told["pairs"], findings, sizes)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _import_song(job: _Job) -> _Outcome:
    """One song → one performance, or one for each unbroken piece of its sound."""
    song, outcome = job.song, _Outcome()
    root = job.output / "performances"
    for old in (root / song.id, *root.glob(f"{song.id}_*")):  # of other files, or half of a song
        shutil.rmtree(old, ignore_errors=True)
    pieces = 0
    for times, waveform in _continuous_sound(song, outcome):
        name = song.id if pieces == 0 else f"{song.id}_{times[0]}"
        pieces += 1
        shown: list[int] = []
        frames = _frames(song, times, job.image_size, shown, outcome)
        first = next(frames, None)
        if first is None:
            what = f"no picture from {times[0]} ms on, left out"
            outcome.add("gap", f"song {song.id}", what)
            continue
        performance = write_performance(
            job.output,
            PerformanceInfo(
                id=name,
                split=job.split,
                instrument=song.instrument,
                player=f"song:{song.id}",
                piece=f"song:{song.id}",
                frame_rate=1000 / STRIDE_MS,
                extra={"sub_urmp": {"folder": song.folder, "first_ms": times[0]}},
            ),
            waveform,
            SAMPLE_RATE,
            _with_first(first, frames),
            _frame_times(shown, times[0]),
        )
        outcome.performances[name] = performance.split
        outcome.pairs += performance.frames
    if pieces > 1:
        what = f"sound in {pieces} pieces, one performance each"
        outcome.add("gap", f"song {song.id}", what)
    job.note.parent.mkdir(parents=True, exist_ok=True)
    write_json(job.note, {"signature": job.signature, **asdict(outcome)})
    return outcome


def _with_first(first: Frames, others: Iterator[Frames]) -> Iterator[Frames]:
    yield first
    yield from others


def _frame_times(
    shown: Sequence[int], first_ms: int
) -> Callable[[], Mapping[str, NDArray[np.float64]]]:
    """The truth of a performance: ``shown`` is complete only when its last frame was read."""
    return lambda: {"frame_times": (np.array(shown) - first_ms) / 1000}


def _continuous_sound(song: _Song, outcome: _Outcome) -> Iterator[tuple[list[int], Waveform]]:
    """Put a song's sound together: (times of the chunks, (1, T)) for each piece without a gap.

    One chunk is held at a time. A chunk that cannot be read leaves a gap like one that is missing.
    What neighbours share is compared; the earlier one's samples are kept.
    """
    times: list[int] = []
    parts: list[NDArray[np.float32]] = []
    tail = np.zeros(0, np.float32)  # the last half second that was put together
    unlike: list[int] = []
    for time in sorted(song.chunks):
        chunk = _read_chunk(song, time, outcome)
        if chunk is None:
            continue
        if times and time - times[-1] > CHUNK_SECONDS * 1000:
            yield times, np.concatenate(parts)[None]
            times, parts = [], []
        if not times:
            parts, tail = [chunk], chunk
        else:
            begin = (time - times[-1]) // STRIDE_MS * _STRIDE_SAMPLES
            shared = _CHUNK_SAMPLES - begin
            if np.abs(tail[begin:] - chunk[:shared]).max(initial=0.0) > _OVERLAP_TOLERANCE:
                unlike.append(time)
            parts.append(chunk[shared:])
            tail = np.concatenate([tail[begin:], chunk[shared:]])
        times.append(time)
    if times:
        yield times, np.concatenate(parts)[None]
    if unlike:
        outcome.add(
            "overlap",
            f"song {song.id}",
            f"{len(unlike)} chunks differ from their neighbour where they overlap "
            f"(first at {unlike[0]} ms); the earlier one's samples were kept",
            len(unlike),
        )


def _read_chunk(song: _Song, time: int, outcome: _Outcome) -> NDArray[np.float32] | None:
    path = song.chunk(time)
    try:
        waveform, sample_rate = _plain_wav(path) or _any_sound(path)
    except SightsoundError as error:
        outcome.add("unreadable", f"{song.where}_{time}", str(error))
        return None
    if sample_rate != SAMPLE_RATE:
        outcome.add("rate", path, f"{sample_rate} Hz, resampled to {SAMPLE_RATE}")
        waveform = resample(waveform[None], sample_rate, SAMPLE_RATE)[0]
    if abs(len(waveform) - _CHUNK_SAMPLES) > 1:
        outcome.add("length", path, f"{len(waveform)} samples, not {_CHUNK_SAMPLES}; left out")
        return None
    # The channels are the same in what is distributed, so the first one is all of it.
    return np.resize(waveform, _CHUNK_SAMPLES)


def _plain_wav(path: Path) -> tuple[NDArray[np.float32], int] | None:
    """The first channel of a whole 16-bit PCM file, and its rate; None for any other file.

    A tenth of the time that ``read_audio`` takes for half a second, and there are 80,805 of them.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                return None
            if not 8_000 <= file.getframerate() <= 192_000:
                return None
            expected, channels = file.getnframes(), file.getnchannels()
            samples = np.frombuffer(file.readframes(expected), "<i2")
            if len(samples) != expected * channels:
                return None  # cut short
            return samples[::channels].astype(np.float32) / np.float32(32768), file.getframerate()
    except (wave.Error, EOFError, OSError, ValueError):
        return None


def _any_sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """The first channel of a sound file, and its rate; says in one line what is wrong with it."""
    # A chunk that is too short is told by its length, not as a sound that nobody can use.
    limits = replace(Limits.from_environment(), min_seconds=0.0)
    audio = read_audio(path, limits=limits, allow_silence=True)
    return audio.waveform[0], audio.sample_rate


def _frames(
    song: _Song, times: Sequence[int], image_size: int, shown: list[int], outcome: _Outcome
) -> Iterator[Frames]:
    """Pictures of these times one after the other; ``shown`` grows with each that could be read."""
    for time in times:
        if time not in song.pictures:
            continue
        try:
            image = read_image(song.picture(time))
        except SightsoundError as error:
            outcome.add("unreadable", f"{song.where}_{time}", str(error))
            continue
        outcome.count_size(f"{image.shape[2]} × {image.shape[1]}", f"{song.where}_{time}")
        shown.append(time)
        yield unit_to_image(fit_image(image, image_size, mode="crop"))


def _find_odd_sizes(outcomes: Sequence[_Outcome], report: ImportReport) -> None:
    """Pictures of another size than most: the distributed ones are all of one."""
    totals: Counter[str] = Counter()
    for outcome in outcomes:
        for size, (_, count) in outcome.sizes.items():
            totals[size] += count
    if len(totals) < 2:
        return
    usual = totals.most_common(1)[0][0]
    for outcome in outcomes:
        for size, (shown, count) in outcome.sizes.items():
            if size != usual:
                more = f" and {count - len(shown)} more" if count > len(shown) else ""
                what = f"{size} pixels{more}, most are {usual}; taken all the same"
                report.add("size", ", ".join(shown), what, count)


# --- The other way ------------------------------------------------------------------------------


def export_sub_urmp(dataset: Dataset, folder: Path, *, progress: bool = True) -> int:
    """Write a data set in Sub-URMP's layout, a view for other people's programs.

    Their ``train`` is our train and validation, their ``validation`` is our test; other splits
    have no place there. 10 frames a second as JPEG, chunks of 0.5 s, stereo (both channels the
    same), 16-bit, 44.1 kHz. Imported songs keep their numbers; others are numbered in the order
    of their ids. ``songs.csv`` says which performance each song is.

    Args:
        dataset: an opened data set.
        folder: a folder that does not exist yet.
        progress: show a progress bar.

    Returns:
        The number of pairs written.

    Raises:
        DataError: the folder exists or cannot be written.
    """
    if folder.exists():
        raise DataError(f"{folder}: exists already; choose another folder or delete it")
    temporary = folder.with_name(f".{folder.name}.part")
    chosen = [
        each
        for each in dataset.performances()
        if each.split in ("train", "validation", "test") and each.instrument is not None
    ]
    numbers = _song_numbers(chosen)
    pairs = 0
    try:
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir(parents=True)
        with (temporary / SONGS_TABLE).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("song", "folder", "performance", "split", "player", "piece"))
            for each in tqdm(chosen, desc="sub-urmp", unit="song", disable=not progress):
                where = "validation" if each.split == "test" else "train"
                song = f"{each.instrument}{numbers[each.id]}"
                table.writerow((song, where, each.id, each.split, each.player, each.piece))
                pairs += _export_song(each, song, where, temporary)
        temporary.replace(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DataError(
            f"{folder}: cannot be written ({error.strerror}); nothing was left half-written"
        ) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return pairs


def _song_numbers(performances: Sequence[Performance]) -> dict[str, str]:
    """Performance → number of its song, at least two digits, unique in its instrument."""
    numbers: dict[str, str] = {}
    taken: dict[str, set[int]] = defaultdict(set)
    for each in performances:
        kept = re.fullmatch(rf"{each.instrument}(\d{{2,}})", each.id)
        if kept:
            numbers[each.id] = kept[1]
            taken[str(each.instrument)].add(int(kept[1]))
    free: dict[str, int] = defaultdict(int)
    for each in performances:
        instrument = str(each.instrument)
        if each.id not in numbers:
            while free[instrument] in taken[instrument]:
                free[instrument] += 1
            numbers[each.id] = f"{free[instrument]:02d}"
            taken[instrument].add(free[instrument])
    return numbers


def _export_song(performance: Performance, song: str, where: str, root: Path) -> int:
    sound = resample(performance.sound(), performance.sample_rate, SAMPLE_RATE)
    pixels = performance.frame_pixels()
    times = performance.frame_times()
    pictures = root / "img" / where / str(performance.instrument)
    chunks = root / "chunk" / where / str(performance.instrument)
    pictures.mkdir(parents=True, exist_ok=True)
    chunks.mkdir(parents=True, exist_ok=True)
    written = 0
    for place in range((sound.shape[1] - _CHUNK_SAMPLES) // _STRIDE_SAMPLES + 1):
        begin = place * _STRIDE_SAMPLES
        moment = begin / SAMPLE_RATE
        frame = int(np.argmin(np.abs(times - moment)))
        if abs(times[frame] - moment) > 0.5 / performance.frame_rate + 1e-6:
            continue
        stem = f"{song}_{FIRST_MS + STRIDE_MS * place}"
        window = sound[:, begin : begin + _CHUNK_SAMPLES]
        write_audio(chunks / f"{stem}.wav", np.repeat(window, 2, axis=0), SAMPLE_RATE)
        write_image(pictures / f"{stem}.jpg", pixels[frame])
        written += 1
    return written
