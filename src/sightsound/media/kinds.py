"""What a file is: sound, picture or video, told by its content and by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from sightsound.errors import MediaError
from sightsound.media.files import PathLike, input_file, one_line, shown
from sightsound.media.limits import Limits

Kind: TypeAlias = Literal["sound", "image", "video"]
Container: TypeAlias = Literal[
    "wav", "aiff", "flac", "ogg", "mp3", "aac",
    "mov", "matroska",
    "png", "jpeg", "webp", "gif", "bmp", "tiff",
]  # fmt: skip

SOUND_SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".m4b", ".aac", ".mka", ".aif",
    ".aiff",
)  # fmt: skip
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")

SOUND_OUTPUTS = (".wav", ".flac", ".ogg", ".mp3", ".m4a")
IMAGE_OUTPUTS = (".png", ".jpg", ".jpeg", ".webp")
ANIMATION_OUTPUTS = (".gif", ".webp", ".png")
VIDEO_OUTPUTS = (".mp4",)

IMAGE_CONTAINERS: frozenset[Container] = frozenset(("png", "jpeg", "webp", "gif", "bmp", "tiff"))
VIDEO_CONTAINERS: frozenset[Container] = frozenset(("mov", "matroska"))

_ALLOWED = (
    "allowed: sound (WAV, FLAC, OGG, MP3, M4A, AAC, AIFF), pictures (PNG, JPEG, WebP, GIF, BMP, "
    "TIFF) and video (MP4, MOV, MKV, WebM)"
)
_HEAD_BYTES = 4096
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)


def container_of(path: PathLike, head: bytes) -> Container | None:
    """The container that the first bytes of a file show; ``None`` = none of ours.

    Only a raw MP3 stream, which may begin anywhere, is also believed by its name.
    """
    if head[:4] in (b"RIFF", b"RF64", b"RIFX", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return "mov"
    for magic, container in _MAGICS:
        if head.startswith(magic):
            return container
    if head.startswith(b"ID3"):
        return "aac" if Path(path).suffix.lower() == ".aac" else "mp3"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if head[:1] == b"\xff" and len(head) >= 3:
        if head[1] & 0xF6 == 0xF0:  # twelve bits of sync, layer 0: ADTS
            return "aac"
        if head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 15 and head[2] & 12 != 12:
            return "mp3"  # eleven bits of sync, layer III, a bit rate and sample rate that exist
    if Path(path).suffix.lower() == ".mp3" and not is_text(head):
        return "mp3"
    return None


_MAGICS: tuple[tuple[bytes, Container], ...] = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = head[: len(head) - 3].decode("utf-8") if len(head) > 3 else head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut by the end of what was read is no fault.
        if error.start < len(head) - 6:
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\r\n\f" for c in text)


def read_head(path: Path) -> bytes:
    """The first bytes of a file. Raises MediaError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise MediaError(f"{shown(path)}: cannot be read ({one_line(error)})") from error


def identify(path: Path) -> Container:
    """The container of an existing file, told by its content.

    Raises MediaError where the content is none of the allowed containers, whatever the name.
    """
    head = read_head(path)
    container = container_of(path, head)
    if container is None:
        came = "holds text" if is_text(head) else "is of an unknown kind or damaged at its start"
        raise MediaError(f"{shown(path)}: {came}; {_ALLOWED}; convert it first")
    return container


def media_kind(path: PathLike, *, limits: Limits | None = None) -> Kind:
    """Whether a file is a sound, a picture or a video.

    The content decides; the name only where a container holds sound or video alike (a .m4a and a
    .mp4 are the same container). Raises MediaError for a file that is missing, empty or unknown.
    """
    limits = limits or Limits.from_environment()
    path = input_file(path, max_bytes=limits.max_file_bytes, limit="max_file_bytes")
    container = identify(path)
    if container in IMAGE_CONTAINERS:
        return "image"
    if container not in VIDEO_CONTAINERS or path.suffix.lower() in SOUND_SUFFIXES:
        return "sound"
    return "sound" if read_head(path)[8:11] in (b"M4A", b"M4B") else "video"


def output_kind(path: PathLike) -> Kind:
    """What a file to be written will be, told by its suffix.

    Raises MediaError, which lists the allowed types, for one that we do not write.
    """
    suffix = Path(path).suffix.lower()
    if suffix in SOUND_OUTPUTS:
        return "sound"
    if suffix in IMAGE_OUTPUTS or suffix in ANIMATION_OUTPUTS:
        return "image"
    if suffix in VIDEO_OUTPUTS:
        return "video"
    raise MediaError(
        f"{shown(path)}: unknown output type {shown(suffix) or '(no suffix)'}; "
        f"allowed: {listed(SOUND_OUTPUTS)} (sound), {listed(IMAGE_OUTPUTS)} (pictures), "
        f"{listed(ANIMATION_OUTPUTS)} (animations), {listed(VIDEO_OUTPUTS)} (video)"
    )


def output_suffix(path: PathLike, allowed: tuple[str, ...]) -> str:
    """The suffix of a file to be written. Raises MediaError where it is not in ``allowed``."""
    suffix = Path(path).suffix.lower()
    if suffix not in allowed:
        raise MediaError(
            f"{shown(path)}: unknown output type {shown(suffix) or '(no suffix)'}; "
            f"allowed: {listed(allowed)}"
        )
    return suffix


def listed(names: tuple[str, ...]) -> str:
    """Names for a message, with commas."""
    return ", ".join(names)
