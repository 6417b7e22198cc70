"""A player, an instrument and its mechanism in, the pictures and their keypoints out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import skia
from numpy.typing import NDArray

from sightsound.orchestra.body import NECK, Arm, Figure
from sightsound.orchestra.brass import Horn, Trombone, Trumpet, Tuba
from sightsound.orchestra.instruments import (
    Anchors,
    Colour,
    Instrument,
    InstrumentLook,
    Point,
)
from sightsound.orchestra.motion import Mechanism
from sightsound.orchestra.player import Player, make_player
from sightsound.orchestra.scene import (
    Sprite,
    backdrop,
    camera_matrix,
    draw_floor,
    draw_seat,
    draw_stand,
    tinted,
)
from sightsound.orchestra.strings import strings
from sightsound.orchestra.woodwinds import Bassoon, Clarinet, Flute, Oboe, Saxophone
from sightsound.shapes import Frames

Affine: TypeAlias = tuple[float, float, float, float, float, float]
Side: TypeAlias = Literal["left", "right"]
FLOOR_Y = 4.2

BODY_KEYPOINTS = (
    "head",
    "neck",
    "right_shoulder",
    "left_shoulder",
    "right_elbow",
    "left_elbow",
    "right_wrist",
    "left_wrist",
    "right_hand",
    "left_hand",
)
"""Left and right are the player's: the left hand is at the picture's right."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a body holds one instrument; angles in radians, lengths in head heights."""

    turn: float  # the head's turn, picture right positive
    tilt: float = 0.0  # the head's tilt, clockwise positive
    seat: Literal["any", "sit", "stand"] = "any"
    knees: float = 0.62  # half the knees' distance when seated
    origin: Point = (0.0, 0.0)  # chin, lap or floor point; unused when held at the mouth
    depth: tuple[float, float] = (1.0, 1.0)  # right and left hand before the shoulders
    right_hint: tuple[float, float, float] = (-0.8, 1.0, -0.3)  # where the elbow wants to go
    left_hint: tuple[float, float, float] = (0.8, 1.0, -0.3)
    behind: tuple[Side, ...] = ("right", "left")  # arms drawn behind the instrument
    bowed: bool = False
    lift: float = 0.0  # how far leaning turns the instrument


FITS: dict[str, Fit] = {
    "violin": Fit(
        turn=0.42, tilt=0.12, origin=(0.18, 0.23), depth=(0.9, 1.3), behind=("left",), bowed=True,
        right_hint=(-1.0, 0.5, 0.0), left_hint=(-0.1, 1.0, 0.3), lift=-0.05,
    ),
    "viola": Fit(
        turn=0.42, tilt=0.13, origin=(0.18, 0.27), depth=(0.9, 1.3), behind=("left",), bowed=True,
        right_hint=(-1.0, 0.5, 0.0), left_hint=(-0.1, 1.0, 0.3), lift=-0.05,
    ),
    "cello": Fit(
        turn=-0.12, tilt=-0.06, seat="sit", knees=1.12, origin=(-0.08, 3.72), depth=(1.1, 0.7),
        behind=("left",), bowed=True, right_hint=(-1.0, 0.35, 0.0), left_hint=(1.0, 0.45, 0.1),
    ),
    "double_bass": Fit(
        turn=-0.15, tilt=-0.04, seat="stand", origin=(0.16, 4.5), depth=(0.9, 0.6),
        behind=("left",), bowed=True, right_hint=(-1.0, 0.4, 0.0), left_hint=(1.0, 0.5, 0.1),
    ),
    "flute": Fit(
        turn=-0.34, tilt=-0.06, depth=(0.7, 1.15), right_hint=(-0.5, 1.0, 0.0),
        left_hint=(0.5, 1.0, 0.4), lift=0.05,
    ),
    "oboe": Fit(turn=0.0, depth=(1.0, 1.0), lift=0.05),
    "clarinet": Fit(turn=-0.05, depth=(1.0, 1.0), lift=0.05),
    "bassoon": Fit(turn=0.05, seat="sit", depth=(0.8, 0.9), lift=0.04),
    "sax": Fit(turn=-0.08, tilt=-0.03, depth=(0.7, 1.0), lift=0.05),
    "trumpet": Fit(
        turn=-0.3, depth=(1.0, 1.1), right_hint=(-0.9, 0.8, 0.0), left_hint=(0.7, 1.0, 0.2),
        lift=0.07,
    ),
    "trombone": Fit(
        turn=-0.22, depth=(0.8, 1.0), right_hint=(-0.6, 1.0, 0.0), left_hint=(0.8, 1.0, 0.2),
        lift=0.05,
    ),
    "horn": Fit(turn=-0.08, seat="sit", depth=(0.5, 1.0), behind=("left",), lift=0.03),
    "tuba": Fit(turn=-0.05, seat="sit", depth=(0.9, 0.8), lift=0.02),
}  # fmt: skip
"""What physics demands of each instrument's player; everything else comes from the seed."""

