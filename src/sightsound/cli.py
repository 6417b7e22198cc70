"""The command line: parse, call, print. No logic, and nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from sightsound import __version__
from sightsound.errors import ConfigError, SightsoundError

EXIT_OK = 0
EXIT_MENDABLE = 2  # the user can mend it: input, option, disk
EXIT_STOPPED = 130  # Ctrl-C, as shells count it

DIRECTIONS = ("sound_to_image", "image_to_sound")  # shapes.Direction, without loading numpy
SPLITS = ("train", "validation", "test", "judge", "unheard")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nsightsound: stopped", file=sys.stderr)
        return EXIT_STOPPED
    except SightsoundError as error:
        _complain(str(error))
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more while it closes it.
        sys.stdout = None
        return EXIT_OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}")
    except MemoryError:
        _complain("out of memory; close other programs or give smaller input")
    except ModuleNotFoundError as error:
        _complain(_missing_extra(error))
    return EXIT_MENDABLE


# --- Commands: each calls one function and prints what it gave ----------------------------------


def _generate(arguments: argparse.Namespace) -> int:
    from sightsound.generation.files import Options, generate
    from sightsound.generation.model import Model
    from sightsound.packages.load import load_package
    from sightsound.shapes import Direction

    options = Options(
        direction=None if arguments.direction is None else Direction(arguments.direction),
        seed=arguments.seed,
        count=arguments.count,
        seconds=arguments.seconds,
        row=arguments.row,
    )
    outcome = generate(
        arguments.inputs,
        arguments.output,
        model=Model(load_package(arguments.model)),
        options=options,
        on_failure=lambda failure: _complain(failure.message),
    )
    if arguments.json:
        _print_json(outcome.as_json())
    else:
        for result in outcome.results:
            print(f"{result.output}  {result.label} {result.probability:.0%}  seed {result.seed}")
    return EXIT_MENDABLE if outcome.failures else EXIT_OK


def _data_orchestra(arguments: argparse.Namespace) -> int:
    from sightsound.orchestra.dataset import make

    make(
        arguments.output,
        seed=arguments.seed,
        scale=arguments.scale,
        instruments=arguments.instrument,
        splits=arguments.split,
        midi=arguments.midi,
        image_size=arguments.image_size,
        layout=arguments.layout,
        workers=arguments.workers,
    )
    return EXIT_OK


def _data_sub_urmp(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.sub_urmp import import_sub_urmp
    from sightsound.pairs.sub_urmp_listing import DISTRIBUTED

    report = import_sub_urmp(
        arguments.folder,
        arguments.output,
        image_size=arguments.image_size,
        listing=None if arguments.no_list else DISTRIBUTED,
        workers=arguments.workers,
    )
    if arguments.json:
        _print_json(report.as_dict())
    else:
        print(report)
    return EXIT_OK


def _data_videos(arguments: argparse.Namespace) -> int:
    from sightsound.config import apply_settings
    from sightsound.pairs.videos import VideosConfig, import_videos

    config = VideosConfig(
        image_size=arguments.image_size,
        frame_rate=arguments.frame_rate,
        crop=arguments.crop,
        labels=not arguments.no_labels,
        validation=arguments.validation,
        test=arguments.test,
        seed=arguments.seed,
    )
    config = apply_settings(config, arguments.set)
    outcome = import_videos(arguments.folder, arguments.output, config, workers=arguments.workers)
    return _tell_import(outcome)


def _data_urmp(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.urmp import UrmpConfig, import_urmp

    config = UrmpConfig(
        image_size=arguments.image_size,
        frame_rate=arguments.frame_rate,
        validation=arguments.validation,
        test=arguments.test,
        seed=arguments.seed,
    )
    outcome = import_urmp(
        arguments.folder, arguments.output, arguments.boxes, config, workers=arguments.workers
    )
    return _tell_import(outcome)


def _data_urmp_boxes(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.urmp import propose

    count, failures = propose(arguments.folder, arguments.output, arguments.sheet)
    print(f"{arguments.output}: {count} boxes; look at them and correct them before the import")
    for failure in failures:
        _complain(failure)
    return EXIT_MENDABLE if failures else EXIT_OK


def _data_pictures_and_sounds(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.pictures_and_sounds import (
        PicturesAndSoundsConfig,
        import_pictures_and_sounds,
    )

    config = PicturesAndSoundsConfig(
        image_size=arguments.image_size,
        frame_rate=arguments.frame_rate,
        validation=arguments.validation,
        test=arguments.test,
        seed=arguments.seed,
    )
    outcome = import_pictures_and_sounds(
        arguments.pictures, arguments.sounds, arguments.output, config, workers=arguments.workers
    )
    return _tell_import(outcome)


def _tell_import(outcome: Any) -> int:
    """Print what an import made, and a line for each file that it could not use whole."""
    print(outcome)
    for failure in outcome.failures:
        _complain(failure)
    return EXIT_MENDABLE if outcome.failures else EXIT_OK


def _data_fetch(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.fetch import describe_sources, fetch
    from sightsound.pairs.sources import find_source, read_sources

    sources = read_sources(arguments.table)
    if arguments.name is None:
        if arguments.json:
            _print_json({"sources": [asdict(source) for source in sources.values()]})
        else:
            print(describe_sources(list(sources.values())))
        return EXIT_OK
    source = find_source(sources, arguments.name)
    if arguments.output is None:
        raise ConfigError("data fetch: give the folder for the files with -o FOLDER")
    print(f"{source.title}\nlicence: {source.license}", file=sys.stderr)
    report = fetch(source, arguments.output, on_failure=_complain)
    if arguments.json:
        _print_json(report.as_dict())
    elif report.files:
        print(report)
    return EXIT_MENDABLE if report.failures else EXIT_OK


def _data_show(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.performances import Dataset
    from sightsound.pairs.show import describe, write_dataset_sheet

    dataset = Dataset.open(arguments.dataset)
    description = describe(dataset)
    if arguments.sheet is not None:
        write_dataset_sheet(dataset, arguments.sheet)
    if arguments.ease:
        from sightsound.evaluation.baselines import format_easy
        from sightsound.evaluation.run import evaluate_ease

        print(format_easy(evaluate_ease(arguments.dataset)), file=sys.stderr)
    leaks = None
    if arguments.page is not None:
        from sightsound.pairs.page import check_page_name

        check_page_name(arguments.page)
    if arguments.leaks or arguments.page is not None:
        from sightsound.pairs.leaks import find_leaks

        leaks = find_leaks(dataset)
    if arguments.page is not None and leaks is not None:
        from sightsound.pairs.page import write_page

        write_page(dataset, arguments.page, leaks)
    if arguments.json:
        told = {} if leaks is None else {"leaks": leaks.as_dict()}
        _print_json({**description.as_dict(), **told})
    else:
        print(description)
        if leaks is not None:
            print(f"\n{leaks}")
    if arguments.leaks and leaks is not None and leaks.leaks:
        _complain(f"{arguments.dataset}: {len(leaks.leaks)} things are in two splits; see above")
        return EXIT_MENDABLE
    return EXIT_OK


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


def _reproduce(arguments: argparse.Namespace) -> int:
    from sightsound.reproduction.run import reproduce

    page = reproduce(
        arguments.tables,
        arguments.data,
        arguments.output,
        quick=arguments.quick,
        rows=arguments.row,
    )
    print(page)
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
        on_skip=_complain,
    )
    if arguments.json:
        _print_json(result)
    else:
        print(format_table(result))
    return exit_code(result)


def _rate_make(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.make import Options, make_study, parse_conditions

    options = Options(
        task=arguments.task,
        title=arguments.title,
        question=arguments.question,
        consent=None if arguments.consent is None else _text_of(arguments.consent),
        contact=arguments.contact,
        retention_days=arguments.retention or None,
        votes_per_rater=arguments.votes,
        raters_per_case=arguments.raters,
        attention=arguments.attention,
        items_per_condition=arguments.items,
        seed=arguments.seed,
    )
    study = make_study(
        arguments.output,
        parse_conditions(arguments.condition),
        prompts=arguments.prompts,
        options=options,
        on_note=lambda note: print(f"sightsound: note: {note}", file=sys.stderr),
    )
    print(study)
    return EXIT_OK


def _rate_serve(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.server import serve

    serve(
        arguments.study,
        host=arguments.host,
        port=arguments.port,
        names=arguments.name,
        on_ready=lambda line: print(line, flush=True),
    )
    return EXIT_OK


def _rate_report(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.report import format_markdown, report

    figures, folder = report(arguments.study, arguments.output, seed=arguments.seed)
    if arguments.json:
        _print_json(figures)
    else:
        print(f"{format_markdown(figures)}\n{folder}")
    return EXIT_OK


def _rate_withdraw(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.report import withdraw

    withdraw(arguments.study, arguments.code)
    print("deleted")
    return EXIT_OK


def _models(arguments: argparse.Namespace) -> int:
    from sightsound.packages.load import load_package, shipped_models

    packages = [load_package(name) for name in shipped_models()]
    rows: list[dict[str, Any]] = [
        {
            "name": package.folder.name,
            "directions": [d for d in DIRECTIONS if getattr(package.manifest.directions, d)],
            "classes": len(package.manifest.classes),
            "megabytes": round(package.bytes_on_disk / 1e6, 1),
            "license": package.manifest.license,
            "sha256": package.sha256,
            "folder": str(package.folder),
        }
        for package in packages
    ]
    if arguments.json:
        _print_json({"models": rows})
        return EXIT_OK
    for row in rows:
        print(
            f"{row['name']}  {', '.join(row['directions'])}  {row['classes']} classes  "
            f"{row['megabytes']} MB  {row['license']}  sha256 {row['sha256'][:12]}"
        )
    if not rows:
        print("no model came with this copy of sightsound")
    return EXIT_OK


# --- Parsers --------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all our errors are."""

    steps: tuple[str, ...] = ()  # of a command that has steps of which the first may be left out

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `{self.prog} --help`")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As the parent does; a left-out step is the first of ``steps``."""
        if self.steps and args and args[0] not in (*self.steps, "-h", "--help"):
            args = [self.steps[0], *args]
        return super().parse_known_args(args, namespace)


