"""Dice in, a drum kit, a snare, a conga, a djembe, bongos or a frame drum out, drawn in space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import skia

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.space import Camera, Vector, across, plus, unit
from sightsound.orchestra.instruments import Colour
from sightsound.orchestra.scene import fill, shade, stroke

CHROME: Colour = (186, 190, 198)
UP: Vector = (0.0, -1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class DrumLook:
    """One set of drums among many."""

    shell: Colour
    hoop: Colour
    head: Colour
    bronze: Colour
    rope: Colour
    badge: int  # what is painted on the bass drum: 0 nothing, 1 ring, 2 letters, 3 star
    toms: int
    cymbals: int


def draw_look(dice: Dice) -> DrumLook:
    """Shells of any colour, white or transparent or brown heads."""
    return DrumLook(
        shell=dice.hsv((0, 1), (0.3, 0.95), (0.2, 0.9))
        if dice.chance(0.65)
        else dice.hsv((0.04, 0.1), (0.4, 0.8), (0.3, 0.7)),
        hoop=dice.pick((CHROME, (40, 40, 44), (205, 178, 110))),
        head=dice.pick(((244, 242, 236), (236, 228, 206), (226, 200, 160))),
        bronze=dice.hsv((0.105, 0.135), (0.45, 0.75), (0.7, 0.92)),
        rope=dice.hsv((0.0, 1.0), (0.1, 0.7), (0.4, 0.95)),
        badge=dice.whole(0, 3),
        toms=dice.whole(1, 3),
        cymbals=dice.whole(2, 4),
    )


def _skin(on: skia.Canvas, colour: Colour) -> None:
    glow = skia.GradientShader.MakeRadial(
        skia.Point(-0.2, -0.2), 1.3, [shade(colour, 1.1), shade(colour, 0.95), shade(colour, 0.7)]
    )
    on.drawCircle(0, 0, 1, skia.Paint(Shader=glow, AntiAlias=True))
    on.drawCircle(0, 0, 0.93, stroke(shade(colour, 0.7, 0.6), 0.02))


def _rim(camera: Camera, canvas: skia.Canvas, middle: Vector, axis: Vector, radius: float,
         colour: Colour, width: float = 0.09) -> None:  # fmt: skip
    """A metal ring."""
    u, v = across(axis)
    path = camera.outline(camera.ring(middle, u, v, radius))
    wide = width * camera.scale(middle)
    canvas.drawPath(path, stroke(shade(colour, 0.4), wide))
    canvas.drawPath(path, stroke(shade(colour, 1.1), 0.6 * wide))


def drum(camera: Camera, canvas: skia.Canvas, base: Vector, axis: Vector, radius: float,
         height: float, look: DrumLook, *, lugs: int = 8, front: str = "skin") -> None:  # fmt: skip
    """A cylinder with two hoops, lugs and the head that is seen."""
    along = unit(axis)
    top = plus(base, along, height)
    camera.barrel(canvas, base, along, [(0.0, radius), (height, radius)], look.shell)
    u, v = across(along)
    for k in range(lugs):
        a = 2 * math.pi * (k + 0.5) / lugs
        out = plus(plus((0, 0, 0), u, math.cos(a)), v, math.sin(a))
        foot, head = plus(base, out, radius * 1.03), plus(top, out, radius * 1.03)
        if camera.faces(foot, out):
            mid = plus(foot, plus(head, foot, -1), 0.5)
            camera.bar(canvas, plus(foot, along, 0.05), plus(head, along, -0.05), 0.035, look.hoop)
            camera.bar(canvas, plus(mid, along, -0.12), plus(mid, along, 0.12), 0.12, look.hoop)
    far, near = (base, top) if camera.faces(top, along) else (top, base)
    if camera.faces(far, along if far == top else (-along[0], -along[1], -along[2])):
        far, near = near, far
    _rim(camera, canvas, far, along, radius * 1.02, look.hoop)

    def paint(on: skia.Canvas) -> None:
        _skin(on, look.head if front != "dark" else (34, 32, 36))
        if front == "badge":
            _badge(on, look)

    camera.disc(canvas, near, along, radius, look.head, paint)
    _rim(camera, canvas, near, along, radius * 1.02, look.hoop)


def _badge(on: skia.Canvas, look: DrumLook) -> None:
    ink = shade(look.shell, 0.75)
    if look.badge == 1:
        on.drawCircle(0, 0, 0.6, stroke(ink, 0.14))
    elif look.badge == 2:
        for k in range(5):
            on.drawLine(-0.44 + 0.22 * k, -0.16, -0.4 + 0.2 * k, 0.18, stroke(ink, 0.08))
        on.drawLine(-0.5, 0.34, 0.5, 0.34, stroke(ink, 0.05))
    elif look.badge == 3:
        points = [
            skia.Point((0.6 if k % 2 else 0.26) * math.sin(math.pi * k / 5),
                       (0.6 if k % 2 else 0.26) * math.cos(math.pi * k / 5)) for k in range(10)
        ]  # fmt: skip
        on.drawPath(skia.Path.Polygon(points, True), fill(ink))
    on.drawCircle(0.55, 0.5, 0.16, fill(shade((24, 24, 26), 1.0)))


def cymbal(camera: Camera, canvas: skia.Canvas, middle: Vector, axis: Vector, radius: float,
           bronze: Colour) -> None:  # fmt: skip
    """A thin bronze plate with a cup and fine grooves."""

    def paint(on: skia.Canvas) -> None:
        sweep = skia.GradientShader.MakeSweep(
            0, 0, [shade(bronze, tone) for tone in (1.4, 0.75, 1.2, 0.7, 1.5, 0.75, 1.1, 0.65, 1.4)]
        )
        on.drawCircle(0, 0, 1, skia.Paint(Shader=sweep, AntiAlias=True))
        for k in range(6):
            on.drawCircle(0, 0, 0.3 + 0.11 * k, stroke(shade(bronze, 0.6, 0.5), 0.014))
        on.drawCircle(-0.04, -0.04, 0.19, fill(shade(bronze, 1.3)))
        on.drawCircle(0, 0, 0.05, fill(shade((30, 30, 30), 1)))

    u, v = across(axis)
    under = camera.outline(camera.ring(plus(middle, unit(axis), -0.04), u, v, radius))
    canvas.drawPath(under, fill(shade(bronze, 0.4)))
    camera.disc(canvas, middle, axis, radius, bronze, paint)


def _stand(camera: Camera, canvas: skia.Canvas, foot: Vector, head: Vector) -> None:
    """A metal stand on three legs, its floor at the foot's height."""
    waist = plus(foot, (0, -0.9, 0))
    for k in range(3):
        a = 2.1 * k + 0.5
        camera.bar(
            canvas, waist, plus(foot, (0.75 * math.cos(a), 0, 0.6 * math.sin(a))), 0.07, CHROME
        )
    camera.bar(canvas, waist, (foot[0], head[1] + 0.3 * (foot[1] - head[1]), foot[2]), 0.1, CHROME)
    camera.bar(canvas, (foot[0], head[1] + 0.3 * (foot[1] - head[1]), foot[2]), head, 0.07, CHROME)


