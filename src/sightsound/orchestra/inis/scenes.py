"""Dice in, one drawn scene of a class out: a player with the instrument, or the instrument alone.

Everywhere the floor lies at y = 0 and the middle of things at x = 0, z = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import skia

from sightsound.orchestra.inis import drums, guitars, pianos
from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.inis.people import (
    SEATED_FLOOR,
    STANDING_FLOOR,
    Hand,
    Posed,
    Profile,
    casual,
)
from sightsound.orchestra.inis.places import FLOORED, UNFLOORED, Place, draw_place
from sightsound.orchestra.inis.reeds import Flat, flat_sax, flat_violin, performance
from sightsound.orchestra.inis.space import Camera, Plane, Vector, plus, turned_frame
from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.scene import draw_seat, fill, shade, shaded, stroke

STICK_WOODS: tuple[Colour, ...] = ((226, 190, 130), (200, 150, 90), (236, 214, 170))


@dataclass(frozen=True)
class Shot:
    """What every scene draws with."""

    dice: Dice
    canvas: skia.Canvas
    size: int

    def look(self, target: Vector, span: float, kinds: tuple[str, ...] = FLOORED, *,
             pitch: tuple[float, float] = (0.03, 0.35), yaw: float = 0.35, tight: float = 0.2,
             roll: float = 0.06) -> Camera:  # fmt: skip
        """Choose a camera about a target, draw the background.

        ``tight``: how far the picture may come closer or step back, and look past the middle.
        """
        dice = self.dice
        if dice.chance(0.12):
            roll *= 3.0
        camera = Camera(
            self.size, target=target, span=span * math.exp(dice.near(0.0, tight)),
            yaw=dice.between(-yaw, yaw), pitch=dice.between(*pitch), roll=dice.near(0.0, roll),
            distance=dice.between(1.6, 4.0) * span,
            centre=(0.5 + dice.near(0.0, 0.35 * tight), 0.5 + dice.near(0.0, 0.3 * tight)),
            light=dice.side() * dice.between(0.3, 1.0),
        )  # fmt: skip
        blur = dice.between(0.006, 0.025) if dice.chance(0.35) else 0.0
        place = Place(dice.pick(kinds), 0.0, dice.between(4.0, 14.0), blur)
        self.canvas.drawImage(draw_place(dice, self.size, camera, place), 0, 0)
        return camera


def upright_plane(floor: float, x: float = 0.0, z: float = 0.0) -> Plane:
    """Where a flat figure stands whose soles are at ``floor`` in its own axes."""
    return Plane((x, -floor, z), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _framing(dice: Dice, floor: float) -> tuple[Vector, float]:
    """Target and span of a portrait: whole figure, down to the knee, or chest."""
    kind = dice.weighted(whole=0.3, half=0.45, chest=0.25)
    if kind == "whole":
        return (0.0, -0.5 * floor - 0.4, 0.0), floor + 2.6
    if kind == "half":
        return (0.0, -floor + 1.35, 0.0), 6.0
    return (0.0, -floor + 0.85, 0.0), 4.2


# --- saxophone and violin -------------------------------------------------------------------------


def blown_or_bowed(shot: Shot, label: str) -> None:
    """A saxophonist or a violinist, by the orchestra's own drawing."""
    shown = performance(shot.dice, label)
    figure = shown.figure
    floor = SEATED_FLOOR if figure.seated else STANDING_FLOOR
    target, span = _framing(shot.dice, floor)
    if label == "violin":
        target = plus(target, (0.3, 0, 0))
    camera = shot.look(target, span, (*FLOORED, "bokeh", "gradient"), yaw=0.3)
    camera.shadow(shot.canvas, (0, 0, 0), 1.6, 0.8)

    def paint(on: skia.Canvas) -> None:
        if figure.seated:
            draw_seat(on, shown.player, figure.hip_y + 0.22)
        figure.draw_legs(on)
        _shoes(on, figure.knees if figure.seated else 0.44, floor)
        shown.draw(on, shown.pose(0))

    camera.on(shot.canvas, upright_plane(floor), paint)


def _shoes(on: skia.Canvas, apart: float, floor: float) -> None:
    for side in (-1, 1):
        box = skia.Rect.MakeXYWH(side * apart - 0.26, floor - 0.34, 0.52, 0.44)
        on.drawOval(box, fill(shade((38, 30, 28), 1.0)))


def sax_player(shot: Shot) -> None:
    """A saxophonist."""
    blown_or_bowed(shot, "sax")


def violinist(shot: Shot) -> None:
    """A violinist."""
    blown_or_bowed(shot, "violin")


# --- things that are flat enough ------------------------------------------------------------------


