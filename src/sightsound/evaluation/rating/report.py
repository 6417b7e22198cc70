"""A study's folder in, a report on its votes out: JSON, Markdown, CSV and a plot."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sightsound.errors import DataError
from sightsound.evaluation.rating.figures import inattentive, study_figures
from sightsound.evaluation.rating.plot import draw_choice, draw_scale
from sightsound.evaluation.rating.study import Study, open_study
from sightsound.evaluation.rating.votes import Vote, Votes, has_votes
from sightsound.evaluation.report import prepare_folder
from sightsound.media.files import write_bytes
from sightsound.media.image import write_image

FOLDER = "report"
COLUMNS = (
    "rater", "position", "kind", "conditions", "class", "names", "answer", "chosen", "expected",
    "seconds", "attentive",
)  # fmt: skip


def report(
    study: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    seed: int = 0,
) -> tuple[dict[str, Any], Path]:
    """Write ``report.json``, ``report.md``, ``votes.csv`` and ``votes.png``; also while serving.

    Args:
        study: the study's folder.
        output: where the report goes. None = ``report/`` in the study's folder.
        seed: of the intervals.

    Returns the figures and the report's folder.

    Raises:
        DataError: no study, no votes yet, or a folder that cannot be written.
    """
    opened = open_study(study)
    if not has_votes(opened.folder):
        raise DataError(f"{opened.folder}: nobody has voted; run `sightsound rate serve` first")
    with Votes(opened) as store:
        votes, tallies = store.votes(), store.tallies()
    figures = study_figures(opened, votes, tallies, seed=seed)
    folder = Path(output) if output is not None else opened.folder / FOLDER
    prepare_folder(folder)
    draw = draw_scale if opened.definition.task == "scale" else draw_choice
    if figures["votes"]["used"]:
        write_image(folder / "votes.png", draw(figures, opened.definition.title))
    write_bytes(folder / "votes.csv", votes_csv(opened, votes).encode())
    write_bytes(folder / "report.md", format_markdown(figures).encode())
    text = json.dumps(figures, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(folder / "report.json", text.encode())
    return figures, folder


def withdraw(study: str | os.PathLike[str], code: str) -> None:
    """Delete the votes of the rater who has this code.

    Raises:
        DataError: no study, or nobody has this code.
    """
    opened = open_study(study)
    if has_votes(opened.folder):
        with Votes(opened) as store:
            if store.withdraw(code.strip().lower()):
                return
    raise DataError(f"{opened.folder}: no rater has the code {code!r}; nothing was deleted")


# --- Tables ----------------------------------------------------------------------------------


def votes_csv(study: Study, votes: Sequence[Vote]) -> str:
    """Every vote as a row; text cells are made harmless by :func:`harmless`."""
    failed = inattentive(votes)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for vote in votes:
        items = [study.definition.items[place] for place in vote.items]
        chosen = ""
        if items and study.definition.task == "choice":
            chosen = items[vote.answer].condition
        seconds = None if vote.milliseconds is None else vote.milliseconds / 1000
        writer.writerow(
            [
                harmless(vote.rater),
                vote.position,
                harmless(vote.kind),
                harmless(" _ ".join(item.condition for item in items)),
                harmless(items[0].label or "" if items else ""),
                harmless(" _ ".join(item.name for item in items)),
                vote.answer,
                harmless(chosen),
                vote.expected,
                seconds,
                int(vote.rater not in failed),
            ]
        )
    return file.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula, whichever separator it splits at.

    Letters, digits, ``_``, ``.``, ``-`` and single spaces stay, everything else (``= + @ , ; | "``,
    tabs, line breaks …) becomes ``_``; a cell or a word never begins with ``-``.
    """
    safe = "".join(c if c.isalnum() or c in "_.- " else "_" for c in text)
    words = (f"_{word}" if word.startswith("-") else word for word in safe.split(" ") if word)
    return " ".join(words)


