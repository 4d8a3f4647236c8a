"""`inspect`: say what an embedding file holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .command import Command
from .console import Console


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="an embedding in any format, a PNG or WebP that carries one, or a folder",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.formats import describe, read_embedding

    described = describe(read_embedding(arguments.file))
    console.record(described)
    if not console.json_output:
        console.say(_for_people(described))
    return 0


def _for_people(described: dict[str, Any]) -> str:
    lines = [f"{key}: {'unknown' if value is None else value}" for key, value in described.items() if key != "vectors"]
    for encoder, vectors in described["vectors"].items():
        count, width = vectors["shape"]
        norms = ", ".join(f"{norm:.3f}" for norm in vectors["norms"])
        lines.append(f"{'any encoder' if encoder == '*' else encoder}: {count} x {width}, lengths {norms}")
    return "\n".join(lines)


COMMAND = Command(
    name="inspect",
    summary="say what an embedding file holds",
    description="Reads every format of embedding there is, without running anything that a file may hold, and says its name, "
    "step, checkpoint and vectors.",
    usage="FILE",
    examples=("inspect embeddings/my-cat.pt", "inspect downloaded.png --json"),
    add_options=_add_options,
    run=_run,
)
