"""Where in the frame each player of an ensemble is: a file of boxes in and out, and proposals.

A file of boxes is CSV with the columns ``piece,track,x,y,width,height`` and, where it is known,
``player``; or JSON, a list of objects with these keys. Pixels of the upright frame.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from sightsound.errors import DataError
from sightsound.media.files import write_bytes
from sightsound.media.image import contact_sheet, write_image
from sightsound.media.video import read_frames
from sightsound.shapes import Frames, image_to_unit

COLUMNS = ("piece", "track", "x", "y", "width", "height", "player")
_SHEET_WIDTH = 480  # pixels of one frame in the contact sheet
_MAP_WIDTH = 240  # columns of the map of motion
_LOOK_RATE = 5.0  # frames a second that are looked at for motion


@dataclass(frozen=True)
class PlayerBox:
    """One player's part of the frame."""

    piece: str  # name of the piece's folder
    track: int  # number of the player's track, from 1
    x: float  # of the left side, pixels
    y: float  # of the upper side, pixels
    width: float  # pixels
    height: float  # pixels
    player: str | None = None  # who it is, where that is known


def read_boxes(path: Path) -> dict[tuple[str, int], PlayerBox]:
    """(piece, track) → box, of a CSV or JSON file.

    Raises:
        DataError: unreadable, a column missing, a number that is none, a track given twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows: list[Any]
        if path.suffix.lower() == ".json":
            rows = json.loads(text)
        else:
            rows = list(csv.DictReader(io.StringIO(text)))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV or JSON of boxes ({error})") from error
    if not isinstance(rows, list):
        raise DataError(f"{path}: holds no list of boxes; see `sightsound data urmp-boxes --help`")
    boxes: dict[tuple[str, int], PlayerBox] = {}
    for number, row in enumerate(rows, start=1):
        try:
            box = PlayerBox(
                piece=str(row["piece"]),
                track=int(row["track"]),
                x=float(row["x"]),
                y=float(row["y"]),
                width=float(row["width"]),
                height=float(row["height"]),
                player=str(row.get("player") or "").strip() or None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{path}: box {number}: {error!r}; needed are {', '.join(COLUMNS[:-1])}, numbers "
                "in pixels, and player where it is known"
            ) from error
        if not (box.width > 0 and box.height > 0 and np.isfinite([box.x, box.y]).all()):
            raise DataError(f"{path}: box {number}: width and height must be above 0")
        key = (box.piece, box.track)
        if key in boxes:
            raise DataError(f"{path}: box {number}: {box.piece} track {box.track} is there twice")
        boxes[key] = box
    return boxes


def write_boxes(path: Path, boxes: Sequence[PlayerBox]) -> None:
    """Write a file that ``read_boxes`` takes: JSON or CSV by the suffix. Whole or not at all."""
    rows = [{**asdict(box), "player": box.player or ""} for box in boxes]
    if path.suffix.lower() == ".json":
        text = json.dumps(rows, indent=1) + "\n"
    else:
        buffer = io.StringIO()
        table = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        text = buffer.getvalue()
    write_bytes(path, text.encode("utf-8"))


def propose_boxes(
    video: Path, piece: str, players: int, *, seconds: float = 60.0
) -> tuple[list[PlayerBox], Frames]:
    """A box for each player of a video in which they sit or stand beside one another.

    The frame's columns are parted where least moves, parts of like width preferred; in each part
    the box is a square as wide as the part, if the frame is that high, about where most moves.
    The n-th box from the left is track n's: a proposal to be looked at, and corrected by hand.

    Args:
        video: of the whole ensemble.
        piece: name that the boxes get.
        players: how many there are.
        seconds: of the video that are looked at.

    Returns:
        The boxes from left to right, and the first frame (H, W, 3).

    Raises:
        MediaError: the video cannot be read. DataError: fewer than one player.
    """
    if players < 1:
        raise DataError(f"{piece}: {players} players; at least one is needed")
    first, motion = _motion(video, seconds)
    height, width = first.shape[:2]
    across = motion.sum(axis=0)
    boxes = []
    for number, (left, right) in enumerate(_parts(across, players), start=1):
        part = motion[:, left:right]
        # The middle of nine tenths of the motion, so that a page turned far off does not pull.
        rows = _middle_of(part.sum(axis=1)) * height / len(motion)
        columns = (left + _middle_of(part.sum(axis=0))) * width / motion.shape[1]
        low, high = left * width / motion.shape[1], right * width / motion.shape[1]
        side = min(high - low, float(height))
        x = min(max(columns - side / 2, low), high - side)
        y = min(max(rows - side / 2, 0.0), height - side)
        boxes.append(PlayerBox(piece, number, *(round(value, 1) for value in (x, y, side, side))))
    return boxes, first


def write_boxes_sheet(
    path: Path, frames: Sequence[Frames], boxes: Sequence[Sequence[PlayerBox]]
) -> None:
    """A contact sheet: each frame with its boxes and the numbers of their tracks drawn in."""
    drawn = []
    for frame, of_frame in zip(frames, boxes, strict=True):
        scale = _SHEET_WIDTH / frame.shape[1]
        size = (_SHEET_WIDTH, _SHEET_WIDTH * 9 // 16)
        picture = PillowImage.new("RGB", size, (255, 255, 255))
        small = PillowImage.fromarray(frame).resize(
            (_SHEET_WIDTH, max(1, round(frame.shape[0] * scale))), PillowImage.Resampling.BOX
        )
        if small.height > size[1]:  # higher than wide: fitted by its height
            scale *= size[1] / small.height
            small = small.resize((max(1, round(small.width * size[1] / small.height)), size[1]))
        picture.paste(small, (0, 0))
        pen = ImageDraw.Draw(picture)
        for box in of_frame:
            corners = [box.x, box.y, box.x + box.width, box.y + box.height]
            left, top, right, bottom = (value * scale for value in corners)
            pen.rectangle((left, top, right - 1, bottom - 1), outline=(255, 210, 0), width=3)
            pen.rectangle((left, top, left + 16, top + 14), fill=(255, 210, 0))
            pen.text((left + 4, top + 1), str(box.track), fill=(0, 0, 0))
        if of_frame:
            pen.text((4, size[1] - 14), of_frame[0].piece, fill=(255, 255, 255),
                     stroke_width=1, stroke_fill=(0, 0, 0))  # fmt: skip
        drawn.append(image_to_unit(np.asarray(picture)))
    write_image(path, contact_sheet(drawn, 4))


def _motion(video: Path, seconds: float) -> tuple[Frames, NDArray[np.float64]]:
    """The first frame, and how much each place moves: (h, w), ``_MAP_WIDTH`` wide."""
    first: Frames | None = None
    before: NDArray[np.float32] | None = None
    total: NDArray[np.float64] | None = None
    next_time = 0.0
    for frame in read_frames(video):
        if first is None:
            first = frame.pixels
        if frame.time_seconds < next_time:
            continue
        if frame.time_seconds > seconds:
            break
        next_time = frame.time_seconds + 1 / _LOOK_RATE - 1e-3
        height, width = frame.pixels.shape[:2]
        size = (min(_MAP_WIDTH, width), max(1, round(height * min(_MAP_WIDTH, width) / width)))
        picture = PillowImage.fromarray(frame.pixels).convert("L")
        grey = np.asarray(picture.resize(size, PillowImage.Resampling.BOX), np.float32)
        if before is not None and total is not None:
            # What codecs and cameras leave in a still picture stays below a few levels.
            total += np.maximum(np.abs(grey - before) - 4.0, 0.0)
        else:
            total = np.zeros(grey.shape)
        before = grey
    assert first is not None
    assert total is not None
    return first, total


def _parts(across: NDArray[np.float64], count: int) -> list[tuple[int, int]]:
    """Columns → ``count`` parts, cut where least moves: least sum of motion at the cuts.

    A part that is half or twice as wide as its like share costs as much as a cut through the mean
    of the motion.
    """
    width = len(across)
    smooth = np.convolve(np.pad(across, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    smooth = smooth / max(float(smooth.mean()), 1e-9)
    places = np.arange(width + 1)
    sizes = places[None] - places[:, None]  # [from, until]
    with np.errstate(divide="ignore", invalid="ignore"):
        unlike = np.where(sizes > 0, np.log2(sizes * count / width) ** 2, np.inf)
    price = np.concatenate([[0.0], smooth[1:], [0.0]])  # of a cut before column n
    cost = unlike[0]
    came: list[NDArray[np.int64]] = []
    for _ in range(count - 1):
        table = (cost + price)[:, None] + unlike
        came.append(table.argmin(axis=0))
        cost = table.min(axis=0)
    cuts = [width]
    for best in reversed(came):
        cuts.append(int(best[cuts[-1]]))
    edges = [0, *cuts[::-1]]
    return list(pairwise(edges))


def _middle_of(weights: NDArray[np.float64]) -> float:
    """The middle of the places that hold nine tenths of the weight."""
    total = float(weights.sum())
    if total <= 0:
        return len(weights) / 2
    sums = np.cumsum(weights) / total
    low, high = np.searchsorted(sums, [0.05, 0.95])
    return float(low + high + 1) / 2
