"""Reproduction: one row from nothing to a report, nothing done twice, and text worked by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import tone_dataset
from sightsound import recipes
from sightsound.cli import main
from sightsound.errors import ConfigError, ModelError
from sightsound.evaluation.judges import load_judges
from sightsound.orchestra import synthesis
from sightsound.pairs.performances import Dataset
from sightsound.reproduction.classifiers import classifier_figures
from sightsound.reproduction.curve import COLOURS, HEIGHT, LEFT, TOP, WIDTH, draw_curve
from sightsound.reproduction.report import accuracy_lines, accuracy_text, published_text
from sightsound.reproduction.run import Cell, chosen_tables, reproduce
from sightsound.reproduction.tables import TABLES, Published, Row, Table

DYNAMIC = ["cmcgan", "cmcgan_classifier"]
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
    labels = [row.label for table in TABLES.values() if not table.curve for row in table.rows]
    assert len(set(labels)) == len(labels)
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
    head, line = accuracy_lines(table, {"S2I-C": [cell(0.5, row=row), cell(0.7, 1, row=row)]})
    assert line[head.index("processor minutes")] == "2.5"
    assert line[head.index("seeds")] == "2"


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="known: table1, table5, fig9, line, dynamic"):
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


def test_a_run_of_other_settings_is_never_reported(tones: Dataset, tmp_path: Path) -> None:
    """Mutant: whatever is done is taken, so that the quick form's runs fill the full report."""
    rows = ["sound_classifier_mfcc_3"]
    reproduce(["table1"], tones.folder, tmp_path, quick=True, rows=rows)
    with pytest.raises(ModelError, match="choose another folder with -o"):
        reproduce(["table1"], tones.folder, tmp_path, rows=rows)


def test_figures_are_measured_anew_when_the_judges_change(tones: Dataset, tmp_path: Path) -> None:
    rows = ["sound_classifier_mfcc_3"]
    reproduce(["table1"], tones.folder, tmp_path, quick=True, rows=rows)
    figures = tmp_path / "figures" / "sound_classifier_mfcc_3-0.json"
    before = figures.stat().st_mtime_ns
    judges = load_judges()
    judges.sha256 = "0" * 64
    reproduce(["table1"], tones.folder, tmp_path, quick=True, rows=rows, judges=judges)
    assert figures.stat().st_mtime_ns != before


def test_the_curve_says_at_the_chosen_step_what_evaluation_says(
    tones: Dataset, tmp_path: Path
) -> None:
    """Mutants: weights of another step, noise of another item, train and test exchanged."""
    page = reproduce(["fig9"], tones.folder, tmp_path, quick=True)
    points = json.loads((tmp_path / "figures" / "s2i_c-curve.json").read_text())["figures"]
    measured = json.loads((tmp_path / "figures" / "s2i_c-0.json").read_text())["figures"]
    assert [(point["step"], point["chosen"]) for point in points] == [(12, True)]
    for split in ("train", "test"):
        expected = measured[split]["sound_to_image"]
        assert points[0][split]["n"] == expected["n"]
        assert points[0][split]["accuracy"] == pytest.approx(expected["accuracy"], abs=0.04)
    assert points[0]["pairs"] == 12 * 13
    assert '<img src="pictures/fig9.png"' in page.read_text()
    with Pillow.open(tmp_path / "pictures" / "fig9.png") as picture:
        assert picture.width > 600


def test_the_plot_of_a_curve_has_each_point_at_its_height() -> None:
    def of(value: float) -> dict[str, float]:
        return {"accuracy": value, "low": value, "high": value}

    points = [
        {"pairs": n * 100, "chosen": False, "train": of(high), "test": of(low)}
        for n, high, low in ((1, 0.5, 0.25), (2, 1.0, 0.0))
    ]
    picture = draw_curve(points, {1: (0.5, 0.5), 2: (0.5, 0.5)}, "t").astype(int)
    for x, share, split in (
        (0.5, 0.5, "train"),
        (1.0, 1.0, "train"),
        (0.5, 0.25, "test"),
        (1.0, 0.0, "test"),
    ):
        column, row = round(LEFT + WIDTH * x), round(TOP + HEIGHT * (1 - share))
        assert np.abs(picture[row, column] - COLOURS[split]).max() < 3


def test_the_dynamic_classifier_has_a_row_for_each_of_its_inputs(
    tones: Dataset, tmp_path: Path
) -> None:
    reproduce(["line", "dynamic"], tones.folder, tmp_path, quick=True, rows=DYNAMIC)
    figures = json.loads((tmp_path / "figures" / "cmcgan_classifier-0.json").read_text())["figures"]
    assert sorted(figures["test"]) == ["A", "GA-V", "GV-A", "V", "V-A"]
    made = json.loads((tmp_path / "figures" / "cmcgan-0.json").read_text())["figures"]
    assert sorted(made["test"]) == ["image_to_sound", "sound_to_image"]
    text = (tmp_path / "report.md").read_text()
    assert "98.6 % (Hao et al. 2018)" in text
    assert "CMCGAN, image to sound" in text
    with pytest.raises(ModelError, match="which is no classifier"):
        classifier_figures(tmp_path / "runs" / "seed-0" / "cmcgan", tones, "test", limit=2, seed=0)


@pytest.mark.skipif(
    bool(synthesis.missing_packages("train")), reason="FluidSynth or its soundfonts are missing"
)
def test_the_quick_form_makes_its_own_data(tmp_path: Path) -> None:
    command = ["reproduce", "table1", "--quick", "--row", "sound_classifier_mfcc_3"]
    assert main([*command, "-o", str(tmp_path)]) == 0
    dataset = Dataset.open(tmp_path / "data")
    assert len(dataset.performances()) == 3 * 13
    assert "Quick form" in (tmp_path / "report.md").read_text()


def test_the_full_form_asks_for_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "-o", str(tmp_path / "out")]) == 2
    assert "name a data set" in capsys.readouterr().err
    assert main(["reproduce", "table9", "--quick", "-o", str(tmp_path / "out")]) == 2
    assert "no table 'table9'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
