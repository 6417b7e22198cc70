"""Takes centre lines and radii, gives shaded tubes, bells, rods and key cups on a skia canvas.

Everything is in an instrument's local coordinates (unit: one head height, y down). A shape is
drawn as a nest of narrowing polygons whose middle moves toward the light, which at any size looks
like a lit cylinder and needs no shader. What never moves is recorded once per look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import skia
from numpy.typing import NDArray

from sightsound.orchestra.instruments import Colour, InstrumentLook, MechanismFrame

Line: TypeAlias = NDArray[np.float64]
Painter: TypeAlias = Callable[..., None]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


# ------------------------------------------------------------------ colours


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Colour between two others: ``share`` 0 gives the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Tones:
    """Five tones of one material, from its outline to its glint, and how mirror-like it is."""

    outline: Colour
    dark: Colour
    base: Colour
    light: Colour
    glint: Colour
    mirror: bool  # metal throws back a second, weak band of light on the shadow side

    def at(self, depth: float) -> Colour:
        """Tone from the shadowed edge (0) to the glint (1) of a round body."""
        stops = ((0.0, self.dark), (0.36, self.base), (0.78, self.light), (1.0, self.glint))
        for (low, below), (high, above) in pairwise(stops):
            if depth <= high:
                return mix(below, above, (depth - low) / (high - low))
        return self.glint


def metal(base: Colour, dark: Colour, light: Colour) -> Tones:
    """Polished metal of the given three colours."""
    return Tones(mix(dark, BLACK, 0.62), dark, base, light, mix(light, WHITE, 0.75), True)


def wood(base: Colour, dark: Colour, light: Colour) -> Tones:
    """Varnished or oiled wood of the given three colours."""
    return Tones(mix(dark, BLACK, 0.55), dark, base, mix(base, light, 0.75), light, False)


def plated(colour: Colour) -> Tones:
    """Metal known by its middle colour alone (keywork, ferrules, a silver slide)."""
    return metal(colour, mix(colour, BLACK, 0.58), mix(colour, WHITE, 0.55))


def body_metal(look: InstrumentLook) -> Tones:
    """The lacquer of a brass instrument or the silver of a flute."""
    return metal(look.base, look.dark, look.light)


def fill(colour: Colour, alpha: float = 1.0) -> skia.Paint:
    """Antialiased filling paint."""
    return skia.Paint(AntiAlias=True, Color=skia.Color(*colour, round(255 * alpha)))


def stroke(colour: Colour, width: float, alpha: float = 1.0) -> skia.Paint:
    """Antialiased paint for lines ``width`` head heights wide, round at their ends."""
    return skia.Paint(
        AntiAlias=True,
        Color=skia.Color(*colour, round(255 * alpha)),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


# ------------------------------------------------------------------ lines


def straight(start: tuple[float, float], end: tuple[float, float], points: int = 2) -> Line:
    """(points, 2) line from start to end."""
    return np.linspace(start, end, points)


def arc(
    centre: tuple[float, float],
    radius: float | tuple[float, float],
    start: float,
    end: float,
    points: int = 24,
) -> Line:
    """(points, 2) arc of an ellipse between two angles (radians, clockwise since y is down)."""
    across, down = radius if isinstance(radius, tuple) else (radius, radius)
    angle = np.linspace(start, end, points)
    return np.stack([centre[0] + across * np.cos(angle), centre[1] + down * np.sin(angle)], axis=1)


def spline(*knots: tuple[float, float], points: int = 40) -> Line:
    """(points, 2) centripetal Catmull-Rom curve through all knots."""
    inner = np.asarray(knots, dtype=np.float64)
    knot = np.vstack([2 * inner[0] - inner[1], inner, 2 * inner[-1] - inner[-2]])
    time = np.concatenate(
        [[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(knot, axis=0), axis=1)))]
    )
    moments = np.linspace(time[1], time[-2], points)
    piece = np.clip(np.searchsorted(time, moments, side="right") - 1, 1, len(knot) - 3)
    moment = moments[:, None]

    def between(left: Line, right: Line, begin: NDArray[np.intp], end: NDArray[np.intp]) -> Line:
        a, b = time[begin][:, None], time[end][:, None]
        blend: Line = left * (b - moment) / (b - a) + right * (moment - a) / (b - a)
        return blend

    p0, p1, p2, p3 = piece - 1, piece, piece + 1, piece + 2
    a1 = between(knot[p0], knot[p1], p0, p1)
    a2 = between(knot[p1], knot[p2], p1, p2)
    a3 = between(knot[p2], knot[p3], p2, p3)
    curve: Line = between(between(a1, a2, p0, p2), between(a2, a3, p1, p3), p1, p2)
    return curve


def join(*pieces: Line) -> Line:
    """One line from several, without the points they share."""
    line = np.vstack(pieces)
    keep = np.concatenate([[True], np.linalg.norm(np.diff(line, axis=0), axis=1) > 1e-6])
    kept: Line = line[keep]
    return kept


def along(line: Line) -> NDArray[np.float64]:
    """(n,) share of the line's length passed at each of its points, 0 to 1."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    share: NDArray[np.float64] = length / length[-1]
    return share


