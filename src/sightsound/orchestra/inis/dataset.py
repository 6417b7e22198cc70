"""A seed in, a data set of pictures and sounds out: ``sightsound data orchestra --style inis``.

A stand-in for the paper's INIS. It is made as anybody's pictures and sounds are: two trees of files
with the same class folders and a table of splits, beside the data set, and then the importer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sightsound.errors import ConfigError, DataError
from sightsound.media.audio import write_audio
from sightsound.media.image import write_image
from sightsound.orchestra.dataset import SOURCES
from sightsound.orchestra.inis.picture import CLASSES, draw_picture
from sightsound.orchestra.inis.sound import perform_piece
from sightsound.orchestra.synthesis import missing_packages
from sightsound.pairs.imports import ImportOutcome, claim, in_processes
from sightsound.pairs.performances import Dataset
from sightsound.pairs.pictures_and_sounds import (
    About,
    PicturesAndSoundsConfig,
    import_pictures_and_sounds,
    write_splits,
)

CHUNK_SECONDS = 0.5  # a picture each


@dataclass(frozen=True)
class Counts:
    """What a split holds of one class."""

    pieces: int
    pairs: int  # of a picture and a chunk: as many pictures, each in one pair


ORCHESTRA_INIS: dict[str, dict[str, Counts]] = {
    "train": {
        "piano": Counts(16, 766), "sax": Counts(5, 1171), "violin": Counts(15, 631),
        "drum": Counts(5, 1075), "guitar": Counts(13, 818),
    },
    "validation": {label: Counts(5, 120) for label in CLASSES},
    "test": {
        "piano": Counts(7, 327), "sax": Counts(2, 500), "violin": Counts(6, 269),
        "drum": Counts(2, 460), "guitar": Counts(6, 349),
    },
    "judge": {label: Counts(40, 640) for label in CLASSES},
}  # fmt: skip
"""The frozen data set. ``train`` and ``test`` are the paper's Table 3, its 77 pieces parted 70 to
30; the others are ours: the judges hear and see more, of their own."""


@dataclass(frozen=True)
class Job:
    """One file to make: a picture, or a piece of so many chunks."""

    name: str  # below its tree
    label: str
    seeds: tuple[int, ...]  # of the picture; or of music, voice and room
    chunks: int  # 0 = a picture
    image_size: int
    folder: Path


def make_inis(
    output: Path,
    *,
    seed: int = 1,
    scale: float = 1.0,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    image_size: int = 128,
    workers: int | None = None,
    progress: bool = True,
) -> Dataset:
    """Draw and play two trees of files, then import them; a stopped command goes on.

    The trees lie beside the data set, in a folder of its name with ``-files`` behind: ``pictures``,
    ``sounds`` and ``splits.csv``. They may be deleted afterwards.

    Args:
        output: folder of the data set.
        seed: another seed, other pictures, music, voices and rooms.
        scale: share of orchestra-inis's pieces and pairs, at least a piece in each split.
        classes: some of the five; None = all.
        splits: some of train, validation, test and judge; None = all.
        image_size: side of the pictures, pixels, a multiple of 2 from 32 to 1024.
        workers: processes; None = one a processor.
        progress: show progress bars.

    Raises:
        ConfigError: a number or name is out of range. DataError: FluidSynth or a soundfont is
        missing, or a folder holds something else.
    """
    files = output.with_name(f"{output.name}-files")
    jobs, homes = plan(
        files, seed=seed, scale=scale, classes=classes, splits=splits, image_size=image_size
    )
    missing = missing_packages()
    if missing:
        raise DataError(
            f"data orchestra: {', '.join(missing)} not installed; on Debian: "
            f"apt-get install {' '.join(name for name in missing if '(' not in name)}"
        )
    claim(
        files,
        {
            "kind": "orchestra-inis",
            "files": [{**asdict(job), "folder": job.folder.name} for job in jobs],
        },
    )
    write_splits(files / "splits.csv", homes)
    _make_files(jobs, workers, progress)
    pairs = sum(job.chunks for job in jobs)
    whole = (seed, scale, image_size) == (1, 1.0, 128) and not classes and not splits
    outcome = import_pictures_and_sounds(
        files / "pictures",
        files / "sounds",
        output,
        PicturesAndSoundsConfig(image_size=image_size, frame_rate=1 / CHUNK_SECONDS, seed=seed),
        splits=homes,
        about=About(
            name="orchestra-inis" if whole else f"orchestra-inis-{seed}-{pairs}-{image_size}px",
            license="MIT",
            sources=SOURCES,
        ),
        workers=workers,
        progress=progress,
    )
    _check(outcome, output)
    return Dataset.open(output)


def plan(
    files: Path,
    *,
    seed: int,
    scale: float = 1.0,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    image_size: int = 128,
) -> tuple[list[Job], dict[str, str]]:
    """The files to make, pictures first, and the split of each by its name."""
    if not 0 < scale <= 1:
        raise ConfigError(f"scale {scale}: more than 0, at most 1, is allowed")
    if not 32 <= image_size <= 1024 or image_size % 2:
        raise ConfigError(f"image size {image_size}: an even number from 32 to 1024 is allowed")
    if seed < 0:
        raise ConfigError(f"seed {seed}: 0 or more is allowed")
    wanted = _chosen("instrument", classes, CLASSES)
    chosen = _chosen("split", splits, tuple(ORCHESTRA_INIS))
    pictures: list[Job] = []
    pieces: list[Job] = []
    homes: dict[str, str] = {}
    for split in chosen:
        for label in wanted:
            chunks = _scaled(ORCHESTRA_INIS[split][label], scale)
            for number in range(sum(chunks)):
                name = f"{label}/{split}-{label}-{number:04d}.jpg"
                seeds = _seeds(seed, split, label, number, 0)[:1]
                pictures.append(Job(name, label, seeds, 0, image_size, files / "pictures"))
                homes[name] = split
            for number, count in enumerate(chunks):
                name = f"{label}/{split}-{label}-piece-{number:03d}.flac"
                seeds = _seeds(seed, split, label, number, 1)
                pieces.append(Job(name, label, seeds, count, image_size, files / "sounds"))
                homes[name] = split
    return [*pictures, *pieces], homes


def make_file(job: Job) -> str:
    """Make one file, if it is not there."""
    path = job.folder / job.name
    if path.exists():
        return job.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if job.chunks:
        music, voice, room = job.seeds
        piece = perform_piece(job.label, music, voice, room, job.chunks * CHUNK_SECONDS)
        write_audio(path, piece.waveform, piece.sample_rate)
    else:
        write_image(path, draw_picture(job.label, job.seeds[0], job.image_size))
    return job.name


def _make_files(jobs: Sequence[Job], workers: int | None, progress: bool) -> None:
    for title, some in (
        ("pictures", [job for job in jobs if not job.chunks]),
        ("pieces", [job for job in jobs if job.chunks]),
    ):
        left = [job for job in some if not (job.folder / job.name).exists()]
        for job, made in in_processes(
            make_file,
            left,
            workers=workers,
            title=title,
            unit="file",
            done=len(some) - len(left),
            progress=progress,
        ):
            if made is None:
                raise DataError(
                    f"{job.name}: the process that made it died, perhaps for want of memory; "
                    "repeat the command with fewer --workers, it goes on where it was"
                )


def _scaled(counts: Counts, scale: float) -> list[int]:
    """Chunks of each piece: they differ by one at most."""
    pieces = max(1, round(counts.pieces * scale))
    pairs = max(4 * pieces, round(counts.pairs * scale))
    return [pairs // pieces + (number < pairs % pieces) for number in range(pieces)]


def _seeds(seed: int, split: str, label: str, number: int, kind: int) -> tuple[int, ...]:
    """Three seeds for one file, that have nothing to do with one another."""
    which = (list(ORCHESTRA_INIS).index(split), CLASSES.index(label), number, kind)
    state = np.random.SeedSequence([0x1415, seed, *which]).generate_state(3)
    return tuple(int(each) for each in state)


def _chosen(kind: str, names: Sequence[str] | None, allowed: tuple[str, ...]) -> list[str]:
    unknown = [name for name in names or () if name not in allowed]
    if unknown:
        raise ConfigError(
            f"{kind} {', '.join(unknown)}: style inis has {', '.join(allowed)}; choose from them"
        )
    return [name for name in allowed if not names or name in names]


def _check(outcome: ImportOutcome, output: Path) -> None:
    if outcome.failures:
        raise DataError(
            f"{output}: {outcome.failures[0]}; delete both folders and repeat the command"
        )
