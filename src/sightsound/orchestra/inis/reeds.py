"""Dice in, a saxophone or a violin as a flat drawing out, and its player.

The drawings are the orchestra's own; the straight soprano is added here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import skia

from sightsound.orchestra.inis.dice import Dice
from sightsound.orchestra.instruments import Colour, InstrumentLook, MechanismFrame
from sightsound.orchestra.motion import Mechanism
from sightsound.orchestra.performer import BRASSES, SILVERS, WOODS, Performance, instruments
from sightsound.orchestra.tubes import (
    bell_mouth,
    body_metal,
    cups,
    flared,
    light_vector,
    plated,
    post,
    rod,
    show,
    straight,
    turned,
)
from sightsound.orchestra.woodwinds import EBONITE, Clarinet

BLACK_LACQUER: tuple[Colour, Colour, Colour] = ((52, 50, 56), (16, 15, 18), (150, 150, 160))


@dataclass(frozen=True)
class Flat:
    """A flat drawing about its middle, upright; lengths in head heights."""

    paint: Callable[[skia.Canvas], None]
    length: float  # from top to bottom
    width: float


class Soprano(Clarinet):
    """Straight saxophone: a cone of brass that a clarinettist's hands can hold."""

    name = "sax"

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """The whole saxophone: fingers lie on top of it."""
        show(canvas, _soprano, look)


def _soprano(canvas: skia.Canvas, look: InstrumentLook) -> None:
    tones, fittings, light = body_metal(look), plated(look.metal), light_vector(look, Clarinet.tilt)
    beak = turned(straight((0.0, -0.04), (0.0, 0.3)), ((0, 0.04), (0.5, 0.062), (1, 0.062)), 10)
    beak.paint(canvas, EBONITE, light)
    post(canvas, fittings, light, (0.0, 0.16), 0.05, 0.07)
    flared(straight((0.0, 0.28), (0.0, 2.72), 40), 0.062, 0.19, 0.4, 7.0).paint(
        canvas, tones, light
    )
    bell_mouth(canvas, tones, (0.0, 2.72), 0.4, 0.11, math.pi / 2, (52, 34, 12))
    for y, wide in ((0.42, 0.08), (1.34, 0.135), (2.2, 0.19)):
        post(canvas, fittings, light, (0.0, y), 0.02, wide)
    rod(canvas, fittings, straight((0.1, 0.55), (0.17, 2.1)), 0.026)
    rod(canvas, fittings, straight((-0.1, 0.7), (-0.16, 2.0)), 0.024)
    places = [(0.0, 0.6 + 0.2 * k) for k in range(8)]
    cups(canvas, tones, light, places, (0.085, 0.08), (0.5,) * 8, (0.04, -0.02))
    cups(
        canvas, tones, light, [(0.2, 1.75), (0.22, 2.05), (-0.2, 2.2)], 0.11, (0.0,) * 3, (0.0, 0.0)
    )


def look_of(dice: Dice, palette: tuple[tuple[Colour, Colour, Colour], ...]) -> InstrumentLook:
    """One instrument among many, of a palette."""
    base, dark, light = dice.pick(palette)
    shift = dice.between(0.85, 1.12)
    tint = [dice.near(0.0, 10.0) for _ in range(3)]

    def moved(colour: Colour) -> Colour:
        r, g, b = (
            round(min(max(c * shift + t, 0), 255)) for c, t in zip(colour, tint, strict=True)
        )
        return r, g, b

    return InstrumentLook(
        base=moved(base), dark=moved(dark), light=moved(light),
        metal=dice.pick(SILVERS)[0] if dice.chance(0.5) else moved(base), scale=1.0, variant=0,
        light_direction=dice.side() * dice.between(0.4, 1.0),
    )  # fmt: skip


def sax_look(dice: Dice) -> InstrumentLook:
    """Mostly gold, now and then silver or black."""
    kind = dice.weighted(gold=0.8, silver=0.12, black=0.08)
    palette = {"gold": BRASSES, "silver": SILVERS, "black": (BLACK_LACQUER,)}[kind]
    return look_of(dice, palette)


