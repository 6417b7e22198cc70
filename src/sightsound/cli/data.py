"""`sightsound data`: make, import, fetch or look at a data set."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sightsound.cli.options import (
    EXIT_MENDABLE,
    EXIT_OK,
    SPLITS,
    add_command,
    add_json,
    complain,
    count,
    number,
    print_json,
    whole,
)
from sightsound.errors import ConfigError


def _data_orchestra(arguments: argparse.Namespace) -> int:
    if arguments.style == "inis":
        return _data_orchestra_inis(arguments)
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


def _data_orchestra_inis(arguments: argparse.Namespace) -> int:
    from sightsound.orchestra.inis.dataset import make_inis

    if arguments.midi is not None or arguments.layout != "sightsound":
        raise ConfigError("data orchestra: --midi and --layout belong to --style orchestra")
    make_inis(
        arguments.output,
        seed=arguments.seed,
        scale=arguments.scale,
        classes=arguments.instrument,
        splits=arguments.split,
        image_size=arguments.image_size,
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
        print_json(report.as_dict())
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
        complain(failure)
    return EXIT_MENDABLE if failures else EXIT_OK


def _data_pictures_and_sounds(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.pictures_and_sounds import (
        PicturesAndSoundsConfig,
        import_pictures_and_sounds,
        read_splits,
    )

    config = PicturesAndSoundsConfig(
        image_size=arguments.image_size,
        frame_rate=arguments.frame_rate,
        validation=arguments.validation,
        test=arguments.test,
        seed=arguments.seed,
    )
    outcome = import_pictures_and_sounds(
        arguments.pictures,
        arguments.sounds,
        arguments.output,
        config,
        splits=None if arguments.splits is None else read_splits(arguments.splits),
        workers=arguments.workers,
    )
    return _tell_import(outcome)


def _data_fetch(arguments: argparse.Namespace) -> int:
    from sightsound.pairs.fetch import describe_sources, fetch
    from sightsound.pairs.sources import find_source, read_sources

    sources = read_sources(arguments.table)
    if arguments.name is None:
        if arguments.json:
            print_json({"sources": [asdict(source) for source in sources.values()]})
        else:
            print(describe_sources(list(sources.values())))
        return EXIT_OK
    source = find_source(sources, arguments.name)
    if arguments.output is None:
        raise ConfigError("data fetch: give the folder for the files with -o FOLDER")
    print(f"{source.title}\nlicence: {source.license}", file=sys.stderr)
    report = fetch(source, arguments.output, on_failure=complain)
    if arguments.json:
        print_json(report.as_dict())
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
        print_json({**description.as_dict(), **told})
    else:
        print(description)
        if leaks is not None:
            print(f"\n{leaks}")
    if arguments.leaks and leaks is not None and leaks.leaks:
        complain(f"{arguments.dataset}: {len(leaks.leaks)} things are in two splits; see above")
        return EXIT_MENDABLE
    return EXIT_OK


def _tell_import(outcome: Any) -> int:
    """Print what an import made, and a line for each file that it could not use whole."""
    print(outcome)
    for failure in outcome.failures:
        complain(failure)
    return EXIT_MENDABLE if outcome.failures else EXIT_OK


def add_data(commands: Any) -> None:
    """The command ``data`` and its sources."""
    parser = commands.add_parser(
        "data", help="make, import or look at a data set", description="Data sets."
    )
    sources = parser.add_subparsers(metavar="SOURCE", required=True, title="sources")

    orchestra = add_command(
        sources,
        "orchestra",
        _data_orchestra,
        "make a data set: music, sound and drawn players",
        """
--style orchestra makes performances of 13 instruments, picture and sound in time, as Sub-URMP has
them. --style inis makes single pictures and solo pieces of five classes (drum, guitar, piano, sax,
violin) with no timing between them, as the paper's INIS has them; the files lie beside DATASET.

  sightsound data orchestra -o orchestra-v1
  sightsound data orchestra --style inis -o orchestra-inis
""",
    )
    orchestra.add_argument(
        "--style",
        choices=("orchestra", "inis"),
        default="orchestra",
        help="what is made (default orchestra)",
    )
    orchestra.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    orchestra.add_argument(
        "--seed", type=whole, default=1, metavar="N", help="another seed, another data set"
    )
    orchestra.add_argument(
        "--scale",
        type=number,
        default=1.0,
        metavar="X",
        help="share of the whole data set's counts, 0 to 1 (default 1: all of it)",
    )
    orchestra.add_argument(
        "--instrument",
        action="append",
        metavar="NAME",
        help="only this instrument; may be given several times (default: all)",
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
        "--image-size", type=whole, default=128, metavar="PIXELS", help="default 128"
    )
    orchestra.add_argument(
        "--layout",
        choices=("sightsound", "sub-urmp"),
        default="sightsound",
        help="sub-urmp: write Sub-URMP's folders beside it as well",
    )
    orchestra.add_argument(
        "--workers", type=count, metavar="N", help="processes (default: one a processor)"
    )

    sub_urmp = add_command(
        sources, "sub-urmp", _data_sub_urmp, "import a copy of Sub-URMP; reports what is missing"
    )
    sub_urmp.add_argument("folder", type=Path, metavar="FOLDER")
    sub_urmp.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    sub_urmp.add_argument(
        "--image-size", type=whole, default=128, metavar="PIXELS", help="default 128"
    )
    sub_urmp.add_argument(
        "--no-list",
        action="store_true",
        help="do not compare it with what is distributed: it is another folder in that layout",
    )
    sub_urmp.add_argument(
        "--workers", type=count, metavar="N", help="processes (default: one a processor)"
    )
    add_json(sub_urmp)

    fetch = add_command(
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
    add_json(fetch)

    _add_importers(sources)

    show = add_command(sources, "show", _data_show, "say what is in a data set")
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
    add_json(show)


def _add_importers(sources: Any) -> None:
    videos = add_command(
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

    urmp = add_command(
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

    boxes = add_command(
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

    trees = add_command(
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
    trees.add_argument(
        "--splits",
        type=Path,
        metavar="FILE",
        help="CSV with file and split of every picture and sound (default: drawn by the shares)",
    )
    _add_import_options(trees, frame_rate=2.0, validation=0.1)


def _add_import_options(
    parser: argparse.ArgumentParser, *, frame_rate: float, validation: float
) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DATASET")
    parser.add_argument(
        "--image-size", type=whole, default=128, metavar="PIXELS", help="default 128"
    )
    parser.add_argument(
        "--frame-rate",
        type=number,
        default=frame_rate,
        metavar="HZ",
        help=f"frames a second at most (default {frame_rate:g})",
    )
    for name, share in (("validation", validation), ("test", 0.2)):
        parser.add_argument(
            f"--{name}",
            type=number,
            default=share,
            metavar="SHARE",
            help=f"of what is kept apart, 0 to 1 (default {share:g})",
        )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="another seed, other splits (default 0)"
    )
    parser.add_argument(
        "--workers", type=count, metavar="N", help="processes (default: one a processor)"
    )