WOODS: tuple[tuple[Colour, Colour, Colour], ...] = (  # base, dark, light varnish
    ((150, 74, 32), (92, 38, 16), (206, 124, 62)),
    ((174, 82, 30), (108, 44, 16), (230, 142, 66)),
    ((132, 52, 26), (76, 24, 14), (190, 92, 48)),
    ((186, 110, 48), (118, 62, 24), (236, 168, 90)),
)
DARK_WOODS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((122, 38, 22), (66, 16, 12), (178, 74, 46)),
    ((104, 44, 24), (56, 20, 12), (156, 82, 48)),
    ((142, 50, 26), (78, 22, 14), (196, 90, 52)),
    ((92, 30, 26), (46, 12, 12), (146, 62, 50)),
)
BRASSES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((224, 176, 66), (126, 84, 22), (255, 238, 160)),
    ((212, 152, 62), (112, 66, 24), (252, 220, 150)),
    ((206, 184, 110), (110, 92, 44), (252, 244, 196)),
    ((230, 186, 84), (134, 92, 28), (255, 242, 178)),
)
SILVERS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((196, 202, 212), (96, 104, 120), (250, 252, 255)),
    ((208, 208, 210), (108, 108, 116), (255, 255, 255)),
    ((204, 196, 180), (104, 96, 84), (255, 250, 238)),
    ((186, 194, 208), (88, 98, 118), (244, 248, 255)),
)
BLACKS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((38, 36, 40), (12, 11, 14), (122, 122, 132)),
    ((46, 38, 36), (16, 12, 12), (130, 118, 114)),
    ((30, 31, 36), (9, 9, 12), (116, 120, 132)),
    ((54, 40, 34), (20, 14, 12), (136, 112, 100)),
)


@lru_cache(maxsize=1)
def instruments() -> Mapping[str, Instrument]:
    """The 13 drawn instruments by name."""
    made: list[Instrument] = [
        *strings(), Flute(), Oboe(), Clarinet(), Bassoon(), Saxophone(), Trumpet(), Trombone(),
        Horn(), Tuba(),
    ]  # fmt: skip
    return {instrument.name: instrument for instrument in made}


def instrument_look(player: Player, instrument: str) -> InstrumentLook:
    """The player's own copy of an instrument."""
    woods = {
        "flute": SILVERS, "oboe": BLACKS, "clarinet": BLACKS, "bassoon": DARK_WOODS
    }  # fmt: skip
    strung = instrument in ("violin", "viola", "cello", "double_bass")
    palette = WOODS if strung else woods.get(instrument, BRASSES)
    base, dark, light = palette[player.instrument_variant % len(palette)]
    shift = 1.0 + 0.12 * player.instrument_hue
    return InstrumentLook(
        base=_scaled(player, base, shift),
        dark=_scaled(player, dark, shift),
        light=_scaled(player, light, 1.0 + 0.05 * player.instrument_hue),
        metal=_scaled(player, SILVERS[player.instrument_variant % 4][0], 1.0),
        scale=player.instrument_scale,
        variant=player.instrument_variant,
        light_direction=player.light.direction,
    )


def _scaled(player: Player, colour: Colour, factor: float) -> Colour:
    r, g, b = (min(255, round(c * factor)) for c in tinted(player, colour))
    return r, g, b


# --- plane transforms: x' = a x + c y + e, y' = b x + d y + f -----------------------------------


def _multiply(m: Affine, n: Affine) -> Affine:
    """Apply `n` first, then `m`."""
    a, b, c, d, e, f = m
    p, q, r, s, t, u = n
    return (
        a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s,
        a * t + c * u + e, b * t + d * u + f,
    )  # fmt: skip


def _turn_about(point: Point, angle: float, sx: float = 1.0, sy: float = 1.0) -> Affine:
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, c, d = cos * sx, sin * sx, -sin * sy, cos * sy
    x, y = point
    return (a, b, c, d, x - a * x - c * y, y - b * x - d * y)


