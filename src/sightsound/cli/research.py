"""`sightsound train`, `export`, `evaluate` and `reproduce`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sightsound.cli.options import (
    EXIT_OK,
    SPLITS,
    add_command,
    add_json,
    complain,
    print_json,
    whole,
)
from sightsound.errors import ConfigError

QUICK_SCALE = 0.02  # of orchestra-v1: of each instrument two players to learn from, one to test


def _train(arguments: argparse.Namespace) -> int:
    from sightsound.training.run import train

    run = train(
        arguments.recipe,
        arguments.data,
        output=arguments.output,
        resume=arguments.resume,
        settings=arguments.set,
        recordings=arguments.recordings,
    )
    print(run)
    return EXIT_OK


def _export(arguments: argparse.Namespace) -> int:
    if arguments.judges and (arguments.name or arguments.card):
        raise ConfigError("export: judges have no --name and no --card")
    if arguments.data is not None and not arguments.judges:
        raise ConfigError("export: --data belongs to --judges; `evaluate` measures a model")
    if arguments.judges:
        from sightsound.evaluation.export_judges import export_judges

        print(export_judges(arguments.run, arguments.output, data=arguments.data))
        return EXIT_OK
    from sightsound.export.run import export_run

    print(export_run(arguments.run, arguments.output, name=arguments.name, card=arguments.card))
    return EXIT_OK


def _evaluate(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.report import format_table
    from sightsound.evaluation.run import evaluate, exit_code

    result = evaluate(
        arguments.model,
        data=arguments.data,
        split=arguments.split,
        sounds=arguments.sounds,
        fold=arguments.fold,
        samples=arguments.samples,
        report=arguments.report,
        seed=arguments.seed,
        limit=arguments.limit,
        judges=arguments.judges,
        on_skip=complain,
    )
    if arguments.json:
        print_json(result)
    else:
        print(format_table(result))
    return exit_code(result)


def _reproduce(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.judges import load_judges
    from sightsound.reproduction.run import chosen_tables, reproduce

    # Refuses unknown names before anything is made.
    tables = chosen_tables(arguments.tables, arguments.row)
    data, inis = arguments.data, arguments.inis
    if data is None:
        if not arguments.quick:
            raise ConfigError(
                "reproduce: --data is missing; name a data set (`sightsound data orchestra` makes "
                "one), or take --quick, which makes a small one by itself"
            )
        data, inis = _small_data(arguments.output, inis, of_inis=any(t.of_inis for t in tables))
    page = reproduce(
        arguments.tables,
        data,
        arguments.output,
        quick=arguments.quick,
        rows=arguments.row,
        judges=None if arguments.judges is None else load_judges(arguments.judges),
        inis=inis,
    )
    print(page)
    return EXIT_OK


def _small_data(output: Path, inis: Path | None, *, of_inis: bool) -> tuple[Path, Path | None]:
    """Small data sets for the quick form: of the orchestra, and where it is asked for of INIS."""
    from sightsound.orchestra.dataset import make
    from sightsound.orchestra.inis.dataset import make_inis

    data = output / "data"
    make(data, scale=QUICK_SCALE, splits=("train", "validation", "test"), image_size=64)
    if inis is None and of_inis:
        inis = output / "data-inis"
        make_inis(inis, scale=QUICK_SCALE, image_size=64)
    return data, inis


def add_train(commands: Any) -> None:
    """The command ``train``."""
    parser = add_command(commands, "train", _train, "train a recipe on a data set")
    parser.add_argument(
        "recipe", metavar="RECIPE", help="name of a function in sightsound/recipes.py, e.g. s2i_c"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DATASET")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="RUN",
        help="folder of the run (default: under runs/, by data set and recipe)",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace one field of the recipe, e.g. training.steps=100; may be repeated",
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="real recordings, one folder per instrument, for recipes that mix them in; "
        "where there is a manifest.csv, its fold `train` only",
    )


def add_export(commands: Any) -> None:
    """The command ``export``."""
    parser = add_command(commands, "export", _export, "make a model package of training runs")
    parser.add_argument(
        "run",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folder of a finished run; one for each direction makes one package of both",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL")
    parser.add_argument("--name", metavar="NAME", help="of the model (default: its recipes')")
    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="Markdown to put on top of the model's card"
    )
    parser.add_argument(
        "--judges",
        action="store_true",
        help="the runs are judges: make the folder of judges that `evaluate --judges` takes",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DATASET",
        help="with --judges: measure them, and how easy it is, on this data set's test split",
    )


def add_evaluate(commands: Any) -> None:
    """The command ``evaluate``."""
    parser = add_command(
        commands,
        "evaluate",
        _evaluate,
        "measure a model: on a data set, or on folders of recordings",
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="name or folder of a model package (default: the one that comes with sightsound)",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="DATASET")
    source.add_argument(
        "--sounds",
        type=Path,
        metavar="DIR",
        help="one folder of recordings per instrument, and manifest.csv if there is one",
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="part of DATASET (default test)"
    )
    parser.add_argument("--fold", metavar="F", help="only this fold of DIR's manifest.csv")
    parser.add_argument(
        "--samples", type=Path, metavar="DIR", help="write the generated files there as well"
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write a page to look at, with sheets, there"
    )
    parser.add_argument(
        "--limit", type=whole, metavar="N", help="at most N pairs or files (default: all)"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="of noise and intervals (default 0)"
    )
    parser.add_argument(
        "--judges", type=Path, metavar="DIR", help="other judges than those that come along"
    )
    add_json(parser)


def add_reproduce(commands: Any) -> None:
    """The command ``reproduce``."""
    parser = add_command(
        commands,
        "reproduce",
        _reproduce,
        "train, measure and report the tables of the paper and its followers",
        """
Trains what is missing, measures what was not measured, and writes OUTPUT/report.md and
report.html: each published figure beside ours. A stopped command goes on where it was.

  sightsound reproduce --data orchestra-v1 -o reproduction
  sightsound reproduce table1 --data orchestra-v1 -o reproduction
  sightsound reproduce --quick -o quick
  sightsound reproduce line --row car_gan --data orchestra-v1 -o reproduction
""",
    )
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="TABLE",
        help="table1, table5, fig9, pose, line, dynamic, fig7 (default: all)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DATASET", help="needed but for --quick, which makes its own"
    )
    parser.add_argument(
        "--inis",
        type=Path,
        metavar="DATASET",
        help="of pictures and sounds without timing, for the tables of the paper's second data "
        "set (`data orchestra --style inis` makes one); without it they are left out",
    )
    parser.add_argument(
        "--judges",
        type=Path,
        metavar="DIR",
        help="other judges than those that come along; data that these do not know gets its own",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUTPUT")
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        metavar="RECIPE",
        help="only the row of this recipe; may be given again",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a dozen steps for each model, one seed, few items: shows that all of it runs",
    )