def lying(shot: Shot, flat: Flat) -> None:
    """Seen from its front: on cloth, on paper, on a wall, in the air; with its shadow."""
    dice = shot.dice
    camera = shot.look((0, 0, 0), 1.1 * flat.length, UNFLOORED, pitch=(-0.5, 0.5), yaw=0.5)
    turn = dice.near(0.0, 0.6) if dice.chance(0.6) else dice.between(-math.pi, math.pi)
    _laid(shot, camera, _turned_plane((0, 0, 0), turn), flat, dice.between(0.02, 0.12))


def _turned_plane(middle: Vector, turn: float) -> Plane:
    cos, sin = math.cos(turn), math.sin(turn)
    return Plane(middle, (cos, sin, 0.0), (-sin, cos, 0.0))


def _laid(shot: Shot, camera: Camera, plane: Plane, flat: Flat, height: float) -> None:
    offset = height * camera.scale(plane.origin)
    soft = skia.ImageFilters.DropShadow(
        -camera.light * offset, offset, 0.6 * offset + 0.5, 0.6 * offset + 0.5,
        int(skia.Color(0, 0, 0, 130)),
    )  # fmt: skip
    shot.canvas.saveLayer(None, skia.Paint(ImageFilter=soft))
    camera.on(shot.canvas, plane, flat.paint)
    shot.canvas.restore()


def on_floor(shot: Shot, flat: Flat) -> None:
    """Lying on a floor, seen from a standing height."""
    dice = shot.dice
    camera = shot.look((0, 0, 0), 1.1 * flat.length, FLOORED, pitch=(0.6, 1.25), yaw=0.2)
    cos, sin = math.cos(turn := dice.between(-math.pi, math.pi)), math.sin(turn)
    plane = Plane((0, -0.08, 0), (cos, 0, sin), (sin, 0, -cos))
    _laid(shot, camera, plane, flat, 0.06)


def on_stand(shot: Shot, flat: Flat) -> None:
    """On a stand on the floor, leaning back a little."""
    dice = shot.dice
    half = 0.5 * flat.length
    camera = shot.look((0, -half - 0.3, 0), 1.3 * flat.length + 0.4, FLOORED)
    camera.shadow(shot.canvas, (0, 0, 0.2), 0.9 * flat.width, 0.45)
    lean = dice.between(0.05, 0.3)
    steel: Colour = dice.pick(((40, 40, 44), (150, 152, 158), (120, 84, 52)))
    for x, z in ((-0.55, -0.4), (0.55, -0.4), (0.0, 0.75)):
        camera.bar(shot.canvas, (0, -0.75, 0.3), (x * flat.width, 0, z), 0.1, steel)
    camera.bar(shot.canvas, (0, -0.6, 0.3), (0, -1.1 * half, 0.3), 0.09, steel)
    plane = Plane(
        (0, -half - 0.35, 0.05 + 0.5 * lean), (1, 0, 0), (0, math.cos(lean), -math.sin(lean))
    )
    turn = dice.near(0.0, 0.12)
    cos, sin = math.cos(turn), math.sin(turn)
    u = plus(plus((0, 0, 0), plane.u, cos), plane.v, sin)
    v = plus(plus((0, 0, 0), plane.u, -sin), plane.v, cos)
    camera.on(shot.canvas, Plane(plane.origin, u, v), flat.paint)
    for x in (-0.25, 0.25):
        camera.bar(shot.canvas, (x, -0.32, 0.25), (x, -0.36, -0.2), 0.1, steel)


def in_case(shot: Shot, flat: Flat) -> None:
    """In its open case, seen from above."""
    dice = shot.dice
    long, wide = 0.56 * flat.length + 0.15, 0.56 * flat.width + 0.2
    camera = shot.look((0, 0, 0), 2.7 * long, UNFLOORED, pitch=(-0.2, 0.5), yaw=0.3)
    outer = dice.hsv((0, 1), (0.0, 0.5), (0.08, 0.35))
    plush = dice.hsv((0, 1), (0.3, 0.9), (0.25, 0.75))
    turn = dice.near(0.0, 0.5) if dice.chance(0.5) else 1.57 + dice.near(0.0, 0.3)
    plane = _turned_plane((0, 0, 0), turn)
    open_side = dice.side()

    def box(on: skia.Canvas, x: float, deep: float) -> None:
        for grow, colour, tone in ((0.14, outer, 1.0), (0.08, outer, 1.5), (0.0, plush, deep)):
            rect = skia.Rect.MakeLTRB(x - wide - grow, -long - grow, x + wide + grow, long + grow)
            path = skia.Path()
            path.addRoundRect(rect, 0.35, 0.35)
            glow = skia.GradientShader.MakeRadial(
                skia.Point(x, 0), 1.4 * long, [shade(colour, tone), shade(colour, 0.6 * tone)]
            )
            on.drawPath(path, shaded(glow))

    def paint(on: skia.Canvas) -> None:
        box(on, open_side * (2 * wide + 0.2), 1.05)
        box(on, 0.0, 0.8)

    _laid(shot, camera, plane, Flat(paint, 2 * long, 2 * wide), 0.1)
    _laid(shot, camera, plane, flat, 0.05)


