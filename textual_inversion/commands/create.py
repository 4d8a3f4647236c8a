"""`create`: make a new embedding."""

from __future__ import annotations

import argparse

from .command import Command
from .config_options import whole_number
from .console import Console
from .shared import standalone_host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the word that prompts will know it by, and the name of its file")
    parser.add_argument(
        "--init-text",
        default="*",
        metavar="TEXT",
        help="words close to what it shall mean; training starts there (default: *)",
    )
    parser.add_argument(
        "--vectors",
        type=whole_number,
        default=1,
        metavar="N",
        help="how many token vectors it has; each takes one of a prompt's 75 places, and more can hold more (default: 1)",
    )
    parser.add_argument(
        "--init",
        default="text",
        metavar="HOW",
        help="text: the vectors of --init-text; encoded: the text encoder's own output for it; zeros; noise: as long and as "
        "varied as the model's words; or the path of an embedding file to begin with (default: text)",
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="S", help="for --init noise (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace an embedding of that name")


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.create import create
    from ..runs.lock import NameLock

    host = standalone_host(arguments, console)
    with NameLock(host.embeddings_dir, arguments.name):
        path = create(
            host,
            name=arguments.name,
            init_text=arguments.init_text,
            vectors=arguments.vectors,
            init=arguments.init,
            overwrite=arguments.overwrite,
            seed=arguments.seed,
            warn=lambda sentence: console.note(f"Note: {sentence}"),
        )
    console.record({"name": arguments.name, "path": str(path)})
    console.say(f"Made {path}. Train it with: python -m textual_inversion train {arguments.name} --data DIR")
    return 0


COMMAND = Command(
    name="create",
    summary="make a new embedding",
    description="Makes EMBEDDINGS_DIR/NAME.pt, which prompts can use at once and `train` teaches.",
    usage="NAME [--init-text TEXT] [--vectors N] [--overwrite]",
    examples=(
        'create my-cat --init-text "cat" --vectors 2',
        "create my-style --init noise --vectors 4 --seed 1",
        "create my-cat-2 --init downloaded.safetensors",
    ),
    add_options=_add_options,
    run=_run,
)
