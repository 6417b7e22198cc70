"""The model package's ``model.json`` as dataclasses, to JSON and back.

A package is a folder: ``model.json``, ``card.md`` and ONNX graphs, nothing but data in them.
``model.json`` names every graph with its size and SHA-256, so the SHA-256 of ``model.json`` itself
names the whole model.

A reader refuses keys that it does not know: whoever adds one raises ``FORMAT_VERSION``, and then
an old reader says so instead of running a model that it only half understands.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from sightsound.errors import ModelError
from sightsound.shapes import Direction

FORMAT_VERSION = 1
MANIFEST_FILE = "model.json"
CARD_FILE = "card.md"

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A plain name: no folder, no ``..``, nothing hidden, no blank."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_Section = TypeVar("_Section")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoundToImage:
    """The graphs and numbers that make a picture of a sound.

    ``encode``: ``waveform`` (B, T) → ``embedding`` (B, D), ``class_logits`` (B, K), where
    T = ``sample_rate`` × ``window_seconds``. ``generate``: ``embedding`` (B, D), ``noise`` (B, N)
    → ``image`` (B, 3, H, W) in [-1, 1].
    """

    encode: str  # file name of the encoder's graph
    generate: str  # file name of the generator's graph
    sample_rate: int  # Hz
    window_seconds: float  # the sound that one picture is made of
    look_ahead_seconds: float = 0.0  # sound after the picture's moment that the encoder wants
    frame_offset_seconds: float = 0.0  # where in the window the picture lies; the paper: 0
    image_size: int  # H = W, pixels
    noise_size: int  # N
    embedding_size: int  # D

    @property
    def window_samples(self) -> int:
        """T, samples in a window."""
        return round(self.sample_rate * self.window_seconds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogMelOutput:
    """What a generated log-mel picture means: its transform, its unit range and its size.

    The first fields are those of ``features.spectra.LogMelConfig``.
    """

    sample_rate: int  # Hz
    n_fft: int  # samples
    hop_length: int  # samples
    n_mels: int  # M of the transform
    f_min: float = 0.0  # Hz
    f_max: float | None = None  # Hz; None = half the sample rate
    floor_db: float  # decibels that the unit value -1 stands for
    ceiling_db: float  # decibels that the unit value +1 stands for
    top_db: float | None = None  # decibels below a window's loudest bin that are kept; None = all
    generated_mels: int  # M of the generated picture, resized to n_mels
    generated_frames: int  # L of the generated picture, resized to the window's frames


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageToSound:
    """The graphs and numbers that make a sound of a picture.

    ``encode``: ``image`` (B, 3, H, W) in [-1, 1] → ``embedding`` (B, D), ``class_logits`` (B, K).
    ``generate``: ``embedding`` (B, D), ``noise`` (B, N) → ``log_mel`` (B, 1, M, L) in [-1, 1].
    """

    encode: str  # file name of the encoder's graph
    generate: str  # file name of the generator's graph
    image_size: int  # H = W, pixels
    sample_rate: int  # Hz
    seconds: float  # the sound that one run of the generator makes
    noise_size: int  # N
    embedding_size: int  # D
    output: Literal["log_mel"] = "log_mel"
    log_mel: LogMelOutput
    inversion: Literal["griffin_lim"] = "griffin_lim"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Directions:
    """The directions that a model has; at least one."""

    sound_to_image: SoundToImage | None = None  # None = the model does not make pictures
    image_to_sound: ImageToSound | None = None  # None = the model does not make sound


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from: enough to make it again."""

    recipe: str
    config: dict[str, Any]
    seed: int
    commit: str
    data: dict[str, Any]  # {"name", "sha256"} of the data set
    metrics: dict[str, Any]
    sources: list[Any]  # what the training data was made from


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileEntry:
    """Size and hash of one file of the package."""

    sha256: str
    bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """All of ``model.json``."""

    name: str
    directions: Directions
    classes: list[str]  # label = index
    license: str
    provenance: Provenance
    files: dict[str, FileEntry]  # every file but model.json; card.md may stand here or not
    format: int = FORMAT_VERSION

    def graph_files(self) -> dict[str, tuple[Direction, str]]:
        """File name → (direction, role) of every graph that the directions use."""
        used: dict[str, tuple[Direction, str]] = {}
        for direction in Direction:
            section: SoundToImage | ImageToSound | None = getattr(self.directions, direction.value)
            if section is not None:
                used[section.encode] = (direction, "encode")
                used[section.generate] = (direction, "generate")
        return used


