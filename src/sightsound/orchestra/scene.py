"""A player's room in, one background picture out: curtain or wall, floor, seat, music stand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import skia

from sightsound.orchestra.instruments import Colour
from sightsound.orchestra.player import Player
from sightsound.shapes import Frames


def shade(colour: Colour, factor: float, alpha: float = 1.0) -> int:
    """A colour made darker (factor < 1) or lighter towards white (> 1), as a skia colour."""
    if factor <= 1.0:
        r, g, b = (c * factor for c in colour)
    else:
        r, g, b = (c + (255 - c) * min(factor - 1.0, 1.0) for c in colour)
    return int(skia.Color(round(r), round(g), round(b), round(255 * alpha)))


def tinted(player: Player, colour: Colour) -> Colour:
    """The colour under the player's light."""
    r, g, b = (
        int(np.clip(c * t * (0.92 + 0.08 * player.light.strength), 0, 255))
        for c, t in zip(colour, player.light.tint, strict=True)
    )
    return r, g, b


def camera_matrix(player: Player, size: int) -> skia.Matrix:
    """Head heights (origin on the floor of the neck: the resting chin) → pixels."""
    camera = player.camera
    unit = camera.head_share * size
    matrix = skia.Matrix()
    matrix.setTranslate(camera.centre_x * size, camera.crown_y * size + unit)
    matrix.preRotate(float(np.degrees(camera.roll)))
    matrix.preScale(unit, unit)
    return matrix


def backdrop(player: Player, size: int) -> Frames:
    """Curtain, wood, wall or brick with its light, (size, size, 3) uint8."""
    room = player.room
    y, x = np.mgrid[0:size, 0:size].astype(np.float64) / size
    if room.background == "curtain":
        rng = np.random.default_rng([0xC027A1, player.seed])
        bend = 0.006 * np.sin(5.0 * y + room.fold_phase) * (0.3 + y)
        u = (x + bend) * room.folds
        u = u + 0.35 * np.sin(1.7 * u + room.fold_phase) + 0.2 * np.sin(0.6 * u)
        fold = np.sin(2 * np.pi * u * 0.5 + room.fold_phase)
        # Folds catch light on one flank and keep a narrow dark valley on the other.
        value = 0.62 + 0.30 * fold + 0.14 * np.cos(2 * np.pi * u * 0.5 * 2 + 0.7)
        value += 0.05 * np.sin(2 * np.pi * u * 1.5 + float(rng.uniform(0, 6)))
        value *= 1.0 - 0.25 * y
    elif room.background == "wood":
        plank = np.floor(x * room.folds * 0.8 + room.fold_phase)
        tone = 0.82 + 0.22 * np.modf(np.sin(plank * 12.9898) * 43758.5453)[0]
        grain = 0.06 * np.sin(60 * x + 6 * np.sin(3 * y + plank) + plank)
        seam = np.abs(np.modf(x * room.folds * 0.8 + room.fold_phase)[0]) < 0.06
        value = (tone + grain) * np.where(seam, 0.55, 1.0)
    elif room.background == "brick":
        row = np.floor(y * 20)
        column = x * 9 + 0.5 * (row % 2)
        mortar = (np.modf(y * 20)[0] < 0.12) | (np.modf(column)[0] < 0.06)
        tone = 0.8 + 0.18 * np.modf(np.sin(np.floor(column) * 7.1 + row * 31.7) * 4375.85)[0]
        value = np.where(mortar, 1.12, tone)
    else:
        panel = np.abs(np.modf(x * 3 + room.fold_phase)[0] - 0.5)
        value = 0.92 - 0.12 * np.exp(-((panel / 0.02) ** 2)) - 0.1 * y
    spot_x, spot_y = room.spot
    glow = np.exp(-(((x - spot_x) / 0.5) ** 2 + ((y - spot_y) / 0.6) ** 2))
    vignette = 1.0 - 0.35 * ((x - 0.5) ** 2 + (y - 0.45) ** 2) / 0.5
    value = value * (0.55 + 0.55 * glow * player.light.strength) * vignette
    colour = np.array(tinted(player, room.colour), np.float64)
    pixels = value[..., None] * colour * 1.35
    pixels += (np.maximum(value - 0.75, 0.0) * 60.0)[..., None]
    painted: Frames = np.clip(pixels, 0, 255).astype(np.uint8)
    return painted


def linear(points: tuple[float, float, float, float], *colours: int) -> skia.Shader:
    """Linear gradient from (x0, y0) to (x1, y1) through evenly spaced colours."""
    x0, y0, x1, y1 = points
    return skia.GradientShader.MakeLinear(
        [skia.Point(x0, y0), skia.Point(x1, y1)], list(colours), None
    )


def fill(colour: int) -> skia.Paint:
    """An antialiased fill."""
    return skia.Paint(Color=colour, AntiAlias=True)


def shaded(shader: skia.Shader) -> skia.Paint:
    """An antialiased fill with a shader."""
    return skia.Paint(Shader=shader, AntiAlias=True)


