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
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sightsound.errors import DataError, SightsoundError
from sightsound.media.audio import read_audio, resample, write_audio
from sightsound.media.image import fit_image, read_image, write_image
from sightsound.pairs.performances import (
    Dataset,
    DatasetInfo,
    Performance,
    PerformanceInfo,
    finish_dataset,
    has_performance,
    read_performance,
    write_performance,
)
from sightsound.shapes import INSTRUMENTS, Frames, Waveform, unit_to_image

SAMPLE_RATE = 44_100  # Hz
CHUNK_SECONDS = 0.5
STRIDE_MS = 100
FIRST_MS = 500  # the T of a song's first chunk
SPLIT_OF_FOLDER = {"train": "train", "validation": "test"}

_CHUNK_SAMPLES = round(CHUNK_SECONDS * SAMPLE_RATE)
_STRIDE_SAMPLES = SAMPLE_RATE * STRIDE_MS // 1000
# Largest difference between samples that two neighbours share: one 16-bit step and rounding.
_OVERLAP_TOLERANCE = 2.5 / 32768


@dataclass
class ImportReport:
    """What an import found. Nothing listed here stopped it."""

    performances: dict[str, str] = field(default_factory=dict)  # id → our split
    pairs: int = 0  # pictures that have their chunk
    missing: list[str] = field(default_factory=list)  # a picture or chunk without its partner
    doubled: list[str] = field(default_factory=list)  # there twice
    odd: list[str] = field(default_factory=list)  # not as the layout has it

    def __str__(self) -> str:
        lines = [f"{len(self.performances)} performances, {self.pairs} pairs"]
        for title in ("missing", "doubled", "odd"):
            found: list[str] = getattr(self, title)
            if found:
                more = f" … and {len(found) - 3} more" if len(found) > 3 else ""
                lines.append(f"{title}: {len(found)} ({'; '.join(found[:3])}{more})")
        return "\n".join(lines)


@dataclass
class _Song:
    """The files of one song, by T."""

    instrument: str
    number: str
    folder: str
    chunks: dict[int, Path] = field(default_factory=dict)
    pictures: dict[int, Path] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.instrument}{self.number}"


def import_sub_urmp(
    source: Path, output: Path, *, image_size: int = 128, progress: bool = True
) -> ImportReport:
    """Make a data set of a folder in Sub-URMP's layout.

    Reports what is missing, doubled or odd and goes on with the rest; repeated after a stop, it
    goes on where it was. See the module's docstring for the rules.

    Args:
        source: the folder that holds ``img`` and ``chunk``.
        output: folder of the data set to make.
        image_size: pixels a side of the stored frames.
        progress: show a progress bar.

    Raises:
        DataError: the layout is not there, or not one pair is whole.
    """
    report = ImportReport()
    songs = _find_songs(source, report)
    splits = _our_splits(songs)
    for song in tqdm(songs, desc="sub-urmp", unit="song", disable=not progress):
        _import_song(song, splits[song.id], output, image_size, report)
    if not report.performances:
        raise DataError(
            f"{source}: not one chunk with its picture could be read; first trouble: "
            f"{[*report.odd, *report.missing, 'no files'][0]}"
        )
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
    return report


def _find_songs(source: Path, report: ImportReport) -> list[_Song]:
    for name in ("img", "chunk"):
        if not (source / name).is_dir():
            raise DataError(
                f"{source}: no folder {name!r} here; Sub-URMP's layout is img/ and chunk/, each "
                "with train/ and validation/"
            )
    songs: dict[tuple[str, str], _Song] = {}
    for kind, suffixes in (("img", (".jpg", ".jpeg", ".png")), ("chunk", (".wav",))):
        for folder in SPLIT_OF_FOLDER:
            for path in sorted((source / kind / folder).glob("*/*")):
                found = re.fullmatch(r"(.+?)(\d{2,})_(\d+)", path.stem)
                instrument = path.parent.name
                if path.suffix.lower() not in suffixes or not found or found[1] != instrument:
                    report.odd.append(f"{path}: not named <instrument><SS>_<T>{suffixes[0]}")
                    continue
                if instrument not in INSTRUMENTS:
                    report.odd.append(f"{path}: {instrument!r} is none of the 13 instruments")
                    continue
                time = int(found[3])
                key = (folder, instrument + found[2])
                song = songs.setdefault(key, _Song(instrument, found[2], folder))
                files = song.pictures if kind == "img" else song.chunks
                if time % STRIDE_MS:
                    report.odd.append(f"{path}: {time} ms is no multiple of {STRIDE_MS}")
                elif time in files:
                    report.doubled.append(f"{path}: beside {files[time].name}, ignored")
                else:
                    files[time] = path
    for song in songs.values():
        for kind, files, others in (
            ("chunk", song.chunks, song.pictures),
            ("picture", song.pictures, song.chunks),
        ):
            report.missing += [
                f"{song.folder}/{song.instrument}/{song.id}_{time}: no {kind}"
                for time in sorted(set(others) - set(files))
            ]
    held_out = {name for folder, name in songs if folder == "validation"}
    for folder, name in sorted(songs):
        if folder == "train" and name in held_out:
            report.doubled.append(f"song {name}: in train and validation, left out of train")
            del songs[folder, name]
    return [songs[key] for key in sorted(songs, key=lambda key: key[1])]


