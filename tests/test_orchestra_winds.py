"""The nine wind instruments: what they draw follows their mechanism."""

from __future__ import annotations

import math

import numpy as np
import pytest

skia = pytest.importorskip("skia")

from sightsound.orchestra.brass import SLIDE_STROKE, Horn, Trombone, Trumpet, Tuba  # noqa: E402
from sightsound.orchestra.instruments import Instrument, InstrumentLook  # noqa: E402
from sightsound.orchestra.tubes import along, arc, fingers, spline, values  # noqa: E402
from sightsound.orchestra.woodwinds import (  # noqa: E402
    Bassoon,
    Clarinet,
    Flute,
    Oboe,
    Saxophone,
)
from sightsound.pairs.fingering import KEYS  # noqa: E402

WOODWINDS = (Flute(), Oboe(), Clarinet(), Bassoon(), Saxophone())
VALVED = (Horn(), Trumpet(), Tuba())
WINDS: tuple[Instrument, ...] = (*WOODWINDS, *VALVED, Trombone())
LOOK = InstrumentLook((212, 160, 48), (112, 70, 14), (255, 232, 140), (200, 204, 212), 1.0, 0, -0.7)
UNIT = 24  # pixels a head height
ORIGIN = (UNIT * 5, UNIT * 3)


def draw(instrument: Instrument, mechanism: dict[str, object], unit: int = UNIT) -> np.ndarray:
    """(H, W, 4) pixels of the instrument alone, axes unturned."""
    surface = skia.Surface(unit * 8, unit * 8)
    canvas = surface.getCanvas()
    canvas.translate(unit * 5, unit * 3)
    canvas.scale(unit, unit)
    instrument.draw_behind(canvas, mechanism, LOOK)
    instrument.draw_front(canvas, mechanism, LOOK)
    return surface.toarray()


def covered(pixels: np.ndarray, point: tuple[float, float], reach: float) -> bool:
    """Whether anything is drawn within ``reach`` head heights of a local point."""
    x, y = (round(ORIGIN[axis] + UNIT * point[axis]) for axis in (0, 1))
    near = max(round(UNIT * reach), 1)
    return bool(pixels[y - near : y + near + 1, x - near : x + near + 1, 3].any())


@pytest.mark.parametrize("instrument", WINDS, ids=lambda i: i.name)
def test_anchors_lie_on_the_drawing(instrument: Instrument) -> None:
    # Mutant: a keypoint or hand left behind when the drawing is moved.
    pixels = draw(instrument, {})
    anchors = instrument.anchors({})
    assert anchors.mouth == (0.0, 0.0)
    assert covered(pixels, anchors.mouth, 0.06)
    for name, point in anchors.keypoints.items():
        assert covered(pixels, point, 0.08), name
    for palm in (anchors.left_hand, anchors.right_hand):
        assert covered(pixels, palm, 0.36)  # a palm's reach, thumb to fingertips
    for tip in (*anchors.left_tips, *anchors.right_tips):
        assert covered(pixels, tip, 0.12)


def test_slide_moves_by_its_stroke() -> None:
    trombone = Trombone()
    ends = [
        trombone.anchors({"slide_extension": e}).keypoints["slide_end"] for e in (0.0, 0.5, 1.0)
    ]
    hands = [trombone.anchors({"slide_extension": e}).right_hand for e in (0.0, 0.5, 1.0)]
    assert math.dist(ends[0], ends[2]) == pytest.approx(SLIDE_STROKE)
    assert math.dist(ends[0], ends[1]) == pytest.approx(SLIDE_STROKE / 2)
    assert math.dist(hands[0], hands[2]) == pytest.approx(SLIDE_STROKE)


@pytest.mark.parametrize("extension", [0.0, 0.3, 1.0])
def test_drawn_slide_ends_at_its_keypoint(extension: float) -> None:
    # The leftmost pixel on the slide's own rows is the end of its bow.
    pixels = draw(Trombone(), {"slide_extension": extension})
    x, y = Trombone().anchors({"slide_extension": extension}).keypoints["slide_end"]
    row = pixels[round(ORIGIN[1] + UNIT * y), :, 3]
    leftmost = int(np.flatnonzero(row > 128)[0])
    assert leftmost == pytest.approx(ORIGIN[0] + UNIT * x, abs=0.1 * UNIT)


@pytest.mark.parametrize("instrument", WOODWINDS, ids=lambda i: i.name)
@pytest.mark.parametrize("key", range(len(KEYS)), ids=KEYS)
def test_each_key_shows(instrument: Instrument, key: int) -> None:
    # Mutant: a key left out of the places, or hidden under another.
    open_keys = [0.0] * len(KEYS)
    pressed = open_keys.copy()
    pressed[key] = 1.0
    before = draw(instrument, {"keys": tuple(open_keys)}).astype(int)
    after = draw(instrument, {"keys": tuple(pressed)}).astype(int)
    assert np.abs(after - before).max() > 40


