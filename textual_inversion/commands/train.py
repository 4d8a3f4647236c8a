"""`train`: learn an embedding from a folder of pictures."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..core.settings.train_config import TrainConfig
from .command import Command
from .config_options import add_config_options, given
from .console import Console
from .shared import LOG_DIR, standalone_host
from .training import run_training, tell

if TYPE_CHECKING:
    from ..core.model.host import Host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the embedding to train; make it first with `create`")
    native = "the checkpoint's own size"
    add_config_options(
        parser,
        TrainConfig,
        skip=("name", "precision", "preview_from_txt2img"),
        defaults={"width": native, "height": native, "log_dir": LOG_DIR, "data": "none, one is needed"},
    )
    for former, level in (("--checkpointing", "full"), ("--no-checkpointing", "selective")):
        parser.add_argument(
            former,
            dest="recompute",
            action="store_const",
            const=level,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    host = standalone_host(arguments, console)
    return tell(run_training(train_config(arguments, host), host, console), console)


def train_config(arguments: argparse.Namespace, host: Host) -> TrainConfig:
    """Build the settings: typed options over those of `--config` over the defaults of this command line."""
    base = {"log_dir": LOG_DIR, "width": host.native_size, "height": host.native_size}
    if arguments.config is not None:
        base = TrainConfig.from_file(arguments.config).to_mapping()
    return TrainConfig.from_mapping({**base, **given(arguments, TrainConfig)})


COMMAND = Command(
    name="train",
    summary="learn an embedding from a folder of pictures",
    description="Trains the embedding NAME on the pictures in the folders of --data. Ctrl-C once stops and keeps "
    "everything (go on with `resume`); twice ends at once.",
    usage="NAME --data DIR [--template FILE_OR_NAME] [--steps N] [--learning-rate TEXT] [more options, see below]",
    examples=(
        "train my-cat --data photos/cat --template subject.txt --steps 2000 --learning-rate 0.005",
        'train my-style --data paintings --template style_filewords.txt --steps 3000 --learning-rate "0.1:500, 0.01:1000, 0.001"',
        'train my-cat --data photos/cat --batch-size 4 --image-every 100 --preview-prompt "a photo of [name] on a beach"',
        "train my-cat --config outputs/textual_inversion/2026-01-31/my-cat/run.json --seed 7",
    ),
    add_options=_add_options,
    run=_run,
)
