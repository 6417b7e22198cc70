"""Takes valve and slide positions and a look, draws horn, trumpet, trombone and tuba.

Each instrument hangs from its mouthpiece, the origin of its local coordinates. Tubes that run
toward the viewer are shortened as a three-quarters view shortens them.
"""

from __future__ import annotations

import math
from typing import Literal

import skia

from sightsound.orchestra.instruments import Anchors, InstrumentLook, MechanismFrame, Point
from sightsound.orchestra.tubes import (
    BLACK,
    Tones,
    arc,
    bell_mouth,
    body_metal,
    fill,
    fingers,
    flared,
    join,
    light_vector,
    mix,
    plated,
    post,
    rod,
    show,
    spline,
    straight,
    stroke,
    tube,
    turned,
    value,
    values,
)

SLIDE_STROKE = 1.3
"""Way of the trombone's slide from first to seventh position, head heights."""


def _valves(mechanism: MechanismFrame) -> tuple[float, ...]:
    return values(mechanism, "valves", (0.0, 0.0, 0.0))


def _mouthpiece(
    canvas: skia.Canvas, tones: Tones, light: tuple[float, float], angle: float, size: float
) -> None:
    """Cup with its rim at the origin and its shank along ``angle``."""
    reach = (math.cos(angle) * size * 3.2, math.sin(angle) * size * 3.2)
    cup = turned(
        straight((0.0, 0.0), reach),
        ((0, size), (0.12, size), (0.2, size * 0.85), (0.42, size * 0.45), (1, size * 0.5)),
        16,
    )
    cup.paint(canvas, tones, light, 0.024)


# ------------------------------------------------------------------ trumpet


class Trumpet:
    """Long narrow loop to the lower left, three pistons, a round bell."""

    name = "trumpet"
    hold: Literal["mouth"] = "mouth"
    tilt = -0.3

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm round the casings, right palm behind them, fingertips on the pistons."""
        valves = _valves(mechanism)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=(-0.84, 0.46),
            right_hand=(-0.98, 0.12),
            left_grip=math.pi + 0.5,
            right_grip=-math.pi / 2 + 0.25,
            left_fingers=(1.0, 1.0, 1.0, 1.0),
            right_fingers=fingers(valves),
            # The palm faces the viewer, so its fingers run the other way: little finger first.
            right_tips=(
                (-1.24, -0.13),
                *reversed([_trumpet_cap(index, down) for index, down in enumerate(valves[:3])]),
            ),
            keypoints={"bell": (-2.16, 0.1), "valves": (-0.86, 0.1)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole trumpet."""
        show(canvas, _trumpet_back, look)
        show(canvas, _trumpet_pistons, look, _valves(mechanism))
        show(canvas, _trumpet_bell, look)

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


TRUMPET_TUBE = 0.052


def _trumpet_cap(index: int, down: float) -> Point:
    """Top of a piston: it sinks as it is pressed."""
    return -0.66 - 0.19 * index, -0.24 + 0.14 * down


def _trumpet_back(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Trumpet.tilt)
    lead = straight((-0.2, 0.0), (-1.4, 0.0))
    crook = arc((-1.4, 0.17), 0.17, -math.pi / 2, -3 * math.pi / 2, 16)
    tube(join(lead, crook, straight((-1.4, 0.34), (-0.85, 0.34))), TRUMPET_TUBE).paint(
        canvas, tones, light, 0.028
    )
    post(canvas, fittings, light, (-1.3, 0.0), 0.09, TRUMPET_TUBE + 0.008, 0.0)
    post(canvas, fittings, light, (-1.3, 0.34), 0.09, TRUMPET_TUBE + 0.008, 0.0)
    _mouthpiece(canvas, fittings, light, math.pi, 0.085)
    back = arc((-0.42, 0.21), 0.17, math.pi / 2, -math.pi / 2, 16)
    tube(
        join(straight((-0.7, 0.38), (-0.42, 0.38)), back, straight((-0.42, 0.04), (-1.0, 0.06))),
        0.056,
    ).paint(canvas, tones, light, 0.028)
    rod(canvas, tones, arc((-1.04, -0.1), 0.05, 0.4, 5.4, 12), 0.03)


