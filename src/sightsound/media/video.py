"""Video files ⇄ frames uint8 (H, W, 3) with their times; the sound of a video is in ``audio``."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import av
import av.container
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from sightsound.errors import MediaError
from sightsound.media.audio import AacTrack
from sightsound.media.comments import metadata_to_comment
from sightsound.media.containers import (
    VIDEO_DECODERS,
    encoding,
    open_container,
    start_seconds,
    supported,
)
from sightsound.media.files import PathLike, atomic_path, input_file, shown
from sightsound.media.kinds import VIDEO_CONTAINERS, VIDEO_OUTPUTS, identify, output_suffix
from sightsound.media.limits import Limits, setting
from sightsound.media.truncation import check_complete, truncated
from sightsound.shapes import Frames, Waveform

_UNSPECIFIED_COLORSPACE = 2
# FFmpeg's quick ways from yuv420p darken by one to two steps of 255; these do not.
_EXACT_COLOUR = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_HD_HEIGHT = 720  # from here on, video that does not say it is taken as BT.709, below as BT.601


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video: ``pixels`` uint8 (H, W, 3), upright, at ``time_seconds``."""

    time_seconds: float
    pixels: Frames


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What the header of a video says, and how its first frame lies."""

    width: int  # pixels, once turned upright
    height: int
    rotation: int  # degrees clockwise that the stored frames are turned by: 0, 90, 180 or 270
    frame_rate: float | None  # mean; None = not stated
    seconds: float | None  # None = not stated
    frames: int | None  # None = not stated
    has_sound: bool


def video_info(path: PathLike, *, limits: Limits | None = None) -> VideoInfo:
    """The header of a video, checked against ``limits``.

    Raises MediaError for what is missing, empty, truncated, no video, too large or too long.
    """
    limits = limits or Limits.from_environment()
    with _open_video(path, limits) as (opened, stream):
        first = next(opened.decode(stream), None)
        if first is None:
            raise MediaError(f"{shown(path)}: holds no frames; copy or convert it again")
        transform = _transform(first)
        height, width = first.height, first.width
        if transform.transposed:
            height, width = width, height
        return VideoInfo(
            width=width,
            height=height,
            rotation=transform.rotation,
            frame_rate=float(stream.average_rate) if stream.average_rate else None,
            seconds=_stated_seconds(opened, stream),
            frames=stream.frames or None,
            has_sound=bool(opened.streams.audio),
        )


def read_frames(path: PathLike, *, limits: Limits | None = None) -> Iterator[Frame]:
    """The frames of a video in order, upright, with their times, one in memory at once.

    Times are the container's own, so that a varying rate is kept; 0 s is where the container's
    first stream starts, as for ``stream_audio``. The header is looked at in the call, damage
    further in is refused when it is reached. Raises MediaError as ``video_info`` does.
    """
    limits = limits or Limits.from_environment()
    video_info(path, limits=limits)
    return _frames(path, limits)


def _frames(path: PathLike, limits: Limits) -> Iterator[Frame]:
    with _open_video(path, limits) as (opened, stream):
        start = start_seconds(opened)
        rate = stream.average_rate or Fraction(25)
        converter = VideoReformatter()  # one for all frames: making one costs more than its work
        count = 0
        converter = VideoReformatter()
        for frame in opened.decode(stream):
            _check_size(path, frame.width, frame.height, limits)
            if frame.pts is not None and frame.time_base is not None:
                time = float(frame.pts * frame.time_base) - start
            else:
                time = float(count / rate)
            _check_seconds(path, time, limits)
            count += 1
            yield Frame(time, _transform(frame).applied(_pixels(frame, converter)))
        # A cut that the container's own lengths do not show; B-frames may cost a few at the end.
        if stream.frames and count < 0.9 * stream.frames - 3:
            raise truncated(Path(path), f"{count} of {stream.frames} frames are there")


def _pixels(frame: av.VideoFrame, converter: VideoReformatter) -> Frames:
    """A decoded frame → uint8 (H, W, 3), by the colour matrix that the file names."""
    unspecified_hd = frame.colorspace == _UNSPECIFIED_COLORSPACE and frame.height >= _HD_HEIGHT
    source = Colorspace.ITU709 if unspecified_hd else None  # None = as the frame says
    converted = converter.reformat(
        frame,
        format="rgb24",
        src_colorspace=source,
        interpolation=_EXACT_COLOUR,
        threads=1,
    )
    return np.asarray(converted.to_ndarray(), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class _Transform:
    """How a stored frame is turned upright: transposed first, then mirrored."""

    transposed: bool = False
    mirrored_columns: bool = False
    mirrored_rows: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise, of a transform that is a pure turn (a mirrored one: the nearest)."""
        if self.transposed:
            return 90 if self.mirrored_columns else 270
        return 180 if self.mirrored_rows else 0

    def applied(self, pixels: Frames) -> Frames:
        """(H, W, 3) → upright (H, W, 3) or (W, H, 3), contiguous."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.mirrored_columns:
            pixels = pixels[:, ::-1]
        if self.mirrored_rows:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


def _transform(frame: av.VideoFrame) -> _Transform:
    """The display matrix (x' = a x + c y, y' = b x + d y), to the nearest quarter turn."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return _Transform()
    a, b, _, c, d = np.frombuffer(bytes(cast(Any, matrix)), dtype=np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return _Transform(True, mirrored_columns=c < 0, mirrored_rows=b < 0)
    return _Transform(False, mirrored_columns=a < 0, mirrored_rows=d < 0)


def _check_size(path: PathLike, width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise MediaError(
            f"{shown(path)}: frames of {width} × {height} pixels, at most {limits.max_pixels} "
            f"pixels are allowed; scale it down first, or raise {setting('max_pixels')}"
        )


def _check_seconds(path: PathLike, seconds: float, limits: Limits) -> None:
    if seconds > limits.max_seconds:
        raise MediaError(
            f"{shown(path)}: {seconds:.0f} s or more of video, at most {limits.max_seconds:.0f} s "
            f"are allowed; cut it, or raise {setting('max_seconds')}"
        )


def _stated_seconds(opened: av.container.InputContainer, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return opened.duration / av.time_base if opened.duration else None


@contextmanager
def _open_video(
    path: PathLike, limits: Limits
) -> Iterator[tuple[av.container.InputContainer, Any]]:
    path = input_file(path, max_bytes=limits.max_file_bytes, limit="max_file_bytes")
    container = identify(path)
    if container not in VIDEO_CONTAINERS:
        raise MediaError(
            f"{shown(path)}: is no video ({container.upper()}); allowed: MP4, MOV, MKV, WebM"
        )
    check_complete(path, container)
    with open_container(path, container) as opened:
        if not opened.streams.video:
            raise MediaError(f"{shown(path)}: has no video track; give a video")
        stream = opened.streams.video[0]
        context = stream.codec_context
        supported(path, context.codec.name, VIDEO_DECODERS)
        _check_size(path, context.width, context.height, limits)
        _check_seconds(path, _stated_seconds(opened, stream) or 0.0, limits)
        yield opened, stream


def write_video(
    path: PathLike,
    frames: Iterable[Frames],
    frame_rate: float | Fraction,
    *,
    waveform: Waveform | None = None,
    sample_rate: int | None = None,
    metadata: Mapping[str, str] | None = None,
    crf: int = 18,
    pixel_format: Literal["yuv420p", "yuv444p"] = "yuv420p",
) -> None:
    """Write frames uint8 (H, W, 3) as an MP4 file: H.264, and AAC where ``waveform`` is given.

    ``frame_rate``: Hz. ``waveform``: (C, T) or (T,), one or two channels at ``sample_rate``, heard
    from the first frame on. ``crf``: 0 (no loss but that of the colours) to 51. ``yuv420p`` plays
    everywhere and takes even sizes only; ``yuv444p`` keeps the colour of every pixel. Equal input
    gives equal bytes. Frames are taken one by one. Atomic. Raises MediaError for another type, no
    frames, an odd size, a sample rate or channels that AAC has not, and a full disk.
    """
    output_suffix(path, VIDEO_OUTPUTS)
    comment = metadata_to_comment(metadata, path) if metadata else None
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise MediaError(f"{shown(path)}: no frames to write; give at least one")
    height, width, _ = first.shape
    if pixel_format == "yuv420p" and (width % 2 or height % 2):
        raise MediaError(
            f"{shown(path)}: frames of {width} × {height} pixels; yuv420p takes even sizes only; "
            "pad them by a pixel or write yuv444p"
        )
    rate = Fraction(frame_rate).limit_denominator(1_001_000)
    if not 0 < rate <= 1000:
        raise MediaError(f"{shown(path)}: {frame_rate} frames a second, allowed: up to 1000")
    samples = None
    if waveform is not None:
        if sample_rate is None:
            raise ValueError("a waveform without its sample_rate")
        samples = np.clip(np.atleast_2d(waveform), -1.0, 1.0).astype(np.float32).T
        if not np.isfinite(samples).all():
            raise MediaError(
                f"{shown(path)}: the sound to write holds NaN or infinity; nothing is written"
            )
    with ExitStack() as stack:
        temporary = stack.enter_context(atomic_path(path))
        opened = stack.enter_context(encoding(temporary, "mp4", comment, target=path))
        stream = _add_h264(opened, rate, width, height, crf, pixel_format)
        sound = None
        if samples is not None and sample_rate is not None:
            sound = AacTrack(opened, sample_rate, samples.shape[1], target=path)
        converter = VideoReformatter()
        for n, pixels in enumerate(itertools.chain([first], frames)):
            if pixels.shape != first.shape or pixels.dtype != np.uint8:
                raise ValueError(f"{pixels.shape=} {pixels.dtype=} {first.shape=}")
            opened.mux(stream.encode(_encodable(pixels, n, rate, pixel_format, converter)))
            if sound is not None and samples is not None and sample_rate is not None:
                # As much sound as picture, so that the two lie side by side in the file.
                until = round((n + 1) / rate * sample_rate)
                if until > sound.samples and sound.samples < len(samples):
                    sound.write(samples[sound.samples : until])
        if sound is not None and samples is not None:
            if sound.samples < len(samples):
                sound.write(samples[sound.samples :])
            sound.finish()
        opened.mux(stream.encode(None))


def _add_h264(
    opened: av.container.OutputContainer,
    rate: Fraction,
    width: int,
    height: int,
    crf: int,
    pixel_format: str,
) -> Any:
    stream = opened.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
    context = stream.codec_context
    # One thread: with more, the bytes depend on how many there are.
    context.thread_count = 1
    context.options = {"crf": str(crf), "threads": "1"}
    context.time_base = 1 / rate
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    return stream


def _encodable(
    pixels: Frames, n: int, rate: Fraction, pixel_format: str, converter: VideoReformatter
) -> av.VideoFrame:
    frame = converter.reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24"),
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,  # no bias of colour
        threads=1,  # waking threads costs more than a small picture's work
    )
    frame.pts, frame.time_base = n, 1 / rate
    return frame
