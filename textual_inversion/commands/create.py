"""`create`: make a new embedding."""

from __future__ import annotations

import argparse
import dataclasses

from ..core.base.options import build
from ..runs.creation import CreateRequest
from .command import Command
from .config_options import add_config_options, given
from .console import Console
from .shared import standalone_host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the word that prompts will know it by, and the name of its file")
    add_config_options(parser, CreateRequest, skip=("name",))


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.embedding.pair import negative_path
    from ..core.embeddings_folder.create import create
    from ..runs.locks.name_lock import NameLock

    request = build(CreateRequest, {**given(arguments, CreateRequest), "name": arguments.name})
    host = standalone_host(arguments, console)
    with NameLock(host.embeddings_dir, request.name):
        path = create(host, **dataclasses.asdict(request), warn=lambda sentence: console.note(f"Note: {sentence}"))
    console.record({"name": arguments.name, "path": str(path)})
    typed = f'"{request.name}"' if " " in request.name else request.name
    made = f"{path} and {negative_path(path).name}" if request.apt else str(path)
    pair = " --apt" if request.apt else ""
    console.say(f"Made {made}. Train it with: python -m textual_inversion train {typed}{pair} --data DIR")
    return 0


COMMAND = Command(
    name="create",
    summary="make a new embedding",
    description="Makes EMBEDDINGS_DIR/NAME.pt, which prompts can use at once and `train` teaches. With --apt "
    "also NAME-neg for the negative prompt: `train --apt` teaches both, from one picture if need be.",
    usage="NAME [--init-text TEXT] [--vectors N] [--overwrite] [--apt [--negative-vectors M] [--negative-init-text T]]",
    examples=(
        'create my-cat --init-text "cat" --vectors 2',
        "create my-style --init noise --vectors 4 --seed 1",
        "create my-hero --apt --vectors 3 --negative-vectors 6",
        "create my-cat-2 --init downloaded.safetensors",
    ),
    add_options=_add_options,
    run=_run,
)
