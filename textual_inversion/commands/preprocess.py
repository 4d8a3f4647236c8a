"""`preprocess`: from a folder of raw pictures to one that can be trained on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..core.base.control import Control
from ..core.base.options import build
from ..prepare.settings import PrepareSettings
from .command import Command
from .config_options import add_config_options, given
from .console import Console
from .interrupts import steered_by_signals
from .preparation import add_model_options, local_models, progress_bar, tell_report

if TYPE_CHECKING:
    from ..prepare.folder.report import JobReport


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", help="folder with the pictures; nothing in it is changed")
    parser.add_argument("destination", metavar="DST", help="folder for the results; made if it is missing")
    add_config_options(parser, PrepareSettings, skip=("source", "destination"))
    add_model_options(parser)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    settings = build(PrepareSettings, given(arguments, PrepareSettings))
    return tell_report(_prepared(settings, arguments, console), console)


def _prepared(settings: PrepareSettings, arguments: argparse.Namespace, console: Console) -> JobReport:
    from ..prepare.crop.job import prepare

    control = Control()
    with steered_by_signals(control, console), progress_bar("Preparing", console) as watch:
        return prepare(
            settings, local_models(arguments), watch=watch, stop=control.interrupted.is_set, threads=arguments.threads
        )


COMMAND = Command(
    name="preprocess",
    summary="crop, split, flip and caption pictures for training",
    description="Makes training pictures of those in SRC and puts them into DST. Nothing in SRC is changed, and nothing in DST is "
    "overwritten unless asked for. Run again, it goes on where it was stopped and doubles nothing.",
    usage="SRC DST --width W --height H [--fit center|focal|auto|stretch] [--split] [--flip h|v|both] "
    "[--caption blip|deepbooru] [--caption-to txt|name] [--existing ignore|keep|prepend|append] [--threshold T]",
    examples=(
        "preprocess photos/raw photos/512 --width 512 --height 512 --fit focal --caption blip",
        "preprocess drawings/raw drawings/512 --flip h --caption deepbooru --caption-to name --threshold 0.75",
    ),
    add_options=_add_options,
    run=_run,
)
