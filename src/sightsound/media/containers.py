"""FFmpeg containers, opened so that nothing but the file itself is ever read.

A file from a stranger may name other files and addresses (playlists, references, lists of parts).
So the demuxer is forced by what the content showed, only it and the plain codecs below are
allowed, and only the ``file`` protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

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

OnDamage: TypeAlias = Callable[[float, str], None]
"""Told of each damage that a forgiving reader passes over: at what second, and what it is."""

_DEMUXING_TRIES = 8  # of going on after a place where no packet can be found

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


def decoded(
    opened: av.container.InputContainer,
    stream: Any,
    *,
    on_damage: OnDamage | None = None,
    forgiven: int = 0,
) -> Iterator[Any]:
    """The frames of a stream in the order in which they are shown.

    Raises FFmpeg's error at the first damage beyond ``forgiven`` packets; with ``on_damage``, every
    damage is told to it, at the second of its packet, and passed over.
    """
    start = start_seconds(opened)
    seconds = 0.0
    bad = demuxed_bad = 0
    packets = opened.demux(stream)
    while True:
        demuxing = True
        try:
            packet = next(packets, None)
            if packet is None:
                return
            demuxing = False
            if packet.pts is not None and packet.time_base is not None:
                seconds = max(0.0, float(packet.pts * packet.time_base) - start)
            if packet.is_corrupt and on_damage is not None:
                on_damage(seconds, "a packet that is not whole")
                continue
            yield from packet.decode()
        except av.FFmpegError as error:
            if on_damage is None:
                bad += isinstance(error, av.error.InvalidDataError)
                if demuxing or not 0 < bad <= forgiven:
                    raise
                continue
            on_damage(seconds, error.strerror or one_line(error))
            if demuxing:
                demuxed_bad += 1
                if demuxed_bad > _DEMUXING_TRIES:
                    return
                packets = opened.demux(stream)


def supported(path: Path, decoder: str, allowed: frozenset[str]) -> None:
    """Raise MediaError where a stream's decoder is none of ``allowed``."""
    if decoder not in allowed:
        raise MediaError(
            f"{shown(path)}: codec {shown(decoder)} is not supported; allowed: "
            f"{', '.join(sorted(allowed))}; convert it first"
        )
