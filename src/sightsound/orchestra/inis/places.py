"""Dice and a camera in, a background out: plain paper, room, stage, street, meadow, pattern."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import skia

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.space import Camera, Plane
from sightsound.orchestra.instruments import Colour
from sightsound.orchestra.scene import fill, linear, shade, shaded, stroke

FLOORED = ("room", "room", "stage", "outdoor", "studio")
UNFLOORED = ("plain", "gradient", "pattern", "bokeh", "room", "stage", "outdoor", "cloth")


@dataclass(frozen=True)
class Place:
    """Where a picture is taken."""

    kind: str
    floor_y: float
    wall_z: float
    blur: float  # of the picture's side: how far the background is out of focus


def draw_place(dice: Dice, size: int, camera: Camera, place: Place) -> skia.Image:
    """The background as a picture of its own, blurred as the place says."""
    surface = skia.Surface(size, size)
    canvas = surface.getCanvas()
    match place.kind:
        case "plain" | "gradient":
            _paper(canvas, dice, size)
        case "pattern":
            _pattern(canvas, dice, size)
        case "bokeh":
            _bokeh(canvas, dice, size)
        case "cloth":
            _cloth(canvas, dice, size)
        case "studio":
            _studio(canvas, dice, camera, place)
        case "stage":
            _stage(canvas, dice, camera, place)
        case "outdoor":
            _outdoor(canvas, dice, camera, place)
        case _:
            _room(canvas, dice, camera, place)
    image = surface.makeImageSnapshot()
    if place.blur <= 0.0:
        return image
    paint = skia.Paint(
        ImageFilter=skia.ImageFilters.Blur(
            place.blur * size, place.blur * size, skia.TileMode.kClamp
        )
    )
    canvas.drawImage(image, 0, 0, skia.SamplingOptions(), paint)
    return surface.makeImageSnapshot()


def _paper(canvas: skia.Canvas, dice: Dice, size: int) -> None:
    colour = dice.hsv((0, 1), (0.0, 0.75), (0.25, 1.0))
    if dice.chance(0.3):
        colour = dice.alike((246, 245, 243), 0.02)
    a, b = dice.between(0.8, 1.2), dice.between(0.5, 1.1)
    angle = dice.between(0, 2 * math.pi)
    dx, dy = 0.6 * size * math.cos(angle), 0.6 * size * math.sin(angle)
    m = size / 2
    if dice.chance(0.5):
        paint = shaded(linear((m - dx, m - dy, m + dx, m + dy), shade(colour, a), shade(colour, b)))
    else:
        middle = skia.Point(dice.between(0.3, 0.7) * size, dice.between(0.2, 0.6) * size)
        paint = shaded(
            skia.GradientShader.MakeRadial(middle, 0.8 * size, [shade(colour, a), shade(colour, b)])
        )
    canvas.drawPaint(paint)


def _pattern(canvas: skia.Canvas, dice: Dice, size: int) -> None:
    ground = dice.hsv((0, 1), (0.1, 0.7), (0.3, 0.95))
    other = dice.hsv((0, 1), (0.1, 0.8), (0.3, 0.95))
    canvas.clear(shade(ground, 1.0))
    canvas.translate(size / 2, size / 2)
    canvas.rotate(dice.between(0, 90))
    step = size * dice.between(0.06, 0.2)
    count = int(size / step) + 2
    kind = dice.pick(("stripes", "dots", "checks", "waves"))
    tone = shade(other, 1.0)
    for i in range(-count, count):
        if kind == "stripes":
            canvas.drawRect(skia.Rect.MakeXYWH(i * step, -2 * size, step / 2, 4 * size), fill(tone))
            continue
        if kind == "waves":
            wave = skia.Path()
            wave.moveTo(-count * step, i * step)
            for k in range(-count, count):
                wave.quadTo(
                    (k + 0.5) * step, (i + 0.5 * (-1) ** k) * step, (k + 1) * step, i * step
                )
            canvas.drawPath(wave, stroke(tone, 0.25 * step))
            continue
        for j in range(-count, count):
            if kind == "dots":
                canvas.drawCircle((i + 0.5 * (j % 2)) * step, j * step, 0.25 * step, fill(tone))
            elif (i + j) % 2:
                canvas.drawRect(skia.Rect.MakeXYWH(i * step, j * step, step, step), fill(tone))
    canvas.resetMatrix()


def _bokeh(canvas: skia.Canvas, dice: Dice, size: int) -> None:
    base = dice.hsv((0, 1), (0.2, 0.8), (0.08, 0.5))
    canvas.drawPaint(shaded(linear((0, 0, 0, size), shade(base, 1.2), shade(base, 0.6))))
    hue = dice.between(0, 1)
    for _ in range(dice.whole(10, 40)):
        colour = dice.hsv((hue - 0.12, hue + 0.2), (0.2, 0.9), (0.6, 1.0))
        radius = dice.between(0.02, 0.11) * size
        paint = fill(shade(colour, 1.0, dice.between(0.08, 0.45)))
        paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.12 * radius))
        canvas.drawCircle(dice.between(0, 1) * size, dice.between(0, 1) * size, radius, paint)


def _cloth(canvas: skia.Canvas, dice: Dice, size: int) -> None:
    """Velvet, linen or a blanket, in folds."""
    colour = dice.hsv((0, 1), (0.1, 0.85), (0.25, 0.85))
    y, x = np.mgrid[0:size, 0:size] / size
    angle, many = dice.between(0, math.pi), dice.between(2, 7)
    t = x * math.cos(angle) + y * math.sin(angle)
    s = -x * math.sin(angle) + y * math.cos(angle)
    bend = t * many + 0.25 * np.sin(3 * s + dice.between(0, 6)) + dice.between(0, 6)
    value = 0.75 + 0.16 * np.sin(2 * math.pi * bend) + 0.08 * np.sin(3.1 * bend + 5 * s)
    pixels = np.clip(value[..., None] * np.array(colour) * 1.1, 0, 255).astype(np.uint8)
    whole = np.dstack([pixels, np.full((size, size), 255, np.uint8)])
    canvas.drawImage(skia.Image.fromarray(whole, skia.kRGBA_8888_ColorType), 0, 0)


def _floor(camera: Camera, place: Place) -> Plane:
    return Plane((0.0, place.floor_y, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))


def _horizon(camera: Camera, place: Place) -> tuple[float, float, float, float]:
    """Where floor and wall meet in the picture, as a line (x0, y0, x1, y1) in pixels."""
    ends = camera.seen([(-30, place.floor_y, place.wall_z), (30, place.floor_y, place.wall_z)])
    return float(ends[0, 0]), float(ends[0, 1]), float(ends[1, 0]), float(ends[1, 1])


def _lay_floor(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place, colour: Colour,
               kind: str) -> None:  # fmt: skip
    """Boards, tiles, carpet or plain ground from the wall to the viewer."""
    size = camera.size
    x0, y0, x1, y1 = _horizon(camera, place)
    below = skia.Path.Polygon(
        [skia.Point(x0, y0), skia.Point(x1, y1), skia.Point(x1, y1 + 9 * size),
         skia.Point(x0, y0 + 9 * size)], True)  # fmt: skip
    canvas.save()
    canvas.clipPath(below, True)
    top = min((y0 + y1) / 2, size)
    canvas.drawPaint(shaded(linear((0, top, 0, size), shade(colour, 0.75), shade(colour, 1.1))))
    step = dice.between(0.7, 2.0)
    dark = shade(colour, 0.55, 0.7)
    near = camera.distance * 0.75

    def boards(on: skia.Canvas) -> None:
        for k in range(-40, 41):
            tone = shade(colour, dice.between(0.8, 1.15), 0.5)
            on.drawRect(
                skia.Rect.MakeLTRB(k * step, -near, (k + 1) * step, place.wall_z), fill(tone)
            )
            on.drawLine(k * step, -near, k * step, place.wall_z, stroke(dark, 0.05))

    def tiles(on: skia.Canvas) -> None:
        other = shade(dice.alike(colour, 0.25), 1.0, 0.8)
        for k in range(-24, 25):
            for j in range(int(-near / step), int(place.wall_z / step) + 1):
                if (k + j) % 2:
                    box = skia.Rect.MakeXYWH(k * step, j * step, step, step)
                    on.drawRect(box, fill(other))

    if kind in ("boards", "tiles"):
        camera.on(canvas, _floor(camera, place), boards if kind == "boards" else tiles)
    canvas.restore()


def _rug(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place) -> None:
    colours = [dice.hsv((0, 1), (0.2, 0.8), (0.25, 0.8)) for _ in range(3)]
    wide, deep = dice.between(5, 10), dice.between(3, 6)
    round_rug = dice.chance(0.35)

    def paint(on: skia.Canvas) -> None:
        for k, colour in enumerate([*colours, colours[0]]):
            w, d = wide * (1 - 0.14 * k), deep * (1 - 0.14 * k)
            box = skia.Rect.MakeLTRB(-w, -d, w, d)
            (on.drawOval if round_rug else on.drawRect)(box, fill(shade(colour, 0.95)))

    camera.on(canvas, _floor(camera, place), paint)


def _studio(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place) -> None:
    """A seamless sweep of paper: a floor that becomes a wall."""
    colour = dice.hsv((0, 1), (0.0, 0.5), (0.35, 0.98))
    if dice.chance(0.45):
        colour = dice.alike((243, 243, 241), 0.02)
    _, y0, _, y1 = _horizon(camera, place)
    middle = float(np.clip((y0 + y1) / 2 / camera.size, 0.1, 1.1)) * camera.size
    shader = skia.GradientShader.MakeLinear(
        [skia.Point(0, 0), skia.Point(0, camera.size * 1.05)],
        [shade(colour, 1.05), shade(colour, 0.86), shade(colour, 1.08)],
        [0.0, min(middle / camera.size / 1.05, 0.95), 1.0],
    )
    canvas.drawPaint(shaded(shader))


def _room(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place) -> None:
    wall = dice.hsv((0, 1), (0.02, 0.4), (0.4, 0.95))
    size = camera.size
    canvas.drawPaint(shaded(linear((0, 0, size, size), shade(wall, 1.12), shade(wall, 0.78))))
    upright = Plane((0.0, place.floor_y, place.wall_z), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    kind = dice.pick(("paint", "paint", "brick", "panels", "stripes", "shelf", "curtain"))
    shift = dice.between(-4, 4)

    def paint(on: skia.Canvas) -> None:
        dark = shade(wall, 0.72, 0.8)
        if kind == "brick":
            base = dice.hsv((0.01, 0.06), (0.3, 0.6), (0.4, 0.75))
            on.drawRect(skia.Rect.MakeLTRB(-60, -40, 60, 0), fill(shade(base, 1.25)))
            for row in range(36):
                for k in range(-24, 25):
                    x = 1.5 * k + 0.75 * (row % 2)
                    tone = shade(base, dice.between(0.75, 1.1))
                    on.drawRect(skia.Rect.MakeXYWH(x, -0.55 * row - 0.5, 1.4, 0.46), fill(tone))
        elif kind == "panels":
            for k in range(-20, 21):
                on.drawLine(2.2 * k, -40, 2.2 * k, 0, stroke(dark, 0.12))
        elif kind == "stripes":
            tone = shade(dice.alike(wall, 0.15), 0.92)
            for k in range(-30, 31):
                on.drawRect(skia.Rect.MakeXYWH(1.4 * k, -40, 0.7, 40), fill(tone))
        elif kind == "shelf":
            _shelf(on, dice)
        elif kind == "curtain":
            cloth = dice.hsv((0, 1), (0.2, 0.8), (0.3, 0.8))
            for k in range(-30, 31):
                tones = (shade(cloth, 0.55), shade(cloth, 1.1), shade(cloth, 0.6))
                paint = shaded(linear((k, 0, k + 1, 0), *tones))
                on.drawRect(skia.Rect.MakeXYWH(k, -40, 1.02, 40), paint)
        if kind in ("paint", "panels", "stripes"):
            _hang(on, dice, shift)
        on.drawRect(skia.Rect.MakeLTRB(-60, -0.4, 60, 0), fill(shade(wall, 1.25)))

    camera.on(canvas, upright, paint)
    boards = dice.hsv((0.05, 0.11), (0.25, 0.65), (0.3, 0.8))
    if dice.chance(0.3):
        boards = dice.hsv((0, 1), (0.0, 0.3), (0.3, 0.85))
    _lay_floor(
        canvas, dice, camera, place, boards, dice.pick(("boards", "boards", "tiles", "plain"))
    )
    if dice.chance(0.4):
        _rug(canvas, dice, camera, place)


def _shelf(on: skia.Canvas, dice: Dice) -> None:
    frame = dice.hsv((0.05, 0.1), (0.3, 0.6), (0.25, 0.6))
    on.drawRect(skia.Rect.MakeLTRB(-24, -16, 24, 0), fill(shade(frame, 0.45)))
    for row in range(7):
        y = -2.2 * row - 0.4
        x = -24.0
        while x < 24:
            wide = dice.between(0.15, 0.5)
            book = dice.hsv((0, 1), (0.1, 0.7), (0.25, 0.85))
            tall = dice.between(1.1, 1.8)
            on.drawRect(skia.Rect.MakeXYWH(x, y - tall, wide * 0.94, tall), fill(shade(book, 1.0)))
            x += wide
        on.drawRect(skia.Rect.MakeLTRB(-24, y, 24, y + 0.25), fill(shade(frame, 1.0)))


def _hang(on: skia.Canvas, dice: Dice, shift: float) -> None:
    """A window or framed pictures on a wall."""
    if dice.chance(0.4):
        sky = dice.hsv((0.5, 0.62), (0.1, 0.5), (0.8, 1.0))
        box = skia.Rect.MakeXYWH(shift - 3, -11, 6, 7)
        on.drawRect(box, shaded(linear((0, -11, 0, -4), shade(sky, 0.9), shade(sky, 1.5))))
        on.drawRect(box, stroke(shade((240, 238, 230), 1.0), 0.5))
        on.drawLine(shift, -11, shift, -4, stroke(shade((240, 238, 230), 1.0), 0.3))
        on.drawLine(shift - 3, -7.5, shift + 3, -7.5, stroke(shade((240, 238, 230), 1.0), 0.3))
        return
    for k in range(dice.whole(0, 3)):
        x, y = shift + 5.5 * (k - 1) + dice.near(0, 0.5), -8.5 + dice.near(0, 1)
        wide, tall = dice.between(1, 2.2), dice.between(1, 2)
        box = skia.Rect.MakeLTRB(x - wide, y - tall, x + wide, y + tall)
        first, second = (dice.hsv((0, 1), (0.1, 0.7), (0.3, 0.95)) for _ in range(2))
        on.drawRect(
            box, shaded(linear((x, y - tall, x, y + tall), shade(first, 1), shade(second, 1)))
        )
        on.drawCircle(x, y, 0.4 * wide, fill(shade(dice.hsv((0, 1), (0.2, 0.8), (0.3, 1)), 1.0)))
        on.drawRect(box, stroke(shade(dice.hsv((0.05, 0.12), (0.2, 0.7), (0.15, 0.7)), 1), 0.25))


def _stage(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place) -> None:
    size = camera.size
    cloth = dice.hsv((0, 1), (0.3, 0.9), (0.08, 0.45))
    canvas.clear(shade(cloth, 0.5))
    folds = dice.whole(6, 16)
    for k in range(folds):
        x0, x1 = k * size / folds, (k + 1) * size / folds + 1
        tones = (shade(cloth, 0.4), shade(cloth, 1.05), shade(cloth, 0.35))
        box = skia.Rect.MakeLTRB(x0, 0, x1, size)
        canvas.drawRect(box, shaded(linear((x0, 0, x1, 0), *tones)))
    floor = dice.hsv((0.04, 0.1), (0.2, 0.6), (0.15, 0.5))
    _lay_floor(canvas, dice, camera, place, floor, "boards")
    for _ in range(dice.whole(1, 4)):  # cones of light from above
        colour = dice.hsv((0, 1), (0.0, 0.8), (0.8, 1.0))
        top, foot = dice.between(0, 1) * size, dice.between(0.2, 0.8) * size
        wide = dice.between(0.1, 0.3) * size
        cone = skia.Path.Polygon(
            [skia.Point(top - 2, -2), skia.Point(top + 2, -2), skia.Point(foot + wide, size),
             skia.Point(foot - wide, size)], True)  # fmt: skip
        glow = shaded(
            linear(
                (top, 0, foot, size), shade(colour, 1, dice.between(0.25, 0.6)), shade(colour, 1, 0)
            )
        )
        glow.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.02 * size))
        canvas.drawPath(cone, glow)


def _outdoor(canvas: skia.Canvas, dice: Dice, camera: Camera, place: Place) -> None:
    size = camera.size
    sky = dice.hsv((0.5, 0.64), (0.15, 0.65), (0.65, 1.0))
    low = dice.pick((shade(sky, 1.6), shade(dice.hsv((0.02, 0.12), (0.2, 0.6), (0.85, 1.0)), 1.2)))
    _, y0, _, y1 = _horizon(camera, place)
    line = float(np.clip((y0 + y1) / 2, 0.15 * size, 1.2 * size))
    canvas.drawPaint(shaded(linear((0, 0, 0, line), shade(sky, 1.0), low)))
    for _ in range(dice.whole(0, 5)):
        x, y = dice.between(0, 1) * size, dice.between(0, 0.5) * line
        for _ in range(5):
            cloud = fill(int(skia.Color(255, 255, 255, 120)))
            cloud.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.02 * size))
            wide = dice.between(0.03, 0.12) * size
            dx, dy = dice.near(0, 0.06) * size, dice.near(0, 0.015) * size
            canvas.drawOval(skia.Rect.MakeXYWH(x + dx, y + dy, wide, 0.4 * wide), cloud)
    kind = dice.pick(("hills", "trees", "houses", "sea"))
    if kind == "hills" or dice.chance(0.3):
        for k in range(3):
            green = dice.hsv((0.22, 0.42), (0.2, 0.6), (0.25, 0.6))
            hill = skia.Path()
            hill.moveTo(-size, line + size)
            for j in range(-1, 6):
                y = line - size * dice.between(0.02, 0.22 - 0.06 * k)
                hill.quadTo((j + 0.5) * size / 4, y, (j + 1) * size / 4, line - 0.02 * size)
            hill.lineTo(2 * size, line + size)
            canvas.drawPath(hill, fill(shade(green, 1.25 - 0.2 * k)))
    if kind == "trees":
        for _ in range(dice.whole(4, 12)):
            x, tall = dice.between(0, 1) * size, dice.between(0.15, 0.5) * size
            bark = dice.hsv((0.05, 0.1), (0.3, 0.5), (0.2, 0.4))
            canvas.drawLine(x, line, x, line - 0.6 * tall, stroke(shade(bark, 1), 0.06 * tall))
            leaf = dice.hsv((0.18, 0.4), (0.3, 0.7), (0.25, 0.65))
            for _ in range(7):
                dx, dy = dice.near(0, 0.14) * tall, dice.near(-0.75, 0.12) * tall
                tone = shade(leaf, dice.between(0.7, 1.25))
                canvas.drawCircle(x + dx, line + dy, dice.between(0.1, 0.22) * tall, fill(tone))
    elif kind == "houses":
        x = 0.0
        while x < size:
            wide, tall = dice.between(0.1, 0.25) * size, dice.between(0.2, 0.8) * line
            paint = dice.hsv((0, 1), (0.05, 0.4), (0.4, 0.9))
            canvas.drawRect(
                skia.Rect.MakeLTRB(x, line - tall, x + wide, line), fill(shade(paint, 1))
            )
            for i in range(3):
                for j in range(int(tall / (0.1 * size))):
                    box = skia.Rect.MakeXYWH(
                        x + (0.12 + 0.3 * i) * wide, line - tall + (0.03 + 0.1 * j) * size,
                        0.16 * wide, 0.055 * size)  # fmt: skip
                    canvas.drawRect(box, fill(shade((70, 84, 104), dice.between(0.7, 1.6))))
            x += wide
    grounds = {
        "hills": ((0.2, 0.36), (0.3, 0.7), (0.35, 0.65)),
        "trees": ((0.2, 0.36), (0.3, 0.7), (0.3, 0.6)),
        "houses": ((0.05, 0.12), (0.02, 0.2), (0.45, 0.75)),
        "sea": ((0.1, 0.14), (0.2, 0.45), (0.7, 0.95)),
    }
    if kind == "sea":
        water = dice.hsv((0.48, 0.6), (0.3, 0.7), (0.4, 0.8))
        box = skia.Rect.MakeLTRB(0, line - 0.12 * size, size, size)
        canvas.drawRect(box, fill(shade(water, 1.0)))
    floor = "tiles" if kind == "houses" and dice.chance(0.5) else "plain"
    _lay_floor(canvas, dice, camera, place, dice.hsv(*grounds[kind]), floor)