def format_markdown(figures: dict[str, Any]) -> str:
    """The figures as a page of Markdown."""
    raters, votes = figures["raters"], figures["votes"]
    lines = [
        f"# {_plain(figures['title'])}",
        "",
        f"{votes['used']} votes of {raters['used']} raters on {figures['medium']}s; question: "
        f"“{_plain(figures['question'])}”",
        "",
        *_tables(figures),
        *_agreement_lines(figures),
        f"Raters: {raters['joined']} joined, {raters['finished']} finished, "
        f"{raters['inattentive']} failed an attention item and are left out, "
        f"{raters['without_sound']} did not pass the sound check, {raters['withdrawn']} withdrew, "
        f"{raters['expired']} deleted at the end of retention.",
        "",
        f"Intervals: {100 * figures['level']:.0f} %, {figures['resamples']} resamples of raters "
        f"and of items, both with replacement; seed {figures['seed']}. With fewer than about ten "
        "raters they are rough; one rater says nothing of others: the whole range.",
        "",
    ]
    if figures["all_raters"]:
        lines += ["## With those who failed an attention item", ""]
        lines += [*_tables(figures["all_raters"]), *_agreement_lines(figures["all_raters"])]
    lines += ["![Votes](votes.png)", "", f"Study {figures['study'][:16]}.", ""]
    return "\n".join(lines)


def _tables(figures: dict[str, Any]) -> list[str]:
    if "conditions" in figures:
        return _scale_tables(figures)
    lines = [
        "| | share for the first ↑ | 95 % interval | votes | pairs | raters |",
        "|---|---|---|---|---|---|",
    ]
    for pair in figures["pairs"]:
        lines.append(
            f"| {pair['first']} rather than {pair['second']} | {100 * pair['share']:.1f} % | "
            f"{100 * pair['low']:.1f} to {100 * pair['high']:.1f} % | {pair['n']} | "
            f"{pair['items']} | {pair['raters']} |"
        )
    shown_first = figures["shown_first_chosen"]
    if shown_first is not None:
        lines += ["", f"The one shown first was chosen in {100 * shown_first:.1f} % of all votes."]
    return [*lines, ""]


def _scale_tables(figures: dict[str, Any]) -> list[str]:
    lines = [
        "| | mean ↑ (0 to 3) | 95 % interval | votes 0 / 1 / 2 / 3 | votes | items | raters |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of in figures["conditions"].items():
        counts = " / ".join(map(str, of["counts"]))
        lines.append(
            f"| {name} | {of['mean']:.2f} | {of['low']:.2f} to {of['high']:.2f} | {counts} | "
            f"{of['n']} | {of['items']} | {of['raters']} |"
        )
    if figures["differences"]:
        lines += ["", "| difference | mean | 95 % interval |", "|---|---|---|"]
        for of in figures["differences"]:
            lines.append(
                f"| {of['first']} − {of['second']} | {of['difference']:+.2f} | "
                f"{of['low']:+.2f} to {of['high']:+.2f} |"
            )
    labels = sorted({label for of in figures["conditions"].values() for label in of["per_class"]})
    if labels:
        names = list(figures["conditions"])
        lines += ["", f"| mean by class | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for label in labels:
            cells = [figures["conditions"][name]["per_class"].get(label) for name in names]
            texts = ["–" if cell is None else f"{cell:.2f}" for cell in cells]
            lines.append(f"| {_plain(label)} | {' | '.join(texts)} |")
    return [*lines, ""]


def _agreement_lines(figures: dict[str, Any]) -> list[str]:
    of = figures["agreement"]
    if of["alpha"] is None:
        why = "nothing was rated twice" if not of["units"] else "all answers are the same"
        return [f"Agreement: undefined ({why}).", ""]
    interval = "" if of["low"] is None else f" ({of['low']:.2f} to {of['high']:.2f})"
    return [
        f"Agreement: Krippendorff's alpha ({of['measure']}) {of['alpha']:.2f}{interval}, of "
        f"{of['units']} things that at least two raters saw, {of['answers']} votes.",
        "",
    ]


def _plain(text: str) -> str:
    """Text for one cell or line of Markdown."""
    line = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#!" else c for c in line)