def _parser() -> _Parser:
    parser = _Parser(
        prog="sightsound",
        description="Sound into pictures and pictures into sound.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sightsound {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    _add_generate(commands)
    _add_data(commands)
    _add_train(commands)
    _add_export(commands)
    _add_evaluate(commands)
    _add_reproduce(commands)
    _add_rate(commands)
    _add_models(commands)
    return parser


def _add_generate(commands: Any) -> None:
    parser = _command(
        commands,
        "generate",
        _generate,
        "make a picture of a sound, or a sound of a picture",
        """
Sounds (.wav .flac .ogg .mp3 .m4a …, the sound of videos) become pictures: one square picture of
up to 8 seconds, a row of 8 of a longer sound; .gif and .mp4 move in the sound's time, and so does
.webp beyond 8 seconds. Pictures become sounds (.wav .flac .ogg .mp3 .m4a).

  sightsound generate clip.flac -o picture.png
  sightsound generate photo.jpg -o sound.wav --seconds 6
  sightsound generate recordings/ -o pictures/
  sightsound generate 'takes/*.wav' -o 'out/{name}-{seed}.webp' --count 4
""",
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="file, folder (and all below it) or pattern"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUTPUT",
        help="file for one input; folder for several; or a name with {name} and {seed} in it",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        help="name or folder of a model package (default: the one that comes with sightsound)",
    )
    parser.add_argument(
        "--direction", choices=DIRECTIONS, help="default: as the types of the files say"
    )
    parser.add_argument(
        "--seed",
        type=_whole,
        default=0,
        metavar="N",
        help="which of the possible results; the same seed gives the same one (default 0)",
    )
    parser.add_argument(
        "--count",
        type=_whole,
        default=1,
        metavar="N",
        help="variants of each input, numbered, with seeds from --seed on (default 1)",
    )
    parser.add_argument(
        "--seconds",
        type=_number,
        default=4.0,
        metavar="S",
        help="length of a sound made of a picture (default 4)",
    )
    parser.add_argument(
        "--row",
        type=_whole,
        metavar="N",
        help="pictures in a row over the sound's time (default: 1 up to 8 seconds, then 8)",
    )
    _add_json(parser)


def _add_data(commands: Any) -> None:
    parser = commands.add_parser(
        "data", help="make, import or look at a data set", description="Data sets."
    )
    sources = parser.add_subparsers(metavar="SOURCE", required=True, title="sources")

    orchestra = _command(
        sources, "orchestra", _data_orchestra, "make performances: music, sound and drawn players"
    )
    orchestra.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    orchestra.add_argument(
        "--seed", type=_whole, default=1, metavar="N", help="another seed, another data set"
    )
    orchestra.add_argument(
        "--scale",
        type=_number,
        default=1.0,
        metavar="X",
        help="share of orchestra-v1's counts, 0 to 1 (default 1: all of it)",
    )
    orchestra.add_argument(
        "--instrument",
        action="append",
        metavar="NAME",
        help="only this instrument; may be given several times (default: all 13)",
    )
    orchestra.add_argument(
        "--split",
        action="append",
        choices=SPLITS,
        help="only this split; may be given several times (default: all)",
    )
    orchestra.add_argument(
        "--midi", type=Path, metavar="FILE", help="play this MIDI file instead of made-up phrases"
    )
    orchestra.add_argument(
        "--image-size", type=_whole, default=128, metavar="PIXELS", help="default 128"
    )
    orchestra.add_argument(
        "--layout",
        choices=("sightsound", "sub-urmp"),
        default="sightsound",
        help="sub-urmp: write Sub-URMP's folders beside it as well",
    )
    orchestra.add_argument(
        "--workers", type=_whole, metavar="N", help="processes (default: one a processor)"
    )

    sub_urmp = _command(
        sources, "sub-urmp", _data_sub_urmp, "import a copy of Sub-URMP; reports what is missing"
    )
    sub_urmp.add_argument("folder", type=Path, metavar="FOLDER")
    sub_urmp.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    sub_urmp.add_argument(
        "--image-size", type=_whole, default=128, metavar="PIXELS", help="default 128"
    )
    sub_urmp.add_argument(
        "--no-list",
        action="store_true",
        help="do not compare it with what is distributed: it is another folder in that layout",
    )
    sub_urmp.add_argument(
        "--workers", type=_whole, metavar="N", help="processes (default: one a processor)"
    )
    _add_json(sub_urmp)

    fetch = _command(
        sources,
        "fetch",
        _data_fetch,
        "download what other people publish; without NAME: say what is known of it",
        """
A download that was cut goes on where it was, a file that is there is checked and not loaded again.

  sightsound data fetch
  sightsound data fetch sub-urmp -o downloads
  sightsound data fetch mine -o downloads --table mine.toml
""",
    )
    fetch.add_argument("name", nargs="?", metavar="NAME", help="of a source in the table")
    fetch.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where the files go")
    fetch.add_argument(
        "--table", type=Path, metavar="FILE", help="more sources: .toml or .json, see docs/data.md"
    )
    _add_json(fetch)

    _add_importers(sources)

    show = _command(sources, "show", _data_show, "say what is in a data set")
    show.add_argument("dataset", type=Path, metavar="DATASET")
    show.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write frames of each instrument as one picture"
    )
    show.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="write a page about it: counts, pictures, spectrograms, licence, leaks (.html)",
    )
    show.add_argument(
        "--leaks",
        action="store_true",
        help="look for performances, players and near-duplicates in two splits; exit code 2 if any",
    )
    show.add_argument(
        "--ease",
        action="store_true",
        help="measure on standard error how easy its test split is for the simplest models",
    )
    _add_json(show)


