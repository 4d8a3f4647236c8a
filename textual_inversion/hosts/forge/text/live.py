"""Live vectors in the lookup of an engine, for one call.

Each text engine asks its database for every token of a prompt, and hands the places to the lookup through it. So for the call
another object stands in for the database in both; nothing is ever registered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from backend.text_processing.textual_inversion import Embedding

from ....core.embedding.embedding import Vectors
from ...swapped import swapped
from ...webui_page.live import LiveDatabase, LiveEmbedding
from .encoders import lookup_of


def live_embeddings(text_engine: Any, embeddings: Mapping[str, Vectors]) -> list[LiveEmbedding]:
    """The vectors as the web UI wants them; ids are those of this engine's tokenizer."""
    return [
        LiveEmbedding(list(text_engine.tokenize([name])[0]), host_embedding(name, vectors))
        for name, vectors in embeddings.items()
    ]


def host_embedding(name: str, vectors: Vectors) -> Any:
    """Make the web UI's own kind of object: one tensor, or for SDXL one for each of its two encoders."""
    rows = list(vectors.values())
    embedding = Embedding(dict(vectors) if len(rows) > 1 else rows[0], name)
    embedding.vectors = rows[0].shape[0]
    embedding.shape = sum(tensor.shape[1] for tensor in rows)
    return embedding


@contextmanager
def looked_up(text_engines: Sequence[Any], embeddings: Mapping[str, Vectors]) -> Iterator[list[LiveEmbedding]]:
    """Inside, prompts find these embeddings. Yields those of the first engine."""
    with ExitStack() as stack:
        live = [live_embeddings(each, embeddings) for each in text_engines]
        for engine, entries in zip(text_engines, live, strict=True):
            database = LiveDatabase(engine.embeddings, entries)
            stack.enter_context(swapped(engine, embeddings=database))
            stack.enter_context(swapped(lookup_of(engine), embeddings=database))
        yield live[0]
