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

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import sightsound
from sightsound.errors import ConfigError, MediaError, ModelError, SightsoundError
from sightsound.generation.model import MAX_SECONDS, MIN_SECONDS, Model
from sightsound.generation.noise import check_seed
from sightsound.generation.windows import Timeline
from sightsound.media.audio import read_audio, stream_audio, write_audio
from sightsound.media.image import contact_sheet, read_image, write_animation, write_image
from sightsound.media.kinds import (
    IMAGE_SUFFIXES,
    SOUND_SUFFIXES,
    VIDEO_SUFFIXES,
    media_kind,
    output_kind,
)
from sightsound.media.video import read_frames, write_video
from sightsound.packages.format import SoundToImage
from sightsound.shapes import Direction, Frames, Image, image_to_unit, unit_to_image

ROW_FROM_SECONDS = 8.0
"""A sound longer than this becomes a row of pictures, or a moving one."""

ROW_PICTURES = 8
"""Pictures in a row unless another number is asked for."""

MAX_ROW_PICTURES = 64
FRAME_RATE = 10.0
"""Pictures a second of a moving picture: the paper's frame rate, and exact in a GIF."""

MAX_MOVING_SECONDS = 600.0
"""Longest moving picture: writers of animations hold all of its pictures in memory."""

MAX_COUNT = 10_000
_FRAMES_AT_ONCE = 32
_PLACEHOLDER = re.compile(r"\{(name|seed)\}")


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


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to generate."""

    direction: Direction | None = None  # None = as the file types say
    seed: int = 0  # of the first variant; variant k has seed + k
    count: int = 1  # variants of each input
    seconds: float = 4.0  # length of a sound made of a picture
    row: int | None = None  # pictures in a row; None = 1 up to ROW_FROM_SECONDS, else ROW_PICTURES

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if not 1 <= self.count <= MAX_COUNT:
            raise ConfigError(f"count is {self.count}, allowed: 1 to {MAX_COUNT}")
        check_seed(self.seed + self.count - 1)
        if not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            raise ConfigError(
                f"seconds is {self.seconds:g}, allowed: {MIN_SECONDS:g} to {MAX_SECONDS:g}"
            )
        if self.row is not None and not 1 <= self.row <= MAX_ROW_PICTURES:
            raise ConfigError(f"row is {self.row}, allowed: 1 to {MAX_ROW_PICTURES} pictures")


@dataclass(frozen=True)
class _Source:
    """One input file and the name, without suffix, that its outputs take in a folder."""

    path: Path
    name: Path


@dataclass(frozen=True)
class _Job:
    """One input with the output of each variant."""

    source: _Source
    direction: Direction
    outputs: tuple[Path, ...]


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

    sources, several, without_files = _collect(inputs, options.direction, Path(output))
    plan = _OutputPlan(os.fspath(output), several or len(sources) > 1, options, sources)
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


# --- Inputs ---------------------------------------------------------------------------------


def _collect(
    inputs: Sequence[str | os.PathLike[str]], direction: Direction | None, output: Path
) -> tuple[list[_Source], bool, list[tuple[Path, MediaError]]]:
    """All input files in a fixed order, whether the user named a set of files, and what was empty.

    A path that is missing stands for itself, so that it is reported like any other bad input. What
    lies in an output folder below an input folder was made of the inputs, and is none.

    Raises:
        ConfigError: no input, or one without a name. MediaError: nothing was found at all.
    """
    files: list[Path] = []
    sources: list[_Source] = []
    several = False
    empty: list[tuple[Path, MediaError]] = []
    for given in inputs:
        path, text = Path(given), os.fspath(given)
        if not text:
            raise ConfigError("an input has an empty name; name a file, a folder or a pattern")
        if os.path.isdir(path):  # noqa: PTH112 (Path's raises for a name that is too long)
            several = True
            found = [
                file
                for file in _walk(path, but=output)
                if _is_media(file) and _serves(file, direction)
            ]
            if not found:
                error = MediaError(f"{path}: no sound, picture or video in this folder")
                empty.append((path, error))
            sources += [_Source(file, file.relative_to(path).with_suffix("")) for file in found]
        elif glob.has_magic(text) and not os.path.exists(path):  # noqa: PTH110
            several = True
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
            matches = [match for match in matches if match.is_file() and _is_media(match)]
            if not matches:
                error = MediaError(f"{text}: no sound, picture or video matches this pattern")
                empty.append((path, error))
            files += matches
        else:
            files.append(path)
    sources += [_Source(file, Path(file.stem)) for file in files]
    if not sources:
        raise empty[0][1] if empty else ConfigError("no input; name a file, a folder or a pattern")
    unique = {_identity(source.path): source for source in reversed(sources)}
    return _with_different_names(list(reversed(unique.values()))), several, empty


def _walk(folder: Path, *, but: Path) -> Iterator[Path]:
    """Files below a folder, sorted, hidden ones left out; links to folders are not followed.

    Nothing of the folder ``but`` where it lies below.
    """
    left_out = _identity(but)
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and _identity(Path(root) / name) != left_out
        )
        yield from (Path(root) / name for name in sorted(files) if not name.startswith("."))


def _is_media(path: Path) -> bool:
    """Whether a file's name says that it is ours; the rest of a folder is left alone."""
    return path.suffix.lower() in SOUND_SUFFIXES + IMAGE_SUFFIXES + VIDEO_SUFFIXES