@dataclass(frozen=True)
class Kit:
    """Where a kit's parts lie that a drummer's sticks reach; world places."""

    snare: Vector
    hi_hat: Vector
    tom: Vector
    floor_tom: Vector
    ride: Vector


KIT = Kit(
    snare=(1.25, -2.75, 0.75), hi_hat=(2.5, -3.7, 0.7), tom=(0.75, -3.75, 0.1),
    floor_tom=(-2.05, -2.6, 0.6), ride=(-2.2, -4.9, 0.2),
)  # fmt: skip


def kit_behind(camera: Camera, canvas: skia.Canvas, look: DrumLook, at: Vector) -> None:
    """What of a kit lies beside and behind its drummer's legs: snare, hi-hat, floor tom."""
    floor = at[1]
    place = _placer(at)
    camera.barrel(canvas, place((0, 0, 2.6)), UP, [(0, 0.1), (1.9, 0.1)], CHROME)
    _stand(camera, canvas, place((2.5, 0, 0.7)), place((2.5, -3.9, 0.7)))
    _stand(camera, canvas, place((1.25, 0, 0.75)), place((1.25, -2.1, 0.75)))
    for lean in (0.0, 0.12):
        cymbal(camera, canvas, place((2.5, -3.62 - lean, 0.7)), (0.05, -1, 0.02), 0.85, look.bronze)
    drum(camera, canvas, place((1.25, -2.1, 0.75)), (0.0, -1.0, -0.12), 0.85, 0.62, look)
    for k in range(3):
        a = 2.1 * k
        foot = place((-2.05 + 0.95 * math.cos(a), -1.2, 0.6 + 0.95 * math.sin(a)))
        camera.bar(canvas, foot, (foot[0], floor, foot[2]), 0.08, CHROME)
    drum(camera, canvas, place((-2.05, -0.9, 0.6)), (0.05, -1.0, -0.06), 0.98, 1.7, look)