def _trumpet_pistons(canvas: skia.Canvas, look: InstrumentLook, valves: tuple[float, ...]) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Trumpet.tilt)
    for index, down in enumerate(valves):
        x, stem = _trumpet_cap(index, down)
        canvas.drawLine(x, stem, x, -0.05, stroke(fittings.outline, 0.05))
        canvas.drawLine(x, stem, x, -0.05, stroke(fittings.light, 0.03))
        post(canvas, fittings, light, (x, stem), 0.022, 0.07)
        post(canvas, tones, light, (x, 0.2), 0.29, 0.082)
        post(canvas, fittings, light, (x, -0.09), 0.035, 0.088)
        post(canvas, fittings, light, (x, 0.5), 0.035, 0.084)
    canvas.drawLine(-1.2, 0.2, -0.45, 0.2, stroke(tones.outline, 0.02, 0.4))


def _trumpet_bell(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, light = body_metal(look), light_vector(look, Trumpet.tilt)
    stem = straight((-0.9, 0.08), (-2.16, 0.1), 36)
    flared(stem, 0.056, 0.1, 0.36, 5.0).paint(canvas, tones, light, 0.03)
    bell_mouth(canvas, tones, (-2.16, 0.1), 0.36, 0.13, math.pi)


# ------------------------------------------------------------------ trombone


class Trombone:
    """Long slide to the lower left, bell beside the head, bow over the shoulder."""

    name = "trombone"
    hold: Literal["mouth"] = "mouth"
    tilt = -0.66

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm at the slide's receiver, right palm on the moving brace."""
        way = SLIDE_STROKE * value(mechanism, "slide_extension")
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=(-0.5, 0.2),
            right_hand=(-0.9 - way, 0.16),
            left_grip=-math.pi / 2,
            right_grip=-math.pi / 2,
            left_fingers=(0.4, 1.0, 1.0, 1.0),
            right_fingers=(1.0, 1.0, 1.0, 1.0),
            keypoints={
                "bell": (-0.98, -0.82),
                "slide_end": (-2.0 - way, -0.1),
                "bow": (0.9, -0.61),
            },
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Bell section, inner slide and, pushed out by the extension, the outer slide."""
        show(canvas, _trombone_body, look)
        canvas.save()
        canvas.translate(-SLIDE_STROKE * value(mechanism, "slide_extension"), 0.0)
        show(canvas, _trombone_slide, look)
        canvas.restore()

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


SLIDE_GAP = -0.2  # from the tube at the lips to the returning tube


def _trombone_bell(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, light = body_metal(look), light_vector(look, Trombone.tilt)
    stem = straight((0.1, -0.82), (-0.98, -0.82), 36)
    flared(stem, 0.07, 0.15, 0.5, 3.6).paint(canvas, tones, light, 0.034)
    bell_mouth(canvas, tones, (-0.98, -0.82), 0.5, 0.19, math.pi)


def _trombone_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Trombone.tilt)
    # Inner slide, of which the outer one leaves more bare the further it is out.
    for y in (0.0, SLIDE_GAP):
        tube(straight((-0.2, y), (-1.95, y), 3), 0.03).paint(canvas, fittings, light, 0.022)
        post(canvas, tones, light, (-0.34, y), 0.1, 0.05, 0.0)
    # Gooseneck and bow.
    bow = arc((0.68, -0.61), 0.21, math.pi / 2, -math.pi / 2, 20)
    goose = spline((-0.34, SLIDE_GAP), (-0.16, -0.25), (0.02, -0.39), (0.68, -0.4), points=24)
    tube(join(goose, bow, straight((0.68, -0.82), (0.05, -0.82))), 0.058).paint(
        canvas, tones, light, 0.03
    )
    post(canvas, fittings, light, (0.64, -0.82), 0.07, 0.068, 0.0)
    post(canvas, fittings, light, (0.64, -0.4), 0.07, 0.068, 0.0)
    rod(canvas, tones, straight((-0.12, -0.28), (-0.16, -0.8)), 0.045)
    rod(canvas, tones, straight((0.36, -0.42), (0.36, -0.8)), 0.045)
    rod(canvas, tones, straight((-0.4, 0.0), (-0.4, SLIDE_GAP)), 0.05)
    _trombone_bell(canvas, look)
    _mouthpiece(canvas, fittings, light, math.pi, 0.1)


def _trombone_slide(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Trombone.tilt)
    bend = arc((-1.9, SLIDE_GAP / 2), -SLIDE_GAP / 2, math.pi / 2, 3 * math.pi / 2, 16)
    line = join(
        straight((-0.84, 0.0), (-1.9, 0.0)), bend, straight((-1.9, SLIDE_GAP), (-0.84, SLIDE_GAP))
    )
    tube(line, 0.046).paint(canvas, fittings, light, 0.03)
    for y in (0.0, SLIDE_GAP):
        post(canvas, tones, light, (-0.88, y), 0.06, 0.056, 0.0)
        post(canvas, tones, light, (-1.86, y), 0.03, 0.056, 0.0)
    rod(canvas, tones, straight((-0.9, 0.0), (-0.9, SLIDE_GAP)), 0.055)
    post(canvas, tones, light, (-2.01, SLIDE_GAP / 2), 0.035, 0.045, 0.0)


# ------------------------------------------------------------------ horn


class Horn:
    """Round coil before the body, its dark funnel at the player's right hip."""

    name = "horn"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.0

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm at the levers, right palm in the bell."""
        valves = _valves(mechanism)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=(0.44, 1.42),
            right_hand=(-1.44, 2.34),
            left_grip=math.pi + 0.1,
            right_grip=-0.7,
            left_fingers=(*fingers(valves[:3], 3), 1.0),
            right_fingers=(0.8, 0.8, 0.8, 0.8),
            left_tips=(
                *(_horn_lever(index, down) for index, down in enumerate(valves[:3])),
                (0.3, 1.72),
            ),
            keypoints={"bell": (-1.36, 2.3), "coil": HORN_CENTRE},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Bell, coil and valves."""
        show(canvas, _horn_body, look)
        show(canvas, _horn_valves, look, _valves(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The throat's shadow over the fingers that reach into it."""
        show(canvas, _horn_shadow, look)


HORN_CENTRE = (-0.34, 1.46)
HORN_BELL_ANGLE = math.atan2(0.62, -0.78)


def _horn_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Horn.tilt)
    cx, cy = HORN_CENTRE
    # From inside out: two coils, then the large ring that opens into the bell.
    for radius, width in ((0.3, 0.05), (0.46, 0.054)):
        tube(arc(HORN_CENTRE, radius, 0.3, 0.3 + 2 * math.pi, 48), width).paint(
            canvas, tones, light, 0.028
        )
    ring = join(
        arc(HORN_CENTRE, 0.68, 2.5, -0.2, 30),
        arc(HORN_CENTRE, 0.68, -0.2, -math.pi * 0.98, 40),
        spline(
            (cx - 0.68, cy + 0.06),
            (cx - 0.69, cy + 0.36),
            (cx - 0.8, cy + 0.6),
            (-1.36, 2.3),
            points=30,
        ),
    )
    profile = (
        (0, 0.055), (0.35, 0.07), (0.6, 0.095), (0.72, 0.12), (0.8, 0.16), (0.88, 0.25),
        (0.94, 0.38), (1.0, 0.64),
    )  # fmt: skip
    turned(ring, profile, 110).paint(canvas, tones, light, 0.034)
    bell_mouth(canvas, tones, (-1.36, 2.3), 0.64, 0.36, HORN_BELL_ANGLE, (38, 24, 12))
    lead = spline(
        (0.0, 0.0), (0.03, 0.22), (0.2, 0.62), (0.32, 1.05), (0.335, 1.5), (0.28, 1.76), points=40
    )
    turned(lead, ((0, 0.032), (0.3, 0.04), (1, 0.052))).paint(canvas, tones, light, 0.028)
    _mouthpiece(canvas, fittings, light, 1.45, 0.075)


def _horn_lever(index: int, down: float) -> Point:
    """Paddle of a rotary valve: it swings in as it is pressed."""
    return 0.1 - 0.09 * down, 1.22 + 0.19 * index + 0.05 * down


def _horn_valves(canvas: skia.Canvas, look: InstrumentLook, valves: tuple[float, ...]) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Horn.tilt)
    for index, down in enumerate(valves):
        x, y = -0.26, 1.22 + 0.19 * index
        lever = _horn_lever(index, down)
        rod(canvas, fittings, straight((x, y), lever), 0.035)
        canvas.drawCircle(*lever, 0.062, fill(fittings.outline))
        canvas.drawCircle(*lever, 0.046, fill(mix(fittings.light, fittings.dark, 0.5 * down)))
        canvas.drawCircle(x, y, 0.112, fill(tones.outline))
        canvas.drawCircle(x, y, 0.095, fill(fittings.base))
        canvas.drawCircle(x + 0.02 * light[0], y + 0.02 * light[1], 0.07, fill(fittings.light))
        turn = -0.6 + 1.5 * down
        dx, dy = 0.075 * math.cos(turn), 0.075 * math.sin(turn)
        canvas.drawLine(x - dx, y - dy, x + dx, y + dy, stroke(fittings.outline, 0.036))


def _horn_shadow(canvas: skia.Canvas, look: InstrumentLook) -> None:
    canvas.save()
    canvas.translate(-1.36, 2.3)
    canvas.rotate(math.degrees(HORN_BELL_ANGLE))
    shade = skia.GradientShader.MakeRadial(
        center=skia.Point(-0.5, 0.0),
        radius=0.75,
        colors=[skia.Color(*mix(look.dark, BLACK, 0.8), alpha) for alpha in (235, 150, 0)],
        positions=[0.0, 0.5, 1.0],
        localMatrix=skia.Matrix.Scale(0.36, 0.64),
    )
    canvas.drawOval(
        skia.Rect.MakeLTRB(-0.35, -0.6, 0.35, 0.6), skia.Paint(AntiAlias=True, Shader=shade)
    )
    canvas.restore()


# ------------------------------------------------------------------ tuba


class Tuba:
    """Great upright cone in the lap, its bell above the head."""

    name = "tuba"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.08

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm round the outer branch, right palm at the pistons."""
        valves = _valves(mechanism)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=(1.12, 1.3),
            right_hand=(-0.5, 1.06),
            left_grip=math.pi,
            right_grip=0.0,
            left_fingers=(1.0, 1.0, 1.0, 1.0),
            right_fingers=fingers(valves),
            right_tips=tuple(_tuba_cap(index, down) for index, down in enumerate(valves[:4])),
            keypoints={"bell": (0.98, -1.4), "bottom": (0.2, 2.5)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole tuba."""
        show(canvas, _tuba_body, look)
        show(canvas, _tuba_pistons, look, _valves(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _tuba_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Tuba.tilt)
    # Great branch: left arm down, bow, up into the bell.
    small = spline((0.3, 0.75), (0.2, 0.36), (-0.08, 0.24), (-0.36, 0.4), (-0.42, 0.8), points=24)
    branch = join(
        small,
        straight((-0.42, 0.82), (-0.42, 1.75), 12),
        arc((0.24, 1.76), (0.66, 0.56), math.pi, 0.0, 36)[1:],
        straight((0.9, 1.7), (0.96, -0.2), 20),
        straight((0.965, -0.22), (0.98, -1.4), 30),
    )
    profile = (
        (0, 0.09), (0.15, 0.13), (0.3, 0.17), (0.5, 0.23), (0.62, 0.27), (0.8, 0.31),
        (0.88, 0.36), (0.93, 0.43), (0.96, 0.53), (0.985, 0.68), (1.0, 0.76),
    )  # fmt: skip
    turned(branch, profile, 140).paint(canvas, tones, light, 0.04)
    bell_mouth(canvas, tones, (0.98, -1.4), 0.76, 0.17, -math.pi / 2)
    post(canvas, tones, light, (0.93, 0.5), 0.035, 0.33)
    for x in (0.08, 0.28, 0.46):
        loop = join(
            straight((x - 0.12, 1.0), (x - 0.12, 1.8)),
            arc((x - 0.02, 1.8), 0.1, math.pi, 0.0, 12),
            straight((x + 0.08, 1.8), (x + 0.08, 0.75 + 0.2 * x)),
        )
        tube(loop, 0.05).paint(canvas, tones, light, 0.024)
    lead = spline((0.0, 0.0), (0.06, 0.1), (0.3, 0.2), (0.46, 0.45), (0.44, 0.9), points=30)
    turned(lead, ((0, 0.035), (1, 0.055))).paint(canvas, tones, light, 0.028)
    _mouthpiece(canvas, fittings, light, 0.9, 0.1)


def _tuba_cap(index: int, down: float) -> Point:
    """End of a piston's stem: it moves in as it is pressed."""
    return -0.22 + 0.14 * down, 0.78 + 0.17 * index


def _tuba_pistons(canvas: skia.Canvas, look: InstrumentLook, valves: tuple[float, ...]) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Tuba.tilt)
    for index, down in enumerate(valves):
        stem, y = _tuba_cap(index, down)
        canvas.drawLine(stem, y, 0.0, y, stroke(fittings.outline, 0.055))
        canvas.drawLine(stem, y, 0.0, y, stroke(fittings.light, 0.032))
        post(canvas, fittings, light, (stem, y), 0.022, 0.07, 0.0)
        post(canvas, tones, light, (0.26, y), 0.26, 0.078, 0.0)
        post(canvas, fittings, light, (0.0, y), 0.04, 0.084, 0.0)
        post(canvas, fittings, light, (0.52, y), 0.03, 0.08, 0.0)
