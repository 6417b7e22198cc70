"""Axis letters, array aliases and value ranges: the glossary as code.

Axes, declared once: B batch · C channels · T samples · L spectral frames · F frequency bins ·
M mel bins · H, W · D embedding · K classes · N noise.

=============  ==================  =======================================
name           shape               range
=============  ==================  =======================================
``waveform``   (C, T)/(B, C, T)    float32 in [-1, 1]
``log_mel``    (1, M, L)/(B, ...)  float32, decibels or unit in [-1, 1]
``image``      (3, H, W)/(B, ...)  float32 in [-1, 1], RGB
``noise``      (N,)/(B, N)         float32, standard normal
``embedding``  (D,)/(B, D)         float32
=============  ==================  =======================================
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Waveform: TypeAlias = NDArray[np.float32]
LogMel: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.float32]
Frames: TypeAlias = NDArray[np.uint8]


class Direction(StrEnum):
    """Which way a model generates (S2I and I2S in the paper)."""

    SOUND_TO_IMAGE = "sound_to_image"
    IMAGE_TO_SOUND = "image_to_sound"


INSTRUMENTS: tuple[str, ...] = (
    "bassoon",
    "cello",
    "clarinet",
    "double_bass",
    "flute",
    "horn",
    "oboe",
    "sax",
    "trombone",
    "trumpet",
    "tuba",
    "viola",
    "violin",
)
"""The 13 classes of Sub-URMP, in the alphabetical order that numbers them 0 to 12."""


def image_to_unit(pixels: Frames) -> Image:
    """(…, H, W, 3) uint8 → (…, 3, H, W) float32 in [-1, 1]."""
    return np.moveaxis(pixels, -1, -3).astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def unit_to_image(image: Image) -> Frames:
    """(…, 3, H, W) float32 in [-1, 1] → (…, H, W, 3) uint8, rounded and clipped."""
    scaled = np.rint((np.clip(image, -1.0, 1.0) + 1.0) * 127.5)
    pixels: Frames = np.moveaxis(scaled, -3, -1).astype(np.uint8)
    return pixels