def stroke(colour: int, width: float) -> skia.Paint:
    """An antialiased round stroke."""
    return skia.Paint(
        Color=colour,
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


class Sprite:
    """A drawing kept as pixels, made once for each scale it is shown at.

    Playing shapes back costs a frame more than all the rest; pixels at twice the picture's scale
    move and turn without a visible loss.
    """

    OVERSAMPLING = 1.5

    def __init__(self, draw: Callable[[skia.Canvas], None], bounds: skia.Rect) -> None:
        """Take the painter and what it covers in its own coordinates."""
        recorder = skia.PictureRecorder()
        draw(recorder.beginRecording(bounds))
        self._picture = recorder.finishRecordingAsPicture()
        self._bounds = bounds
        self._images: dict[float, tuple[skia.Image, skia.Rect]] = {}

    def draw(self, canvas: skia.Canvas) -> None:
        """Draw it in the canvas's coordinates."""
        matrix = canvas.getTotalMatrix()
        scale = math.hypot(matrix.getScaleX(), matrix.getSkewY())
        # Steps of a quarter octave, so that breathing does not make new pixels each frame.
        step = self.OVERSAMPLING * 2.0 ** (math.ceil(4.0 * math.log2(scale) - 0.2) / 4.0)
        if step not in self._images:
            bounds = self._bounds
            width, height = math.ceil(bounds.width() * step), math.ceil(bounds.height() * step)
            surface = skia.Surface(width, height)
            paper = surface.getCanvas()
            paper.scale(step, step)
            paper.translate(-bounds.left(), -bounds.top())
            paper.drawPicture(self._picture)
            image = surface.makeImageSnapshot()
            place = skia.Rect.MakeXYWH(bounds.left(), bounds.top(), width / step, height / step)
            self._images[step] = (image, place)
        image, place = self._images[step]
        canvas.drawImageRect(image, place, LINEAR)


LINEAR = skia.SamplingOptions(skia.FilterMode.kLinear)


def draw_floor(canvas: skia.Canvas, player: Player, floor_y: float) -> None:
    """Floor boards from `floor_y` (head heights below the chin) down, with a soft edge."""
    floor = tinted(player, player.room.floor)
    top = floor_y - 0.62
    rect = skia.Rect.MakeLTRB(-12, top, 12, top + 12)
    canvas.drawRect(
        rect, shaded(linear((0, top, 0, top + 1.6), shade(floor, 0.55), shade(floor, 1.0)))
    )
    canvas.drawRect(skia.Rect.MakeLTRB(-12, top - 0.06, 12, top), fill(shade(floor, 0.3)))
    line = stroke(shade(floor, 0.4, 0.7), 0.018)
    for k in range(-8, 9):
        canvas.drawLine(0.62 * k, top, 1.35 * k, top + 2.4, line)


def draw_seat(canvas: skia.Canvas, player: Player, seat_y: float) -> None:
    """The seat whose top lies at `seat_y`: chair with back, stool or bench."""
    colour = tinted(player, player.room.seat_colour)
    dark, light = shade(colour, 0.45), shade(colour, 1.25)
    width = 0.98
    legs = stroke(dark, 0.1)
    for x in (-0.8, 0.8):
        canvas.drawLine(x, seat_y + 0.1, x * 1.1, seat_y + 2.2, legs)
    if player.room.seat == "chair":
        back = skia.Path()
        back.addRoundRect(skia.Rect.MakeLTRB(-0.95, seat_y - 1.75, 0.95, seat_y - 0.55), 0.22, 0.22)
        canvas.drawPath(back, shaded(linear((-0.95, 0, 0.95, 0), light, shade(colour, 0.8), dark)))
        canvas.drawPath(back, stroke(dark, 0.07))
        for x in (-0.9, 0.9):
            canvas.drawLine(x, seat_y - 1.6, x, seat_y + 0.1, stroke(dark, 0.11))
    if player.room.seat == "bench":
        width = 1.5
    cushion = skia.Path()
    cushion.addRoundRect(
        skia.Rect.MakeLTRB(-width - 0.1, seat_y - 0.12, width + 0.1, seat_y + 0.2), 0.14, 0.14
    )
    canvas.drawPath(cushion, shaded(linear((0, seat_y - 0.12, 0, seat_y + 0.2), light, dark)))


def draw_stand(canvas: skia.Canvas, player: Player, floor_y: float) -> None:
    """A music stand at the picture's edge, seen from behind, below the player's hands."""
    side = player.room.stand
    if side == 0.0:
        return
    scale = player.room.stand_scale
    canvas.save()
    canvas.translate(2.15 * side, floor_y - 1.05)
    canvas.scale(scale, scale)
    canvas.drawLine(0, 0, 0, 1.4, stroke(int(skia.Color(26, 26, 30)), 0.07))
    desk = skia.Path()
    desk.moveTo(-0.62, -0.5)
    desk.lineTo(0.62, -0.62)
    desk.lineTo(0.7, 0.06)
    desk.lineTo(-0.58, 0.14)
    desk.close()
    steel = (52, 53, 60)
    canvas.drawPath(
        desk, shaded(linear((-0.6, -0.5, 0.6, 0.2), shade(steel, 1.25), shade(steel, 0.55)))
    )
    canvas.drawPath(desk, stroke(shade(steel, 0.35), 0.03))
    sheet = skia.Path()
    sheet.moveTo(-0.42, -0.62)
    sheet.lineTo(0.4, -0.7)
    sheet.lineTo(0.41, -0.59)
    sheet.lineTo(-0.42, -0.51)
    sheet.close()
    canvas.drawPath(sheet, fill(int(skia.Color(228, 224, 212))))
    canvas.restore()
