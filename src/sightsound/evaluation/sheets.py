"""Real and generated things in, a sheet with both at equal size out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from sightsound.features.spectra import LogMelConfig, log_mel
from sightsound.shapes import Frames, Image, Waveform, unit_to_image

SIDE = 128  # pixels of a picture on the sheet
GAP = 8
LINE = 17  # pixels of a line of text
INK = (24, 28, 36)
FAINT = (110, 116, 128)
RIGHT, WRONG = (20, 122, 72), (178, 40, 40)
HEAT = np.array(
    [(6, 6, 22), (66, 16, 104), (158, 44, 98), (226, 104, 56), (250, 190, 82), (254, 250, 214)],
    np.float64,
)


@dataclass(frozen=True)
class Case:
    """One thing made, beside the real one."""

    generated: Frames  # (H, W, 3) uint8
    reference: Frames | None  # (H, W, 3) uint8; None = there is none, as for a recording
    title: str  # the class that it should be
    verdict: str  # what the judges said
    is_right: bool


def picture_pixels(image: Image) -> Frames:
    """An image (3, H, W) in [-1, 1] as pixels (H, W, 3)."""
    return unit_to_image(image)


def sound_pixels(waveform: Waveform, sample_rate: int) -> Frames:
    """A waveform (T,) as its log-mel picture (128, 128, 3): time to the right, pitch upwards.

    The colours span 80 dB down from the picture's own loudest value.
    """
    decibels = log_mel(waveform, LogMelConfig(sample_rate=sample_rate))
    unit = np.clip((decibels - decibels.max()) / 80.0 + 1.0, 0.0, 1.0)
    place = unit[::-1] * (len(HEAT) - 1)
    colours = [np.interp(place, range(len(HEAT)), HEAT[:, axis]) for axis in range(3)]
    pixels = np.stack(colours, axis=-1).astype(np.uint8)
    return _resized(pixels, SIDE)


def draw_sheet(cases: Sequence[Case], *, title: str, columns: int = 6) -> Frames:
    """A sheet (H, W, 3) uint8: real picture left, generated one right, both SIDE pixels wide."""
    pair = any(case.reference is not None for case in cases)
    width = (2 if pair else 1) * SIDE + GAP // 2
    height = SIDE + 2 * LINE + GAP
    columns = max(1, min(columns, len(cases)))
    rows = -(-len(cases) // columns)
    head = 2 * LINE + 2 * GAP
    size = (columns * (width + 2 * GAP) + GAP, rows * (height + GAP) + head + GAP)
    canvas = Pillow.new("RGB", size, (255, 255, 255))
    pen = ImageDraw.Draw(canvas)
    note = "left: real   right: generated" if pair else "generated"
    pen.text((GAP, GAP), title, font=ImageFont.load_default(16), fill=INK)
    pen.text((GAP, GAP + LINE + 3), note, font=ImageFont.load_default(13), fill=FAINT)
    for number, case in enumerate(cases):
        row, column = divmod(number, columns)
        _draw_case(
            canvas, case, GAP + column * (width + 2 * GAP), head + row * (height + GAP), pair
        )
    return np.asarray(canvas, np.uint8)


def _draw_case(canvas: Pillow.Image, case: Case, x: int, y: int, pair: bool) -> None:
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    if pair and case.reference is not None:
        canvas.paste(Pillow.fromarray(_resized(case.reference, SIDE)), (x, y))
    at = x + (SIDE + GAP // 2 if pair else 0)
    canvas.paste(Pillow.fromarray(_resized(case.generated, SIDE)), (at, y))
    pen.text((x, y + SIDE + 2), case.title, font=font, fill=INK)
    pen.text(
        (x, y + SIDE + LINE + 1), case.verdict, font=font, fill=RIGHT if case.is_right else WRONG
    )


def _resized(pixels: Frames, side: int) -> NDArray[np.uint8]:
    """Square pixels at another size; whole multiples stay sharp, so that flaws stay visible."""
    if pixels.shape[:2] == (side, side):
        return pixels
    exact = side % pixels.shape[0] == 0 and side % pixels.shape[1] == 0
    how = Pillow.Resampling.NEAREST if exact else Pillow.Resampling.BICUBIC
    return np.asarray(Pillow.fromarray(pixels).resize((side, side), how), np.uint8)