def _our_splits(songs: Sequence[_Song]) -> dict[str, str]:
    """Song → our split; the rule stands in the module's docstring."""
    splits = {song.id: SPLIT_OF_FOLDER[song.folder] for song in songs}
    learnt: dict[str, list[_Song]] = defaultdict(list)
    for song in songs:
        if song.folder == "train":
            learnt[song.instrument].append(song)
    for candidates in learnt.values():
        if len(candidates) > 1:
            shortest = min(candidates, key=lambda song: (len(song.pictures), int(song.number)))
            splits[shortest.id] = "validation"
    return splits


def _import_song(
    song: _Song, split: str, output: Path, image_size: int, report: ImportReport
) -> None:
    # A chunk that cannot be read leaves a gap like one that is missing.
    chunks = _read_chunks(song, report)
    runs = list(_continuous(sorted(chunks)))
    if len(runs) > 1:
        report.odd.append(f"song {song.id}: sound in {len(runs)} pieces, one performance each")
    for place, times in enumerate(runs):
        name = song.id if place == 0 else f"{song.id}_{times[0]}"
        if has_performance(output, name):  # of an import that was stopped
            performance = read_performance(output / "performances" / name)
        else:
            pictures = _read_pictures(song, times, image_size, report)
            if not pictures:
                report.odd.append(f"song {song.id}: no picture from {times[0]} ms on, left out")
                continue
            performance = write_performance(
                output,
                PerformanceInfo(
                    id=name,
                    split=split,
                    instrument=song.instrument,
                    player=f"song:{song.id}",
                    piece=f"song:{song.id}",
                    frame_rate=1000 / STRIDE_MS,
                    extra={"sub_urmp": {"folder": song.folder, "first_ms": times[0]}},
                ),
                _join(song, chunks, times, report),
                SAMPLE_RATE,
                (pictures[time] for time in sorted(pictures)),
                {"frame_times": (np.array(sorted(pictures)) - times[0]) / 1000},
            )
        report.performances[name] = performance.split
        report.pairs += performance.frames


def _continuous(times: Sequence[int]) -> Iterator[list[int]]:
    """Runs of chunks that touch or overlap, so that the sound has no gap."""
    run: list[int] = []
    for time in times:
        if run and time - run[-1] > CHUNK_SECONDS * 1000:
            yield run
            run = []
        run.append(time)
    if run:
        yield run


def _read_chunks(song: _Song, report: ImportReport) -> dict[int, NDArray[np.float32]]:
    chunks = {}
    for time, path in sorted(song.chunks.items()):
        try:
            audio = read_audio(path, allow_silence=True)
        except SightsoundError as error:
            report.odd.append(str(error))
            continue
        waveform = audio.waveform[0]
        if audio.sample_rate != SAMPLE_RATE:
            report.odd.append(f"{path}: {audio.sample_rate} Hz, resampled to {SAMPLE_RATE}")
            waveform = resample(audio.waveform, audio.sample_rate, SAMPLE_RATE)[0]
        if abs(len(waveform) - _CHUNK_SAMPLES) > 1:
            report.odd.append(f"{path}: {len(waveform)} samples, not {_CHUNK_SAMPLES}; left out")
            continue
        chunks[time] = np.resize(waveform, _CHUNK_SAMPLES)
    return chunks


def _read_pictures(
    song: _Song, times: Sequence[int], image_size: int, report: ImportReport
) -> dict[int, Frames]:
    pictures = {}
    for time in times:
        if time not in song.pictures:
            continue
        try:
            image = read_image(song.pictures[time])
        except SightsoundError as error:
            report.odd.append(str(error))
            continue
        pictures[time] = unit_to_image(fit_image(image, image_size, mode="crop"))
    return pictures


def _join(
    song: _Song,
    chunks: Mapping[int, NDArray[np.float32]],
    times: Sequence[int],
    report: ImportReport,
) -> Waveform:
    """Put the continuous sound together and check what neighbours share."""
    first = times[0]
    total = (times[-1] - first) // STRIDE_MS * _STRIDE_SAMPLES + _CHUNK_SAMPLES
    waveform = np.zeros(total, np.float32)
    end = 0
    unlike = []
    for time in times:
        begin = (time - first) // STRIDE_MS * _STRIDE_SAMPLES
        shared = max(end - begin, 0)
        chunk = chunks[time]
        if np.abs(waveform[begin:end] - chunk[:shared]).max(initial=0.0) > _OVERLAP_TOLERANCE:
            unlike.append(time)
        waveform[begin + shared : begin + _CHUNK_SAMPLES] = chunk[shared:]
        end = begin + _CHUNK_SAMPLES
    if unlike:
        report.odd.append(
            f"song {song.id}: {len(unlike)} chunks differ from their neighbour where they overlap "
            f"(first at {unlike[0]} ms); the earlier one's samples were kept"
        )
    return waveform[None]


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
        with (temporary / "songs.csv").open("w", newline="", encoding="utf-8") as file:
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
