"""A database of embeddings that knows live vectors and passes everything else on to the web UI's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LiveEmbedding:
    """A name's token ids, and the object that the web UI's text pipeline takes the vectors from."""

    ids: list[int]
    embedding: Any


class LiveDatabase:
    """The web UI's database, with some embeddings before those of the files.

    ``words`` are token ids that are no names although they begin with one.
    """

    def __init__(self, database: Any, live: Sequence[LiveEmbedding], *, words: Sequence[list[int]] = ()) -> None:
        self._database = database
        self._live = sorted(live, key=lambda entry: len(entry.ids), reverse=True)
        self._words = words

    def find_embedding_at_position(self, tokens: Sequence[int], offset: int) -> tuple[Any, int | None]:
        """As the database's own: of names that match, the one with most tokens; a live one before a file's."""
        if any(list(tokens[offset : offset + len(ids)]) == ids for ids in self._words):
            return None, None
        found, length = self._database.find_embedding_at_position(tokens, offset)
        for entry in self._live:
            size = len(entry.ids)
            if list(tokens[offset : offset + size]) == entry.ids:
                return (entry.embedding, size) if found is None or size >= (length or 0) else (found, length)
        return found, length

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)
