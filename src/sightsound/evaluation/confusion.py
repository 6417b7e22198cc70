"""True and predicted labels in, a table of counts and a picture of it out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from sightsound.shapes import Frames

CELL = 40  # pixels
TEXT = 15  # pixels
INK = (24, 28, 36)
PAPER = (255, 255, 255)
FAINT = (120, 126, 138)
RAMP = np.array([(247, 249, 252), (158, 202, 225), (49, 130, 189), (8, 48, 107)], np.float64)


def confusion_matrix(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Counts (K, K): row = true label, column = predicted label."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def draw_confusion(counts: NDArray[np.integer], names: Sequence[str], title: str) -> Frames:
    """A picture (H, W, 3) uint8 of a confusion matrix (K, K): each row in per cent of its sum.

    Rows are the truth, columns the answer; empty cells stay blank, rows without a case grey.
    """
    font, small = ImageFont.load_default(TEXT), ImageFont.load_default(TEXT - 2)
    name_width = round(max(font.getlength(name) for name in names)) + 16
    left, top = max(name_width + 24, 132), TEXT * 3 + name_width
    side = CELL * len(names)
    head = ImageFont.load_default(TEXT + 3)
    width = max(left + side + 20, round(head.getlength(title)) + 24)
    canvas = Pillow.new("RGB", (width, top + side + 16), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((12, 10), title, font=head, fill=INK)
    pen.text((12, top - TEXT - 8), "rows: true, in %", font=small, fill=FAINT)
    for column, name in enumerate(names):
        _upright_text(canvas, name, left + column * CELL, top, font)
    for row, name in enumerate(names):
        y = top + row * CELL
        pen.text((left - 10, y + CELL // 2), name, font=font, fill=INK, anchor="rm")
        total = int(counts[row].sum())
        for column in range(len(names)):
            _draw_cell(pen, left + column * CELL, y, int(counts[row, column]), total, small)
    pen.rectangle((left, top, left + side, top + side), outline=FAINT)
    return np.asarray(canvas, np.uint8)


def _draw_cell(
    pen: ImageDraw.ImageDraw,
    x: int,
    y: int,
    count: int,
    total: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    share = count / total if total else 0.0
    fill = ramp_colour(share) if total else (232, 232, 232)
    pen.rectangle((x, y, x + CELL, y + CELL), fill=fill, outline=(226, 230, 236))
    if count:
        text = f"{100 * share:.0f}" if share >= 0.005 else "<1"
        ink = PAPER if share > 0.45 else INK
        pen.text((x + CELL // 2, y + CELL // 2), text, font=font, fill=ink, anchor="mm")


def ramp_colour(share: float) -> tuple[int, int, int]:
    """White (0) to dark blue (1)."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    red, green, blue = (
        round(float(np.interp(place, range(len(RAMP)), RAMP[:, axis]))) for axis in range(3)
    )
    return red, green, blue


def _upright_text(
    canvas: Pillow.Image,
    text: str,
    x: int,
    bottom: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Text that runs upwards and ends above a column's cell."""
    width = round(font.getlength(text)) + 4
    label = Pillow.new("RGB", (width, CELL), PAPER)
    ImageDraw.Draw(label).text((2, CELL // 2), text, font=font, fill=INK, anchor="lm")
    turned = label.rotate(90, expand=True)
    canvas.paste(turned, (x, bottom - width - 6))
