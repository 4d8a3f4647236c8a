"""The embeddings in the host's folder, with what lists of them show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.base.errors import UserError
from ..core.base.spelling import folded
from ..core.embedding.mentions import same_in_prompts
from ..core.embedding.pair import negative_name, pair_name
from ..core.embeddings_folder.card_file import read_user_metadata
from ..core.embeddings_folder.find import CARRIER_SUFFIXES, EMBEDDING_SUFFIXES, files_below
from ..core.embeddings_folder.rename import former_names
from ..core.model.host import Host
from ..runs.errors import UnknownRunError

_PREVIEW = ".preview"
_CARDS = tuple(
    f"{kind}.{ending}" for kind in (_PREVIEW, "") for ending in ("png", "jpg", "jpeg", "webp", "gif", "avif")
)
_KINDS: Mapping[tuple[int, ...], str] = {
    (768,): "SD 1.x",
    (1024,): "SD 2.x",
    (768, 1280): "SDXL",
    (1280,): "SDXL, half",
}

Stamp = tuple[tuple[int, int], ...]


class Shelf:
    """Reads each file once, until it or what lies beside it changes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._seen: dict[Path, tuple[Stamp, dict[str, Any]]] = {}

    def entries(self) -> list[dict[str, Any]]:
        """By name. A file that cannot be read has ``error`` instead of figures; a picture without vectors is left out."""
        files = set(files_below(self._host.embeddings_dir))
        self._seen = {path: self._look(path, files) for path in files if _may_be_one(path)}
        found = [entry for _, entry in self._seen.values() if entry]
        names = {str(entry["name"]) for entry in found}
        return sorted(
            ({**entry, **_pair(entry, names)} for entry in found),
            key=lambda entry: (str(entry["name"]).casefold(), str(entry["file"])),
        )

    def find(self, file: str) -> tuple[Path, dict[str, Any]]:
        """The path and the entry of what the list calls ``file``. Raises UnknownRunError for anything not in the list."""
        entry = self._known(file) or next((entry for entry in self.entries() if entry["file"] == file), None)
        if entry is None:
            raise UnknownRunError(f"There is no embedding {file!r} in the list. Read the list again.")
        return self._host.embeddings_dir / file, entry

    def _known(self, file: str) -> dict[str, Any] | None:
        """The entry of a file that was in the last list, read again where it changed, without listing all others."""
        path = self._host.embeddings_dir / file
        if path not in self._seen or "\0" in file:
            return None
        try:
            beside = set(path.parent.iterdir())
        except OSError:
            return None
        self._seen[path] = self._look(path, beside)
        entry = self._seen[path][1]
        return entry if entry.get("file") == file else None

    def named(self, name: str) -> list[str]:
        """The files of the embeddings that prompts, or file systems without capitals, do not tell from this name."""
        return [
            str(entry["file"])
            for entry in self.entries()
            if folded(str(entry["name"])) == folded(name) or same_in_prompts(str(entry["name"]), name)
        ]

    def card_picture(self, path: Path) -> Path | None:
        """Find the picture of its card: one beside it, or the embedding itself where it is one."""
        beside = (path.with_name(path.stem + ending) for ending in _CARDS)
        return next((picture for picture in beside if picture.is_file()), None)

    def _look(self, path: Path, files: set[Path]) -> tuple[Stamp, dict[str, Any]]:
        picture = next((each for ending in _CARDS if (each := path.with_name(path.stem + ending)) in files), None)
        notes = path.with_suffix(".json")
        try:
            status = path.stat()
            beside = {each: each.stat() for each in (picture, notes if notes in files else None) if each is not None}
        except OSError:
            return (), {}
        stamp = tuple((each.st_mtime_ns, each.st_size) for each in (status, *beside.values()))
        seen = self._seen.get(path)
        if seen is not None and seen[0] == stamp:
            return seen
        entry = _read(path, is_card=path.suffix.lower() in CARRIER_SUFFIXES and _has_file(path, files))
        if entry:
            shown = {"picture": None if picture is None else str(beside[picture].st_mtime_ns)}
            place = {"file": path.relative_to(self._host.embeddings_dir).as_posix(), "size": status.st_size}
            entry = {**entry, **place, **shown, **_card(path), "modified": status.st_mtime}
        return stamp, entry


def model_kind(widths: Mapping[str, int]) -> str:
    """As people call it, by the widths of its text encoders."""
    found = tuple(sorted(widths.values()))
    return _KINDS.get(found) or f"width {' + '.join(map(str, found))}"


def _may_be_one(path: Path) -> bool:
    """As web UIs look for them."""
    known = path.suffix.lower() in (*EMBEDDING_SUFFIXES, *CARRIER_SUFFIXES)
    return known and not path.name.startswith(".") and not path.stem.lower().endswith(_PREVIEW)


def _has_file(picture: Path, files: Iterable[Path]) -> bool:
    return any(picture.with_suffix(suffix) in files for suffix in EMBEDDING_SUFFIXES)


def _read(path: Path, *, is_card: bool) -> dict[str, Any]:
    from ..core.formats import read_embedding
    from ..core.formats.picture_carrier import KEYWORD

    picture = path.suffix.lower() in CARRIER_SUFFIXES
    entry: dict[str, Any] = {"name": path.stem}
    try:
        if is_card and KEYWORD.encode() not in path.read_bytes():
            return {}  # almost surely the picture of the card; looking into its pixels takes a tenth of a second
        embedding = read_embedding(path)
    except (UserError, OSError) as error:
        return {} if picture else {**entry, "error": str(error)}
    widths = {key: rows.shape[1] for key, rows in embedding.vectors.items()}
    return {
        "name": (picture and embedding.name) or path.stem,  # pictures go by the name inside, as in web UIs
        "step": embedding.step,
        "vectors": embedding.count,
        "widths": widths,
        "kind": model_kind(widths),
        "checkpoint": embedding.checkpoint_hash,
        "checkpoint_name": embedding.checkpoint_name,
        "format": embedding.file_format,
        "formerly": former_names(embedding.notes),
        "pair": half if (half := embedding.notes.get("pair", "")) in ("positive", "negative") else "",
        "partner": embedding.notes.get("partner", ""),
    }


def _pair(entry: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Tell the half of a pair where its file does not say so: by its name, and ``names``, all that are there."""
    name = str(entry["name"])
    if entry.get("pair"):
        return {}
    if negative_name(name) in names:
        return {"pair": "positive", "partner": negative_name(name)}
    if pair_name(name) != name and pair_name(name) in names:
        return {"pair": "negative", "partner": pair_name(name)}
    return {"pair": "", "partner": ""}


def _card(path: Path) -> dict[str, Any]:
    card = read_user_metadata(path)
    return {"negative": card.negative, "description": card.description, "notes": card.notes}
