"""A data set in, a page about it out: one HTML file that needs nothing beside it.

Counts by split and class, frames of different players, a spectrogram and a few seconds to hear of
each class, licence and sources, hash, and what the leak check found.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from sightsound import __version__
from sightsound.errors import DataError
from sightsound.features.spectra import LogMelConfig, log_mel
from sightsound.media.audio import resample, write_audio
from sightsound.media.files import write_bytes
from sightsound.pairs.leaks import LeakReport
from sightsound.pairs.performances import SPLITS, Dataset, Performance
from sightsound.pairs.show import Description, describe, different_players, random_frame
from sightsound.shapes import Frames, Waveform, unit_to_image

COLUMNS = 8  # frames of each class
FRAME_SIDE = 112  # pixels of a frame on the page, at most
HEARD_SECONDS = 3.0
SHOWN_DB = 80.0  # the spectrogram's colours, down from its loudest value
_LEAKS_SHOWN = 20  # of each kind
_HEARD_RATE = 22_050  # Hz
_COLOURS = {
    "train": "#2f6fb0",
    "validation": "#8a63b8",
    "test": "#c2573a",
    "judge": "#4d8a54",
    "unheard": "#b08a1e",
}
_HEAT = (
    (13, 16, 38),
    (48, 38, 110),
    (122, 48, 128),
    (206, 76, 98),
    (246, 148, 84),
    (252, 240, 196),
)


def write_page(
    dataset: Dataset, path: Path, leaks: LeakReport, *, columns: int = COLUMNS, seed: int = 0
) -> None:
    """Write the page of a data set as one file, whole or not at all.

    Args:
        dataset: an opened data set.
        path: the file, ``.html``.
        leaks: what ``find_leaks`` gave for it.
        columns: frames of each class.
        seed: which players and moments.

    Raises:
        DataError: the file is not named ``.html``.
        MediaError: it cannot be written.
    """
    check_page_name(path)
    write_bytes(path, page(dataset, leaks, columns=columns, seed=seed).encode("utf-8"))


def check_page_name(path: Path) -> None:
    """Refuse a name that no page can have, before any work is done for it.

    Raises:
        DataError: the file is not named ``.html``.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"{path}: a page is written as .html; give such a name to --page")


def page(dataset: Dataset, leaks: LeakReport, *, columns: int = COLUMNS, seed: int = 0) -> str:
    """The page of ``write_page`` as text."""
    about = describe(dataset)
    rng = np.random.default_rng(seed)
    sections = [
        _head(about, leaks),
        _section("What is in it", _figures(about) + _by_class(about, dataset.classes)),
        _section("Where it comes from", _origin(about)),
        _section("Splits kept apart", _leaks(leaks)),
        _section("To see and to hear", _classes(dataset, columns, rng)),
    ]
    title = escape(about.name)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + f"\n<footer>Written by sightsound {escape(__version__)} with "
        "<code>sightsound data show DATASET --page FILE</code>.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


# --- Sections -----------------------------------------------------------------------------------


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def _head(about: Description, leaks: LeakReport) -> str:
    minutes = sum(sum(row.values()) for row in about.seconds.values()) / 60
    tiles = [
        (f"{sum(about.performances.values()):,}", "performances"),
        (_minutes(minutes), "minutes of sound"),
        (f"{len({name for row in about.seconds.values() for name in row})}", "classes"),
        (f"{about.image_size}²", f"pixels, {about.frame_rate:g} frames a second"),
        (f"{len(leaks.leaks):,}" if leaks.leaks else "none", "leaks between splits"),
    ]
    cells = "".join(
        f"<div><b>{escape(value)}</b><span>{escape(meaning)}</span></div>"
        for value, meaning in tiles
    )
    return (
        f"<header>\n<p class=kind>data set · {escape(about.kind)}</p>\n"
        f"<h1>{escape(about.name)}</h1>\n<div class=tiles>{cells}</div>\n</header>"
    )


def _figures(about: Description) -> str:
    splits = list(about.performances)
    head = "".join(
        f'<th><i style="background:{_COLOURS[split]}"></i>{escape(split)}</th>' for split in splits
    )
    rows: list[tuple[str, list[str]]] = [
        (title, [f"{getattr(about, title)[split]:,}" for split in splits])
        for title in ("performances", "players", "pieces")
    ]
    minutes = [_minutes(sum(about.seconds[split].values()) / 60) for split in splits]
    rows.append(("minutes of sound", minutes))
    body = "".join(
        f"<tr><th>{title}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for title, cells in rows
    )
    return f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"


