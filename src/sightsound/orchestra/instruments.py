"""What a drawn instrument offers to the performer who holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import skia

Point = tuple[float, float]
Colour = tuple[int, int, int]
MechanismFrame = Mapping[str, "float | tuple[float, ...]"]


@dataclass(frozen=True)
class Anchors:
    """Where a body touches an instrument in one frame.

    Local coordinates: unit one head height (chin to crown), x to picture right, y down,
    origin at the lips (`hold="mouth"`), the chin rest (`"chin"`) or the lap or floor point.
    """

    mouth: Point | None
    """Where the lips meet the instrument, None for strings."""
    left_hand: Point
    """Palm centre of the player's left hand."""
    right_hand: Point
    """Palm centre of the player's right hand."""
    left_grip: float
    """Direction in which the left hand's fingers point, radians, local axes."""
    right_grip: float
    """Direction in which the right hand's fingers point, radians, local axes."""
    left_fingers: tuple[float, ...]
    """Four fingers from the index on, 0 lifted to 1 pressed."""
    right_fingers: tuple[float, ...]
    """Four fingers from the index on, 0 lifted to 1 pressed."""
    keypoints: dict[str, Point]
    """Points of interest on the instrument; the same names in each frame."""
    left_tips: tuple[Point, ...] = ()
    """Where the left fingertips lie, index first; empty: the hand decides."""
    right_tips: tuple[Point, ...] = ()
    """Where the right fingertips lie, index first; empty: the hand decides."""


@dataclass(frozen=True)
class InstrumentLook:
    """How one instrument is coloured: sRGB bytes, a scale near 1, a variant, the light's angle."""

    base: Colour
    dark: Colour
    light: Colour
    metal: Colour
    scale: float
    variant: int
    light_direction: float


class Instrument(Protocol):
    """One kind of instrument: its drawing and where it is held."""

    @property
    def name(self) -> str:
        """One of the 13 classes."""
        ...

    @property
    def hold(self) -> Literal["mouth", "chin", "lap", "floor"]:
        """Body point to which the local origin is tied."""
        ...

    @property
    def tilt(self) -> float:
        """Rotation of the local axes in the picture at rest, radians."""
        ...

    def anchors(self, mechanism: MechanismFrame) -> Anchors:
        """Contact points for one frame's mechanism, local coordinates."""
        ...

    def draw_behind(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Draw the layer behind hands and arms; the canvas is already in local coordinates."""
        ...

    def draw_front(
        self, canvas: skia.Canvas, mechanism: MechanismFrame, look: InstrumentLook
    ) -> None:
        """Draw the layer in front of the hands; the canvas is already in local coordinates."""
        ...
