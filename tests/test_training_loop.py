"""The loop's promises, each alone: schedule, clip, averaged weights in use, seeded validation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping

import pytest
import torch
from torch import nn

from sightsound.methods.protocol import AdamConfig, Update
from sightsound.pairs.batches import PairBatch
from sightsound.training.loop import Loop, TrainingConfig
from toy_batch import batch


class Slope:
    """A method of one number w whose loss is 3 w: its gradient is 3, whatever the batch."""

    batch_fields = frozenset({"label"})
    mismatch = "none"
    averaged: tuple[str, ...] = ("number",)
    exported = ("number",)

    def __init__(self) -> None:
        self.players = nn.ModuleDict({"number": nn.Linear(1, 1, bias=False)})
        nn.init.zeros_(self.players["number"].weight)
        adam = AdamConfig(learning_rate=0.1, beta1=0.0, beta2=0.0)
        self.optimisers: Mapping[str, AdamConfig] = {"number": adam}

    def to(self, device: torch.device) -> None:
        self.players.to(device)

    def updates(self, batch: PairBatch) -> Iterator[Update]:
        yield Update("number", 3.0 * self.players["number"].weight.sum())

    def validate(self, batches: Iterable[PairBatch]) -> dict[str, float]:
        return {
            "score": float(self.players["number"].weight.detach()),
            "drawn": float(torch.rand(())),
        }


def loop(**settings: object) -> Loop:
    return Loop(Slope(), TrainingConfig(precision="float32", **settings))  # type: ignore[arg-type]


def steps_of(loop: Loop, count: int) -> list[float]:
    """How far the number moves at each step: Adam without memory moves by the learning rate."""
    places = [0.0]
    for step in range(count):
        loop.step = step
        loop.train_step(batch())
        places.append(float(loop.players["number"].weight.detach()))
    return [before - after for before, after in itertools.pairwise(places)]


def test_the_rate_rises_over_the_warm_up_and_falls_with_the_cosine() -> None:
    moved = steps_of(loop(steps=8, warmup_steps=4, schedule="constant"), 8)
    assert moved == pytest.approx([0.025, 0.05, 0.075, *[0.1] * 5], rel=1e-3)
    moved = steps_of(loop(steps=8, schedule="cosine"), 8)
    expected = [0.1 * (0.01 + 0.99 * (1 + math.cos(math.pi * k / 8)) / 2) for k in range(8)]
    assert moved == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("clip", "norm"), [(None, 3.0), (0.5, 0.5), (10.0, 3.0)])
def test_a_gradient_is_no_longer_than_its_clip(clip: float | None, norm: float) -> None:
    one = loop(gradient_clip=clip)
    one.train_step(batch())
    gradient = one.players["number"].weight.grad
    assert gradient is not None
    assert float(gradient.norm()) == pytest.approx(norm, rel=1e-4)


def test_what_is_used_are_the_averaged_weights() -> None:
    one = loop(averaging=0.5)
    steps_of(one, 5)
    trained = float(one.players["number"].weight.detach())
    averaged = float(one.used_players()["number"].weight.detach())
    assert trained < averaged < 0  # behind the trained one
    assert one.validate(iter([]))["score"] == averaged
    assert float(one.method.players["number"].weight.detach()) == trained  # put back afterwards


def test_validations_draw_the_same_numbers_each_time() -> None:
    one = loop(seed=7)
    first = one.validate(iter([]))["drawn"]
    one.train_step(batch())
    torch.rand(100)
    assert one.validate(iter([]))["drawn"] == first
    assert loop(seed=8).validate(iter([]))["drawn"] != first
