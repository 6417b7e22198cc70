"""Takes key positions and a look, draws flute, oboe, clarinet, bassoon and saxophone.

Each instrument hangs from its mouthpiece, the origin of its local coordinates. Sizes are those of
real instruments against a head of 23 cm, tubes a little thickened and long joints shortened as a
three-quarters view shortens them, so that each is known at 14 pixels a head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import skia

from sightsound.orchestra.instruments import Anchors, Colour, InstrumentLook, MechanismFrame, Point
from sightsound.orchestra.tubes import (
    arc,
    bell_mouth,
    body_metal,
    cups,
    fill,
    fingers,
    flared,
    join,
    light_vector,
    metal,
    plated,
    post,
    rod,
    show,
    spline,
    spread,
    straight,
    stroke,
    tube,
    turned,
    values,
    wood,
)
from sightsound.pairs.fingering import KEYS

CANE: Colour = (226, 190, 122)
IVORY = metal((238, 232, 216), (160, 150, 130), (255, 252, 244))
EBONITE = wood((34, 34, 38), (8, 8, 10), (190, 194, 205))
Stacks: TypeAlias = "tuple[Segment, Segment, float]"
Segment: TypeAlias = tuple[tuple[float, float], tuple[float, float]]


def _keys(mechanism: MechanismFrame) -> tuple[float, ...]:
    return values(mechanism, "keys", (0.0,) * len(KEYS))


def _hands(keys: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Left and right fingers for the ten keys of ``fingering.KEYS``; any other row is halved."""
    if len(keys) == len(KEYS):
        return (*keys[0:3], keys[6]), (*keys[3:6], keys[7])
    middle = (len(keys) + 1) // 2
    return fingers(keys[:middle]), fingers(keys[middle:])


def _places(
    keys: Sequence[float], upper: Segment, lower: Segment, aside: float
) -> list[tuple[float, float]]:
    """Places of the key cups along the two stacks, those of little fingers ``aside`` of them.

    The ten keys of ``fingering.KEYS`` lie where the fingers that move them are, thumb and
    register keys at the top of the upper stack; any other row is halved and spread.
    """
    if len(keys) != len(KEYS):
        middle = (len(keys) + 1) // 2
        low = len(keys) - middle
        return spread(*upper, middle) + (spread(*lower, low) if low else [])
    left, right = spread(*upper, 5), spread(*lower, 4)
    across = _across(upper, aside)
    little_left = (left[4][0] + across[0], left[4][1] + across[1])
    little_right = (right[3][0] - across[0], right[3][1] - across[1])
    register = (left[0][0] - across[0], left[0][1] - across[1])
    return [*left[1:4], *right[0:3], little_left, little_right, left[0], register]