# ------------------------------------------------------------------ shapes


@dataclass(frozen=True)
class Sweep:
    """A tube: (n, 2) centre line and (n,) radii, head heights."""

    line: Line
    radii: NDArray[np.float64]

    def band(
        self, share: float = 1.0, shift: float = 0.0, light: tuple[float, float] = (0.0, -1.0)
    ) -> skia.Path:
        """Outline of the middle ``share`` of the tube, moved by ``shift`` radii toward the light.

        The move lies across the tube and shrinks as the tube turns toward the light, as the
        highlight of a cylinder does.
        """
        tangent = np.gradient(self.line, axis=0)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
        facing = normal @ np.asarray(light)
        middle = self.line + normal * (facing * shift * self.radii)[:, None]
        reach = normal * (self.radii * share)[:, None]
        outline = np.vstack([middle + reach, (middle - reach)[::-1]])
        return skia.Path.Polygon([skia.Point(*point) for point in outline.tolist()], True)

    def paint(
        self, canvas: skia.Canvas, tones: Tones, light: tuple[float, float], edge: float = 0.03
    ) -> None:
        """Draw the lit tube with an outline ``edge`` wide."""
        whole = self.band()
        if edge > 0.0:
            canvas.drawPath(whole, stroke(tones.outline, edge))
        canvas.drawPath(whole, fill(tones.dark))
        if tones.mirror:
            for share, depth in ((0.3, 0.3), (0.2, 0.55), (0.1, 0.8)):
                canvas.drawPath(
                    self.band(share, -0.66, light), fill(mix(tones.dark, tones.base, depth))
                )
        else:
            rim = mix(tones.base, tones.light, 0.35)
            canvas.drawPath(self.band(0.1, 0.86, light), fill(rim))
        steps = min(max(math.ceil(60.0 * float(self.radii.max())), 6), 18)
        for step in range(1, steps + 1):
            depth = step / steps
            band = self.band(0.9 - 0.82 * depth, 0.08 + 0.38 * depth, light)
            canvas.drawPath(band, fill(tones.at(depth)))


def tube(line: Line, radius: float) -> Sweep:
    """A tube of one width."""
    return Sweep(line, np.full(len(line), radius))


def turned(line: Line, profile: Sequence[tuple[float, float]], points: int | None = None) -> Sweep:
    """A tube whose radius runs through (share of length, radius) pairs, evenly in between."""
    if points is not None:
        share = np.unique(np.concatenate([np.linspace(0, 1, points), [at for at, _ in profile]]))
        passed = along(line)
        line = np.stack([np.interp(share, passed, line[:, axis]) for axis in (0, 1)], axis=1)
    radii = np.interp(along(line), [at for at, _ in profile], [radius for _, radius in profile])
    return Sweep(line, radii)


def flared(line: Line, start: float, throat: float, mouth: float, power: float = 5.0) -> Sweep:
    """A bell: cone from ``start`` to ``throat`` that opens to ``mouth`` by a power law."""
    share = along(line)
    return Sweep(line, start + (throat - start) * share + (mouth - throat) * share**power)


def post(
    canvas: skia.Canvas,
    tones: Tones,
    light: tuple[float, float],
    at: tuple[float, float],
    half_length: float,
    radius: float,
    angle: float = math.pi / 2,
) -> None:
    """A short straight piece of tube about a point: a ring, ferrule, cap or valve casing."""
    dx, dy = math.cos(angle) * half_length, math.sin(angle) * half_length
    piece = tube(straight((at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy), 3), radius)
    piece.paint(canvas, tones, light, 0.02)


