"""Measured cells in, one report out, as Markdown and as a page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightsound import __version__
from sightsound.evaluation.report import STYLE
from sightsound.media.files import write_bytes
from sightsound.media.image import write_image
from sightsound.reproduction.appendix import appendix_lines
from sightsound.reproduction.curve import draw_curve
from sightsound.reproduction.tables import Row, Table

if TYPE_CHECKING:
    from sightsound.reproduction.run import Cell

Lines = list[list[str]]  # rows of text cells; the first is the head

APPENDIX = "Appendix: each metric's known-answer test"
APPENDIX_TEXT = (
    "What a figure must be in a case where it is known beforehand, and the test that asks."
)
POSE_TEXT = (
    "Of the first seed, test split. Real frames: the judge of poses on the real pictures. From the "
    "sound: a network (pose_from_sound) that was trained to tell the pose from the same half "
    "second; a bound, no judge. Best constant and another moment: what ignoring the sound gives."
)
BOW_TEXT = (
    "Wasserstein distance of the bow's place, 0 frog to 1 tip; half a second does not determine "
    "it, and a still picture shows no velocity."
)
PITCH_TEXT = (
    "Within 50 cents of a pitch that the picture's pose admits; a sound without pitch is a miss. "
    "Real sounds: of the same moments. Another moment: real sounds of the same instrument, which "
    "is what ignoring the pose gives."
)
NO_POSE_JUDGE = (
    "Pose is not measured: these judges have none of poses (train judge_pose, then export the "
    "judges with it)."
)


def write_reproduction(
    root: Path,
    tables: Sequence[Table],
    cells: Mapping[str, Sequence[Cell]],
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    quick: bool,
    notes: Sequence[str] = (),
) -> Path:
    """Write ``report.md``, ``report.html`` and ``pictures/``; returns the page.

    ``cells`` by the label of their row, ``curves`` by the name of their table; ``notes``, of the
    data and what was left out, come before the first table.
    """
    about = [
        f"sightsound {__version__}. Intervals: 95 %, bootstrap over performances. "
        "Checkpoints are chosen on validation.",
    ]
    if quick:
        about.append(
            "**Quick form**: a dozen steps for each model. It shows that every row runs; its "
            "figures mean nothing."
        )
    about += notes
    parts: list[tuple[str, str, Lines]] = []
    pictures: dict[str, str] = {}  # title of a part → file
    for table in tables:
        if table.curve is not None:
            pictures[table.title] = f"pictures/{table.name}.png"
            (root / "pictures").mkdir(exist_ok=True)
            pixels = draw_curve(curves[table.name], table.curve, table.title)
            write_image(root / pictures[table.title], pixels)
            parts.append((table.title, table.text, curve_lines(curves[table.name])))
            continue
        parts.append((table.title, table.text, accuracy_lines(table, cells)))
        if any(row.direction is not None for row in table.rows):
            parts += further_parts(table, cells)
        parts.append(("How each cell was made", "", command_lines(table, cells)))
    parts.append((APPENDIX, APPENDIX_TEXT, appendix_lines()))
    markdown = "\n\n".join(
        [
            "# Reproduction",
            *about,
            *(
                block
                for title, text, lines in parts
                for block in _markdown(title, text, lines, pictures.get(title))
            ),
        ]
    )
    write_bytes(root / "report.md", (markdown + "\n").encode())
    page = root / "report.html"
    body = "".join(f"<p>{html.escape(line.replace('**', ''))}</p>" for line in about) + "".join(
        _section(title, text, lines, pictures.get(title)) for title, text, lines in parts
    )
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Reproduction</title><style>{STYLE}</style><h1>Reproduction</h1>"
    )
    write_bytes(page, f"{head}{body}</html>\n".encode())
    return page


def accuracy_lines(table: Table, cells: Mapping[str, Sequence[Cell]]) -> Lines:
    """Accuracy on train and test, with ceiling, published figure, n and processor minutes."""
    generates = any(row.direction is not None for row in table.rows)
    head = ["", "test ↑", "published, test", "train ↑", "published, train"]
    if generates:
        head += ["judges on real", "its encoder"]
    lines = [[*head, "n (test)", "seeds", "processor minutes", "what differs"]]
    for row in table.rows:
        of_row = cells[row.label]
        line = [
            row.label,
            accuracy_text(of_row, "test"),
            published_text(row, "test"),
            accuracy_text(of_row, "train"),
            published_text(row, "train"),
        ]
        if generates:
            line += [_mean_text(of_row, "ceiling"), _mean_text(of_row, "encoder_accuracy")]
        minutes = np.mean([cell.processor_minutes for cell in of_row])
        line += [
            str(of_row[0].figures["test"]["n"]),
            str(len(of_row)),
            f"{minutes:.1f}",
            row.differs,
        ]
        lines.append(line)
    return lines


def accuracy_text(cells: Sequence[Cell], split: str) -> str:
    """One seed: the accuracy with its interval. Several: their mean, then the range of seeds.

    The interval of several is the mean of theirs: it speaks of other performances, the range of
    other seeds.
    """
    figures = [cell.figures[split] for cell in cells]
    accuracy, low, high = (
        float(np.mean([each[key] for each in figures])) for key in ("accuracy", "low", "high")
    )
    text = f"{_per_cent(accuracy)} ({_per_cent(low)} to {_per_cent(high)})"
    if len(figures) > 1:
        values = sorted(each["accuracy"] for each in figures)
        text += f"; seeds {_per_cent(values[0])} to {_per_cent(values[-1])}"
    return text


def published_text(row: Row, split: str) -> str:
    """The published figure and where it stands; a dash where none was found."""
    figure = row.published.get(split)
    return "–" if figure is None else f"{_per_cent(figure.value)} ({figure.source})"


def further_parts(
    table: Table, cells: Mapping[str, Sequence[Cell]]
) -> list[tuple[str, str, Lines]]:
    """Swapped conditions, distances, diversity, memory, retrieval, pose and pitch."""
    lines = [
        [
            "",
            "swapped: follows ↑",
            "swapped: own class ↓",
            "kernel distance ↓ (floor, shuffled)",
            "diversity ↑",
            "nearest training item ↑",
            "R@1 / R@5 / R@10 ↑ (chance at 10)",
        ]
    ]
    for row in table.rows:
        figures = cells[row.label][0].figures["test"]
        lines.append([row.label, *_quality(figures)])
    parts = [
        (
            "Beyond accuracy",
            "Of the first seed, test split, class-free features (docs/evaluation.md).",
            lines,
        )
    ]
    for title, text, of_part in (
        ("Pose, in the instruments' own coordinates", POSE_TEXT, pose_lines(table, cells)),
        ("Bow, by the distribution of its place", BOW_TEXT, bow_lines(table, cells)),
        ("Pitch that the pose admits", PITCH_TEXT, pitch_lines(table, cells)),
    ):
        if len(of_part) > 1:
            parts.append((title, text, of_part))
    return parts


def pose_lines(table: Table, cells: Mapping[str, Sequence[Cell]]) -> Lines:
    """Errors of pose of each row's first seed, by part and instrument, and over instruments."""
    keys = ("real_frame", "from_sound", "constant_pose", "another_moment")
    lines = [
        [
            "",
            "part",
            "instrument",
            "error ↓",
            "real frames",
            "from the sound",
            "best constant",
            "another moment",
            "n",
        ]
    ]
    for row in table.rows:
        for part, by_instrument in _pose_parts(cells[row.label][0]).items():
            if part == "bow":
                continue
            name = part.replace("_", " ")
            for instrument, of in by_instrument.items():
                error = f"{of['error']:.3f} ({of['low']:.3f} to {of['high']:.3f})"
                beside = [_number(of.get(key)) for key in keys]
                lines.append([row.label, name, instrument, error, *beside, str(of["n"])])
            if len(by_instrument) > 1:
                rows = list(by_instrument.values())
                means = [_number(_mean_of(rows, key)) for key in ("error", *keys)]
                count = str(sum(of["n"] for of in rows))
                lines.append([row.label, name, f"mean of {len(rows)}", *means, count])
    return lines


