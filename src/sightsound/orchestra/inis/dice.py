"""A seed in, plain Python draws out."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sightsound.orchestra.instruments import Colour

Item = TypeVar("Item")


class Dice:
    """Random numbers, items and colours; the same seed throws the same for ever."""

    def __init__(self, *seed: int) -> None:
        """Take the seed: whole numbers of 0 or more."""
        self.rng = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        """A number of the range, uniformly."""
        return float(self.rng.uniform(low, high))

    def near(self, middle: float, spread: float) -> float:
        """A normal number, at most two spreads from the middle."""
        return middle + spread * float(np.clip(self.rng.normal(), -2.0, 2.0))

    def chance(self, probability: float) -> bool:
        """True as often as the probability says."""
        return bool(self.rng.random() < probability)

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def side(self) -> int:
        """-1 or 1."""
        return 1 if self.chance(0.5) else -1

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self.rng.integers(len(items)))]

    def weighted(self, **weights: float) -> str:
        """One of the names, by weight."""
        values = np.array(list(weights.values()))
        return list(weights)[int(self.rng.choice(len(values), p=values / values.sum()))]

    def seed(self) -> int:
        """A seed for somebody else."""
        return int(self.rng.integers(1 << 31))

    def hsv(
        self,
        hue: tuple[float, float],
        saturation: tuple[float, float],
        value: tuple[float, float],
    ) -> Colour:
        """A colour of three ranges; hues wrap about 1."""
        r, g, b = colorsys.hsv_to_rgb(
            self.between(*hue) % 1.0, self.between(*saturation), self.between(*value)
        )
        return round(255 * r), round(255 * g), round(255 * b)

    def alike(self, colour: Colour, spread: float = 0.08) -> Colour:
        """A colour near another."""
        factor = 1.0 + self.near(0.0, spread)
        shifts = [self.near(0.0, 60.0 * spread) for _ in range(3)]
        r, g, b = (
            round(min(max(c * factor + shift, 0.0), 255.0))
            for c, shift in zip(colour, shifts, strict=True)
        )
        return r, g, b
