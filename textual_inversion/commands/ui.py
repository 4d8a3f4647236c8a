"""`ui`: the app in the browser."""

from __future__ import annotations

import argparse

from .command import Command
from .config_options import whole_number
from .console import Console
from .interrupts import ended_as_by_ctrl_c
from .shared import standalone_host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=whole_number,
        default=7860,
        metavar="P",
        help="where the app listens on this computer (default: 7860)",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..ui.standalone import launch

    console.note("Loading ...")
    with ended_as_by_ctrl_c():
        launch(standalone_host(arguments, console), port=arguments.port, open_browser=not arguments.no_browser)
    return 0


COMMAND = Command(
    name="ui",
    summary="open the app in the browser",
    description="Starts the app on this computer, with tabs to create, train and generate. Ctrl-C ends it and saves what is being trained.",
    usage="[--port P] [--no-browser]",
    examples=("ui", "ui --port 7870 --checkpoint model.safetensors"),
    add_options=_add_options,
    run=_run,
)