def _add_importers(sources: Any) -> None:
    videos = _command(
        sources,
        "videos",
        _data_videos,
        "import a folder of videos; folders directly in it are classes",
        """
Sound and frames keep their time. Silence and black frames are left out, damage is told in a line
and the rest kept, recordings that are the same stay in one split. A stopped import goes on. The
rules are settings, e.g. --set rules.silence_db=-50 or --set rules.max_seconds=30: docs/data.md.

  sightsound data videos concerts/ -o my-videos
  sightsound data videos concerts/ -o my-videos --crop 0.25,0,0.5,1
""",
    )
    videos.add_argument("folder", type=Path, metavar="FOLDER")
    videos.add_argument(
        "--crop",
        default="centre",
        metavar="BOX",
        help="centre, or X,Y,WIDTH,HEIGHT as shares of the frame, or in pixels (default centre)",
    )
    videos.add_argument(
        "--no-labels", action="store_true", help="folders are no classes; nothing has one"
    )
    videos.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace one setting, e.g. rules.silence_db=-50; may be repeated",
    )
    _add_import_options(videos, frame_rate=30.0, validation=0.1)

    urmp = _command(
        sources,
        "urmp",
        _data_urmp,
        "import URMP's own folders: a video a piece, a sound a player",
        """
Each player's part of the frame comes from a file of boxes; `sightsound data urmp-boxes` proposes
one to correct by hand.

  sightsound data urmp-boxes URMP/ -o boxes.csv --sheet boxes.png
  sightsound data urmp URMP/ -o my-urmp --boxes boxes.csv
""",
    )
    urmp.add_argument("folder", type=Path, metavar="FOLDER")
    urmp.add_argument(
        "--boxes", type=Path, required=True, metavar="FILE", help="boxes as .csv or .json"
    )
    _add_import_options(urmp, frame_rate=29.97, validation=0.15)

    boxes = _command(
        sources,
        "urmp-boxes",
        _data_urmp_boxes,
        "propose each player's part of the frame, by motion",
    )
    boxes.add_argument("folder", type=Path, metavar="FOLDER")
    boxes.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    boxes.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write a picture of all pieces with their boxes"
    )

    trees = _command(
        sources,
        "pictures-and-sounds",
        _data_pictures_and_sounds,
        "import pictures and sounds with the same class folders, paired by class",
        """
  sightsound data pictures-and-sounds pictures/ sounds/ -o my-inis
""",
    )
    trees.add_argument("pictures", type=Path, metavar="PICTURES")
    trees.add_argument("sounds", type=Path, metavar="SOUNDS")
    _add_import_options(trees, frame_rate=2.0, validation=0.1)


