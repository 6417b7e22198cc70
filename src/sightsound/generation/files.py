"""Files in, files out: what ``sightsound generate`` does.

What becomes of what:

===================================  ========================================================
input                                output
===================================  ========================================================
sound, or a video with sound         ``.png .jpg .webp``: one square picture of all of the sound
                                     up to ``ROW_FROM_SECONDS``; of a longer one a row of up to
                                     ``ROW_PICTURES`` pictures, time running to the right
                                     (``row`` sets their number; ``.webp`` moves instead of
                                     being a row, unless ``row`` is given)
                                     ``.gif .mp4``: always moving, ``FRAME_RATE`` pictures a second
                                     in the sound's time, from one noise, so that the same person
                                     stays; the video carries the sound
picture, or a video's first picture  ``.wav .flac .ogg .mp3 .m4a`` of ``seconds``
===================================  ========================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import sightsound
from sightsound.errors import MediaError, ModelError, SightsoundError
from sightsound.generation.model import Model
from sightsound.generation.plan import Job, Options, OutputPlan, collect
from sightsound.generation.windows import Timeline
from sightsound.media.audio import read_audio, stream_audio, write_audio
from sightsound.media.image import contact_sheet, read_image, write_animation, write_image
from sightsound.media.kinds import media_kind
from sightsound.media.video import read_frames, write_video
from sightsound.packages.format import SoundToImage
from sightsound.shapes import Direction, Frames, Image, image_to_unit, unit_to_image

ROW_FROM_SECONDS = 8.0
"""A sound longer than this becomes a row of pictures, or a moving one."""

ROW_PICTURES = 8
"""Pictures in a row unless another number is asked for."""

FRAME_RATE = 10.0
"""Pictures a second of a moving picture: the paper's frame rate, and exact in a GIF."""

MAX_MOVING_SECONDS = 600.0
"""Longest moving picture: writers of animations hold all of its pictures in memory."""

