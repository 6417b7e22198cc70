"""A batch of two classes that a method can learn in seconds, and encoders that know nothing yet."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from sightsound.methods.classifier import Classifier, ClassifierConfig
from sightsound.methods.protocol import Method
from sightsound.pairs.batches import PairBatch
from sightsound.recipes import recipe
from sightsound.training.loop import Loop, TrainingConfig


def classifier(name: str) -> Classifier:
    config = recipe(name).method
    assert isinstance(config, ClassifierConfig)
    return Classifier(config)


def batch(size: int = 8, step: int = 0) -> PairBatch:
    """Two classes that differ in sound (pitch) and picture (colour)."""
    generator = torch.Generator().manual_seed(step)
    label = torch.arange(size) % 2
    time = torch.arange(22_050) / 44_100
    pitch = torch.where(label == 0, 220.0, 880.0)[:, None]
    waveform = 0.3 * torch.sin(2 * math.pi * pitch * time)
    image = torch.rand(size, 3, 1, 1, generator=generator).repeat(1, 1, 64, 64) * 0.2
    image[:, 0] += torch.where(label == 0, 0.7, -0.9)[:, None, None]
    other = label.flip(0)
    assert bool((other != label).all())
    return PairBatch(
        waveform=waveform,
        image=image,
        label=label,
        mismatched_waveform=waveform.flip(0),
        mismatched_image=image.flip(0),
        step=step,
    )


def learn(method: Method, steps: int, *, size: int = 8, learning_rate: float | None = None) -> Loop:
    """Train a method on batches of ``size``; the generator's learning rate, None = its own."""
    if learning_rate is not None:
        adam = replace(method.optimisers["generator"], learning_rate=learning_rate)
        method.optimisers = {**method.optimisers, "generator": adam}
    loop = Loop(method, TrainingConfig(precision="float32", averaging=0.5))
    for step in range(steps):
        loop.step = step
        loop.train_step(batch(size, step=step))
    return loop


def taught_encoder() -> Classifier:
    """An encoder of sounds that tells both classes apart."""
    torch.manual_seed(0)
    encoder = classifier("robust_sound_classifier")
    learn(encoder, 30)
    return encoder


def error_beside_constant(generated: Tensor, real: Tensor) -> tuple[float, float]:
    """Mean absolute error of generated pictures, and that of the best constant answer."""
    constants = (real.mean(dim=0, keepdim=True), real.median(dim=0, keepdim=True).values)
    best = min(float((constant - real).abs().mean()) for constant in constants)
    return float((generated - real).abs().mean()), best
