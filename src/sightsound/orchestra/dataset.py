"""A seed in, a data set of performances out: what ``sightsound data orchestra`` does.

Who plays, what is played, how it sounds and where it is recorded are drawn from four seeds that
have nothing to do with one another, so that the sound does not betray the player.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from sightsound.errors import ConfigError, DataError
from sightsound.orchestra.motion import Notes, mechanism
from sightsound.orchestra.performer import draw_performance, keypoints
from sightsound.orchestra.player import make_player
from sightsound.orchestra.score import Phrase, compose, phrase_from_midi
from sightsound.orchestra.synthesis import VoiceSet, missing_packages, perform_sound
from sightsound.pairs.performances import (
    MARKER,
    PER_FRAME_TRUTH,
    Dataset,
    DatasetInfo,
    PerformanceInfo,
    finish_dataset,
    has_performance,
    write_json,
    write_performance,
)
from sightsound.pairs.sub_urmp import export_sub_urmp
from sightsound.shapes import INSTRUMENTS

FRAME_RATE = 25.0
PLAN = "plan.json"  # what the folder is being filled with, so that a resumed command fits


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """How many performances a split holds of each instrument, and how long each is."""

    performances: int  # one player each
    seconds: float
    voices: VoiceSet = "train"
    players_of: str | None = None  # split whose players play here again; None = its own


ORCHESTRA_V1: dict[str, SplitPlan] = {
    "train": SplitPlan(performances=80, seconds=6.0),
    "validation": SplitPlan(performances=20, seconds=5.0),
    "test": SplitPlan(performances=32, seconds=6.0),
    "judge": SplitPlan(performances=60, seconds=4.0),
    "unheard": SplitPlan(performances=16, seconds=6.0, voices="unheard", players_of="test"),
}
"""The frozen data set: 13 × 80 players to train on, 13 × 32 to test on."""

SOURCES = (
    "FluidR3 GM soundfont by Frank Wen and others (MIT)",
    "MuseScore General soundfont by S. Christian Collins and others (MIT)",
)
UNHEARD_SOURCE = (
    "TimGM6mb soundfont by Tim Brechbill (GPL-2), split `unheard` only, not for release"
)


@dataclass(frozen=True)
class Job:
    """One performance to make."""

    id: str
    split: str
    instrument: str
    player: str
    player_seed: int
    piece_seed: int
    sound_seed: int
    room_seed: int
    seconds: float
    voices: VoiceSet
    image_size: int
    midi: str | None  # file whose music is played; None = composed from piece_seed


def make(
    output: Path,
    *,
    seed: int = 1,
    scale: float = 1.0,
    instruments: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    midi: Path | None = None,
    image_size: int = 128,
    layout: str = "sightsound",
    workers: int | None = None,
    progress: bool = True,
) -> Dataset:
    """Make performances and mark the data set finished; a stopped command goes on where it was.

    Args:
        output: folder of the data set.
        seed: another seed, other players, music, voices and rooms.
        scale: share of orchestra-v1's performances in each split, at least one each.
        instruments: some of the 13; None = all.
        splits: some of orchestra-v1's splits; None = all.
        midi: a file to play instead of composed phrases, once by each instrument, split "test".
        image_size: side of the frames, pixels, a multiple of 2 from 32 to 1024.
        layout: "sub-urmp" writes Sub-URMP's folders beside the data set as well.
        workers: processes; None = one a processor.
        progress: show a progress bar.

    Raises:
        ConfigError: a number or name is out of range. DataError: FluidSynth or a soundfont is
        missing, the folder holds another data set, a full disk.
    """
    jobs = plan(
        seed=seed,
        scale=scale,
        instruments=instruments,
        splits=splits,
        midi=midi,
        image_size=image_size,
    )
    for voices in sorted({job.voices for job in jobs}):
        missing = missing_packages(voices)
        if missing:
            raise DataError(
                f"data orchestra: {', '.join(missing)} not installed; on Debian: "
                f"apt-get install {' '.join(name for name in missing if '(' not in name)}, "
                "or leave splits out with --split"
            )
    _claim(output, jobs)
    if (output / MARKER).exists():
        dataset = Dataset.open(output)
    else:
        _perform(output, jobs, workers or os.cpu_count() or 1, progress)
        dataset = finish_dataset(output, _about(jobs, seed, scale, splits, midi, image_size))
    if layout == "sub-urmp":
        export_sub_urmp(dataset, output.with_name(f"{output.name}-sub-urmp"), progress=progress)
    return dataset


def plan(
    *,
    seed: int,
    scale: float = 1.0,
    instruments: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    midi: Path | None = None,
    image_size: int = 128,
) -> list[Job]:
    """The performances of a data set, in the order in which they are made."""
    if not 0 < scale <= 1:
        raise ConfigError(f"scale {scale}: more than 0, at most 1, is allowed")
    if not 32 <= image_size <= 1024 or image_size % 2:
        raise ConfigError(f"image size {image_size}: an even number from 32 to 1024 is allowed")
    if seed < 0:
        raise ConfigError(f"seed {seed}: 0 or more is allowed")
    wanted = list(instruments or INSTRUMENTS)
    _check_names("instrument", wanted, INSTRUMENTS)
    chosen = list(splits or ORCHESTRA_V1)
    _check_names("split", chosen, tuple(ORCHESTRA_V1))
    jobs = []
    for split, of_split in ORCHESTRA_V1.items():
        if split not in chosen or (midi is not None and split != "test"):
            continue
        count = 1 if midi is not None else max(1, round(of_split.performances * scale))
        for number in range(count):
            for instrument in wanted:
                jobs.append(_job(seed, split, of_split, instrument, number, midi, image_size))
    if not jobs:
        raise ConfigError("a MIDI file is played in split test only; leave --split out")
    return jobs


def perform(job: Job, output: Path) -> None:
    """Make one performance: music, sound, motion, pictures, truth."""
    phrase = _phrase(job)
    times = np.arange(int(round(phrase.seconds * FRAME_RATE, 6))) / FRAME_RATE
    sound = perform_sound(
        phrase, job.sound_seed, job.room_seed, voices=job.voices, frame_times=times
    )
    truth = sound.truth
    player = make_player(job.player_seed)
    state = mechanism(
        job.instrument,
        _notes(phrase),
        times,
        truth.pitch_hz.astype(np.float64),
        truth.loudness_db.astype(np.float64),
        player.style,
    )
    names, points = keypoints(job.player_seed, job.instrument, state, job.image_size)
    write_performance(
        output,
        PerformanceInfo(
            id=job.id,
            split=job.split,
            instrument=job.instrument,
            player=job.player,
            piece=phrase.piece,
            voice=sound.voice,
            frame_rate=FRAME_RATE,
            keypoint_names=names,
            extra={"job": asdict(job), "sound": sound.description},
        ),
        sound.waveform,
        sound.sample_rate,
        draw_performance(job.player_seed, job.instrument, state, job.image_size),
        {
            "frame_times": times,
            "keypoints": points,
            "pitch_hz": truth.pitch_hz,
            "loudness_db": truth.loudness_db,
            "onset_times": truth.onset_times,
            **{name: values for name, values in state.items() if name in PER_FRAME_TRUTH},
        },
    )


def _perform(output: Path, jobs: Sequence[Job], workers: int, progress: bool) -> None:
    left = [job for job in jobs if not has_performance(output, job.id)]
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(left), desc="orchestra", unit="performance")
    bar.disable = not progress
    with bar:
        for _ in _completed(left, output, min(workers, len(left))):
            bar.update(1)


def _completed(jobs: Sequence[Job], output: Path, workers: int) -> Iterator[None]:
    if workers <= 1:
        for job in jobs:
            perform(job, output)
            yield
        return
    with ProcessPoolExecutor(workers) as pool:
        try:
            yield from pool.map(perform, jobs, [output] * len(jobs), chunksize=4)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _job(
    seed: int,
    split: str,
    of_split: SplitPlan,
    instrument: str,
    number: int,
    midi: Path | None,
    image_size: int,
) -> Job:
    place = INSTRUMENTS.index(instrument)
    players_of = of_split.players_of or split

    def drawn(purpose: int, of: str) -> int:
        which = list(ORCHESTRA_V1).index(of)
        sequence = np.random.SeedSequence([seed, which, place, number, purpose])
        return int(sequence.generate_state(1)[0])

    return Job(
        id=f"{split}-{instrument}-{number:03d}",
        split=split,
        instrument=instrument,
        player=f"{players_of}-{instrument}-{number:03d}",
        player_seed=drawn(1, players_of),
        piece_seed=drawn(2, split),
        sound_seed=drawn(3, split),
        room_seed=drawn(4, split),
        seconds=of_split.seconds,
        voices=of_split.voices,
        image_size=image_size,
        midi=None if midi is None else str(midi),
    )


def _phrase(job: Job) -> Phrase:
    if job.midi is not None:
        return phrase_from_midi(job.midi, job.instrument)
    return compose(job.instrument, job.piece_seed, job.seconds)


def _notes(phrase: Phrase) -> Notes:
    notes = phrase.notes
    return Notes(
        onset_seconds=np.array([n.onset_seconds for n in notes]),
        duration_seconds=np.array([n.duration_seconds for n in notes]),
        pitch=np.array([n.pitch for n in notes], dtype=np.float64),
        velocity=np.array([n.velocity for n in notes], dtype=np.float64),
        slurred=np.array([n.slurred for n in notes]),
    )


def _claim(output: Path, jobs: Sequence[Job]) -> None:
    """Note what the folder is filled with, or refuse to mix two data sets in one."""
    text = json.dumps([asdict(job) for job in jobs], sort_keys=True)
    path = output / PLAN
    if path.exists():
        if json.dumps(json.loads(path.read_text())["jobs"], sort_keys=True) != text:
            raise DataError(
                f"{output}: another data set was begun here; repeat its command, or give another "
                "folder with -o"
            )
        return
    if output.exists() and any(output.iterdir()):
        raise DataError(f"{output}: not empty; give a new folder with -o")
    output.mkdir(parents=True, exist_ok=True)
    write_json(path, {"jobs": [asdict(job) for job in jobs]})


def _about(
    jobs: Sequence[Job],
    seed: int,
    scale: float,
    splits: Sequence[str] | None,
    midi: Path | None,
    image_size: int,
) -> DatasetInfo:
    played = {job.instrument for job in jobs}
    whole = scale == 1 and splits is None and midi is None and len(played) == len(INSTRUMENTS)
    frozen = whole and seed == 1 and image_size == 128
    unheard = any(job.voices == "unheard" for job in jobs)
    return DatasetInfo(
        name="orchestra-v1" if frozen else f"orchestra-{seed}-{len(jobs)}-{image_size}px",
        kind="orchestra",
        classes=INSTRUMENTS,
        frame_rate=FRAME_RATE,
        image_size=image_size,
        license="MIT; split `unheard` is GPL-2 sound" if unheard else "MIT",
        seed=seed,
        sources=(*SOURCES, UNHEARD_SOURCE) if unheard else SOURCES,
    )


def _check_names(kind: str, names: Sequence[str], allowed: Sequence[str]) -> None:
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise ConfigError(f"{kind} {', '.join(unknown)}: choose from {', '.join(allowed)}")
