"""Reproduction: one row from nothing to a report, nothing done twice, and text worked by hand."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image as Pillow

import tone_dataset
from sightsound import recipes
from sightsound.cli import main
from sightsound.errors import ConfigError, ModelError
from sightsound.evaluation.judges import JUDGES_FOLDER, Judges, load_judges
from sightsound.evaluation.matched import choose, pairs_of
from sightsound.orchestra import synthesis
from sightsound.packages.format import sha256_hex
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import open_store
from sightsound.pairs.truth import POSE_COLUMNS
from sightsound.reproduction.appendix import KNOWN_ANSWERS
from sightsound.reproduction.classifiers import classifier_figures
from sightsound.reproduction.curve import COLOURS, HEIGHT, LEFT, TOP, WIDTH, draw_curve
from sightsound.reproduction.poses import heard_poses
from sightsound.reproduction.report import (
    accuracy_lines,
    accuracy_text,
    command_lines,
    curve_lines,
    further_parts,
    published_text,
)
from sightsound.reproduction.run import Cell, chosen_tables, reproduce
from sightsound.reproduction.tables import TABLES, Published, Row, Table
from sightsound.shapes import Direction
from tiny_models import graph_bytes

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
    with pytest.raises(ConfigError, match="known: table1, table5, fig9, pose, line, dynamic"):
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


@pytest.fixture(scope="module")
def pose_judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    """The shipped judges, with one of poses that always sees the same pose."""
    folder = tmp_path_factory.mktemp("judges") / "judges"
    shutil.copytree(JUDGES_FOLDER, folder)
    count = len(POSE_COLUMNS)
    graph = graph_bytes(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["nothing"]),
            helper.make_node("Add", ["nothing", "always"], ["pose"]),
        ],
        {"image": ["B", 3, 8, 8]},
        {"pose": ["B", count]},
        {
            "weights": np.zeros((3 * 8 * 8, count), np.float32),
            "always": np.full(count, 0.5, np.float32),
        },
    )
    (folder / "always.onnx").write_bytes(graph)
    tree = json.loads((folder / "judges.json").read_text())
    tree["pose_judge"] = {
        "file": "always.onnx", "architecture": "none", "seed": 0, "image_size": 8,
    }  # fmt: skip
    tree["files"]["always.onnx"] = {"sha256": sha256_hex(graph), "bytes": len(graph)}
    (folder / "judges.json").write_text(json.dumps(tree))
    return load_judges(folder)


def test_pose_stands_beside_what_the_sound_allows(pose_judges: Judges, tmp_path: Path) -> None:
    """Mutants: measured on all instruments; the regression of other items; no regression."""
    data = tone_dataset.make(tmp_path / "data", moving=True)
    root = tmp_path / "out"
    reproduce(["pose"], data.folder, root, quick=True, rows=["s2i_pose"], judges=pose_judges)
    test = json.loads((root / "figures" / "s2i_pose-0.json").read_text())["figures"]["test"]
    figures = test["sound_to_image"]
    assert figures["data"]["instruments"] == ["cello", "violin"]
    assert set(figures["per_class"]) == {"violin"}  # of these the data has violins alone
    row = figures["pose"]["parts"]["finger_position"]["violin"]
    assert set(figures["pose"]["parts"]["finger_position"]) == {"violin"}

    run = root / "runs" / "seed-0" / "pose_from_sound"
    store = open_store(data, recipes.recipe("pose_from_sound").pairs.store)
    items = choose(pairs_of(store, "test"), range(13), only=[12])
    column = POSE_COLUMNS.index("finger_position")
    truth = items.pairs.truth(items.indices).pose[:, column]  # type: ignore[attr-defined]
    error = np.abs(heard_poses(run, items)[:, column] - truth).mean()
    assert row["from_sound"] == pytest.approx(error, rel=1e-4)
    for what in ("error", "real_frame"):
        assert row[what] == pytest.approx(np.abs(0.5 - truth).mean(), rel=1e-4)

    text = (root / "report.md").read_text()
    line = next(line for line in text.splitlines() if "| finger position | violin |" in line)
    assert f"| {row['from_sound']:.3f} |" in line
    assert "Pose from the sound: sightsound train pose_from_sound" in text
    assert "Pose is not measured" not in text
    with pytest.raises(ModelError, match="hears no poses"):
        heard_poses(root / "runs" / "seed-0" / "sound_classifier", items)


def test_without_a_judge_of_poses_the_report_says_so(tones: Dataset, tmp_path: Path) -> None:
    judges = load_judges()
    judges.pose_judge = None
    reproduce(["table5"], tones.folder, tmp_path, quick=True, rows=["s2i_a_mse"], judges=judges)
    assert "Pose is not measured: these judges have none" in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "runs" / "seed-0" / "pose_from_sound").exists()


def some_tables() -> dict[str, list[str]]:
    """Every table of a report → its headings, from figures that have everything."""
    pose = {
        "error": 0.1, "low": 0.1, "high": 0.1, "real_frame": 0.1, "from_sound": 0.1,
        "constant_pose": 0.1, "another_moment": 0.1, "n": 2,
    }  # fmt: skip
    bow = {"distance": 0.1, "real_frame": 0.1, "one_place": 0.1, "n": 2}
    pitch = {
        "admitted": 0.5, "low": 0.4, "high": 0.6, "voiced": 1.0, "real": {"admitted": 1.0},
        "another_moment": 0.1, "n": 2,
    }  # fmt: skip
    row = Row("S2I-C", "s2i_c", Direction.SOUND_TO_IMAGE)
    full = cell(0.5, row=row)
    full.figures["test"].update(
        pose={"parts": {"finger_position": {"violin": pose}, "bow": {"violin": bow}}},
        pitch={**pitch, "per_instrument": {"violin": pitch}},
    )
    table, cells = Table("t", "T", (row,), ""), {"S2I-C": [full]}
    heads = {title: lines[0] for title, _, lines in further_parts(table, cells)}
    return {
        "accuracy": accuracy_lines(table, cells)[0],
        "curve": curve_lines([])[0],
        "how": command_lines(table, cells)[0],
        **heads,
    }


ABOUT = {
    "", "published, test", "published, train", "n (test)", "n", "seed", "seeds", "command",
    "processor minutes", "processor minutes, everything counted", "what differs", "part",
    "instrument", "step", "pairs seen", "epochs",
}  # fmt: skip


def test_every_metric_of_the_report_has_a_known_answer() -> None:
    """Mutant: a column added without one, or one that no table has any more."""
    tables = some_tables()
    assert len(tables) == 7
    printed = {heading for head in tables.values() for heading in head} - ABOUT
    assert printed == {column for it in KNOWN_ANSWERS for column in it.columns}


def test_every_test_that_the_appendix_names_is_there() -> None:
    for it in KNOWN_ANSWERS:
        file, _, name = it.test.partition("::")
        tree = ast.parse((Path(__file__).parent / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


@pytest.mark.skipif(
    bool(synthesis.missing_packages("train")), reason="FluidSynth or its soundfonts are missing"
)
def test_the_quick_form_makes_its_own_data(tmp_path: Path) -> None:
    command = ["reproduce", "table1", "--quick", "--row", "sound_classifier_mfcc_3"]
    assert main([*command, "-o", str(tmp_path)]) == 0
    dataset = Dataset.open(tmp_path / "data")
    assert len(dataset.performances()) == 4 * 13
    assert "Quick form" in (tmp_path / "report.md").read_text()


def test_the_full_form_asks_for_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "-o", str(tmp_path / "out")]) == 2
    assert "name a data set" in capsys.readouterr().err
    assert main(["reproduce", "table9", "--quick", "-o", str(tmp_path / "out")]) == 2
    assert "no table 'table9'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