def bow_lines(table: Table, cells: Mapping[str, Sequence[Cell]]) -> Lines:
    """Distance of the bow's distribution of each row's first seed, by instrument."""
    lines = [["", "instrument", "distance ↓", "real frames", "one place", "n"]]
    for row in table.rows:
        for instrument, of in _pose_parts(cells[row.label][0]).get("bow", {}).items():
            values = [_number(of[key]) for key in ("distance", "real_frame", "one_place")]
            lines.append([row.label, instrument, *values, str(of["n"])])
    return lines


def pitch_lines(table: Table, cells: Mapping[str, Sequence[Cell]]) -> Lines:
    """Share of each row's generated sounds whose pitch the pose admits, over all and by class."""
    lines = [
        ["", "instrument", "admitted ↑", "voiced ↑", "real sounds", "another moment", "n"],
    ]
    for row in table.rows:
        figures = cells[row.label][0].figures["test"].get("pitch")
        if not figures:
            continue
        for instrument, of in {"all": figures, **figures["per_instrument"]}.items():
            lines.append(
                [
                    row.label,
                    instrument,
                    f"{_per_cent(of['admitted'])} ({_per_cent(of['low'])} to "
                    f"{_per_cent(of['high'])})",
                    _per_cent(of["voiced"]),
                    _per_cent(of["real"]["admitted"]),
                    _per_cent(of["another_moment"]),
                    str(of["n"]),
                ]
            )
    return lines


