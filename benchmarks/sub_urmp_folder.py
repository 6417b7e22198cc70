"""Import a folder built to Sub-URMP's full listing, with five planted faults: time and memory.

    python benchmarks/sub_urmp_folder.py FOLDER [--workers N] [--image-size PIXELS] [--keep]

Builds FOLDER/Sub-URMP, 80,805 pictures and as many chunks, plants one fault of each of five kinds,
imports it with the command line and prints one JSON object: seconds, processor seconds, the memory
of the largest process, and what the report found. What it costs is reading and writing files; the
pictures are small (64 × 36 pixels, the real ones 1920 × 1080), and the chunks of a song are one
file under many names: a tone that repeats every 0.1 s sounds the same in each of them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image as PillowImage

from sightsound.pairs.sub_urmp_listing import DISTRIBUTED, Listing, times_ms

RATE = 44_100
CHUNK = 22_050
SIZE = (64, 36)
LINKS = 20_000  # names that one file may have; some file systems allow 65,000
VARIANTS = 16  # different pictures of a song


def build(root: Path, listing: Listing = DISTRIBUTED) -> int:
    """Write every file of a listing; returns the number of pairs."""
    pairs = 0
    for place, ((folder, instrument, number), count) in enumerate(listing.items()):
        chunks = root / "chunk" / folder / instrument
        pictures = root / "img" / folder / instrument
        chunks.mkdir(parents=True, exist_ok=True)
        pictures.mkdir(parents=True, exist_ok=True)
        drawn = [picture(place, variant) for variant in range(VARIANTS)]
        first = chunks / f"{instrument}{number}_{times_ms(count)[0]}.wav"
        soundfile.write(first, chunk(place), RATE, subtype="PCM_16")
        for n, moment in enumerate(times_ms(count)):
            stem = f"{instrument}{number}_{moment}"
            (pictures / f"{stem}.jpg").write_bytes(drawn[n % VARIANTS])
            if n % LINKS:
                os.link(first, chunks / f"{stem}.wav")
            elif n:
                shutil.copy(first, chunks / f"{stem}.wav")
                first = chunks / f"{stem}.wav"
        pairs += count
    return pairs


def chunk(place: int) -> np.ndarray:
    """Half a second of a tone of 200 + 10 × ``place`` Hz, both channels the same."""
    moments = np.arange(CHUNK) / RATE
    tone = (8000 * np.sin(2 * np.pi * (200 + 10 * place) * moments)).astype(np.int16)
    return np.stack([tone, tone], axis=1)


def picture(place: int, variant: int) -> bytes:
    """A small JPEG; every song has its own colours."""
    rng = np.random.default_rng([place, variant])
    blocks = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    encoded = io.BytesIO()
    PillowImage.fromarray(blocks).resize(SIZE).save(encoded, "JPEG", quality=80)
    return encoded.getvalue()


def plant(root: Path, listing: Listing = DISTRIBUTED) -> dict[str, str]:
    """Plant one fault of each of five kinds; kind → where it is."""
    songs: Iterator[tuple[str, str, str]] = iter(listing)

    def path(kind: str, suffix: str, song: tuple[str, str, str], moment: int) -> Path:
        folder, instrument, number = song
        return root / kind / folder / instrument / f"{instrument}{number}_{moment}{suffix}"

    gone = next(songs)
    path("img", ".jpg", gone, 700).unlink()
    path("chunk", ".wav", gone, 700).unlink()
    twice = next(songs)
    shutil.copy(path("img", ".jpg", twice, 600), path("img", ".png", twice, 600))
    damaged = path("chunk", ".wav", next(songs), 700)
    damaged.unlink()  # it is one of many names
    damaged.write_bytes(b"RIFF no sound")
    large = path("img", ".jpg", next(songs), 800)
    PillowImage.new("RGB", (SIZE[0] * 2, SIZE[1] * 2)).save(large)
    stranger = root / "img" / "train" / "kazoo"
    stranger.mkdir()
    (stranger / "kazoo00_500.jpg").write_bytes(b"")
    return {
        "missing": f"{gone[0]}/{gone[1]}/{gone[1]}{gone[2]}_700",
        "doubled": f"{twice[1]}{twice[2]}_600",
        "unreadable": damaged.stem,
        "size": large.stem,
        "class": "kazoo",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--keep", action="store_true", help="leave what was built")
    arguments = parser.parse_args()
    source, output = arguments.folder / "Sub-URMP", arguments.folder / "imported"
    started = time.perf_counter()
    pairs = build(source)
    planted = plant(source)
    built = time.perf_counter() - started
    command = [sys.executable, "-m", "sightsound", "data", "sub-urmp", str(source)]
    command += ["-o", str(output), "--image-size", str(arguments.image_size), "--json"]
    if arguments.workers is not None:
        command += ["--workers", str(arguments.workers)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result: dict[str, Any] = {
        "pairs_built": pairs,
        "build_seconds": round(built, 1),
        "exit_code": done.returncode,
        "seconds": round(seconds, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "largest_process_mb": round(used.ru_maxrss / 1024, 1),
        "planted": planted,
    }
    if done.returncode == 0:
        told = json.loads(done.stdout)
        result["pairs_imported"] = told["pairs"]
        result["performances"] = len(told["performances"])
        result["findings"] = [f"{f['kind']}: {f['where']}: {f['what']}" for f in told["findings"]]
    print(json.dumps(result, indent=1, ensure_ascii=False))
    if not arguments.keep:
        shutil.rmtree(source)
        shutil.rmtree(output, ignore_errors=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
