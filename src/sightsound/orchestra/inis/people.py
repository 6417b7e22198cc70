"""A seed and where the hands lie in, a drawn player out: from the front, from behind, in profile.

All are flat figures in the axes of :mod:`sightsound.orchestra.body`, to be stood up in space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import skia

from sightsound.orchestra.body import NECK, Arm, Figure
from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.player import Player, make_player
from sightsound.orchestra.scene import fill, linear, shade, shaded, stroke
from sightsound.orchestra.tubes import spline

SEATED_FLOOR, STANDING_FLOOR = 5.7, 6.7  # y of the floor under a player's shoes


@dataclass(frozen=True, kw_only=True)
class Hand:
    """Where one hand lies and how, world axes."""

    palm: Point
    grip: float  # direction of the fingers, radians
    depth: float = 1.0  # before the shoulder
    hint: tuple[float, float, float] = (0.8, 1.0, -0.3)  # where the elbow goes; x outwards
    fingers: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    tips: tuple[Point, ...] = ()


def casual(seed: int, light: float) -> Player:
    """The player of a seed under this picture's light."""
    player = make_player(seed)
    return replace(player, light=replace(player.light, direction=light or 0.6))


class Posed:
    """A player who sits or stands, face or back to us, hands where they are told."""

    def __init__(
        self,
        player: Player,
        *,
        right: Hand,
        left: Hand,
        seated: bool,
        turn: float = 0.0,
        tilt: float = 0.0,
        knees: float = 0.62,
        back: bool = False,
    ) -> None:
        """``turn`` and ``tilt`` of the head, radians; ``back``: seen from behind."""
        self.figure = Figure(player, seated=seated, turn=turn, blowing=False, knees=knees)
        self.seated, self.tilt, self.back = seated, tilt, back
        ends = self.figure.shoulders
        self.right, self.left = (
            self.figure.arm(
                side * (-1 if back else 1), shoulder, hand.palm, hand.grip, hand.depth,
                (side * hand.hint[0], *hand.hint[1:]), hand.fingers, hand.tips,
            )
            for side, shoulder, hand in ((-1, ends[0], right), (1, ends[1], left))
        )  # fmt: skip

    @property
    def floor(self) -> float:
        """Where the floor lies, y."""
        return SEATED_FLOOR if self.seated else STANDING_FLOOR

    def legs(self, canvas: skia.Canvas) -> None:
        """Legs and shoes."""
        self.figure.draw_legs(canvas)
        knees = self.figure.knees if self.seated else 0.44
        for side in (-1, 1):
            shoe = skia.Path()
            x, y = side * knees, self.floor
            shoe.addOval(skia.Rect.MakeLTRB(x - 0.26, y - 0.34, x + 0.26, y + 0.1))
            canvas.drawPath(shoe, fill(shade((38, 30, 28), 1.0)))

    def body(self, canvas: skia.Canvas) -> None:
        """Torso and head."""
        figure = self.figure
        if self.back:
            figure.draw_back(canvas)
            return
        turned = skia.Matrix()
        turned.setRotate(math.degrees(self.tilt), *NECK)
        if figure.hair_back is not None:
            canvas.save()
            canvas.concat(turned)
            figure.hair_back.draw(canvas)
            canvas.restore()
        figure.torso.draw(canvas)
        canvas.save()
        canvas.concat(turned)
        figure.head(0.0, 0.0).draw(canvas)
        canvas.restore()

    def arm(self, canvas: skia.Canvas, arm: Arm, *, fingers: bool = True) -> None:
        """One whole arm."""
        self.figure.draw_arm(canvas, arm)
        self.figure.draw_palm(canvas, arm)
        if fingers:
            self.figure.draw_fingers(canvas, arm)


