"""`convert`: write an embedding in another format."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import Command
from .console import Console


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="an embedding in any format")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write; its ending chooses the format")
    parser.add_argument("--format", metavar="F", help="the format to write, where the ending is not enough")


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.formats import convert

    convert(arguments.source, arguments.target, arguments.format)
    console.record({"path": str(arguments.target)})
    console.say(f"Wrote {arguments.target}")
    return 0


COMMAND = Command(
    name="convert",
    summary="write an embedding in another format",
    description="Reads IN and writes OUT. What the format can hold of name, step, checkpoint and notes goes along.",
    usage="IN OUT [--format F]",
    examples=("convert downloaded.png embeddings/style.pt", "convert embeddings/my-cat.pt my-cat.safetensors"),
    add_options=_add_options,
    run=_run,
)
