"""A seed in, one player out: body, face, hair, clothes, seat, camera, light and room.

Nothing here knows the instrument or the voice that will play: a picture must not be guessed from
who plays it.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from sightsound.orchestra.instruments import Colour
from sightsound.orchestra.motion import Style

SKINS: tuple[Colour, ...] = (
    (251, 219, 196),
    (244, 203, 172),
    (236, 188, 152),
    (224, 172, 130),
    (205, 148, 106),
    (178, 122, 82),
    (146, 96, 64),
    (114, 73, 49),
    (86, 55, 39),
)
HAIRS: tuple[Colour, ...] = (
    (24, 20, 20),
    (48, 32, 24),
    (84, 54, 34),
    (120, 78, 44),
    (160, 108, 58),
    (214, 174, 104),
    (150, 62, 30),
    (112, 34, 26),
    (176, 176, 178),
    (226, 224, 218),
    (96, 96, 102),
)
HAIR_STYLES = (
    "bald", "buzz", "short", "side", "curly", "afro", "bob", "long", "bun", "pony", "receding",
    "fringe", "wavy",
)  # fmt: skip
BEARDS = ("none", "stubble", "full", "goatee", "moustache", "long")
CLOTHES = (
    "jacket", "tails", "shirt", "rolled", "sweater", "turtleneck", "dress", "sleeveless", "tee",
    "waistcoat", "cardigan", "hoodie",
)  # fmt: skip
PATTERNS = ("plain", "plain", "plain", "stripes", "checks", "dots", "bands")
CLOTH_COLOURS: tuple[Colour, ...] = (
    (30, 31, 36),
    (38, 44, 62),
    (62, 66, 76),
    (110, 112, 118),
    (236, 234, 228),
    (196, 184, 160),
    (132, 32, 40),
    (178, 56, 50),
    (206, 108, 52),
    (216, 172, 70),
    (52, 92, 62),
    (92, 128, 78),
    (42, 118, 118),
    (54, 92, 158),
    (108, 150, 206),
    (92, 62, 124),
    (172, 110, 160),
    (222, 160, 168),
    (110, 74, 50),
)
BACKGROUNDS = ("curtain", "wood", "wall", "brick")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where the picture is taken from: one head's share of the height, offsets, roll."""

    head_share: float  # head height / picture height
    crown_y: float  # crown of a resting player, share of the height from the top
    centre_x: float  # player's axis, share of the width
    roll: float  # radians


@dataclass(frozen=True, kw_only=True)
class Light:
    """Key light: direction it comes from (-1 picture left, 1 right), tint, strength."""

    direction: float
    tint: tuple[float, float, float]
    strength: float


@dataclass(frozen=True, kw_only=True)
class Room:
    """Background, floor, seat and music stand."""

    background: str
    colour: Colour
    floor: Colour
    folds: float  # curtain folds across the picture
    fold_phase: float
    seat: str  # chair, stool or bench
    seat_colour: Colour
    stand: float  # music stand's place: -1 left, 1 right, 0 none
    stand_scale: float
    spot: tuple[float, float]  # centre of the light on the background, shares


@dataclass(frozen=True, kw_only=True)
class Player:
    """One drawn person with all that surrounds them; lengths in head heights."""

    seed: int
    skin: Colour
    hair: Colour
    hair_style: str
    beard: str
    glasses: int  # 0 none, 1 round, 2 square, 3 thin
    eye_colour: Colour
    lips: Colour
    age: float  # 0 young, 1 old
    feminine: float  # 0..1: jaw, shoulders, lips, lashes
    head_width: float
    jaw: float
    nose: float
    shoulder: float  # half the shoulders' breadth
    girth: float  # 0.8 slim to 1.3 stout
    torso: float  # shoulder line to seat
    arm: float  # multiplies the arms' length
    clothes: str
    cloth: Colour
    second: Colour  # shirt, waistcoat, scarf's ground
    accent: Colour  # tie, bow tie, scarf
    trousers: Colour
    pattern: str
    neckwear: str  # none, tie, bow, scarf, necklace
    skirt: bool
    standing: bool
    camera: Camera
    light: Light
    room: Room
    style: Style
    instrument_hue: float  # -1 dark to 1 light and red
    instrument_variant: int
    instrument_scale: float
    hold_angle: float  # radians added to the way the instrument is held