def close_up(shot: Shot, flat: Flat) -> None:
    """So near that it leaves the picture."""
    dice = shot.dice
    off = (dice.near(0.0, 0.14) * flat.width, dice.near(0.0, 0.16) * flat.length, 0.0)
    camera = shot.look(
        off, dice.between(0.5, 0.8) * flat.length, UNFLOORED, pitch=(-0.4, 0.4), yaw=0.45, tight=0.1
    )
    _laid(shot, camera, _turned_plane((0, 0, 0), dice.near(0.0, 0.7)), flat, 0.08)


Placing = Callable[[Shot, Flat], None]


def _placing(dice: Dice) -> Placing:
    return {
        "lying": lying,
        "floor": on_floor,
        "stand": on_stand,
        "case": in_case,
        "close": close_up,
    }[dice.weighted(lying=0.36, floor=0.14, stand=0.22, case=0.12, close=0.16)]


def sax_alone(shot: Shot) -> None:
    """A saxophone."""
    placing = _placing(shot.dice)
    placing(shot, flat_sax(shot.dice))


def violin_alone(shot: Shot) -> None:
    """A violin, often with its bow."""
    placing = _placing(shot.dice)
    bow = shot.dice.chance(0.55) and placing is not on_stand
    placing(shot, flat_violin(shot.dice, bow=bow))


def guitar_alone(shot: Shot) -> None:
    """A guitar; in the open, with its sides."""
    dice = shot.dice
    look = guitars.draw_look(dice)

    def paint(on: skia.Canvas) -> None:
        on.translate(0.0, 2.25)
        guitars.draw_flat(on, look)

    placing = _placing(dice)
    if placing in (on_floor, in_case, close_up) or dice.chance(0.2):
        placing(shot, Flat(paint, 4.6, 1.9))
        return
    if placing is on_stand:
        camera = shot.look((0, -2.3, 0), 6.0, FLOORED, yaw=0.5)
        camera.shadow(shot.canvas, (0, 0, 0.2), 1.2, 0.5)
        steel: Colour = (40, 40, 44)
        for x, z in ((-0.7, -0.4), (0.7, -0.4), (0.0, 0.9)):
            camera.bar(shot.canvas, (0, -0.9, 0.55), (x, 0, z), 0.1, steel)
        lean = dice.between(0.08, 0.25)
        plane = Plane((0, -0.45, 0.0), (1, 0, 0), (0, math.cos(lean), -math.sin(lean)))
    else:
        camera = shot.look((0, 0, 0), 5.6, UNFLOORED, yaw=0.7, pitch=(-0.4, 0.4))
        turn = dice.near(0.0, 0.5) if dice.chance(0.7) else dice.between(-math.pi, math.pi)
        plane = _turned_plane((0, 0, 0), turn)
        plane = Plane(plane.at(0.0, 2.25), plane.u, plane.v)
    guitars.draw_solid(camera, shot.canvas, plane, look)
    if placing is on_stand:
        for x in (-0.4, 0.4):
            camera.bar(shot.canvas, (x, -0.4, 0.4), (x, -0.42, -0.2), 0.1, (40, 40, 44))


