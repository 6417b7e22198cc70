"""Video files ⇄ frames uint8 (H, W, 3) with their times; the sound of a video is in ``audio``."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from PIL import Image as PillowImage

from sightsound.errors import MediaError
from sightsound.media.audio import AacTrack
from sightsound.media.comments import metadata_to_comment
from sightsound.media.containers import (
    VIDEO_DECODERS,
    OnDamage,
    decoded,
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
# Shrinking takes the mean over the area that a pixel covers.
_EXACT_SHRINKING = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_MAX_GROWTH = 4  # times the stored frame that a frame may be scaled to, for a small box in it
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


def video_info(
    path: PathLike, *, on_damage: OnDamage | None = None, limits: Limits | None = None
) -> VideoInfo:
    """The header of a video, checked against ``limits``.

    Raises MediaError for what is missing, empty, truncated, no video, too large or too long; with
    ``on_damage``, damage is told to it and passed over.
    """
    limits = limits or Limits.from_environment()
    with _open_video(path, limits, on_damage) as (opened, stream):
        first = next(decoded(opened, stream, on_damage=on_damage), None)
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
        for frame in decoded(opened, stream):
            _check_size(path, frame.width, frame.height, limits)
            time = _seconds_of(frame, count, start, rate)
            _check_seconds(path, time, limits)
            count += 1
            yield Frame(time, _transform(frame).applied(_pixels(frame, converter)))
        # A cut that the container's own lengths do not show; B-frames may cost a few at the end.
        if stream.frames and count < 0.9 * stream.frames - 3:
            raise truncated(Path(path), f"{count} of {stream.frames} frames are there")


def _seconds_of(frame: av.VideoFrame, count: int, start: float, rate: Fraction) -> float:
    """When a frame is shown: by the container, or the ``count``-th of a steady rate."""
    if frame.pts is not None and frame.time_base is not None:
        return float(frame.pts * frame.time_base) - start
    return float(count / rate)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """A part of an upright frame, in its pixels."""

    x: float  # of the left side
    y: float  # of the upper side
    width: float
    height: float


@dataclasses.dataclass(frozen=True, eq=False)
class Crops:
    """Square parts of one frame: each uint8 (size, size, 3), upright, at ``time_seconds``."""

    time_seconds: float
    pixels: tuple[Frames, ...]


def read_crops(
    path: PathLike,
    size: int,
    *,
    boxes: Sequence[Box] = (),
    frame_rate: float | None = None,
    on_damage: OnDamage | None = None,
    threads: int = 0,
    limits: Limits | None = None,
) -> Iterator[Crops]:
    """Square parts of a video's frames at one size, decoded and scaled in one go.

    Times are as ``read_frames`` has them. Shrinking takes the mean over each pixel's area.

    Args:
        path: a video.
        size: pixels a side of what is given.
        boxes: the parts, each scaled to ``size`` × ``size``, so they should be square; () = one,
            the largest square in the middle (of the picture as it is shown, where the stored
            pixels are not square).
        frame_rate: frames a second at most: of the frames nearest to a multiple of its inverse
            only the nearest is given, with its own time. None = all.
        on_damage: told of damage, which is then passed over: what follows it is left out up to
            the next frame that needs no other. None = damage is refused.
        threads: that decode; 0 = one a processor.
        limits: see ``Limits``; None = as the environment says.

    Raises MediaError as ``read_frames`` does; the header is looked at in the call.
    """
    limits = limits or Limits.from_environment()
    frames = _crops(path, size, boxes, frame_rate, on_damage, threads, limits)
    first = next(frames, None)
    if first is None:
        raise MediaError(f"{shown(path)}: holds no whole frame; copy or convert it again")
    return itertools.chain([first], frames)


def _crops(
    path: PathLike,
    size: int,
    boxes: Sequence[Box],
    frame_rate: float | None,
    on_damage: OnDamage | None,
    threads: int,
    limits: Limits,
) -> Iterator[Crops]:
    converters: dict[tuple[int, int], VideoReformatter] = {}

    def crops(time: float, frame: av.VideoFrame) -> Crops:
        transform = _transform(frame)
        wanted = boxes or (_middle(frame, transform, aspect),)
        scaled: dict[tuple[int, int], Frames] = {}
        parts = []
        for box in wanted:
            stored = transform.stored(box, frame.width, frame.height)
            part = _part(frame, stored, size, converters, scaled)
            parts.append(transform.applied(part))
        return Crops(time, tuple(parts))

    with _open_video(path, limits, on_damage) as (opened, stream):
        context = stream.codec_context
        context.thread_type, context.thread_count = "AUTO", threads
        aspect = float(context.sample_aspect_ratio or 1) or 1.0
        waiting: tuple[int, float, av.VideoFrame] | None = None  # nearest of its moment so far
        for time, frame in _whole_frames(path, opened, stream, on_damage, limits):
            if frame is None:  # damage: nothing waits across it
                if waiting is not None:
                    yield crops(*waiting[1:])
                    waiting = None
                if on_damage is not None:
                    on_damage(time, "frames that cannot be decoded")
                continue
            if frame_rate is None:
                yield crops(time, frame)
                continue
            moment = round(time * frame_rate)
            if waiting is not None:
                if moment == waiting[0]:
                    centre = moment / frame_rate
                    if abs(time - centre) >= abs(waiting[1] - centre):
                        continue
                else:
                    yield crops(*waiting[1:])
            waiting = (moment, time, frame)
        if waiting is not None:
            yield crops(*waiting[1:])


def _whole_frames(
    path: PathLike,
    opened: av.container.InputContainer,
    stream: Any,
    on_damage: OnDamage | None,
    limits: Limits,
) -> Iterator[tuple[float, av.VideoFrame | None]]:
    """Frames that rest on no damaged one, with ascending times; None stands for damage."""
    start = start_seconds(opened)
    rate = stream.average_rate or Fraction(25)
    damage: list[float] = []  # second of each damage not yet told
    broken = False  # until the next frame that needs no other
    last = -1.0
    count = 0
    note = None if on_damage is None else lambda seconds, _: damage.append(seconds)
    for frame in decoded(opened, stream, on_damage=note):
        _check_size(path, frame.width, frame.height, limits)
        time = _seconds_of(frame, count, start, rate)
        _check_seconds(path, time, limits)
        count += 1
        if damage or (on_damage is not None and frame.is_corrupt):
            if not broken:
                yield damage[0] if damage else time, None
            broken = True
            damage.clear()
        if broken and frame.key_frame and not frame.is_corrupt:
            broken = False
        # Twice the same moment, or back in time: no clock can place it.
        if broken or time <= last:
            continue
        last = time
        yield time, frame
    if damage and not broken:
        yield damage[0], None
    # A cut that the container's own lengths do not show; B-frames may cost a few at the end.
    if stream.frames and count < 0.9 * stream.frames - 3:
        if on_damage is None:
            raise truncated(Path(path), f"{count} of {stream.frames} frames are there")
        on_damage(max(last, 0.0), f"{count} of {stream.frames} frames are there")
    elif on_damage is not None:
        try:
            check_complete(Path(path), identify(Path(path)))
        except MediaError:
            on_damage(max(last, 0.0), "the file is cut short")


def _middle(frame: av.VideoFrame, transform: _Transform, aspect: float) -> Box:
    """The largest square in the middle; ``aspect``: width of a stored pixel to its height."""
    side = min(frame.width * aspect, frame.height)  # in heights of a stored pixel
    width, height = side / aspect, side
    box = Box(
        x=(frame.width - width) / 2, y=(frame.height - height) / 2, width=width, height=height
    )
    if not transform.transposed:
        return box
    return Box(x=box.y, y=box.x, width=box.height, height=box.width)


def _part(
    frame: av.VideoFrame,
    box: Box,
    size: int,
    converters: dict[tuple[int, int], VideoReformatter],
    scaled: dict[tuple[int, int], Frames],
) -> Frames:
    """A part of a stored frame → uint8 (size, size, 3): the frame is scaled whole, then cut."""
    width = max(size, round(frame.width * size / box.width))
    height = max(size, round(frame.height * size / box.height))
    if width * height > _MAX_GROWTH * frame.width * frame.height:
        return _grown(_pixels(frame, VideoReformatter()), box, size)
    if (width, height) not in scaled:
        converter = converters.setdefault((width, height), VideoReformatter())
        scaled[width, height] = _pixels(frame, converter, width, height)
    left = min(max(round(box.x * width / frame.width), 0), width - size)
    top = min(max(round(box.y * height / frame.height), 0), height - size)
    return scaled[width, height][top : top + size, left : left + size]


def _grown(pixels: Frames, box: Box, size: int) -> Frames:
    picture = PillowImage.fromarray(pixels)
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    return np.asarray(picture.resize((size, size), PillowImage.Resampling.BICUBIC, box=edges))


def _pixels(
    frame: av.VideoFrame,
    converter: VideoReformatter,
    width: int | None = None,
    height: int | None = None,
) -> Frames:
    """A decoded frame → uint8 (H, W, 3), by the colour matrix that the file names.

    ``width``, ``height``: to scale to in the same pass; None = as stored.
    """
    unspecified_hd = frame.colorspace == _UNSPECIFIED_COLORSPACE and frame.height >= _HD_HEIGHT
    source = Colorspace.ITU709 if unspecified_hd else None  # None = as the frame says
    shrinks = (width or frame.width) < frame.width or (height or frame.height) < frame.height
    converted = converter.reformat(
        frame,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=source,
        interpolation=_EXACT_SHRINKING if shrinks else _EXACT_COLOUR,
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

    def stored(self, box: Box, width: int, height: int) -> Box:
        """A box of the upright frame → of the stored frame, of ``width`` × ``height`` pixels."""
        if self.transposed:
            width, height = height, width  # upright
        x = width - box.x - box.width if self.mirrored_columns else box.x
        y = height - box.y - box.height if self.mirrored_rows else box.y
        if self.transposed:
            return Box(x=y, y=x, width=box.height, height=box.width)
        return Box(x=x, y=y, width=box.width, height=box.height)

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
    path: PathLike, limits: Limits, on_damage: OnDamage | None = None
) -> Iterator[tuple[av.container.InputContainer, Any]]:
    path = input_file(path, max_bytes=limits.max_file_bytes, limit="max_file_bytes")
    container = identify(path)
    if container not in VIDEO_CONTAINERS:
        raise MediaError(
            f"{shown(path)}: is no video ({container.upper()}); allowed: MP4, MOV, MKV, WebM"
        )
    if on_damage is None:
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