def _pose_parts(cell: Cell) -> Mapping[str, Any]:
    parts: Mapping[str, Any] = (cell.figures["test"].get("pose") or {}).get("parts", {})
    return parts


def _mean_of(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    known = [row[key] for row in rows if row.get(key) is not None]
    return float(np.mean(known)) if known else None


def curve_lines(points: Sequence[Mapping[str, Any]]) -> Lines:
    """Accuracy at each step of a run, the chosen one marked."""
    lines = [["step", "pairs seen", "epochs", "validation, by the examiner", "train ↑", "test ↑"]]
    for point in points:
        lines.append(
            [
                f"{point['step']}{' (chosen)' if point['chosen'] else ''}",
                f"{point['pairs']:,}",
                f"{point['epochs']:.2f}",
                _per_cent(point["validation"]),
                *(
                    f"{_per_cent(of['accuracy'])} ({_per_cent(of['low'])} to "
                    f"{_per_cent(of['high'])}), n = {of['n']}"
                    for of in (point["train"], point["test"])
                ),
            ]
        )
    return lines


def command_lines(table: Table, cells: Mapping[str, Sequence[Cell]]) -> Lines:
    """The command behind each cell."""
    lines = [["", "seed", "processor minutes, everything counted", "command"]]
    for row in table.rows:
        for cell in cells[row.label]:
            minutes = f"{cell.processor_minutes:.1f}"
            lines.append([row.label, str(cell.seed), minutes, f"`{cell.command}`"])
    return lines


def _quality(figures: Mapping[str, Any]) -> list[str]:
    swapped, distance = figures.get("swapped"), (figures.get("distances") or {}).get("class_free")
    diversity, novelty = figures.get("diversity") or {}, figures.get("novelty")
    found = (figures.get("retrieval") or {}).get("moment")
    return [
        "–" if swapped is None else _per_cent(swapped["follows"]),
        "–" if swapped is None else _per_cent(swapped["accuracy"]),
        "–"
        if distance is None
        else f"{distance['value']:.3f} ({_number(distance['floor'])}, "
        f"{_number(distance['shuffled'])})",
        _number(diversity.get("ratio")),
        "–" if novelty is None else _number(novelty["ratio"]),
        "–"
        if found is None
        else " / ".join(_per_cent(found[f"r{rank}"]["value"]) for rank in (1, 5, 10))
        + f" ({_per_cent(found['r10']['chance'])})",
    ]


def _mean_text(cells: Sequence[Cell], key: str) -> str:
    values = [cell.figures["test"].get(key) for cell in cells]
    known = [value for value in values if value is not None]
    return _per_cent(float(np.mean(known))) if known else "–"


def _markdown(title: str, text: str, lines: Lines, picture: str | None) -> list[str]:
    head, *rows = lines
    table = [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]
    shown = [f"![{title}]({picture})"] if picture else []
    return [f"## {title}", *([text] if text else []), *shown, "\n".join(table)]


def _section(title: str, text: str, lines: Lines, picture: str | None) -> str:
    head, *rows = lines
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    note = f"<p>{html.escape(text)}</p>" if text else ""
    if picture:
        note += f'<p><img src="{html.escape(picture)}" alt="{html.escape(title)}"></p>'
    return (
        f"<h2>{html.escape(title)}</h2>{note}<table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _cell(text: str) -> str:
    if len(text) > 2 and text[0] == text[-1] == "`":
        return f"<code>{html.escape(text[1:-1])}</code>"
    return html.escape(text)


def _per_cent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