def _by_class(about: Description, classes: Sequence[str]) -> str:
    """A bar for each class, as long as its sound, in the colours of the splits."""
    splits = list(about.seconds)
    strangers = {name for row in about.seconds.values() for name in row} - set(classes)
    names = [*classes, *sorted(strangers)]
    totals = {name: sum(about.seconds[split].get(name, 0.0) for split in splits) for name in names}
    longest = max(totals.values(), default=0.0) or 1.0
    rows = []
    for name in names:
        pieces, cells = [], []
        for split in splits:
            seconds = about.seconds[split].get(name, 0.0)
            count = about.performances_by_instrument[split].get(name, 0)
            width = 100 * seconds / longest
            told = f"{split}: {count:,} performances, {seconds:,.0f} s"
            pieces.append(
                f'<i style="width:{width:.2f}%;background:{_COLOURS[split]}" title="{told}"></i>'
            )
            cells.append(f"<td>{count:,}</td>" if count else "<td class=none>–</td>")
        rows.append(
            f"<tr><th>{escape(_spoken(name))}</th>{''.join(cells)}"
            f"<td>{totals[name]:,.0f} s</td><td class=bar><div>{''.join(pieces)}</div></td></tr>"
        )
    head = "".join(f"<th>{escape(split)}</th>" for split in splits)
    return (
        "<h3>Performances of each class</h3>\n<table class=classes><thead><tr><td></td>"
        f"{head}<th>sound</th><th class=bar>by split</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _origin(about: Description) -> str:
    sources = "".join(f"<li>{_with_code(source)}</li>" for source in about.sources)
    return (
        f"<dl><dt>Licence</dt><dd>{_with_code(about.license)}</dd>"
        f"<dt>Made from</dt><dd><ul>{sources or '<li>not stated</li>'}</ul></dd>"
        f"<dt>SHA-256</dt><dd><code>{escape(about.sha256)}</code><br><small>over the name and hash "
        "of every file: the same hash, the same data set</small></dd></dl>"
    )


def _leaks(leaks: LeakReport) -> str:
    compared = f"{leaks.performances:,} sounds and {leaks.frames:,} frames were compared."
    if not leaks.leaks:
        return (
            "<p class=good>No player, piece or performance is in two splits, nor a near-duplicate "
            f"of a sound or a picture. <small>{compared}</small></p>"
        )
    blocks = [
        f"<p class=bad>Found in two splits: {len(leaks.leaks):,}. <small>{compared}</small></p>"
    ]
    for kind, found in leaks.by_kind().items():
        shown = "".join(f"<li>{escape(str(each))}</li>" for each in found[:_LEAKS_SHOWN])
        hidden = len(found) - _LEAKS_SHOWN
        more = f"<li>… and {hidden:,} more</li>" if hidden > 0 else ""
        blocks.append(f"<h3>{escape(kind)}: {len(found):,}</h3><ul>{shown}{more}</ul>")
    return "\n".join(blocks)


def _classes(dataset: Dataset, columns: int, rng: np.random.Generator) -> str:
    blocks = []
    names: list[str | None] = [*dataset.classes]
    if any(each.instrument is None for each in dataset.members):
        names.append(None)
    for name in names:
        chosen = _chosen(dataset, name, columns, rng)
        if not chosen:
            continue
        frames = "".join(_frame(each, rng) for each in chosen)
        blocks.append(
            f"<article><h3>{escape(_spoken(name or '(none)'))}</h3>\n"
            f"<div class=frames>{frames}</div>\n{_sound(chosen[0])}</article>"
        )
    used = [split for split in SPLITS if dataset.performances(split)]
    key = " ".join(
        f'<span><i style="background:{_COLOURS[split]}"></i>{split}</span>' for split in used
    )
    return (
        f"<p class=key>Each frame is of another player while there are any; the line under it says "
        f"its split. {key}</p>\n" + "\n".join(blocks)
    )


def _chosen(
    dataset: Dataset, name: str | None, columns: int, rng: np.random.Generator
) -> list[Performance]:
    """Performances of a class by different players, of every split that has any, train first."""
    by_split = {
        split: different_players(dataset, name, split, columns, rng)
        for split in SPLITS
        if dataset.performances(split)
    }
    taken = dict.fromkeys(by_split, 0)
    while sum(taken.values()) < columns:
        open_splits = [split for split, found in by_split.items() if taken[split] < len(found)]
        if not open_splits:
            break
        for split in open_splits[: columns - sum(taken.values())]:
            taken[split] += 1
    return [each for split, count in taken.items() for each in by_split[split][:count]]


def _frame(performance: Performance, rng: np.random.Generator) -> str:
    pixels = unit_to_image(random_frame(performance, rng))
    picture = PillowImage.fromarray(pixels)
    if picture.width > 2 * FRAME_SIDE:  # sharp on fine screens, and no larger than needed
        picture = picture.resize((2 * FRAME_SIDE,) * 2, PillowImage.Resampling.BOX)
    told = escape(
        f"{performance.id} · {performance.split} · {performance.player or 'player unknown'}"
    )
    return (
        f'<img src="{_inline_picture(picture)}" alt="{told}" title="{told}" '
        f'style="border-bottom-color:{_COLOURS[performance.split]}">'
    )


def _sound(performance: Performance) -> str:
    heard = _loudest(performance.sound(), performance.sample_rate)
    seconds = heard.shape[1] / _HEARD_RATE
    picture = PillowImage.fromarray(spectrogram(heard[0], _HEARD_RATE))
    told = escape(f"{performance.id}, {seconds:.1f} s")
    return (
        f'<div class=sound><img src="{_inline_picture(picture)}" alt="spectrogram of {told}">'
        f'<div><audio controls preload="none" src="{_inline_sound(heard)}"></audio>'
        f"<small>{told}; log-mel, {SHOWN_DB:.0f} dB, 0 to {_HEARD_RATE // 2000} kHz</small>"
        "</div></div>"
    )


# --- Pictures and sounds ------------------------------------------------------------------------


def spectrogram(waveform: NDArray[np.float32], sample_rate: int) -> Frames:
    """A waveform (T,) as its log-mel picture (128, W, 3): time to the right, pitch upwards.

    The colours span ``SHOWN_DB`` down from its loudest value; W is 100 a second.
    """
    config = LogMelConfig(sample_rate=sample_rate, hop_length=max(1, sample_rate // 100))
    decibels = log_mel(waveform, config)
    unit = np.clip((decibels - decibels.max()) / SHOWN_DB + 1.0, 0.0, 1.0)
    place = unit[::-1] * (len(_HEAT) - 1)
    heat = np.array(_HEAT, np.float64)
    colours = [np.interp(place, range(len(_HEAT)), heat[:, axis]) for axis in range(3)]
    return np.stack(colours, axis=-1).astype(np.uint8)


def _loudest(waveform: Waveform, sample_rate: int) -> Waveform:
    """The few seconds in which most is heard, at the page's rate."""
    sound = resample(waveform, sample_rate, _HEARD_RATE)
    length = round(HEARD_SECONDS * _HEARD_RATE)
    if sound.shape[1] <= length:
        return sound
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound[0], dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return sound[:, start : start + length]


def _inline_picture(picture: PillowImage.Image) -> str:
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=82)
    return _inline("image/webp", encoded.getvalue())


def _inline_sound(waveform: Waveform) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heard.mp3"
        write_audio(path, waveform, _HEARD_RATE)
        return _inline("audio/mpeg", path.read_bytes())


def _inline(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _with_code(text: str) -> str:
    """Plain text for HTML; what stands in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _minutes(minutes: float) -> str:
    return f"{minutes:,.0f}" if minutes >= 10 else f"{minutes:.1f}"


_STYLE = """
:root { color-scheme: light dark; --ink: #1d222b; --faint: #69707d; --line: #dfe2e8;
  --paper: #ffffff; --tint: #f5f6f9; --good: #14713f; --bad: #ac2a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --faint: #9aa1ae; --line: #343a46;
  --paper: #16191f; --tint: #1e222a; --good: #6cc893; --bad: #f08a8a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 40px 24px 24px; }
.kind { margin: 0; color: var(--faint); letter-spacing: .04em; }
h1 { margin: 0 0 20px; font-size: 34px; line-height: 1.2; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
h2 { margin: 44px 0 14px; padding-bottom: 6px; font-size: 20px;
  border-bottom: 1px solid var(--line); }
h3 { margin: 22px 0 8px; font-size: 15px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; }
.tiles div { padding: 12px 14px; border-radius: 10px; background: var(--tint); }
.tiles b { display: block; font-size: 24px; line-height: 1.2; }
.tiles span, small, footer { color: var(--faint); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { text-align: left; font-weight: 500; }
thead th { font-weight: 500; color: var(--faint); }
.none { color: var(--line); }
.classes { width: 100%; }
.classes .bar { width: 42%; padding-right: 0; text-align: left; }
.bar div { display: flex; height: 11px; }
.bar i:first-child { border-radius: 3px 0 0 3px; }
.bar i:last-child { border-radius: 0 3px 3px 0; }
th i, .key i { display: inline-block; width: 9px; height: 9px; margin-right: 6px;
  border-radius: 2px; }
dl { display: grid; grid-template-columns: 110px 1fr; gap: 8px 16px; margin: 0; }
dt { color: var(--faint); }
dd { margin: 0; }
dd ul { margin: 0; padding-left: 18px; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.key { color: var(--faint); }
.key span { margin-left: 12px; white-space: nowrap; }
article { margin: 0 0 30px; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 8px; }
.frames img { width: 100%; aspect-ratio: 1; object-fit: cover; border-bottom: 4px solid;
  border-radius: 6px 6px 0 0; }
.sound { display: flex; flex-wrap: wrap; align-items: center; gap: 16px; margin-top: 10px; }
.sound > img { width: 500px; max-width: 100%; height: 112px; border-radius: 6px; }
.sound > div { display: grid; gap: 4px; }
audio { height: 34px; }
footer { margin-top: 48px; padding-top: 12px; font-size: 13px; border-top: 1px solid var(--line); }
@media print { audio { display: none; } }
"""