def sha256_hex(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def manifest_to_json(manifest: Manifest) -> bytes:
    """``model.json`` as UTF-8 bytes: sorted keys, absent directions left out, ends in a newline."""
    tree = dataclasses.asdict(manifest)
    tree["directions"] = {k: v for k, v in tree["directions"].items() if v is not None}
    text = json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def manifest_from_json(data: bytes, where: str) -> Manifest:
    """``model.json`` from bytes, every value checked.

    ``where`` names the file in errors. Raises ModelError for broken JSON, a future format, an
    unknown, missing or mistyped key, and for values that cannot be (a window of no samples).
    """
    try:
        tree = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: not valid JSON ({_one_line(error)}); get it again") from None
    if not isinstance(tree, dict):
        raise ModelError(f"{where}: expected a JSON object, found {type(tree).__name__}")
    version = tree.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelError(f"{where}: format is {version!r}, expected a whole number from 1")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{where}: format {version} is newer than this sightsound reads "
            f"({FORMAT_VERSION}); update sightsound"
        )
    manifest = _section(Manifest, tree, where, "")
    _check_values(manifest, where)
    return manifest


def _check_values(manifest: Manifest, where: str) -> None:
    if not manifest.name or not manifest.name.isprintable():
        raise ModelError(f"{where}: name is {manifest.name!r}, expected printable characters")
    if not manifest.classes or len(set(manifest.classes)) != len(manifest.classes):
        raise ModelError(f"{where}: classes must be a list of different names")
    for name, entry in manifest.files.items():
        if not FILE_NAME.fullmatch(name):
            raise ModelError(
                f"{where}: file name {name!r} is not allowed; a package is one flat folder of "
                "names made of letters, digits, '.', '_' and '-'"
            )
        if not _SHA256.fullmatch(entry.sha256):
            raise ModelError(f"{where}: files.{name}.sha256 is not 64 hexadecimal digits")
        if entry.bytes < 0:
            raise ModelError(f"{where}: files.{name}.bytes is {entry.bytes}, expected 0 or more")
    used = manifest.graph_files()
    if not used:
        raise ModelError(f"{where}: the model has no direction")
    for name in used:
        if name not in manifest.files:
            raise ModelError(f"{where}: graph {name!r} is used but has no hash under files")
    for direction in Direction:
        section = getattr(manifest.directions, direction.value)
        if section is not None:
            _check_numbers(section, f"{where}: directions.{direction.value}")


def _check_numbers(section: SoundToImage | ImageToSound, where: str) -> None:
    """Refuse sizes, rates and durations of which no sound or picture can be made."""
    limits: dict[str, tuple[float, float]] = {
        "sample_rate": (1000, 384_000),
        "window_seconds": (0.01, 60),
        "seconds": (0.01, 60),
        "look_ahead_seconds": (0, 60),
        "frame_offset_seconds": (0, 60),
        "image_size": (1, 4096),
        "noise_size": (0, 65_536),
        "embedding_size": (1, 65_536),
        "n_fft": (16, 65_536),
        "hop_length": (1, 65_536),
        "n_mels": (1, 4096),
        "generated_mels": (1, 4096),
        "generated_frames": (1, 65_536),
    }
    values = dict(dataclasses.asdict(section))
    if isinstance(section, ImageToSound):
        values.update(dataclasses.asdict(section.log_mel))
        if section.log_mel.sample_rate != section.sample_rate:
            raise ModelError(f"{where}.log_mel: sample_rate differs from the direction's")
        if not section.log_mel.floor_db < section.log_mel.ceiling_db:
            raise ModelError(f"{where}.log_mel: floor_db must lie below ceiling_db")
    for key, (low, high) in limits.items():
        if key in values and not low <= values[key] <= high:
            raise ModelError(f"{where}: {key} is {values[key]}, allowed: {low} to {high}")


def _section(kind: type[_Section], tree: Any, where: str, path: str) -> _Section:
    """One dataclass from a JSON object: exactly its keys, each of its declared type."""
    if not isinstance(tree, dict):
        raise ModelError(f"{where}: {path or 'the file'} must be an object")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    prefix = f"{path}." if path else ""
    for key in tree:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ModelError(f"{where}: unknown key {prefix + key!r}{hint}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in tree:
            values[name] = _value(hints[name], tree[name], where, prefix + name)
        elif field.default is dataclasses.MISSING:
            raise ModelError(f"{where}: key {prefix + name!r} is missing")
    return kind(**values)


def _value(hint: Any, value: Any, where: str, path: str) -> Any:
    """``value`` checked against a field's type; whole numbers are taken where floats are due."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is types.UnionType or origin is typing.Union:
        if value is None and type(None) in arguments:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _value(hint, value, where, path)
    if origin is Literal:
        if value not in arguments:
            allowed = ", ".join(map(repr, arguments))
            raise ModelError(f"{where}: {path} is {value!r}, allowed: {allowed}")
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _section(hint, value, where, path)
    if origin is dict and isinstance(value, Mapping):
        return {key: _value(arguments[1], v, where, f"{path}.{key}") for key, v in value.items()}
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], v, where, f"{path}[{i}]") for i, v in enumerate(value)]
    if hint is Any:
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and number and math.isfinite(value):
        return float(value)
    if hint in (int, str) and isinstance(value, hint) and not isinstance(value, bool):
        return value
    expected = getattr(origin or hint, "__name__", str(hint))
    raise ModelError(f"{where}: {path} is {type(value).__name__}, expected {expected}")


def _refuse_constant(token: str) -> None:
    raise ValueError(f"{token} is no JSON number")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