def _apply(m: Affine, p: Point) -> Point:
    return m[0] * p[0] + m[2] * p[1] + m[4], m[1] * p[0] + m[3] * p[1] + m[5]


def _skia(m: Affine) -> skia.Matrix:
    return skia.Matrix.MakeAll(m[0], m[2], m[4], m[1], m[3], m[5], 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pose:
    """Everything that moves in one frame, world coordinates."""

    torso: Affine
    head: Affine
    instrument: Affine
    left: Arm
    right: Arm
    anchors: Anchors
    blink: float
    brow: float
    state: Mapping[str, float | tuple[float, ...]]


class Performance:
    """One player with one instrument in one room: poses and pictures of a mechanism."""

    def __init__(self, player_seed: int, instrument: str, mechanism: Mechanism) -> None:
        self.player = make_player(player_seed)
        self.instrument = instruments()[instrument]
        self.fit = FITS[instrument]
        self.look = instrument_look(self.player, instrument)
        standing = {"any": self.player.standing, "sit": False, "stand": True}[self.fit.seat]
        self.figure = Figure(
            self.player,
            seated=not standing,
            turn=self.fit.turn,
            blowing=self.instrument.hold == "mouth",
            knees=self.fit.knees,
        )
        self.frames = len(next(iter(mechanism.values())))
        self._columns: dict[str, list[float] | list[tuple[float, ...]]] = {
            name: values.tolist() if values.ndim == 1 else [tuple(row) for row in values.tolist()]
            for name, values in mechanism.items()
        }

    def pose(self, frame: int) -> Pose:
        """The body, solved from the mechanism at one frame."""
        state = {name: column[frame] for name, column in self._columns.items()}

        def get(name: str) -> float:
            value = state.get(name, 0.0)
            return value if isinstance(value, float) else value[0]

        figure, fit, player = self.figure, self.fit, self.player
        sway, breath, nod, lean = get("sway_angle"), get("breath"), get("nod"), get("lean")
        torso = _turn_about((0.0, figure.hip_y), sway, 1.0 + 0.022 * breath, 1.0 + 0.016 * breath)
        bend = fit.tilt + 0.45 * sway + 0.05 * nod * (1.0 if fit.turn >= 0 else -1.0)
        a, b, c, d, e, f = _turn_about(NECK, bend)
        # A nod seen from the front is mostly the head coming down and forward.
        head = _multiply(torso, (a, b, c, d, e + 0.03 * lean * sway, f + 0.075 * nod))
        angle = self.instrument.tilt + player.hold_angle + fit.lift * lean
        if self.instrument.hold == "mouth":
            origin = _apply(head, figure.mouth)
            angle += 0.75 * sway + 0.04 * nod
        elif self.instrument.hold == "chin":
            origin = _apply(torso, fit.origin)
            origin = (origin[0], origin[1] + 0.04 * nod)
            angle += sway
        else:
            origin = fit.origin
            angle += 0.55 * sway - 0.4 * player.hold_angle
        scale = player.instrument_scale
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        held: Affine = (cos, sin, -sin, cos, origin[0], origin[1])
        anchors = self.instrument.anchors(state)
        if anchors.mouth is not None and anchors.mouth != (0.0, 0.0):
            dx, dy = (
                cos * anchors.mouth[0] - sin * anchors.mouth[1],
                (sin * anchors.mouth[0] + cos * anchors.mouth[1]),
            )
            held = (cos, sin, -sin, cos, origin[0] - dx, origin[1] - dy)
        right_shoulder, left_shoulder = figure.shoulders
        raised = 0.03 * breath
        arms = []
        for side, shoulder, hand, grip, depth, hint, fingers, tips in (
            (-1, right_shoulder, anchors.right_hand, anchors.right_grip, fit.depth[0],
             fit.right_hint, anchors.right_fingers, anchors.right_tips),
            (1, left_shoulder, anchors.left_hand, anchors.left_grip, fit.depth[1],
             fit.left_hint, anchors.left_fingers, anchors.left_tips),
        ):  # fmt: skip
            arms.append(
                figure.arm(
                    side,
                    _apply(torso, (shoulder[0], shoulder[1] - raised)),
                    _apply(held, hand),
                    grip + angle,
                    depth,
                    hint,
                    fingers,
                    tuple(_apply(held, tip) for tip in tips),
                )
            )
        return Pose(
            torso=torso,
            head=head,
            instrument=held,
            right=arms[0],
            left=arms[1],
            anchors=anchors,
            blink=get("blink"),
            brow=get("brow"),
            state=state,
        )

    def background(self, size: int) -> skia.Image:
        """Everything that never moves: room, seat, legs, music stand."""
        surface = skia.Surface(size, size)
        canvas = surface.getCanvas()
        pixels = np.dstack([backdrop(self.player, size), np.full((size, size), 255, np.uint8)])
        canvas.drawImage(skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType), 0, 0)
        canvas.concat(camera_matrix(self.player, size))
        draw_floor(canvas, self.player, FLOOR_Y)
        if self.figure.seated:
            draw_seat(canvas, self.player, self.figure.hip_y + 0.22)
        draw_stand(canvas, self.player, FLOOR_Y)
        self.figure.draw_legs(canvas)
        return surface.makeImageSnapshot()

    def draw(self, canvas: skia.Canvas, pose: Pose) -> None:
        """One frame's moving layers, back to front; the canvas is in world coordinates."""
        figure, fit = self.figure, self.fit
        if figure.hair_back is not None:
            _moved(canvas, pose.head, figure.hair_back)
        _moved(canvas, pose.torso, figure.torso)
        _moved(canvas, pose.head, figure.head(pose.blink, pose.brow))
        arms = {"right": pose.right, "left": pose.left}
        for side in fit.behind:
            figure.draw_arm(canvas, arms[side])
            figure.draw_palm(canvas, arms[side])
        canvas.save()
        canvas.concat(_skia(pose.instrument))
        self.instrument.draw_behind(canvas, pose.state, self.look)
        canvas.restore()
        for side in fit.behind:
            figure.draw_fingers(canvas, arms[side])
        front = [arm for side, arm in arms.items() if side not in fit.behind]
        for arm in front:
            figure.draw_arm(canvas, arm)
            figure.draw_palm(canvas, arm)
            if not fit.bowed:
                figure.draw_fingers(canvas, arm)
        canvas.save()
        canvas.concat(_skia(pose.instrument))
        self.instrument.draw_front(canvas, pose.state, self.look)
        canvas.restore()
        if fit.bowed:
            for arm in front:
                figure.draw_fingers(canvas, arm)

    def points(self, pose: Pose) -> dict[str, Point]:
        """Keypoints of one pose, world coordinates."""
        body = (
            _apply(pose.head, (0.0, -0.5)), _apply(pose.torso, NECK), pose.right.shoulder,
            pose.left.shoulder, pose.right.elbow, pose.left.elbow, pose.right.wrist,
            pose.left.wrist, pose.right.palm, pose.left.palm,
        )  # fmt: skip
        points = dict(zip(BODY_KEYPOINTS, body, strict=True))
        for name, point in pose.anchors.keypoints.items():
            points[name] = _apply(pose.instrument, point)
        return points


