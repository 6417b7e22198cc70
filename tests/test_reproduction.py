"""Reproduction: one row from nothing to a report, nothing done twice, and text worked by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tone_dataset
from sightsound import recipes
from sightsound.errors import ConfigError
from sightsound.evaluation.judges import load_judges
from sightsound.pairs.performances import Dataset
from sightsound.reproduction.report import accuracy_lines, accuracy_text, published_text
from sightsound.reproduction.run import Cell, chosen_tables, reproduce
from sightsound.reproduction.tables import TABLES, Published, Row, Table

SOURCE = str(Path(recipes.__file__).parents[1])


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tone_dataset.make(tmp_path_factory.mktemp("tones") / "data")


def cell(accuracy: float, seed: int = 0, row: Row | None = None) -> Cell:
    figures = {"accuracy": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.1, "n": 50}
    return Cell(
        row=row or Row("S2I-C", "s2i_c"),
        seed=seed,
        figures={"test": figures, "train": figures},
        processor_minutes=2.0 + seed,
        command="sightsound train s2i_c",
    )


def test_every_row_names_a_recipe_and_a_source() -> None:
    for table in TABLES.values():
        for row in table.rows:
            assert row.recipe in recipes.RECIPES
            assert all(figure.source and 0 < figure.value < 1 for figure in row.published.values())


def test_one_seed_has_its_interval_and_several_their_range_as_well() -> None:
    assert accuracy_text([cell(0.5)], "test") == "50.0 % (40.0 % to 60.0 %)"
    several = accuracy_text([cell(0.5), cell(0.7, 1), cell(0.6, 2)], "test")
    assert several == "60.0 % (50.0 % to 70.0 %); seeds 50.0 % to 70.0 %"


def test_what_nobody_published_is_a_dash() -> None:
    row = Row("S2I-C", "s2i_c", published={"test": Published(0.7556, "paper")})
    assert published_text(row, "test") == "75.6 % (paper)"
    assert published_text(row, "train") == "–"
    table = Table("t", "T", (row,), "")
    head, line = accuracy_lines(table, {"s2i_c": [cell(0.5, row=row), cell(0.7, 1, row=row)]})
    assert line[head.index("processor minutes")] == "2.5"
    assert line[head.index("seeds")] == "2"


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="known: table1, table5"):
        chosen_tables(["table9"])
    with pytest.raises(ConfigError, match="s2i_c"):
        chosen_tables(["table5"], ["s2i_z"])
    [table] = chosen_tables([], ["s2i_n"])
    assert [row.recipe for row in table.rows] == ["s2i_n"]


def test_a_killed_reproduction_goes_on_and_does_nothing_twice(
    tones: Dataset, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sightsound", "reproduce", "--quick", "--row", "s2i_n"]
    command += ["--row", "sound_classifier_mfcc", "--data", str(tones.folder), "-o", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"}
    first = tmp_path / "runs" / "seed-0" / "sound_classifier_mfcc"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 120
        while not (first / "done.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    before = (first / "done.json").stat().st_mtime_ns
    page = reproduce(
        [], tones.folder, tmp_path, quick=True, rows=["sound_classifier_mfcc", "s2i_n"]
    )
    assert (first / "done.json").stat().st_mtime_ns == before
    made = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.rglob("*")
        if path.name in ("done.json", "state.pt") or path.parent.name == "figures"
    }
    assert len([path for path in made if path.name == "done.json"]) == 4
    reproduce([], tones.folder, tmp_path, quick=True, rows=["sound_classifier_mfcc", "s2i_n"])
    assert made == {path: path.stat().st_mtime_ns for path in made}
    text = (tmp_path / "report.md").read_text()
    assert "12.3 % (Chen et al. 2017, Table 5)" in text
    assert "81.0 % (Chen et al. 2017, Table 1)" in text or "81.1 %" in text
    assert "Quick form" in text
    assert page.read_text().count("<table>") == text.count("\n|---|")


def test_figures_are_measured_anew_when_the_judges_change(tones: Dataset, tmp_path: Path) -> None:
    rows = ["sound_classifier_mfcc_3"]
    reproduce(["table1"], tones.folder, tmp_path, quick=True, rows=rows)
    figures = tmp_path / "figures" / "sound_classifier_mfcc_3-0.json"
    before = figures.stat().st_mtime_ns
    judges = load_judges()
    judges.sha256 = "0" * 64
    reproduce(["table1"], tones.folder, tmp_path, quick=True, rows=rows, judges=judges)
    assert figures.stat().st_mtime_ns != before
