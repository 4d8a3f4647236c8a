"""`caption`: write captions beside the pictures of a folder."""

from __future__ import annotations

import argparse

from ..core.base.control import Control
from ..core.base.options import build
from ..core.base.pasted_path import pasted_path
from ..prepare.settings import CaptionSettings
from .command import Command
from .config_options import add_config_options, given
from .console import Console
from .interrupts import steered_by_signals
from .preparation import add_model_options, local_models, progress_bar, tell_report

_SKIPPED = ("caption", "caption_to")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=pasted_path, metavar="DIR", help="folder with the pictures")
    parser.add_argument(
        "--with",
        dest="caption",
        action="append",
        required=True,
        choices=("blip", "deepbooru"),
        help="blip writes sentences, for photos; deepbooru tags, for drawings; both can be given",
    )
    parser.add_argument("--recursive", action="store_true", help="also the pictures in folders below")
    add_config_options(
        parser, CaptionSettings, skip=_SKIPPED, defaults={"existing": "keep: what is written already stays"}
    )
    add_model_options(parser)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..prepare.captions.folder import caption_folder

    settings = build(CaptionSettings, {"existing": "keep", **given(arguments, CaptionSettings)})
    control = Control()
    with steered_by_signals(control, console), progress_bar("Captioning", console) as watch:
        report = caption_folder(
            arguments.folder,
            settings,
            local_models(arguments),
            recursive=arguments.recursive,
            watch=watch,
            stop=control.interrupted.is_set,
        )
    return tell_report(report, console)


COMMAND = Command(
    name="caption",
    summary="write captions beside the pictures of a folder",
    description="Looks at every picture in DIR and writes NAME.txt beside NAME.png. Captions that are there already stay, unless "
    "--existing says otherwise.",
    usage="DIR --with blip|deepbooru [--existing ignore|keep|prepend|append] [--threshold T] [more options, see below]",
    examples=(
        "caption photos/512 --with blip --prefix 'a photo, '",
        "caption drawings/512 --with deepbooru --threshold 0.75 --no-sort-tags --filter-tags '1girl, solo'",
    ),
    add_options=_add_options,
    run=_run,
)