@pytest.mark.parametrize("instrument", VALVED, ids=lambda i: i.name)
@pytest.mark.parametrize("valve", range(3))
def test_each_valve_shows_and_its_finger_follows(instrument: Instrument, valve: int) -> None:
    pressed = tuple(float(index == valve) for index in range(3))
    before = draw(instrument, {"valves": (0.0, 0.0, 0.0)}).astype(int)
    after = draw(instrument, {"valves": pressed}).astype(int)
    assert np.abs(after - before).max() > 40
    anchors = instrument.anchors({"valves": pressed})
    hand = anchors.left_fingers if instrument.name == "horn" else anchors.right_fingers
    assert hand[:3] == pressed


@pytest.mark.parametrize("instrument", WOODWINDS, ids=lambda i: i.name)
def test_fingers_follow_the_named_keys(instrument: Instrument) -> None:
    keys = dict.fromkeys(KEYS, 0.0) | {"left_2": 1.0, "right_3": 1.0, "left_little": 1.0}
    anchors = instrument.anchors({"keys": tuple(keys.values())})
    assert anchors.left_fingers == (0.0, 1.0, 0.0, 1.0)
    assert anchors.right_fingers == (0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("count", [1, 2, 5, 9, 23])
@pytest.mark.parametrize("instrument", WINDS, ids=lambda i: i.name)
def test_any_number_of_keys_and_valves(instrument: Instrument, count: int) -> None:
    mechanism = {"keys": (1.0,) * count, "valves": (1.0,) * min(count, 5)}
    anchors = instrument.anchors(mechanism)
    assert len(anchors.left_fingers) == len(anchors.right_fingers) == 4
    assert draw(instrument, mechanism)[..., 3].any()


@pytest.mark.parametrize("instrument", WINDS, ids=lambda i: i.name)
def test_same_mechanism_same_pixels_and_same_names(instrument: Instrument) -> None:
    mechanisms = [
        {"keys": np.eye(len(KEYS), dtype=np.float32)[i], "valves": (i % 2, 1), "slide_extension": 0}
        for i in range(3)
    ]
    first = [draw(instrument, mechanism) for mechanism in mechanisms]
    again = [draw(instrument, mechanism) for mechanism in reversed(mechanisms)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    names = {tuple(instrument.anchors(mechanism).keypoints) for mechanism in mechanisms}
    assert len(names) == 1


@pytest.mark.parametrize("instrument", WINDS, ids=lambda i: i.name)
def test_stored_pixels_and_shapes_agree(instrument: Instrument) -> None:
    # Above 160 pixels a head height shapes are drawn directly, below from stored pixels.
    stored = draw(instrument, {}, 40)[..., 3] / 255
    direct = draw(instrument, {}, 200)[..., 3].reshape(320, 5, 320, 5).mean((1, 3)) / 255
    assert np.abs(stored - direct).mean() < 0.02 * direct.mean() + 0.003


def test_instruments_differ_at_64_pixels() -> None:
    # Eleven pixels a head: silhouettes alone must part, even oboe and clarinet.
    shapes = [draw(instrument, {}, 11)[..., 3] > 100 for instrument in WINDS]
    for index, one in enumerate(shapes):
        for other in shapes[:index]:
            shared, either = (one & other).sum(), (one | other).sum()
            assert shared / either < 0.65


def test_fingers_and_values_by_hand() -> None:
    assert fingers((1.0, 0.0)) == (1.0, 0.0, 1.0, 1.0)
    assert fingers((0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5)) == (0.0, 1.0, 0.0, 0.5)
    assert values({"valves": (0.9, -3.0, 0.3)}, "valves", ()) == (1.0, 0.0, 0.25)
    assert values({}, "keys", (0.0,)) == (0.0,)


def test_curves_pass_through_their_knots() -> None:
    knots = ((0.0, 0.0), (1.0, 0.5), (1.5, 2.0), (3.0, 2.0))
    curve = spline(*knots, points=2001)
    for knot in knots:
        assert np.linalg.norm(curve - knot, axis=1).min() < 2e-3
    quarter = arc((1.0, 1.0), 2.0, 0.0, math.pi / 2, 400)
    length = np.linalg.norm(np.diff(quarter, axis=0), axis=1).sum()
    assert length == pytest.approx(math.pi, rel=1e-4)
    assert along(quarter)[-1] == 1.0