def guitarist(shot: Shot) -> None:
    """A guitarist who sits or stands."""
    dice = shot.dice
    look = guitars.draw_look(dice)
    seated = dice.chance(0.2 if look.kind in guitars.ELECTRIC else 0.65)
    rise, x, y = dice.between(0.15, 0.6), -1.55 + dice.near(0, 0.1), 2.55 + dice.near(0.0, 0.15)
    if not seated:
        y += 0.2
    turn = math.pi / 2 - rise
    cos, sin = math.cos(turn), math.sin(turn)

    def world(a: float, b: float) -> Point:
        return x + cos * a - sin * b, y + sin * a + cos * b

    fret = dice.between(1.0, 7.0)
    at = guitars.fret_y(look, fret + 1.5)
    tips = tuple(
        world(guitars.strings_x(look, dice.whole(0, 5), 0.0), guitars.fret_y(look, fret + 0.8 * k))
        for k in range(4)
    )
    strum = dice.between(-1.45, -0.9)
    player = casual(dice.seed(), dice.side() * dice.between(0.4, 1.0))
    posed = Posed(
        player,
        right=Hand(
            palm=world(-0.12, strum),
            grip=turn + dice.between(-0.4, 0.1),
            depth=0.9,
            hint=(1.0, 0.5, 0.0),
        ),
        left=Hand(
            palm=world(0.3, at), grip=turn + math.pi, depth=0.9, hint=(0.6, 1.0, 0.0), tips=tips
        ),
        seated=seated,
        turn=dice.near(0.1, 0.2),
        tilt=dice.near(0.05, 0.08),
        knees=dice.between(0.6, 0.9),
    )
    target, span = _framing(dice, posed.floor)
    camera = shot.look(
        plus(target, (0.45, 0.25, 0)), 1.08 * span, (*FLOORED, "bokeh", "gradient"), yaw=0.3
    )
    camera.shadow(shot.canvas, (0, 0, 0), 1.6, 0.8)

    def paint(on: skia.Canvas) -> None:
        if seated:
            draw_seat(on, player, posed.figure.hip_y + 0.22)
        posed.legs(on)
        posed.body(on)
        if not seated or dice.chance(0.2):
            on.drawLine(*world(0.0, -0.1), -0.75, 0.6, stroke(shade(look.strap, 0.8), 0.18))
            on.drawLine(0.3, 0.42, *world(-0.2, -2.0), stroke(shade(look.strap, 1.0), 0.18))
        posed.arm(on, posed.left, fingers=False)
        on.save()
        on.translate(x, y)
        on.rotate(math.degrees(turn))
        guitars.draw_flat(on, look)
        on.restore()
        posed.figure.draw_fingers(on, posed.left)
        posed.arm(on, posed.right)

    camera.on(shot.canvas, upright_plane(posed.floor), paint)


# --- piano ----------------------------------------------------------------------------------------


def piano_alone(shot: Shot) -> None:
    """A grand, an upright or a stage piano, with or without its bench."""
    dice = shot.dice
    look = pianos.draw_look(dice)
    kind = dice.weighted(grand=0.5, upright=0.38, stage=0.12)
    if kind == "grand":
        angle = dice.between(0.9, 2.4) if dice.chance(0.65) else dice.between(-0.8, 0.8)
        deep, tall = look.length, 3.0
    else:
        angle, deep, tall = dice.between(-1.0, 1.0), 1.5, 2.8
    spun = turned_frame((0, 0, 0), angle)

    def frame(local: Vector) -> Vector:
        return spun((local[0] - pianos.WIDTH / 2, local[1], local[2] - deep / 2))

    span = {"grand": 11.5, "upright": 9.5, "stage": 8.5}[kind]
    camera = shot.look((0, -tall, 0), span, pitch=(0.04, 0.5), tight=0.17)
    camera.shadow(shot.canvas, (0, 0, 0), 4.2, 3.2 if kind == "grand" else 2.0, 0.4)
    seat = dice.chance(0.55)
    first = camera.depth(frame((3.3, -1, -2))) > camera.depth(frame((3.3, -1, 0.5)))
    if seat and first:
        pianos.bench(camera, shot.canvas, frame, look.bench, pianos.WIDTH / 2, -2.4)
    draw = {"grand": pianos.grand, "upright": pianos.upright, "stage": pianos.stage_piano}[kind]
    draw(camera, shot.canvas, frame, look)
    if seat and not first:
        pianos.bench(camera, shot.canvas, frame, look.bench, pianos.WIDTH / 2, -2.4)


def keys_near(shot: Shot) -> None:
    """The keyboard from near, perhaps with hands on it."""
    dice = shot.dice
    look = pianos.draw_look(dice)
    spun = turned_frame((0, 0, 0), dice.between(-0.9, 0.9))
    at = dice.between(1.8, 4.8)

    def frame(local: Vector) -> Vector:
        return spun((local[0] - at, local[1], local[2] - 0.5))

    span = dice.between(2.4, 5.0)
    camera = shot.look(
        (0, pianos.KEYS_Y, 0), span, ("gradient", "bokeh", "plain"), pitch=(0.45, 1.1), yaw=0.1
    )
    pianos.upright(camera, shot.canvas, frame, look)
    if dice.chance(0.4):
        player = casual(dice.seed(), camera.light)
        base = frame((0, 0, 0))
        across, back = plus(frame((1, 0, 0)), base, -1), plus(frame((0, 0, -1)), base, -1)
        plane = Plane(frame((at, pianos.KEYS_Y - 0.2, 0.25)), across, back)
        posed = Posed(
            player,
            seated=True,
            back=True,
            right=Hand(
                palm=(-0.7 + dice.near(0, 0.15), 0.1), grip=-math.pi / 2, hint=(1.0, 1.0, 0.0)
            ),
            left=Hand(
                palm=(0.7 + dice.near(0, 0.15), 0.1), grip=-math.pi / 2, hint=(1.0, 1.0, 0.0)
            ),
        )

        def hands(on: skia.Canvas) -> None:
            for hand in (posed.right, posed.left):
                x, y = hand.palm
                arm = posed.figure.arm(
                    hand.side,
                    (x * 2.0, y + 4.6),
                    (x, y),
                    -math.pi / 2,
                    0.0,
                    (1.0, 0.0, 0.0),
                    tuple(float(dice.chance(0.6)) for _ in range(4)),
                    (),
                )
                posed.arm(on, arm)

        camera.on(shot.canvas, plane, hands)


