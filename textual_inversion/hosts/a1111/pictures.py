"""Parts of a preview that are A1111's own: its lookup of embeddings, and the tiling in its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from modules import sd_hijack

from ...core.embedding.embedding import Vectors
from ...core.model.host import Picture, PictureRequest
from ..hijacked_text.live import live_embeddings, looked_up
from ..webui_page.pictures import make_picture


def picture_with(model: Any, request: PictureRequest, embeddings: Mapping[str, Vectors], *, clip_skip: int) -> Picture:
    """One picture of the prompt, with live vectors in it."""
    detached = {name: {key: rows.detach() for key, rows in vectors.items()} for name, vectors in embeddings.items()}
    with looked_up(live_embeddings(model, detached)):
        return make_picture(request, clip_skip=clip_skip)


@contextmanager
def without_tiling() -> Iterator[None]:
    """The tiling of the last picture stays in the model's convolutions until the next one."""
    hijack = sd_hijack.model_hijack
    before = hijack.circular_enabled
    hijack.apply_circular(False)
    try:
        yield
    finally:
        hijack.apply_circular(before)
