"""Dice in, a grand, an upright or a stage piano out, drawn in space.

A piano's own frame: x along its keys (bass at 0), y down from the floor's height upwards, z from
the player into the instrument; the edge of its keys lies at z = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skia

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.space import Camera, Plane, Vector, cross, plus, unit
from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.scene import fill, linear, shade, shaded, stroke
from sightsound.orchestra.tubes import spline

WIDTH = 6.6  # of a whole piano
KEYS_Y = -3.2  # of the keys above the floor
BENCH_Y = -2.2
Frame = Callable[[Vector], Vector]
Paint = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class PianoLook:
    """One piano among many."""

    wood: Colour
    gloss: float
    plate: Colour  # of the iron within a grand
    lid: float  # radians a grand's lid stands open; 0 = shut
    length: float  # of a grand
    height: float  # of an upright
    ornate: bool
    score: bool  # paper on the music desk
    bench: Colour


def draw_look(dice: Dice) -> PianoLook:
    """A piano: mostly black, often brown, now and then white or painted."""
    wood: Colour = {
        "black": dice.hsv((0, 1), (0.0, 0.2), (0.07, 0.15)),
        "brown": dice.hsv((0.02, 0.08), (0.5, 0.8), (0.25, 0.55)),
        "white": dice.hsv((0.05, 0.15), (0.0, 0.08), (0.88, 0.97)),
        "paint": dice.hsv((0, 1), (0.3, 0.8), (0.3, 0.8)),
    }[dice.weighted(black=0.5, brown=0.32, white=0.1, paint=0.08)]
    return PianoLook(
        wood=wood,
        gloss=dice.between(0.2, 1.0),
        plate=dice.hsv((0.09, 0.13), (0.4, 0.7), (0.6, 0.9)),
        lid=dice.between(0.55, 0.8) if dice.chance(0.8) else 0.0,
        length=dice.between(6.8, 11.0),
        height=dice.between(4.9, 6.0),
        ornate=dice.chance(0.3),
        score=dice.chance(0.5),
        bench=dice.hsv((0, 1), (0.0, 0.5), (0.08, 0.35)),
    )


def keyboard(canvas: skia.Canvas, wide: float, deep: float, white_keys: int) -> None:
    """Keys from (0, 0), the far edge of the bass, to (wide, deep), the near edge of the treble."""
    step = wide / white_keys
    canvas.drawRect(
        skia.Rect.MakeWH(wide, deep),
        shaded(linear((0, 0, 0, deep), shade((246, 244, 236), 0.72), shade((250, 249, 244), 1.0))),
    )
    for key in range(1, white_keys):
        canvas.drawLine(
            key * step, 0, key * step, deep, stroke(shade((70, 66, 60), 1.0), 0.1 * step)
        )
    for key in range(white_keys):
        if (key + 5) % 7 in (2, 6) or key == white_keys - 1:  # no black key above E and B
            continue
        x = (key + 1) * step
        box = skia.Rect.MakeLTRB(x - 0.31 * step, 0, x + 0.31 * step, 0.64 * deep)
        canvas.drawRect(box, fill(shade((18, 17, 18), 1.0)))
        shine = skia.Rect.MakeLTRB(x - 0.17 * step, 0, x + 0.1 * step, 0.57 * deep)
        canvas.drawRect(shine, fill(shade((74, 74, 78), 1.0)))


def _sorted(camera: Camera, parts: list[tuple[Vector, Paint]]) -> None:
    """Paint the farthest first."""
    for _, paint in sorted(parts, key=lambda part: -camera.depth(part[0])):
        paint()


def _keys_on(camera: Camera, canvas: skia.Canvas, frame: Frame, x0: float, x1: float,
             z0: float, z1: float, keys: int) -> None:  # fmt: skip
    """A keyboard from z0 (the player's edge) to z1."""
    base = frame((0, 0, 0))
    across, away = plus(frame((1, 0, 0)), base, -1), plus(frame((0, 0, -1)), base, -1)
    plane = Plane(frame((x0, KEYS_Y, z1)), across, away)
    camera.on(canvas, plane, lambda on: keyboard(on, x1 - x0, z1 - z0, keys))
    lip = [frame((x, y, z0)) for x, y in
           ((x0, KEYS_Y), (x1, KEYS_Y), (x1, KEYS_Y + 0.12), (x0, KEYS_Y + 0.12))]  # fmt: skip
    if camera.faces(lip[0], away):
        camera.face(canvas, lip, shade((236, 233, 222), 0.8))


def bench(camera: Camera, canvas: skia.Canvas, frame: Frame, colour: Colour, x: float,
          z: float = -2.0) -> None:  # fmt: skip
    """A piano bench."""
    for dx in (-1.1, 1.1):
        for dz in (-0.5, 0.5):
            camera.bar(
                canvas, frame((x + dx, BENCH_Y, z + dz)), frame((x + dx, 0, z + dz)), 0.2, colour
            )
    camera.box(
        canvas, (x - 1.3, BENCH_Y - 0.25, z - 0.7), (x + 1.3, BENCH_Y, z + 0.7), colour, frame=frame
    )


def _sheets(on: skia.Canvas, x: float, y: float) -> None:
    for side in (-1, 1):
        page = skia.Rect.MakeXYWH(x + (0.0 if side > 0 else -1.0), y, 0.98, 1.35)
        on.drawRect(page, fill(shade((250, 248, 240), 1.0)))
        for k in range(7):
            at = y + 0.18 + 0.15 * k
            on.drawLine(
                page.left() + 0.12,
                at,
                page.right() - 0.12,
                at,
                stroke(shade((90, 90, 96), 1), 0.03),
            )


# --- upright --------------------------------------------------------------------------------------


def upright(camera: Camera, canvas: skia.Canvas, frame: Frame, look: PianoLook) -> None:
    """An upright piano, its back at z = 2.6."""
    wood, top = look.wood, -look.height

    def front(on: skia.Canvas) -> None:
        panel = stroke(shade(wood, 0.6 if sum(wood) > 200 else 1.25), 0.07)
        height = -top
        for box in ((0.5, 0.5, WIDTH - 0.5, height + KEYS_Y - 0.3),
                    (0.5, height + KEYS_Y + 0.7, WIDTH - 0.5, height - 0.5)):  # fmt: skip
            rect = skia.Rect.MakeLTRB(*box)
            on.drawRect(
                rect,
                shaded(linear((0, box[1], WIDTH, box[3]), shade(wood, 1.18), shade(wood, 0.85))),
            )
            on.drawRect(rect, panel)
        if look.ornate:
            for x in (1.2, WIDTH - 1.2):
                on.drawOval(skia.Rect.MakeXYWH(x - 0.3, 0.7, 0.6, 0.9), panel)
        if look.score:
            _sheets(on, WIDTH / 2, height + KEYS_Y - 1.9)
        shine = fill(int(skia.Color(255, 255, 255, round(46 * look.gloss))))
        on.drawPath(skia.Path.Polygon([skia.Point(1, 0), skia.Point(2, 0), skia.Point(0.8, 9),
                                       skia.Point(-0.4, 9)], True), shine)  # fmt: skip
        for x in (-0.35, 0.0, 0.35):
            on.drawLine(WIDTH / 2 + x, height - 0.35, WIDTH / 2 + x, height - 0.15,
                        stroke(shade((214, 176, 90), 1.0), 0.16))  # fmt: skip

    camera.box(canvas, (0, top, 1.15), (WIDTH, 0, 2.6), wood, {"front": front}, frame=frame)
    camera.box(canvas, (-0.06, top - 0.14, 1.0), (WIDTH + 0.06, top, 2.7), wood, frame=frame)

    def bed() -> None:
        for x in (0.18, WIDTH - 0.18):
            camera.bar(canvas, frame((x, KEYS_Y + 0.5, -0.05)), frame((x, 0, -0.05)), 0.3, wood)
        camera.box(canvas, (0, KEYS_Y, -0.15), (WIDTH, KEYS_Y + 0.55, 1.15), wood, frame=frame)
        _keys_on(camera, canvas, frame, 0.35, WIDTH - 0.35, 0.0, 0.85, 52)

    bed()
    for x in (0.0, WIDTH - 0.35):
        camera.box(canvas, (x, KEYS_Y - 0.4, -0.1), (x + 0.35, KEYS_Y, 1.15), wood, frame=frame)


# --- stage piano ----------------------------------------------------------------------------------


def stage_piano(camera: Camera, canvas: skia.Canvas, frame: Frame, look: PianoLook) -> None:
    """A slim electric piano on crossed legs."""
    metal: Colour = (44, 44, 48)
    for z in (0.1, 1.1):
        camera.bar(canvas, frame((1.0, KEYS_Y + 0.4, z)), frame((WIDTH - 1.0, 0, z)), 0.2, metal)
        camera.bar(canvas, frame((WIDTH - 1.0, KEYS_Y + 0.4, z)), frame((1.0, 0, z)), 0.2, metal)

    def panel(on: skia.Canvas) -> None:
        on.drawRect(skia.Rect.MakeLTRB(0.3, 0.95, WIDTH - 0.3, 1.35), fill(shade(look.wood, 1.3)))
        for k in range(10):
            on.drawCircle(
                0.8 + 0.4 * k,
                1.15,
                0.09,
                fill(shade((210, 60, 60) if k % 4 == 1 else (200, 202, 206), 1)),
            )
        on.drawRect(skia.Rect.MakeLTRB(5.0, 1.0, 6.0, 1.3), fill(shade((120, 190, 210), 1)))

    camera.box(canvas, (0, KEYS_Y + 0.03, -0.08), (WIDTH, KEYS_Y + 0.5, 1.45), look.wood,
               {"top": lambda on: panel(on)}, frame=frame)  # fmt: skip
    _keys_on(camera, canvas, frame, 0.3, WIDTH - 0.3, 0.0, 0.85, 45)


# --- grand ----------------------------------------------------------------------------------------


def _grand_outline(length: float, front: float) -> list[Point]:
    """The rim seen from above, as (z, x): straight bass side, curved treble side."""
    bent = spline(
        (WIDTH, 0.26 * length), (0.94 * WIDTH, 0.42 * length), (0.66 * WIDTH, 0.6 * length),
        (0.55 * WIDTH, 0.82 * length), (0.38 * WIDTH, 0.97 * length), (0.2 * WIDTH, length),
        (0.04 * WIDTH, 0.95 * length), points=34,
    )  # fmt: skip
    curve = [(float(z), float(x)) for x, z in bent]
    return [(front, 0.0), (front, WIDTH), *curve, (0.88 * length, 0.0)]


def grand(camera: Camera, canvas: skia.Canvas, frame: Frame, look: PianoLook) -> None:
    """A grand piano, its lid open towards the treble side where the look says so."""
    wood, length = look.wood, look.length
    rim, under = KEYS_Y - 0.95, KEYS_Y + 0.55
    base = frame((0, 0, 0))
    away, right = plus(frame((0, 0, 1)), base, -1), plus(frame((1, 0, 0)), base, -1)
    for x, z in ((0.5, 0.9), (WIDTH - 0.5, 0.9), (0.3 * WIDTH, 0.82 * length)):
        camera.bar(canvas, frame((x, under, z)), frame((x, -0.25, z)), 0.62, wood, end_width=0.34)
        camera.bar(canvas, frame((x, -0.25, z)), frame((x, 0, z)), 0.22, (190, 150, 70))
    for x in (-0.3, 0.3):  # the pedals' lyre
        camera.bar(
            canvas,
            frame((WIDTH / 2 + x, under, 1.2)),
            frame((WIDTH / 2 + 0.6 * x, -0.4, 1.2)),
            0.14,
            wood,
        )
    camera.box(
        canvas, (WIDTH / 2 - 0.5, -0.45, 1.0), (WIDTH / 2 + 0.5, -0.2, 1.4), wood, frame=frame
    )
    outline = _grand_outline(length, 1.0)
    top = Plane(frame((0, rim, 0)), away, right)

    def inside(on: skia.Canvas) -> None:
        on.clear(shade(wood, 1.15))
        path = skia.Path.Polygon([skia.Point(*p) for p in outline], True)
        middle = (0.47 * length, 0.42 * WIDTH)
        on.save()
        on.translate(*middle)
        on.scale(0.9, 0.9)
        on.translate(-middle[0], -middle[1])
        on.drawPath(
            path,
            shaded(
                linear(
                    (1, 0, length, WIDTH), shade((206, 160, 90), 1.2), shade((206, 160, 90), 0.8)
                )
            ),
        )
        on.clipPath(path, True)
        for k in range(46):  # strings fan out from the keys
            x = 0.4 + 0.13 * k
            on.drawLine(
                1.2,
                x,
                length,
                x - 1.5 + 0.4 * math.sin(0.2 * k),
                stroke(shade((150, 110, 70), 1.1), 0.022),
            )
        plate = shade(look.plate, 1.0)
        for k in range(4):
            x = 0.8 + 1.6 * k
            on.drawLine(1.2, x, 0.95 * length, 0.6 * x, stroke(plate, 0.3))
        on.drawPath(path, stroke(plate, 0.9))
        on.drawRect(skia.Rect.MakeLTRB(1.2, 0, 2.1, WIDTH), fill(plate))
        on.drawRect(skia.Rect.MakeLTRB(2.2, 0.3, 2.5, WIDTH), fill(shade((30, 30, 32), 1)))
        on.restore()

    def shut(on: skia.Canvas) -> None:
        lamp = linear((1, 0, length, WIDTH), shade(wood, 1.0 + 0.5 * look.gloss), shade(wood, 0.85))
        on.drawPaint(shaded(lamp))

    def case() -> None:
        camera.prism(
            canvas, top, outline, under - rim, wood, inside if look.lid else shut, gloss=look.gloss
        )

    def bed() -> None:
        camera.box(canvas, (0, KEYS_Y + 0.02, -0.1), (WIDTH, under, 1.0), wood, frame=frame)
        fallboard = [
            frame((x, y, 0.97))
            for x, y in (
                (0.4, rim + 0.25),
                (WIDTH - 0.4, rim + 0.25),
                (WIDTH - 0.4, KEYS_Y),
                (0.4, KEYS_Y),
            )
        ]
        if camera.faces(fallboard[0], plus((0, 0, 0), away, -1)):
            camera.face(canvas, fallboard, shade(wood, 0.8))
            gold = stroke(shade((224, 184, 96), 1), max(0.006 * camera.size, 0.5))
            canvas.drawPath(
                camera.outline(
                    [
                        frame((WIDTH / 2 - 0.5, KEYS_Y - 0.35, 0.96)),
                        frame((WIDTH / 2 + 0.5, KEYS_Y - 0.35, 0.96)),
                    ],
                    closed=False,
                ),
                gold,
            )
        _keys_on(camera, canvas, frame, 0.4, WIDTH - 0.4, 0.02, 0.85, 52)
        for x in (0.0, WIDTH - 0.4):
            camera.box(
                canvas, (x, rim + 0.25, -0.05), (x + 0.4, KEYS_Y + 0.1, 1.0), wood, frame=frame
            )

    _sorted(
        camera, [(frame((WIDTH / 2, rim, 0.5 * length)), case), (frame((WIDTH / 2, rim, 0.0)), bed)]
    )
    if look.lid:
        _lid(camera, canvas, frame, look, outline, rim)
    elif look.score:
        pass
    desk = [frame(p) for p in ((1.6, rim, 1.7), (WIDTH - 1.6, rim, 1.7),
                               (WIDTH - 1.8, rim - 1.3, 2.1), (1.8, rim - 1.3, 2.1))]  # fmt: skip
    normal = unit(cross(plus(desk[1], desk[0], -1), plus(desk[3], desk[0], -1)))
    if not camera.faces(desk[0], normal):
        normal = (-normal[0], -normal[1], -normal[2])
    camera.face(canvas, desk, shade(wood, camera.lit(normal)))
    if look.score:
        plane = Plane(
            frame((WIDTH / 2, rim - 1.3, 2.05)),
            right,
            plus((0, 0, 0), unit(plus(desk[0], desk[3], -1))),
        )
        if camera.faces(plane.origin, (-away[0], -away[1], -away[2])):
            camera.on(canvas, plane, lambda on: _sheets(on, 0.0, 0.0))


def _lid(camera: Camera, canvas: skia.Canvas, frame: Frame, look: PianoLook, outline: list[Point],
         rim: float) -> None:  # fmt: skip
    """The open lid, hinged at the bass side, and its prop."""
    base = frame((0, 0, 0))
    away, right = plus(frame((0, 0, 1)), base, -1), plus(frame((1, 0, 0)), base, -1)
    raised = plus(plus((0, 0, 0), right, math.cos(look.lid)), (0, -1, 0), math.sin(look.lid))
    lid = Plane(frame((0, rim - 0.06, 0)), away, raised)
    back = [(z, x) for z, x in outline if z > 0] or outline
    shape = [(max(z, 2.3), x) for z, x in back]
    outer = lid.at(0, 0, 0.14)
    foot = frame((WIDTH - 0.25, rim, 0.3 * look.length))
    head = lid.at(0.34 * look.length, 0.8 * WIDTH)
    camera.bar(canvas, foot, head, 0.12, look.wood)
    thick = Plane(outer, lid.u, lid.v)
    normal = unit(cross(thick.v, thick.u))
    camera.prism(canvas, thick, shape, 0.14, look.wood, gloss=look.gloss)
    if not camera.faces(outer, normal):  # its polished under side is seen
        path = camera.outline([lid.at(*corner) for corner in shape])
        seen = np.array(
            [camera.seen([lid.at(2.3, 0), lid.at(0.8 * look.length, 0.8 * WIDTH)])[:, :2]]
        )[0]
        lamp = linear(
            (float(seen[0, 0]), float(seen[0, 1]), float(seen[1, 0]), float(seen[1, 1])),
            shade(look.wood, 0.9),
            shade(look.wood, 1.1 + 0.45 * look.gloss),
            shade(look.wood, 0.95),
        )
        canvas.drawPath(path, shaded(lamp))
        glow = fill(shade(look.plate, 1.0, 0.25 * look.gloss))
        glow.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.02 * camera.size))
        canvas.save()
        canvas.clipPath(path, True)
        low = camera.outline(
            [
                lid.at(2.3, 0.3),
                lid.at(0.8 * look.length, 0.3),
                lid.at(0.7 * look.length, 1.8),
                lid.at(2.3, 1.8),
            ]
        )
        canvas.drawPath(low, glow)
        canvas.restore()
        camera.bar(canvas, foot, head, 0.12, look.wood)
