"""The player's body: arms solved from shoulder to hand, and the drawing of all of it.

World coordinates: unit one head height, origin at the resting chin, y down; the player faces us,
so the player's left hand is at the picture's right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import skia

from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.player import Player
from sightsound.orchestra.scene import Sprite, fill, linear, shade, shaded, stroke, tinted

UPPER_ARM = 1.36
FOREARM = 1.2
NECK = (0.0, 0.34)  # where the head turns
SHOULDER_Y = 0.68
OUTLINE_ALPHA = 0.62
HAIR_BEHIND = ("afro", "curly", "bob", "fringe", "long", "wavy", "pony", "bun")


def solve_arm(
    shoulder: Point, wrist: Point, depth: float, upper: float, fore: float, hint: tuple[float, ...]
) -> Point:
    """The elbow of an arm that reaches from shoulder to wrist, projected to the picture.

    Solved in space: the wrist lies `depth` before the shoulder, and of all elbows that keep both
    bones' lengths the one nearest the direction `hint` (x, y, z) is taken. A wrist too far away
    first loses depth, then stretches both bones alike, so that a hand never leaves its place.
    """
    dx, dy = wrist[0] - shoulder[0], wrist[1] - shoulder[1]
    flat = math.hypot(dx, dy)
    reach = 0.995 * (upper + fore)
    if flat > reach:
        upper, fore = upper * flat / reach, fore * flat / reach
        reach = flat
    dz = min(depth, math.sqrt(max(reach * reach - flat * flat, 0.0)))
    distance = max(math.sqrt(flat * flat + dz * dz), abs(upper - fore) + 1e-3, 1e-3)
    ux, uy, uz = dx / distance, dy / distance, dz / distance
    along = (upper * upper - fore * fore + distance * distance) / (2.0 * distance)
    height = math.sqrt(max(upper * upper - along * along, 0.0))
    hx, hy, hz = hint
    dot = hx * ux + hy * uy + hz * uz
    nx, ny, nz = hx - dot * ux, hy - dot * uy, hz - dot * uz
    norm = math.sqrt(nx * nx + ny * ny + nz * nz)
    if norm < 1e-6:  # the hint lies along the arm: any direction across it will do
        nx, ny, norm = -uy, ux, math.hypot(ux, uy) or 1.0
    return (
        shoulder[0] + along * ux + height * nx / norm,
        shoulder[1] + along * uy + height * ny / norm,
    )


@dataclass(frozen=True)
class Arm:
    """One arm in the picture."""

    side: int  # -1 player's right (picture left), 1 player's left
    shoulder: Point
    elbow: Point
    wrist: Point
    palm: Point
    grip: float  # direction of the fingers, radians in world axes
    fingers: tuple[float, ...]
    tips: tuple[Point, ...]


def _capsule(a: Point, ra: float, b: Point, rb: float) -> skia.Path:
    """Two discs and their common tangents as one path."""
    path = skia.Path()
    dx, dy = b[0] - a[0], b[1] - a[1]
    d = math.hypot(dx, dy)
    path.addCircle(a[0], a[1], ra)
    path.addCircle(b[0], b[1], rb)
    if d > abs(ra - rb) + 1e-6:
        base = math.atan2(dy, dx)
        spread = math.acos((ra - rb) / d)
        first = (math.cos(base - spread), math.sin(base - spread))
        second = (math.cos(base + spread), math.sin(base + spread))
        path.moveTo(b[0] + rb * second[0], b[1] + rb * second[1])
        path.lineTo(a[0] + ra * second[0], a[1] + ra * second[1])
        path.lineTo(a[0] + ra * first[0], a[1] + ra * first[1])
        path.lineTo(b[0] + rb * first[0], b[1] + rb * first[1])
        path.close()
        # Discs run clockwise; the tangents' quadrilateral must too, or it would cut holes.
        path.setFillType(skia.PathFillType.kWinding)
    return path


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


class Figure:
    """One player's drawing, recorded once, moved per frame."""

    def __init__(
        self, player: Player, *, seated: bool, turn: float, blowing: bool, knees: float
    ) -> None:
        """Take the head's turn (radians, picture right positive) and the knees' half distance."""
        self.player = player
        self.seated = seated
        self.turn = turn
        self.blowing = blowing
        self.knees = knees
        self.skin = tinted(player, player.skin)
        self.hair = tinted(player, player.hair)
        self.cloth = tinted(player, player.cloth)
        self.second = tinted(player, player.second)
        self.accent = tinted(player, player.accent)
        self.trousers = tinted(player, player.trousers)
        self.light = player.light.direction
        self.hip_y = SHOULDER_Y - 0.1 + player.torso
        self.torso = Sprite(self._draw_torso, skia.Rect.MakeLTRB(-1.5, -0.4, 1.5, 3.6))
        self.hair_back = (
            Sprite(self._draw_hair_back, skia.Rect.MakeLTRB(-0.8, -1.4, 0.8, 1.4))
            if player.hair_style in HAIR_BEHIND
            else None
        )
        self._heads: dict[tuple[int, int], Sprite] = {}
        self._limbs: dict[tuple[float, float, int, bool, Colour], tuple[skia.Path, skia.Paint]] = {}
        self._brushes: dict[tuple[Colour, float, float, float], skia.Paint] = {}
        self._limb_shades = {
            colour: (shade(colour, 1.14), shade(colour, 0.96), shade(colour, 0.56))
            for colour in {self.skin, self.cloth, self.second, self.trousers}
        }
        self._sleeve = {
            "tee": 0.5, "rolled": 1.32, "sleeveless": 0.0, "dress": 0.28, "waistcoat": 1.94
        }.get(player.clothes, 1.94)  # fmt: skip
        self._sleeve_colour = self.second if player.clothes == "waistcoat" else self.cloth

    # --- skeleton -----------------------------------------------------------------------------

    @property
    def mouth(self) -> Point:
        """The lips in head coordinates (origin at the chin)."""
        return 0.25 * self.turn, -0.145

    @property
    def shoulders(self) -> tuple[Point, Point]:
        """The player's right and left shoulder joints at rest."""
        half = self.player.shoulder - 0.08
        return (-half, SHOULDER_Y), (half, SHOULDER_Y)

    def arm(
        self,
        side: int,
        shoulder: Point,
        palm: Point,
        grip: float,
        depth: float,
        hint: tuple[float, ...],
        fingers: tuple[float, ...],
        tips: tuple[Point, ...],
    ) -> Arm:
        """Solve one arm for a palm's place and the fingers' direction."""
        gx, gy = math.cos(grip), math.sin(grip)
        fx, fy = palm[0] - shoulder[0], palm[1] - shoulder[1]
        norm = math.hypot(fx, fy) or 1.0
        # The wrist bends: half way between the fingers' direction and the forearm's.
        bx, by = gx + 0.55 * fx / norm, gy + 0.55 * fy / norm
        norm = math.hypot(bx, by) or 1.0
        wrist = (palm[0] - 0.27 * bx / norm, palm[1] - 0.27 * by / norm)
        scale = self.player.arm
        elbow = solve_arm(shoulder, wrist, depth, UPPER_ARM * scale, FOREARM * scale, hint)
        return Arm(side, shoulder, elbow, wrist, palm, grip, fingers, tips)

    # --- limbs --------------------------------------------------------------------------------

    def limb(
        self, canvas: skia.Canvas, a: Point, ra: float, b: Point, rb: float, colour: Colour
    ) -> None:
        """One bone's flesh or cloth, ``ra`` thick at ``a`` and ``rb`` at ``b``, lit."""
        self._limb_shades.setdefault(
            colour, (shade(colour, 1.14), shade(colour, 0.96), shade(colour, 0.56))
        )
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy) or 1e-6
        ux, uy = dx / length, dy / length
        # The limb's own axes: x along it, the light from negative y or from positive y.
        lit = uy * self.light * 0.8 + ux * 0.6 >= 0.0
        key = (ra, rb, round(64.0 * length), lit, colour)
        drawn = self._limbs.get(key)
        if drawn is None:
            r = max(ra, rb)
            tones = self._limb_shades[colour] if lit else self._limb_shades[colour][::-1]
            drawn = (
                _capsule((0.0, 0.0), ra, (key[2] / 64.0, 0.0), rb),
                shaded(
                    skia.GradientShader.MakeLinear(
                        [skia.Point(0.0, -r), skia.Point(0.0, r)],
                        list(tones),
                        [0.0, 0.45 if lit else 0.55, 1.0],
                    )
                ),
            )
            self._limbs[key] = drawn
        canvas.save()
        canvas.concat(skia.Matrix.MakeAll(ux, -uy, a[0], uy, ux, a[1], 0.0, 0.0, 1.0))
        canvas.drawPath(*drawn)
        canvas.restore()

    def _brush(self, colour: Colour, tone: float, alpha: float, width: float) -> skia.Paint:
        """A round stroke, made once; not to be changed."""
        key = (colour, tone, alpha, width)
        if key not in self._brushes:
            self._brushes[key] = stroke(shade(colour, tone, alpha), width)
        return self._brushes[key]

    def draw_arm(self, canvas: skia.Canvas, arm: Arm) -> None:
        """Upper arm, forearm, sleeve, folds and cuff."""
        girth = 0.6 + 0.4 * self.player.girth
        r0, r1, r2 = 0.205 * girth, 0.152 * girth, 0.095
        covered = self._sleeve
        skin, cloth = self.skin, self._sleeve_colour
        cut = _between(arm.shoulder, arm.elbow, covered) if covered < 1.0 else arm.elbow
        end = _between(arm.elbow, arm.wrist, covered - 1.0) if covered > 1.0 else arm.elbow
        # One soft dark rim round the whole arm parts it from the clothes behind.
        rim = cloth if covered > 1.0 else skin
        loose = 0.045 if covered > 1.0 else 0.0
        width = r1 + loose
        upper = self._brush(rim, 0.3, OUTLINE_ALPHA, 2.0 * width + 0.05)
        canvas.drawLine(*arm.shoulder, *arm.elbow, upper)
        fore = self._brush(rim, 0.3, OUTLINE_ALPHA, width + r2 + 0.8 * loose + 0.055)
        canvas.drawLine(*arm.elbow, *arm.wrist, fore)
        if covered < 1.94:
            self.limb(canvas, arm.shoulder, r0, arm.elbow, r1, skin)
            self.limb(canvas, arm.elbow, r1 * 1.04, arm.wrist, r2, skin)
        else:
            self.limb(canvas, arm.elbow, r1, arm.wrist, r2, skin)
        if covered > 0.0:
            rc = r0 + (r1 - r0) * min(covered, 1.0)
            self.limb(canvas, arm.shoulder, r0 + 0.045, cut, rc + 0.045, cloth)
        if covered > 1.0:
            re = r1 + (r2 - r1) * (covered - 1.0)
            self.limb(canvas, arm.elbow, r1 + 0.045, end, re + 0.04, cloth)
            self._folds(canvas, arm, r1 + 0.045, cloth)
            if self.player.clothes in ("jacket", "tails"):
                cuff = _between(arm.elbow, arm.wrist, 0.98)
                start = _between(arm.elbow, arm.wrist, 0.9)
                canvas.drawLine(*start, *cuff, _butt(shade(self.second, 0.97), 2 * re + 0.06))
            elif self.player.clothes in ("rolled",):
                start = _between(arm.elbow, arm.wrist, covered - 1.1)
                canvas.drawLine(*start, *end, _butt(shade(cloth, 0.8), 2 * re + 0.11))

    def _folds(self, canvas: skia.Canvas, arm: Arm, r: float, cloth: Colour) -> None:
        """Creases fan out from the inside of the bent elbow."""
        sx, sy = arm.shoulder
        ex, ey = arm.elbow
        wx, wy = arm.wrist
        inx, iny = 0.5 * (sx + wx) - ex, 0.5 * (sy + wy) - ey
        norm = math.hypot(inx, iny)
        if norm < 0.06:
            return
        inx, iny = inx / norm, iny / norm
        crease = skia.Path()
        for tx, ty, reach in (
            (sx - ex, sy - ey, 0.34), (wx - ex, wy - ey, 0.34), (sx - ex, sy - ey, 0.1)
        ):  # fmt: skip
            length = math.hypot(tx, ty) or 1.0
            tx, ty = tx / length * reach, ty / length * reach
            x, y = ex + inx * 0.9 * r, ey + iny * 0.9 * r
            crease.moveTo(x, y)
            crease.quadTo(
                x + 0.5 * tx - 0.4 * r * inx,
                y + 0.5 * ty - 0.4 * r * iny,
                ex + tx - 0.45 * r * inx,
                ey + ty - 0.45 * r * iny,
            )
        canvas.drawPath(crease, self._brush(cloth, 0.38, 0.6, 0.026))

    def draw_palm(self, canvas: skia.Canvas, arm: Arm) -> None:
        """Wrist, back of the hand and thumb."""
        gx, gy = math.cos(arm.grip), math.sin(arm.grip)
        px, py = arm.side * -gy, arm.side * gx  # towards the index finger, either hand
        x, y = arm.palm
        thumb = skia.Path()
        thumb.moveTo(x - 0.06 * gx + 0.1 * px, y - 0.06 * gy + 0.1 * py)
        thumb.quadTo(
            x + 0.08 * gx + 0.24 * px,
            y + 0.08 * gy + 0.24 * py,
            x + 0.22 * gx + 0.19 * px,
            y + 0.22 * gy + 0.19 * py,
        )
        canvas.drawPath(thumb, self._brush(self.skin, 0.36, 0.75, 0.125))
        knuckles = (x + 0.05 * gx, y + 0.05 * gy)
        canvas.drawLine(*arm.wrist, *knuckles, self._brush(self.skin, 0.36, 0.6, 0.235))
        canvas.drawCircle(*knuckles, 0.16, self._brush(self.skin, 0.36, 0.75, 0.036))
        canvas.drawPath(thumb, self._brush(self.skin, 0.95, 1.0, 0.095))
        self.limb(canvas, arm.wrist, 0.095, knuckles, 0.16, self.skin)

    def draw_fingers(self, canvas: skia.Canvas, arm: Arm) -> None:
        """Four fingers: pressed ones bent onto their key or string, lifted ones straight."""
        gx, gy = math.cos(arm.grip), math.sin(arm.grip)
        px, py = arm.side * -gy, arm.side * gx
        x, y = arm.palm
        path = skia.Path()
        shiny = skia.Path()
        for k, pressed in enumerate(arm.fingers[:4]):
            offset = (1.5 - k) * 0.088
            bx, by = x + 0.1 * gx + offset * px, y + 0.1 * gy + offset * py
            if len(arm.tips) > k:
                tx, ty = arm.tips[k]
                # Bend at the middle joint, away from the string.
                mx = 0.5 * (bx + tx) + 0.10 * px + (0.06 * gx)
                my = 0.5 * (by + ty) + 0.10 * py + (0.06 * gy)
            else:
                length = (0.24, 0.27, 0.26, 0.21)[k] * (1.0 if pressed > 0.5 else 1.22)
                swing = 0.0 if pressed > 0.5 else 0.16
                tx = bx + length * gx + (0.3 * offset + swing) * px
                ty = by + length * gy + (0.3 * offset + swing) * py
                mx = 0.5 * (bx + tx) + 0.05 * px
                my = 0.5 * (by + ty) + 0.05 * py
            path.moveTo(bx, by)
            path.quadTo(mx, my, tx, ty)
            shiny.moveTo(0.4 * bx + 0.6 * tx, 0.4 * by + 0.6 * ty)
            shiny.lineTo(tx, ty)
        canvas.drawPath(path, self._brush(self.skin, 0.36, 0.85, 0.108))
        canvas.drawPath(path, self._brush(self.skin, 0.98, 1.0, 0.078))
        canvas.drawPath(shiny, self._brush(self.skin, 1.22, 0.8, 0.034))

    # --- legs and torso -----------------------------------------------------------------------

    def draw_legs(self, canvas: skia.Canvas) -> None:
        """Legs of a resting player; they never move."""
        hip = self.hip_y
        girth = self.player.girth
        colour = self.cloth if self.player.clothes == "dress" else self.trousers
        rim = shade(colour, 0.28, 0.8)
        knees = [(side * self.knees, hip + 0.72) for side in (-1, 1)]
        if not self.seated:
            knees = [(side * 0.42, hip + 1.7) for side in (-1, 1)]
        for side, knee in zip((-1, 1), knees, strict=True):
            ankle = (knee[0] * (1.0 if self.seated else 1.05), knee[1] + 1.9)
            start = (side * 0.4, hip)
            bones = (
                (knee, 0.3 * girth, ankle, 0.2), (start, 0.42 * girth, knee, 0.32 * girth)
            )  # fmt: skip
            for a, ra, b, rb in bones:
                canvas.drawPath(_capsule(a, ra, b, rb), stroke(rim, 0.05))
            for a, ra, b, rb in bones:
                self.limb(canvas, a, ra, b, rb, colour)
            crease = skia.Path()
            for shift in (-0.12, 0.04):
                crease.moveTo(knee[0] - side * 0.26, knee[1] + 0.12 + shift)
                crease.quadTo(knee[0], knee[1] + 0.22 + shift, knee[0] + side * 0.1, knee[1] + 0.1)
            canvas.drawPath(crease, stroke(shade(colour, 0.4, 0.5), 0.03))
        if self.player.skirt:
            path = skia.Path()
            path.moveTo(-0.7 * girth, hip - 0.3)
            wide = (self.knees if self.seated else 0.5) + 0.42
            end = hip + (1.25 if self.seated else 2.2)
            path.lineTo(0.7 * girth, hip - 0.3)
            path.quadTo(wide * 1.02, hip + 0.3, wide, end)
            path.quadTo(0, end + 0.16, -wide, end)
            path.quadTo(-wide * 1.02, hip + 0.3, -0.7 * girth, hip - 0.3)
            canvas.drawPath(path, stroke(rim, 0.05))
            ends = (shade(colour, 1.08), shade(colour, 0.52))
            if self.light > 0:
                ends = (ends[1], ends[0])
            canvas.drawPath(
                path, shaded(linear((-wide, 0, wide, 0), ends[0], shade(colour, 0.9), ends[1]))
            )
            for x in (-0.55, -0.2, 0.15, 0.5):
                fold = skia.Path()
                fold.moveTo(x * 0.7, hip - 0.05)
                fold.quadTo(x * 1.1, hip + 0.4, x * 1.6 * wide, end - 0.05)
                canvas.drawPath(fold, stroke(shade(colour, 0.42, 0.5), 0.035))

    def _torso_path(self) -> skia.Path:
        p = self.player
        s = p.shoulder
        hip = self.hip_y
        waist = (0.72 - 0.1 * p.feminine) * p.girth
        low = (0.78 + 0.04 * p.feminine) * p.girth
        chest = s * 0.9
        path = skia.Path()
        path.moveTo(-0.19, 0.3)
        path.cubicTo(-0.3, 0.43, -s * 0.7, 0.42, -s, 0.62)
        path.cubicTo(-s - 0.05, 0.8, -chest - 0.02, 1.1, -chest, 1.25)
        path.cubicTo(-chest, 1.5, -waist, 1.7, -waist, hip - 0.85)
        path.cubicTo(-waist, hip - 0.5, -low, hip - 0.3, -low, hip + 0.16)
        path.quadTo(0, hip + 0.3, low, hip + 0.16)
        path.cubicTo(low, hip - 0.3, waist, hip - 0.5, waist, hip - 0.85)
        path.cubicTo(waist, 1.7, chest, 1.5, chest, 1.25)
        path.cubicTo(chest + 0.02, 1.1, s + 0.05, 0.8, s, 0.62)
        path.cubicTo(s * 0.7, 0.42, 0.3, 0.43, 0.19, 0.3)
        path.close()
        return path

    def _draw_torso(self, canvas: skia.Canvas) -> None:
        p = self.player
        hip = self.hip_y
        cloth = self.cloth
        s = p.shoulder
        body = self._torso_path()
        base = self.second if p.clothes == "waistcoat" else cloth
        canvas.drawPath(body, stroke(shade(base, 0.25, 0.8), 0.06))
        first, last = shade(base, 1.13), shade(base, 0.5)
        if self.light > 0:
            first, last = last, first
        canvas.drawPath(body, shaded(linear((-s, 0.9, s, 1.2), first, shade(base, 0.95), last)))
        canvas.save()
        canvas.clipPath(body, True)
        if p.clothes not in ("jacket", "tails", "waistcoat"):
            self._pattern(canvas, cloth)
        soft = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.05)
        for points, width, dark in (
            (((-s * 0.8, 1.05), (-0.5, 1.5), (-0.25, 1.65)), 0.07, True),
            (((s * 0.8, 1.05), (0.5, 1.5), (0.25, 1.65)), 0.07, True),
            (((-0.62, hip - 0.75), (-0.2, hip - 0.5), (0.3, hip - 0.55)), 0.08, True),
            (((0.6, hip - 0.5), (0.2, hip - 0.25), (-0.35, hip - 0.3)), 0.08, True),
            (((-s * 0.5, 0.75), (-0.5, 1.1), (-0.42, 1.4)), 0.16, False),
            (((s * 0.5, 0.75), (0.5, 1.1), (0.42, 1.4)), 0.16, False),
            (((-0.5, hip - 0.95), (-0.1, hip - 0.72), (0.4, hip - 0.85)), 0.07, False),
        ):
            fold = skia.Path()
            fold.moveTo(*points[0])
            fold.quadTo(*points[1], *points[2])
            lit = points[0][0] * self.light > 0
            paint = stroke(
                shade(base, 0.35, 0.5) if dark else shade(base, 1.35, 0.4 if lit else 0.12), width
            )
            paint.setMaskFilter(soft)
            canvas.drawPath(fold, paint)
        self._front(canvas)
        # The head's shadow on the chest.
        shadow = fill(int(skia.Color(0, 0, 0, 90)))
        shadow.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.08))
        x = -0.08 * self.light
        canvas.drawOval(skia.Rect.MakeLTRB(x - 0.3, 0.2, x + 0.3, 0.52), shadow)
        canvas.restore()
        self._neck(canvas)
        self._collar(canvas)

    def draw_back(self, canvas: skia.Canvas) -> None:
        """Torso, neck and head of a player who is seen from behind."""
        body, s, hip = self._torso_path(), self.player.shoulder, self.hip_y
        base = self._sleeve_colour if self.player.clothes == "waistcoat" else self.cloth
        canvas.drawPath(body, stroke(shade(base, 0.25, 0.8), 0.06))
        first, last = shade(base, 1.13), shade(base, 0.5)
        if self.light > 0:
            first, last = last, first
        canvas.drawPath(body, shaded(linear((-s, 0.9, s, 1.2), first, shade(base, 0.95), last)))
        canvas.save()
        canvas.clipPath(body, True)
        self._pattern(canvas, base)
        soft = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.06)
        for side in (-1, 1):
            blade = skia.Path()
            blade.moveTo(side * 0.2, 0.8)
            blade.quadTo(side * 0.5, 1.2, side * 0.3, 1.7)
            paint = stroke(shade(base, 0.4, 0.5), 0.1)
            paint.setMaskFilter(soft)
            canvas.drawPath(blade, paint)
        canvas.drawLine(0, 0.6, 0, hip, stroke(shade(base, 0.6, 0.4), 0.03))
        canvas.restore()
        self._neck(canvas)
        if self.player.clothes in ("jacket", "tails", "shirt", "rolled", "cardigan", "waistcoat"):
            collar = skia.Path()
            collar.addRoundRect(skia.Rect.MakeLTRB(-0.27, 0.2, 0.27, 0.42), 0.1, 0.1)
            canvas.drawPath(collar, fill(shade(self.second, 0.95)))
        w = self.player.head_width
        for side in (-1, 1):
            ear = skia.Rect.MakeLTRB(side * w - 0.06, -0.56, side * w + 0.06, -0.32)
            canvas.drawOval(ear, fill(shade(self.skin, 0.75)))
        if self.hair_back is not None:
            self.hair_back.draw(canvas)
        nape = skia.Path()
        nape.addRoundRect(skia.Rect.MakeLTRB(-w, -1.04, w, -0.02), w, w)
        canvas.drawPath(nape, stroke(shade(self.skin, 0.36, 0.7), 0.03))
        canvas.drawPath(nape, fill(shade(self.skin, 0.85)))
        if self.player.hair_style != "bald":
            low = -0.3 if self.player.hair_style in ("buzz", "receding") else -0.14
            hair = skia.Path()
            hair.addRoundRect(skia.Rect.MakeLTRB(-w - 0.04, -1.08, w + 0.04, low), w, w)
            canvas.drawPath(hair, shaded(self._hair_shader()))
        if self.hair_back is not None and self.player.hair_style in ("long", "wavy", "bob", "pony"):
            self.hair_back.draw(canvas)

    def _pattern(self, canvas: skia.Canvas, cloth: Colour) -> None:
        bright = sum(cloth) > 380
        tone = shade(cloth, 0.62 if bright else 1.35, 0.75)
        kind = self.player.pattern
        if kind in ("stripes", "checks"):
            for k in range(-6, 7):
                canvas.drawLine(0.19 * k, 0.2, 0.19 * k, 4, stroke(tone, 0.035))
        if kind == "checks":
            for k in range(18):
                canvas.drawLine(-2, 0.19 * k, 2, 0.19 * k, stroke(tone, 0.035))
        elif kind == "bands":
            for k in range(10):
                canvas.drawLine(-2, 0.3 + 0.36 * k, 2, 0.3 + 0.36 * k, stroke(tone, 0.15))
        elif kind == "dots":
            for row in range(16):
                for k in range(-5, 6):
                    x = 0.24 * k + 0.12 * (row % 2)
                    canvas.drawCircle(x, 0.35 + 0.2 * row, 0.04, fill(tone))

    def _polygon(self, *points: Point) -> skia.Path:
        path = skia.Path()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        path.close()
        return path

    def _front(self, canvas: skia.Canvas) -> None:
        """What the chest shows: shirt front, lapels, buttons, neckline."""
        p = self.player
        hip = self.hip_y
        cloth = self.cloth
        kind = p.clothes
        seam = stroke(shade(cloth, 0.4, 0.8), 0.022)
        if kind in ("jacket", "tails", "cardigan"):
            bottom = 1.75 if kind == "jacket" else 1.95
            under = self.second
            canvas.drawPath(
                self._polygon((-0.27, 0.3), (0.27, 0.3), (0.0, bottom)), fill(shade(under, 0.97))
            )
            if kind == "tails":
                canvas.drawPath(
                    self._polygon((-0.1, 1.4), (0.1, 1.4), (0.16, 1.95), (0, 2.1), (-0.16, 1.95)),
                    fill(shade(under, 0.9)),
                )
            canvas.drawLine(0, bottom, 0, hip + 0.3, seam)
            if kind != "cardigan":
                for side in (-1, 1):
                    lapel = self._polygon(
                        (side * 0.2, 0.3), (side * 0.42, 0.62), (side * 0.52, 0.86),
                        (side * 0.4, 0.9), (side * 0.46, 0.98), (0.0, bottom),
                    )  # fmt: skip
                    tone = 1.16 if side * self.light > 0 else 0.78
                    canvas.drawPath(lapel, fill(shade(cloth, tone)))
                    canvas.drawPath(lapel, stroke(shade(cloth, 0.35, 0.9), 0.018))
            for y in (bottom + 0.14, bottom + 0.5):
                canvas.drawCircle(0.05, y, 0.035, fill(shade(cloth, 0.3)))
            if kind == "jacket":
                canvas.drawPath(
                    self._polygon((0.42, 1.12), (0.62, 1.06), (0.62, 1.14), (0.44, 1.2)),
                    fill(shade(self.accent, 1.0)),
                )
        elif kind == "waistcoat":
            vest = self._polygon(
                (-0.3, 0.35), (-0.62, 0.5), (-0.66, 1.2), (-0.9, hip + 0.4), (0.9, hip + 0.4),
                (0.66, 1.2), (0.62, 0.5), (0.3, 0.35), (0.0, 1.45),
            )  # fmt: skip
            first, last = shade(cloth, 1.12), shade(cloth, 0.55)
            if self.light > 0:
                first, last = last, first
            canvas.drawPath(vest, shaded(linear((-0.8, 0, 0.8, 0), first, last)))
            canvas.drawPath(vest, stroke(shade(cloth, 0.4), 0.02))
            for k in range(4):
                canvas.drawCircle(0.0, 1.58 + 0.24 * k, 0.032, fill(shade(self.accent, 1.1)))
        elif kind in ("shirt", "rolled"):
            canvas.drawLine(0, 0.4, 0, hip + 0.3, seam)
            for k in range(6):
                canvas.drawCircle(0.03, 0.62 + 0.32 * k, 0.026, fill(shade(self.second, 0.9)))
        elif kind in ("dress", "sleeveless", "tee"):
            depth = 0.28 if kind == "tee" else 0.5
            neckline = skia.Path()
            neckline.moveTo(-0.32, 0.2)
            neckline.quadTo(0.0, 0.35 + 1.1 * depth, 0.32, 0.2)
            neckline.close()
            canvas.drawPath(neckline, fill(shade(self.skin, 0.92)))
            canvas.drawPath(neckline, stroke(shade(cloth, 0.55), 0.03))
            if kind == "dress":
                belt = skia.Rect.MakeLTRB(-1, hip - 0.92, 1, hip - 0.8)
                canvas.drawRect(belt, fill(shade(self.accent, 0.95)))
        elif kind == "hoodie":
            pocket = self._polygon(
                (-0.42, hip - 0.62), (0.42, hip - 0.62), (0.56, hip - 0.1), (-0.56, hip - 0.1)
            )
            canvas.drawPath(pocket, fill(shade(cloth, 0.88)))
            canvas.drawPath(pocket, seam)
            for x in (-0.12, 0.12):
                canvas.drawLine(x, 0.55, x * 1.2, 1.1, stroke(shade(self.second, 0.95), 0.03))
        elif kind == "sweater":
            for k in range(-3, 4):
                rib = stroke(shade(cloth, 0.6, 0.35), 0.02)
                canvas.drawLine(0.22 * k, hip - 0.1, 0.22 * k, hip + 0.3, rib)

    def _neck(self, canvas: skia.Canvas) -> None:
        half = 0.2 - 0.035 * self.player.feminine
        neck = skia.Path()
        neck.moveTo(-half, -0.3)
        neck.lineTo(half, -0.3)
        neck.cubicTo(half * 1.0, 0.2, half * 1.2, 0.36, half * 1.55, 0.44)
        neck.quadTo(0, 0.62, -half * 1.55, 0.44)
        neck.cubicTo(-half * 1.2, 0.36, -half * 1.0, 0.2, -half, -0.3)
        first, last = shade(self.skin, 0.98), shade(self.skin, 0.6)
        if self.light > 0:
            first, last = last, first
        canvas.drawPath(
            neck, shaded(linear((-half, 0, half, 0), first, shade(self.skin, 0.8), last))
        )
        shadow = fill(shade(self.skin, 0.4, 0.75))
        shadow.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.05))
        canvas.save()
        canvas.clipPath(neck, True)
        canvas.drawOval(skia.Rect.MakeLTRB(-0.34, -0.3, 0.34, 0.15), shadow)
        canvas.restore()

    def _collar(self, canvas: skia.Canvas) -> None:
        p = self.player
        kind = p.clothes
        if kind in ("jacket", "tails", "waistcoat", "shirt", "rolled", "cardigan"):
            colour = self.cloth if kind in ("shirt", "rolled") else self.second
            for side in (-1, 1):
                wing = self._polygon(
                    (side * 0.2, 0.2), (side * 0.3, 0.36), (side * 0.2, 0.6), (0.0, 0.44)
                )
                canvas.drawPath(wing, fill(shade(colour, 1.05 if side * self.light > 0 else 0.84)))
                canvas.drawPath(wing, stroke(shade(colour, 0.4, 0.8), 0.018))
        elif kind == "turtleneck":
            roll = skia.Path()
            roll.addRoundRect(skia.Rect.MakeLTRB(-0.26, 0.1, 0.26, 0.42), 0.1, 0.1)
            canvas.drawPath(
                roll,
                shaded(
                    linear((-0.26, 0, 0.26, 0), shade(self.cloth, 1.12), shade(self.cloth, 0.6))
                ),
            )
            canvas.drawPath(roll, stroke(shade(self.cloth, 0.4, 0.8), 0.02))
        elif kind in ("sweater", "hoodie"):
            ring = skia.Path()
            ring.moveTo(-0.29, 0.33)
            ring.quadTo(0, 0.64, 0.29, 0.33)
            width = 0.17 if kind == "hoodie" else 0.09
            canvas.drawPath(ring, stroke(shade(self.cloth, 0.5), width + 0.03))
            canvas.drawPath(ring, stroke(shade(self.cloth, 1.12), width))
        if p.neckwear == "tie":
            tie = self._polygon((-0.05, 0.5), (0.05, 0.5), (0.1, 1.3), (0, 1.5), (-0.1, 1.3))
            canvas.drawPath(tie, fill(shade(self.accent, 1.0)))
            canvas.drawPath(tie, stroke(shade(self.accent, 0.45, 0.7), 0.018))
            knot = self._polygon((-0.09, 0.42), (0.09, 0.42), (0.055, 0.56), (-0.055, 0.56))
            canvas.drawPath(knot, fill(shade(self.accent, 0.85)))
        elif p.neckwear == "bow":
            colour = (244, 242, 236) if p.clothes == "tails" else self.accent
            for side in (-1, 1):
                wing = self._polygon((0, 0.5), (side * 0.21, 0.4), (side * 0.21, 0.62))
                canvas.drawPath(wing, fill(shade(colour, 1.0)))
                canvas.drawPath(wing, stroke(shade(colour, 0.4, 0.8), 0.02))
            canvas.drawCircle(0, 0.51, 0.05, fill(shade(colour, 0.8)))
        elif p.neckwear == "scarf":
            loop = skia.Path()
            loop.moveTo(-0.28, 0.26)
            loop.quadTo(0, 0.6, 0.28, 0.26)
            for width, tone in ((0.26, 0.5), (0.22, 1.0), (0.06, 1.25)):
                canvas.drawPath(loop, stroke(shade(self.accent, tone), width))
            end = self._polygon((0.08, 0.5), (0.3, 0.46), (0.4, 1.3), (0.16, 1.34))
            canvas.drawPath(end, fill(shade(self.accent, 0.88)))
            canvas.drawPath(end, stroke(shade(self.accent, 0.45, 0.7), 0.02))
        elif p.neckwear == "necklace":
            chain = skia.Path()
            chain.moveTo(-0.25, 0.36)
            chain.quadTo(0, 0.86, 0.25, 0.36)
            canvas.drawPath(chain, stroke(int(skia.Color(236, 220, 170)), 0.03))
            canvas.drawCircle(0, 0.62, 0.045, fill(int(skia.Color(250, 240, 214))))

    # --- head ---------------------------------------------------------------------------------

    def head(self, blink: float, brow: float) -> Sprite:
        """The head in head coordinates, with eyelids and brows at the nearest of a few states."""
        key = (round(2 * blink), round(2 * brow))
        if key not in self._heads:
            self._heads[key] = Sprite(
                lambda c: self._draw_head(c, key[0] / 2, key[1] / 2),
                skia.Rect.MakeLTRB(-0.75, -1.4, 0.75, 0.5),
            )
        return self._heads[key]

    def _face_path(self) -> skia.Path:
        w, j = self.player.head_width, self.player.jaw
        t = 0.1 * self.turn
        chin = 0.1 + 0.08 * j
        path = skia.Path()
        path.moveTo(-w, -0.58)
        path.cubicTo(-w, -0.86, -w * 0.62, -1.0, 0, -1.0)
        path.cubicTo(w * 0.62, -1.0, w, -0.86, w, -0.58)
        path.cubicTo(w, -0.36, w * j * 1.12 + t, -0.1, chin + t, -0.015)
        path.quadTo(t, 0.035, -chin + t, -0.015)
        path.cubicTo(-w * j * 1.12 + t, -0.1, -w, -0.36, -w, -0.58)
        path.close()
        return path

    def _draw_head(self, canvas: skia.Canvas, blink: float, brow: float) -> None:
        p = self.player
        w = p.head_width
        skin = self.skin
        turn = self.turn
        for side in (-1, 1):
            if side * turn > 0.28:
                continue
            x = side * w * 1.0 - 0.1 * turn
            canvas.drawOval(
                skia.Rect.MakeLTRB(x - 0.065, -0.56, x + 0.065, -0.32),
                fill(shade(skin, 0.86 if side * self.light > 0 else 0.62)),
            )
            canvas.drawOval(
                skia.Rect.MakeLTRB(x - 0.03, -0.52, x + 0.03, -0.38), fill(shade(skin, 0.55))
            )
        face = self._face_path()
        canvas.drawPath(face, stroke(shade(skin, 0.36, 0.7), 0.03))
        glow = skia.GradientShader.MakeRadial(
            skia.Point(0.2 * self.light + 0.1 * turn, -0.55),
            0.72,
            [shade(skin, 1.16), shade(skin, 1.0), shade(skin, 0.6)],
            [0.0, 0.5, 1.0],
        )
        canvas.drawPath(face, shaded(glow))
        canvas.save()
        canvas.clipPath(face, True)
        self._features(canvas, blink, brow)
        canvas.restore()
        self._beard(canvas, face)
        self._lips(canvas)
        self._hair_front(canvas)
        self._glasses(canvas)

    def _features(self, canvas: skia.Canvas, blink: float, brow: float) -> None:
        p = self.player
        skin = self.skin
        c = 0.24 * self.turn
        soft = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.045)
        blush = fill(int(skia.Color(206, 70, 60, 62 if sum(skin) > 420 else 34)))
        blush.setMaskFilter(soft)
        for side in (-1, 1):
            puff = 0.03 if self.blowing else 0.0
            canvas.drawOval(
                skia.Rect.MakeXYWH(c + side * 0.2 - 0.09, -0.33, 0.18, 0.13 + puff), blush
            )
            # Eye socket: a soft shadow gives the face its relief at small sizes.
            socket = fill(shade(skin, 0.45, 0.5))
            socket.setMaskFilter(soft)
            canvas.drawOval(skia.Rect.MakeXYWH(c + side * 0.155 - 0.1, -0.56, 0.2, 0.12), socket)
        for side in (-1, 1):
            near = 1.0 - 0.3 * abs(self.turn) * (1 if side * self.turn > 0 else 0)
            x = c + side * 0.158 * (near if side * self.turn > 0 else 1.0)
            rx, ry = 0.082 * near, 0.05 * (1.0 - 0.9 * blink)
            y = -0.47
            canvas.drawOval(
                skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry),
                fill(int(skia.Color(246, 244, 240))),
            )
            if blink < 0.75:
                ix = x + 0.03 * self.turn
                canvas.drawCircle(
                    ix, y + 0.008, min(0.046, ry + 0.006), fill(shade(p.eye_colour, 1.0))
                )
                canvas.drawCircle(ix, y + 0.008, 0.022, fill(int(skia.Color(12, 10, 10))))
                canvas.drawCircle(
                    ix + 0.016 * self.light, y - 0.012, 0.012, fill(int(skia.Color(255, 255, 255)))
                )
            lid = skia.Path()
            lid.moveTo(x - rx * 1.1, y + 0.012)
            lid.quadTo(x, y - 2.0 * ry, x + rx * 1.1, y + 0.006)
            lash = 0.024 + 0.016 * p.feminine
            canvas.drawPath(lid, stroke(shade(skin, 0.2, 0.95), lash))
            raised = -0.575 - 0.05 * brow
            arch = skia.Path()
            arch.moveTo(x - side * 0.085, raised + 0.028)
            arch.quadTo(x + side * 0.02, raised - 0.03, x + side * 0.11, raised + 0.02)
            brows = self.hair if p.hair_style != "bald" else (70, 56, 48)
            width = 0.045 - 0.015 * p.feminine
            canvas.drawPath(arch, stroke(shade(brows, 0.75, 0.95), width))
        n = p.nose
        away = -1.0 if self.light > 0 else 1.0
        nose = skia.Path()
        nose.moveTo(c + 0.02 * away, -0.45)
        nose.quadTo(c * 1.1 + 0.05 * away * n, -0.33, c * 1.25 + 0.075 * away * n, -0.265)
        nose.quadTo(c * 1.25, -0.225, c * 1.25 - 0.05 * away * n, -0.25)
        nose.lineTo(c * 1.2, -0.3)
        nose.close()
        canvas.drawPath(nose, fill(shade(skin, 0.5, 0.45)))
        bridge = skia.Path()
        bridge.moveTo(c - 0.018 * away, -0.44)
        bridge.lineTo(c * 1.25 - 0.022 * away, -0.285)
        shine = stroke(shade(skin, 1.4, 0.6), 0.04)
        shine.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.016))
        canvas.drawPath(bridge, shine)
        tip = skia.Path()
        tip.moveTo(c * 1.25 - 0.055 * n, -0.255)
        tip.quadTo(c * 1.25, -0.22, c * 1.25 + 0.055 * n, -0.255)
        canvas.drawPath(tip, stroke(shade(skin, 0.35, 0.7), 0.018))
        if p.age > 0.5:
            wrinkle = stroke(shade(skin, 0.45, 0.35 * p.age), 0.016)
            for side in (-1, 1):
                line = skia.Path()
                line.moveTo(c + side * 0.1 * n, -0.25)
                line.quadTo(c + side * 0.19, -0.18, c + side * 0.17, -0.1)
                canvas.drawPath(line, wrinkle)
            for y in (-0.72, -0.77):
                canvas.drawLine(c - 0.13, y, c + 0.13, y, wrinkle)

    def _lips(self, canvas: skia.Canvas) -> None:
        x, y = self.mouth
        lips = tinted(self.player, self.player.lips)
        half = 0.075 if self.blowing else 0.115
        mouth = skia.Path()
        mouth.moveTo(x - half, y)
        mouth.quadTo(x - 0.4 * half, y - 0.045, x, y - 0.025)
        mouth.quadTo(x + 0.4 * half, y - 0.045, x + half, y)
        mouth.quadTo(x, y + 0.075, x - half, y)
        canvas.drawPath(mouth, fill(shade(lips, 1.0)))
        line = skia.Path()
        line.moveTo(x - half, y)
        line.quadTo(x, y + 0.015, x + half, y)
        canvas.drawPath(line, stroke(shade(lips, 0.42), 0.017))

    def _beard(self, canvas: skia.Canvas, face: skia.Path) -> None:
        p = self.player
        kind = p.beard
        if kind == "none":
            return
        x, y = self.mouth
        w = p.head_width
        hair = self.hair
        if kind in ("full", "stubble", "long"):
            mask = skia.Path()
            mask.moveTo(-w * 1.05, -0.5)
            mask.cubicTo(-w * 0.9, -0.3, x - 0.25, -0.28, x - 0.12, -0.225)
            mask.quadTo(x, -0.2, x + 0.12, -0.225)
            mask.cubicTo(x + 0.25, -0.28, w * 0.9, -0.3, w * 1.05, -0.5)
            drop = 0.36 if kind == "long" else 0.08
            mask.cubicTo(w * 1.05, -0.05, 0.22, drop, 0.1 * self.turn, drop)
            mask.cubicTo(-0.22, drop, -w * 1.05, -0.05, -w * 1.05, -0.5)
            alpha = 0.32 if kind == "stubble" else 1.0
            canvas.save()
            if kind != "long":
                grown = skia.Path(face)
                grown.addOval(skia.Rect.MakeLTRB(-0.2, -0.2, 0.2, 0.08))
                canvas.clipPath(grown, True)
            first, last = shade(hair, 1.08, alpha), shade(hair, 0.6, alpha)
            if self.light > 0:
                first, last = last, first
            canvas.drawPath(mask, shaded(linear((-w, 0, w, 0), first, last)))
            canvas.restore()
        if kind in ("goatee", "full", "long"):
            canvas.drawOval(
                skia.Rect.MakeLTRB(x - 0.12, -0.09, x + 0.12, 0.09), fill(shade(hair, 0.9))
            )
        if kind in ("moustache", "goatee", "full", "long"):
            brush = skia.Path()
            brush.moveTo(x - 0.17, y + 0.02)
            brush.quadTo(x - 0.08, y - 0.09, x, y - 0.055)
            brush.quadTo(x + 0.08, y - 0.09, x + 0.17, y + 0.02)
            brush.quadTo(x + 0.06, y - 0.04, x, y - 0.03)
            brush.quadTo(x - 0.06, y - 0.04, x - 0.17, y + 0.02)
            canvas.drawPath(brush, fill(shade(hair, 0.85)))

    def _hair_shader(self) -> skia.Shader:
        return skia.GradientShader.MakeRadial(
            skia.Point(0.22 * self.light, -0.98),
            0.85,
            [shade(self.hair, 1.3), shade(self.hair, 1.0), shade(self.hair, 0.5)],
            [0.0, 0.35, 1.0],
        )

    def _draw_hair_back(self, canvas: skia.Canvas) -> None:
        p = self.player
        w = p.head_width + 0.06
        path = skia.Path()
        match p.hair_style:
            case "afro":
                path.addCircle(0, -0.68, 0.62)
            case "curly":
                path.addOval(skia.Rect.MakeLTRB(-w - 0.08, -1.12, w + 0.08, -0.22))
            case "bob" | "fringe":
                path.addRoundRect(skia.Rect.MakeLTRB(-w - 0.07, -1.06, w + 0.07, 0.08), 0.36, 0.36)
            case "long" | "wavy":
                path.moveTo(-w, -0.7)
                path.cubicTo(-w, -1.2, w, -1.2, w, -0.7)
                low = 1.05 if p.hair_style == "long" else 0.55
                path.cubicTo(w + 0.1, -0.2, w + 0.05, 0.4, w + 0.16, low)
                path.quadTo(0.0, low + 0.12, -w - 0.16, low)
                path.cubicTo(-w - 0.05, 0.4, -w - 0.1, -0.2, -w, -0.7)
            case "pony":
                path.moveTo(0.2, -0.95)
                path.cubicTo(0.75, -0.9, 0.5, -0.2, 0.62, 0.5)
                path.cubicTo(0.35, 0.3, 0.3, -0.3, 0.1, -0.7)
            case "bun":
                path.addCircle(0.02, -1.08, 0.2)
            case _:
                return
        canvas.drawPath(path, stroke(shade(self.hair, 0.3, 0.7), 0.03))
        canvas.drawPath(path, shaded(self._hair_shader()))
        if p.hair_style in ("long", "wavy", "bob"):
            for x in (-0.42, -0.34, 0.34, 0.42):
                strand = skia.Path()
                strand.moveTo(x * 0.8, -0.8)
                strand.quadTo(x * 1.1, -0.1, x * 1.15, 0.05 if p.hair_style == "bob" else 0.7)
                canvas.drawPath(strand, stroke(shade(self.hair, 0.45, 0.5), 0.025))

    def _hair_front(self, canvas: skia.Canvas) -> None:
        p = self.player
        style = p.hair_style
        w = p.head_width
        top = -1.06
        if style == "bald":
            shine = fill(int(skia.Color(255, 255, 255, 70)))
            shine.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.05))
            x = 0.14 * self.light
            canvas.drawOval(skia.Rect.MakeLTRB(x - 0.12, -0.95, x + 0.12, -0.82), shine)
            return
        c = 0.14 * self.turn
        # Hairline as (height at the temples, height in the middle, parting's place).
        temple, middle, part = {
            "buzz": (-0.7, -0.8, 0.0),
            "short": (-0.7, -0.82, 0.1),
            "side": (-0.68, -0.8, -0.2),
            "curly": (-0.68, -0.78, 0.0),
            "afro": (-0.7, -0.82, 0.0),
            "bob": (-0.5, -0.84, 0.06),
            "long": (-0.45, -0.88, 0.02),
            "bun": (-0.7, -0.86, 0.0),
            "pony": (-0.68, -0.84, 0.08),
            "receding": (-0.62, -0.97, 0.0),
            "fringe": (-0.5, -0.62, 0.0),
            "wavy": (-0.5, -0.82, -0.12),
        }[style]
        low = {"bob": -0.12, "long": 0.1, "fringe": -0.2, "wavy": -0.1}.get(style, -0.5)
        out = w + (0.015 if style in ("buzz", "receding") else 0.045)
        if style == "buzz":
            top = -1.02
        cap = skia.Path()
        cap.moveTo(-out, low)
        cap.cubicTo(-out - 0.03, -0.8, -w * 0.8, top - 0.02, 0, top)
        cap.cubicTo(w * 0.8, top - 0.02, out + 0.03, -0.8, out, low)
        cap.quadTo(w * 0.92, temple + 0.08, w * 0.8 + 0.3 * c, temple)
        cap.quadTo(w * 0.6 + c, middle, part + c, middle)
        cap.quadTo(-w * 0.6 + c, middle, -w * 0.8 + 0.3 * c, temple)
        cap.quadTo(-w * 0.92, temple + 0.08, -out, low)
        cap.close()
        if style in ("curly", "afro"):
            radius = 0.13 if style == "curly" else 0.17
            reach = 0.43 if style == "curly" else 0.52
            for k in range(11):
                angle = math.pi * (1.02 + 0.096 * k)
                cap.addCircle(
                    reach * math.cos(angle), -0.62 + (reach + 0.02) * math.sin(angle), radius
                )
        canvas.drawPath(cap, stroke(shade(self.hair, 0.35, 0.6), 0.02))
        paint = shaded(self._hair_shader())
        if style == "buzz":
            paint.setAlphaf(0.8)
        canvas.drawPath(cap, paint)
        if style not in ("buzz", "curly", "afro"):
            canvas.save()
            canvas.clipPath(cap, True)
            for k in range(-2, 3):
                strand = skia.Path()
                strand.moveTo(part + c, top + 0.05)
                strand.quadTo(0.16 * k + c, -0.98, 0.19 * k + c, (temple + middle) / 2 - 0.05)
                canvas.drawPath(strand, stroke(shade(self.hair, 0.5, 0.45), 0.02))
            gleam = skia.Path()
            gleam.moveTo(0.06 * self.light, -1.0)
            gleam.quadTo(0.26 * self.light, -0.98, 0.33 * self.light, -0.82)
            paint = stroke(shade(self.hair, 1.7, 0.5), 0.04)
            paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.02))
            canvas.drawPath(gleam, paint)
            canvas.restore()

    def _glasses(self, canvas: skia.Canvas) -> None:
        kind = self.player.glasses
        if kind == 0:
            return
        c = 0.24 * self.turn
        frame = int(skia.Color(30, 26, 26)) if kind != 3 else int(skia.Color(176, 150, 96))
        paint = stroke(frame, 0.034 if kind == 2 else 0.024)
        glass = fill(int(skia.Color(255, 255, 255, 34)))
        for side in (-1, 1):
            x = c + side * 0.16
            rect = skia.Rect.MakeLTRB(x - 0.115, -0.555, x + 0.115, -0.375)
            lens = skia.Path()
            if kind == 2:
                lens.addRoundRect(rect, 0.05, 0.05)
            else:
                lens.addOval(rect)
            canvas.drawPath(lens, glass)
            canvas.drawPath(lens, paint)
            canvas.drawLine(x + side * 0.115, -0.48, side * self.player.head_width, -0.5, paint)
        canvas.drawLine(c - 0.045, -0.475, c + 0.045, -0.475, paint)


def _butt(colour: int, width: float) -> skia.Paint:
    paint = stroke(colour, width)
    paint.setStrokeCap(skia.Paint.kButt_Cap)
    return paint
