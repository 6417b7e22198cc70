"""A result with its sheets in, one self-contained folder with a page to look at out."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sightsound.errors import DataError
from sightsound.evaluation.confusion import draw_confusion
from sightsound.generation.model import at_listening_level
from sightsound.media.audio import write_audio
from sightsound.media.files import write_bytes
from sightsound.media.image import write_image
from sightsound.shapes import Frames, Waveform

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #181c24; max-width: 76rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #e2e6ec; } td.number { font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; } .big { font-size: 2.2rem; font-weight: 600; }
.faint { color: #5c6472; } figure { margin: 1.5rem 0; } audio { height: 2rem; }
"""


@dataclass(frozen=True)
class Clip:
    """A sound to listen to: what was generated, beside the real one."""

    title: str
    generated: Waveform  # (T,)
    reference: Waveform  # (T,)
    sample_rate: int


@dataclass(frozen=True)
class Exhibits:
    """What there is to look at and listen to of one direction."""

    sheets: Mapping[str, Frames]  # file stem → picture
    clips: Sequence[Clip] = field(default_factory=tuple)
    metadata: Mapping[str, str] = field(default_factory=dict)  # of every generated file


def prepare_folder(folder: str | os.PathLike[str]) -> None:
    """Make a report's folder and try to write there, before hours are spent on its figures.

    Raises:
        DataError: the folder cannot be made or written.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".probe"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise DataError(f"{root}: cannot be made ({error.strerror}); name another folder") from None


def write_report(
    folder: str | os.PathLike[str],
    result: Mapping[str, Any],
    exhibits: Mapping[str, Exhibits],
) -> Path:
    """Write ``index.html``, ``result.json``, pictures and sounds; returns the page.

    Everything that the page shows lies in the folder; it loads nothing from elsewhere. Files of
    an earlier report of the same names are replaced, each as a whole.

    Raises:
        DataError: the folder cannot be made. WriteError: a file cannot be written.
    """
    root = Path(folder)
    prepare_folder(root)
    sections = []
    for direction, figures in result.items():
        shown = exhibits.get(direction, Exhibits({}))
        confusion = figures["confusion"]
        title = f"{direction}: {100 * figures['accuracy']:.1f} % right"
        pictures = {
            "confusion": draw_confusion(
                np.asarray(confusion["counts"]), confusion["classes"], title
            ),
            **shown.sheets,
        }
        for name, pixels in pictures.items():
            write_image(root / f"{direction}_{name}.png", pixels, metadata=shown.metadata)
        clips = _write_clips(root, direction, shown)
        sections.append(_section(direction, figures, list(pictures), clips))
    text = json.dumps(result, indent=1, allow_nan=False) + "\n"
    write_bytes(root / "result.json", text.encode())
    page = root / "index.html"
    write_bytes(page, _page("".join(sections)).encode())
    return page


def format_table(result: Mapping[str, Any]) -> str:
    """A result as plain text, all figures at once; arrows say which way is better."""
    blocks = []
    for direction, figures in result.items():
        rows = figure_rows(figures)
        width = max(len(name) for name, _ in rows)
        lines = [direction, *(f"  {name:<{width}}  {value}" for name, value in rows)]
        lines += _class_lines(figures)
        lines += [f"  skipped: {line}" for line in figures.get("skipped", [])]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def figure_rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of each figure that a direction's result has, ready to print."""
    level = f"{100 * figures['level']:.0f} % interval {_per_cent(figures['low'])} to "
    rows = [
        ("accuracy ↑", f"{_per_cent(figures['accuracy'])}  ({level}{_per_cent(figures['high'])})"),
        ("things judged", _counted(figures)),
        ("ceiling (judges on real)", _per_cent(figures["ceiling"])),
        ("encoder's own accuracy ↑", _per_cent(figures["encoder_accuracy"])),
        ("best constant answer", _per_cent(figures["best_constant"])),
    ]
    if figures.get("inversion_ceiling"):
        inversion = figures["inversion_ceiling"]
        text = f"{_per_cent(inversion['accuracy'])} of {inversion['n']}"
        rows.append(("ceiling after inversion", text))
    for judge in figures["judges"]:
        ceiling = f", on real {_per_cent(judge['ceiling'])}" if "ceiling" in judge else ""
        rows.append((f"judge {judge['name']}", f"{_per_cent(judge['accuracy'])}{ceiling}"))
    swapped = figures.get("swapped")
    if swapped:
        rows.append(("swapped condition: own class ↓", _per_cent(swapped["accuracy"])))
        rows.append(("swapped condition: follows ↑", _per_cent(swapped["follows"])))
    for space, of_space in (figures.get("distances") or {}).items():
        rows += _distance_rows(space, of_space)
    diversity, new = figures.get("diversity"), figures.get("novelty")
    if diversity and diversity["ratio"] is not None:
        text = f"{diversity['ratio']:.3f} of real data's inside a class"
        rows.append(("diversity ↑", text))
    if new:
        text = f"{new['ratio']:.3f} of unseen real data's"
        rows.append(("distance to nearest training item ↑", text))
        rows.append(("nearer to it than 95 % of real are ↓", _per_cent(new["share_closer"])))
    rows += _retrieval_rows(figures.get("retrieval"))
    return rows + _pose_rows(figures.get("pose")) + _pitch_rows(figures.get("pitch"))


