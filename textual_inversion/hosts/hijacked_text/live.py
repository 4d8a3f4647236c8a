"""Live vectors in the web UI's embedding lookup, for one call.

The web UI asks ``model_hijack.embedding_db`` for every token of a prompt. Registering the vectors there would be undone in
the middle by anybody who presses Refresh in the card picker (it empties and fills the database without a lock), and would
leave traces. So for the call another object stands in its place: it knows the live vectors and passes everything else on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from modules import devices, sd_hijack
from modules.textual_inversion.textual_inversion import Embedding
from torch import Tensor

from ...core.embedding.embedding import Vectors
from ..swapped import swapped
from ..webui_page.live import LiveDatabase, LiveEmbedding


def live_embeddings(model: Any, embeddings: Mapping[str, Vectors]) -> list[LiveEmbedding]:
    """The vectors as the web UI wants them: a tensor, or for SDXL one for each of its two encoders."""
    return [_live(model, name, vectors) for name, vectors in embeddings.items()]


def _live(model: Any, name: str, vectors: Vectors) -> LiveEmbedding:
    return LiveEmbedding(list(model.cond_stage_model.tokenize([name])[0]), host_embedding(name, vectors))


def host_embedding(name: str, vectors: Vectors) -> Any:
    """Make the web UI's own kind of object, its rows on the web UI's device.

    The web UI concatenates them with the looked-up tokens after a cast of their type alone, and those of files and
    references lie on the CPU. Moving keeps the gradient; rows that are there already stay the same tensors.
    """
    here = {key: rows.to(devices.device) for key, rows in vectors.items()}
    tensors: list[Tensor] = list(here.values())
    embedding = Embedding(here if len(tensors) > 1 else tensors[0], name)
    embedding.vectors = tensors[0].shape[0]
    embedding.shape = sum(tensor.shape[1] for tensor in tensors)
    return embedding


@contextmanager
def looked_up(live: Sequence[LiveEmbedding]) -> Iterator[None]:
    """Inside, prompts find these embeddings. What the text pipeline notes for infotexts meanwhile is forgotten."""
    hijack = sd_hijack.model_hijack
    with swapped(
        hijack,
        embedding_db=LiveDatabase(hijack.embedding_db, live),
        extra_generation_params=dict(hijack.extra_generation_params),
        comments=list(hijack.comments),
    ):
        yield
