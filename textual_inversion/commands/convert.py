"""`convert`: write an embedding in another format."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from ..core.base.errors import InputError
from ..core.base.pasted_path import pasted_path
from ..core.settings.creation import CarryOver
from ..core.settings.file_formats import FORMATS
from .command import Command
from .console import Console
from .shared import standalone_host

if TYPE_CHECKING:
    from ..core.embedding.embedding import Embedding
    from ..core.model.host import TextEncoder


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=pasted_path, metavar="IN", help="an embedding in any format")
    parser.add_argument(
        "target", type=pasted_path, metavar="OUT", help="the file to write; its ending chooses the format"
    )
    parser.add_argument(
        "--format",
        dest="file_format",
        metavar="F",
        help=f"{_listed_formats()}; without it the ending of OUT decides",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it holds something else")
    parser.add_argument(
        "--carry-over",
        choices=get_args(CarryOver),
        help="with --checkpoint: bring an embedding of another family to that model; vectors of an encoder that it has none for begin "
        "as its initialization text (text), are made from the others (map), or are zeros",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.formats import check_free, conversion_notes, read_embedding, write_embedding
    from ..core.model.host import LeaseRequest

    embedding = read_embedding(arguments.source)
    if arguments.carry_over and arguments.checkpoint is None:
        raise InputError(
            "--carry-over needs the model to carry the embedding over to: --checkpoint FILE.", field="carry_over"
        )
    if arguments.checkpoint is not None:
        with standalone_host(arguments, console).lease(LeaseRequest()) as lease:
            embedding = _fitting(embedding, lease.encoders, carry_over=arguments.carry_over, console=console)
    if not arguments.overwrite:
        check_free(embedding, arguments.target, arguments.file_format)
    paths = [str(path) for path in write_embedding(embedding, arguments.target, file_format=arguments.file_format)]
    told = conversion_notes(embedding, arguments.file_format, arguments.target)
    console.record({"paths": paths, "notes": told})
    console.say("Wrote " + ", ".join(paths))
    for sentence in told:
        console.note(f"Note: {sentence}")
    return 0


def _listed_formats() -> str:
    *names, last = FORMATS
    return f"{', '.join(names)} or {last} (a folder)"


def _fitting(
    embedding: Embedding, encoders: Mapping[str, TextEncoder], *, carry_over: CarryOver | None, console: Console
) -> Embedding:
    """Check that the embedding fits the model, or bring it over. Raises FileFormatError where it does not fit."""
    from ..core.embeddings_folder.carry_over import carried_over

    text = embedding.notes.get("init_text", "")
    carried = carried_over(embedding, encoders, missing=carry_over, text=text) if carry_over else None
    if carried is None:
        embedding.for_encoders({key: encoder.width for key, encoder in encoders.items()})
        return embedding
    console.note(f"Note: {carried.sentence}")
    vectors = carried.vectors if len(carried.vectors) > 1 else {"*": next(iter(carried.vectors.values()))}
    return replace(embedding, vectors=vectors)


COMMAND = Command(
    name="convert",
    summary="write an embedding in another format",
    description="Reads IN and writes OUT. What the format can hold of name, step, checkpoint and notes goes along. "
    "With --checkpoint an embedding that does not fit it is refused, or brought over with --carry-over.",
    usage="IN OUT [--format F] [--overwrite]",
    examples=(
        "convert downloaded.png embeddings/style.pt",
        "convert embeddings/my-cat.pt my-cat.safetensors --format diffusers",
        "convert sd15-cat.pt sdxl-cat.safetensors --checkpoint sdxl.safetensors --carry-over map",
    ),
    add_options=_add_options,
    run=_run,
)