def grand_pianist(shot: Shot) -> None:
    """A grand from its open side, the pianist in profile."""
    dice = shot.dice
    look = pianos.draw_look(dice)
    left = -0.5 * look.length
    frame = turned_frame((left, 0, pianos.WIDTH / 2), math.pi / 2)
    player = casual(dice.seed(), dice.side() * dice.between(0.4, 1.0))
    hips = left - 1.55
    profile = Profile(player, hand=(1.95, SEATED_FLOOR + pianos.KEYS_Y - 0.16),
                      lean=dice.between(0.0, 0.3), nod=dice.between(-0.1, 0.3))  # fmt: skip
    near = dice.chance(0.45)
    target = (left + (0.4 if near else 0.9 + 0.2 * look.length), -4.2 if near else -3.4, 0.0)
    camera = shot.look(
        target, 7.0 if near else 12.0, (*FLOORED, "stage"), pitch=(0.04, 0.32), yaw=0.22, tight=0.13
    )
    camera.shadow(shot.canvas, (0, 0, 0), 6.0, 3.0, 0.4)
    pianos.bench(camera, shot.canvas, frame, look.bench, pianos.WIDTH / 2, -1.5)
    plane = upright_plane(SEATED_FLOOR, hips, 0.0)
    camera.on(shot.canvas, plane, profile.legs)
    pianos.grand(camera, shot.canvas, frame, look)
    camera.on(shot.canvas, plane, profile.body)


def upright_pianist(shot: Shot) -> None:
    """An upright's or a stage piano's player, seen from behind."""
    dice = shot.dice
    look = pianos.draw_look(dice)
    upright = dice.chance(0.75)

    def frame(local: Vector) -> Vector:
        return local[0] - pianos.WIDTH / 2, local[1], local[2]

    y = SEATED_FLOOR + pianos.KEYS_Y - 0.42
    posed = Posed(
        casual(dice.seed(), dice.side() * dice.between(0.4, 1.0)), seated=True, back=True,
        right=Hand(palm=(-dice.between(0.95, 1.6), y), grip=-1.35, depth=1.0, hint=(1.0, 0.9, 0.0)),
        left=Hand(palm=(dice.between(0.95, 1.6), y), grip=-1.8, depth=1.0, hint=(1.0, 0.9, 0.0)),
    )  # fmt: skip
    x = dice.near(0.0, 0.3)
    camera = shot.look(
        (0, -3.6, 0), dice.between(6.5, 10.0), FLOORED, pitch=(0.03, 0.35), yaw=0.7, tight=0.12
    )
    camera.shadow(shot.canvas, (0, 0, -0.3), 4.0, 2.4, 0.4)
    (pianos.upright if upright else pianos.stage_piano)(camera, shot.canvas, frame, look)
    plane = upright_plane(SEATED_FLOOR, x, -0.9)
    camera.on(shot.canvas, plane, posed.legs)

    def arms(on: skia.Canvas) -> None:
        posed.arm(on, posed.right)
        posed.arm(on, posed.left)

    camera.on(shot.canvas, plane, arms)
    pianos.bench(camera, shot.canvas, frame, look.bench, pianos.WIDTH / 2 + x, -1.5)
    camera.on(shot.canvas, plane, posed.body)


def facing_pianist(shot: Shot) -> None:
    """A player who faces us over the keys of a stage piano."""
    dice = shot.dice
    look = pianos.draw_look(dice)
    frame = turned_frame((pianos.WIDTH / 2, 0, 0.6), math.pi)
    y = SEATED_FLOOR + pianos.KEYS_Y - 0.1
    posed = Posed(
        casual(dice.seed(), dice.side() * dice.between(0.4, 1.0)), seated=True,
        right=Hand(palm=(-dice.between(0.4, 1.3), y), grip=1.45, depth=1.2, hint=(1.0, 0.6, -0.2)),
        left=Hand(palm=(dice.between(0.4, 1.3), y), grip=1.7, depth=1.2, hint=(1.0, 0.6, -0.2)),
        turn=dice.near(0.0, 0.2), tilt=dice.near(0.0, 0.1),
    )  # fmt: skip
    camera = shot.look(
        (0, -4.0, 0), dice.between(6.0, 9.5), pitch=(0.35, 0.65), yaw=0.4, tight=0.12
    )
    camera.shadow(shot.canvas, (0, 0, 0.5), 3.6, 1.4, 0.4)
    plane = upright_plane(SEATED_FLOOR, 0.0, 1.1)
    camera.on(shot.canvas, plane, posed.legs)
    camera.on(shot.canvas, plane, posed.body)
    pianos.stage_piano(camera, shot.canvas, frame, look)

    def arms(on: skia.Canvas) -> None:
        posed.arm(on, posed.right)
        posed.arm(on, posed.left)

    camera.on(shot.canvas, upright_plane(SEATED_FLOOR, 0.0, 0.6), arms)