def _pick(rng: np.random.Generator, items: tuple[Colour, ...], jitter: float) -> Colour:
    """One of the colours, moved a little in hue, saturation and value."""
    r, g, b = items[int(rng.integers(len(items)))]
    hue, saturation, value = colorsys.rgb_to_hsv(r / 255, g / 255, b / 255)
    hue = (hue + rng.normal(0.0, 0.03 * jitter)) % 1.0
    saturation = float(np.clip(saturation * rng.uniform(1 - 0.25 * jitter, 1 + 0.2 * jitter), 0, 1))
    value = float(np.clip(value * rng.uniform(1 - 0.15 * jitter, 1 + 0.12 * jitter), 0, 1))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _room(rng: np.random.Generator) -> Room:
    kind = str(rng.choice(BACKGROUNDS, p=[0.82, 0.07, 0.07, 0.04]))
    if kind == "curtain" and rng.random() < 0.74:
        hue, saturation, value = (
            rng.uniform(0.55, 0.68),
            rng.uniform(0.5, 0.85),
            rng.uniform(0.3, 0.58),
        )
    elif kind == "curtain":
        hue = float(rng.choice([0.98, 0.01, 0.37, 0.48, 0.78, 0.09]))
        saturation, value = rng.uniform(0.1, 0.75), rng.uniform(0.26, 0.5)
    elif kind == "wood":
        hue, saturation, value = (
            rng.uniform(0.05, 0.09),
            rng.uniform(0.4, 0.6),
            rng.uniform(0.35, 0.6),
        )
    else:
        hue, saturation, value = rng.random(), rng.uniform(0.05, 0.3), rng.uniform(0.4, 0.75)
    if kind == "brick":
        hue, saturation = rng.uniform(0.01, 0.05), rng.uniform(0.3, 0.5)
    r, g, b = colorsys.hsv_to_rgb(float(hue) % 1.0, float(saturation), float(value))
    floors: tuple[Colour, ...] = ((74, 56, 44), (96, 70, 48), (56, 52, 52), (120, 92, 64))
    return Room(
        background=kind,
        colour=(round(r * 255), round(g * 255), round(b * 255)),
        floor=_pick(rng, floors, 1.0),
        folds=float(rng.uniform(7.0, 15.0)),
        fold_phase=float(rng.uniform(0.0, 100.0)),
        seat=str(rng.choice(["chair", "chair", "stool", "bench"])),
        seat_colour=_pick(rng, ((32, 30, 32), (66, 44, 30), (92, 24, 28), (58, 60, 66)), 1.0),
        stand=float(rng.choice([-1.0, 1.0, 1.0, 0.0])),
        stand_scale=float(rng.uniform(0.85, 1.15)),
        spot=(float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.15, 0.5))),
    )