def _serves(path: Path, direction: Direction | None) -> bool:
    """Whether a file found in a folder is meant: not a picture where sounds are asked for."""
    if direction is None:
        return True
    try:
        kind = media_kind(path)
    except MediaError:
        return True  # reported when its turn comes
    wanted = "sound" if direction is Direction.SOUND_TO_IMAGE else "image"
    return kind in (wanted, "video")


def _with_different_names(sources: list[_Source]) -> list[_Source]:
    """Give sources of the same name longer ones: their folder, then their own suffix."""
    for longer in (_from_common_folder, lambda s, _: s.name.with_name(s.path.name)):
        groups: dict[Path, list[_Source]] = {}
        for source in sources:
            groups.setdefault(source.name, []).append(source)
        alike = {name for name, group in groups.items() if len(group) > 1}
        if alike:
            folder = _common_folder([s.path for s in sources if s.name in alike])
            sources = [
                _Source(s.path, longer(s, folder)) if s.name in alike else s for s in sources
            ]
    return sources


def _from_common_folder(source: _Source, folder: Path) -> Path:
    path = Path(os.path.abspath(source.path))  # noqa: PTH100 (resolve would follow links)
    return path.relative_to(folder).with_suffix("")


def _common_folder(paths: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([os.path.dirname(os.path.abspath(p)) for p in paths]))  # noqa: PTH100, PTH120


def _identity(path: Path) -> str:
    return os.path.realpath(path)


# --- Outputs --------------------------------------------------------------------------------