def _add_import_options(
    parser: argparse.ArgumentParser, *, frame_rate: float, validation: float
) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    parser.add_argument(
        "--image-size", type=_whole, default=128, metavar="PIXELS", help="default 128"
    )
    parser.add_argument(
        "--frame-rate",
        type=_number,
        default=frame_rate,
        metavar="HZ",
        help=f"frames a second at most (default {frame_rate:g})",
    )
    for name, share in (("validation", validation), ("test", 0.2)):
        parser.add_argument(
            f"--{name}",
            type=_number,
            default=share,
            metavar="SHARE",
            help=f"of what is kept apart, 0 to 1 (default {share:g})",
        )
    parser.add_argument(
        "--seed", type=_whole, default=0, metavar="N", help="another seed, other splits (default 0)"
    )
    parser.add_argument(
        "--workers", type=_whole, metavar="N", help="processes (default: one a processor)"
    )


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", _train, "train a recipe on a data set")
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


def _add_export(commands: Any) -> None:
    parser = _command(commands, "export", _export, "make a model package of training runs")
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


def _add_evaluate(commands: Any) -> None:
    parser = _command(
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
        "--limit", type=_whole, metavar="N", help="at most N pairs or files (default: all)"
    )
    parser.add_argument(
        "--seed", type=_whole, default=0, metavar="N", help="of noise and intervals (default 0)"
    )
    parser.add_argument(
        "--judges", type=Path, metavar="DIR", help="other judges than those that come along"
    )
    _add_json(parser)


