"""FFmpeg containers, opened so that nothing but the file itself is ever read.

A file from a stranger may name other files and addresses (playlists, references, lists of parts).
So the demuxer is forced by what the content showed, only it and the plain codecs below are
allowed, and only the ``file`` protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import av
import av.container

from sightsound.errors import MediaError
from sightsound.media.files import PathLike, one_line, shown
from sightsound.media.kinds import Container

DEMUXERS: Mapping[Container, str] = {
    "wav": "wav",
    "aiff": "aiff",
    "flac": "flac",
    "ogg": "ogg",
    "mp3": "mp3",
    "aac": "aac",
    "mov": "mov",
    "matroska": "matroska",
}

AUDIO_DECODERS = frozenset((
    "aac", "aac_fixed", "alac", "flac", "libopus", "mp3", "mp3float", "opus", "vorbis",
    "adpcm_ima_wav", "adpcm_ms", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_s64le",
    "pcm_s64be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
))  # fmt: skip
VIDEO_DECODERS = frozenset((
    "av1", "libdav1d", "h264", "hevc", "mjpeg", "mpeg4", "prores", "vp8", "vp9", "libvpx",
    "libvpx-vp9", "ffv1",
))  # fmt: skip

# Containers whose streams we keep on one clock; the others hold one stream that starts at zero.
TIMED_CONTAINERS: frozenset[Container] = frozenset(("mov", "matroska"))


@contextmanager
def open_container(path: Path, container: Container) -> Iterator[av.container.InputContainer]:
    """Open a file whose content showed ``container``, for as long as the block lasts.

    Raises MediaError for whatever FFmpeg makes of a damaged file, inside the block too.
    """
    with damage_refused(path):
        opened = av.open(
            f"file:{path.absolute()}",  # the prefix: no name is taken for a protocol
            format=DEMUXERS[container],
            options={
                "protocol_whitelist": "file",
                "format_whitelist": DEMUXERS[container],
                "codec_whitelist": ",".join(sorted(AUDIO_DECODERS | VIDEO_DECODERS)),
            },
            metadata_errors="replace",
        )
        with opened:
            yield opened


@contextmanager
def encoding(
    temporary: Path, muxer: str, comment: str | None, *, target: PathLike
) -> Iterator[av.container.OutputContainer]:
    """Open ``temporary`` for an FFmpeg muxer of the MP4 family; equal input gives equal bytes.

    Its index goes to the front, so that a browser can play while it loads. Raises OSError where
    writing fails (``atomic_path`` turns it into a MediaError), and MediaError, which names
    ``target``, for what the encoder refuses.
    """
    try:
        with av.open(
            str(temporary),
            "w",
            format=muxer,
            options={"movflags": "+faststart", "fflags": "+bitexact"},
        ) as opened:
            if comment:
                opened.metadata["comment"] = comment
            yield opened
    except OSError:
        raise
    except av.FFmpegError as error:
        raise MediaError(f"{shown(target)}: cannot be encoded ({one_line(error)})") from error


@contextmanager
def damage_refused(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors about ``path`` into a one-line MediaError."""
    try:
        yield
    except (av.FFmpegError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise MediaError(
            f"{shown(path)}: damaged or truncated ({reason}); copy or convert it again"
        ) from error


def start_seconds(container: av.container.InputContainer) -> float:
    """The moment that counts as 0 s: where the container's first stream starts, never below 0.

    What lies before 0 is an encoder's lead-in, not meant to be heard or seen.
    """
    return max(0.0, (container.start_time or 0) / av.time_base)


def supported(path: Path, decoder: str, allowed: frozenset[str]) -> None:
    """Raise MediaError where a stream's decoder is none of ``allowed``."""
    if decoder not in allowed:
        raise MediaError(
            f"{shown(path)}: codec {shown(decoder)} is not supported; allowed: "
            f"{', '.join(sorted(allowed))}; convert it first"
        )