def make_player(seed: int) -> Player:
    """The player of this seed, with seat, camera, light and room; the same for ever."""
    rng = np.random.default_rng([0x51C4, seed])
    feminine = float(np.clip(rng.beta(0.45, 0.45), 0.0, 1.0))
    woman = feminine > 0.5
    age = float(rng.beta(1.4, 2.0))
    tone = int(rng.integers(len(SKINS)))
    skin = _pick(rng, SKINS[tone : tone + 1], 0.5)
    pool = HAIRS[:3] if tone >= 6 and rng.random() < 0.8 else HAIRS[:8]
    if age > 0.6 and rng.random() < 0.75:
        pool = HAIRS[8:]
    hair = _pick(rng, pool, 0.8)
    styles: tuple[str, ...]
    if woman:
        styles = ("bob", "long", "bun", "pony", "fringe", "wavy", "curly", "short", "afro")
    else:
        styles = ("bald", "buzz", "short", "side", "curly", "receding", "short", "wavy", "long")
        if rng.random() < 0.15:
            styles = ("bun", "afro", "bob", "fringe")
    beard = "none"
    if not woman:
        beard = str(rng.choice(BEARDS, p=[0.45, 0.17, 0.16, 0.09, 0.09, 0.04]))
    stature = float(rng.normal(0.0, 1.0))
    girth = float(np.clip(rng.normal(1.0 - 0.06 * woman, 0.11), 0.8, 1.3))
    clothes = str(rng.choice(CLOTHES))
    while (woman and clothes in ("tails",)) or (not woman and clothes in ("dress", "sleeveless")):
        clothes = str(rng.choice(CLOTHES))
    cloth = _pick(rng, CLOTH_COLOURS, 1.0)
    if clothes == "tails":
        cloth = _pick(rng, CLOTH_COLOURS[:2], 0.5)
    neckwear = str(rng.choice(["none", "none", "scarf", "necklace" if woman else "none"]))
    if clothes in ("jacket", "waistcoat", "tails", "shirt"):
        neckwear = str(rng.choice(["tie", "bow", "none", "scarf" if woman else "tie"]))
    if clothes == "tails":
        neckwear = "bow"
    whites = ((238, 236, 230), (226, 232, 240), (204, 216, 232), (60, 60, 66))
    eyes: tuple[Colour, ...] = ((74, 48, 30), (54, 36, 26), (88, 116, 138), (84, 110, 78))
    warmth = float(rng.normal(0.0, 1.0))
    camera = Camera(
        head_share=float(np.clip(rng.normal(0.172, 0.011), 0.148, 0.2)),
        crown_y=float(np.clip(rng.normal(0.17, 0.022), 0.115, 0.22)),
        centre_x=float(np.clip(rng.normal(0.5, 0.035), 0.42, 0.58)),
        roll=float(np.clip(rng.normal(0.0, 0.017), -0.04, 0.04)),
    )
    light = Light(
        direction=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.45, 1.0)),
        tint=(1.0 + 0.05 * warmth, 1.0 + 0.01 * warmth, 1.0 - 0.06 * warmth),
        strength=float(rng.uniform(0.8, 1.15)),
    )
    return Player(
        seed=seed,
        skin=skin,
        hair=hair,
        hair_style=str(rng.choice(styles)),
        beard=beard,
        glasses=int(rng.choice([0, 0, 0, 1, 2, 3])),
        eye_colour=_pick(rng, eyes, 0.5),
        lips=_lips(skin, feminine, rng),
        age=age,
        feminine=feminine,
        head_width=float(np.clip(rng.normal(0.37, 0.015), 0.33, 0.41)),
        jaw=float(np.clip(rng.normal(0.78 - 0.12 * feminine, 0.06), 0.55, 0.9)),
        nose=float(rng.uniform(0.8, 1.3)),
        shoulder=float(np.clip(0.93 - 0.11 * feminine + rng.normal(0.0, 0.04), 0.74, 1.04)),
        girth=girth,
        torso=float(np.clip(2.28 + 0.06 * stature, 2.12, 2.44)),
        arm=float(np.clip(1.0 + 0.025 * stature, 0.94, 1.07)),
        clothes=clothes,
        cloth=cloth,
        second=_pick(rng, whites, 0.4),
        accent=_pick(rng, CLOTH_COLOURS[6:], 1.0),
        trousers=_pick(rng, (*CLOTH_COLOURS[:4], (44, 56, 88), (92, 76, 60)), 0.8),
        pattern=str(rng.choice(PATTERNS)),
        neckwear=neckwear,
        skirt=woman and (clothes == "dress" or rng.random() < 0.35),
        standing=bool(rng.random() < 0.4),
        camera=camera,
        light=light,
        room=_room(rng),
        style=Style(
            sway_amount=float(rng.uniform(0.7, 1.7)),
            sway_tempo=float(rng.uniform(0.16, 0.36)),
            sway_phase=float(rng.uniform(0.0, 2.0 * np.pi)),
            bow_amount=float(rng.uniform(0.85, 1.2)),
            nod_amount=float(rng.uniform(0.6, 1.3)),
            blink_seconds=float(rng.uniform(2.6, 5.0)),
        ),
        instrument_hue=float(rng.uniform(-1.0, 1.0)),
        instrument_variant=int(rng.integers(0, 4)),
        instrument_scale=float(rng.uniform(0.96, 1.05)),
        hold_angle=float(np.clip(rng.normal(0.0, 0.045), -0.09, 0.09)),
    )


def _lips(skin: Colour, feminine: float, rng: np.random.Generator) -> Colour:
    """Lips: the skin, redder and darker; painted ones for some."""
    red = 0.5 if feminine > 0.5 and rng.random() < 0.4 else 0.12
    return (
        round(skin[0] * (0.86 + 0.1 * red)),
        round(skin[1] * (0.66 - 0.45 * red)),
        round(skin[2] * (0.66 - 0.35 * red)),
    )


__all__ = ["Camera", "Light", "Player", "Room", "make_player"]
