"""Dice in, an acoustic, classical or electric guitar out, drawn flat from its front.

A guitar's own coordinates: y = 0 at the end of its body, the neck up (y negative), x to the right
of who looks at it; unit one head height, as everything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import skia

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.space import Camera, Plane
from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.scene import fill, linear, shade, shaded, stroke
from sightsound.orchestra.tubes import spline

Kind: TypeAlias = Literal["acoustic", "classical", "strat", "single", "offset", "vee"]
ELECTRIC = ("strat", "single", "offset", "vee")


@dataclass(frozen=True, kw_only=True)
class GuitarLook:
    """One guitar among many."""

    kind: Kind
    top: Colour
    edge: Colour  # sunburst's rim, binding's ground
    side: Colour
    neck: Colour
    board: Colour
    guard: Colour
    metal: Colour
    burst: bool
    cutaway: bool
    rosette: Colour
    strap: Colour

    @property
    def depth(self) -> float:
        """Thickness of the body."""
        return 0.2 if self.kind in ELECTRIC else 0.46

    @property
    def nut(self) -> float:
        """Where the nut lies, y."""
        return -3.55 if self.kind in ELECTRIC else -3.75

    @property
    def bridge(self) -> float:
        """Where the bridge lies, y."""
        return -0.62 if self.kind in ELECTRIC else -0.78


def draw_look(dice: Dice) -> GuitarLook:
    """Half of them with a hollow body, half electric."""
    kind: Kind = {"acoustic": "acoustic", "classical": "classical", "strat": "strat",
                  "single": "single", "offset": "offset", "vee": "vee"}[
        dice.weighted(acoustic=0.32, classical=0.22, strat=0.2, single=0.15, offset=0.08, vee=0.03)
    ]  # type: ignore[assignment]  # fmt: skip
    spruce = dice.hsv((0.07, 0.115), (0.35, 0.65), (0.75, 0.95))
    if kind not in ELECTRIC:
        top = spruce if dice.chance(0.8) else dice.hsv((0, 1), (0.2, 0.9), (0.12, 0.6))
    else:
        top = dice.hsv((0, 1), (0.2, 0.95), (0.2, 0.95))
        if dice.chance(0.3):
            top = dice.hsv((0.02, 0.12), (0.6, 0.9), (0.5, 0.9))
    return GuitarLook(
        kind=kind,
        top=top,
        edge=dice.hsv((0.0, 0.06), (0.5, 0.9), (0.08, 0.3)),
        side=dice.hsv((0.02, 0.08), (0.5, 0.8), (0.2, 0.5)) if kind not in ELECTRIC else top,
        neck=dice.hsv((0.05, 0.11), (0.35, 0.65), (0.4, 0.85)),
        board=dice.pick(
            ((46, 32, 26), (70, 46, 32), (206, 160, 96) if kind in ELECTRIC else (40, 30, 26))
        ),
        guard=dice.pick(((246, 244, 238), (26, 24, 26), (150, 40, 40), (120, 70, 40))),
        metal=dice.pick(((196, 200, 206), (214, 184, 110))),
        burst=dice.chance(0.35 if kind in ELECTRIC else 0.2),
        cutaway=dice.chance(0.3) and kind == "acoustic",
        rosette=dice.hsv((0, 1), (0.3, 0.8), (0.2, 0.6)),
        strap=dice.hsv((0, 1), (0.1, 0.8), (0.1, 0.7)),
    )


def outline(look: GuitarLook) -> list[Point]:
    """The body's outline."""
    return _outline(look.kind, look.cutaway)


