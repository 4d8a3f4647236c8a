"""Recognise the two halves of a pair among the files of the embeddings folder.

A file of ours says so in its notes. DreamArtist's say nothing: there ``NAME`` and ``NAME-neg`` are a pair by their names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError, UserError
from ..embedding.pair import negative_name, pair_name
from ..formats import read_embedding
from .find import EMBEDDING_SUFFIXES


@dataclass(frozen=True)
class Pair:
    positive: Path
    negative: Path


def pair_of(path: Path) -> Pair | None:
    """The pair that the embedding in ``path`` is a half of; None where it is none, or the other half is not in its folder."""
    mine = _notes(path)
    half, partner = mine.get("pair", ""), mine.get("partner", "")
    is_negative = half == "negative" or (not half and pair_name(path.stem) != path.stem)
    wanted = partner or (pair_name(path.stem) if is_negative else negative_name(path.stem))
    for other in _files_called(wanted, beside=path):
        theirs = _notes(other)
        agreed = theirs.get("pair", "") != ("negative" if is_negative else "positive")
        if agreed and theirs.get("partner", path.stem) == path.stem:
            return Pair(other, path) if is_negative else Pair(path, other)
    return None


def partners_by_name(names: Collection[str]) -> dict[str, str]:
    """``{NAME: NAME-neg}`` for all names whose negative half is among them."""
    return {name: other for name in names if (other := negative_name(name)) in names}


def refuse_negative_half(path: Path, *, action: str) -> None:
    """Raises InputError where ``path`` is the negative half of a pair, whose positive half it follows."""
    pair = pair_of(path)
    if pair is not None and pair.negative == path:
        raise InputError(
            f"{path.stem} is the negative half of the pair {pair.positive.stem}. {action} {pair.positive.stem}: both halves "
            "go together.",
            field="file",
        )


def _files_called(name: str, *, beside: Path) -> list[Path]:
    """In the same folder; the same ending first."""
    if Path(name).name != name or not name:  # notes may come from anywhere
        return []
    endings = sorted(EMBEDDING_SUFFIXES, key=lambda ending: ending != beside.suffix.lower())
    found = (beside.with_name(f"{name}{ending}") for ending in endings)
    return [path for path in found if path != beside and path.is_file()]


def _notes(path: Path) -> Mapping[str, str]:
    try:
        return read_embedding(path).notes
    except UserError:
        return {"pair": "unreadable"}