def violin_look(dice: Dice) -> InstrumentLook:
    """Any varnish; now and then painted."""
    if dice.chance(0.08):
        base = dice.hsv((0, 1), (0.5, 0.9), (0.25, 0.8))
        r, g, b = base
        dark, light = (
            (r // 2, g // 2, b // 2),
            (r + (255 - r) // 2, g + (255 - g) // 2, b + (255 - b) // 2),
        )
        return look_of(dice, ((base, dark, light),))
    return look_of(dice, WOODS)


def flat_sax(dice: Dice) -> Flat:
    """A bent saxophone, or the straight soprano."""
    look = sax_look(dice)
    if dice.chance(0.18):

        def paint_soprano(canvas: skia.Canvas) -> None:
            canvas.translate(0.0, -1.38)
            _soprano(canvas, look)

        return Flat(paint_soprano, 2.9, 0.9)
    sax = instruments()["sax"]
    state: dict[str, tuple[float, ...]] = {
        "keys": tuple(float(dice.chance(0.3)) for _ in range(10))
    }

    def paint(canvas: skia.Canvas) -> None:
        canvas.translate(0.62, -1.28)
        sax.draw_behind(canvas, state, look)

    return Flat(paint, 2.8, 1.8)


def flat_violin(dice: Dice, *, bow: bool) -> Flat:
    """A violin, its scroll up, with or without its bow beside it."""
    look = violin_look(dice)
    violin = instruments()["violin"]
    state: dict[str, float] = {"bow_fraction": 0.5, "bow_lift": 0.0, "bow_string": 1.0}
    beside, lean = dice.side() * dice.between(0.55, 0.85), dice.near(0.0, 0.25)
    lying = dice.chance(0.35)

    def paint(canvas: skia.Canvas) -> None:
        canvas.save()
        canvas.rotate(-90.0)
        canvas.scale(1.0, 1.19)  # the fiddler holds it at a slant, here it is seen from its front
        canvas.translate(-1.0, 0.0)
        violin.draw_behind(canvas, state, look)
        canvas.restore()
        if bow:
            canvas.save()
            if not lying:
                canvas.translate(beside, 0.2)
                canvas.rotate(-90.0 + math.degrees(lean) + 41.0)
            else:
                canvas.rotate(math.degrees(lean) - 20.0)
            canvas.translate(-0.62, 0.0)
            violin.draw_front(canvas, state, look)
            canvas.restore()

    return Flat(paint, 2.5, 1.9 if bow else 1.1)


def performance(dice: Dice, label: str) -> Performance:
    """A player of saxophone or violin, in one moment."""
    values: dict[str, float | tuple[float, ...]] = {
        "sway_angle": dice.near(0.0, 0.05), "breath": dice.between(0, 1), "nod": dice.between(0, 1),
        "lean": dice.between(-1, 1), "brow": dice.between(0, 1),
        "blink": 1.0 if dice.chance(0.3) else 0.0, "playing": 1.0,
    }  # fmt: skip
    if label == "violin":
        string = float(dice.whole(0, 3))
        hand = dice.between(0.06, 0.3)
        finger = dice.whole(0, 4)
        values |= {
            "bow_fraction": dice.between(0.08, 0.92), "bow_lift": 0.0, "bow_string": string,
            "string_index": string, "hand_position": hand, "finger": float(finger),
            "finger_position": 1.0 - (1.0 - hand) * 2.0 ** (-1.5 * max(finger - 1, 0) / 12.0)
            if finger else 0.0,
        }  # fmt: skip
    else:
        down = dice.whole(0, 10)
        values["keys"] = tuple(1.0 if k < down else 0.0 for k in range(10))
    state: Mechanism = {name: np.array([value], dtype=np.float32) for name, value in values.items()}
    straight_sax = label == "sax" and dice.chance(0.15)
    shown = Performance(dice.seed(), "clarinet" if straight_sax else label, state)
    if straight_sax:
        shown.instrument = Soprano()
    look = sax_look(dice) if label == "sax" else violin_look(dice)
    shown.look = replace(look, light_direction=shown.player.light.direction)
    if label == "sax" and not straight_sax:  # an alto, or a tenor
        shown.player = replace(shown.player, instrument_scale=dice.pick((0.95, 1.0, 1.18)))
    return shown
