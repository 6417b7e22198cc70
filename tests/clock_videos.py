"""Videos whose frames and sounds tell their own time, so that a wrong one shows.

The grey of a frame's upper half says how far its second has come, the lower half which second it
is, and a click marks each full second. Beside the clicks there is soft noise, another one in each
file.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48_000
FRAME_RATE = 30
CLICK, NOISE = 0.9, 0.03


def grey_at(time: float) -> int:
    return round(45 + 200 * (time % 1.0))


def frame_at(time: float, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3): above how far its second has come, below which second it is."""
    pixels = np.full((*size, 3), grey_at(time), np.uint8)
    pixels[size[0] // 2 :] = 45 + 20 * int(time)
    return pixels


def time_of(pixels: np.ndarray, times: Sequence[float]) -> float:
    """The one of ``times`` whose frame was read as ``pixels`` (size, size, 3), 16 or more."""
    half = len(pixels) // 2
    fraction = (pixels[1 : half - 1].mean() - 45) / 200
    second = round((pixels[half + 1 : -1].mean() - 45) / 20)
    known = np.asarray(times)
    return float(known[np.argmin(np.abs(known - second - fraction))])


def regular(seconds: float, start: float = 0.0) -> list[float]:
    return [start + n / FRAME_RATE for n in range(round(seconds * FRAME_RATE))]


def varying(seconds: float, seed: int = 0) -> list[float]:
    """Times 20 to 60 ms apart."""
    steps = np.random.default_rng(seed).uniform(0.02, 0.06, round(seconds * 50))
    times = np.round(np.cumsum(steps), 3)
    return [0.0, *times[times < seconds].tolist()]


def clicking(seconds: float, seed: int, start: float = 0.0) -> np.ndarray:
    """(T,) float32 from ``start`` on: a click of 3 ms at each full second, soft noise between."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, NOISE, round(seconds * RATE)).astype(np.float32)
    for second in range(int(np.ceil(start)), int(start + seconds) + 1):
        first = round((second - start) * RATE)
        sound[first : first + RATE * 3 // 1000] = CLICK
    return sound


def write(
    path: Path,
    *,
    times: Sequence[float],
    seed: int,
    video: str = "libx264",
    sound: str | None = "aac",
    seconds: float = 4.0,
    sound_start: float = 0.0,
    size: tuple[int, int] = (48, 64),
    frames: Sequence[np.ndarray] | None = None,
    waveform: np.ndarray | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video with frames at ``times`` (s) and sound from ``sound_start`` (s) on."""
    height, width = size
    with av.open(str(path), "w", options=options or {}) as opened:
        stream = opened.add_stream(video, rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000 if path.suffix == ".webm" else 90_000)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = (
            {"crf": "10", "g": "15"}
            if video == "libx264"
            else {"crf": "10", "b": "2000000", "deadline": "realtime", "cpu-used": "8"}
        )
        track = None
        if sound is not None:
            track = opened.add_stream(sound, rate=RATE)
            track.layout = "mono"
            track.bit_rate = 96_000
        packets = []
        for place, time in enumerate(times):
            pixels = frame_at(time, size) if frames is None else frames[place]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            base = stream.codec_context.time_base
            frame.pts, frame.time_base = round(time / base), base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if track is not None:
            if waveform is None:
                waveform = clicking(seconds, seed, sound_start)
            wanted = track.codec_context.format
            resampler = av.AudioResampler(
                format=wanted.name if wanted else "fltp", layout="mono", rate=RATE
            )
            frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = round(sound_start * RATE)
            for converted in resampler.resample(frame):
                packets += track.encode(converted)
            packets += track.encode(None)
        # Interleaved, as a recorder writes it: damage in the middle then hits both.
        packets.sort(key=lambda packet: float((packet.dts or 0) * packet.time_base))
        opened.mux(packets)
    return path


def turned(path: Path, target: Path) -> Path:
    """A copy of an MP4 or MOV file that is shown turned by 90 degrees."""
    import samples

    target.write_bytes(samples._with_matrix(path.read_bytes(), (0, 1, -1, 0)))
    return target


def damaged(path: Path, target: Path, share: float = 0.5, length: float = 0.06) -> Path:
    """A copy whose bytes in the middle are noise."""
    content = bytearray(path.read_bytes())
    begin, count = round(share * len(content)), round(length * len(content))
    content[begin : begin + count] = np.random.default_rng(0).bytes(count)
    target.write_bytes(content)
    return target
