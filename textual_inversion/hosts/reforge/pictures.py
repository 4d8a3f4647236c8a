"""Parts of a preview that are reForge's own: its lookup of embeddings, and scripts that it cannot do without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modules import scripts

from ...core.embedding.embedding import Vectors
from ...core.model.host import Picture, PictureRequest
from ..hijacked_text.live import live_embeddings, looked_up
from ..webui_page.pictures import make_picture


def picture_with(model: Any, request: PictureRequest, embeddings: Mapping[str, Vectors], *, clip_skip: int) -> Picture:
    """One picture of the prompt, with live vectors in it. Its parts are the model's own again afterwards.

    The web UI copies ``forge_objects`` for every picture, and keeps the last copy, with the LoRAs of its prompt.
    """
    detached = {name: {key: rows.detach() for key, rows in vectors.items()} for name, vectors in embeddings.items()}
    kept = model.forge_objects, model.forge_objects_after_applying_lora
    try:
        with looked_up(live_embeddings(model, detached)):
            return make_picture(request, clip_skip=clip_skip, scripts=scripts.ScriptRunner())
    finally:
        model.forge_objects, model.forge_objects_after_applying_lora = kept
