"""`spread-mask`: spread a rough attention map over what looks alike."""

from __future__ import annotations

import argparse

from ..core.base.pasted_path import pasted_path
from .command import Command
from .console import Console
from .shared import precision_of, standalone_host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=pasted_path, metavar="PICTURE", help="the training picture")
    parser.add_argument(
        "map",
        type=pasted_path,
        metavar="MAP",
        help="a grey picture of the same shape: white where it matters most, mid grey as usual, black not at all",
    )
    parser.add_argument(
        "out", type=pasted_path, metavar="OUT", nargs="?", help="the result (default: NAME_att.png beside the picture)"
    )

    parser.add_argument("--overwrite", action="store_true", help="replace OUT where there is such a file")


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.dataset.spread_mask import spread_mask
    from ..core.model.host import LeaseRequest

    host = standalone_host(arguments, console)
    with host.lease(LeaseRequest(precision=precision_of(arguments))) as lease:
        path = spread_mask(
            arguments.picture,
            arguments.map,
            arguments.out,
            lease=lease,
            native_size=host.native_size,
            overwrite=arguments.overwrite,
        )
    console.record({"path": str(path)})
    console.say(f"Wrote {path}. Training with --masks reads it.")
    return 0


COMMAND = Command(
    name="spread-mask",
    summary="spread a rough attention map over what looks alike",
    description="Spreads the grey map MAP of PICTURE through the self-attention of the checkpoint's VAE, so that a few strokes mark "
    "the whole thing, and writes it where `train --masks` looks for it. Black counts nothing, mid grey once, white five times.",
    usage="PICTURE MAP [OUT] [--overwrite]",
    examples=("spread-mask photos/cat.png strokes.png", "spread-mask photos/cat.png strokes.png photos/cat_att.png"),
    add_options=_add_options,
    run=_run,
)