@lru_cache(maxsize=16)
def _outline(kind: Kind, cutaway: bool) -> list[Point]:
    half: tuple[Point, ...]
    points: tuple[Point, ...]
    match kind:
        case "acoustic" | "classical":
            wide = 1.08 if kind == "acoustic" else 1.0
            half = (
                (0.0, 0.0),
                (0.5, -0.06),
                (0.84, -0.42),
                (0.82, -0.82),
                (0.6, -1.3),
                (0.56, -1.46),
                (0.66, -1.86),
                (0.56, -2.18),
                (0.26, -2.34),
                (0.1, -2.36),
            )
            right = [(x * wide, y) for x, y in half]
            if cutaway:
                right[-4:] = [(0.66, -1.78), (0.52, -1.98), (0.26, -1.9), (0.14, -1.86)]
            left = [(-x * wide, y) for x, y in half[::-1]]
            return _through(*right) + _through(*left)
        case "strat" | "offset":
            slip = 0.12 if kind == "offset" else 0.0
            points = (
                (0.0, 0.0),
                (0.5, -0.03 - slip),
                (0.76, -0.4 - slip),
                (0.62, -0.9),
                (0.58, -1.15),
                (0.7, -1.6),
                (0.6, -1.86),
                (0.4, -1.6),
                (0.16, -1.5),
                (-0.16, -1.55),
                (-0.42, -1.75),
                (-0.62, -2.1),
                (-0.76, -1.9),
                (-0.6, -1.3),
                (-0.6, -1.0),
                (-0.8, -0.5 + slip),
                (-0.55, -0.06 + slip),
                (0.0, 0.0),
            )
            return _through(*points)
        case "single":
            points = (
                (0.0, 0.0),
                (0.5, -0.05),
                (0.8, -0.45),
                (0.7, -0.85),
                (0.56, -1.15),
                (0.66, -1.5),
                (0.55, -1.72),
                (0.36, -1.6),
                (0.16, -1.5),
                (-0.05, -1.8),
                (-0.4, -1.86),
                (-0.62, -1.6),
                (-0.56, -1.15),
                (-0.74, -0.8),
                (-0.8, -0.45),
                (-0.5, -0.05),
                (0.0, 0.0),
            )
            return _through(*points)
        case _:
            return [
                (0.0, -0.55),
                (0.78, 0.12),
                (1.0, -0.05),
                (0.3, -1.6),
                (-0.3, -1.6),
                (-1.0, -0.05),
                (-0.78, 0.12),
            ]


def _through(*knots: Point) -> list[Point]:
    return [(float(x), float(y)) for x, y in spline(*knots, points=44)]


def strings_x(look: GuitarLook, string: float, y: float) -> float:
    """Place x of a string (0 lowest, at the left, to 5) at a height."""
    share = (y - look.bridge) / (look.nut - look.bridge)
    return (0.155 - 0.07 * share) * (string - 2.5) / 2.5


def fret_y(look: GuitarLook, fret: float) -> float:
    """Place y of a fret; 0 is the nut."""
    return look.bridge + (look.nut - look.bridge) * math.pow(2.0, -fret / 12.0)


def draw_flat(canvas: skia.Canvas, look: GuitarLook) -> None:
    """The whole guitar from its front."""
    path = skia.Path.Polygon([skia.Point(*p) for p in outline(look)], True)
    canvas.drawPath(path, stroke(shade(look.side, 0.35), 0.07))
    draw_top(canvas, look)
    draw_neck(canvas, look)


def draw_top(canvas: skia.Canvas, look: GuitarLook) -> None:
    """The body's front."""
    path = skia.Path.Polygon([skia.Point(*p) for p in outline(look)], True)
    if look.burst:
        glow = skia.GradientShader.MakeRadial(
            skia.Point(0, -0.9),
            1.25,
            [shade(look.top, 1.15), shade(look.top, 0.95), shade(look.edge, 1.0)],
            [0.0, 0.5, 0.85],
        )
    else:
        glow = linear(
            (-0.9, -2, 0.9, 0), shade(look.top, 1.2), shade(look.top, 1.0), shade(look.top, 0.72)
        )
    canvas.drawPath(path, shaded(glow))
    canvas.save()
    canvas.clipPath(path, True)
    if look.kind in ELECTRIC:
        _electric(canvas, look)
    else:
        for k in range(-10, 11):
            canvas.drawLine(
                0.09 * k, -2.5, 0.09 * k, 0.1, stroke(shade(look.top, 0.8, 0.25), 0.015)
            )
        _hollow(canvas, look)
    gleam = fill(int(skia.Color(255, 255, 255, 52)))
    gleam.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.05))
    canvas.drawPath(
        skia.Path.Polygon(
            [
                skia.Point(-0.9, -0.5),
                skia.Point(-0.1, -2.1),
                skia.Point(0.15, -2.1),
                skia.Point(-0.6, -0.2),
            ],
            True,
        ),
        gleam,
    )
    binding = (244, 238, 220) if look.kind not in ELECTRIC else look.edge
    canvas.drawPath(path, stroke(shade(binding, 1.0, 0.9), 0.07))
    canvas.restore()
    canvas.drawPath(path, stroke(shade(look.edge, 0.5), 0.025))


