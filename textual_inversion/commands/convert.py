"""`convert`: write an embedding in another format."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import Command
from .console import Console
from .shared import standalone_host


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="an embedding in any format")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write; its ending chooses the format")
    parser.add_argument(
        "--format",
        dest="file_format",
        metavar="F",
        help="a1111, safetensors, sdxl, diffusers, kohya, onetrainer, invoke, ldm, hcp, png, webp or concept-library (a folder); "
        "without it the ending of OUT decides",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.formats import read_embedding, write_embedding
    from ..core.model.host import LeaseRequest

    embedding = read_embedding(arguments.source)
    if arguments.checkpoint is not None:
        with standalone_host(arguments, console).lease(LeaseRequest()) as lease:
            embedding.for_encoders({key: encoder.width for key, encoder in lease.encoders.items()})
    paths = [str(path) for path in write_embedding(embedding, arguments.target, file_format=arguments.file_format)]
    console.record({"paths": paths})
    console.say("Wrote " + ", ".join(paths))
    return 0


COMMAND = Command(
    name="convert",
    summary="write an embedding in another format",
    description="Reads IN and writes OUT. What the format can hold of name, step, checkpoint and notes goes along. "
    "With --checkpoint an embedding that does not fit it is refused.",
    usage="IN OUT [--format F]",
    examples=(
        "convert downloaded.png embeddings/style.pt",
        "convert embeddings/my-cat.pt my-cat.safetensors --format diffusers",
    ),
    add_options=_add_options,
    run=_run,
)