class Profile:
    """A player who sits and looks to the picture's right; y as in :class:`Posed`, hip at x = 0."""

    def __init__(self, player: Player, *, hand: Point, lean: float, nod: float) -> None:
        """``hand``: where both hands lie; ``lean`` forward and ``nod`` in radians."""
        self.player, self.hand, self.lean, self.nod = player, hand, lean, nod
        self.figure = Figure(player, seated=True, turn=0.0, blowing=False, knees=0.6)
        self.hip = (0.0, self.figure.hip_y - 0.1)
        reach = self.hip[1] - 0.62
        self.shoulder = (reach * math.sin(lean) + 0.02, self.hip[1] - reach * math.cos(lean))
        tall = self.hip[1] + 0.06
        self.chin = (tall * math.sin(lean) + 0.1, self.hip[1] - tall * math.cos(lean))

    def legs(self, canvas: skia.Canvas) -> None:
        """Both legs, bent at the knee, one foot at the pedal."""
        figure, (x, y) = self.figure, self.hip
        cloth = figure.cloth if self.player.clothes == "dress" else figure.trousers
        for ahead, tone in ((0.35, 0.75), (0.0, 1.0)):
            colour: Colour = tuple(round(c * tone) for c in cloth)  # type: ignore[assignment]
            knee, ankle = (x + 1.75 + 0.3 * ahead, y + 0.12), (x + 1.7 + ahead, SEATED_FLOOR - 0.25)
            shoe = skia.Path()
            shoe.addRoundRect(
                skia.Rect.MakeXYWH(ankle[0] - 0.22, SEATED_FLOOR - 0.3, 0.95, 0.3), 0.14, 0.14
            )
            canvas.drawPath(shoe, fill(shade((34, 28, 28), 1.0)))
            canvas.drawLine(*knee, *ankle, stroke(shade(colour, 0.3, 0.8), 0.56))
            figure.limb(canvas, knee, 0.27, ankle, 0.19, colour)
            canvas.drawLine(x, y, *knee, stroke(shade(colour, 0.3, 0.8), 0.74))
            figure.limb(canvas, (x, y), 0.4, knee, 0.3, colour)

    def body(self, canvas: skia.Canvas) -> None:
        """Far arm, torso, head, near arm with its hand on the keys."""
        self._arm(canvas, 0.12, 0.8)
        self._torso(canvas)
        canvas.save()
        canvas.translate(*self.chin)
        canvas.rotate(math.degrees(0.6 * self.lean + self.nod))
        self._head(canvas)
        canvas.restore()
        self._arm(canvas, 0.0, 1.0)

    def _torso(self, canvas: skia.Canvas) -> None:
        player, figure = self.player, self.figure
        (hx, hy), (sx, sy) = self.hip, self.shoulder
        thick = 0.62 * player.girth
        outline = spline(
            (sx - 0.1, sy - 0.42), (sx - 0.42, sy - 0.05), (hx - 0.52 + 0.4 * (sx - hx), hy - 1.1),
            (hx - 0.5, hy - 0.1), (hx - 0.1, hy + 0.42), (hx + 0.5, hy + 0.2),
            (hx + thick - 0.05, hy - 0.5), (sx + thick - 0.02, sy + 0.75), (sx + 0.38, sy - 0.05),
            (sx + 0.16, sy - 0.4), points=50,
        )  # fmt: skip
        path = skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in outline], True)
        cloth = figure.cloth
        first, last = shade(cloth, 1.15), shade(cloth, 0.55)
        if figure.light > 0:
            first, last = last, first
        canvas.drawPath(path, stroke(shade(cloth, 0.25, 0.8), 0.06))
        canvas.drawPath(
            path, shaded(linear((hx - 0.6, 0, sx + 0.6, 0), first, shade(cloth, 1.0), last))
        )
        neck = (sx + 0.02, sy - 0.3)
        figure.limb(
            canvas, neck, 0.24, (self.chin[0] - 0.22, self.chin[1] - 0.1), 0.22, figure.skin
        )
        collar = figure.second if player.clothes in ("jacket", "tails", "waistcoat") else cloth
        canvas.drawLine(sx - 0.2, sy - 0.33, sx + 0.26, sy - 0.22, stroke(shade(collar, 0.95), 0.2))

    def _arm(self, canvas: skia.Canvas, ahead: float, tone: float) -> None:
        figure = self.figure
        sleeve: Colour = tuple(round(c * tone) for c in figure.cloth)  # type: ignore[assignment]
        skin: Colour = tuple(round(c * tone) for c in figure.skin)  # type: ignore[assignment]
        bare = self.player.clothes in ("tee", "sleeveless", "dress")
        start = (self.shoulder[0] + ahead, self.shoulder[1] + 0.1)
        wrist = (self.hand[0] - 0.42 + ahead, self.hand[1] - 0.06)
        dx, dy = wrist[0] - start[0], wrist[1] - start[1]
        flat = math.hypot(dx, dy) or 1.0
        bone = max(1.3, 0.52 * flat)
        drop = math.sqrt(max(bone * bone - (flat / 2) ** 2, 0.0))
        elbow = (start[0] + dx / 2 - drop * dy / flat, start[1] + dy / 2 + drop * dx / flat)
        lower = skin if bare else sleeve
        canvas.drawLine(*start, *elbow, stroke(shade(sleeve, 0.3, 0.7), 0.5))
        canvas.drawLine(*elbow, *wrist, stroke(shade(lower, 0.3, 0.7), 0.34))
        figure.limb(canvas, start, 0.24, elbow, 0.18, sleeve)
        figure.limb(canvas, elbow, 0.175, wrist, 0.115, lower)
        hx, hy = self.hand[0] + ahead, self.hand[1]
        figure.limb(canvas, wrist, 0.1, (hx - 0.1, hy - 0.1), 0.13, skin)
        figure.limb(canvas, (hx - 0.1, hy - 0.1), 0.11, (hx + 0.24, hy + 0.04), 0.05, skin)

    def _head(self, canvas: skia.Canvas) -> None:
        """A head in profile, chin at the origin."""
        p, figure = self.player, self.figure
        n = 0.05 * p.nose
        face = spline(
            (-0.3, 0.1), (-0.08, 0.03), (0.12, 0.0), (0.13, -0.1), (0.1, -0.14), (0.15, -0.19),
            (0.12, -0.24), (0.2 + n, -0.29), (0.14 + 0.5 * n, -0.42), (0.13, -0.52), (0.15, -0.6),
            (0.11, -0.82), (-0.1, -1.0), (-0.4, -0.98), (-0.63, -0.74), (-0.62, -0.45),
            (-0.5, -0.2), (-0.46, 0.16), points=70,
        )  # fmt: skip
        path = skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in face], True)
        skin = figure.skin
        canvas.drawPath(path, stroke(shade(skin, 0.36, 0.7), 0.03))
        canvas.drawPath(
            path, shaded(linear((-0.5, 0, 0.2, 0), shade(skin, 0.75), shade(skin, 1.12)))
        )
        eye = fill(shade((246, 244, 240), 1.0))
        canvas.drawOval(skia.Rect.MakeLTRB(0.01, -0.5, 0.11, -0.43), eye)
        canvas.drawCircle(0.075, -0.465, 0.03, fill(shade(p.eye_colour, 0.8)))
        brow = shade(figure.hair if p.hair_style != "bald" else (70, 56, 48), 0.7)
        canvas.drawLine(0.0, -0.57, 0.13, -0.56, stroke(brow, 0.035))
        canvas.drawLine(0.03, -0.15, 0.1, -0.15, stroke(shade(p.lips, 0.6), 0.03))
        if p.beard in ("full", "long", "goatee"):
            beard = spline(
                (-0.3, -0.3), (-0.1, -0.2), (0.1, -0.12), (0.14, 0.02), (-0.05, 0.12), (-0.28, 0.05)
            )
            shape = skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in beard], True)
            canvas.drawPath(shape, fill(shade(figure.hair, 0.9)))
        self._hair(canvas)
        ear = skia.Rect.MakeLTRB(-0.3, -0.52, -0.16, -0.3)
        if p.hair_style not in ("long", "bob", "wavy", "afro"):
            canvas.drawOval(ear, fill(shade(skin, 0.92)))
            canvas.drawOval(ear, stroke(shade(skin, 0.55), 0.025))
        if p.glasses:
            paint = stroke(shade((28, 26, 26), 1.0), 0.028)
            canvas.drawOval(skia.Rect.MakeLTRB(0.0, -0.54, 0.15, -0.38), paint)
            canvas.drawLine(0.0, -0.47, -0.2, -0.46, paint)

    def _hair(self, canvas: skia.Canvas) -> None:
        style, hair = self.player.hair_style, self.figure.hair
        if style == "bald":
            return
        low = {"long": 0.75, "wavy": 0.4, "bob": 0.05, "pony": -0.2}.get(style, -0.2)
        front = 0.16 if style not in ("receding", "buzz") else -0.02
        knots = [
            (front, -0.7),
            (0.12, -0.88),
            (-0.1, -1.07),
            (-0.45, -1.05),
            (-0.7, -0.76),
            (-0.68, -0.4),
        ]
        if low > 0.0:
            knots += [(-0.74, low - 0.1), (-0.45, low), (-0.28, 0.0), (-0.2, -0.4)]
        else:
            knots += [(-0.52, low), (-0.3, -0.3), (-0.2, -0.52)]
        knots += [(-0.12, -0.66), (0.02, -0.78)]
        line = spline(*knots, points=60)
        path = skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in line], True)
        if style in ("afro", "curly"):
            reach = 0.5 if style == "afro" else 0.4
            for k in range(12):
                a = math.pi * (0.75 + 0.09 * k)
                path.addCircle(-0.26 + reach * math.cos(a), -0.62 + reach * math.sin(a), 0.2)
        if style == "bun":
            path.addCircle(-0.62, -0.98, 0.18)
        if style == "pony":
            tail = spline((-0.6, -0.9), (-0.95, -0.7), (-0.85, 0.2), (-0.75, -0.3), (-0.6, -0.6))
            path.addPath(skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in tail], True))
        canvas.drawPath(path, stroke(shade(hair, 0.35, 0.6), 0.025))
        canvas.drawPath(
            path,
            shaded(
                linear(
                    (-0.6, -1.0, 0.1, -0.3), shade(hair, 0.9), shade(hair, 1.2), shade(hair, 0.6)
                )
            ),
        )
