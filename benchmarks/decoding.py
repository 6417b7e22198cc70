"""Our reading of video beside ``ffmpeg``'s: the same files to raw RGB of the same size and rate.

    python benchmarks/decoding.py [--rounds N] [--seconds S] [--threads N] [FILE…]

Without FILE, films of moving texture are made first: H.264 and VP9, 360 and 720 lines. Both take
turns, so that other work on the machine falls on both alike; each figure is the median of the
rounds, and of ``ratio`` the median over rounds of the two measured next to each other. Processor
time counts the whole machine's work for one film (user and system), wall time what a user waits.
Ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

SIZE = 128  # pixels a side of what is given
FRAME_RATE = 25
FILMS = (("mp4", "libx264", 360), ("mp4", "libx264", 720), ("webm", "libvpx-vp9", 360))


def make_film(path: Path, codec: str, height: int, seconds: float) -> None:
    """Texture that drifts and a disc that circles, at 25 frames a second."""
    import av
    import numpy as np

    rng = np.random.default_rng(0)
    width = height * 16 // 9
    cells = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    ground = np.repeat(np.repeat(cells, 8, 0), 8, 1)[:height, :width]
    rows, columns = np.mgrid[:height, :width]
    with av.open(str(path), "w") as opened:
        stream = opened.add_stream(codec, rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 2_000_000 if height < 700 else 5_000_000
        if codec == "libvpx-vp9":
            stream.codec_context.options = {"deadline": "realtime", "cpu-used": "8"}
        for n in range(round(seconds * FRAME_RATE)):
            pixels = np.roll(ground, (n, 2 * n), (0, 1))
            middle = (0.5 + 0.3 * np.sin(n / 9)) * height, (0.5 + 0.3 * np.cos(n / 9)) * width
            pixels[(rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < (height / 8) ** 2] = 255
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, FRAME_RATE)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))


def ours(path: Path, rate: float | None, threads: int) -> int:
    """Frames that our reader gives, each touched."""
    from sightsound.media.video import read_crops

    return sum(
        crops.pixels[0].shape == (SIZE, SIZE, 3)
        for crops in read_crops(path, SIZE, frame_rate=rate, threads=threads)
    )


def ffmpegs(path: Path, rate: float | None, threads: int) -> int:
    """Frames that ``ffmpeg`` writes to a pipe, read to its end."""
    filters = f"crop=ih:ih,scale={SIZE}:{SIZE}"
    if rate is not None:
        filters = f"fps={rate}," + filters
    command = ["ffmpeg", "-v", "error", "-nostdin"]
    if threads:
        command += ["-threads", str(threads)]
    command += ["-i", str(path), "-an", "-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        count = 0
        while chunk := process.stdout.read(1 << 20):
            count += len(chunk)
    assert process.returncode == 0
    return count // (SIZE * SIZE * 3)


def measured(work: Callable[[], int]) -> tuple[int, float, float]:
    """What ``work`` gave, its wall time and its processor time, its children's included."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = [resource.getrusage(kind) for kind in kinds]
    began = time.perf_counter()
    count = work()
    wall = time.perf_counter() - began
    after = [resource.getrusage(kind) for kind in kinds]
    busy = sum(
        b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime
        for a, b in zip(before, after, strict=True)
    )
    return count, wall, busy


def compare(path: Path, rate: float | None, rounds: int, threads: int) -> dict[str, Any]:
    """Both readers in turn on one film, ``rounds`` times."""
    rows = []
    for number in range(rounds):
        readers = [("ours", ours), ("ffmpeg", ffmpegs)]
        row: dict[str, tuple[int, float, float]] = {}
        for name, reader in readers[:: 1 if number % 2 else -1]:
            row[name] = measured(lambda reader=reader: reader(path, rate, threads))
        rows.append(row)

    def median(value: Callable[[dict[str, tuple[int, float, float]]], float]) -> float:
        return round(statistics.median(map(value, rows)), 3)

    return {
        "film": path.name,
        "rate": rate,
        "frames": {name: rows[0][name][0] for name in ("ours", "ffmpeg")},
        "frames_per_second": {
            name: median(lambda row, name=name: row[name][0] / row[name][1])
            for name in ("ours", "ffmpeg")
        },
        "ratio": median(lambda row: row["ffmpeg"][1] / row["ours"][1]),
        "ratio_of_processor_time": median(lambda row: row["ffmpeg"][2] / row["ours"][2]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of the films made")
    parser.add_argument("--threads", type=int, default=0, help="0 = one a processor, for both")
    arguments = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        print("skipped: ffmpeg is not installed (Debian: apt-get install ffmpeg)")
        return 1
    results = []
    with tempfile.TemporaryDirectory() as folder:
        films = list(arguments.films)
        if not films:
            for suffix, codec, height in FILMS:
                films.append(Path(folder) / f"{codec}_{height}.{suffix}")
                make_film(films[-1], codec, height, arguments.seconds)
        for film in films:
            for rate in (None, 10.0):
                result = compare(film, rate, arguments.rounds, arguments.threads)
                results.append(result)
                speed = result["frames_per_second"]
                pace = "every frame" if rate is None else f"{rate:g} a second"
                print(
                    f"{result['film']:<20} {pace:<12} ours {speed['ours']:.0f}, ffmpeg "
                    f"{speed['ffmpeg']:.0f} frames a second: {result['ratio']:.0%} (by processor "
                    f"time {result['ratio_of_processor_time']:.0%})",
                    flush=True,
                )
    load = os.getloadavg()[0]
    print(json.dumps({"load": round(load, 2), "rounds": arguments.rounds, "decoding": results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