_FRAMES_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class Result:
    """One file that was made."""

    input: Path
    output: Path
    direction: Direction
    seed: int
    label: str  # class that the model heard or saw
    probability: float  # of that class, 0 to 1


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One input of which nothing was made, and why."""

    input: Path
    message: str


@dataclass
class Outcome:
    """What became of all inputs."""

    model: str
    model_sha256: str
    results: list[Result] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """One object for ``--json``."""
        return {
            "model": {"name": self.model, "sha256": self.model_sha256},
            "results": [
                {
                    "input": str(result.input),
                    "output": str(result.output),
                    "direction": result.direction.value,
                    "seed": result.seed,
                    "class": result.label,
                    "probability": round(result.probability, 6),
                }
                for result in self.results
            ],
            "failures": [{"input": str(f.input), "message": f.message} for f in self.failures],
        }


def generate(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    model: Model,
    options: Options | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Outcome:
    """Make pictures of sounds and sounds of pictures, file by file.

    ``inputs``: files, folders (searched with all that lies below) and patterns such as
    ``takes/*.wav``. ``output``: a file for one input; a folder (pictures become PNG there, sounds
    WAV, under their place in the input folder); or a name with ``{name}`` and ``{seed}`` in it.
    Existing outputs are replaced, each as a whole. ``on_failure`` hears of a bad input at once.

    A bad input becomes a Failure and the rest go on. Raises SightsoundError for what concerns all
    of them: no input at all, an unknown output type, a folder that cannot be written, a direction
    that the model lacks.
    """
    options = options or Options()
    outcome = Outcome(model.name, model.sha256)

    def fail(path: Path, error: SightsoundError) -> None:
        failure = Failure(input=path, message=_about(path, error))
        outcome.failures.append(failure)
        if on_failure is not None:
            on_failure(failure)

    sources, several, without_files = collect(inputs, options.direction, Path(output))
    plan = OutputPlan(os.fspath(output), several or len(sources) > 1, options, sources)
    for path, nothing in without_files:
        fail(path, nothing)
    jobs = []
    for source in sources:
        try:
            jobs.append(plan.job(source))
        except SightsoundError as error:
            fail(source.path, error)
    for direction in Direction:
        if direction not in model.directions and any(job.direction == direction for job in jobs):
            has = ", ".join(model.directions)
            raise ModelError(f"model {model.name!r} has no direction {direction}; it has: {has}")
    plan.prepare()

    # disable=None: no bar where standard error is no terminal.
    with tqdm(total=len(jobs), unit="file", disable=None, file=sys.stderr, leave=False) as bar:

        def on_heard(seconds: float) -> None:
            bar.set_postfix_str(f"{seconds:.0f} s heard", refresh=False)
            bar.update(0)

        for job in jobs:
            try:
                if job.direction is Direction.SOUND_TO_IMAGE:
                    outcome.results += _pictures(job, model, options, on_heard)
                else:
                    outcome.results += _sounds(job, model, options)
            except SightsoundError as error:
                bar.clear()
                fail(job.source.path, error)
            bar.update(1)
    return outcome


# --- Generation -----------------------------------------------------------------------------


def _pictures(
    job: Job, model: Model, options: Options, on_heard: Callable[[float], None]
) -> list[Result]:
    """Still or moving pictures of one sound."""
    section = model.listener
    path = job.source.path

    def blocks() -> Iterator[NDArray[np.float32]]:
        return stream_audio(path, sample_rate=section.sample_rate, mono=True)

    length = _Length()
    timeline = model.hear_blocks(length.measure(blocks()), on_heard=on_heard)
    seconds = length.samples / section.sample_rate
    (whole,) = timeline.pooled()
    probabilities = model.heard(whole, timeline.windows).class_probabilities
    label = int(np.argmax(probabilities))
    embeddings: NDArray[np.float32] | None = None
    results = []
    for variant, output in enumerate(job.outputs):
        seed = options.seed + variant
        metadata = output_metadata(model, job.direction, seed)
        if _moves(output, seconds, options):
            if embeddings is None:
                embeddings = _followed(model, blocks(), seconds, path)
            _write_moving(output, _frames(model, embeddings, seed), path, section, metadata)
        else:
            write_image(output, _still(model, timeline, seconds, seed, options), metadata=metadata)
        results.append(
            Result(
                input=path,
                output=output,
                direction=job.direction,
                seed=seed,
                label=model.classes[label],
                probability=float(probabilities[label]),
            )
        )
    return results


class _Length:
    """Counts the samples of a sound that passes in blocks."""

    def __init__(self) -> None:
        self.samples = 0

    def measure(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            self.samples += block.shape[-1]
            yield block


def _moves(output: Path, seconds: float, options: Options) -> bool:
    suffix = output.suffix.lower()
    if suffix in (".gif", ".mp4"):
        return True
    return suffix == ".webp" and options.row is None and seconds > ROW_FROM_SECONDS


def _still(model: Model, timeline: Timeline, seconds: float, seed: int, options: Options) -> Image:
    """One picture of a sound, or a row of them."""
    pictures = options.row
    if pictures is None:
        pictures = ROW_PICTURES if seconds > ROW_FROM_SECONDS else 1
    images = [model.picture(moment.embedding, seed=seed) for moment in timeline.pooled(pictures)]
    return images[0] if len(images) == 1 else contact_sheet(images, len(images))


def _followed(
    model: Model, blocks: Iterable[NDArray[np.float32]], seconds: float, path: Path
) -> NDArray[np.float32]:
    """The embedding (n, D) of every frame of a moving picture."""
    if seconds > MAX_MOVING_SECONDS:
        raise MediaError(
            f"{path}: lasts {seconds:.0f} s; a moving picture may last {MAX_MOVING_SECONDS:.0f} s, "
            "write a .png to get a row of pictures"
        )
    return np.stack(list(model.follow_blocks(blocks, FRAME_RATE)))


def _frames(model: Model, embeddings: NDArray[np.float32], seed: int) -> Iterator[Frames]:
    """Pixels (H, W, 3) of each frame, all from one noise."""
    one = model.image_noise(seed)
    for first in range(0, len(embeddings), _FRAMES_AT_ONCE):
        batch = embeddings[first : first + _FRAMES_AT_ONCE]
        noises = np.broadcast_to(one, (len(batch), len(one)))
        yield from unit_to_image(model.generate_image(batch, np.ascontiguousarray(noises)))


def _write_moving(
    output: Path,
    frames: Iterator[Frames],
    sound: Path,
    section: SoundToImage,
    metadata: dict[str, str],
) -> None:
    if output.suffix.lower() == ".mp4":
        audio = read_audio(sound, sample_rate=section.sample_rate, mono=True)
        write_video(
            output,
            frames,
            FRAME_RATE,
            waveform=audio.waveform,
            sample_rate=audio.sample_rate,
            metadata=metadata,
        )
    else:
        write_animation(output, frames, FRAME_RATE, metadata=metadata)


def _sounds(job: Job, model: Model, options: Options) -> list[Result]:
    """Sounds of one picture."""
    path = job.source.path
    if media_kind(path) == "video":
        frame = next(iter(read_frames(path)), None)
        if frame is None:
            raise MediaError(f"{path}: the video has no picture")
        image = image_to_unit(frame.pixels)
    else:
        image = read_image(path)
    seen = model.see(image)
    label = int(np.argmax(seen.class_probabilities))
    results = []
    for variant, output in enumerate(job.outputs):
        seed = options.seed + variant
        waveform = model.sound(seen.embedding, seconds=options.seconds, seed=seed)
        metadata = output_metadata(model, job.direction, seed)
        write_audio(output, waveform, model.viewer.sample_rate, metadata=metadata)
        results.append(
            Result(
                input=path,
                output=output,
                direction=job.direction,
                seed=seed,
                label=model.classes[label],
                probability=float(seen.class_probabilities[label]),
            )
        )
    return results


def output_metadata(model: Model, direction: Direction, seed: int) -> dict[str, str]:
    """What every output says of itself: that it is synthetic, and how to make it again."""
    return {
        "software": f"sightsound {sightsound.__version__}",
        "synthetic": "true",
        "direction": direction.value,
        "model": model.name,
        "model_sha256": model.sha256,
        "seed": str(seed),
    }


def _about(path: Path, error: SightsoundError) -> str:
    """The error's line, with the input named in front unless it names a file itself."""
    message = str(error)
    return message if str(path) in message else f"{path}: {message}"