def _add_reproduce(commands: Any) -> None:
    parser = _command(
        commands,
        "reproduce",
        _reproduce,
        "train, measure and report the tables of the paper and its followers",
        """
Trains what is missing, measures what was not measured, and writes OUTPUT/report.md and
report.html: each published figure beside ours. A stopped command goes on where it was.

  sightsound reproduce --data orchestra-v1 -o reproduction
  sightsound reproduce table1 --data orchestra-v1 -o reproduction
  sightsound reproduce table5 --row s2i_c --quick --data orchestra-v1 -o quick
""",
    )
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="table1, table5 (default: all there are)"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DATASET")
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


def _add_rate(commands: Any) -> None:
    parser = commands.add_parser(
        "rate",
        help="ask people what they see and hear: make a study, serve it, report on it",
        description="Human evaluation: `rate STUDY` is short for `rate serve STUDY`.",
        allow_abbrev=False,
    )
    parser.steps = ("serve", "make", "report", "withdraw")
    steps = parser.add_subparsers(metavar="STEP", required=True, title="steps")
    make = _command(
        steps,
        "make",
        _rate_make,
        "make a study of one folder of samples for each condition",
        """
A folder is what `sightsound evaluate --samples` wrote (its generated files, or `reference`), or
any folder of pictures or sounds, with a folder for each class where classes are known.

  sightsound rate make real=samples/sound_to_image/reference s2i_c=samples -o study
""",
    )
    make.add_argument("condition", nargs="+", metavar="NAME=DIR", help="a condition and its files")
    make.add_argument("-o", "--output", type=Path, required=True, metavar="STUDY")
    make.add_argument(
        "--task",
        choices=("scale", "choice"),
        default="scale",
        help="rate each from 0 to 3 as the paper did, or choose between two (default scale)",
    )
    make.add_argument(
        "--prompts",
        type=Path,
        metavar="DIR",
        help="what the samples were made of, under the same names: played or shown beside them",
    )
    make.add_argument("--title", default="What do you see and hear?", metavar="TEXT")
    make.add_argument("--question", metavar="TEXT", help="default: one that fits the task")
    make.add_argument(
        "--consent", type=Path, metavar="FILE", help="text that raters agree to (default: ours)"
    )
    make.add_argument(
        "--contact",
        default="ask the person who invited you",
        metavar="TEXT",
        help="whom raters may ask, as our consent text says it",
    )
    make.add_argument(
        "--retention",
        type=_whole,
        default=365,
        metavar="DAYS",
        help="delete a rater's answers so many days after the beginning; 0: never (default 365)",
    )
    make.add_argument(
        "--votes", type=_whole, default=30, metavar="N", help="questions to a rater (default 30)"
    )
    make.add_argument(
        "--raters",
        type=_whole,
        default=3,
        metavar="N",
        help="raters who are asked the same before something new is asked (default 3)",
    )
    make.add_argument(
        "--attention", type=_whole, default=2, metavar="N", help="checks for a rater (default 2)"
    )
    make.add_argument(
        "--items",
        type=_whole,
        default=65,
        metavar="N",
        help="at most N of a condition (default 65)",
    )
    make.add_argument("--seed", type=_whole, default=0, metavar="N", help="which ones (default 0)")

    serve = _command(steps, "serve", _rate_serve, "serve a study on a web page, until Ctrl-C")
    serve.add_argument("study", type=Path, metavar="STUDY")
    serve.add_argument(
        "--port", type=_whole, default=8010, metavar="N", help="default 8010; 0: any free one"
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default 127.0.0.1: this machine alone)",
    )
    serve.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="name under which raters reach the page, where it is another; may be repeated",
    )

    report = _command(
        steps, "report", _rate_report, "means, intervals, agreement, a plot and all votes as CSV"
    )
    report.add_argument("study", type=Path, metavar="STUDY")
    report.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: report/ in the study's folder"
    )
    report.add_argument(
        "--seed", type=_whole, default=0, metavar="N", help="of the intervals (default 0)"
    )
    _add_json(report)

    withdraw = _command(
        steps, "withdraw", _rate_withdraw, "delete the answers of a rater who asks for it"
    )
    withdraw.add_argument("study", type=Path, metavar="STUDY")
    withdraw.add_argument("code", metavar="CODE", help="what the page showed the rater at the end")