# --- drum -----------------------------------------------------------------------------------------


def kit_alone(shot: Shot) -> None:
    """A drum kit."""
    dice = shot.dice
    look = drums.draw_look(dice)
    camera = shot.look((0, -2.5, 0), 9.0, pitch=(0.05, 0.5), yaw=0.7)
    camera.shadow(shot.canvas, (0, 0, 0.4), 3.4, 1.6)
    drums.throne(camera, shot.canvas, (0, 0, 2.4))
    drums.kit_behind(camera, shot.canvas, look, (0, 0, 0))
    drums.kit_before(camera, shot.canvas, look, (0, 0, 0))


def drummer(shot: Shot) -> None:
    """A drummer behind a kit."""
    dice = shot.dice
    look = drums.draw_look(dice)
    away = dice.between(1.5, 2.0)
    kit = drums.KIT
    hits = [
        dice.pick((kit.snare, kit.hi_hat, kit.tom)),
        dice.pick((kit.floor_tom, kit.tom, kit.ride)),
    ]
    if abs(hits[0][0] - hits[1][0]) < 0.1:
        hits[1] = kit.floor_tom
    raised = [dice.between(0.1, 0.75) for _ in hits]
    palms = [
        (0.62 * x + 0.1 * math.copysign(1, x), SEATED_FLOOR + y - 0.35 - 0.8 * up)
        for (x, y, _), up in zip(hits, raised, strict=True)
    ]
    posed = Posed(
        casual(dice.seed(), dice.side() * dice.between(0.4, 1.0)), seated=True,
        left=Hand(palm=palms[0], grip=math.atan2(0.3, 0.9), depth=1.0, hint=(1.0, 0.7, 0.0)),
        right=Hand(palm=palms[1], grip=math.pi - 0.4, depth=1.0, hint=(1.0, 0.7, 0.0)),
        turn=dice.near(0.0, 0.25), tilt=dice.near(0.0, 0.12), knees=1.0,
    )  # fmt: skip
    near = dice.chance(0.5)
    camera = shot.look(
        (0, -4.0 if near else -3.3, 0.5),
        7.0 if near else 9.5,
        pitch=(0.05, 0.4),
        yaw=0.5,
        tight=0.14,
    )
    camera.shadow(shot.canvas, (0, 0, 0.4), 3.4, 1.6)
    drums.throne(camera, shot.canvas, (0, 0, away + 0.3))
    plane = upright_plane(SEATED_FLOOR, 0.0, away)
    camera.on(shot.canvas, plane, posed.legs)
    camera.on(shot.canvas, plane, posed.body)
    drums.kit_behind(camera, shot.canvas, look, (0, 0, 0))
    wood = dice.pick(STICK_WOODS)
    for arm, hit, up in ((posed.left, hits[0], raised[0]), (posed.right, hits[1], raised[1])):
        hand = plus(plane.origin, (arm.palm[0], arm.palm[1], 0))
        tip = plus(hit, (0, -0.9 * up, 0))
        drums.stick(camera, shot.canvas, plus(hand, plus(tip, hand, -1), -0.25), tip, wood)
        camera.on(shot.canvas, plane, lambda on, arm=arm: posed.arm(on, arm))  # type: ignore[misc]
    drums.kit_before(camera, shot.canvas, look, (0, 0, 0))


