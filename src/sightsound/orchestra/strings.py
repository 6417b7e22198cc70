"""Violin, viola, cello and double bass as drawings: one outline, four sizes, and the bow.

All are drawn in the fiddle's own axes: `s` along the strings in body lengths (0 at the tail, 1
where the neck begins, `NUT` at the nut), `w` across them. A string sounds from `BRIDGE` to `NUT`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import skia

from sightsound.orchestra.instruments import Anchors, InstrumentLook, MechanismFrame, Point
from sightsound.orchestra.scene import Sprite, fill, linear, shade, shaded, stroke

BRIDGE = 0.44
NUT = 1.36
BOWING = 0.55  # where the bow meets the strings
SCROLL = 1.66


def _number(mechanism: MechanismFrame, name: str, default: float) -> float:
    value = mechanism.get(name, default)
    return float(value[0] if isinstance(value, tuple) else value)


@dataclass(frozen=True)
class Fiddle:
    """One member of the violin family; lengths in head heights, angles in radians."""

    name: str
    hold: Literal["mouth", "chin", "lap", "floor"]
    tilt: float
    body: float  # body length
    across: float  # widths against the plain outline: foreshortening and build
    upright: bool  # strings run up the picture (cello, bass) or along x (violin, viola)
    origin: Point  # the tail's place in local coordinates
    bow_length: float  # hair
    bow_angle: float  # bow's direction, frog to tip, on the lowest string
    bow_angle_step: float  # added per string
    sloped: bool  # the bass's sloping shoulders
    string_spread: float  # half the outer strings' distance at the bridge, body lengths
    _pictures: dict[InstrumentLook, tuple[Sprite, skia.Picture]] = field(
        default_factory=dict, compare=False, hash=False, repr=False
    )

    def place(self, s: float, w: float) -> Point:
        """Fiddle axes → local coordinates."""
        x, y = self.origin
        if self.upright:
            return x + w * self.body * self.across, y - s * self.body
        return x + s * self.body, y + w * self.body * self.across

    def string_offset(self, string: float, s: float) -> float:
        """`w` of a string (0 lowest to 3) at `s`: the strings close in towards the nut."""
        spread = self.string_spread * (1.0 - 0.5 * (s - BRIDGE) / (NUT - BRIDGE))
        return spread * (string - 1.5) / 1.5

    def finger_point(self, finger_position: float, string: float) -> Point:
        """Where a finger stops a string: 0 nut, 1 bridge."""
        s = NUT - finger_position * (NUT - BRIDGE)
        return self.place(s, self.string_offset(string, s))

    def bow_line(self, mechanism: MechanismFrame) -> tuple[Point, Point, float]:
        """Frog end and tip end of the hair, and the bow's direction."""
        string = _number(mechanism, "bow_string", _number(mechanism, "string_index", 1.0))
        fraction = _number(mechanism, "bow_fraction", 0.5)
        lift = _number(mechanism, "bow_lift", 0.0)
        angle = self.bow_angle + self.bow_angle_step * string
        x, y = self.place(BOWING, self.string_offset(string, BOWING))
        # Lifted, the bow leaves the strings sideways in the picture: up, off the plate.
        x += 0.22 * lift * math.sin(angle)
        y -= 0.22 * lift * math.cos(angle)
        dx, dy = math.cos(angle), math.sin(angle)
        frog = (x - fraction * self.bow_length * dx, y - fraction * self.bow_length * dy)
        tip = (frog[0] + self.bow_length * dx, frog[1] + self.bow_length * dy)
        return frog, tip, angle

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Left hand on the neck by position and string, right hand on the frog."""
        string = _number(mechanism, "string_index", 1.0)
        stopped = _number(mechanism, "finger_position", 0.0)
        hand = _number(mechanism, "hand_position", 0.06)
        finger = round(_number(mechanism, "finger", 0.0))
        frog, tip, angle = self.bow_line(mechanism)
        # The fingers lie along the string from the first finger's place on, a semitone and a
        # half apart; the pressed one lies exactly where the string is stopped.
        places = []
        for k in range(4):
            ahead = 1.0 - (1.0 - hand) * 2.0 ** (-(1.5 * k) / 12.0)
            pressed = finger == k + 1
            lane = string if pressed else 1.5 + (string - 1.5) * 0.6
            x, y = self.finger_point(stopped if pressed else ahead, lane)
            if not pressed:
                x, y = (x + 0.05, y) if self.upright else (x, y - 0.07)
            places.append((x, y))
        middle = 1.0 - (1.0 - hand) * 2.0 ** (-2.2 / 12.0)
        x, y = self.finger_point(middle, 1.5)
        if self.upright:
            left, left_grip = (x + 0.27, y + 0.03), math.pi - 0.1
        else:
            left, left_grip = (x + 0.02, y + 0.23), -math.pi / 2 - 0.15
        normal = (-math.sin(angle), math.cos(angle))
        hold = 0.06  # the hand sits a little in from the frog's end
        palm = (
            frog[0] + hold * math.cos(angle) - 0.13 * normal[0],
            frog[1] + hold * math.sin(angle) - 0.13 * normal[1],
        )
        contact = _lerp(frog, tip, _number(mechanism, "bow_fraction", 0.5))
        return Anchors(
            mouth=None,
            left_hand=left,
            right_hand=palm,
            left_grip=left_grip,
            right_grip=angle + (1.35 if self.upright else 1.2),
            left_fingers=tuple(1.0 if finger == k + 1 else 0.0 for k in range(4)),
            right_fingers=(1.0, 1.0, 1.0, 0.6),
            keypoints={
                "scroll": self.place(SCROLL, 0.0),
                "nut": self.place(NUT, 0.0),
                "bridge": self.place(BRIDGE, 0.0),
                "tail": self.place(0.0, 0.0),
                "bow_frog": frog,
                "bow_tip": tip,
                "bow_contact": contact,
                "stopped": self.finger_point(stopped, string),
            },
            left_tips=tuple(places),
        )

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Body, neck, scroll and strings."""
        self._drawings(look)[0].draw(canvas)

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The bow, which crosses the strings in front of everything but its hand's fingers."""
        frog, _, angle = self.bow_line(mechanism)
        canvas.save()
        canvas.translate(*frog)
        canvas.rotate(math.degrees(angle))
        canvas.drawPicture(self._drawings(look)[1])
        canvas.restore()

    def _drawings(self, look: InstrumentLook) -> tuple[Sprite, skia.Picture]:
        if look not in self._pictures:
            if len(self._pictures) >= 16:
                self._pictures.clear()
            wide = 0.36 * self.body * self.across
            x, y = self.origin
            low, high = 0.3 * self.body, 1.72 * self.body
            bounds = skia.Rect.MakeLTRB(x - low, y - wide, x + high, y + wide)
            if self.upright:
                bounds = skia.Rect.MakeLTRB(x - wide, y - high, x + wide, y + low)
            body = Sprite(lambda canvas: self._draw_in_place(canvas, look), bounds)
            recorder = skia.PictureRecorder()
            self._draw_bow(recorder.beginRecording(skia.Rect.MakeLTRB(-1, -1, 4, 1)), look)
            self._pictures[look] = (body, recorder.finishRecordingAsPicture())
        return self._pictures[look]

    def _draw_in_place(self, canvas: skia.Canvas, look: InstrumentLook) -> None:
        canvas.translate(*self.origin)
        if self.upright:
            # (s, w) → (w, -s)
            canvas.concat(skia.Matrix.MakeAll(0, 1, 0, -1, 0, 0, 0, 0, 1))
        canvas.scale(self.body, self.body * self.across)
        self._draw_body(canvas, look)

    def _outline(self) -> skia.Path:
        path = skia.Path()
        path.moveTo(0.0, 0.0)
        half: list[tuple[float, ...]]
        if self.sloped:
            half = [
                (-0.005, 0.16, 0.03, 0.325, 0.2, 0.325),
                (0.31, 0.325, 0.34, 0.275, 0.36, 0.25),
                (0.385, 0.18, 0.5, 0.15, 0.585, 0.205),
                (0.6, 0.225, 0.63, 0.25, 0.68, 0.25),
                (0.83, 0.25, 0.9, 0.06, 1.0, 0.045),
            ]
        else:
            half = [
                (-0.005, 0.16, 0.03, 0.298, 0.2, 0.298),
                (0.3, 0.298, 0.33, 0.25, 0.345, 0.252),
                (0.385, 0.165, 0.5, 0.13, 0.6, 0.205),
                (0.62, 0.215, 0.66, 0.245, 0.76, 0.245),
                (0.92, 0.245, 0.985, 0.15, 1.0, 0.04),
            ]
        for c in half:
            path.cubicTo(*c)
        ends = [(0.0, 0.0), *[(c[4], c[5]) for c in half]]
        path.lineTo(1.0, -ends[-1][1])
        for k in range(len(half) - 1, -1, -1):
            c = half[k]
            x, y = ends[k]
            path.cubicTo(c[2], -c[3], c[0], -c[1], x, -y)
        path.close()
        return path

    def _draw_body(self, canvas: skia.Canvas, look: InstrumentLook) -> None:
        outline = self._outline()
        dark = shade(look.dark, 0.55)
        ebony, ebony_light = (26, 22, 22), (70, 64, 62)
        # Neck and pegbox under the fingerboard.
        neck = skia.Path()
        for k, (s, w) in enumerate(
            [(0.97, -0.045), (NUT, -0.032), (1.56, -0.04), (1.6, 0.0), (1.56, 0.04),
             (NUT, 0.032), (0.97, 0.045)]
        ):  # fmt: skip
            (neck.moveTo if k == 0 else neck.lineTo)(s, w)
        neck.close()
        wood = linear((1, -0.06, 1, 0.06), shade(look.light, 1.0), shade(look.base, 0.8))
        for k, s in enumerate((1.42, 1.47, 1.51, 1.555)):
            across = 1 if k % 2 else -1
            canvas.drawLine(s, 0, s, across * 0.125, stroke(shade(ebony_light, 1.0), 0.02))
            canvas.drawLine(s, across * 0.1, s, across * 0.14, stroke(shade(ebony, 1.0), 0.04))
        canvas.drawPath(neck, stroke(dark, 0.022))
        canvas.drawPath(neck, shaded(wood))
        canvas.drawCircle(1.61, 0.0, 0.062, fill(dark))
        canvas.drawCircle(1.61, 0.0, 0.052, fill(shade(look.base, 0.95)))
        canvas.drawCircle(1.617, -0.005, 0.024, fill(shade(look.dark, 0.6)))
        # Plate: ribs' shadow, varnish glowing from the middle, arching light, purfling.
        canvas.save()
        canvas.translate(-0.012, 0.022)
        canvas.drawPath(outline, fill(shade(look.dark, 0.42)))
        canvas.restore()
        side = -0.09 if look.light_direction < 0 or not self.upright else 0.09
        glow = skia.GradientShader.MakeRadial(
            skia.Point(0.5, side),
            0.56,
            [shade(look.light, 1.12), shade(look.base, 1.0), shade(look.dark, 0.85)],
            [0.0, 0.5, 1.0],
        )
        canvas.drawPath(outline, shaded(glow))
        canvas.save()
        canvas.clipPath(outline, True)
        shine = stroke(int(skia.Color(255, 240, 214, 70)), 0.045)
        shine.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.02))
        for sign in (-1, 1):
            arc = skia.Path()
            arc.moveTo(0.06, sign * 0.16)
            arc.quadTo(0.14, sign * 0.25, 0.26, sign * 0.235)
            arc.moveTo(0.7, sign * 0.19)
            arc.quadTo(0.82, sign * 0.2, 0.9, sign * 0.14)
            if sign * side > 0:
                canvas.drawPath(arc, shine)
        canvas.restore()
        canvas.drawPath(outline, stroke(dark, 0.018))
        canvas.save()
        canvas.translate(0.5, 0)
        canvas.scale(0.945, 0.925)
        canvas.translate(-0.5, 0)
        canvas.drawPath(outline, stroke(shade(look.dark, 0.5, 0.55), 0.006))
        canvas.restore()
        # f-holes.
        for sign in (-1, 1):
            hole = skia.Path()
            hole.moveTo(0.335, sign * 0.165)
            hole.cubicTo(0.36, sign * 0.2, 0.4, sign * 0.15, 0.45, sign * 0.14)
            hole.cubicTo(0.5, sign * 0.13, 0.53, sign * 0.085, 0.55, sign * 0.12)
            canvas.drawPath(hole, stroke(shade(look.dark, 0.25), 0.02))
            canvas.drawCircle(0.345, sign * 0.16, 0.018, fill(shade(look.dark, 0.25)))
            canvas.drawCircle(0.548, sign * 0.108, 0.015, fill(shade(look.dark, 0.25)))
        # Tailpiece, fingerboard, bridge, chin rest.
        tail = skia.Path()
        for k, (s, w) in enumerate([(0.02, -0.02), (0.29, -0.06), (0.29, 0.06), (0.02, 0.02)]):
            (tail.moveTo if k == 0 else tail.lineTo)(s, w)
        tail.close()
        canvas.drawPath(
            tail, shaded(linear((0, -0.06, 0, 0.06), shade(ebony_light, 1.0), shade(ebony, 1.0)))
        )
        if not self.upright:
            canvas.drawOval(skia.Rect.MakeLTRB(-0.02, -0.25, 0.2, -0.02), fill(shade(ebony, 1.0)))
            canvas.drawOval(
                skia.Rect.MakeLTRB(0.02, -0.22, 0.15, -0.1), fill(shade(ebony_light, 1.0))
            )
        board = skia.Path()
        for k, (s, w) in enumerate([(0.68, -0.062), (NUT, -0.036), (NUT, 0.036), (0.68, 0.062)]):
            (board.moveTo if k == 0 else board.lineTo)(s, w)
        board.close()
        canvas.drawPath(
            board, shaded(linear((0, -0.06, 0, 0.06), shade(ebony_light, 1.0), shade(ebony, 1.0)))
        )
        canvas.drawLine(
            BRIDGE + 0.008, -0.085, BRIDGE + 0.008, 0.085, stroke(shade(look.dark, 0.4, 0.8), 0.03)
        )
        canvas.drawLine(
            BRIDGE, -0.085, BRIDGE, 0.085, stroke(int(skia.Color(226, 190, 130)), 0.022)
        )
        for string in range(4):
            colour = int(skia.Color(236, 232, 222, 235))
            thick = 0.0085 - 0.001 * string
            a = self.string_offset(string, BRIDGE)
            b = self.string_offset(string, NUT)
            canvas.drawLine(0.28, 0.55 * a, BRIDGE, a, stroke(colour, thick))
            canvas.drawLine(BRIDGE, a, NUT, b, stroke(colour, thick))
        if self.hold in ("lap", "floor"):
            canvas.drawLine(0.0, 0.0, -0.5, 0.0, stroke(int(skia.Color(150, 150, 156)), 0.018))

    def _draw_bow(self, canvas: skia.Canvas, look: InstrumentLook) -> None:
        length = self.bow_length
        thick = 0.05 if self.upright else 0.042
        hair = int(skia.Color(244, 240, 228))
        wood, wood_dark = int(skia.Color(120, 60, 30)), int(skia.Color(40, 20, 14))
        gap = 0.085  # between hair and stick, on the side away from the strings
        canvas.drawLine(0, 0, length, 0, stroke(int(skia.Color(40, 30, 30, 120)), 0.05))
        canvas.drawLine(0, 0, length, 0, stroke(hair, 0.032))
        stick = skia.Path()
        stick.moveTo(-0.12, -gap)
        stick.quadTo(0.55 * length, -0.3 * gap, length + 0.03, -gap * 0.95)
        canvas.drawPath(stick, stroke(wood_dark, thick + 0.022))
        canvas.drawPath(stick, stroke(wood, thick))
        head = skia.Path()
        head.moveTo(length - 0.06, -gap)
        head.lineTo(length + 0.05, -gap)
        head.lineTo(length + 0.01, 0.02)
        head.close()
        canvas.drawPath(head, fill(wood_dark))
        frog = skia.Rect.MakeLTRB(-0.06, -gap, 0.14, 0.03)
        canvas.drawRect(frog, fill(int(skia.Color(24, 20, 22))))
        canvas.drawCircle(0.04, -0.5 * gap, 0.022, fill(int(skia.Color(228, 226, 220))))
        canvas.drawLine(-0.14, -gap, -0.08, -gap, stroke(int(skia.Color(200, 196, 188)), thick))