def _hollow(canvas: skia.Canvas, look: GuitarLook) -> None:
    if look.kind == "acoustic":
        guard = skia.Path()
        guard.moveTo(0.2, -1.85)
        guard.cubicTo(0.62, -1.6, 0.5, -1.1, 0.62, -0.98)
        guard.cubicTo(0.4, -0.85, 0.25, -1.0, 0.12, -1.4)
        guard.close()
        canvas.drawPath(
            guard, fill(shade(look.guard if look.guard[0] < 200 else (70, 36, 24), 1.0))
        )
    for radius, tone in ((0.37, 1.0), (0.33, 1.7), (0.3, 0.6)):
        canvas.drawCircle(0, -1.62, radius, fill(shade(look.rosette, tone)))
    canvas.drawCircle(0, -1.62, 0.265, fill(shade((20, 12, 8), 1.0)))
    y = look.bridge
    wide = 0.42 if look.kind == "acoustic" else 0.46
    canvas.drawRect(
        skia.Rect.MakeLTRB(-wide, y - 0.05, wide, y + 0.09), fill(shade((44, 28, 20), 1.0))
    )
    canvas.drawLine(-0.24, y, 0.24, y, stroke(shade((244, 238, 222), 1.0), 0.035))
    for string in range(6):
        canvas.drawCircle(
            strings_x(look, string, y), y + 0.055, 0.02, fill(shade((240, 236, 224), 1))
        )


def _electric(canvas: skia.Canvas, look: GuitarLook) -> None:
    if look.kind in ("strat", "offset"):
        guard = skia.Path.Polygon(
            [
                skia.Point(*p)
                for p in _through(
                    (0.14, -1.52),
                    (0.44, -1.45),
                    (0.48, -1.0),
                    (0.58, -0.45),
                    (0.3, -0.3),
                    (-0.1, -0.5),
                    (-0.42, -0.9),
                    (-0.46, -1.4),
                    (-0.3, -1.68),
                    (-0.1, -1.6),
                    (0.14, -1.52),
                )
            ],
            True,
        )
        canvas.drawPath(guard, fill(shade(look.guard, 1.0)))
        canvas.drawPath(guard, stroke(shade(look.guard, 0.6, 0.7), 0.015))
    humbuckers = look.kind in ("single", "vee")
    for k, y in enumerate((-1.3, -0.86) if humbuckers else (-1.36, -1.08, -0.8)):
        tall = 0.12 if humbuckers else 0.055
        box = skia.Path()
        lean = 0.0 if humbuckers or k < 2 else 0.05
        box.addRoundRect(skia.Rect.MakeLTRB(-0.27, y - tall, 0.27, y + tall), 0.05, 0.05)
        canvas.save()
        canvas.rotate(math.degrees(lean), 0, y)
        canvas.drawPath(box, fill(shade(look.metal if humbuckers else (238, 234, 224), 0.95)))
        canvas.drawPath(box, stroke(shade((20, 20, 22), 1.0, 0.8), 0.02))
        for string in range(6):
            canvas.drawCircle(0.076 * (string - 2.5), y, 0.02, fill(shade((70, 70, 74), 1)))
        canvas.restore()
    y = look.bridge
    plate = skia.Rect.MakeLTRB(-0.25, y - 0.06, 0.25, y + 0.16)
    canvas.drawRect(plate, fill(shade(look.metal, 1.0)))
    canvas.drawRect(plate, stroke(shade(look.metal, 0.4), 0.02))
    for x, at in ((0.38, -0.62), (0.48, -0.42), (0.52, -0.22)):
        canvas.drawCircle(x, at, 0.07, fill(shade((24, 24, 26), 1.0)))
        canvas.drawCircle(x, at, 0.05, fill(shade(look.guard, 0.95)))
    if look.kind in ("strat", "offset"):
        canvas.drawLine(0.15, y - 0.02, 0.42, y - 0.22, stroke(shade(look.metal, 1.1), 0.035))


