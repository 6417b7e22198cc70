"""Pictures and sounds of the same classes in, pairs by class out, with no timing between them.

::

    PICTURES/<class>/….jpg
    SOUNDS/<class>/….wav

This is how the paper's INIS was made: pictures of ImageNet, sounds of solo pieces cut into chunks,
each picture with some chunk of its class (its section 4.2).

Rules of the import, each a decision of ours:

* Pictures and sounds are split each on their own, class by class, by a hash of their names and the
  seed. Pictures that look the same (64 bits of their brightness differ in at most 3 places) and
  sounds that are the same recording stay in one split, so no split shares anything with another.
* Who has splits of their own gives them (``splits``, a table of file and split): they are kept as
  they are, and what looks the same in two of them is told.
* A sound file becomes one performance. Every ``1 / frame_rate`` seconds (0.5 s: the paper's chunk)
  a picture of its class and split begins, and belongs to the sound up to the next. Pictures are
  dealt from a shuffled pack, so that none comes twice before all have come once.
* Where there are more pictures than places, some stay unused, and it is told.
* Nothing is known of players, and no sound is in two files: each file is a piece of its own.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from sightsound.config import to_json
from sightsound.errors import ConfigError, DataError, MediaError, SightsoundError, WriteError
from sightsound.media.audio import read_audio
from sightsound.media.files import write_bytes
from sightsound.media.image import fit_image, read_image, read_pixels
from sightsound.media.kinds import IMAGE_SUFFIXES, SOUND_SUFFIXES
from sightsound.pairs.fingerprints import Fingerprint, same_recordings, sound_fingerprint
from sightsound.pairs.imports import ImportOutcome, claim, class_of, finish_import, in_processes
from sightsound.pairs.performances import (
    MARKER,
    SPLITS,
    PerformanceInfo,
    has_performance,
    read_performance,
    write_performance,
)
from sightsound.pairs.shares import assign_splits
from sightsound.pairs.videos import joined, recording_id
from sightsound.shapes import Frames, unit_to_image

SAMPLE_RATE = 44_100  # Hz, of what is stored
_LIKE_BITS = 3  # of 64: pictures that differ in no more are one


@dataclass(frozen=True, kw_only=True)
class PicturesAndSoundsConfig:
    """How two trees of one set of classes become a data set."""

    image_size: int = 128  # pixels a side of the stored frames
    frame_rate: float = 2.0  # pictures a second of sound; 2 = one a chunk of 0.5 s
    validation: float = 0.1  # share of the pictures, and of the sounds, of each class
    test: float = 0.2  # share of the pictures, and of the sounds, of each class
    seed: int = 0  # another seed, other splits and pairs


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of two trees; a folder of somebody's says nothing of itself."""

    name: str  # of the data set
    license: str
    sources: tuple[str, ...]  # what it was made from, each with its licence


@dataclass(frozen=True)
class _File:
    path: Path
    name: str  # below its tree, with "/"
    label: str


@dataclass(frozen=True)
class _Looked:
    """What is told of a picture or a sound at the first reading."""

    seconds: float = 0.0  # of a sound
    picture: int = 0  # 64 bits of its brightness
    sound: Fingerprint | None = None
    failure: str | None = None


@dataclass(frozen=True)
class _Job:
    sound: _File
    id: str
    split: str
    piece: str
    pictures: tuple[_File, ...]  # one for each place, in order
    output: Path
    config: PicturesAndSoundsConfig