def kit_before(camera: Camera, canvas: skia.Canvas, look: DrumLook, at: Vector) -> None:
    """The bass drum, the toms on it and the cymbals over it."""
    place = _placer(at)
    stands = [
        (-2.5, -5.1, 0.2, 1.15),
        (2.05, -5.4, -0.1, 1.0),
        (-3.2, -4.3, 0.6, 0.8),
        (3.1, -4.7, 0.4, 0.9),
    ]
    for x, y, z, _ in stands[: look.cymbals]:
        _stand(camera, canvas, place((1.15 * x, 0, z + 0.3)), place((x, y, z)))
    for side in (-1, 1):
        camera.bar(
            canvas, place((side * 1.1, -0.9, -0.7)), place((side * 1.7, 0, -1.1)), 0.09, CHROME
        )
    drum(
        camera, canvas, place((0, -1.42, 0.9)), (0, 0, -1), 1.42, 1.7, look, lugs=10, front="badge"
    )
    for k in range(look.toms):
        x = (0.8, -0.8, 0.0)[k] if look.toms < 3 else (1.1, -1.1, 0.0)[k]
        camera.bar(canvas, place((0.3 * x, -2.7, 0.1)), place((x, -3.0, 0.1)), 0.12, CHROME)
        drum(
            camera,
            canvas,
            place((x, -3.15, 0.2)),
            (0.12 * x, -1, 0.35),
            0.72 - 0.06 * (k == 2),
            0.75,
            look,
        )
    for x, y, z, radius in stands[: look.cymbals]:
        cymbal(camera, canvas, place((x, y, z)), (-0.18 * x / 2, -1, 0.22), radius, look.bronze)


def _placer(at: Vector) -> Callable[[Vector], Vector]:
    return lambda local: plus(at, local)


def throne(camera: Camera, canvas: skia.Canvas, at: Vector) -> None:
    """A round stool, its seat's middle above the place."""
    _stand(camera, canvas, at, plus(at, (0, -2.0, 0)))
    camera.barrel(canvas, plus(at, (0, -2.1, 0)), UP, [(0, 0.8), (0.3, 0.85)], (40, 38, 42))
    camera.disc(canvas, plus(at, (0, -2.4, 0)), UP, 0.85, (52, 50, 54))


def snare(camera: Camera, canvas: skia.Canvas, at: Vector, look: DrumLook, *, axis: Vector = UP,
          radius: float = 1.1, height: float = 0.95, stand: bool = True) -> None:  # fmt: skip
    """A snare drum, on a stand or where it lies."""
    if stand:
        _stand(camera, canvas, at, plus(at, (0, -1.9, 0)))
        at = plus(at, (0, -1.9, 0))
    drum(camera, canvas, at, axis, radius, height, look, lugs=10)


def sticks(camera: Camera, canvas: skia.Canvas, middle: Vector, angle: float, wood: Colour) -> None:
    """Two crossed sticks on a level place."""
    for turn in (angle, angle + 0.5):
        dx, dz = 0.95 * math.cos(turn), 0.95 * math.sin(turn)
        stick(camera, canvas, plus(middle, (-dx, -0.05, -dz)), plus(middle, (dx, -0.05, dz)), wood)


def stick(camera: Camera, canvas: skia.Canvas, butt: Vector, tip: Vector, wood: Colour) -> None:
    """One drum stick."""
    camera.bar(canvas, butt, tip, 0.1, wood, end_width=0.06)
    x, y, _ = camera.seen([tip])[0]
    canvas.drawCircle(float(x), float(y), 0.055 * camera.scale(tip), fill(shade(wood, 1.15)))


