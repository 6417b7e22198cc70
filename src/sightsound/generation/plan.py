"""What the user named in, one job a file out: which inputs there are, and where outputs go.

Nothing is read or made here but folders; what cannot be is refused before anything is.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightsound.errors import ConfigError, MediaError
from sightsound.generation.model import MAX_SECONDS, MIN_SECONDS
from sightsound.generation.noise import check_seed
from sightsound.media.kinds import (
    IMAGE_SUFFIXES,
    SOUND_SUFFIXES,
    VIDEO_SUFFIXES,
    media_kind,
    output_kind,
)
from sightsound.shapes import Direction

MAX_ROW_PICTURES = 64
MAX_COUNT = 10_000
_PLACEHOLDER = re.compile(r"\{(name|seed)\}")


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
class Source:
    """One input file and the name, without suffix, that its outputs take in a folder."""

    path: Path
    name: Path


@dataclass(frozen=True)
class Job:
    """One input with the output of each variant."""

    source: Source
    direction: Direction
    outputs: tuple[Path, ...]


# --- Inputs ---------------------------------------------------------------------------------


def collect(
    inputs: Sequence[str | os.PathLike[str]], direction: Direction | None, output: Path
) -> tuple[list[Source], bool, list[tuple[Path, MediaError]]]:
    """All input files in a fixed order, whether the user named a set of files, and what was empty.

    A path that is missing stands for itself, so that it is reported like any other bad input. What
    lies in an output folder below an input folder was made of the inputs, and is none.

    Raises:
        ConfigError: no input, or one without a name. MediaError: nothing was found at all.
    """
    files: list[Path] = []
    sources: list[Source] = []
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
            sources += [Source(file, file.relative_to(path).with_suffix("")) for file in found]
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
    sources += [Source(file, Path(file.stem)) for file in files]
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


def _with_different_names(sources: list[Source]) -> list[Source]:
    """Give sources of the same name longer ones: their folder, then their own suffix."""
    for longer in (_from_common_folder, lambda s, _: s.name.with_name(s.path.name)):
        groups: dict[Path, list[Source]] = {}
        for source in sources:
            groups.setdefault(source.name, []).append(source)
        alike = {name for name, group in groups.items() if len(group) > 1}
        if alike:
            folder = _common_folder([s.path for s in sources if s.name in alike])
            sources = [Source(s.path, longer(s, folder)) if s.name in alike else s for s in sources]
    return sources


def _from_common_folder(source: Source, folder: Path) -> Path:
    path = Path(os.path.abspath(source.path))  # noqa: PTH100 (resolve would follow links)
    return path.relative_to(folder).with_suffix("")


def _common_folder(paths: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([os.path.dirname(os.path.abspath(p)) for p in paths]))  # noqa: PTH100, PTH120


def _identity(path: Path) -> str:
    return os.path.realpath(path)


# --- Outputs --------------------------------------------------------------------------------


class OutputPlan:
    """Where the outputs go; refuses early what cannot be."""

    def __init__(
        self, output: str, several: bool, options: Options, sources: Sequence[Source]
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

    def job(self, source: Source) -> Job:
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
        return Job(source, direction, outputs)

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

    def _path(self, source: Source, direction: Direction, variant: int) -> Path:
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
