"""What is reproduced: the rows of each table, the recipe behind each, the published figures.

A published figure carries its source; where none was found it is None, never a guess. Figures of
other data are no targets: they stand beside ours so that orders can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightsound.shapes import Direction

PAPER = "Chen et al. 2017"
SUB_URMP = "Sub-URMP"


@dataclass(frozen=True)
class Published:
    """A figure that somebody published."""

    value: float  # accuracy, 0 to 1
    source: str


@dataclass(frozen=True)
class Row:
    """One line of a table: a recipe, what its authors published, what differs here."""

    label: str
    recipe: str
    direction: Direction | None = None  # of a generator; None = a classifier
    published: Mapping[str, Published] = field(default_factory=dict)  # "train", "test"
    repeats: int = 1  # seeds of the full form
    differs: str = ""


@dataclass(frozen=True)
class Table:
    """A table or figure of a paper."""

    name: str  # as the command takes it
    title: str
    rows: tuple[Row, ...]
    text: str


def _representation(label: str, layers: int, recipe: str, accuracy: float) -> Row:
    return Row(
        f"{label}, {layers} convolutions",
        recipe,
        published={"test": Published(accuracy, f"{PAPER}, Table 1")},
    )


TABLE_1 = Table(
    "table1",
    "Table 1: sound representations, accuracy of the audio classifier",
    (
        _representation("MS", 3, "sound_classifier_ms_3", 0.6201),
        _representation("LMS", 3, "sound_classifier_3", 0.8412),
        _representation("CQT", 3, "sound_classifier_cqt_3", 0.7300),
        _representation("MFCC", 3, "sound_classifier_mfcc_3", 0.8006),
        _representation("STFT", 3, "sound_classifier_stft_3", 0.7405),
        _representation("MS", 4, "sound_classifier_ms", 0.6609),
        _representation("LMS", 4, "sound_classifier", 0.8744),
        _representation("CQT", 4, "sound_classifier_cqt", 0.7778),
        _representation("MFCC", 4, "sound_classifier_mfcc", 0.8105),
        _representation("STFT", 4, "sound_classifier_stft", 0.7573),
    ),
    "Which split the paper's table uses is not stated in what was seen of it; ours is the test "
    "split.",
)

S2I, I2S = Direction.SOUND_TO_IMAGE, Direction.IMAGE_TO_SOUND


def _two(train: float | None, test: float | None, source: str) -> dict[str, Published]:
    values = {"train": train, "test": test}
    return {key: Published(value, source) for key, value in values.items() if value is not None}


TABLE_5 = Table(
    "table5",
    "Table 5: share of generated pictures and sounds that a judge puts in the right class",
    (
        Row(
            "S2I-C",
            "s2i_c",
            S2I,
            _two(0.8737, 0.7556, f"{PAPER}, Table 5"),
            3,
            "wrong pictures are drawn from the batch",
        ),
        Row("S2I-N", "s2i_n", S2I, _two(0.1262, 0.1232, f"{PAPER}, Table 5"), 3),
        Row("I2S", "i2s", I2S, _two(None, 0.1117, "Hao et al. 2018"), 3),
        Row("S2I-C, improved recipe", "s2i_c_improved", S2I, differs="ours, the same method"),
        Row("I2S, improved recipe", "i2s_improved", I2S, differs="ours, the same method"),
    ),
    "The published figures are of Sub-URMP with the paper's own classifier as judge; ours are of "
    "two judges trained on players and pieces that no model saw.",
)

TABLES: dict[str, Table] = {table.name: table for table in (TABLE_1, TABLE_5)}
