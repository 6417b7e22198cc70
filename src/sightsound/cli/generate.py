"""`sightsound generate` and `models`: what the base install does."""

from __future__ import annotations

import argparse
from typing import Any

from sightsound.cli.options import (
    DIRECTIONS,
    EXIT_MENDABLE,
    EXIT_OK,
    add_command,
    add_json,
    complain,
    number,
    print_json,
    whole,
)


def _generate(arguments: argparse.Namespace) -> int:
    from sightsound.generation.files import generate
    from sightsound.generation.model import Model
    from sightsound.generation.plan import Options
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
        on_failure=lambda failure: complain(failure.message),
    )
    if arguments.json:
        print_json(outcome.as_json())
    else:
        for result in outcome.results:
            print(f"{result.output}  {result.label} {result.probability:.0%}  seed {result.seed}")
    return EXIT_MENDABLE if outcome.failures else EXIT_OK


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
        print_json({"models": rows})
        return EXIT_OK
    for row in rows:
        print(
            f"{row['name']}  {', '.join(row['directions'])}  {row['classes']} classes  "
            f"{row['megabytes']} MB  {row['license']}  sha256 {row['sha256'][:12]}"
        )
    if not rows:
        print("no model came with this copy of sightsound")
    return EXIT_OK


def add_generate(commands: Any) -> None:
    """The command ``generate``."""
    parser = add_command(
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
        type=whole,
        default=0,
        metavar="N",
        help="which of the possible results; the same seed gives the same one (default 0)",
    )
    parser.add_argument(
        "--count",
        type=whole,
        default=1,
        metavar="N",
        help="variants of each input, numbered, with seeds from --seed on (default 1)",
    )
    parser.add_argument(
        "--seconds",
        type=number,
        default=4.0,
        metavar="S",
        help="length of a sound made of a picture (default 4)",
    )
    parser.add_argument(
        "--row",
        type=whole,
        metavar="N",
        help="pictures in a row over the sound's time (default: 1 up to 8 seconds, then 8)",
    )
    add_json(parser)


def add_models(commands: Any) -> None:
    """The command ``models``."""
    add_json(add_command(commands, "models", _models, "list the models that come with sightsound"))