def _add_models(commands: Any) -> None:
    _add_json(_command(commands, "models", _models, "list the models that come with sightsound"))


def _command(
    commands: Any, name: str, function: Any, summary: str, details: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=function)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, to stdout"
    )


def _whole(text: str) -> int:
    """A whole number; what it may be is for the command to say."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: no UTF-8 text; save it as UTF-8") from None


# --- Output ---------------------------------------------------------------------------------


def _complain(message: str) -> None:
    print(f"sightsound: error: {' '.join(message.split())}", file=sys.stderr)


def _print_json(tree: dict[str, Any]) -> None:
    print(json.dumps(tree, ensure_ascii=False, indent=1))


def _missing_extra(error: ModuleNotFoundError) -> str:
    """Which extra brings a module that the base install lacks."""
    module = (error.name or "").split(".")[0]
    extras = {
        "torch": "train",
        "safetensors": "train",
        "onnx": "train",
        "onnxscript": "train",
        "tensorboard": "train",
        "skia": "orchestra",
        "fluidsynth": "orchestra",
        "mido": "orchestra",
        "scipy": "orchestra",
        "pooch": "fetch",
        "requests": "fetch",
    }
    if module not in extras:
        raise error
    extra = extras[module]
    return f"this command needs {module}; install it with: pip install 'sightsound[{extra}]'"