def hand_drums(shot: Shot) -> None:
    """Congas, djembes, bongos, a snare, a frame drum: one or some, from any height."""
    dice = shot.dice
    look = drums.draw_look(dice)
    kind = dice.weighted(conga=0.24, djembe=0.24, bongo=0.14, snare=0.24, frame=0.14)
    canvas = shot.canvas
    if kind == "frame":
        camera = shot.look((0, -1.2, 0), 4.2, (*FLOORED, *UNFLOORED), pitch=(-0.1, 0.6))
        axis = (dice.near(0.0, 0.5), dice.near(-0.2, 0.3), -1.0)
        camera.shadow(canvas, (0, 0, 0), 1.3, 0.5)
        drums.frame_drum(camera, canvas, (0, -1.25, 0), axis, 1.25, look, jingles=dice.chance(0.6))
        return
    if kind == "snare":
        stand = dice.chance(0.6)
        tall = 2.0 if stand else 0.45
        camera = shot.look((0, -tall, 0), 5.4 if stand else 3.6, pitch=(0.12, 0.8))
        camera.shadow(canvas, (0, 0, 0), 1.4, 0.9)
        drums.snare(camera, canvas, (0, 0, 0), look, stand=stand, height=dice.between(0.6, 1.1))
        if dice.chance(0.6):
            drums.sticks(
                camera,
                canvas,
                (0, -2.95 if stand else -1.1, 0),
                dice.between(0, 3),
                dice.pick(STICK_WOODS),
            )
        return
    many = {"conga": dice.whole(1, 3), "djembe": 1, "bongo": 2}[kind]
    profile = {"conga": drums.CONGA, "djembe": drums.DJEMBE, "bongo": drums.BONGO}[kind]
    scale = dice.between(0.9, 1.15)
    tall = profile[-1][0]
    camera = shot.look((0, -0.5 * tall, 0), 1.6 * tall + 0.9 * many, pitch=(0.08, 0.75))
    for k in range(many):
        x = 1.75 * (k - (many - 1) / 2) if kind == "conga" else 1.15 * (k - (many - 1) / 2)
        lean = dice.near(0.0, 0.12) if kind != "bongo" else 0.0
        camera.shadow(canvas, (x, 0, 0), 0.9, 0.7)
        grown = scale * (1.0 + 0.15 * k)
        drums.hand_drum(
            camera,
            canvas,
            (x, 0, 0),
            (lean, -1, -0.05),
            profile,
            look,
            ropes=kind == "djembe",
            scale=grown,
        )


def hand_drummer(shot: Shot) -> None:
    """Somebody who plays a conga or a djembe with the hands."""
    dice = shot.dice
    look = drums.draw_look(dice)
    conga = dice.chance(0.5)
    profile = drums.CONGA if conga else drums.DJEMBE
    scale = 1.0 if conga else 1.2
    tall = profile[-1][0] * scale
    y = SEATED_FLOOR - tall
    posed = Posed(
        casual(dice.seed(), dice.side() * dice.between(0.4, 1.0)),
        seated=True,
        right=Hand(
            palm=(-0.38 + dice.near(0, 0.08), y - dice.between(0.1, 0.9)),
            grip=1.0,
            depth=1.1,
            hint=(1.0, 0.5, 0.0),
        ),
        left=Hand(
            palm=(0.38 + dice.near(0, 0.08), y - dice.between(0.1, 0.9)),
            grip=2.14,
            depth=1.1,
            hint=(1.0, 0.5, 0.0),
        ),
        turn=dice.near(0.0, 0.25),
        tilt=dice.near(0.0, 0.12),
        knees=1.15,
    )
    camera = shot.look(
        (0, -3.6, 0), dice.between(5.5, 8.5), pitch=(0.06, 0.35), yaw=0.4, tight=0.14
    )
    camera.shadow(shot.canvas, (0, 0, 0), 1.8, 1.0)
    plane = upright_plane(SEATED_FLOOR, 0.0, 0.8)

    def body(on: skia.Canvas) -> None:
        draw_seat(on, posed.figure.player, posed.figure.hip_y + 0.22)
        posed.legs(on)
        posed.body(on)

    camera.on(shot.canvas, plane, body)
    others = dice.whole(0, 1) if conga else 0
    for k in range(others + 1):
        x = (0.0, 1.75 * dice.side())[k]
        drums.hand_drum(
            camera,
            shot.canvas,
            (x, 0, 0.1),
            (0, -1, -0.08),
            profile,
            look,
            ropes=not conga,
            scale=scale,
        )

    def arms(on: skia.Canvas) -> None:
        posed.arm(on, posed.right)
        posed.arm(on, posed.left)

    camera.on(shot.canvas, upright_plane(SEATED_FLOOR, 0.0, 0.5), arms)


