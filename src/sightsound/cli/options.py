"""What the commands share: how options are read, and how things are said."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sightsound.errors import ConfigError

EXIT_OK = 0
EXIT_MENDABLE = 2  # the user can mend it: input, option, disk
EXIT_STOPPED = 130  # Ctrl-C, as shells count it

DIRECTIONS = ("sound_to_image", "image_to_sound")  # shapes.Direction, without loading numpy
SPLITS = ("train", "validation", "test", "judge", "unheard")


def add_command(
    commands: Any, name: str, function: Any, summary: str, details: str = ""
) -> argparse.ArgumentParser:
    """A parser of one command or step, which calls ``function``; its epilog is ``details``."""
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


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, to stdout"
    )


def whole(text: str) -> int:
    """A whole number; what it may be is for the command to say."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def count(text: str) -> int:
    """A whole number, 1 or more."""
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more is needed")
    return value


def number(text: str) -> float:
    """A number; what it may be is for the command to say."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def text_of(path: Path) -> str:
    """The text of a file that is one."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: no UTF-8 text; save it as UTF-8") from None


def complain(message: str) -> None:
    """One line to stderr, as every error is."""
    print(f"sightsound: error: {' '.join(message.split())}", file=sys.stderr)


def print_json(tree: dict[str, Any]) -> None:
    """One JSON object to stdout."""
    print(json.dumps(tree, ensure_ascii=False, indent=1))
