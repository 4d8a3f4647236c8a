"""The options that every command has, and the host they describe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.base.options import choices_of
from ..core.base.pasted_path import pasted_path
from ..core.settings.memory import Precision
from ..core.settings.train_config import TrainConfig
from .config_options import counted
from .console import Console

if TYPE_CHECKING:
    from ..hosts.standalone.host import StandaloneHost

EMBEDDINGS_DIR = "embeddings"
LOG_DIR = "outputs/textual_inversion"
PICTURES_DIR = "outputs/pictures"
TEMPLATES_DIR = "textual_inversion_templates"
"""As in web UIs: a person's own prompt templates, found by name."""


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """The options that the contract promises everywhere."""
    group = parser.add_argument_group("Everywhere")
    group.add_argument(
        "--checkpoint",
        type=pasted_path,
        metavar="FILE",
        help="SD 1.x, 2.x or SDXL, .safetensors or .ckpt (default: the demo's)",
    )
    group.add_argument(
        "--embeddings-dir",
        type=pasted_path,
        metavar="DIR",
        default=Path(EMBEDDINGS_DIR),
        help="where embeddings are, and where prompts find them (default: ./embeddings)",
    )
    group.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the best there is)")
    group.add_argument(
        "--precision",
        choices=choices_of(TrainConfig, "precision"),
        default=argparse.SUPPRESS,
        help="of the model's arithmetic (default: auto, half on a GPU, full on a CPU)",
    )
    group.add_argument(
        "--threads", type=counted, metavar="N", help="processor threads to use (default: torch's choice)"
    )
    group.add_argument(
        "--config", type=pasted_path, metavar="FILE", help="a run.json whose settings are used where none is typed"
    )
    group.add_argument("--json", action="store_true", help="JSON on standard output, words on standard error")


def standalone_host(
    arguments: argparse.Namespace,
    console: Console,
    *,
    checkpoint: Path | None = None,
    precision: Precision | None = None,
) -> StandaloneHost:
    """The host that the shared options describe, its model loaded. ``checkpoint`` and ``precision`` stand in where none was typed."""
    from ..hosts.standalone.host import StandaloneHost

    host = StandaloneHost(
        checkpoint=arguments.checkpoint or checkpoint,
        embeddings_dir=arguments.embeddings_dir,
        device=arguments.device,
        threads=arguments.threads,
        template_dirs=(Path(TEMPLATES_DIR),),
        precision=precision_of(arguments, otherwise=precision),
    )
    host.load()
    for sentence in host.notices:
        console.note(f"Note: {sentence}")
    return host


def precision_of(arguments: argparse.Namespace, *, otherwise: Precision | None = None) -> Precision:
    """The precision that was typed, else ``otherwise``, else that of ``--config``, else auto."""
    if "precision" in arguments:
        return arguments.precision
    if otherwise is not None:
        return otherwise
    return "auto" if arguments.config is None else TrainConfig.from_file(arguments.config).precision
