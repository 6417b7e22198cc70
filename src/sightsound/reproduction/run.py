"""Tables in, trained models, figures and one report out; resumes where it stopped.

```
OUTPUT/runs/seed-S/RECIPE     training runs; encoders lie beside what stands on them
      models/RECIPE-S         model packages
      figures/RECIPE-S.json   what was measured, and of what; RECIPE-curve.json over training,
                              RECIPE-S-INSTRUMENTS.json of some instruments
      judges/NAME-HASH        of data that the shipped judges do not know
      inis/                   the same of the second data set
      report.md, report.html, pictures/
```

A figure is measured again only where the weights, the data, the judges or the number of items are
others than those that its file names.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sightsound import recipes
from sightsound.config import config_hash
from sightsound.errors import ConfigError
from sightsound.evaluation.judges import Judges
from sightsound.evaluation.report import prepare_folder
from sightsound.evaluation.run import evaluate
from sightsound.export.run import export_run
from sightsound.media.files import write_bytes
from sightsound.pairs.performances import Dataset
from sightsound.reproduction.classifiers import classifier_figures
from sightsound.reproduction.curve import accuracy_curve
from sightsound.reproduction.own_judges import JUDGE_SPLIT, judges_for, trained_on
from sightsound.reproduction.poses import POSE_FROM_SOUND, heard_poses
from sightsound.reproduction.report import NO_POSE_JUDGE, write_reproduction
from sightsound.reproduction.tables import TABLES, Row, Table
from sightsound.shapes import Direction
from sightsound.training.folder import RunFolder
from sightsound.training.run import needed_recipes, train

QUICK_STEPS = 12
QUICK_SETTINGS = (
    f"training.steps={QUICK_STEPS}",
    "training.batch_size=13",
    "training.validation_pairs=26",
    f"training.validate_every={QUICK_STEPS}",
    f"training.checkpoint_every={QUICK_STEPS}",
    f"training.samples_every={QUICK_STEPS * 10}",
)
QUICK_LIMIT = 26  # items of an evaluation
TRAIN_LIMIT = 1300  # items of the training split that are measured
CURVE_LIMIT = 520  # items of each split that are measured at each checkpoint of a curve


@dataclass(frozen=True)
class World:
    """A data set, the judges of what is made of it, and the folder of its runs and figures."""

    dataset: Dataset
    judges: Judges
    root: Path

    @classmethod
    def of(cls, data: str | Path, root: Path, judges: Judges | None, *, quick: bool) -> World:
        """Open a data set, and find or train its judges; ``judges``: take these."""
        dataset = Dataset.open(data)
        settings = QUICK_SETTINGS if quick else ()
        return cls(dataset, judges or judges_for(dataset, root, settings), root)

    @property
    def about(self) -> str:
        """What the report says of it."""
        line = (
            f"Data: {self.dataset.name} (SHA-256 {self.dataset.sha256[:12]}…). "
            f"Judges: {self.judges.sha256[:12]}…"
        )
        if not (self.root / "judges").exists():
            return f"{line}."
        split = trained_on(self.dataset)
        known = "" if split == JUDGE_SPLIT else ": they know what the models learnt from"
        return f"{line}, trained on its split {split}{known}."


@dataclass(frozen=True)
class Cell:
    """One trained model of one seed, and what was measured of it."""

    row: Row
    seed: int
    figures: dict[str, Any]  # "test", "train": accuracy, low, high, n, …
    processor_minutes: float  # of the run and everything that it stands on
    command: str


def reproduce(
    names: Sequence[str],
    data: str | Path,
    output: str | Path,
    *,
    quick: bool = False,
    rows: Sequence[str] = (),
    judges: Judges | None = None,
    inis: str | Path | None = None,
) -> Path:
    """Train what is missing, measure it, write the report; returns the report's page.

    Args:
        names: of the tables; empty = all.
        data: folder of a data set.
        output: folder of runs, figures and the report.
        quick: a dozen steps for each model, one seed, few items: shows that all of it runs.
        rows: only the rows of these recipes; empty = all.
        judges: None = the ones that come with sightsound, or ones trained on the data set where
            it is no drawn orchestra.
        inis: folder of the second data set, of pictures and sounds of the same classes without
            timing; None = its tables are left out.

    Raises:
        ConfigError: an unknown table or row, or a table of the second data set without one.
        DataError, ModelError: as training and evaluation.
    """
    tables = chosen_tables(names, rows)
    left_out = [table.name for table in tables if table.of_inis and inis is None]
    for name in left_out:
        if name in names:
            raise ConfigError(
                f"{name}: measured on a second data set; give it with --inis "
                "(`sightsound data orchestra --style inis` makes one)"
            )
    tables = [table for table in tables if table.name not in left_out]
    root = Path(output)
    prepare_folder(root)
    worlds = {False: World.of(data, root, judges, quick=quick)}
    if inis is not None and any(table.of_inis for table in tables):
        worlds[True] = World.of(inis, root / "inis", None, quick=quick)
    cells: dict[str, list[Cell]] = {}  # by the label of their row
    curves: dict[str, list[dict[str, Any]]] = {}  # by the name of their table
    main = [table for table in tables if not table.of_inis]
    listener = _pose_listener(main, worlds[False], quick=quick)
    for table in tables:
        world = worlds[table.of_inis]
        for row in table.rows:
            repeats = 1 if quick else row.repeats
            for seed in range(repeats):
                heard = None if table.of_inis else listener
                cell = reproduce_cell(row, seed, world, quick=quick, listener=heard)
                cells.setdefault(row.label, [])
                if all(known.seed != seed for known in cells[row.label]):
                    cells[row.label].append(cell)
        if table.curve is not None:
            curves[table.name] = _curve(table.rows[0], world, quick=quick)
    notes = [
        *(world.about for world in worlds.values()),
        *_pose_notes(listener, main, worlds[False], quick=quick),
        *(f"Left out: {name}, which needs a second data set (--inis)." for name in left_out),
    ]
    return write_reproduction(root, tables, cells, curves, quick=quick, notes=notes)


def chosen_tables(names: Sequence[str], rows: Sequence[str] = ()) -> list[Table]:
    """The tables of these names with the rows of these recipes; empty = all.

    Raises:
        ConfigError: an unknown name, or no row is left.
    """
    for name in names:
        if name not in TABLES:
            raise ConfigError(f"no table {name!r}; known: {', '.join(TABLES)}")
    tables = [TABLES[name] for name in names] or list(TABLES.values())
    known = {row.recipe for table in tables for row in table.rows}
    for recipe in rows:
        if recipe not in known:
            raise ConfigError(f"no row {recipe!r} in these tables; known: {', '.join(known)}")
    if rows:
        tables = [
            replace(table, rows=tuple(row for row in table.rows if row.recipe in rows))
            for table in tables
        ]
    return [table for table in tables if table.rows]


def reproduce_cell(
    row: Row, seed: int, world: World, *, quick: bool, listener: Path | None = None
) -> Cell:
    """One model: trained where it is not, measured where it was not.

    ``listener``: a run that hears poses, whose error stands beside the pictures'; None = none.
    """
    dataset, judges, root = world.dataset, world.judges, world.root
    folder = root / "runs" / f"seed-{seed}"
    settings = _settings(seed, quick=quick)
    run = _trained(row.recipe, dataset, folder, settings)
    limits = {
        "test": QUICK_LIMIT if quick else None,
        "train": QUICK_LIMIT if quick else TRAIN_LIMIT,
    }
    identity = {
        "recipe": row.recipe,
        "weights": _weights_hash(run),
        "data": dataset.sha256,
        "judges": judges.sha256,
        "limits": limits,
    }
    name = f"{row.recipe}-{seed}"
    if row.instruments is not None:
        identity["instruments"] = list(row.instruments)
        name = "-".join([name, *row.instruments])
    if listener is not None and row.direction is not None:
        identity["pose_from_sound"] = _weights_hash(listener)
    started = time.monotonic()

    def measure() -> dict[str, Any]:
        figures = {}
        if row.direction is None:
            for split, limit in limits.items():
                figures[split] = classifier_figures(run, dataset, split, limit=limit, seed=0)
        else:
            package = export_run([run], root / "models" / f"{row.recipe}-{seed}")
            for split, limit in limits.items():
                figures[split] = evaluate(
                    package,
                    data=dataset.folder,
                    split=split,
                    limit=limit,
                    judges=judges,
                    instruments=row.instruments,
                    hear_poses=partial(heard_poses, listener) if listener is not None else None,
                )
        _note(f"{name}: measured in {time.monotonic() - started:.0f} s")
        return figures

    figures = _kept(root / "figures" / f"{name}.json", identity, measure)
    part = row.input if row.direction is None else row.direction.value
    figures = {split: result[part] for split, result in figures.items()}
    return Cell(
        row=row,
        seed=seed,
        figures=figures,
        processor_minutes=_minutes(run, set()),
        command=_command(row.recipe, dataset, settings),
    )


def _settings(seed: int, *, quick: bool) -> list[str]:
    return [*(QUICK_SETTINGS if quick else ()), f"training.seed={seed}"]


def _pose_listener(tables: Sequence[Table], world: World, *, quick: bool) -> Path | None:
    """The trained regression of poses from sounds; None where no pose will be measured."""
    if world.judges.pose_judge is None or not _makes_pictures(tables):
        return None
    runs = world.root / "runs" / "seed-0"
    return _trained(POSE_FROM_SOUND, world.dataset, runs, _settings(0, quick=quick))


def _pose_notes(
    listener: Path | None, tables: Sequence[Table], world: World, *, quick: bool
) -> list[str]:
    """How the regression from the sound was made, or why no pose is measured."""
    if not _makes_pictures(tables):
        return []
    if world.judges.pose_judge is None or listener is None:
        return [NO_POSE_JUDGE]
    command = _command(POSE_FROM_SOUND, world.dataset, _settings(0, quick=quick))
    minutes = _minutes(listener, set())
    return [f"Pose from the sound: {command} ({minutes:.1f} processor minutes)."]


def _makes_pictures(tables: Sequence[Table]) -> bool:
    return any(row.direction is Direction.SOUND_TO_IMAGE for table in tables for row in table.rows)


def _command(recipe: str, dataset: Dataset, settings: Sequence[str]) -> str:
    flags = " ".join(f"--set {setting}" for setting in settings)
    return f"sightsound train {recipe} --data {dataset.name} {flags}"


def _trained(recipe: str, dataset: Dataset, folder: Path, settings: Sequence[str]) -> Path:
    """The run of a recipe in a folder, and before it every run that it stands on."""
    config = recipes.recipe(recipe)
    for needed in needed_recipes(config):
        _trained(needed, dataset, folder, settings)
    run = RunFolder(folder / recipe)
    if not run.is_done:
        _note(f"{recipe}, {settings[-1]}: training")
    # Of a run that is done, this checks that its settings and its data are the ones asked for.
    train(recipe, dataset.folder, output=run.path, resume=run.is_started, settings=settings)
    return run.path


def _minutes(run: Path, counted: set[Path]) -> float:
    """Processor minutes of a run and of every run that it stands on, each counted once."""
    if run in counted:
        return 0.0
    counted.add(run)
    folder = RunFolder(run)
    total = float(folder.summary()["processor_minutes"])
    for needed in needed_recipes(folder.config()[0]):
        total += _minutes(run.parent / needed, counted)
    return total


def _weights_hash(run: Path) -> str:
    """Of the weights that validation chose, of the config, and of what the run stands on."""
    folder = RunFolder(run)
    config, _ = folder.config()
    step, _ = folder.best()
    digest = hashlib.sha256(config_hash(config).encode())
    digest.update((run / "weights" / f"step-{step:08d}.safetensors").read_bytes())
    for needed in needed_recipes(config):
        digest.update(_weights_hash(run.parent / needed).encode())
    return digest.hexdigest()


def _curve(row: Row, world: World, *, quick: bool) -> list[dict[str, Any]]:
    """Accuracy over the training of a row's first seed, measured where it was not."""
    dataset, judges, root = world.dataset, world.judges, world.root
    run = root / "runs" / "seed-0" / row.recipe
    limit = QUICK_LIMIT if quick else CURVE_LIMIT
    identity = {
        "recipe": row.recipe,
        "weights": _weights_hash(run),
        "data": dataset.sha256,
        "judges": judges.sha256,
        "limit": limit,
    }
    points: list[dict[str, Any]] = _kept(
        root / "figures" / f"{row.recipe}-curve.json",
        identity,
        lambda: accuracy_curve(run, dataset, judges, limit=limit, seed=0),
    )
    return points


def _kept(path: Path, identity: dict[str, Any], measure: Callable[[], Any]) -> Any:
    """The figures that a file holds, if they are of this identity; else measured and written."""
    try:
        stored = json.loads(path.read_text())
        if stored["of"] == identity:
            return stored["figures"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    figures = measure()
    text = json.dumps({"of": identity, "figures": figures}, indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.encode())
    return figures


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
