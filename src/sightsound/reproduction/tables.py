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

    label: str  # no other row has it
    recipe: str
    direction: Direction | None = None  # of a generator; None = a classifier
    input: str = ""  # of a classifier of several: "V", "A", "V-A", "GV-A", "GA-V"
    published: Mapping[str, Published] = field(default_factory=dict)  # "train", "test"
    repeats: int = 1  # seeds of the full form
    differs: str = ""
    instruments: tuple[str, ...] | None = None  # measured on these; None = those it was trained on


@dataclass(frozen=True)
class Table:
    """A table or figure of a paper."""

    name: str  # as the command takes it
    title: str
    rows: tuple[Row, ...]
    text: str
    of_inis: bool = False  # measured on a second data set, of pictures and sounds without timing
    curve: Mapping[int, tuple[float, float]] | None = None  # epoch → published train, test: then
    # accuracy is measured at each checkpoint of the first row's first seed


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


def _row(
    label: str,
    recipe: str,
    direction: Direction,
    published: Mapping[str, Published] | None = None,
    differs: str = "",
    *,
    repeats: int = 1,
    instruments: tuple[str, ...] | None = None,
) -> Row:
    return Row(
        label,
        recipe,
        direction,
        published=published or {},
        repeats=repeats,
        differs=differs,
        instruments=instruments,
    )


_S2I_A = _two(0.1063, 0.1095, f"{PAPER}, Table 5")
TABLE_5 = Table(
    "table5",
    "Table 5: share of generated pictures and sounds that a judge puts in the right class",
    (
        _row(
            "S2I-C",
            "s2i_c",
            S2I,
            _two(0.8737, 0.7556, f"{PAPER}, Table 5"),
            "wrong pictures are drawn from the batch",
            repeats=3,
        ),
        _row("S2I-N", "s2i_n", S2I, _two(0.1262, 0.1232, f"{PAPER}, Table 5"), repeats=3),
        _row("S2I-A, autoencoder", "s2i_a", S2I, _S2I_A, "first reading of what S2I-A was"),
        _row("S2I-A, no adversary", "s2i_a_mse", S2I, _S2I_A, "second reading of what S2I-A was"),
        _row("I2S", "i2s", I2S, _two(None, 0.1117, "Hao et al. 2018"), repeats=3),
        _row("I2S, autoencoder", "i2s_a", I2S, differs="the paper names no variant of I2S"),
        _row("S2I-C, improved recipe", "s2i_c_improved", S2I, differs="ours, the same method"),
        _row("I2S, improved recipe", "i2s_improved", I2S, differs="ours, the same method"),
    ),
    "The published figures are of Sub-URMP with the paper's own classifier as judge; ours are of "
    "two judges trained on players and pieces that no model saw.",
)

CMCGAN, SA_CMGAN = "Hao et al. 2018", "Tan et al. 2020, one batch of 64"
LINE = Table(
    "line",
    "The line that followed: methods on the same data",
    (
        _row("CMCGAN, sound to image", "cmcgan", S2I, _two(0.9105, 0.7661, CMCGAN)),
        _row("CMCGAN, image to sound", "cmcgan", I2S, _two(0.8109, 0.5189, CMCGAN)),
        _row("SA-CMGAN, sound to image", "sa_cmgan_s2i", S2I, _two(0.9375, 0.8438, SA_CMGAN)),
        _row("SA-CMGAN, image to sound", "sa_cmgan_i2s", I2S, _two(0.8750, 0.5937, SA_CMGAN)),
        _row("CAR-GAN-like cascade", "car_gan", S2I, differs="its accuracies are not known to us"),
        _row("CVAE, sound to image", "cvae_s2i", S2I, differs="after AC-VAE; no figures known"),
        _row("CVAE, image to sound", "cvae_i2s", I2S, differs="after AC-VAE; no figures known"),
    ),
    "Published figures as their authors give them: for SA-CMGAN, the accuracy of a single batch of "
    "64 pairs, which a chance of 5 to 6 points moves. docs/methods.md says what departs.",
)


def _dynamic(label: str, source: str, accuracy: float) -> Row:
    return Row(
        f"Dynamic classifier, {label}",
        "cmcgan_classifier",
        input=source,
        published={"test": Published(accuracy, CMCGAN)},
    )


DYNAMIC = Table(
    "dynamic",
    "CMCGAN's dynamic classifier: an image, a sound, both, or one and what it generates",
    (
        _dynamic("image", "V", 0.9531),
        _dynamic("sound", "A", 0.8863),
        _dynamic("image and sound", "V-A", 0.9741),
        _dynamic("sound and the image made of it", "GV-A", 0.9804),
        _dynamic("image and the sound made of it", "GA-V", 0.9861),
    ),
    "One network gives all five; a missing modality is filled in by a trained cmcgan.",
)

FIGURE_9 = Table(
    "fig9",
    "Fig. 9: accuracy of S2I-C over its training",
    (TABLE_5.rows[0],),
    "The published curve is read off the plot (± 0.01); it was measured every five epochs, and the "
    "paper's figures are its best points. Ours is measured at the checkpoints of the first seed; "
    "the one that is used is chosen on validation, by the examiner. An epoch is as many pairs as "
    "the training split has.",
    curve={
        1: (0.32, 0.20),
        5: (0.70, 0.58),
        10: (0.81, 0.67),
        15: (0.70, 0.63),
        20: (0.85, 0.64),
        25: (0.82, 0.72),
        30: (0.76, 0.60),
        35: (0.87, 0.75),
        40: (0.63, 0.56),
        45: (0.25, 0.25),
        50: (0.07, 0.06),
        55: (0.13, 0.25),
        60: (0.18, 0.10),
        65: (0.28, 0.25),
        70: (0.26, 0.24),
        75: (0.28, 0.25),
        80: (0.21, 0.34),
    },
)

POSE = Table(
    "pose",
    "Pose-oriented S2I: the wrong picture is of the same instrument",
    (
        _row(
            "S2I, another moment",
            "s2i_pose",
            S2I,
            differs="wrong: the same player at another moment, so that only the pose can tell",
        ),
        _row("S2I, another person", "s2i_person", S2I, differs="wrong: another person; Fig. 10"),
        _row(
            "S2I-C on these instruments",
            "s2i_c",
            S2I,
            differs="wrong: another instrument; learnt all thirteen",
            instruments=("cello", "violin"),
        ),
    ),
    "Cello and violin alone. The paper shows pictures of this and no figures; what is asked is "
    "whether the pose follows the sound, so read the errors of pose below. The judges choose among "
    "thirteen instruments.",
)

FIGURE_7 = Table(
    "fig7",
    "Fig. 7: the paper's second data set, of very varied pictures and no timing",
    (
        _row("S2I-C, INIS-like data", "s2i_c", S2I),
        _row("S2I-A, autoencoder, INIS-like data", "s2i_a", S2I, differs="the paper's Fig. 7"),
        _row("I2S, INIS-like data", "i2s", I2S),
    ),
    "The paper shows pictures that S2I-A made and no figures, and says that they are worse than "
    "Sub-URMP's since its pictures vary more. Five classes, so chance is 20 %; judges of its own.",
    of_inis=True,
)

TABLES: dict[str, Table] = {
    table.name: table for table in (TABLE_1, TABLE_5, FIGURE_9, POSE, LINE, DYNAMIC, FIGURE_7)
}
