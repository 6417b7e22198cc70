"""The command line: parse, call, print. No logic, and nothing heavy is imported before it runs.

One file a group of commands; each adds its parsers, calls one function and prints what it gave.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from sightsound import __version__
from sightsound.cli.data import add_data
from sightsound.cli.generate import add_generate, add_models
from sightsound.cli.options import EXIT_MENDABLE, EXIT_OK, EXIT_STOPPED, complain
from sightsound.cli.rate import add_rate
from sightsound.cli.research import add_evaluate, add_export, add_reproduce, add_train
from sightsound.errors import ConfigError, SightsoundError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.command(arguments)
        if sys.stdout is not None:  # closed by whoever called
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nsightsound: stopped", file=sys.stderr)
        return EXIT_STOPPED
    except SightsoundError as error:
        complain(str(error))
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more while it closes it.
        sys.stdout = None
        return EXIT_OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}")
    except MemoryError:
        complain("out of memory; close other programs or give smaller input")
    except ModuleNotFoundError as error:
        complain(_missing_extra(error))
    return EXIT_MENDABLE


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
    add_generate(commands)
    add_data(commands)
    add_train(commands)
    add_export(commands)
    add_evaluate(commands)
    add_reproduce(commands)
    add_rate(commands)
    add_models(commands)
    return parser


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