def draw_neck(canvas: skia.Canvas, look: GuitarLook) -> None:
    """Fingerboard, head, pegs and strings."""
    nut, end = look.nut, -1.42 if look.kind in ELECTRIC else -1.92
    if look.kind in ELECTRIC:
        end = -1.46
    w0, w1 = 0.118, 0.15
    head = look.board if look.kind == "single" else look.neck
    if look.kind in ("strat", "offset"):
        shape = _through(
            (-0.12, nut),
            (-0.15, nut - 0.2),
            (-0.24, nut - 0.5),
            (-0.22, nut - 0.8),
            (-0.04, nut - 0.88),
            (0.1, nut - 0.68),
            (0.12, nut - 0.3),
            (0.12, nut),
        )
    elif look.kind == "vee":
        shape = [(-0.15, nut), (-0.3, nut - 0.5), (0.0, nut - 0.95), (0.3, nut - 0.5), (0.15, nut)]
    else:
        shape = [
            (-0.12, nut),
            (-0.21, nut - 0.14),
            (-0.18, nut - 0.76),
            (-0.06, nut - 0.8),
            (0.06, nut - 0.8),
            (0.18, nut - 0.76),
            (0.21, nut - 0.14),
            (0.12, nut),
        ]
    pegs = [(-1, nut - 0.16 - 0.1 * k) for k in range(6)] if look.kind in ("strat", "offset") else [
        (side, nut - 0.22 - 0.22 * k) for side in (-1, 1) for k in range(3)]  # fmt: skip
    for side, y in pegs:
        canvas.drawLine(side * 0.12, y, side * 0.29, y, stroke(shade(look.metal, 0.7), 0.03))
        canvas.drawOval(skia.Rect.MakeXYWH(side * 0.29 - 0.05, y - 0.045, 0.1, 0.09), fill(shade(
            look.metal if look.kind != "classical" else (246, 240, 226), 1.0)))  # fmt: skip
    top = skia.Path.Polygon([skia.Point(*p) for p in shape], True)
    canvas.drawPath(top, stroke(shade(look.neck, 0.35), 0.04))
    canvas.drawPath(
        top, shaded(linear((-0.3, nut - 1, 0.3, nut), shade(head, 1.15), shade(head, 0.8)))
    )
    if look.kind == "classical":
        for side in (-1, 1):
            canvas.drawLine(
                side * 0.08,
                nut - 0.16,
                side * 0.08,
                nut - 0.66,
                stroke(shade((20, 12, 8), 1), 0.055),
            )
    board = skia.Path.Polygon(
        [skia.Point(-w0, nut), skia.Point(w0, nut), skia.Point(w1, end), skia.Point(-w1, end)], True
    )
    canvas.drawPath(board, stroke(shade(look.neck, 0.5), 0.05))
    canvas.drawPath(
        board, shaded(linear((-0.2, 0, 0.2, 0), shade(look.board, 1.25), shade(look.board, 0.85)))
    )
    for fret in range(1, 21):
        y = fret_y(look, fret)
        if y < end:
            half = w0 + (w1 - w0) * (y - nut) / (end - nut)
            canvas.drawLine(-half, y, half, y, stroke(shade((206, 200, 184), 1.0), 0.018))
            if fret in (3, 5, 7, 9, 12, 15, 17) and look.kind != "classical":
                dot = (fret_y(look, fret - 1) + y) / 2
                canvas.drawCircle(
                    0,
                    dot,
                    0.032,
                    fill(shade((240, 236, 224) if sum(look.board) < 300 else (40, 36, 34), 1)),
                )
    canvas.drawLine(-w0, nut, w0, nut, stroke(shade((240, 234, 216), 1.0), 0.045))
    for string in range(6):
        tone = (236, 232, 220) if string > 2 or look.kind in ELECTRIC else (206, 176, 120)
        x0, x1 = strings_x(look, string, look.nut), strings_x(look, string, look.bridge)
        canvas.drawLine(x0, nut, x1, look.bridge, stroke(shade(tone, 1.0), 0.016 - 0.0012 * string))
        peg = sorted(
            y for side, y in pegs if (side < 0) == (string < 3 or look.kind in ("strat", "offset"))
        )
        canvas.drawLine(x0, nut, 0.6 * x0, peg[string % len(peg)], stroke(shade(tone, 0.9), 0.012))


def draw_solid(camera: Camera, canvas: skia.Canvas, plane: Plane, look: GuitarLook) -> None:
    """The guitar in space: a body with sides, the neck a little before it."""
    body = outline(look)
    if camera.faces(plane.origin, _normal(plane)):
        camera.prism(canvas, plane, body, look.depth, look.side, lambda on: draw_top(on, look))
        camera.on(
            canvas, Plane(plane.at(0, 0, 0.05), plane.u, plane.v), lambda on: draw_neck(on, look)
        )
        return

    def neck(on: skia.Canvas) -> None:
        on.drawLine(0, -1.5, 0, look.nut - 0.7, stroke(shade(look.neck, 0.85), 0.25))
        on.drawLine(0, -1.5, 0, look.nut - 0.1, stroke(shade(look.neck, 1.1), 0.16))

    camera.on(canvas, plane, neck)
    camera.prism(canvas, plane, body, look.depth, look.side)


def _normal(plane: Plane) -> tuple[float, float, float]:
    x, y, z = plane.at(0, 0, 1.0)
    return x - plane.origin[0], y - plane.origin[1], z - plane.origin[2]