def _lerp(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def strings() -> tuple[Fiddle, ...]:
    """The four string instruments."""
    return (
        Fiddle(
            name="violin", hold="chin", tilt=0.20, body=1.36, across=0.84, upright=False,
            origin=(-0.12, 0.0), bow_length=2.2, bow_angle=-0.72, bow_angle_step=-0.15,
            sloped=False, string_spread=0.07,
        ),
        Fiddle(
            name="viola", hold="chin", tilt=0.30, body=1.68, across=0.9, upright=False,
            origin=(-0.14, 0.0), bow_length=2.2, bow_angle=-0.66, bow_angle_step=-0.15,
            sloped=False, string_spread=0.066,
        ),
        Fiddle(
            name="cello", hold="lap", tilt=0.18, body=2.72, across=1.0, upright=True,
            origin=(0.0, 0.0), bow_length=2.0, bow_angle=-0.05, bow_angle_step=0.07,
            sloped=False, string_spread=0.06,
        ),
        Fiddle(
            name="double_bass", hold="floor", tilt=0.13, body=3.45, across=1.0, upright=True,
            origin=(0.0, 0.0), bow_length=1.75, bow_angle=-0.08, bow_angle_step=0.06,
            sloped=True, string_spread=0.06,
        ),
    )  # fmt: skip
