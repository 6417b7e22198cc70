"""`sightsound rate`: ask people what they see and hear."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sightsound.cli.options import EXIT_OK, add_command, add_json, print_json, text_of, whole


def _rate_make(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.make import Options, make_study, parse_conditions

    options = Options(
        task=arguments.task,
        title=arguments.title,
        question=arguments.question,
        consent=None if arguments.consent is None else text_of(arguments.consent),
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
        print_json(figures)
    else:
        print(f"{format_markdown(figures)}\n{folder}")
    return EXIT_OK


def _rate_withdraw(arguments: argparse.Namespace) -> int:
    from sightsound.evaluation.rating.report import withdraw

    withdraw(arguments.study, arguments.code)
    print("deleted")
    return EXIT_OK


def add_rate(commands: Any) -> None:
    """The command ``rate`` and its steps."""
    parser = commands.add_parser(
        "rate",
        help="ask people what they see and hear: make a study, serve it, report on it",
        description="Human evaluation: `rate STUDY` is short for `rate serve STUDY`.",
        allow_abbrev=False,
    )
    parser.steps = ("serve", "make", "report", "withdraw")
    steps = parser.add_subparsers(metavar="STEP", required=True, title="steps")
    make = add_command(
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
        type=whole,
        default=365,
        metavar="DAYS",
        help="delete a rater's answers so many days after the beginning; 0: never (default 365)",
    )
    make.add_argument(
        "--votes", type=whole, default=30, metavar="N", help="questions to a rater (default 30)"
    )
    make.add_argument(
        "--raters",
        type=whole,
        default=3,
        metavar="N",
        help="raters who are asked the same before something new is asked (default 3)",
    )
    make.add_argument(
        "--attention", type=whole, default=2, metavar="N", help="checks for a rater (default 2)"
    )
    make.add_argument(
        "--items",
        type=whole,
        default=65,
        metavar="N",
        help="at most N of a condition (default 65)",
    )
    make.add_argument("--seed", type=whole, default=0, metavar="N", help="which ones (default 0)")

    serve = add_command(steps, "serve", _rate_serve, "serve a study on a web page, until Ctrl-C")
    serve.add_argument("study", type=Path, metavar="STUDY")
    serve.add_argument(
        "--port", type=whole, default=8010, metavar="N", help="default 8010; 0: any free one"
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

    report = add_command(
        steps, "report", _rate_report, "means, intervals, agreement, a plot and all votes as CSV"
    )
    report.add_argument("study", type=Path, metavar="STUDY")
    report.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: report/ in the study's folder"
    )
    report.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="of the intervals (default 0)"
    )
    add_json(report)

    withdraw = add_command(
        steps, "withdraw", _rate_withdraw, "delete the answers of a rater who asks for it"
    )
    withdraw.add_argument("study", type=Path, metavar="STUDY")
    withdraw.add_argument("code", metavar="CODE", help="what the page showed the rater at the end")
