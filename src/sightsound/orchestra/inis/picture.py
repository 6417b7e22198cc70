"""A class and a seed in, one picture out, as a camera somewhere on the web might have taken it."""

from __future__ import annotations

import numpy as np
import skia
from PIL import Image as PillowImage

from sightsound.errors import ConfigError
from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.scenes import SCENES, Shot
from sightsound.shapes import Frames

CLASSES = tuple(sorted(SCENES))
"""The five classes, in label order."""

_DETAIL = 256  # pixels a side: smaller pictures are drawn twice as large and reduced


def draw_picture(label: str, seed: int, size: int) -> Frames:
    """One picture (size, size, 3) uint8 of a class; the same seed draws the same.

    Raises:
        ConfigError: no such class, or ``size`` outside 16 to 1024.
    """
    if label not in SCENES:
        raise ConfigError(f"class {label!r}: choose from {', '.join(CLASSES)}")
    if not 16 <= size <= 1024:
        raise ConfigError(f"image size {size}: 16 to 1024 is allowed")
    dice = Dice(0x1415, CLASSES.index(label), seed)
    side = 2 * size if size < _DETAIL else size
    pixels = np.zeros((side, side, 4), np.uint8)
    canvas = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType).getCanvas()
    scenes = SCENES[label]
    weights = np.array(list(scenes.values()))
    scene = list(scenes)[int(dice.rng.choice(len(weights), p=weights / weights.sum()))]
    scene(Shot(dice, canvas, side))
    picture = PillowImage.fromarray(pixels[:, :, :3])
    if side != size:
        picture = picture.resize((size, size), PillowImage.Resampling.BOX)
    return _developed(np.asarray(picture, np.float32), dice)


def _developed(pixels: np.ndarray, dice: Dice) -> Frames:
    """Mirror, light, contrast, colour and grain of one camera; (H, W, 3) 0 to 255 → uint8."""
    if dice.chance(0.5):
        pixels = pixels[:, ::-1]
    size = len(pixels)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - np.float32(0.5)
    shade = np.ones((size, size), np.float32)
    if dice.chance(0.6):
        shade -= dice.between(0.1, 0.5) * (x * x + y * y) / 0.5
    if dice.chance(0.4):
        shade += dice.near(0.0, 0.25) * x + dice.near(0.0, 0.25) * y
    pixels = pixels * (shade * dice.between(0.92, 1.25))[..., None]
    pixels = 127.0 + (pixels - 127.0) * dice.between(0.85, 1.15)
    warmth = dice.near(0.0, 0.07)
    pixels = pixels * np.array([1.0 + warmth, 1.0, 1.0 - warmth], np.float32)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    tone = dice.weighted(colour=0.9, grey=0.06, sepia=0.04)
    if tone == "grey":
        pixels = np.repeat(grey[..., None], 3, axis=2)
    elif tone == "sepia":
        pixels = grey[..., None] * np.array([1.08, 0.95, 0.74], np.float32)
    else:
        pixels = grey[..., None] + (pixels - grey[..., None]) * dice.between(0.6, 1.1)
    grain = dice.between(0.0, 5.0) ** 2 / 5.0
    pixels = pixels + grain * dice.rng.standard_normal((size, size, 1), dtype=np.float32)
    developed: Frames = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return developed