def bell_mouth(
    canvas: skia.Canvas,
    tones: Tones,
    centre: tuple[float, float],
    radius: float,
    depth: float,
    angle: float,
    funnel: Colour | None = None,
) -> None:
    """The open end of a bell seen at a slant.

    ``radius`` lies across the tube, ``depth`` is the opening's half width along ``angle``
    (radians), the direction in which the bell points; ``funnel`` is the colour of its throat.
    """
    throat = funnel or mix(tones.dark, BLACK, 0.72)
    canvas.save()
    canvas.translate(*centre)
    canvas.rotate(math.degrees(angle))
    rim = skia.Rect.MakeLTRB(-depth, -radius, depth, radius)
    canvas.drawOval(rim, stroke(tones.outline, 0.05))
    shade = skia.GradientShader.MakeRadial(
        center=skia.Point(-0.25, 0.0),
        radius=1.15,
        colors=[
            skia.Color(*colour)
            for colour in (
                mix(throat, BLACK, 0.35),
                throat,
                mix(throat, tones.dark, 0.8),
                mix(tones.dark, tones.base, 0.8),
                tones.light,
            )
        ],
        positions=[0.0, 0.3, 0.58, 0.84, 1.0],
        localMatrix=skia.Matrix.Scale(depth, radius),
    )
    canvas.drawOval(rim, skia.Paint(AntiAlias=True, Shader=shade))
    canvas.drawOval(rim, stroke(mix(tones.base, tones.light, 0.5), 0.035))
    canvas.drawArc(rim, -150.0, 105.0, False, stroke(tones.glint, 0.018))
    canvas.restore()


def rod(canvas: skia.Canvas, tones: Tones, line: Line, width: float) -> None:
    """A thin rod or wire with a shadow under it and a glint on it."""
    path = skia.Path.Polygon([skia.Point(*point) for point in line.tolist()], False)
    canvas.drawPath(path, stroke(tones.outline, width * 1.7, 0.55))
    canvas.drawPath(path, stroke(tones.base, width))
    canvas.drawPath(path, stroke(tones.glint, width * 0.35))


def cups(
    canvas: skia.Canvas,
    tones: Tones,
    light: tuple[float, float],
    places: Sequence[tuple[float, float]],
    radius: float | tuple[float, float],
    closed: Sequence[float],
    lift: tuple[float, float],
) -> None:
    """Key cups: open ones stand off by ``lift`` over a dark hole and shine, closed ones sit tight.

    ``radius`` is one number or (along x, along y) for cups seen at a slant.
    """
    across, down = radius if isinstance(radius, tuple) else (radius, radius)
    holes, rims, faces, glints = skia.Path(), skia.Path(), skia.Path(), skia.Path()
    dim = skia.Path()

    def oval(path: skia.Path, x: float, y: float, size: float) -> None:
        width, height = across * size, down * size
        path.addOval(skia.Rect.MakeLTRB(x - width, y - height, x + width, y + height))

    for (x, y), shut in zip(places, closed, strict=True):
        up_x, up_y = x + lift[0] * (1.0 - shut), y + lift[1] * (1.0 - shut)
        size = 1.0 - 0.1 * shut
        oval(holes, x, y, 1.12)
        oval(rims, up_x, up_y, 1.12 * size)
        oval(dim if shut > 0.5 else faces, up_x, up_y, 0.86 * size)
        oval(
            glints, up_x + light[0] * 0.3 * across, up_y + light[1] * 0.3 * down, 0.4 - 0.18 * shut
        )
    canvas.drawPath(holes, fill(mix(tones.outline, BLACK, 0.5)))
    canvas.drawPath(rims, fill(tones.dark))
    canvas.drawPath(faces, fill(mix(tones.base, tones.light, 0.5)))
    canvas.drawPath(dim, fill(mix(tones.dark, tones.base, 0.72)))
    canvas.drawPath(glints, fill(tones.glint))


# ------------------------------------------------------------------ recording


@lru_cache(maxsize=512)
def recorded(painter: Painter, look: InstrumentLook, *state: Any) -> skia.Picture:
    """What ``painter(canvas, look, *state)`` draws, recorded once and kept for the next frames."""
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-REACH, -REACH, REACH, REACH))
    painter(canvas, look, *state)
    return recorder.finishRecordingAsPicture()


REACH = 6.0  # nothing is drawn further than this from the origin, head heights
OVERSAMPLING = 2.0  # sprite pixels a picture pixel, so that turning a sprite blurs nothing
SMALLEST, LARGEST = 6.0, 160.0  # pixels a head height between which sprites are used