def _moved(canvas: skia.Canvas, matrix: Affine, sprite: Sprite) -> None:
    canvas.save()
    canvas.concat(_skia(matrix))
    sprite.draw(canvas)
    canvas.restore()


def draw_performance(
    player_seed: int, instrument: str, mechanism: Mechanism, size: int
) -> Iterator[Frames]:
    """Pictures (size, size, 3) uint8, one for each frame; same seed, same bytes."""
    performance = Performance(player_seed, instrument, mechanism)
    background = performance.background(size)
    pixels = np.zeros((size, size, 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    canvas = surface.getCanvas()
    camera = camera_matrix(performance.player, size)
    for frame in range(performance.frames):
        canvas.save()
        canvas.drawImage(background, 0, 0)
        canvas.concat(camera)
        performance.draw(canvas, performance.pose(frame))
        canvas.restore()
        yield pixels[:, :, :3].copy()


def keypoints(
    player_seed: int, instrument: str, mechanism: Mechanism, size: int
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and (F, P, 2) pixel places (x, y) of body and instrument, as they are drawn."""
    performance = Performance(player_seed, instrument, mechanism)
    camera = camera_matrix(performance.player, size)
    names: tuple[str, ...] = ()
    rows = []
    for frame in range(performance.frames):
        points = performance.points(performance.pose(frame))
        names = tuple(points)
        rows.append(
            [
                (p.x(), p.y())
                for p in camera.mapPoints([skia.Point(*point) for point in points.values()])
            ]
        )
    return names, np.array(rows, dtype=np.float32)
