"""The embeddings in the host's folder, with what lists of them show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.host import Host
from ..core.library import FILES, PICTURES, files_below

_PREVIEW = ".preview"

Stamp = tuple[float, int]


class Shelf:
    """Reads each file once, until it changes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._seen: dict[Path, tuple[Stamp, dict[str, Any]]] = {}

    def entries(self) -> list[dict[str, Any]]:
        """By name. A file that cannot be read has ``error`` instead of figures; a picture without vectors is left out."""
        self._seen = {path: self._look(path) for path in _files(self._host.embeddings_dir)}
        found = [entry for _, entry in self._seen.values() if entry]
        return sorted(found, key=lambda entry: str(entry["name"]).casefold())

    def _look(self, path: Path) -> tuple[Stamp, dict[str, Any]]:
        try:
            status = path.stat()
        except OSError:
            return (0.0, 0), {}
        stamp = (status.st_mtime, status.st_size)
        seen = self._seen.get(path)
        return seen if seen is not None and seen[0] == stamp else (stamp, _read(path))


def _files(folder: Path) -> list[Path]:
    """Embedding files in the folder and the folders below, as web UIs look for them."""
    return [
        path
        for path in files_below(folder)
        if path.suffix.lower() in (*FILES, *PICTURES)
        and not path.name.startswith(".")
        and not path.stem.endswith(_PREVIEW)
    ]


def _read(path: Path) -> dict[str, Any]:
    from ..core.formats import read_embedding

    entry: dict[str, Any] = {"name": path.stem, "file": path.name}
    try:
        embedding = read_embedding(path)
    except UserError as error:
        return {} if path.suffix.lower() in PICTURES else {**entry, "error": error.message}
    return {
        **entry,
        "step": embedding.step,
        "vectors": embedding.count,
        "widths": {key: rows.shape[1] for key, rows in embedding.vectors.items()},
        "checkpoint": embedding.checkpoint_hash,
        "format": embedding.file_format,
    }