def _tips(
    keys: Sequence[float], stacks: Stacks, left: Point, right: Point
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Fingertips: on the keys they close, drawn back toward the palm from those they leave open."""
    if len(keys) != len(KEYS):
        return (), ()
    places = _places(keys, *stacks)

    def tip(key: int, palm: Point) -> Point:
        (x, y), back = places[key], 0.32 * (1.0 - keys[key])
        return x + (palm[0] - x) * back, y + (palm[1] - y) * back - 0.2 * back

    return (
        tuple(tip(key, left) for key in (0, 1, 2, 6)),
        tuple(tip(key, right) for key in (3, 4, 5, 7)),
    )


def _across(segment: Segment, reach: float) -> tuple[float, float]:
    """Vector of length ``reach`` square to a segment."""
    (x0, y0), (x1, y1) = segment
    length = math.hypot(x1 - x0, y1 - y0)
    return (y1 - y0) / length * reach, -(x1 - x0) / length * reach


# ------------------------------------------------------------------ flute


FLUTE_STACKS: Stacks = (((-0.72, 0.025), (-1.3, 0.025)), ((-1.44, 0.025), (-1.98, 0.025)), 0.0)


class Flute:
    """Silver tube held to the player's right, nearly level."""

    name = "flute"
    hold: Literal["mouth"] = "mouth"
    tilt = -0.1

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Both palms under the tube, fingers reaching up over it."""
        keys = _keys(mechanism)
        left, right = _hands(keys)
        palms: tuple[Point, Point] = ((-1.04, 0.34), (-1.66, 0.34))
        left_tips, right_tips = _tips(keys, FLUTE_STACKS, *palms)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=palms[0],
            right_hand=palms[1],
            left_grip=-math.pi / 2 - 0.2,
            right_grip=-math.pi / 2 + 0.2,
            left_fingers=left,
            right_fingers=right,
            left_tips=left_tips,
            # The right palm faces the viewer, so its fingers run the other way.
            right_tips=right_tips[::-1],
            keypoints={"crown": (0.42, 0.05), "foot": (-2.3, 0.05)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole flute: fingers lie on top of it."""
        show(canvas, _flute_tube, look)
        show(canvas, _flute_keys, look, _keys(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _flute_tube(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Flute.tilt)
    y, radius = 0.06, 0.072
    tube(straight((0.42, y), (-2.3, y), 3), radius).paint(canvas, tones, light)
    for x, half, wide in (
        (0.41, 0.03, 0.082),
        (-0.55, 0.07, 0.085),
        (-1.94, 0.045, 0.083),
        (-2.28, 0.02, 0.083),
    ):
        post(canvas, fittings, light, (x, y), half, wide, 0.0)
    # Lip plate with its hole, just under the lower lip.
    plate = skia.Rect.MakeLTRB(-0.17, y - 0.085, 0.17, y + 0.06)
    canvas.drawOval(plate, fill(tones.outline))
    canvas.drawOval(plate.makeInset(0.014, 0.014), fill(fittings.base))
    canvas.drawOval(plate.makeInset(0.05, 0.035), fill(fittings.light))
    canvas.drawOval(skia.Rect.MakeLTRB(-0.05, y - 0.055, 0.05, y - 0.02), fill(tones.outline))
    rod(canvas, fittings, straight((-0.72, y + 0.055), (-1.86, y + 0.055)), 0.022)
    rod(canvas, fittings, straight((-1.98, y + 0.05), (-2.22, y + 0.05)), 0.02)


def _flute_keys(canvas: skia.Canvas, look: InstrumentLook, keys: tuple[float, ...]) -> None:
    fittings, light = plated(look.metal), light_vector(look, Flute.tilt)
    places = _places(keys, *FLUTE_STACKS)
    places = [(x - 0.08 * (i in (6, 7)), y) for i, (x, y) in enumerate(places)]
    size = min(0.08, 0.8 / max(len(keys), 1))
    cups(canvas, fittings, light, places, (size, size * 0.72), keys, (0.0, -0.06))


# ------------------------------------------------------------------ oboe


OBOE_STACKS: Stacks = (((0.0, 0.56), (0.0, 1.08)), ((0.0, 1.42), (0.0, 1.84)), 0.1)


class Oboe:
    """Thin black cone under a bare reed, crowded with silver keys, its bell hardly wider."""

    name = "oboe"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.03

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm above on the picture's right, right palm below on its left."""
        keys = _keys(mechanism)
        left, right = _hands(keys)
        palms: tuple[Point, Point] = ((0.3, 0.86), (-0.3, 1.62))
        left_tips, right_tips = _tips(keys, OBOE_STACKS, *palms)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=palms[0],
            right_hand=palms[1],
            left_grip=math.pi + 0.35,
            right_grip=-0.35,
            left_fingers=left,
            right_fingers=right,
            left_tips=left_tips,
            right_tips=right_tips,
            keypoints={"bell": (0.0, 2.5), "reed": (0.0, 0.14)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole oboe: fingers lie on top of it."""
        show(canvas, _oboe_body, look)
        show(canvas, _oboe_keys, look, _keys(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _oboe_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones = wood(look.base, look.dark, look.light)
    fittings, light = plated(look.metal), light_vector(look, Oboe.tilt)
    reed = turned(straight((0.0, -0.03), (0.0, 0.22)), ((0, 0.062), (0.5, 0.046), (1, 0.034)), 8)
    reed.paint(canvas, wood(CANE, (150, 105, 50), (255, 236, 190)), light, 0.02)
    staple = tube(straight((0.0, 0.17), (0.0, 0.33), 3), 0.036)
    staple.paint(canvas, wood((168, 40, 44), (80, 12, 18), (240, 130, 120)), light, 0.02)
    profile = (
        (0.0, 0.062), (0.05, 0.066), (0.07, 0.055), (0.38, 0.066), (0.4, 0.078), (0.44, 0.078),
        (0.46, 0.07), (0.79, 0.085), (0.81, 0.1), (0.88, 0.142), (0.92, 0.15), (0.96, 0.142),
        (1.0, 0.158),
    )  # fmt: skip
    turned(straight((0.0, 0.32), (0.0, 2.5)), profile, 60).paint(canvas, tones, light, 0.034)
    bell_mouth(canvas, tones, (0.0, 2.5), 0.15, 0.035, math.pi / 2)
    for y, wide in ((0.34, 0.066), (1.17, 0.083), (1.29, 0.083), (2.06, 0.098)):
        post(canvas, fittings, light, (0.0, y), 0.018, wide)
    rod(canvas, fittings, straight((0.065, 0.55), (0.078, 1.12)), 0.022)
    rod(canvas, fittings, straight((-0.06, 0.48), (-0.07, 1.1)), 0.02)
    rod(canvas, fittings, straight((0.08, 1.36), (0.1, 2.16)), 0.022)
    rod(canvas, fittings, straight((-0.08, 1.36), (-0.09, 1.98)), 0.02)
    for x, y in (
        (-0.1, 0.52),
        (0.12, 0.66),
        (-0.13, 1.07),
        (0.15, 1.12),
        (0.16, 2.0),
        (-0.15, 1.93),
    ):
        rod(canvas, fittings, straight((x * 0.5, y), (x, y + 0.05)), 0.034)
    cups(canvas, fittings, light, [(0.03, 2.2), (-0.03, 0.47)], 0.05, (0.0, 0.0), (0.0, 0.0))


def _oboe_keys(canvas: skia.Canvas, look: InstrumentLook, keys: tuple[float, ...]) -> None:
    fittings, light = plated(look.metal), light_vector(look, Oboe.tilt)
    places = _places(keys, *OBOE_STACKS)
    size = min(0.058, 0.36 / max(len(keys), 1) + 0.012)
    cups(canvas, fittings, light, places, (size, size * 0.9), keys, (0.045, -0.01))


# ------------------------------------------------------------------ clarinet


CLARINET_STACKS: Stacks = (((0.0, 0.66), (0.0, 1.2)), ((0.0, 1.52), (0.0, 1.94)), 0.11)


class Clarinet:
    """Stout black tube with silver rings and keys, a beak above and a wide bell below."""

    name = "clarinet"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.3

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm above on the picture's right, right palm below on its left."""
        keys = _keys(mechanism)
        left, right = _hands(keys)
        palms: tuple[Point, Point] = ((0.34, 0.98), (-0.34, 1.72))
        left_tips, right_tips = _tips(keys, CLARINET_STACKS, *palms)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=palms[0],
            right_hand=palms[1],
            left_grip=math.pi + 0.3,
            right_grip=-0.3,
            left_fingers=left,
            right_fingers=right,
            left_tips=left_tips,
            right_tips=right_tips,
            keypoints={"bell": (0.0, 2.68), "barrel": (0.0, 0.42)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole clarinet: fingers lie on top of it."""
        show(canvas, _clarinet_body, look)
        show(canvas, _clarinet_keys, look, _keys(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _clarinet_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones = wood(look.base, look.dark, look.light)
    fittings, light = plated(look.metal), light_vector(look, Clarinet.tilt)
    beak = turned(straight((0.0, -0.04), (0.0, 0.32)), ((0, 0.05), (0.45, 0.072), (1, 0.075)), 10)
    beak.paint(canvas, EBONITE, light)
    post(canvas, fittings, light, (0.0, 0.17), 0.055, 0.078)
    canvas.drawLine(-0.07, 0.17, 0.07, 0.17, stroke(fittings.dark, 0.018))
    profile = (
        (0.0, 0.1), (0.05, 0.118), (0.1, 0.1), (0.12, 0.097), (0.4, 0.1), (0.45, 0.102),
        (0.77, 0.104), (0.78, 0.122), (0.83, 0.135), (0.88, 0.17), (0.93, 0.222), (0.98, 0.295),
        (1.0, 0.315),
    )  # fmt: skip
    turned(straight((0.0, 0.3), (0.0, 2.68)), profile, 60).paint(canvas, tones, light, 0.036)
    bell_mouth(canvas, tones, (0.0, 2.68), 0.315, 0.08, math.pi / 2)
    rim = skia.Rect.MakeLTRB(-0.315, 2.6, 0.315, 2.76)
    canvas.drawOval(rim, stroke(fittings.dark, 0.045))
    canvas.drawOval(rim, stroke(fittings.light, 0.026))
    for y, wide in ((0.31, 0.104), (0.54, 0.108), (1.32, 0.11), (1.39, 0.11), (2.12, 0.13)):
        post(canvas, fittings, light, (0.0, y), 0.02, wide)
    rod(canvas, fittings, straight((0.085, 0.66), (0.09, 1.24)), 0.024)
    rod(canvas, fittings, straight((0.095, 1.42), (0.105, 2.0)), 0.024)
    rod(canvas, fittings, straight((-0.09, 1.46), (-0.1, 1.98)), 0.022)
    levers = (
        (-0.15, 1.0), (-0.16, 1.1), (-0.16, 1.2), (0.17, 1.18),
        (-0.18, 1.9), (-0.19, 2.0), (0.18, 1.94),
    )  # fmt: skip
    for x, y in levers:
        rod(canvas, fittings, straight((x * 0.5, y), (x, y + 0.03)), 0.04)
    cups(
        canvas,
        fittings,
        light,
        [(0.02, 0.6), (0.03, 2.17), (-0.05, 2.02)],
        0.055,
        (0.0, 0.0, 0.0),
        (0, 0),
    )


def _clarinet_keys(canvas: skia.Canvas, look: InstrumentLook, keys: tuple[float, ...]) -> None:
    fittings, light = plated(look.metal), light_vector(look, Clarinet.tilt)
    places = _places(keys, *CLARINET_STACKS)
    size = min(0.066, 0.4 / max(len(keys), 1) + 0.014)
    cups(canvas, fittings, light, places, (size, size * 0.9), keys, (0.05, -0.015))


# ------------------------------------------------------------------ bassoon


BASSOON_STACKS: Stacks = (((0.55, 0.3), (0.57, 0.92)), ((0.62, 1.56), (0.64, 2.0)), 0.1)


class Bassoon:
    """Long red-brown double tube across the body, fed by a thin bent bocal."""

    name = "bassoon"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.42

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm on the wing joint, right palm on the boot."""
        keys = _keys(mechanism)
        left, right = _hands(keys)
        palms: tuple[Point, Point] = ((0.88, 0.66), (0.34, 1.76))
        left_tips, right_tips = _tips(keys, BASSOON_STACKS, *palms)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=palms[0],
            right_hand=palms[1],
            left_grip=math.pi + 0.2,
            right_grip=-0.2,
            left_fingers=left,
            right_fingers=right,
            left_tips=left_tips,
            right_tips=right_tips,
            keypoints={"bell": (0.72, -1.5), "boot": (0.66, 2.84), "bocal": (0.44, -0.28)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole bassoon: fingers lie on top of it."""
        show(canvas, _bassoon_body, look)
        show(canvas, _bassoon_keys, look, _keys(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _bassoon_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones = wood(look.base, look.dark, look.light)
    fittings, light = plated(look.metal), light_vector(look, Bassoon.tilt)
    # Long joint and bell joint behind, wing joint before them, both into the boot.
    bell = (
        (0, 0.135),
        (0.1, 0.12),
        (0.3, 0.105),
        (0.34, 0.12),
        (0.4, 0.12),
        (0.44, 0.1),
        (1, 0.115),
    )
    turned(straight((0.72, -1.5), (0.74, 1.25)), bell, 40).paint(canvas, tones, light, 0.036)
    wing = ((0, 0.075), (0.06, 0.075), (0.08, 0.095), (0.5, 0.1), (1, 0.09))
    turned(straight((0.54, -0.2), (0.56, 1.25)), wing, 24).paint(canvas, tones, light, 0.03)
    boot = ((0, 0.2), (0.05, 0.205), (0.9, 0.185), (1, 0.18))
    turned(straight((0.65, 1.15), (0.66, 2.72)), boot, 24).paint(canvas, tones, light, 0.036)
    canvas.drawLine(0.665, 1.3, 0.67, 2.6, stroke(tones.dark, 0.03, 0.5))
    for at, half, wide in (
        ((0.65, 1.17), 0.035, 0.212),
        ((0.66, 2.76), 0.06, 0.19),
        ((0.725, -0.52), 0.035, 0.125),
        ((0.54, -0.19), 0.03, 0.085),
    ):
        post(canvas, fittings, light, at, half, wide)
    post(canvas, IVORY, light, (0.72, -1.46), 0.075, 0.15)
    canvas.drawOval(skia.Rect.MakeLTRB(0.58, -1.57, 0.86, -1.5), fill(IVORY.outline))
    canvas.drawOval(skia.Rect.MakeLTRB(0.6, -1.56, 0.84, -1.51), fill((40, 20, 16)))
    # Bocal and reed.
    bocal = spline(
        (0.1, -0.01), (0.2, -0.06), (0.32, -0.34), (0.44, -0.44), (0.53, -0.36), (0.54, -0.2)
    )
    turned(bocal, ((0, 0.022), (1, 0.042))).paint(canvas, fittings, light, 0.026)
    reed = turned(straight((-0.05, 0.0), (0.12, -0.012)), ((0, 0.05), (0.6, 0.04), (1, 0.026)), 8)
    reed.paint(canvas, wood(CANE, (150, 105, 50), (255, 236, 190)), light, 0.02)
    for line in (
        straight((0.82, -0.4), (0.84, 1.08)),
        straight((0.66, -0.1), (0.67, 1.05)),
        straight((0.5, 1.28), (0.52, 2.5)),
        straight((0.8, 1.3), (0.79, 2.4)),
    ):
        rod(canvas, fittings, line, 0.024)
    spots = [(0.78, -0.28), (0.8, 0.1), (0.79, 0.86), (0.78, 1.45), (0.77, 2.35), (0.6, 2.5)]
    cups(canvas, fittings, light, spots, 0.07, (0.0,) * len(spots), (0.0, 0.0))


def _bassoon_keys(canvas: skia.Canvas, look: InstrumentLook, keys: tuple[float, ...]) -> None:
    fittings, light = plated(look.metal), light_vector(look, Bassoon.tilt)
    places = _places(keys, *BASSOON_STACKS)
    size = min(0.075, 0.45 / max(len(keys), 1) + 0.016)
    cups(canvas, fittings, light, places, size, keys, (0.06, -0.02))


# ------------------------------------------------------------------ saxophone


SAX_STACKS: Stacks = (((-0.43, 0.64), (-0.41, 1.2)), ((-0.4, 1.42), (-0.375, 1.84)), 0.1)


class Saxophone:
    """Alto: golden cone hanging at the player's right side, its bell turned up."""

    name = "sax"
    hold: Literal["mouth"] = "mouth"
    tilt = 0.12

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left palm on the upper stack, right palm on the lower one."""
        keys = _keys(mechanism)
        left, right = _hands(keys)
        palms: tuple[Point, Point] = ((-0.1, 0.96), (-0.7, 1.62))
        left_tips, right_tips = _tips(keys, SAX_STACKS, *palms)
        return Anchors(
            mouth=(0.0, 0.0),
            left_hand=palms[0],
            right_hand=palms[1],
            left_grip=math.pi + 0.25,
            right_grip=-0.25,
            left_fingers=left,
            right_fingers=right,
            left_tips=left_tips,
            right_tips=right_tips,
            keypoints={"bell": (-1.26, 1.32), "bow": (-0.66, 2.52), "neck": (-0.36, 0.16)},
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole saxophone: fingers lie on top of it."""
        show(canvas, _sax_body, look)
        show(canvas, _sax_keys, look, _keys(mechanism))

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Nothing lies in front of the hands."""


def _sax_body(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = (
        body_metal(look),
        plated(look.metal),
        light_vector(look, Saxophone.tilt),
    )
    beak = turned(
        spline((0.03, -0.015), (-0.1, 0.02), (-0.22, 0.08), points=10),
        ((0, 0.035), (0.5, 0.06), (1, 0.06)),
    )
    beak.paint(canvas, EBONITE, light, 0.03)
    post(canvas, tones, light, (-0.14, 0.035), 0.04, 0.066, 0.4)
    neck = spline((-0.21, 0.075), (-0.34, 0.12), (-0.43, 0.24), (-0.45, 0.42), points=16)
    turned(neck, ((0, 0.045), (1, 0.07))).paint(canvas, tones, light, 0.03)
    # Bell first: the body's tube and its keys stand before it.
    body = spline((-0.45, 0.42), (-0.42, 1.2), (-0.37, 2.05), points=24)
    bow = arc((-0.66, 2.06), (0.29, 0.31), 0.0, math.pi, 24)
    stem = spline((-0.95, 2.06), (-0.98, 1.85), (-1.08, 1.58), (-1.26, 1.32), points=24)
    bell = flared(stem, 0.185, 0.24, 0.46, 2.6)
    bell.paint(canvas, tones, light, 0.036)
    bell_mouth(canvas, tones, (-1.26, 1.32), 0.46, 0.15, math.atan2(-0.26, -0.2), (52, 34, 12))
    lower = turned(join(body, bow), ((0, 0.075), (0.62, 0.135), (1, 0.185)))
    lower.paint(canvas, tones, light, 0.036)
    for at, half, wide, angle in (
        ((-0.45, 0.44), 0.04, 0.09, math.pi / 2),
        ((-0.375, 2.0), 0.025, 0.145, math.pi / 2),
        ((-0.95, 2.03), 0.025, 0.195, math.pi / 2),
    ):
        post(canvas, tones, light, at, half, wide, angle)
    rod(canvas, fittings, straight((-0.33, 0.55), (-0.26, 1.95)), 0.026)
    rod(canvas, fittings, straight((-0.52, 0.62), (-0.47, 1.3)), 0.022)
    rod(canvas, fittings, straight((-0.52, 1.5), (-0.56, 2.1)), 0.022)
    rod(canvas, fittings, straight((-0.68, 1.6), (-0.86, 1.75)), 0.03)
    spots = [(-0.9, 1.85), (-0.98, 2.12), (-0.66, 2.38)]
    cups(canvas, tones, light, spots, 0.105, (0.0,) * 3, (0.0, 0.0))
    cups(
        canvas,
        tones,
        light,
        [(-0.3, 0.62), (-0.28, 0.78), (-0.56, 1.15)],
        0.05,
        (0.0,) * 3,
        (0.0, 0.0),
    )


def _sax_keys(canvas: skia.Canvas, look: InstrumentLook, keys: tuple[float, ...]) -> None:
    tones, light = body_metal(look), light_vector(look, Saxophone.tilt)
    middle = (len(keys) + 1) // 2
    places = _places(keys, *SAX_STACKS)
    size = min(0.1, 0.5 / max(len(keys), 1) + 0.02)
    pearls = [(x + 0.01, y) for x, y in places]
    cups(canvas, tones, light, places[:middle], size * 0.85, keys[:middle], (0.075, -0.02))
    cups(canvas, tones, light, places[middle:], size, keys[middle:], (0.075, -0.02))
    for (x, y), shut in zip(pearls, keys, strict=True):
        at = (x + 0.075 * (1.0 - shut), y - 0.02 * (1.0 - shut))
        canvas.drawCircle(at[0], at[1], size * 0.36, fill((246, 240, 230), 0.9 - 0.5 * shut))
