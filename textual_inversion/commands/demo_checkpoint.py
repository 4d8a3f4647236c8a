"""`demo-checkpoint`: put the demo checkpoint into a web UI."""

from __future__ import annotations

import argparse

from ..core.base.pasted_path import pasted_path
from .command import Command
from .console import Console


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--webui-dir",
        type=pasted_path,
        required=True,
        metavar="DIR",
        help="the web UI's folder, the one that holds `models`",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..demo.webui import install_checkpoint

    path = install_checkpoint(arguments.webui_dir)
    console.record({"path": str(path)})
    console.say(
        f"Wrote {path}, with its .yaml and text encoder. In the web UI, press the round arrow beside 'Stable Diffusion checkpoint' "
        f"and choose {path.name}. It draws shapes, at 64x64: set width and height to that."
    )
    return 0


COMMAND = Command(
    name="demo-checkpoint",
    summary="put the demo checkpoint into a web UI",
    description="Copies the demo checkpoint, its .yaml and its text encoder into DIR/models/Stable-diffusion, for trying things out where "
    "every picture takes a second.",
    usage="--webui-dir DIR",
    examples=("demo-checkpoint --webui-dir ../stable-diffusion-webui",),
    add_options=_add_options,
    run=_run,
)