def snare_drummer(shot: Shot) -> None:
    """Somebody who stands with a slung snare drum, two sticks in the hands."""
    dice = shot.dice
    look = drums.draw_look(dice)
    y = 3.0
    player = casual(dice.seed(), dice.side() * dice.between(0.4, 1.0))
    up = [dice.between(0.0, 0.7), dice.between(0.0, 0.7)]
    posed = Posed(
        player,
        seated=False,
        right=Hand(palm=(-0.85, y - 0.9 - 0.4 * up[0]), grip=0.5, depth=1.0, hint=(1.0, 0.6, 0.0)),
        left=Hand(
            palm=(0.85, y - 0.9 - 0.4 * up[1]), grip=math.pi - 0.5, depth=1.0, hint=(1.0, 0.6, 0.0)
        ),
        turn=dice.near(0.0, 0.2),
        tilt=dice.near(0.0, 0.06),
    )
    target, span = _framing(dice, STANDING_FLOOR)
    camera = shot.look(plus(target, (0, 0.9, 0)), 1.05 * span, pitch=(0.1, 0.4), yaw=0.4)
    camera.shadow(shot.canvas, (0, 0, 0.6), 1.4, 0.8)
    plane = upright_plane(STANDING_FLOOR, 0.0, 0.6)

    def body(on: skia.Canvas) -> None:
        posed.legs(on)
        posed.body(on)
        on.drawLine(-0.6, 0.5, 0.75, y - 0.2, stroke(shade((236, 234, 226), 1.0), 0.2))

    camera.on(shot.canvas, plane, body)
    deep = dice.between(0.8, 1.5)
    base = (0.0, -STANDING_FLOOR + y - 0.25 + deep, -0.35)
    drums.drum(camera, shot.canvas, base, (dice.near(0, 0.1), -1, -0.15), 1.15, deep, look, lugs=10)
    wood = dice.pick(STICK_WOODS)
    for arm, raised in ((posed.right, up[0]), (posed.left, up[1])):
        hand = plus(plane.origin, (arm.palm[0], arm.palm[1], -0.4))
        tip = (
            -0.25 * math.copysign(1, -arm.palm[0]),
            -STANDING_FLOOR + y - 0.3 - 0.6 * raised,
            -0.5,
        )
        drums.stick(camera, shot.canvas, plus(hand, plus(tip, hand, -1), -0.3), tip, wood)
    for arm in (posed.right, posed.left):
        camera.on(shot.canvas, plane, lambda on, arm=arm: posed.arm(on, arm))  # type: ignore[misc]


def frame_drummer(shot: Shot) -> None:
    """Somebody who holds a frame drum in one hand and strikes it with the other."""
    dice = shot.dice
    look = drums.draw_look(dice)
    seated = dice.chance(0.5)
    radius = dice.between(0.75, 1.15)
    x, y = 0.45 + dice.near(0, 0.1), 1.5 + dice.near(0, 0.2)
    posed = Posed(
        casual(dice.seed(), dice.side() * dice.between(0.4, 1.0)),
        seated=seated,
        left=Hand(
            palm=(x + 0.85 * radius, y + 0.45 * radius), grip=-2.4, depth=1.0, hint=(1.0, 0.8, 0.0)
        ),
        right=Hand(
            palm=(x - 0.75 * radius, y + dice.between(-0.1, 0.4)),
            grip=0.2,
            depth=1.2,
            hint=(1.0, 0.9, 0.0),
        ),
        turn=dice.near(0.1, 0.2),
        tilt=dice.near(0.0, 0.1),
    )
    target, span = _framing(dice, posed.floor)
    camera = shot.look(target, span, (*FLOORED, "bokeh"), yaw=0.3)
    camera.shadow(shot.canvas, (0, 0, 0), 1.5, 0.8)
    plane = upright_plane(posed.floor)

    def body(on: skia.Canvas) -> None:
        if seated:
            draw_seat(on, posed.figure.player, posed.figure.hip_y + 0.22)
        posed.legs(on)
        posed.body(on)
        posed.arm(on, posed.left, fingers=False)

    camera.on(shot.canvas, plane, body)
    axis = (dice.near(-0.25, 0.2), dice.near(-0.15, 0.12), -1.0)
    middle = (x, y - posed.floor, -0.35)
    drums.frame_drum(camera, shot.canvas, middle, axis, radius, look, jingles=dice.chance(0.5))
    camera.on(shot.canvas, plane, lambda on: posed.figure.draw_fingers(on, posed.left))
    camera.on(shot.canvas, plane, lambda on: posed.arm(on, posed.right))


Scene = Callable[[Shot], None]

SCENES: dict[str, dict[Scene, float]] = {
    "drum": {kit_alone: 0.25, hand_drums: 0.27, drummer: 0.22, hand_drummer: 0.12,
             snare_drummer: 0.08, frame_drummer: 0.06},
    "guitar": {guitarist: 0.5, guitar_alone: 0.5},
    "piano": {piano_alone: 0.36, keys_near: 0.14, grand_pianist: 0.24, upright_pianist: 0.15,
              facing_pianist: 0.11},
    "sax": {sax_player: 0.5, sax_alone: 0.5},
    "violin": {violinist: 0.5, violin_alone: 0.5},
}  # fmt: skip
"""How often each scene of each class is drawn; about half show a player."""