class _OutputPlan:
    """Where the outputs go; refuses early what cannot be."""

    def __init__(
        self, output: str, several: bool, options: Options, sources: Sequence[_Source]
    ) -> None:
        if not output:
            raise ConfigError("the output has an empty name; name a file or a folder")
        self.options = options
        self.inputs = {_identity(source.path): source.path for source in sources}
        self.taken: dict[Path, Path] = {}
        self.folders: set[Path] = set()
        self.pattern = output if _PLACEHOLDER.search(output) else None
        path = Path(output)
        is_folder = output.endswith(("/", os.sep)) or path.is_dir()
        if self.pattern is None and not is_folder:
            if several and path.suffix.lower() in SOUND_SUFFIXES + IMAGE_SUFFIXES + VIDEO_SUFFIXES:
                output_kind(path)  # refuses what is not written, such as .bmp
            if several and path.suffix and _known_output(path):
                raise ConfigError(
                    f"{output}: one file for several inputs; give a folder, or a name such as "
                    f"'{path.with_name('{name}')}{path.suffix}'"
                )
            is_folder = several or not path.suffix
        self.folder = path if is_folder and self.pattern is None else None
        self.kind = None if self.folder is not None else output_kind(path)
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise MediaError(f"{output}: is a file; several outputs need a folder")
        self.output = path

    def job(self, source: _Source) -> _Job:
        """Direction and outputs of one input; raises MediaError or ConfigError."""
        if not os.path.exists(source.path):  # noqa: PTH110 (Path's raises for a name too long)
            raise MediaError(f"{source.path}: no such file")
        direction = self._direction(source.path)
        outputs = tuple(
            self._path(source, direction, variant) for variant in range(self.options.count)
        )
        if len(set(outputs)) < len(outputs):
            raise ConfigError(f"{outputs[0]}: one name for several variants; put '{{seed}}' in it")
        for path in outputs:
            if path in self.taken:
                raise ConfigError(
                    f"{source.path}: its output {path} is already that of {self.taken[path]}; "
                    "put '{name}' in the output's name"
                )
            of = self.inputs.get(_identity(path))
            if of is not None or (path.exists() and path.samefile(source.path)):
                whose = "the" if of in (None, source.path) else "another"
                raise ConfigError(f"{path}: the output is {whose} input; choose another name")
        self.taken.update(dict.fromkeys(outputs, source.path))
        self.folders |= {path.parent for path in outputs}
        return _Job(source, direction, outputs)

    def prepare(self) -> None:
        """Make the folders; raises MediaError where one cannot be made or written."""
        for folder in sorted(self.folders):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or "unknown reason"
                raise MediaError(
                    f"{folder}: the output folder cannot be made ({reason}); choose another"
                ) from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise MediaError(f"{folder}: the output folder cannot be written; choose another")

    def _direction(self, path: Path) -> Direction:
        kind = media_kind(path)
        to_sound = self.kind == "sound"
        possible = {
            "sound": (Direction.SOUND_TO_IMAGE,),
            "image": (Direction.IMAGE_TO_SOUND,),
            "video": tuple(Direction),
        }[kind]
        direction = self.options.direction
        if direction is None:
            by_output = Direction.IMAGE_TO_SOUND if to_sound else Direction.SOUND_TO_IMAGE
            direction = by_output if by_output in possible else possible[0]
        if direction not in possible:
            raise ConfigError(f"{path}: is a {kind}, which {direction} does not take")
        if self.kind is not None and to_sound != (direction is Direction.IMAGE_TO_SOUND):
            allowed = (
                "pictures go to .wav, .flac, .ogg, .mp3 or .m4a"
                if direction is Direction.IMAGE_TO_SOUND
                else "sounds go to .png, .jpg, .webp, .gif or .mp4"
            )
            raise ConfigError(f"{path}: a {kind} cannot become {self.output.name}; {allowed}")
        return direction

    def _path(self, source: _Source, direction: Direction, variant: int) -> Path:
        seed = str(self.options.seed + variant)
        if self.pattern is not None:
            values = {"name": str(source.name), "seed": seed}
            path = Path(_PLACEHOLDER.sub(lambda match: values[match[1]], self.pattern))
            numbered = "{seed}" in self.pattern
        else:
            suffix = ".png" if direction is Direction.SOUND_TO_IMAGE else ".wav"
            in_folder = self.folder is not None
            path = (
                self.folder / source.name.with_name(source.name.name + suffix)
                if self.folder is not None
                else self.output
            )
            numbered = False
            assert in_folder or self.kind is not None
        if self.options.count > 1 and not numbered:
            width = len(str(self.options.count))
            path = path.with_name(f"{path.stem}-{variant + 1:0{width}}{path.suffix}")
        return path


def _known_output(path: Path) -> bool:
    try:
        output_kind(path)
    except MediaError:
        return False
    return True


# --- Generation -----------------------------------------------------------------------------


def _pictures(
    job: _Job, model: Model, options: Options, on_heard: Callable[[float], None]
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


def _sounds(job: _Job, model: Model, options: Options) -> list[Result]:
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
