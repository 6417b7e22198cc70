"""Speeds and memory on this machine: one line a section, then one JSON object.

    python benchmarks/bench.py [--section NAME]… [--model MODEL] [--recipe R]… [--seconds S]

Each measurement runs in a process of its own, so that its peak memory is its own and nothing that
an earlier one loaded helps it. This file therefore imports nothing heavy at its top. Other work on
the machine shows in the figures: measure on a quiet one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

DRAWN_SIZES = (64, 128, 256)
DRAWN_SECONDS = 4.0
SOUND_SECONDS = 4.0
MATRIX_SIZES = (256, 512, 1024, 2048, 4096)
HELP_RUNS = 10


# --- What is measured, each in its own process ------------------------------------------------


def matmul_rate(precision: str, seconds: float) -> dict[str, Any]:
    """Matrix products of this machine, operations a second: the best size's median.

    Sizes grow while a product takes a small part of ``seconds``: where the processor has no bf16
    instructions, torch computes such products at about 1 GFLOP/s.
    """
    import torch

    rates: dict[int, float] = {}
    for size in MATRIX_SIZES:
        a, b = (torch.randn(size, size, dtype=getattr(torch, precision)) for _ in range(2))
        started = time.perf_counter()
        torch.mm(a, b)
        if rates and time.perf_counter() - started > seconds / 10:
            break
        times = timed(lambda a=a, b=b: torch.mm(a, b), seconds / len(MATRIX_SIZES))
        rates[size] = 2 * size**3 / statistics.median(times)
    best = max(rates, key=lambda size: rates[size])
    return {"precision": precision, "flops": rates[best], "size": best}


def training_speed(
    step: Callable[[], object], examples: int, seconds: float, rates: dict[str, float]
) -> dict[str, Any]:
    """Speed of a training step, and the share of each measured matrix rate that it reaches.

    ``step`` does one whole step on ``examples`` examples. Its operations (matrix products and
    convolutions, forward and backward, a multiply-add as two) are counted by torch.
    """
    from torch.utils.flop_counter import FlopCounterMode

    step()
    with FlopCounterMode(display=False) as counter:
        step()
    flops = counter.get_total_flops()
    median = statistics.median(timed(step, seconds))
    return {
        "examples_per_second": examples / median,
        "step_ms": 1000 * median,
        "flops_per_example": flops / examples,
        "share_of_matmul": {name: flops / median / rate for name, rate in rates.items()},
    }


def training(recipe: str, seconds: float, rates: dict[str, float]) -> dict[str, Any]:
    """A recipe's training step on made-up pairs: reading the store is not in it."""
    import torch

    from sightsound import recipes
    from sightsound.methods.autoencoder import Reconstruction, ReconstructionConfig
    from sightsound.methods.classifier import Classifier, ClassifierConfig
    from sightsound.methods.conditional_gan import ConditionalGan
    from sightsound.pairs.batches import PairBatch
    from sightsound.training.loop import Loop

    def classifier(name: str) -> Classifier:
        config = recipes.recipe(name).method
        assert isinstance(config, ClassifierConfig), name
        return Classifier(config)

    torch.manual_seed(0)
    config = recipes.recipe(recipe)
    match config.method:
        case ClassifierConfig():
            method = Classifier(config.method)
        case ReconstructionConfig():
            method = Reconstruction(config.method)
        case _:  # untrained encoders cost what trained ones cost
            method = ConditionalGan(
                config.method,
                encoder=classifier(config.method.encoder),
                examiner=classifier(config.method.examiner),
            )
    store, count = config.pairs.store, config.training.batch_size
    waveforms = [0.1 * torch.randn(count, store.window_samples) for _ in range(2)]
    images = [
        (torch.rand(count, 3, store.image_size, store.image_size) * 2 - 1).to(
            memory_format=torch.channels_last
        )
        for _ in range(2)
    ]
    batch = PairBatch(
        waveform=waveforms[0],
        image=images[0],
        label=torch.arange(count) % 13,
        mismatched_waveform=waveforms[1],
        mismatched_image=images[1],
    )
    loop = Loop(method, config.training)

    def step() -> None:
        loop.train_step(batch)
        loop.step += 1

    speed = training_speed(step, count, seconds, rates)
    precision = "bfloat16" if loop.uses_bfloat16 else "float32"
    return {"recipe": recipe, "precision": precision, **speed}


