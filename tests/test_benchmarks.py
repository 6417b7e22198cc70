"""What ``make bench`` prints is worth nothing if it counts wrongly."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FILE = Path(__file__).resolve().parent.parent / "benchmarks" / "bench.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_operations_of_a_training_step_worked_by_hand(bench: ModuleType) -> None:
    # Forward x·W, (4 × 8)·(8 × 16): 2·4·8·16; backward the same for W, and for x.
    weights = torch.randn(8, 16, requires_grad=True)
    x = torch.randn(4, 8, requires_grad=True)

    def step() -> None:
        (x @ weights).sum().backward()

    speed = bench.training_speed(step, 4, 0.0, {"float32": 1e9})
    assert speed["flops_per_example"] == 3 * 2 * 8 * 16
    seconds = speed["step_ms"] / 1000
    assert speed["examples_per_second"] == pytest.approx(4 / seconds)
    assert speed["share_of_matmul"]["float32"] == pytest.approx(3 * 2 * 4 * 8 * 16 / seconds / 1e9)


def test_percentiles_worked_by_hand(bench: ModuleType) -> None:
    times = [number / 1000 for number in range(101)]
    assert bench.percentiles(times[::-1]) == {"p50_ms": 50.0, "p95_ms": 95.0, "runs": 101}


def test_a_section_prints_its_line_and_one_json_object() -> None:
    done = subprocess.run(
        [sys.executable, str(FILE), "--section", "help", "--seconds", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    line, last = done.stdout.strip().splitlines()
    assert done.returncode == 0, done.stderr
    assert line.startswith("help")
    result = json.loads(last)["help"][0]
    assert 0 < result["p50_ms"] <= result["p95_ms"]
    assert result["peak_memory_mb"] > 5


def test_what_cannot_be_measured_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FILE), "--section", "sound_to_image", "--model", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "skipped: " in done.stdout
    assert "model.json" in done.stdout
