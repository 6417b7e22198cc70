"""Places in space in, places in the picture out; planes and simple solids to draw in.

World coordinates: unit one head height, x to the right, y down, z away from the viewer. A plane
drawn on is a matrix for the canvas, so whatever is drawn flat can lie on a floor or lean on a wall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import skia
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from sightsound.orchestra.instruments import Colour, Point
from sightsound.orchestra.scene import fill, linear, shade, shaded, stroke

Vector = tuple[float, float, float]
Painter = Callable[[skia.Canvas], None]
RING = 40  # corners of a circle


def plus(a: Vector, b: Vector, times: float = 1.0) -> Vector:
    """``a + times · b``."""
    return a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def unit(a: Vector) -> Vector:
    """The same direction, of length 1."""
    length = math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2) or 1.0
    return a[0] / length, a[1] / length, a[2] / length


@dataclass(frozen=True)
class Plane:
    """A flat piece of the world: place ``origin + a · u + b · v``."""

    origin: Vector
    u: Vector
    v: Vector

    def at(self, a: float, b: float, out: float = 0.0) -> Vector:
        """A place on it, or ``out`` lengths off it, towards who sees u rightwards and v down."""
        on = plus(plus(self.origin, self.u, a), self.v, b)
        return plus(on, unit(cross(self.v, self.u)), out)


class Camera:
    """Looks at ``target`` from ``distance`` along z, turned; ``span`` heads fill the picture."""

    def __init__(
        self,
        size: int,
        *,
        target: Vector,
        span: float,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
        distance: float = 20.0,
        centre: Point = (0.5, 0.5),
        light: float = -0.7,
    ) -> None:
        """Angles in radians: yaw moves the camera to the left, pitch up; ``light`` -1 left."""
        self.size, self.span, self.distance = size, span, distance
        self.target = np.array(target)
        cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        cr, sr = math.cos(roll), math.sin(roll)
        about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
        about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        self.turn: NDArray[np.float64] = about_z @ about_x @ about_y
        self.focal = size * distance / span
        self.centre = (centre[0] * size, centre[1] * size)
        self.light = light
        self.eye: NDArray[np.float64] = self.target - self.turn.T @ np.array([0, 0, distance])
        lamp = self.turn.T @ np.array([light, -1.0, -0.9])
        self.lamp: NDArray[np.float64] = lamp / np.linalg.norm(lamp)

    def seen(self, places: Iterable[Vector]) -> NDArray[np.float64]:
        """(n, 3): x and y in pixels, and the depth, for places of the world."""
        turned = (np.array(list(places)) - self.target) @ self.turn.T
        depth = np.maximum(turned[:, 2] + self.distance, 0.05)
        xy = turned[:, :2] * (self.focal / depth)[:, None] + self.centre
        return np.column_stack([xy, depth])

    def depth(self, place: Vector) -> float:
        """How far a place is from the eye, along its axis."""
        return float(self.seen([place])[0, 2])

    def scale(self, place: Vector) -> float:
        """Pixels a head height at a place."""
        return self.focal / self.depth(place)

    def faces(self, place: Vector, normal: Vector) -> bool:
        """Whether a surface at a place is seen from its outside."""
        return float(np.dot(np.array(normal), self.eye - np.array(place))) > 0.0

    def lit(self, normal: Vector) -> float:
        """Brightness of a surface, 0.45 turned away to 1.15 full in the light."""
        return 0.72 + 0.42 * float(np.dot(np.array(unit(normal)), self.lamp))

    def matrix(self, plane: Plane) -> skia.Matrix:
        """Coordinates (a, b) of a plane → pixels."""
        o = self.turn @ (np.array(plane.origin) - self.target) + (0.0, 0.0, self.distance)
        u, v = self.turn @ np.array(plane.u), self.turn @ np.array(plane.v)
        columns = np.column_stack([u, v, o])
        rows = np.stack(
            [
                self.focal * columns[0] + self.centre[0] * columns[2],
                self.focal * columns[1] + self.centre[1] * columns[2],
                columns[2],
            ]
        )
        rows /= rows[2, 2] if abs(rows[2, 2]) > 1e-6 else 1e-6
        return skia.Matrix.MakeAll(*(float(value) for value in rows.ravel()))

    def on(self, canvas: skia.Canvas, plane: Plane, painter: Painter) -> None:
        """Draw on a plane."""
        canvas.save()
        canvas.concat(self.matrix(plane))
        painter(canvas)
        canvas.restore()

    # --- solids -------------------------------------------------------------------------------

    def outline(self, places: Iterable[Vector], *, closed: bool = True) -> skia.Path:
        """A path through places."""
        points = [skia.Point(float(x), float(y)) for x, y, _ in self.seen(places)]
        return skia.Path.Polygon(points, closed)

    def face(
        self, canvas: skia.Canvas, places: Sequence[Vector], colour: int, edge: float = 0.0
    ) -> None:
        """A flat polygon; its own colour closes the seams to its neighbours."""
        path = self.outline(places)
        canvas.drawPath(path, fill(colour))
        canvas.drawPath(path, stroke(colour, max(edge, 0.6)))

    def prism(
        self,
        canvas: skia.Canvas,
        plane: Plane,
        corners: Sequence[Point],
        depth: float,
        colour: Colour,
        top: Painter | None = None,
        *,
        gloss: float = 0.0,
    ) -> None:
        """A plate: ``corners`` on the plane (either way round), ``depth`` to behind it.

        Its sides are lit one by one, its seen face is painted by ``top`` in the plane's
        coordinates, or in its colour.
        """
        signed = sum(
            a[0] * b[1] - b[0] * a[1]
            for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
        )
        ring = list(corners) if signed > 0 else list(corners)[::-1]
        normal = unit(cross(plane.v, plane.u))
        sides = []
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
            near_a, near_b = plane.at(*a), plane.at(*b)
            outward = cross(normal, plus(near_b, near_a, -1.0))
            if math.dist(a, b) < 1e-9 or not self.faces(near_a, outward):
                continue
            far_a, far_b = plane.at(*a, -depth), plane.at(*b, -depth)
            quad = [near_a, near_b, far_b, far_a]
            middle = float(np.mean(self.seen(quad)[:, 2]))
            sides.append((middle, quad, self.lit(outward)))
        for _, quad, lit in sorted(sides, key=lambda side: -side[0]):
            bright = lit + gloss * max(lit - 0.95, 0.0) * 3.0
            self.face(canvas, quad, shade(colour, bright))
        front = self.faces(plane.origin, normal)
        out = 0.0 if front else -depth
        path = self.outline([plane.at(*corner, out) for corner in ring])
        lit = self.lit(normal if front else (-normal[0], -normal[1], -normal[2]))
        canvas.drawPath(path, fill(shade(colour, lit)))
        if top is not None and front:
            canvas.save()
            canvas.clipPath(path, True)
            self.on(canvas, plane, top)
            canvas.restore()
        canvas.drawPath(path, stroke(shade(colour, 0.35, 0.7), max(0.004 * self.size, 0.5)))

    def box(
        self,
        canvas: skia.Canvas,
        low: Vector,
        high: Vector,
        colour: Colour,
        paint: dict[str, Painter] | None = None,
        *,
        frame: Callable[[Vector], Vector] = lambda place: place,
    ) -> None:
        """A box along the axes of ``frame``; ``paint``: "top" (x, z), "front" (x, y) painters."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        sides: list[tuple[str, Vector, Vector, Vector, float, float]] = [
            ("front", (x0, y0, z0), (1, 0, 0), (0, 1, 0), x1 - x0, y1 - y0),
            ("back", (x1, y0, z1), (-1, 0, 0), (0, 1, 0), x1 - x0, y1 - y0),
            ("left", (x0, y0, z1), (0, 0, -1), (0, 1, 0), z1 - z0, y1 - y0),
            ("right", (x1, y0, z0), (0, 0, 1), (0, 1, 0), z1 - z0, y1 - y0),
            ("top", (x0, y0, z0), (0, 0, 1), (1, 0, 0), z1 - z0, x1 - x0),
            ("under", (x0, y1, z0), (1, 0, 0), (0, 0, 1), x1 - x0, z1 - z0),
        ]
        base = frame((0.0, 0.0, 0.0))
        for name, corner, along, down, wide, high_ in sides:
            origin = frame(corner)
            u, v = plus(frame(along), base, -1.0), plus(frame(down), base, -1.0)
            plane = Plane(origin, u, v)
            outward = cross(v, u)
            if name in ("top", "under"):
                outward = (0.0, -1.0 if name == "top" else 1.0, 0.0)
            if not self.faces(origin, outward):
                continue
            quad = [plane.at(0, 0), plane.at(wide, 0), plane.at(wide, high_), plane.at(0, high_)]
            tone = self.lit(outward)
            self.face(canvas, quad, shade(colour, tone))
            canvas.drawPath(
                self.outline(quad), stroke(shade(colour, 0.4, 0.45), max(0.003 * self.size, 0.4))
            )
            if paint and name in paint:
                canvas.save()
                canvas.clipPath(self.outline(quad), True)
                flat = Plane(frame(low), plus(frame((1, 0, 0)), base, -1.0), v)
                if name == "top":
                    flat = Plane(frame(low), flat.u, plus(frame((0, 0, 1)), base, -1.0))
                self.on(canvas, flat, paint[name])
                canvas.restore()

    def ring(self, middle: Vector, u: Vector, v: Vector, radius: float) -> list[Vector]:
        """The corners of a circle in the plane of u and v."""
        angles = [2.0 * math.pi * k / RING for k in range(RING)]
        return [
            plus(plus(middle, u, radius * math.cos(a)), v, radius * math.sin(a)) for a in angles
        ]

    def barrel(
        self,
        canvas: skia.Canvas,
        base: Vector,
        axis: Vector,
        profile: Sequence[tuple[float, float]],
        colour: Colour,
        *,
        shine: float = 1.35,
    ) -> None:
        """The side of a turned body: (height along the axis, radius) pairs from the base on."""
        u, v = across(axis)
        along = unit(axis)
        rings = [
            self.seen(self.ring(plus(base, along, height), u, v, radius))[:, :2]
            for height, radius in profile
        ]
        ends = self.seen([base, plus(base, along, profile[-1][0])])[:, :2]
        dx, dy = ends[1] - ends[0]
        length = math.hypot(dx, dy)
        nx, ny = (1.0, 0.0) if length < 1e-6 else (-dy / length, dx / length)
        if nx < 0.0:
            nx, ny = -nx, -ny
        pieces = list(pairwise(rings))
        if float(np.dot(np.array(along), self.eye - np.array(base))) < 0.0:
            pieces.reverse()
        for low, high in pieces:
            points = np.vstack([low, high])
            hull = points[ConvexHull(points, qhull_options="QJ").vertices]
            path = skia.Path.Polygon([skia.Point(*map(float, p)) for p in hull], True)
            sides = points @ np.array([nx, ny])
            middle = points.mean(axis=0)
            here = float(middle @ np.array([nx, ny]))
            start, end = float(sides.min()) - here, float(sides.max()) - here
            x, y = float(middle[0]), float(middle[1])
            tones = [0.62, 1.0, shine, 1.02, 0.6, 0.4]
            if self.light > 0:
                tones.reverse()
            lamp = linear(
                (x + start * nx, y + start * ny, x + end * nx, y + end * ny),
                *(shade(colour, tone) for tone in tones),
            )
            canvas.drawPath(path, shaded(lamp))
            canvas.drawPath(path, stroke(shade(colour, 0.3, 0.5), max(0.003 * self.size, 0.4)))

    def disc(
        self,
        canvas: skia.Canvas,
        middle: Vector,
        axis: Vector,
        radius: float,
        colour: Colour,
        painter: Painter | None = None,
    ) -> None:
        """A round plate; ``painter`` draws on it in units of its radius."""
        u, v = across(axis)
        normal = unit(axis)
        if not self.faces(middle, normal):
            normal = (-normal[0], -normal[1], -normal[2])
        path = self.outline(self.ring(middle, u, v, radius))
        canvas.drawPath(path, fill(shade(colour, self.lit(normal))))
        if painter is not None:
            canvas.save()
            canvas.clipPath(path, True)
            scaled = Plane(middle, plus((0, 0, 0), u, radius), plus((0, 0, 0), v, radius))
            self.on(canvas, scaled, painter)
            canvas.restore()

    def bar(
        self,
        canvas: skia.Canvas,
        start: Vector,
        end: Vector,
        width: float,
        colour: Colour,
        *,
        end_width: float | None = None,
    ) -> None:
        """A round rod from place to place, lit along its length."""
        seen = self.seen([start, end])
        a = width * self.focal / seen[0, 2] / 2.0
        b = (width if end_width is None else end_width) * self.focal / seen[1, 2] / 2.0
        (x0, y0), (x1, y1) = seen[0, :2], seen[1, :2]
        length = math.hypot(x1 - x0, y1 - y0) or 1e-6
        nx, ny = -(y1 - y0) / length, (x1 - x0) / length
        if nx * self.light < 0 or (abs(nx) < 0.2 and ny > 0):
            nx, ny = -nx, -ny
        corners = [
            (x0 + a * nx, y0 + a * ny), (x1 + b * nx, y1 + b * ny),
            (x1 - b * nx, y1 - b * ny), (x0 - a * nx, y0 - a * ny),
        ]  # fmt: skip
        path = skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in corners], True)
        canvas.drawPath(path, stroke(shade(colour, 0.3, 0.7), max(0.004 * self.size, 0.4)))
        wide = max(a, b)
        lamp = linear(
            (float(x0 + wide * nx), float(y0 + wide * ny), float(x0 - wide * nx),
             float(y0 - wide * ny)),
            shade(colour, 1.3), shade(colour, 1.0), shade(colour, 0.5),
        )  # fmt: skip
        canvas.drawPath(path, shaded(lamp))

    def shadow(
        self, canvas: skia.Canvas, middle: Vector, wide: float, deep: float, strength: float = 0.5
    ) -> None:
        """A soft shadow on the floor, half as wide and deep as told."""

        def paint(on: skia.Canvas) -> None:
            dark = fill(int(skia.Color(0, 0, 0, round(255 * strength))))
            blur = 0.2 * min(wide, deep)
            dark.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
            on.drawOval(skia.Rect.MakeLTRB(-wide, -deep, wide, deep), dark)

        self.on(canvas, Plane(middle, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), paint)


def across(axis: Vector) -> tuple[Vector, Vector]:
    """Two unit vectors across an axis and each other."""
    along = unit(axis)
    helper = (0.0, 0.0, 1.0) if abs(along[2]) < 0.8 else (1.0, 0.0, 0.0)
    u = unit(cross(helper, along))
    return u, unit(cross(along, u))


def turned_frame(place: Vector, angle: float) -> Callable[[Vector], Vector]:
    """A frame of its own: x and z turned by an angle about a place's upright axis."""
    cos, sin = math.cos(angle), math.sin(angle)

    def moved(local: Vector) -> Vector:
        x, y, z = local
        return place[0] + cos * x + sin * z, place[1] + y, place[2] - sin * x + cos * z

    return moved
