"""A study's figures in, a picture of them out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from sightsound.evaluation.confusion import FAINT, INK, PAPER
from sightsound.shapes import Frames

BAR = 30  # pixels
ROW = 62
WIDTH = 620  # of the bars
TEXT = 15
MARGIN = 18
STEPS = ((173, 62, 56), (233, 171, 110), (158, 202, 225), (33, 98, 161))  # scores 0 to 3
SHARES = ((33, 98, 161), (222, 226, 233))


def draw_scale(figures: dict[str, Any], title: str) -> Frames:
    """Votes of each score as stacked bars, means with intervals beneath, as (H, W, 3) uint8.

    Source: the paper's Fig. 8, which shows the votes; the intervals are ours.
    """
    rows = figures["conditions"]
    canvas, pen, left, top = _canvas(list(rows), title, f"score: {', '.join('0123')}")
    font = ImageFont.load_default(TEXT - 2)
    for number, (name, of) in enumerate(rows.items()):
        y = top + number * ROW
        _name(pen, name, left, y)
        parts = np.asarray(of["counts"], np.float64) / of["n"]
        edges = left + WIDTH * np.concatenate([[0.0], np.cumsum(parts)])
        for step, (start, end) in enumerate(itertools.pairwise(edges)):
            if end - start < 0.5:
                continue
            pen.rectangle((start, y, end, y + BAR), fill=STEPS[step])
            text = f"{step}: {of['counts'][step]}"
            if end - start > font.getlength(text) + 8:
                ink = INK if step in (1, 2) else PAPER
                pen.text(((start + end) / 2, y + BAR / 2), text, font=font, fill=ink, anchor="mm")
        _span(pen, left, y + BAR + 11, [of[k] / 3 for k in ("low", "mean", "high")])
        text = f"{of['mean']:.2f}  ({of['low']:.2f} to {of['high']:.2f})"
        pen.text((left + WIDTH + 14, y + BAR / 2), text, font=font, fill=INK, anchor="lm")
    _axis(pen, left, top + len(rows) * ROW - 4, ("0", "1", "2", "3"))
    return np.asarray(canvas, np.uint8)


def draw_choice(figures: dict[str, Any], title: str) -> Frames:
    """Share of choices for the first of each two conditions, with its interval and one half."""
    rows = {f"{p['first']} / {p['second']}": p for p in figures["pairs"]}
    canvas, pen, left, top = _canvas(list(rows), title, "dark: chose the first named")
    font = ImageFont.load_default(TEXT - 2)
    for number, (name, of) in enumerate(rows.items()):
        y = top + number * ROW
        _name(pen, name, left, y)
        middle = left + WIDTH * of["share"]
        pen.rectangle((left, y, left + WIDTH, y + BAR), fill=SHARES[1])
        if of["share"] > 0.0:
            pen.rectangle((left, y, middle, y + BAR), fill=SHARES[0])
        _span(pen, left, y + BAR + 11, [of[k] for k in ("low", "share", "high")])
        text = f"{100 * of['share']:.0f} %  ({100 * of['low']:.0f} to {100 * of['high']:.0f})"
        pen.text((left + WIDTH + 14, y + BAR / 2), text, font=font, fill=INK, anchor="lm")
    bottom = top + len(rows) * ROW - 4
    pen.line((left + WIDTH / 2, top - 6, left + WIDTH / 2, bottom), fill=FAINT)
    _axis(pen, left, bottom, ("0 %", "50 %", "100 %"))
    return np.asarray(canvas, np.uint8)


def _canvas(
    names: list[str], title: str, note: str
) -> tuple[Pillow.Image, ImageDraw.ImageDraw, int, int]:
    font, head = ImageFont.load_default(TEXT), ImageFont.load_default(TEXT + 4)
    widest = max((font.getlength(name) for name in names), default=0.0)
    left, top = round(widest) + MARGIN + 14, MARGIN + 3 * TEXT + 14
    width = max(left + WIDTH + 190, round(head.getlength(title)) + 2 * MARGIN)
    canvas = Pillow.new("RGB", (width, top + len(names) * ROW + 2 * TEXT + 12), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, MARGIN - 6), title, font=head, fill=INK)
    text = f"{note}; beneath: the mean with its 95 % interval"
    pen.text((MARGIN, MARGIN + TEXT + 6), text, font=ImageFont.load_default(TEXT - 2), fill=FAINT)
    return canvas, pen, left, top


def _name(pen: ImageDraw.ImageDraw, name: str, left: int, y: float) -> None:
    font = ImageFont.load_default(TEXT)
    pen.text((left - 14, y + BAR / 2), name, font=font, fill=INK, anchor="rm")


def _span(pen: ImageDraw.ImageDraw, left: int, y: float, shares: list[float]) -> None:
    low, middle, high = (left + WIDTH * share for share in shares)
    pen.line((low, y, high, y), fill=INK, width=2)
    for end in (low, high):
        pen.line((end, y - 4, end, y + 4), fill=INK, width=2)
    pen.ellipse((middle - 5, y - 5, middle + 5, y + 5), fill=INK, outline=PAPER)


def _axis(pen: ImageDraw.ImageDraw, left: int, y: float, marks: tuple[str, ...]) -> None:
    font = ImageFont.load_default(TEXT - 2)
    pen.line((left, y, left + WIDTH, y), fill=FAINT)
    for number, mark in enumerate(marks):
        x = left + WIDTH * number / (len(marks) - 1)
        pen.line((x, y, x, y + 5), fill=FAINT)
        pen.text((x, y + 8), mark, font=font, fill=FAINT, anchor="mt")
