"""Finding embeddings by name in the host's folder."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError
from .names import check_name

SUFFIXES = (".pt", ".safetensors", ".bin", ".png", ".webp")


def find_embedding(embeddings_dir: Path, name: str) -> Path:
    """The file of the embedding called ``name``, in the folder or below it (links are followed, as web UIs do).

    Raises InputError that names ``create`` where there is none.
    """
    if not name.strip():
        raise InputError("No embedding was chosen. Make one first with create, then train it.", field="name")
    check_name(name)
    for suffix in SUFFIXES:
        path = embeddings_dir / f"{name}{suffix}"
        if path.is_file():
            return path
    for suffix in SUFFIXES:
        for path in sorted(embeddings_dir.rglob(f"*{suffix}")):
            if path.stem == name and path.is_file():
                return path
    raise InputError(
        f"There is no embedding called {name!r} in {embeddings_dir}. Make it first with create (a name, an initialisation text "
        "and a number of vectors), then train it.",
        field="name",
    )
