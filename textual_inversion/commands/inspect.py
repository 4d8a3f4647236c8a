"""`inspect`: say what an embedding file holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..core.base.pasted_path import pasted_path
from .command import Command
from .console import Console
from .shared import standalone_host

if TYPE_CHECKING:
    from ..core.embedding.embedding import Embedding
    from ..core.model.host import Host

_WORDS = 3


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=pasted_path,
        metavar="FILE",
        help="an embedding in any format, a picture that carries one, or a folder",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.formats import describe, read_embedding

    embedding = read_embedding(arguments.file)
    described = describe(embedding)
    if arguments.checkpoint is not None:
        described["closest_words"] = closest_words(embedding, standalone_host(arguments, console))
    console.record(described)
    if not console.json_output:
        console.say("\n".join(_lines(described)))
    return 0


def closest_words(embedding: Embedding, host: Host) -> dict[str, list[list[str]]]:
    """For each encoder and each vector the words of the host's checkpoint that point most nearly the same way.

    Raises FileFormatError where the embedding does not fit the checkpoint.
    """
    from ..core.embeddings_folder.nearest_tokens import nearest_tokens
    from ..core.model.host import LeaseRequest

    with host.lease(LeaseRequest()) as lease:
        rows = embedding.for_encoders({key: encoder.width for key, encoder in lease.encoders.items()})
        return {
            key: [[token.text for token in near] for near in nearest_tokens(rows[key], encoder, count=_WORDS)]
            for key, encoder in lease.encoders.items()
        }


def _lines(described: dict[str, Any]) -> list[str]:
    lines = [f"{key}: {described[key] if described[key] is not None else 'not said'}" for key in _FACTS]
    lines += [f"note: {key} = {text}" for key, text in described["notes"].items()]
    lines += described["remarks"]
    for encoder, vectors in described["vectors"].items():
        count, width = vectors["shape"]
        lengths = ", ".join(f"{norm:.3f}" for norm in vectors["norms"])
        lines.append(f"vectors{'' if encoder == '*' else f' for {encoder}'}: {count} x {width}; lengths {lengths}")
    for encoder, words in described.get("closest_words", {}).items():
        lines.append(f"closest words of {encoder}: " + "; ".join(", ".join(row) for row in words))
    return lines


_FACTS = ("name", "step", "checkpoint", "checkpoint_name", "format")

COMMAND = Command(
    name="inspect",
    summary="say what an embedding file holds",
    description="Reads every format of embedding there is, without running anything that a file may hold, and says its name, "
    "step, checkpoint and vectors. With --checkpoint it also says which words each vector is closest to.",
    usage="FILE [--checkpoint FILE]",
    examples=("inspect embeddings/my-cat.pt", "inspect downloaded.png --json"),
    add_options=_add_options,
    run=_run,
)