def import_pictures_and_sounds(
    pictures: Path,
    sounds: Path,
    output: Path,
    config: PicturesAndSoundsConfig | None = None,
    *,
    splits: Mapping[str, str] | None = None,
    about: About | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> ImportOutcome:
    """Make a data set of two trees with the same class folders; a stopped import goes on.

    See the module's docstring for the rules. A file that cannot be read is told in one line, and
    the rest goes on.

    Args:
        pictures: one folder of pictures a class.
        sounds: one folder of sounds a class, named alike.
        output: folder of the data set to make.
        config: sizes, rates and shares; None = as they come.
        splits: name below its tree, with "/", of every picture and sound → its split; the shares
            then do not count. None = drawn by the shares.
        about: name, licence and sources; None = the folder's name, and that nothing is known.
        workers: processes; None = one a processor.
        progress: show a progress bar.

    Raises:
        ConfigError: a setting is out of range. DataError: no class with pictures and sounds, a
        file without a split, a recording in two, or the output folder holds something else.
    """
    config = config or PicturesAndSoundsConfig()
    if not 16 <= config.image_size <= 1024 or config.image_size % 2:
        raise ConfigError(
            f"image_size={config.image_size}: an even number from 16 to 1024 is allowed"
        )
    if not 0.1 <= config.frame_rate <= 25:
        raise ConfigError(f"frame_rate={config.frame_rate}: 0.1 to 25 pictures a second")
    assign_splits({}, validation=config.validation, test=config.test, seed=config.seed)
    seen, heard = _find(pictures, IMAGE_SUFFIXES), _find(sounds, SOUND_SUFFIXES)
    both = {each.label for each in seen} & {each.label for each in heard}
    if not both:
        raise DataError(
            f"{pictures} and {sounds}: no class folder with pictures in the one and sounds in the "
            "other; name the folders of a class alike"
        )
    notes = [
        f"{label}: only {'pictures' if label in {e.label for e in seen} else 'sounds'}; left out"
        for label in sorted({each.label for each in [*seen, *heard]} - both)
    ]
    seen = [each for each in seen if each.label in both]
    heard = [each for each in heard if each.label in both]
    if splits is not None:
        _check_given(splits, [*seen, *heard])
    listing = hashlib.sha256(
        "\n".join(
            each.name if splits is None else f"{each.name}\t{splits[each.name]}"
            for each in [*seen, *heard]
        ).encode("utf-8", "surrogateescape")
    ).hexdigest()
    claim(output, {"kind": "pictures-and-sounds", "config": to_json(config), "files": listing})
    if (output / MARKER).exists():
        return ImportOutcome.read(output)
    looked = _look([*seen, *heard], workers, progress)
    failures = [each.failure for each in looked.values() if each.failure is not None]
    seen = [each for each in seen if looked[each].failure is None]
    heard = [each for each in heard if looked[each].failure is None]
    picture_groups = _picture_groups(seen, looked)
    same = _same_sounds(heard, looked)
    sound_groups = joined([each.name for each in heard], [(i, j) for i, j, _ in same])
    picture_splits = splits or _splits(seen, picture_groups, config)
    sound_splits = splits or _splits(heard, sound_groups, config)
    jobs, unused = _deal(seen, heard, looked, picture_splits, sound_splits, sound_groups, output,
                         config, notes)  # fmt: skip
    if not jobs:
        raise DataError(
            f"{pictures} and {sounds}: no split of a class has both; "
            f"first trouble: {[*failures, *notes, 'too few files'][0]}"
        )
    left = [job for job in jobs if not has_performance(output, job.id)]
    for job, failure in in_processes(
        _import_sound,
        left,
        workers=workers,
        title="pictures-and-sounds",
        unit="sound",
        done=len(jobs) - len(left),
        progress=progress,
    ):
        if failure is None:
            failures.append(f"{job.sound.path}: the process that read it died; left out")
        elif failure:
            failures.append(failure)
    members = [
        read_performance(output / "performances" / job.id)
        for job in jobs
        if has_performance(output, job.id)
    ]
    alike = _alike(seen, picture_groups, picture_splits)
    outcome = ImportOutcome(
        performances={each.id: each.split for each in members},
        seconds=round(sum(each.seconds for each in members), 3),
        failures=tuple(failures),
        notes=(
            *notes,
            *(
                f"{heard[i].name} and {heard[j].name}: the same recording; kept in one split"
                for i, j, _ in same
            ),
            *alike,
        ),
        counts={
            "pairs of a picture and a chunk": sum(each.frames for each in members),
            "pictures unused": unused,
        },
    )
    finish_import(
        output,
        outcome,
        config,
        kind="pictures-and-sounds",
        labels=[each.instrument for each in members],
        name=None if about is None else about.name,
        license="its pictures' and sounds': unknown here; ask who made them"
        if about is None
        else about.license,
        sources=(
            f"{len(seen)} pictures of a folder named {pictures.resolve().name}",
            f"{len(heard)} sounds of a folder named {sounds.resolve().name}",
        )
        if about is None
        else about.sources,
    )
    return outcome


def read_splits(path: Path) -> dict[str, str]:
    """A table of splits: CSV with the columns ``file`` (below its tree, with "/") and ``split``.

    Raises:
        DataError: it cannot be read, has not these columns, or names a file in two splits.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read as a table ({reason}); give a CSV file") from error
    splits: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        name, split = row.get("file"), row.get("split")
        if not name or not split:
            raise DataError(f"{path}, line {number}: the columns file and split are needed")
        if splits.setdefault(name, split) != split:
            raise DataError(f"{path}, line {number}: {name} is in two splits; give it one")
    return splits


def write_splits(path: Path, splits: Mapping[str, str]) -> None:
    """Write what ``read_splits`` reads."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "split"))
    table.writerows(splits.items())
    write_bytes(path, text.getvalue().encode("utf-8"))


def _check_given(splits: Mapping[str, str], files: Sequence[_File]) -> None:
    without = [file.name for file in files if file.name not in splits]
    if without:
        raise DataError(
            f"{without[0]}: in no split, {len(without)} files in all; give each picture and sound "
            "a split"
        )
    unknown = sorted({splits[file.name] for file in files} - set(SPLITS))
    if unknown:
        raise DataError(f"split {', '.join(unknown)}: allowed are {', '.join(SPLITS)}")


def _alike(
    files: Sequence[_File], groups: Mapping[str, str], splits: Mapping[str, str]
) -> list[str]:
    """A line on the pictures that look like another, if there are any."""
    homes: dict[str, set[str]] = defaultdict(set)
    for file in files:
        homes[groups[file.name]].add(splits[file.name])
    alike = len(files) - len(homes)
    if not alike:
        return []
    apart = sum(len(each) > 1 for each in homes.values())
    where = f"{apart} groups of them are in two splits" if apart else "each kept in its split"
    return [f"{alike} pictures look like another; {where}"]


def _find(tree: Path, suffixes: Sequence[str]) -> list[_File]:
    if not tree.is_dir():
        raise DataError(f"{tree}: no such folder; give one folder a class in it")
    files = []
    for path in sorted(tree.glob("*/**/*")):
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith("."):
            below = path.relative_to(tree)
            files.append(_File(path, below.as_posix(), class_of(below.parts[0])))
    return files


def _look(files: Sequence[_File], workers: int | None, progress: bool) -> dict[_File, _Looked]:
    found = in_processes(
        _look_at, files, workers=workers, title="looking", unit="file", progress=progress
    )
    died = "the process that read it died; left out"
    told = {file: each or _Looked(failure=f"{file.path}: {died}") for file, each in found}
    return {file: told[file] for file in files}  # in the files' order, whoever was first


def _look_at(file: _File) -> _Looked:
    try:
        if file.path.suffix.lower() in IMAGE_SUFFIXES:
            return _Looked(picture=picture_bits(read_pixels(file.path)))
        audio = read_audio(file.path, sample_rate=SAMPLE_RATE)
        samples = np.rint(audio.waveform[0] * 32768).clip(-32768, 32767).astype(np.int16)
        bits, heard = sound_fingerprint(samples, SAMPLE_RATE)
        none = np.zeros((0, 64), np.uint8), np.zeros(0, np.bool_)
        return _Looked(seconds=audio.seconds, sound=Fingerprint(bits, heard, *none))
    except MediaError as error:
        return _Looked(failure=str(error))


def picture_bits(pixels: Frames) -> int:
    """64 bits of a picture (H, W, 3): whether it brightens to the right, over 8 × 9 cells."""
    grey = PillowImage.fromarray(pixels).convert("L").resize((9, 8), PillowImage.Resampling.BOX)
    levels = np.asarray(grey, np.int16)
    bits = (levels[:, 1:] > levels[:, :-1]).reshape(-1)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _picture_groups(files: Sequence[_File], looked: Mapping[_File, _Looked]) -> dict[str, str]:
    """Name of each picture → name of its group: those that look the same."""
    values = np.array([looked[file].picture for file in files], np.uint64)
    pairs: list[tuple[int, int]] = []
    # Of four parts of 16 bits one is equal where at most three bits differ.
    for part in range(4):
        buckets: dict[int, list[int]] = defaultdict(list)
        keys = (values >> np.uint64(16 * part)) & np.uint64(0xFFFF)
        for place, key in enumerate(keys.tolist()):
            buckets[key].append(place)
        for members in buckets.values():
            for number, place in enumerate(members[:-1]):
                others = np.array(members[number + 1 :])
                near = np.bitwise_count(values[others] ^ values[place]) <= _LIKE_BITS
                pairs += [(place, int(other)) for other in others[near]]
    return joined([file.name for file in files], pairs)


def _same_sounds(
    files: Sequence[_File], looked: Mapping[_File, _Looked]
) -> list[tuple[int, int, str]]:
    return same_recordings([each for file in files if (each := looked[file].sound) is not None])


def _splits(
    files: Sequence[_File], groups: Mapping[str, str], config: PicturesAndSoundsConfig
) -> dict[str, str]:
    """Name of each file → its split."""
    labels: dict[str, set[str | None]] = defaultdict(set)
    for file in files:
        labels[groups[file.name]].add(file.label)
    of_group = assign_splits(
        labels, validation=config.validation, test=config.test, seed=config.seed
    )
    return {file.name: of_group[groups[file.name]] for file in files}


def _deal(
    seen: Sequence[_File],
    heard: Sequence[_File],
    looked: Mapping[_File, _Looked],
    picture_splits: Mapping[str, str],
    sound_splits: Mapping[str, str],
    sound_groups: Mapping[str, str],
    output: Path,
    config: PicturesAndSoundsConfig,
    notes: list[str],
) -> tuple[list[_Job], int]:
    """Pictures for every place of every sound, and how many pictures are left over."""
    packs: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for file in seen:
        packs[file.label, picture_splits[file.name]].append(file)
    dealers = {key: _dealer(pack, key, config.seed) for key, pack in packs.items()}
    used: set[str] = set()
    jobs = []
    for file in heard:
        split = sound_splits[file.name]
        places = int(looked[file].seconds * config.frame_rate + 1e-6)
        if (file.label, split) not in dealers:
            notes.append(f"{file.name}: {split} has no pictures of {file.label}; left out")
            continue
        if places < 1:
            notes.append(f"{file.name}: shorter than one chunk; left out")
            continue
        dealt = tuple(next(dealers[file.label, split]) for _ in range(places))
        used.update(each.name for each in dealt)
        group = f"sound:{sound_groups[file.name]}"
        jobs.append(_Job(file, recording_id(file.name), split, group, dealt, output, config))
    return jobs, len(seen) - len(used)


def _dealer(pack: Sequence[_File], key: tuple[str, str], seed: int) -> Iterator[_File]:
    """Pictures without end: the whole pack in one random order, then in another."""
    number = 0
    while True:
        text = f"{seed}:{number}:{key[0]}:{key[1]}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        yield from (pack[place] for place in rng.permutation(len(pack)))
        number += 1


def _import_sound(job: _Job) -> str:
    """Write one performance; "" or the line that says why not."""
    config = job.config
    try:
        audio = read_audio(job.sound.path, sample_rate=SAMPLE_RATE)
        times: NDArray[np.float64] = np.arange(len(job.pictures)) / config.frame_rate
        write_performance(
            job.output,
            PerformanceInfo(
                id=job.id,
                split=job.split,
                instrument=job.sound.label,
                player=job.piece,
                piece=job.piece,
                frame_rate=config.frame_rate,
                extra={
                    "pictures_and_sounds": {
                        "sound": job.sound.name,
                        "pictures": [picture.name for picture in job.pictures],
                    }
                },
            ),
            audio.waveform,
            SAMPLE_RATE,
            (
                unit_to_image(fit_image(read_image(picture.path), config.image_size))
                for picture in job.pictures
            ),
            {"frame_times": times},
        )
    except WriteError:
        raise  # concerns all of them: the import stops and can be gone on with
    except SightsoundError as error:
        return str(error)
    return ""