CONGA = ((0.0, 0.5), (0.5, 0.62), (1.3, 0.78), (2.0, 0.84), (2.7, 0.8), (3.4, 0.68))
DJEMBE = (
    (0.0, 0.62),
    (0.35, 0.46),
    (0.8, 0.36),
    (1.2, 0.36),
    (1.5, 0.5),
    (1.9, 0.72),
    (2.3, 0.83),
    (2.8, 0.86),
)
BONGO = ((0.0, 0.42), (0.6, 0.52), (1.1, 0.56))


def hand_drum(camera: Camera, canvas: skia.Canvas, base: Vector, axis: Vector,
              profile: Sequence[tuple[float, float]], look: DrumLook, *, ropes: bool,
              scale: float = 1.0) -> Vector:  # fmt: skip
    """A turned shell with a skin: conga, djembe, bongo; gives the skin's middle."""
    shape = [(h * scale, r * scale) for h, r in profile]
    camera.barrel(canvas, base, axis, shape, look.shell)
    along = unit(axis)
    u, v = across(along)
    height, radius = shape[-1]
    top = plus(base, along, height)
    many = 22
    for k in range(many):
        a, b = 2 * math.pi * k / many, 2 * math.pi * (k + 0.5) / many
        out = plus(plus((0, 0, 0), u, math.cos(a)), v, math.sin(a))
        if not camera.faces(plus(base, out, radius), out):
            continue
        line = [plus(plus(base, along, h), out, r * 1.01) for h, r in shape]
        thin = max(0.02 * camera.scale(base), 0.3)
        if ropes:
            low = plus(
                plus(base, along, 0.52 * height),
                plus(plus((0, 0, 0), u, math.cos(b)), v, math.sin(b)),
                shape[len(shape) // 2 + 1][1] * 0.86,
            )
            rope = [
                plus(top, out, radius),
                low,
                plus(
                    top,
                    plus(plus((0, 0, 0), u, math.cos(2 * b - a)), v, math.sin(2 * b - a)),
                    radius,
                ),
            ]
            canvas.drawPath(
                camera.outline(rope, closed=False), stroke(shade(look.rope, 1.0), 2.2 * thin)
            )
        else:
            canvas.drawPath(
                camera.outline(line, closed=False), stroke(shade(look.shell, 0.55, 0.6), thin)
            )
    if ropes:
        _rim(
            camera,
            canvas,
            plus(base, along, 0.52 * height),
            along,
            shape[len(shape) // 2 + 1][1] * 0.9,
            look.rope,
            0.12,
        )
    _rim(
        camera,
        canvas,
        plus(top, along, -0.3 * scale),
        along,
        radius * 1.03,
        look.rope if ropes else look.hoop,
        0.1,
    )
    camera.disc(canvas, top, along, radius, look.head, lambda on: _skin(on, look.head))
    _rim(camera, canvas, top, along, radius * 1.02, look.rope if ropes else look.hoop, 0.12)
    return top


def frame_drum(camera: Camera, canvas: skia.Canvas, middle: Vector, axis: Vector, radius: float,
               look: DrumLook, *, jingles: bool) -> None:  # fmt: skip
    """A flat hand drum, its skin along the axis; with jingles a tambourine."""
    along = unit(axis)
    base = plus(middle, along, -0.3 * radius)
    camera.barrel(canvas, base, along, [(0.0, radius), (0.3 * radius, radius)], look.shell)
    if jingles:
        u, v = across(along)
        for k in range(10):
            a = 2 * math.pi * k / 10
            out = plus(plus((0, 0, 0), u, math.cos(a)), v, math.sin(a))
            place = plus(plus(base, along, 0.15 * radius), out, radius * 1.02)
            if camera.faces(place, out):
                camera.disc(canvas, place, plus(out, along, 0.3), 0.13 * radius, (226, 200, 120))

    def paint(on: skia.Canvas) -> None:
        _skin(on, look.head)
        if look.badge == 1:
            on.drawCircle(0, 0, 0.5, stroke(shade(look.shell, 0.8, 0.8), 0.1))
        elif look.badge == 3:
            for k in range(8):
                a = math.pi * k / 4
                on.drawCircle(
                    0.55 * math.cos(a), 0.55 * math.sin(a), 0.1, fill(shade(look.shell, 0.8))
                )

    camera.disc(canvas, middle, along, radius, look.head, paint)
    _rim(camera, canvas, middle, along, radius * 1.01, look.shell, 0.1)