@lru_cache(maxsize=512)
def _bounds(painter: Painter, look: InstrumentLook, *state: Any) -> skia.Rect:
    """What a painter covers, local coordinates, found by drawing it small."""
    scale = 16.0
    side = round(2 * REACH * scale)
    surface = skia.Surface(side, side)
    canvas = surface.getCanvas()
    canvas.scale(scale, scale)
    canvas.translate(REACH, REACH)
    canvas.drawPicture(recorded(painter, look, *state))
    rows, columns = np.nonzero(surface.toarray()[..., 3])
    if not len(rows):
        return skia.Rect.MakeEmpty()
    left, top, right, bottom = columns.min() - 1, rows.min() - 1, columns.max() + 2, rows.max() + 2
    return skia.Rect.MakeLTRB(*(float(edge) / scale - REACH for edge in (left, top, right, bottom)))


@lru_cache(maxsize=160)
def _sprite(
    scale: float, painter: Painter, look: InstrumentLook, *state: Any
) -> tuple[skia.Image, skia.Rect]:
    """A painter's pixels at ``scale`` pixels a head height, and the place where they belong."""
    bounds = _bounds(painter, look, *state)
    width = max(math.ceil(bounds.width() * scale), 1)
    height = max(math.ceil(bounds.height() * scale), 1)
    surface = skia.Surface(width, height)
    canvas = surface.getCanvas()
    canvas.scale(scale, scale)
    canvas.translate(-bounds.left(), -bounds.top())
    canvas.drawPicture(recorded(painter, look, *state))
    place = skia.Rect.MakeXYWH(bounds.left(), bounds.top(), width / scale, height / scale)
    return surface.makeImageSnapshot(), place


def show(canvas: skia.Canvas, painter: Painter, look: InstrumentLook, *state: Any) -> None:
    """Draw what ``painter(canvas, look, *state)`` draws, from a store.

    At usual sizes from pixels made once for the canvas's scale (in steps of a quarter octave, so
    the same canvas always gets the same pixels), at unusual ones from the recorded shapes.
    """
    matrix = canvas.getTotalMatrix()
    scale = math.hypot(matrix.getScaleX(), matrix.getSkewY())
    if not SMALLEST <= scale <= LARGEST:
        canvas.drawPicture(recorded(painter, look, *state))
        return
    step = OVERSAMPLING * 2.0 ** (math.ceil(4.0 * math.log2(scale)) / 4.0)
    image, place = _sprite(step, painter, look, *state)
    canvas.drawImageRect(image, place, LINEAR)


LINEAR = skia.SamplingOptions(skia.FilterMode.kLinear)


def light_vector(look: InstrumentLook, tilt: float) -> tuple[float, float]:
    """Unit vector toward the light, in axes turned by ``tilt`` against the picture's.

    It stands above and, by ``look.light_direction``, to the picture's left (-1) or right (1).
    """
    side = min(max(look.light_direction, -1.5), 1.5)
    angle = math.atan2(-0.9, side) - tilt
    return math.cos(angle), math.sin(angle)


# ------------------------------------------------------------------ mechanism


def values(mechanism: MechanismFrame, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    """A tuple of the mechanism, each value in [0, 1] and rounded to quarters; default if absent."""
    found = mechanism.get(name)
    if found is None:
        return default
    row = np.clip(np.atleast_1d(np.asarray(found, dtype=np.float64)), 0.0, 1.0)
    return tuple((np.rint(4.0 * row) / 4.0).tolist()) or default


def value(mechanism: MechanismFrame, name: str, default: float = 0.0) -> float:
    """A number of the mechanism, held in [0, 1]; default if absent."""
    found: Any = mechanism.get(name, default)
    return min(max(float(found), 0.0), 1.0)


def fingers(pressed: Sequence[float], count: int = 4, rest: float = 1.0) -> tuple[float, ...]:
    """``count`` fingers for any number of keys: a finger is down as far as its lowest key.

    Fingers left over when there are fewer keys than fingers stay at ``rest``.
    """
    if len(pressed) <= count:
        return tuple(float(value) for value in pressed) + (rest,) * (count - len(pressed))
    edges = [round(index * len(pressed) / count) for index in range(count + 1)]
    return tuple(float(max(pressed[a:b])) for a, b in pairwise(edges))


def spread(
    start: tuple[float, float], end: tuple[float, float], count: int
) -> list[tuple[float, float]]:
    """``count`` places evenly along a line, its ends included (the middle for one)."""
    if count == 1:
        return [((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)]
    return [
        (
            start[0] + (end[0] - start[0]) * i / (count - 1),
            start[1] + (end[1] - start[1]) * i / (count - 1),
        )
        for i in range(count)
    ]