def sound_to_image(model_name: str | None, seconds: float) -> dict[str, Any]:
    """One window of sound to pixels, batch 1: encoder, noise, generator, rounding."""
    import numpy as np

    import sightsound
    from sightsound.shapes import unit_to_image

    model = sightsound.load(model_name)
    listener = model.listener
    time_axis = np.arange(listener.window_samples) / listener.sample_rate
    waveform = (0.3 * np.sin(2 * np.pi * 440 * time_axis)).astype(np.float32)
    times = timed(
        lambda: unit_to_image(model.sound_to_image(waveform, listener.sample_rate)), seconds
    )
    return {"model": model.name, **percentiles(times)}


def image_to_sound(model_name: str | None, seconds: float) -> dict[str, Any]:
    """One picture to four seconds of sound: encoder, generator, inversion."""
    import numpy as np

    import sightsound

    model = sightsound.load(model_name)
    size = model.viewer.image_size
    image = np.random.default_rng(0).uniform(-1, 1, (3, size, size)).astype(np.float32)
    times = timed(lambda: model.image_to_sound(image, seconds=SOUND_SECONDS), seconds)
    found = percentiles(times)
    return {
        "model": model.name,
        "sound_seconds": SOUND_SECONDS,
        **found,
        "times_real_time": SOUND_SECONDS / (found["p50_ms"] / 1000),
    }


def drawing(size: int, seconds: float) -> dict[str, Any]:
    """Pictures a second of drawn performances of every instrument, setting up included."""
    import numpy as np

    from sightsound.orchestra.motion import Notes, mechanism
    from sightsound.orchestra.performer import draw_performance
    from sightsound.orchestra.player import make_player
    from sightsound.orchestra.score import compose
    from sightsound.shapes import INSTRUMENTS

    pictures, drawn_for, performances = 0, 0.0, 0
    while drawn_for < seconds or performances < len(INSTRUMENTS):
        instrument = INSTRUMENTS[performances % len(INSTRUMENTS)]
        phrase = compose(instrument, performances, DRAWN_SECONDS)
        times = np.arange(round(phrase.seconds * 25)) / 25.0
        notes = Notes.of(phrase.notes)
        at = np.clip(np.searchsorted(notes.onset_seconds, times, side="right") - 1, 0, None)
        pitch_hz = 440.0 * 2.0 ** ((notes.pitch[at] - 69.0) / 12.0)
        level = np.full(len(times), -20.0)
        style = make_player(performances).style
        state = mechanism(instrument, notes, times, pitch_hz, level, style)
        started = time.perf_counter()
        pictures += sum(1 for _ in draw_performance(performances, instrument, state, size))
        drawn_for += time.perf_counter() - started
        performances += 1
    return {
        "size": size,
        "pictures_per_second": pictures / drawn_for,
        "pictures": pictures,
        "performances": performances,
    }


def timed(action: Callable[[], object], seconds: float, *, least: int = 5) -> list[float]:
    """Seconds of each run of ``action``, repeated for ``seconds`` and ``least`` times or more."""
    for _ in range(2):
        action()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < until:
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return times


def percentiles(times: list[float]) -> dict[str, Any]:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(times)
    return {
        "p50_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
        "runs": len(times),
    }


# --- The processes ----------------------------------------------------------------------------