def _retrieval_rows(figures: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    rows = []
    for what in ("moment", "performance") if figures else ():
        found = (figures or {})[what]
        values = ", ".join(
            f"R@{rank} {_per_cent(found[f'r{rank}']['value'])} (chance "
            f"{_per_cent(found[f'r{rank}']['chance'])})"
            for rank in (1, 5, 10)
        )
        rows.append((f"finds its {what} ↑", values))
    return rows


def _pose_rows(figures: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Each part over its instruments: generated, then what it is read beside."""
    rows = []
    for part, by_instrument in (figures or {}).get("parts", {}).items():
        name = part.replace("_", " ")
        if part == "bow":
            means = _means(by_instrument, ("distance", "real_frame", "one_place"))
            text = f"{means[0]:.3f}  (real frames {means[1]:.3f}, one place {means[2]:.3f})"
            rows.append(("bow's place, distribution ↓", text))
            continue
        means = _means(by_instrument, ("error", "real_frame", "constant_pose", "another_moment"))
        text = (
            f"{means[0]:.3f}  (real frames {means[1]:.3f}, best constant {means[2]:.3f}, "
            f"another moment {means[3]:.3f})"
        )
        rows.append((f"pose, {name} ↓", text))
    return rows


def _pitch_rows(figures: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """How often the pitch is one that the pose admits, with what it is read beside."""
    if not figures:
        return []
    real = figures["real"]
    text = (
        f"{_per_cent(figures['admitted'])}  ({_per_cent(figures['low'])} to "
        f"{_per_cent(figures['high'])}; real sounds {_per_cent(real['admitted'])}, another moment "
        f"{_per_cent(figures['another_moment'])}; n {figures['n']})"
    )
    rows = [("pitch that the pose admits ↑", text)]
    text = f"{_per_cent(figures['voiced'])}  (real sounds {_per_cent(real['voiced'])})"
    rows.append(("sounds with a pitch ↑", text))
    if figures["class_error_cents"] is not None:
        of_real = real["class_error_cents"]
        beside = "" if of_real is None else f"  (real sounds {of_real:.0f})"
        text = f"{figures['class_error_cents']:.0f} cents{beside}"
        rows.append(("from the true pitch's class, median ↓", text))
    return rows


def _pitch_table(figures: Mapping[str, Any]) -> str:
    """By instrument: what the page shows below the table of everything."""
    rows = [
        (
            name,
            f"{_per_cent(of['admitted'])}  ({_per_cent(of['low'])} to {_per_cent(of['high'])}; "
            f"real sounds {_per_cent(of['real']['admitted'])}, another moment "
            f"{_per_cent(of['another_moment'])}; {of['pitches_admitted']:.1f} pitches admitted; "
            f"n {of['n']})",
        )
        for name, of in figures["per_instrument"].items()
    ]
    return f"<h3>Pitch that the pose admits, by instrument</h3>{_html_table(rows)}"


def _means(by_instrument: Mapping[str, Mapping[str, float]], keys: Sequence[str]) -> list[float]:
    rows = by_instrument.values()
    return [sum(row[key] for row in rows) / len(rows) for key in keys]


def _distance_rows(space: str, figures: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if figures is None:
        return []
    kernel = (
        f"{figures['value']:.4f}  (floor {_number(figures['floor'])}, "
        f"shuffled {_number(figures['shuffled'])}, n {figures['n']})"
    )
    frechet = figures["frechet"]
    title = {"class_free": "class-free features", "judge": "a judge's features"}[space]
    return [
        (f"kernel distance ↓, {title}", kernel),
        (
            f"Fréchet distance ↓, {title}",
            f"{frechet['value']:.2f}  (floor {_number(frechet['floor'])})",
        ),
    ]


def _class_lines(figures: Mapping[str, Any]) -> list[str]:
    per_class = figures["per_class"]
    if not per_class:
        return []
    width = max(map(len, per_class))
    heard = figures.get("encoder_per_class", {})
    lines = ["  by class ↑"]
    for name, accuracy in per_class.items():
        note = f"   encoder {_per_cent(heard[name])}" if name in heard else ""
        lines.append(f"    {name:<{width}}  {_per_cent(accuracy):>7}{note}")
    return lines


def _counted(figures: Mapping[str, Any]) -> str:
    if "performances" in figures:
        return f"{figures['n']} of {figures['performances']} performances"
    text = f"{figures['n']} files of {len(figures['per_group'])} groups"
    folds = figures.get("data", {}).get("folds", {})
    named = ", ".join(f"{fold} {n}" for fold, n in sorted(folds.items()) if fold != "None")
    return f"{text}; folds heard: {named}" if named else text


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


# --- The page -------------------------------------------------------------------------------


def _section(
    direction: str, figures: Mapping[str, Any], pictures: Sequence[str], clips: Sequence[str]
) -> str:
    accuracy, low, high = (_per_cent(figures[key]) for key in ("accuracy", "low", "high"))
    parts = [
        f"<h2>{html.escape(direction)}</h2>",
        f'<p><span class="big">{accuracy}</span> <span class="faint">{low} to {high}</span></p>',
        _html_table(figure_rows(figures)),
        "<h3>By class</h3>",
        _html_table([(name, _per_cent(value)) for name, value in figures["per_class"].items()]),
    ]
    if figures.get("pitch"):
        parts.append(_pitch_table(figures["pitch"]))
    for name in pictures:
        title = name.replace("_", " ")
        source = html.escape(f"{direction}_{name}.png", quote=True)
        parts.append(
            f'<figure><img src="{source}" alt="{html.escape(title, quote=True)}">'
            f"<figcaption>{html.escape(title)}</figcaption></figure>"
        )
    if clips:
        parts += ["<h3>To listen to</h3>", "<table>", *clips, "</table>"]
    skipped = figures.get("skipped", [])
    if skipped:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in skipped)
        parts.append(f"<h3>Skipped</h3><ul>{lines}</ul>")
    told = ("model", "data", "judged_by", "seed", "bootstrap", "preprocessing")
    about = {key: figures[key] for key in told if key in figures}
    text = html.escape(json.dumps(about, indent=1, ensure_ascii=False))
    parts.append(f'<h3>What was measured</h3><pre class="faint">{text}</pre>')
    return "\n".join(parts)


def _html_table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td>{html.escape(name)}</td><td class="number">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _page(body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>sightsound: evaluation</title><style>{STYLE}</style></head>\n"
        f"<body><h1>Evaluation</h1>\n{body}\n</body></html>\n"
    )


def _write_clips(root: Path, direction: str, shown: Exhibits) -> list[str]:
    """Clips to listen to, all at one level, and the rows that play them."""
    rows = []
    for number, clip in enumerate(shown.clips):
        cells = [f"<td>{html.escape(clip.title)}</td>"]
        for kind, waveform in (("reference", clip.reference), ("generated", clip.generated)):
            name = f"{direction}_{number:02d}_{kind}.wav"
            metadata = shown.metadata if kind == "generated" else {}
            heard = at_listening_level(waveform)[None]
            write_audio(root / name, heard, clip.sample_rate, metadata=metadata)
            cells.append(f'<td>{kind}<br><audio controls preload="none" src="{name}"></audio></td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return rows
