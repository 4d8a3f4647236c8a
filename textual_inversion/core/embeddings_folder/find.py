"""Finding embeddings by name in the host's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..base.errors import InputError
from ..embedding.mentions import same_in_prompts
from ..embedding.names import check_name
from ..formats import read_embedding

EMBEDDING_SUFFIXES = (".pt", ".safetensors", ".bin")
"""Files that web UIs read as embeddings; of several of one name, the order in which we look."""

CARRIER_SUFFIXES = (".png", ".webp")
"""Pictures that may carry an embedding."""

_OTHERS = (".pth", ".ckpt", ".pti", ".pkl", ".npz", ".zip", ".txt")
"""Endings that embeddings are downloaded or renamed with, and that no program looks for."""


def find_embedding(embeddings_dir: Path, name: str) -> Path:
    """The file of the embedding called ``name``: in the folder itself before those below it (links are followed, as web UIs
    do), and a file before a picture of that name, which may be no more than a preview.

    Raises InputError that names ``create`` where there is none.
    """
    if not name.strip():
        raise InputError("No embedding was chosen. Make one first with create, then train it.", field="name")
    check_name(name)
    found = [path for path in files_below(embeddings_dir) if path.stem == name and path.is_file()]
    for suffixes in (EMBEDDING_SUFFIXES, CARRIER_SUFFIXES):
        ranked = [
            (path.parent != embeddings_dir, suffixes.index(path.suffix.lower()), path)
            for path in found
            if path.suffix.lower() in suffixes
        ]
        if ranked:
            return min(ranked)[-1]
    if (picture := _picture_with(embeddings_dir, name)) is not None:
        return picture
    if other := [
        path.name for path in files_below(embeddings_dir) if path.stem == name and path.suffix.lower() in _OTHERS
    ]:
        raise InputError(
            f"{other[0]} lies in {embeddings_dir}, and prompts read {', '.join(EMBEDDING_SUFFIXES)} and pictures alone. Give it the ending .pt, or "
            "convert it.",
            field="name",
        )
    near = sorted(
        path.stem
        for path in files_below(embeddings_dir)
        if path.suffix.lower() in (*EMBEDDING_SUFFIXES, *CARRIER_SUFFIXES)
        and (same_in_prompts(path.stem, name) or name == path.name)
    )
    if near:
        raise InputError(
            f"There is no embedding called {name!r}, but one called {near[0]!r}. Write it so.", field="name"
        )
    raise InputError(
        f"There is no embedding called {name!r} in {embeddings_dir}. Make it first with create (a name, an initialisation text "
        "and a number of vectors), then train it.",
        field="name",
    )


def embedding_file(embeddings_dir: Path, name: str) -> Path | None:
    """The file that has the name now, as ``find_embedding`` finds it; None where there is none."""
    try:
        return find_embedding(embeddings_dir, name)
    except InputError:
        return None


def _picture_with(embeddings_dir: Path, name: str) -> Path | None:
    """A picture that carries an embedding of this name, by which prompts go; pictures on the card of a file are not looked into."""
    files = sorted(files_below(embeddings_dir))
    cards = {path.with_suffix("") for path in files if path.suffix.lower() in EMBEDDING_SUFFIXES}
    for path in files:
        shown = path.with_suffix("") in cards or path.stem.lower().endswith(".preview")
        if path.suffix.lower() in CARRIER_SUFFIXES and not shown:
            with suppress(InputError):
                if read_embedding(path).name == name:
                    return path
    return None


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder and the folders below it; links are followed, as web UIs do, but not in circles."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link back to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(place, name) for name in names)