def in_own_process(job: dict[str, Any], *, threads: int | None = None) -> dict[str, Any]:
    """Run a measurement in a new process; adds its peak memory, or ``{"skipped": why}``."""
    environment = dict(os.environ)
    if threads is not None:
        names = ("SIGHTSOUND_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment.update(dict.fromkeys(names, str(threads)))
    command = [sys.executable, __file__, "--job", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"skipped": lines[-1]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**result, **({} if threads is None else {"threads": threads})}


def run_job(job: dict[str, Any]) -> None:
    """Do one measurement here and print it as JSON, with this process's peak memory."""
    kinds: dict[str, Callable[..., dict[str, Any]]] = {
        "matmul": matmul_rate,
        "training": training,
        "sound_to_image": sound_to_image,
        "image_to_sound": image_to_sound,
        "drawing": drawing,
    }
    result = kinds[job.pop("kind")](**job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux, bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({**result, "peak_memory_mb": peak * unit / 1e6}))


def help_from_cold() -> dict[str, Any]:
    """``sightsound --help`` in new processes; after the first the files are in the cache."""
    times, peak = [], 0
    for _ in range(HELP_RUNS):
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "sightsound", "--help"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        times.append(time.perf_counter() - started)
        peak = max(peak, usage.ru_maxrss)
        if child.returncode:
            return {"skipped": f"sightsound --help exits with {child.returncode}"}
    unit = 1 if sys.platform == "darwin" else 1024
    first = {"first_ms": 1000 * times[0]}
    return {**first, **percentiles(times), "peak_memory_mb": peak * unit / 1e6}


# --- The sections -----------------------------------------------------------------------------


def measure(section: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All measurements of a section."""
    seconds, model = arguments.seconds, arguments.model
    match section:
        case "training":
            results = []
            for threads in sorted({1, os.cpu_count() or 1}):
                rates = {}
                for precision in ("bfloat16", "float32"):
                    job = {"kind": "matmul", "precision": precision, "seconds": seconds}
                    result = in_own_process(job, threads=threads)
                    results.append(result)
                    if "flops" in result:
                        rates[precision] = result["flops"]
                for recipe in arguments.recipe:
                    job = {"kind": "training", "recipe": recipe, "seconds": seconds, "rates": rates}
                    results.append(in_own_process(job, threads=threads))
            return results
        case "sound_to_image":
            job = {"kind": section, "model_name": model, "seconds": seconds}
            return [in_own_process(job, threads=threads) for threads in (1, 2)]
        case "image_to_sound":
            job = {"kind": section, "model_name": model, "seconds": seconds}
            return [in_own_process(job, threads=threads) for threads in (1, 2)]
        case "help":
            return [help_from_cold()]
        case "drawing":
            jobs = [{"kind": "drawing", "size": n, "seconds": seconds} for n in DRAWN_SIZES]
            return [in_own_process(job, threads=1) for job in jobs]
        case _:
            raise AssertionError(section)


def line(section: str, result: dict[str, Any]) -> str:
    """A measurement in one line."""
    if "skipped" in result:
        return f"{section:<15} skipped: {result['skipped']}"
    threads = ""
    if "threads" in result:
        threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''}: "
    if "flops" in result:
        rate, size = result["flops"] / 1e9, result["size"]
        text = f"{result['precision']} matmul {rate:.1f} GFLOP/s (size {size})"
    elif section == "training":
        shares = [f"{100 * s:.0f} % of {p}" for p, s in result["share_of_matmul"].items()]
        text = (
            f"{result['recipe']} in {result['precision']} "
            f"{result['examples_per_second']:.0f} examples/s, "
            f"{result['flops_per_example'] / 1e6:.0f} MFLOP each, {' and '.join(shares)} matmul"
        )
    elif section == "drawing":
        text = f"{result['pictures_per_second']:.0f} pictures/s at {result['size']} pixels"
    else:
        text = f"p50 {result['p50_ms']:.1f} ms, p95 {result['p95_ms']:.1f} ms"
    if section == "image_to_sound":
        text += f" for {result['sound_seconds']:g} s ({result['times_real_time']:.1f} × real time)"
    if "first_ms" in result:
        text += f", first {result['first_ms']:.1f} ms"
    return f"{section:<15} {threads}{text}; peak memory {result['peak_memory_mb']:.0f} MB"


SECTIONS = ("training", "sound_to_image", "image_to_sound", "help", "drawing")


def main() -> int:
    parser = argparse.ArgumentParser(description="Speeds and memory on this machine.")
    parser.add_argument("--section", action="append", choices=SECTIONS, help="default: all")
    parser.add_argument("--model", help="name or folder of a model package (default: the default)")
    parser.add_argument("--recipe", action="append", help="default: sound_classifier, s2i_c, i2s")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement (8)")
    parser.add_argument("--job", help=argparse.SUPPRESS)  # how this file calls itself
    arguments = parser.parse_args()
    if arguments.job is not None:
        run_job(json.loads(arguments.job))
        return 0
    arguments.recipe = arguments.recipe or ["sound_classifier", "s2i_c", "i2s"]
    everything: dict[str, Any] = {
        "machine": {
            "processors": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        }
    }
    for section in arguments.section or SECTIONS:
        everything[section] = measure(section, arguments)
        for result in everything[section]:
            print(line(section, result), flush=True)
    print(json.dumps(everything))
    skipped = [r for s in everything.values() if isinstance(s, list) for r in s if "skipped" in r]
    return 1 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
